//! What the rows of a source table become: rows of one target table or of several.
//!
//! Tail, windows, chunks and marks speak of source tables; lanes, effects and statements of target
//! tables. In between, each change becomes operations: a table that is moved keeps its rows as they
//! are, without a look at them; for every other target a [`Mapping`] says what a row becomes there.

use std::{collections::BTreeMap, fmt::Debug, sync::Arc};

use thiserror::Error;
use whimbrel_expression::Fault;
use whimbrel_model::{
    Batch, Change, ChunkBatch, ChunkId, Gtid, Key, Newest, Row, Table, TableId, TailBatch,
    TransactionPart,
};
use whimbrel_plan::Span;

use crate::lanes::Operation;

/// The place of a table in the list of tables that a run writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TargetId(pub u32);

/// What a row of a source table becomes in a target table. The same row always becomes the same.
pub trait Mapping: Debug + Send + Sync {
    /// Where the target has the row, if it has it: a change of the row asks what it has to take back.
    fn place(&self, row: &Row) -> Place;

    /// What the target has of the row, which transaction `gtid` wrote, if it is known.
    ///
    /// # Errors
    ///
    /// [`FailedRow`] where the run is to stop at such a row.
    fn map(&self, row: &Row, gtid: Option<&Gtid>) -> Result<Mapped, FailedRow>;
}

/// Where a target has a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Nowhere: it is not among the target's rows.
    Nowhere,
    /// Under this key.
    At(Key),
    /// Under this key of the dead letters: it failed.
    Dead(Key),
}

/// What a target has of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mapped {
    /// Nothing: it is not among the target's rows.
    Nothing,
    /// This row, under its key.
    Row(Key, Row),
    /// This row of the dead letters, under its key there.
    Dead(Key, Row),
}

/// A row on which an expression failed, where the plan says that this stops the run.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{} of `{target}` failed on a row of `{source_table}`: {fault}", what_of(column.as_deref()))]
pub struct FailedRow {
    /// The target.
    pub target: Box<str>,
    /// The source table.
    pub source_table: Box<str>,
    /// The column; `None` for the filter.
    pub column: Option<String>,
    /// What failed.
    pub fault: Fault,
    /// Where it is written: bytes of the plan's text.
    pub at: Span,
    /// The transaction that wrote the row; `None` for one that was copied.
    pub gtid: Option<Box<str>>,
}

fn what_of(column: Option<&str>) -> String {
    column.map_or_else(|| "the filter".to_owned(), |column| format!("the column `{column}`"))
}

/// One target of a source table.
#[derive(Debug, Clone)]
pub enum Feed {
    /// It has the same rows.
    Same(TargetId),
    /// Its rows are made from the source's.
    Mapped {
        /// The target.
        target: TargetId,
        /// The table of dead letters, where rows may become some.
        dead_letters: Option<TargetId>,
        /// What a row becomes.
        mapping: Arc<dyn Mapping>,
    },
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

/// Rows for a target, with their keys there.
pub type Share = (TargetId, Vec<(Key, Row)>);

/// A chunk of a source table, as rows of target tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetChunk {
    /// The chunk.
    pub chunk: ChunkId,
    /// Which reading of it.
    pub attempt: u64,
    /// How many rows of the source it stands for, with those that the log brings.
    pub row_count: u64,
    /// The rows for each target of the source table, also for one that gets none.
    pub shares: Vec<Share>,
}

/// A batch, as it goes into target tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetBatch {
    /// Of a chunk.
    Chunk(TargetChunk),
    /// Of the log: parts of transactions, and when the newest event was written, in microseconds since
    /// 1970 by the source's clock.
    Tail(Vec<TargetPart>, u64),
}

impl Feed {
    /// The target.
    #[must_use]
    pub fn target(&self) -> TargetId {
        match self {
            Self::Same(target) | Self::Mapped { target, .. } => *target,
        }
    }

    /// The tables that it may write.
    fn targets(&self) -> impl Iterator<Item = TargetId> {
        let dead_letters = match self {
            Self::Same(_) => None,
            Self::Mapped { dead_letters, .. } => *dead_letters,
        };
        [self.target()].into_iter().chain(dead_letters)
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

    /// Whether rows of any table are more than copied.
    #[must_use]
    pub fn has_mappings(&self) -> bool {
        let mut feeds = self.feeds.iter().flatten();
        feeds.any(|feed| matches!(feed, Feed::Mapped { .. }))
    }

    /// A batch, as it goes into target tables.
    ///
    /// # Errors
    ///
    /// [`FailedRow`] for the first row that a mapping stops at.
    pub fn batch(&self, batch: Batch) -> Result<TargetBatch, FailedRow> {
        Ok(match batch {
            Batch::Chunk(chunk) => TargetBatch::Chunk(self.chunk(chunk)?),
            Batch::Tail(TailBatch { parts, written_micros, .. }) => {
                let parts = parts.into_iter().map(|part| self.part(part));
                TargetBatch::Tail(parts.collect::<Result<_, _>>()?, written_micros)
            }
        })
    }

    /// The changes of a part, as operations on target tables.
    ///
    /// # Errors
    ///
    /// [`FailedRow`] for the first row that a mapping stops at.
    pub fn part(&self, part: TransactionPart) -> Result<TargetPart, FailedRow> {
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
                            Feed::Mapped { .. } => {
                                mapped(feed, &change, &part.transaction.gtid, &mut give)?;
                            }
                        }
                    }
                }
            }
        }
        Ok(TargetPart {
            transaction: part.transaction,
            prepared: part.prepared,
            next,
            operations,
            is_last: part.is_last,
        })
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
    ///
    /// # Errors
    ///
    /// [`FailedRow`] for the first row that a mapping stops at.
    pub fn chunk(&self, batch: ChunkBatch) -> Result<TargetChunk, FailedRow> {
        let ChunkBatch { chunk, attempt, row_count, rows, .. } = batch;
        let shares = match self.feeds(chunk.table) {
            [Feed::Same(target)] => vec![(*target, rows)],
            feeds => self.shares(feeds, &rows)?,
        };
        Ok(TargetChunk { chunk, attempt, row_count, shares })
    }

    fn shares(&self, feeds: &[Feed], rows: &[(Key, Row)]) -> Result<Vec<Share>, FailedRow> {
        let mut shares: BTreeMap<TargetId, Vec<(Key, Row)>> =
            feeds.iter().flat_map(Feed::targets).map(|target| (target, Vec::new())).collect();
        for feed in feeds {
            let mut give = |target, key, row| shares.entry(target).or_default().push((key, row));
            match feed {
                Feed::Same(target) => {
                    rows.iter().for_each(|(key, row)| give(*target, key.clone(), row.clone()));
                }
                Feed::Mapped { target, dead_letters, mapping } => {
                    for (_, row) in rows {
                        match (mapping.map(row, None)?, dead_letters) {
                            (Mapped::Nothing, _) | (Mapped::Dead(..), None) => {}
                            (Mapped::Row(key, row), _) => give(*target, key, row),
                            (Mapped::Dead(key, row), Some(dead)) => give(*dead, key, row),
                        }
                    }
                }
            }
        }
        Ok(shares.into_iter().collect())
    }
}

/// A row that enters the target is inserted, one that leaves it is deleted, one whose key changes there
/// is both; so it is with dead letters.
fn mapped(
    feed: &Feed,
    change: &Change,
    gtid: &Gtid,
    give: &mut impl FnMut(TargetId, Key, Option<Row>),
) -> Result<(), FailedRow> {
    let Feed::Mapped { target, dead_letters, mapping } = feed else { return Ok(()) };
    let after = match change.after() {
        Some(row) => mapping.map(row, Some(gtid))?,
        None => Mapped::Nothing,
    };
    let before = change.before().map_or(Place::Nowhere, |row| mapping.place(row));
    let is_kept = match (&before, &after) {
        (Place::At(old), Mapped::Row(new, _)) | (Place::Dead(old), Mapped::Dead(new, _)) => {
            old == new
        }
        _ => false,
    };
    match (before, dead_letters) {
        _ if is_kept => {}
        (Place::Nowhere, _) | (Place::Dead(_), None) => {}
        (Place::At(key), _) => give(*target, key, None),
        (Place::Dead(key), Some(dead)) => give(*dead, key, None),
    }
    match (after, dead_letters) {
        (Mapped::Nothing, _) | (Mapped::Dead(..), None) => {}
        (Mapped::Row(key, row), _) => give(*target, key, Some(row)),
        (Mapped::Dead(key, row), Some(dead)) => give(*dead, key, Some(row)),
    }
    Ok(())
}
