//! The connection that keeps the run's own rows, shared by those who write them.

use std::sync::Arc;

use tokio::sync::Mutex;
use whimbrel_mysql::{ConnectOptions, Role, Session};

use crate::{
    error::RunError,
    lane::LaneState,
    link::{Link, end_session, on_link},
    owned::Owned,
    pieces::{Cut, Piece},
    store::{self, Control, Disputes, PlanKey, text},
};

/// One connection to the target, and the epoch that it writes under.
///
/// It holds the plan's lock on the server, which tells a second runner that one is at work. The lock
/// is a courtesy: what keeps two runners apart is the epoch.
#[derive(Debug, Clone)]
pub(crate) struct ControlLink {
    link: Arc<Mutex<Link>>,
    control: Control,
}

impl ControlLink {
    pub(crate) fn new(link: Link, control: Control) -> Self {
        Self { link: Arc::new(Mutex::new(link)), control }
    }

    /// Stores cuts of pieces.
    pub(crate) async fn store_cuts(&self, cuts: &[Cut]) -> Result<(), RunError> {
        let mut link = self.link.lock().await;
        on_link!(link, session => self.control.store_cuts(session, cuts))
    }

    /// Replaces all lanes.
    pub(crate) async fn change_lanes(
        &self,
        sequences: &[u64],
        (generation, lane_count): (u64, u32),
        state: &LaneState,
    ) -> Result<(), RunError> {
        let mut link = self.link.lock().await;
        let lanes = (generation, lane_count);
        on_link!(link, session => self.control.change_lanes(session, sequences, lanes, state))
    }

    /// Stores phase, progress and the last error.
    pub(crate) async fn report(
        &self,
        (phase, progress): (&str, &str),
        error: Option<&str>,
    ) -> Result<(), RunError> {
        let mut link = self.link.lock().await;
        on_link!(link, session => self.control.report(session, (phase, progress), error))
    }

    /// All pieces, each with the rows written for it where the target holds it.
    pub(crate) async fn pieces(&self) -> Result<Vec<(Piece, Option<u64>)>, RunError> {
        let mut link = self.link.lock().await;
        on_link!(link, session => Control::pieces(session, self.control.plan()))
    }

    /// What every lane has stored, as its row says.
    pub(crate) async fn lanes(&self) -> Result<Vec<LaneState>, RunError> {
        let mut link = self.link.lock().await;
        on_link!(link, session => self.control.lanes(session))
    }

    /// What there is now of keys of a target that two sources have.
    pub(crate) async fn disputes(&self, owned: &Owned) -> Result<Disputes, RunError> {
        let mut link = self.link.lock().await;
        on_link!(link, session => store::disputes(session, self.control.plan(), owned))
    }
}

/// The name of a plan's lock on the target's server: at most 64 characters, so hashed.
fn lock_name(plan: &PlanKey, database: &str) -> String {
    let hash = xxhash_rust::xxh3::xxh3_128(format!("{database}\0{}", plan.name()).as_bytes());
    format!("whimbrel:{hash:032x}")
}

/// A link that takes the plan's lock with each of its sessions, if it is free.
pub(crate) fn locking_link(
    target: &ConnectOptions,
    plan: &PlanKey,
    clock: whimbrel_flow::Clock,
) -> Link {
    let name = lock_name(plan, target.database());
    Link::new(target.clone(), Role::Target, clock).locking(name)
}

/// The link of a lane: a runner that takes over finds its sessions by their lock.
pub(crate) fn lane_link(
    target: &ConnectOptions,
    plan: &PlanKey,
    lane: u32,
    clock: whimbrel_flow::Clock,
) -> Link {
    let name = format!("{}:{lane}", lock_name(plan, target.database()));
    Link::new(target.clone(), Role::Target, clock).locking(name)
}

/// Ends the sessions of all lanes of the plan: those of a runner that is frozen, or whose machine is
/// gone, keep the locks of their transactions until the server gives them up.
pub(crate) async fn end_lanes(
    session: &mut Session,
    plan: &PlanKey,
    database: &str,
) -> Result<(), RunError> {
    let sql = format!(
        "SELECT IS_USED_LOCK(CONCAT({}, ':', lane)) AS holder FROM `_whimbrel_lanes` WHERE {}",
        text(&lock_name(plan, database)),
        plan.matches()
    );
    for row in &session.query(&sql).await? {
        if let Some(holder) = row.optional_number::<u32>("holder")? {
            end_session(session, holder).await?;
        }
    }
    Ok(())
}

/// Waits for the plan's lock after its holder was told to go.
pub(crate) async fn wait_for_lock(
    session: &mut Session,
    plan: &PlanKey,
    database: &str,
    seconds: u32,
) -> Result<(), RunError> {
    let name = text(&lock_name(plan, database));
    let rows = session.query(&format!("SELECT GET_LOCK({name}, {seconds}) AS taken")).await?;
    let row = rows.first().ok_or(RunError::State { what: "lock" })?;
    if row.optional_number::<u8>("taken")? == Some(1) {
        return Ok(());
    }
    let connection = other_holder(session, plan, database).await?.unwrap_or_default();
    Err(RunError::Busy { connection })
}

/// Who holds the plan's lock, if it is not this session.
pub(crate) async fn other_holder(
    session: &mut Session,
    plan: &PlanKey,
    database: &str,
) -> Result<Option<u64>, RunError> {
    let name = text(&lock_name(plan, database));
    let rows = session
        .query(&format!("SELECT IS_USED_LOCK({name}) AS holder, CONNECTION_ID() AS mine"))
        .await?;
    let row = rows.first().ok_or(RunError::State { what: "lock" })?;
    let (holder, mine) = (row.optional_number::<u64>("holder")?, row.number::<u64>("mine")?);
    Ok(holder.filter(|holder| *holder != mine))
}
