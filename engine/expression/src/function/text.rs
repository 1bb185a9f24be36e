//! Functions that make text of text.

use std::borrow::Cow;

use crate::{
    code::CallCode,
    error::Fault,
    function::{
        ANY, Form, Function, MYSQL, case,
        resolve::Call,
        values::{bytes, count, push, slice, take, text, text_value},
    },
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
              collation. The few texts that take more bytes then, which MySQL cuts, fail.",
        example: ("lower(\"Åre\")", "\"åre\""),
        form: Form::Call(same_text, lower),
        ..MYSQL
    },
    Function {
        name: "upper",
        usage: "upper(text)",
        doc: "The text in upper case, by the rules of `utf8mb4_0900_ai_ci`, whatever its column's \
              collation. The few texts that take more bytes then, which MySQL cuts, fail.",
        example: ("upper(\"åre\")", "\"ÅRE\""),
        form: Form::Call(same_text, upper),
        ..MYSQL
    },
    Function {
        name: "concat",
        usage: "concat(value, …)",
        doc: "The texts of the arguments, one after another. Numbers, dates and times are taken as \
              the server prints them. NULL if any is NULL.",
        example: ("concat(\"order-\", 17)", "\"order-17\""),
        takes: (1, ANY),
        form: Form::Call(resolve_concat, concat),
        ..MYSQL
    },
    Function {
        name: "concat_ws",
        usage: "concat_ws(separator, value, …)",
        doc: "The texts of the arguments that are not NULL, with the separator between them. NULL if \
              the separator is NULL.",
        example: ("concat_ws(\", \", \"a\", (), \"b\")", "\"a, b\""),
        takes: (2, ANY),
        form: Form::SeesNull(resolve_concat_ws, concat_ws),
        ..MYSQL
    },
    Function {
        name: "replace",
        usage: "replace(text, from, to)",
        doc: "The text with each `from` in it replaced by `to`. Upper and lower case differ.",
        example: ("replace(\"a-b-c\", \"-\", \"\")", "\"abc\""),
        takes: (3, 3),
        form: Form::Call(resolve_replace, replace),
        ..MYSQL
    },
    Function {
        name: "lpad",
        usage: "lpad(text, length, filler)",
        doc: "The text with as much filler before it as makes it `length` characters long; the first \
              `length` characters of a longer text. NULL for a negative length.",
        example: ("lpad(\"7\", 3, \"0\")", "\"007\""),
        takes: (3, 3),
        form: Form::Call(resolve_pad, lpad),
        ..MYSQL
    },
    Function {
        name: "rpad",
        usage: "rpad(text, length, filler)",
        doc: "The text with as much filler behind it as makes it `length` characters long; the first \
              `length` characters of a longer text. NULL for a negative length.",
        example: ("rpad(\"7\", 3, \".\")", "\"7..\""),
        takes: (3, 3),
        form: Form::Call(resolve_pad, rpad),
        ..MYSQL
    },
    Function {
        name: "reverse",
        usage: "reverse(text)",
        doc: "The text from its last character to its first.",
        example: ("reverse(\"abc\")", "\"cba\""),
        form: Form::Call(same_text, reverse),
        ..MYSQL
    },
    Function {
        name: "repeat",
        usage: "repeat(text, count)",
        doc: "The text so many times; empty for a count below one.",
        example: ("repeat(\"ab\", 2)", "\"abab\""),
        takes: (2, 2),
        form: Form::Call(resolve_repeat, repeat),
        ..MYSQL
    },
    Function {
        name: "char_length",
        usage: "char_length(text)",
        doc: "The number of characters.",
        example: ("char_length(\"été\")", "3"),
        form: Form::Call(resolve_char_length, char_length),
        ..MYSQL
    },
    Function {
        name: "length",
        usage: "length(value)",
        doc: "The number of bytes: of text in UTF-8, also where its column has another charset.",
        example: ("length(\"été\")", "5"),
        form: Form::Call(resolve_length, length),
        ..MYSQL
    },
];

fn same_text(call: &mut Call<'_>) -> Result<Typed, Problem> {
    let characters_max = call.text(0)?;
    Ok(call.typed(Type::Text { characters_max }))
}

fn lower<'a>(_: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    map_case(values, u8::is_ascii_uppercase, str::to_ascii_lowercase, case::lower)
}

fn upper<'a>(_: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    map_case(values, u8::is_ascii_lowercase, str::to_ascii_uppercase, case::upper)
}

/// The server has no more room than the text took before, and cuts what has no place.
const LONGER: Fault =
    Fault::Argument("the text takes more bytes in this case, and MySQL would cut it");

fn map_case<'a>(
    values: &mut [Value<'a>],
    changes: fn(&u8) -> bool,
    ascii: fn(&str) -> String,
    other: fn(char) -> char,
) -> Result<Value<'a>, Fault> {
    let text = text(values, 0)?;
    if !text.is_ascii() {
        let mapped: String = text.chars().map(other).collect();
        return if mapped.len() > text.len() { Err(LONGER) } else { Ok(text_value(mapped)) };
    }
    let is_changed = text.bytes().any(|byte| changes(&byte));
    Ok(if is_changed { text_value(ascii(text)) } else { take(values, 0) })
}

fn resolve_concat(call: &mut Call<'_>) -> Result<Typed, Problem> {
    let mut characters_max = 0_u32;
    for index in 0..call.arguments.len() {
        characters_max = characters_max.saturating_add(call.printed(index)?);
    }
    Ok(call.typed(Type::Text { characters_max }))
}

fn concat<'a>(_: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    let mut all = String::new();
    for index in 0..values.len() {
        push(&mut all, text(values, index)?)?;
    }
    Ok(text_value(all))
}

fn resolve_concat_ws(call: &mut Call<'_>) -> Result<Typed, Problem> {
    let separator = call.printed(0)?;
    let mut characters_max = 0_u32;
    for index in 1..call.arguments.len() {
        let between = if index == 1 { 0 } else { separator };
        characters_max =
            characters_max.saturating_add(call.printed(index)?).saturating_add(between);
    }
    let nullable = call.argument(0).typed.nullable;
    Ok(Typed::new(Type::Text { characters_max }, nullable))
}

fn concat_ws<'a>(_: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    let Some((separator, rest)) = values.split_first() else { return Err(Fault::OtherTable) };
    if separator.is_null() {
        return Ok(Value::Null);
    }
    let separator = text(std::slice::from_ref(separator), 0)?;
    let mut all = String::new();
    let mut is_first = true;
    for value in rest.iter().filter(|value| !value.is_null()) {
        if !std::mem::take(&mut is_first) {
            push(&mut all, separator)?;
        }
        push(&mut all, text(std::slice::from_ref(value), 0)?)?;
    }
    Ok(text_value(all))
}

fn resolve_replace(call: &mut Call<'_>) -> Result<Typed, Problem> {
    let (all, from, to) = (call.text(0)?, call.text(1)?, call.text(2)?);
    // A `from` that is written out says how often it fits.
    let shortest = call.argument(1).text_value().map_or(1, |text| text.chars().count().max(1));
    let shortest = u32::try_from(shortest).unwrap_or(u32::MAX).min(from.max(1));
    let grown = (all / shortest).saturating_mul(to).saturating_add(all % shortest);
    Ok(call.typed(Type::Text { characters_max: grown.max(all) }))
}

fn replace<'a>(_: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    let (all, from, to) = (text(values, 0)?, text(values, 1)?, text(values, 2)?);
    if from.is_empty() || !all.contains(from) {
        return Ok(take(values, 0));
    }
    let count = all.matches(from).count();
    if all.len().saturating_add(count.saturating_mul(to.len())) > BYTES_MAX {
        return Err(Fault::TooLarge);
    }
    Ok(text_value(all.replace(from, to)))
}

fn resolve_pad(call: &mut Call<'_>) -> Result<Typed, Problem> {
    call.text(0)?;
    call.text(2)?;
    let (least, most) = call.int(1)?;
    let characters_max = u32::try_from(most.max(0)).unwrap_or(u32::MAX);
    let nullable = call.any_nullable() || least < 0;
    Ok(Typed::new(Type::Text { characters_max }, nullable))
}

fn lpad<'a>(_: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    pad(values, true)
}

fn rpad<'a>(_: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    pad(values, false)
}

fn pad<'a>(values: &mut [Value<'a>], is_left: bool) -> Result<Value<'a>, Fault> {
    let (plain, filler) = (text(values, 0)?, text(values, 2)?);
    let Some(Value::Int(length)) = values.get(1) else { return Err(Fault::OtherTable) };
    if *length < 0 {
        return Ok(Value::Null);
    }
    let (length, has) = (count(*length), plain.chars().count());
    if length <= has {
        return slice(take(values, 0), 0, length);
    }
    if filler.is_empty() {
        return Ok(take(values, 0));
    }
    let missing = length - has;
    if missing.saturating_mul(4) > BYTES_MAX {
        return Err(Fault::TooLarge);
    }
    let fill: String = filler.chars().cycle().take(missing).collect();
    Ok(text_value(if is_left { fill + plain } else { format!("{plain}{fill}") }))
}

fn reverse<'a>(_: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    Ok(text_value(text(values, 0)?.chars().rev().collect::<String>()))
}

fn resolve_repeat(call: &mut Call<'_>) -> Result<Typed, Problem> {
    let characters = call.text(0)?;
    let (_, most) = call.int(1)?;
    let times = u32::try_from(most.max(0)).unwrap_or(u32::MAX);
    Ok(call.typed(Type::Text { characters_max: characters.saturating_mul(times) }))
}

fn repeat<'a>(_: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    let times = match values.get(1) {
        Some(Value::Int(times)) => count(*times),
        _ => return Err(Fault::OtherTable),
    };
    let part = text(values, 0)?;
    if part.len().saturating_mul(times) > BYTES_MAX {
        return Err(Fault::TooLarge);
    }
    Ok(Value::Text(Cow::Owned(part.repeat(if part.is_empty() { 0 } else { times }))))
}

fn resolve_char_length(call: &mut Call<'_>) -> Result<Typed, Problem> {
    let characters = call.text(0)?;
    Ok(call.typed(Type::int(false, 0, characters.into())))
}

fn char_length<'a>(_: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    Ok(Value::Int(i128::try_from(text(values, 0)?.chars().count()).unwrap_or(i128::MAX)))
}

fn resolve_length(call: &mut Call<'_>) -> Result<Typed, Problem> {
    let most = match *call.kind(0) {
        Type::Bytes { bytes_max } => i128::from(bytes_max),
        _ => i128::from(call.text(0)?) * 4,
    };
    Ok(call.typed(Type::int(false, 0, most)))
}

fn length<'a>(_: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    Ok(Value::Int(i128::try_from(bytes(values, 0)?.len()).unwrap_or(i128::MAX)))
}
