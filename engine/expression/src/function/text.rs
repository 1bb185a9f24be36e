//! Functions over text.

use std::borrow::Cow;

use crate::{
    code::CallCode,
    error::Fault,
    function::{Form, Function, Origin, resolve::Call},
    problem::Problem,
    types::{BYTES_MAX, Type, Typed},
    value::Value,
};

/// The functions of this file.
pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        name: "lower",
        usage: "lower(text)",
        doc: "The text in lower case, by the rules of `utf8mb4_0900_ai_ci`, whatever its column's \
              collation.",
        example: "lower(\"Åre\")",
        result: "\"åre\"",
        origin: Origin::Mysql,
        least: 1,
        most: 1,
        form: Form::Call { resolve: same_text, evaluate: lower, sees_null: false },
    },
    Function {
        name: "upper",
        usage: "upper(text)",
        doc: "The text in upper case, by the rules of `utf8mb4_0900_ai_ci`, whatever its column's \
              collation.",
        example: "upper(\"åre\")",
        result: "\"ÅRE\"",
        origin: Origin::Mysql,
        least: 1,
        most: 1,
        form: Form::Call { resolve: same_text, evaluate: upper, sees_null: false },
    },
    Function {
        name: "concat",
        usage: "concat(value, …)",
        doc: "The texts of the arguments, one after another. Numbers, dates and times are taken as \
              the server prints them. NULL if any is NULL.",
        example: "concat(\"order-\", 17)",
        result: "\"order-17\"",
        origin: Origin::Mysql,
        least: 1,
        most: usize::MAX,
        form: Form::Call { resolve: resolve_concat, evaluate: concat, sees_null: false },
    },
];

/// The text of a value; only called for arguments that were checked to be text.
pub(super) fn text_of<'v>(value: &'v Value<'_>) -> Result<&'v str, Fault> {
    if let Value::Text(text) = value { Ok(text) } else { Err(Fault::OtherTable) }
}

fn same_text(call: &mut Call<'_>) -> Result<Typed, Problem> {
    let characters_max = call.text(0)?;
    Ok(call.typed(Type::Text { characters_max }))
}

fn lower<'a>(_: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    map_case(values, u8::is_ascii_uppercase, str::to_ascii_lowercase, |character| {
        character.to_lowercase().next()
    })
}

fn upper<'a>(_: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    map_case(values, u8::is_ascii_lowercase, str::to_ascii_uppercase, |character| {
        character.to_uppercase().next()
    })
}

fn map_case<'a>(
    values: &mut [Value<'a>],
    changes: fn(&u8) -> bool,
    ascii: fn(&str) -> String,
    other: fn(char) -> Option<char>,
) -> Result<Value<'a>, Fault> {
    let [value] = values else { return Err(Fault::OtherTable) };
    let value = std::mem::replace(value, Value::Null);
    let text = text_of(&value)?;
    Ok(if !text.is_ascii() {
        Value::Text(Cow::Owned(text.chars().filter_map(other).collect()))
    } else if text.bytes().any(|byte| changes(&byte)) {
        Value::Text(Cow::Owned(ascii(text)))
    } else {
        value
    })
}

fn resolve_concat(call: &mut Call<'_>) -> Result<Typed, Problem> {
    let mut characters = 0_u32;
    for index in 0..call.arguments.len() {
        characters = characters.saturating_add(call.printed(index)?);
    }
    Ok(call.typed(Type::Text { characters_max: characters }))
}

fn concat<'a>(_: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    let mut all = String::new();
    for value in values {
        push(&mut all, text_of(value)?)?;
    }
    Ok(Value::Text(Cow::Owned(all)))
}

/// Appends to a text that may not grow beyond all bounds.
pub(super) fn push(all: &mut String, part: &str) -> Result<(), Fault> {
    if all.len() + part.len() > BYTES_MAX {
        return Err(Fault::TooLarge);
    }
    all.push_str(part);
    Ok(())
}
