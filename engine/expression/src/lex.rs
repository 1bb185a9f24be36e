//! The tokens of an expression, for the places of its parts: the parser knows where they begin, and
//! not where they end.

use std::ops::Range;

/// What kind of token it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// A name or a word.
    Word,
    /// A number.
    Number,
    /// Text in double quotes.
    Text,
    /// Something in single quotes.
    SingleQuoted,
    /// Text in backticks.
    Backticks,
    /// `(`, `[` or `{`.
    Open,
    /// `)`, `]` or `}`.
    Close,
    /// An operator or another sign.
    Sign,
}

/// A token and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) span: Range<usize>,
}

/// Signs of several characters, longest first.
const SIGNS: [&str; 29] = [
    "->", "<<=", ">>=", "**=", "..=", "&&", "||", "==", "!=", "<=", ">=", "<>", "??", "+=", "-=",
    "*=", "/=", "%=", "&=", "|=", "^=", "**", "<<", ">>", "..", "::", "=>", "?.", "#{",
];

/// The tokens of `text`; what is no token is a sign of one character.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let (kind, length) = token(rest);
        let length = length.max(1);
        if let Some(kind) = kind {
            tokens.push(Token { kind, span: at..at + length });
        }
        at += length;
    }
    tokens
}

/// The kind and length of the token that `rest` begins with; no kind for what is skipped.
fn token(rest: &str) -> (Option<TokenKind>, usize) {
    let mut characters = rest.chars();
    let Some(first) = characters.next() else { return (None, 0) };
    let second = characters.next();
    let run = |is_part: fn(char) -> bool| {
        rest.find(|character: char| !is_part(character)).unwrap_or(rest.len())
    };
    match (first, second) {
        ('/', Some('/')) => (None, rest.find('\n').unwrap_or(rest.len())),
        ('/', Some('*')) => (None, rest.find("*/").map_or(rest.len(), |end| end + 2)),
        ('"', _) => (Some(TokenKind::Text), quoted(rest, '"')),
        ('\'', _) => (Some(TokenKind::SingleQuoted), quoted(rest, '\'')),
        ('`', _) => (Some(TokenKind::Backticks), quoted(rest, '`')),
        // As in `count(*)`: nothing else begins so, and the parser takes it for a comment.
        ('(', Some('*')) => (Some(TokenKind::Open), 2),
        ('(' | '[' | '{', _) => (Some(TokenKind::Open), 1),
        (')' | ']' | '}', _) => (Some(TokenKind::Close), 1),
        _ if first.is_whitespace() => (None, run(char::is_whitespace)),
        _ if first.is_ascii_digit() => (Some(TokenKind::Number), number(rest)),
        _ if first.is_alphabetic() || first == '_' => (
            Some(TokenKind::Word),
            run(|character| character.is_alphanumeric() || character == '_'),
        ),
        _ => {
            let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
            (Some(TokenKind::Sign), sign.map_or(first.len_utf8(), |sign| sign.len()))
        }
    }
}

/// The length of the number that `rest` begins with: `1`, `1_000`, `1.50`, `1e-3`, `0xff`.
fn number(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let digits = |from: usize, is_digit: fn(&u8) -> bool| {
        let count = bytes.iter().skip(from).take_while(|byte| is_digit(byte) || **byte == b'_');
        from + count.count()
    };
    if rest.starts_with("0x") || rest.starts_with("0X") {
        return digits(2, u8::is_ascii_hexdigit);
    }
    let is_digit_at = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let mut end = digits(0, u8::is_ascii_digit);
    if bytes.get(end) == Some(&b'.') && is_digit_at(end + 1) {
        end = digits(end + 1, u8::is_ascii_digit);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        if is_digit_at(end + 1 + sign) {
            end = digits(end + 1 + sign, u8::is_ascii_digit);
        }
    }
    end
}

/// The length of what `rest` begins with, up to the next `quote` that no backslash stands before.
fn quoted(rest: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, character) in rest.char_indices().skip(1) {
        if character == quote && !is_escaped {
            return at + 1;
        }
        is_escaped = character == '\\' && !is_escaped;
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_cut_where_they_end() {
        let text = r#"a_1 >= -1_0.50e-3 /* ) */ && lower("ü\" (") ?? 0xFF.. // end"#;

        let words: Vec<&str> =
            tokens(text).into_iter().map(|token| text.get(token.span).unwrap()).collect();

        assert_eq!(
            words,
            [
                "a_1",
                ">=",
                "-",
                "1_0.50e-3",
                "&&",
                "lower",
                "(",
                "\"ü\\\" (\"",
                ")",
                "??",
                "0xFF",
                ".."
            ]
        );
    }
}
