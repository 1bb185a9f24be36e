//! Places in a plan's text.

/// The half-open range `start..end` of bytes of a plan's text.
///
/// Both ends lie between characters. An empty range points between two of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

/// A place as editors show it: both numbers count from 1, the column counts characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Span {
    /// Where the span starts in `text`, the text that it was taken from.
    #[must_use]
    pub fn location(self, text: &str) -> Location {
        let before = text.get(..self.start).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let last = before.rsplit('\n').next().unwrap_or(before);
        Location { line, column: last.chars().count() + 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_lines_count_from_one() {
        let text = "a: é\nbü: x";
        let at = text.find('x').unwrap();

        assert_eq!(Span { start: at, end: at + 1 }.location(text), Location { line: 2, column: 5 });
        assert_eq!(Span { start: 0, end: 0 }.location(text), Location { line: 1, column: 1 });
    }
}
