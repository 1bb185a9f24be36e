//! What the environment sets; `scripts/bench/run` lists it.

use crate::Result;

/// Rows in each table of `bench`.
pub(crate) const ROWS: (&str, u64) = ("BENCH_ROWS", 1_000_000);
/// How often each contender runs.
pub(crate) const ROUNDS: (&str, u64) = ("BENCH_ROUNDS", 2);
/// Transactions a second beside a copy.
pub(crate) const WRITES: (&str, u64) = ("BENCH_WRITES", 0);
/// Transactions of the load `write`.
pub(crate) const TRANSACTIONS: (&str, u64) = ("BENCH_TRANSACTIONS", 200_000);
/// How long the lag is measured.
pub(crate) const SECONDS: (&str, u64) = ("BENCH_SECONDS", 60);
/// Transactions a second while it is.
pub(crate) const RATE: (&str, u64) = ("BENCH_RATE", 1_000);

/// The number that the environment gives, or the default.
pub(crate) fn number((name, default): (&str, u64)) -> Result<u64> {
    match std::env::var(name) {
        Ok(text) => text.parse().map_err(|_| format!("{name} is `{text}`, not a number").into()),
        Err(_) => Ok(default),
    }
}

/// Those of `known` that the environment names, in the order of `known`; without a word from it, all of `known` but `extra`.
pub(crate) fn chosen(
    name: &str,
    known: &[&'static str],
    extra: &[&str],
) -> Result<Vec<&'static str>> {
    let Ok(text) = std::env::var(name) else {
        return Ok(known.iter().copied().filter(|it| !extra.contains(it)).collect());
    };
    let named: Vec<&str> = text.split(',').map(str::trim).collect();
    if let Some(unknown) = named.iter().find(|it| !known.contains(it)) {
        return Err(format!("{name} names `{unknown}`; there are {}", known.join(", ")).into());
    }
    Ok(known.iter().copied().filter(|it| named.contains(it)).collect())
}

/// Whether `perf` records whimbrel: `scripts/bench/profile` asks for it.
pub(crate) fn profile() -> Option<String> {
    std::env::var("BENCH_PROFILE").ok()
}
