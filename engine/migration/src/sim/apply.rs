//! The apply stage of a shard: cuts batches into lanes and changes the number of lanes.

use std::collections::VecDeque;

use super::{
    Outcome,
    lane::LaneWorker,
    mixed::rolled_up,
    runner::{Facts, Step},
    target::{LANES_MAX, LaneRow, Txn, Work},
    world::{World, trace},
};
use crate::{
    lane::{LaneItem, LaneState, aligned},
    lanes::Cutter,
    store::ClaimedLanes,
    transform::TargetBatch,
};

/// Items that may wait for a lane.
const LANE_SLOTS: usize = 8;

/// Batches that may wait for a shard.
const ROUTED_SLOTS: usize = 4;

#[derive(Debug)]
pub(super) struct Apply {
    shard: usize,
    inlet: VecDeque<(TargetBatch, Facts)>,
    generation: u64,
    cutter: Cutter,
    lanes: Vec<LaneWorker>,
    changing: Option<Change>,
    /// Whether the last part handed out left its transaction open.
    is_inside_transaction: bool,
}

/// A change of the number of lanes.
#[derive(Debug)]
struct Change {
    lane_count: usize,
    /// The transaction under way, the target it was opened on, and the lanes' state after it.
    open: Option<(Txn, u64)>,
}

impl Apply {
    pub(super) fn new(world: &World, shard: usize, claimed: ClaimedLanes) -> Self {
        let ClaimedLanes { generation, lanes: states } = claimed;
        let lane_count = u32::try_from(states.len()).unwrap();
        Self {
            shard,
            inlet: VecDeque::new(),
            generation,
            cutter: Cutter::new(&world.lane_tables, rolled_up(), lane_count),
            lanes: states
                .into_iter()
                .enumerate()
                .map(|(lane, state)| LaneWorker::new((shard, lane), state))
                .collect(),
            changing: None,
            is_inside_transaction: false,
        }
    }

    /// Whether one more batch may wait; without a stage that routes, none does.
    pub(super) fn has_room(&self, shard_count: usize) -> bool {
        self.inlet.len() < if shard_count == 1 { 1 } else { ROUTED_SLOTS }
    }

    pub(super) fn push(&mut self, batch: TargetBatch, facts: Facts) {
        self.inlet.push_back((batch, facts));
    }

    /// Items that wait for the lanes.
    pub(super) fn backlog(&self) -> usize {
        self.inlet.len() + self.lanes.iter().map(LaneWorker::backlog).sum::<usize>()
    }

    pub(super) fn is_idle(&self) -> bool {
        let is_heartbeat = |(batch, _): &(TargetBatch, Facts)| match batch {
            TargetBatch::Tail(parts, _) => parts.is_empty(),
            TargetBatch::Chunk(_) => false,
        };
        self.changing.is_none()
            && self.lanes.iter().all(LaneWorker::is_idle)
            && self.inlet.iter().all(is_heartbeat)
    }

    pub(super) fn states(&self) -> impl Iterator<Item = &LaneState> {
        self.lanes.iter().map(LaneWorker::state)
    }

    pub(super) fn open_transactions(&self) -> Vec<u64> {
        let change = self.changing.iter().filter_map(|change| change.open.as_ref());
        let change = change.map(|(txn, _)| txn.id);
        self.lanes.iter().filter_map(LaneWorker::open_transaction).chain(change).collect()
    }

    pub(super) fn step_lane(&mut self, world: &mut World, epoch: u64) -> Result<Step, Outcome> {
        let lane = world.rng.below(self.lanes.len());
        let is_steady = self.lanes.len() == 1;
        if self.changing.is_some() && self.lanes[lane].is_idle() {
            return Ok(Step::Go);
        }
        self.lanes[lane].step(world, (epoch, self.generation), is_steady)
    }

    /// Hands a batch to the lanes, or goes on changing their number.
    pub(super) fn step_cut(&mut self, world: &mut World, epoch: u64) -> Result<Step, Outcome> {
        if let Some(change) = self.changing.take() {
            return self.step_change(world, change, epoch);
        }
        if world.config.has_lane_changes
            && world.config.lane_changes > 0
            && !self.is_inside_transaction
            && world.rng.chance(world.config.lane_change_rate)
        {
            world.config.lane_changes -= 1;
            let lane_count = world.rng.between(1, LANES_MAX);
            self.changing = Some(Change { lane_count, open: None });
            return Ok(Step::Go);
        }
        if self.lanes.iter().all(|lane| lane.backlog() < LANE_SLOTS)
            && let Some((batch, facts)) = self.inlet.pop_front()
        {
            self.give(world, batch, &facts);
        }
        Ok(Step::Go)
    }

    fn give(&mut self, world: &World, batch: TargetBatch, facts: &Facts) {
        match batch {
            TargetBatch::Chunk(chunk) => {
                for (lane, mut share) in self.cutter.chunk(&world.lane_tables, chunk) {
                    if !world.rules.marks_of_all_lanes {
                        share.lane_count = 1;
                    }
                    self.lanes[lane as usize].push(LaneItem::Chunk(share), facts);
                }
            }
            TargetBatch::Tail(parts, _) => {
                for part in parts {
                    self.is_inside_transaction = !part.is_last;
                    let shares = self.cutter.part(&world.lane_tables, part);
                    for (lane, share) in self.lanes.iter_mut().zip(shares) {
                        lane.push(LaneItem::Part(share), facts);
                    }
                }
            }
        }
    }

    /// Lets the lanes run empty, then replaces all their rows in one transaction.
    fn step_change(
        &mut self,
        world: &mut World,
        change: Change,
        epoch: u64,
    ) -> Result<Step, Outcome> {
        if let Some((txn, incarnation)) = change.open {
            self.changing = Some(Change { open: None, ..change });
            if incarnation != world.shards[self.shard].incarnation {
                return Ok(Step::Go);
            }
            // Whether it is known to be committed or not, the next look at the rows tells.
            end_transaction(world, self.shard, txn)?;
            return Ok(Step::Go);
        }
        let states: Vec<LaneState> = self.states().cloned().collect();
        if !self.lanes.iter().all(LaneWorker::is_idle) {
            self.changing = Some(change);
            return Ok(Step::Go);
        }
        let state = match aligned(&states) {
            Some(state) => state,
            None if world.rules.fresh_lanes => return Ok(Step::Go),
            None => states[0].clone(),
        };
        self.replace_lanes(world, change, (epoch, state))
    }

    /// What the store does: proves epoch and sequences under the rows' locks, then replaces them.
    fn replace_lanes(
        &mut self,
        world: &mut World,
        change: Change,
        (epoch, state): (u64, LaneState),
    ) -> Result<Step, Outcome> {
        let rules = world.rules;
        let target = &mut world.shards[self.shard];
        if rules.lock && target.is_any_locked() {
            self.changing = Some(change);
            return Ok(Step::Go);
        }
        let stored = &target.stored;
        let is_epoch_compared = rules.compares_epoch(self.shard);
        if is_epoch_compared && stored.epoch != epoch {
            world.counts.fenced += 1;
            return Ok(Step::Dead);
        }
        let generation = self.generation + 1;
        if stored.lanes.iter().all(|lane| lane.generation == generation) {
            trace!(world, "{} lanes", change.lane_count);
            world.counts.lane_changes += 1;
            let lanes = stored.lanes.iter().map(|lane| lane.state.clone()).collect();
            let inlet = std::mem::take(&mut self.inlet);
            *self =
                Self { inlet, ..Self::new(world, self.shard, ClaimedLanes { generation, lanes }) };
            return Ok(if rules.fresh_lanes { Step::Go } else { Step::Dead });
        }
        let sequence = |state: &LaneState| if rules.sequence { state.sequence } else { 0 };
        let is_as_believed =
            stored.lanes.iter().map(|lane| sequence(&lane.state)).eq(self.states().map(sequence));
        if !is_as_believed
            || stored.lanes.iter().any(|lane| is_epoch_compared && lane.epoch != epoch)
        {
            trace!(world, "lanes differ: {:?}", stored.lanes);
            world.counts.diverged += 1;
            return Ok(Step::Dead);
        }
        let row = LaneRow { epoch, generation, state };
        let (lanes, retired) = if rules.fresh_lanes {
            (vec![row; change.lane_count], Vec::new())
        } else {
            // The broken rule: rows of lanes that were there once are taken as they are.
            let mut rows = stored.lanes.clone();
            rows.extend(stored.retired.iter().skip(rows.len()).cloned());
            let retired = rows.clone();
            rows.resize(change.lane_count.max(rows.len()), row);
            rows.truncate(change.lane_count);
            rows.iter_mut().for_each(|lane| (lane.epoch, lane.generation) = (epoch, generation));
            (rows, retired)
        };
        let txn = target.open(Work::Lanes { lanes, retired }, &rules);
        let open = Some((txn, target.incarnation));
        self.changing = Some(Change { open, ..change });
        Ok(Step::Go)
    }
}

/// Commits; sometimes the answer is lost, and then it happened, or did not, or happens later.
/// Whether it is known to be committed.
pub(super) fn end_transaction(world: &mut World, shard: usize, txn: Txn) -> Result<bool, Outcome> {
    if !world.config.has_uncertain || !world.rng.chance(0.12) {
        world.commit(shard, txn)?;
        return Ok(true);
    }
    world.counts.uncertain_commits += 1;
    trace!(world, "no answer to the commit of {}", txn.id);
    match world.rng.below(10) {
        0..3 => world.commit(shard, txn)?,
        3..5 => world.shards[shard].release(txn.id),
        _ => world.shards[shard].orphans.push(txn),
    }
    Ok(false)
}
