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

/// As many pieces as a runner may cut a table into before its numbers reach those that a runner of the
/// next second would begin with: they begin where its epoch, which grows with time, says.
const NUMBERS_PER_EPOCH: u64 = 1 << 24;

/// The numbers already given to the pieces of each table.
#[derive(Debug, Default)]
pub struct Numbers {
    first: u64,
    next: BTreeMap<TableId, u64>,
}

impl Numbers {
    /// Numbers that follow those of `pieces`, and those that any runner before that of `epoch` gave: a
    /// target that lost the commit of a cut knows them no more, while marks on other shards may speak of
    /// them.
    #[must_use]
    pub fn after<'a>(pieces: impl IntoIterator<Item = &'a Piece>, epoch: u64) -> Self {
        let first = epoch.saturating_mul(NUMBERS_PER_EPOCH);
        let mut numbers = Self { first, next: BTreeMap::new() };
        for piece in pieces {
            let next = numbers.next.entry(piece.id.table).or_insert(first);
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
        let next = self.next.entry(table).or_insert(self.first);
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

/// The marks of one shard, by chunk.
pub type Marks = BTreeMap<ChunkId, Vec<Mark>>;

/// How many rows of the source all shards together hold of the chunk; `None` while one of them does not
/// hold it. Unlike lanes, shards may hold it by different readings: what a reading dropped, and what
/// changed since, the log brings to whichever shard has the row then, and a row that leaves a shard is
/// deleted there.
#[must_use]
pub fn rows_held_by_all<'a>(
    shards: impl IntoIterator<Item = &'a Marks>,
    chunk: ChunkId,
) -> Option<u64> {
    shards.into_iter().map(|marks| rows_held(marks.get(&chunk)?)).sum()
}
