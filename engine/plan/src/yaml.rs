//! YAML text as a tree in which everything has its place.
//!
//! Two readers see the text: `serde_yaml` says what its values are, `saphyr-parser` where they
//! stand. A plan uses the plain part of YAML: no anchors, no tags, one document, because a reviewer
//! must be able to read each value where it applies. What the two take for different things is
//! refused, so that nothing is read with two meanings.

mod places;
mod scalar;
mod values;

use std::collections::HashMap;

use self::{
    places::{Outline, Scalar, Shape},
    values::Node,
};
use crate::{
    problem::{FormProblem, PlanError},
    span::Span,
};

/// A value and its place.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) value: Value,
    /// Of a mapping or a list: its first key or item if it stands on lines of its own.
    pub(crate) at: Span,
}

/// What a scalar is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    /// Decimal digits, perhaps with a sign; `None` if it is negative or has more than 64 bits.
    Number(Option<u64>),
    Fraction,
    /// Hexadecimal digits, leading zeros: what YAML's readers do not agree on.
    OddNumber,
    Boolean,
    Nothing,
}

/// What a value is.
#[derive(Debug)]
pub(crate) enum Value {
    /// Its kind, and its text without quotes and escapes.
    Scalar(Kind, String),
    List(Vec<Tree>),
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_at: Span,
    pub(crate) value: Tree,
}

/// Far above any plan that a person could review.
const TEXT_BYTES_MAX: usize = 1 << 20;

const TWO_MEANINGS: &str = "what YAML's readers take for different things";
const ONE_MEANING: &str = "write it on one line, in double quotes, with spaces only around it";

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
    let text = Text::new(text);
    let start = Span { start: 0, end: text.text.chars().next().map_or(0, char::len_utf8) };
    let empty = || PlanError::new(FormProblem::EmptyPlan, start);
    let outline = places::read(&text)?.ok_or_else(empty)?;
    let node = values::read(&text)?;
    let mut duplicates = Vec::new();
    let tree = join(outline, node, &mut duplicates)?;
    if matches!(&tree.value, Value::Scalar(Kind::Nothing, text) if text.is_empty()) {
        return Err(empty());
    }
    Ok((tree, duplicates))
}

/// The value with its place.
fn join(
    Outline { shape, at }: Outline,
    node: Node,
    duplicates: &mut Vec<PlanError>,
) -> Result<Tree, PlanError> {
    let value = match (shape, node) {
        (Shape::Scalar(written), node) => {
            let (kind, text) = scalar(written, node, at)?;
            Value::Scalar(kind, text)
        }
        (Shape::List(outlines), Node::List(nodes)) if outlines.len() == nodes.len() => {
            let pairs = outlines.into_iter().zip(nodes);
            let items = pairs.map(|(outline, node)| join(outline, node, duplicates));
            Value::List(items.collect::<Result<_, _>>()?)
        }
        (Shape::Map(outlines), Node::Map(nodes)) if outlines.len() == nodes.len() => {
            Value::Map(join_entries(outlines, nodes, duplicates)?)
        }
        (Shape::List(_) | Shape::Map(_), _) => {
            return Err(unsupported(TWO_MEANINGS, ONE_MEANING, at));
        }
    };
    Ok(Tree { value, at })
}

/// The entries with their places; of a key that is given twice, the first.
fn join_entries(
    outlines: Vec<(Scalar, Span, Outline)>,
    nodes: Vec<(Node, Node)>,
    duplicates: &mut Vec<PlanError>,
) -> Result<Vec<Entry>, PlanError> {
    let mut entries = Vec::with_capacity(nodes.len());
    let mut seen: HashMap<String, Span> = HashMap::new();
    for ((written, key_at, outline), (key, node)) in outlines.into_iter().zip(nodes) {
        let (_, key) = scalar(written, key, key_at)?;
        let mut value = join(outline, node, duplicates)?;
        if let Some(&earlier) = seen.get(&key) {
            let problem = FormProblem::DuplicateKey { key };
            duplicates.push(PlanError::new(problem, key_at).with_other(earlier));
            continue;
        }
        seen.insert(key.clone(), key_at);
        // A key without a value has no place of its own.
        if matches!(&value.value, Value::Scalar(Kind::Nothing, text) if text.is_empty()) {
            value.at = key_at;
        }
        entries.push(Entry { key, key_at, value });
    }
    Ok(entries)
}

/// What a scalar is by both readers, and its text.
fn scalar(written: Scalar, node: Node, at: Span) -> Result<(Kind, String), PlanError> {
    let kind = if written.is_plain { scalar::kind(&written.text, &node) } else { Kind::Text };
    match node {
        Node::List(_) | Node::Map(_) => Err(unsupported(TWO_MEANINGS, ONE_MEANING, at)),
        Node::Text(text) if text == written.text => Ok((kind, text)),
        Node::Text(_) => Err(unsupported(TWO_MEANINGS, ONE_MEANING, at)),
        Node::Nothing | Node::Boolean | Node::Integer(_) | Node::Fraction if written.is_plain => {
            Ok((kind, written.text))
        }
        Node::Nothing | Node::Boolean | Node::Integer(_) | Node::Fraction => {
            Err(unsupported(TWO_MEANINGS, ONE_MEANING, at))
        }
    }
}

/// A text whose characters can be counted: both readers count characters, and places are bytes.
struct Text<'a> {
    text: &'a str,
    /// The byte offset of each character.
    offsets: Vec<usize>,
}

impl<'a> Text<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, offsets: text.char_indices().map(|(offset, _)| offset).collect() }
    }

    fn offset(&self, character_index: usize) -> usize {
        self.offsets.get(character_index).copied().unwrap_or(self.text.len())
    }

    /// From one character to before another one.
    fn between(&self, start: usize, end: usize) -> Span {
        let start = self.offset(start);
        Span { start, end: self.offset(end).max(start) }
    }

    fn slice(&self, at: Span) -> &'a str {
        self.text.get(at.start..at.end).unwrap_or_default()
    }

    /// The character of this number; behind the last line, where nothing can be shown, what ends
    /// before it.
    fn visible_at(&self, character_index: usize) -> Span {
        let start = self.offset(character_index);
        let is_visible = |it: &(usize, char)| !it.1.is_whitespace();
        let here = self.text.get(start..).and_then(|rest| rest.chars().next());
        let last = self.text.char_indices().rfind(is_visible);
        let (start, character) = match (here, last) {
            (Some(character), _) => (start, character),
            (None, Some(last)) => last,
            (None, None) => (0, '\n'),
        };
        Span { start, end: start + if character == '\n' { 0 } else { character.len_utf8() } }
    }
}

#[cfg(test)]
mod tests;
