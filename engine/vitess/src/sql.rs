//! One SELECT: its syntax tree, and the places of its parts in the file.

use std::ops::Range;

use sqlparser::{
    ast::{SetExpr, Statement},
    dialect::MySqlDialect,
    parser::{Parser, ParserError},
    tokenizer::{Location, Span},
};

use crate::{
    json::Text,
    refusal::{Refusal, What},
};

/// The most text of one SELECT, in bytes: as much as one expression of a plan.
const TEXT_BYTES_MAX: usize = 16 << 10;

/// How deep the parser goes: deeper than the expressions of a plan, and far from a thread's stack.
const DEPTH_MAX: usize = 40;

/// The text of a SELECT, with places.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sql<'t> {
    text: &'t Text,
}

impl<'t> Sql<'t> {
    pub(crate) fn new(text: &'t Text) -> Self {
        Self { text }
    }

    /// The place of all of it.
    pub(crate) fn whole(&self) -> Range<usize> {
        self.text.part(&(0..self.text.value.len()))
    }

    /// The place of a part in the file; that of all where the parser does not know it.
    pub(crate) fn place(&self, span: Span) -> Range<usize> {
        let ends = (self.offset(span.start), self.offset(span.end));
        match ends {
            (Some(start), Some(end)) if start < end => self.text.part(&(start..end)),
            (Some(start), _) => self.text.part(&(start..start)),
            _ => self.whole(),
        }
    }

    pub(crate) fn refusal(&self, what: What, span: Span) -> Refusal {
        Refusal::new(what, &self.place(span))
    }

    /// The byte at a place of the parser, which counts lines and characters from one; none for no place.
    fn offset(&self, location: Location) -> Option<usize> {
        let line = usize::try_from(location.line).ok()?.checked_sub(1)?;
        let column = usize::try_from(location.column).ok()?.checked_sub(1)?;
        let text = self.text.value.as_str();
        let start = match line {
            0 => 0,
            _ => text.match_indices('\n').nth(line - 1)?.0 + 1,
        };
        let rest = text.get(start..)?;
        Some(start + rest.char_indices().nth(column).map_or(rest.len(), |(at, _)| at))
    }

    /// Its query.
    ///
    /// # Errors
    ///
    /// Text that is not one SELECT.
    pub(crate) fn query(&self) -> Result<sqlparser::ast::Query, Refusal> {
        let text = self.text.value.as_str();
        if text.len() > TEXT_BYTES_MAX {
            return Err(self.unreadable(&format!(
                "the SELECT has {} bytes, and {TEXT_BYTES_MAX} are the most",
                text.len()
            )));
        }
        if let Some(at) = text.find("/*!").or_else(|| text.find("/*+")) {
            let what = What::Sql {
                what: "a comment that the server reads".into(),
                instead: "write what it says without the comment, or leave it out".into(),
            };
            return Err(Refusal::new(what, &self.text.part(&(at..at + 3))));
        }
        let parser = Parser::new(&MySqlDialect {}).with_recursion_limit(DEPTH_MAX);
        let statements = parser
            .try_with_sql(text)
            .and_then(|mut parser| parser.parse_statements())
            .map_err(|error| self.syntax(&error))?;
        let mut statements = statements.into_iter();
        match (statements.next(), statements.next()) {
            (Some(Statement::Query(query)), None) => match *query.body {
                SetExpr::Select(_) => Ok(*query),
                _ => Err(self.unreadable("this is not one SELECT")),
            },
            _ => Err(self.unreadable("this is not one SELECT")),
        }
    }

    fn unreadable(&self, reason: &str) -> Refusal {
        Refusal::new(What::Syntax { reason: reason.to_owned() }, &self.whole())
    }

    /// What the parser says, at the place that it says.
    fn syntax(&self, error: &ParserError) -> Refusal {
        let message = match error {
            ParserError::RecursionLimitExceeded => return self.unreadable(TOO_DEEP),
            ParserError::TokenizerError(message) | ParserError::ParserError(message) => message,
        };
        let (reason, location) = match message.split_once(" at Line: ") {
            Some((reason, location)) => (reason, location.split_once(", Column: ")),
            None => (message.as_str(), None),
        };
        let location = location.and_then(|(line, column)| {
            Some(Location { line: line.trim().parse().ok()?, column: column.trim().parse().ok()? })
        });
        let at = match location {
            Some(location) => self.place(Span { start: location, end: location }),
            None => self.whole(),
        };
        // The parser does not know it, and the server does.
        if reason.ends_with(", found: !") {
            let what = What::Sql {
                what: "the operator `!`".into(),
                instead: "write NOT (…) around what stands behind it".into(),
            };
            return Refusal::new(what, &at);
        }
        let mut reason = reason.replace(['\n', '\r'], " ");
        if let Some(first) = reason.get(..1).map(str::to_ascii_lowercase) {
            reason.replace_range(..1, &first);
        }
        Refusal::new(What::Syntax { reason }, &at)
    }
}

pub(crate) const TOO_DEEP: &str = "the SELECT is nested too deeply";
