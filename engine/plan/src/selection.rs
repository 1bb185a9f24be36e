//! Which tables a plan moves.

use std::collections::BTreeSet;

use crate::{
    nearest::nearest,
    pattern::Pattern,
    problem::{PlanError, RuleProblem},
    span::Span,
};

/// The rules of `move`.
///
/// A table is moved if a rule matches it and no rule with `!` does; the order has no meaning. The
/// run's own tables (`_whimbrel_*`) are never moved.
///
/// Invariant: at least one rule selects; no two rules have the same text without `!`.
#[derive(Debug, Clone)]
pub struct Selection {
    rules: Vec<Rule>,
}

/// One rule of `move`.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The rule as written.
    pub text: String,
    /// Whether it leaves tables out.
    pub excludes: bool,
    /// What it matches, without the `!`.
    pub pattern: Pattern,
    /// Its place in the plan.
    pub at: Span,
}

/// The tables that a selection finds in a database.
#[derive(Debug, Clone)]
pub struct Selected {
    /// The tables to move, in the order in which they were given.
    pub tables: Vec<String>,
    /// What is odd about the rules, but does no harm.
    pub warnings: Vec<PlanError>,
}

/// What the names of the tables begin with that a run keeps its state in.
pub const STATE_PREFIX: &str = "_whimbrel_";

impl Selection {
    /// The rules that `texts` are, each with its place.
    ///
    /// # Errors
    ///
    /// Every rule that cannot be read, or that says what another says or denies; warnings are among
    /// them, for a rule that another one covers.
    pub(crate) fn new(texts: &[(String, Span)]) -> (Self, Vec<PlanError>) {
        let mut problems = Vec::new();
        let mut rules: Vec<Rule> = Vec::new();
        for (text, at) in texts {
            match Rule::parse(text, *at) {
                Ok(rule) => {
                    problems.extend(rules.iter().find_map(|earlier| conflict(earlier, &rule)));
                    rules.push(rule);
                }
                Err(error) => problems.push(error),
            }
        }
        problems.extend(covered_names(&rules));
        (Self { rules }, problems)
    }

    /// The rules in the plan's order.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Which of `tables`, the base tables of the source database, are moved.
    ///
    /// # Errors
    ///
    /// [`RuleProblem::PatternUnmatched`] for each rule that matches none of them, with the warnings;
    /// [`RuleProblem::NothingSelected`] if the rules leave every matched table out.
    pub fn select(&self, tables: &[String]) -> Result<Selected, Vec<PlanError>> {
        let tables: Vec<&String> =
            tables.iter().filter(|table| !table.starts_with(STATE_PREFIX)).collect();
        let matched = |rule: &Rule| -> BTreeSet<&str> {
            let names = tables.iter().map(|table| table.as_str());
            names.filter(|table| rule.pattern.matches(table)).collect()
        };
        let (excluding, including): (Vec<&Rule>, Vec<&Rule>) =
            self.rules.iter().partition(|rule| rule.excludes);
        let mut problems = Vec::new();
        let mut included = BTreeSet::new();
        for rule in including {
            let found = matched(rule);
            if found.is_empty() {
                problems.push(unmatched(rule, &tables));
            } else if found.is_subset(&included) {
                let pattern = rule.text.clone();
                problems.push(PlanError::new(RuleProblem::PatternRedundant { pattern }, rule.at));
            }
            included.extend(found);
        }
        let mut excluded = BTreeSet::new();
        for rule in excluding {
            let found = matched(rule);
            if found.is_disjoint(&included) {
                let pattern = rule.text.clone();
                problems.push(PlanError::new(RuleProblem::ExclusionUnmatched { pattern }, rule.at));
            }
            excluded.extend(found);
        }
        let selected: Vec<String> = tables
            .into_iter()
            .filter(|table| included.contains(table.as_str()) && !excluded.contains(table.as_str()))
            .cloned()
            .collect();
        if let (true, false, Some(first)) =
            (selected.is_empty(), included.is_empty(), self.rules.first())
        {
            problems.push(PlanError::new(RuleProblem::NothingSelected, first.at));
        }
        if problems.iter().any(PlanError::is_error) {
            return Err(problems);
        }
        Ok(Selected { tables: selected, warnings: problems })
    }
}

impl Rule {
    fn parse(text: &str, at: Span) -> Result<Self, PlanError> {
        let (excludes, body) =
            text.strip_prefix('!').map_or((false, text), |pattern| (true, pattern));
        let invalid = |reason| {
            PlanError::new(RuleProblem::PatternInvalid { pattern: text.to_owned(), reason }, at)
        };
        let pattern = Pattern::parse(body).map_err(invalid)?;
        if !excludes && pattern.name().is_some_and(|name| name.starts_with(STATE_PREFIX)) {
            return Err(invalid("tables named `_whimbrel_*` hold the state of runs"));
        }
        Ok(Self { text: text.to_owned(), excludes, pattern, at })
    }
}

/// The same pattern twice, be it to move it twice or to move it and to leave it out.
fn conflict(earlier: &Rule, rule: &Rule) -> Option<PlanError> {
    if earlier.pattern != rule.pattern {
        return None;
    }
    let pattern = rule.text.clone();
    let problem = if earlier.excludes == rule.excludes {
        RuleProblem::PatternTwice { pattern }
    } else {
        RuleProblem::PatternContradicted { pattern, other: earlier.text.clone() }
    };
    Some(PlanError::new(problem, rule.at).with_other(earlier.at))
}

/// Names that a pattern of the same kind matches anyway.
fn covered_names(rules: &[Rule]) -> impl Iterator<Item = PlanError> {
    rules.iter().filter_map(|rule| {
        let name = rule.pattern.name()?;
        let covers = |other: &&Rule| {
            other.excludes == rule.excludes
                && other.pattern.name().is_none()
                && other.pattern.matches(&name)
        };
        let other = rules.iter().find(covers)?;
        let problem =
            RuleProblem::NameCovered { name: rule.text.clone(), pattern: other.text.clone() };
        Some(PlanError::new(problem, rule.at).with_other(other.at))
    })
}

fn unmatched(rule: &Rule, tables: &[&String]) -> PlanError {
    let names = tables.iter().map(|table| table.as_str());
    let nearest = nearest(&rule.text, names).map(str::to_owned);
    PlanError::new(RuleProblem::PatternUnmatched { pattern: rule.text.clone(), nearest }, rule.at)
}

#[cfg(test)]
mod tests;
