//! Sizes as people write them.

const UNITS: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// The bytes of a size such as `256MiB`: a whole number and one of B, KiB, MiB, GiB.
pub(crate) fn parse(text: &str) -> Option<u64> {
    let unit_at = text.find(|it: char| !it.is_ascii_digit())?;
    let (digits, unit) = text.split_at_checked(unit_at)?;
    let unit = unit.strip_prefix(' ').unwrap_or(unit);
    let (_, bytes) = UNITS.iter().find(|(name, _)| *name == unit)?;
    // A number that does not fit is out of any range.
    let number: u64 =
        if digits.is_empty() { return None } else { digits.parse().unwrap_or(u64::MAX) };
    Some(number.saturating_mul(*bytes))
}

/// `bytes` in the largest unit that leaves a whole number.
pub(crate) fn show(bytes: u64) -> String {
    let whole = UNITS.iter().find(|(_, unit)| bytes >= *unit && bytes.is_multiple_of(*unit));
    let (name, unit) = whole.unwrap_or(&("B", 1));
    format!("{}{name}", bytes / unit)
}

/// `bytes` in the largest unit that fits, rounded down to a tenth of it.
pub(crate) fn about(bytes: u64) -> String {
    let (name, unit) = UNITS.iter().find(|(_, unit)| bytes >= *unit).unwrap_or(&("B", 1));
    let tenths = bytes % unit * 10 / unit;
    let whole = bytes / unit;
    if tenths == 0 { format!("{whole}{name}") } else { format!("{whole}.{tenths}{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_numbers_with_a_unit() {
        for (text, bytes) in [
            ("256MiB", Some(256 << 20)),
            ("1 GiB", Some(1 << 30)),
            ("3KiB", Some(3 << 10)),
            ("7B", Some(7)),
            ("99999999999999999999GiB", Some(u64::MAX)),
            ("256", None),
            ("256MB", None),
            ("256mib", None),
            ("1.5GiB", None),
            ("-1GiB", None),
            ("GiB", None),
            ("", None),
        ] {
            assert_eq!(parse(text), bytes, "{text}");
        }
    }

    #[test]
    fn sizes_are_shown_in_the_largest_whole_unit() {
        for (bytes, text) in
            [(0, "0B"), (1, "1B"), (1536, "1536B"), (96 << 20, "96MiB"), (64 << 30, "64GiB")]
        {
            assert_eq!(show(bytes), text);
        }
    }

    #[test]
    fn sizes_are_rounded_down_to_a_tenth() {
        for (bytes, text) in [(0, "0B"), (999, "999B"), (1 << 20, "1MiB"), (1_700_000, "1.6MiB")] {
            assert_eq!(about(bytes), text);
        }
    }
}
