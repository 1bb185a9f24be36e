//! What the clauses of an `ALTER TABLE` do to rows.

use super::tokens::{Cursor, Token, split_at_commas};

/// What an `ALTER TABLE` does, as far as it is known.
#[derive(Debug, Default)]
pub(super) struct Changes<'t, 'a> {
    /// Whether every clause is known to leave row images alone.
    pub(super) keeps_rows: bool,
    /// Indexes that are dropped or renamed.
    pub(super) indexes: Vec<String>,
    /// The table's new name.
    pub(super) renamed_to: Option<&'t [Token<'a>]>,
}

/// Table options that say nothing of rows.
const HARMLESS_OPTIONS: &[&str] = &[
    "COMMENT",
    "AUTO_INCREMENT",
    "STATS_PERSISTENT",
    "STATS_AUTO_RECALC",
    "STATS_SAMPLE_PAGES",
    "ALGORITHM",
    "LOCK",
];

/// The changes in what follows the table's name.
pub(super) fn changes<'t, 'a>(clauses: &'t [Token<'a>]) -> Changes<'t, 'a> {
    let mut changes = Changes { keeps_rows: !clauses.is_empty(), ..Changes::default() };
    for clause in split_at_commas(clauses) {
        let mut cursor = Cursor::new(clause);
        if cursor.take("RENAME") {
            rename(cursor, &mut changes);
        } else if let Some(index) = dropped_index(cursor) {
            changes.indexes.push(index);
        } else {
            changes.keeps_rows &= adds_plain_index(cursor)
                || shows_or_hides_index(cursor)
                || sets_harmless_options(cursor);
        }
    }
    changes
}

/// `RENAME INDEX a TO b`, `RENAME COLUMN a TO b`, `RENAME [TO|AS] t`.
fn rename<'t, 'a>(mut cursor: Cursor<'t, 'a>, changes: &mut Changes<'t, 'a>) {
    if cursor.take("COLUMN") {
        changes.keeps_rows = false;
        return;
    }
    if cursor.take_any(&["INDEX", "KEY"]) {
        match cursor.name() {
            Some(index) => changes.indexes.push(index),
            None => changes.keeps_rows = false,
        }
        return;
    }
    let _word = cursor.take_any(&["TO", "AS"]) || cursor.take_symbol("=");
    changes.renamed_to = Some(cursor.rest());
    changes.keeps_rows = false;
}

/// `DROP {INDEX|KEY} a`, and nothing behind it.
fn dropped_index(mut cursor: Cursor<'_, '_>) -> Option<String> {
    (cursor.take("DROP") && cursor.take_any(&["INDEX", "KEY"])).then_some(())?;
    let index = cursor.name()?;
    cursor.is_at_end().then_some(index)
}

/// `ADD [FULLTEXT|SPATIAL] {INDEX|KEY} [a] (…)`, with options.
fn adds_plain_index(mut cursor: Cursor<'_, '_>) -> bool {
    if !cursor.take("ADD") {
        return false;
    }
    let is_special = cursor.take_any(&["FULLTEXT", "SPATIAL"]);
    if !cursor.take_any(&["INDEX", "KEY"]) && !is_special {
        return false;
    }
    if !cursor.peek().is_some_and(|token| token.is_symbol("(") || token.is("USING")) {
        let _name = cursor.name();
    }
    if cursor.take("USING") {
        cursor.next();
    }
    // Behind the columns stand options of the index; a clause may also follow without a comma.
    if !cursor.skip_parenthesized() {
        return false;
    }
    while !cursor.is_at_end() {
        let is_whole = cursor.take_any(&["VISIBLE", "INVISIBLE"])
            || (cursor.take_any(&["USING", "COMMENT"]) || cursor.take_all(&["WITH", "PARSER"]))
                && cursor.next().is_some();
        if !is_whole {
            return false;
        }
    }
    true
}

/// `ALTER {INDEX|KEY} a {VISIBLE|INVISIBLE}`.
fn shows_or_hides_index(mut cursor: Cursor<'_, '_>) -> bool {
    cursor.take("ALTER")
        && cursor.take_any(&["INDEX", "KEY"])
        && cursor.name().is_some()
        && cursor.take_any(&["VISIBLE", "INVISIBLE"])
        && cursor.is_at_end()
}

/// `COMMENT = 'a' AUTO_INCREMENT 5 …`, `FORCE`, `ENGINE = InnoDB`, and `DISABLE KEYS` as dumps have
/// it, which InnoDB takes no notice of.
fn sets_harmless_options(mut cursor: Cursor<'_, '_>) -> bool {
    if cursor.is_at_end() {
        return false;
    }
    while !cursor.is_at_end() {
        let disables = cursor.take_any(&["DISABLE", "ENABLE"]) && cursor.take("KEYS");
        if disables || cursor.take("FORCE") {
            continue;
        }
        let is_engine = cursor.take("ENGINE");
        if !is_engine && !cursor.take_any(HARMLESS_OPTIONS) {
            return false;
        }
        cursor.take_symbol("=");
        let Some(value) = cursor.next() else { return false };
        if is_engine && !value.is("InnoDB") {
            return false;
        }
    }
    true
}
