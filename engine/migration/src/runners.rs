//! Whether another runner is at work on a plan, and how it is told to go.
//!
//! This is a courtesy, and keeps a second runner from pushing the first one out by mistake: what keeps two
//! of them apart is the epoch. Of a target that is one database each runner holds a lock on its server;
//! a session on a shard of a keyspace has no such locks, and cannot end another: there a runner that is
//! at work is told by the reports that it stores, also where its rows go past vtgate.

use std::{sync::Arc, time::Duration};

use whimbrel_flow::Clock;
use whimbrel_mysql::{Role, Session};

use crate::{
    error::RunError,
    link::{Link, end_session},
    shards::Shard,
    store::{self, Beat, PlanKey, text},
};

/// How long the lock of another runner is waited for before that one counts as alive.
const BUSY_SECONDS: u32 = 3;

/// How long a runner that is taken over may take to be gone from the target.
const TAKE_OVER_SECONDS: u32 = 30;

/// How long a runner that is at work goes without a report at most: it stores one every second.
const SILENCE_MAX: Duration = Duration::from_secs(5);

/// How often it is looked for the next report.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Proves that no other runner is at work, unless this one takes over.
///
/// # Errors
///
/// [`RunError::Busy`] when one is.
pub(crate) async fn take_turn(
    session: &mut Session,
    (plan, home): (&PlanKey, &Shard),
    takes_over: bool,
    clock: &Clock,
) -> Result<(), RunError> {
    if home.name.is_none() {
        return take_lock(session, plan, &home.schema, takes_over).await;
    }
    if !takes_over && is_reporting(session, plan, clock).await? {
        return Err(RunError::Busy { connection: None });
    }
    Ok(())
}

/// Whether a runner is at work.
///
/// # Errors
///
/// What the server says.
pub(crate) async fn is_at_work(
    session: &mut Session,
    (plan, home): (&PlanKey, &Shard),
    clock: &Clock,
) -> Result<bool, RunError> {
    match home.name {
        None => Ok(other_holder(session, plan, &home.schema).await?.is_some()),
        Some(_) => is_reporting(session, plan, clock).await,
    }
}

/// Whether a report comes before the last one is as old as one of a runner at work never is, and the last one
/// was not a runner's very last.
async fn is_reporting(
    session: &mut Session,
    plan: &PlanKey,
    clock: &Clock,
) -> Result<bool, RunError> {
    let mut first = None;
    loop {
        let Some(Beat { number: Some(number), age }) = store::beat(session, plan).await? else {
            return Ok(false);
        };
        if *first.get_or_insert(number) != number {
            return Ok(true);
        }
        if age >= SILENCE_MAX {
            return Ok(false);
        }
        clock.sleep(LOOK_EVERY).await;
    }
}

/// Takes the plan's lock, from another runner only if asked to.
async fn take_lock(
    session: &mut Session,
    plan: &PlanKey,
    database: &str,
    takes_over: bool,
) -> Result<(), RunError> {
    let Some(connection) = other_holder(session, plan, database).await? else { return Ok(()) };
    if !takes_over {
        // A runner that was killed a moment ago is still being cleared away by the server.
        return wait_for_lock(session, plan, database, BUSY_SECONDS).await;
    }
    if let Ok(connection) = u32::try_from(connection) {
        end_session(session, connection).await?;
    }
    wait_for_lock(session, plan, database, TAKE_OVER_SECONDS).await
}

/// The name of a plan's lock on the target's server: at most 64 characters, so hashed.
fn lock_name(plan: &PlanKey, database: &str) -> String {
    let hash = xxhash_rust::xxh3::xxh3_128(format!("{database}\0{}", plan.name()).as_bytes());
    format!("whimbrel:{hash:032x}")
}

/// A link that takes the plan's lock with each of its sessions, if it is free, where there are locks: not
/// in a session on a shard.
pub(crate) fn locking_link(home: &Shard, plan: &PlanKey, clock: Clock) -> Link {
    let link = Link::new(home.options.clone(), Role::Target, clock);
    match home.name {
        None => link.locking(lock_name(plan, &home.schema)),
        Some(_) => link,
    }
}

/// The link of a lane: a runner that takes over finds its sessions by their lock, where there are locks.
pub(crate) fn lane_link(shard: &Shard, plan: &PlanKey, lane: u32, clock: Clock) -> Link {
    let link = match &shard.way {
        None => Link::new(shard.options.clone(), Role::Target, clock),
        Some(way) => Link::straight(Arc::clone(way), clock),
    };
    match shard.has_locks() {
        true => link.locking(format!("{}:{lane}", lock_name(plan, &shard.schema))),
        false => link,
    }
}

/// Ends the sessions of all lanes of the plan: those of a runner that is frozen, or whose machine is
/// gone, keep the locks of their transactions until the server gives them up.
///
/// `session` is with the server of the shard. Those that went through vtgate cannot be ended: Vitess does so
/// with their transactions, which it lets live for half a minute.
pub(crate) async fn end_lanes(
    session: &mut Session,
    (plan, shard): (&PlanKey, &Shard),
) -> Result<(), RunError> {
    let sql = format!(
        "SELECT IS_USED_LOCK(CONCAT({}, ':', lane)) AS holder FROM `_whimbrel_lanes` WHERE {}",
        text(&lock_name(plan, &shard.schema)),
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
async fn wait_for_lock(
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
    let connection = other_holder(session, plan, database).await?;
    Err(RunError::Busy { connection })
}

/// Who holds the plan's lock, if it is not this session.
async fn other_holder(
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
