//! Functions that compute with dates and times.

use jiff::tz::{Offset, TimeZone};
use whimbrel_model::Datetime;

use crate::{
    code::CallCode,
    decimal::Decimal,
    error::Fault,
    function::{
        Form, Format, Function, MYSQL, Origin,
        resolve::Call,
        values::{date, datetime, exact, int, text_value},
    },
    interval::{Unit, add, clock_micros, date_of, day_number, with_clock},
    prepared::Prepared,
    problem::Problem,
    temporal::is_calendar_day,
    types::{Type, Typed},
    value::Value,
};

/// The day number of 1970-01-01.
const EPOCH: i64 = 719_528;

/// The last second that MySQL has a UNIX time for: 3001-01-18 23:59:59.
const UNIX_MAX: i64 = 32_536_771_199;

/// The last second that MySQL's time zone tables have rules for.
const RULES_MAX: i64 = i32::MAX as i64;

const SECOND: i64 = 1_000_000;

const BEYOND: Fault = Fault::Argument("the result is beyond the years 1 to 9999");

/// The functions of this file.
pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        name: "date_add",
        usage: "date_add(date, count, \"unit\")",
        doc: "The date, or date and time, moved by so many microseconds, seconds, minutes, hours, days, \
              weeks, months, quarters or years (written as \"day\"). A month's end stays one. NULL for \
              a zero date; beyond the year 9999 it fails, where MySQL gives NULL.",
        example: ("date_add(\"2024-01-31\", 1, \"month\")", "2024-02-29"),
        origin: Origin::MysqlAs("DATE_ADD(date, INTERVAL count unit)"),
        takes: (3, 3),
        form: Form::Call(resolve_move, date_add),
    },
    Function {
        name: "date_sub",
        usage: "date_sub(date, count, \"unit\")",
        doc: "The date, or date and time, moved back: as `date_add`.",
        example: ("date_sub(\"2024-03-31\", 1, \"month\")", "2024-02-29"),
        origin: Origin::MysqlAs("DATE_SUB(date, INTERVAL count unit)"),
        takes: (3, 3),
        form: Form::Call(resolve_move, date_sub),
    },
    Function {
        name: "datediff",
        usage: "datediff(date, other)",
        doc: "The days from the other date to the date. NULL for a zero date.",
        example: ("datediff(\"2024-03-01\", \"2024-02-28 23:59:59\")", "2"),
        takes: (2, 2),
        form: Form::Call(resolve_datediff, datediff),
        ..MYSQL
    },
    Function {
        name: "date_format",
        usage: "date_format(date, \"format\")",
        doc: "The date as text: `%Y` `%y` year, `%m` `%c` month, `%d` `%e` day, `%H` `%k` `%h` `%l` \
              hour, `%i` minute, `%s` second, `%f` microseconds, `%T` `%r` time, `%p` AM or PM, `%j` \
              day of the year, `%w` day of the week, `%W` `%a` `%M` `%b` names (in English), `%D` day \
              with its ending, `%%` itself. NULL for the name of no month. The weekday and the \
              day of the year of a zero date fail, for which MySQL counts on.",
        example: ("date_format(\"2024-01-31\", \"%d.%m.%Y\")", "\"31.01.2024\""),
        takes: (2, 2),
        form: Form::Call(resolve_format, date_format),
        ..MYSQL
    },
    Function {
        name: "unix_timestamp",
        usage: "unix_timestamp(date)",
        doc: "The seconds since 1970 in UTC, with the digits of a second that the date has: a DATETIME is \
              taken as UTC, whatever the server's time zone. 0 before 1970 and after 3001.",
        example: ("unix_timestamp(\"2024-01-31 00:00:00\")", "1706659200"),
        origin: Origin::MysqlAs("UNIX_TIMESTAMP with time_zone '+00:00'"),
        form: Form::Call(resolve_unix_timestamp, unix_timestamp),
        ..MYSQL
    },
    Function {
        name: "from_unixtime",
        usage: "from_unixtime(seconds)",
        doc: "The date and time in UTC, so many seconds after 1970, whatever the server's time zone. \
              NULL for negative ones and after 3001.",
        example: ("from_unixtime(1706659200)", "2024-01-31 00:00:00"),
        origin: Origin::MysqlAs("FROM_UNIXTIME with time_zone '+00:00'"),
        form: Form::Call(resolve_from_unixtime, from_unixtime),
        ..MYSQL
    },
    Function {
        name: "convert_tz",
        usage: "convert_tz(date, \"from\", \"to\")",
        doc: "The date and time in another time zone: names such as `Europe/Berlin` (of the IANA \
              database that this program carries, 2026f; no server's tables are asked), or offsets \
              such as `+02:00`. As in MySQL, an hour that the clocks show twice is the former, one \
              that they leave out is its end, and times before 1970 and after 3001 stay as they are. \
              Summer times after 2037, which MySQL does not know, fail.",
        example: (
            "convert_tz(\"2024-07-01 12:00:00\", \"UTC\", \"Europe/Berlin\")",
            "2024-07-01 14:00:00",
        ),
        takes: (3, 3),
        form: Form::Call(resolve_zones, convert_tz),
        ..MYSQL
    },
];

fn resolve_move(call: &mut Call<'_>) -> Result<Typed, Problem> {
    let kind = call.day(0)?;
    call.int(1)?;
    let unit = Unit::named(call.literal(2)?).ok_or_else(|| {
        let names = Unit::NAMES.map(|(name, _)| name).join(", ");
        call.bad_literal(2, "this is no unit of time", &format!("units are {names}"))
    })?;
    call.prepared = Prepared::Unit(unit);
    let kind = match (kind, unit) {
        (Type::Date, unit) if unit.is_of_days() => Type::Date,
        (_, Unit::Microsecond) => Type::Datetime { fsp: 6 },
        (Type::Date, _) => Type::Datetime { fsp: 0 },
        (kind, _) => kind,
    };
    Ok(Typed::new(kind, true))
}

fn date_add<'a>(code: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    let count = int(values, 1)?;
    moved(code, values, count)
}

fn date_sub<'a>(code: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    let count = int(values, 1)?;
    moved(code, values, -count)
}

fn moved<'a>(code: &'a CallCode, values: &[Value<'a>], count: i128) -> Result<Value<'a>, Fault> {
    let Prepared::Unit(unit) = code.prepared else { return Err(Fault::OtherTable) };
    let at = datetime(values, 0)?;
    if !is_calendar_day(at.date) {
        return Ok(Value::Null);
    }
    let moved = add(at, count, unit).ok_or(BEYOND)?;
    let is_date = code.typed.kind == Type::Date;
    Ok(if is_date { Value::Date(moved.date) } else { Value::Datetime(moved) })
}

fn resolve_datediff(call: &mut Call<'_>) -> Result<Typed, Problem> {
    call.day(0)?;
    call.day(1)?;
    Ok(Typed::new(Type::int(false, -3_652_424, 3_652_424), true))
}

fn datediff<'a>(_: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    let (date, other) = (date(values, 0)?, date(values, 1)?);
    if !is_calendar_day(date) || !is_calendar_day(other) {
        return Ok(Value::Null);
    }
    Ok(Value::Int((day_number(date) - day_number(other)).into()))
}

fn resolve_format(call: &mut Call<'_>) -> Result<Typed, Problem> {
    call.day(0)?;
    let format = Format::parse(call.literal(1)?).map_err(|sign| {
        call.bad_literal(
            1,
            &format!("`%{sign}` is not offered"),
            "plans/functions.md has the signs",
        )
    })?;
    let kind = Type::Text { characters_max: format.characters_max() };
    call.prepared = Prepared::Format(format);
    Ok(Typed::new(kind, true))
}

fn date_format<'a>(code: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    let Prepared::Format(format) = &code.prepared else { return Err(Fault::OtherTable) };
    let at = datetime(values, 0)?;
    if format.asks_for_a_calendar_day() && !is_calendar_day(at.date) {
        return Err(Fault::Argument("a date that is none of the calendar has no weekday"));
    }
    Ok(format.print(at).map_or(Value::Null, text_value))
}

fn resolve_unix_timestamp(call: &mut Call<'_>) -> Result<Typed, Problem> {
    let kind = match call.day(0)? {
        Type::Datetime { fsp } if fsp > 0 => Type::Decimal { precision: 11 + fsp, scale: fsp },
        _ => Type::int(false, 0, UNIX_MAX.into()),
    };
    Ok(call.typed(kind))
}

fn unix_micros(at: Datetime) -> i64 {
    (day_number(at.date) - EPOCH) * 86_400 * SECOND + clock_micros(at)
}

fn unix_timestamp<'a>(code: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    let at = datetime(values, 0)?;
    let micros = if is_calendar_day(at.date) { unix_micros(at) } else { 0 };
    let is_in = micros >= SECOND && micros / SECOND <= UNIX_MAX;
    let micros = if is_in { micros } else { 0 };
    let Type::Decimal { scale, .. } = code.typed.kind else {
        return Ok(Value::Int((micros / SECOND).into()));
    };
    let number = Decimal::from_int(micros.into()).with_point_moved(6).ok_or(Fault::OutOfRange)?;
    Ok(Value::Decimal(number.rounded(scale)?))
}

fn resolve_from_unixtime(call: &mut Call<'_>) -> Result<Typed, Problem> {
    let fsp = match *call.kind(0) {
        Type::Int { .. } | Type::Null => 0,
        Type::Decimal { scale, .. } => scale.min(6),
        _ => return Err(call.wrong(0, "an integer or an exact number", "")),
    };
    Ok(Typed::new(Type::Datetime { fsp }, true))
}

fn from_unixtime<'a>(code: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    let Type::Datetime { fsp } = code.typed.kind else { return Err(Fault::OtherTable) };
    let seconds = exact(values, 0)?;
    let micros = seconds.rounded(fsp)?.times_power(6)?.rescaled_down(0).to_int();
    let micros = micros.and_then(|micros| i64::try_from(micros).ok());
    let is_in = |micros: &i64| *micros >= 0 && micros / SECOND <= UNIX_MAX;
    let Some(micros) = micros.filter(is_in) else { return Ok(Value::Null) };
    let day = micros / (86_400 * SECOND);
    let date = date_of(day + EPOCH).ok_or(BEYOND)?;
    Ok(Value::Datetime(with_clock(date, micros % (86_400 * SECOND))))
}

fn resolve_zones(call: &mut Call<'_>) -> Result<Typed, Problem> {
    let kind = match call.day(0)? {
        Type::Date => Type::Datetime { fsp: 0 },
        kind => kind,
    };
    let mut zones = Vec::new();
    for index in [1, 2] {
        zones.push(zone(call.literal(index)?).ok_or_else(|| {
            call.bad_literal(
                index,
                "no time zone has this name",
                "write a name of the IANA database, such as \"Europe/Berlin\", or \"+02:00\"",
            )
        })?);
    }
    if let (Some(to), Some(from)) = (zones.pop(), zones.pop()) {
        call.prepared = Prepared::Zones(Box::new((from, to)));
    }
    Ok(Typed::new(kind, true))
}

/// Whether `convert_tz` takes `name` for a time zone.
#[must_use]
pub fn is_time_zone(name: &str) -> bool {
    zone(name).is_some()
}

/// The zone of a name, or of an offset from `-13:59` to `+14:00`.
fn zone(name: &str) -> Option<TimeZone> {
    let (sign, offset) = match (name.strip_prefix('+'), name.strip_prefix('-')) {
        (Some(offset), _) => (1, offset),
        (_, Some(offset)) => (-1, offset),
        _ => return jiff::tz::TimeZoneDatabase::bundled().get(name).ok(),
    };
    let (hours, minutes) = offset.split_once(':')?;
    let part = |digits: &str| digits.parse::<i32>().ok().filter(|_| digits.len() <= 2);
    let (hours, minutes) = (part(hours)?, part(minutes).filter(|minutes| *minutes < 60)?);
    let seconds = sign * (hours * 60 + minutes) * 60;
    let is_in = (-(14 * 3_600 - 60)..=14 * 3_600).contains(&seconds);
    is_in.then(|| Offset::from_seconds(seconds).ok().map(TimeZone::fixed))?
}

fn convert_tz<'a>(code: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    let Prepared::Zones(zones) = &code.prepared else { return Err(Fault::OtherTable) };
    let at = datetime(values, 0)?;
    if !is_calendar_day(at.date) {
        return Ok(Value::Null);
    }
    let (from, to) = zones.as_ref();
    let whole = Datetime { micros: 0, ..at };
    let local = unix_micros(whole) / SECOND;
    // No zone is a day off.
    if !(-86_400..=UNIX_MAX + 86_400).contains(&local) {
        return Ok(Value::Datetime(at));
    }
    let unix = utc_of(local, from).ok_or(BEYOND)?;
    if !(1..=UNIX_MAX).contains(&unix) {
        return Ok(Value::Datetime(at));
    }
    let shown = unix + offset_at(to, unix).ok_or(BEYOND)?;
    // The server's tables end there, with the offset of the last winter.
    let is_known = unix <= RULES_MAX
        || [(from, local - unix), (to, shown - unix)]
            .into_iter()
            .all(|(zone, offset)| offset_at(zone, RULES_MAX) == Some(offset));
    if !is_known {
        return Err(Fault::Argument("MySQL knows no rules of time zones after 2037"));
    }
    let date = date_of(shown.div_euclid(86_400) + EPOCH).ok_or(BEYOND)?;
    let clock = with_clock(date, shown.rem_euclid(86_400) * SECOND);
    Ok(Value::Datetime(Datetime { micros: at.micros, ..clock }))
}

/// The seconds that a zone's clocks are ahead of UTC.
fn offset_at(zone: &TimeZone, unix: i64) -> Option<i64> {
    let at = jiff::Timestamp::from_second(unix).ok()?;
    Some(i64::from(zone.to_offset(at).seconds()))
}

/// The UTC seconds of a local time: of one that the clocks show twice the former, and of one that they
/// leave out the moment at which they do. Source: MySQL, `TIME_to_gmt_sec`.
fn utc_of(local: i64, zone: &TimeZone) -> Option<i64> {
    let offset_at = |unix: i64| offset_at(zone, unix);
    // No zone is a day off, so that both sides of any change near are seen.
    let (before, after) = (offset_at(local - 86_400)?, offset_at(local + 86_400)?);
    for offset in [before, after] {
        if offset_at(local - offset)? == offset {
            return Some(local - offset);
        }
    }
    if before == after {
        return Some(local - before);
    }
    // In the gap: the change is the first moment with the later offset.
    let (mut low, mut high) = (local - 86_400 - after.max(before), local + 86_400);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if offset_at(middle)? == after { high = middle } else { low = middle }
    }
    Some(high)
}
