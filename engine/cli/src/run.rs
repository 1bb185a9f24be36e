//! `whimbrel run`.

mod display;
mod failure;
mod interrupt;
mod pace;

use std::{io, time::Duration};

use whimbrel_flow::{Clock, Stop, StopLevel};
use whimbrel_migration::{Announce, Notes, Outcome, Preparing, Run, RunError, Until};
use whimbrel_plan::Plan;

use self::{display::Display, interrupt::Interrupts};
use crate::{
    args::{self, ReportFormat},
    logs, memory,
    output::{Exit, Output},
    plan_file::{self, PlanFile},
    report,
};

pub(crate) use failure::show as show_failure;

/// How often a terminal is drawn anew: often enough to look alive, seldom enough to cost nothing.
const SCREEN_EVERY: Duration = Duration::from_millis(200);

/// How long a person is left without a word.
const PATIENCE: Duration = Duration::from_secs(2);

/// Copies, then follows.
///
/// # Errors
///
/// When it cannot be written.
pub(crate) fn run(arguments: &args::Run, output: &mut Output) -> io::Result<Exit> {
    // Before anything is read that cannot be read again.
    memory::return_large_blocks();
    let Some((file, loaded)) = report::opened(&arguments.plan, output) else {
        return Ok(Exit::PlanRefused);
    };
    output.message(&report::problems_text(&file, &loaded.warnings, output.has_colours()));
    let is_screen = arguments.format == ReportFormat::Text && output.is_terminal();
    logs::start(arguments.format, is_screen);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(migrate((&file, &loaded.plan), arguments, output))?;
    match ended {
        Ok(outcome) => {
            output.message(&farewell(outcome, &file.name));
            let wanted = arguments.until == Until::Stopped || outcome == Outcome::CaughtUp;
            Ok(if wanted { Exit::Done } else { Exit::Failed })
        }
        Err(error) => failure::show(&error, (&file, arguments.format), output),
    }
}

async fn migrate(
    (file, plan): (&PlanFile, &Plan),
    arguments: &args::Run,
    output: &mut Output,
) -> io::Result<Result<Outcome, RunError>> {
    let (clock, stop) = (Clock::system(), Stop::new());
    let mut interrupts = Interrupts::new()?;
    let preparing = Preparing::default();
    let mut told = None;
    let settings = (clock.clone(), stop.clone());
    let tell = |statements: &[String]| changes(statements, arguments.format);
    let tells: (&Preparing, Announce<'_>) = (&preparing, &tell);
    let mut assembling = Box::pin(Run::assemble(plan, arguments.takes_over, settings, tells));
    let mut run = loop {
        tokio::select! {
            assembled = &mut assembling => match assembled {
                Ok(run) => break run,
                Err(error) => return Ok(Err(error)),
            },
            () = interrupts.next() => return Ok(Ok(Outcome::Stopped)),
            () = clock.sleep(PATIENCE) => {
                let now = match preparing.waits_for() {
                    Some(what) => format!("waits, and tries again: {what}\n"),
                    None => "checking both servers and the tables of the plan …\n".to_owned(),
                };
                if told.as_ref() != Some(&now) {
                    output.message(&now);
                    told = Some(now);
                }
            }
        }
    };
    if let Some((written, text)) = plan_file::source_schema(plan) {
        run.compare_with_schema_file((written, &text));
    }
    let mut display = Display::new(arguments.format, output.is_terminal());
    announce(run.notes(), (file, arguments.format), output)?;

    let progress = run.progress();
    let report = || progress.report(clock.now_micros());
    let period = if display.is_screen() {
        SCREEN_EVERY
    } else {
        Duration::from_secs(arguments.every_seconds)
    };
    let mut running = Box::pin(run.run(arguments.until));
    let ended = loop {
        tokio::select! {
            ended = &mut running => break ended,
            () = interrupts.next() => display.note(&interrupt(&stop), output),
            () = clock.sleep(period) => display.show(&report(), output)?,
        }
    };
    display.finish(&report(), output)?;
    Ok(ended)
}

/// Tells of the statements that are about to change a vschema.
fn changes(statements: &[String], format: ReportFormat) {
    let mut output = Output::new();
    if format == ReportFormat::Json {
        let line = serde_json::json!({ "event": "vschema", "statements": statements });
        // A reader that has gone is told of by the next event.
        output.result(&format!("{line}\n")).ok();
        return;
    }
    let lines: Vec<String> = statements.iter().map(|line| format!("  {line}\n")).collect();
    let what = "adding to the vschema what it lacks of the plan:";
    output.message(&format!("{what}\n{}", lines.concat()));
}

/// The first interrupt drains, the second stops at once; both lose nothing.
fn interrupt(stop: &Stop) -> String {
    if stop.requested().is_none() {
        stop.request(StopLevel::Drain);
        return "stopping: what is under way is being written; interrupt again to stop at once\n"
            .to_owned();
    }
    stop.request(StopLevel::Now);
    "stopping at once\n".to_owned()
}

/// Tells what a person should know before the first row.
fn announce(
    notes: &Notes,
    (file, format): (&PlanFile, ReportFormat),
    output: &mut Output,
) -> io::Result<()> {
    if format == ReportFormat::Json {
        let left: Vec<_> = notes
            .left_behind
            .iter()
            .map(|left| {
                serde_json::json!({
                    "kind": left.kind.to_string(), "name": left.name, "why": left.why,
                })
            })
            .collect();
        let warnings: Vec<_> = notes.warnings.iter().map(failure::finding_json).collect();
        let line = serde_json::json!({
            "event": "started",
            "tables": notes.tables,
            "resumed": notes.is_resumed,
            "warnings": warnings,
            "plan_warnings": report::plan_json(file, &notes.of_plan)["problems"],
            "left_behind": left,
        });
        return output.result(&format!("{line}\n"));
    }
    output.message(&report::problems_text(file, &notes.of_plan, output.has_colours()));
    for finding in &notes.warnings {
        output.message(&format!("{finding}\n"));
    }
    for left in &notes.left_behind {
        output.message(&format!("stays behind: {} `{}` ({})\n", left.kind, left.name, left.why));
    }
    let begins = if notes.is_resumed { "going on with" } else { "moving" };
    let count = notes.tables.len();
    output.message(&format!("{begins} {count} table{}\n", if count == 1 { "" } else { "s" }));
    Ok(())
}

fn farewell(outcome: Outcome, plan: &str) -> String {
    match outcome {
        Outcome::CaughtUp => {
            format!("caught up: everything is stored; `whimbrel run {plan}` follows on from here\n")
        }
        Outcome::Drained => {
            format!("stopped: everything taken in is stored; `whimbrel run {plan}` goes on\n")
        }
        Outcome::Stopped => {
            format!("stopped at once: `whimbrel run {plan}` goes on from what was stored\n")
        }
    }
}
