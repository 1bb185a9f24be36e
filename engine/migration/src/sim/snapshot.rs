//! The snapshot stage: cuts pieces, reads them under windows, and reads again what was given up.

use std::collections::HashMap;

use whimbrel_model::{ChunkBatch, ChunkId, GtidSet, Key, LogOffset, Row, WindowId};

use super::{
    data::{KEYS, Rows, class_of, key_of},
    rules::High,
    runner::{EDGE_SLOTS, Edges, Step},
    tail::Tail,
    world::{World, trace},
};
use crate::{
    pieces::{Numbers, Piece},
    windows::Windows,
};

/// Chunks that are read at once.
const READERS: usize = 3;

/// Items waiting for the lanes above which no more is read.
const BACKLOG_MAX: usize = 12;

#[derive(Debug)]
pub(super) struct Snapshot {
    todo: Vec<Piece>,
    reads: Vec<Read>,
    /// Chunks that merge has.
    waiting: Vec<Piece>,
    numbers: Numbers,
    /// The rows as read, for the broken rule that keeps them.
    unfiltered: HashMap<WindowId, Vec<(Key, Row)>>,
}

#[derive(Debug)]
struct Read {
    piece: Piece,
    window: WindowId,
    seen: GtidSet,
    /// The connection to the source.
    incarnation: u64,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// For the source to execute `seen`.
    Wait,
    /// The view is not open yet.
    Open,
    /// The view is open, the end of the log not asked for.
    View(Vec<(Key, Row)>),
    Ready(LogOffset, Vec<(Key, Row)>),
}

impl Snapshot {
    pub(super) fn new(todo: Vec<Piece>, numbers: Numbers) -> Self {
        Self { todo, reads: Vec::new(), waiting: Vec::new(), numbers, unfiltered: HashMap::new() }
    }

    /// Whether every chunk has left merge for the lanes.
    pub(super) fn is_done(&self) -> bool {
        self.todo.is_empty() && self.reads.is_empty() && self.waiting.is_empty()
    }

    /// Merge gave a chunk up: it is read again.
    pub(super) fn give_up(&mut self, chunk: ChunkId) {
        if let Some(place) = self.waiting.iter().position(|piece| piece.id == chunk) {
            self.todo.push(self.waiting.swap_remove(place));
        }
    }

    /// Merge let a chunk go.
    pub(super) fn release(&mut self, chunk: &mut ChunkBatch) {
        self.waiting.retain(|piece| piece.id != chunk.chunk);
        if let Some(rows) = self.unfiltered.remove(&chunk.window) {
            chunk.rows = rows;
        }
    }

    pub(super) fn step(
        &mut self,
        world: &mut World,
        (windows, tail): (&mut Windows, &Tail),
        edges: &mut Edges,
        (epoch, backlog): (u64, usize),
    ) -> Step {
        let is_busy = !self.reads.is_empty();
        if is_busy && (self.reads.len() == READERS || world.rng.chance(0.7)) {
            let read = world.rng.below(self.reads.len());
            self.advance(world, read, (windows, tail), (edges, epoch));
            return Step::Go;
        }
        if backlog > BACKLOG_MAX {
            return Step::Go;
        }
        if self.todo.is_empty() {
            self.read_again(world);
        }
        if self.todo.is_empty() {
            return Step::Go;
        }
        let mut piece = self.todo.swap_remove(world.rng.below(self.todo.len()));
        // What is held is cut no more: its marks speak of its bounds.
        if !world.is_held(piece.id)
            && world.rng.chance(world.config.cut_rate)
            && let Some(key) = cut_key(world, &piece)
        {
            if world.rules.epoch && world.shards[0].stored.epoch != epoch {
                return Step::Dead;
            }
            piece = self.cut(world, piece, &key);
        }
        let opened = windows.open(piece.id.table);
        let mut seen = opened.seen;
        if !world.rules.seen_begun {
            let mut begun = GtidSet::default();
            tail.begun().iter().for_each(|gtid| begun.insert(gtid));
            seen = seen.difference(&begun);
        }
        trace!(world, "opens {:?} on {:?}", opened.window, piece.id);
        let incarnation = world.source.incarnation;
        let stage = Stage::Wait;
        self.reads.push(Read { piece, window: opened.window, seen, incarnation, stage });
        Step::Go
    }

    /// Reads a piece that is held once more: a reading may be repeated at any time.
    fn read_again(&mut self, world: &mut World) {
        if world.config.rereads == 0 || !self.waiting.is_empty() {
            return;
        }
        let pieces = &world.shards[0].stored.pieces;
        let piece = pieces[world.rng.below(pieces.len())].clone();
        let is_held = world.is_held(piece.id);
        if is_held && !self.reads.iter().any(|read| read.piece.id == piece.id) {
            world.config.rereads -= 1;
            self.todo.push(piece);
        }
    }

    /// Cuts a piece, stores that, and hands out one of the halves.
    fn cut(&mut self, world: &mut World, piece: Piece, key: &Key) -> Piece {
        let cut = self.numbers.cut(piece, key);
        trace!(world, "cuts {:?} into {:?} and {:?}", cut.replaced, cut.lower.id, cut.upper.id);
        world.shards[0].store(|stored| {
            let written = [cut.lower.id, cut.upper.id, cut.replaced];
            stored.pieces.retain(|piece| !written.contains(&piece.id));
            stored.pieces.extend([cut.lower.clone(), cut.upper.clone()]);
        });
        let (now, later) = match world.rng.chance(0.5) {
            true => (cut.lower, cut.upper),
            false => (cut.upper, cut.lower),
        };
        self.todo.push(later);
        now
    }

    fn advance(
        &mut self,
        world: &mut World,
        index: usize,
        (windows, tail): (&mut Windows, &Tail),
        (edges, epoch): (&mut Edges, u64),
    ) {
        let World { source, rules, .. } = world;
        let server = if rules.server_of_merge { edges.server } else { tail.server() };
        let is_split = server.is_some_and(|server| server != source.server);
        let read = &mut self.reads[index];
        let is_cut = read.incarnation != source.incarnation;
        if is_cut || (is_split && matches!(read.stage, Stage::Open)) {
            drop(windows.close(read.window));
            let read = self.reads.swap_remove(index);
            self.todo.push(read.piece);
            return;
        }
        read.stage = match std::mem::replace(&mut read.stage, Stage::Wait) {
            Stage::Wait => {
                let is_executed = read.seen.is_subset(source.set(source.executed));
                if !rules.wait || is_executed { Stage::Open } else { Stage::Wait }
            }
            Stage::Open => Stage::View(rows_in(&source.views[source.committed], &read.piece)),
            Stage::View(rows) => {
                let high = match rules.high {
                    High::End => source.offset(source.log.len()),
                    High::Executed => source.offset(source.executed),
                    High::None => LogOffset { file: "bin.000000".to_owned(), offset: 0 },
                };
                Stage::Ready(high, rows)
            }
            Stage::Ready(high, rows) if edges.chunks.len() < EDGE_SLOTS => {
                let Read { piece, window, .. } = self.reads.swap_remove(index);
                if !rules.drop_noted {
                    self.unfiltered.insert(window, rows.clone());
                }
                let attempt = (epoch << 32) | window.0;
                let (chunk, row_count) = (piece.id, rows.len() as u64);
                let batch = ChunkBatch { chunk, window, attempt, high, row_count, rows };
                edges.chunks.push_back(batch);
                self.waiting.push(piece);
                return;
            }
            full => full,
        };
    }
}

/// The rows of a view that lie in a piece, as the server compares keys.
fn rows_in(view: &Rows, piece: &Piece) -> Vec<(Key, Row)> {
    let table = piece.id.table.0 as usize;
    let low = piece.low.as_ref().map_or(0, |key| class_of(key) + 1);
    let end = piece.high.as_ref().map_or(KEYS, |key| class_of(key) + 1);
    let images = view[table][low..end.max(low)].iter().flatten();
    images.map(|image| (image.engine_key(table), image.row(table))).collect()
}

/// A key of a row inside the piece, as the source finds it.
fn cut_key(world: &mut World, piece: &Piece) -> Option<Key> {
    let table = piece.id.table.0 as usize;
    let low = piece.low.as_ref().map_or(0, |key| class_of(key) + 1);
    let end = piece.high.as_ref().map_or(KEYS, class_of);
    let view = &world.source.views[world.source.committed];
    let inside: Vec<usize> = (low..end).filter(|key| view[table][*key].is_some()).collect();
    if inside.is_empty() {
        return None;
    }
    let image = view[table][world.rng.pick(&inside)]?;
    Some(key_of(table, image.key, image.is_respelt))
}
