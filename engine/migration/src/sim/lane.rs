//! One lane at work: plans a window, writes it, and settles commits without an answer.

use std::collections::VecDeque;

use whimbrel_model::{Cell, Key, RowBuilder};

use super::{
    Outcome,
    apply::end_transaction,
    owned::resolve,
    rules::{Rules, Settling},
    runner::{Facts, Step},
    target::{TableWrite, Txn, Work, writes_of},
    world::{World, trace},
};
use crate::lane::{
    LaneItem, LaneState, LaneVersion, Mark, Plan, PlanLimits, Settled, plan, settle, window_length,
};

#[derive(Debug)]
pub(super) struct LaneWorker {
    shard: usize,
    lane: usize,
    state: LaneState,
    items: VecDeque<LaneItem>,
    /// In step with `items`.
    facts: VecDeque<Facts>,
    job: Option<Job>,
    /// Whether no row waits beside the owned target.
    is_undisputed: bool,
    /// Whether it ended with an error.
    has_failed: bool,
}

/// A window that is planned and not known to be written.
#[derive(Debug)]
struct Job {
    next: LaneState,
    writes: Vec<TableWrite>,
    marks: Vec<Mark>,
    written: Vec<Key>,
    stage: Stage,
}

/// The item with keys that name the changes instead of the rows: what a plan makes of it tells
/// which changes it writes, as it would have to for deltas.
fn name_changes(item: &LaneItem) -> LaneItem {
    let mut item = item.clone();
    match &mut item {
        LaneItem::Chunk(chunk) => chunk.rows.clear(),
        LaneItem::Part(part) => {
            for (ordinal, operation) in &mut part.operations {
                let mut name = RowBuilder::default();
                name.push(Cell::Bytes(part.transaction.gtid.to_string().as_bytes()));
                name.push(Cell::UInt(*ordinal));
                name.push(Cell::UInt(u64::from(operation.table.0)));
                operation.key.cells().for_each(|cell| name.push(cell));
                operation.key = name.finish_key();
            }
        }
    }
    item
}

#[derive(Debug)]
enum Stage {
    /// The transaction is to begin.
    Begin,
    /// It holds its lock, on the target of this incarnation.
    Open(Box<Txn>, u64),
    /// Its commit got no answer.
    Unsure,
}

impl LaneWorker {
    pub(super) fn new((shard, lane): (usize, usize), state: LaneState) -> Self {
        let (items, facts) = (VecDeque::new(), VecDeque::new());
        Self {
            shard,
            lane,
            state,
            items,
            facts,
            job: None,
            is_undisputed: false,
            has_failed: false,
        }
    }

    pub(super) fn push(&mut self, item: LaneItem, facts: &Facts) {
        self.items.push_back(item);
        self.facts.push_back(Facts::clone(facts));
    }

    pub(super) fn backlog(&self) -> usize {
        self.items.len()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.items.is_empty() && self.job.is_none()
    }

    pub(super) fn state(&self) -> &LaneState {
        &self.state
    }

    pub(super) fn open_transaction(&self) -> Option<u64> {
        self.job.as_ref().and_then(|job| match &job.stage {
            Stage::Open(txn, _) => Some(txn.id),
            Stage::Begin | Stage::Unsure => None,
        })
    }

    pub(super) fn step(
        &mut self,
        world: &mut World,
        (epoch, generation): (u64, u64),
        is_steady: bool,
    ) -> Result<Step, Outcome> {
        if self.has_failed {
            return Ok(Step::Go);
        }
        let mut job = match self.job.take() {
            Some(job) => job,
            None if self.items.is_empty() => {
                // A lane without work proves its row now and then.
                if !world.rules.idle_proof || !world.rng.chance(0.02) {
                    return Ok(Step::Go);
                }
                self.plan(world, is_steady)
            }
            None => self.plan(world, is_steady),
        };
        let mine = LaneVersion { epoch, generation, sequence: self.state.sequence };
        let verdict = match job.stage {
            Stage::Begin => self.begin(world, mine, &mut job),
            Stage::Unsure => self.look(world, mine, &mut job),
            Stage::Open(txn, incarnation) => {
                job.stage = Stage::Unsure;
                let is_alive = incarnation == world.shards[self.shard].incarnation;
                let is_committed = is_alive && end_transaction(world, self.shard, *txn)?;
                is_committed.then_some(Settled::Committed)
            }
        };
        match verdict {
            None => self.job = Some(job),
            Some(Settled::Committed) => self.state = job.next,
            Some(Settled::NotCommitted) => {
                job.stage = Stage::Begin;
                self.job = Some(job);
            }
            Some(Settled::Fenced) => {
                world.counts.fenced += 1;
                self.has_failed = true;
                return Ok(Step::Dead);
            }
            Some(Settled::Diverged) => {
                let stored = &world.shards[self.shard].stored.lanes;
                trace!(world, "lane {} differs: {mine:?} {stored:?}", self.lane);
                world.counts.diverged += 1;
                self.has_failed = true;
                return Ok(Step::Dead);
            }
        }
        Ok(Step::Go)
    }

    /// The first statement: compares and swaps the lane's row, which locks it. `None` goes on.
    fn begin(&self, world: &mut World, mine: LaneVersion, job: &mut Job) -> Option<Settled> {
        let rules = world.rules;
        if rules.lock && world.shards[self.shard].is_locked(self.lane) {
            return None;
        }
        let found = self.found(world, mine);
        if found != Some(mine) {
            // A first try has nothing that could have been committed; a repeated one may.
            let settled = found.map_or(Settled::Diverged, |found| settle(mine, found));
            let is_refused = settled == Settled::NotCommitted;
            return Some(if is_refused { Settled::Diverged } else { settled });
        }
        let work = Work::Lane {
            lane: self.lane,
            next: job.next.clone(),
            writes: job.writes.clone(),
            marks: job.marks.clone(),
            written: job.written.clone(),
        };
        let Self { shard, lane, .. } = *self;
        let target = &mut world.shards[shard];
        let (txn, incarnation) = (target.open(work, &rules), target.incarnation);
        trace!(world, "lane {lane} of shard {shard}, epoch {}, writes {txn:?}", mine.epoch);
        job.stage = Stage::Open(Box::new(txn), incarnation);
        None
    }

    /// Whether the transaction without an answer happened; `None` while it may still.
    fn look(&self, world: &World, mine: LaneVersion, job: &mut Job) -> Option<Settled> {
        let (rules, target) = (&world.rules, &world.shards[self.shard]);
        if rules.settling != Settling::Plain && rules.lock && target.is_locked(self.lane) {
            return None;
        }
        let row = target.stored.lanes.get(self.lane);
        let Some(row) = row else { return Some(Settled::Diverged) };
        let mut found = row.version();
        if !rules.compares_epoch(self.shard) {
            found.epoch = mine.epoch;
        }
        if rules.settling == Settling::Position {
            let is_there = row.state.position == job.next.position;
            found.sequence = if is_there { mine.sequence + 1 } else { mine.sequence };
        }
        let settled = settle(mine, found);
        let is_tolerated = !rules.sequence && found.generation == mine.generation;
        let repeats = settled == Settled::Diverged && is_tolerated;
        Some(if repeats { Settled::NotCommitted } else { settled })
    }

    /// The lane's row, as far as it is looked at.
    fn found(&self, world: &World, mine: LaneVersion) -> Option<LaneVersion> {
        let mut found = world.shards[self.shard].stored.lanes.get(self.lane)?.version();
        if !world.rules.compares_epoch(self.shard) {
            found.epoch = mine.epoch;
        }
        if !world.rules.sequence {
            found.sequence = mine.sequence;
        }
        Some(found)
    }

    fn plan(&mut self, world: &mut World, is_steady: bool) -> Job {
        let limits =
            PlanLimits { rows_max: world.config.lane_rows_max, bytes_max: usize::MAX, is_steady };
        let count = window_length(&self.items, limits);
        let items: Vec<LaneItem> = self.items.drain(..count).collect();
        let facts: Vec<Facts> = self.facts.drain(..count).collect();
        let written = if world.config.counts_changes && !world.source.has_lost {
            let named = items.iter().map(name_changes).collect();
            let Plan { effects, .. } = self.plan_with(&world.rules, named, &facts);
            effects.tables().flat_map(|(_, effects)| effects.touched()).cloned().collect()
        } else {
            Vec::new()
        };
        let Plan { mut effects, marks, next } = self.plan_with(&world.rules, items, &facts);
        let stored = &world.shards[self.shard].stored.rows.owned;
        resolve(&mut effects, stored, &world.rules, &mut self.is_undisputed);
        let writes = writes_of(&effects, &world.rules);
        Job { next, writes, marks, written, stage: Stage::Begin }
    }

    /// The real plan, and around it what the broken rules make of it.
    fn plan_with(&self, rules: &Rules, mut items: Vec<LaneItem>, facts: &[Facts]) -> Plan {
        if rules.join && rules.skip_by_transaction && rules.parts && rules.newest_of_parts {
            return plan(&self.state, items);
        }
        let last_part = items.iter().zip(facts).rev().find_map(|(item, facts)| match item {
            LaneItem::Part(part) if part.is_last => Some((part.transaction.gtid.clone(), facts)),
            LaneItem::Part(_) | LaneItem::Chunk(_) => None,
        });
        let mut base = self.state.clone();
        if !rules.skip_by_transaction
            && let Some((last, _)) = &last_part
        {
            if base.position.contains(last) {
                items.retain(|item| matches!(item, LaneItem::Chunk(_)));
            }
            base.position = whimbrel_model::GtidSet::default();
        }
        let mut planned = plan(&base, items);
        planned.next.position = planned.next.position.union(&self.state.position);
        if !rules.join
            && let Some((last, facts)) = &last_part
            && let Some((_, upto)) = facts.iter().find(|(gtid, _)| gtid == last)
        {
            planned.next.position = upto.clone();
        }
        if !rules.newest_of_parts && planned.next.position == self.state.position {
            planned.next.newest = self.state.newest.clone();
        }
        if !rules.parts {
            planned.next.parts.clear();
        }
        planned
    }
}
