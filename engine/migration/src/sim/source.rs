//! The source: a log, what of it is visible to whom, and the servers that it lives on.
//!
//! `synced` entries are delivered to the tail, `committed` are seen by reads, `executed` stand in
//! `gtid_executed`; executed ≤ committed ≤ synced ≤ all, as on a server whose commit shows a
//! transaction to dump threads first, to readers next, and in `gtid_executed` last.

use whimbrel_model::{Gtid, GtidSet, LogOffset, Newest, SourceId};

use super::{
    data::{Image, KEYS, LETTERS, PADDED, RowChange, Rows, TABLES, UNIQUE},
    rng::Rng,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Rows,
    /// The rows change when its XA COMMIT comes.
    XaPrepare,
    XaCommit,
    XaRollback,
}

/// One entry of the log.
#[derive(Debug, Clone)]
pub(super) struct Tx {
    pub(super) gtid: Gtid,
    pub(super) kind: Kind,
    pub(super) changes: Vec<RowChange>,
    /// The XA PREPARE that it decides.
    pub(super) prepared: Option<Gtid>,
    pub(super) committed_micros: u64,
}

impl Tx {
    pub(super) fn newest(&self) -> Newest {
        Newest { gtid: self.gtid.clone(), committed_micros: self.committed_micros }
    }

    /// Whether its rows are in force.
    pub(super) fn is_in_force(&self) -> bool {
        matches!(self.kind, Kind::Rows | Kind::XaCommit)
    }

    /// Whether both could have been committed the other way round.
    fn is_independent(&self, other: &Self) -> bool {
        let clash = |one: &RowChange, two: &RowChange| {
            let values = |change: &RowChange| {
                [change.before, change.after].map(|image| image.and_then(|image| image.unique))
            };
            let shares_value =
                || values(one).iter().flatten().any(|value| values(two).contains(&Some(*value)));
            one.table == two.table && (one.key() == two.key() || shares_value())
        };
        self.kind == Kind::Rows
            && other.kind == Kind::Rows
            && !self.changes.iter().any(|one| other.changes.iter().any(|two| clash(one, two)))
    }
}

/// How a source fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failover {
    /// To a replica that committed independent transactions in another order.
    Order,
    /// To a replica that lacks the newest transactions.
    Lossy,
    /// A crash that loses the newest transactions, whose identifiers are given out again.
    Reuse,
}

#[derive(Debug)]
pub(super) struct Source {
    pub(super) log: Vec<Tx>,
    /// What readers see after each number of entries.
    pub(super) views: Vec<Rows>,
    /// The GTIDs of each number of entries.
    sets: Vec<GtidSet>,
    pub(super) synced: usize,
    pub(super) committed: usize,
    pub(super) executed: usize,
    /// Transactions between XA PREPARE and their end.
    pub(super) prepared: Vec<Tx>,
    /// Names the server.
    pub(super) server: u8,
    /// Counts the times that connections broke.
    pub(super) incarnation: u64,
    /// Whether transactions were ever lost.
    pub(super) has_lost: bool,
    next_number: u64,
    next_micros: u64,
    /// Log files of the present server: the number of entries before each, and its number.
    files: Vec<(usize, u64)>,
}

impl Source {
    pub(super) fn new(rng: &mut Rng) -> Self {
        let mut first: Rows = [[None; KEYS]; TABLES];
        for (table, rows) in first.iter_mut().enumerate() {
            let mut values = vec![Some(0), Some(1), Some(2), None, None];
            for (key, row) in rows.iter_mut().enumerate() {
                let unique = values.swap_remove(rng.below(values.len()));
                if rng.chance(0.65) {
                    *row = Some(Image {
                        key,
                        is_respelt: table != UNIQUE && rng.chance(0.5),
                        unique: unique.filter(|_| table == UNIQUE),
                        value: u16::try_from(rng.below(200)).unwrap(),
                    });
                }
            }
        }
        Self {
            log: Vec::new(),
            views: vec![first],
            sets: vec![GtidSet::default()],
            synced: 0,
            committed: 0,
            executed: 0,
            prepared: Vec::new(),
            server: 1,
            incarnation: 1,
            has_lost: false,
            next_number: 1,
            next_micros: 1,
            files: vec![(0, 1)],
        }
    }

    /// The GTIDs of the first `count` entries.
    pub(super) fn set(&self, count: usize) -> &GtidSet {
        &self.sets[count]
    }

    /// The place in the present server's log after `count` entries.
    pub(super) fn offset(&self, count: usize) -> LogOffset {
        let (start, file) =
            self.files[self.files.partition_point(|(start, _)| *start <= count) - 1];
        LogOffset { file: format!("bin.{file:06}"), offset: 4 + (count - start) as u64 * 100 }
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.executed == self.log.len() && self.prepared.is_empty()
    }

    /// One of the four paces: something is written, or comes one step further in its commit.
    pub(super) fn step(
        &mut self,
        rng: &mut Rng,
        pace: &[f64; 4],
        (may_write, has_xa): (bool, bool),
        tables: &[usize],
    ) {
        match rng.weighted(pace) {
            0 if may_write => self.write(rng, has_xa, tables),
            0 if !self.prepared.is_empty() => self.decide(rng),
            1 if self.synced < self.log.len() => self.synced += 1,
            2 if self.committed < self.synced => self.committed += 1,
            3 if self.executed < self.committed => self.executed += 1,
            _ => {}
        }
    }

    /// Ends a prepared transaction.
    fn decide(&mut self, rng: &mut Rng) {
        let tx = self.prepared.swap_remove(rng.below(self.prepared.len()));
        if rng.chance(0.6) {
            self.append(Kind::XaCommit, tx.changes, Some(tx.gtid));
        } else {
            self.append(Kind::XaRollback, Vec::new(), Some(tx.gtid));
        }
    }

    fn write(&mut self, rng: &mut Rng, has_xa: bool, tables: &[usize]) {
        if !self.prepared.is_empty() && rng.chance(0.3) {
            return self.decide(rng);
        }
        let mut rows = *self.views.last().unwrap();
        let mut changes = Vec::new();
        for _ in 0..rng.between(1, 4) {
            let (table, key) = (rng.pick(tables), rng.below(KEYS));
            if let Some(change) = self.change(rng, &rows, (table, key)) {
                change.apply(&mut rows);
                changes.push(change);
            }
        }
        if !changes.is_empty() {
            let kind = if has_xa && rng.chance(0.15) { Kind::XaPrepare } else { Kind::Rows };
            self.append(kind, changes, None);
        }
    }

    /// A change that the locks of prepared transactions and the unique key let happen.
    fn change(
        &self,
        rng: &mut Rng,
        rows: &Rows,
        (table, key): (usize, usize),
    ) -> Option<RowChange> {
        let held = || self.prepared.iter().flat_map(|tx| &tx.changes);
        if held().any(|change| change.table == table && change.key() == key) {
            return None;
        }
        let before = rows[table][key];
        let value = u16::try_from(rng.below(200)).unwrap();
        let is_gone = rng.chance(0.33);
        let is_respelt = (table == PADDED || table == LETTERS) && rng.chance(0.5);
        let unique = if table == UNIQUE && rng.chance(0.75) {
            let wanted = u8::try_from(rng.below(3)).unwrap();
            let mut images = held().flat_map(|change| [change.before, change.after]).flatten();
            let is_taken = rows[UNIQUE]
                .iter()
                .flatten()
                .any(|image| image.key != key && image.unique == Some(wanted))
                || images.any(|image| image.unique == Some(wanted));
            (!is_taken).then_some(wanted)
        } else {
            None
        };
        let after = (!is_gone).then_some(Image { key, is_respelt, unique, value });
        (before != after).then_some(RowChange { table, before, after })
    }

    fn append(&mut self, kind: Kind, changes: Vec<RowChange>, prepared: Option<Gtid>) {
        let source = SourceId { uuid: [self.server; 16], tag: String::new() };
        let gtid = Gtid { source, number: self.next_number };
        let tx = Tx { gtid, kind, changes, prepared, committed_micros: self.next_micros };
        self.next_number += 1;
        self.next_micros += 1;
        self.log.push(tx);
        self.replay(self.log.len() - 1);
    }

    /// Computes what follows from the log again, from entry `start` on.
    fn replay(&mut self, start: usize) {
        self.views.truncate(start + 1);
        self.sets.truncate(start + 1);
        for tx in &self.log[start..] {
            let (mut rows, mut set) =
                (self.views[self.views.len() - 1], self.sets[self.sets.len() - 1].clone());
            if tx.is_in_force() {
                for change in &tx.changes {
                    change.apply(&mut rows);
                }
            }
            set.insert(&tx.gtid);
            self.views.push(rows);
            self.sets.push(set);
        }
        self.prepared.clear();
        for tx in &self.log {
            match &tx.prepared {
                Some(prepared) => self.prepared.retain(|open| open.gtid != *prepared),
                None if tx.kind == Kind::XaPrepare => self.prepared.push(tx.clone()),
                None => {}
            }
        }
    }

    pub(super) fn fail_over(&mut self, rng: &mut Rng, how: Failover) {
        self.incarnation += 1;
        if how != Failover::Order {
            self.lose(rng, how);
        } else {
            for _ in 0..6.min(self.log.len().saturating_sub(1)) {
                let last = self.log.len() - 1;
                let index = rng.between(self.log.len().saturating_sub(7).min(last - 1), last - 1);
                if self.log[index].is_independent(&self.log[index + 1]) {
                    self.log.swap(index, index + 1);
                }
            }
        }
        if how != Failover::Reuse {
            self.server += 1;
            self.next_number = 1;
            self.files = vec![(0, rng.between(1, 9) as u64)];
        }
        self.replay(0);
        self.synced = self.log.len();
        self.committed = self.synced;
        self.executed = self.synced;
    }

    fn lose(&mut self, rng: &mut Rng, how: Failover) {
        let kept = self.log.len().saturating_sub(rng.between(1, 3));
        let gone = self.log.split_off(kept);
        self.has_lost |= !gone.is_empty();
        if how != Failover::Reuse {
            return;
        }
        // A server gives out again only what it no longer has, and it begins a file when it starts.
        let own = |tx: &&Tx| tx.gtid.source.uuid == [self.server; 16];
        let low = gone.iter().filter(own).map(|tx| tx.gtid.number).min();
        if let Some(low) = low
            && self.log.iter().filter(own).all(|tx| tx.gtid.number < low)
        {
            self.next_number = low;
        }
        let newest_file = self.files[self.files.len() - 1].1;
        self.files.retain(|(start, _)| *start < kept);
        self.files.push((kept, newest_file + 1));
    }
}
