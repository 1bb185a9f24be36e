//! The invariant, and whether both sides are equal in the end.

use std::collections::BTreeMap;

use whimbrel_model::Key;

use super::{
    Outcome,
    data::Rows,
    mixed::{TargetRows, key_in, target_id, targets},
    owned::{OWNED, claim_key},
    shards::{Here, Layout},
    target::Stored,
    world::{World, trace},
};
use crate::lane::LaneState;

impl World {
    /// Every row of a lane is the source's image at the lane's position, if that is on this shard; a row
    /// may only be absent because it is not copied yet.
    pub(super) fn check(&self, shard: usize, lane: usize) -> Result<(), Outcome> {
        let here = self.here(shard);
        let Stored { rows, lanes, .. } = &self.shards[shard].stored;
        let Some(row) = lanes.get(lane) else { return Ok(()) };
        let expected = TargetRows::of(&self.rows_at(&row.state), here);
        let cutter = &self.cutters[lanes.len()];
        let is_own = |target: usize, key: &Key| {
            cutter.lane_of(targets(), target_id(target), key) as usize == lane
        };
        for (target, source, image) in rows.unlike(&expected) {
            if is_own(target, &key_in(target, source, &image)) {
                trace!(self, "OFF: lane {lane} of shard {shard} has {image:?} in {target}");
                return Err(Outcome::Off);
            }
        }
        if !rows.grouped.is_in_step() || !rows.owned.is_in_step() {
            trace!(self, "OFF: what is shown on {shard} is not what is kept: {rows:?}");
            return Err(Outcome::Off);
        }
        self.check_shared_keys(here, &row.state, is_own)
    }

    /// A row that waits is taken for one of a key that two sources have, when that is looked at: then
    /// they have it where the lane stands, between two transactions.
    fn check_shared_keys(
        &self,
        here: Here,
        state: &LaneState,
        is_own: impl Fn(usize, &Key) -> bool,
    ) -> Result<(), Outcome> {
        let Stored { rows, lanes, .. } = &self.shards[here.shard].stored;
        let is_between = lanes.iter().all(|lane| lane.state.parts.is_empty());
        if (self.rules.looks_between && !is_between) || !rows.owned.waits() {
            return Ok(());
        }
        let between = LaneState { parts: BTreeMap::new(), ..state.clone() };
        let claims = TargetRows::of(&self.rows_at(&between), here).owned.claims();
        for (key, waiting) in rows.owned.waiting().iter().enumerate() {
            for (source, image) in waiting.iter().enumerate() {
                let Some(image) = image else { continue };
                let is_shared = claims[key].iter().all(Option::is_some);
                if is_own(OWNED, &claim_key(source, image)) && !is_shared {
                    trace!(self, "OFF: {image:?} of {source} waits, and nobody else has its key");
                    return Err(Outcome::Off);
                }
            }
        }
        Ok(())
    }

    /// The source's rows as a lane's position and parts give them.
    fn rows_at(&self, state: &LaneState) -> Rows {
        let mut rows = self.source.views[0];
        for tx in self.source.log.iter().filter(|tx| tx.is_in_force()) {
            let applied = if state.position.contains(&tx.gtid) {
                tx.changes.len()
            } else {
                let done = state.parts.get(&tx.gtid).copied().unwrap_or(0);
                usize::try_from(done).unwrap()
            };
            for change in tx.changes.iter().take(applied) {
                change.apply(&mut rows);
            }
        }
        rows
    }

    /// Whether each shard has what it must of the source, and nothing else.
    pub(super) fn compare(&self) -> Outcome {
        let rows = self.source.views.last().unwrap();
        let is_equal = (0..self.shards.len()).all(|shard| {
            let wanted = TargetRows::of(rows, self.here(shard));
            let mut found = self.shards[shard].stored.rows;
            trace!(self, "shard {shard}: wanted {wanted:?}\nfound  {found:?}");
            // Of two sources that have a key either may be shown; the other waits, so that it is noticed.
            let is_owned_equal =
                found.owned.is_in_step() && found.owned.claims() == wanted.owned.claims();
            found.owned = wanted.owned;
            is_owned_equal && found == wanted
        });
        let is_right = is_equal && self.are_shared_keys_noticed(rows);
        if is_right { Outcome::Equal } else { Outcome::Different }
    }

    /// Whether one of the rows waits of each key that two sources have.
    fn are_shared_keys_noticed(&self, rows: &Rows) -> bool {
        let whole = Here { shard: 0, layout: Layout::WHOLE };
        let claims = TargetRows::of(rows, whole).owned.claims();
        claims.iter().enumerate().all(|(key, claims)| {
            let mut shards = self.shards.iter().map(|shard| &shard.stored.rows.owned);
            let is_shared = claims.iter().all(Option::is_some);
            !is_shared || shards.any(|owned| owned.waiting()[key].iter().any(Option::is_some))
        })
    }
}
