//! Where the values of a text are, by `saphyr-parser`, which gives each of its events a place.

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError};

use super::{Text, unsupported};
use crate::{
    problem::{FormProblem, PlanError},
    span::Span,
};

/// A value's place and form; what it is worth is not for this reader to say.
pub(super) struct Outline {
    pub(super) shape: Shape,
    /// Of a mapping or a list: its first key or item if it stands on lines of its own.
    pub(super) at: Span,
}

/// The form of a value.
pub(super) enum Shape {
    Scalar(Scalar),
    List(Vec<Outline>),
    /// A key that is given twice is there twice.
    Map(Vec<(Scalar, Span, Outline)>),
}

/// A text without quotes and escapes.
pub(super) struct Scalar {
    pub(super) text: String,
    /// Neither quoted nor a block: a word, a number, nothing at all.
    pub(super) is_plain: bool,
}

/// A plan nests four levels deep; more is a slip or an attack.
const DEPTH_MAX: usize = 16;

const ALIAS: &str = "an alias (`*name`)";
const QUOTE: &str = "if it is a pattern of tables, put it in quotes, such as `\"!logs\"` or `\"*_log\"`; \
                     otherwise write the value out where it applies";
const ONE_DOCUMENT: &str = "put each plan into a file of its own";
const KEYS: &str = "`whimbrel schema` prints all that a plan can hold";

/// The outline of a text; `None` of one without any value.
///
/// # Errors
///
/// The first thing that is not YAML, or not the plain part of it.
pub(super) fn read(text: &Text<'_>) -> Result<Option<Outline>, PlanError> {
    let mut builder = Builder { text, open: Vec::new(), root: None };
    for event in Parser::new_from_str(text.text) {
        let (event, span) = event.map_err(|error| builder.syntax(&error))?;
        let at = text.between(span.start.index(), span.end.index());
        builder.take(event, at)?;
    }
    Ok(builder.root)
}

/// A collection whose end has not come yet.
enum Open {
    List { items: Vec<Outline>, at: Span },
    Map { entries: Vec<(Scalar, Span, Outline)>, key: Option<(Scalar, Span)>, at: Span },
}

struct Builder<'a> {
    text: &'a Text<'a>,
    open: Vec<Open>,
    root: Option<Outline>,
}

impl Builder<'_> {
    /// A scalar's place without the blanks and comments behind it, which the parser counts in.
    fn written(&self, at: Span) -> Span {
        let text = self.text.slice(at);
        let length = match text.as_bytes() {
            [quote @ (b'"' | b'\''), inside @ ..] => quoted_length(*quote, inside) + 2,
            _ => text.trim_end().len(),
        };
        Span { start: at.start, end: at.start + length.min(text.len()) }
    }

    fn syntax(&self, error: &ScanError) -> PlanError {
        let at = self.text.visible_at(error.marker().index());
        if self.text.slice(at) == "*" {
            return unsupported(ALIAS, QUOTE, at);
        }
        PlanError::new(FormProblem::Syntax { reason: error.info().to_owned() }, at)
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
            Event::Scalar(text, style, ..) => {
                let is_plain = style == ScalarStyle::Plain;
                let shape = Shape::Scalar(Scalar { text: text.into_owned(), is_plain });
                self.put(Outline { shape, at: self.written(at) })?;
            }
            Event::SequenceStart(..) => self.open(Open::List { items: Vec::new(), at }, at)?,
            Event::MappingStart(..) => {
                self.open(Open::Map { entries: Vec::new(), key: None, at }, at)?;
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
        let (shape, at, first) = match self.open.pop() {
            Some(Open::List { items, at }) => {
                let first = items.first().map(|item| item.at);
                (Shape::List(items), at, first)
            }
            Some(Open::Map { entries, at, .. }) => {
                let first = entries.first().map(|(_, key_at, _)| *key_at);
                (Shape::Map(entries), at, first)
            }
            None => return Ok(()),
        };
        let at = self.extent(at, end).or(first).unwrap_or(at);
        self.put(Outline { shape, at })
    }

    /// From the opening to the closing bracket, if both stand on one line.
    fn extent(&self, start: Span, end: Span) -> Option<Span> {
        let extent = Span { start: start.start, end: end.end };
        let text = self.text.slice(extent);
        (text.starts_with(['[', '{']) && !text.contains('\n')).then_some(extent)
    }

    fn put(&mut self, outline: Outline) -> Result<(), PlanError> {
        match self.open.last_mut() {
            None => self.root = Some(outline),
            Some(Open::List { items, .. }) => items.push(outline),
            Some(Open::Map { entries, key, .. }) => match (key.take(), outline.shape) {
                (Some((key, key_at)), shape) => {
                    entries.push((key, key_at, Outline { shape, at: outline.at }));
                }
                (None, Shape::Scalar(scalar)) => *key = Some((scalar, outline.at)),
                (None, Shape::List(_) | Shape::Map(_)) => {
                    return Err(unsupported("a list or a mapping as a key", KEYS, outline.at));
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
