//! Functions that look for patterns, which are written out and prepared once.

use regex::{Regex, RegexBuilder};

use crate::{
    code::CallCode,
    error::Fault,
    function::{
        Form, Function, Origin,
        resolve::Call,
        values::{push, take, text, text_value},
    },
    prepared::Prepared,
    problem::Problem,
    types::{Type, Typed},
    value::Value,
};

/// The most memory that a prepared pattern may take, in bytes.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// The functions of this file.
pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        name: "like",
        usage: "like(text, \"pattern\")",
        doc: "Whether the whole text is of the pattern: `%` stands for any text, `_` for one \
              character, and a backslash before one of them for itself (which in this language is \
              written `\\\\%`). Upper and lower case differ.",
        example: ("like(\"whimbrel\", \"whim%\")", "true"),
        origin: Origin::MysqlAs("LIKE over binary collations"),
        takes: (2, 2),
        form: Form::Call(resolve_like, like),
    },
    Function {
        name: "regexp_like",
        usage: "regexp_like(text, \"pattern\")",
        doc: "Whether the pattern is found in the text. Upper and lower case differ. Patterns are those \
              which mean the same to MySQL and to us: characters, `.`, `[a-z]`, `\\\\d` and `\\\\w` as \
              `[0-9]` and `[A-Za-z0-9_]` written out, groups, `|`, `*`, `+`, `?`, `{2,3}`, `^` and \
              `$` over the whole text.",
        example: ("regexp_like(\"DE-1234\", \"^[A-Z]{2}-[0-9]+$\")", "true"),
        origin: Origin::MysqlAs("REGEXP_LIKE(text, pattern, 'c')"),
        takes: (2, 2),
        form: Form::Call(resolve_regexp_like, regexp_like),
    },
    Function {
        name: "regexp_replace",
        usage: "regexp_replace(text, \"pattern\", \"replacement\")",
        doc: "The text with each part of the pattern replaced. `$1` in the replacement stands for the \
              first group. Patterns as of `regexp_like`.",
        example: ("regexp_replace(\"a1b22\", \"[0-9]+\", \"#\")", "\"a#b#\""),
        origin: Origin::MysqlAs("REGEXP_REPLACE(text, pattern, replacement, 1, 0, 'c')"),
        takes: (3, 3),
        form: Form::Call(resolve_regexp_replace, regexp_replace),
    },
];

fn resolve_like(call: &mut Call<'_>) -> Result<Typed, Problem> {
    call.text(0)?;
    let mut pattern = String::from("^");
    let mut characters = call.literal(1)?.chars();
    while let Some(character) = characters.next() {
        match character {
            '%' => pattern.push_str(".*"),
            '_' => pattern.push('.'),
            // At the end it stands for itself.
            '\\' => pattern.push_str(&regex::escape(
                characters.next().unwrap_or('\\').encode_utf8(&mut [0; 4]),
            )),
            other => pattern.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
        }
    }
    pattern.push('$');
    call.prepared = Prepared::Pattern(prepare(call, &pattern)?);
    Ok(call.typed(Type::Bool))
}

fn like<'a>(code: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    Ok(Value::Bool(pattern(code)?.is_match(text(values, 0)?)))
}

fn prepare(call: &Call<'_>, pattern: &str) -> Result<Regex, Problem> {
    let built =
        RegexBuilder::new(pattern).dot_matches_new_line(true).size_limit(PATTERN_BYTES_MAX).build();
    built.map_err(|_| {
        call.bad_literal(
            1,
            "this is no pattern, or too large a one",
            "plans/functions.md has the form",
        )
    })
}

fn pattern(code: &CallCode) -> Result<&Regex, Fault> {
    if let Prepared::Pattern(pattern) = &code.prepared {
        Ok(pattern)
    } else {
        Err(Fault::OtherTable)
    }
}

/// The pattern as the `regex` crate takes it, if it means the same to it as to MySQL, whose patterns
/// are ICU's.
///
/// # Errors
///
/// What means something else, or has no counterpart.
fn translate(pattern: &str, ends: Ends) -> Result<String, &'static str> {
    let mut translated = String::new();
    let mut characters = pattern.chars().peekable();
    let mut in_class = false;
    while let Some(character) = characters.next() {
        let next = characters.peek().copied();
        if character == '\\' {
            // `\d` and its like are of Unicode, of which both have another version.
            let escaped = next.filter(char::is_ascii_punctuation);
            let escaped = escaped.ok_or("`\\d`, `\\w` and their like differ: write `[0-9]`")?;
            translated.push_str(&regex::escape(escaped.encode_utf8(&mut [0; 4])));
            characters.next();
            continue;
        }
        if in_class {
            class_difference(character, next)?;
            in_class = character != ']';
            translated.push(character);
            continue;
        }
        difference(character, next)?;
        match (character, ends) {
            ('.', _) => translated.push_str(NO_LINE_END),
            ('$', Ends::AtLineEnd) if matches!(next, None | Some(')' | '|')) => {
                translated.push_str(AT_END);
            }
            ('$', _) => return Err("`$` also stands before a line end there: leave it out"),
            ('[', _) => {
                in_class = true;
                translated.push('[');
                if next == Some('^') {
                    translated.push('^');
                    characters.next();
                }
                if characters.peek() == Some(&']') {
                    return Err("a class is empty, or begins with `]`");
                }
            }
            _ => translated.push(character),
        }
    }
    Ok(translated)
}

/// Whether `$` may be used.
#[derive(Clone, Copy)]
enum Ends {
    /// It matches before a line end that the text ends in, too, and takes it along.
    AtLineEnd,
    /// It would take the line end along.
    None,
}

/// What ICU's `.` stands for.
const NO_LINE_END: &str = r"[^\n-\r\x{85}\x{2028}\x{2029}]";

/// What ICU's `$` stands for, where nothing follows.
const AT_END: &str = r"(?:\r\n|[\n-\r\x{85}\x{2028}\x{2029}])?\z";

fn difference(character: char, next: Option<char>) -> Result<(), &'static str> {
    match (character, next) {
        ('(', Some('?')) => Err("a group begins with `(?`"),
        ('*' | '+' | '?' | '}', Some('+' | '*')) => Err("a repetition is repeated"),
        ('{', Some(',')) => Err("a repetition has no lower bound: write `{0,…}`"),
        _ => Ok(()),
    }
}

fn class_difference(character: char, next: Option<char>) -> Result<(), &'static str> {
    match (character, next) {
        ('[' | '{' | '}' | '$', _) => Err("a class has a `[`, `{`, `}` or `$`: put `\\` before it"),
        ('&', Some('&')) | ('-', Some('-')) | ('~', Some('~')) => {
            Err("a class has an operation on classes")
        }
        _ => Ok(()),
    }
}

fn resolve_pattern(call: &Call<'_>, ends: Ends) -> Result<Regex, Problem> {
    call.text(0)?;
    let pattern = translate(call.literal(1)?, ends).map_err(|reason| {
        call.bad_literal(1, reason, "a pattern must mean the same to MySQL and to us")
    })?;
    prepare(call, &pattern)
}

fn resolve_regexp_like(call: &mut Call<'_>) -> Result<Typed, Problem> {
    call.prepared = Prepared::Pattern(resolve_pattern(call, Ends::AtLineEnd)?);
    Ok(call.typed(Type::Bool))
}

fn regexp_like<'a>(code: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    Ok(Value::Bool(pattern(code)?.is_match(text(values, 0)?)))
}

fn resolve_regexp_replace(call: &mut Call<'_>) -> Result<Typed, Problem> {
    let pattern = resolve_pattern(call, Ends::None)?;
    if pattern.is_match("") {
        let help = "make it find at least one character, such as by `+` instead of `*`";
        return Err(call.bad_literal(1, "the pattern also finds nothing at all", help));
    }
    let mut parts = vec![Part::Text(String::new())];
    let mut characters = call.literal(2)?.chars().peekable();
    let mut bad = None;
    while let Some(character) = characters.next() {
        let next = characters.peek().copied();
        let plain = match (character, next.and_then(|next| next.to_digit(10))) {
            ('$', Some(group)) => {
                characters.next();
                let group = usize::try_from(group).unwrap_or(usize::MAX);
                let is_longer = characters.peek().is_some_and(char::is_ascii_digit);
                if is_longer || group >= pattern.captures_len() {
                    bad = Some("the pattern has no group of that number");
                }
                parts.extend([Part::Group(group), Part::Text(String::new())]);
                continue;
            }
            ('$', None) => {
                bad = Some("`$` stands before the number of a group");
                continue;
            }
            ('\\', _) => characters.next(),
            (other, _) => Some(other),
        };
        if let (Some(Part::Text(text)), Some(plain)) = (parts.last_mut(), plain) {
            text.push(plain);
        }
    }
    if let Some(reason) = bad {
        return Err(call.bad_literal(2, reason, "write `\\\\$` for the sign itself"));
    }
    call.prepared = Prepared::Replacement(Box::new(Replacement { pattern, parts }));
    Ok(call.typed(Type::text(u32::MAX)))
}

/// A pattern and what each part that it finds is replaced by.
#[derive(Debug)]
pub(crate) struct Replacement {
    pattern: Regex,
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Text(String),
    Group(usize),
}

fn regexp_replace<'a>(code: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    let Prepared::Replacement(replacement) = &code.prepared else { return Err(Fault::OtherTable) };
    let all = text(values, 0)?;
    let (mut replaced, mut from, mut is_found) = (String::new(), 0, false);
    for found in replacement.pattern.captures_iter(all) {
        let Some(whole) = found.get(0) else { continue };
        is_found = true;
        push(&mut replaced, all.get(from..whole.start()).unwrap_or_default())?;
        for part in &replacement.parts {
            let group = |group: &usize| found.get(*group).map_or("", |found| found.as_str());
            push(
                &mut replaced,
                match part {
                    Part::Text(text) => text,
                    Part::Group(number) => group(number),
                },
            )?;
        }
        from = whole.end();
    }
    push(&mut replaced, all.get(from..).unwrap_or_default())?;
    Ok(if is_found { text_value(replaced) } else { take(values, 0) })
}
