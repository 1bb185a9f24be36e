//! Taking a plan over: one transaction that draws a new epoch and reads what was stored.

use whimbrel_mysql::Session;

use super::{PlanKey, lanes::state_of};
use crate::{error::RunError, lane::LaneState};

/// What a runner holds once it has claimed a plan.
#[derive(Debug, Clone)]
pub(crate) struct Claim {
    /// Its epoch: larger than that of every runner before it.
    pub(crate) epoch: u64,
    /// Each shard's lanes; the first is home.
    pub(crate) shards: Vec<ClaimedLanes>,
}

impl Claim {
    /// The lanes of all shards, as stored.
    pub(crate) fn lanes(&self) -> impl Iterator<Item = &LaneState> {
        self.shards.iter().flat_map(|shard| &shard.lanes)
    }
}

/// The lanes of one shard.
#[derive(Debug, Clone)]
pub(crate) struct ClaimedLanes {
    /// Counts the changes of the number of lanes.
    pub(crate) generation: u64,
    /// The lanes in order, as stored.
    pub(crate) lanes: Vec<LaneState>,
}

/// Claims the plan on its first shard: no transaction of an older runner can commit there from here on.
///
/// The update of the lanes' rows waits for transactions that are still under way, and the positions
/// are read in the same transaction, so they are what those left behind.
///
/// # Errors
///
/// [`RunError::NoState`] when the plan has no rows; otherwise what the server said.
pub(crate) async fn claim(
    session: &mut Session,
    plan: &PlanKey,
) -> Result<(u64, ClaimedLanes), RunError> {
    session.execute(b"BEGIN").await?;
    let sql = format!(
        "SELECT epoch, CAST(UNIX_TIMESTAMP() AS UNSIGNED) AS seconds FROM `_whimbrel_plan` \
         WHERE {} FOR UPDATE",
        plan.matches()
    );
    let rows = session.query(&sql).await?;
    let Some(row) = rows.first() else {
        session.execute(b"ROLLBACK").await?;
        return Err(RunError::NoState { plan: plan.name().to_owned() });
    };
    // By the time of day, so that a target that lost the commit of a claim does not give the same
    // epoch to the next runner: each would take the other's commits for its own.
    let epoch = (row.number::<u64>("epoch")? + 1).max(row.number("seconds")?);
    let update = format!(
        "UPDATE `_whimbrel_plan` SET epoch = {epoch}, beat = beat + 1, last_error = NULL, \
         updated_at = NOW(6) WHERE {}",
        plan.matches()
    );
    session.execute(update.as_bytes()).await?;
    let lanes = claim_lanes(session, plan, epoch).await?;
    session.execute(b"COMMIT").await?;
    Ok((epoch, lanes))
}

/// Claims the plan's lanes on another shard, for the runner that drew `epoch` on the first one. A runner
/// that dies in between has but fenced those before it.
///
/// # Errors
///
/// [`RunError::Fenced`] when a later runner was here first; [`RunError::NoState`] when the shard has
/// nothing of the plan; otherwise what the server said.
pub(crate) async fn claim_beside(
    session: &mut Session,
    plan: &PlanKey,
    epoch: u64,
) -> Result<ClaimedLanes, RunError> {
    session.execute(b"BEGIN").await?;
    let update = format!(
        "UPDATE `_whimbrel_plan` SET epoch = {epoch}, beat = beat + 1 WHERE {} AND epoch <= {epoch}",
        plan.matches()
    );
    if session.execute(update.as_bytes()).await?.affected_rows != 1 {
        let sql = format!("SELECT 1 FROM `_whimbrel_plan` WHERE {}", plan.matches());
        let is_there = !session.query(&sql).await?.is_empty();
        session.execute(b"ROLLBACK").await?;
        return Err(match is_there {
            true => RunError::Fenced,
            false => RunError::NoState { plan: plan.name().to_owned() },
        });
    }
    let lanes = claim_lanes(session, plan, epoch).await?;
    session.execute(b"COMMIT").await?;
    Ok(lanes)
}

/// The lanes' part of a claim, in the caller's transaction.
async fn claim_lanes(
    session: &mut Session,
    plan: &PlanKey,
    epoch: u64,
) -> Result<ClaimedLanes, RunError> {
    let update = format!(
        "UPDATE `_whimbrel_lanes` SET epoch = {epoch}, sequence = sequence + 1 WHERE {}",
        plan.matches()
    );
    session.execute(update.as_bytes()).await?;
    let sql = format!(
        "SELECT lane_count, generation, sequence, position, parts, newest, newest_micros \
         FROM `_whimbrel_lanes` WHERE {} ORDER BY lane",
        plan.matches()
    );
    let rows = session.query(&sql).await?;
    let lanes = rows.iter().map(state_of).collect::<Result<Vec<_>, _>>()?;
    let first = rows.first().ok_or(RunError::State { what: "lanes" })?;
    if first.number::<u64>("lane_count")? != lanes.len() as u64 {
        return Err(RunError::State { what: "number of lanes" });
    }
    Ok(ClaimedLanes { generation: first.number("generation")?, lanes })
}
