//! Functions over documents.

use crate::{
    code::CallCode,
    error::Fault,
    function::{
        Form, Function, MYSQL,
        resolve::Call,
        values::{take, text_value},
    },
    json::{Step, extract, unquote},
    prepared::Prepared,
    problem::Problem,
    types::{Type, Typed},
    value::Value,
};

const NO_DOCUMENT: Fault = Fault::Argument("the value is no document");

/// The functions of this file.
pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        name: "json_extract",
        usage: "json_extract(document, \"$.path\")",
        doc: "The part of the document at a path of members and elements: `$.address.lines[0]`, \
              `$.\"a name\"`. NULL if there is none.",
        takes: (2, 2),
        form: Form::Call(resolve_extract, json_extract),
        ..MYSQL
    },
    Function {
        name: "json_unquote",
        usage: "json_unquote(document)",
        doc: "The characters of a string, or the text of another part: `json_unquote(json_extract(x, \
              \"$.name\"))`. A JSON `null` is the text `null`, as in MySQL.",
        form: Form::Call(resolve_unquote, json_unquote),
        ..MYSQL
    },
];

/// A path into a document.
#[derive(Debug)]
pub(crate) struct Path(Vec<Step>);

fn path(text: &str) -> Option<Path> {
    let mut rest = text.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(behind) = rest.strip_prefix('[') {
            let (index, behind) = behind.split_once(']')?;
            let is_index = !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit());
            steps.push(Step::Element(index.parse().ok().filter(|_| is_index)?));
            rest = behind;
        } else if let Some(behind) = rest.strip_prefix(".\"") {
            // A quote inside of a name has no place in a path that people read.
            let (name, behind) = behind.split_once('"')?;
            steps.push(Step::Member(name.to_owned()));
            rest = Some(behind).filter(|_| !name.contains(char::from(b'\\')))?;
        } else {
            let behind = rest.strip_prefix('.')?;
            let is_part = |character: char| character.is_ascii_alphanumeric() || character == '_';
            let length = behind.find(|character| !is_part(character)).unwrap_or(behind.len());
            let (name, behind) = behind.split_at_checked(length)?;
            let begins = name.chars().next().filter(|first| !first.is_ascii_digit());
            steps.push(Step::Member(begins.map(|_| name.to_owned())?));
            rest = behind;
        }
    }
    Some(Path(steps))
}

fn want_document(call: &Call<'_>) -> Result<(), Problem> {
    match call.kind(0) {
        Type::Json | Type::Null => Ok(()),
        _ => Err(call.wrong(0, "a JSON document", "")),
    }
}

fn resolve_extract(call: &mut Call<'_>) -> Result<Typed, Problem> {
    want_document(call)?;
    let path = path(call.literal(1)?).ok_or_else(|| {
        call.bad_literal(
            1,
            "this is no path of members and elements",
            "write \"$.name\", \"$.list[0]\" or \"$.\\\"a name\\\"\"; `*` and `last` are not offered",
        )
    })?;
    call.prepared = Prepared::Path(path);
    Ok(Typed::new(Type::Json, true))
}

fn json_extract<'a>(code: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    let (Prepared::Path(path), Value::Json(document)) = (&code.prepared, take(values, 0)) else {
        return Err(Fault::OtherTable);
    };
    Ok(extract(&document, &path.0).map_or(Value::Null, |part| Value::Json(part.into())))
}

fn resolve_unquote(call: &mut Call<'_>) -> Result<Typed, Problem> {
    want_document(call)?;
    Ok(call.typed(Type::text(u32::MAX)))
}

fn json_unquote<'a>(_: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    let Value::Json(document) = take(values, 0) else { return Err(Fault::OtherTable) };
    unquote(&document).map(text_value).ok_or(NO_DOCUMENT)
}
