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

/// The longest of the texts below, a `DATETIME` with microseconds, and room for what no server stores.
const TEXT_BYTES_MAX: usize = 40;

/// A text of digits that is put together on the stack: rows have many, and to format each number of one
/// costs several times as much.
struct Text {
    bytes: [u8; TEXT_BYTES_MAX],
    length: usize,
}

impl Text {
    fn new() -> Self {
        Self { bytes: [0; TEXT_BYTES_MAX], length: 0 }
    }

    fn push(&mut self, byte: u8) -> &mut Self {
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = byte;
            self.length += 1;
        }
        self
    }

    /// The number with at least `width` digits.
    fn number(&mut self, mut number: u64, width: usize) -> &mut Self {
        let digits = number.checked_ilog10().map_or(1, |power| power as usize + 1);
        let end = self.length + width.max(digits);
        for place in self.bytes.get_mut(self.length..end).unwrap_or_default().iter_mut().rev() {
            *place = b'0' + (number % 10).to_le_bytes()[0];
            number /= 10;
        }
        self.length = end;
        self
    }

    fn date(&mut self, date: Date) -> &mut Self {
        self.number(date.year.into(), 4).push(b'-');
        self.number(date.month.into(), 2).push(b'-').number(date.day.into(), 2)
    }

    fn clock(&mut self, hours: u64, minutes: u64, seconds: u64, micros: u64) -> &mut Self {
        self.number(hours, 2).push(b':').number(minutes, 2).push(b':').number(seconds, 2);
        if micros == 0 { self } else { self.push(b'.').number(micros, 6) }
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.bytes.get(..self.length).and_then(|text| str::from_utf8(text).ok());
        f.write_str(text.ok_or(fmt::Error)?)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Text::new().date(*self).show(f)
    }
}

/// `YYYY-MM-DD hh:mm:ss`, with `.ffffff` where there are microseconds.
impl fmt::Display for Datetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Text::new();
        text.date(self.date).push(b' ');
        let [hour, minute, second] = [self.hour, self.minute, self.second].map(u64::from);
        text.clock(hour, minute, second, self.micros.into()).show(f)
    }
}

/// `[-]hh:mm:ss`, hours of two or three digits, with `.ffffff` where there are microseconds.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Text::new();
        if self.micros < 0 {
            text.push(b'-');
        }
        let all = self.micros.unsigned_abs();
        let seconds = all / 1_000_000;
        text.clock(seconds / 3_600, seconds / 60 % 60, seconds % 60, all % 1_000_000).show(f)
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
    fn each_part_has_its_digits() {
        let date = Date { year: 7, month: 0, day: 31 };
        let at = Datetime { date, hour: 9, minute: 0, second: 59, micros: 10 };
        let most = Date { year: u16::MAX, month: u8::MAX, day: u8::MAX };
        let latest = Datetime { date: most, hour: 255, minute: 255, second: 255, micros: u32::MAX };

        assert_eq!(date.to_string(), "0007-00-31");
        assert_eq!(at.to_string(), "0007-00-31 09:00:59.000010");
        assert_eq!(latest.to_string(), "65535-255-255 255:255:255.4294967295");
    }

    #[test]
    fn times_beyond_a_day_and_below_zero_keep_their_hours() {
        let hours = |h: i64| Time { micros: h * 3_600_000_000 };

        assert_eq!(hours(838).to_string(), "838:00:00");
        assert_eq!(Time { micros: 0 }.to_string(), "00:00:00");
        assert_eq!(Time { micros: i64::MIN }.to_string(), "-2562047788:00:54.775808");
        assert_eq!(Time { micros: -1_500_000 }.to_string(), "-00:00:01.500000");
    }
}
