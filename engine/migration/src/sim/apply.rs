//! The apply stage: cuts batches into lanes and changes the number of lanes.

use whimbrel_model::Batch;

use super::{
    Outcome,
    lane::LaneWorker,
    mixed::{MIXED, rolled_up, target_id, transform},
    runner::{Edges, Facts, Step},
    target::{LANES_MAX, LaneRow, Txn, Work},
    world::{World, trace},
};
use crate::{
    lane::{LaneItem, LaneState, aligned},
    lanes::{Cutter, Operation},
    transform::TargetPart,
};

/// Items that may wait for a lane.
const LANE_SLOTS: usize = 8;

#[derive(Debug)]
pub(super) struct Apply {
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
    pub(super) fn new(world: &World, generation: u64, states: Vec<LaneState>) -> Self {
        let lane_count = u32::try_from(states.len()).unwrap();
        Self {
            generation,
            cutter: Cutter::new(&world.lane_tables, rolled_up(), lane_count),
            lanes: states
                .into_iter()
                .enumerate()
                .map(|(lane, state)| LaneWorker::new(lane, state))
                .collect(),
            changing: None,
            is_inside_transaction: false,
        }
    }

    /// Items that wait for the lanes.
    pub(super) fn backlog(&self) -> usize {
        self.lanes.iter().map(LaneWorker::backlog).sum()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.changing.is_none() && self.lanes.iter().all(LaneWorker::is_idle)
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
    pub(super) fn step_cut(
        &mut self,
        world: &mut World,
        edges: &mut Edges,
        epoch: u64,
    ) -> Result<Step, Outcome> {
        if let Some(change) = self.changing.take() {
            return self.step_change(world, change, epoch);
        }
        if world.config.has_lane_changes
            && !self.is_inside_transaction
            && world.rng.chance(world.config.lane_change_rate)
        {
            let lane_count = world.rng.between(1, LANES_MAX);
            self.changing = Some(Change { lane_count, open: None });
            return Ok(Step::Go);
        }
        if self.lanes.iter().all(|lane| lane.backlog() < LANE_SLOTS)
            && let Some((batch, facts)) = edges.apply.pop_front()
        {
            self.give(world, batch, &facts);
        }
        Ok(Step::Go)
    }

    fn give(&mut self, world: &World, batch: Batch, facts: &Facts) {
        match batch {
            Batch::Chunk(chunk) => {
                let chunk = transform().chunk(chunk).unwrap().remove(0);
                for (lane, mut share) in self.cutter.chunk(&world.lane_tables, chunk) {
                    if !world.rules.marks_of_all_lanes {
                        share.lane_count = 1;
                    }
                    self.lanes[lane as usize].push(LaneItem::Chunk(share), facts);
                }
            }
            Batch::Tail(batch) => {
                for part in batch.parts {
                    self.is_inside_transaction = !part.is_last;
                    let mut part = transform().part(part).unwrap().remove(0);
                    if !world.rules.takes_back {
                        keep_what_left(&mut part);
                    }
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
            if incarnation != world.target.incarnation {
                return Ok(Step::Go);
            }
            // Whether it is known to be committed or not, the next look at the rows tells.
            end_transaction(world, txn)?;
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
        if rules.lock && world.target.is_any_locked() {
            self.changing = Some(change);
            return Ok(Step::Go);
        }
        let stored = &world.target.stored;
        if rules.epoch && stored.epoch != epoch {
            world.counts.fenced += 1;
            return Ok(Step::Dead);
        }
        let generation = self.generation + 1;
        if stored.lanes.iter().all(|lane| lane.generation == generation) {
            trace!(world, "{} lanes", change.lane_count);
            world.counts.lane_changes += 1;
            let states = stored.lanes.iter().map(|lane| lane.state.clone()).collect();
            *self = Self::new(world, generation, states);
            return Ok(if rules.fresh_lanes { Step::Go } else { Step::Dead });
        }
        let sequence = |state: &LaneState| if rules.sequence { state.sequence } else { 0 };
        let is_as_believed =
            stored.lanes.iter().map(|lane| sequence(&lane.state)).eq(self.states().map(sequence));
        if !is_as_believed || stored.lanes.iter().any(|lane| rules.epoch && lane.epoch != epoch) {
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
        let txn = world.target.open(Work::Lanes { lanes, retired }, &rules);
        let open = Some((txn, world.target.incarnation));
        self.changing = Some(Change { open, ..change });
        Ok(Step::Go)
    }
}

/// The broken rule: a row that stays in the source's table takes nothing back in another target.
fn keep_what_left(part: &mut TargetPart) {
    let stays = |operation: &Operation| operation.image.is_some();
    let staying: Vec<u64> = part
        .operations
        .iter()
        .filter_map(|(ordinal, operation)| stays(operation).then_some(*ordinal))
        .collect();
    part.operations.retain(|(ordinal, operation)| {
        operation.table != target_id(MIXED) || stays(operation) || !staying.contains(ordinal)
    });
}

/// Commits; sometimes the answer is lost, and then it happened, or did not, or happens later.
/// Whether it is known to be committed.
pub(super) fn end_transaction(world: &mut World, txn: Txn) -> Result<bool, Outcome> {
    if !world.config.has_uncertain || !world.rng.chance(0.12) {
        world.commit(txn)?;
        return Ok(true);
    }
    world.counts.uncertain_commits += 1;
    trace!(world, "no answer to the commit of {}", txn.id);
    match world.rng.below(10) {
        0..3 => world.commit(txn)?,
        3..5 => world.target.release(txn.id),
        _ => world.target.orphans.push(txn),
    }
    Ok(false)
}
