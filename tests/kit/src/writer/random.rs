use std::hash::{BuildHasher, RandomState};

/// A sequence of numbers that its seed determines (`SplitMix64`); good enough to choose rows and values.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The sequence of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The sequence of the environment's `WHIMBREL_SEED`, or of a new seed, which is printed beside `what` it is for.
    #[expect(clippy::print_stderr, reason = "a test that fails shows the seed that repeats it")]
    #[must_use]
    pub fn printed(what: &str) -> Self {
        let from_environment = || std::env::var(super::SEED_VARIABLE).ok()?.parse().ok();
        let seed = from_environment().unwrap_or_else(Self::fresh_seed);
        eprintln!("{what}: {}={seed}", super::SEED_VARIABLE);
        Self::new(seed)
    }

    /// A seed that no other process is likely to have.
    pub(crate) fn fresh_seed() -> u64 {
        // The standard library's hasher is keyed at random by the system.
        RandomState::new().hash_one(0u8) >> 32
    }

    /// The next number, of all that there are.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number of `0..end`; 0 when `end` is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.draw().checked_rem(end).unwrap_or(0)
    }

    /// A number of `low..=high`.
    pub fn between(&mut self, low: i128, high: i128) -> i128 {
        let count = (high - low + 1).max(1);
        let wide = (i128::from(self.draw() >> 1) << 32) ^ i128::from(self.draw() >> 32);
        low + wide.rem_euclid(count)
    }

    /// True in `parts` of a hundred cases.
    pub fn percent(&mut self, parts: u64) -> bool {
        self.below(100) < parts
    }
}
