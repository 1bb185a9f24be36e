//! Time: the system's, or a test's.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use thiserror::Error;
use tokio::sync::watch;

use crate::watched;

/// Where time comes from. Clones share it.
///
/// *Wall* time is what servers and people agree on and may jump; *monotonic* time only goes on and
/// is for measuring and waiting. A [`ManualClock`]'s two are the same.
#[derive(Debug, Clone)]
pub struct Clock {
    source: Source,
}

#[derive(Debug, Clone)]
enum Source {
    /// The system's; monotonic time counts from here.
    System(Instant),
    Manual(Arc<Manual>),
}

/// A clock that stands still, and until when each sleep under way lasts.
#[derive(Debug)]
struct Manual {
    state: watch::Sender<ManualState>,
}

#[derive(Debug)]
struct ManualState {
    now_micros: u64,
    deadlines: Vec<u64>,
}

/// The hands of a clock that stands still unless a test moves it.
#[derive(Debug, Clone)]
pub struct ManualClock {
    manual: Arc<Manual>,
}

/// A tick every period. Made by [`Clock::interval`].
#[derive(Debug)]
pub struct Interval {
    clock: Clock,
    period: Duration,
    next: Duration,
}

/// A future did not end in its time.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
#[error("not done after {limit_ms} ms")]
pub struct TimedOut {
    /// The time it had, in milliseconds.
    pub limit_ms: u128,
}

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self { source: Source::System(Instant::now()) }
    }

    /// Wall time, in microseconds since 1970.
    #[must_use]
    pub fn now_micros(&self) -> u64 {
        match &self.source {
            Source::System(_) => {
                #[expect(clippy::disallowed_methods, reason = "this is the clock")]
                let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
                micros(since_1970.unwrap_or_default())
            }
            Source::Manual(manual) => manual.state.borrow().now_micros,
        }
    }

    /// Monotonic time since a fixed moment of this clock and its clones.
    #[must_use]
    pub fn monotonic(&self) -> Duration {
        match &self.source {
            Source::System(start) => start.elapsed(),
            Source::Manual(manual) => Duration::from_micros(manual.state.borrow().now_micros),
        }
    }

    /// Waits for `duration`. Safe to cancel.
    pub async fn sleep(&self, duration: Duration) {
        match &self.source {
            Source::System(_) => {
                #[expect(clippy::disallowed_methods, reason = "this is the clock")]
                tokio::time::sleep(duration).await;
            }
            Source::Manual(manual) => manual.sleep(duration).await,
        }
    }

    /// Waits until [`Clock::monotonic`] is at least `deadline`. Safe to cancel.
    pub async fn sleep_until(&self, deadline: Duration) {
        self.sleep(deadline.saturating_sub(self.monotonic())).await;
    }

    /// A tick every `period`, the first one `period` from now.
    #[must_use]
    pub fn interval(&self, period: Duration) -> Interval {
        Interval { clock: self.clone(), period, next: self.monotonic().saturating_add(period) }
    }

    /// What `future` gives, if it ends within `limit`; it is dropped otherwise.
    ///
    /// # Errors
    ///
    /// [`TimedOut`] when it does not.
    pub async fn timeout<F: Future>(
        &self,
        limit: Duration,
        future: F,
    ) -> Result<F::Output, TimedOut> {
        tokio::select! {
            biased;
            output = future => Ok(output),
            () = self.sleep(limit) => Err(TimedOut { limit_ms: limit.as_millis() }),
        }
    }
}

impl ManualClock {
    /// A clock that stands at `now_micros` since 1970.
    #[must_use]
    pub fn new(now_micros: u64) -> Self {
        let state = watch::Sender::new(ManualState { now_micros, deadlines: Vec::new() });
        Self { manual: Arc::new(Manual { state }) }
    }

    /// What the code under test is given.
    #[must_use]
    pub fn clock(&self) -> Clock {
        Clock { source: Source::Manual(Arc::clone(&self.manual)) }
    }

    /// Moves the clock on and wakes whose time has come.
    pub fn advance(&self, duration: Duration) {
        self.manual.state.send_modify(|state| {
            state.now_micros = state.now_micros.saturating_add(micros(duration));
        });
    }

    /// Waits until at least `count` sleeps are under way whose time has not come: a fact for tests
    /// to wait for before they advance the clock.
    pub async fn sleepers(&self, count: usize) {
        watched::until(&self.manual.state, |state| state.sleeper_count() >= count).await;
    }
}

impl ManualState {
    fn sleeper_count(&self) -> usize {
        self.deadlines.iter().filter(|deadline| **deadline > self.now_micros).count()
    }
}

impl Manual {
    async fn sleep(&self, duration: Duration) {
        let sleep = Sleep::new(self, duration);
        watched::until(&self.state, |state| state.now_micros >= sleep.deadline).await;
    }
}

/// Counts one sleep, also one that is cancelled.
struct Sleep<'a> {
    manual: &'a Manual,
    deadline: u64,
}

impl<'a> Sleep<'a> {
    fn new(manual: &'a Manual, duration: Duration) -> Self {
        let mut deadline = 0;
        manual.state.send_modify(|state| {
            deadline = state.now_micros.saturating_add(micros(duration));
            state.deadlines.push(deadline);
        });
        Self { manual, deadline }
    }
}

impl Drop for Sleep<'_> {
    fn drop(&mut self) {
        self.manual.state.send_modify(|state| {
            if let Some(own) = state.deadlines.iter().position(|other| *other == self.deadline) {
                state.deadlines.swap_remove(own);
            }
        });
    }
}

impl Interval {
    /// Waits for the next tick. Ticks that were missed are left out, so that a slow receiver is not
    /// met by a burst. Safe to cancel.
    pub async fn tick(&mut self) {
        self.clock.sleep_until(self.next).await;
        self.next = self.clock.monotonic().saturating_add(self.period);
    }
}

/// Rounded up, so that nothing waits shorter than it asked.
fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1000)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn a_sleeper_wakes_when_its_time_has_come_and_not_before() {
        let hands = ManualClock::new(5_000_000);
        let clock = hands.clock();
        let test = async {
            hands.sleepers(1).await;
            hands.advance(SECOND);
            hands.sleepers(1).await;
            hands.advance(SECOND);
        };

        tokio::join!(clock.sleep(2 * SECOND), test);

        assert_eq!((clock.now_micros(), clock.monotonic()), (7_000_000, 7 * SECOND));
    }

    #[tokio::test]
    async fn a_cancelled_sleep_is_no_sleeper() {
        let hands = ManualClock::new(0);

        let cut_short = hands.clock().timeout(SECOND, async { 3 }).await;

        assert_eq!(cut_short, Ok(3));
        assert!(hands.manual.state.borrow().deadlines.is_empty());
    }

    #[tokio::test]
    async fn a_future_that_never_ends_times_out() {
        let hands = ManualClock::new(0);
        let clock = hands.clock();
        let waiting = clock.timeout(SECOND, std::future::pending::<()>());

        let (ended, ()) = tokio::join!(waiting, async {
            hands.sleepers(1).await;
            hands.advance(SECOND);
        });

        assert_eq!(ended, Err(TimedOut { limit_ms: 1000 }));
    }

    #[tokio::test]
    async fn missed_ticks_are_left_out() {
        let hands = ManualClock::new(0);
        let mut interval = hands.clock().interval(SECOND);

        hands.advance(5 * SECOND);
        interval.tick().await;

        assert_eq!(interval.next, 6 * SECOND);
    }

    #[tokio::test]
    async fn the_system_clock_goes_on() {
        let clock = Clock::system();
        let (wall, monotonic) = (clock.now_micros(), clock.monotonic());

        clock.sleep(Duration::from_millis(2)).await;

        assert!(clock.monotonic() >= monotonic + Duration::from_millis(2));
        assert!(wall > 1_600_000_000_000_000, "microseconds since 1970");
    }
}
