//! Targets of groups: what is kept of their sources' rows.

use whimbrel_model::{Column, ColumnType, Generation, IntWidth, Table};
use whimbrel_mysql::catalog::Description;
use whimbrel_plan::{AggregateFunction, BoundGroups, BoundTarget, Definition};

use crate::{
    error::TableProblem,
    rollup::{Aggregate, Rollup, Shape},
};

/// What is kept for the target `made`, which is `visible` on the server.
///
/// # Errors
///
/// What stands in the way.
pub(super) fn rollup(
    visible: &Description,
    made: &BoundTarget,
    groups: &BoundGroups,
    sources: &[Definition],
) -> Result<Rollup, Vec<TableProblem>> {
    let key = key(made, sources)?;
    let names: Vec<&str> = groups.group_columns.iter().map(|it| it.name.as_str()).collect();
    let aggregates: Vec<(&str, Aggregate)> = groups
        .aggregates
        .iter()
        .map(|shown| (shown.column.name.as_str(), aggregate(shown.function, shown.argument)))
        .collect();
    let shape = Shape {
        visible,
        key: &key,
        groups: &names,
        arguments: &groups.arguments,
        aggregates: &aggregates,
    };
    Rollup::new(&shape).map_err(|problems| {
        let problem = |problem: crate::rollup::RollupProblem| TableProblem {
            table: made.name.clone(),
            what: problem.to_string(),
            remedy: problem.remedy(&made.name),
        };
        problems.into_iter().map(problem).collect()
    })
}

fn aggregate(function: AggregateFunction, argument: Option<usize>) -> Aggregate {
    match (function, argument) {
        (AggregateFunction::Count, Some(argument)) => Aggregate::Count(argument),
        (AggregateFunction::Sum, Some(argument)) => Aggregate::Sum(argument),
        (AggregateFunction::Min, Some(argument)) => Aggregate::Min(argument),
        (AggregateFunction::Max, Some(argument)) => Aggregate::Max(argument),
        (AggregateFunction::Avg, Some(argument)) => Aggregate::Avg(argument),
        (_, None) => Aggregate::Rows,
    }
}

/// What a source's row is told apart by among those of all sources: the key that they have in common,
/// behind the ordinal of the source.
fn key(made: &BoundTarget, sources: &[Definition]) -> Result<Vec<Column>, Vec<TableProblem>> {
    let tables: Vec<&Table> = made
        .sources
        .iter()
        .filter_map(|source| {
            let definition = sources.iter().find(|it| it.name == source.table)?;
            definition.table.as_ref()
        })
        .collect();
    let Some((first, others)) = tables.split_first() else { return Ok(Vec::new()) };
    let types = |table: &Table| -> Vec<ColumnType> {
        table.key_columns().map(|column| column.column_type.clone()).collect()
    };
    for other in others {
        if types(other) != types(first) {
            let what = format!(
                "the keys of `{}` and `{}` have not the same types, and both are kept in one table",
                first.name(),
                other.name()
            );
            let remedy = "make a target of each".to_owned();
            return Err(vec![TableProblem { table: made.name.clone(), what, remedy }]);
        }
    }
    let ordinal = (!others.is_empty()).then(|| Column {
        name: "source".to_owned(),
        column_type: ColumnType::Int { width: IntWidth::Small, unsigned: true },
        declaration: "smallint unsigned".to_owned(),
        nullable: false,
        generation: Generation::None,
    });
    Ok(ordinal.into_iter().chain(longest(&tables)).collect())
}

/// The first source's key columns, each declared as where it is longest.
fn longest(tables: &[&Table]) -> Vec<Column> {
    let Some(first) = tables.first() else { return Vec::new() };
    let length = |column: &Column| -> u32 {
        let digits = column.declaration.split(['(', ')']).nth(1);
        digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
    };
    (0..first.key().len())
        .filter_map(|place| {
            let columns = tables.iter().filter_map(|table| table.key_columns().nth(place));
            columns.max_by_key(|column| length(column)).cloned()
        })
        .collect()
}
