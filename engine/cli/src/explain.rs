//! `whimbrel explain`.

use std::io;

use whimbrel_plan::{compile, explain};

use crate::{
    args::Explain,
    output::{Exit, Output},
    plan_file::{self, CheckedPlan},
    report,
};

/// Shows what a plan will do, or why it is refused.
///
/// # Errors
///
/// When it cannot be written.
pub(crate) fn run(arguments: &Explain, output: &mut Output) -> io::Result<Exit> {
    let CheckedPlan { file, loaded, bound } = match plan_file::check(&arguments.plan) {
        Ok(checked) => checked,
        Err(refused) => {
            output.message(&report::refused_text(&refused, output.has_colours()));
            return Ok(Exit::PlanRefused);
        }
    };
    output.message(&report::problems_text(&file, &loaded.warnings, output.has_colours()));
    let graph = compile(&loaded.plan);
    output.result(&explain(&loaded.plan, (&graph, bound.as_ref()), arguments.format))?;
    Ok(Exit::Done)
}
