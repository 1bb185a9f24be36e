//! Telling everything to end.

use std::sync::Arc;

use tokio::sync::watch;

use crate::watched;

/// How a run is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StopLevel {
    /// Sources take in nothing more; what is under way is applied.
    Drain,
    /// Everything ends where it stands. What was stored is stored, and a next run goes on there.
    Now,
}

/// A signal shared by all its clones, that rises from nothing to [`StopLevel::Drain`] to
/// [`StopLevel::Now`] and never falls.
///
/// Stages other than sources need not listen to `Drain`: their inlets close.
#[derive(Debug, Clone)]
pub struct Stop {
    level: Arc<watch::Sender<Option<StopLevel>>>,
}

impl Stop {
    /// A signal that nobody has raised.
    #[must_use]
    pub fn new() -> Self {
        Self { level: Arc::new(watch::Sender::new(None)) }
    }

    /// Raises the signal to `level`, unless it is there or above.
    pub fn request(&self, level: StopLevel) {
        self.level.send_if_modified(|now| {
            let rises = *now < Some(level);
            if rises {
                *now = Some(level);
            }
            rises
        });
    }

    /// The level it stands at; `None` while nobody asked to stop.
    #[must_use]
    pub fn requested(&self) -> Option<StopLevel> {
        *self.level.borrow()
    }

    /// Ends once `level`, or one above it, is requested. Safe to cancel.
    pub async fn reached(&self, level: StopLevel) {
        watched::until(&self.level, |now| *now >= Some(level)).await;
    }
}

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_wakes_those_who_wait_for_it_or_less() {
        let stop = Stop::new();
        let other = stop.clone();
        let waiters = async {
            stop.reached(StopLevel::Drain).await;
            stop.reached(StopLevel::Now).await;
        };

        tokio::join!(waiters, async { other.request(StopLevel::Now) });

        assert_eq!(stop.requested(), Some(StopLevel::Now));
    }

    #[tokio::test]
    async fn a_drain_does_not_end_those_who_wait_for_now() {
        let stop = Stop::new();

        stop.request(StopLevel::Drain);

        tokio::select! {
            biased;
            () = stop.reached(StopLevel::Now) => panic!("nobody asked for it"),
            () = stop.reached(StopLevel::Drain) => {}
        }
    }

    #[test]
    fn the_level_never_falls() {
        let stop = Stop::new();

        stop.request(StopLevel::Now);
        stop.request(StopLevel::Drain);

        assert_eq!(stop.requested(), Some(StopLevel::Now));
    }
}
