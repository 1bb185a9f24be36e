//! YAML text as a tree in which everything has its place.
//!
//! The one door to the YAML parser. A plan uses the plain part of YAML: no anchors, no tags, one
//! document, because a reviewer must be able to read each value where it applies.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError};

use crate::{
    problem::{FormProblem, PlanError},
    span::Span,
};

/// A value and its place.
pub(crate) struct Tree {
    pub(crate) value: Value,
    /// Of a mapping or a list: its first key or item if it stands on lines of its own.
    pub(crate) at: Span,
}

/// What a value is.
pub(crate) enum Value {
    /// A word, a number, nothing at all: unquoted text, yet to be understood.
    Plain(String),
    /// Quoted or block text.
    Text(String),
    List(Vec<Tree>),
    Map(Vec<Entry>),
}

/// A key and its value.
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_at: Span,
    pub(crate) value: Tree,
}

/// A plan nests four levels deep; more is a slip or an attack.
const DEPTH_MAX: usize = 16;
/// Far above any plan that a person could review.
const TEXT_BYTES_MAX: usize = 1 << 20;

const ALIAS: &str = "an alias (`*name`)";
const QUOTE: &str = "if it is a pattern of tables, put it in quotes, such as `\"!logs\"` or `\"*_log\"`; \
                     otherwise write the value out where it applies";
const ONE_DOCUMENT: &str = "put each plan into a file of its own";
const KEYS: &str = "`whimbrel schema` prints all that a plan can hold";

fn unsupported(what: &'static str, help: &'static str, at: Span) -> PlanError {
    PlanError::new(FormProblem::Unsupported { what, help }, at)
}

/// Reads `text`.
///
/// # Errors
///
/// What keeps it from being a tree, first; or else all its duplicate keys, beside the tree with the
/// first of each.
pub(crate) fn read(text: &str) -> Result<(Tree, Vec<PlanError>), PlanError> {
    if text.len() > TEXT_BYTES_MAX {
        let reason = format!("it is longer than {TEXT_BYTES_MAX} bytes");
        return Err(PlanError::new(FormProblem::Syntax { reason }, Span { start: 0, end: 0 }));
    }
    let mut builder = Builder::new(text);
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| builder.syntax(&error))?;
        let at = builder.span(span);
        builder.take(event, at)?;
    }
    let Builder { root, duplicates, .. } = builder;
    let start = Span { start: 0, end: text.chars().next().map_or(0, char::len_utf8) };
    let root = root.ok_or_else(|| PlanError::new(FormProblem::EmptyPlan, start))?;
    if matches!(&root.value, Value::Plain(text) if text.is_empty()) {
        return Err(PlanError::new(FormProblem::EmptyPlan, start));
    }
    Ok((root, duplicates))
}

/// A collection whose end has not come yet.
enum Open {
    List { items: Vec<Tree>, at: Span },
    Map { entries: Vec<Entry>, seen: HashMap<String, Span>, key: Option<(String, Span)>, at: Span },
}

struct Builder<'a> {
    text: &'a str,
    /// The byte offset of each character: the parser counts characters.
    offsets: Vec<usize>,
    open: Vec<Open>,
    root: Option<Tree>,
    duplicates: Vec<PlanError>,
}

impl<'a> Builder<'a> {
    fn new(text: &'a str) -> Self {
        let offsets = text.char_indices().map(|(offset, _)| offset).collect();
        Self { text, offsets, open: Vec::new(), root: None, duplicates: Vec::new() }
    }

    fn offset(&self, character_index: usize) -> usize {
        self.offsets.get(character_index).copied().unwrap_or(self.text.len())
    }

    fn span(&self, span: saphyr_parser::Span) -> Span {
        let (start, end) = (self.offset(span.start.index()), self.offset(span.end.index()));
        Span { start, end: end.max(start) }
    }

    /// A scalar's place without the blanks and comments behind it, which the parser counts in.
    fn written(&self, at: Span) -> Span {
        let text = self.text.get(at.start..at.end).unwrap_or_default();
        let length = match text.as_bytes() {
            [quote @ (b'"' | b'\''), inside @ ..] => quoted_length(*quote, inside) + 2,
            _ => text.trim_end().len(),
        };
        Span { start: at.start, end: at.start + length.min(text.len()) }
    }

    fn syntax(&self, error: &ScanError) -> PlanError {
        let start = self.offset(error.marker().index());
        let is_visible = |it: &(usize, char)| !it.1.is_whitespace();
        let here = self.text.get(start..).and_then(|rest| rest.chars().next());
        // Behind the last line nothing can be shown: point at what ends before it.
        let last = self.text.char_indices().rfind(is_visible);
        let (start, character) = match (here, last) {
            (Some(character), _) => (start, character),
            (None, Some(last)) => last,
            (None, None) => (0, '\n'),
        };
        let end = start + if character == '\n' { 0 } else { character.len_utf8() };
        if character == '*' {
            return unsupported(ALIAS, QUOTE, Span { start, end });
        }
        let reason = error.info().to_owned();
        PlanError::new(FormProblem::Syntax { reason }, Span { start, end })
    }

    fn take(&mut self, event: Event<'_>, at: Span) -> Result<(), PlanError> {
        let unsupported = |what, help| Err(unsupported(what, help, at));
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
            Event::DocumentStart(_) if self.root.is_some() => {
                return unsupported("a second document", ONE_DOCUMENT);
            }
            Event::DocumentStart(_) => {}
            Event::Alias(_) => return unsupported(ALIAS, QUOTE),
            Event::Scalar(_, _, anchor, _)
            | Event::SequenceStart(anchor, _)
            | Event::MappingStart(anchor, _)
                if anchor != 0 =>
            {
                return unsupported("an anchor (`&name`)", QUOTE);
            }
            Event::Scalar(_, _, _, Some(_))
            | Event::SequenceStart(_, Some(_))
            | Event::MappingStart(_, Some(_)) => return unsupported("a tag (`!name`)", QUOTE),
            Event::Scalar(text, ScalarStyle::Plain, ..) => {
                let at = self.written(at);
                self.put(Tree { value: Value::Plain(text.into_owned()), at })?;
            }
            Event::Scalar(text, ..) => {
                let at = self.written(at);
                self.put(Tree { value: Value::Text(text.into_owned()), at })?;
            }
            Event::SequenceStart(..) => self.open(Open::List { items: Vec::new(), at }, at)?,
            Event::MappingStart(..) => {
                let (entries, seen) = (Vec::new(), HashMap::new());
                self.open(Open::Map { entries, seen, key: None, at }, at)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(at)?,
        }
        Ok(())
    }

    fn open(&mut self, open: Open, at: Span) -> Result<(), PlanError> {
        if self.open.len() >= DEPTH_MAX {
            return Err(unsupported("values nested this deep", KEYS, at));
        }
        if let Some(Open::Map { key: None, .. }) = self.open.last() {
            return Err(unsupported("a list or a mapping as a key", KEYS, at));
        }
        self.open.push(open);
        Ok(())
    }

    fn close(&mut self, end: Span) -> Result<(), PlanError> {
        let (value, at, first) = match self.open.pop() {
            Some(Open::List { items, at }) => {
                let first = items.first().map(|item| item.at);
                (Value::List(items), at, first)
            }
            Some(Open::Map { entries, at, .. }) => {
                let first = entries.first().map(|entry| entry.key_at);
                (Value::Map(entries), at, first)
            }
            None => return Ok(()),
        };
        let at = self.extent(at, end).or(first).unwrap_or(at);
        self.put(Tree { value, at })
    }

    /// From the opening to the closing bracket, if both stand on one line.
    fn extent(&self, start: Span, end: Span) -> Option<Span> {
        let extent = Span { start: start.start, end: end.end };
        let text = self.text.get(extent.start..extent.end)?;
        (text.starts_with(['[', '{']) && !text.contains('\n')).then_some(extent)
    }

    fn put(&mut self, tree: Tree) -> Result<(), PlanError> {
        match self.open.last_mut() {
            None => self.root = Some(tree),
            Some(Open::List { items, .. }) => items.push(tree),
            Some(Open::Map { entries, seen, key, .. }) => match (key.take(), tree.value) {
                (None, Value::Plain(text) | Value::Text(text)) => *key = Some((text, tree.at)),
                (None, Value::List(_) | Value::Map(_)) => {
                    return Err(unsupported("a list or a mapping as a key", KEYS, tree.at));
                }
                (Some((key, key_at)), value) => {
                    if let Some(&earlier) = seen.get(&key) {
                        let problem = FormProblem::DuplicateKey { key };
                        self.duplicates.push(PlanError::new(problem, key_at).with_other(earlier));
                    } else {
                        seen.insert(key.clone(), key_at);
                        // A key without a value has no place of its own.
                        let is_empty = matches!(&value, Value::Plain(text) if text.is_empty());
                        let at = if is_empty { key_at } else { tree.at };
                        entries.push(Entry { key, key_at, value: Tree { value, at } });
                    }
                }
            },
        }
        Ok(())
    }
}

/// The bytes of a quoted text up to its closing quote. In double quotes a backslash takes the next
/// quote's meaning away, in single quotes a quote is doubled.
fn quoted_length(quote: u8, inside: &[u8]) -> usize {
    let mut index = 0;
    while let Some(&byte) = inside.get(index) {
        let next = inside.get(index + 1);
        match (byte, quote) {
            (b'\\', b'"') => index += 2,
            (b'\'', b'\'') if next == Some(&b'\'') => index += 2,
            (byte, quote) if byte == quote => return index,
            _ => index += 1,
        }
    }
    inside.len()
}
