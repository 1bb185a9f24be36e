//! The targets that are made by expressions.

use crate::{
    bind::{Bound, BoundGroups, BoundTarget, Written},
    materialize::{Create, Materialized},
    plan::Plan,
    spec::OnError,
};

/// What is to be known of one target, each fact with its name.
pub(super) struct Described {
    pub(super) name: String,
    pub(super) facts: Vec<(&'static str, String)>,
    /// The statement that makes it, if it is known.
    pub(super) statement: Option<String>,
}

/// The targets in the plan's order.
pub(super) fn targets(plan: &Plan, bound: Option<&Bound>) -> Vec<Described> {
    let described = plan.materialized.iter().map(|made| {
        let mut targets = bound.iter().flat_map(|bound| &bound.targets);
        describe(made, targets.find(|target| target.name == made.name.name))
    });
    described.collect()
}

fn describe(made: &Materialized, bound: Option<&BoundTarget>) -> Described {
    let names = |names: &[crate::materialize::Named]| -> String {
        names.iter().map(|named| named.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let mut facts = vec![("from", names(&made.from))];
    if let Some(filter) = &made.filter {
        facts.push(("where", one_line(filter.text())));
    }
    if let Some(except) = &made.except {
        let except = names(except);
        facts.push(("except", if except.is_empty() { "nothing".to_owned() } else { except }));
    }
    let typed = bound.map(columns).unwrap_or_default();
    if typed.is_empty() {
        facts.extend(made.columns.iter().chain(&made.groups).map(|rule| {
            ("column", format!("{} = {}", rule.name.name, one_line(rule.value.text())))
        }));
        facts.extend(made.aggregates.iter().map(|rule| {
            let argument = rule.argument.as_ref().map(|text| one_line(text.text()));
            let call = format!("{}({})", rule.function.name(), argument.unwrap_or_default());
            ("column", format!("{} = {call}", rule.name.name))
        }));
    } else {
        facts.extend(typed.into_iter().map(|column| ("column", column)));
    }
    if let Some(key) = bound.and_then(key) {
        facts.push(("key", key));
    }
    facts.push(("on error", on_error(made).to_owned()));
    if made.is_aggregated() {
        let name = &made.name.name;
        let kept = format!(
            "`_whimbrel_rows_{name}`, a row for each row of the source, and `_whimbrel_groups_{name}`"
        );
        facts.push(("kept aside", kept));
    }
    if bound.is_some_and(|bound| bound.is_owned) {
        let name = &made.name.name;
        let kept = format!(
            "`_whimbrel_owners_{name}`, the source of each key, and `_whimbrel_waiting_{name}`, rows \
             whose key another source has"
        );
        facts.push(("kept aside", kept));
        let checked = "two sources that have one key stop the run, and neither's row is lost";
        facts.push(("checked", checked.to_owned()));
    }
    let statement = match (&made.create, bound.and_then(|bound| bound.statement.clone())) {
        (Create::Existing, _) => {
            facts.push(("definition", "the table is there".to_owned()));
            None
        }
        (_, Some(statement)) => Some(statement),
        (Create::Statement(text), None) => Some(text.trim().to_owned()),
        (Create::Copy, None) => {
            let what = "made after the source's: name `source.mysql.schema` to see it here";
            facts.push(("definition", what.to_owned()));
            None
        }
    };
    Described { name: made.name.name.clone(), facts, statement }
}

fn columns(bound: &BoundTarget) -> Vec<String> {
    let Some(first) = bound.sources.first() else { return Vec::new() };
    let text = |name: &str| {
        let value = first.columns.iter().find(|column| column.name == name);
        value.map(|column| one_line(column.value.expression().text())).unwrap_or_default()
    };
    let shown = |column: &whimbrel_model::Column, value: String| {
        let null = if column.nullable { "" } else { " NOT NULL" };
        format!("{} {}{null} = {value}", column.name, column.declaration)
    };
    match &bound.written {
        Written::Unknown => Vec::new(),
        Written::Rows(table) => {
            table.carried_columns().map(|column| shown(column, text(&column.name))).collect()
        }
        Written::Groups(groups) => {
            let own = groups.group_columns.iter().map(|it| shown(it, text(&it.name)));
            own.chain(groups.aggregates.iter().map(|it| shown(&it.column, call(groups, bound, it))))
                .collect()
        }
    }
}

fn call(
    groups: &BoundGroups,
    bound: &BoundTarget,
    aggregate: &crate::bind::BoundAggregate,
) -> String {
    let place = aggregate.argument.map(|argument| groups.group_columns.len() + argument);
    let value = place.and_then(|place| bound.sources.first()?.columns.get(place));
    let text = value.map(|column| one_line(column.value.expression().text()));
    format!("{}({})", aggregate.function.name(), text.unwrap_or_default())
}

fn key(bound: &BoundTarget) -> Option<String> {
    let names = |names: Vec<&str>| names.join(", ");
    match &bound.written {
        Written::Unknown => None,
        Written::Rows(table) => {
            Some(names(table.key_columns().map(|column| column.name.as_str()).collect()))
        }
        Written::Groups(groups) => {
            Some(names(groups.group_columns.iter().map(|it| it.name.as_str()).collect()))
        }
    }
}

fn on_error(made: &Materialized) -> &'static str {
    match made.on_error {
        OnError::DeadLetter => "the row becomes a dead letter, unless a column says otherwise",
        OnError::Stop | OnError::Null => "the run stops, unless a column says otherwise",
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
