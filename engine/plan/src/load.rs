//! The way in: from text to a plan.

use crate::{
    check::{Checked, check},
    plan::Plan,
    problem::{FormProblem, PlanError, in_order},
    resolve::resolve,
    schema::schema,
    secrets::Secrets,
    spec::Spec,
    yaml,
};

/// A plan, and what a reviewer should know about it.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The plan.
    pub plan: Plan,
    /// What is odd but does no harm, in the order of the file.
    pub warnings: Vec<PlanError>,
}

/// Reads the plan that `text` is.
///
/// # Errors
///
/// Everything that is wrong with it, and the warnings, in the order of the file.
pub fn load(text: &str, secrets: &impl Secrets) -> Result<Loaded, Vec<PlanError>> {
    let (tree, mut problems) = yaml::read(text).map_err(|error| vec![error])?;
    let Checked { value, places, errors } = check(&tree, &schema());
    problems.extend(errors);
    let plan = match serde_path_to_error::deserialize::<_, Spec>(value) {
        Ok(spec) => resolve(&spec, (text, &places), secrets, &mut problems),
        Err(error) => {
            let path = error.path().to_string();
            let reason = error.into_inner().to_string();
            problems.push(PlanError::new(FormProblem::Syntax { reason }, places.at(&path)));
            None
        }
    };
    let problems = in_order(problems);
    match plan {
        Some(plan) if !problems.iter().any(PlanError::is_error) => {
            Ok(Loaded { plan, warnings: problems })
        }
        _ => {
            debug_assert!(!problems.is_empty(), "a plan without problems can be resolved");
            Err(problems)
        }
    }
}

#[cfg(test)]
mod tests;
