//! Whether a vindex that the plan names can tell which shard each row of a table is on.

use whimbrel_expression::nearest;
use whimbrel_model::{Column, ColumnType, Generation};
use whimbrel_sharding::{Value, Vindex};

use super::{BoundTarget, Definitions, Written, same_name};
use crate::{
    definition::{Definition, PieceKind},
    materialize::Named,
    plan::Plan,
    problem::{PlanError, ShardingProblem},
    sharding::{Sharding, TableSharding},
};

/// What is wrong with the vindexes that `plan` names, and what a reviewer should know of them, for the
/// tables that are known.
pub(super) fn check(
    plan: &Plan,
    definitions: &Definitions,
    targets: &[BoundTarget],
) -> Vec<PlanError> {
    let mut problems = Vec::new();
    for sharding in &plan.sharding {
        let is_made = plan.materialized.iter().any(|made| made.name.name == sharding.table);
        let table = if is_made {
            let target = targets.iter().find(|target| target.name == sharding.table);
            target.and_then(|target| Table::made(target, definitions))
        } else {
            problems.extend(not_there(sharding, plan, definitions));
            let mut sources = definitions.sources.iter();
            sources.find(|source| source.name == sharding.table).map(Table::moved)
        };
        if let (Some(table), Sharding::Vindex { columns, .. }, Some(vindex)) =
            (table, &sharding.how, sharding.how.vindex())
        {
            let mut checker = Checker { sharding, table, vindex, problems: &mut problems };
            checker.check(columns);
        }
    }
    problems
}

/// That the source has no such table, though a pattern of `move` would take it; of a name in `move` it is
/// said there.
fn not_there(
    sharding: &TableSharding,
    plan: &Plan,
    definitions: &Definitions,
) -> Option<PlanError> {
    let names = &definitions.source_names;
    let mut rules = plan.selection.rules().iter();
    let is_named = rules.any(|rule| rule.pattern.name().as_ref() == Some(&sharding.table));
    if is_named || names.contains(&sharding.table) {
        return None;
    }
    let table = sharding.table.clone();
    let nearest = nearest(&table, names.iter().map(String::as_str));
    Some(PlanError::new(ShardingProblem::UnknownTable { table, nearest }, sharding.at))
}

/// A target table, as far as its shards depend on it.
struct Table<'a> {
    columns: Vec<&'a Column>,
    /// The columns of its key; empty if it has none.
    key: Vec<&'a str>,
    /// The columns of each other unique key, with its name.
    unique: Vec<(&'a str, Vec<&'a str>)>,
    /// The columns that make a group, of a table of groups.
    groups: Option<Vec<&'a str>>,
    /// Whether several sources may give it rows of one key.
    is_shared: bool,
}

impl<'a> Table<'a> {
    /// A table that is copied as it is.
    fn moved(source: &'a Definition) -> Self {
        let key = source.table.iter().flat_map(whimbrel_model::Table::key_columns);
        let key: Vec<&str> = key.map(|column| column.name.as_str()).collect();
        Self {
            columns: source.columns.iter().collect(),
            unique: unique_keys(source, &key),
            key,
            groups: None,
            is_shared: false,
        }
    }

    /// A table that is made; `None` if nothing is known of it.
    fn made(target: &'a BoundTarget, definitions: &'a Definitions) -> Option<Self> {
        let name = |column: &'a Column| column.name.as_str();
        let (columns, key, groups): (Vec<&Column>, Vec<&str>, _) = match &target.written {
            Written::Unknown => return None,
            Written::Rows(table) => {
                (table.columns().iter().collect(), table.key_columns().map(name).collect(), None)
            }
            Written::Groups(groups) => {
                let own: Vec<&str> = groups.group_columns.iter().map(name).collect();
                let aggregates = groups.aggregates.iter().map(|aggregate| &aggregate.column);
                let columns = groups.group_columns.iter().chain(aggregates).collect();
                (columns, own.clone(), Some(own))
            }
        };
        let given = definitions.targets.get(&target.name);
        let unique = given.map(|given| unique_keys(given, &key)).unwrap_or_default();
        Some(Self { columns, key, unique, groups, is_shared: target.is_owned })
    }
}

/// The unique keys of a table but the one over the columns `key`, by their names; those over more than
/// whole columns are left out.
fn unique_keys<'a>(definition: &'a Definition, key: &[&str]) -> Vec<(&'a str, Vec<&'a str>)> {
    let pieces = definition.pieces.iter().filter(|piece| {
        let is_unique = matches!(piece.kind, PieceKind::UniqueKey | PieceKind::PrimaryKey);
        is_unique && !piece.columns.is_empty()
    });
    let keys = pieces.map(|piece| {
        (piece.name.as_str(), piece.columns.iter().map(String::as_str).collect::<Vec<_>>())
    });
    keys.filter(|(_, columns)| columns != key).collect()
}

struct Checker<'a> {
    sharding: &'a TableSharding,
    table: Table<'a>,
    vindex: Vindex,
    problems: &'a mut Vec<PlanError>,
}

impl Checker<'_> {
    fn check(&mut self, columns: &[Named]) {
        let before = self.problems.len();
        for (index, column) in columns.iter().enumerate() {
            if let Some(problem) = self.column(index, column) {
                self.problems.push(PlanError::new(problem, column.at));
            }
        }
        if self.problems.len() == before {
            self.unique(columns);
        }
    }

    /// What is wrong with the sharding column `named`, the one at `index`.
    fn column(&self, index: usize, named: &Named) -> Option<ShardingProblem> {
        let (table, name) = (self.sharding.table.clone(), named.name.clone());
        let columns = &self.table.columns;
        let Some(column) = columns.iter().find(|column| same_name(&column.name, &name)) else {
            let nearest = nearest(&name, columns.iter().map(|column| column.name.as_str()));
            return Some(ShardingProblem::UnknownColumn { table, name, nearest });
        };
        let is_among = |names: &[&str]| names.iter().any(|other| same_name(other, &name));
        if let Some(groups) = self.table.groups.as_ref().filter(|groups| !is_among(groups)) {
            let groups = groups.iter().map(|&group| group.to_owned()).collect();
            return Some(ShardingProblem::NotAGroup { name, groups });
        }
        if column.generation != Generation::None {
            return Some(ShardingProblem::ColumnGenerated { name });
        }
        let kind = || self.vindex.kind().to_owned();
        if let Some(takes) = unmapped(&self.vindex, index, &column.column_type) {
            let (kind, declaration) = (kind(), column.declaration.clone());
            return Some(ShardingProblem::ColumnType { name, declaration, kind, takes });
        }
        // Of several columns, vtgate leaves none out.
        if column.nullable && self.vindex.keyspace_id(&[Value::Null]).is_err() {
            return Some(ShardingProblem::ColumnNull { name, kind: kind() });
        }
        if self.table.is_shared && !is_among(&self.table.key) {
            return Some(ShardingProblem::NotInSharedKey { table, name });
        }
        None
    }

    /// Warns of the unique keys that do not hold every sharding column.
    fn unique(&mut self, columns: &[Named]) {
        let missing = |key: &[&str]| {
            columns.iter().find(|column| !key.iter().any(|name| same_name(name, &column.name)))
        };
        let key = self.table.key.as_slice();
        // What a sequence numbers is unique everywhere.
        let is_numbered = self.sharding.sequence.is_some() && key.len() == 1;
        let own = (!is_numbered && !key.is_empty()).then(|| ("key".to_owned(), key));
        let others = self.table.unique.iter().map(|(name, columns)| {
            let key = match *name {
                "" => format!("unique key ({})", columns.join(", ")),
                "PRIMARY" => "primary key".to_owned(),
                name => format!("unique key `{name}`"),
            };
            (key, columns.as_slice())
        });
        for (key, names) in own.into_iter().chain(others) {
            if let Some(missing) = missing(names) {
                let (table, missing_name) = (self.sharding.table.clone(), missing.name.clone());
                let problem = ShardingProblem::UniqueInShards { table, key, missing: missing_name };
                self.problems.push(PlanError::new(problem, missing.at));
            }
        }
    }
}

/// Why `vindex` does not map the values of a type in its column at `index`, as the end of a sentence
/// about the vindex; `None` if it does.
fn unmapped(vindex: &Vindex, index: usize, column_type: &ColumnType) -> Option<&'static str> {
    match column_type {
        ColumnType::Int { .. } => None,
        ColumnType::Text { .. } | ColumnType::FixedBinary { .. } | ColumnType::Binary => {
            vindex.maps_integers_alone(index).then_some("maps integers alone")
        }
        ColumnType::Bit { .. }
        | ColumnType::Decimal { .. }
        | ColumnType::Float
        | ColumnType::Double
        | ColumnType::Year
        | ColumnType::Date
        | ColumnType::Time { .. }
        | ColumnType::Datetime { .. }
        | ColumnType::Timestamp { .. }
        | ColumnType::Enum
        | ColumnType::Set { .. }
        | ColumnType::Json
        | ColumnType::Geometry
        | ColumnType::Vector => Some("maps integers, text and bytes alone"),
    }
}

#[cfg(test)]
mod tests;
