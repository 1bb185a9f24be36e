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

/// What can be read of a text, whatever else is wrong with it.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The plan. Where something is wrong, a value that nothing stands for takes its place, so that a
    /// draft with an error is only good for finding more of them.
    pub plan: Option<Plan>,
    /// Everything that is wrong with it, and the warnings.
    pub problems: Vec<PlanError>,
}

/// Reads what can be read of `text`.
pub fn draft(text: &str, secrets: &impl Secrets) -> Draft {
    let (tree, mut problems) = match yaml::read(text) {
        Ok(read) => read,
        Err(error) => return Draft { plan: None, problems: vec![error] },
    };
    let Checked { value, places, errors } = check(&tree, &schema());
    problems.extend(errors);
    let plan = match serde_path_to_error::deserialize::<_, Spec>(value) {
        Ok(spec) => Some(resolve(&spec, (text, &places), secrets, &mut problems)),
        Err(error) => {
            let path = error.path().to_string();
            let reason = error.into_inner().to_string();
            problems.push(PlanError::new(FormProblem::Syntax { reason }, places.at(&path)));
            None
        }
    };
    debug_assert!(plan.is_some() || !problems.is_empty(), "a plan without problems is resolved");
    Draft { plan, problems }
}

/// Reads the plan that `text` is.
///
/// # Errors
///
/// Everything that is wrong with it, and the warnings, in the order of the file.
pub fn load(text: &str, secrets: &impl Secrets) -> Result<Loaded, Vec<PlanError>> {
    let Draft { plan, problems } = draft(text, secrets);
    let problems = in_order(problems);
    match plan {
        Some(plan) if !problems.iter().any(PlanError::is_error) => {
            Ok(Loaded { plan, warnings: problems })
        }
        _ => Err(problems),
    }
}

#[cfg(test)]
mod tests;
