//! A server as a source: how far its log goes, what it has executed, and whether it will do.

mod checks;
mod kept;
mod load;

use std::time::Duration;

use whimbrel_model::{GtidSet, LogOffset};

use crate::{
    error::Error,
    session::{ANSWER_WAIT_MAX, Record, Session, unexpected},
};

pub use self::{
    checks::{absence_finding, findings},
    kept::{LogKept, expires_after, keeping_statement, log_kept},
    load::{Load, load},
};

/// Where the binary log ends now: everything that a read view opened before this sees lies before
/// it, also what `gtid_executed` does not list yet.
///
/// # Errors
///
/// [`Error::Unexpected`] when the server keeps no log, [`Error::Server`] without the privilege
/// `REPLICATION CLIENT`.
pub async fn log_end(session: &mut Session) -> Result<LogOffset, Error> {
    let doing = "reading where the binary log ends";
    // The statement's name changed in 8.2 and the old one is gone in 8.4; MariaDB kept another.
    let sql = match (session.server_version().is_mariadb(), session.server_version().numbers) {
        (false, version) if version < (8, 2, 0) => "SHOW MASTER STATUS",
        (false, _) => "SHOW BINARY LOG STATUS",
        (true, _) => "SHOW BINLOG STATUS",
    };
    let rows = session.query_for(doing, sql).await?;
    let [row] = rows.as_slice() else {
        return Err(unexpected(doing, "the server keeps no binary log"));
    };
    Ok(LogOffset { file: row.text("File")?, offset: row.number("Position")? })
}

/// The transactions that the server has executed and lists so.
///
/// # Errors
///
/// Those of [`Session::query`]; [`Error::Gtid`] when the answer is no set.
pub async fn executed(session: &mut Session) -> Result<GtidSet, Error> {
    let value = global(session, "gtid_executed").await?;
    Ok(value.parse()?)
}

/// The transactions that the server's log no longer holds.
///
/// # Errors
///
/// As [`executed`].
pub async fn purged(session: &mut Session) -> Result<GtidSet, Error> {
    let value = global(session, "gtid_purged").await?;
    Ok(value.parse()?)
}

/// The server's identity, lower case with dashes.
///
/// # Errors
///
/// Those of [`Session::query`].
pub async fn server_uuid(session: &mut Session) -> Result<String, Error> {
    Ok(global(session, "server_uuid").await?.to_ascii_lowercase())
}

/// Whether the server has executed all of `wanted`, within `seconds`; 0 asks without waiting.
///
/// # Errors
///
/// Those of [`Session::query`]; [`Error::Server`] when the server has `gtid_mode=OFF`.
pub async fn wait_executed(
    session: &mut Session,
    wanted: &GtidSet,
    seconds: u64,
) -> Result<bool, Error> {
    if wanted.is_empty() {
        return Ok(true);
    }
    let doing = "waiting for the server to execute transactions";
    if seconds == 0 {
        // A timeout of 0 would wait for ever.
        let sql = format!("SELECT GTID_SUBSET('{wanted}', @@GLOBAL.gtid_executed) AS v");
        return Ok(only_row(session, doing, &sql).await?.number::<u8>("v")? == 1);
    }
    // The answer must come before the session gives the statement up.
    let longest = ANSWER_WAIT_MAX.saturating_sub(Duration::from_secs(30)).as_secs();
    let seconds = seconds.min(longest);
    let sql = format!("SELECT WAIT_FOR_EXECUTED_GTID_SET('{wanted}', {seconds}) AS v");
    match only_row(session, doing, &sql).await?.number::<u8>("v")? {
        0 => Ok(true),
        1 => Ok(false),
        _ => Err(unexpected(doing, "neither executed nor timed out")),
    }
}

/// What of `known` the server has not executed.
///
/// # Errors
///
/// As [`executed`].
pub async fn lost(session: &mut Session, known: &GtidSet) -> Result<GtidSet, Error> {
    Ok(known.difference(&executed(session).await?))
}

/// Whether transactions that a server has not executed may still come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// It is a replica that applies, and has them or is connected to who may have.
    UnderWay,
    /// It is a replica that does not apply now, or cannot get them now.
    Stopped,
    /// It is no replica.
    None,
}

/// Whether `missing` may still come to this server from a server that it is a replica of.
///
/// # Errors
///
/// Those of [`Session::query`]; [`Error::Gtid`] when what it has received is no set.
pub async fn arrival(session: &mut Session, missing: &GtidSet) -> Result<Arrival, Error> {
    // Both words changed in one version.
    let (statement, prefix) = match session.server_version().numbers {
        version if version < (8, 0, 22) => ("SHOW SLAVE STATUS", "Slave"),
        _ => ("SHOW REPLICA STATUS", "Replica"),
    };
    let channels = session.query_for("reading the state of replication", statement).await?;
    let mut found = Arrival::None;
    for channel in &channels {
        let is_on = |thread: &str| -> Result<bool, Error> {
            Ok(channel.text(&format!("{prefix}_{thread}_Running"))?.eq_ignore_ascii_case("yes"))
        };
        let received: GtidSet = channel.text("Retrieved_Gtid_Set")?.parse()?;
        if is_on("SQL")? && (is_on("IO")? || missing.is_subset(&received)) {
            return Ok(Arrival::UnderWay);
        }
        found = Arrival::Stopped;
    }
    Ok(found)
}

/// A global variable, as text.
async fn global(session: &mut Session, name: &'static str) -> Result<String, Error> {
    let sql = format!("SELECT @@GLOBAL.{name} AS v");
    only_row(session, &format!("reading `{name}`"), &sql).await?.text("v")
}

async fn only_row(session: &mut Session, doing: &str, sql: &str) -> Result<Record, Error> {
    let rows = session.query_for(doing, sql).await?;
    <[Record; 1]>::try_from(rows)
        .map(|[row]| row)
        .map_err(|rows| unexpected(doing, format!("{} rows where one was expected", rows.len())))
}
