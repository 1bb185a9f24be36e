//! Dates and times as MySQL stores them, zero and invalid ones included.
//!
//! They are never turned into a calendar type: `0000-00-00`, `2024-02-31` and a `TIME` of 838 hours
//! are values that a table may hold, and that must arrive unchanged.

use std::fmt;

/// A `DATE`: year 0 to 9999, month 0 to 12, day 0 to 31; zero parts are MySQL's zero dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Date {
    /// 0 to 9999.
    pub year: u16,
    /// 0 to 12.
    pub month: u8,
    /// 0 to 31.
    pub day: u8,
}

/// A `DATETIME`, or a `TIMESTAMP` in UTC.
///
/// A `TIMESTAMP` of zero is the all-zero value, as the server prints it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Datetime {
    /// The day.
    pub date: Date,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
    /// 0 to 999,999.
    pub micros: u32,
}

/// A `TIME`: a signed span in microseconds, from `-838:59:59.000000` to `838:59:59.000000`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Time {
    /// Microseconds; negative before zero.
    pub micros: i64,
}

/// Days from 1970-01-01 to the civil date, by the proleptic Gregorian calendar.
const fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, doy - (153 * mp + 2) / 5 + 1)
}

impl Datetime {
    /// The UTC time `seconds` after 1970-01-01, as a `TIMESTAMP` shows it in a session whose zone
    /// is `+00:00`; 0 seconds and 0 microseconds is MySQL's zero value.
    #[must_use]
    pub fn from_unix(seconds: u32, micros: u32) -> Self {
        if seconds == 0 && micros == 0 {
            return Self::default();
        }
        let (days, rest) = (i64::from(seconds) / 86_400, seconds % 86_400);
        let (year, month, day) = civil_from_days(days);
        // A u32 of seconds ends in 2106, so every part fits its type.
        let narrow = |part: i64| u8::try_from(part).unwrap_or(0);
        let part = |value: u32| u8::try_from(value).unwrap_or(0);
        Self {
            date: Date {
                year: u16::try_from(year).unwrap_or(0),
                month: narrow(month),
                day: narrow(day),
            },
            hour: part(rest / 3_600),
            minute: part(rest / 60 % 60),
            second: part(rest % 60),
            micros,
        }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// `YYYY-MM-DD hh:mm:ss`, with `.ffffff` where there are microseconds.
impl fmt::Display for Datetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:02}:{:02}:{:02}", self.date, self.hour, self.minute, self.second)?;
        if self.micros == 0 { Ok(()) } else { write!(f, ".{:06}", self.micros) }
    }
}

/// `[-]hh:mm:ss`, hours of two or three digits, with `.ffffff` where there are microseconds.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.micros < 0 { "-" } else { "" };
        let all = self.micros.unsigned_abs();
        let (seconds, micros) = (all / 1_000_000, all % 1_000_000);
        let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
        write!(f, "{sign}{hours:02}:{minutes:02}:{:02}", seconds % 60)?;
        if micros == 0 { Ok(()) } else { write!(f, ".{micros:06}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unix_seconds_become_the_text_that_mysql_shows() {
        for (seconds, micros, text) in [
            (0, 0, "0000-00-00 00:00:00"),
            (1, 0, "1970-01-01 00:00:01"),
            (951_782_400, 5, "2000-02-29 00:00:00.000005"),
            (2_147_483_647, 999_999, "2038-01-19 03:14:07.999999"),
        ] {
            assert_eq!(Datetime::from_unix(seconds, micros).to_string(), text);
        }
    }

    #[test]
    fn times_beyond_a_day_and_below_zero_keep_their_hours() {
        let hours = |h: i64| Time { micros: h * 3_600_000_000 };

        assert_eq!(hours(838).to_string(), "838:00:00");
        assert_eq!(Time { micros: -1_500_000 }.to_string(), "-00:00:01.500000");
    }
}
