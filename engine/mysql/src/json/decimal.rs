//! The server's binary form of a `DECIMAL`, as far as JSON documents hold it.

use super::{JsonError, malformed};

/// Digits in a full group of four bytes.
const GROUP_DIGITS: usize = 9;

/// Bytes that a group of so many digits takes.
const GROUP_BYTES: [usize; GROUP_DIGITS + 1] = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4];

/// The most groups of a number, those of its whole part and of its fraction together. More than a
/// column holds: a document keeps literals and results of arithmetic as the server computes them, and
/// a number that was read from a column has its whole part's precision rounded up to full groups.
/// Source: MySQL, `DECIMAL_BUFF_LENGTH`.
const GROUPS_MAX: usize = 9;

/// Appends the digits of a `DECIMAL(precision, scale)` as the server prints them.
///
/// # Errors
///
/// [`JsonError::Malformed`] when the bytes are not such a number.
pub(super) fn print(
    (precision, scale): (u8, u8),
    bytes: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), JsonError> {
    let bad = malformed("a decimal has not the bytes of its digits");
    let (precision, scale) = (usize::from(precision), usize::from(scale));
    let whole = precision.checked_sub(scale).ok_or(bad)?;
    let group_count = whole.div_ceil(GROUP_DIGITS) + scale.div_ceil(GROUP_DIGITS);
    if precision == 0 || group_count > GROUPS_MAX {
        return Err(bad);
    }
    let lengths = [whole % GROUP_DIGITS]
        .into_iter()
        .chain(std::iter::repeat_n(GROUP_DIGITS, whole / GROUP_DIGITS + scale / GROUP_DIGITS))
        .chain([scale % GROUP_DIGITS]);
    let first = *bytes.first().ok_or(bad)?;
    let is_negative = first & 0x80 == 0;
    let mask = if is_negative { 0xff } else { 0 };

    let mut digits = String::with_capacity(precision);
    let mut rest = bytes;
    let mut flip = 0x80;
    for length in lengths {
        let (group, after) = rest.split_at_checked(GROUP_BYTES[length]).ok_or(bad)?;
        rest = after;
        let mut value = 0u32;
        for &byte in group {
            value = value << 8 | u32::from(byte ^ mask ^ flip);
            flip = 0;
        }
        if length > 0 {
            let printed = format!("{value:0length$}");
            if printed.len() != length {
                return Err(bad);
            }
            digits.push_str(&printed);
        }
    }
    if !rest.is_empty() {
        return Err(bad);
    }
    let (whole, fraction) = digits.split_at_checked(whole).ok_or(bad)?;
    let whole = whole.trim_start_matches('0');
    if is_negative && digits.bytes().any(|digit| digit != b'0') {
        out.push(b'-');
    }
    out.extend_from_slice(if whole.is_empty() { b"0" } else { whole.as_bytes() });
    if !fraction.is_empty() {
        out.push(b'.');
        out.extend_from_slice(fraction.as_bytes());
    }
    Ok(())
}
