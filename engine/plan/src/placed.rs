//! Where the parts of a value's text stand in the plan's text.

use std::ops::Range;

use crate::span::Span;

/// The place of a text whose parts can be pointed at.
#[derive(Debug, Clone)]
pub struct Placed {
    value: Span,
    /// Bytes that stand before the text where its parts are counted, and nowhere in the plan.
    prefix_bytes: usize,
    /// The place of each byte of the text, and of its end; `None` where the text is written in a way
    /// that hides them.
    offsets: Option<Vec<usize>>,
}

impl Placed {
    /// The place of `text`, which is written at `value` in `plan`.
    pub(crate) fn new(plan: &str, value: Span, text: &str) -> Self {
        let written = plan.get(value.start..).unwrap_or_default();
        let is_block = written.starts_with(['|', '>']);
        // The place of a block may be that of its mark alone.
        let end = if is_block { plan.len() } else { value.end };
        let written = plan.get(value.start..end).unwrap_or_default();
        Self { value, prefix_bytes: 0, offsets: align(written, text, value.start) }
    }

    /// The place of a text that is written nowhere, and that `value` stands for.
    pub(crate) fn whole(value: Span) -> Self {
        Self { value, prefix_bytes: 0, offsets: None }
    }

    /// The same text, as a part of one that has so many bytes before it.
    pub(crate) fn behind(&self, prefix_bytes: usize) -> Self {
        Self { prefix_bytes, ..self.clone() }
    }

    /// The place of a part of the text, from byte to byte; the whole value's where it cannot be told.
    #[must_use]
    pub fn at(&self, part: &Range<usize>) -> Span {
        let offset = |index: usize| {
            let index = index.checked_sub(self.prefix_bytes)?;
            self.offsets.as_ref()?.get(index).copied()
        };
        let last = part.end.checked_sub(1).filter(|last| *last >= part.start);
        let span = offset(part.start).and_then(|start| {
            // The last byte's place, since what follows may be on another line.
            let end = last.and_then(offset).map_or(start, |last| last + 1);
            (end >= start).then_some(Span { start, end })
        });
        span.unwrap_or(self.value)
    }

    /// The place of the part of the text from `from` to `to`, as a text of its own.
    pub(crate) fn part(&self, from: usize, to: usize) -> Self {
        let value = self.at(&(from..to));
        let offsets = self.offsets.as_ref().and_then(|all| all.get(from..=to));
        Self { value, prefix_bytes: 0, offsets: offsets.map(<[usize]>::to_vec) }
    }
}

/// The place of each byte of `text` in `written`: a plain, quoted or block scalar of YAML, whose lines
/// may be folded and indented, and whose quotes may be escaped.
fn align(written: &str, text: &str, start: usize) -> Option<Vec<usize>> {
    let from = match written.as_bytes().first() {
        Some(b'"' | b'\'') => 1,
        Some(b'|' | b'>') => written.find('\n')? + 1,
        _ => 0,
    };
    let quote = written.chars().next().filter(|first| ['"', '\''].contains(first));
    let mut at = from;
    let mut offsets = Vec::with_capacity(text.len() + 1);
    for character in text.chars() {
        let rest = written.get(at..)?;
        let found = if character == '\n' {
            // What indents the next line is skipped before its first character.
            let blanks = rest.len() - rest.trim_start_matches([' ', '\r']).len();
            rest.get(blanks..).is_some_and(|rest| rest.starts_with('\n')).then_some((blanks, 1))
        } else if character == ' ' {
            // A folded line's end and the next one's indentation are one space.
            let blanks = rest.len() - rest.trim_start().len();
            let is_folded = rest.get(..blanks).is_some_and(|blanks| blanks.contains('\n'));
            if is_folded { Some((0, blanks)) } else { rest.starts_with(' ').then_some((0, 1)) }
        } else {
            let blanks = rest.len() - rest.trim_start_matches([' ', '\n', '\r']).len();
            let behind = rest.get(blanks..)?;
            let escape = match quote {
                Some('"') if behind.starts_with('\\') => 1,
                Some('\'') if behind.starts_with("''") => 1,
                _ => 0,
            };
            let is_here = behind.get(escape..)?.starts_with(character);
            is_here.then_some((blanks, escape + character.len_utf8()))
        };
        let (skipped, length) = match found {
            Some(found) => found,
            // A block's text ends with a line's end that need not be written.
            None if rest.trim().is_empty() => (0, 0),
            None => return None,
        };
        for index in 0..character.len_utf8() {
            offsets.push(start + at + skipped + index.min(length.saturating_sub(1)));
        }
        at += skipped + length;
    }
    offsets.push(start + at);
    Some(offsets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(plan: &str, text: &str, part: &str) {
        let from = plan.find(": ").unwrap() + 2;
        let value = Span { start: from, end: plan.trim_end().len() };
        let start = text.find(part).unwrap();

        let span = Placed::new(plan, value, text).at(&(start..start + part.len()));

        assert_eq!(plan.get(span.start..span.end).unwrap(), part, "{plan}");
    }

    #[test]
    fn parts_are_found_however_the_text_is_written() {
        check("where: a == b", "a == b", "b");
        check("where: \"a == \\\"x\\\" && b\"", "a == \"x\" && b", "b");
        check("where: 'a == ''x'' && b'", "a == 'x' && b", "b");
        check("where: |\n  a ==\n    b\n", "a ==\n  b\n", "b");
        check("where: >-\n  é ==\n  b\n", "é == b", "b");
        check("where: a\n  == b", "a == b", "b");
    }

    #[test]
    fn what_cannot_be_told_is_the_whole_value() {
        let placed = Placed::new("where: \"\\u0061 == b\"", Span { start: 7, end: 20 }, "a == b");

        assert_eq!(placed.at(&(5..6)), Span { start: 7, end: 20 });
    }
}
