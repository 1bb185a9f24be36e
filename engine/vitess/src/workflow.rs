//! A workflow as `vtctldclient … show --format json` prints it: the rules of its streams.

use std::{collections::BTreeSet, ops::Range};

use crate::{
    Given,
    fields::Fields,
    json::{Kind, Text, Value},
    options,
    refusal::{Refusal, What},
    select, shard,
    specification::{Create, Item, Specification, Target, identity, rule},
    sql::Sql,
    write::Note,
};

/// What a workflow is beside its streams, or says of its state.
const STATE: [&str; 5] = [
    "defer_secondary_keys",
    "max_v_replication_lag",
    "max_v_replication_transaction_lag",
    "workflow_sub_type",
    "workflow_type",
];

/// Options that have done what they do.
const OPTIONS: [&str; 4] =
    ["global_keyspace", "sharded_auto_increment_handling", "shards", "tenant_id"];

/// Keys of a rule by which rows are found, not made.
const KEY_COLUMNS: [&str; 4] = [
    "force_unique_key",
    "source_unique_key_columns",
    "source_unique_key_target_columns",
    "target_unique_key_columns",
];

/// The workflow in `value`, which is one or lists one.
pub(crate) fn read(
    value: &Value,
    given: &Given,
    refusals: &mut Vec<Refusal>,
) -> Option<Specification> {
    let Some(workflow) = only(value, refusals)? else { return of_one(value, given, refusals) };
    of_one(workflow, given, refusals)
}

/// The only workflow of a list of them; `Some(None)` if `value` is no list.
fn only<'v>(value: &'v Value, refusals: &mut Vec<Refusal>) -> Option<Option<&'v Value>> {
    let Kind::Object(entries) = &value.kind else { return Some(None) };
    let listed = entries.iter().find(|(name, _)| name.value == "workflows");
    let Some((name, listed)) = listed else { return Some(None) };
    let Kind::List(workflows) = &listed.kind else {
        let what = What::WrongType { key: "workflows", wanted: "a list in brackets" };
        refusals.push(Refusal::new(what, &listed.at));
        return None;
    };
    if let [one] = workflows.as_slice() {
        return Some(Some(one));
    }
    refusals.push(Refusal::new(What::Workflows { count: workflows.len() }, &name.at));
    None
}

/// The rules of one stream, as what they become.
struct Stream {
    shard: String,
    at: Range<usize>,
    items: Vec<Item>,
    is_routed: bool,
}

fn of_one(value: &Value, given: &Given, refusals: &mut Vec<Refusal>) -> Option<Specification> {
    let mut specification = Specification::new("a workflow");
    let mut fields = Fields::new(value, ("workflow", "workflows"), refusals)?;
    let name = fields.text("name");
    let keyspaces = ["source", "target"].map(|key| (key, fields.get(key)));
    let [source, target] = keyspaces.map(|(key, side)| {
        let side = side?;
        let mut side = Fields::new(side, (key, "sides of a workflow"), fields.refusals())?;
        let keyspace = side.text("keyspace");
        side.list("shards");
        side.finish();
        keyspace
    });
    let streams = fields.get("shard_streams");
    if let Some(options) = fields.get("options") {
        let of = ("options", "options of a workflow");
        if let Some(mut options) = Fields::new(options, of, fields.refusals()) {
            options.left_out(&["config"], &mut specification.left_out);
            // The rules and the tables are what these have made of them.
            options.left_out(&OPTIONS, &mut Vec::new());
            options.finish();
        }
    }
    fields.left_out(&STATE, &mut Vec::new());
    if streams.is_none() {
        fields.missing("shard_streams", "show the workflow with its streams");
    }
    fields.finish();
    identity(&mut specification, (name, source, target), (given, &value.at), refusals);
    let streams = read_streams(streams?, &mut specification, refusals);
    together(streams, specification, refusals)
}

fn read_streams(
    value: &Value,
    specification: &mut Specification,
    refusals: &mut Vec<Refusal>,
) -> Vec<Stream> {
    let Kind::Object(shards) = &value.kind else {
        let what = What::WrongType { key: "shard_streams", wanted: "an object in braces" };
        refusals.push(Refusal::new(what, &value.at));
        return Vec::new();
    };
    let mut streams = Vec::new();
    let mut sources: Vec<&Text> = Vec::new();
    for (name, shard) in shards {
        let Some(mut fields) = Fields::new(shard, ("shard_streams", "shards"), refusals) else {
            continue;
        };
        let target = name.value.split('/').next().unwrap_or_default();
        for stream in fields.list("streams") {
            let of = ("streams", "streams");
            let before = fields.refusals().len();
            let Some(mut fields) = Fields::new(stream, of, fields.refusals()) else { continue };
            // What else a stream says is its state, of which versions print more and more.
            let Some(source) = fields.get("binlog_source") else {
                fields.missing("binlog_source", "show the workflow with its streams");
                continue;
            };
            let read = stream_of(source, (target, &name.at), specification, fields.refusals());
            let Some((stream, from)) = read else { continue };
            // The same rules of another shard would be refused for the same reasons.
            if fields.refusals().len() > before {
                return Vec::new();
            }
            sources.extend(from);
            streams.push(stream);
        }
    }
    let names: BTreeSet<&str> = sources.iter().map(|text| text.value.as_str()).collect();
    let is_whole = |name: &&str| ["0", "-"].contains(name);
    if let Some(other) = sources.iter().find(|it| names.len() > 1 || !is_whole(&it.value.as_str()))
    {
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        let what = What::SourceShards { shards: names.join(", ") };
        refusals.push(Refusal::new(what, &other.at));
    }
    streams
}

fn stream_of<'v>(
    source: &'v Value,
    (shard, at): (&str, &Range<usize>),
    specification: &mut Specification,
    refusals: &mut Vec<Refusal>,
) -> Option<(Stream, Option<&'v Text>)> {
    let mut fields = Fields::new(source, ("binlog_source", "sources of a stream"), refusals)?;
    let keyspace = fields.text("keyspace");
    let from = fields.text("shard");
    let left_out = ["external_cluster", "external_mysql", "tablet_type"];
    fields.left_out(&left_out, &mut Vec::new());
    if fields.flag("stop_after_copy").is_some() {
        specification.notes.insert(Note::StopAfterCopy);
    }
    options::time_zones(&mut fields);
    if let Some(value) = fields.get("on_ddl") {
        options::on_ddl(&mut fields, value, specification);
    }
    for key in ["key_range", "tables"] {
        if let Some(value) = fields.get(key) {
            let what = What::Option {
                key,
                reason: "is how versions before Vitess 3 picked rows",
                instead: "create the workflow anew, and show it",
            };
            fields.refuse(what, &value.at);
        }
    }
    let mut stream =
        Stream { shard: shard.to_owned(), at: at.clone(), items: Vec::new(), is_routed: false };
    match fields.get("filter") {
        None => fields.missing("filter", "show the workflow with the rules of its streams"),
        Some(filter) => {
            let keyspace = keyspace.map(|text| text.value.as_str());
            rules(filter, (keyspace, specification), &mut stream, fields.refusals());
        }
    }
    fields.finish();
    Some((stream, from))
}

fn rules(
    filter: &Value,
    (keyspace, specification): (Option<&str>, &mut Specification),
    stream: &mut Stream,
    refusals: &mut Vec<Refusal>,
) {
    let Some(mut fields) = Fields::new(filter, ("filter", "filters"), refusals) else { return };
    let state = ["field_event_mode", "workflow_name", "workflow_type"];
    fields.left_out(&state, &mut Vec::new());
    let rules = fields.list("rules");
    for value in rules {
        let of = ("rules", "rules");
        let Some(mut rule) = Fields::new(value, of, fields.refusals()) else { continue };
        let (table, filter) = (rule.text("match"), rule.text("filter"));
        rule.left_out(&KEY_COLUMNS, &mut specification.left_out);
        for key in ["convert_charset", "convert_enum_to_text", "convert_int_to_enum"] {
            if let Some(value) = rule.get(key) {
                let what = What::Option {
                    key,
                    reason: "converts values of columns that are changed by an online DDL",
                    instead: "show a Materialize or MoveTables workflow",
                };
                rule.refuse(what, &value.at);
            }
        }
        if table.is_none() {
            rule.missing("match", "show the workflow with the tables of its rules");
        }
        rule.finish();
        let Some(table) = table else { continue };
        match item(table, filter, (keyspace, stream)) {
            Ok(item) => stream.items.extend(item),
            Err(found) => fields.refusals().extend(found),
        }
    }
    fields.finish();
}

/// What the rule for `table` becomes.
fn item(
    table: &Text,
    filter: Option<&Text>,
    (keyspace, stream): (Option<&str>, &mut Stream),
) -> Result<Option<Item>, Vec<Refusal>> {
    let refused = |reason, instead| {
        let what = What::Rule { name: table.value.clone(), reason, instead };
        Err(vec![Refusal::new(what, &filter.unwrap_or(table).at)])
    };
    let one = |result: Result<String, Refusal>| result.map_err(|refusal| vec![refusal]);
    let is_pattern = table.value.starts_with('/');
    if is_pattern && !["/.*", "/.*/"].contains(&table.value.as_str()) {
        return refused(
            "is a regular expression, which a plan does not have",
            "name the tables, or write patterns with `*` in the plan",
        );
    }
    let rule = if is_pattern { "*".to_owned() } else { one(rule(table))? };
    match filter.map(|filter| (filter, filter.value.trim())) {
        None => Ok(Some(Item::Move(rule))),
        Some((_, "exclude")) => {
            // The first rule that matches a table wins there, and any exclusion here.
            let is_taken = |item: &Item| match item {
                Item::Move(before) => before == "*" || *before == rule,
                Item::Target(target) => target.name == table.value,
            };
            if stream.items.iter().any(is_taken) {
                return Ok(None);
            }
            if is_pattern {
                return refused(
                    "excludes every table that no rule before it names",
                    "leave the rule out, and all behind it: a plan takes no table that it does not name",
                );
            }
            Ok(Some(Item::Move(format!("!{rule}"))))
        }
        Some((_, range)) if shard::is_range(range) => {
            if range != stream.shard && range != "-" {
                return refused(
                    "picks another key range than that of its target shard",
                    "show the workflow with the streams of all shards",
                );
            }
            stream.is_routed |= range != "-";
            Ok(Some(Item::Move(rule)))
        }
        Some(_) if is_pattern => refused(
            "makes many tables by one SELECT",
            "create the workflow with a rule for each table",
        ),
        Some((text, _)) => {
            let made = select::read(Sql::new(text), keyspace, Some(&stream.shard))?;
            stream.is_routed |= made.is_routed;
            if made.is_copy() && made.from == table.value {
                return Ok(Some(Item::Move(rule)));
            }
            // An exclusion before it wins there.
            if stream.items.contains(&Item::Move(format!("!{rule}"))) {
                return Ok(None);
            }
            let name = table.value.clone();
            Ok(Some(Item::Target(Target { name, made, create: Create::Existing })))
        }
    }
}

/// The streams as one: all of them say the same, and none is missing.
fn together(
    streams: Vec<Stream>,
    mut specification: Specification,
    refusals: &mut Vec<Refusal>,
) -> Option<Specification> {
    let Some(first) = streams.first() else { return Some(specification) };
    for other in &streams {
        if without_routes(&other.items) != without_routes(&first.items) {
            let (shard, first) = (other.shard.clone(), first.shard.clone());
            refusals.push(Refusal::new(What::StreamsDiffer { shard, first }, &other.at));
        }
    }
    let shards: BTreeSet<&str> = streams.iter().map(|stream| stream.shard.as_str()).collect();
    let is_routed = streams.iter().any(|stream| stream.is_routed);
    if is_routed && !shard::are_all(shards.iter().copied()) {
        let shards: Vec<String> = shards.iter().map(|name| format!("`{name}`")).collect();
        let what = What::TargetShards { shards: shards.join(", ") };
        refusals.push(Refusal::new(what, &first.at));
    }
    if is_routed {
        specification.notes.insert(Note::Routed);
    }
    let mut items = streams.into_iter().next()?.items;
    // An exclusion picks from a pattern; without one there is nothing that it would leave out.
    let is_exclusion = |item: &Item| matches!(item, Item::Move(rule) if rule.starts_with('!'));
    if !items.contains(&Item::Move("*".to_owned())) && items.iter().any(is_exclusion) {
        items.retain(|item| !is_exclusion(item));
        specification.left_out.push("rules that exclude a table which no other rule takes");
    }
    if items.iter().any(|item| matches!(item, Item::Target(_))) {
        specification.notes.insert(Note::Existing);
    }
    items.into_iter().for_each(|item| specification.add(item));
    Some(specification)
}

/// What rules say beside the shard that they are for, and where they say it.
fn without_routes(items: &[Item]) -> Vec<Item> {
    let mut items = items.to_vec();
    for item in &mut items {
        if let Item::Target(target) = item {
            target.made.is_routed = false;
            target.made.places.clear();
        }
    }
    items
}
