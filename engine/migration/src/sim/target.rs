//! A shard of the target: rows and the runner's own rows, changed by transactions that lock.

use std::collections::{BTreeMap, VecDeque};

use whimbrel_model::{ChunkId, Key};

use super::{
    Outcome,
    data::{Image, Rows, UNIQUE, class_of},
    grouped::{GROUPED, GroupedWrite, Spelt, contribution, spelt},
    looked_up::{LOOKED_UP, LookedUpWrite},
    mixed::{DEAD, MIXED, Spot, TargetRows, mixed_image, mixed_place},
    owned::{OwnedWrite, promoted, write_of},
    rules::{Form, Rules},
};
use crate::{
    effects::Effects,
    lane::{LaneState, LaneVersion, Mark},
    pieces::{Marks, Piece},
};

/// The most lanes.
pub(super) const LANES_MAX: usize = 3;

/// How many commits a failover can lose.
const LOST_COMMITS_MAX: usize = 3;

/// A lane's row.
#[derive(Debug, Clone)]
pub(super) struct LaneRow {
    pub(super) epoch: u64,
    pub(super) generation: u64,
    pub(super) state: LaneState,
}

impl LaneRow {
    pub(super) fn version(&self) -> LaneVersion {
        LaneVersion {
            epoch: self.epoch,
            generation: self.generation,
            sequence: self.state.sequence,
        }
    }
}

/// What is on disk.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) rows: TargetRows,
    pub(super) epoch: u64,
    pub(super) lanes: Vec<LaneRow>,
    /// Rows of lanes that are no more; kept only where a rule is broken.
    pub(super) retired: Vec<LaneRow>,
    /// Kept by the first shard alone.
    pub(super) pieces: Vec<Piece>,
    pub(super) marks: Marks,
    /// Marks with the lane that made each; kept only where a rule is broken.
    pub(super) marked: Vec<(usize, Mark)>,
    /// How often each change was written, in worlds that count it.
    written: BTreeMap<Key, u32>,
}

impl Stored {
    /// The broken rule: marks of all readings add up.
    pub(super) fn is_marked(&self, chunk: ChunkId) -> bool {
        let own = || self.marked.iter().filter(|(_, mark)| mark.chunk == chunk);
        let by_lane: BTreeMap<usize, Mark> = own().copied().collect();
        let lane_count = own().next_back().map_or(u32::MAX, |(_, mark)| mark.lane_count);
        (0..lane_count).all(|lane| by_lane.contains_key(&(lane as usize)))
    }
}

/// What the statements of a transaction do to one table: deletes by key, then rows.
#[derive(Debug, Clone)]
pub(super) enum TableWrite {
    Moved(MovedWrite),
    Mixed { gone: Vec<Spot>, rows: Vec<(Spot, Image)> },
    Dead { gone: Vec<Spelt>, rows: Vec<(Spelt, Image)> },
    Grouped(GroupedWrite),
    Owned(OwnedWrite),
    LookedUp(LookedUpWrite),
}

#[derive(Debug, Clone)]
pub(super) struct MovedWrite {
    table: usize,
    gone: Vec<usize>,
    rows: Vec<Image>,
}

/// The statements that bring `effects` about, as the lane stage orders them.
pub(super) fn writes_of(effects: &Effects, rules: &Rules) -> Vec<TableWrite> {
    let promoted = promoted(effects).map(TableWrite::Owned);
    let written = effects.tables().map(|(id, effects)| {
        let table = id.0 as usize;
        if let Some(write) = write_of(table, effects) {
            return TableWrite::Owned(write);
        }
        if table == MIXED {
            let gone = effects.gone().map(mixed_place).collect();
            return TableWrite::Mixed { gone, rows: effects.rows().map(mixed_image).collect() };
        }
        if table == DEAD {
            let gone = effects.gone().map(spelt).collect();
            return TableWrite::Dead { gone, rows: effects.rows().map(contribution).collect() };
        }
        if table == LOOKED_UP {
            return TableWrite::LookedUp(LookedUpWrite::of(effects));
        }
        if table == GROUPED {
            return TableWrite::Grouped(GroupedWrite::of(effects, rules));
        }
        let is_upsert = rules.form == Form::Upsert;
        let gone = if table == UNIQUE && !is_upsert {
            effects.touched().map(class_of).collect()
        } else {
            effects.gone().map(class_of).collect()
        };
        let rows = effects.rows().map(|row| Image::of(table, row)).collect();
        TableWrite::Moved(MovedWrite { table, gone, rows })
    });
    promoted.into_iter().chain(written).collect()
}

impl TableWrite {
    fn apply(
        &self,
        all: &mut TargetRows,
        rules: &Rules,
        loses_groups: bool,
    ) -> Result<(), Outcome> {
        match self {
            Self::Moved(write) => write.apply(&mut all.moved, rules.form),
            Self::Grouped(write) => {
                all.grouped.apply(write, rules, loses_groups);
                Ok(())
            }
            Self::Owned(write) => {
                all.owned.apply(write);
                Ok(())
            }
            Self::LookedUp(write) => {
                write.apply(&mut all.looked_up);
                Ok(())
            }
            Self::Mixed { gone, rows } => {
                let all = &mut all.mixed;
                gone.iter().for_each(|&(table, key, class)| all[table][key][class] = None);
                for &((table, key, class), image) in rows {
                    all[table][key][class] = Some(image);
                }
                Ok(())
            }
            Self::Dead { gone, rows } => {
                let all = &mut all.dead;
                gone.iter().for_each(|&(table, key)| all[table][key] = None);
                rows.iter().for_each(|&((table, key), image)| all[table][key] = Some(image));
                Ok(())
            }
        }
    }
}

impl MovedWrite {
    fn apply(&self, all: &mut Rows, form: Form) -> Result<(), Outcome> {
        let rows = &mut all[self.table];
        for &key in &self.gone {
            rows[key] = None;
        }
        for image in &self.rows {
            let rival = rows.iter().flatten().find(|other| {
                other.key != image.key && other.unique.is_some() && other.unique == image.unique
            });
            let rival = rival.map(|other| other.key);
            match (self.table, form, rival) {
                (UNIQUE, Form::Insert, Some(_)) => return Err(Outcome::Duplicate),
                (UNIQUE, Form::Insert, None) if rows[image.key].is_some() => {
                    return Err(Outcome::Duplicate);
                }
                // Its own key is there: the other unique value is refused.
                (UNIQUE, Form::Upsert, Some(_)) if rows[image.key].is_some() => {
                    return Err(Outcome::Duplicate);
                }
                // The other row takes the values, and this one is not there.
                (UNIQUE, Form::Upsert, Some(rival)) => {
                    rows[rival] = Some(Image { key: rival, ..*image });
                }
                _ => rows[image.key] = Some(*image),
            }
        }
        Ok(())
    }
}

/// What a transaction changes when it commits.
#[derive(Debug, Clone)]
pub(super) enum Work {
    /// One lane's window.
    Lane {
        lane: usize,
        next: LaneState,
        writes: Vec<TableWrite>,
        marks: Vec<Mark>,
        /// What names the changes that it writes, in worlds that count them.
        written: Vec<Key>,
    },
    /// All lanes' rows are replaced.
    Lanes { lanes: Vec<LaneRow>, retired: Vec<LaneRow> },
}

/// A transaction that has locked its lanes' rows.
#[derive(Debug, Clone)]
pub(super) struct Txn {
    pub(super) id: u64,
    pub(super) work: Work,
}

#[derive(Debug)]
pub(super) struct Target {
    pub(super) stored: Stored,
    /// What was stored before each of the newest commits.
    history: VecDeque<Stored>,
    keeps_history: bool,
    /// Which transaction holds each lane's row.
    locks: [Option<u64>; LANES_MAX],
    /// Transactions in COMMIT whose connection is gone: they may still happen.
    pub(super) orphans: Vec<Txn>,
    next_txn: u64,
    /// Counts failovers: connections made before one are gone.
    pub(super) incarnation: u64,
}

impl Target {
    pub(super) fn new(pieces: Vec<Piece>, lane_count: usize, keeps_history: bool) -> Self {
        let lane = LaneRow { epoch: 0, generation: 0, state: LaneState::default() };
        Self {
            stored: Stored {
                rows: TargetRows::default(),
                epoch: 0,
                lanes: vec![lane; lane_count],
                retired: Vec::new(),
                pieces,
                marks: Marks::new(),
                marked: Vec::new(),
                written: BTreeMap::new(),
            },
            history: VecDeque::new(),
            keeps_history,
            locks: [None; LANES_MAX],
            orphans: Vec::new(),
            next_txn: 0,
            incarnation: 0,
        }
    }

    pub(super) fn is_locked(&self, lane: usize) -> bool {
        self.locks.get(lane).is_some_and(Option::is_some)
    }

    pub(super) fn is_any_locked(&self) -> bool {
        self.locks.iter().any(Option::is_some)
    }

    /// A new transaction that holds the rows of the lanes that `work` is about.
    pub(super) fn open(&mut self, work: Work, rules: &Rules) -> Txn {
        self.next_txn += 1;
        let id = self.next_txn;
        if rules.lock {
            match &work {
                Work::Lane { lane, .. } => self.locks[*lane] = Some(id),
                Work::Lanes { .. } => self.locks = [Some(id); LANES_MAX],
            }
        }
        Txn { id, work }
    }

    /// Rolls back, or lets go after a commit.
    pub(super) fn release(&mut self, txn: u64) {
        for lock in &mut self.locks {
            if *lock == Some(txn) {
                *lock = None;
            }
        }
    }

    /// Changes what is stored in one step.
    pub(super) fn store(&mut self, change: impl FnOnce(&mut Stored)) {
        if self.keeps_history {
            if self.history.len() == LOST_COMMITS_MAX {
                self.history.pop_front();
            }
            self.history.push_back(self.stored.clone());
        }
        change(&mut self.stored);
    }

    pub(super) fn commit(
        &mut self,
        txn: Txn,
        rules: &Rules,
        loses_groups: bool,
    ) -> Result<(), Outcome> {
        self.release(txn.id);
        let mut outcome = Ok(());
        self.store(|stored| match txn.work {
            Work::Lanes { lanes, retired } => {
                stored.lanes = lanes;
                stored.retired = retired;
            }
            Work::Lane { lane, next, writes, marks, written } => {
                for change in written {
                    let count = stored.written.entry(change).or_default();
                    *count += 1;
                    if *count > 1 {
                        outcome = Err(Outcome::Twice);
                    }
                }
                for write in &writes {
                    outcome = std::mem::replace(&mut outcome, Ok(()))
                        .and_then(|()| write.apply(&mut stored.rows, rules, loses_groups));
                }
                for mark in marks {
                    stored.marks.entry(mark.chunk).or_default().push(mark);
                    if !rules.marks_of_one_reading {
                        stored.marked.push((lane, mark));
                    }
                }
                if let Some(row) = stored.lanes.get_mut(lane) {
                    row.state = next;
                }
            }
        });
        outcome
    }

    /// The newest `count` commits are gone, and so is every open transaction; `false` when there is
    /// nothing to lose.
    pub(super) fn fail_over(&mut self, count: usize) -> bool {
        let kept = self.history.len().saturating_sub(count);
        let Some(stored) = self.history.drain(kept..).next() else { return false };
        self.stored = stored;
        self.locks = [None; LANES_MAX];
        self.orphans.clear();
        self.incarnation += 1;
        true
    }
}
