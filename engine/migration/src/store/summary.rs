//! What the state comes to, for those who only look.

use std::collections::BTreeMap;

use whimbrel_mysql::{Session, ddl::literal};

use super::{PlanKey, schema::has_table};
use crate::{error::RunError, rollup::Rollup};

/// How many pieces of tables the target holds, and how many there are.
///
/// # Errors
///
/// [`RunError`] when the server does not answer.
pub(crate) async fn piece_counts(
    session: &mut Session,
    plan: &PlanKey,
) -> Result<(u64, u64), RunError> {
    let sql = format!(
        "SELECT COUNT(*) AS pieces, COUNT(held.number) AS held FROM `_whimbrel_chunks` c \
         LEFT JOIN (SELECT DISTINCT table_id, number FROM (SELECT table_id, number \
           FROM `_whimbrel_marks` WHERE {plan} GROUP BY table_id, number, attempt, lane_count \
           HAVING COUNT(*) = lane_count) whole) held \
         ON held.table_id = c.table_id AND held.number = c.number WHERE c.{plan}",
        plan = plan.matches(),
    );
    let rows = session.query(&sql).await?;
    let row = rows.first().ok_or(RunError::State { what: "pieces" })?;
    Ok((row.number("held")?, row.number("pieces")?))
}

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

/// About how many bytes are kept aside for each rolled-up target, indexes included, as the server
/// estimates them.
///
/// # Errors
///
/// [`RunError`] when the server does not answer.
pub(crate) async fn kept_bytes(
    session: &mut Session,
    plan: &PlanKey,
) -> Result<BTreeMap<String, u64>, RunError> {
    // State of format 1 has none.
    if !has_table(session, "_whimbrel_targets").await? {
        return Ok(BTreeMap::new());
    }
    // Sizes would be those of a day ago otherwise.
    session.execute(b"SET SESSION information_schema_stats_expiry = 0").await?;
    let sql = format!(
        "SELECT rollup FROM `_whimbrel_targets` WHERE {} AND rollup IS NOT NULL",
        plan.matches()
    );
    let mut kept = BTreeMap::new();
    for row in session.query(&sql).await? {
        let rollup: Rollup = serde_json::from_str(&row.text("rollup")?)?;
        let names = [rollup.contributions().name(), rollup.groups_table()].map(literal);
        let sql = format!(
            "SELECT CAST(IFNULL(SUM(data_length + index_length), 0) AS UNSIGNED) AS bytes \
             FROM information_schema.tables \
             WHERE table_schema = DATABASE() AND table_name IN ({})",
            names.join(", ")
        );
        let rows = session.query(&sql).await?;
        let row = rows.first().ok_or(RunError::State { what: "kept tables" })?;
        kept.insert(rollup.visible().to_owned(), row.number("bytes")?);
    }
    Ok(kept)
}
