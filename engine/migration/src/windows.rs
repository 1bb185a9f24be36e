//! Windows of touched keys: how a chunk that is read without locks meets the tail.
//!
//! ```text
//!          open                 read view   high                    release
//!  log ─────┼──────────┼────────────┼─────────┼────────────────────────┼───►
//!           │◄─ wait ─►│            │◄─ read ─┼──────►│                │
//!          seen     executed                                  tail has emitted `high`
//!           └────────────── keys of every change are noted ────────────┘
//! ```
//!
//! A row whose key was not noted is the same at `high` as it was read; a noted one is brought by
//! its change. Keys are only compared for equality of their bytes.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use whimbrel_model::{Gtid, GtidSet, Key, Table, TableId, TransactionPart, WindowId};

/// What the source must have executed before a chunk is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The window that was opened.
    pub window: WindowId,
    /// Everything emitted, begun or stored: rows read before the source has executed all of it may
    /// be older than what the target holds.
    pub seen: GtidSet,
}

/// What became of a window when its chunk was released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The chunk's rows count, but for those with these keys.
    Keep(HashSet<Key>),
    /// The chunk must be read again.
    GivenUp,
}

/// The open windows, and what the tail has emitted.
#[derive(Debug)]
pub struct Windows {
    open: BTreeMap<WindowId, Window>,
    next: u64,
    emitted: GtidSet,
    begun: BTreeSet<Gtid>,
    key_bytes_max: usize,
}

#[derive(Debug)]
struct Window {
    table: TableId,
    noted: HashSet<Key>,
    noted_bytes: usize,
    /// Once it was narrowed, the keys of its chunk: no others are noted.
    chunk: Option<HashSet<Key>>,
}

impl Windows {
    /// No open windows. `stored` is what the lanes had stored when they were claimed, parts of
    /// transactions included; a window that notes more than `key_bytes_max` bytes of keys is overfull.
    #[must_use]
    pub fn new(stored: GtidSet, key_bytes_max: usize) -> Self {
        Self {
            open: BTreeMap::new(),
            next: 0,
            emitted: stored,
            begun: BTreeSet::new(),
            key_bytes_max,
        }
    }

    /// Opens a window on `table`: from now on the keys of its changes are noted.
    pub fn open(&mut self, table: TableId) -> Opened {
        let window = WindowId(self.next);
        self.next += 1;
        let noted = HashSet::new();
        self.open.insert(window, Window { table, noted, noted_bytes: 0, chunk: None });
        let mut seen = self.emitted.clone();
        for gtid in &self.begun {
            seen.insert(gtid);
        }
        Opened { window, seen }
    }

    /// Notes what is about to be emitted. Must happen before the part leaves merge, and before the next
    /// part the windows that are overfull now must be narrowed or given up.
    pub fn note(&mut self, part: &TransactionPart, tables: &[Table]) {
        for change in &part.changes {
            let touched = change.table();
            if !self.open.values().any(|window| window.table == touched) {
                continue;
            }
            let table = &tables[touched.0 as usize];
            let before = change.before().map(|row| row.key(table));
            let after = change.after().map(|row| row.key(table));
            for window in self.open.values_mut().filter(|window| window.table == touched) {
                window.note(before.iter().chain(&after));
            }
        }
        self.advance(part);
    }

    /// The windows that note more than they may.
    #[must_use]
    pub fn overfull(&self) -> Vec<WindowId> {
        let is_overfull = |window: &Window| window.noted_bytes > self.key_bytes_max;
        self.open.iter().filter(|(_, window)| is_overfull(window)).map(|(&id, _)| id).collect()
    }

    /// Notes from here on only `keys`, all those of the window's chunk, and forgets that others were
    /// noted: however long the chunk waits then, its window has room for it. A chunk whose keys alone
    /// are too many is given up.
    pub fn narrow<'a>(&mut self, window: WindowId, keys: impl Iterator<Item = &'a Key>) {
        let Some(narrowed) = self.open.get_mut(&window) else { return };
        // Each of them may be noted, too.
        if !narrowed.narrow(keys, self.key_bytes_max / 2) {
            self.open.remove(&window);
        }
    }

    /// Gives a window up: its chunk must be read again.
    pub fn give_up(&mut self, window: WindowId) {
        self.open.remove(&window);
    }

    /// Rows of a transaction of which only a part was emitted may already be on the target, so it
    /// counts as seen from its first part on.
    fn advance(&mut self, part: &TransactionPart) {
        let gtid = &part.transaction.gtid;
        if !part.is_last {
            self.begun.insert(gtid.clone());
            return;
        }
        self.begun.remove(gtid);
        self.emitted.insert(gtid);
        if let Some(prepared) = &part.prepared {
            self.emitted.insert(prepared);
        }
    }

    /// Whether a window is open: neither ended nor given up.
    #[must_use]
    pub fn is_open(&self, window: WindowId) -> bool {
        self.open.contains_key(&window)
    }

    /// Ends a window.
    pub fn close(&mut self, window: WindowId) -> Verdict {
        self.open.remove(&window).map_or(Verdict::GivenUp, |window| Verdict::Keep(window.noted))
    }

    /// Gives all open windows up: the tail moved to another server, whose log offsets mean other
    /// places.
    pub fn give_up_all(&mut self) {
        self.open.clear();
    }

    /// Everything that must lie in what a source has executed before its log may be followed: what
    /// was stored, emitted, or begun on any connection.
    #[must_use]
    pub fn seen(&self) -> GtidSet {
        let mut seen = self.emitted.clone();
        for gtid in &self.begun {
            seen.insert(gtid);
        }
        seen
    }
}

impl Window {
    /// `false` for keys of more than `bytes_max`.
    fn narrow<'a>(&mut self, keys: impl Iterator<Item = &'a Key>, bytes_max: usize) -> bool {
        let (mut chunk, mut byte_count) = (HashSet::new(), 0);
        for key in keys {
            byte_count += key.byte_count();
            if byte_count > bytes_max {
                return false;
            }
            chunk.insert(key.clone());
        }
        self.noted.retain(|key| chunk.contains(key));
        self.noted_bytes = self.noted.iter().map(Key::byte_count).sum();
        self.chunk = Some(chunk);
        true
    }

    fn note<'a>(&mut self, keys: impl Iterator<Item = &'a Key>) {
        for key in keys {
            if self.chunk.as_ref().is_some_and(|chunk| !chunk.contains(key)) {
                continue;
            }
            if !self.noted.contains(key) {
                self.noted_bytes += key.byte_count();
                self.noted.insert(key.clone());
            }
        }
    }
}
