//! How far a run is, for people and for machines.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use serde::{Deserialize, Serialize};
use whimbrel_model::TableId;

use crate::transform::TargetId;

/// A source without changes is heard of this often, and a little.
const HEARTBEAT_MICROS: u64 = 300_000;

/// What a run is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Rows are copied while the log is followed.
    Copying,
    /// All rows are there; secondary indexes and foreign keys are being created.
    Indexing,
    /// The target follows the source.
    Following,
}

impl Phase {
    /// The phase as it is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Copying => "copying",
            Self::Indexing => "indexing",
            Self::Following => "following",
        }
    }
}

/// One target table's progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableReport {
    /// The table.
    pub name: String,
    /// How many rows of its source tables the copy is done with.
    pub rows_copied: u64,
    /// How many rows its source tables have, as the source guesses.
    pub rows_estimated: u64,
    /// How many bytes of rows this run has written into it by the copy.
    pub bytes_copied: u64,
    /// Whether every row that was there is copied.
    pub is_copied: bool,
    /// How many row changes from the log this run has written.
    pub changes_applied: u64,
}

/// A moment of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// What the run is doing.
    pub phase: Phase,
    /// The tables in the plan's order.
    pub tables: Vec<TableReport>,
    /// Seconds since this run began.
    pub elapsed_seconds: f64,
    /// By how much the target is behind the source, in milliseconds; `None` before the first change
    /// or heartbeat of the log.
    pub lag_ms: Option<u64>,
    /// Where in the source's log the tail is.
    pub log_offset: Option<String>,
    /// How many transactions of the source this run has applied.
    pub transactions_applied: u64,
    /// The number of lanes, of all shards together.
    pub lane_count: u32,
    /// What the run waits for, if it waits.
    pub waiting_for: Vec<String>,
    /// What may go wrong later unless somebody does something.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// Collects what the stages tell. Cheap to write to.
#[derive(Debug)]
pub struct Progress {
    started_micros: u64,
    sources: Vec<SourceProgress>,
    targets: Vec<TargetProgress>,
    transactions: AtomicU64,
    /// When the newest thing that was read from the log was written.
    read_micros: AtomicU64,
    has_caught_up: AtomicBool,
    state: Mutex<State>,
}

/// What is to be copied of a source table.
#[derive(Debug)]
pub struct SourceProgress {
    rows_estimated: u64,
    rows_copied: AtomicU64,
    is_copied: AtomicBool,
}

/// What is written into a target table.
#[derive(Debug)]
pub struct TargetProgress {
    name: String,
    /// The tables that its rows come from.
    sources: Vec<TableId>,
    bytes_copied: AtomicU64,
    changes: AtomicU64,
}

impl SourceProgress {
    /// A table of which earlier runs copied `rows_copied` of about `rows_estimated` rows.
    #[must_use]
    pub fn new(rows_estimated: u64, rows_copied: u64) -> Self {
        Self {
            rows_estimated,
            rows_copied: AtomicU64::new(rows_copied),
            is_copied: AtomicBool::new(false),
        }
    }
}

impl TargetProgress {
    /// The table `name`, whose rows come from `sources`.
    #[must_use]
    pub fn new(name: String, sources: Vec<TableId>) -> Self {
        Self { name, sources, bytes_copied: AtomicU64::new(0), changes: AtomicU64::new(0) }
    }
}

#[derive(Debug)]
struct State {
    phase: Phase,
    log_offset: Option<String>,
    /// By shard.
    lane_counts: BTreeMap<usize, u32>,
    /// Per shard and lane: when the newest change that it applied was written; none when it has nothing to
    /// do.
    lanes: BTreeMap<(usize, u32), u64>,
    waiting: BTreeMap<Cow<'static, str>, String>,
    warnings: BTreeMap<Cow<'static, str>, String>,
}

impl Progress {
    /// Nothing done yet in this run.
    #[must_use]
    pub fn new(
        now_micros: u64,
        phase: Phase,
        (sources, targets): (Vec<SourceProgress>, Vec<TargetProgress>),
    ) -> Self {
        Self {
            started_micros: now_micros,
            sources,
            targets,
            transactions: AtomicU64::new(0),
            read_micros: AtomicU64::new(0),
            has_caught_up: AtomicBool::new(false),
            state: Mutex::new(State {
                phase,
                log_offset: None,
                lane_counts: BTreeMap::new(),
                lanes: BTreeMap::new(),
                waiting: BTreeMap::new(),
                warnings: BTreeMap::new(),
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The run entered `phase`.
    pub fn enter(&self, phase: Phase) {
        self.state().phase = phase;
    }

    /// The phase.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.state().phase
    }

    /// The target holds everything that the source had when this was asked for.
    pub fn catch_up(&self) {
        self.has_caught_up.store(true, Ordering::Relaxed);
    }

    /// Whether [`Progress::catch_up`] was called.
    #[must_use]
    pub fn has_caught_up(&self) -> bool {
        self.has_caught_up.load(Ordering::Relaxed)
    }

    /// The copy is done with rows of a source table.
    pub fn copied(&self, table: TableId, rows: u64) {
        if let Some(table) = self.sources.get(table.0 as usize) {
            table.rows_copied.fetch_add(rows, Ordering::Relaxed);
        }
    }

    /// The copy wrote rows of this size into a target table.
    pub fn copied_bytes(&self, target: TargetId, bytes: u64) {
        if let Some(target) = self.targets.get(target.0 as usize) {
            target.bytes_copied.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    /// The copy is done with all rows of a source table.
    pub fn table_copied(&self, table: TableId) {
        if let Some(table) = self.sources.get(table.0 as usize) {
            table.is_copied.store(true, Ordering::Relaxed);
        }
    }

    /// Row changes were written into a target table.
    pub fn changed(&self, target: TargetId, rows: u64) {
        if let Some(target) = self.targets.get(target.0 as usize) {
            target.changes.fetch_add(rows, Ordering::Relaxed);
        }
    }

    /// Transactions were taken out of the log, which has been read up to `upto`.
    pub fn read(&self, transactions: u64, upto: String, written_micros: u64) {
        self.transactions.fetch_add(transactions, Ordering::Relaxed);
        self.read_micros.fetch_max(written_micros, Ordering::Relaxed);
        self.state().log_offset = Some(upto);
    }

    /// A lane of a shard applied everything written up to `written_micros`; `None` when nothing waits for
    /// it.
    pub fn lane_applied(&self, lane: (usize, u32), written_micros: Option<u64>) {
        let mut state = self.state();
        match written_micros {
            Some(micros) => state.lanes.insert(lane, micros),
            None => state.lanes.remove(&lane),
        };
    }

    /// The number of a shard's lanes changed.
    pub fn lanes(&self, shard: usize, lane_count: u32) {
        let mut state = self.state();
        state.lane_counts.insert(shard, lane_count);
        state.lanes.retain(|(of, _), _| *of != shard);
    }

    /// A part of the run waits for something, or no longer does.
    pub fn waits(&self, who: impl Into<Cow<'static, str>>, what: Option<String>) {
        let (mut state, who) = (self.state(), who.into());
        match what {
            Some(what) => state.waiting.insert(who, what),
            None => state.waiting.remove(&who),
        };
    }

    /// Something about `what` may go wrong later, or no longer may. Logged when it begins.
    pub fn warns(&self, what: impl Into<Cow<'static, str>>, warning: Option<String>) {
        let what = what.into();
        let mut state = self.state();
        match warning {
            Some(warning) => {
                if !state.warnings.contains_key(&what) {
                    tracing::warn!(warning, "needs attention");
                }
                state.warnings.insert(what, warning);
            }
            None => {
                state.warnings.remove(&what);
            }
        }
    }

    /// Rows that the copy has written, and those that it has still to write, as the source guesses.
    #[must_use]
    pub fn rows_done_and_left(&self) -> (u64, u64) {
        let mut sums = (0, 0);
        for table in &self.sources {
            let rows_copied = table.rows_copied.load(Ordering::Relaxed);
            sums.0 += rows_copied;
            if !table.is_copied.load(Ordering::Relaxed) {
                sums.1 += table.rows_estimated.saturating_sub(rows_copied);
            }
        }
        sums
    }

    /// By how much the target is behind, in microseconds: the age of the oldest change that a lane
    /// still has to write. When none has, the time since the source was last heard of, less the pause
    /// between two of its heartbeats.
    #[must_use]
    pub fn lag_micros(&self, now_micros: u64) -> Option<u64> {
        let read = self.read_micros.load(Ordering::Relaxed);
        let oldest = self.state().lanes.values().copied().min();
        let known = oldest.unwrap_or_else(|| read.saturating_add(HEARTBEAT_MICROS));
        (read > 0).then(|| now_micros.saturating_sub(known))
    }

    /// The run at `now_micros`.
    #[must_use]
    pub fn report(&self, now_micros: u64) -> Report {
        let lag_ms = self.lag_micros(now_micros).map(|micros| micros / 1_000);
        let state = self.state();
        let elapsed = now_micros.saturating_sub(self.started_micros);
        Report {
            phase: state.phase,
            // The run's own tables have no source of their own.
            tables: self
                .targets
                .iter()
                .filter(|target| !target.sources.is_empty())
                .map(|target| self.table_report(target))
                .collect(),
            elapsed_seconds: std::time::Duration::from_micros(elapsed).as_secs_f64(),
            lag_ms,
            log_offset: state.log_offset.clone(),
            transactions_applied: self.transactions.load(Ordering::Relaxed),
            lane_count: state.lane_counts.values().sum(),
            waiting_for: state.waiting.iter().map(|(who, what)| format!("{who}: {what}")).collect(),
            warnings: state.warnings.values().cloned().collect(),
        }
    }

    fn table_report(&self, target: &TargetProgress) -> TableReport {
        let sources: Vec<&SourceProgress> =
            target.sources.iter().filter_map(|table| self.sources.get(table.0 as usize)).collect();
        let copied = |source: &&SourceProgress| source.rows_copied.load(Ordering::Relaxed);
        TableReport {
            name: target.name.clone(),
            rows_copied: sources.iter().map(copied).sum(),
            rows_estimated: sources.iter().map(|source| source.rows_estimated).sum(),
            bytes_copied: target.bytes_copied.load(Ordering::Relaxed),
            is_copied: sources.iter().all(|source| source.is_copied.load(Ordering::Relaxed)),
            changes_applied: target.changes.load(Ordering::Relaxed),
        }
    }
}
