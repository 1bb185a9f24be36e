//! The tables of lookup vindexes on their shards.

use whimbrel_model::{Column, ColumnType, Table};
use whimbrel_mysql::{
    Error, Session,
    catalog::{self, CatalogError, Definition, Description},
    ddl::quoted,
};

use super::{Lookup, Wrong, column_of};
use crate::{
    error::{RunError, TableProblem},
    shards::Shard,
    store::StoredTarget,
};

/// The longest keyspace id that a table made here takes: as long as those that Vitess makes.
const ID_BYTES_MAX: u32 = 128;

/// Proves that the table of `lookup`, if it is there, is empty and has the rows that the vindex needs.
pub(crate) async fn find(
    (session, shard): (&mut Session, &Shard),
    lookup: &Lookup,
    owner: &Definition,
) -> Result<(), RunError> {
    let Some(found) = described(session, shard, lookup).await? else { return Ok(()) };
    lookup.is_for(owner, &found).map_err(|wrong| lookup.refused(wrong))?;
    let (schema, table) = (&shard.schema, &lookup.table);
    let problems = crate::tables::rows_and_triggers(session, schema, table).await?;
    if problems.is_empty() { Ok(()) } else { Err(RunError::Tables { problems }) }
}

/// Proves that the table of a lookup vindex, which the run keeps, is still what it was when the plan began.
pub(crate) async fn is_kept(
    (session, shard): (&mut Session, &Shard),
    (target, lookup): (&Table, &Lookup),
) -> Result<(), RunError> {
    let what = match described(session, shard, lookup).await? {
        None => "it is gone",
        Some(found) => {
            let found = catalog::definition(found)?.table;
            let key = |table: &Table| -> Vec<String> {
                table.key_columns().map(|column| column.name.clone()).collect()
            };
            if found.columns() == target.columns() && key(&found) == key(target) {
                return Ok(());
            }
            "was changed since this plan began"
        }
    };
    let remedy =
        "restore it with all its rows, or begin again under a new `name` with empty tables";
    Err(lookup.refused((what.to_owned(), remedy.to_owned())))
}

/// Creates the table of `lookup` where it is missing; the target that it is.
pub(crate) async fn make_ready(
    (session, shard): (&mut Session, &Shard),
    lookup: &Lookup,
    owner: &Definition,
) -> Result<StoredTarget, RunError> {
    let found = match described(session, shard, lookup).await? {
        Some(found) => found,
        None => {
            let statement = lookup.create_statement(owner);
            let created = session.execute(statement.as_bytes()).await;
            created.map_err(|cause| RunError::Definition {
                statement,
                is_after_rows: false,
                cause: Box::new(cause),
            })?;
            catalog::describe(session, &shard.schema, &lookup.table).await?
        }
    };
    let table = catalog::definition(found)?.table;
    Ok(StoredTarget {
        table,
        rollup: None,
        moved_from: None,
        wanted: None,
        lookup: Some(lookup.clone()),
    })
}

async fn described(
    session: &mut Session,
    shard: &Shard,
    lookup: &Lookup,
) -> Result<Option<Description>, RunError> {
    match catalog::describe(session, &shard.schema, &lookup.table).await {
        Ok(found) => Ok(Some(found)),
        Err(Error::Catalog(CatalogError::NoTable { .. })) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl Lookup {
    fn create_statement(&self, owner: &Definition) -> String {
        let pairs = self.from.iter().zip(&self.columns);
        let columns = pairs.filter_map(|(from, column)| {
            let (_, column) = column_of(&owner.table, column)?;
            Some(format!("{} {} NOT NULL, ", quoted(from), declared(column)))
        });
        let mut key: Vec<String> = self.from.iter().map(|from| quoted(from)).collect();
        if !self.is_unique {
            key.push(quoted(&self.to));
        }
        format!(
            "CREATE TABLE {} ({}{} VARBINARY({ID_BYTES_MAX}) NOT NULL, PRIMARY KEY ({}))",
            quoted(&self.table),
            columns.collect::<String>(),
            quoted(&self.to),
            key.join(", ")
        )
    }

    /// The error that its table is not as it must be.
    fn refused(&self, (what, remedy): Wrong) -> RunError {
        let what = format!(
            "it is the table of the lookup vindex `{}` of `{}`, and {what}",
            self.vindex, self.owner
        );
        let problems = vec![TableProblem { table: self.table.clone(), what, remedy }];
        RunError::Tables { problems }
    }

    /// Whether `found` can have the vindex's rows of `owner`.
    fn is_for(&self, owner: &Definition, found: &Description) -> Result<(), Wrong> {
        let wrong = |what: String| {
            Err((
                what,
                format!("drop it, and the run makes it: `{}`", self.create_statement(owner)),
            ))
        };
        let table = match catalog::definition(found.clone()) {
            Ok(definition) => definition.table,
            Err(error) => return wrong(error.to_string()),
        };
        if let Some(what) = self.other_columns(owner, &table) {
            return wrong(what);
        }
        if table.has_other_unique_key() {
            return wrong("it has more than one unique key".to_owned());
        }
        let key: Vec<&str> = table.key_columns().map(|column| column.name.as_str()).collect();
        let to = (!self.is_unique).then_some(&self.to);
        let wanted: Vec<&String> = self.from.iter().chain(to).collect();
        // With more columns, vtgate would be let write a value twice.
        let is_key = |name: &&String| key.iter().any(|it| it.eq_ignore_ascii_case(name));
        if key.len() != wanted.len() || !wanted.iter().all(is_key) {
            return wrong(format!("its rows are told apart by ({})", key.join(", ")));
        }
        Ok(())
    }

    /// What of a table's columns is not as it must be.
    fn other_columns(&self, owner: &Definition, table: &Table) -> Option<String> {
        for (from, name) in self.from.iter().zip(&self.columns) {
            let Some((_, column)) = column_of(table, from) else {
                return Some(format!("it has no column `{from}`"));
            };
            let (_, wanted) = column_of(&owner.table, name)?;
            if column.column_type != wanted.column_type || is_shorter(column, length(wanted)) {
                return Some(format!(
                    "its column `{from}` is `{}`, and `{name}` is `{}`",
                    declared(column),
                    declared(wanted)
                ));
            }
        }
        match column_of(table, &self.to) {
            Some((_, column)) if column.column_type == ColumnType::Binary => {
                if is_shorter(column, Some(self.id_bytes)) {
                    return Some(format!(
                        "its column `{}` is `{}`, and keyspace ids have {} bytes",
                        self.to, column.declaration, self.id_bytes
                    ));
                }
            }
            _ => return Some(format!("it has no column `{}` of VARBINARY", self.to)),
        }
        let is_known = |column: &&Column| {
            let mut known = self.from.iter().chain([&self.to]);
            known.any(|name| name.eq_ignore_ascii_case(&column.name))
        };
        let other = table.columns().iter().find(|column| !is_known(column))?;
        Some(format!("it has a column `{}`, too", other.name))
    }
}

/// Whether a column of text or bytes is declared with less than `wanted`.
fn is_shorter(column: &Column, wanted: Option<u64>) -> bool {
    length(column).zip(wanted).is_some_and(|(length, wanted)| length < wanted)
}

/// The length that a column of text or bytes is declared with, as in `varchar(60)`; `None` without one.
fn length(column: &Column) -> Option<u64> {
    let is_string = matches!(
        column.column_type,
        ColumnType::Text { .. } | ColumnType::Binary | ColumnType::FixedBinary { .. }
    );
    let (_, behind) = column.declaration.split_once('(').filter(|_| is_string)?;
    behind.split(')').next()?.parse().ok()
}

/// A column's type, with what text compares by.
fn declared(column: &Column) -> String {
    let declaration = &column.declaration;
    if let ColumnType::Text { charset, collation } = &column.column_type {
        return format!("{declaration} CHARACTER SET {charset} COLLATE {collation}");
    }
    declaration.clone()
}
