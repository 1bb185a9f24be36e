//! Which tables a plan moves.

use std::collections::{BTreeSet, HashMap};

use whimbrel_expression::nearest;

use crate::{
    pattern::Pattern,
    problem::{PROBLEMS_MAX, PlanError, RuleProblem, in_order},
    span::Span,
};

/// The rules of `move`.
///
/// A table is moved if a rule matches it and no rule with `!` does; the order has no meaning. The
/// run's own tables (`_whimbrel_*`) are never moved.
///
/// Invariant: at least one rule selects, or there are none; no two rules have the same text without `!`.
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

/// More tables than this are named by patterns, or by several plans.
const RULES_MAX: usize = 10_000;

impl Selection {
    /// The rules that `texts` are, each with its place.
    ///
    /// # Errors
    ///
    /// Every rule that cannot be read, or that says what another says or denies; warnings are among
    /// them, for a rule that another one covers.
    pub(crate) fn new(texts: &[(String, Span)]) -> (Self, Vec<PlanError>) {
        if let Some((_, at)) = texts.get(RULES_MAX) {
            let problem = RuleProblem::TooMany { count: texts.len(), max: RULES_MAX };
            return (Self { rules: Vec::new() }, vec![PlanError::new(problem, *at)]);
        }
        let mut problems = Vec::new();
        let mut rules: Vec<Rule> = Vec::new();
        let mut firsts: HashMap<Pattern, usize> = HashMap::new();
        for (text, at) in texts {
            match Rule::parse(text, *at) {
                Ok(rule) => {
                    let first = *firsts.entry(rule.pattern.clone()).or_insert(rules.len());
                    problems.extend(rules.get(first).map(|first| conflict(first, &rule)));
                    rules.push(rule);
                }
                Err(error) => problems.push(error),
            }
        }
        problems.extend(covered_names(&rules));
        (Self { rules }, problems)
    }

    /// Rules that select nothing.
    pub(crate) fn nothing() -> Self {
        Self { rules: Vec::new() }
    }

    /// The rules in the plan's order.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Whether a table of this name is moved if the source has it.
    #[must_use]
    pub fn may_move(&self, table: &str) -> bool {
        let has = |excludes: bool| {
            let mut rules = self.rules.iter().filter(|rule| rule.excludes == excludes);
            rules.any(|rule| rule.pattern.matches(table))
        };
        !table.starts_with(STATE_PREFIX) && has(false) && !has(true)
    }

    /// Which of `tables`, the base tables of the source database, are moved.
    ///
    /// # Errors
    ///
    /// [`RuleProblem::PatternUnmatched`] for each rule that matches none of them, with the warnings;
    /// [`RuleProblem::NothingSelected`] if the rules leave every matched table out.
    pub fn select(&self, tables: &[String]) -> Result<Selected, Vec<PlanError>> {
        let tables: Vec<&str> = tables
            .iter()
            .map(String::as_str)
            .filter(|table| !table.starts_with(STATE_PREFIX))
            .collect();
        let mut problems = Vec::new();
        let mut included = BTreeSet::new();
        for rule in self.rules.iter().filter(|rule| !rule.excludes) {
            let found = rule.matched(&tables);
            if found.is_empty() {
                problems.push(unmatched(rule, &tables, problems.len()));
            } else if rule.pattern.name().is_none() && found.is_subset(&included) {
                let pattern = rule.text.clone();
                problems.push(PlanError::new(RuleProblem::PatternRedundant { pattern }, rule.at));
            }
            included.extend(found);
        }
        let mut excluded = BTreeSet::new();
        for rule in self.rules.iter().filter(|rule| rule.excludes) {
            let found = rule.matched(&tables);
            if found.is_disjoint(&included) {
                let pattern = rule.text.clone();
                problems.push(PlanError::new(RuleProblem::ExclusionUnmatched { pattern }, rule.at));
            }
            excluded.extend(found);
        }
        let is_moved = |table: &&str| included.contains(table) && !excluded.contains(table);
        let moved: Vec<String> =
            tables.iter().copied().filter(is_moved).map(str::to_owned).collect();
        if let (true, false, [first, ..]) =
            (moved.is_empty(), included.is_empty(), self.rules.as_slice())
        {
            problems.push(PlanError::new(RuleProblem::NothingSelected, first.at));
        }
        let problems = in_order(problems);
        if problems.iter().any(PlanError::is_error) {
            return Err(problems);
        }
        Ok(Selected { tables: moved, warnings: problems })
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

    /// Which of `tables` it matches.
    fn matched<'a>(&self, tables: &[&'a str]) -> BTreeSet<&'a str> {
        let tables = tables.iter().copied();
        if let Some(name) = self.pattern.name() {
            return tables.filter(|table| **table == *name).collect();
        }
        tables.filter(|table| self.pattern.matches(table)).collect()
    }
}

/// The same pattern twice, be it to move it twice or to move it and to leave it out.
fn conflict(earlier: &Rule, rule: &Rule) -> PlanError {
    let pattern = rule.text.clone();
    let problem = if earlier.excludes == rule.excludes {
        RuleProblem::PatternTwice { pattern }
    } else {
        RuleProblem::PatternContradicted { pattern, other: earlier.text.clone() }
    };
    PlanError::new(problem, rule.at).with_other(earlier.at)
}

/// Names that a pattern of the same kind matches anyway.
fn covered_names(rules: &[Rule]) -> impl Iterator<Item = PlanError> {
    let patterns: Vec<&Rule> = rules.iter().filter(|rule| rule.pattern.name().is_none()).collect();
    rules.iter().filter_map(move |rule| {
        let name = rule.pattern.name()?;
        let covers =
            |other: &&&Rule| other.excludes == rule.excludes && other.pattern.matches(&name);
        let other = patterns.iter().find(covers)?;
        let problem =
            RuleProblem::NameCovered { name: rule.text.clone(), pattern: other.text.clone() };
        Some(PlanError::new(problem, rule.at).with_other(other.at))
    })
}

fn unmatched(rule: &Rule, tables: &[&str], problem_count: usize) -> PlanError {
    // A problem that is not shown needs no suggestion, which takes a look at every table.
    let nearest = if problem_count < PROBLEMS_MAX {
        nearest(&rule.text, tables.iter().copied())
    } else {
        None
    };
    PlanError::new(RuleProblem::PatternUnmatched { pattern: rule.text.clone(), nearest }, rule.at)
}

#[cfg(test)]
mod tests;
