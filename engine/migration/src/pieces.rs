//! The pieces that a table's key space is cut into, and which of them the target holds.
//!
//! The pieces of a table always cover its whole key space: the first is open below, the last open
//! above, and each begins where one ends. Cutting replaces a piece by two new ones with numbers of
//! their own, so that a mark always speaks of the bounds that it was made for. Nothing here compares
//! keys: the source server does.

use std::collections::{BTreeMap, HashMap};

use whimbrel_model::{ChunkId, Key, TableId};

use crate::lane::Mark;

/// One piece of a table's key space: the keys after `low` up to and including `high`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Its table and number.
    pub id: ChunkId,
    /// The bound below, not included; `None` for the first piece.
    pub low: Option<Key>,
    /// The bound above, included; `None` for the last piece.
    pub high: Option<Key>,
}

/// A piece replaced by two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The piece that is gone.
    pub replaced: ChunkId,
    /// What lies at or below the cut.
    pub lower: Piece,
    /// What lies above it.
    pub upper: Piece,
}

/// The numbers already given to the pieces of each table.
#[derive(Debug, Default)]
pub struct Numbers {
    next: BTreeMap<TableId, u64>,
}

impl Numbers {
    /// The numbers that follow those of `pieces`.
    #[must_use]
    pub fn after<'a>(pieces: impl IntoIterator<Item = &'a Piece>) -> Self {
        let mut numbers = Self::default();
        for piece in pieces {
            let next = numbers.next.entry(piece.id.table).or_default();
            *next = (*next).max(piece.id.number + 1);
        }
        numbers
    }

    /// The piece that is a whole table.
    pub fn whole(&mut self, table: TableId) -> Piece {
        Piece { id: self.take(table), low: None, high: None }
    }

    /// Cuts `piece` at `key`, which lies inside it.
    pub fn cut(&mut self, piece: Piece, key: &Key) -> Cut {
        let Piece { id, low, high } = piece;
        let lower = Piece { id: self.take(id.table), low, high: Some(key.clone()) };
        let upper = Piece { id: self.take(id.table), low: Some(key.clone()), high };
        Cut { replaced: id, lower, upper }
    }

    fn take(&mut self, table: TableId) -> ChunkId {
        let next = self.next.entry(table).or_default();
        let id = ChunkId { table, number: *next };
        *next += 1;
        id
    }
}

/// How many rows of the source the lanes hold of the chunk by a reading that all of them have marked; `None`
/// while there is no such reading. Marks of two readings do not add up: the rows that one of them
/// dropped, the other may have held.
#[must_use]
pub fn rows_held(marks: &[Mark]) -> Option<u64> {
    let mut readings: HashMap<u64, (u32, u64)> = HashMap::new();
    marks.iter().find_map(|mark| {
        let (lanes, rows) = readings.entry(mark.attempt).or_default();
        *lanes += 1;
        *rows += mark.row_count;
        (*lanes == mark.lane_count).then_some(*rows)
    })
}

/// Whether the target holds the chunk.
#[must_use]
pub fn is_held(marks: &[Mark]) -> bool {
    rows_held(marks).is_some()
}
