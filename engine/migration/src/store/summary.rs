//! What the state comes to, for those who only look.

use whimbrel_mysql::Session;

use super::PlanKey;
use crate::error::RunError;

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
