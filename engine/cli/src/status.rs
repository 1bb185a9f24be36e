//! `whimbrel status`.

use std::io;

use indicatif::{HumanBytes, HumanCount};
use whimbrel_flow::Clock;
use whimbrel_migration::{Status, status};

use crate::{
    args::{self, ReportFormat},
    output::{Exit, Output},
    report,
    run::show_failure,
};

/// Shows what the target tells of a plan.
///
/// # Errors
///
/// When it cannot be written.
pub(crate) fn run(arguments: &args::Status, output: &mut Output) -> io::Result<Exit> {
    let Some((file, loaded)) = report::opened(&arguments.plan, output) else {
        return Ok(Exit::PlanRefused);
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match runtime.block_on(Box::pin(status(&loaded.plan, &Clock::system()))) {
        Err(error) => show_failure(&error, (&file, arguments.format), output),
        Ok(status) => {
            let text = match arguments.format {
                ReportFormat::Text => text(&status),
                ReportFormat::Json => format!("{}\n", serde_json::to_string(&status)?),
            };
            output.result(&text)?;
            Ok(Exit::Done)
        }
    }
}

fn text(status: &Status) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        text.extend([&format!("{name:<10} "), value, "\n"]);
    };
    let runner = if status.is_running { "at work" } else { "none" };
    line("plan", &status.plan);
    line("phase", &status.phase);
    line("runner", &format!("{runner}, last report {:.0} s ago", status.reported_seconds_ago));
    line("pieces", &format!("{} of {} held by the target", status.pieces_held, status.pieces));
    if let Some(report) = &status.report {
        if let Some(lag) = report.lag_ms.filter(|_| status.is_running) {
            line("lag", &format!("{lag} ms"));
        }
        if let Some(offset) = &report.log_offset {
            line("log", offset);
        }
        for table in &report.tables {
            let state = if table.is_copied { "copied" } else { "copying" };
            let value = format!(
                "{}: {state}, {} of about {} rows ({}), {} changes",
                table.name,
                HumanCount(table.rows_copied),
                HumanCount(table.rows_estimated.max(table.rows_copied)),
                HumanBytes(table.bytes_copied),
                HumanCount(table.changes_applied),
            );
            line("table", &value);
        }
        for what in &report.waiting_for {
            line("waits for", what);
        }
        for warning in &report.warnings {
            line("warning", warning);
        }
    }
    for (target, bytes) in &status.kept_bytes {
        line("kept", &format!("{target}: about {} beside it", HumanBytes(*bytes)));
    }
    for (target, count) in &status.dead_letters {
        line("failed", &format!("{target}: {} rows are dead letters", HumanCount(*count)));
    }
    for (lane, position) in status.positions.iter().enumerate() {
        line("position", &format!("lane {lane}: {position}"));
    }
    if let Some(error) = &status.last_error {
        line("error", error);
    }
    line("next", &status.next_step);
    text
}
