//! Functions that take a part of text.

use std::borrow::Cow;

use crate::{
    code::CallCode,
    error::Fault,
    function::{
        Form, Function, MYSQL, OWN, Origin,
        resolve::Call,
        values::{count, int, slice, take, text, text_value},
    },
    problem::Problem,
    types::{Type, Typed},
    value::Value,
};

/// The functions of this file.
pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        name: "substring",
        usage: "substring(text, position, length)",
        doc: "The characters from the position on, at most `length` of them if it is given. The first \
              is 1; a negative position counts from the end; nothing is at 0.",
        example: ("substring(\"whimbrel\", -3, 2)", "\"re\""),
        takes: (2, 3),
        form: Form::Call(resolve_substring, substring),
        ..MYSQL
    },
    Function {
        name: "left",
        usage: "left(text, length)",
        doc: "The first characters.",
        example: ("left(\"whimbrel\", 4)", "\"whim\""),
        takes: (2, 2),
        form: Form::Call(resolve_cut, left),
        ..MYSQL
    },
    Function {
        name: "right",
        usage: "right(text, length)",
        doc: "The last characters.",
        example: ("right(\"whimbrel\", 4)", "\"brel\""),
        takes: (2, 2),
        form: Form::Call(resolve_cut, right),
        ..MYSQL
    },
    Function {
        name: "truncate_to",
        usage: "truncate_to(value, length)",
        doc: "Text cut to so many characters, or bytes to so many bytes: for a column with less room.",
        example: ("truncate_to(\"whimbrel\", 4)", "\"whim\""),
        takes: (2, 2),
        form: Form::Call(resolve_truncate, truncate),
        ..OWN
    },
    Function {
        name: "trim",
        usage: "trim(text, part)",
        doc: "The text without the parts at its ends; spaces if no part is given.",
        example: ("trim(\"  a b \")", "\"a b\""),
        takes: (1, 2),
        origin: Origin::MysqlAs("TRIM(part FROM text)"),
        form: Form::Call(resolve_trim, trim),
    },
    Function {
        name: "ltrim",
        usage: "ltrim(text)",
        doc: "The text without the spaces at its start.",
        example: ("ltrim(\"  a \")", "\"a \""),
        form: Form::Call(resolve_trim, ltrim),
        ..MYSQL
    },
    Function {
        name: "rtrim",
        usage: "rtrim(text)",
        doc: "The text without the spaces at its end.",
        example: ("rtrim(\" a  \")", "\" a\""),
        form: Form::Call(resolve_trim, rtrim),
        ..MYSQL
    },
    Function {
        name: "substring_index",
        usage: "substring_index(text, separator, count)",
        doc: "What stands before the separator's occurrence of that number; behind it, counted from \
              the end, for a negative count.",
        example: ("substring_index(\"ann@example.org\", \"@\", -1)", "\"example.org\""),
        takes: (3, 3),
        form: Form::Call(resolve_index, substring_index),
        ..MYSQL
    },
    Function {
        name: "locate",
        usage: "locate(part, text)",
        doc: "The position of the first such part, from 1; 0 if there is none. Upper and lower case \
              differ.",
        example: ("locate(\"@\", \"ann@example.org\")", "4"),
        origin: Origin::MysqlAs("LOCATE over binary collations"),
        takes: (2, 2),
        form: Form::Call(resolve_locate, locate),
    },
];

fn resolve_substring(call: &mut Call<'_>) -> Result<Typed, Problem> {
    let mut characters_max = call.text(0)?;
    call.int(1)?;
    if call.arguments.len() == 3 {
        let (_, most) = call.int(2)?;
        characters_max = characters_max.min(u32::try_from(most.max(0)).unwrap_or(u32::MAX));
    }
    Ok(call.typed(Type::Text { characters_max }))
}

fn substring<'a>(_: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    let position = int(values, 1)?;
    let length = if values.len() == 3 { count(int(values, 2)?) } else { usize::MAX };
    let start = if position > 0 {
        count(position - 1)
    } else {
        let characters = text(values, 0)?.chars().count();
        let back = usize::try_from(position.unsigned_abs()).unwrap_or(usize::MAX);
        match characters.checked_sub(back) {
            Some(start) if position != 0 => start,
            _ => return Ok(text_value("")),
        }
    };
    slice(take(values, 0), start, start.saturating_add(length))
}

fn resolve_cut(call: &mut Call<'_>) -> Result<Typed, Problem> {
    let characters = call.text(0)?;
    let (_, most) = call.int(1)?;
    let characters_max = characters.min(u32::try_from(most.max(0)).unwrap_or(u32::MAX));
    Ok(call.typed(Type::Text { characters_max }))
}

fn left<'a>(_: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    let length = count(int(values, 1)?);
    slice(take(values, 0), 0, length)
}

fn right<'a>(_: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    let length = count(int(values, 1)?);
    let characters = text(values, 0)?.chars().count();
    slice(take(values, 0), characters.saturating_sub(length), usize::MAX)
}

fn resolve_truncate(call: &mut Call<'_>) -> Result<Typed, Problem> {
    if let Type::Bytes { bytes_max } = *call.kind(0) {
        let (_, most) = call.int(1)?;
        let bytes_max = bytes_max.min(u32::try_from(most.max(0)).unwrap_or(u32::MAX));
        return Ok(call.typed(Type::Bytes { bytes_max }));
    }
    resolve_cut(call)
}

fn truncate<'a>(code: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    let length = count(int(values, 1)?);
    match take(values, 0) {
        Value::Bytes(Cow::Borrowed(bytes)) => {
            Ok(Value::Bytes(Cow::Borrowed(bytes.get(..length).unwrap_or(bytes))))
        }
        Value::Bytes(Cow::Owned(mut bytes)) => {
            bytes.truncate(length);
            Ok(Value::Bytes(Cow::Owned(bytes)))
        }
        other => {
            let place = values.first_mut().ok_or(Fault::OtherTable)?;
            *place = other;
            left(code, values)
        }
    }
}

fn resolve_trim(call: &mut Call<'_>) -> Result<Typed, Problem> {
    let characters_max = call.text(0)?;
    if call.arguments.len() == 2 {
        call.text(1)?;
    }
    Ok(call.typed(Type::Text { characters_max }))
}

fn trim<'a>(_: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    let part = if values.len() == 2 { text(values, 1)?.to_owned() } else { " ".to_owned() };
    cut(values, |text| text.trim_start_matches(part.as_str()).trim_end_matches(part.as_str()))
}

fn ltrim<'a>(_: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    cut(values, |text| text.trim_start_matches(' '))
}

fn rtrim<'a>(_: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    cut(values, |text| text.trim_end_matches(' '))
}

fn cut<'a>(
    values: &mut [Value<'a>],
    part: impl for<'t> Fn(&'t str) -> &'t str,
) -> Result<Value<'a>, Fault> {
    match take(values, 0) {
        Value::Text(Cow::Borrowed(text)) => Ok(text_value(part(text))),
        Value::Text(Cow::Owned(text)) => Ok(text_value(part(&text).to_owned())),
        _ => Err(Fault::OtherTable),
    }
}

fn resolve_index(call: &mut Call<'_>) -> Result<Typed, Problem> {
    let characters_max = call.text(0)?;
    call.text(1)?;
    call.int(2)?;
    Ok(call.typed(Type::Text { characters_max }))
}

fn substring_index<'a>(_: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    let (all, separator, wanted) = (text(values, 0)?, text(values, 1)?, int(values, 2)?);
    if separator.is_empty() || wanted == 0 {
        return Ok(text_value(""));
    }
    let nth = usize::try_from(wanted.unsigned_abs() - 1).unwrap_or(usize::MAX);
    let found = if wanted > 0 {
        all.match_indices(separator).nth(nth).and_then(|(at, _)| all.get(..at))
    } else {
        let found = all.rmatch_indices(separator).nth(nth);
        found.and_then(|(at, _)| all.get(at + separator.len()..))
    };
    let part = found.map(str::to_owned);
    Ok(part.map_or_else(|| take(values, 0), text_value))
}

fn resolve_locate(call: &mut Call<'_>) -> Result<Typed, Problem> {
    call.text(0)?;
    let most = call.text(1)?;
    Ok(call.typed(Type::int(false, 0, i128::from(most) + 1)))
}

fn locate<'a>(_: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    let (part, all) = (text(values, 0)?, text(values, 1)?);
    let before = all.find(part).and_then(|at| all.get(..at));
    let position = before.map_or(0, |before| before.chars().count() + 1);
    Ok(Value::Int(i128::try_from(position).unwrap_or(i128::MAX)))
}
