//! How much a server has to do.

use super::only_row;
use crate::{
    error::{Class, Error},
    session::{Session, unexpected},
};

/// What a server has to do at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Threads that are not asleep, the one that asks among them.
    pub threads_running: u64,
    /// Transactions whose old row versions are kept for others; `None` when the account may not see
    /// it, or the server does not count it.
    pub history_list: Option<u64>,
}

/// What the server has to do now. Costs it a look at its own counters.
///
/// # Errors
///
/// Those of [`Session::query`].
pub async fn load(session: &mut Session) -> Result<Load, Error> {
    let doing = "asking how many threads run";
    let sql = "SHOW GLOBAL STATUS LIKE 'Threads_running'";
    let threads_running = only_row(session, doing, sql).await?.text("Value")?;
    let threads_running =
        threads_running.parse().map_err(|_| unexpected(doing, "the answer is not a number"))?;
    Ok(Load { threads_running, history_list: history_list(session).await? })
}

async fn history_list(session: &mut Session) -> Result<Option<u64>, Error> {
    let doing = "asking for the length of the history list";
    let sql = "SELECT COUNT AS length FROM information_schema.INNODB_METRICS \
               WHERE NAME = 'trx_rseg_history_len' AND STATUS = 'enabled'";
    match session.query_for(doing, sql).await {
        Ok(rows) => rows.first().map(|row| row.number("length")).transpose(),
        // Without PROCESS: a finding says so before the first row.
        Err(error) if error.class() == Class::Denied => Ok(None),
        Err(error) => Err(error),
    }
}
