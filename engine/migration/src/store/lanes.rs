//! The lanes' rows: read, compared and swapped.

use std::collections::BTreeMap;

use whimbrel_model::{Gtid, Newest};
use whimbrel_mysql::{Error, Record, Session};

use super::{PlanKey, bytes};
use crate::{
    error::RunError,
    lane::{LaneState, LaneVersion},
};

/// The first statement of every transaction of a lane: it locks the lane's row, proves that the row
/// is what this runner believes, and stores what the transaction's rows come to.
///
/// It must change exactly one row; whoever finds otherwise rolls back and stops.
#[must_use]
pub(crate) fn swap(plan: &PlanKey, lane: u32, mine: LaneVersion, next: &LaneState) -> String {
    format!(
        "UPDATE `_whimbrel_lanes` SET sequence = {}, {} WHERE {} AND lane = {lane} \
         AND generation = {} AND epoch = {} AND sequence = {}",
        next.sequence,
        assignments(next),
        plan.matches(),
        mine.generation,
        mine.epoch,
        mine.sequence,
    )
}

/// The version of a lane's row, read under its lock: waits for a transaction that is still under way
/// on a connection that was lost.
///
/// # Errors
///
/// [`RunError`] when the server does not answer or the row is gone.
pub(crate) async fn read_version(
    session: &mut Session,
    plan: &PlanKey,
    lane: u32,
) -> Result<LaneVersion, RunError> {
    session.execute(b"BEGIN").await?;
    let sql = format!(
        "SELECT generation, epoch, sequence FROM `_whimbrel_lanes` WHERE {} AND lane = {lane} \
         FOR UPDATE",
        plan.matches(),
    );
    let rows = session.query(&sql).await?;
    session.execute(b"ROLLBACK").await?;
    let row = rows.first().ok_or(RunError::Diverged { lane })?;
    Ok(LaneVersion {
        generation: row.number("generation")?,
        epoch: row.number("epoch")?,
        sequence: row.number("sequence")?,
    })
}

/// Replaces all lanes by `lane_count` new ones that stand at `state`, in the caller's transaction.
/// Sequence numbers go on, so that an old transaction can never meet a new lane.
///
/// # Errors
///
/// [`Error`] when the server refuses.
pub(crate) async fn replace_lanes(
    session: &mut Session,
    plan: &PlanKey,
    (epoch, generation): (u64, u64),
    lane_count: u32,
    state: &LaneState,
) -> Result<(), Error> {
    let delete = format!("DELETE FROM `_whimbrel_lanes` WHERE {}", plan.matches());
    session.execute(delete.as_bytes()).await?;
    for lane in 0..lane_count {
        let insert = format!(
            "INSERT INTO `_whimbrel_lanes` SET plan = {}, lane = {lane}, \
             lane_count = {lane_count}, generation = {generation}, epoch = {epoch}, \
             sequence = {}, {}",
            plan.literal(),
            state.sequence,
            assignments(state),
        );
        session.execute(insert.as_bytes()).await?;
    }
    Ok(())
}

fn assignments(state: &LaneState) -> String {
    let parts: Vec<String> =
        state.parts.iter().map(|(gtid, done)| format!("{gtid}={done}")).collect();
    let newest = state.newest.as_ref();
    format!(
        "position = {}, parts = {}, newest = {}, newest_micros = {}",
        bytes(state.position.to_string().as_bytes()),
        bytes(parts.join(",").as_bytes()),
        newest.map_or_else(
            || "NULL".to_owned(),
            |newest| { bytes(newest.gtid.to_string().as_bytes()) }
        ),
        newest.map_or(0, |newest| newest.committed_micros),
    )
}

/// The state in a row of `_whimbrel_lanes`.
pub(super) fn state_of(row: &Record) -> Result<LaneState, RunError> {
    let position = row.text("position")?.parse()?;
    let mut parts = BTreeMap::new();
    for part in row.text("parts")?.split(',').filter(|part| !part.is_empty()) {
        let (gtid, done) = part.rsplit_once('=').ok_or(RunError::State { what: "lane's parts" })?;
        let gtid: Gtid = gtid.parse()?;
        parts.insert(gtid, done.parse().map_err(|_| RunError::State { what: "lane's parts" })?);
    }
    let newest = match row.optional_text("newest")? {
        None => None,
        Some(gtid) => {
            Some(Newest { gtid: gtid.parse()?, committed_micros: row.number("newest_micros")? })
        }
    };
    Ok(LaneState { sequence: row.number("sequence")?, position, parts, newest })
}
