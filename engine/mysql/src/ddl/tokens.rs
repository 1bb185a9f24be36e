//! Words, names and texts of a statement.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A keyword, a bare name or a number.
    Word,
    /// A name in backquotes.
    Name,
    /// Something in double quotes: a name under `ANSI_QUOTES`, otherwise a text.
    DoubleQuoted,
    /// A text in single quotes.
    Text,
    /// One other character.
    Symbol,
}

/// A piece of a statement; comments and spaces are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    /// As written, quotes included.
    pub(super) text: &'a str,
    /// Where it begins in the statement, in bytes.
    pub(super) start: usize,
}

/// How a statement may be read where its text alone does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    /// Whether a backslash in a text takes the next character with it: not so under
    /// `NO_BACKSLASH_ESCAPES`, and not in a name under `ANSI_QUOTES`.
    pub(super) has_escapes: bool,
    /// Whether the server ran what stands in `/*!NNNNN … */` for versions newer than
    /// [`SURE_VERSION`].
    pub(super) runs_newer: bool,
}

impl Reading {
    /// Whether `statement` could mean something else in this reading than in [`USUAL`]; `USUAL`
    /// itself is always worth it.
    pub(super) fn differs_for(self, statement: &str) -> bool {
        (self.has_escapes || statement.contains('\\'))
            && (self.runs_newer || statement.contains("/*!"))
    }
}

/// How servers read their own definitions, and statements of most sessions.
pub(super) const USUAL: Reading = Reading { has_escapes: true, runs_newer: true };

/// The oldest version of a source: whatever is written for it or an older one was run.
const SURE_VERSION: u32 = 80_400;

/// The tokens of a statement, or `None` when a quote or comment does not end.
pub(super) fn tokens(statement: &str, reading: Reading) -> Option<Vec<Token<'_>>> {
    let mut scanner = Scanner { statement, at: 0, reading, open_versions: 0 };
    let mut tokens = Vec::new();
    while let Some(token) = scanner.next_token()? {
        tokens.push(token);
    }
    Some(tokens)
}

struct Scanner<'a> {
    statement: &'a str,
    at: usize,
    reading: Reading,
    /// How many `/*!` are open whose content is run.
    open_versions: u32,
}

impl<'a> Scanner<'a> {
    /// The outer `None` is a statement that does not end well, the inner one its end.
    #[expect(clippy::option_option, reason = "a broken text and its end are not the same")]
    fn next_token(&mut self) -> Option<Option<Token<'a>>> {
        loop {
            let start = self.at;
            let Some(byte) = self.byte(0) else {
                return (self.open_versions == 0).then_some(None);
            };
            if byte.is_ascii_whitespace() {
                self.at += 1;
            } else if byte == b'#' || self.is_dash_comment() {
                self.skip_line();
            } else if self.starts_with(b"/*") {
                self.skip_comment_or_enter()?;
            } else if self.starts_with(b"*/") && self.open_versions > 0 {
                self.open_versions -= 1;
                self.at += 2;
            } else {
                let kind = self.skip_token(byte)?;
                let text = self.statement.get(start..self.at)?;
                return Some(Some(Token { kind, text, start }));
            }
        }
    }

    fn skip_token(&mut self, first: u8) -> Option<Kind> {
        match first {
            b'`' => self.skip_quoted(first, false).map(|()| Kind::Name),
            b'"' => self.skip_quoted(first, self.reading.has_escapes).map(|()| Kind::DoubleQuoted),
            b'\'' => self.skip_quoted(first, self.reading.has_escapes).map(|()| Kind::Text),
            _ if is_word(first) => {
                while self.byte(0).is_some_and(is_word) {
                    self.at += 1;
                }
                Some(Kind::Word)
            }
            _ => {
                self.at += 1;
                Some(Kind::Symbol)
            }
        }
    }

    /// A quote doubled inside stands for itself.
    fn skip_quoted(&mut self, quote: u8, has_escapes: bool) -> Option<()> {
        self.at += 1;
        loop {
            let byte = self.byte(0)?;
            self.at += 1;
            if byte == b'\\' && has_escapes {
                self.byte(0)?;
                self.at += 1;
            } else if byte == quote {
                if self.byte(0) != Some(quote) {
                    return Some(());
                }
                self.at += 1;
            }
        }
    }

    /// Two dashes begin a comment only before a space or control character.
    fn is_dash_comment(&self) -> bool {
        self.starts_with(b"--") && self.byte(2).is_none_or(|byte| byte <= b' ')
    }

    fn skip_line(&mut self) {
        while self.byte(0).is_some_and(|byte| byte != b'\n') {
            self.at += 1;
        }
    }

    fn skip_comment_or_enter(&mut self) -> Option<()> {
        if !self.starts_with(b"/*!") {
            self.at += 2;
            return self.skip_to_comment_end(false);
        }
        self.at += 3;
        let digits_start = self.at;
        while self.at - digits_start < 6 && self.byte(0).is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        let version = match self.at - digits_start {
            5 | 6 => self.statement.get(digits_start..self.at)?.parse().ok()?,
            _ => {
                // Fewer digits are no version, but the first of what is run.
                self.at = digits_start;
                0
            }
        };
        if version <= SURE_VERSION || self.reading.runs_newer {
            self.open_versions += 1;
            return Some(());
        }
        self.skip_to_comment_end(true)
    }

    fn skip_to_comment_end(&mut self, may_nest: bool) -> Option<()> {
        loop {
            self.byte(0)?;
            if self.starts_with(b"*/") {
                self.at += 2;
                return Some(());
            }
            if may_nest && self.starts_with(b"/*") {
                self.at += 2;
                self.skip_to_comment_end(false)?;
            } else {
                self.at += 1;
            }
        }
    }

    fn byte(&self, ahead: usize) -> Option<u8> {
        self.statement.as_bytes().get(self.at + ahead).copied()
    }

    fn starts_with(&self, prefix: &[u8]) -> bool {
        self.statement.as_bytes().get(self.at..).is_some_and(|rest| rest.starts_with(prefix))
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || byte >= 0x80
}

impl<'a> Token<'a> {
    /// Whether this is the keyword `word`.
    pub(super) fn is(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(word)
    }

    /// Whether this is the character `symbol`.
    pub(super) fn is_symbol(&self, symbol: &str) -> bool {
        self.kind == Kind::Symbol && self.text == symbol
    }

    /// The name that this stands for, if a name can stand here.
    pub(super) fn name(&self) -> Option<String> {
        match self.kind {
            Kind::Word => Some(self.text.to_owned()),
            Kind::Name => Some(self.inner()?.replace("``", "`")),
            Kind::DoubleQuoted => Some(self.inner()?.replace("\"\"", "\"")),
            Kind::Text | Kind::Symbol => None,
        }
    }

    /// What stands between the quotes.
    pub(super) fn inner(&self) -> Option<&'a str> {
        self.text.get(1..self.text.len().checked_sub(1)?)
    }

    /// Where it ends in the statement, in bytes.
    pub(super) fn end(&self) -> usize {
        self.start + self.text.len()
    }
}

/// Tokens, one after the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'t, 'a> {
    rest: &'t [Token<'a>],
}

impl<'t, 'a> Cursor<'t, 'a> {
    pub(super) fn new(tokens: &'t [Token<'a>]) -> Self {
        Self { rest: tokens }
    }

    pub(super) fn peek(&self) -> Option<&'t Token<'a>> {
        self.rest.first()
    }

    pub(super) fn rest(&self) -> &'t [Token<'a>] {
        self.rest
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn next(&mut self) -> Option<&'t Token<'a>> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    /// Steps over the keyword, if it is next.
    pub(super) fn take(&mut self, word: &str) -> bool {
        let is_next = self.peek().is_some_and(|token| token.is(word));
        if is_next {
            self.next();
        }
        is_next
    }

    /// Steps over all of the keywords, if they are next.
    pub(super) fn take_all(&mut self, words: &[&str]) -> bool {
        let are_next = self.rest.len() >= words.len()
            && self.rest.iter().zip(words).all(|(token, word)| token.is(word));
        if are_next {
            self.rest = self.rest.get(words.len()..).unwrap_or_default();
        }
        are_next
    }

    /// Steps over one of the keywords, if one is next.
    pub(super) fn take_any(&mut self, words: &[&str]) -> bool {
        words.iter().any(|word| self.take(word))
    }

    pub(super) fn take_symbol(&mut self, symbol: &str) -> bool {
        let is_next = self.peek().is_some_and(|token| token.is_symbol(symbol));
        if is_next {
            self.next();
        }
        is_next
    }

    /// Steps over a name.
    pub(super) fn name(&mut self) -> Option<String> {
        let name = self.peek()?.name()?;
        self.next();
        Some(name)
    }

    /// Steps over something in parentheses, if it is next.
    pub(super) fn skip_parenthesized(&mut self) -> bool {
        if !self.peek().is_some_and(|token| token.is_symbol("(")) {
            return false;
        }
        let mut depth = 0_usize;
        while let Some(token) = self.next() {
            if token.is_symbol("(") {
                depth += 1;
            } else if token.is_symbol(")") {
                depth -= 1;
                if depth == 0 {
                    return true;
                }
            }
        }
        false
    }
}

/// The pieces between the commas that stand in no parentheses.
pub(super) fn split_at_commas<'t, 'a>(tokens: &'t [Token<'a>]) -> Vec<&'t [Token<'a>]> {
    let mut depth = 0_i64;
    tokens
        .split(|token| {
            if token.is_symbol("(") {
                depth += 1;
            } else if token.is_symbol(")") {
                depth -= 1;
            }
            depth == 0 && token.is_symbol(",")
        })
        .collect()
}

#[cfg(test)]
mod tests;
