//! The foreign keys that a keyspace gets: all of the moved tables, if the plan says so and each of them holds on
//! every shard for itself.

use std::collections::{BTreeMap, BTreeSet};

use whimbrel_model::{Column, Equality, Table};
use whimbrel_mysql::{
    Session, catalog,
    catalog::{Definition, Description},
    ddl::ForeignKey,
    vtgate,
};
use whimbrel_plan::{Plan, Target};

use crate::{
    error::{RunError, TableProblem},
    reach::Reached,
    tables,
};

/// Foreign keys, by their tables, as the pieces of these tables' definitions.
pub(crate) type Pieces = BTreeMap<String, BTreeSet<String>>;

/// What makes a plan of it that passes.
const LEAVE_OUT: &str = "say `foreign_keys: leave_out` beside the target's `keyspace`";

/// Whether a run of `plan` makes foreign keys in a keyspace.
pub(crate) fn are_made(plan: &Plan) -> bool {
    matches!(plan.target, Target::Vitess(_)) && !plan.target.leaves_foreign_keys_out()
}

/// Lets the shards have the foreign keys of `moved`, the tables of a plan that begins, if it says so. It is
/// known where their rows are.
///
/// # Errors
///
/// [`RunError::Tables`] for foreign keys that cannot hold; what the shards say.
pub(crate) async fn give(
    plan: &Plan,
    target: &mut Reached,
    moved: &[Definition],
) -> Result<(), RunError> {
    if !are_made(plan) {
        return Ok(());
    }
    let is_sharded = target.keyspace.as_ref().is_some_and(|keyspace| keyspace.shape.is_sharded);
    let side = |definition| Side::of(definition, target.told(name_of(definition)));
    let sides: Vec<Side<'_>> = moved.iter().map(side).collect();
    let (mut pieces, mut names, mut problems) = (Pieces::new(), BTreeMap::new(), Vec::new());
    for (definition, child) in moved.iter().zip(&sides) {
        for (item, key) in definition.description.create.foreign_keys() {
            let table = child.table.name().to_owned();
            pieces.entry(table.clone()).or_default().insert(item.text.clone());
            problems.extend(unheld(&key, child, (&sides, is_sharded)));
            names.insert(key.name, table);
        }
    }
    if !problems.is_empty() {
        return Err(RunError::Tables { problems });
    }
    for (session, shard) in target.each().filter(|(_, shard)| !shard.is_beside) {
        let there = catalog::foreign_key_names(session, &shard.schema).await;
        let there = there.map_err(|error| shard.told(error.into()))?;
        let problems: Vec<TableProblem> =
            there.iter().filter_map(|there| taken(&names, there)).collect();
        if !problems.is_empty() {
            return Err(shard.told(RunError::Tables { problems }));
        }
    }
    target.give_foreign_keys(pieces);
    Ok(())
}

/// The same for a plan that has begun with the tables `moved`, whose foreign keys may be others since.
///
/// # Errors
///
/// As [`give`]; what the source says.
pub(crate) async fn give_again(
    plan: &Plan,
    source: &mut Session,
    target: &mut Reached,
    moved: &[String],
) -> Result<(), RunError> {
    if !are_made(plan) {
        return Ok(());
    }
    let database = &plan.source.database;
    let keys = catalog::foreign_key_names(source, database).await?;
    let mut names: BTreeSet<String> = keys.into_iter().map(|(table, _)| table).collect();
    names.retain(|table| moved.contains(table));
    let children = described(source, database, &names).await?;
    let refers = children.iter().flat_map(|it| it.description.create.foreign_keys());
    let mut parents: BTreeSet<String> = refers.map(|(_, key)| key.table).collect();
    parents.retain(|table| moved.contains(table) && !names.contains(table));
    let parents = described(source, database, &parents).await?;
    give(plan, target, &[children, parents].concat()).await
}

async fn described(
    source: &mut Session,
    database: &str,
    names: &BTreeSet<String>,
) -> Result<Vec<Definition>, RunError> {
    let names: Vec<String> = names.iter().cloned().collect();
    tables::readable(catalog::describe_all(source, database, &names).await?)
}

fn name_of(definition: &Definition) -> &str {
    definition.table.name()
}

/// A moved table, as far as it matters which rows of others its own refer to.
struct Side<'a> {
    table: &'a Table,
    /// The columns of each key that is unique and of whole columns.
    unique_keys: Vec<Vec<&'a str>>,
    /// Where its rows are in a sharded keyspace.
    told: Option<&'a vtgate::Placing>,
}

impl<'a> Side<'a> {
    fn of(definition: &'a Definition, told: Option<&'a vtgate::Placing>) -> Self {
        let unique_keys = unique_keys(&definition.description);
        Self { table: &definition.table, unique_keys, told }
    }

    fn column(&self, name: &str) -> Option<&'a Column> {
        self.table.columns().iter().find(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// How its rows are placed, in words.
    fn placed(&self) -> String {
        let name = self.table.name();
        match self.told {
            Some(vtgate::Placing::Vindexes { vindexes, .. }) if !vindexes.is_empty() => {
                let primary = &vindexes[0];
                format!(
                    "`{name}` is placed by `{}` of ({})",
                    primary.name,
                    primary.columns.join(", ")
                )
            }
            _ => format!("`{name}` is on every shard"),
        }
    }
}

fn unique_keys(description: &Description) -> Vec<Vec<&str>> {
    let unique = description.indexes.iter().filter(|index| index.is_unique);
    let columns = unique.map(|index| {
        let parts = index.parts.iter();
        parts
            .map(|part| part.column.as_deref().filter(|_| !part.is_prefix))
            .collect::<Option<Vec<&str>>>()
    });
    columns.flatten().collect()
}

/// Why a foreign key of `child` cannot hold on each shard for itself, where `sides` are all moved tables.
fn unheld(
    key: &ForeignKey,
    child: &Side<'_>,
    (sides, is_sharded): (&[Side<'_>], bool),
) -> Option<TableProblem> {
    let other = match &key.database {
        None => format!("`{}`", key.table),
        Some(database) => format!("`{database}`.`{}`", key.table),
    };
    let problem = |why: String, remedy: String| {
        Some(TableProblem {
            table: child.table.name().to_owned(),
            what: format!(
                "its foreign key `{}` of ({}) refers to {other} ({}){why}",
                key.name,
                key.columns.join(", "),
                key.referenced.join(", ")
            ),
            remedy,
        })
    };
    let parent = sides.iter().find(|it| key.database.is_none() && it.table.name() == key.table);
    let Some(parent) = parent else {
        let remedy = match key.database {
            None => format!("move `{}`, too, or {LEAVE_OUT}", key.table),
            Some(_) => LEAVE_OUT.to_owned(),
        };
        return problem(", which the plan does not move into the keyspace".to_owned(), remedy);
    };
    let is_referenced = |columns: &Vec<&str>| is_same(columns, &key.referenced);
    if !parent.unique_keys.iter().any(is_referenced) {
        let why = ", which are no whole unique key: servers take such a foreign key only with \
                   `restrict_fk_on_non_standard_key=OFF`";
        let remedy = format!("give {other} a unique key of these columns, or {LEAVE_OUT}");
        return problem(why.to_owned(), remedy);
    }
    if !is_sharded {
        return None;
    }
    match are_together(key, child, parent) {
        Ok(()) => None,
        Err(Apart::Placed) => problem(
            format!(
                ": {}, and {}, so that a row and the one it refers to may be on two shards",
                child.placed(),
                parent.placed()
            ),
            format!(
                "place both by one vindex, of columns that the foreign key pairs; make {other} a reference \
                 table; or {LEAVE_OUT}"
            ),
        ),
        Err(Apart::Compared { column }) => problem(
            format!(
                ": both are placed by the bytes of `{column}`, and values that the servers compare as \
                 equal may have others, and so be on two shards"
            ),
            format!("give both columns one type, of a text `utf8mb4_0900_bin`; or {LEAVE_OUT}"),
        ),
    }
}

/// Why a row and the one that it refers to may be on two shards.
enum Apart {
    /// By how they are placed.
    Placed,
    /// By what counts as equal in a column that they are placed by.
    Compared { column: String },
}

/// Proves that each row is where the one is that it refers to.
///
/// Source: Vitess, `go/vt/vtgate/semantics`, `isShardScoped`, which asks for one vindex of paired columns, too, and
/// not whether its columns compare by their bytes.
fn are_together(key: &ForeignKey, child: &Side<'_>, parent: &Side<'_>) -> Result<(), Apart> {
    let (children, parents) = match (child.told, parent.told) {
        (_, Some(vtgate::Placing::Reference { .. })) => return Ok(()),
        (
            Some(vtgate::Placing::Vindexes { vindexes: children, .. }),
            Some(vtgate::Placing::Vindexes { vindexes: parents, .. }),
        ) => (children.first(), parents.first()),
        _ => return Err(Apart::Placed),
    };
    let (Some(of_child), Some(of_parent)) = (children, parents) else { return Err(Apart::Placed) };
    if (&of_child.kind, &of_child.params) != (&of_parent.kind, &of_parent.params)
        || of_child.columns.len() != of_parent.columns.len()
    {
        return Err(Apart::Placed);
    }
    for (column, other) in of_child.columns.iter().zip(&of_parent.columns) {
        let is_pair = |(from, to): (&String, &String)| {
            from.eq_ignore_ascii_case(column) && to.eq_ignore_ascii_case(other)
        };
        if !key.columns.iter().zip(&key.referenced).any(is_pair) {
            return Err(Apart::Placed);
        }
        let types = (child.column(column), parent.column(other));
        let is_alike = matches!(types, (Some(column), Some(other))
            if column.column_type == other.column_type
                && column.column_type.equality() == Some(Equality::Bytes));
        if !is_alike {
            return Err(Apart::Compared { column: column.clone() });
        }
    }
    Ok(())
}

fn is_same(columns: &[&str], names: &[String]) -> bool {
    columns.len() == names.len()
        && columns.iter().zip(names).all(|(column, name)| column.eq_ignore_ascii_case(name))
}

/// What is wrong where a shard's table has a foreign key whose name one of another table is to have: names are
/// those of a whole database.
fn taken(
    names: &BTreeMap<String, String>,
    (table, name): &(String, String),
) -> Option<TableProblem> {
    let wanted = names.iter().find(|(wanted, _)| wanted.eq_ignore_ascii_case(name));
    let (_, of_table) = wanted.filter(|(_, of_table)| *of_table != table)?;
    Some(TableProblem {
        table: of_table.clone(),
        what: format!("its foreign key `{name}` has the name of one that `{table}` has there"),
        remedy: format!("rename one of the two, or {LEAVE_OUT}"),
    })
}

#[cfg(test)]
mod tests;
