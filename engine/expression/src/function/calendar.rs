//! Functions that take a part of a date or a time.

use whimbrel_model::{Date, Datetime};

use crate::{
    code::CallCode,
    error::Fault,
    function::{
        Form, Function, MYSQL,
        resolve::Call,
        values::{date, datetime},
    },
    interval::day_number,
    problem::Problem,
    temporal::{days_in, is_calendar_day},
    types::{Type, Typed},
    value::Value,
};

/// The functions of this file.
pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        name: "date",
        usage: "date(value)",
        doc: "The day of a date and time.",
        example: ("date(\"2024-01-31 23:59:59\")", "2024-01-31"),
        form: Form::Call(resolve_date, date_of),
        ..MYSQL
    },
    Function {
        name: "year",
        usage: "year(date)",
        doc: "The year.",
        example: ("year(\"2024-01-31\")", "2024"),
        form: Form::Call(resolve_year, year),
        ..MYSQL
    },
    Function {
        name: "quarter",
        usage: "quarter(date)",
        doc: "The quarter of the year, 1 to 4; 0 for a date without a month.",
        example: ("quarter(\"2024-05-31\")", "2"),
        form: Form::Call(resolve_small, quarter),
        ..MYSQL
    },
    Function {
        name: "month",
        usage: "month(date)",
        doc: "The month, 1 to 12; 0 for a date without one.",
        example: ("month(\"2024-01-31\")", "1"),
        form: Form::Call(resolve_small, month),
        ..MYSQL
    },
    Function {
        name: "day",
        usage: "day(date)",
        doc: "The day of the month, 1 to 31; 0 for a date without one.",
        example: ("day(\"2024-01-31\")", "31"),
        form: Form::Call(resolve_small, day),
        ..MYSQL
    },
    Function {
        name: "hour",
        usage: "hour(value)",
        doc: "The hour of a date and time, or the whole hours of a time without its sign.",
        example: ("hour(\"2024-01-31 23:59:58\")", "23"),
        form: Form::Call(resolve_clock, hour),
        ..MYSQL
    },
    Function {
        name: "minute",
        usage: "minute(value)",
        doc: "The minute of a date and time, or of a time.",
        example: ("minute(\"2024-01-31 23:59:58\")", "59"),
        form: Form::Call(resolve_clock, minute),
        ..MYSQL
    },
    Function {
        name: "second",
        usage: "second(value)",
        doc: "The second of a date and time, or of a time.",
        example: ("second(\"2024-01-31 23:59:58\")", "58"),
        form: Form::Call(resolve_clock, second),
        ..MYSQL
    },
    Function {
        name: "microsecond",
        usage: "microsecond(value)",
        doc: "The microseconds of a date and time, or of a time.",
        example: ("microsecond(\"2024-01-31 23:59:58.5\")", "500000"),
        form: Form::Call(resolve_micros, microsecond),
        ..MYSQL
    },
    Function {
        name: "weekday",
        usage: "weekday(date)",
        doc: "The day of the week, 0 for Monday to 6 for Sunday. NULL for a zero date.",
        example: ("weekday(\"2024-01-31\")", "2"),
        form: Form::Call(resolve_calendar_day, weekday),
        ..MYSQL
    },
    Function {
        name: "dayofweek",
        usage: "dayofweek(date)",
        doc: "The day of the week, 1 for Sunday to 7 for Saturday. NULL for a zero date.",
        example: ("dayofweek(\"2024-01-31\")", "4"),
        form: Form::Call(resolve_calendar_day, dayofweek),
        ..MYSQL
    },
    Function {
        name: "dayofyear",
        usage: "dayofyear(date)",
        doc: "The day of the year, 1 to 366. NULL for a zero date.",
        example: ("dayofyear(\"2024-02-01\")", "32"),
        form: Form::Call(resolve_calendar_day, dayofyear),
        ..MYSQL
    },
    Function {
        name: "last_day",
        usage: "last_day(date)",
        doc: "The last day of the month. NULL for a date without a month.",
        example: ("last_day(\"2024-02-01\")", "2024-02-29"),
        form: Form::Call(resolve_last_day, last_day),
        ..MYSQL
    },
];

fn small(value: impl Into<i128>) -> Value<'static> {
    Value::Int(value.into())
}

fn resolve_date(call: &mut Call<'_>) -> Result<Typed, Problem> {
    call.day(0)?;
    Ok(call.typed(Type::Date))
}

fn date_of<'a>(_: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    date(values, 0).map(Value::Date)
}

fn resolve_year(call: &mut Call<'_>) -> Result<Typed, Problem> {
    call.day(0)?;
    Ok(call.typed(Type::int(false, 0, 9_999)))
}

fn year<'a>(_: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    Ok(small(date(values, 0)?.year))
}

fn resolve_small(call: &mut Call<'_>) -> Result<Typed, Problem> {
    call.day(0)?;
    Ok(call.typed(Type::int(false, 0, 31)))
}

fn quarter<'a>(_: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    Ok(small(date(values, 0)?.month.div_ceil(3)))
}

fn month<'a>(_: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    Ok(small(date(values, 0)?.month))
}

fn day<'a>(_: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    Ok(small(date(values, 0)?.day))
}

fn resolve_clock(call: &mut Call<'_>) -> Result<Typed, Problem> {
    if !matches!(call.kind(0), Type::Time { .. }) {
        call.day(0)?;
    }
    Ok(call.typed(Type::int(false, 0, 838)))
}

fn resolve_micros(call: &mut Call<'_>) -> Result<Typed, Problem> {
    resolve_clock(call)?;
    Ok(call.typed(Type::int(false, 0, 999_999)))
}

/// Microseconds since midnight, or of a time without its sign.
fn clock(values: &[Value<'_>]) -> Result<u64, Fault> {
    if let Some(Value::Time(time)) = values.first() {
        return Ok(time.micros.unsigned_abs());
    }
    let at: Datetime = datetime(values, 0)?;
    u64::try_from(crate::interval::clock_micros(at)).map_err(|_| Fault::OtherTable)
}

fn hour<'a>(_: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    Ok(small(clock(values)? / 3_600_000_000))
}

fn minute<'a>(_: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    Ok(small(clock(values)? / 60_000_000 % 60))
}

fn second<'a>(_: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    Ok(small(clock(values)? / 1_000_000 % 60))
}

fn microsecond<'a>(_: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    Ok(small(clock(values)? % 1_000_000))
}

fn resolve_calendar_day(call: &mut Call<'_>) -> Result<Typed, Problem> {
    call.day(0)?;
    Ok(Typed::new(Type::int(false, 0, 366), true))
}

/// A day of the calendar; none for zero dates, of which the server's functions are NULL.
fn calendar_day(values: &[Value<'_>]) -> Result<Option<Date>, Fault> {
    date(values, 0).map(|date| Some(date).filter(|date| is_calendar_day(*date)))
}

fn weekday<'a>(_: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    let day = calendar_day(values)?;
    Ok(day.map_or(Value::Null, |day| small((day_number(day) + 5).rem_euclid(7))))
}

fn dayofweek<'a>(_: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    let day = calendar_day(values)?;
    Ok(day.map_or(Value::Null, |day| small((day_number(day) + 6).rem_euclid(7) + 1)))
}

fn dayofyear<'a>(_: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    let Some(day) = calendar_day(values)? else { return Ok(Value::Null) };
    let first = Date { year: day.year, month: 1, day: 1 };
    Ok(small(day_number(day) - day_number(first) + 1))
}

fn resolve_last_day(call: &mut Call<'_>) -> Result<Typed, Problem> {
    call.day(0)?;
    Ok(Typed::new(Type::Date, true))
}

fn last_day<'a>(_: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    let date = date(values, 0)?;
    if date.month == 0 {
        return Ok(Value::Null);
    }
    Ok(Value::Date(Date { day: days_in(date.year, date.month), ..date }))
}
