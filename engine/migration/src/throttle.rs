//! Reading gives way to a source that has too much to do.

use std::{fmt, time::Duration};

use tokio::sync::Mutex;
use whimbrel_flow::Clock;
use whimbrel_mysql::{Session, source};
use whimbrel_plan::SourceLoad;

use crate::error::RunError;

/// How often the source is asked, by whichever reader is about to read then.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Reading that waited goes on below nine tenths of a limit: a load that stays near it would stop and
/// start reading with every look.
const CALM_TENTHS: u64 = 9;

/// Why reading waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strain {
    /// More threads run than may.
    Threads { running: u64, limit: u64 },
    /// More transactions are in the history list than may.
    History { length: u64, limit: u64 },
}

/// Whether reading may go on, looked at before each chunk. The tail never asks.
#[derive(Debug)]
pub(crate) struct Throttle {
    limits: SourceLoad,
    clock: Clock,
    newest: Mutex<Newest>,
}

/// The newest look at the source.
#[derive(Debug, Default)]
struct Newest {
    at: Option<Duration>,
    strain: Option<Strain>,
}

impl Throttle {
    pub(crate) fn new(limits: SourceLoad, clock: Clock) -> Self {
        Self { limits, clock, newest: Mutex::default() }
    }

    /// Why reading has to wait, if it has; asks the source if nobody has for [`LOOK_EVERY`].
    pub(crate) async fn strain(&self, session: &mut Session) -> Result<Option<Strain>, RunError> {
        // Held while the source answers, so that the other readers wait for the same answer.
        let mut newest = self.newest.lock().await;
        let now = self.clock.monotonic();
        if newest.at.is_some_and(|at| now < at + LOOK_EVERY) {
            return Ok(newest.strain);
        }
        let load = source::load(session).await?;
        let strain = judge(self.limits, load, newest.strain.is_some());
        match (newest.strain, strain) {
            (None, Some(strain)) => tracing::warn!(%strain, "reading waits for the source"),
            (Some(_), None) => tracing::info!("reading goes on"),
            (None, None) | (Some(_), Some(_)) => {}
        }
        *newest = Newest { at: Some(self.clock.monotonic()), strain };
        Ok(strain)
    }
}

/// Whether a source with `load` is left alone: above a limit, and then until it is calm.
fn judge(limits: SourceLoad, load: source::Load, is_waiting: bool) -> Option<Strain> {
    let exceeds = |value: u64, limit: u64| {
        let bound = if is_waiting { limit.saturating_mul(CALM_TENTHS) / 10 } else { limit };
        value > bound
    };
    let (running, limit) = (load.threads_running, limits.threads_running);
    if exceeds(running, limit) {
        return Some(Strain::Threads { running, limit });
    }
    let limit = limits.history_list;
    let length = load.history_list.filter(|&length| exceeds(length, limit))?;
    Some(Strain::History { length, limit })
}

impl fmt::Display for Strain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Threads { running, limit } => {
                write!(f, "source has {running} threads running, limit {limit}")
            }
            Self::History { length, limit } => {
                write!(f, "source has {length} transactions in its history list, limit {limit}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: SourceLoad = SourceLoad { threads_running: 50, history_list: 1_000 };

    #[track_caller]
    fn check((running, length): (u64, Option<u64>), is_waiting: bool, expected: Option<&str>) {
        let load = source::Load { threads_running: running, history_list: length };

        let strain = judge(LIMITS, load, is_waiting).map(|strain| strain.to_string());

        assert_eq!(strain.as_deref(), expected);
    }

    #[test]
    fn reading_waits_above_a_limit_and_goes_on_below_nine_tenths_of_it() {
        let many = Some("source has 51 threads running, limit 50");
        check((50, Some(1_000)), false, None);
        check((51, Some(0)), false, many);
        check((51, Some(0)), true, many);
        check((46, Some(0)), true, Some("source has 46 threads running, limit 50"));
        check((45, Some(900)), true, None);
        let long = Some("source has 1001 transactions in its history list, limit 1000");
        check((1, Some(1_001)), false, long);
        check((1, Some(901)), false, None);
        check((45, Some(1_001)), true, long);
    }

    #[test]
    fn a_history_list_that_cannot_be_seen_holds_nothing_up() {
        check((50, None), false, None);
        check((51, None), false, Some("source has 51 threads running, limit 50"));
    }
}
