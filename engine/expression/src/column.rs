//! Columns as expressions see them: their types, and how their cells are read.

use std::{borrow::Cow, sync::Arc};

use whimbrel_model::{Cell, Column, ColumnType, IntWidth};

use crate::{
    charset::Charset,
    decimal::Decimal,
    error::Fault,
    types::{Type, UNSIGNED_MAX},
    value::Value,
};

/// How a column's cells become values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reading {
    /// The cell is the value.
    Plain,
    /// A `FLOAT`, as the `DOUBLE` of the same value.
    Single,
    /// A `YEAR`, which is printed with four digits.
    Year,
    /// Text of a charset.
    Text(Charset),
    /// The names of an `ENUM`'s members.
    Enum(Arc<[String]>),
    /// The names of a `SET`'s members.
    Set(Arc<[String]>),
}

/// How the column is read, and the type of its values.
///
/// # Errors
///
/// Why it can only be copied.
pub(crate) fn reading(column: &Column) -> Result<(Reading, Type), String> {
    let kind = match &column.column_type {
        ColumnType::Int { width, unsigned } => {
            let (min, max) = int_bounds(*width, *unsigned);
            Type::int(*unsigned, min, max)
        }
        ColumnType::Bit { bits } => Type::int(true, 0, UNSIGNED_MAX >> 64_u8.saturating_sub(*bits)),
        ColumnType::Year => return Ok((Reading::Year, Type::int(true, 0, 2155))),
        ColumnType::Decimal { precision, scale } => {
            Type::Decimal { precision: *precision, scale: *scale }
        }
        ColumnType::Float => return Ok((Reading::Single, Type::Double)),
        ColumnType::Double => Type::Double,
        ColumnType::Date => Type::Date,
        ColumnType::Time { fsp } => Type::Time { fsp: *fsp },
        ColumnType::Datetime { fsp } | ColumnType::Timestamp { fsp } => {
            Type::Datetime { fsp: *fsp }
        }
        ColumnType::Text { charset, .. } => {
            let read = Charset::named(charset)
                .ok_or_else(|| format!("expressions do not read the charset `{charset}`"))?;
            return Ok((Reading::Text(read), Type::text(length_max(column))));
        }
        ColumnType::FixedBinary { length } => Type::Bytes { bytes_max: u32::from(*length) },
        ColumnType::Binary => Type::Bytes { bytes_max: length_max(column) },
        ColumnType::Enum => {
            let members = members(&column.declaration).ok_or("its members are not known")?;
            let most = members.iter().map(|member| member.chars().count()).max().unwrap_or(0);
            return Ok((Reading::Enum(members.into()), Type::text(most)));
        }
        ColumnType::Set { .. } => {
            let members = members(&column.declaration).ok_or("its members are not known")?;
            let most: usize = members.iter().map(|member| member.chars().count() + 1).sum();
            return Ok((Reading::Set(members.into()), Type::text(most.saturating_sub(1))));
        }
        ColumnType::Json => Type::Json,
        ColumnType::Geometry | ColumnType::Vector => {
            return Err("no function reads such values".to_owned());
        }
    };
    Ok((Reading::Plain, kind))
}

/// The least and the largest value of an integer column.
pub(crate) fn int_bounds(width: IntWidth, unsigned: bool) -> (i128, i128) {
    let bits = width.bytes() * 8;
    let half = 1_i128 << (bits - 1);
    if unsigned { (0, 2 * half - 1) } else { (-half, half - 1) }
}

/// The most characters of text, or bytes, that the column takes.
pub(crate) fn length_max(column: &Column) -> u32 {
    let declaration = column.declaration.to_ascii_lowercase();
    let (name, behind) = declaration.split_once('(').unwrap_or((&declaration, ""));
    let length = behind.split_once(')').and_then(|(length, _)| length.trim().parse().ok());
    match name.split_whitespace().next().unwrap_or_default() {
        "tinytext" | "tinyblob" => 255,
        "text" | "blob" => 65_535,
        "mediumtext" | "mediumblob" => 16_777_215,
        "char" | "binary" => length.unwrap_or(1),
        _ => length.unwrap_or(u32::MAX),
    }
}

/// Whether the column's length counts bytes: of the `TEXT` types it does.
pub(crate) fn length_is_bytes(column: &Column) -> bool {
    let declaration = column.declaration.to_ascii_lowercase();
    ["tinytext", "text", "mediumtext", "longtext"]
        .iter()
        .any(|name| declaration.split(|c: char| !c.is_ascii_alphabetic()).next() == Some(name))
}

/// The members of `enum('a','it''s')`: quotes inside a member are doubled, and a backslash is not
/// special here.
pub(crate) fn members(declaration: &str) -> Option<Vec<String>> {
    let mut rest = declaration.split_once('(')?.1;
    let mut members = Vec::new();
    loop {
        rest = rest.strip_prefix('\'')?;
        let mut member = String::new();
        loop {
            let (text, behind) = rest.split_once('\'')?;
            member.push_str(text);
            rest = behind;
            match rest.strip_prefix('\'') {
                Some(behind) => {
                    member.push('\'');
                    rest = behind;
                }
                None => break,
            }
        }
        members.push(member);
        match rest.strip_prefix(',') {
            Some(behind) => rest = behind,
            None => return Some(members),
        }
    }
}

impl Reading {
    /// The value of a cell.
    ///
    /// # Errors
    ///
    /// [`Fault::NotText`]; [`Fault::OtherTable`] for a cell of another type.
    pub(crate) fn value<'a>(&'a self, cell: Cell<'a>) -> Result<Value<'a>, Fault> {
        Ok(match (self, cell) {
            (_, Cell::Null) => Value::Null,
            (Self::Plain, Cell::Int(value)) => Value::Int(value.into()),
            (Self::Plain | Self::Year, Cell::UInt(value)) => Value::Int(value.into()),
            (Self::Single, Cell::Float(value)) => Value::Double(value.into()),
            (Self::Plain, Cell::Double(value)) => Value::Double(value),
            (Self::Plain, Cell::Decimal(digits)) => {
                Value::Decimal(Decimal::parse(digits).ok_or(Fault::OtherTable)?)
            }
            (Self::Plain, Cell::Date(date)) => Value::Date(date),
            (Self::Plain, Cell::Time(time)) => Value::Time(time),
            (Self::Plain, Cell::Datetime(at)) => Value::Datetime(at),
            (Self::Plain, Cell::Bytes(bytes)) => Value::Bytes(Cow::Borrowed(bytes)),
            (Self::Plain, Cell::Json(json)) => Value::Json(Cow::Borrowed(json)),
            (Self::Text(charset), Cell::Bytes(bytes)) => Value::Text(charset.decode(bytes)?),
            // Index 0 is the value that a server without strict mode writes for what is no member.
            (Self::Enum(_), Cell::UInt(0)) => Value::Text(Cow::Borrowed("")),
            (Self::Enum(members), Cell::UInt(index)) => {
                let place = usize::try_from(index - 1).map_err(|_| Fault::OtherTable)?;
                Value::Text(Cow::Borrowed(members.get(place).ok_or(Fault::OtherTable)?))
            }
            (Self::Set(members), Cell::UInt(bits)) => {
                let is_in = |place: &usize| bits >> place & 1 == 1;
                let names: Vec<&str> = (0..members.len().min(64))
                    .filter(is_in)
                    .filter_map(|place| members.get(place).map(String::as_str))
                    .collect();
                Value::Text(Cow::Owned(names.join(",")))
            }
            _ => return Err(Fault::OtherTable),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_read_through_quotes_and_commas() {
        for (declaration, expected) in [
            ("enum('a')", Some(vec!["a"])),
            ("set('a','b,c','it''s')", Some(vec!["a", "b,c", "it's"])),
            ("set('','''',''',''','\\')", Some(vec!["", "'", "','", "\\"])),
            ("set()", None),
            ("set('a", None),
        ] {
            let expected = expected.map(|names| names.into_iter().map(str::to_owned).collect());
            assert_eq!(members(declaration), expected, "{declaration}");
        }
    }
}
