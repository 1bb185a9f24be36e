//! What the rows of a source table become: rows of one target table or of several.
//!
//! Tail, windows, chunks and marks speak of source tables; lanes, effects and statements of target
//! tables. In between, each change becomes operations: a table that is moved keeps its rows as they
//! are, without a look at them; for every other target a [`Mapping`] says what a row becomes there.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Debug},
    sync::Arc,
};

use thiserror::Error;
use whimbrel_expression::Fault;
use whimbrel_model::{
    Batch, Change, ChunkBatch, ChunkId, Gtid, Key, Newest, Row, Table, TableId, TailBatch,
    TransactionPart,
};
use whimbrel_plan::Span;

use crate::{
    lanes::Operation,
    placing::{At, Places, Placing, UnplacedRow},
};

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

/// A row that is in the way.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TransformError {
    /// An expression failed on it.
    #[error(transparent)]
    Failed(#[from] FailedRow),
    /// No shard may have it.
    #[error(transparent)]
    Unplaced(#[from] Box<StrayRow>),
}

/// A row that no shard may have, and where it was read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{row} ({read} of `{source_table}`)")]
pub struct StrayRow {
    /// The row.
    pub row: UnplacedRow,
    /// The source table.
    pub source_table: Box<str>,
    /// Where it was read.
    pub read: Read,
}

/// Where a row of a source table was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read {
    /// In the table, as this piece of it was copied.
    Piece(ChunkId),
    /// In the log, where this transaction wrote it.
    Transaction(Gtid),
}

impl fmt::Display for Read {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Piece(piece) => write!(f, "found in piece {} of the copy", piece.number),
            Self::Transaction(gtid) => write!(f, "written by transaction {gtid}, as a row"),
        }
    }
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

/// What the rows of every source table become, and on which shard.
#[derive(Debug, Clone)]
pub struct Transform {
    tables: Arc<[Table]>,
    /// By source table.
    feeds: Arc<[Vec<Feed>]>,
    placing: Placing,
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
    /// What the rows of `tables`, the source tables, become: `feeds` says so for each of them, and
    /// `placing` where rows of the target tables are.
    #[must_use]
    pub fn new(tables: Arc<[Table]>, feeds: Vec<Vec<Feed>>, placing: Placing) -> Self {
        Self { tables, feeds: feeds.into(), placing }
    }

    /// The same, with the rows of a target each where `places` says.
    pub(crate) fn with_places(self, target: TargetId, places: Arc<dyn Places>) -> Self {
        Self { placing: self.placing.with_places(target, places), ..self }
    }

    /// Shows the rows of a batch, before and after changes, to `see` with the targets that have them as they are.
    pub(crate) fn moved_rows(&self, batch: &Batch, mut see: impl FnMut(TargetId, &Row)) {
        let mut show = |table, row: &Row| {
            for feed in self.feeds(table) {
                if let Feed::Same(target) = feed {
                    see(*target, row);
                }
            }
        };
        match batch {
            Batch::Chunk(chunk) => {
                chunk.rows.iter().for_each(|(_, row)| show(chunk.chunk.table, row));
            }
            Batch::Tail(tail) => {
                for change in tail.parts.iter().flat_map(|part| &part.changes) {
                    let images = [change.before(), change.after()];
                    images.into_iter().flatten().for_each(|row| show(change.table(), row));
                }
            }
        }
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

    /// A batch, as it goes into target tables: one for each shard. Every shard gets each part and each
    /// chunk, with or without rows: its position and its marks speak of them.
    ///
    /// # Errors
    ///
    /// [`TransformError`] for the first row that a mapping stops at, or that no shard may have.
    pub fn batch(&self, batch: Batch) -> Result<Vec<TargetBatch>, TransformError> {
        Ok(match batch {
            Batch::Chunk(chunk) => self.chunk(chunk)?.into_iter().map(TargetBatch::Chunk).collect(),
            Batch::Tail(TailBatch { parts, written_micros, .. }) => {
                let mut of_shards = self.placing.for_each_shard(|| Vec::with_capacity(parts.len()));
                for part in parts {
                    for (parts, part) in of_shards.iter_mut().zip(self.part(part)?) {
                        parts.push(part);
                    }
                }
                of_shards
                    .into_iter()
                    .map(|parts| TargetBatch::Tail(parts, written_micros))
                    .collect()
            }
        })
    }

    /// The changes of a part, as operations on the target tables of each shard.
    ///
    /// # Errors
    ///
    /// [`TransformError`] for the first row that a mapping stops at, or that no shard may have.
    pub fn part(&self, part: TransactionPart) -> Result<Vec<TargetPart>, TransformError> {
        let TransactionPart { transaction, prepared, first, changes, is_last } = part;
        let next = first + changes.len() as u64;
        let mut of_shards = self.placing.for_each_shard(|| Vec::with_capacity(changes.len()));
        for (ordinal, change) in (first..).zip(changes) {
            let mut give = |at: At, table, key, image| {
                let operation = Operation { table, key, image };
                self.placing.give(at, &mut of_shards, (ordinal, operation));
            };
            let table = change.table();
            let stray = |row| self.stray(row, table, Read::Transaction(transaction.gtid.clone()));
            match self.feeds(table) {
                [Feed::Same(target)] => self.same(*target, change, &mut give).map_err(stray)?,
                feeds => {
                    for feed in feeds {
                        match feed {
                            Feed::Same(target) => {
                                self.same(*target, change.clone(), &mut give).map_err(stray)?;
                            }
                            Feed::Mapped { .. } => {
                                self.mapped(feed, &change, &transaction.gtid, &mut give)?;
                            }
                        }
                    }
                }
            }
        }
        let part = |operations| TargetPart {
            transaction: transaction.clone(),
            prepared: prepared.clone(),
            next,
            operations,
            is_last,
        };
        Ok(of_shards.into_iter().map(part).collect())
    }

    fn same(
        &self,
        target: TargetId,
        change: Change,
        give: &mut impl FnMut(At, TargetId, Key, Option<Row>),
    ) -> Result<(), UnplacedRow> {
        let table = &self.tables[change.table().0 as usize];
        let (before, after) = change.into_images();
        let new = match &after {
            Some(row) => Some((self.placing.of_row(target, row)?, row.key(table))),
            None => None,
        };
        // A row that no shard may have was never written.
        let old =
            before.and_then(|row| Some((self.placing.of_row(target, &row).ok()?, row.key(table))));
        if let Some((at, key)) = old.filter(|old| Some(old) != new.as_ref()) {
            give(at, target, key, None);
        }
        if let Some((at, key)) = new {
            give(at, target, key, after);
        }
        Ok(())
    }

    /// A row that enters the target is inserted, one that leaves it is deleted, one whose key or shard
    /// changes there is both; so it is with dead letters.
    fn mapped(
        &self,
        feed: &Feed,
        change: &Change,
        gtid: &Gtid,
        give: &mut impl FnMut(At, TargetId, Key, Option<Row>),
    ) -> Result<(), TransformError> {
        let Feed::Mapped { target, dead_letters, mapping } = feed else { return Ok(()) };
        let new = match change.after() {
            Some(row) => self
                .placed((*target, *dead_letters), mapping.map(row, Some(gtid))?)
                .map_err(|row| self.stray(row, change.table(), Read::Transaction(gtid.clone())))?,
            None => None,
        };
        let old = match change.before() {
            Some(row) => self.place((*target, *dead_letters), mapping.as_ref(), row),
            None => None,
        };
        let is_kept = match (&old, &new) {
            (Some(old), Some((at, table, key, _))) => *old == (*at, *table, key.clone()),
            _ => false,
        };
        if let Some((at, table, key)) = old.filter(|_| !is_kept) {
            give(at, table, key, None);
        }
        if let Some((at, table, key, row)) = new {
            give(at, table, key, Some(row));
        }
        Ok(())
    }

    /// Where the target has a row of the source, if it has it.
    fn place(
        &self,
        (target, dead_letters): (TargetId, Option<TargetId>),
        mapping: &dyn Mapping,
        row: &Row,
    ) -> Option<(At, TargetId, Key)> {
        let Some(at) = self.placing.of_all_rows(target) else {
            // A row that fails where that stops the run was never written, nor one that no shard may have.
            let mapped = mapping.map(row, None).ok()?;
            let placed = self.placed((target, dead_letters), mapped).ok()?;
            return placed.map(|(at, table, key, _)| (at, table, key));
        };
        match mapping.place(row) {
            Place::Nowhere => None,
            Place::At(key) => Some((at, target, key)),
            Place::Dead(key) => dead_letters.map(|dead| (At::HOME, dead, key)),
        }
    }

    /// Where what a row became belongs.
    fn placed(
        &self,
        (target, dead_letters): (TargetId, Option<TargetId>),
        mapped: Mapped,
    ) -> Result<Option<(At, TargetId, Key, Row)>, UnplacedRow> {
        Ok(match mapped {
            Mapped::Nothing => None,
            Mapped::Row(key, row) => Some((self.placing.of_row(target, &row)?, target, key, row)),
            Mapped::Dead(key, row) => dead_letters.map(|dead| (At::HOME, dead, key, row)),
        })
    }

    /// A row of the source table `table` that no shard may have.
    fn stray(&self, row: UnplacedRow, table: TableId, read: Read) -> Box<StrayRow> {
        let source_table = self.tables[table.0 as usize].name().into();
        Box::new(StrayRow { row, source_table, read })
    }

    /// The rows of a chunk, as rows of target tables of each shard.
    ///
    /// # Errors
    ///
    /// [`TransformError`] for the first row that a mapping stops at, or that no shard may have.
    pub fn chunk(&self, batch: ChunkBatch) -> Result<Vec<TargetChunk>, TransformError> {
        let ChunkBatch { chunk, attempt, row_count, rows, .. } = batch;
        let stray = |row| self.stray(row, chunk.table, Read::Piece(chunk));
        let of_shards = match self.feeds(chunk.table) {
            [Feed::Same(target)] => self.same_rows(*target, rows).map_err(stray)?,
            feeds => self.shares(feeds, &rows, stray)?,
        };
        let chunk = |(shard, shares)| TargetChunk {
            chunk,
            attempt,
            // Counted once: what all shards hold of it adds up.
            row_count: if shard == 0 { row_count } else { 0 },
            shares,
        };
        Ok(of_shards.into_iter().enumerate().map(chunk).collect())
    }

    /// Of each shard, the rows of the only target.
    fn same_rows(
        &self,
        target: TargetId,
        rows: Vec<(Key, Row)>,
    ) -> Result<Vec<Vec<Share>>, UnplacedRow> {
        let mut of_shards = self.placing.for_each_shard(Vec::new);
        if let (Some(At::HOME), [home]) = (self.placing.of_all_rows(target), &mut *of_shards) {
            *home = rows;
        } else {
            for (key, row) in rows {
                let at = self.placing.of_row(target, &row)?;
                self.placing.give(at, &mut of_shards, (key, row));
            }
        }
        Ok(of_shards.into_iter().map(|rows| vec![(target, rows)]).collect())
    }

    /// Of each shard, the rows of each target.
    fn shares(
        &self,
        feeds: &[Feed],
        rows: &[(Key, Row)],
        stray: impl Fn(UnplacedRow) -> Box<StrayRow>,
    ) -> Result<Vec<Vec<Share>>, TransformError> {
        let targets: BTreeSet<TargetId> = feeds.iter().flat_map(Feed::targets).collect();
        let mut shares: BTreeMap<TargetId, Vec<Vec<(Key, Row)>>> = targets
            .into_iter()
            .map(|target| (target, self.placing.for_each_shard(Vec::new)))
            .collect();
        let mut give = |at: At, target, key: Key, row: Row| {
            let of_shards =
                shares.entry(target).or_insert_with(|| self.placing.for_each_shard(Vec::new));
            self.placing.give(at, of_shards, (key, row));
        };
        for feed in feeds {
            match feed {
                Feed::Same(target) => {
                    for (key, row) in rows {
                        let at = self.placing.of_row(*target, row).map_err(&stray)?;
                        give(at, *target, key.clone(), row.clone());
                    }
                }
                Feed::Mapped { target, dead_letters, mapping } => {
                    for (_, row) in rows {
                        let mapped = mapping.map(row, None)?;
                        let placed =
                            self.placed((*target, *dead_letters), mapped).map_err(&stray)?;
                        if let Some((at, target, key, row)) = placed {
                            give(at, target, key, row);
                        }
                    }
                }
            }
        }
        let mut of_shards = self.placing.for_each_shard(Vec::new);
        for (target, rows) in shares {
            for (shares, rows) in of_shards.iter_mut().zip(rows) {
                shares.push((target, rows));
            }
        }
        Ok(of_shards)
    }
}
