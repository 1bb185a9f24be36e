//! How far something has come in a source's log.

use std::{cmp::Ordering, fmt, str::FromStr};

use thiserror::Error;

use crate::{Gtid, GtidSet};

/// Which of a source's transactions are applied.
///
/// Nothing outside `model` and `mysql` looks inside: other kinds of source count otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Position {
    /// By the identifiers of the transactions.
    Gtid(GtidSet),
}

/// A place in the binary log of one server: comparable only on that server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LogOffset {
    /// The file's name; its last dot is followed by the number that files are ordered by.
    pub file: String,
    /// Bytes from the file's start.
    pub offset: u64,
}

/// The newest transaction that a lane applied: asked for again on connecting, since a source that
/// lost its newest transactions gives their identifiers out again (model of reused GTIDs).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newest {
    /// Its identifier.
    pub gtid: Gtid,
    /// Its original commit timestamp, in microseconds since 1970.
    pub committed_micros: u64,
}

/// A text that is not `file:offset`.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("`{text}` is not a place in a binary log (`file:offset`)")]
pub struct LogOffsetError {
    /// The text as given.
    pub text: String,
}

impl LogOffset {
    /// The number at the end of the file's name; 0 where there is none.
    fn file_number(&self) -> u64 {
        self.file.rsplit('.').next().and_then(|digits| digits.parse().ok()).unwrap_or(0)
    }
}

impl PartialOrd for LogOffset {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for LogOffset {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.file_number(), &self.file, self.offset).cmp(&(
            other.file_number(),
            &other.file,
            other.offset,
        ))
    }
}

impl fmt::Display for LogOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.offset)
    }
}

impl FromStr for LogOffset {
    type Err = LogOffsetError;

    fn from_str(text: &str) -> Result<Self, LogOffsetError> {
        text.rsplit_once(':')
            .and_then(|(file, offset)| {
                Some(Self { file: file.to_owned(), offset: offset.parse().ok()? })
            })
            .ok_or_else(|| LogOffsetError { text: text.to_owned() })
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gtid(set) => set.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_ordered_by_number_also_past_six_digits() {
        let at = |text: &str| text.parse::<LogOffset>().unwrap();

        assert!(at("bin.999999:900") < at("bin.1000000:4"));
        assert!(at("bin.000002:4") < at("bin.000002:198"));
    }
}
