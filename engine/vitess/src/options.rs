//! Options of Materialize and `MoveTables`: what they become, and which are refused.

use crate::{
    fields::Fields,
    json::{Kind, Text, Value},
    refusal::What,
    specification::Specification,
    write::Note,
};

/// Options that change how Vitess goes about it, and not what is written.
const LEFT_OUT: [&str; 12] = [
    "all_cells",
    "atomic_copy",
    "auto_start",
    "cell",
    "cells",
    "defer_secondary_keys",
    "external_cluster",
    "external_cluster_name",
    "materialization_intent",
    "no_routing_rules",
    "tablet_selection_preference",
    "tablet_types",
];

/// Reads the options that are common to both requests.
pub(crate) fn read(fields: &mut Fields<'_, '_>, specification: &mut Specification) {
    fields.left_out(&LEFT_OUT, &mut specification.left_out);
    if fields.flag("stop_after_copy").is_some() {
        specification.notes.insert(Note::StopAfterCopy);
    }
    time_zones(fields);
    let shards = fields.texts("source_shards");
    source_shards(fields, &shards);
    if let Some(value) = fields.get("on_ddl") {
        on_ddl(fields, value, specification);
    }
    if let Some(value) = fields.get("workflow_options") {
        workflow_options(fields, value, specification);
    }
}

/// Values that are moved from one time zone to another.
pub(crate) fn time_zones(fields: &mut Fields<'_, '_>) {
    for key in ["source_time_zone", "target_time_zone"] {
        if let Some(value) = fields.get(key) {
            let what = What::Option {
                key,
                reason: "moves the values of all DATETIME columns, which a plan does by name",
                instead: "take it out, and materialize the tables with such columns: `columns: { at: \
                          convert_tz(at, \"Europe/Berlin\", \"UTC\") }`",
            };
            fields.refuse(what, &value.at);
        }
    }
}

/// Rows of one source shard are those of one server.
pub(crate) fn source_shards(fields: &mut Fields<'_, '_>, shards: &[&Text]) {
    let is_whole = |shard: &&Text| ["0", "-"].contains(&shard.value.as_str());
    let (Some(first), Some(last)) = (shards.first(), shards.last()) else { return };
    if !(shards.len() == 1 && shards.iter().all(is_whole)) {
        let names: Vec<String> = shards.iter().map(|it| format!("`{}`", it.value)).collect();
        let what = What::SourceShards { shards: names.join(", ") };
        fields.refuse(what, &(first.at.start..last.at.end));
    }
}

/// What happens when a source table's definition changes.
pub(crate) fn on_ddl(
    fields: &mut Fields<'_, '_>,
    value: &Value,
    specification: &mut Specification,
) {
    let word = match &value.kind {
        Kind::Text(text) => text.value.to_ascii_uppercase(),
        Kind::Number(digits) => digits.clone(),
        Kind::Null | Kind::Bool(_) | Kind::List(_) | Kind::Object(_) => String::new(),
    };
    match word.as_str() {
        "IGNORE" | "0" => {
            specification.notes.insert(Note::IgnoredDdl);
            specification.on_ddl = Some("ignore");
        }
        "STOP" | "1" => specification.on_ddl = Some("stop"),
        "EXEC" | "2" | "EXEC_IGNORE" | "3" => {
            let what = What::Option {
                key: "on_ddl",
                reason: "runs changed definitions on the target, which a plan does not",
                instead: "write STOP: the run stops there, and goes on once the target has the change",
            };
            fields.refuse(what, &value.at);
        }
        _ => {
            let wanted = "one of IGNORE, STOP, EXEC and EXEC_IGNORE";
            fields.refuse(What::WrongType { key: "on_ddl", wanted }, &value.at);
        }
    }
}

fn workflow_options(fields: &mut Fields<'_, '_>, value: &Value, specification: &mut Specification) {
    let of = ("workflow_options", "workflow options");
    let Some(mut options) = Fields::new(value, of, fields.refusals()) else { return };
    options.left_out(&["config", "global_keyspace"], &mut specification.left_out);
    if let Some(value) = options.get("tenant_id") {
        let what = What::Option {
            key: "tenant_id",
            reason: "picks rows by a column that the target's vschema names",
            instead: "take it out, and materialize the tables with `where: tenant_id == 7`",
        };
        options.refuse(what, &value.at);
    }
    if let Some(value) = options.get("shards") {
        let what = What::Option {
            key: "shards",
            reason: "picks target shards, which a plan's target does not have",
            instead: "take it out",
        };
        options.refuse(what, &value.at);
    }
    if let Some(value) = options.get("sharded_auto_increment_handling") {
        let is_left = matches!(&value.kind, Kind::Text(text) if text.value == "LEAVE");
        if !is_left {
            let what = What::Option {
                key: "sharded_auto_increment_handling",
                reason: "changes AUTO_INCREMENT on the target, which a plan leaves as it is",
                instead: "write LEAVE",
            };
            options.refuse(what, &value.at);
        }
    }
    options.finish();
}
