//! The tail stage: hands the log on, in parts and over lost connections.

use std::collections::BTreeSet;

use whimbrel_model::{Gtid, GtidSet, Newest, TailBatch, TransactionPart};

use super::{
    Outcome,
    rules::GiveUp,
    runner::{EDGE_SLOTS, Edges, Facts, Message, Step},
    source::{Kind, Tx},
    world::{World, trace},
};
use crate::windows::Windows;

/// The most parts that travel together.
const BATCH_PARTS_MAX: usize = 3;

#[derive(Debug)]
pub(super) struct Tail {
    /// The server that the last connection reached.
    server: Option<u8>,
    /// That it connected has not been told to merge yet; whether windows are given up by it.
    untold_move: Option<bool>,
    incarnation: Option<u64>,
    /// Log entries read on this connection, and changes of the next one that were handed on.
    next: usize,
    part: usize,
    emitted: GtidSet,
    begun: BTreeSet<Gtid>,
    /// The newest transactions that are applied: compared before anything is handed on.
    newest: Vec<Newest>,
    /// What the lanes had stored, for runs in which windows are not told of it.
    stored: GtidSet,
}

impl Tail {
    pub(super) fn new(emitted: GtidSet, newest: Vec<Newest>, stored: GtidSet) -> Self {
        Self {
            server: None,
            untold_move: None,
            incarnation: None,
            next: 0,
            part: 0,
            emitted,
            begun: BTreeSet::new(),
            newest,
            stored,
        }
    }

    pub(super) fn is_at_end(&self, world: &World) -> bool {
        self.incarnation == Some(world.source.incarnation)
            && self.next == world.source.log.len()
            && self.untold_move.is_none()
    }

    /// The server that the last connection reached.
    pub(super) fn server(&self) -> Option<u8> {
        self.server
    }

    /// What is handed on and not whole yet.
    pub(super) fn begun(&self) -> &BTreeSet<Gtid> {
        &self.begun
    }

    pub(super) fn step(
        &mut self,
        world: &mut World,
        windows: &Windows,
        edges: &mut Edges,
        is_zombie: bool,
    ) -> Result<Step, Outcome> {
        if self.incarnation != Some(world.source.incarnation) {
            if !is_zombie && (self.incarnation.is_none() || world.rng.chance(0.2)) {
                self.connect(world, windows)?;
            }
            return Ok(Step::Go);
        }
        if edges.tail.len() >= EDGE_SLOTS {
            return Ok(Step::Go);
        }
        if let Some(gives_up) = self.untold_move.take() {
            edges.tail.push_back(Message::Moved { server: world.source.server, gives_up });
            return Ok(Step::Go);
        }
        let first = self.next;
        let mut parts = Vec::new();
        let mut facts = Vec::new();
        for _ in 0..world.rng.between(1, BATCH_PARTS_MAX) {
            if let Some(part) = self.read(world)? {
                if !world.rules.join {
                    facts.push((part.transaction.gtid.clone(), self.emitted.clone()));
                }
                parts.push(part);
            }
        }
        if !parts.is_empty() || self.next > first || world.rng.chance(0.1) {
            let upto = world.source.offset(self.next);
            let batch = TailBatch { parts, upto, written_micros: 0 };
            edges.tail.push_back(Message::Batch(batch, Facts::new(facts)));
        }
        Ok(Step::Go)
    }

    /// Proves that this server has everything that was applied; its log is read from the start of
    /// what is missing.
    fn connect(&mut self, world: &mut World, windows: &Windows) -> Result<(), Outcome> {
        let rules = world.rules;
        let mut handed_on = windows.seen().union(&self.stored);
        if rules.lost_check_in_flight {
            handed_on = handed_on.union(&self.emitted);
            self.begun.iter().for_each(|gtid| handed_on.insert(gtid));
        }
        if rules.lost_check && !handed_on.is_subset(world.executed()) {
            if handed_on.is_subset(world.source.set(world.source.log.len())) {
                return Ok(());
            }
            return Err(Outcome::Refused);
        }
        // Before anything is handed on: a log may show others first, which would be newest then.
        let is_other = |tx: &Tx, newest: &Newest| {
            newest.gtid == tx.gtid && newest.committed_micros != tx.committed_micros
        };
        let has_other = |newest| world.source.log.iter().any(|tx| is_other(tx, newest));
        if rules.newest_check && self.newest.iter().any(has_other) {
            return Err(Outcome::Refused);
        }
        trace!(world, "tail connects to server {}", world.source.server);
        let is_other = self.server != Some(world.source.server);
        self.server = Some(world.source.server);
        self.untold_move = Some(match rules.give_up {
            GiveUp::Always => true,
            GiveUp::OtherServer => is_other,
            GiveUp::Never => false,
        });
        self.incarnation = Some(world.source.incarnation);
        (self.next, self.part) = (0, 0);
        Ok(())
    }

    /// Reads on: a part of a transaction, or nothing that is to be handed on.
    fn read(&mut self, world: &mut World) -> Result<Option<TransactionPart>, Outcome> {
        let World { source, rng, config, rules, .. } = world;
        if self.next == source.synced || (self.part > 0 && rng.chance(config.part_pause)) {
            return Ok(None);
        }
        let tx = &source.log[self.next];
        let is_held_back = tx.kind == Kind::XaPrepare && rules.hold_prepared;
        if self.emitted.contains(&tx.gtid) || is_held_back {
            self.next += 1;
            return Ok(None);
        }
        let changes = match tx.kind {
            Kind::XaCommit if !rules.hold_prepared => &[][..],
            Kind::Rows | Kind::XaPrepare | Kind::XaCommit | Kind::XaRollback => {
                tx.changes.as_slice()
            }
        };
        let first = self.part;
        let end = if first > 0 {
            rng.between(first + 1, changes.len())
        } else if !changes.is_empty() && rng.chance(config.part_rate) {
            rng.between(1, changes.len())
        } else {
            changes.len()
        };
        let is_last = end == changes.len();
        let part = TransactionPart {
            transaction: tx.newest(),
            prepared: tx.prepared.clone().filter(|_| rules.hold_prepared),
            first: first as u64,
            changes: changes[first..end].iter().map(|change| change.to_change()).collect(),
            is_last,
        };
        trace!(
            world,
            "tail emits {} {first}..{end}{}",
            part.transaction.gtid,
            if is_last { " end" } else { "" }
        );
        let rules = world.rules;
        if part.is_last || rules.newest_of_parts {
            // What a lane has applied and this run has not handed on yet is not newest, but the
            // newest that this lane knows of.
            let Self { newest, emitted, .. } = self;
            newest.retain(|newest| rules.newest_of_lanes && !emitted.contains(&newest.gtid));
            newest.retain(|newest| newest.gtid != part.transaction.gtid);
            newest.push(part.transaction.clone());
        }
        self.advance(&part, end);
        Ok(Some(part))
    }

    fn advance(&mut self, part: &TransactionPart, end: usize) {
        let gtid = &part.transaction.gtid;
        if !part.is_last {
            self.part = end;
            self.begun.insert(gtid.clone());
            return;
        }
        self.begun.remove(gtid);
        self.emitted.insert(gtid);
        if let Some(prepared) = &part.prepared {
            self.emitted.insert(prepared);
        }
        (self.next, self.part) = (self.next + 1, 0);
    }
}
