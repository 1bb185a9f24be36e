//! One run of the engine: the real decisions, between stages that are only queues here.

use std::{collections::VecDeque, sync::Arc};

use whimbrel_model::{Batch, ChunkBatch, Gtid, GtidSet, TailBatch};

use super::{
    Outcome,
    apply::Apply,
    data::tables,
    rules::Realign,
    snapshot::Snapshot,
    tail::Tail,
    target::{LANES_MAX, LaneRow, Stored},
    world::{World, trace},
};
use crate::{
    lane::LaneState,
    merge::{Merge, Merged},
    pieces::Numbers,
    windows::Windows,
};

/// Batches that wait between tail and merge, and between readers and merge.
pub(super) const EDGE_SLOTS: usize = 2;

/// Batches that wait between merge and the lanes.
const APPLY_SLOTS: usize = 6;

/// Whether a run goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Go,
    /// It ended with an error, and is started again.
    Dead,
}

/// What travels with a batch for the sake of broken rules: everything emitted up to each of its
/// transactions.
pub(super) type Facts = Arc<Vec<(Gtid, GtidSet)>>;

/// What travels from the tail to merge.
#[derive(Debug)]
pub(super) enum Message {
    Batch(TailBatch, Facts),
    /// The tail reads the log of this server from here on.
    Moved {
        server: u8,
        gives_up: bool,
    },
}

/// The edges between the stages.
#[derive(Debug, Default)]
pub(super) struct Edges {
    pub(super) tail: VecDeque<Message>,
    pub(super) chunks: VecDeque<ChunkBatch>,
    pub(super) apply: VecDeque<(Batch, Facts)>,
    /// The server whose log merge is given.
    pub(super) server: Option<u8>,
}

#[derive(Debug)]
pub(super) struct Runner {
    /// The lanes as they were before the claim; read then only where a rule is broken.
    early: Vec<LaneRow>,
    running: Option<Running>,
}

/// A runner that has claimed.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) epoch: u64,
    pub(super) windows: Windows,
    merge: Merge<Facts>,
    pub(super) edges: Edges,
    pub(super) tail: Tail,
    pub(super) snapshot: Snapshot,
    pub(super) apply: Apply,
}

impl Runner {
    pub(super) fn new(world: &World) -> Self {
        Self { early: world.target.stored.lanes.clone(), running: None }
    }

    pub(super) fn step(&mut self, world: &mut World, is_zombie: bool) -> Result<Step, Outcome> {
        match &mut self.running {
            Some(running) => running.step(world, is_zombie),
            None => {
                self.running = Running::claim(world, &self.early);
                Ok(Step::Go)
            }
        }
    }

    /// The process is gone: its open transactions roll back.
    pub(super) fn abandon(&self, world: &mut World) {
        if let Some(running) = &self.running {
            for txn in running.apply.open_transactions() {
                world.target.release(txn);
            }
        }
    }

    /// Whether everything is copied and applied.
    pub(super) fn is_finished(&self, world: &World) -> bool {
        self.running.as_ref().is_some_and(|running| running.is_finished(world))
    }
}

impl Running {
    /// Draws an epoch and reads what is stored, in one transaction that waits for all others.
    fn claim(world: &mut World, early: &[LaneRow]) -> Option<Self> {
        let rules = world.rules;
        if rules.lock && world.target.is_any_locked() {
            return None;
        }
        let realign = rules.realign != Realign::Aligned && world.config.has_lane_changes;
        let lane_count = world.rng.between(1, LANES_MAX);
        let drawn = if rules.epochs_drawn_once { world.epochs_drawn } else { 0 };
        world.target.store(|stored| {
            stored.epoch = drawn.max(stored.epoch) + 1;
            if realign {
                realign_lanes(stored, rules.realign, lane_count);
            }
            for lane in &mut stored.lanes {
                lane.epoch = stored.epoch;
                lane.state.sequence += 1;
            }
        });
        let Stored { epoch, lanes, pieces, .. } = &world.target.stored;
        world.epochs_drawn = *epoch;
        let lanes = if rules.read_in_claim { lanes } else { early };
        trace!(world, "claimed epoch {epoch}, lanes {lanes:?}");
        let states: Vec<LaneState> = lanes.iter().map(|lane| lane.state.clone()).collect();
        let held = |state: &LaneState| match rules.seen_begun {
            true => state.touched(),
            false => state.position.clone(),
        };
        let common = |one: GtidSet, two: GtidSet| one.intersection(&two);
        let emitted = states.iter().map(|lane| lane.position.clone()).reduce(common)?;
        let seen = match rules.seen_stored {
            true => states.iter().fold(GtidSet::default(), |all, lane| all.union(&held(lane))),
            false => emitted.clone(),
        };
        let newest = states.iter().filter_map(|lane| lane.newest.clone()).collect();
        let todo = pieces.iter().filter(|piece| !world.target.stored.is_held(piece.id, &rules));
        let numbers = match rules.numbers_used_once {
            true => Numbers::after(pieces, if rules.numbers_by_epoch { *epoch } else { 0 }),
            false => Numbers::default(),
        };
        Some(Self {
            epoch: *epoch,
            windows: Windows::new(seen, world.config.window_bytes),
            merge: Merge::default(),
            edges: Edges::default(),
            tail: Tail::new(emitted, newest, stored_set(&states)),
            snapshot: Snapshot::new(todo.cloned().collect(), numbers),
            apply: Apply::new(world, lanes.first().map_or(0, |lane| lane.generation), states),
        })
    }

    fn step(&mut self, world: &mut World, is_zombie: bool) -> Result<Step, Outcome> {
        let pace = world.config.runner_pace;
        match world.rng.weighted(&pace) {
            0 => {
                let Self { tail, windows, edges, .. } = self;
                tail.step(world, windows, edges, is_zombie)
            }
            1 if is_zombie => Ok(Step::Go),
            1 => Ok(self.step_snapshot(world)),
            2 => {
                self.step_merge(world);
                Ok(Step::Go)
            }
            3 => {
                let Self { apply, edges, .. } = self;
                apply.step_cut(world, edges, self.epoch)
            }
            _ => self.apply.step_lane(world, self.epoch),
        }
    }

    fn step_merge(&mut self, world: &mut World) {
        if self.edges.apply.len() >= APPLY_SLOTS {
            return;
        }
        let takes_chunk = self.edges.tail.is_empty() || world.rng.chance(0.5);
        let merged = if takes_chunk && let Some(chunk) = self.edges.chunks.pop_front() {
            self.merge.chunk(&mut self.windows, chunk, Facts::default()).into_iter().collect()
        } else {
            match self.edges.tail.pop_front() {
                None => return,
                Some(Message::Moved { server, gives_up }) => {
                    self.edges.server = Some(server);
                    if !gives_up {
                        return;
                    }
                    let given_up = self.merge.moved(&mut self.windows);
                    given_up.into_iter().map(Merged::GivenUp).collect()
                }
                Some(Message::Batch(batch, facts)) => {
                    self.merge.tail(&mut self.windows, tables(), batch, facts)
                }
            }
        };
        for merged in merged {
            self.let_go(world, merged);
        }
    }

    fn let_go(&mut self, world: &mut World, merged: Merged<Facts>) {
        match merged {
            Merged::GivenUp(chunk) => {
                world.counts.given_up += 1;
                trace!(world, "gives {chunk:?} up");
                self.snapshot.give_up(chunk);
            }
            Merged::Emit(Batch::Chunk(mut chunk), facts) => {
                self.snapshot.release(&mut chunk);
                trace!(world, "releases {:?} with {} rows", chunk.chunk, chunk.rows.len());
                let place = match world.rules.fifo {
                    true => self.edges.apply.len(),
                    false => world.rng.below(self.edges.apply.len() + 1),
                };
                self.edges.apply.insert(place, (Batch::Chunk(chunk), facts));
            }
            Merged::Emit(batch, facts) => self.edges.apply.push_back((batch, facts)),
        }
    }

    /// Whether nothing but heartbeats is under way.
    fn is_drained(&self) -> bool {
        let Edges { tail, chunks, apply, .. } = &self.edges;
        let is_heartbeat = |batch: &Batch| match batch {
            Batch::Tail(batch) => batch.parts.is_empty(),
            Batch::Chunk(_) => false,
        };
        let is_empty = |message: &Message| match message {
            Message::Batch(batch, _) => batch.parts.is_empty(),
            Message::Moved { .. } => false,
        };
        tail.iter().all(is_empty)
            && apply.iter().all(|(batch, _)| is_heartbeat(batch))
            && chunks.is_empty()
            && self.apply.is_idle()
    }

    fn step_snapshot(&mut self, world: &mut World) -> Step {
        let is_copied = self.snapshot.is_done() && self.is_drained();
        if is_copied && !world.target.stored.are_all_held(&world.rules) {
            // What is stored decides whether everything is copied, not what is remembered.
            return if world.rng.chance(0.2) { Step::Dead } else { Step::Go };
        }
        let backlog = self.edges.apply.len() + self.apply.backlog();
        let Self { snapshot, windows, edges, tail, .. } = self;
        snapshot.step(world, (windows, tail), edges, (self.epoch, backlog))
    }

    fn is_finished(&self, world: &World) -> bool {
        let Stored { epoch, lanes, .. } = &world.target.stored;
        let is_as_stored =
            || *epoch == self.epoch && lanes.iter().map(|lane| &lane.state).eq(self.apply.states());
        self.tail.is_at_end(world)
            && self.snapshot.is_done()
            && self.is_drained()
            && world.target.stored.are_all_held(&world.rules)
            && (!world.rules.sequence || is_as_stored())
    }
}

/// Everything of which at least a part is stored.
fn stored_set(states: &[LaneState]) -> GtidSet {
    states.iter().fold(GtidSet::default(), |all, lane| all.union(&lane.touched()))
}

/// The broken rule: lanes that stand at different positions are replaced all the same.
fn realign_lanes(stored: &mut Stored, how: Realign, lane_count: usize) {
    let positions = stored.lanes.iter().map(|lane| lane.state.position.clone());
    let position = positions.reduce(|one, two| match how {
        Realign::Intersection => one.intersection(&two),
        Realign::Aligned | Realign::Union => one.union(&two),
    });
    let sequence = stored.lanes.iter().map(|lane| lane.state.sequence).max().unwrap_or(0);
    let generation = stored.lanes[0].generation + 1;
    let state =
        LaneState { sequence, position: position.unwrap_or_default(), ..LaneState::default() };
    stored.lanes = vec![LaneRow { epoch: stored.epoch, generation, state }; lane_count];
}
