//! Errors of reading that the log explains better.

use std::time::Duration;

use whimbrel_flow::StopLevel;
use whimbrel_mysql::{Session, source};

use crate::{
    error::RunError,
    link::{Link, on_link},
    shared::Shared,
};

/// How long the tail may take to pass the end that the log had when a table could not be read. A tail
/// that is behind by more says the same later than this error would.
const TOLD_WAIT_MAX: Duration = Duration::from_secs(600);

/// What becomes of a run in which a table can no longer be read.
///
/// A statement that dropped or changed the table is on its way through the tail, which knows what the
/// plan wants then. Only once the tail has passed the log's end without a word is `error` all that
/// can be said.
///
/// # Errors
///
/// `error`, unless the run is to end first.
pub(crate) async fn told_by_the_log(
    shared: &Shared,
    link: &mut Link,
    error: RunError,
) -> Result<(), RunError> {
    let what = "the log to tell why a table cannot be read".to_owned();
    shared.progress.waits("snapshot", Some(what));
    link.drop_session();
    tokio::select! {
        () = shared.stop.reached(StopLevel::Drain) => Ok(()),
        _ = shared.clock.timeout(TOLD_WAIT_MAX, log_passed(shared, link)) => Err(error),
    }
}

/// Waits until merge has passed the end that the log has now.
async fn log_passed(shared: &Shared, link: &mut Link) -> Result<(), RunError> {
    let end = on_link!(link, session => log_end(session))?;
    // The sender lives as long as `shared`.
    drop(shared.merged_upto().wait_for(|upto| upto.as_ref().is_some_and(|at| *at >= end)).await);
    Ok(())
}

async fn log_end(session: &mut Session) -> Result<whimbrel_model::LogOffset, RunError> {
    Ok(source::log_end(session).await?)
}
