//! What is kept beside the rows, in the target's `_whimbrel_*` tables.
//!
//! Everything that a run must know to go on is here, so that any machine that reaches both servers
//! can go on with a plan. Of several shards each keeps its own lanes and their marks, the first
//! everything else. Every write names the epoch of its runner and is proven to have met it.

mod claim;
mod control;
mod disputes;
mod lanes;
mod placings;
mod schema;
mod summary;
mod targets;
mod tokens;

#[cfg(test)]
pub(crate) use claim::ClaimedLanes;
pub(crate) use claim::{Claim, claim, claim_beside};
pub(crate) use control::{Beginning, Control, Life, StoredTable, shards};
pub(crate) use disputes::{Disputes, disputes};
pub(crate) use lanes::{read_version, swap};
pub(crate) use placings::{Placings, placings};
pub(crate) use schema::{FORMAT, create_tables, exists};
pub(crate) use summary::{Beat, beat, dead_letters, epoch, kept_bytes, positions, rollups};
pub(crate) use targets::{StoredTarget, lookups, targets, targets_of_others};
pub(crate) use tokens::{draw_token, token};

use whimbrel_model::Key;

/// What names a plan's rows in the state tables: the plan's name, as SQL.
#[derive(Debug, Clone)]
pub(crate) struct PlanKey {
    name: String,
}

impl PlanKey {
    /// The rows of the plan called `name`.
    #[must_use]
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned() }
    }

    /// The plan's name.
    #[must_use]
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// `plan = '…'`, for a WHERE clause.
    pub(crate) fn matches(&self) -> String {
        format!("plan = {}", text(&self.name))
    }

    /// The name as a literal.
    pub(crate) fn literal(&self) -> String {
        text(&self.name)
    }
}

/// Text as a literal of utf8mb4, whatever it holds.
pub(crate) fn text(value: &str) -> String {
    if value.is_empty() {
        return "''".to_owned();
    }
    format!("_utf8mb4 {}", bytes(value.as_bytes()))
}

/// Bytes as a literal.
pub(crate) fn bytes(value: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut literal = String::with_capacity(value.len() * 2 + 3);
    literal.push_str("x'");
    for byte in value {
        literal.push(char::from(DIGITS[usize::from(byte >> 4)]));
        literal.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    literal.push('\'');
    literal
}

/// A bound of a piece as a literal.
pub(crate) fn bound(key: Option<&Key>) -> String {
    key.map_or_else(|| "NULL".to_owned(), |key| bytes(key.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_hold_any_text() {
        assert_eq!(text("a'\\"), "_utf8mb4 x'61275c'");
        assert_eq!(text(""), "''");
        assert_eq!(bytes(&[0, 255]), "x'00ff'");
    }
}
