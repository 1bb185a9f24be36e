//! Taking the plan over: an epoch is drawn at home, and the lanes of one shard after the other are claimed
//! for it. A runner may die in between, and another one may claim meanwhile.

use super::{
    rules::{Realign, Rules},
    runner::Step,
    target::{LANES_MAX, LaneRow, Stored},
    world::{World, trace},
};
use crate::{
    lane::LaneState,
    store::{Claim, ClaimedLanes},
};

#[derive(Debug)]
pub(super) struct Claiming {
    /// The lanes as they were before the claim; read then only where a rule is broken.
    early: Vec<Vec<LaneRow>>,
    claim: Claim,
}

impl Claiming {
    pub(super) fn new(world: &World) -> Self {
        let early = match world.rules.read_in_claim {
            true => Vec::new(),
            false => world.shards.iter().map(|shard| shard.stored.lanes.clone()).collect(),
        };
        Self { early, claim: Claim { epoch: 0, shards: Vec::new() } }
    }

    /// The claim, once it is one of all shards.
    pub(super) fn whole(&self, world: &World) -> Option<&Claim> {
        (self.claim.shards.len() == world.shards.len()).then_some(&self.claim)
    }

    /// Whether some shards are claimed.
    pub(super) fn is_begun(&self) -> bool {
        !self.claim.shards.is_empty()
    }

    /// Claims the next shard and reads what is stored there, in one transaction that waits for all
    /// others.
    pub(super) fn step(&mut self, world: &mut World) -> Step {
        let rules = world.rules;
        let shard = self.claim.shards.len();
        if (rules.lock && world.shards[shard].is_any_locked())
            || (shard > 0 && world.rng.chance(0.7))
        {
            return Step::Go;
        }
        let stored = &world.shards[shard].stored;
        if shard == 0 {
            let drawn = if rules.epochs_drawn_once { world.epochs_drawn } else { 0 };
            self.claim.epoch = drawn.max(stored.epoch) + 1;
            world.epochs_drawn = self.claim.epoch;
        } else if stored.epoch > self.claim.epoch {
            // A later runner is left to its work. No row would be wrong if it were not: it would find
            // itself fenced here, as this one would at home.
            world.counts.fenced += 1;
            return Step::Dead;
        }
        let epoch = self.claim.epoch;
        let realign = rules.realign != Realign::Aligned && world.config.has_lane_changes;
        let lane_count = world.rng.between(1, LANES_MAX);
        if rules.claims(shard) {
            world.shards[shard].store(|stored| {
                stored.epoch = epoch;
                if realign {
                    realign_lanes(stored, rules.realign, lane_count);
                }
                for lane in &mut stored.lanes {
                    lane.epoch = epoch;
                    lane.state.sequence += 1;
                }
            });
        }
        let lanes = match rules.read_in_claim {
            true => &world.shards[shard].stored.lanes,
            false => &self.early[shard],
        };
        trace!(world, "claimed shard {shard} for epoch {epoch}, lanes {lanes:?}");
        let generation = lanes.first().map_or(0, |lane| lane.generation);
        let lanes = lanes.iter().map(|lane| lane.state.clone()).collect();
        self.claim.shards.push(ClaimedLanes { generation, lanes });
        Step::Go
    }
}

impl Rules {
    /// Whether the lanes of a shard are claimed.
    fn claims(&self, shard: usize) -> bool {
        shard == 0 || self.claims_beside
    }

    /// Whether transactions on a shard prove their epoch.
    pub(super) fn compares_epoch(&self, shard: usize) -> bool {
        self.epoch && self.claims(shard)
    }
}

/// The broken rule: lanes that stand at different positions are replaced all the same.
fn realign_lanes(stored: &mut Stored, how: Realign, lane_count: usize) {
    let positions = stored.lanes.iter().map(|lane| lane.state.position.clone());
    let position = positions.reduce(|one, two| match how {
        Realign::Intersection => one.intersection(&two),
        Realign::Aligned | Realign::Union => one.union(&two),
    });
    let sequence = stored.lanes.iter().map(|lane| lane.state.sequence).max().unwrap_or(0);
    let generation = stored.lanes[0].generation + 1;
    let state =
        LaneState { sequence, position: position.unwrap_or_default(), ..LaneState::default() };
    stored.lanes = vec![LaneRow { epoch: stored.epoch, generation, state }; lane_count];
}
