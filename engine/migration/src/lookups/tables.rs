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
) -> Result<Option<TableProblem>, RunError> {
    let Some(found) = described(session, shard, lookup).await? else { return Ok(None) };
    let problem = |(what, remedy)| TableProblem { table: lookup.table.clone(), what, remedy };
    if let Err(wrong) = lookup.is_for(owner, &found) {
        return Ok(Some(problem(wrong)));
    }
    let (schema, table) = (&shard.schema, &lookup.table);
    Ok(crate::tables::rows_and_triggers(session, schema, table).await?.into_iter().next())
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

    /// Whether `found` can have the vindex's rows of `owner`.
    fn is_for(&self, owner: &Definition, found: &Description) -> Result<(), Wrong> {
        let wrong = |what: String| {
            let of = format!(
                "it is the table of the lookup vindex `{}` of `{}`",
                self.vindex, self.owner
            );
            let remedy =
                format!("drop it, and the run makes it: `{}`", self.create_statement(owner));
            Err((format!("{of}, and {what}"), remedy))
        };
        let table = match catalog::definition(found.clone()) {
            Ok(definition) => definition.table,
            Err(error) => return wrong(error.to_string()),
        };
        if let Some(what) = self.other_columns(owner, &table) {
            return wrong(what);
        }
        let is_key = |name: &String| {
            let mut key = table.key_columns();
            key.any(|column| column.name.eq_ignore_ascii_case(name))
        };
        if table.has_other_unique_key() {
            return wrong("it has more than one unique key".to_owned());
        }
        if !self.from.iter().all(is_key)
            || !is_key(&self.to) && !self.tells_apart(&owner.description.indexes, false)
        {
            return wrong(format!(
                "({}) tell its rows apart",
                table
                    .key_columns()
                    .map(|column| column.name.as_str())
                    .collect::<Vec<_>>()
                    .join(", ")
            ));
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
            if column.column_type != wanted.column_type {
                return Some(format!(
                    "its column `{from}` is `{}`, and `{name}` is `{}`",
                    declared(column),
                    declared(wanted)
                ));
            }
        }
        match column_of(table, &self.to) {
            Some((_, column)) if column.column_type == ColumnType::Binary => {}
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

/// A column's type, with what text compares by.
fn declared(column: &Column) -> String {
    let declaration = &column.declaration;
    if let ColumnType::Text { charset, collation } = &column.column_type {
        return format!("{declaration} CHARACTER SET {charset} COLLATE {collation}");
    }
    declaration.clone()
}
