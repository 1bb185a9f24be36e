//! Whether the source will remove log that the run still needs.

use std::{collections::VecDeque, fmt, time::Duration};

use whimbrel_model::LogOffset;
use whimbrel_mysql::source::{LogKept, keeping_statement};

/// How long a trend is watched before it counts, and at most.
const TREND_MIN: Duration = Duration::from_secs(60);

/// A trend is that of the last minutes: the load of an hour ago says nothing of the rest of the copy.
const TREND_MAX: Duration = Duration::from_secs(600);

/// The most log files whose last use is remembered, and the most looks of a trend.
const REMEMBERED_MAX: usize = 200;

/// The source and the run at a moment.
#[derive(Debug, Clone)]
pub(crate) struct Look {
    /// When, by a clock that only goes forward.
    pub(crate) at: Duration,
    /// The server whose log it is.
    pub(crate) server: String,
    /// What it keeps.
    pub(crate) kept: LogKept,
    /// By how much the target is behind.
    pub(crate) lag: Duration,
    /// Rows that the copy has written, and those that it has still to write.
    pub(crate) rows: (u64, u64),
}

/// Why the log may be gone before it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Danger {
    /// A file was removed long before its time.
    Removed { file: String, after: Duration },
    /// Half of the time for which log is kept has gone by.
    Behind { lag: Duration, kept: Duration },
    /// The run falls behind so fast that the log will be gone when the copy ends.
    FallingBehind { copy_left: Duration, lag_then: Duration, kept: Duration },
}

/// What earlier looks at the source have shown.
#[derive(Debug, Default)]
pub(crate) struct Retention {
    server: String,
    /// The files that were the newest, each with when it last was.
    newest: VecDeque<(Duration, LogOffset)>,
    /// When, with the lag and the rows copied by then.
    trend: VecDeque<(Duration, Duration, u64)>,
}

impl Retention {
    /// What a look shows beside those before it.
    pub(crate) fn look(&mut self, look: &Look) -> Option<Danger> {
        if self.server != look.server {
            *self = Self { server: look.server.clone(), ..Self::default() };
        }
        self.remember(look);
        self.removed(look).or_else(|| behind(look)).or_else(|| self.falling_behind(look))
    }

    fn remember(&mut self, look: &Look) {
        self.newest.retain(|(_, file)| *file != look.kept.newest);
        self.newest.push_back((look.at, look.kept.newest.clone()));
        self.trend.push_back((look.at, look.lag, look.rows.0));
        while self.trend.len() > REMEMBERED_MAX
            || self.trend.front().is_some_and(|(at, ..)| *at + TREND_MAX < look.at)
        {
            self.trend.pop_front();
        }
        while self.newest.len() > REMEMBERED_MAX {
            self.newest.pop_front();
        }
    }

    /// A file that was written to when it was last looked at, and is gone although the server keeps
    /// files for longer than that: someone removes them by hand, or a service does.
    fn removed(&self, look: &Look) -> Option<Danger> {
        let is_early = |after| look.kept.expires_after.is_none_or(|kept| after < kept);
        let early = |(at, file): &(Duration, LogOffset)| {
            let after = look.at.saturating_sub(*at);
            (*file < look.kept.oldest && is_early(after))
                .then(|| Danger::Removed { file: file.file.clone(), after })
        };
        self.newest.iter().rev().find_map(early)
    }

    fn falling_behind(&self, look: &Look) -> Option<Danger> {
        let kept = look.kept.expires_after?;
        let (since, lag_before, rows_before) = self.trend.front()?;
        let span = look.at.saturating_sub(*since);
        let lag_growth = look.lag.saturating_sub(*lag_before).as_secs_f64();
        let copied = look.rows.0.saturating_sub(*rows_before);
        if span < TREND_MIN || copied == 0 || lag_growth <= 0.0 {
            return None;
        }
        // In f64: what is shown are round figures.
        let copy_left = span.as_secs_f64() * ratio(look.rows.1, copied);
        let lag_then = look.lag.as_secs_f64() + lag_growth * ratio(look.rows.1, copied);
        let [copy_left, lag_then] = [copy_left, lag_then].map(Duration::try_from_secs_f64);
        // Too far ahead for a duration is far ahead, too.
        let (copy_left, lag_then) =
            (copy_left.unwrap_or(Duration::MAX), lag_then.unwrap_or(Duration::MAX));
        (lag_then >= kept).then_some(Danger::FallingBehind { copy_left, lag_then, kept })
    }
}

fn behind(look: &Look) -> Option<Danger> {
    let kept = look.kept.expires_after?;
    (look.lag >= kept / 2).then_some(Danger::Behind { lag: look.lag, kept })
}

#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn ratio(of: u64, to: u64) -> f64 {
    of as f64 / to as f64
}

/// A round figure.
fn about(duration: Duration) -> String {
    const STEPS: [(u64, &str); 3] = [(172_800, "days"), (7_200, "hours"), (120, "minutes")];
    let seconds = duration.as_secs();
    let sizes = [86_400, 3_600, 60];
    let step = STEPS.iter().zip(sizes).find(|((from, _), _)| seconds >= *from);
    step.map_or_else(
        || format!("{seconds} s"),
        |((_, unit), size)| format!("{} {unit}", seconds / size),
    )
}

impl fmt::Display for Danger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Removed { file, after } => write!(
                f,
                "the source's log file `{file}` was removed less than {} after it was written: a run \
                 that is stopped or disconnected for longer has to begin again; end whatever purges \
                 the log, or let it keep a week (on Amazon RDS: `CALL \
                 mysql.rds_set_configuration('binlog retention hours', 168)`)",
                about(*after + Duration::from_secs(1))
            ),
            Self::Behind { lag, kept } => write!(
                f,
                "the run is {} behind, and the source keeps its log for {}: what is still needed may \
                 soon be removed; {}",
                about(*lag),
                about(*kept),
                keeping_statement(*lag + *kept)
            ),
            Self::FallingBehind { copy_left, lag_then, kept } => write!(
                f,
                "the run falls behind while it copies: when the copy ends in {}, it will be {} behind, \
                 and the source keeps its log for {}; {}, or copy with a lower \
                 `limits.rows_per_second`",
                about(*copy_left),
                about(*lag_then),
                about(*kept),
                keeping_statement(*lag_then)
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400;

    fn look(at: u64, (oldest, newest): (u32, u32), lag: u64, rows: (u64, u64)) -> Look {
        let file = |number: u32| LogOffset { file: format!("bin.{number:06}"), offset: 0 };
        Look {
            at: Duration::from_secs(at),
            server: "one".to_owned(),
            kept: LogKept {
                expires_after: Some(Duration::from_secs(DAY)),
                oldest: file(oldest),
                newest: file(newest),
            },
            lag: Duration::from_secs(lag),
            rows,
        }
    }

    #[test]
    fn a_run_that_keeps_up_is_in_no_danger() {
        let mut retention = Retention::default();

        // A file is written for 50 minutes, and removed a day and 50 minutes after that.
        for minute in 0..4_000_u32 {
            let files = (4 + minute.saturating_sub(1_440) / 50, 5 + minute / 50);
            let rows = (u64::from(minute), 10_000_000);
            assert_eq!(retention.look(&look(u64::from(minute) * 60, files, 3, rows)), None);
        }
    }

    #[test]
    fn half_of_the_time_that_the_log_is_kept_is_told_of() {
        let danger = |lag| Retention::default().look(&look(0, (1, 9), lag, (0, 0)));

        assert_eq!(danger(DAY / 2 - 1), None);
        let told = danger(DAY / 2).unwrap().to_string();
        assert!(
            told.starts_with("the run is 12 hours behind, and the source keeps its log for 24")
        );
        assert!(told.ends_with("`SET GLOBAL binlog_expire_logs_seconds = 604800`"), "{told}");
    }

    #[test]
    fn a_lag_that_outgrows_the_log_before_the_copy_ends_is_told_of_early() {
        let mut retention = Retention::default();
        // A million seconds to go, and the lag grows by half of the time.
        for tick in 0..10 {
            let rows = (tick * 100, 10_000_000);
            let danger = retention.look(&look(tick * 10, (1, 9), tick * 5, rows));

            assert_eq!(danger.is_some(), tick >= 6, "{tick}: {danger:?}");
        }
        // With a few rows to go it will not have grown so far.
        let slow = retention.look(&look(100, (1, 9), 50, (1_000, 100)));
        assert_eq!(slow, None);
    }

    #[test]
    fn files_that_go_before_their_time_are_told_of() {
        let mut retention = Retention::default();
        assert_eq!(retention.look(&look(0, (1, 3), 0, (0, 0))), None);
        assert_eq!(retention.look(&look(10, (1, 4), 0, (0, 0))), None);
        // What was there before the run may be as old as it likes.
        assert_eq!(retention.look(&look(20, (3, 4), 0, (0, 0))), None);

        let gone = retention.look(&look(30, (4, 5), 0, (0, 0)));

        let after = Duration::from_secs(30);
        assert_eq!(gone, Some(Danger::Removed { file: "bin.000003".to_owned(), after }));
        assert_eq!(retention.look(&look(DAY + 1, (4, 6), 0, (0, 0))), None);
    }

    #[test]
    fn another_server_has_other_files() {
        let mut retention = Retention::default();
        retention.look(&look(0, (1, 3), 0, (0, 0)));

        let other = Look { server: "two".to_owned(), ..look(10, (7, 8), 0, (0, 0)) };

        assert_eq!(retention.look(&other), None);
    }

    #[test]
    fn spans_are_told_in_round_figures() {
        for (seconds, text) in [
            (119, "119 s"),
            (120, "2 minutes"),
            (7_199, "119 minutes"),
            (7_200, "2 hours"),
            (172_800, "2 days"),
        ] {
            assert_eq!(about(Duration::from_secs(seconds)), text);
        }
    }
}
