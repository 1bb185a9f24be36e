//! The simulator: the engine's real decisions against a source, a log and a target in memory.
//!
//! Real here are windows, merge, the transform, the cut into lanes, a lane's plan, settling, alignment of lanes,
//! pieces and marks. Simulated is what surrounds them: a source whose commits are delivered before
//! they can be seen, XA, failovers that reorder or lose transactions or give their identifiers out
//! again; a target whose commits lose their answer and whose failovers lose commits; runners that
//! crash, live on as second runners and claim; edges between the stages. A seed decides
//! everything, so the seed that a failing test prints reproduces its run.
//!
//! The invariant: every row that a lane holds is the source's image at that lane's stored position, and
//! one that its shard has there; it may only be absent, as it is not copied yet. It is looked at after
//! each commit of a lane, and in the end every row of the source is on its shard, and nowhere else.

mod apply;
mod claim;
mod config;
mod covered;
mod data;
mod grouped;
mod lane;
mod looked_up;
mod mixed;
mod owned;
mod rng;
mod route;
mod rules;
mod runner;
mod shards;
mod snapshot;
mod source;
mod tail;
mod target;
mod tests;
mod variants;
mod world;

use config::{Config, Counts};
use rules::Rules;
use runner::{Runner, Step};
use world::{World, trace};

/// Steps after which a run that has not ended never will.
const STEPS_MAX: usize = 1_000_000;

/// How a simulated run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::sim) enum Outcome {
    /// The target equals the source.
    Equal,
    /// The engine stopped and says that the source lost what was applied.
    Refused,
    /// The target differs from the source at the end.
    Different,
    /// A unique key refuses a row for good.
    Duplicate,
    /// A lane holds a row that its position does not give.
    Off,
    /// A change was written twice: wrong for deltas.
    Twice,
    /// Nothing moves any more.
    Stuck,
}

/// A run and what is to be known of it.
#[derive(Debug, Clone, Copy)]
pub(in crate::sim) struct Run {
    pub(in crate::sim) outcome: Outcome,
    /// Whether the source lost transactions, which alone is reason to refuse.
    pub(in crate::sim) has_lost: bool,
    pub(in crate::sim) counts: Counts,
    pub(in crate::sim) steps: usize,
}

impl Run {
    /// Whether the engine did what it must.
    pub(in crate::sim) fn is_right(&self) -> bool {
        match self.outcome {
            Outcome::Equal => true,
            Outcome::Refused => self.has_lost,
            Outcome::Different
            | Outcome::Duplicate
            | Outcome::Off
            | Outcome::Twice
            | Outcome::Stuck => false,
        }
    }
}

/// Runs the world of `seed`, as `narrow` limits it.
pub(in crate::sim) fn simulate(
    seed: u64,
    rules: Rules,
    narrow: impl FnOnce(&mut Config),
    is_traced: bool,
) -> Run {
    let mut world = World::new(seed, rules, narrow);
    world.is_traced = is_traced;
    trace!(world, "{:?}", world.config);
    let mut simulation = Simulation { runner: Runner::new(&world), zombies: Vec::new(), world };
    let mut steps = 0;
    let outcome = loop {
        if steps % 16 == 0 && simulation.is_finished() {
            break simulation.world.compare();
        }
        if steps == STEPS_MAX {
            trace!(simulation.world, "{:?}\n{:?}", simulation.runner, simulation.world.shards);
            break Outcome::Stuck;
        }
        steps += 1;
        if let Err(outcome) = simulation.step() {
            break outcome;
        }
    };
    let Simulation { mut world, .. } = simulation;
    if outcome == Outcome::Equal {
        world.counts.held_apart = world.held_apart();
    }
    Run { outcome, has_lost: world.source.has_lost, counts: world.counts, steps }
}

struct Simulation {
    world: World,
    runner: Runner,
    /// Runners that were replaced and do not know it.
    zombies: Vec<Runner>,
}

impl Simulation {
    fn is_finished(&self) -> bool {
        let world = &self.world;
        world.source.log.len() >= world.config.entries
            && world.source.is_quiet()
            && world.shards.iter().all(|shard| shard.orphans.is_empty())
            && self.runner.is_finished(world)
    }

    fn step(&mut self) -> Result<(), Outcome> {
        let place = self.world.rng.fraction();
        if place < 0.22 {
            self.world.step_source();
        } else if place < 0.26 {
            if self.world.rng.chance(self.world.config.fault_rate) {
                self.fault();
            }
        } else if place < 0.30 {
            self.world.step_orphan()?;
        } else if place < 0.38 && !self.zombies.is_empty() {
            self.step_zombie()?;
        } else if self.runner.step(&mut self.world, false)? == Step::Dead {
            // What the other lanes were given is written before the run ends.
            let drains = self.world.config.has_zombies && self.world.rng.chance(0.5);
            self.crash(drains);
        }
        Ok(())
    }

    fn fault(&mut self) {
        let place = self.world.rng.fraction();
        if place < 0.25 && self.world.config.crashes > 0 {
            self.world.config.crashes -= 1;
            let lives_on = self.world.config.has_zombies && self.world.rng.chance(0.6);
            self.crash(lives_on);
        } else if place < 0.50 {
            self.world.fail_source();
        } else if place < 0.75 {
            self.world.fail_target();
        } else {
            self.world.cut_source();
        }
    }

    fn crash(&mut self, lives_on: bool) {
        self.world.counts.crashes += 1;
        trace!(self.world, "a new runner, the old one lives on: {lives_on}");
        self.world.turn_shards();
        let old = std::mem::replace(&mut self.runner, Runner::new(&self.world));
        if lives_on {
            self.zombies.push(old);
        } else {
            old.abandon(&mut self.world);
        }
    }

    fn step_zombie(&mut self) -> Result<(), Outcome> {
        let index = self.world.rng.below(self.zombies.len());
        let ends = self.world.rng.chance(0.02);
        if ends || self.zombies[index].step(&mut self.world, true)? == Step::Dead {
            let zombie = self.zombies.swap_remove(index);
            zombie.abandon(&mut self.world);
        }
        Ok(())
    }
}
