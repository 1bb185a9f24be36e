use std::time::{Duration, Instant};

use crate::KitError;

/// How often a fact is looked at while waiting for it.
const POLL: Duration = Duration::from_millis(50);

/// Waits until `fact` is true, looking at it again and again, for at most `seconds_max`: tests wait for facts, never for
/// time.
///
/// # Errors
///
/// [`KitError::Never`] with `what` when it did not become true; the error of `fact` itself at once.
pub async fn eventually(
    what: &'static str,
    seconds_max: u64,
    mut fact: impl AsyncFnMut() -> Result<bool, KitError>,
) -> Result<(), KitError> {
    let deadline = Instant::now() + Duration::from_secs(seconds_max);
    while !fact().await? {
        if Instant::now() >= deadline {
            return Err(KitError::Never { what, waited_seconds: seconds_max });
        }
        pause(POLL).await;
    }
    Ok(())
}

/// Waits in real time.
#[expect(
    clippy::disallowed_methods,
    reason = "the kit waits for other processes, whose time nobody drives"
)]
pub(crate) async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}
