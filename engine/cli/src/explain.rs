//! `whimbrel explain`.

use std::io;

use whimbrel_plan::{compile, explain};

use crate::{
    args::Explain,
    output::{Exit, Output},
    plan_file, report,
};

/// Shows what a plan will do, or why it is refused.
///
/// # Errors
///
/// When it cannot be written.
pub(crate) fn run(arguments: &Explain, output: &mut Output) -> io::Result<Exit> {
    let (file, loaded) = match plan_file::open(&arguments.plan) {
        Ok(opened) => opened,
        Err(refused) => {
            output.message(&report::refused_text(&refused, output.has_colours()));
            return Ok(Exit::PlanRefused);
        }
    };
    output.message(&report::problems_text(&file, &loaded.warnings, output.has_colours()));
    output.result(&explain(&loaded.plan, &compile(&loaded.plan), arguments.format))?;
    Ok(Exit::Done)
}
