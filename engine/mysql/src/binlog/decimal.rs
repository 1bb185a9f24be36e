//! `DECIMAL` values: from groups of nine digits to the text that the server prints.

use super::wire::{DIGIT_BYTES, decimal_bytes};
use crate::bytes::big_endian;

/// The longest text: a sign, 65 digits, a zero before the point and the point.
pub(crate) const TEXT_BYTES_MAX: usize = 68;

/// Digits that four bytes hold.
const GROUP_DIGITS: u8 = 9;

/// Text that grows in a buffer of fixed size.
struct Text<'a> {
    buffer: &'a mut [u8; TEXT_BYTES_MAX],
    length: usize,
    is_zero: bool,
}

impl Text<'_> {
    fn push(&mut self, byte: u8) {
        if let Some(place) = self.buffer.get_mut(self.length) {
            *place = byte;
            self.length += 1;
        }
    }

    /// Appends `digits` digits of `number`, and leaves out leading zeros of the whole text if
    /// `is_whole`.
    fn push_group(&mut self, number: u64, digits: u8, is_whole: bool) {
        let mut power = 10u64.pow(u32::from(digits));
        let mut rest = number;
        while power > 1 {
            power /= 10;
            let digit = (rest / power).to_le_bytes()[0];
            rest %= power;
            if digit != 0 {
                self.is_zero = false;
            }
            if digit != 0 || !is_whole || self.length > 1 {
                self.push(b'0' + digit);
            }
        }
    }
}

/// The text of the value in `bytes`, of `precision` and `scale` digits, in `buffer`: all digits of
/// the scale, no leading zeros but one before the point, no sign before zero.
///
/// Source: MySQL, `bin2decimal`.
///
/// # Errors
///
/// What is wrong with `bytes`.
pub(crate) fn read<'a>(
    bytes: &[u8],
    (precision, scale): (u8, u8),
    buffer: &'a mut [u8; TEXT_BYTES_MAX],
) -> Result<&'a [u8], &'static str> {
    let whole_digits = precision.saturating_sub(scale);
    let first = *bytes.first().ok_or("it has no digits")?;
    // The top bit is set for values that are not negative; negative ones are inverted as a whole.
    let flip = if first & 0x80 == 0 { 0xff } else { 0 };
    let mut plain = [0; 32];
    let plain = plain.get_mut(..bytes.len()).ok_or("it has more digits than any")?;
    for (to, from) in plain.iter_mut().zip(bytes) {
        *to = from ^ flip;
    }
    if let Some(first) = plain.first_mut() {
        *first &= 0x7f;
    }
    let (whole, fraction) =
        plain.split_at_checked(decimal_bytes(whole_digits)).ok_or("it has too few digits")?;
    let mut text = Text { buffer, length: 0, is_zero: true };
    // The sign's place, given up where there is none.
    text.push(b'-');
    let (odd, groups) =
        whole.split_at_checked(odd_bytes(whole_digits)).ok_or("it has too few digits")?;
    read_group(odd, whole_digits % GROUP_DIGITS, true, &mut text)?;
    for group in groups.chunks(4) {
        read_group(group, GROUP_DIGITS, true, &mut text)?;
    }
    if text.length == 1 {
        text.push(b'0');
    }
    if scale > 0 {
        text.push(b'.');
        let full = usize::from(scale / GROUP_DIGITS) * 4;
        let (groups, odd) = fraction.split_at_checked(full).ok_or("it has too few digits")?;
        for group in groups.chunks(4) {
            read_group(group, GROUP_DIGITS, false, &mut text)?;
        }
        read_group(odd, scale % GROUP_DIGITS, false, &mut text)?;
    }
    let start = usize::from(flip == 0 || text.is_zero);
    let length = text.length;
    Ok(buffer.get(start..length).unwrap_or(&[]))
}

fn odd_bytes(digits: u8) -> usize {
    DIGIT_BYTES.get(usize::from(digits % GROUP_DIGITS)).copied().unwrap_or(0)
}

fn read_group(
    bytes: &[u8],
    digits: u8,
    is_whole: bool,
    text: &mut Text<'_>,
) -> Result<(), &'static str> {
    let number = big_endian(bytes);
    if number >= 10u64.pow(u32::from(digits)) {
        return Err("a group of its digits has one too many");
    }
    text.push_group(number, digits, is_whole);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], digits: (u8, u8), text: &str) {
        let mut buffer = [0; TEXT_BYTES_MAX];
        let read = read(bytes, digits, &mut buffer).unwrap();
        assert_eq!(std::str::from_utf8(read).unwrap(), text);
    }

    #[test]
    fn values_read_as_the_server_prints_them() {
        // The manual's own example: 1234567890.1234 as DECIMAL(14,4).
        check(&[0x81, 0x0d, 0xfb, 0x38, 0xd2, 0x04, 0xd2], (14, 4), "1234567890.1234");
        check(&[0x7e, 0xf2, 0x04, 0xc7, 0x2d, 0xfb, 0x2d], (14, 4), "-1234567890.1234");
        check(&[0x80, 0, 0, 0, 0, 0, 0], (14, 4), "0.0000");
        check(&[0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], (14, 4), "0.0000");
        check(&[0x80], (1, 0), "0");
        check(&[0x80, 0, 1], (5, 5), "0.00001");
    }

    #[test]
    fn digits_beyond_their_group_are_refused() {
        let mut buffer = [0; TEXT_BYTES_MAX];

        assert!(read(&[0xff, 0xff], (4, 2), &mut buffer).is_err());
        assert!(read(&[], (4, 2), &mut buffer).is_err());
        assert!(read(&[0x80], (30, 2), &mut buffer).is_err());
    }
}
