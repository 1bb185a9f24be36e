//! One run of the engine: the real decisions, between stages that are only queues here.

use std::{collections::VecDeque, sync::Arc};

use whimbrel_model::{Batch, ChunkBatch, Gtid, GtidSet, TailBatch};

use super::{
    Outcome,
    apply::Apply,
    claim::Claiming,
    data::tables,
    route::route,
    snapshot::Snapshot,
    tail::Tail,
    target::Stored,
    world::{World, trace},
};
use crate::{
    lane::LaneState,
    merge::{Merge, Merged},
    pieces::Numbers,
    store::{Claim, ClaimedLanes},
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
pub(super) enum Runner {
    Claiming(Claiming),
    Running(Box<Running>),
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
    /// One for each shard.
    pub(super) shards: Vec<Apply>,
}

impl Runner {
    pub(super) fn new(world: &World) -> Self {
        Self::Claiming(Claiming::new(world))
    }

    pub(super) fn step(&mut self, world: &mut World, is_zombie: bool) -> Result<Step, Outcome> {
        match self {
            Self::Running(running) => running.step(world, is_zombie),
            Self::Claiming(claiming) => {
                let step = claiming.step(world);
                if let Some(claim) = claiming.whole(world) {
                    *self = Self::Running(Box::new(Running::new(world, claim)));
                }
                Ok(step)
            }
        }
    }

    /// The process is gone: its open transactions roll back.
    pub(super) fn abandon(&self, world: &mut World) {
        match self {
            Self::Claiming(claiming) => {
                world.counts.torn_claims += u64::from(claiming.is_begun());
            }
            Self::Running(running) => {
                for (target, apply) in world.shards.iter_mut().zip(&running.shards) {
                    apply.open_transactions().into_iter().for_each(|txn| target.release(txn));
                }
            }
        }
    }

    /// Whether everything is copied and applied.
    pub(super) fn is_finished(&self, world: &World) -> bool {
        matches!(self, Self::Running(running) if running.is_finished(world))
    }
}

impl Running {
    /// A runner that goes on from what the lanes of all shards have stored.
    fn new(world: &World, claim: &Claim) -> Self {
        let Claim { epoch, shards } = claim;
        let rules = &world.rules;
        // A broken rule asks home alone.
        let lanes = |are_all_asked: bool| {
            let asked = if are_all_asked { shards.len() } else { 1 };
            shards[..asked].iter().flat_map(|shard| &shard.lanes)
        };
        let held = |state: &LaneState| match rules.seen_begun {
            true => state.touched(),
            false => state.position.clone(),
        };
        let positions = lanes(rules.resumes_from_all_shards).map(|lane| lane.position.clone());
        let common = |one: GtidSet, two: GtidSet| one.intersection(&two);
        let emitted = positions.reduce(common).unwrap_or_default();
        let seen = match rules.seen_stored {
            true => lanes(rules.seen_of_all_shards)
                .fold(GtidSet::default(), |all, lane| all.union(&held(lane))),
            false => emitted.clone(),
        };
        let asked = || lanes(rules.checks_all_shards);
        let newest = asked().filter_map(|lane| lane.newest.clone()).collect();
        // Everything of which at least a part is stored.
        let stored = asked().fold(GtidSet::default(), |all, lane| all.union(&lane.touched()));
        let pieces = &world.shards[0].stored.pieces;
        let todo = pieces.iter().filter(|piece| !world.is_held(piece.id));
        let numbers = match rules.numbers_used_once {
            true => Numbers::after(pieces, if rules.numbers_by_epoch { *epoch } else { 0 }),
            false => Numbers::default(),
        };
        let apply =
            |(shard, claimed): (usize, &ClaimedLanes)| Apply::new(world, shard, claimed.clone());
        Self {
            epoch: *epoch,
            windows: Windows::new(seen, world.config.window_bytes),
            merge: Merge::default(),
            edges: Edges::default(),
            tail: Tail::new(emitted, newest, stored),
            snapshot: Snapshot::new(todo.cloned().collect(), numbers),
            shards: shards.iter().enumerate().map(apply).collect(),
        }
    }

    fn step(&mut self, world: &mut World, is_zombie: bool) -> Result<Step, Outcome> {
        let mut pace = world.config.runner_pace;
        // Each shard has stages of its own.
        pace[3..].iter_mut().for_each(|pace| *pace *= self.shards.len() as f64);
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
                route(world, &mut self.edges, &mut self.shards);
                let shard = world.pick_shard();
                self.shards[shard].step_cut(world, self.epoch)
            }
            _ => {
                let shard = world.pick_shard();
                self.shards[shard].step_lane(world, self.epoch)
            }
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
            && self.shards.iter().all(Apply::is_idle)
    }

    fn step_snapshot(&mut self, world: &mut World) -> Step {
        let is_copied = self.snapshot.is_done() && self.is_drained();
        if is_copied && !world.are_all_held() {
            // What is stored decides whether everything is copied, not what is remembered.
            return if world.rng.chance(0.2) { Step::Dead } else { Step::Go };
        }
        let backlog = self.shards.iter().map(Apply::backlog).max().unwrap_or(0);
        let backlog = self.edges.apply.len() + backlog;
        let Self { snapshot, windows, edges, tail, .. } = self;
        snapshot.step(world, (windows, tail), edges, (self.epoch, backlog))
    }

    fn is_finished(&self, world: &World) -> bool {
        let is_as_stored = |(shard, apply): (usize, &Apply)| {
            let Stored { epoch, lanes, .. } = &world.shards[shard].stored;
            (*epoch == self.epoch || !world.rules.compares_epoch(shard))
                && lanes.iter().map(|lane| &lane.state).eq(apply.states())
        };
        self.tail.is_at_end(world)
            && self.snapshot.is_done()
            && self.is_drained()
            && world.are_all_held()
            && (!world.rules.sequence || self.shards.iter().enumerate().all(is_as_stored))
    }
}
