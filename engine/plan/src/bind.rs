//! A plan meets tables: names become columns, expressions get types, and each target its definition.

mod columns;
mod create;
mod groups;
mod indexed;
mod kept;
mod keys;
mod left_out;
mod shards;

use std::collections::BTreeMap;

use whimbrel_expression::{
    Assignment, Checked, Expression, Source, assign, check, check_filter, nearest,
};
use whimbrel_model::{Column, Table};

use self::columns::Planned;
pub use self::groups::{BoundAggregate, BoundGroups};
use crate::{
    definition::Definition,
    materialize::{Create, Materialized, Named, Text, is_no_source},
    placed::Placed,
    plan::Plan,
    problem::{MaterializeProblem, PlanError, Problem, in_order},
    span::Span,
    spec::OnError,
};

/// The tables that a plan is bound to.
#[derive(Debug, Clone, Default)]
pub struct Definitions {
    /// Tables of the source database: all those that `from` names and that are there.
    pub sources: Vec<Definition>,
    /// The names of all tables of the source database.
    pub source_names: Vec<String>,
    /// Tables that are there in the target database, or that a definition in the plan makes: they are
    /// taken as they are, whatever `create` says.
    pub targets: BTreeMap<String, Definition>,
    /// Why definitions in the plan cannot be read, by target.
    pub unreadable: BTreeMap<String, String>,
    /// Whether a target of `create: existing` that is not among them is not there; otherwise nothing
    /// is known of it.
    pub are_all_targets_known: bool,
}

/// A plan's targets, with everything typed.
#[derive(Debug, Clone)]
pub struct Bound {
    /// The targets of `materialize`, in the plan's order.
    pub targets: Vec<BoundTarget>,
    /// What is not wrong, and may not be meant.
    pub warnings: Vec<PlanError>,
}

/// A target of `materialize`.
#[derive(Debug, Clone)]
pub struct BoundTarget {
    /// Its name.
    pub name: String,
    /// What is written into it.
    pub written: Written,
    /// Whether its key does not tell its sources apart, so that it is kept beside it which source has
    /// each key.
    pub is_owned: bool,
    /// The statement that makes it; `None` if it is there.
    pub statement: Option<String>,
    /// Its sources, in the plan's order.
    pub sources: Vec<BoundSource>,
}

/// What a target's rows are.
#[derive(Debug, Clone)]
pub enum Written {
    /// One for each source row: the table with the columns that are written, in their order, and its
    /// key.
    Rows(Table),
    /// One for each group of source rows.
    Groups(BoundGroups),
    /// Nothing is known of a table that is there.
    Unknown,
}

/// What a source gives to a target.
#[derive(Debug, Clone)]
pub struct BoundSource {
    /// The source table's name.
    pub table: String,
    /// Which of its rows.
    pub filter: Option<Expression>,
    /// Where the filter is written; the target's name without one.
    pub filter_at: Placed,
    /// What happens when the filter fails on a row.
    pub on_error: OnError,
    /// A value for each column that is written, in their order.
    pub columns: Vec<BoundColumn>,
}

/// A value for a column.
#[derive(Debug, Clone)]
pub struct BoundColumn {
    /// The column.
    pub name: String,
    /// The value.
    pub value: Assignment,
    /// Where the value is written; the target's name where the plan does not speak of it.
    pub at: Placed,
    /// What happens when it fails on a row.
    pub on_error: OnError,
}

/// Binds the targets of `plan` to tables.
///
/// # Errors
///
/// Everything that does not fit, and the warnings, in the order of the file.
pub fn bind(plan: &Plan, definitions: &Definitions) -> Result<Bound, Vec<PlanError>> {
    let mut problems = Vec::new();
    let mut targets = Vec::new();
    for target in &plan.materialized {
        let mut binder = Binder {
            target,
            definitions,
            database: &plan.target.endpoint().database,
            problems: &mut problems,
        };
        targets.extend(binder.bind());
    }
    problems.extend(shards::check(plan, definitions, &targets));
    let problems = in_order(problems);
    if problems.iter().any(PlanError::is_error) {
        return Err(problems);
    }
    Ok(Bound { targets, warnings: problems })
}

/// What is wrong where targets of `materialize` have names of tables that are moved.
#[must_use]
pub fn also_moved(plan: &Plan, moved: &[String]) -> Vec<PlanError> {
    let is_moved =
        |target: &&Materialized| moved.iter().any(|name| same_name(name, &target.name.name));
    let problem = |target: &Materialized| {
        let name = target.name.name.clone();
        PlanError::new(MaterializeProblem::AlsoMoved { name }, target.name.at)
    };
    plan.materialized.iter().filter(is_moved).map(problem).collect()
}

/// Whether two names are one, as columns and tables of some servers compare.
fn same_name(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

/// A source table.
#[derive(Clone, Copy)]
struct Origin<'a> {
    definition: &'a Definition,
    table: &'a Table,
}

struct Binder<'a> {
    target: &'a Materialized,
    definitions: &'a Definitions,
    database: &'a str,
    problems: &'a mut Vec<PlanError>,
}

impl<'a> Binder<'a> {
    fn report(&mut self, problem: impl Into<Problem>, at: Span) {
        self.problems.push(PlanError::new(problem, at));
    }

    fn name(&self) -> String {
        self.target.name.name.clone()
    }

    /// How many problems there are, warnings aside.
    fn errors(&self) -> usize {
        self.problems.iter().filter(|problem| problem.is_error()).count()
    }

    /// The target; `None` once it is said what is wrong.
    fn bind(&mut self) -> Option<BoundTarget> {
        let sources: Vec<Origin<'a>> =
            self.target.from.iter().filter_map(|named| self.source(named)).collect();
        let filters: Vec<Option<Expression>> =
            sources.iter().map(|source| self.filter(source.table)).collect();
        if !self.target.is_whole || sources.len() < self.target.from.len() {
            self.check_expressions(&sources);
            return None;
        }
        if self.target.is_aggregated() {
            return self.bind_groups(&sources, filters);
        }
        let (planned, is_whole) = self.planned_columns(&sources);
        if !is_whole {
            self.assign_known(&planned);
            return None;
        }
        let (table, statement) = match &self.target.create {
            Create::Copy if !self.is_there() => {
                let (table, statement) = self.copied(&sources, &planned)?;
                (table, Some(statement))
            }
            Create::Copy | Create::Existing | Create::Statement(_) => {
                let Some(definition) = self.given()? else {
                    let target = self.unknown(&sources, filters);
                    return Some(target);
                };
                let Some(table) = self.fitted(definition, &planned) else {
                    self.assign_known(&planned);
                    return None;
                };
                (table, self.given_statement())
            }
        };
        let columns = self.assigned(&sources, &planned, &table);
        let is_owned = self.check_key(&sources, &planned, &table)?;
        let columns = columns?;
        let sources = self.bound_sources(&sources, filters, columns);
        let (name, written) = (self.name(), Written::Rows(table));
        Some(BoundTarget { name, written, is_owned, statement, sources })
    }

    /// Says what is wrong with the expressions of a target of which nothing else can be said.
    fn check_expressions(&mut self, sources: &[Origin<'a>]) {
        let target = self.target;
        for rule in target.columns.iter().chain(&target.groups) {
            self.computed(rule, sources);
        }
        for argument in target.aggregates.iter().filter_map(|rule| rule.argument.as_ref()) {
            for source in sources {
                self.expression(argument, source.table);
            }
        }
    }

    /// Says which of the values that are known do not fit the columns that are.
    fn assign_known(&mut self, planned: &[Planned<'_>]) {
        let Some(given) = self.definitions.targets.get(&self.target.name.name) else { return };
        for value in planned {
            let column = given.columns.iter().find(|column| same_name(&value.name, &column.name));
            for expression in &value.expressions {
                column.and_then(|column| self.assign(value, expression, column));
            }
        }
    }

    fn unknown(&self, sources: &[Origin<'_>], filters: Vec<Option<Expression>>) -> BoundTarget {
        let columns = sources.iter().map(|_| Vec::new()).collect();
        let sources = self.bound_sources(sources, filters, columns);
        let (name, written) = (self.name(), Written::Unknown);
        BoundTarget { name, written, is_owned: false, statement: None, sources }
    }

    fn bound_sources(
        &self,
        sources: &[Origin<'_>],
        filters: Vec<Option<Expression>>,
        columns: Vec<Vec<BoundColumn>>,
    ) -> Vec<BoundSource> {
        let filter_at = match &self.target.filter {
            Some(text) => text.placed.clone(),
            None => Placed::whole(self.target.name.at),
        };
        let bound = sources.iter().zip(filters).zip(columns);
        bound
            .map(|((source, filter), columns)| BoundSource {
                table: source.table.name().to_owned(),
                filter,
                filter_at: filter_at.clone(),
                on_error: self.target.on_error,
                columns,
            })
            .collect()
    }

    fn source(&mut self, named: &Named) -> Option<Origin<'a>> {
        let sources = &self.definitions.sources;
        if let Some(found) = sources.iter().find(|source| source.name == named.name) {
            if let Some(table) = &found.table {
                return Some(Origin { definition: found, table });
            }
            let name = named.name.clone();
            self.report(MaterializeProblem::SourceKeyless { name }, named.at);
            return None;
        }
        if is_no_source(&named.name) {
            // It is said already.
            return None;
        }
        let names = self.definitions.source_names.iter().map(String::as_str);
        let nearest = nearest(&named.name, names);
        let problem = MaterializeProblem::UnknownSource { name: named.name.clone(), nearest };
        self.report(problem, named.at);
        None
    }

    fn filter(&mut self, table: &Table) -> Option<Expression> {
        let text = self.target.filter.as_ref()?;
        let key = |reference: &str| text.key(reference);
        let checked = check_filter(&text.syntax, &Source::new(table).with_secrets(&key));
        self.checked(text, checked)
    }

    fn expression(&mut self, text: &Text, table: &Table) -> Option<Expression> {
        let key = |reference: &str| text.key(reference);
        let checked = check(&text.syntax, &Source::new(table).with_secrets(&key));
        self.checked(text, checked)
    }

    /// The expression, once it is said what is wrong or odd; what is said twice, as of each of
    /// several sources, is said once.
    fn checked(
        &mut self,
        text: &Text,
        checked: Result<Checked, Vec<whimbrel_expression::Problem>>,
    ) -> Option<Expression> {
        let (expression, problems) = match checked {
            Ok(Checked { expression, warnings }) => (Some(expression), warnings),
            Err(problems) => (None, problems),
        };
        for problem in text.errors(problems) {
            if !self.problems.contains(&problem) {
                self.problems.push(problem);
            }
        }
        expression
    }

    /// The definition of a table that is not made after the source's. The inner `None` is a table of
    /// which nothing is known.
    #[expect(clippy::option_option, reason = "a problem and a table not known are not the same")]
    fn given(&mut self) -> Option<Option<&'a Definition>> {
        let name = self.name();
        if let Some(definition) = self.definitions.targets.get(&name) {
            if definition.name == name {
                return Some(Some(definition));
            }
            let found = definition.name.clone();
            self.report(
                MaterializeProblem::DefinitionName { target: name, found },
                self.target.create_at,
            );
            return None;
        }
        if self.target.create == Create::Existing && !self.definitions.are_all_targets_known {
            return Some(None);
        }
        let problem = match self.target.create {
            Create::Statement(_) => {
                let unreadable = self.definitions.unreadable.get(&name).cloned();
                let reason = unreadable.unwrap_or_else(|| "it defines no table".to_owned());
                MaterializeProblem::Definition { target: name, reason }
            }
            Create::Copy | Create::Existing => MaterializeProblem::NoExisting { target: name },
        };
        self.report(problem, self.target.create_at);
        None
    }

    /// Whether the target's own definition is known.
    fn is_there(&self) -> bool {
        self.definitions.targets.contains_key(&self.target.name.name)
    }

    fn given_statement(&self) -> Option<String> {
        match &self.target.create {
            Create::Statement(text) => Some(text.trim().trim_end_matches(';').to_owned()),
            Create::Copy | Create::Existing => None,
        }
    }

    /// The values of all sources for the columns of `table`.
    fn assigned(
        &mut self,
        sources: &[Origin<'_>],
        planned: &[Planned<'_>],
        table: &Table,
    ) -> Option<Vec<Vec<BoundColumn>>> {
        let before = self.errors();
        let mut assigned = Vec::with_capacity(sources.len());
        for source_index in 0..sources.len() {
            let mut columns = Vec::with_capacity(planned.len());
            for column in table.carried_columns() {
                let value = planned.iter().find(|planned| same_name(&planned.name, &column.name));
                let Some(value) = value else { continue };
                let expression = value.expressions.get(source_index)?;
                columns.extend(self.assign(value, expression, column));
            }
            assigned.push(columns);
        }
        (self.errors() == before).then_some(assigned)
    }

    fn assign(
        &mut self,
        planned: &Planned<'_>,
        expression: &Expression,
        column: &Column,
    ) -> Option<BoundColumn> {
        if planned.on_error == OnError::Null && !column.nullable {
            let problem = MaterializeProblem::NullOnError { column: column.name.clone() };
            self.report(problem, planned.at);
        }
        match assign(expression, column) {
            Ok(value) => {
                let (name, on_error) = (column.name.clone(), planned.on_error);
                Some(BoundColumn { name, value, at: planned.placed(), on_error })
            }
            Err(problem) => {
                let at = planned.placed().at(&problem.span);
                let error = PlanError::new(problem, at);
                if !self.problems.contains(&error) {
                    self.problems.push(error);
                }
                None
            }
        }
    }
}

#[cfg(test)]
mod tests;
