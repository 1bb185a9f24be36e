//! `whimbrel explain`.

use std::io;

use whimbrel_plan::{compile, explain};

use crate::{
    args::Explain,
    output::{Exit, Output},
    report,
};

/// Shows what a plan will do, or why it is refused.
///
/// # Errors
///
/// When it cannot be written.
pub(crate) fn run(arguments: &Explain, output: &mut Output) -> io::Result<Exit> {
    let Some((file, loaded)) = report::opened(&arguments.plan, output) else {
        return Ok(Exit::PlanRefused);
    };
    output.message(&report::problems_text(&file, &loaded.warnings, output.has_colours()));
    output.result(&explain(&loaded.plan, &compile(&loaded.plan), arguments.format))?;
    Ok(Exit::Done)
}
