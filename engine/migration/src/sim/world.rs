//! The world of one seed: servers and faults.

use std::{borrow::Cow, sync::Arc};

use whimbrel_model::{ChunkId, GtidSet, Table};

use super::{
    Outcome,
    config::{Config, Counts},
    data::{TABLES, table_id},
    mixed::{rolled_up, targets, targets_for_lanes},
    rng::Rng,
    rules::Rules,
    shards::{Here, Layout},
    source::{Failover, Source},
    target::{LANES_MAX, Target, Txn, Work},
};
use crate::{
    lane::Mark,
    lanes::Cutter,
    pieces::{Numbers, rows_held, rows_held_by_all},
};

/// Everything but the runners.
#[derive(Debug)]
pub(super) struct World {
    pub(super) rng: Rng,
    pub(super) rules: Rules,
    pub(super) config: Config,
    pub(super) source: Source,
    /// The target; the first shard is home.
    pub(super) shards: Vec<Target>,
    pub(super) counts: Counts,
    /// The newest epoch that any runner drew, also where the target forgot it.
    pub(super) epochs_drawn: u64,
    pub(super) is_traced: bool,
    /// True cutters for each number of lanes.
    pub(super) cutters: Arc<[Cutter]>,
    /// The target tables as the cut into lanes is told of them.
    pub(super) lane_tables: Cow<'static, [Table]>,
}

/// Prints a step of a traced world.
macro_rules! trace {
    ($world:expr, $($what:tt)*) => {
        if $world.is_traced {
            println!($($what)*);
        }
    };
}
pub(super) use trace;

impl World {
    pub(super) fn new(seed: u64, rules: Rules, narrow: impl FnOnce(&mut Config)) -> Self {
        let mut rng = Rng::new(seed);
        let mut config = Config::draw(&mut rng);
        narrow(&mut config);
        let source = Source::new(&mut rng);
        let mut numbers = Numbers::default();
        let mut pieces = (0..TABLES).map(|table| numbers.whole(table_id(table))).collect();
        let shards = (0..config.shard_count).map(|_| {
            let lane_count = if config.has_lane_changes { rng.between(1, LANES_MAX) } else { 1 };
            Target::new(std::mem::take(&mut pieces), lane_count, config.target_faults > 0)
        });
        let shards = shards.collect();
        let cutters = (0..=LANES_MAX)
            .map(|count| Cutter::new(targets(), rolled_up(), u32::try_from(count).unwrap()))
            .collect();
        let lane_tables = match rules.lanes_by_class && rules.one_lane {
            true => Cow::Borrowed(targets()),
            false => Cow::Owned(targets_for_lanes(&rules)),
        };
        let counts = Counts::default();
        Self {
            rng,
            rules,
            config,
            source,
            shards,
            counts,
            epochs_drawn: 0,
            is_traced: false,
            cutters,
            lane_tables,
        }
    }

    /// A place among the shards.
    pub(super) fn here(&self, shard: usize) -> Here {
        let Rules { owned_by_key, looks_up_unique, .. } = self.rules;
        let layout = Layout { shard_count: self.shards.len(), owned_by_key, looks_up_unique };
        Here { shard, layout }
    }

    /// A shard, each as likely as its pace says.
    pub(super) fn pick_shard(&mut self) -> usize {
        match self.shards.len() {
            1 => 0,
            count => self.rng.weighted(&self.config.shard_pace[..count]),
        }
    }

    /// Another shard is the slow one from here on.
    pub(super) fn turn_shards(&mut self) {
        let count = self.shards.len();
        let places = if count > 1 { self.rng.below(count) } else { 0 };
        self.config.shard_pace[..count].rotate_left(places);
    }

    /// Whether the target holds a piece.
    pub(super) fn is_held(&self, chunk: ChunkId) -> bool {
        let mut marks = self.shards.iter().map(|shard| &shard.stored.marks);
        if !self.rules.marks_of_one_reading {
            return self.shards.iter().all(|shard| shard.stored.is_marked(chunk));
        }
        if !self.rules.held_by_all_shards {
            return marks.any(|marks| marks.get(&chunk).and_then(|it| rows_held(it)).is_some());
        }
        rows_held_by_all(marks, chunk).is_some()
    }

    /// Whether the target holds every piece.
    pub(super) fn are_all_held(&self) -> bool {
        self.shards[0].stored.pieces.iter().all(|piece| self.is_held(piece.id))
    }

    /// How many pieces the shards hold by different readings.
    pub(super) fn held_apart(&self) -> u64 {
        let is_whole = |shard: &Target, chunk: ChunkId, attempt: u64| {
            let marks = shard.stored.marks.get(&chunk).into_iter().flatten();
            let own: Vec<Mark> = marks.filter(|mark| mark.attempt == attempt).copied().collect();
            rows_held(&own).is_some()
        };
        let home = &self.shards[0].stored;
        let is_apart = |chunk: ChunkId| {
            let mut marks = home.marks.get(&chunk).into_iter().flatten();
            let is_everywhere =
                |mark: &Mark| self.shards.iter().all(|shard| is_whole(shard, chunk, mark.attempt));
            !marks.any(is_everywhere)
        };
        home.pieces.iter().filter(|piece| is_apart(piece.id)).count() as u64
    }

    /// Commits on a shard, and looks whether every row of the lane is the one that its position gives.
    pub(super) fn commit(&mut self, shard: usize, txn: Txn) -> Result<(), Outcome> {
        let lane = match &txn.work {
            Work::Lane { lane, .. } => Some(*lane),
            Work::Lanes { .. } => None,
        };
        // The broken rule: whoever crashes between two transactions does one without the other.
        let loses_groups = !self.rules.groups_with_rows && self.rng.chance(0.02);
        self.shards[shard].commit(txn, &self.rules, loses_groups)?;
        match lane {
            Some(lane) if self.rules.covers() && !self.source.has_lost => self.check(shard, lane),
            _ => Ok(()),
        }
    }

    /// What the source has executed.
    pub(super) fn executed(&self) -> &GtidSet {
        self.source.set(self.source.executed)
    }

    pub(super) fn step_source(&mut self) {
        let may_write = self.source.log.len() < self.config.entries;
        let kinds = (may_write, self.config.has_xa);
        let Self { source, rng, config, .. } = self;
        source.step(rng, &config.source_pace, kinds, &config.tables);
    }

    /// A transaction whose connection is gone ends one way or the other.
    pub(super) fn step_orphan(&mut self) -> Result<(), Outcome> {
        let shard = self.rng.below(self.shards.len());
        let count = self.shards[shard].orphans.len();
        if count == 0 || !self.rng.chance(0.3) {
            return Ok(());
        }
        let index = self.rng.below(count);
        let txn = self.shards[shard].orphans.swap_remove(index);
        if self.rng.chance(0.7) {
            self.counts.late_commits += 1;
            trace!(self, "late commit on shard {shard}: {txn:?}");
            return self.commit(shard, txn);
        }
        self.shards[shard].release(txn.id);
        Ok(())
    }

    pub(super) fn fail_source(&mut self) {
        if self.config.source_faults == 0 {
            return;
        }
        self.config.source_faults -= 1;
        self.counts.source_failovers += 1;
        let how = match self.config.loss {
            Some(loss) if self.rng.chance(0.5) => loss,
            _ => Failover::Order,
        };
        trace!(self, "source fails over: {how:?}");
        self.source.fail_over(&mut self.rng, how);
    }

    pub(super) fn fail_target(&mut self) {
        if self.config.target_faults == 0 {
            return;
        }
        self.config.target_faults -= 1;
        let shard = self.rng.below(self.shards.len());
        let count = self.rng.between(1, 3);
        if self.shards[shard].fail_over(count) {
            self.counts.target_failovers += 1;
            trace!(self, "shard {shard} fails over and loses up to {count} commits");
        }
    }

    /// Connections to the source break.
    pub(super) fn cut_source(&mut self) {
        if self.config.source_cuts > 0 {
            self.config.source_cuts -= 1;
            self.source.incarnation += 1;
            trace!(self, "connections to the source break");
        }
    }
}
