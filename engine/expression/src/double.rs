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
    let mut text = positional(&shortest(value));
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
/// are more than 15 digits before the point and none behind it, more than 14 zeros behind it, or no
/// room for them all; and with fewer digits where there is no room beside a long exponent.
/// Source: MySQL, `my_gcvt`.
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
    let scientific = shortest(value);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let point = exponent.parse::<i32>().unwrap_or(0) + 1;
    let digits = mantissa.bytes().filter(u8::is_ascii_digit).count();
    let zeros = usize::try_from(-point).unwrap_or(0);
    // A zero and a point stand before the zeros.
    let is_plain = match usize::try_from(point) {
        Ok(point @ 1..) => point <= 15 || digits > point,
        _ => zeros <= 14 && digits + zeros + 2 <= room,
    };
    if is_plain {
        return positional(&scientific);
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

/// The shortest digits that give the same number, as `-1.25e-7`: of two as short the nearer one, and of
/// two as near the one that ends in an even digit, where the standard library takes the larger.
fn shortest(value: f64) -> String {
    let shortest = format!("{value:e}");
    let mantissa = shortest.split_once('e').map_or("", |(mantissa, _)| mantissa);
    let digits = mantissa.bytes().filter(u8::is_ascii_digit).count();
    let nearest = format!("{value:.*e}", digits.saturating_sub(1));
    if nearest.parse() == Ok(value) { nearest } else { shortest }
}

/// `-1.25e-7` as `-0.000000125`.
fn positional(scientific: &str) -> String {
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(mantissa) => ("-", mantissa),
        None => ("", mantissa),
    };
    let digits = mantissa.replace('.', "");
    let point = exponent.parse::<i32>().unwrap_or(0) + 1;
    match usize::try_from(point) {
        Ok(point @ 1..) if point < digits.len() => {
            let (whole, fraction) = digits.split_at(point);
            format!("{sign}{whole}.{fraction}")
        }
        Ok(point @ 1..) => format!("{sign}{digits:0<point$}"),
        _ => {
            let zeros = "0".repeat(usize::try_from(-point).unwrap_or(0));
            format!("{sign}0.{zeros}{digits}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_print_as_the_server_prints_them() {
        // Asked of MySQL 9.7: a column, a computed value, a part of a document.
        for (value, column, computed, document) in [
            (
                2_051_999_999_999_999.8,
                "2051999999999999.8",
                "2051999999999999.8",
                "2051999999999999.8",
            ),
            (
                1_234_567_890_123_456.0,
                "1.234567890123456e15",
                "1.234567890123456e15",
                "1.234567890123456e15",
            ),
            (
                123_456_789_012_345.67,
                "123456789012345.67",
                "123456789012345.67",
                "123456789012345.67",
            ),
            (
                1.234567890123456e-7,
                "0.0000001234567890123456",
                "1.234567890123456e-7",
                "0.0000001234567890123456",
            ),
            (1.23456789e-15, "1.23456789e-15", "1.23456789e-15", "0.00000000000000123456789"),
            (
                -3.0330000000000003e-10,
                "-3.0330000000000003e-10",
                "-3.033e-10",
                "-0.00000000030330000000000003",
            ),
            (
                1.2345678901234567e-100,
                "1.2345678901234567e-100",
                "1.234567890123457e-100",
                "1.2345678901234567e-100",
            ),
            (
                -2_012_000_000_000_000.3,
                "-2012000000000000.2",
                "-2012000000000000.2",
                "-2012000000000000.2",
            ),
            (100.0, "100", "100", "100"),
            (1e21, "1e21", "1e21", "1e21"),
        ] {
            assert_eq!(print(value, Room::Column), column);
            assert_eq!(print(value, Room::Computed), computed);
            assert_eq!(print(value, Room::Document), document);
        }
    }
}
