//! Merge: brings the rows of chunks into the stream of changes at the place where they are true.

use std::collections::VecDeque;

use whimbrel_model::{Batch, ChunkBatch, ChunkId, LogOffset, Table, TailBatch};

use crate::windows::{Verdict, Windows};

/// What merge lets go of, in the order in which it must reach the lanes.
#[derive(Debug)]
pub enum Merged<T> {
    /// A batch for the lanes, with what was carried along with it.
    Emit(Batch, T),
    /// A chunk whose window was given up: it must be read again, in smaller pieces.
    GivenUp(ChunkId),
}

/// The chunks that wait for the tail to pass their `high`. `T` travels with each batch.
#[derive(Debug)]
pub struct Merge<T> {
    upto: Option<LogOffset>,
    waiting: VecDeque<(ChunkBatch, T)>,
}

impl<T> Default for Merge<T> {
    fn default() -> Self {
        Self { upto: None, waiting: VecDeque::new() }
    }
}

impl<T> Merge<T> {
    /// Takes in changes, and lets go of them and of the chunks that they make ready.
    pub fn tail(
        &mut self,
        windows: &mut Windows,
        tables: &[Table],
        batch: TailBatch,
        carried: T,
    ) -> Vec<Merged<T>> {
        for part in &batch.parts {
            windows.note(part, tables);
            self.bound(windows);
        }
        self.upto = Some(batch.upto.clone());
        let mut merged = vec![Merged::Emit(Batch::Tail(batch), carried)];
        let (ready, waiting) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|(chunk, _)| self.is_ready(windows, chunk));
        self.waiting = waiting;
        let ready: VecDeque<(ChunkBatch, T)> = ready;
        merged.extend(ready.into_iter().map(|(chunk, carried)| release(windows, chunk, carried)));
        merged
    }

    /// Takes in a chunk, and lets go of it if the tail has passed its `high`, or if its window is
    /// given up already: its `high` may then be a place in the log of a server that was left, which
    /// the tail would never pass.
    pub fn chunk(
        &mut self,
        windows: &mut Windows,
        chunk: ChunkBatch,
        carried: T,
    ) -> Option<Merged<T>> {
        if self.is_ready(windows, &chunk) {
            return Some(release(windows, chunk, carried));
        }
        self.waiting.push_back((chunk, carried));
        None
    }

    /// How many chunks wait for the tail.
    pub fn waiting_count(&self) -> usize {
        self.waiting.len()
    }

    /// Forgets where the log was and gives up what waits: the tail moved to another server.
    pub fn moved(&mut self, windows: &mut Windows) -> Vec<ChunkId> {
        self.upto = None;
        windows.give_up_all();
        self.waiting.drain(..).map(|(chunk, _)| chunk.chunk).collect()
    }

    /// Keeps the windows within their bound. Of a chunk that waits here only its own keys matter; a
    /// chunk that is still being read is given up.
    fn bound(&self, windows: &mut Windows) {
        for window in windows.overfull() {
            match self.waiting.iter().find(|(chunk, _)| chunk.window == window) {
                Some((chunk, _)) => windows.narrow(window, chunk.rows.iter().map(|(key, _)| key)),
                None => windows.give_up(window),
            }
        }
    }

    fn is_ready(&self, windows: &Windows, chunk: &ChunkBatch) -> bool {
        !windows.is_open(chunk.window) || self.upto.as_ref().is_some_and(|upto| *upto >= chunk.high)
    }
}

fn release<T>(windows: &mut Windows, mut chunk: ChunkBatch, carried: T) -> Merged<T> {
    match windows.close(chunk.window) {
        Verdict::GivenUp => Merged::GivenUp(chunk.chunk),
        Verdict::Keep(noted) => {
            chunk.rows.retain(|(key, _)| !noted.contains(key));
            Merged::Emit(Batch::Chunk(chunk), carried)
        }
    }
}

#[cfg(test)]
mod tests {
    use whimbrel_model::{
        Cell, Change, Column, ColumnType, Generation, GtidSet, IntWidth, Newest, Row, RowBuilder,
        TableId, TransactionPart,
    };

    use super::*;

    #[test]
    fn a_chunk_that_comes_after_its_window_was_given_up_is_read_again() {
        let mut windows = Windows::new(GtidSet::default(), 1_000);
        let mut merge = Merge::default();
        let id = ChunkId { table: TableId(0), number: 0 };
        let window = windows.open(id.table).window;
        let high = "bin.000009:4".parse().unwrap();
        let chunk =
            ChunkBatch { chunk: id, window, attempt: 0, high, row_count: 0, rows: Vec::new() };

        merge.moved(&mut windows);
        let merged = merge.chunk(&mut windows, chunk, ());

        assert!(matches!(merged, Some(Merged::GivenUp(given_up)) if given_up == id));
    }

    fn row(id: i64) -> Row {
        let mut builder = RowBuilder::default();
        builder.push(Cell::Int(id));
        builder.finish()
    }

    fn table() -> Table {
        let id = Column {
            name: "id".to_owned(),
            column_type: ColumnType::Int { width: IntWidth::Int, unsigned: false },
            declaration: "int".to_owned(),
            nullable: false,
            generation: Generation::None,
        };
        Table::new(("shop", "t"), vec![id], ("PRIMARY", &["id"]), false).unwrap()
    }

    /// The rows that are released of a chunk that waits while the rows 5 to 99 change.
    fn released(row_count: i64, keys_max: usize) -> Option<Vec<Row>> {
        let tables = [table()];
        let mut windows =
            Windows::new(GtidSet::default(), row(0).key(&tables[0]).byte_count() * keys_max);
        let mut merge = Merge::default();
        let id = ChunkId { table: TableId(0), number: 0 };
        let window = windows.open(id.table).window;
        let high = "bin.000002:9".parse().unwrap();
        let rows: Vec<_> = (0..row_count).map(|id| (row(id).key(&tables[0]), row(id))).collect();
        let row_count = rows.len() as u64;
        let chunk = ChunkBatch { chunk: id, window, attempt: 0, high, row_count, rows };
        let change = |id| Change::Insert { table: TableId(0), after: row(id) };
        let part = TransactionPart {
            transaction: Newest {
                gtid: "3e11fa47-71ca-11e1-9e33-c80aa9429562:7".parse().unwrap(),
                committed_micros: 0,
            },
            prepared: None,
            first: 0,
            changes: (5..100).map(change).collect(),
            is_last: true,
        };
        let upto = "bin.000002:9".parse().unwrap();
        let tail = TailBatch { parts: vec![part], upto, written_micros: 0 };

        assert!(merge.chunk(&mut windows, chunk, ()).is_none());
        match merge.tail(&mut windows, &tables, tail, ()).pop() {
            Some(Merged::Emit(Batch::Chunk(chunk), ())) => {
                assert_eq!(chunk.row_count, row_count, "dropped rows count as read");
                Some(chunk.rows.into_iter().map(|(_, row)| row).collect())
            }
            _ => None,
        }
    }

    #[test]
    fn a_chunk_that_waits_needs_room_for_its_own_keys_alone() {
        let untouched: Vec<Row> = (0..5).map(row).collect();

        assert_eq!(released(10, 20), Some(untouched.clone()));
        assert_eq!(released(11, 20), None);
        assert_eq!(released(11, 95), Some(untouched));
    }

    #[test]
    fn a_chunk_waits_for_its_high_while_its_window_is_open() {
        let mut windows = Windows::new(GtidSet::default(), 1_000);
        let mut merge = Merge::default();
        let id = ChunkId { table: TableId(0), number: 0 };
        let window = windows.open(id.table).window;
        let high = "bin.000002:9".parse().unwrap();
        let chunk =
            ChunkBatch { chunk: id, window, attempt: 0, high, row_count: 0, rows: Vec::new() };
        let heartbeat = |upto: &str| TailBatch {
            parts: Vec::new(),
            upto: upto.parse().unwrap(),
            written_micros: 0,
        };

        assert!(merge.chunk(&mut windows, chunk, ()).is_none());
        assert_eq!(merge.tail(&mut windows, &[], heartbeat("bin.000002:8"), ()).len(), 1);
        assert_eq!(merge.tail(&mut windows, &[], heartbeat("bin.000002:9"), ()).len(), 2);
    }
}
