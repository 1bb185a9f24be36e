//! The watch over the source's log: what will be gone before it is read is told while there is time.

use std::{sync::Arc, time::Duration};

use whimbrel_flow::StopLevel;
use whimbrel_mysql::{Session, source};

use crate::{
    error::RunError,
    link::SharedLink,
    retention::{Look, Retention},
    shared::Shared,
};

/// How often the source is asked what it keeps: files are removed when another is begun, which takes
/// the busiest of sources longer.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Looks at the source's log until the run is to end. A source that does not answer is looked at
/// another time: whoever needs it says so.
pub(crate) async fn watch(shared: Arc<Shared>, source: SharedLink) -> Result<(), RunError> {
    let stop = shared.stop.clone();
    let looking = async {
        let mut retention = Retention::default();
        shared.has_source().await;
        loop {
            if let Err(error) = look(&shared, &source, &mut retention).await {
                tracing::debug!(%error, "the source's log was not looked at");
                source.lock().await.drop_session();
            }
            shared.clock.sleep(LOOK_EVERY).await;
        }
    };
    tokio::select! {
        () = looking => Ok(()),
        () = stop.reached(StopLevel::Drain) => Ok(()),
    }
}

async fn look(
    shared: &Shared,
    source: &SharedLink,
    retention: &mut Retention,
) -> Result<(), RunError> {
    let mut link = source.lock().await;
    let session: &mut Session = link.session().await?;
    let server = source::server_uuid(session).await?;
    let kept = source::log_kept(session).await?;
    drop(link);
    let progress = &shared.progress;
    let lag = progress.lag_micros(shared.clock.now_micros()).unwrap_or(0);
    let danger = retention.look(&Look {
        at: shared.clock.monotonic(),
        server,
        kept,
        lag: Duration::from_micros(lag),
        rows: progress.rows_done_and_left(),
    });
    progress.warns("log", danger.map(|danger| danger.to_string()));
    Ok(())
}
