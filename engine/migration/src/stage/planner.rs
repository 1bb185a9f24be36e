//! Cuts the tables into chunks that readers can take, and hands out again those given up.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use whimbrel_flow::{Sender, StopLevel};
use whimbrel_model::{ChunkId, Key, Table, TableId};
use whimbrel_mysql::{Session, chunk};

use crate::{
    control::ControlLink,
    error::RunError,
    lanes::keeps_to_one_lane,
    link::{SharedLink, on_link},
    pieces::{Cut, Numbers, Piece},
    shared::{Chunks, Shared},
    stage::snapshot::SnapshotStage,
    told::told_by_the_log,
};

/// The most rows in a chunk: a window that is open for longer notes more keys, and gives more up.
const CHUNK_ROWS_MAX: u64 = 50_000;

/// Halved as often, the largest chunk is a single row.
const HALVINGS_MAX: u32 = 16;

/// How many chunks of a table are cut before they are stored together.
const CUTS_AT_ONCE: usize = 8;

/// The rows of each table, learnt from what was read.
#[derive(Debug, Clone)]
pub(crate) struct RowSizes(Arc<Vec<RowSize>>);

#[derive(Debug, Default)]
struct RowSize {
    average: AtomicU64,
    largest: AtomicU64,
}

impl RowSizes {
    fn new(guesses: &[u64]) -> Self {
        let size = |&bytes: &u64| {
            let bytes = bytes.max(1);
            RowSize { average: bytes.into(), largest: bytes.into() }
        };
        Self(Arc::new(guesses.iter().map(size).collect()))
    }

    /// A chunk had rows of `sizes` bytes; the largest of them.
    pub(crate) fn learn(&self, table: TableId, sizes: impl Iterator<Item = usize>) -> u64 {
        let (mut rows, mut bytes, mut largest) = (0, 0, 0);
        for size in sizes.map(|size| size as u64) {
            rows += 1;
            bytes += size;
            largest = largest.max(size);
        }
        if rows > 0
            && let Some(size) = self.0.get(table.0 as usize)
        {
            size.average.store((bytes / rows).max(1), Ordering::Relaxed);
            size.largest.fetch_max(largest, Ordering::Relaxed);
        }
        largest
    }

    /// The average row of `table`, at least 1.
    fn average(&self, table: TableId) -> u64 {
        self.0.get(table.0 as usize).map_or(1, |size| size.average.load(Ordering::Relaxed)).max(1)
    }

    /// The largest row of `table` that was read.
    pub(crate) fn largest(&self, table: TableId) -> u64 {
        self.0.get(table.0 as usize).map_or(1, |size| size.largest.load(Ordering::Relaxed))
    }
}

/// What bounds the chunks of all tables.
#[derive(Debug, Clone, Copy)]
struct ChunkLimits {
    bytes_max: u64,
    rows_max: u64,
}

impl ChunkLimits {
    /// A chunk of more rows than may be read in a second would hold its window open for as long as
    /// its rows have to wait.
    fn new(bytes_max: u64, rows_per_second: Option<u64>) -> Self {
        let rows_max = rows_per_second.map_or(CHUNK_ROWS_MAX, |rate| rate.min(CHUNK_ROWS_MAX));
        Self { bytes_max, rows_max }
    }

    /// How many rows of `row_bytes` each a chunk has that was halved so often; at least 1.
    fn rows(self, row_bytes: u64, halvings: u32) -> u64 {
        ((self.bytes_max / row_bytes.max(1)).min(self.rows_max) >> halvings).max(1)
    }
}

/// Hands pieces to the readers.
#[derive(Debug)]
pub(crate) struct Planner {
    shared: Arc<Shared>,
    control: ControlLink,
    source: SharedLink,
    feed: Sender<Piece>,
    numbers: Numbers,
    row_sizes: RowSizes,
    limits: ChunkLimits,
    /// Per table the pieces to cut or read, biggest table first when they are taken.
    todo: BTreeMap<TableId, VecDeque<Piece>>,
    /// The pieces at the readers or in merge.
    /// Each with how often its table's chunks had been halved when it was cut.
    open: HashMap<ChunkId, (Piece, u32)>,
    /// How often the chunks of a table are halved, since windows of larger ones were given up.
    halvings: HashMap<TableId, u32>,
}

impl Planner {
    pub(crate) fn new(
        stage: &SnapshotStage,
        pieces: &[Piece],
        todo: Vec<Piece>,
        feed: Sender<Piece>,
    ) -> Self {
        let mut by_table: BTreeMap<TableId, VecDeque<Piece>> = BTreeMap::new();
        for piece in todo {
            by_table.entry(piece.id.table).or_default().push_back(piece);
        }
        Self {
            shared: Arc::clone(&stage.shared),
            control: stage.control.clone(),
            source: Arc::clone(&stage.source_link),
            feed,
            numbers: Numbers::after(pieces, stage.epoch),
            row_sizes: RowSizes::new(&stage.row_bytes),
            limits: ChunkLimits::new(stage.chunk_bytes_max / 2, stage.rows_per_second),
            todo: by_table,
            open: HashMap::new(),
            halvings: HashMap::new(),
        }
    }

    /// What the readers teach.
    pub(crate) fn row_sizes(&self) -> RowSizes {
        self.row_sizes.clone()
    }

    /// Runs until every piece has left merge for the lanes.
    pub(crate) async fn run(mut self) -> Result<(), RunError> {
        let stop = self.shared.stop.clone();
        let mut changes = self.shared.chunk_changes();
        loop {
            if stop.requested().is_some() {
                return Ok(());
            }
            changes.mark_unchanged();
            self.take_back();
            if self.todo.is_empty() {
                if self.open.is_empty() {
                    return Ok(());
                }
                tokio::select! {
                    changed = changes.changed() => {
                        changed.map_err(|_| RunError::Downstream)?;
                    }
                    () = stop.reached(StopLevel::Drain) => {}
                }
                continue;
            }
            for table in self.next() {
                // A server that is away must not hold up the end.
                tokio::select! {
                    handed_out = self.hand_out(table) => handed_out?,
                    () = stop.reached(StopLevel::Drain) => return Ok(()),
                }
            }
        }
    }

    /// Forgets the chunks that have left merge, and takes back those that were given up.
    fn take_back(&mut self) {
        let Chunks { released, given_up } = self.shared.take_chunks();
        for id in released {
            self.open.remove(&id);
        }
        for id in given_up {
            let Some((piece, halvings)) = self.open.remove(&id) else { continue };
            // Once for all that were cut alike: they are given up together when the source moves.
            let smaller = self.halvings(id.table).max((halvings + 1).min(HALVINGS_MAX));
            self.halvings.insert(id.table, smaller);
            self.todo.entry(id.table).or_default().push_front(piece);
        }
    }

    /// The tables whose turn it is: the biggest that all lanes write, so that its indexes are built
    /// while the next one is copied; and all that keep to one lane each, beside it.
    fn next(&self) -> Vec<TableId> {
        let mut has_spread = false;
        let tables = self.todo.keys().copied();
        let is_next = |id: &TableId| {
            let mut feeds = self.shared.transform.feeds(*id).iter();
            let is_spread = feeds
                .any(|feed| !keeps_to_one_lane(&self.shared.targets[feed.target().0 as usize]));
            let is_later = is_spread && has_spread;
            has_spread |= is_spread;
            !is_later
        };
        tables.filter(is_next).collect()
    }

    /// Cuts some chunks off a table's next piece and hands them out.
    async fn hand_out(&mut self, table: TableId) -> Result<(), RunError> {
        let Some(piece) = self.todo.get_mut(&table).and_then(VecDeque::pop_front) else {
            self.todo.remove(&table);
            return Ok(());
        };
        let (ready, rest) = self.cut(piece).await?;
        if let Some(rest) = rest {
            self.todo.entry(table).or_default().push_front(rest);
        }
        for piece in ready {
            let halvings = self.halvings(table);
            self.open.insert(piece.id, (piece.clone(), halvings));
            self.feed.send(piece).await.map_err(|_| RunError::Downstream)?;
        }
        Ok(())
    }

    fn halvings(&self, table: TableId) -> u32 {
        self.halvings.get(&table).copied().unwrap_or(0)
    }

    /// Cuts up to [`CUTS_AT_ONCE`] chunks off a piece: those, and what is left to cut.
    async fn cut(&mut self, piece: Piece) -> Result<(Vec<Piece>, Option<Piece>), RunError> {
        let id = piece.id.table;
        let rows = self.limits.rows(self.row_sizes.average(id), self.halvings(id));
        let tables = Arc::clone(&self.shared.tables);
        let table = &tables[id.0 as usize];
        let mut cuts: Vec<Cut> = Vec::new();
        let mut ready = Vec::new();
        let mut rest = Some(piece);
        let source = Arc::clone(&self.source);
        let mut link = source.lock().await;
        while cuts.len() < CUTS_AT_ONCE {
            let Some(piece) = rest.take() else { break };
            let (low, high) = (piece.low.clone(), piece.high.clone());
            let bounds = (low.as_ref(), high.as_ref());
            let key = match on_link!(link, session => cut(session, table, bounds, rows)) {
                Ok(key) => key,
                Err(error) => {
                    told_by_the_log(&self.shared, &mut link, error).await?;
                    return Ok((Vec::new(), None));
                }
            };
            match key {
                None => ready.push(piece),
                Some(key) => {
                    let cut = self.numbers.cut(piece, &key);
                    ready.push(cut.lower.clone());
                    rest = Some(cut.upper.clone());
                    cuts.push(cut);
                }
            }
        }
        drop(link);
        if !cuts.is_empty() {
            self.control.store_cuts(&cuts).await?;
        }
        Ok((ready, rest))
    }
}

async fn cut(
    session: &mut Session,
    table: &Table,
    (low, high): (Option<&Key>, Option<&Key>),
    rows: u64,
) -> Result<Option<Key>, RunError> {
    Ok(chunk::cut(session, table, low, high, rows).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_has_as_many_rows_as_every_bound_lets() {
        let rows = |bytes_max, rate, row_bytes, halvings| {
            ChunkLimits::new(bytes_max, rate).rows(row_bytes, halvings)
        };

        assert_eq!(rows(4 << 20, None, 1 << 10, 0), 4_096);
        assert_eq!(rows(4 << 20, None, 1, 0), CHUNK_ROWS_MAX);
        assert_eq!(rows(4 << 20, Some(100), 1 << 10, 0), 100);
        assert_eq!(rows(4 << 20, Some(100), 1 << 20, 0), 4);
        assert_eq!(rows(4 << 20, None, 1 << 10, 3), 512);
        assert_eq!(rows(4 << 20, Some(100), 1 << 10, HALVINGS_MAX), 1);
        assert_eq!(rows(4 << 20, None, 1 << 30, 0), 1);
    }
}
