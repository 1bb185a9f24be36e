//! The world of one seed: servers, faults, and whether the target is what it must be.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use whimbrel_model::{GtidSet, Key, Table};

use super::{
    Outcome,
    data::{LETTERS, PADDED, Rows, TABLES, UNIQUE},
    grouped::{GROUPED, contribution_key},
    mixed::{MIXED, TargetRows, mixed_key, rolled_up, target_id, targets, targets_for_lanes},
    owned::{OWNED, claim_key},
    rng::Rng,
    rules::Rules,
    source::{Failover, Source},
    target::{LANES_MAX, Stored, Target, Txn, Work},
};
use crate::{lane::LaneState, lanes::Cutter, pieces::Numbers};

/// What may happen in a world and how often; each seed draws its own.
#[derive(Debug, Clone)]
pub(super) struct Config {
    pub(super) has_xa: bool,
    pub(super) has_zombies: bool,
    pub(super) has_uncertain: bool,
    pub(super) has_lane_changes: bool,
    /// How often the cut into lanes turns to changing their number.
    pub(super) lane_change_rate: f64,
    /// How a source may fail beside [`Failover::Order`].
    pub(super) loss: Option<Failover>,
    pub(super) source_faults: usize,
    pub(super) target_faults: usize,
    pub(super) crashes: usize,
    /// How often a fault happens where one could.
    pub(super) fault_rate: f64,
    /// How often connections to the source break though the server lives.
    pub(super) source_cuts: usize,
    /// How often a piece that is held may be read again.
    pub(super) rereads: usize,
    /// The tables that are written to, each as often as it is named.
    pub(super) tables: Vec<usize>,
    /// Log entries in all.
    pub(super) entries: usize,
    /// How often a transaction is emitted in parts, and how often it pauses in between.
    pub(super) part_rate: f64,
    pub(super) part_pause: f64,
    /// The bytes of keys that a window may note.
    pub(super) window_bytes: usize,
    pub(super) lane_rows_max: usize,
    /// Whether each change is counted: it must be written once.
    pub(super) counts_changes: bool,
    /// Of: writing, syncing, committing, executing.
    pub(super) source_pace: [f64; 4],
    /// Of: tail, snapshot, merge, cut, lanes.
    pub(super) runner_pace: [f64; 5],
}

impl Config {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        let mut has = |probability: f64| rng.chance(probability);
        let (has_xa, has_zombies, has_uncertain) = (has(0.6), has(0.6), has(0.6));
        let has_lane_changes = has(0.6);
        let (has_source_faults, has_target_faults) = (has(0.6), has(0.6));
        let mut pace = || rng.pick(&[0.1, 0.4, 1.0, 1.0, 2.0]);
        let source_pace = [pace(), pace(), pace(), pace()];
        let runner_pace = [pace(), pace(), pace(), pace(), pace()];
        let mixed = vec![PADDED, PADDED, LETTERS, UNIQUE, UNIQUE];
        let picks = [mixed.clone(), mixed, vec![PADDED], vec![LETTERS], vec![UNIQUE]];
        Self {
            has_xa,
            has_zombies,
            has_uncertain,
            has_lane_changes,
            lane_change_rate: 0.05,
            loss: rng.pick(&[None, None, Some(Failover::Lossy), Some(Failover::Reuse)]),
            source_faults: if has_source_faults { rng.below(3) } else { 0 },
            target_faults: if has_target_faults { rng.below(3) } else { 0 },
            crashes: rng.pick(&[0, 1, 2, 4, 8]),
            fault_rate: rng.pick(&[0.1, 0.2, 0.2, 1.0]),
            source_cuts: rng.pick(&[0, 0, 1, 4]),
            rereads: rng.pick(&[0, 5, 20]),
            tables: picks[rng.below(picks.len())].clone(),
            entries: rng.between(6, 21),
            part_rate: rng.pick(&[0.1, 0.5, 0.9]),
            part_pause: rng.pick(&[0.0, 0.9]),
            window_bytes: rng.pick(&[60, 120, 10_000]),
            lane_rows_max: rng.pick(&[1, 2, 4, 8]),
            counts_changes: rng.chance(0.1),
            source_pace,
            runner_pace,
        }
    }
}

/// What happened, for the report of a run of many seeds.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Counts {
    pub(super) crashes: u64,
    pub(super) source_failovers: u64,
    pub(super) target_failovers: u64,
    pub(super) uncertain_commits: u64,
    pub(super) late_commits: u64,
    pub(super) lane_changes: u64,
    pub(super) given_up: u64,
    pub(super) fenced: u64,
    pub(super) diverged: u64,
}

impl Counts {
    pub(super) fn named(&self) -> [(&'static str, u64); 9] {
        [
            ("crashes", self.crashes),
            ("source failovers", self.source_failovers),
            ("target failovers", self.target_failovers),
            ("uncertain commits", self.uncertain_commits),
            ("late commits", self.late_commits),
            ("lane changes", self.lane_changes),
            ("chunks given up", self.given_up),
            ("fenced", self.fenced),
            ("diverged", self.diverged),
        ]
    }
}

/// Everything but the runners.
#[derive(Debug)]
pub(super) struct World {
    pub(super) rng: Rng,
    pub(super) rules: Rules,
    pub(super) config: Config,
    pub(super) source: Source,
    pub(super) target: Target,
    pub(super) counts: Counts,
    /// The newest epoch that any runner drew, also where the target forgot it.
    pub(super) epochs_drawn: u64,
    pub(super) is_traced: bool,
    /// True cutters for each number of lanes.
    cutters: Arc<[Cutter]>,
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
        let pieces = (0..TABLES).map(|table| numbers.whole(super::data::table_id(table))).collect();
        let lane_count = if config.has_lane_changes { rng.between(1, LANES_MAX) } else { 1 };
        let target = Target::new(pieces, lane_count, config.target_faults > 0);
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
            target,
            counts,
            epochs_drawn: 0,
            is_traced: false,
            cutters,
            lane_tables,
        }
    }

    /// Commits, and looks whether every row of the lane is the one that its position gives.
    pub(super) fn commit(&mut self, txn: Txn) -> Result<(), Outcome> {
        let lane = match &txn.work {
            Work::Lane { lane, .. } => Some(*lane),
            Work::Lanes { .. } => None,
        };
        // The broken rule: whoever crashes between two transactions does one without the other.
        let loses_groups = !self.rules.groups_with_rows && self.rng.chance(0.02);
        self.target.commit(txn, &self.rules, loses_groups)?;
        match lane {
            Some(lane) if self.rules.covers() && !self.source.has_lost => self.check(lane),
            _ => Ok(()),
        }
    }

    /// Every row of a lane is the source's image at the lane's position; a row may only be absent
    /// because it is not copied yet.
    fn check(&self, lane: usize) -> Result<(), Outcome> {
        let Stored { rows, lanes, .. } = &self.target.stored;
        let Some(row) = lanes.get(lane) else { return Ok(()) };
        let expected = TargetRows::of(self.rows_at(&row.state));
        let cutter = &self.cutters[lanes.len()];
        let is_own = |target: usize, key: &Key| {
            cutter.lane_of(targets(), target_id(target), key) as usize == lane
        };
        for (table, rows) in rows.moved.iter().enumerate() {
            for image in rows.iter().flatten() {
                let wanted = expected.moved[table][image.key];
                if is_own(table, &image.engine_key(table)) && wanted != Some(*image) {
                    trace!(self, "OFF: lane {lane} holds {image:?} of {table}, not {wanted:?}");
                    return Err(Outcome::Off);
                }
            }
        }
        for (table, keys) in rows.mixed.iter().enumerate() {
            for (key, classes) in keys.iter().enumerate() {
                for (class, image) in classes.iter().enumerate() {
                    let Some(image) = image else { continue };
                    let wanted = expected.mixed[table][key][class];
                    if is_own(MIXED, &mixed_key(table, image)) && wanted != Some(*image) {
                        trace!(self, "OFF: lane {lane} holds {image:?} in {class}, not {wanted:?}");
                        return Err(Outcome::Off);
                    }
                }
            }
        }
        for (table, keys) in rows.grouped.contributions.iter().enumerate() {
            for (key, image) in keys.iter().enumerate() {
                let Some(image) = image else { continue };
                let wanted = expected.grouped.contributions[table][key];
                if is_own(GROUPED, &contribution_key(table, image)) && wanted != Some(*image) {
                    trace!(
                        self,
                        "OFF: lane {lane} holds the contribution {image:?}, not {wanted:?}"
                    );
                    return Err(Outcome::Off);
                }
            }
        }
        for (wanted, found) in expected.owned.claims().iter().zip(&rows.owned.claims()) {
            for (source, (wanted, image)) in wanted.iter().zip(found).enumerate() {
                let Some(image) = image else { continue };
                if is_own(OWNED, &claim_key(source, image)) && *wanted != Some(*image) {
                    trace!(self, "OFF: lane {lane} holds {image:?} of {source}, not {wanted:?}");
                    return Err(Outcome::Off);
                }
            }
        }
        if !rows.grouped.is_in_step() || !rows.owned.is_in_step() {
            trace!(self, "OFF: what is shown is not what is kept: {rows:?}");
            return Err(Outcome::Off);
        }
        self.check_shared_keys(&row.state, is_own)
    }

    /// A row that waits is taken for one of a key that two sources have, when that is looked at: then
    /// they have it where the lane stands, between two transactions.
    fn check_shared_keys(
        &self,
        state: &LaneState,
        is_own: impl Fn(usize, &Key) -> bool,
    ) -> Result<(), Outcome> {
        let Stored { rows, lanes, .. } = &self.target.stored;
        let is_between = lanes.iter().all(|lane| lane.state.parts.is_empty());
        if self.rules.looks_between && !is_between {
            return Ok(());
        }
        let between = LaneState { parts: BTreeMap::new(), ..state.clone() };
        let claims = TargetRows::of(self.rows_at(&between)).owned.claims();
        for (key, waiting) in rows.owned.waiting().iter().enumerate() {
            for (source, image) in waiting.iter().enumerate() {
                let Some(image) = image else { continue };
                let is_shared = claims[key].iter().all(Option::is_some);
                if is_own(OWNED, &claim_key(source, image)) && !is_shared {
                    trace!(self, "OFF: {image:?} of {source} waits, and nobody else has its key");
                    return Err(Outcome::Off);
                }
            }
        }
        Ok(())
    }

    /// The source's rows as a lane's position and parts give them.
    fn rows_at(&self, state: &LaneState) -> Rows {
        let mut rows = self.source.views[0];
        for tx in self.source.log.iter().filter(|tx| tx.is_in_force()) {
            let applied = if state.position.contains(&tx.gtid) {
                tx.changes.len()
            } else {
                let done = state.parts.get(&tx.gtid).copied().unwrap_or(0);
                usize::try_from(done).unwrap()
            };
            for change in tx.changes.iter().take(applied) {
                change.apply(&mut rows);
            }
        }
        rows
    }

    /// Whether the target equals the source.
    pub(super) fn compare(&self) -> Outcome {
        let wanted = TargetRows::of(*self.source.views.last().unwrap());
        let mut found = self.target.stored.rows;
        trace!(self, "wanted {wanted:?}\nfound  {found:?}");
        // Of two sources that have a key either may be shown; the other waits, so that it is noticed.
        let is_owned_equal =
            found.owned.is_in_step() && found.owned.claims() == wanted.owned.claims();
        found.owned = wanted.owned;
        let is_equal = is_owned_equal && found == wanted;
        if is_equal { Outcome::Equal } else { Outcome::Different }
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
        if self.target.orphans.is_empty() || !self.rng.chance(0.3) {
            return Ok(());
        }
        let index = self.rng.below(self.target.orphans.len());
        let txn = self.target.orphans.swap_remove(index);
        if self.rng.chance(0.7) {
            self.counts.late_commits += 1;
            trace!(self, "late commit {txn:?}");
            return self.commit(txn);
        }
        self.target.release(txn.id);
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
        let count = self.rng.between(1, 3);
        if self.target.fail_over(count) {
            self.counts.target_failovers += 1;
            trace!(self, "target fails over and loses up to {count} commits");
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
