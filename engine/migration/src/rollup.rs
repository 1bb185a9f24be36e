//! A rolled-up target: what is kept beside the visible table, and the statements of a lane's
//! transaction that keep both in step.
//!
//! Beside the visible table are kept the *contributions*, one row for each source row that counts
//! (its key, its group, what is aggregated of it), and the *groups*, one row for each group with
//! accumulators that sums and averages are taken from. A lane writes contributions as the rows of any
//! table; in the same transaction it subtracts what the touched keys contributed before, adds what
//! they contribute after, and shows the groups that this touched. Which values are one group is the
//! server's to say, by the collations of the visible table.

mod check;
mod tables;
mod window;

use serde::{Deserialize, Serialize};
use whimbrel_model::{Column, ColumnType, Generation, Table};
use whimbrel_mysql::catalog::{ColumnDescription, Description};
use xxhash_rust::xxh3::xxh3_64;

pub use check::RollupProblem;
pub use window::WindowStatements;

/// The longest name that a table may have, in characters. Source: MySQL manual, `Identifier Length
/// Limits`.
const NAME_CHARS_MAX: usize = 64;

/// The server's error number when a group has less than no rows.
pub const COUNT_IS_NEGATIVE: u16 = 1690;

/// What a column of the visible table shows of a group. An argument is named by its place among the
/// arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Aggregate {
    /// How many rows there are: `COUNT(*)`.
    Rows,
    /// How many values are not `NULL`.
    Count(usize),
    /// Their exact sum; `NULL` when there are none.
    Sum(usize),
    /// The sum by the count, as the server divides; `NULL` when there are none.
    Avg(usize),
    /// The least value; `NULL` when there are none.
    Min(usize),
    /// The greatest value; `NULL` when there are none.
    Max(usize),
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Shape<'a> {
    /// The visible table, as it is on the target.
    pub visible: &'a Description,
    /// What contributions are told apart by: the source's key columns in the key's order; before them
    /// the source's ordinal, where there are several sources.
    pub key: &'a [Column],
    /// The visible table's columns that make up a group.
    pub groups: &'a [&'a str],
    /// What is aggregated, each once. Names are for messages alone.
    pub arguments: &'a [Column],
    /// The visible table's other columns and what they show.
    pub aggregates: &'a [(&'a str, Aggregate)],
}

/// A rolled-up target, checked.
///
/// The columns that are kept have names of their own, by their places: `k1` … for the key, `g1` … for
/// the group, `a1` … for the arguments, in this order in a contribution.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Rollup {
    visible: String,
    groups_table: String,
    contributions: Table,
    groups: Vec<Group>,
    arguments: Vec<Argument>,
    aggregates: Vec<(String, Aggregate)>,
    address: Address,
}

/// A column of the group.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Group {
    /// Its name in the visible table.
    name: String,
    /// Type, charset and collation, as SQL.
    definition: String,
    column_type: ColumnType,
    nullable: bool,
    /// Whether values that are not the same may be one group, such as `a` and `A`.
    folds: bool,
}

/// What is kept of an argument.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Argument {
    definition: String,
    nullable: bool,
    /// Whether values that are not `NULL` are counted, apart from rows.
    is_counted: bool,
    /// The digits after the point of its sum, where there is one.
    sum_scale: Option<u8>,
    /// Whether its least or greatest value is shown.
    is_ordered: bool,
}

/// How the visible row of a group is found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Address {
    /// By a unique key over the columns of the group, none of which is ever `NULL`: REPLACE.
    Unique(String),
    /// By an index that the columns of the group lead, some of which may be `NULL`.
    Index(String),
}

impl Rollup {
    /// The rolled-up target that is asked for.
    ///
    /// # Errors
    ///
    /// Everything that stands in the way.
    pub fn new(shape: &Shape<'_>) -> Result<Self, Vec<RollupProblem>> {
        let mut problems = check::problems(shape);
        let mut columns = Vec::new();
        for (place, column) in (1..).zip(shape.key) {
            match check::key_column(column) {
                Ok(key) => columns.push(Column { name: format!("k{place}"), ..key }),
                Err(problem) => problems.push(problem),
            }
        }
        let address = check::address(shape).map_err(|problem| problems.push(problem));
        let described: Vec<&ColumnDescription> =
            shape.groups.iter().filter_map(|name| column_of(shape.visible, name)).collect();
        let own = |(name, column): (String, &Column)| Column {
            name,
            generation: Generation::None,
            ..column.clone()
        };
        let groups = (1..).map(|place| format!("g{place}"));
        columns.extend(groups.zip(described.iter().map(|it| &it.column)).map(own));
        let arguments = (1..).map(|place| format!("a{place}"));
        columns.extend(arguments.zip(shape.arguments).map(own));
        let names: Vec<String> = (1..=shape.key.len()).map(|place| format!("k{place}")).collect();
        let key: Vec<&str> = names.iter().map(String::as_str).collect();
        let visible = &shape.visible.name;
        let (true, Ok(address)) = (problems.is_empty(), address) else { return Err(problems) };
        let contributions = kept_name("rows", visible);
        let contributions = Table::new(
            (&shape.visible.database, &contributions),
            columns,
            ("PRIMARY", &key),
            false,
        )
        .map_err(|_| vec![RollupProblem::Key { column: "the key".to_owned() }])?;
        Ok(Self {
            visible: visible.clone(),
            groups_table: kept_name("groups", visible),
            contributions,
            groups: described.iter().map(|column| Group::of(column)).collect(),
            arguments: (0..).zip(shape.arguments).map(|it| Argument::of(it, shape)).collect(),
            aggregates: shape.aggregates.iter().map(|&(name, it)| (name.to_owned(), it)).collect(),
            address,
        })
    }

    /// The column of the contributions that keeps a column of the group, by its name in the visible table.
    pub(crate) fn kept_group(&self, name: &str) -> Option<String> {
        let place = self.groups.iter().position(|it| it.name.eq_ignore_ascii_case(name))?;
        Some(format!("g{}", place + 1))
    }

    /// The visible table's name.
    pub fn visible(&self) -> &str {
        &self.visible
    }

    /// The contributions, as a table whose rows a lane writes: the columns of the key, of the group,
    /// and the arguments. Generated columns of the server's are not among them.
    pub fn contributions(&self) -> &Table {
        &self.contributions
    }

    /// The name of the table of groups.
    pub fn groups_table(&self) -> &str {
        &self.groups_table
    }
}

impl Group {
    fn of(described: &ColumnDescription) -> Self {
        let column = &described.column;
        let text = described.charset.as_deref().zip(described.collation.as_deref());
        let definition = definition(column, text);
        // `-0` and `0`, and text but by the one collation that tells all of it apart.
        let folds = matches!(column.column_type, ColumnType::Float | ColumnType::Double)
            || matches!(&column.column_type, ColumnType::Text { collation, .. }
                if collation != "utf8mb4_0900_bin");
        Self {
            name: column.name.clone(),
            definition,
            column_type: column.column_type.clone(),
            nullable: column.nullable,
            folds,
        }
    }
}

impl Argument {
    fn of((place, column): (usize, &Column), shape: &Shape<'_>) -> Self {
        let is = |wanted: fn(usize) -> Aggregate| {
            shape.aggregates.iter().any(|(_, aggregate)| *aggregate == wanted(place))
        };
        let is_summed = is(Aggregate::Sum) || is(Aggregate::Avg);
        let mut text = None;
        if let ColumnType::Text { charset, collation } = &column.column_type {
            text = Some((charset.as_str(), collation.as_str()));
        }
        Self {
            definition: definition(column, text),
            nullable: column.nullable,
            is_counted: column.nullable && (is_summed || is(Aggregate::Count)),
            sum_scale: is_summed.then(|| check::scale(&column.column_type)).flatten(),
            is_ordered: is(Aggregate::Min) || is(Aggregate::Max),
        }
    }
}

/// The type of a column, with charset and collation, as SQL.
pub(crate) fn definition(column: &Column, text: Option<(&str, &str)>) -> String {
    let declaration = &column.declaration;
    match text {
        Some((charset, collation)) => {
            format!("{declaration} CHARACTER SET {charset} COLLATE {collation}")
        }
        None => declaration.clone(),
    }
}

/// A column of a table, whose names the server tells apart by letters alone, not by their case.
fn column_of<'a>(table: &'a Description, name: &str) -> Option<&'a ColumnDescription> {
    let is_named = |column: &&ColumnDescription| column.column.name.eq_ignore_ascii_case(name);
    table.columns.iter().find(is_named)
}

/// The name of a table that is kept beside `visible`: one no other visible table has.
pub(crate) fn kept_name(what: &str, visible: &str) -> String {
    let name = format!("_whimbrel_{what}_{visible}");
    if name.chars().count() <= NAME_CHARS_MAX {
        return name;
    }
    let hash = format!("~{:016x}", xxh3_64(visible.as_bytes()));
    let begin: String = name.chars().take(NAME_CHARS_MAX - hash.len()).collect();
    begin + hash.as_str()
}

#[cfg(test)]
mod tests;
