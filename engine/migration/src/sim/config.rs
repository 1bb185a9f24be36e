//! What may happen in the world of a seed, and what did.

use super::{
    data::{LETTERS, PADDED, UNIQUE},
    rng::Rng,
    shards::SHARDS_MAX,
    source::Failover,
};

/// What may happen in a world and how often; each seed draws its own.
#[derive(Debug, Clone)]
pub(super) struct Config {
    /// The shards of the target.
    pub(super) shard_count: usize,
    /// How much of the work each shard gets.
    pub(super) shard_pace: [f64; SHARDS_MAX],
    pub(super) has_xa: bool,
    pub(super) has_zombies: bool,
    pub(super) has_uncertain: bool,
    pub(super) has_lane_changes: bool,
    /// How often the cut into lanes turns to changing their number.
    pub(super) lane_change_rate: f64,
    /// How often it changes at most.
    pub(super) lane_changes: usize,
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
    /// How often a piece is cut before it is read.
    pub(super) cut_rate: f64,
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
        let shard_pace = rng.pick(&[[1.0, 1.0, 1.0], [1.0, 0.2, 1.0], [0.2, 1.0, 1.0]]);
        let mut config = Self {
            shard_count: rng.pick(&[1, 1, 1, 1, 1, 1, 2, 2, 3]),
            shard_pace,
            has_xa,
            has_zombies,
            has_uncertain,
            has_lane_changes,
            lane_change_rate: 0.05,
            lane_changes: 40,
            loss: rng.pick(&[None, None, Some(Failover::Lossy), Some(Failover::Reuse)]),
            source_faults: if has_source_faults { rng.below(3) } else { 0 },
            target_faults: if has_target_faults { rng.below(3) } else { 0 },
            crashes: rng.pick(&[0, 1, 2, 4, 8]),
            fault_rate: rng.pick(&[0.1, 0.2, 0.2, 1.0]),
            source_cuts: rng.pick(&[0, 0, 1, 4]),
            rereads: rng.pick(&[0, 5, 20]),
            cut_rate: rng.pick(&[0.6, 0.6, 0.1]),
            tables: picks[rng.below(picks.len())].clone(),
            entries: rng.between(6, 21),
            part_rate: rng.pick(&[0.1, 0.5, 0.9]),
            part_pause: rng.pick(&[0.0, 0.9]),
            window_bytes: rng.pick(&[60, 120, 10_000]),
            lane_rows_max: rng.pick(&[1, 2, 4, 8]),
            counts_changes: rng.chance(0.1),
            source_pace,
            runner_pace,
        };
        if config.shard_count > 1 && rng.chance(0.3) {
            config.tear();
        }
        config
    }

    /// Runners crash while some shards hold a piece, and others do not.
    pub(super) fn tear(&mut self) {
        (self.crashes, self.fault_rate) = (20, 0.5);
        (self.rereads, self.cut_rate) = (0, 0.1);
        self.shard_pace = [1.0, 0.1, 0.5];
    }
}

/// What happened, for the report of a run of many seeds.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Counts {
    pub(super) crashes: u64,
    pub(super) torn_claims: u64,
    pub(super) source_failovers: u64,
    pub(super) target_failovers: u64,
    pub(super) uncertain_commits: u64,
    pub(super) late_commits: u64,
    pub(super) lane_changes: u64,
    pub(super) given_up: u64,
    /// Pieces that shards hold by different readings in the end.
    pub(super) held_apart: u64,
    pub(super) fenced: u64,
    pub(super) diverged: u64,
}

impl Counts {
    pub(super) fn named(&self) -> [(&'static str, u64); 11] {
        [
            ("crashes", self.crashes),
            ("torn claims", self.torn_claims),
            ("source failovers", self.source_failovers),
            ("target failovers", self.target_failovers),
            ("uncertain commits", self.uncertain_commits),
            ("late commits", self.late_commits),
            ("lane changes", self.lane_changes),
            ("chunks given up", self.given_up),
            ("pieces held by several readings", self.held_apart),
            ("fenced", self.fenced),
            ("diverged", self.diverged),
        ]
    }
}
