//! From what `materialize` says to what it means.

use std::collections::HashMap;

use secrecy::SecretString;
use whimbrel_expression::{Syntax, nearest, parse};

use super::{
    AggregateFunction, AggregateRule, ColumnRule, Create, Materialized, Named, Text,
    aggregate::Call, at_their_places,
};
use crate::{
    check::Places,
    pattern::NAME_CHARACTERS_MAX,
    placed::Placed,
    problem::{FormProblem, MaterializeProblem, PlanError, Problem, ValueProblem},
    secrets::{Secrets, referred},
    selection::STATE_PREFIX,
    span::Span,
    spec::{ColumnSpec, Entries, FromSpec, GroupSpec, MaterializeSpec, OnError},
};

/// The most columns of a table.
///
/// Source: MySQL manual, `Limits on Table Column Count`.
const COLUMNS_MAX: usize = 4_096;

/// What the target tables of `spec` mean. Problems go to `problems`; a target with one is not whole.
pub(crate) fn resolve(
    spec: &Entries<MaterializeSpec>,
    (plan, places): (&str, &Places),
    secrets: &dyn Secrets,
    problems: &mut Vec<PlanError>,
) -> Vec<Materialized> {
    let mut targets = Vec::new();
    for (name, spec) in &spec.0 {
        let path = format!("materialize.{name}");
        let mut resolver = Resolver { plan, places, secrets, path, problems };
        targets.push(resolver.target(name, spec));
    }
    targets
}

struct Resolver<'a> {
    plan: &'a str,
    places: &'a Places,
    secrets: &'a dyn Secrets,
    /// The keys that lead to the target.
    path: String,
    problems: &'a mut Vec<PlanError>,
}

impl Resolver<'_> {
    fn report(&mut self, problem: impl Into<Problem>, at: Span) {
        self.problems.push(PlanError::new(problem, at));
    }

    fn target(&mut self, name: &str, spec: &MaterializeSpec) -> Materialized {
        let before = self.problems.len();
        let at = self.places.key(&self.path);
        let region = self.places.region(&self.path);
        let has_form = !self.problems.iter().any(|it| region.contains(&it.at.start));
        let name = Named { name: name.to_owned(), at };
        if let Some(reason) = misnamed(&name.name) {
            let problem = MaterializeProblem::TargetName { name: name.name.clone(), reason };
            self.report(problem, at);
        }
        let on_error = spec.on_error.unwrap_or_default();
        if on_error == OnError::Null {
            self.report(MaterializeProblem::NullForRow, self.places.at(&self.path_of("on_error")));
        }
        let filter = spec.r#where.as_deref().and_then(|text| self.expression("where", text));
        let columns = self.rules("columns", spec.columns.as_ref(), on_error);
        let groups = self.groups(spec.group_by.as_ref(), on_error);
        let aggregates = self.aggregates(spec.aggregates.as_ref(), on_error);
        self.shape(spec);
        Materialized {
            name,
            from: self.from(spec.from.as_ref()),
            filter,
            except: spec.except.as_deref().map(|names| self.names("except", names)),
            columns,
            groups,
            aggregates,
            create: self.create(spec.create.as_deref()),
            create_at: self.places.at(&self.path_of("create")),
            key: spec.key.as_deref().map(|names| self.names("key", names)),
            on_error,
            is_whole: has_form && self.problems.len() == before,
        }
    }

    fn path_of(&self, key: &str) -> String {
        format!("{}.{key}", self.path)
    }

    /// What does not go together.
    fn shape(&mut self, spec: &MaterializeSpec) {
        let groups = spec.group_by.is_some();
        if spec.aggregates.is_some() && !groups {
            let at = self.places.key(&self.path_of("aggregates"));
            self.report(MaterializeProblem::AggregatesWithoutGroups, at);
        }
        for (key, is_there) in
            [("columns", spec.columns.is_some()), ("except", spec.except.is_some())]
        {
            if (groups || spec.aggregates.is_some()) && is_there {
                let at = self.places.key(&self.path_of(key));
                self.report(MaterializeProblem::ColumnsOfGroups { key }, at);
            }
        }
        if let (Some(groups), Some(aggregates)) = (&spec.group_by, &spec.aggregates) {
            for (name, _) in &aggregates.0 {
                if groups.0.iter().any(|(group, _)| group.eq_ignore_ascii_case(name)) {
                    let at = self.places.key(&self.path_of(&format!("aggregates.{name}")));
                    let other = self.places.key(&self.path_of(&format!("group_by.{name}")));
                    let problem = MaterializeProblem::ColumnTwice { name: name.clone() };
                    self.problems.push(PlanError::new(problem, at).with_other(other));
                }
            }
        }
    }

    fn from(&mut self, spec: Option<&FromSpec>) -> Vec<Named> {
        let path = self.path_of("from");
        let names: Vec<Named> = match spec {
            None => return Vec::new(),
            Some(FromSpec::One(name)) => {
                vec![Named { name: name.clone(), at: self.places.at(&path) }]
            }
            Some(FromSpec::Several(names)) => self.names("from", names),
        };
        if names.is_empty() {
            self.report(MaterializeProblem::NoSources, self.places.at(&path));
        }
        for name in &names {
            if is_no_source(&name.name) {
                let problem = MaterializeProblem::SourceName { name: name.name.clone() };
                self.report(problem, name.at);
            }
        }
        names
    }

    /// The names of a list, each of which may be there once.
    fn names(&mut self, key: &str, names: &[String]) -> Vec<Named> {
        let mut seen: HashMap<String, Span> = HashMap::new();
        let mut named = Vec::with_capacity(names.len());
        for (index, name) in names.iter().enumerate() {
            let at = self.places.at(&format!("{}[{index}]", self.path_of(key)));
            match seen.get(&name.to_lowercase()) {
                Some(&first) => {
                    let problem = MaterializeProblem::NameTwice { name: name.clone() };
                    self.problems.push(PlanError::new(problem, at).with_other(first));
                }
                None => {
                    seen.insert(name.to_lowercase(), at);
                }
            }
            named.push(Named { name: name.clone(), at });
        }
        named
    }

    fn create(&mut self, text: Option<&str>) -> Create {
        match text {
            None | Some("copy") => Create::Copy,
            Some("existing") => Create::Existing,
            Some(text) => {
                let begins = text.trim_start().get(..7).unwrap_or_default();
                if !begins.eq_ignore_ascii_case("create ") {
                    let key = self.path_of("create");
                    let known = vec!["copy".to_owned(), "existing".to_owned()];
                    let found = nearest(text, ["copy", "existing"]);
                    let value = text.to_owned();
                    let at = self.places.at(&key);
                    let problem = FormProblem::UnknownValue { key, value, nearest: found, known };
                    self.report(problem, at);
                }
                Create::Statement(text.to_owned())
            }
        }
    }

    fn rules(
        &mut self,
        key: &str,
        spec: Option<&Entries<ColumnSpec>>,
        on_error: OnError,
    ) -> Vec<ColumnRule> {
        let entries = spec.map(|entries| entries.0.as_slice()).unwrap_or_default();
        self.check_names(key, entries.iter().map(|(name, _)| name.as_str()));
        let mut rules = Vec::new();
        for (name, column) in entries {
            let path = format!("{key}.{name}");
            let at = self.places.key(&self.path_of(&path));
            let (value, path, own) = written(column, path);
            let Some(value) = value.and_then(|text| self.expression(&path, text)) else { continue };
            let name = Named { name: name.clone(), at };
            rules.push(ColumnRule { name, value, on_error: own.unwrap_or(on_error) });
        }
        rules
    }

    fn groups(&mut self, spec: Option<&Entries<GroupSpec>>, on_error: OnError) -> Vec<ColumnRule> {
        let entries = spec.map(|entries| entries.0.as_slice()).unwrap_or_default();
        self.check_names("group_by", entries.iter().map(|(name, _)| name.as_str()));
        let mut rules = Vec::new();
        for (name, GroupSpec(text)) in entries {
            let path = format!("group_by.{name}");
            let at = self.places.key(&self.path_of(&path));
            if let Some(value) = self.expression(&path, text) {
                rules.push(ColumnRule { name: Named { name: name.clone(), at }, value, on_error });
            }
        }
        rules
    }

    fn aggregates(
        &mut self,
        spec: Option<&Entries<ColumnSpec>>,
        on_error: OnError,
    ) -> Vec<AggregateRule> {
        let entries = spec.map(|entries| entries.0.as_slice()).unwrap_or_default();
        self.check_names("aggregates", entries.iter().map(|(name, _)| name.as_str()));
        let mut rules = Vec::new();
        for (name, column) in entries {
            let path = format!("aggregates.{name}");
            let at = self.places.key(&self.path_of(&path));
            let (text, path, own) = written(column, path);
            let Some(text) = text else { continue };
            let value_at = self.places.at(&self.path_of(&path));
            let placed = Placed::new(self.plan, value_at, text);
            let Some((function, argument)) = self.aggregate(text, &placed) else { continue };
            let name = Named { name: name.clone(), at };
            let on_error = own.unwrap_or(on_error);
            rules.push(AggregateRule { name, function, argument, on_error });
        }
        rules
    }

    fn aggregate(
        &mut self,
        text: &str,
        placed: &Placed,
    ) -> Option<(AggregateFunction, Option<Text>)> {
        let whole = placed.at(&(0..text.trim_end().len()));
        let Some(call) = Call::parse(text) else {
            self.report(MaterializeProblem::NoAggregate { text: text.trim().to_owned() }, whole);
            return None;
        };
        let Some(function) = AggregateFunction::named(call.name) else {
            let names = AggregateFunction::ALL.map(AggregateFunction::name);
            let nearest = nearest(call.name, names);
            let name = call.name.to_owned();
            self.report(MaterializeProblem::UnknownAggregate { name, nearest }, whole);
            return None;
        };
        if call.argument.is_empty() {
            if function == AggregateFunction::Count {
                return Some((function, None));
            }
            let name = function.name();
            self.report(MaterializeProblem::AggregateArgument { name }, whole);
            return None;
        }
        let argument = text.get(call.argument.clone())?;
        let placed = placed.part(call.argument.start, call.argument.end);
        Some((function, Some(self.parsed(argument, placed)?)))
    }

    /// No two columns of one name, and no name that a column cannot have.
    fn check_names<'n>(&mut self, key: &str, names: impl Iterator<Item = &'n str>) {
        let mut seen: HashMap<String, Span> = HashMap::new();
        for (count, name) in names.enumerate() {
            let at = self.places.key(&self.path_of(&format!("{key}.{name}")));
            if count == COLUMNS_MAX {
                let problem = MaterializeProblem::TooManyColumns { max: COLUMNS_MAX };
                self.report(problem, at);
                return;
            }
            if let Some(reason) = misnamed(name) {
                self.report(MaterializeProblem::ColumnName { name: name.to_owned(), reason }, at);
            } else if let Some(first) = seen.get(&name.to_lowercase()) {
                let problem = MaterializeProblem::ColumnTwice { name: name.to_owned() };
                self.problems.push(PlanError::new(problem, at).with_other(*first));
            } else {
                seen.insert(name.to_lowercase(), at);
            }
        }
    }

    /// What the references in an expression stand for.
    fn keys(&mut self, syntax: &Syntax, placed: &Placed) -> Option<Vec<(String, SecretString)>> {
        let before = self.problems.len();
        let mut keys = Vec::new();
        for reference in syntax.references() {
            let text = reference.text.to_owned();
            let found = if reference.is_key {
                referred(&text, self.secrets)
            } else {
                Err(ValueProblem::ReferenceAsText { reference: text.clone() })
            };
            match found {
                Ok(key) => keys.push((text, key)),
                Err(problem) => self.report(problem, placed.at(&reference.span)),
            }
        }
        (self.problems.len() == before).then_some(keys)
    }

    fn expression(&mut self, path: &str, text: &str) -> Option<Text> {
        let placed = Placed::new(self.plan, self.places.at(&self.path_of(path)), text);
        self.parsed(text, placed)
    }

    fn parsed(&mut self, text: &str, placed: Placed) -> Option<Text> {
        match parse(text) {
            Ok(syntax) => {
                let keys = self.keys(&syntax, &placed)?;
                Some(Text { syntax, placed, keys })
            }
            Err(problems) => {
                self.problems.extend(at_their_places(&placed, problems));
                None
            }
        }
    }
}

/// A column's text, the keys that lead to it, and what it says of failures.
fn written(column: &ColumnSpec, path: String) -> (Option<&str>, String, Option<OnError>) {
    match column {
        ColumnSpec::Value(text) => (Some(text), path, None),
        ColumnSpec::Plain(plain) => {
            (plain.value.as_deref(), format!("{path}.value"), plain.on_error)
        }
    }
}

/// Whether no source table has the name: it is none, or one of the run's own tables.
pub(crate) fn is_no_source(name: &str) -> bool {
    name.is_empty() || name.starts_with(STATE_PREFIX)
}

/// Why a table or a column cannot have the name.
fn misnamed(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("it is empty")
    } else if name.chars().count() > NAME_CHARACTERS_MAX {
        Some("it is longer than 64 characters")
    } else if name.ends_with(' ') {
        Some("it ends with a space")
    } else if name.starts_with(STATE_PREFIX) {
        Some("tables named `_whimbrel_*` hold the state of runs")
    } else {
        None
    }
}

/// An expression that a column's bare name is.
pub(crate) fn bare_column(name: &str) -> Option<Syntax> {
    let is_plain = |character: char| character.is_alphanumeric() || character == '_';
    let starts = name.chars().next().is_some_and(|first| first.is_alphabetic() || first == '_');
    let plain = (starts && name.chars().all(is_plain)).then(|| parse(name).ok()).flatten();
    let quoted = || {
        let escaped = name.replace('\\', "\\\\").replace('"', "\\\"");
        parse(&format!("col(\"{escaped}\")")).ok()
    };
    plain.or_else(quoted)
}
