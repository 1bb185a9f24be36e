//! `MoveTables`, as its request says it.

use crate::{
    Given,
    fields::Fields,
    json::{Text, Value},
    options,
    refusal::{Refusal, What},
    specification::{Item, Specification, identity, rule},
};

/// A `MoveTables` request.
pub(crate) fn read(
    value: &Value,
    given: &Given,
    refusals: &mut Vec<Refusal>,
) -> Option<Specification> {
    let mut specification = Specification::new("a MoveTables request");
    let of = ("request", "MoveTables requests");
    let mut fields = Fields::new(value, of, refusals)?;
    let names =
        (fields.text("workflow"), fields.text("source_keyspace"), fields.text("target_keyspace"));
    let (all, included) = (fields.flag("all_tables"), fields.texts("include_tables"));
    let excluded = fields.texts("exclude_tables");
    options::read(&mut fields, &mut specification);
    if let Some(at) = fields.flag("drop_foreign_keys") {
        let what = What::Option {
            key: "drop_foreign_keys",
            reason: "leaves foreign keys out of the target's definitions, which `move` does not",
            instead: "take it out: foreign keys are created after the rows are there",
        };
        fields.refuse(what, at);
    }
    if all.is_none() && included.is_empty() {
        fields.missing("include_tables", "name the tables, or say `\"all_tables\": true`");
    }
    if let (Some(_), Some(first)) = (all, included.first()) {
        let what = What::Option {
            key: "include_tables",
            reason: "names tables beside `all_tables`",
            instead: "leave one of both",
        };
        fields.refuse(what, &first.at);
    }
    fields.finish();
    identity(&mut specification, names, (given, &value.at), refusals);
    if all.is_some() {
        specification.add(Item::Move("*".to_owned()));
    }
    for table in included {
        moved(table, "", &mut specification, refusals);
    }
    for table in excluded {
        // A table that nobody includes need not be left out.
        if specification.moves("*") || specification.moves(&table.value) {
            moved(table, "!", &mut specification, refusals);
        }
    }
    Some(specification)
}

fn moved(table: &Text, sign: &str, specification: &mut Specification, refusals: &mut Vec<Refusal>) {
    match rule(table) {
        Ok(rule) => specification.add(Item::Move(format!("{sign}{rule}"))),
        Err(refusal) => refusals.push(refusal),
    }
}
