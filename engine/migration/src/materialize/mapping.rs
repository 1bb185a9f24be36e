//! What a row of a source table becomes in a target.

use whimbrel_expression::{EvaluationError, Scratch};
use whimbrel_model::{Cell, Gtid, Key, Row, RowBuilder, Table};
use whimbrel_plan::{BoundSource, OnError, Placed};

use super::dead_letters::Place as DeadPlace;
use crate::{
    owned::with_source,
    transform::{FailedRow, Mapped, Mapping, Place},
};

/// The rows of one source in one target.
#[derive(Debug)]
pub(super) struct RowMapping {
    pub(super) plan: String,
    /// The target's name.
    pub(super) name: String,
    pub(super) source: Table,
    /// What rows are written by.
    pub(super) target: Table,
    /// Of groups, whose rows begin with the source's key: the source's ordinal before it, where there
    /// are several.
    pub(super) kept_key: Option<Option<u64>>,
    /// The source's ordinal, which stands behind the keys of a target whose keys several sources may
    /// have.
    pub(super) claims_as: Option<u64>,
    /// Whether a row that fails may be among the dead letters.
    pub(super) has_dead_letters: bool,
    pub(super) bound: BoundSource,
}

/// Whether a row of the source that fails may be among the dead letters.
pub(super) fn has_dead_letters(source: &BoundSource) -> bool {
    let is_dead = |on_error: OnError| on_error == OnError::DeadLetter;
    is_dead(source.on_error) && source.filter.is_some()
        || source.columns.iter().any(|column| is_dead(column.on_error))
}

/// What failed: a column, or the filter.
struct Failure<'a> {
    column: Option<&'a str>,
    error: EvaluationError,
    at: &'a Placed,
    on_error: OnError,
}

impl RowMapping {
    fn is_in(&self, row: &Row) -> Result<bool, Failure<'_>> {
        let Some(filter) = &self.bound.filter else { return Ok(true) };
        let (at, on_error) = (&self.bound.filter_at, self.bound.on_error);
        filter.is_true(row).map_err(|error| Failure { column: None, error, at, on_error })
    }

    /// The row in the target; `None` if it is not among the target's rows.
    fn made(&self, row: &Row) -> Result<Option<Row>, Failure<'_>> {
        if !self.is_in(row)? {
            return Ok(None);
        }
        let mut builder = RowBuilder::default();
        let mut scratch = Scratch::default();
        self.push_kept_key(&mut builder, row);
        for column in &self.bound.columns {
            match column.value.evaluate(row, &mut scratch) {
                Ok(cell) => builder.push(cell),
                Err(_) if column.on_error == OnError::Null => {
                    builder.push(Cell::Null);
                }
                Err(error) => {
                    let (at, on_error) = (&column.at, column.on_error);
                    return Err(Failure { column: Some(&column.name), error, at, on_error });
                }
            }
        }
        Ok(Some(builder.finish()))
    }

    /// The key in the target of a row that is in it, without the rest of the row.
    fn made_key(&self, row: &Row) -> Option<Key> {
        let mut builder = RowBuilder::default();
        let mut scratch = Scratch::default();
        if self.push_kept_key(&mut builder, row) {
            return Some(builder.finish_key());
        }
        for &place in self.target.key() {
            let cell = self.bound.columns.get(place)?.value.evaluate(row, &mut scratch).ok()?;
            builder.push(cell);
        }
        Some(builder.finish_key())
    }

    /// Begins a row of groups; whether this is one.
    fn push_kept_key(&self, builder: &mut RowBuilder, row: &Row) -> bool {
        let Some(ordinal) = self.kept_key else { return false };
        if let Some(ordinal) = ordinal {
            builder.push(Cell::UInt(ordinal));
        }
        row.key(&self.source).cells().for_each(|cell| builder.push(cell));
        true
    }

    /// The key by which the row of this source is told from those of the others.
    fn claimed(&self, key: Key) -> Key {
        match self.claims_as {
            Some(source) => with_source(&key, source),
            None => key,
        }
    }

    fn dead_place<'a>(&'a self, key: &'a Key) -> DeadPlace<'a> {
        DeadPlace { plan: &self.plan, target: &self.name, source: &self.source, key }
    }
}

impl Mapping for RowMapping {
    fn place(&self, row: &Row) -> Place {
        if !self.has_dead_letters {
            // Where a failure stops the run, no row that fails was ever written.
            let key = self.is_in(row).unwrap_or(false).then(|| self.made_key(row));
            return key.flatten().map_or(Place::Nowhere, |key| Place::At(self.claimed(key)));
        }
        match self.made(row) {
            Ok(None) => Place::Nowhere,
            Ok(Some(made)) => Place::At(self.claimed(made.key(&self.target))),
            Err(failure) if failure.on_error == OnError::DeadLetter => {
                Place::Dead(self.dead_place(&row.key(&self.source)).key())
            }
            Err(_) => Place::Nowhere,
        }
    }

    fn map(&self, row: &Row, gtid: Option<&Gtid>) -> Result<Mapped, FailedRow> {
        let failure = match self.made(row) {
            Ok(None) => return Ok(Mapped::Nothing),
            Ok(Some(made)) => {
                return Ok(Mapped::Row(self.claimed(made.key(&self.target)), made));
            }
            Err(failure) => failure,
        };
        if failure.on_error == OnError::DeadLetter {
            let key = row.key(&self.source);
            let place = self.dead_place(&key);
            let letter = place.row(failure.column, &failure.error.to_string(), gtid);
            return Ok(Mapped::Dead(place.key(), letter));
        }
        Err(FailedRow {
            target: self.name.as_str().into(),
            source_table: self.source.name().into(),
            column: failure.column.map(str::to_owned),
            fault: failure.error.fault,
            at: failure.at.at(&failure.error.span),
            gtid: gtid.map(|gtid| gtid.to_string().into()),
        })
    }
}
