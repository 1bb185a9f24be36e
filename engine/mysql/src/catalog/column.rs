//! The columns of a table and how their values are carried.

use std::collections::BTreeMap;

use whimbrel_model::{Column, ColumnType, Generation, IntWidth};

use super::{Batch, CatalogError};
use crate::{
    error::Error,
    session::{Record, Session},
};

/// The columns of tables by their names.
pub(super) type Columns = BTreeMap<String, Result<Vec<ColumnDescription>, CatalogError>>;

/// A column as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnDescription {
    /// What every part of a run knows of it.
    pub column: Column,
    /// The charset of its text, labels of `ENUM` and `SET` included.
    pub charset: Option<String>,
    /// The collation of its text.
    pub collation: Option<String>,
    /// The most bytes that a value takes, in round figures: to choose between keys.
    pub(super) width: u64,
}

/// The columns of each table in table order, or why one of them cannot be carried. The hidden ones of
/// functional indexes are not listed by the server.
pub(super) async fn read(session: &mut Session, tables: &Batch<'_>) -> Result<Columns, Error> {
    let sql = format!(
        "SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, IS_NULLABLE, CHARACTER_SET_NAME, \
         COLLATION_NAME, CHARACTER_MAXIMUM_LENGTH, CHARACTER_OCTET_LENGTH, NUMERIC_PRECISION, \
         NUMERIC_SCALE, DATETIME_PRECISION, EXTRA FROM information_schema.COLUMNS \
         WHERE {} ORDER BY TABLE_NAME, ORDINAL_POSITION",
        tables.condition()
    );
    let mut columns = Columns::new();
    for row in session.query_for(tables.doing("columns"), &sql).await? {
        let name = row.text("TABLE_NAME")?;
        let described = match describe(&tables.full_name(&name), &row) {
            Ok(column) => Ok(column),
            Err(Error::Catalog(error)) => Err(error),
            Err(error) => return Err(error),
        };
        let of_table = columns.entry(name).or_insert_with(|| Ok(Vec::new()));
        match (of_table.as_mut(), described) {
            (Ok(columns), Ok(column)) => columns.push(column),
            (Ok(_), Err(error)) => *of_table = Err(error),
            (Err(_), _) => {}
        }
    }
    Ok(columns)
}

fn describe(table: &str, row: &Record) -> Result<ColumnDescription, Error> {
    let name = row.text("COLUMN_NAME")?;
    let declaration = row.text("COLUMN_TYPE")?;
    let Some(column_type) = column_type(row, &declaration)? else {
        let (table, column) = (table.to_owned(), name);
        return Err(CatalogError::UnknownType { table, column, declaration }.into());
    };
    let extra = row.text("EXTRA")?;
    let generation = if extra.contains("VIRTUAL GENERATED") {
        Generation::Virtual
    } else if extra.contains("STORED GENERATED") {
        Generation::Stored
    } else {
        Generation::None
    };
    let width = width(&column_type, row.optional_number("CHARACTER_OCTET_LENGTH")?);
    let nullable = row.text("IS_NULLABLE")? == "YES";
    Ok(ColumnDescription {
        column: Column { name, column_type, declaration, nullable, generation },
        charset: row.optional_text("CHARACTER_SET_NAME")?,
        collation: row.optional_text("COLLATION_NAME")?,
        width,
    })
}

/// `None` for a type that is not known.
fn column_type(row: &Record, declaration: &str) -> Result<Option<ColumnType>, Error> {
    let data_type = row.text("DATA_TYPE")?.to_ascii_lowercase();
    let int = |width| {
        let unsigned = declaration.to_ascii_lowercase().contains("unsigned");
        ColumnType::Int { width, unsigned }
    };
    Ok(Some(match data_type.as_str() {
        "tinyint" => int(IntWidth::Tiny),
        "smallint" => int(IntWidth::Small),
        "mediumint" => int(IntWidth::Medium),
        "int" => int(IntWidth::Int),
        "bigint" => int(IntWidth::Big),
        "bit" => ColumnType::Bit { bits: row.number("NUMERIC_PRECISION")? },
        "decimal" => ColumnType::Decimal {
            precision: row.number("NUMERIC_PRECISION")?,
            scale: row.number("NUMERIC_SCALE")?,
        },
        "float" => ColumnType::Float,
        "double" => ColumnType::Double,
        "year" => ColumnType::Year,
        "date" => ColumnType::Date,
        "time" => ColumnType::Time { fsp: row.number("DATETIME_PRECISION")? },
        "datetime" => ColumnType::Datetime { fsp: row.number("DATETIME_PRECISION")? },
        "timestamp" => ColumnType::Timestamp { fsp: row.number("DATETIME_PRECISION")? },
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" => ColumnType::Text {
            charset: row.text("CHARACTER_SET_NAME")?,
            collation: row.text("COLLATION_NAME")?,
        },
        "binary" => ColumnType::FixedBinary { length: row.number("CHARACTER_MAXIMUM_LENGTH")? },
        "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => ColumnType::Binary,
        "enum" => ColumnType::Enum,
        "set" => match label_count(declaration) {
            Some(members) => ColumnType::Set { members },
            None => return Ok(None),
        },
        "json" => ColumnType::Json,
        "geometry" | "point" | "linestring" | "polygon" | "multipoint" | "multilinestring"
        | "multipolygon" | "geomcollection" | "geometrycollection" => ColumnType::Geometry,
        "vector" => ColumnType::Vector,
        _ => return Ok(None),
    }))
}

/// The number of labels in `set('a','it''s')`: quotes inside a label are doubled, and a backslash is
/// not special here.
fn label_count(declaration: &str) -> Option<u8> {
    let mut rest = declaration.split_once('(')?.1;
    let mut count = 0_u8;
    loop {
        rest = rest.strip_prefix('\'')?;
        loop {
            let (_, behind) = rest.split_once('\'')?;
            rest = behind;
            match rest.strip_prefix('\'') {
                Some(behind) => rest = behind,
                None => break,
            }
        }
        count = count.checked_add(1)?;
        match rest.strip_prefix(',') {
            Some(behind) => rest = behind,
            None => return Some(count),
        }
    }
}

/// The most bytes of a value, as far as it matters for a key.
fn width(column_type: &ColumnType, octets: Option<u64>) -> u64 {
    match column_type {
        ColumnType::Int { width, .. } => u64::from(width.bytes()),
        ColumnType::Bit { bits } => u64::from(*bits).div_ceil(8),
        ColumnType::Decimal { precision, .. } => u64::from(*precision).div_ceil(2),
        ColumnType::Year => 1,
        ColumnType::Date => 3,
        ColumnType::Float => 4,
        ColumnType::Enum => 2,
        ColumnType::Time { .. }
        | ColumnType::Datetime { .. }
        | ColumnType::Timestamp { .. }
        | ColumnType::Double
        | ColumnType::Set { .. } => 8,
        ColumnType::FixedBinary { length } => u64::from(*length),
        ColumnType::Text { .. }
        | ColumnType::Binary
        | ColumnType::Json
        | ColumnType::Geometry
        | ColumnType::Vector => octets.unwrap_or(u64::from(u32::MAX)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_counted_through_quotes_and_commas() {
        for (declaration, count) in [
            ("set('a')", Some(1)),
            ("set('a','b,c','it''s')", Some(3)),
            ("set('','''',''',''','\\')", Some(4)),
            ("set()", None),
            ("set('a", None),
        ] {
            assert_eq!(label_count(declaration), count, "{declaration}");
        }
    }
}
