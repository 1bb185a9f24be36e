//! Trying again, a bounded number of times.

use std::{num::NonZeroU32, time::Duration};

use crate::Clock;

/// How often something is tried and how long is waited in between.
///
/// Waits double from `first_delay` and stop growing at `delay_max`. There is no jitter: a run has
/// one retrying party per connection, and equal runs wait equally.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryLimits {
    /// The wait after the first failure.
    pub first_delay: Duration,
    /// The longest wait.
    pub delay_max: Duration,
    /// The most attempts in all, the first one included.
    pub attempts_max: NonZeroU32,
}

impl RetryLimits {
    /// The wait after `failure_count` failures (from 1); `None` when no attempt is left.
    #[must_use]
    pub fn delay(&self, failure_count: u32) -> Option<Duration> {
        if failure_count >= self.attempts_max.get() {
            return None;
        }
        let factor = 1u32.checked_shl(failure_count.saturating_sub(1)).unwrap_or(u32::MAX);
        Some(self.first_delay.saturating_mul(factor).min(self.delay_max))
    }
}

/// Runs `attempt` (told how many failed before it, from 0) until it succeeds, fails with an error
/// that `is_transient` denies, or has used up `limits`.
///
/// # Errors
///
/// The error of the last attempt.
pub async fn retry<T, E, F>(
    clock: &Clock,
    limits: RetryLimits,
    is_transient: impl Fn(&E) -> bool,
    mut attempt: impl FnMut(u32) -> F,
) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
{
    let mut failure_count = 0;
    loop {
        let error = match attempt(failure_count).await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        failure_count += 1;
        match limits.delay(failure_count) {
            Some(delay) if is_transient(&error) => clock.sleep(delay).await,
            Some(_) | None => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ManualClock;

    const MS: Duration = Duration::from_millis(1);

    fn limits(attempts: u32) -> RetryLimits {
        RetryLimits {
            first_delay: 100 * MS,
            delay_max: 350 * MS,
            attempts_max: NonZeroU32::new(attempts).unwrap(),
        }
    }

    #[test]
    fn waits_double_up_to_their_bound_and_end() {
        let delays: Vec<_> = (1..=5).map(|failures| limits(5).delay(failures)).collect();

        let expected = [Some(100), Some(200), Some(350), Some(350), None];
        assert_eq!(delays, expected.map(|ms| ms.map(Duration::from_millis)));
        assert_eq!(limits(u32::MAX).delay(1000), Some(350 * MS));
    }

    #[tokio::test]
    async fn transient_errors_are_tried_again_after_their_wait() {
        let hands = ManualClock::new(0);
        let clock = hands.clock();
        let attempt = |failures: u32| async move {
            if failures < 2 { Err("transient") } else { Ok(failures) }
        };
        let test = async {
            for delay in [100, 200] {
                hands.sleepers(1).await;
                hands.advance(delay * MS);
            }
        };

        let (ended, ()) = tokio::join!(retry(&clock, limits(3), |_| true, attempt), test);

        assert_eq!(ended, Ok(2));
        assert_eq!(clock.now_micros(), 300_000);
    }

    #[tokio::test]
    async fn other_errors_and_the_last_attempts_are_returned_at_once() {
        let clock = ManualClock::new(0).clock();
        let attempt = |failures: u32| async move { Err::<(), u32>(failures) };

        assert_eq!(retry(&clock, limits(9), |_| false, attempt).await, Err(0));
        assert_eq!(retry(&clock, limits(1), |_| true, attempt).await, Err(0));
    }
}
