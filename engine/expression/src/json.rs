//! Documents in the canonical form that rows carry: the server's text, in which a control byte stands
//! before a node whose text does not tell its type, and a last one after a document with such nodes.
//! `whimbrel-mysql`'s `json` module defines it.

use std::ops::Range;

use crate::double::{self, Room};

/// What ends a document that has marked nodes.
const TYPED: u8 = 0x01;

/// The mark of a `DECIMAL`.
const DECIMAL: u8 = 0x04;

/// A step from a document into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Member(String),
    Element(usize),
}

/// The document without its end mark.
fn body(document: &[u8]) -> &[u8] {
    document.strip_suffix(&[TYPED]).unwrap_or(document)
}

/// The part that the steps lead to, as a document of its own; none if there is none.
pub(crate) fn extract(document: &[u8], steps: &[Step]) -> Option<Vec<u8>> {
    let body = body(document);
    let mut part = 0..body.len();
    for step in steps {
        part = match step {
            Step::Member(name) => member(body, part, name)?,
            Step::Element(index) => element(body, part, *index)?,
        };
    }
    let mut found = body.get(part)?.to_vec();
    // A control byte cannot be part of JSON's text.
    if found.iter().any(|byte| *byte < 0x20) {
        found.push(TYPED);
    }
    Some(found)
}

fn member(body: &[u8], part: Range<usize>, name: &str) -> Option<Range<usize>> {
    let mut at = part.start;
    if body.get(at) != Some(&b'{') {
        return None;
    }
    at += 1;
    while body.get(at)? != &b'}' {
        let key = at..end(body, at)?;
        // A key, `: `, and its value.
        let value = key.end + 2;
        let value = value..end(body, value)?;
        if string(body.get(key)?)? == name {
            return Some(value);
        }
        at = next(body, value.end)?;
    }
    None
}

fn element(body: &[u8], part: Range<usize>, index: usize) -> Option<Range<usize>> {
    let mut at = part.start;
    if body.get(at) != Some(&b'[') {
        // A scalar or an object is the only element of itself.
        return (index == 0).then_some(part);
    }
    at += 1;
    let mut place = 0;
    while body.get(at)? != &b']' {
        let value = at..end(body, at)?;
        if place == index {
            return Some(value);
        }
        place += 1;
        at = next(body, value.end)?;
    }
    None
}

/// Where what follows a value begins: the next one, or the end.
fn next(body: &[u8], end: usize) -> Option<usize> {
    if body.get(end)? == &b',' { Some(end + 2) } else { Some(end) }
}

/// The end of the value at `at`.
fn end(body: &[u8], at: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut place = at;
    loop {
        match body.get(place)? {
            b'"' => place = string_end(body, place)?,
            b'{' | b'[' => {
                depth += 1;
                place += 1;
            }
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                place += 1;
            }
            _ => place += 1,
        }
        let is_end = matches!(body.get(place), None | Some(b',' | b'}' | b']' | b':'));
        if depth == 0 && is_end {
            return Some(place);
        }
    }
}

fn string_end(body: &[u8], at: usize) -> Option<usize> {
    let mut place = at + 1;
    loop {
        match body.get(place)? {
            b'"' => return Some(place + 1),
            b'\\' => place += 2,
            _ => place += 1,
        }
    }
}

/// The characters of a string with its quotes.
fn string(quoted: &[u8]) -> Option<String> {
    let inner = quoted.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    let text = std::str::from_utf8(inner).ok()?;
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            plain.push(character);
            continue;
        }
        plain.push(match characters.next()? {
            'b' => '\u{8}',
            't' => '\t',
            'n' => '\n',
            'f' => '\u{c}',
            'r' => '\r',
            'u' => {
                let digits: String = characters.by_ref().take(4).collect();
                char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?
            }
            other => other,
        });
    }
    Some(plain)
}

/// The text that `JSON_UNQUOTE` gives: the characters of a string, else the document as the server
/// prints it.
pub(crate) fn unquote(document: &[u8]) -> Option<String> {
    let body = body(document);
    let (mark, plain) = match body {
        [mark, plain @ ..] if *mark < 0x20 => (Some(*mark), plain),
        plain => (None, plain),
    };
    if plain.first() == Some(&b'"') {
        return string(plain);
    }
    print(mark, plain)
}

/// Without marks, and with each `DOUBLE` as the server prints it.
fn print(mark: Option<u8>, body: &[u8]) -> Option<String> {
    let mut printed = Vec::with_capacity(body.len());
    let (mut at, mut mark) = (0, mark);
    while let Some(&byte) = body.get(at) {
        match byte {
            0..0x20 => {
                mark = Some(byte);
                at += 1;
                continue;
            }
            b'"' => {
                let end = string_end(body, at)?;
                printed.extend_from_slice(body.get(at..end)?);
                at = end;
            }
            b'-' | b'0'..=b'9' => {
                let is_part =
                    |byte: &&u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
                let length = body.get(at..)?.iter().take_while(is_part).count();
                let digits = std::str::from_utf8(body.get(at..at + length)?).ok()?;
                let is_double = digits.contains(['.', 'e', 'E']) && mark != Some(DECIMAL);
                if is_double {
                    let text = double::print(digits.parse().ok()?, Room::Document);
                    let is_bare = !text.contains(['.', 'e']);
                    printed.extend_from_slice(text.as_bytes());
                    printed.extend_from_slice(if is_bare { b".0" } else { b"" });
                } else {
                    printed.extend_from_slice(digits.as_bytes());
                }
                at += length;
            }
            _ => {
                printed.push(byte);
                at += 1;
            }
        }
        mark = None;
    }
    String::from_utf8(printed).ok()
}
