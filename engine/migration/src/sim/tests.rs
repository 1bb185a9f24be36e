//! Seeds by the hundred thousand, and every rule removed.
//!
//! `WHIMBREL_SIM_SEEDS` sets how many seeds are run, `WHIMBREL_SIM_FIRST` where they begin, and
//! `WHIMBREL_SIM_TRACE` prints the steps of one seed instead.

use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    thread,
};

use super::{
    Outcome, Run,
    config::{Config, Counts},
    rules::Rules,
    simulate,
    variants::{VARIANTS, Variant, any},
};

/// Seeds in the test command.
const SEEDS: u64 = 100_000;

/// Seeds of each narrowed world with all rules kept.
const NARROWED_SEEDS: u64 = 200;

/// Seeds within which a broken rule must show.
const BROKEN_SEEDS_MAX: u64 = 10_000;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// Runs `work` for 0 up to `count` on all cores.
fn on_all_cores<T: Send>(count: u64, work: impl Fn(u64) -> T + Sync, mut take: impl FnMut(T)) {
    let next = AtomicU64::new(0);
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    thread::scope(|scope| {
        let (results, taken) = std::sync::mpsc::sync_channel(1024);
        for _ in 0..threads {
            let (next, work, results) = (&next, &work, results.clone());
            scope.spawn(move || {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count || results.send(work(number)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(results);
        taken.into_iter().for_each(&mut take);
    });
}

fn add(sum: &mut BTreeMap<&'static str, u64>, counts: &Counts) {
    for (name, count) in counts.named() {
        *sum.entry(name).or_default() += count;
    }
}

#[test]
fn the_target_equals_the_source_for_every_seed() {
    let first = setting("WHIMBREL_SIM_FIRST").unwrap_or(1);
    if let Some(seed) = setting("WHIMBREL_SIM_TRACE") {
        let run = simulate(seed, Rules::KEPT, any, true);
        assert!(run.is_right(), "{run:?}");
        return;
    }
    let count = setting("WHIMBREL_SIM_SEEDS").unwrap_or(SEEDS);
    let (mut outcomes, mut events, mut wrong) = (BTreeMap::new(), BTreeMap::new(), Vec::new());

    let work = |number: u64| (first + number, simulate(first + number, Rules::KEPT, any, false));
    on_all_cores(count, work, |(seed, run)| {
        *outcomes.entry(format!("{:?}", run.outcome)).or_insert(0u64) += 1;
        add(&mut events, &run.counts);
        if !run.is_right() {
            wrong.push((seed, run.outcome));
        }
    });

    println!("{count} seeds from {first}: {outcomes:?}\n{events:?}");
    wrong.sort_unstable_by_key(|(seed, _)| *seed);
    wrong.truncate(10);
    assert!(wrong.is_empty(), "WHIMBREL_SIM_TRACE=<seed> prints the steps of {wrong:?}");
}

#[test]
fn a_seed_reproduces_its_run() {
    for seed in 1..200 {
        let [one, two] = [(); 2].map(|()| simulate(seed, Rules::KEPT, any, false));

        assert_eq!((one.outcome, one.steps), (two.outcome, two.steps), "seed {seed}");
    }
}

#[test]
fn the_rules_hold_in_every_narrowed_world() {
    let mut wrong = Vec::new();
    let variant_count = VARIANTS.len() as u64;
    let work = |number: u64| {
        let Variant { name, narrow, .. } =
            VARIANTS[usize::try_from(number % variant_count).unwrap()];
        let seed = number / variant_count + 1;
        (name, seed, simulate(seed, Rules::KEPT, narrow, false))
    };

    on_all_cores(variant_count * NARROWED_SEEDS, work, |(name, seed, run)| {
        if !run.is_right() {
            wrong.push((name, seed, run.outcome));
        }
    });

    assert!(wrong.is_empty(), "{:?}", wrong.iter().take(10).collect::<Vec<_>>());
}

/// The first seed for which a run is wrong, and how.
fn first_wrong(rules: Rules, narrow: fn(&mut Config)) -> Option<(u64, Outcome)> {
    (1..=BROKEN_SEEDS_MAX).find_map(|seed| {
        let run: Run = simulate(seed, rules, narrow, false);
        (!run.is_right()).then_some((seed, run.outcome))
    })
}

#[test]
fn each_rule_removed_makes_a_seed_go_wrong() {
    let needless = AtomicUsize::new(0);
    let work = |number: u64| {
        let variant = &VARIANTS[usize::try_from(number).unwrap()];
        (number, variant.name, first_wrong(variant.rules(), variant.narrow))
    };
    let mut found = BTreeMap::new();

    on_all_cores(VARIANTS.len() as u64, work, |(number, name, wrong)| {
        found.insert(number, (name, wrong));
    });

    for (name, wrong) in found.values() {
        match wrong {
            Some((seed, outcome)) => println!("{name:28} {outcome:?} at seed {seed}"),
            None => {
                println!("{name:28} goes on being right");
                needless.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
    assert_eq!(needless.into_inner(), 0);
}
