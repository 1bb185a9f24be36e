//! Materialize: table settings alone, or with all that goes with them.

use std::collections::BTreeMap;

use crate::{
    Given,
    fields::Fields,
    json::{Text, Value},
    options,
    refusal::{Refusal, What},
    select,
    specification::{Create, Item, Specification, Target, identity, references, rule},
    sql::Sql,
    write::Note,
};

/// A list of table settings, as `vtctldclient Materialize create --table-settings` takes it.
pub(crate) fn of_list(
    list: &Value,
    settings: &[Value],
    given: &Given,
    refusals: &mut Vec<Refusal>,
) -> Specification {
    let mut specification = Specification::new("Materialize table settings");
    identity(&mut specification, (None, None, None), (given, &list.at), refusals);
    tables(settings, &mut specification, refusals);
    references(&mut specification, (given, &list.at), refusals);
    specification
}

/// Materialize settings.
pub(crate) fn of_object(
    object: &Value,
    given: &Given,
    refusals: &mut Vec<Refusal>,
) -> Option<Specification> {
    let of = ("settings", "Materialize settings");
    let mut specification = Specification::new("Materialize settings");
    let mut fields = Fields::new(object, of, refusals)?;
    let names =
        (fields.text("workflow"), fields.text("source_keyspace"), fields.text("target_keyspace"));
    let (settings, tables_of_all) =
        (fields.list("table_settings"), fields.texts("reference_tables"));
    options::read(&mut fields, &mut specification);
    if settings.is_empty() {
        fields.missing("table_settings", "give the settings of at least one table");
    }
    fields.finish();
    identity(&mut specification, names, (given, &object.at), refusals);
    tables(settings, &mut specification, refusals);
    for table in tables_of_all {
        match rule(table) {
            Ok(rule) => specification.add(Item::Move(rule)),
            Err(refusal) => refusals.push(refusal),
        }
    }
    references(&mut specification, (given, &object.at), refusals);
    Some(specification)
}

fn tables(settings: &[Value], specification: &mut Specification, refusals: &mut Vec<Refusal>) {
    let mut seen: BTreeMap<String, &Text> = BTreeMap::new();
    for setting in settings {
        let of = ("table_settings", "table settings");
        let Some(mut fields) = Fields::new(setting, of, refusals) else { continue };
        let target = fields.text("target_table");
        let expression = fields.text("source_expression");
        let ddl = fields.text("create_ddl");
        if target.is_none() {
            fields.missing("target_table", "name the target table");
        }
        if expression.is_none() {
            fields.missing("source_expression", "give the SELECT that the target is made of");
        }
        fields.finish();
        let (Some(target), Some(expression)) = (target, expression) else { continue };
        if let Some(first) = seen.get(&target.value) {
            let what = What::Twice { name: target.value.clone() };
            refusals.push(Refusal::new(what, &target.at).with_other(&first.at));
        }
        seen.insert(target.value.clone(), target);
        let keyspace = specification.source_keyspace.clone();
        match item(target, (expression, &keyspace), ddl) {
            Ok((item, note)) => {
                specification.add(item);
                specification.notes.extend(note);
            }
            Err(found) => refusals.extend(found),
        }
    }
}

/// What the settings of one table become.
fn item(
    target: &Text,
    (expression, keyspace): (&Text, &str),
    ddl: Option<&Text>,
) -> Result<(Item, Option<Note>), Vec<Refusal>> {
    let sql = Sql::new(expression);
    let made = select::read(sql, Some(keyspace), None)?;
    let is_copy = made.is_copy();
    let (create, note) = match ddl.map(|ddl| (ddl, ddl.value.trim())) {
        None => (Create::Existing, None),
        Some((_, "copy")) if is_copy && made.from == target.value => {
            let rule = rule(target).map_err(|refusal| vec![refusal])?;
            return Ok((Item::Move(rule), None));
        }
        Some((ddl, word @ ("copy" | "copy:drop_constraint" | "copy:drop_foreign_keys"))) => {
            if !made.has_all || !made.columns.is_empty() {
                let what = What::Definition {
                    reason: "copies all columns of the source, and this SELECT has others",
                    instead: "write the CREATE TABLE statement of the target, or leave it empty for a \
                              table that is there",
                };
                return Err(vec![Refusal::new(what, &ddl.at)]);
            }
            (Create::Copy, (word == "copy:drop_foreign_keys").then_some(Note::Constraints))
        }
        Some((ddl, statement)) => {
            (Create::Statement(definition(ddl, statement, &target.value)?), None)
        }
    };
    let name = target.value.clone();
    Ok((Item::Target(Target { name, made, create }), note))
}

/// A statement that a plan takes for one, of the table `target`.
fn definition(ddl: &Text, statement: &str, target: &str) -> Result<String, Vec<Refusal>> {
    let refused = |reason, instead| {
        let what = What::Definition { reason, instead };
        Err(vec![Refusal::new(what, &ddl.at)])
    };
    let Some(rest) = after(statement, "create") else {
        return refused(
            "is no CREATE TABLE statement",
            "write the statement, `copy`, or nothing for a table that is there",
        );
    };
    let name = after(rest, "table").map(|rest| {
        let exists = after(rest, "if").and_then(|rest| after(rest, "not"));
        table_name(exists.and_then(|rest| after(rest, "exists")).unwrap_or(rest))
    });
    if name.is_none_or(|name| name.as_deref() != Some(target)) {
        return refused(
            "does not begin with CREATE TABLE and the name of the target table",
            "write `create table NAME (…)` with the name that `target_table` has, and no database \
             before it",
        );
    }
    let statement = format!("create {rest}");
    Ok(statement.trim_end_matches([';', ' ', '\n', '\t', '\r']).to_owned())
}

/// What stands behind the word `word`, if `text` begins with it.
fn after<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    let (first, rest) = text.split_at_checked(word.len())?;
    let ends = rest.starts_with(|sign: char| sign.is_whitespace() || sign == '`');
    (ends && first.eq_ignore_ascii_case(word)).then(|| rest.trim_start())
}

/// The name of the table that `text` begins with, without a database before it.
fn table_name(text: &str) -> Option<String> {
    let (name, rest) = if let Some(quoted) = text.strip_prefix('`') {
        let mut name = String::new();
        let mut signs = quoted.chars();
        loop {
            match signs.next()? {
                '`' if signs.as_str().starts_with('`') => name.extend(signs.next()),
                '`' => break,
                sign => name.push(sign),
            }
        }
        (name, signs.as_str())
    } else {
        let is_sign =
            |sign: char| sign.is_alphanumeric() || "_$".contains(sign) || !sign.is_ascii();
        let end = text.find(|sign: char| !is_sign(sign))?;
        let (name, rest) = text.split_at(end);
        (name.to_owned(), rest)
    };
    (!rest.trim_start().starts_with('.')).then_some(name)
}
