//! A small deterministic source of values, whose seed a failing test prints.

/// Numbers by the xorshift generator of 64 bits.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn word(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.word() % bound
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.word().to_le_bytes()[7]
    }

    /// A number of any size, often one beside a power of two.
    pub(crate) fn any_integer(&mut self) -> u64 {
        let power = 1u64 << self.below(64);
        match self.below(4) {
            0 => power,
            1 => power - 1,
            2 => power.wrapping_neg(),
            _ => self.word() >> self.below(64),
        }
    }

    /// One of `items`.
    pub(crate) fn pick<'a, T: ?Sized>(&mut self, items: &[&'a T]) -> &'a T {
        let index = self.below(items.len() as u64);
        items[usize::try_from(index).unwrap()]
    }

    /// Bytes, often those that text cares for.
    pub(crate) fn bytes(&mut self, length_max: u64) -> Vec<u8> {
        let length = self.below(length_max + 1);
        (0..length)
            .map(|_| match self.below(3) {
                0 => {
                    *self.pick(&[b"'", b"\\", b"\0", b"\x1a", b"\n", b"\"", b"%"]).first().unwrap()
                }
                _ => self.byte(),
            })
            .collect()
    }

    /// Text, often of characters that are hard on someone.
    pub(crate) fn text(&mut self, length_max: u64) -> String {
        let length = self.below(length_max + 1);
        (0..length)
            .map(|_| match self.below(4) {
                0 => self.pick(&["'", "\\", "\0", "\u{1a}", "\n", "\"", "/", "\u{7f}", "\u{1f}"]),
                1 => {
                    self.pick(&["é", "日", "\u{1f600}", "\u{2028}", "\u{feff}", "\u{10ffff}", "ß"])
                }
                _ => self.pick(&["a", "B", "0", ".", ":", "-", "{", "[", "$", " "]),
            })
            .collect()
    }
}
