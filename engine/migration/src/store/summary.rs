//! What the state comes to, for those who only look.

use std::{collections::BTreeMap, time::Duration};

use whimbrel_mysql::{Session, ddl::literal};

use super::{PlanKey, schema::has_table};
use crate::{error::RunError, rollup::Rollup};

/// What each lane has applied, in order of the lanes.
///
/// # Errors
///
/// [`RunError`] when the server does not answer.
pub(crate) async fn positions(
    session: &mut Session,
    plan: &PlanKey,
) -> Result<Vec<String>, RunError> {
    let sql =
        format!("SELECT position FROM `_whimbrel_lanes` WHERE {} ORDER BY lane", plan.matches());
    session.query(&sql).await?.iter().map(|row| Ok(row.text("position")?)).collect()
}

/// How many rows are among the dead letters, by target.
///
/// # Errors
///
/// [`RunError`] when the server does not answer.
pub(crate) async fn dead_letters(
    session: &mut Session,
    plan: &PlanKey,
) -> Result<BTreeMap<String, u64>, RunError> {
    // State of format 1 has none.
    if !has_table(session, "_whimbrel_dead_letters").await? {
        return Ok(BTreeMap::new());
    }
    let sql = format!(
        "SELECT target, COUNT(*) AS letters FROM `_whimbrel_dead_letters` WHERE {} GROUP BY target",
        plan.matches()
    );
    let rows = session.query(&sql).await?;
    rows.iter().map(|row| Ok((row.text("target")?, row.number("letters")?))).collect()
}

/// The rolled-up targets, beside which much is kept.
///
/// # Errors
///
/// [`RunError`] when the server does not answer.
pub(crate) async fn rollups(
    session: &mut Session,
    plan: &PlanKey,
) -> Result<Vec<Rollup>, RunError> {
    // State of format 1 has none.
    if !has_table(session, "_whimbrel_targets").await? {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT rollup FROM `_whimbrel_targets` WHERE {} AND rollup IS NOT NULL",
        plan.matches()
    );
    let rows = session.query(&sql).await?;
    rows.iter().map(|row| Ok(serde_json::from_str(&row.text("rollup")?)?)).collect()
}

/// About how many bytes a shard keeps aside for a rolled-up target, indexes included, as the server
/// estimates them.
///
/// # Errors
///
/// [`RunError`] when the server does not answer.
pub(crate) async fn kept_bytes(session: &mut Session, rollup: &Rollup) -> Result<u64, RunError> {
    let names = [rollup.contributions().name(), rollup.groups_table()].map(literal);
    let sql = format!(
        "SELECT CAST(IFNULL(SUM(data_length + index_length), 0) AS UNSIGNED) AS bytes \
         FROM information_schema.tables \
         WHERE table_schema = DATABASE() AND table_name IN ({})",
        names.join(", ")
    );
    let rows = session.query(&sql).await?;
    Ok(rows.first().ok_or(RunError::State { what: "kept tables" })?.number("bytes")?)
}

/// What tells of a runner from afar.
pub(crate) struct Beat {
    /// Goes up with every report; `None` when the newest runner has ended in order.
    pub(crate) number: Option<u64>,
    /// How old the newest report is.
    pub(crate) age: Duration,
}

/// The newest report of the plan; `None` where the plan has no rows.
///
/// # Errors
///
/// [`RunError`] when the server does not answer.
pub(crate) async fn beat(session: &mut Session, plan: &PlanKey) -> Result<Option<Beat>, RunError> {
    if !super::exists(session).await? {
        return Ok(None);
    }
    let sql = format!(
        "SELECT IF(beat = 0 AND epoch > 0, NULL, beat) AS number, \
         GREATEST(0, TIMESTAMPDIFF(MICROSECOND, updated_at, NOW(6))) AS micros \
         FROM `_whimbrel_plan` WHERE {}",
        plan.matches()
    );
    let rows = session.query(&sql).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let age = Duration::from_micros(row.number("micros")?);
    Ok(Some(Beat { number: row.optional_number("number")?, age }))
}

/// The epoch of the newest runner on a shard, 0 before the first; `None` where the plan has no rows.
///
/// # Errors
///
/// [`RunError`] when the server does not answer.
pub(crate) async fn epoch(session: &mut Session, plan: &PlanKey) -> Result<Option<u64>, RunError> {
    if !super::exists(session).await? {
        return Ok(None);
    }
    let sql = format!("SELECT epoch FROM `_whimbrel_plan` WHERE {}", plan.matches());
    let rows = session.query(&sql).await?;
    Ok(rows.first().map(|row| row.number("epoch")).transpose()?)
}
