//! Text as the vindexes `unicode_loose_md5` and `unicode_loose_xxhash` compare it: without case, without
//! accents, without spaces at its end.
//!
//! Vitess hashes the primary weights of a collation that golang.org/x/text had for Unicode 6.2, by that
//! module's own rules. No other implementation gives the same bytes, so both are here: the weights as a
//! table made from Vitess's, the rules rewritten (LICENSE beside them is
//! that module's). That all of it agrees is the test's business.

mod collation;
mod contraction;
mod table;

use crate::{
    Value,
    unicode::{collation::Collation, table::TABLE},
    value::INTEGER_BYTES_MAX,
};

/// The bytes that are hashed; none if the value's are no text.
pub(crate) fn key(value: &Value<'_>) -> Option<Vec<u8>> {
    let mut buffer = [0; INTEGER_BYTES_MAX];
    let text = str::from_utf8(value.bytes(&mut buffer)).ok()?.trim_end_matches(' ');
    let mut key = Vec::with_capacity(text.len().saturating_mul(2));
    if text.is_ascii() {
        // No two of these are one to the collation, and none of them combines.
        text.chars()
            .flat_map(|character| TABLE.alone(character))
            .for_each(|it| it.append(&mut key));
        return Some(key);
    }
    let characters: Vec<char> = text.chars().collect();
    Collation::new(&TABLE, &characters).append(&mut key);
    Some(key)
}

#[cfg(test)]
mod tests;
