//! The target tables of a plan, as they were when it was begun.

use std::collections::BTreeMap;

use whimbrel_model::{Table, TableId};
use whimbrel_mysql::{Record, Session};

use super::{PlanKey, StoredTable, schema::has_table, text};
use crate::{error::RunError, lookups::Lookup, rollup::Rollup};

/// A table that the plan writes.
#[derive(Debug, Clone)]
pub(crate) struct StoredTarget {
    /// What rows are written by: of a rolled-up table, its contributions.
    pub(crate) table: Table,
    /// What is shown of the contributions, if it is a rolled-up table.
    pub(crate) rollup: Option<Rollup>,
    /// The source table whose rows it has as they are; `None` if its rows are made by expressions.
    pub(crate) moved_from: Option<TableId>,
    /// The definition that it is to have in the end; `None` where a source table has it, or where it
    /// is as it was found.
    pub(crate) wanted: Option<String>,
    /// The lookup vindex whose table it is.
    pub(crate) lookup: Option<Lookup>,
}

impl StoredTarget {
    /// The target of a source table that is moved.
    pub(crate) fn moved(id: TableId, table: &Table) -> Self {
        Self {
            table: table.clone(),
            moved_from: Some(id),
            rollup: None,
            wanted: None,
            lookup: None,
        }
    }

    /// A target of rows that are made by expressions, of which nothing else is known.
    pub(crate) fn plain(table: Table) -> Self {
        Self { table, moved_from: None, rollup: None, wanted: None, lookup: None }
    }

    /// The name by which people know it.
    pub(crate) fn name(&self) -> &str {
        self.rollup.as_ref().map_or_else(|| self.table.name(), Rollup::visible)
    }

    /// Whether the plan says how its rows are made.
    pub(crate) fn is_made(&self) -> bool {
        self.moved_from.is_none() && self.lookup.is_none()
    }

    /// The targets of source tables all of which are moved.
    pub(crate) fn all_moved(tables: &[StoredTable]) -> Vec<Self> {
        let numbered = (0..).map(TableId).zip(tables);
        numbered.map(|(id, stored)| Self::moved(id, &stored.table)).collect()
    }
}

/// Stores the targets of a plan, in the caller's transaction.
///
/// # Errors
///
/// [`RunError`] when the server refuses.
pub(super) async fn insert_targets(
    session: &mut Session,
    plan: &PlanKey,
    targets: &[StoredTarget],
) -> Result<(), RunError> {
    for (id, target) in (0u32..).zip(targets) {
        insert(session, plan, (id, target)).await?;
    }
    Ok(())
}

/// Stores a target behind those of a plan that has begun, if it is not one of them, in the caller's
/// transaction.
///
/// # Errors
///
/// [`RunError`] when the server refuses.
pub(super) async fn append_target(
    session: &mut Session,
    plan: &PlanKey,
    target: &StoredTarget,
) -> Result<(), RunError> {
    let sql = format!(
        "SELECT COUNT(*) AS targets, COALESCE(SUM(name = {}), 0) AS same FROM `_whimbrel_targets` \
         WHERE {} FOR UPDATE",
        text(target.name()),
        plan.matches(),
    );
    let rows = session.query(&sql).await?;
    let row = rows.first().ok_or(RunError::State { what: "target tables" })?;
    if row.number::<u64>("same")? == 0 {
        insert(session, plan, (row.number("targets")?, target)).await?;
    }
    Ok(())
}

async fn insert(
    session: &mut Session,
    plan: &PlanKey,
    (id, target): (u32, &StoredTarget),
) -> Result<(), RunError> {
    let moved_from =
        target.moved_from.map_or_else(|| "NULL".to_owned(), |TableId(id)| id.to_string());
    let rollup = target.rollup.as_ref().map(serde_json::to_string).transpose()?;
    let insert = format!(
        "INSERT INTO `_whimbrel_targets` SET plan = {}, target_id = {id}, name = {}, \
         moved_from = {moved_from}, definition = {}, wanted = {}, rollup = {}",
        plan.literal(),
        text(target.name()),
        text(&serde_json::to_string(&target.table)?),
        optional(target.wanted.as_deref()),
        optional(rollup.as_deref()),
    );
    session.execute(insert.as_bytes()).await?;
    if let Some(lookup) = &target.lookup {
        let insert = format!(
            "INSERT INTO `_whimbrel_lookups` SET plan = {}, target_id = {id}, vindex = {}",
            plan.literal(),
            text(&serde_json::to_string(lookup)?),
        );
        session.execute(insert.as_bytes()).await?;
    }
    Ok(())
}

/// The lookup vindexes whose tables a plan keeps, by the ids of the targets that these are.
///
/// # Errors
///
/// [`RunError`] when the server does not answer, or one cannot be read.
pub(crate) async fn lookups(
    session: &mut Session,
    plan: &PlanKey,
) -> Result<BTreeMap<u32, Lookup>, RunError> {
    // Plans of earlier programs kept none.
    if !has_table(session, "_whimbrel_lookups").await? {
        return Ok(BTreeMap::new());
    }
    let sql = format!("SELECT target_id, vindex FROM `_whimbrel_lookups` WHERE {}", plan.matches());
    let rows = session.query(&sql).await?;
    let lookup =
        |row: &Record| Ok((row.number("target_id")?, serde_json::from_str(&row.text("vindex")?)?));
    rows.iter().map(lookup).collect()
}

/// The targets of a plan, in the order of their ids. A plan of format 1 stored none: it moves `tables`,
/// its source tables, and nothing else.
///
/// # Errors
///
/// [`RunError`] when the server does not answer, or a definition cannot be read.
pub(crate) async fn targets(
    session: &mut Session,
    plan: &PlanKey,
    tables: &[StoredTable],
) -> Result<Vec<StoredTarget>, RunError> {
    let sql = format!(
        "SELECT moved_from, definition, wanted, rollup FROM `_whimbrel_targets` WHERE {} \
         ORDER BY target_id",
        plan.matches()
    );
    let rows = session.query(&sql).await?;
    if rows.is_empty() {
        return Ok(StoredTarget::all_moved(tables));
    }
    let mut lookups = lookups(session, plan).await?;
    let numbered = (0..).zip(&rows);
    numbered
        .map(|(id, row)| Ok(StoredTarget { lookup: lookups.remove(&id), ..target(row)? }))
        .collect()
}

fn optional(value: Option<&str>) -> String {
    value.map_or_else(|| "NULL".to_owned(), text)
}

fn target(row: &Record) -> Result<StoredTarget, RunError> {
    let rollup = row.optional_text("rollup")?;
    Ok(StoredTarget {
        table: serde_json::from_str(&row.text("definition")?)?,
        moved_from: row.optional_number("moved_from")?.map(TableId),
        rollup: rollup.as_deref().map(serde_json::from_str).transpose()?,
        wanted: row.optional_text("wanted")?,
        lookup: None,
    })
}

/// The tables that other plans write into this database, each with its plan.
///
/// # Errors
///
/// [`RunError`] when the server does not answer.
pub(crate) async fn targets_of_others(
    session: &mut Session,
    plan: &PlanKey,
) -> Result<Vec<(String, String)>, RunError> {
    // A plan of format 1 has no targets of its own: they are its tables.
    let sql = format!(
        "SELECT plan, name FROM `_whimbrel_targets` WHERE NOT {plan} \
         AND name NOT LIKE '\\_whimbrel\\_%' \
         UNION SELECT plan, name FROM `_whimbrel_tables` WHERE NOT {plan} \
         AND plan NOT IN (SELECT plan FROM `_whimbrel_targets`)",
        plan = plan.matches()
    );
    let rows = session.query(&sql).await?;
    rows.iter().map(|row| Ok((row.text("plan")?, row.text("name")?))).collect()
}
