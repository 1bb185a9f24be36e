//! What can be wrong with a plan.

mod form;
mod materialize;
mod rule;
mod sharding;
mod value;

use std::borrow::Cow;

use thiserror::Error;
use whimbrel_expression::What;

pub use self::{
    form::FormProblem, materialize::MaterializeProblem, rule::RuleProblem,
    sharding::ShardingProblem, value::ValueProblem,
};
use crate::{plan::SchemaFile, span::Span};

/// A problem, and where it is.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{problem}")]
pub struct PlanError {
    /// What is wrong.
    pub problem: Box<Problem>,
    /// Where.
    pub at: Span,
    /// The other of the two places that do not go together.
    pub other: Option<Span>,
}

/// How much a problem matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The plan is refused.
    Error,
    /// The plan is taken; a reviewer should know.
    Warning,
}

/// Why a reference to something outside of the plan has no value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SecretError {
    /// There is no such variable or file.
    #[error("does not exist")]
    Missing,
    /// It holds nothing.
    #[error("is empty")]
    Empty,
    /// It is not UTF-8.
    #[error("is not UTF-8 text")]
    NotText,
    /// The system refused to read it.
    #[error("cannot be read: {reason}")]
    Unreadable {
        /// What the system said.
        reason: String,
    },
}

/// What is wrong with a plan.
///
/// No value of a key that may hold a secret is among the fields.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Problem {
    /// With its form.
    #[error(transparent)]
    Form(#[from] FormProblem),
    /// With a value.
    #[error(transparent)]
    Value(#[from] ValueProblem),
    /// With the rules that select tables.
    #[error(transparent)]
    Rule(#[from] RuleProblem),
    /// With a target that is made by expressions.
    #[error(transparent)]
    Materialize(#[from] MaterializeProblem),
    /// With the shards that rows go to.
    #[error(transparent)]
    Sharding(#[from] ShardingProblem),
    /// With an expression.
    #[error(transparent)]
    Expression(#[from] whimbrel_expression::Problem),
}

/// What a person is told about a problem beside its message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// The problem's id, which never changes.
    pub id: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What stands at its place.
    pub label: &'static str,
    /// What stands at the other place, if there is one.
    pub other_label: &'static str,
    /// What to do; empty where the message says it.
    pub help: Cow<'static, str>,
}

/// As many problems of one plan as a person reads at a time.
pub(crate) const PROBLEMS_MAX: usize = 100;

/// `problems` in the order of the file; of more than a person reads at a time the first, errors rather
/// than warnings, and beside errors how many more there are.
#[must_use]
pub fn in_order(mut problems: Vec<PlanError>) -> Vec<PlanError> {
    let mut count = 0;
    problems.retain(|problem| {
        let is_more = if let Problem::Form(FormProblem::More { count: more }) = *problem.problem {
            count += more;
            true
        } else {
            count += 1;
            false
        };
        !is_more
    });
    if count > PROBLEMS_MAX && problems.iter().any(PlanError::is_error) {
        problems.retain(PlanError::is_error);
    }
    problems.sort_by_key(|problem| problem.at);
    problems.truncate(PROBLEMS_MAX);
    let has_error = problems.iter().any(PlanError::is_error);
    if let (Some(last), true) = (problems.last(), count > PROBLEMS_MAX && has_error) {
        let problem = FormProblem::More { count: count - problems.len() };
        problems.push(PlanError::new(problem, last.at));
    }
    problems
}

impl PlanError {
    pub(crate) fn new(problem: impl Into<Problem>, at: Span) -> Self {
        Self { problem: Box::new(problem.into()), at, other: None }
    }

    pub(crate) fn with_other(self, other: Span) -> Self {
        Self { other: Some(other), ..self }
    }

    /// That a schema file cannot be used.
    #[must_use]
    pub fn schema_file(file: &SchemaFile, reason: String) -> Self {
        Self::new(MaterializeProblem::Schema { path: file.written.clone(), reason }, file.at)
    }

    /// Its id, label and remedy.
    #[must_use]
    pub fn advice(&self) -> Advice {
        match &*self.problem {
            Problem::Form(problem) => problem.advice(),
            Problem::Value(problem) => problem.advice(),
            Problem::Rule(problem) => problem.advice(),
            Problem::Materialize(problem) => problem.advice(),
            Problem::Sharding(problem) => problem.advice(),
            Problem::Expression(problem) => expression_advice(problem),
        }
    }

    /// Whether the plan is refused.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.advice().severity == Severity::Error
    }
}

fn expression_advice(problem: &whimbrel_expression::Problem) -> Advice {
    let (id, help) = (problem.id(), problem.help());
    if matches!(*problem.what, What::Collation { .. }) {
        return Advice::warning(id, "here", help);
    }
    Advice::error(id, "here", help)
}

impl Advice {
    fn error(id: &'static str, label: &'static str, help: impl Into<Cow<'static, str>>) -> Self {
        let other_label = "first here";
        Self { id, severity: Severity::Error, label, other_label, help: help.into() }
    }

    fn warning(id: &'static str, label: &'static str, help: impl Into<Cow<'static, str>>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(id, label, help) }
    }

    fn beside(self, other_label: &'static str) -> Self {
        Self { other_label, ..self }
    }
}
