//! Which of Vitess's forms a text has, by what stands in it.

use crate::{
    Given,
    fields::is_named,
    json::{Kind, Value},
    move_tables,
    refusal::{Refusal, What},
    settings,
    specification::Specification,
    workflow,
};

/// The specification in `value`.
pub(crate) fn specification(
    value: &Value,
    given: &Given,
    refusals: &mut Vec<Refusal>,
) -> Option<Specification> {
    let entries = match &value.kind {
        Kind::List(settings) if !settings.is_empty() => {
            return Some(settings::of_list(value, settings, given, refusals));
        }
        Kind::Object(entries) => entries.as_slice(),
        Kind::List(_) | Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) => &[],
    };
    let has = |keys: &[&str]| {
        entries.iter().any(|(name, _)| keys.iter().any(|key| is_named(&name.value, key)))
    };
    if has(&["table_settings"]) {
        return settings::of_object(value, given, refusals);
    }
    let at = value.at.start..(value.at.start + 1).min(value.at.end);
    if !given.reference_tables.is_empty() {
        let what = What::Option {
            key: "--reference-tables",
            reason: "goes with Materialize settings, and this is something else",
            instead: "leave it out, and name the tables under `move` in the plan",
        };
        refusals.push(Refusal::new(what, &at));
    }
    if has(&["workflows", "shard_streams"]) {
        return workflow::read(value, given, refusals);
    }
    if has(&["include_tables", "all_tables"]) {
        return move_tables::read(value, given, refusals);
    }
    refusals.push(Refusal::new(What::Shape, &at));
    None
}
