//! `whimbrel validate`.

use std::io;

use serde_json::json;

use crate::{
    args::{ReportFormat, Validate},
    output::{Exit, Output},
    plan_file, report,
};

/// Checks every plan and reports on all of them.
///
/// # Errors
///
/// When the report cannot be written.
pub(crate) fn run(arguments: &Validate, output: &mut Output) -> io::Result<Exit> {
    let mut exit = Exit::Done;
    let mut reports = Vec::new();
    for path in &arguments.plans {
        let outcome = plan_file::check(path).map(|checked| (checked.file, checked.loaded));
        if outcome.is_err() {
            exit = Exit::PlanRefused;
        }
        match (arguments.format, outcome) {
            (ReportFormat::Json, Ok((file, loaded))) => {
                reports.push(report::plan_json(&file, &loaded.warnings));
            }
            (ReportFormat::Json, Err(refused)) => reports.push(report::refused_json(&refused)),
            (ReportFormat::Text, Ok((file, loaded))) => {
                let colours = output.has_colours();
                output.message(&report::problems_text(&file, &loaded.warnings, colours));
                output.result(&format!("{}: valid\n", file.name))?;
            }
            (ReportFormat::Text, Err(refused)) => {
                output.message(&report::refused_text(&refused, output.has_colours()));
            }
        }
    }
    if arguments.format == ReportFormat::Json {
        output.result(&format!("{:#}\n", json!({ "plans": reports })))?;
    }
    Ok(exit)
}
