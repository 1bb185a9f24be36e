//! The cut of a shard's stream into lanes: which lane a key belongs to, and what each lane is given.

use std::collections::BTreeSet;

use whimbrel_model::{Cell, ChunkId, Column, ColumnType, Gtid, Key, Newest, Row, Table};
use xxhash_rust::xxh3::xxh3_64;

use crate::transform::{TargetChunk, TargetId, TargetPart};

/// Rows whose keys end in numbers that differ in this many low bits alone reach the same lane.
///
/// A lane so writes runs of neighbours, which share pages of the target's tree. Measured with sysbench's
/// rows in four lanes: 6.2 µs of the target's processor a row with every number on its own, 5.4 with
/// runs of 256, and no less with longer ones; but a tree of 273 MB with 256, of 249 with 4,096, where
/// rows loaded in order make 214. Longer runs leave rows that are inserted in order to one lane for
/// longer: these are within a hundredth of what may wait for the lanes.
pub(crate) const RUN_BITS: u32 = 12;

/// One row to be written or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// The target table.
    pub table: TargetId,
    /// The row's key.
    pub key: Key,
    /// The row, or `None` when the key is gone.
    pub image: Option<Row>,
}

/// A lane's share of a part of a transaction. A lane without a share gets it too, empty: else its
/// position would never meet the others'.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LanePart {
    /// The transaction.
    pub transaction: Newest,
    /// The XA PREPARE that it decides.
    pub prepared: Option<Gtid>,
    /// The ordinal of the first change after this part: the same for all lanes.
    pub next: u64,
    /// Operations with the ordinals of their changes.
    pub operations: Vec<(u64, Operation)>,
    /// Whether the transaction ends here.
    pub is_last: bool,
}

/// A lane's share of a chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneChunk {
    /// The chunk.
    pub chunk: ChunkId,
    /// Which reading of it.
    pub attempt: u64,
    /// How many lanes take part: the chunk is done when all of them have marked this attempt.
    pub lane_count: u32,
    /// How many rows of the source the share stands for: all lanes' add up to those of the chunk.
    pub row_count: u64,
    /// The rows for each target table.
    pub rows: Vec<(TargetId, Vec<(Key, Row)>)>,
}

/// How the rows of one table are spread over lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spread {
    /// By the key, whose columns compare by their bytes or by bytes without trailing spaces.
    ByKey,
    /// The whole table keeps to one lane.
    OneLane,
}

/// Cuts batches into lanes.
///
/// Two keys that the target calls equal always reach the same lane, and the same key reaches the
/// same lane in every run with the same number of lanes.
#[derive(Debug)]
pub struct Cutter {
    spreads: Vec<Spread>,
    lane_count: u32,
}

impl Cutter {
    /// A cutter of `tables`, the target tables, into `lane_count` lanes, at least one. Those that are
    /// `rolled_up` keep to one lane: rows of any lane may belong to one group.
    #[must_use]
    pub fn new(tables: &[Table], rolled_up: &BTreeSet<TargetId>, lane_count: u32) -> Self {
        let spreads = (0..).map(TargetId).zip(tables).map(|(id, table)| {
            if rolled_up.contains(&id) { Spread::OneLane } else { spread(table) }
        });
        Self { spreads: spreads.collect(), lane_count: lane_count.max(1) }
    }

    /// The number of lanes.
    #[must_use]
    pub fn lane_count(&self) -> u32 {
        self.lane_count
    }

    /// The lane of a key.
    #[must_use]
    pub fn lane_of(&self, tables: &[Table], table: TargetId, key: &Key) -> u32 {
        let lane_count = u64::from(self.lane_count);
        let lane = match self.spreads[table.0 as usize] {
            _ if lane_count == 1 => 0,
            Spread::OneLane => u64::from(table.0) % lane_count,
            Spread::ByKey => lane_by_key(&tables[table.0 as usize], key, lane_count),
        };
        u32::try_from(lane).unwrap_or(0)
    }

    /// Each lane's share of a part of a transaction.
    #[must_use]
    pub fn part(&self, tables: &[Table], part: TargetPart) -> Vec<LanePart> {
        let TargetPart { transaction, prepared, next, operations, is_last } = part;
        let share = |operations| LanePart {
            transaction: transaction.clone(),
            prepared: prepared.clone(),
            next,
            operations,
            is_last,
        };
        if self.lane_count == 1 {
            return vec![share(operations)];
        }
        let mut shares: Vec<LanePart> = (0..self.lane_count).map(|_| share(Vec::new())).collect();
        for (ordinal, operation) in operations {
            let lane = self.lane_of(tables, operation.table, &operation.key) as usize;
            shares[lane].operations.push((ordinal, operation));
        }
        shares
    }

    /// Each lane's share of a chunk, with the lane's number. A table that keeps to one lane gives its
    /// rows to that lane alone; lanes that no table of the chunk reaches get no share.
    #[must_use]
    pub fn chunk(&self, tables: &[Table], batch: TargetChunk) -> Vec<(u32, LaneChunk)> {
        let TargetChunk { chunk, attempt, row_count, shares } = batch;
        let lanes = self.lanes_of(shares.iter().map(|(target, _)| *target));
        let share = |row_count, rows| {
            let lane_count = u32::try_from(lanes.len()).unwrap_or(u32::MAX);
            LaneChunk { chunk, attempt, lane_count, row_count, rows }
        };
        if let [lane] = lanes.as_slice() {
            return vec![(*lane, share(row_count, shares))];
        }
        let mut cut: Vec<(u32, LaneChunk)> =
            lanes.iter().map(|&lane| (lane, share(0, Vec::new()))).collect();
        for (target, rows) in shares {
            self.spread_rows(tables, (target, rows), &mut cut);
        }
        count_rows(&mut cut, row_count);
        cut
    }

    /// The lanes that rows of any of the targets may reach, in order.
    fn lanes_of(&self, targets: impl Iterator<Item = TargetId>) -> Vec<u32> {
        let mut lanes = Vec::new();
        for target in targets {
            match self.spreads[target.0 as usize] {
                Spread::ByKey => return (0..self.lane_count).collect(),
                Spread::OneLane => lanes.push(target.0 % self.lane_count),
            }
        }
        lanes.sort_unstable();
        lanes.dedup();
        lanes
    }

    /// Adds a target's rows to the shares of the lanes that they belong to.
    fn spread_rows(
        &self,
        tables: &[Table],
        (target, rows): (TargetId, Vec<(Key, Row)>),
        cut: &mut [(u32, LaneChunk)],
    ) {
        let mut by_lane: Vec<Vec<(Key, Row)>> = (0..self.lane_count).map(|_| Vec::new()).collect();
        if self.spreads[target.0 as usize] == Spread::OneLane {
            by_lane[(target.0 % self.lane_count) as usize] = rows;
        } else {
            for (key, row) in rows {
                by_lane[self.lane_of(tables, target, &key) as usize].push((key, row));
            }
        }
        for (lane, share) in cut {
            let rows = std::mem::take(&mut by_lane[*lane as usize]);
            if !rows.is_empty() {
                share.rows.push((target, rows));
            }
        }
    }
}

/// Tells the lanes how many rows of the source they stand for: each its own, and the first those that
/// are with nobody, as the log brings them or no target has them; all where rows are with several.
fn count_rows(cut: &mut [(u32, LaneChunk)], row_count: u64) {
    let own = |share: &LaneChunk| share.rows.iter().map(|(_, rows)| rows.len() as u64).sum();
    let sum: u64 = cut.iter().map(|(_, share)| own(share)).sum();
    let with_nobody = row_count.checked_sub(sum);
    if with_nobody.is_some() {
        for (_, share) in &mut *cut {
            share.row_count = own(share);
        }
    }
    if let Some((_, first)) = cut.first_mut() {
        first.row_count += with_nobody.unwrap_or(row_count);
    }
}

/// A table with another unique key keeps to one lane, since its unique values may move between rows
/// in any order; so does one whose key the target compares in a way that cannot be told from bytes.
fn spread(table: &Table) -> Spread {
    let by_key = !table.has_other_unique_key()
        && table.key_columns().all(|column| column.column_type.equality().is_some());
    if by_key { Spread::ByKey } else { Spread::OneLane }
}

/// Whether all rows of the table reach one lane.
pub(crate) fn keeps_to_one_lane(table: &Table) -> bool {
    spread(table) == Spread::OneLane
}

/// Whether the column's values are numbers that a server hands out one after the other, as those of
/// the other types that are carried as numbers are not.
fn is_counted(column: &Column) -> bool {
    matches!(column.column_type, ColumnType::Int { .. })
}

/// The lane of a key of a table that is spread: the same for keys that the target calls equal, and for
/// those of one run of numbers. A source that stands behind the key changes nothing: whoever may have a
/// key is in one lane with it.
fn lane_by_key(table: &Table, key: &Key, lane_count: u64) -> u64 {
    let (mut form, mut run) = (Vec::new(), None);
    let last = table.key().len() - 1;
    for (place, (column, cell)) in table.key_columns().zip(key.cells()).enumerate() {
        let cell = match (column.column_type.equality(), cell) {
            (_, Cell::Int(number)) if place == last => {
                run = Some((number >> RUN_BITS).cast_unsigned());
                continue;
            }
            (_, Cell::UInt(number)) if is_counted(column) && place == last => {
                run = Some(number >> RUN_BITS);
                continue;
            }
            (equality, cell) => equality.map_or(cell, |equality| equality.form(cell)),
        };
        cell.encode(&mut form);
    }
    let before = if form.is_empty() { 0 } else { xxh3_64(&form) };
    run.map_or(before % lane_count, |run| in_turn(before.wrapping_add(run), lane_count))
}

/// Spreads runs over lanes. Multiples of the golden ratio lie evenly between whole numbers: runs that
/// follow each other go to all lanes in turn, and so do those that are many numbers apart, as of keys
/// that hold a time and a machine.
fn in_turn(run: u64, lane_count: u64) -> u64 {
    const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
    ((run.wrapping_mul(GOLDEN) >> 32) * lane_count) >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_in_a_row_or_far_apart_reach_all_lanes_alike() {
        const RUNS: u64 = 10_000;
        for lane_count in [2, 3, 4, 7, 60] {
            for apart in [1, 2, 3, 4, 60, 1 << 10, 1 << 20] {
                let mut counts = vec![0u64; usize::try_from(lane_count).unwrap()];
                for run in 0..RUNS {
                    let lane = in_turn(run.wrapping_mul(apart), lane_count);
                    counts[usize::try_from(lane).unwrap()] += 1;
                }
                let most = counts.iter().max().unwrap();

                assert!(most * lane_count < RUNS + RUNS / 4, "{lane_count} {apart}: {counts:?}");
            }
        }
    }
}
