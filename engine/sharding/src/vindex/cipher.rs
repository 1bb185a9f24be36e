//! What `hash` makes of a number: DES with a key that is all zeros, so that its rounds have no keys.
//! Source: FIPS 46-3.
//!
//! Every row is hashed once and more often. Ciphers for any key take three times as long: without keys
//! two of the eight boxes are one look into a table.

use std::sync::LazyLock;

/// The boxes S1 to S8, row by row, a digit for each value.
const BOXES: [&[u8; 64]; 8] = [
    b"E4D12FB83A6C59070F74E2D1A6CB953841E8D62BFC973A50FC8249175B3EA06D",
    b"F18E6B34972DC05A3D47F28EC01A69B50E7BA4D158C6932FD8A13F42B67C05E9",
    b"A09E63F51DC7B428D709346A285ECBF1D6498F30B12C5AE71AD069874FE3B52C",
    b"7DE3069A1285BC4FD8B56F03472C1AE9A690CB7DF13E52843F06A1D8945BC72E",
    b"2C417AB6853FD0E9EB2C47D150FA3986421BAD78F9C5630EB8C71E2D6F09A453",
    b"C1AF92680D34E75BAF427C9561DE0B389EF528C3704A1DB6432C95FABE17608D",
    b"4B2EF08D3C975A61D0B7491AE35C2F8614BDC37EAF6805926BD814A7950FE23C",
    b"D2846FB1A93E50C71FD8A374C56B0E927B419CE206ADF35821E74A8DFC90356B",
];

/// P: which bit of the boxes' values each bit of a round is, counted from 1 on from the greatest.
const PERMUTATION: [u32; 32] = [
    16, 7, 20, 21, 29, 12, 28, 17, 1, 15, 23, 26, 5, 18, 31, 10, 2, 8, 24, 14, 32, 27, 3, 9, 19,
    13, 30, 6, 22, 11, 4, 25,
];

const ROUNDS: usize = 16;
/// Two boxes of six bits, which share two.
const PAIR_BITS: u32 = 10;

/// What each two of the boxes give a round, by their bits, already permuted.
type Pairs = [[u32; 1 << PAIR_BITS]; 4];

static PAIRS: LazyLock<Box<Pairs>> = LazyLock::new(|| {
    let mut pairs = Box::new([[0; 1 << PAIR_BITS]; 4]);
    let boxes = BOXES.as_chunks::<2>().0;
    for (place, (pair, [first, second])) in (0_u32..).zip(pairs.iter_mut().zip(boxes)) {
        for (bits, entry) in (0_u32..).zip(pair.iter_mut()) {
            let byte = value_of(first, bits >> 4) << 4 | value_of(second, bits & 0x3f);
            *entry = permuted(byte << (24 - 8 * place));
        }
    }
    pairs
});

/// What a box gives six bits: the outer two are the row.
fn value_of(values: &[u8; 64], bits: u32) -> u32 {
    let index = (bits & 0x20) | (bits & 1) << 4 | (bits >> 1 & 0xf);
    let digit = usize::try_from(index).ok().and_then(|index| values.get(index));
    digit.and_then(|&digit| char::from(digit).to_digit(16)).unwrap_or(0)
}

fn permuted(bits: u32) -> u32 {
    PERMUTATION.iter().fold(0, |result, from| result << 1 | (bits >> (32 - from) & 1))
}

/// Swaps the bits of `mask` in `two` with those `shift` above them in `one`.
fn swap(one: &mut u32, two: &mut u32, shift: u32, mask: u32) {
    let difference = (*one >> shift ^ *two) & mask;
    *two ^= difference;
    *one ^= difference << shift;
}

/// The number, enciphered.
pub(super) fn encipher(number: u64) -> u64 {
    let pairs: &Pairs = &PAIRS;
    let [a, b, c, d, e, f, g, h] = number.to_be_bytes();
    let (mut left, mut right) =
        (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]));
    // The initial permutation.
    swap(&mut left, &mut right, 4, 0x0f0f_0f0f);
    swap(&mut left, &mut right, 16, 0x0000_ffff);
    swap(&mut right, &mut left, 2, 0x3333_3333);
    swap(&mut right, &mut left, 8, 0x00ff_00ff);
    swap(&mut left, &mut right, 1, 0x5555_5555);
    for _ in 0..ROUNDS {
        let mut round = left;
        // The first pair's bits begin with the last bit of the half.
        let mut bits = right.rotate_right(1);
        for pair in pairs {
            let index = usize::try_from(bits >> (32 - PAIR_BITS)).unwrap_or(0);
            round ^= pair.get(index).copied().unwrap_or(0);
            bits = bits.rotate_left(8);
        }
        (left, right) = (right, round);
    }
    // The halves are not swapped after the last round, and the initial permutation is undone.
    (left, right) = (right, left);
    swap(&mut left, &mut right, 1, 0x5555_5555);
    swap(&mut right, &mut left, 8, 0x00ff_00ff);
    swap(&mut right, &mut left, 2, 0x3333_3333);
    swap(&mut left, &mut right, 16, 0x0000_ffff);
    swap(&mut left, &mut right, 4, 0x0f0f_0f0f);
    u64::from(left) << 32 | u64::from(right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_that_uses_every_box_ends_where_vitesss_does() {
        let end = (0..1000).fold(0, |number, _| encipher(number).wrapping_add(1));

        // What Vitess's own code gives.
        assert_eq!(format!("{end:016x}"), "21a0eca99d323546");
    }
}
