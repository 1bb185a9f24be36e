//! Days counted and moved, as MySQL does.

use whimbrel_model::{Date, Datetime};

use crate::temporal::days_in;

/// A unit that dates are moved by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Microsecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

impl Unit {
    /// All, by name.
    pub(crate) const NAMES: [(&str, Self); 9] = [
        ("microsecond", Self::Microsecond),
        ("second", Self::Second),
        ("minute", Self::Minute),
        ("hour", Self::Hour),
        ("day", Self::Day),
        ("week", Self::Week),
        ("month", Self::Month),
        ("quarter", Self::Quarter),
        ("year", Self::Year),
    ];

    /// The unit of that name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::NAMES.into_iter().find(|(other, _)| *other == name).map(|(_, unit)| unit)
    }

    /// Whether a day moved by it is a day.
    pub(crate) fn is_of_days(self) -> bool {
        !matches!(self, Self::Microsecond | Self::Second | Self::Minute | Self::Hour)
    }
}

/// Days since the year 0, of a day of the calendar. Source: MySQL, `calc_daynr`.
pub(crate) fn day_number(date: Date) -> i64 {
    let (year, month, day) = (i64::from(date.year), i64::from(date.month), i64::from(date.day));
    if year == 0 && month == 0 {
        return 0;
    }
    let mut number = 365 * year + 31 * (month - 1) + day;
    let year = if month <= 2 {
        year - 1
    } else {
        number -= (month * 4 + 23) / 10;
        year
    };
    // In the year 0 January and February count to the year before.
    number + year.div_euclid(4) - (year.div_euclid(100) + 1) * 3 / 4
}

/// The day of that number; none before the year 1 and after 9999.
pub(crate) fn date_of(number: i64) -> Option<Date> {
    // 3652424 is 9999-12-31; before 366 the server has only the zero date.
    if !(366..=3_652_424).contains(&number) {
        return None;
    }
    let mut year = u16::try_from(number * 100 / 36_525).ok()?;
    let length = |year: u16| if days_in(year, 2) == 29 { 366 } else { 365 };
    let first = |year: u16| day_number(Date { year, month: 1, day: 1 });
    let mut day = number - first(year);
    while day < 0 {
        year = year.checked_sub(1)?;
        day = number - first(year);
    }
    while day >= length(year) {
        day -= length(year);
        year += 1;
    }
    let mut month = 1;
    while day >= i64::from(days_in(year, month)) {
        day -= i64::from(days_in(year, month));
        month += 1;
    }
    Some(Date { year, month, day: u8::try_from(day + 1).ok()? })
}

/// The day and time moved by `count` units; none beyond the years that the server has.
/// Source: MySQL, `date_add_interval`.
pub(crate) fn add(at: Datetime, count: i128, unit: Unit) -> Option<Datetime> {
    let micros = match unit {
        Unit::Microsecond => count,
        Unit::Second => count.checked_mul(1_000_000)?,
        Unit::Minute => count.checked_mul(60_000_000)?,
        Unit::Hour => count.checked_mul(3_600_000_000)?,
        Unit::Day => return add_days(at, count),
        Unit::Week => return add_days(at, count.checked_mul(7)?),
        Unit::Month => return add_months(at, count),
        Unit::Quarter => return add_months(at, count.checked_mul(3)?),
        Unit::Year => return add_months(at, count.checked_mul(12)?),
    };
    const DAY: i128 = 86_400_000_000;
    let all = i128::from(clock_micros(at)).checked_add(micros)?;
    let days = i64::try_from(all.div_euclid(DAY)).ok()?;
    let date = date_of(day_number(at.date).checked_add(days)?)?;
    Some(with_clock(date, i64::try_from(all.rem_euclid(DAY)).ok()?))
}

fn add_days(at: Datetime, count: i128) -> Option<Datetime> {
    let number = day_number(at.date).checked_add(i64::try_from(count).ok()?)?;
    Some(Datetime { date: date_of(number)?, ..at })
}

fn add_months(at: Datetime, count: i128) -> Option<Datetime> {
    let months = i128::from(at.date.year) * 12 + i128::from(at.date.month) - 1;
    let months = months.checked_add(count)?;
    let year =
        u16::try_from(months.div_euclid(12)).ok().filter(|year| (1..=9999).contains(year))?;
    let month = u8::try_from(months.rem_euclid(12) + 1).ok()?;
    let day = at.date.day.min(days_in(year, month));
    Some(Datetime { date: Date { year, month, day }, ..at })
}

/// Microseconds since midnight.
pub(crate) fn clock_micros(at: Datetime) -> i64 {
    let minutes = i64::from(at.hour) * 60 + i64::from(at.minute);
    (minutes * 60 + i64::from(at.second)) * 1_000_000 + i64::from(at.micros)
}

/// A day, so many microseconds after its midnight.
pub(crate) fn with_clock(date: Date, micros: i64) -> Datetime {
    let seconds = micros / 1_000_000;
    let narrow = |part: i64| u8::try_from(part).unwrap_or(0);
    Datetime {
        date,
        hour: narrow(seconds / 3_600),
        minute: narrow(seconds / 60 % 60),
        second: narrow(seconds % 60),
        micros: u32::try_from(micros % 1_000_000).unwrap_or(0),
    }
}
