//! Partial updates of documents, as the binary log carries them.
//!
//! Source: MySQL, `sql-common/json_diff.cc`.

use super::{
    JsonError, TYPED, Tag, binary, malformed,
    scan::{Node, Scanner, deeper, unescape},
};

const REPLACE: u8 = 0;
const INSERT: u8 = 1;
const REMOVE: u8 = 2;

/// Appends the canonical form of the document that `before` becomes by `diffs`, the body of a JSON
/// column's diff vector in a partial update event.
///
/// # Errors
///
/// [`JsonError::DiffMismatch`] when a change names a part that `before` has not (or, for an insert,
/// already has), otherwise as [`super::from_binary`].
pub fn apply_diffs(before: &[u8], diffs: &[u8], out: &mut Vec<u8>) -> Result<(), JsonError> {
    let mut document = before.strip_suffix(&[TYPED]).unwrap_or(before).to_vec();
    let mut rest = diffs;
    while let Some((&operation, after)) = rest.split_first() {
        let (path, after) = lengthy(after)?;
        let path = parse_path(path)?;
        let mut value = Vec::new();
        rest = after;
        if operation != REMOVE {
            let (jsonb, after) = lengthy(rest)?;
            binary::from_binary(jsonb, &mut value)?;
            value.truncate(value.strip_suffix(&[TYPED]).unwrap_or(&value).len());
            rest = after;
        }
        let splice = match operation {
            REPLACE => replace(&document, &path, value)?,
            INSERT => insert(&document, &path, value)?,
            REMOVE => remove(&document, &path)?,
            _ => return Err(malformed("a change is of no known kind")),
        };
        document.splice(splice.from..splice.to, splice.bytes);
    }
    let is_typed = document.iter().any(|&byte| Tag::of(byte).is_some());
    out.append(&mut document);
    if is_typed {
        out.push(TYPED);
    }
    Ok(())
}

/// Bytes to put in place of those from `from` to `to`.
struct Splice {
    from: usize,
    to: usize,
    bytes: Vec<u8>,
}

enum Leg {
    /// A member's key, its characters.
    Member(Vec<u8>),
    /// An element's place.
    Element(usize),
}

/// A length as the protocol writes them, so many bytes, and what follows.
fn lengthy(bytes: &[u8]) -> Result<(&[u8], &[u8]), JsonError> {
    let bad = malformed("a change ends early");
    let (&first, rest) = bytes.split_first().ok_or(bad)?;
    let width = match first {
        0..=250 => 0,
        252 => 2,
        253 => 3,
        254 => 8,
        251 | 255 => return Err(bad),
    };
    let (digits, rest) = rest.split_at_checked(width).ok_or(bad)?;
    let mut word = [0; 8];
    word[..width].copy_from_slice(digits);
    let long = u64::from_le_bytes(word);
    let length = if width == 0 { u64::from(first) } else { long };
    rest.split_at_checked(usize::try_from(length).map_err(|_| bad)?).ok_or(bad)
}

/// The legs of a path such as `$.a."b c"[3]`; a change names one place, so there are no wildcards.
fn parse_path(path: &[u8]) -> Result<Vec<Leg>, JsonError> {
    let bad = malformed("a change's path has no known form");
    let mut rest = path.strip_prefix(b"$").ok_or(bad)?;
    let mut legs = Vec::new();
    while let Some((&first, after)) = rest.split_first() {
        match first {
            b'.' if after.first() == Some(&b'"') => {
                let mut end = 1;
                while after.get(end) != Some(&b'"') {
                    end += if *after.get(end).ok_or(bad)? == b'\\' { 2 } else { 1 };
                }
                let (quoted, tail) = after.split_at_checked(end + 1).ok_or(bad)?;
                legs.push(Leg::Member(unescape(quoted).ok_or(bad)?));
                rest = tail;
            }
            b'.' => {
                let end = after
                    .iter()
                    .position(|byte| matches!(byte, b'.' | b'['))
                    .unwrap_or(after.len());
                let (key, tail) = after.split_at_checked(end).ok_or(bad)?;
                if key.is_empty() || key.contains(&b'*') {
                    return Err(bad);
                }
                legs.push(Leg::Member(key.to_vec()));
                rest = tail;
            }
            b'[' => {
                let end = after.iter().position(|&byte| byte == b']').ok_or(bad)?;
                let digits = after.get(..end).and_then(|digits| std::str::from_utf8(digits).ok());
                let index = digits.and_then(|digits| digits.parse().ok()).ok_or(bad)?;
                legs.push(Leg::Element(index));
                rest = after.get(end + 1..).ok_or(bad)?;
            }
            _ => return Err(bad),
        }
        if legs.len() > super::DEPTH_MAX {
            return Err(JsonError::TooDeep);
        }
    }
    Ok(legs)
}

/// Where the next child of a container begins, and its key with quotes if it has one.
fn child<'a>(
    scanner: &mut Scanner<'a>,
    is_object: bool,
    is_first: bool,
) -> Result<Option<&'a [u8]>, JsonError> {
    if is_object { scanner.member(is_first) } else { Ok(scanner.element(is_first)?.then_some(b"")) }
}

/// A cursor at the value that `legs` lead to.
fn seek<'a>(document: &'a [u8], legs: &[Leg]) -> Result<Scanner<'a>, JsonError> {
    let mut scanner = Scanner::new(document);
    for (depth, leg) in legs.iter().enumerate() {
        let is_object = match (scanner.node()?, leg) {
            (Node::Object, Leg::Member(_)) => true,
            (Node::Array, Leg::Element(_)) => false,
            _ => return Err(JsonError::DiffMismatch),
        };
        let mut index = 0;
        loop {
            let key = child(&mut scanner, is_object, index == 0)?.ok_or(JsonError::DiffMismatch)?;
            let is_here = match leg {
                Leg::Member(wanted) => unescape(key).as_ref() == Some(wanted),
                Leg::Element(wanted) => index == *wanted,
            };
            if is_here {
                break;
            }
            scanner.skip(deeper(depth)?)?;
            index += 1;
        }
    }
    Ok(scanner)
}

fn replace(document: &[u8], legs: &[Leg], value: Vec<u8>) -> Result<Splice, JsonError> {
    let mut scanner = seek(document, legs)?;
    let from = scanner.at();
    scanner.skip(legs.len())?;
    Ok(Splice { from, to: scanner.at(), bytes: value })
}

/// The children of the container that a path's last leg lies in: where each begins (at its key or
/// value) and ends, and its key.
struct Children {
    is_object: bool,
    /// The place after the opening bracket.
    open: usize,
    /// From, to and the key's characters.
    spans: Vec<(usize, usize, Vec<u8>)>,
}

fn children(document: &[u8], parent: &[Leg]) -> Result<Children, JsonError> {
    let mut scanner = seek(document, parent)?;
    let is_object = match scanner.node()? {
        Node::Object => true,
        Node::Array => false,
        Node::Literal(_) | Node::Number(..) | Node::String(..) => {
            return Err(JsonError::DiffMismatch);
        }
    };
    let depth = deeper(parent.len())?;
    let open = scanner.at();
    let mut spans = Vec::new();
    let mut separator_at = open;
    while let Some(key) = child(&mut scanner, is_object, spans.is_empty())? {
        let from = separator_at + if spans.is_empty() { 0 } else { 2 };
        scanner.skip(depth)?;
        let key = if is_object {
            unescape(key).ok_or(malformed("a key's escapes are none"))?
        } else {
            Vec::new()
        };
        spans.push((from, scanner.at(), key));
        separator_at = scanner.at();
    }
    Ok(Children { is_object, open, spans })
}

fn insert(document: &[u8], legs: &[Leg], value: Vec<u8>) -> Result<Splice, JsonError> {
    let (last, parent) = legs.split_last().ok_or(JsonError::DiffMismatch)?;
    let Children { is_object, open, spans } = children(document, parent)?;
    let (place, bytes) = match last {
        Leg::Member(key) if is_object => {
            if spans.iter().any(|(.., existing)| existing == key) {
                return Err(JsonError::DiffMismatch);
            }
            // The server orders members by their keys' lengths, then bytes.
            let order = |key: &[u8]| (key.len(), key.to_vec());
            let place = spans.partition_point(|(.., existing)| order(existing) < order(key));
            let mut member = Vec::new();
            super::emit::Emitter::new(&mut member).string(key)?;
            member.extend_from_slice(b": ");
            member.extend_from_slice(&value);
            (place, member)
        }
        Leg::Element(index) if !is_object => ((*index).min(spans.len()), value),
        Leg::Member(_) | Leg::Element(_) => return Err(JsonError::DiffMismatch),
    };
    let mut inserted = bytes;
    let at = match spans.get(place) {
        Some(&(from, ..)) => {
            inserted.extend_from_slice(b", ");
            from
        }
        None => match spans.last() {
            Some(&(_, to, _)) => {
                inserted.splice(0..0, *b", ");
                to
            }
            None => open,
        },
    };
    Ok(Splice { from: at, to: at, bytes: inserted })
}

fn remove(document: &[u8], legs: &[Leg]) -> Result<Splice, JsonError> {
    let (last, parent) = legs.split_last().ok_or(JsonError::DiffMismatch)?;
    let Children { is_object, spans, .. } = children(document, parent)?;
    let place = match last {
        Leg::Member(key) if is_object => spans.iter().position(|(.., existing)| existing == key),
        Leg::Element(index) if !is_object => (*index < spans.len()).then_some(*index),
        Leg::Member(_) | Leg::Element(_) => None,
    };
    let place = place.ok_or(JsonError::DiffMismatch)?;
    let (from, to) = (spans[place].0, spans[place].1);
    let (from, to) = match (place.checked_sub(1), spans.get(place + 1)) {
        (Some(previous), _) => (spans[previous].1, to),
        (None, Some(next)) => (from, next.0),
        (None, None) => (from, to),
    };
    Ok(Splice { from, to, bytes: Vec::new() })
}
