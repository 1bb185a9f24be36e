//! `whimbrel explain`.

use std::io;

use whimbrel_plan::{PlanError, compile, explain};

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
    let Some((file, loaded)) = report::opened(&arguments.plan, output) else {
        return Ok(Exit::PlanRefused);
    };
    let bound = match plan_file::bound(&file, &loaded) {
        Ok(bound) => bound,
        Err(refused) => {
            output.message(&report::refused_text(&refused, output.has_colours()));
            return Ok(Exit::PlanRefused);
        }
    };
    let of_bound = bound.iter().flat_map(|bound| &bound.warnings);
    let warnings: Vec<PlanError> = loaded.warnings.iter().chain(of_bound).cloned().collect();
    output.message(&report::problems_text(&file, &warnings, output.has_colours()));
    let graph = compile(&loaded.plan);
    output.result(&explain(&loaded.plan, (&graph, bound.as_ref()), arguments.format))?;
    Ok(Exit::Done)
}
