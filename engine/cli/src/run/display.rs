//! A run's progress: a live screen on a terminal, otherwise a line every while.

use std::{borrow::Cow, io, time::Duration};

use indicatif::{HumanBytes, HumanCount, HumanDuration, MultiProgress, ProgressBar, ProgressStyle};
use whimbrel_migration::{Report, TableReport};

use super::pace::{Pace, Totals};
use crate::{args::ReportFormat, output::Output};

/// Tables that have a bar of their own: more would not fit on a screen.
const BARS_MAX: usize = 20;

/// Shows reports.
#[derive(Debug)]
pub(super) struct Display {
    kind: Kind,
    pace: Pace,
    /// Whether the screen has told of the warnings that stand; elsewhere the log has.
    has_warned: bool,
}

#[derive(Debug)]
enum Kind {
    Screen(Box<Screen>),
    Lines,
    Json,
}

/// Bars of tables, and a line below them.
#[derive(Debug)]
struct Screen {
    bars: MultiProgress,
    tables: Vec<ProgressBar>,
    line: ProgressBar,
}

impl Display {
    pub(super) fn new(format: ReportFormat, is_terminal: bool) -> Self {
        let kind = match (format, is_terminal) {
            (ReportFormat::Json, _) => Kind::Json,
            (ReportFormat::Text, true) => Kind::Screen(Box::new(Screen::new())),
            (ReportFormat::Text, false) => Kind::Lines,
        };
        Self { kind, pace: Pace::default(), has_warned: false }
    }

    /// Whether it is drawn anew in place.
    pub(super) fn is_screen(&self) -> bool {
        matches!(self.kind, Kind::Screen(_))
    }

    /// Shows where the run is.
    pub(super) fn show(&mut self, report: &Report, output: &mut Output) -> io::Result<()> {
        if self.is_screen() && !self.has_warned {
            for warning in &report.warnings {
                self.note(&format!("warning: {warning}\n"), output);
            }
        }
        self.has_warned = !report.warnings.is_empty();
        let totals = self.pace.totals(report);
        match &mut self.kind {
            Kind::Screen(screen) => {
                screen.draw(report, &totals);
                Ok(())
            }
            Kind::Lines => {
                output.message(&format!("{}\n", line(report, &totals)));
                Ok(())
            }
            Kind::Json => output.result(&format!("{}\n", json(report, &totals))),
        }
    }

    /// Shows where the run was at its end, and leaves the screen.
    pub(super) fn finish(&mut self, report: &Report, output: &mut Output) -> io::Result<()> {
        if let Kind::Screen(screen) = &self.kind {
            screen.clear();
            self.kind = Kind::Lines;
        }
        self.show(report, output)
    }

    /// Says something between two reports.
    pub(super) fn note(&self, text: &str, output: &Output) {
        match &self.kind {
            // Without the bars in the way.
            Kind::Screen(screen) => screen.bars.suspend(|| output.message(text)),
            Kind::Lines | Kind::Json => output.message(text),
        }
    }
}

fn json(report: &Report, totals: &Totals) -> serde_json::Value {
    serde_json::json!({
        "event": "progress",
        "rows_per_second": totals.rows_per_second,
        "changes_per_second": totals.changes_per_second,
        "eta_seconds": totals.eta_seconds,
        "run": report,
    })
}

/// One line for all of a run.
fn line(report: &Report, totals: &Totals) -> String {
    let mut parts = vec![report.phase.as_str().to_owned()];
    if totals.tables_copied < report.tables.len() {
        parts.push(format!("{}/{} tables", totals.tables_copied, report.tables.len()));
        parts.push(format!(
            "{} of about {} rows ({})",
            HumanCount(totals.rows_copied),
            HumanCount(totals.rows_estimated),
            HumanBytes(totals.bytes_copied)
        ));
        parts.push(format!("{:.0} rows/s", totals.rows_per_second));
        parts.push(totals.eta_seconds.map_or_else(
            || "time left unknown".to_owned(),
            |seconds| format!("{} left", HumanDuration(Duration::from_secs_f64(seconds))),
        ));
    }
    parts.push(format!("{:.0} changes/s", totals.changes_per_second));
    parts.push(lag(report));
    if !report.waiting_for.is_empty() {
        parts.push(format!("waits for {}", report.waiting_for.join("; ")));
    }
    parts.join(" · ")
}

fn lag(report: &Report) -> String {
    match report.lag_ms {
        None => "lag unknown".to_owned(),
        Some(milliseconds) if milliseconds < 10_000 => format!("lag {milliseconds} ms"),
        Some(milliseconds) => {
            format!("lag {}", HumanDuration(Duration::from_millis(milliseconds)))
        }
    }
}

impl Screen {
    fn new() -> Self {
        let bars = MultiProgress::new();
        let line = bars.add(ProgressBar::new_spinner());
        line.set_style(style("{spinner} {wide_msg}"));
        Self { bars, tables: Vec::new(), line }
    }

    fn draw(&mut self, report: &Report, totals: &Totals) {
        if self.tables.is_empty() {
            for table in report.tables.iter().take(BARS_MAX) {
                let bar = self.bars.insert_before(&self.line, ProgressBar::new(1));
                bar.set_style(style("{prefix:24!} {bar:30} {percent:>3} % {msg}"));
                bar.set_prefix(table.name.clone());
                self.tables.push(bar);
            }
        }
        for (bar, table) in self.tables.iter().zip(&report.tables) {
            bar.set_length(if table.is_copied {
                table.rows_copied.max(1)
            } else {
                table.rows_estimated.max(table.rows_copied + 1)
            });
            bar.set_position(if table.is_copied {
                table.rows_copied.max(1)
            } else {
                table.rows_copied
            });
            bar.set_message(counts(table));
        }
        self.line.set_message(line(report, totals));
        self.line.tick();
    }

    fn clear(&self) {
        for bar in &self.tables {
            bar.finish_and_clear();
        }
        self.line.finish_and_clear();
    }
}

fn counts(table: &TableReport) -> Cow<'static, str> {
    let rows = HumanCount(table.rows_copied);
    if table.changes_applied == 0 {
        return format!("{rows} rows").into();
    }
    format!("{rows} rows, {} changes", HumanCount(table.changes_applied)).into()
}

/// The templates are constants: one that cannot be read leaves the plain bar.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
