//! A bound on rows a second.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use whimbrel_flow::Clock;

/// Spreads rows over time, over all readers together.
#[derive(Debug)]
pub(crate) struct Pace {
    rows_per_second: Option<u64>,
    clock: Clock,
    /// When the rows that were read so far would all have been read at the allowed rate.
    free_at: Mutex<Duration>,
}

impl Pace {
    /// At most `rows_per_second`; no bound for `None`.
    pub(crate) fn new(rows_per_second: Option<u64>, clock: Clock) -> Self {
        Self { rows_per_second, clock, free_at: Mutex::new(Duration::ZERO) }
    }

    /// Waits for as long as reading `row_count` rows may take, after those read before.
    pub(crate) async fn read(&self, row_count: u64) {
        let Some(rate) = self.rows_per_second else { return };
        // Rows a second are below 2^32, so microseconds of a chunk stay far below 2^64.
        let cost = Duration::from_micros(row_count.saturating_mul(1_000_000) / rate.max(1));
        let until = {
            let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
            *free_at = (*free_at).max(self.clock.monotonic()) + cost;
            *free_at
        };
        self.clock.sleep_until(until).await;
    }
}

#[cfg(test)]
mod tests {
    use whimbrel_flow::ManualClock;

    use super::*;

    #[tokio::test]
    async fn rows_beyond_the_rate_wait_for_their_time() {
        let hands = ManualClock::new(0);
        let pace = Pace::new(Some(100), hands.clock());

        let reading = async {
            pace.read(50).await;
            pace.read(50).await;
            hands.clock().now_micros()
        };
        let moving = async {
            for _ in 0..2 {
                hands.sleepers(1).await;
                hands.advance(Duration::from_millis(500));
            }
        };

        assert_eq!(tokio::join!(reading, moving).0, 1_000_000);
    }
}
