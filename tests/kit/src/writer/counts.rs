use std::fmt;

/// What a writer did, as far as it was committed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WriterCounts {
    /// Transactions committed.
    pub transactions: u64,
    /// Rows inserted.
    pub inserts: u64,
    /// Rows updated in columns outside of the primary key.
    pub updates: u64,
    /// Rows deleted.
    pub deletes: u64,
    /// Rows given another primary key, and pairs of rows that exchanged theirs.
    pub key_changes: u64,
    /// Pairs of rows that exchanged a unique value.
    pub swaps: u64,
    /// Transactions rolled back on purpose.
    pub rollbacks: u64,
    /// Transactions that the server refused: duplicate keys, foreign keys, deadlocks.
    pub refusals: u64,
    /// Connections made again after one was lost.
    pub reconnects: u64,
}

impl fmt::Display for WriterCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} transactions: {} inserts, {} updates, {} deletes, {} key changes, {} swaps of unique values",
            self.transactions,
            self.inserts,
            self.updates,
            self.deletes,
            self.key_changes,
            self.swaps
        )
    }
}

/// One thing that is counted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Counter {
    Insert,
    Update,
    Delete,
    KeyChange,
    Swap,
}

impl WriterCounts {
    pub(crate) fn add(&mut self, counter: Counter) {
        let count = match counter {
            Counter::Insert => &mut self.inserts,
            Counter::Update => &mut self.updates,
            Counter::Delete => &mut self.deletes,
            Counter::KeyChange => &mut self.key_changes,
            Counter::Swap => &mut self.swaps,
        };
        *count += 1;
    }
}
