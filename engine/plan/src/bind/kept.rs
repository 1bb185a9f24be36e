//! The columns that hold what is grouped and aggregated.

use whimbrel_model::{Column, ColumnType, Generation};

use super::{Binder, Origin, columns::Planned, create::NewColumn};

impl Binder<'_> {
    /// The column of a group in a table that is made: one of the source's type only for a bare column.
    pub(super) fn group_column(
        &mut self,
        sources: &[Origin<'_>],
        group: &Planned<'_>,
    ) -> Option<Column> {
        let is_copy = group.copied(0, sources.first()?.table).is_some();
        let new = match is_copy {
            true => self.column(sources, group, None),
            false => self.computed_column(sources, group),
        };
        Some(new?.column)
    }

    /// What is kept of an argument. Its type is told by expressions and columns alone: the definitions
    /// of a run that goes on have no text, and must give the type that the table was made with.
    pub(super) fn argument_column(
        &mut self,
        sources: &[Origin<'_>],
        argument: &Planned<'_>,
    ) -> Option<Column> {
        let Some(copied) = kept_as_it_is(sources, argument) else {
            return Some(self.computed_column(sources, argument)?.column);
        };
        let name = argument.name.clone();
        let column = Column { name, generation: Generation::None, ..copied.clone() };
        let new = NewColumn { column, text: String::new() };
        Some(self.agreed(sources, argument, new)?.column)
    }
}

/// The column whose type the values of a bare argument keep. Of `YEAR`, `BIT`, `ENUM` and `SET` it is
/// the number or the text that counts, which has a type of its own, and text of several charsets is
/// kept in one that has all of it.
fn kept_as_it_is<'t>(sources: &[Origin<'t>], argument: &Planned<'_>) -> Option<&'t Column> {
    let copied = |(place, source): (usize, &Origin<'t>)| argument.copied(place, source.table);
    let first = copied((0, sources.first()?))?;
    let has_other_values = matches!(
        first.column_type,
        ColumnType::Year | ColumnType::Bit { .. } | ColumnType::Enum | ColumnType::Set { .. }
    );
    let has_one_charset = |charset: &String| {
        charset == "utf8mb4"
            || sources.iter().enumerate().all(|source| {
                let found = copied(source).map(|other| &other.column_type);
                matches!(found, Some(ColumnType::Text { charset: other, .. }) if other == charset)
            })
    };
    if let ColumnType::Text { charset, .. } = &first.column_type
        && !has_one_charset(charset)
    {
        return None;
    }
    (!has_other_values && first.generation == Generation::None).then_some(first)
}
