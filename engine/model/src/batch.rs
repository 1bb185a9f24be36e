//! What travels on the edges of a graph.

use crate::{Gtid, Key, LogOffset, Newest, Row, TableId};

/// What a change takes beside its images, in bytes: itself, its keys, its places in a lane's queue
/// and among a window's effects, and its text in a statement. Many small changes are mostly this.
const CARRIED_BYTES: usize = 256;

/// One row changed by a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A row that was not there before.
    Insert {
        /// Its table.
        table: TableId,
        /// The row.
        after: Row,
    },
    /// A row that became another, perhaps with another key.
    Update {
        /// Its table.
        table: TableId,
        /// The row before.
        before: Row,
        /// The row after.
        after: Row,
    },
    /// A row that is gone.
    Delete {
        /// Its table.
        table: TableId,
        /// The row as it was.
        before: Row,
    },
}

impl Change {
    /// The table.
    #[must_use]
    pub fn table(&self) -> TableId {
        match self {
            Self::Insert { table, .. }
            | Self::Update { table, .. }
            | Self::Delete { table, .. } => *table,
        }
    }

    /// The image before, if there was a row.
    #[must_use]
    pub fn before(&self) -> Option<&Row> {
        match self {
            Self::Insert { .. } => None,
            Self::Update { before, .. } | Self::Delete { before, .. } => Some(before),
        }
    }

    /// The image after, if there is a row.
    #[must_use]
    pub fn after(&self) -> Option<&Row> {
        match self {
            Self::Insert { after, .. } | Self::Update { after, .. } => Some(after),
            Self::Delete { .. } => None,
        }
    }

    /// The images before and after.
    #[must_use]
    pub fn into_images(self) -> (Option<Row>, Option<Row>) {
        match self {
            Self::Insert { after, .. } => (None, Some(after)),
            Self::Update { before, after, .. } => (Some(before), Some(after)),
            Self::Delete { before, .. } => (Some(before), None),
        }
    }

    /// The memory that the change takes on its way, in bytes.
    #[must_use]
    pub fn byte_count(&self) -> usize {
        let image = |row: Option<&Row>| row.map_or(0, Row::byte_count);
        CARRIED_BYTES + image(self.before()) + image(self.after())
    }
}

/// Some or all of a transaction's changes to planned tables, in their order.
///
/// A transaction that touches no planned table is one part without changes: lanes must learn of it,
/// or their positions would never meet the source's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionPart {
    /// The transaction and when it was committed.
    pub transaction: Newest,
    /// The XA PREPARE whose changes this XA COMMIT or XA ROLLBACK decides: it enters positions with
    /// this transaction, never before.
    pub prepared: Option<Gtid>,
    /// The ordinal, in the whole transaction, of the first of `changes`; counts changes of planned
    /// tables only.
    pub first: u64,
    /// The changes.
    pub changes: Vec<Change>,
    /// Whether the transaction ends with this part.
    pub is_last: bool,
}

/// A window: the time from a decision to read a chunk until its rows have met the tail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WindowId(pub u64);

/// A piece of a table's key space. Its bounds never change: a piece that is cut becomes two others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChunkId {
    /// The table.
    pub table: TableId,
    /// Counts the table's pieces from 0, never used twice.
    pub number: u64,
}

/// The rows of one chunk, read from the source under one window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkBatch {
    /// The chunk.
    pub chunk: ChunkId,
    /// The window it was read under.
    pub window: WindowId,
    /// Which reading of it this is, counted by its runner; marks of two readings do not add up.
    pub attempt: u64,
    /// The end of the source's log just after the read view was opened.
    pub high: LogOffset,
    /// How many rows were read: `rows`, and those dropped of them since the log brings them.
    pub row_count: u64,
    /// Keys and rows, in key order.
    pub rows: Vec<(Key, Row)>,
}

/// Consecutive parts of the source's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TailBatch {
    /// Parts of transactions, in log order; empty for a heartbeat.
    pub parts: Vec<TransactionPart>,
    /// The log has been read up to here, whole transactions only.
    pub upto: LogOffset,
    /// When the newest event of the batch was written, in microseconds since 1970 by the source's
    /// clock; for a heartbeat, when it came.
    pub written_micros: u64,
}

/// What an edge between stages carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Batch {
    /// Rows read from the tables.
    Chunk(ChunkBatch),
    /// Changes read from the log.
    Tail(TailBatch),
}
