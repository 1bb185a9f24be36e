//! How long a server keeps its log.

use std::time::Duration;

use whimbrel_model::LogOffset;

use super::unexpected;
use crate::{account::Variables, error::Error, session::Session};

/// What is proposed at least: a week, so that a run that stopped on a Friday goes on on a Monday.
const PROPOSED_SECONDS_MIN: u64 = 604_800;

/// What a server keeps of its log, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogKept {
    /// The age at which the server itself removes a file; `None` when it removes none.
    pub expires_after: Option<Duration>,
    /// The beginning of the oldest file.
    pub oldest: LogOffset,
    /// The beginning of the newest file, which is written now.
    pub newest: LogOffset,
}

/// What the server keeps of its log now.
///
/// # Errors
///
/// [`Error::Unexpected`] when the server keeps no log, [`Error::Server`] without the privilege
/// `REPLICATION CLIENT`.
pub async fn log_kept(session: &mut Session) -> Result<LogKept, Error> {
    let doing = "listing the files of the binary log";
    let mut files = Vec::new();
    for row in session.query_for(doing, "SHOW BINARY LOGS").await? {
        files.push(LogOffset { file: row.text("Log_name")?, offset: 0 });
    }
    let (Some(oldest), Some(newest)) = (files.first().cloned(), files.pop()) else {
        return Err(unexpected(doing, "the server keeps no binary log"));
    };
    Ok(LogKept { expires_after: expires_after(session).await?, oldest, newest })
}

/// The age at which the server removes a file of its log by itself; `None` when it removes none.
///
/// # Errors
///
/// Those of [`Session::query`].
pub async fn expires_after(session: &mut Session) -> Result<Option<Duration>, Error> {
    let names = ["binlog_expire_logs_seconds", "binlog_expire_logs_auto_purge"];
    let variables = Variables::read(session, &names).await?;
    let seconds = variables.number("binlog_expire_logs_seconds").unwrap_or(0);
    // Older servers know no switch, and always purge.
    let [_, switch] = names;
    let is_on = variables.get(switch).is_empty() || variables.is_on(switch);
    Ok((is_on && seconds > 0).then(|| Duration::from_secs(seconds)))
}

/// The statement, in backquotes, that lets the server keep its log for twice as long as `needed`.
#[must_use]
pub fn keeping_statement(needed: Duration) -> String {
    let seconds = needed.as_secs().saturating_mul(2).clamp(PROPOSED_SECONDS_MIN, u32::MAX.into());
    format!("`SET GLOBAL binlog_expire_logs_seconds = {seconds}`")
}
