//! Key ranges.

use std::{fmt, str::FromStr};

use thiserror::Error;

use crate::{KeyspaceId, hex};

/// The half-open interval `[start, end)` of keyspace ids that a shard owns.
///
/// Written as Vitess writes a shard: hexadecimal bounds around a dash, an absent bound meaning "no bound".
/// `-80`, `80-c0` and `c0-` partition a keyspace; `-` is all of it, and so is `0`. Zero bytes at the end
/// of a bound or of a keyspace id mean nothing: `80` is `8000`.
///
/// Invariant: when there is an end, `start < end`.
///
/// Source: Vitess, `go/vt/key/key.go`, `ParseShardingSpec` and `KeyRangeContains`.
#[derive(Debug, Clone)]
pub struct KeyRange {
    start: Vec<u8>,
    end: Option<Vec<u8>>,
}

/// Why a text is not a key range.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum KeyRangeError {
    /// It is not two bounds of pairs of hexadecimal digits around a dash.
    #[error("`{text}` is no key range: it is written as `-80`, `80-c0` or `c0-`")]
    Malformed {
        /// The text as given.
        text: String,
    },
    /// An interval that holds nothing.
    #[error("`{text}` is empty: its end is not after its start")]
    Empty {
        /// The text as given.
        text: String,
    },
}

/// Without the zero bytes at the end. A keyspace id is before such a bound, byte for byte, exactly if it
/// is without its own: what is shorter is before it only because a byte that is not zero follows.
fn trimmed(bound: &[u8]) -> &[u8] {
    let length = bound.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    bound.get(..length).unwrap_or_default()
}

impl KeyRange {
    /// All keyspace ids.
    #[must_use]
    pub fn all() -> Self {
        Self { start: Vec::new(), end: None }
    }

    /// Those from `start` on, before `end` if there is one. What is between is not nothing.
    pub(crate) fn between(start: &[u8], end: Option<&[u8]>) -> Self {
        Self { start: start.to_vec(), end: end.map(<[u8]>::to_vec) }
    }

    /// Whether a keyspace id is in it.
    #[must_use]
    pub fn contains(&self, id: &KeyspaceId) -> bool {
        id.as_bytes() >= self.start() && self.end().is_none_or(|end| id.as_bytes() < end)
    }

    /// The first keyspace id, without zero bytes at its end.
    pub(crate) fn start(&self) -> &[u8] {
        trimmed(&self.start)
    }

    /// The one behind the last, likewise; none if there is no last.
    pub(crate) fn end(&self) -> Option<&[u8]> {
        self.end.as_deref().map(trimmed)
    }
}

impl FromStr for KeyRange {
    type Err = KeyRangeError;

    /// # Errors
    ///
    /// [`KeyRangeError`].
    fn from_str(text: &str) -> Result<Self, KeyRangeError> {
        if text == "0" {
            return Ok(Self::all());
        }
        let bounds = text.split_once('-').and_then(|(start, end)| {
            let end = hex::parse(end)?;
            Some(Self {
                start: hex::parse(start)?,
                end: (!trimmed(&end).is_empty()).then_some(end),
            })
        });
        let range = bounds.ok_or_else(|| KeyRangeError::Malformed { text: text.to_owned() })?;
        if range.end().is_some_and(|end| end <= range.start()) {
            return Err(KeyRangeError::Empty { text: text.to_owned() });
        }
        Ok(range)
    }
}

impl PartialEq for KeyRange {
    fn eq(&self, other: &Self) -> bool {
        (self.start(), self.end()) == (other.start(), other.end())
    }
}

impl Eq for KeyRange {}

impl fmt::Display for KeyRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(f, &self.start)?;
        f.write_str("-")?;
        hex::write(f, self.end.as_deref().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests;
