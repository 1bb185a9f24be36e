//! Keys that two sources of a target have.

use whimbrel_mysql::{Session, ddl::quoted};

use super::PlanKey;
use crate::{error::RunError, owned::Owned};

/// What there is of them at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disputes {
    /// Nothing.
    None,
    /// Rows wait, in the midst of a transaction of the source that is stored in part.
    Inside,
    /// Rows wait between two transactions of the source: two sources have their keys.
    Between {
        /// The source whose rows are shown.
        shown: u64,
        /// The source whose rows wait.
        waiting: u64,
        /// For how many keys.
        key_count: u64,
    },
}

/// Looks for keys that two sources have. Each statement sees one moment of the rows and the lanes.
///
/// # Errors
///
/// [`RunError`] when the server does not answer.
pub(crate) async fn disputes(
    session: &mut Session,
    plan: &PlanKey,
    owned: &Owned,
) -> Result<Disputes, RunError> {
    let waits = format!("SELECT 1 FROM {} LIMIT 1", quoted(owned.waiting().name()));
    if session.query(&waits).await?.is_empty() {
        return Ok(Disputes::None);
    }
    let is_between = format!(
        "NOT EXISTS (SELECT 1 FROM `_whimbrel_lanes` WHERE {} AND parts <> '')",
        plan.matches()
    );
    let rows = session.query(&owned.shared_keys(&is_between)).await?;
    let Some(row) = rows.first() else { return Ok(Disputes::Inside) };
    Ok(Disputes::Between {
        shown: row.number("shown")?,
        waiting: row.number("waiting")?,
        key_count: row.number("key_count")?,
    })
}
