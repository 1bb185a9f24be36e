//! How fast a run goes, and how long it will take, from one report to the next.

use std::collections::VecDeque;

use whimbrel_migration::Report;

/// The span that a rate is taken over: long enough to be steady, short enough to be today's.
const WINDOW_SECONDS: f64 = 15.0;

/// Rates over the last seconds.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Seconds, rows copied, row changes applied.
    samples: VecDeque<(f64, u64, u64)>,
}

/// What a report comes to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Totals {
    pub(super) rows_copied: u64,
    /// Never below the rows that are copied.
    pub(super) rows_estimated: u64,
    pub(super) bytes_copied: u64,
    pub(super) tables_copied: usize,
    pub(super) rows_per_second: f64,
    pub(super) changes_per_second: f64,
    /// Until the copy ends, if it goes on as it does now.
    pub(super) eta_seconds: Option<f64>,
}

impl Pace {
    /// Takes a report in.
    pub(super) fn totals(&mut self, report: &Report) -> Totals {
        let sum = |value: fn(&whimbrel_migration::TableReport) -> u64| {
            report.tables.iter().map(value).sum::<u64>()
        };
        let rows_copied = sum(|table| table.rows_copied);
        let changes = sum(|table| table.changes_applied);
        // The source's guess can be far off: what is copied already is a better one.
        let rows_estimated = sum(|table| {
            if table.is_copied {
                table.rows_copied
            } else {
                table.rows_estimated.max(table.rows_copied)
            }
        });
        self.samples.push_back((report.elapsed_seconds, rows_copied, changes));
        while self.samples.len() > 2
            && self
                .samples
                .front()
                .is_some_and(|(at, ..)| report.elapsed_seconds - at > WINDOW_SECONDS)
        {
            self.samples.pop_front();
        }
        let (rows_per_second, changes_per_second) = self.rates();
        let left = rows_estimated.saturating_sub(rows_copied);
        Totals {
            rows_copied,
            rows_estimated,
            bytes_copied: sum(|table| table.bytes_copied),
            tables_copied: report.tables.iter().filter(|table| table.is_copied).count(),
            rows_per_second,
            changes_per_second,
            eta_seconds: (rows_per_second > 0.0 && left > 0).then(|| real(left) / rows_per_second),
        }
    }

    fn rates(&self) -> (f64, f64) {
        let (Some(first), Some(last)) = (self.samples.front(), self.samples.back()) else {
            return (0.0, 0.0);
        };
        let seconds = last.0 - first.0;
        if seconds <= 0.0 {
            return (0.0, 0.0);
        }
        let rate = |from: u64, to: u64| real(to.saturating_sub(from)) / seconds;
        (rate(first.1, last.1), rate(first.2, last.2))
    }
}

/// A count as a real number, for showing: exact far beyond any count of rows.
#[expect(clippy::cast_precision_loss, reason = "shown with at most a few digits")]
pub(super) fn real(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use whimbrel_migration::{Phase, TableReport};

    use super::*;

    fn report(elapsed_seconds: f64, rows_copied: u64) -> Report {
        Report {
            phase: Phase::Copying,
            tables: vec![TableReport {
                name: "t".to_owned(),
                rows_copied,
                rows_estimated: 1_000,
                bytes_copied: 0,
                is_copied: false,
                changes_applied: 0,
            }],
            elapsed_seconds,
            lag_ms: None,
            log_offset: None,
            transactions_applied: 0,
            lane_count: 1,
            waiting_for: Vec::new(),
            warnings: Vec::new(),
        }
    }

    #[test]
    fn the_time_left_follows_from_the_rate_of_the_last_seconds() {
        let mut pace = Pace::default();
        pace.totals(&report(0.0, 0));

        let totals = pace.totals(&report(2.0, 200));

        assert!((totals.rows_per_second - 100.0).abs() < 1e-9);
        assert!((totals.eta_seconds.unwrap() - 8.0).abs() < 1e-9);
    }

    #[test]
    fn rows_beyond_the_guess_do_not_make_more_than_all() {
        let totals = Pace::default().totals(&report(1.0, 5_000));

        assert_eq!(totals.rows_estimated, 5_000);
        assert_eq!(totals.eta_seconds, None);
    }
}
