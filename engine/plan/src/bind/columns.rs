//! Which columns a target has, and what each is.

use whimbrel_expression::{Expression, Source, check, nearest};
use whimbrel_model::{Column, Table};

use super::{Binder, Origin, same_name};
use crate::{
    definition::{Definition, PieceKind},
    materialize::{ColumnRule, Text, bare_column},
    placed::Placed,
    problem::{MaterializeProblem, PlanError},
    span::Span,
    spec::OnError,
};

/// A column that a target is to have.
pub(super) struct Planned<'a> {
    pub(super) name: String,
    /// Where the plan speaks of it.
    pub(super) at: Span,
    /// Its expression, if the plan gives one.
    pub(super) text: Option<&'a Text>,
    /// Bytes that stand before that text in what is computed.
    pub(super) prefix_bytes: usize,
    /// Its value by source.
    pub(super) expressions: Vec<Expression>,
    pub(super) on_error: OnError,
}

impl Planned<'_> {
    /// Where its value is written.
    pub(super) fn placed(&self) -> Placed {
        match self.text {
            Some(text) => text.placed.behind(self.prefix_bytes),
            None => Placed::whole(self.at),
        }
    }

    /// The column of the source that it is a bare copy of.
    pub(super) fn copied<'t>(&self, source_index: usize, source: &'t Table) -> Option<&'t Column> {
        let place = self.expressions.get(source_index)?.is_copy_of()?;
        source.carried_columns().nth(place)
    }
}

impl<'a> Binder<'a> {
    /// The columns in the target's order, and whether they are all: where not, it is said what is wrong.
    pub(super) fn planned_columns(&mut self, sources: &[Origin<'_>]) -> (Vec<Planned<'a>>, bool) {
        let before = self.errors();
        let Some(first) = sources.first() else { return (Vec::new(), false) };
        let rules: &'a [ColumnRule] = &self.target.columns;
        let keeps_all = self.target.except.is_some() || rules.is_empty();
        let mut planned: Vec<Planned<'a>> = Vec::new();
        if keeps_all {
            self.check_except(first.table);
            for column in first.table.carried_columns() {
                let is = |name: &str| same_name(name, &column.name);
                let except = self.target.except.as_deref().unwrap_or_default();
                if except.iter().any(|named| is(&named.name)) {
                    continue;
                }
                let rule = rules.iter().find(|rule| is(&rule.name.name));
                planned.extend(match rule {
                    Some(rule) => self.computed(rule, sources),
                    None => self.kept(&column.name, sources),
                });
            }
        }
        for rule in rules {
            if !planned.iter().any(|column| same_name(&column.name, &rule.name.name)) {
                planned.extend(self.computed(rule, sources));
            }
        }
        if planned.is_empty() && self.errors() == before {
            let target = self.name();
            self.report(MaterializeProblem::NoColumns { target }, self.target.name.at);
        }
        (planned, self.errors() == before)
    }

    fn check_except(&mut self, first: &Table) {
        for named in self.target.except.as_deref().unwrap_or_default() {
            let names = || first.columns().iter().map(|column| column.name.as_str());
            if names().any(|name| same_name(name, &named.name)) {
                continue;
            }
            let nearest = nearest(&named.name, names());
            let (table, name) = (first.name().to_owned(), named.name.clone());
            self.report(MaterializeProblem::ExceptUnknown { table, name, nearest }, named.at);
        }
    }

    pub(super) fn computed(
        &mut self,
        rule: &'a ColumnRule,
        sources: &[Origin<'_>],
    ) -> Option<Planned<'a>> {
        let expressions: Vec<Expression> = sources
            .iter()
            .filter_map(|source| self.expression(&rule.value, source.table))
            .collect();
        (expressions.len() == sources.len()).then(|| Planned {
            name: rule.name.name.clone(),
            at: rule.value.at(),
            text: Some(&rule.value),
            prefix_bytes: 0,
            expressions,
            on_error: rule.on_error,
        })
    }

    /// A column that the plan says nothing of: the same in every source.
    fn kept(&mut self, name: &str, sources: &[Origin<'_>]) -> Option<Planned<'a>> {
        let syntax = bare_column(name)?;
        let mut expressions = Vec::with_capacity(sources.len());
        for (source, named) in sources.iter().zip(&self.target.from) {
            match check(&syntax, &Source::new(source.table)) {
                Ok(checked) => expressions.push(checked.expression),
                Err(problems) => {
                    let at = named.at;
                    let problems = problems.into_iter().map(|problem| PlanError::new(problem, at));
                    self.problems.extend(problems);
                    return None;
                }
            }
        }
        let (name, at, on_error) = (name.to_owned(), self.target.name.at, self.target.on_error);
        Some(Planned { name, at, text: None, prefix_bytes: 0, expressions, on_error })
    }

    /// The part of a given table that is written: it has every planned column, and no other that needs
    /// a value.
    pub(super) fn fitted(
        &mut self,
        definition: &Definition,
        planned: &[Planned<'_>],
    ) -> Option<Table> {
        let before = self.errors();
        let target = self.name();
        let Some(table) = &definition.table else {
            self.report(MaterializeProblem::TargetKeyless { target }, self.target.create_at);
            return None;
        };
        // A slip in a name is one problem, not two.
        let mut meant: Vec<String> = Vec::new();
        for value in planned {
            let names = || table.carried_columns().map(|column| column.name.as_str());
            if !names().any(|name| same_name(name, &value.name)) {
                let nearest = nearest(&value.name, names());
                meant.extend(nearest.clone());
                let (target, name) = (target.clone(), value.name.clone());
                let problem = MaterializeProblem::TargetColumnMissing { target, name, nearest };
                self.report(problem, value.at);
            }
        }
        let is_given = |name: &str| {
            planned.iter().any(|value| same_name(&value.name, name))
                || meant.iter().any(|meant| same_name(meant, name))
        };
        for piece in definition.pieces.iter().filter(|piece| piece.kind == PieceKind::Column) {
            if piece.needs_value && !is_given(&piece.name) {
                let (target, name) = (target.clone(), piece.name.clone());
                let problem = MaterializeProblem::TargetColumnUnfilled { target, name };
                self.report(problem, self.target.name.at);
            }
        }
        self.check_given_key(table, &is_given);
        if self.errors() > before {
            return None;
        }
        let columns: Vec<Column> =
            table.carried_columns().filter(|column| is_given(&column.name)).cloned().collect();
        let key: Vec<&str> = table.key_columns().map(|column| column.name.as_str()).collect();
        let name = (self.database, target.as_str());
        Table::new(name, columns, (table.key_name(), &key), table.has_other_unique_key()).ok()
    }

    fn check_given_key(&mut self, table: &Table, is_given: &dyn Fn(&str) -> bool) {
        let target = self.name();
        let own: Vec<&str> = table.key_columns().map(|column| column.name.as_str()).collect();
        if let Some(wanted) = &self.target.key {
            let is_same = wanted.len() == own.len()
                && wanted.iter().zip(&own).all(|(wanted, own)| same_name(&wanted.name, own));
            if !is_same && let Some(first) = wanted.first() {
                let found = own.join(", ");
                self.report(MaterializeProblem::KeyDiffers { target, found }, first.at);
            }
            return;
        }
        for name in own.iter().filter(|name| !is_given(name)) {
            let (target, name) = (target.clone(), (*name).to_owned());
            let problem = MaterializeProblem::TargetColumnUnfilled { target, name };
            let error = PlanError::new(problem, self.target.name.at);
            if !self.problems.contains(&error) {
                self.problems.push(error);
            }
        }
    }
}
