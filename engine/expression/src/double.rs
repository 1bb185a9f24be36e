//! `DOUBLE` as the server prints and rounds it.

use crate::{decimal::Decimal, error::Fault};

/// The most characters of a printed `DOUBLE`: a sign, 17 digits, the point, `e` and an exponent of
/// four; or leading zeros. Source: MySQL, `MAX_DOUBLE_STR_LENGTH` less what is never used.
pub(crate) const CHARACTERS_MAX: u32 = 24;

/// The integer nearest to it, halves to the even one; none beyond 128 bits.
pub(crate) fn to_int(value: f64) -> Option<i128> {
    let whole = value.round_ties_even();
    let is_in = whole.abs() < 1e30;
    // Up to there it is exact.
    is_in.then(|| format!("{whole:.0}").parse().ok()).flatten()
}

/// Its shortest digits, cut to what matters for rounding to `scale` digits.
///
/// # Errors
///
/// [`Fault::OutOfRange`] for a number of more than 65 digits.
pub(crate) fn to_decimal(value: f64, scale: u8) -> Result<Decimal, Fault> {
    // Never an exponent; the shortest digits that give the same number.
    let mut text = format!("{value}");
    if let Some(point) = text.find('.') {
        // A digit beyond the one that decides cannot change it: the digits are those of a number
        // that is rounded half up once.
        text.truncate((point + 2 + usize::from(scale)).min(text.len()));
    }
    Decimal::parse(text.as_bytes()).ok_or(Fault::OutOfRange)
}

/// What the server prints a number as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// The value of a column: 24 characters.
    Column,
    /// A value that was computed: 22 characters.
    Computed,
    /// A number in a document: as many as it takes.
    Document,
}

/// As the server prints it: the shortest digits that give the same number; with an exponent if there
/// are more than 15 digits before the point, more than 14 zeros behind it, or no room for them all; and
/// with fewer digits where there is no room beside a long exponent. Source: MySQL, `my_gcvt`.
pub(crate) fn print(value: f64, room: Room) -> String {
    if value == 0.0 {
        return if value.is_sign_negative() { "-0" } else { "0" }.to_owned();
    }
    let room = match room {
        Room::Column => 24,
        Room::Computed => 22,
        Room::Document => 400,
    };
    let room = room - usize::from(value < 0.0);
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let point = exponent.parse::<i32>().unwrap_or(0) + 1;
    let digits = mantissa.bytes().filter(u8::is_ascii_digit).count();
    let zeros = usize::try_from(-point).unwrap_or(0);
    // A zero and a point stand before the zeros.
    let is_plain = if point > 0 { point <= 15 } else { zeros <= 14 && digits + zeros + 2 <= room };
    if is_plain {
        return format!("{value}");
    }
    // A point, an `e` and the exponent.
    let digits_max = room - 2 - exponent.len();
    if digits <= digits_max {
        return scientific;
    }
    let rounded = format!("{value:.*e}", digits_max - 1);
    let (mantissa, exponent) = rounded.split_once('e').unwrap_or((&rounded, "0"));
    format!("{}e{exponent}", mantissa.trim_end_matches('0').trim_end_matches('.'))
}
