//! Why a run did not start or go on, for people and for machines.

use std::io;

use serde_json::{Value, json};
use whimbrel_migration::RunError;
use whimbrel_mysql::Finding;

use crate::{
    args::ReportFormat,
    output::{Exit, Output},
    plan_file::PlanFile,
    report::{self, PlacedError},
};

/// Shows `error`; the exit code that goes with it.
///
/// # Errors
///
/// When it cannot be written.
pub(crate) fn show(
    error: &RunError,
    (file, format): (&PlanFile, ReportFormat),
    output: &mut Output,
) -> io::Result<Exit> {
    match format {
        ReportFormat::Json => {
            let mut value = json!({
                "event": "failed",
                "id": error.id(),
                "message": message(error),
                "help": error.remedy(),
                "details": details_json(error),
            });
            let found = (error.anywhere(), value.as_object_mut());
            if let (RunError::FailedRow(failed), Some(object)) = found {
                object.insert("at".to_owned(), report::place_json(file, failed.at));
            }
            output.result(&format!("{value}\n"))?;
        }
        ReportFormat::Text => {
            let has_colours = output.has_colours();
            output.message(&if let RunError::Selection { errors } = error.anywhere() {
                report::problems_text(file, errors, has_colours)
            } else if let RunError::FailedRow(failed) = error.anywhere() {
                let (id, message, help) = (error.id(), message(error), error.remedy());
                let placed = PlacedError { id, message, help, at: failed.at };
                report::placed_text(file, placed, has_colours)
            } else {
                text(error)
            });
        }
    }
    Ok(exit(error))
}

fn exit(error: &RunError) -> Exit {
    let error = error.anywhere();
    if matches!(error, RunError::Selection { .. } | RunError::Changed { .. }) {
        Exit::PlanRefused
    } else if matches!(
        error,
        RunError::Preflight { .. }
            | RunError::Tables { .. }
            | RunError::Connections { .. }
            | RunError::Keyspace { .. }
            | RunError::Vschema { .. }
            | RunError::VschemaUnserved { .. }
    ) {
        Exit::PreflightRefused
    } else {
        Exit::Failed
    }
}

/// The message and those of its causes.
fn message(error: &RunError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

fn text(error: &RunError) -> String {
    let mut text = format!("error[{}]: {}\n", error.id(), message(error));
    for detail in details(error) {
        text.push_str("  - ");
        text.push_str(&detail.replace('\n', "\n    "));
        text.push('\n');
    }
    text.push_str("  help: ");
    text.push_str(&error.remedy());
    text.push('\n');
    text
}

fn details(error: &RunError) -> Vec<String> {
    let error = error.anywhere();
    if let RunError::Preflight { findings } = error {
        return findings.iter().map(ToString::to_string).collect();
    }
    if let RunError::Changed { changes, .. } = error {
        return changes.iter().map(ToString::to_string).collect();
    }
    let RunError::Tables { problems } = error else { return Vec::new() };
    problems
        .iter()
        .map(|problem| format!("`{}`: {}\nhelp: {}", problem.table, problem.what, problem.remedy))
        .collect()
}

fn details_json(error: &RunError) -> Value {
    let error = error.anywhere();
    if let RunError::Preflight { findings } = error {
        return findings.iter().map(finding_json).collect();
    }
    if let RunError::Changed { changes, .. } = error {
        return changes
            .iter()
            .map(|change| json!({"key": change.key, "stored": change.stored, "now": change.now}))
            .collect();
    }
    if let RunError::Selection { errors } = error {
        return errors
            .iter()
            .map(|error| json!({"message": error.to_string(), "help": error.advice().help}))
            .collect();
    }
    let RunError::Tables { problems } = error else { return Value::Null };
    problems
        .iter()
        .map(|problem| {
            json!({"table": problem.table, "what": problem.what, "remedy": problem.remedy})
        })
        .collect()
}

/// A finding, for machines.
pub(super) fn finding_json(finding: &Finding) -> Value {
    json!({
        "id": finding.id,
        "severity": finding.severity.to_string(),
        "saw": finding.saw,
        "why": finding.why,
        "remedy": finding.remedy,
    })
}
