//! Every rule removed, each in a world narrowed to where the rule matters.

use super::{
    config::Config,
    data::{LETTERS, PADDED, UNIQUE},
    rules::{Form, GiveUp, High, Realign, Rules, Settling},
    source::Failover,
};

/// Rules broken, and the worlds in which that shows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Variant {
    pub(super) name: &'static str,
    /// A rule that another one covers for is broken together with that one.
    pub(super) break_rules: fn(&mut Rules),
    pub(super) narrow: fn(&mut Config),
}

impl Variant {
    pub(super) fn rules(&self) -> Rules {
        let mut rules = Rules::KEPT;
        (self.break_rules)(&mut rules);
        rules
    }
}

const fn variant(
    name: &'static str,
    break_rules: fn(&mut Rules),
    narrow: fn(&mut Config),
) -> Variant {
    Variant { name, break_rules, narrow }
}

pub(super) const VARIANTS: &[Variant] = &[
    variant("wait", |rules| rules.wait = false, any),
    variant("drop_noted", |rules| rules.drop_noted = false, any),
    variant(
        "seen_stored, high and lost_check",
        |rules| {
            (rules.seen_stored, rules.high, rules.lost_check) = (false, High::Executed, false);
        },
        ahead,
    ),
    variant("seen_begun", |rules| rules.seen_begun = false, long_parts),
    variant("high is executed", |rules| rules.high = High::Executed, source_loses),
    variant("high is nothing", |rules| rules.high = High::None, source_loses),
    variant("high of unique values", |rules| rules.high = High::Executed, unique_values),
    variant("no DUPLICATE KEY UPDATE", |rules| rules.form = Form::Upsert, unique_values),
    variant("parts of unique values", |rules| rules.parts = false, parts_of_unique),
    variant("one_lane", |rules| rules.one_lane = false, unique_in_lanes),
    variant(
        "give_up at the same server",
        |rules| rules.give_up = GiveUp::OtherServer,
        source_loses,
    ),
    variant("give_up at all", |rules| rules.give_up = GiveUp::Never, any),
    variant("server_of_merge", |rules| rules.server_of_merge = false, source_moves),
    variant("hold_prepared", |rules| rules.hold_prepared = false, any),
    variant("fifo", |rules| rules.fifo = false, any),
    variant("lanes_by_class", |rules| rules.lanes_by_class = false, any),
    variant("join", |rules| rules.join = false, lanes_apart),
    variant("skip_by_transaction", |rules| rules.skip_by_transaction = false, lanes_apart),
    variant("parts", |rules| rules.parts = false, counted),
    variant("sequence", |rules| rules.sequence = false, target_loses),
    variant("idle_proof", |rules| rules.idle_proof = false, target_loses),
    variant("lock", |rules| rules.lock = false, second_runners),
    variant("epoch", |rules| rules.epoch = false, second_runners),
    variant(
        "epoch and sequence",
        |rules| (rules.epoch, rules.sequence) = (false, false),
        second_runners,
    ),
    variant("epochs_drawn_once", |rules| rules.epochs_drawn_once = false, claims_lost),
    variant(
        "settling under the lock",
        |rules| (rules.sequence, rules.settling) = (false, Settling::Plain),
        counted,
    ),
    variant(
        "settling by sequence",
        |rules| (rules.sequence, rules.settling) = (false, Settling::Position),
        uncertain,
    ),
    variant(
        "read_in_claim and sequence",
        |rules| (rules.read_in_claim, rules.sequence) = (false, false),
        second_runners,
    ),
    variant("realign at the least", |rules| rules.realign = Realign::Intersection, lanes_apart),
    variant("realign at the most", |rules| rules.realign = Realign::Union, lanes_apart),
    variant("fresh_lanes", |rules| rules.fresh_lanes = false, lanes_apart),
    variant("marks_of_one_reading", |rules| rules.marks_of_one_reading = false, half_marked),
    variant("marks_of_all_lanes", |rules| rules.marks_of_all_lanes = false, half_marked_letters),
    variant("held_by_all_shards", |rules| rules.held_by_all_shards = false, half_held),
    variant("claims_beside", |rules| rules.claims_beside = false, second_runners_of_shards),
    variant("resumes_from_all_shards", |rules| rules.resumes_from_all_shards = false, shards),
    variant(
        "seen_of_all_shards, high and lost_check",
        |rules| {
            (rules.seen_of_all_shards, rules.high, rules.lost_check) =
                (false, High::Executed, false);
        },
        shards_ahead,
    ),
    variant(
        "checks_all_shards",
        |rules| rules.checks_all_shards = false,
        shards_of_source_that_reuses,
    ),
    variant(
        "numbers_by_epoch of shards",
        |rules| rules.numbers_by_epoch = false,
        cuts_lost_at_home,
    ),
    variant("owned_by_key", |rules| rules.owned_by_key = false, shards),
    variant("looks_up_unique", |rules| rules.looks_up_unique = false, unique_values),
    variant("leaves_old_shard", |rules| rules.leaves_old_shard = false, shards),
    variant("takes_back", |rules| rules.takes_back = false, any),
    variant("subtracts", |rules| rules.subtracts = false, any),
    variant("shows_what_left", |rules| rules.shows_what_left = false, any),
    variant("groups_with_rows", |rules| rules.groups_with_rows = false, any),
    variant("keeps_bytes", |rules| rules.keeps_bytes = false, any),
    variant("finds_owners", |rules| rules.finds_owners = false, any),
    variant("finds_waiting", |rules| rules.finds_waiting = false, any),
    variant("losers_wait", |rules| rules.losers_wait = false, any),
    variant("waits_again", |rules| rules.waits_again = false, any),
    variant("looks_between", |rules| rules.looks_between = false, any),
    variant("numbers_used_once", |rules| rules.numbers_used_once = false, any),
    variant("numbers_by_epoch", |rules| rules.numbers_by_epoch = false, cuts_lost),
    variant("lost_check", |rules| (rules.lost_check, rules.newest_check) = (false, false), any),
    variant("lost_check_in_flight", |rules| rules.lost_check_in_flight = false, slow_merge),
    variant("newest_check", |rules| rules.newest_check = false, source_reuses),
    variant("newest_of_lanes", |rules| rules.newest_of_lanes = false, source_reuses_apart),
    variant("newest_of_parts", |rules| rules.newest_of_parts = false, source_reuses_parts),
];

pub(super) fn any(_: &mut Config) {}

/// Nothing fails but what the narrowed world turns on again.
fn calm(config: &mut Config) {
    (config.shard_count, config.cut_rate) = (1, 0.6);
    config.has_xa = false;
    config.has_zombies = false;
    config.has_uncertain = false;
    config.has_lane_changes = false;
    config.loss = None;
    (config.source_faults, config.target_faults) = (0, 0);
    (config.crashes, config.source_cuts) = (0, 0);
}

/// Lanes far apart when a runner starts: one is far ahead of what the tail emits again.
fn ahead(config: &mut Config) {
    calm(config);
    config.rereads = 0;
    config.has_lane_changes = true;
    config.lane_change_rate = 0.0;
    (config.crashes, config.fault_rate) = (20, 0.5);
    config.tables = vec![PADDED];
    config.entries = 20;
    config.source_pace = [1.0, 2.0, 0.1, 0.05];
    config.runner_pace = [1.0, 2.0, 1.0, 0.4, 0.4];
}

/// Several shards, and whatever else there is.
fn shards(config: &mut Config) {
    config.shard_count = config.shard_count.max(2);
}

/// Some shards hold a piece when a runner crashes, and others do not.
fn half_held(config: &mut Config) {
    calm(config);
    shards(config);
    config.tear();
}

/// Shards far apart when a runner starts.
fn shards_ahead(config: &mut Config) {
    ahead(config);
    shards(config);
    config.shard_pace = [0.1, 1.0, 1.0];
}

fn second_runners_of_shards(config: &mut Config) {
    second_runners(config);
    shards(config);
}

fn shards_of_source_that_reuses(config: &mut Config) {
    source_reuses(config);
    shards(config);
    config.shard_pace = [0.1, 1.0, 1.0];
}

fn long_parts(config: &mut Config) {
    calm(config);
    config.tables = vec![PADDED];
    (config.part_rate, config.part_pause) = (0.9, 0.95);
    config.source_pace = [1.0, 2.0, 0.1, 0.1];
    config.runner_pace = [1.0, 2.0, 2.0, 2.0, 2.0];
}

fn source_loses(config: &mut Config) {
    calm(config);
    config.tables = vec![PADDED];
    config.loss =
        Some(if config.entries.is_multiple_of(2) { Failover::Lossy } else { Failover::Reuse });
    config.source_faults = 4;
    config.entries = 21;
    config.source_pace = [1.0, 2.0, 2.0, 0.03];
    config.runner_pace = [0.3, 2.0, 2.0, 2.0, 2.0];
}

fn source_moves(config: &mut Config) {
    calm(config);
    config.source_faults = 4;
    config.runner_pace = [1.0, 2.0, 0.4, 2.0, 2.0];
}

fn source_reuses(config: &mut Config) {
    calm(config);
    config.tables = vec![PADDED];
    config.loss = Some(Failover::Reuse);
    config.source_faults = 4;
    config.crashes = 2;
    config.source_pace = [2.0, 2.0, 2.0, 2.0];
}

fn source_reuses_parts(config: &mut Config) {
    source_reuses(config);
    (config.part_rate, config.part_pause) = (0.9, 0.9);
    config.runner_pace = [1.0, 0.4, 2.0, 2.0, 2.0];
}

/// A lane far ahead of what the tail hands on again: others wait for commits without an answer, or are on a
/// shard that is slow.
fn source_reuses_apart(config: &mut Config) {
    source_reuses(config);
    (config.shard_count, config.shard_pace) = (2, [1.0, 0.1, 1.0]);
    config.has_lane_changes = true;
    config.crashes = 12;
    config.rereads = 0;
    config.has_uncertain = true;
    config.tables = vec![PADDED, UNIQUE];
    config.lane_rows_max = 6;
    (config.part_rate, config.part_pause) = (0.9, 0.97);
    config.lane_change_rate = 0.0;
    (config.crashes, config.fault_rate) = (4, 0.5);
    config.entries = 8;
    config.source_pace = [1.0, 1.0, 1.0, 1.0];
    config.runner_pace = [0.4, 0.1, 1.0, 1.0, 2.0];
}

/// What the tail hands on waits long before merge notes it.
fn slow_merge(config: &mut Config) {
    calm(config);
    config.loss = Some(Failover::Lossy);
    config.source_faults = 4;
    config.source_pace = [2.0, 2.0, 2.0, 2.0];
    config.runner_pace = [2.0, 1.0, 0.1, 2.0, 2.0];
}

fn unique_values(config: &mut Config) {
    calm(config);
    config.tables = vec![UNIQUE];
    config.entries = 21;
    config.source_pace = [2.0, 2.0, 2.0, 0.05];
}

fn parts_of_unique(config: &mut Config) {
    unique_values(config);
    config.crashes = 8;
    config.source_cuts = 4;
    (config.part_rate, config.part_pause) = (0.9, 0.9);
    config.source_pace = [2.0, 2.0, 2.0, 2.0];
}

fn unique_in_lanes(config: &mut Config) {
    calm(config);
    config.tables = vec![UNIQUE];
    config.has_lane_changes = true;
    config.rereads = 0;
    config.entries = 21;
    config.source_pace = [2.0, 2.0, 2.0, 2.0];
    config.runner_pace = [2.0, 2.0, 2.0, 1.0, 0.4];
}

fn lanes_apart(config: &mut Config) {
    config.has_lane_changes = true;
    config.loss = None;
    config.source_faults = 3;
    config.crashes = 12;
    config.tables = vec![PADDED];
    config.part_rate = 0.9;
}

fn target_loses(config: &mut Config) {
    calm(config);
    config.target_faults = 3;
    config.rereads = 0;
}

/// Commits that drew an epoch, or stored a cut, are the newest ones when a target fails over.
fn claims_lost(config: &mut Config) {
    calm(config);
    config.target_faults = 4;
    config.crashes = 8;
    config.has_zombies = true;
    config.runner_pace = [1.0, 0.1, 1.0, 1.0, 1.0];
}

fn cuts_lost(config: &mut Config) {
    calm(config);
    config.target_faults = 4;
    config.crashes = 8;
    config.runner_pace = [1.0, 2.0, 1.0, 1.0, 0.4];
}

/// The other shards have marks of pieces that home knows no more.
fn cuts_lost_at_home(config: &mut Config) {
    cuts_lost(config);
    shards(config);
}

fn second_runners(config: &mut Config) {
    calm(config);
    (config.has_zombies, config.has_uncertain) = (true, true);
    config.crashes = 8;
}

fn uncertain(config: &mut Config) {
    calm(config);
    config.has_uncertain = true;
}

fn counted(config: &mut Config) {
    uncertain(config);
    config.counts_changes = true;
    config.crashes = 4;
    (config.part_rate, config.part_pause) = (0.9, 0.9);
}

/// Runners crash while some lanes have marked a chunk, and the next one has other lanes.
fn half_marked(config: &mut Config) {
    calm(config);
    config.has_lane_changes = true;
    (config.lane_change_rate, config.lane_changes) = (0.5, 1000);
    config.crashes = 40;
    config.rereads = 0;
    config.entries = 3;
    config.tables = vec![PADDED];
    config.source_pace = [2.0, 2.0, 2.0, 2.0];
    config.runner_pace = [1.0, 1.0, 1.0, 1.0, 0.15];
}

/// ... of a table that keeps to one lane, and feeds another that does not.
fn half_marked_letters(config: &mut Config) {
    half_marked(config);
    config.tables = vec![LETTERS];
}
