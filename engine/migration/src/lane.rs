//! One lane: what it has stored, what waits for it, and what its next transaction holds.

use std::collections::{BTreeMap, VecDeque};

use whimbrel_model::{ChunkId, Gtid, GtidSet, Newest, Row};

use crate::{
    effects::Effects,
    lanes::{LaneChunk, LanePart},
};

/// What a lane's row in the target says. It changes only together with the rows that it speaks of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LaneState {
    /// Counts the lane's transactions. Compared and swapped by each of them: a target that lost its
    /// newest commits, or another runner's commit, is noticed by it.
    pub sequence: u64,
    /// The transactions that are wholly applied.
    pub position: GtidSet,
    /// How many changes are applied of transactions that are not whole yet.
    pub parts: BTreeMap<Gtid, u64>,
    /// The newest transaction of which at least a part is applied.
    pub newest: Option<Newest>,
}

impl LaneState {
    /// Everything of which at least a part is applied.
    #[must_use]
    pub fn touched(&self) -> GtidSet {
        let mut touched = self.position.clone();
        for gtid in self.parts.keys() {
            touched.insert(gtid);
        }
        touched
    }
}

/// What waits for a lane, in the order in which it must be applied.
#[derive(Debug, Clone)]
pub enum LaneItem {
    /// A share of a transaction.
    Part(LanePart),
    /// A share of a chunk.
    Chunk(LaneChunk),
}

impl LaneItem {
    /// How many rows it writes or removes.
    #[must_use]
    pub fn row_count(&self) -> usize {
        match self {
            Self::Part(part) => part.operations.len(),
            Self::Chunk(chunk) => chunk.rows.iter().map(|(_, rows)| rows.len()).sum(),
        }
    }

    /// Whether it is but a position: a share without rows, and no mark.
    #[must_use]
    pub fn is_position_alone(&self) -> bool {
        matches!(self, Self::Part(part) if part.operations.is_empty())
    }

    /// The memory that its rows take, in bytes.
    #[must_use]
    pub fn byte_count(&self) -> usize {
        let image = |row: &Row| row.byte_count();
        match self {
            Self::Part(part) => part
                .operations
                .iter()
                .map(|(_, operation)| {
                    operation.key.byte_count() + operation.image.as_ref().map_or(0, image)
                })
                .sum(),
            Self::Chunk(chunk) => {
                let rows = chunk.rows.iter().flat_map(|(_, rows)| rows);
                rows.map(|(key, row)| key.byte_count() + image(row)).sum()
            }
        }
    }

    fn ends_transaction(&self) -> bool {
        match self {
            Self::Part(part) => part.is_last,
            Self::Chunk(_) => true,
        }
    }
}

/// That a lane holds its share of a reading of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mark {
    /// The chunk.
    pub chunk: ChunkId,
    /// The reading, together with the epoch of the runner that read it.
    pub attempt: u64,
    /// How many lanes take part in that reading.
    pub lane_count: u32,
    /// How many rows of the source this lane stands for.
    pub row_count: u64,
}

/// One transaction of a lane: what it writes and what the lane's row says afterwards.
#[derive(Debug)]
pub struct Plan {
    /// The rows.
    pub effects: Effects,
    /// The chunks of which it holds the lane's share.
    pub marks: Vec<Mark>,
    /// The lane's row after it.
    pub next: LaneState,
}

/// What bounds a lane's transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanLimits {
    /// At most this many rows, but for a single item that has more.
    pub rows_max: usize,
    /// At most this many bytes of rows, but for a single item that has more.
    pub bytes_max: usize,
    /// Whether source transactions that are there as a whole are kept whole.
    pub is_steady: bool,
}

/// How many of the items that wait for a lane its next transaction takes in.
#[must_use]
pub fn window_length(queue: &VecDeque<LaneItem>, limits: PlanLimits) -> usize {
    let (mut count, mut rows, mut bytes, mut whole) = (0, 0, 0, 0);
    for item in queue {
        rows += item.row_count();
        bytes += item.byte_count();
        if count > 0 && (rows > limits.rows_max || bytes > limits.bytes_max) {
            break;
        }
        count += 1;
        if item.ends_transaction() {
            whole = count;
        }
    }
    // A transaction that is longer than a window, or that has not come whole, goes on in parts.
    if limits.is_steady && whole > 0 { whole } else { count }
}

/// Plans the transaction in which a lane that has stored `state` applies `items`.
///
/// What was applied before is skipped transaction by transaction, and by the ordinal inside one of
/// which only a part was stored. The new position is the old one joined with what is applied here.
#[must_use]
pub fn plan(state: &LaneState, items: impl IntoIterator<Item = LaneItem>) -> Plan {
    let mut plan = Plan {
        effects: Effects::default(),
        marks: Vec::new(),
        next: LaneState { sequence: state.sequence + 1, ..state.clone() },
    };
    for item in items {
        match item {
            LaneItem::Part(part) => apply_part(&mut plan, part),
            LaneItem::Chunk(chunk) => apply_chunk(&mut plan, chunk),
        }
    }
    plan
}

fn apply_part(plan: &mut Plan, part: LanePart) {
    let gtid = &part.transaction.gtid;
    if plan.next.position.contains(gtid) {
        return;
    }
    let done = plan.next.parts.get(gtid).copied().unwrap_or(0);
    for (ordinal, operation) in part.operations {
        if ordinal >= done {
            plan.effects.set(operation.table, operation.key, operation.image);
        }
    }
    if part.is_last {
        plan.next.parts.remove(gtid);
        plan.next.position.insert(gtid);
        if let Some(prepared) = &part.prepared {
            plan.next.position.insert(prepared);
        }
    } else {
        plan.next.parts.insert(gtid.clone(), done.max(part.next));
    }
    // Also of a part: a source that lost the transaction may give its identifier to another one,
    // which would be taken for the rest of this.
    plan.next.newest = Some(part.transaction);
}

fn apply_chunk(plan: &mut Plan, chunk: LaneChunk) {
    plan.marks.push(Mark {
        chunk: chunk.chunk,
        attempt: chunk.attempt,
        lane_count: chunk.lane_count,
        row_count: chunk.row_count,
    });
    for (target, rows) in chunk.rows {
        plan.effects.set_chunk(target, rows);
    }
}

/// What a lane's row, read under its lock, says of a transaction whose commit got no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It was committed.
    Committed,
    /// It was not: it may be written again.
    NotCommitted,
    /// Another runner has taken the lane over.
    Fenced,
    /// The target is not what it was: it lost commits, or has some that are not ours.
    Diverged,
}

/// The identity of a lane's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneVersion {
    /// The epoch of the runner that owns the lane.
    pub epoch: u64,
    /// Counts the changes of the number of lanes.
    pub generation: u64,
    /// The sequence number.
    pub sequence: u64,
}

/// Settles an uncertain commit of the transaction that follows `mine`, by the lane's row as `found`
/// under its lock.
#[must_use]
pub fn settle(mine: LaneVersion, found: LaneVersion) -> Settled {
    if found.epoch > mine.epoch {
        return Settled::Fenced;
    }
    // A row of an earlier runner is what a server has that lost this one's claim.
    if found.epoch < mine.epoch || found.generation != mine.generation {
        return Settled::Diverged;
    }
    if found.sequence == mine.sequence + 1 {
        return Settled::Committed;
    }
    if found.sequence == mine.sequence { Settled::NotCommitted } else { Settled::Diverged }
}

/// The single state that all lanes stand at, when the number of lanes may change: one position and
/// no transaction in parts.
#[must_use]
pub fn aligned(lanes: &[LaneState]) -> Option<LaneState> {
    let first = lanes.first()?;
    let same = lanes.iter().all(|lane| lane.position == first.position && lane.parts.is_empty());
    let sequence = lanes.iter().map(|lane| lane.sequence).max()?;
    same.then(|| LaneState { sequence, ..first.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_a_later_runner_is_fenced_and_one_of_an_earlier_runner_lost() {
        let at = |epoch, sequence| LaneVersion { epoch, generation: 1, sequence };
        let settled = |found| settle(at(5, 7), found);

        assert_eq!(settled(at(6, 7)), Settled::Fenced);
        // A server that was behind became the primary: it never had the claim.
        assert_eq!(settled(at(4, 7)), Settled::Diverged);
        assert_eq!(settled(at(5, 7)), Settled::NotCommitted);
        assert_eq!(settled(at(5, 8)), Settled::Committed);
        assert_eq!(settled(at(5, 6)), Settled::Diverged);
    }

    #[test]
    fn the_newest_transaction_is_also_one_that_is_applied_in_part() {
        let transaction = Newest {
            gtid: "3e11fa47-71ca-11e1-9e33-c80aa9429562:7".parse().unwrap(),
            committed_micros: 5,
        };
        let part = LanePart {
            transaction: transaction.clone(),
            prepared: None,
            next: 3,
            operations: Vec::new(),
            is_last: false,
        };

        let next = plan(&LaneState::default(), [LaneItem::Part(part)]).next;

        assert_eq!(next.parts.get(&transaction.gtid), Some(&3));
        assert_eq!(next.newest, Some(transaction));
    }
}
