//! Target tables that are made by expressions: what `materialize` means, before any table is known.

mod aggregate;
mod resolve;

use std::fmt;

use hmac::{Hmac, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use whimbrel_expression::{Problem as ExpressionProblem, Syntax};

pub use self::aggregate::AggregateFunction;
pub(crate) use self::resolve::{bare_column, is_no_source, resolve};
use crate::{placed::Placed, problem::PlanError, span::Span, spec::OnError};

/// A target table that is made of source tables.
#[derive(Debug, Clone)]
pub struct Materialized {
    /// The target's name.
    pub name: Named,
    /// The source tables, at least one.
    pub from: Vec<Named>,
    /// Which rows.
    pub filter: Option<Text>,
    /// The columns that are left out; `None` if only those of `columns` are wanted, or all if there
    /// are none.
    pub except: Option<Vec<Named>>,
    /// The columns that are computed, in order.
    pub columns: Vec<ColumnRule>,
    /// The columns that make a group, in order.
    pub groups: Vec<ColumnRule>,
    /// What is counted or summed up in each group, in order.
    pub aggregates: Vec<AggregateRule>,
    /// Where the target's definition comes from.
    pub create: Create,
    /// Its place.
    pub create_at: Span,
    /// The key that the plan gives.
    pub key: Option<Vec<Named>>,
    /// What happens when the filter, or a column that says nothing else, fails on a row.
    pub on_error: OnError,
    /// Whether all that the plan says of it could be read; otherwise only its expressions can be
    /// checked.
    pub(crate) is_whole: bool,
}

/// A name and its place.
#[derive(Debug, Clone)]
pub struct Named {
    /// The name.
    pub name: String,
    /// Its place.
    pub at: Span,
}

/// A computed column.
#[derive(Debug, Clone)]
pub struct ColumnRule {
    /// Its name.
    pub name: Named,
    /// What is written into it.
    pub value: Text,
    /// What happens when that fails on a row.
    pub on_error: OnError,
}

/// A column that is counted or summed up over the rows of a group.
#[derive(Debug, Clone)]
pub struct AggregateRule {
    /// Its name.
    pub name: Named,
    /// What is done.
    pub function: AggregateFunction,
    /// With what; `None` for `count()`.
    pub argument: Option<Text>,
    /// What happens when that fails on a row.
    pub on_error: OnError,
}

/// Where a target's definition comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Create {
    /// It is made after the source's.
    Copy,
    /// The table is there.
    Existing,
    /// This statement makes it.
    Statement(String),
}

/// An expression whose form is right, and where it stands in the plan.
#[derive(Clone)]
pub struct Text {
    pub(crate) syntax: Syntax,
    pub(crate) placed: Placed,
    /// What the references in it stand for.
    pub(crate) keys: Vec<(String, SecretString)>,
}

impl Text {
    /// As written.
    #[must_use]
    pub fn text(&self) -> &str {
        self.syntax.text()
    }

    /// What a reference in it stands for.
    pub(crate) fn key(&self, reference: &str) -> Result<String, String> {
        let found = self.keys.iter().find(|(own, _)| own == reference);
        let key = found.map(|(_, key)| key.expose_secret().to_owned());
        key.ok_or_else(|| format!("`{reference}` is not known"))
    }

    /// As written, with a digest of each key in place of its reference: the same wherever the key is kept,
    /// another one with another key. The digest says no more of the key than the tokens that are made
    /// with it and kept beside it.
    fn canonical(&self) -> String {
        let mut text = self.text().trim().to_owned();
        for (reference, key) in &self.keys {
            text = text.replace(reference, &format!("${{key:{}}}", digest(key)));
        }
        text
    }

    /// What is wrong with the expression, at its place in the plan.
    pub(crate) fn errors(&self, problems: Vec<ExpressionProblem>) -> Vec<PlanError> {
        at_their_places(&self.placed, problems)
    }

    /// The whole expression's place.
    pub(crate) fn at(&self) -> Span {
        self.placed.at(&(0..self.text().len()))
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Text({:?})", self.text())
    }
}

/// Half of an HMAC-SHA-256 of a constant, in hexadecimal digits.
fn digest(key: &SecretString) -> String {
    let Ok(mut keyed) = Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes()) else {
        return String::new();
    };
    keyed.update(b"whimbrel: whether a plan's key is still the same");
    format!("{:x}", keyed.finalize().into_bytes()).chars().take(32).collect()
}

fn at_their_places(placed: &Placed, problems: Vec<ExpressionProblem>) -> Vec<PlanError> {
    let at = |problem: ExpressionProblem| {
        let at = placed.at(&problem.span);
        PlanError::new(problem, at)
    };
    problems.into_iter().map(at).collect()
}

impl Materialized {
    /// Whether rows are grouped.
    #[must_use]
    pub fn is_aggregated(&self) -> bool {
        !self.groups.is_empty() || !self.aggregates.is_empty()
    }

    /// All that it says, in one form for equal meanings.
    pub(crate) fn canonical(&self) -> String {
        let names = |names: &[Named]| -> Vec<String> {
            names.iter().map(|name| name.name.clone()).collect()
        };
        let rules = |rules: &[ColumnRule]| -> Vec<(String, String, String)> {
            let rule = |rule: &ColumnRule| {
                let on_error = format!("{:?}", rule.on_error);
                (rule.name.name.clone(), rule.value.canonical(), on_error)
            };
            rules.iter().map(rule).collect()
        };
        let aggregates: Vec<_> = self
            .aggregates
            .iter()
            .map(|rule| {
                let argument = rule.argument.as_ref().map(Text::canonical);
                let on_error = format!("{:?}", rule.on_error);
                (rule.name.name.clone(), rule.function.name(), argument, on_error)
            })
            .collect();
        serde_json::json!({
            "from": names(&self.from),
            "where": self.filter.as_ref().map(Text::canonical),
            "except": self.except.as_deref().map(names),
            "columns": rules(&self.columns),
            "group_by": rules(&self.groups),
            "aggregates": aggregates,
            "create": match &self.create {
                Create::Copy => "copy",
                Create::Existing => "existing",
                Create::Statement(text) => text.trim(),
            },
            "key": self.key.as_deref().map(names),
            "on_error": format!("{:?}", self.on_error),
        })
        .to_string()
    }
}
