//! Indexes, and the one that rows are told apart by.

use std::{cmp::Reverse, collections::BTreeMap};

use whimbrel_model::{ColumnType, Generation};

use super::{Batch, CatalogError, ColumnDescription, Description};
use crate::{ddl::quoted, error::Error, session::Session};

/// An index as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexDescription {
    /// Its name; `PRIMARY` for the primary key.
    pub name: String,
    /// Whether it allows a value once.
    pub is_unique: bool,
    /// Whether the optimizer may use it.
    pub is_visible: bool,
    /// Its parts in order; never empty.
    pub parts: Vec<IndexPart>,
}

/// One part of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexPart {
    /// The column; `None` for an expression.
    pub column: Option<String>,
    /// Whether only the beginning of the column's values counts.
    pub is_prefix: bool,
}

/// The indexes of each table, by name.
pub(super) async fn read(
    session: &mut Session,
    tables: &Batch<'_>,
) -> Result<BTreeMap<String, Vec<IndexDescription>>, Error> {
    let sql = format!(
        "SELECT TABLE_NAME, INDEX_NAME, NON_UNIQUE, IS_VISIBLE, COLUMN_NAME, SUB_PART \
         FROM information_schema.STATISTICS WHERE {} \
         ORDER BY TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX",
        tables.condition()
    );
    let mut all: BTreeMap<String, Vec<IndexDescription>> = BTreeMap::new();
    for row in session.query_for(tables.doing("indexes"), &sql).await? {
        let indexes = all.entry(row.text("TABLE_NAME")?).or_default();
        let name = row.text("INDEX_NAME")?;
        let part = IndexPart {
            column: row.optional_text("COLUMN_NAME")?,
            is_prefix: row.optional_number::<u64>("SUB_PART")?.is_some(),
        };
        match indexes.last_mut() {
            Some(index) if index.name == name => index.parts.push(part),
            _ => indexes.push(IndexDescription {
                name,
                is_unique: row.number::<u8>("NON_UNIQUE")? == 0,
                is_visible: row.text("IS_VISIBLE")? == "YES",
                parts: vec![part],
            }),
        }
    }
    Ok(all)
}

/// The key of a table: the primary key, otherwise the unique key of the fewest and narrowest columns
/// that are never `NULL`.
pub(super) fn best(table: &Description) -> Result<&IndexDescription, CatalogError> {
    let unique = || table.indexes.iter().filter(|index| index.is_unique);
    let usable = || unique().filter(|index| misfit(table, index).is_none());
    if let Some(primary) = usable().find(|index| index.name == "PRIMARY") {
        return Ok(primary);
    }
    let rank = |index: &&IndexDescription| {
        let width: u64 = columns(table, index).map(|column| column.width).sum();
        (Reverse(index.is_visible), index.parts.len(), width, index.name.clone())
    };
    if let Some(best) = usable().min_by_key(rank) {
        return Ok(best);
    }
    let reasons: Vec<String> = unique()
        .filter_map(|index| Some(format!("{} {}", quoted(&index.name), misfit(table, index)?)))
        .collect();
    let why = if reasons.is_empty() {
        "it has neither a primary key nor a unique key".to_owned()
    } else {
        format!("it has no key of whole columns that are never NULL: {}", reasons.join(", "))
    };
    Err(CatalogError::NoKey {
        table: format!("{}.{}", table.database, table.name),
        why,
        remedy: remedy(table),
    })
}

fn columns<'a>(
    table: &'a Description,
    index: &'a IndexDescription,
) -> impl Iterator<Item = &'a ColumnDescription> {
    index.parts.iter().filter_map(|part| {
        let name = part.column.as_ref()?;
        table.columns.iter().find(|column| column.column.name == *name)
    })
}

/// Why a unique key does not tell rows apart, or not exactly; `None` if it does.
fn misfit(table: &Description, index: &IndexDescription) -> Option<String> {
    if index.parts.iter().any(|part| part.column.is_none()) {
        return Some("is over an expression".to_owned());
    }
    if index.parts.iter().any(|part| part.is_prefix) {
        return Some("is over beginnings of values".to_owned());
    }
    if columns(table, index).count() != index.parts.len() {
        return Some("has a column that is not listed".to_owned());
    }
    columns(table, index).find_map(|described| {
        let column = &described.column;
        let name = quoted(&column.name);
        if column.nullable {
            return Some(format!("has {name}, which may be NULL"));
        }
        if column.generation == Generation::Virtual {
            return Some(format!("has {name}, which is computed when read"));
        }
        let is_inexact = matches!(column.column_type, ColumnType::Float | ColumnType::Double);
        is_inexact.then(|| format!("has {name}, which is not compared exactly"))
    })
}

/// The statement that gives the table a key: a primary key where it has none, otherwise a unique one.
fn remedy(table: &Description) -> String {
    let place = format!("{}.{}", quoted(&table.database), quoted(&table.name));
    let is_taken = |name: &str| {
        table.columns.iter().any(|column| column.column.name.eq_ignore_ascii_case(name))
    };
    let name = ["id", "row_id", "whimbrel_id"].into_iter().find(|name| !is_taken(name));
    let name = quoted(name.unwrap_or("whimbrel_row_id"));
    let has_primary = table.indexes.iter().any(|index| index.name == "PRIMARY");
    let has_auto = table.auto_increment.is_some();
    if has_primary || has_auto {
        // A table has at most one AUTO_INCREMENT column; values of an old row are made up here.
        return format!("ALTER TABLE {place} ADD UNIQUE KEY (<columns that are never NULL>)");
    }
    format!(
        "ALTER TABLE {place} ADD COLUMN {name} BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY"
    )
}
