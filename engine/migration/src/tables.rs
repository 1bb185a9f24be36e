//! The plan's tables: chosen on the source, made ready on the target.

use whimbrel_mysql::{
    Error, Session,
    catalog::{self, CatalogError, Definition, Description},
    ddl::{self, DifferenceKind, quoted},
};
use whimbrel_plan::Plan;

use crate::error::{RunError, TableProblem};

/// The plan's tables as they are on the source now, biggest first: what takes longest starts first.
pub(crate) async fn select(plan: &Plan, source: &mut Session) -> Result<Vec<Definition>, RunError> {
    let database = &plan.source.database;
    let names = catalog::table_names(source, database).await?;
    let selected =
        plan.selection.select(&names).map_err(|errors| RunError::Selection { errors })?;
    let mut tables = Vec::with_capacity(selected.tables.len());
    let mut problems = Vec::new();
    for name in &selected.tables {
        match catalog::definition(source, database, name).await {
            Ok(definition) => tables.push(definition),
            Err(Error::Catalog(error)) => problems.push(unmovable(name, &error)),
            Err(error) => return Err(error.into()),
        }
    }
    if !problems.is_empty() {
        return Err(RunError::Tables { problems });
    }
    tables.sort_by_key(|table| std::cmp::Reverse(table.description.bytes_estimate));
    Ok(tables)
}

fn unmovable(name: &str, error: &CatalogError) -> TableProblem {
    let mut remedy = format!("leave it out with `!{name}`");
    if let CatalogError::NoKey { remedy: alter, .. } = error {
        remedy = format!("`{alter}`, or {remedy}");
    }
    TableProblem { table: name.to_owned(), what: error.to_string(), remedy }
}

/// Creates the tables on the target where they are missing, and proves that those that are there
/// are empty and fit.
pub(crate) async fn make_ready(
    target: &mut Session,
    database: &str,
    tables: &[Definition],
) -> Result<(), RunError> {
    let mut problems = Vec::new();
    let mut missing = Vec::new();
    for table in tables {
        let wanted = &table.description;
        match catalog::describe(target, database, &wanted.name).await {
            Ok(found) => problems.extend(in_the_way(target, wanted, &found).await?),
            Err(Error::Catalog(CatalogError::NoTable { .. })) => missing.push(&wanted.create),
            Err(error) => return Err(error.into()),
        }
    }
    if !problems.is_empty() {
        return Err(RunError::Tables { problems });
    }
    for create in missing {
        target.execute(create.statement().as_bytes()).await?;
    }
    Ok(())
}

/// What is wrong with a table that is there already. Indexes and foreign keys that are created after
/// the copy may be missing.
async fn in_the_way(
    target: &mut Session,
    wanted: &Description,
    found: &Description,
) -> Result<Vec<TableProblem>, RunError> {
    let name = &wanted.name;
    let problem = |what, remedy| TableProblem { table: name.clone(), what, remedy };
    let mut problems: Vec<TableProblem> = ddl::differences(wanted, found)
        .into_iter()
        .filter(|difference| {
            let is_later =
                matches!(difference.kind, DifferenceKind::Index | DifferenceKind::ForeignKey);
            !(is_later && difference.is_missing)
        })
        .map(|difference| problem(difference.what, difference.alter))
        .collect();
    for trigger in catalog::triggers(target, &found.database, name).await? {
        let what = format!("the target's trigger `{trigger}` would change what is written");
        problems.push(problem(what, format!("DROP TRIGGER {}", quoted(&trigger))));
    }
    let rows = target.query(&format!("SELECT 1 FROM {} LIMIT 1", quoted(name))).await?;
    if !rows.is_empty() {
        let what = "the target's table holds rows that this plan did not write".to_owned();
        let remedy = format!("empty it if they may go: `TRUNCATE TABLE {}`", quoted(name));
        problems.push(problem(what, remedy));
    }
    Ok(problems)
}
