//! Upper and lower case, character by character, as `utf8mb4_0900_ai_ci` has them: by the simple
//! mappings of Unicode 9.
//!
//! What the standard library knows of later versions of Unicode is left out here by range. A test asks
//! the server about every character there is.

use std::ops::RangeInclusive;

/// Characters that have a lower case since Unicode 10.
const NEWER_LOWER: [RangeInclusive<char>; 7] = [
    '\u{1c89}'..='\u{1cbf}',
    '\u{2c2f}'..='\u{2c2f}',
    '\u{a7b8}'..='\u{a7f5}',
    '\u{10570}'..='\u{10595}',
    '\u{10d50}'..='\u{10d65}',
    '\u{16e40}'..='\u{16e5f}',
    '\u{16ea0}'..='\u{16eb8}',
];

/// Characters that have an upper case since Unicode 10.
const NEWER_UPPER: [RangeInclusive<char>; 13] = [
    '\u{19b}'..='\u{19b}',
    '\u{264}'..='\u{264}',
    '\u{282}'..='\u{282}',
    '\u{10d0}'..='\u{10ff}',
    '\u{1c8a}'..='\u{1c8a}',
    '\u{1d8e}'..='\u{1d8e}',
    '\u{2c5f}'..='\u{2c5f}',
    '\u{a794}'..='\u{a794}',
    '\u{a7b9}'..='\u{a7f6}',
    '\u{10597}'..='\u{105bc}',
    '\u{10d70}'..='\u{10d85}',
    '\u{16e60}'..='\u{16e7f}',
    '\u{16ebb}'..='\u{16ed3}',
];

/// The character in lower case.
pub(super) fn lower(character: char) -> char {
    if character == 'İ' {
        return 'i';
    }
    simple(character, character.to_lowercase(), &NEWER_LOWER)
}

/// The character in upper case.
pub(super) fn upper(character: char) -> char {
    // Greek letters with an iota below have one as a title, which is two letters in upper case.
    let title = match character {
        '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}' => 8,
        '\u{1fb3}' | '\u{1fc3}' | '\u{1ff3}' => 9,
        _ => return simple(character, character.to_uppercase(), &NEWER_UPPER),
    };
    char::from_u32(u32::from(character) + title).unwrap_or(character)
}

/// The only character of a mapping, unless it is a newer one.
fn simple(
    character: char,
    mut mapping: impl Iterator<Item = char>,
    newer: &[RangeInclusive<char>],
) -> char {
    let (Some(mapped), None) = (mapping.next(), mapping.next()) else { return character };
    let is_newer = newer.iter().any(|range| range.contains(&character));
    if is_newer { character } else { mapped }
}
