//! Whether a target's key tells the rows of its sources apart.
//!
//! A target's key must hold the whole key of each source, through columns that are bare copies and that
//! compare no coarser than the source's. Where there are several sources without a constant of each, it
//! is kept beside the target which source has each key; this asks for keys whose equality can be told
//! from their bytes. What data there is proves nothing: it changes while it is read.

use whimbrel_expression::Scratch;
use whimbrel_model::{Column, ColumnType, Generation, RowBuilder, Table};

use super::{Binder, Origin, columns::Planned, same_name};
use crate::{
    materialize::Create,
    problem::{MaterializeProblem, PlanError},
    span::Span,
};

impl Binder<'_> {
    /// Whether it must be kept beside the target which source has each key; `None` once it is said what
    /// is wrong.
    pub(super) fn check_key(
        &mut self,
        sources: &[Origin<'_>],
        planned: &[Planned<'_>],
        table: &Table,
    ) -> Option<bool> {
        let before = self.errors();
        let keyed: Vec<(&Planned<'_>, &Column)> = table
            .key_columns()
            .filter_map(|column| {
                let is_it = |value: &&Planned<'_>| same_name(&value.name, &column.name);
                Some((planned.iter().find(is_it)?, column))
            })
            .collect();
        for (index, source) in sources.iter().enumerate() {
            self.check_source_key((index, source.table), &keyed);
        }
        if self.errors() > before {
            return None;
        }
        let Some((first, other)) = not_apart(sources, &keyed) else { return Some(false) };
        let Some(reason) = not_ownable(table) else { return Some(true) };
        let problem = MaterializeProblem::KeyAcrossSources {
            target: self.name(),
            first: first.to_owned(),
            other: other.to_owned(),
            reason,
        };
        self.report(problem, self.key_at());
        None
    }

    fn key_at(&self) -> Span {
        let given = self.target.key.as_ref().and_then(|key| key.first());
        given.map_or(self.target.name.at, |first| first.at)
    }

    fn check_source_key(
        &mut self,
        (index, source): (usize, &Table),
        keyed: &[(&Planned<'_>, &Column)],
    ) {
        let mut missing = Vec::new();
        for wanted in source.key_columns() {
            let copies = keyed.iter().filter(|(value, _)| {
                value.copied(index, source).is_some_and(|copied| copied.name == wanted.name)
            });
            let columns: Vec<&Column> = copies.map(|(_, column)| *column).collect();
            if columns.is_empty() {
                missing.push(wanted.name.clone());
            } else if !columns.iter().any(|column| is_as_fine(wanted, column))
                && let Some(column) = columns.first()
            {
                let problem = MaterializeProblem::KeyCollation {
                    column: column.name.clone(),
                    target: collation(column),
                    source_collation: collation(wanted),
                };
                let at = match self.target.create {
                    Create::Copy => self.key_at(),
                    Create::Existing | Create::Statement(_) => self.target.create_at,
                };
                self.problems.push(PlanError::new(problem, at));
            }
        }
        if !missing.is_empty() {
            let problem = MaterializeProblem::KeyNotUnique {
                is_excepted: false,
                table: source.name().to_owned(),
                target: self.name(),
                missing,
            };
            self.report(problem, self.key_at());
        }
    }
}

/// Two sources that differ in no key column that is constant in both.
fn not_apart<'s>(
    sources: &[Origin<'s>],
    keyed: &[(&Planned<'_>, &Column)],
) -> Option<(&'s str, &'s str)> {
    for (other_index, other) in sources.iter().enumerate() {
        for (index, source) in sources.iter().enumerate().take(other_index) {
            let is_apart = |(value, column): &(&Planned<'_>, &Column)| match (
                constant(value, index, column),
                constant(value, other_index, column),
            ) {
                (Some(one), Some(two)) => one != two,
                _ => false,
            };
            if !keyed.iter().any(is_apart) {
                return Some((source.table.name(), other.table.name()));
            }
        }
    }
    None
}

/// Why it cannot be kept which source has each key of the table.
fn not_ownable(table: &Table) -> Option<String> {
    if table.has_other_unique_key() {
        let reason = "and another unique key of the target may be shared by rows of both";
        return Some(reason.to_owned());
    }
    let is_told = |column: &&Column| {
        column.column_type.equality().is_some() && column.generation == Generation::None
    };
    let column = table.key_columns().find(|column| !is_told(column))?;
    let mut under = String::new();
    if let ColumnType::Text { collation, .. } = &column.column_type {
        under = format!(" under `{collation}`");
    }
    Some(format!("and bytes do not tell which values of `{}` are equal{under}", column.name))
}

/// The value that `column` has for every row of a source, in a form that differs only where the target
/// takes the values for different; `None` where there is no such value or form.
fn constant(value: &Planned<'_>, source_index: usize, column: &Column) -> Option<Vec<u8>> {
    let expression = value.expressions.get(source_index)?;
    if !expression.is_constant() {
        return None;
    }
    let row = RowBuilder::default().finish();
    let mut scratch = Scratch::default();
    let cell = expression.evaluate(&row, &mut scratch).ok()?;
    let mut builder = RowBuilder::default();
    if let whimbrel_model::Cell::Bytes(bytes) = cell {
        let text = apart(&String::from_utf8_lossy(bytes), &column.column_type)?;
        builder.push(whimbrel_model::Cell::Bytes(text.as_bytes()));
    } else {
        builder.push(cell);
    }
    Some(builder.finish_key().as_bytes().to_vec())
}

/// A form of `text` that differs from another's only if the column tells both apart.
///
/// A collation that is not of bytes may take letters with and without accents, `ß` and `ss`, or a letter
/// and none at all for equal: only what is printed in ASCII is known to differ there, by more than case.
/// Those of some languages also take `y` for `i`, or `w` for `v`, which are one here for any that is made
/// for a language.
fn apart(text: &str, column_type: &ColumnType) -> Option<String> {
    let text = text.trim_end_matches('\0').trim_end();
    // Labels compare as a collation does that is not known here.
    let is_label = matches!(column_type, ColumnType::Enum | ColumnType::Set { .. });
    let mut collation = if is_label { "" } else { "binary" };
    if let ColumnType::Text { collation: of_text, .. } = column_type {
        collation = of_text;
    }
    if collation == "binary" || collation.ends_with("_bin") {
        return Some(text.to_owned());
    }
    if !text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
        return None;
    }
    let text = text.to_ascii_lowercase();
    let rules = collation.split_once('_').map_or("", |(_, rules)| rules);
    let of_no_language = ["0900_", "unicode_", "general_"];
    if of_no_language.iter().any(|prefix| rules.starts_with(prefix)) {
        return Some(text);
    }
    Some(text.replace(['j', 'y'], "i").replace(['v', 'w'], "u"))
}

/// Whether the target's column tells apart whatever the source's does.
fn is_as_fine(source: &Column, target: &Column) -> bool {
    match (&source.column_type, &target.column_type) {
        (
            ColumnType::Text { collation: source, .. },
            ColumnType::Text { collation: target, .. },
        ) => {
            let pads = |collation: &str| !collation.contains("_0900_") && collation != "binary";
            source == target
                || target == "utf8mb4_0900_bin"
                || target.ends_with("_bin") && pads(source)
        }
        // A text of two bytes may be two texts of another charset, and labels may compare alike.
        (ColumnType::Text { .. } | ColumnType::Enum | ColumnType::Set { .. }, other) => {
            source.column_type == *other && source.declaration == target.declaration
        }
        (_, ColumnType::Text { .. } | ColumnType::Enum | ColumnType::Set { .. }) => false,
        // Shorter values of the source end up the same once they are padded.
        (ColumnType::Binary, ColumnType::FixedBinary { .. }) => false,
        // What fits is kept exactly, and all that does not is an error of its row.
        _ => true,
    }
}

fn collation(column: &Column) -> String {
    if let ColumnType::Text { collation, .. } = &column.column_type {
        return collation.clone();
    }
    column.declaration.clone()
}
