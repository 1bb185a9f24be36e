//! Where a plan's targets had their rows when it began.

use std::collections::BTreeMap;

use whimbrel_mysql::Session;

use super::{PlanKey, text};
use crate::error::RunError;

/// By target, in words, where its rows are; of a target that is one database there are none.
pub(crate) type Placings = BTreeMap<String, String>;

/// Where the plan's targets had their rows when it began.
///
/// # Errors
///
/// [`RunError`] when the server does not answer.
pub(crate) async fn placings(session: &mut Session, plan: &PlanKey) -> Result<Placings, RunError> {
    let sql = format!("SELECT target, placing FROM `_whimbrel_placings` WHERE {}", plan.matches());
    let rows = session.query(&sql).await?;
    rows.iter().map(|row| Ok((row.text("target")?, row.text("placing")?))).collect()
}

/// Stores where they are, in the caller's transaction.
///
/// # Errors
///
/// [`RunError`] when the server refuses.
pub(super) async fn insert_placings(
    session: &mut Session,
    plan: &PlanKey,
    placings: &Placings,
) -> Result<(), RunError> {
    for (target, placing) in placings {
        let insert = format!(
            "INSERT INTO `_whimbrel_placings` SET plan = {}, target = {}, placing = {}",
            plan.literal(),
            text(target),
            text(placing),
        );
        session.execute(insert.as_bytes()).await?;
    }
    Ok(())
}
