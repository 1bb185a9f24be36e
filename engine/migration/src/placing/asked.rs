//! Rows that are where vtgate says: by a vindex that is known there alone. It is asked for the values of a batch
//! before their rows are placed (`stage::ask`); here it is as pure as the other ways.

use std::{collections::HashMap, fmt, sync::Arc};

use whimbrel_model::{Column, ColumnType, Row};
use whimbrel_mysql::vtgate::Written;
use whimbrel_sharding::Shards;

use super::{Places, UnplacedRow, by_vindex::literal_bytes};

/// A vindex of one column that vtgate is asked about.
#[derive(Debug)]
pub(crate) struct AskedVindex {
    /// The target table.
    pub(crate) table: Box<str>,
    /// The keyspace that has the vindex, and the vindex's name there.
    pub(crate) name: (String, String),
    /// The place of its column among a row's cells, with the column.
    pub(crate) column: (usize, Column),
    pub(crate) shards: Arc<Shards>,
    /// The number of the first of them among all shards of the target.
    pub(crate) first: usize,
}

/// For values, in the bytes of their literals, the shards of their rows among all of the target; `None` for
/// values that vtgate maps to no keyspace id, or to more than one.
pub(crate) type Answers = HashMap<Box<[u8]>, Option<usize>>;

impl AskedVindex {
    /// How applications write its column's values.
    pub(crate) fn written(&self) -> Written {
        let column_type = &self.column.1.column_type;
        if matches!(column_type, ColumnType::Int { .. }) {
            Written::Number
        } else if matches!(column_type, ColumnType::Text { .. }) {
            Written::Text
        } else {
            Written::Bytes
        }
    }

    /// The bytes of the literal of a row's value.
    ///
    /// # Errors
    ///
    /// [`UnplacedRow`] for a value that has none.
    pub(crate) fn value(&self, row: &Row) -> Result<Box<[u8]>, UnplacedRow> {
        let (place, column) = &self.column;
        literal_bytes(column, row.cell(*place)).map_err(|error| self.unplaced(&error))
    }

    /// The shard that has the rows of a keyspace id, among all shards of the target.
    pub(crate) fn shard_of(&self, keyspace_id: &[u8]) -> usize {
        self.first + self.shards.of(&keyspace_id.into())
    }

    fn unplaced(&self, reason: &dyn fmt::Display) -> UnplacedRow {
        UnplacedRow::by(&self.table, [&self.column.1], reason)
    }
}

/// Rows whose values vtgate was asked for.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) vindex: Arc<AskedVindex>,
    pub(crate) answers: Answers,
}

impl Places for Answered {
    fn shard(&self, row: &Row) -> Result<usize, UnplacedRow> {
        let value = self.vindex.value(row)?;
        let answer = self.answers.get(&value).copied();
        // What is taken for unplaced would leave the row of a former image behind.
        assert!(answer.is_some(), "vtgate is asked for every value of a batch before it is placed");
        let unmapped = || self.vindex.unplaced(&"vtgate maps its value to no keyspace id");
        answer.flatten().ok_or_else(unmapped)
    }
}
