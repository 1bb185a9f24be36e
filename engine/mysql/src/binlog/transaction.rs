//! The transaction that is being read, and those that are prepared.

use std::collections::HashMap;

use whimbrel_model::{Change, Gtid, TransactionPart};

use super::gtid_event::Begin;

/// The most bytes of changes that prepared XA transactions may hold, all together: they wait in
/// memory for a decision that may never come. A quarter of the memory that a run is meant for.
pub(crate) const PREPARED_BYTES_MAX: usize = 64 << 20;

/// A transaction whose end has not come.
#[derive(Debug)]
pub(crate) struct Transaction {
    pub(crate) begin: Begin,
    /// Whether its `BEGIN` or `XA START` has come: a statement does not end it.
    pub(crate) is_begun: bool,
    /// The identifier of the XA transaction that it prepares.
    pub(crate) preparing: Option<String>,
    /// The `XA PREPARE` that it decides.
    prepared: Option<Gtid>,
    /// Changes that are not yet in a part.
    pub(crate) changes: Vec<Change>,
    /// Of `changes`, those whose bytes are counted.
    counted: usize,
    byte_count: usize,
    /// The ordinal of the first of `changes`.
    first: u64,
}

impl Transaction {
    pub(crate) fn new(begin: Begin) -> Self {
        Self {
            begin,
            is_begun: false,
            preparing: None,
            prepared: None,
            changes: Vec::new(),
            counted: 0,
            byte_count: 0,
            first: 0,
        }
    }

    /// Whether any change of a planned table was in it.
    pub(crate) fn has_changes(&self) -> bool {
        self.first > 0 || !self.changes.is_empty()
    }

    /// The memory of the changes that are not in a part.
    pub(crate) fn byte_count(&mut self) -> usize {
        let new = self.changes.get(self.counted..).unwrap_or_default();
        self.byte_count += new.iter().map(Change::byte_count).sum::<usize>();
        self.counted = self.changes.len();
        self.byte_count
    }

    /// Takes over the changes that were prepared by `prepared`.
    pub(crate) fn decide(&mut self, prepared: Prepared) {
        self.prepared = Some(prepared.gtid);
        self.changes = prepared.changes;
        (self.counted, self.byte_count) = (0, 0);
    }

    /// Forgets changes that a rollback undid; none of them may be in a part.
    pub(crate) fn drop_changes(&mut self) {
        self.changes = Vec::new();
        (self.counted, self.byte_count) = (0, 0);
    }

    /// Cuts off the parts that are full.
    pub(crate) fn take_full_parts(&mut self, part_bytes_max: usize) -> Vec<TransactionPart> {
        if self.byte_count() < part_bytes_max {
            return Vec::new();
        }
        let (mut parts, mut part, mut bytes) = (Vec::new(), Vec::new(), 0);
        for change in std::mem::take(&mut self.changes) {
            bytes += change.byte_count();
            part.push(change);
            if bytes >= part_bytes_max {
                parts.push(self.part(std::mem::take(&mut part), false));
                bytes = 0;
            }
        }
        (self.counted, self.byte_count) = (part.len(), bytes);
        self.changes = part;
        parts
    }

    /// The part that ends the transaction, after all that are full.
    pub(crate) fn into_last_part(mut self) -> TransactionPart {
        let changes = std::mem::take(&mut self.changes);
        self.part(changes, true)
    }

    fn part(&mut self, changes: Vec<Change>, is_last: bool) -> TransactionPart {
        let first = self.first;
        self.first += changes.len() as u64;
        TransactionPart {
            transaction: self.begin.transaction.clone(),
            prepared: self.prepared.clone(),
            first,
            changes,
            is_last,
        }
    }

    /// What is kept of it after its `XA PREPARE`.
    pub(crate) fn into_prepared(mut self) -> Prepared {
        let byte_count = self.byte_count();
        Prepared { gtid: self.begin.transaction.gtid, changes: self.changes, byte_count }
    }
}

/// A prepared XA transaction.
#[derive(Debug)]
pub(crate) struct Prepared {
    gtid: Gtid,
    changes: Vec<Change>,
    byte_count: usize,
}

/// The prepared XA transactions that are not decided, by their identifiers as the log writes them.
#[derive(Debug, Default)]
pub(crate) struct PreparedSet {
    by_xid: HashMap<String, Prepared>,
    byte_count: usize,
}

impl PreparedSet {
    /// The memory of their changes.
    pub(crate) fn byte_count(&self) -> usize {
        self.byte_count
    }

    pub(crate) fn insert(&mut self, xid: String, prepared: Prepared) {
        self.byte_count += prepared.byte_count;
        if let Some(replaced) = self.by_xid.insert(xid, prepared) {
            self.byte_count -= replaced.byte_count;
        }
    }

    pub(crate) fn remove(&mut self, xid: &str) -> Option<Prepared> {
        let prepared = self.by_xid.remove(xid)?;
        self.byte_count -= prepared.byte_count;
        Some(prepared)
    }
}
