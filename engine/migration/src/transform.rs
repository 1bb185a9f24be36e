//! What the rows of a source table become: rows of one target table or of several.
//!
//! Tail, windows, chunks and marks speak of source tables; lanes, effects and statements of target
//! tables. In between, each change becomes operations: a table that is moved keeps its rows as they
//! are, without a look at them; for every other target a [`Mapping`] says what a row becomes there.

use std::{fmt::Debug, sync::Arc};

use whimbrel_model::{
    Change, ChunkBatch, ChunkId, Gtid, Key, Newest, Row, Table, TableId, TransactionPart,
};

use crate::lanes::Operation;

/// The place of a table in the list of tables that a run writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TargetId(pub u32);

/// What a row of a source table becomes in a target table. The same row always becomes the same.
pub trait Mapping: Debug + Send + Sync {
    /// The key under which the target has the row, if it has it. A change of the row asks what it
    /// has to take back.
    fn key(&self, row: &Row) -> Option<Key>;

    /// The row in the target, with its key there; `None` if it is not among the target's rows.
    fn row(&self, row: &Row) -> Option<(Key, Row)>;
}

/// One target of a source table.
#[derive(Debug, Clone)]
pub enum Feed {
    /// It has the same rows.
    Same(TargetId),
    /// Its rows are made from the source's.
    Mapped(TargetId, Arc<dyn Mapping>),
}

/// What the rows of every source table become.
#[derive(Debug, Clone)]
pub struct Transform {
    tables: Arc<[Table]>,
    /// By source table.
    feeds: Vec<Vec<Feed>>,
}

/// A part of a transaction, as changes of target tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetPart {
    /// The transaction.
    pub transaction: Newest,
    /// The XA PREPARE that it decides.
    pub prepared: Option<Gtid>,
    /// The ordinal of the first change of source tables after this part.
    pub next: u64,
    /// Operations, each with the ordinal of the change of a source table that it is of.
    pub operations: Vec<(u64, Operation)>,
    /// Whether the transaction ends here.
    pub is_last: bool,
}

/// A chunk of a source table, as rows of target tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetChunk {
    /// The chunk.
    pub chunk: ChunkId,
    /// Which reading of it.
    pub attempt: u64,
    /// How many rows of the source it stands for.
    pub row_count: u64,
    /// The rows for each target of the source table, also for one that gets none.
    pub shares: Vec<(TargetId, Vec<(Key, Row)>)>,
}

impl Feed {
    /// The target.
    #[must_use]
    pub fn target(&self) -> TargetId {
        match self {
            Self::Same(target) | Self::Mapped(target, _) => *target,
        }
    }
}

impl Transform {
    /// What the rows of `tables`, the source tables, become: `feeds` says so for each of them.
    #[must_use]
    pub fn new(tables: Arc<[Table]>, feeds: Vec<Vec<Feed>>) -> Self {
        Self { tables, feeds }
    }

    /// The targets of a source table.
    #[must_use]
    pub fn feeds(&self, table: TableId) -> &[Feed] {
        self.feeds.get(table.0 as usize).map_or(&[], Vec::as_slice)
    }

    /// The changes of a part, as operations on target tables.
    #[must_use]
    pub fn part(&self, part: TransactionPart) -> TargetPart {
        let next = part.first + part.changes.len() as u64;
        let mut operations = Vec::with_capacity(part.changes.len());
        for (ordinal, change) in (part.first..).zip(part.changes) {
            let mut give = |table, key, image| {
                operations.push((ordinal, Operation { table, key, image }));
            };
            match self.feeds(change.table()) {
                [Feed::Same(target)] => self.same(*target, change, &mut give),
                feeds => {
                    for feed in feeds {
                        match feed {
                            Feed::Same(target) => self.same(*target, change.clone(), &mut give),
                            Feed::Mapped(target, mapping) => {
                                mapped(*target, mapping.as_ref(), &change, &mut give);
                            }
                        }
                    }
                }
            }
        }
        TargetPart {
            transaction: part.transaction,
            prepared: part.prepared,
            next,
            operations,
            is_last: part.is_last,
        }
    }

    fn same(
        &self,
        target: TargetId,
        change: Change,
        give: &mut impl FnMut(TargetId, Key, Option<Row>),
    ) {
        let table = &self.tables[change.table().0 as usize];
        let (before, after) = change.into_images();
        let new_key = after.as_ref().map(|row| row.key(table));
        let old_key = before.map(|row| row.key(table)).filter(|key| Some(key) != new_key.as_ref());
        if let Some(key) = old_key {
            give(target, key, None);
        }
        if let Some(key) = new_key {
            give(target, key, after);
        }
    }

    /// The rows of a chunk, as rows of target tables.
    #[must_use]
    pub fn chunk(&self, batch: ChunkBatch) -> TargetChunk {
        let ChunkBatch { chunk, attempt, rows, .. } = batch;
        let row_count = rows.len() as u64;
        let shares = match self.feeds(chunk.table) {
            [Feed::Same(target)] => vec![(*target, rows)],
            feeds => feeds.iter().map(|feed| (feed.target(), rows_for(feed, &rows))).collect(),
        };
        TargetChunk { chunk, attempt, row_count, shares }
    }
}

/// A row that enters the target is inserted, one that leaves it is deleted, one whose key changes there
/// is both.
fn mapped(
    target: TargetId,
    mapping: &dyn Mapping,
    change: &Change,
    give: &mut impl FnMut(TargetId, Key, Option<Row>),
) {
    let after = change.after().and_then(|row| mapping.row(row));
    let old_key = change.before().and_then(|row| mapping.key(row));
    let new_key = after.as_ref().map(|(key, _)| key);
    if let Some(key) = old_key.filter(|key| Some(key) != new_key) {
        give(target, key, None);
    }
    if let Some((key, row)) = after {
        give(target, key, Some(row));
    }
}

fn rows_for(feed: &Feed, rows: &[(Key, Row)]) -> Vec<(Key, Row)> {
    match feed {
        Feed::Same(_) => rows.to_vec(),
        Feed::Mapped(_, mapping) => rows.iter().filter_map(|(_, row)| mapping.row(row)).collect(),
    }
}
