//! Dates and times from text.

use std::ops::Range;

use whimbrel_model::{Date, Datetime, Time};

use crate::{
    code::Code,
    interval::{Unit, add},
    problem::{Problem, What},
    types::Type,
    value::Value,
};

/// The days of a month; 31 for month 0, in which MySQL allows any.
pub(crate) fn days_in(year: u16, month: u8) -> u8 {
    let is_leap = year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap && year != 0 => 29,
        2 => 28,
        _ => 31,
    }
}

/// Whether it is a day of the calendar: no zero date, no 31 February.
pub(crate) fn is_calendar_day(date: Date) -> bool {
    date.month > 0 && date.day > 0 && date.month <= 12 && date.day <= days_in(date.year, date.month)
}

/// The date of `2024-01-31`. Zero parts are allowed, as in MySQL's zero dates.
pub(crate) fn parse_date(text: &str) -> Option<Date> {
    let [year, month, day] = numbers(text, '-')?;
    let (long, short) = (year.len() == 4, month.len() == 2 && day.len() == 2);
    let date = Date { year: number(year)?, month: number(month)?, day: number(day)? };
    let is_zero_part = date.month == 0 || date.day == 0;
    let is_date = long && short && date.month <= 12 && date.day <= 31;
    (is_date && (is_zero_part || is_calendar_day(date))).then_some(date)
}

/// The date and time of `2024-01-31 23:59:59.5`, and its digits of a second.
pub(crate) fn parse_datetime(text: &str) -> Option<(Datetime, u8)> {
    let (date, time) = text.split_once([' ', 'T'])?;
    let (time, micros, fsp) = split_fraction(time)?;
    let [hour, minute, second] = numbers(time, ':')?;
    if [hour, minute, second].iter().any(|part| part.len() != 2) {
        return None;
    }
    let (hour, minute, second) = (number(hour)?, number(minute)?, number(second)?);
    let at = Datetime { date: parse_date(date)?, hour, minute, second, micros };
    (hour < 24 && minute < 60 && second < 60).then_some((at, fsp))
}

/// The time of `-12:30:00.25`, and its digits of a second.
pub(crate) fn parse_time(text: &str) -> Option<(Time, u8)> {
    let (is_negative, plain) = match text.strip_prefix('-') {
        Some(plain) => (true, plain),
        None => (false, text),
    };
    let (whole, micros, fsp) = split_fraction(plain)?;
    let [hours, minutes, seconds] = numbers(whole, ':')?;
    if !(2..=3).contains(&hours.len()) || minutes.len() != 2 || seconds.len() != 2 {
        return None;
    }
    let (hours, minutes, seconds): (i64, i64, i64) =
        (number(hours)?, number(minutes)?, number(seconds)?);
    let all = ((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + i64::from(micros);
    let is_time = minutes < 60 && seconds < 60 && all <= TIME_MICROS_MAX;
    is_time.then_some((Time { micros: if is_negative { -all } else { all } }, fsp))
}

/// The longest `TIME`: 838:59:59.
pub(crate) const TIME_MICROS_MAX: i64 = ((838 * 60 + 59) * 60 + 59) * 1_000_000;

/// The time rounded to `fsp` digits of a second; none beyond the last year.
pub(crate) fn round_to(at: Datetime, fsp: u8) -> Option<Datetime> {
    let unit = 10_u32.pow(u32::from(6_u8.saturating_sub(fsp)));
    let rounded = (at.micros + unit / 2) / unit * unit;
    let plain = Datetime { micros: rounded % 1_000_000, ..at };
    if rounded < 1_000_000 { Some(plain) } else { add(plain, 1, Unit::Second) }
}

fn numbers(text: &str, separator: char) -> Option<[&str; 3]> {
    let mut parts = text.split(separator);
    let three = [parts.next()?, parts.next()?, parts.next()?];
    parts.next().is_none().then_some(three)
}

fn number<N: std::str::FromStr>(digits: &str) -> Option<N> {
    // `parse` takes a sign.
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// The text before the point, the microseconds behind it, and their number of digits, up to six.
fn split_fraction(text: &str) -> Option<(&str, u32, u8)> {
    let Some((whole, digits)) = text.split_once('.') else { return Some((text, 0, 0)) };
    if digits.is_empty() || digits.len() > 6 {
        return None;
    }
    let fsp = u8::try_from(digits.len()).ok()?;
    let micros: u32 = number(digits)?;
    Some((whole, micros * 10_u32.pow(u32::from(6 - fsp)), fsp))
}

/// The constant that a text stands for where it is compared with a date or a time.
pub(crate) fn literal(text: &str, other: &Type, span: &Range<usize>) -> Result<Code, Problem> {
    let found = match other {
        Type::Time { .. } => {
            parse_time(text).map(|(time, fsp)| (Value::Time(time), Type::Time { fsp }))
        }
        _ => parse_date(text).map(|date| (Value::Date(date), Type::Date)).or_else(|| {
            parse_datetime(text).map(|(at, fsp)| (Value::Datetime(at), Type::Datetime { fsp }))
        }),
    };
    let (value, kind) = found.ok_or_else(|| {
        let help = match other {
            Type::Time { .. } => "write \"23:59:59\"",
            _ => "write \"2024-01-31\" or \"2024-01-31 23:59:59\"",
        };
        let reason = format!("`{text}` is not {other}");
        Problem::new(What::Literal { reason, help: help.to_owned() }, span)
    })?;
    Ok(Code::constant(value, kind, span))
}
