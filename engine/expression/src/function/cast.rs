//! Functions that make a value of another type. What has no exact counterpart is an error, where MySQL
//! would warn and write something near.

use std::borrow::Cow;

use crate::{
    code::{CallCode, Code, CodeKind, ColumnCode},
    column::Reading,
    decimal::Decimal,
    double,
    error::Fault,
    evaluate::{convert::convert, in_range},
    function::{
        Form, Function, MYSQL, Origin,
        resolve::{Call, fold, null, print, printed_characters},
        values::{datetime, take, text_value},
    },
    problem::Problem,
    temporal::{is_calendar_day, parse_date, parse_datetime, round_to},
    types::{PRECISION_MAX, SCALE_MAX, Type, Typed},
    value::Value,
};

const NO_INTEGER: Fault = Fault::Argument("the text is no integer");
const NO_NUMBER: Fault = Fault::Argument("the text is no number");
const NO_DATE: Fault = Fault::Argument("the text is no date of the calendar");

/// The functions of this file.
pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        name: "cast_signed",
        usage: "cast_signed(value)",
        doc: "The value as an integer with a sign. Exact numbers round half away from zero. Text must \
              be an integer, and a number must fit: MySQL would warn and write another value.",
        example: ("cast_signed(\"-17\")", "-17"),
        origin: Origin::MysqlAs("CAST(value AS SIGNED)"),
        form: Form::Call(resolve_signed, cast_int),
        ..MYSQL
    },
    Function {
        name: "cast_unsigned",
        usage: "cast_unsigned(value)",
        doc: "The value as an integer without a sign, by the rules of `cast_signed`. A negative number \
              is an error: MySQL would add 2^64.",
        example: ("cast_unsigned(17.5)", "18"),
        origin: Origin::MysqlAs("CAST(value AS UNSIGNED)"),
        form: Form::Call(resolve_unsigned, cast_int),
        ..MYSQL
    },
    Function {
        name: "cast_decimal",
        usage: "cast_decimal(value, precision, scale)",
        doc: "The value as an exact number of so many digits, of which `scale` are after the point; \
              rounded half away from zero. Text must be a number, and the number must fit.",
        example: ("cast_decimal(\"1.005\", 10, 2)", "1.01"),
        origin: Origin::MysqlAs("CAST(value AS DECIMAL(precision, scale))"),
        takes: (3, 3),
        form: Form::Call(resolve_decimal, cast_decimal),
    },
    Function {
        name: "cast_double",
        usage: "cast_double(value)",
        doc: "The nearest DOUBLE to a number, or to the number that a text is.",
        example: ("cast_double(1.5)", "1.5e0"),
        origin: Origin::MysqlAs("CAST(value AS DOUBLE)"),
        form: Form::Call(resolve_double, cast_double),
        ..MYSQL
    },
    Function {
        name: "cast_char",
        usage: "cast_char(value)",
        doc: "The text that the server prints for the value. Bytes are read as UTF-8 text.",
        example: ("cast_char(1.50)", "\"1.50\""),
        origin: Origin::MysqlAs("CAST(value AS CHAR)"),
        form: Form::Tree(cast_char),
        ..MYSQL
    },
    Function {
        name: "cast_date",
        usage: "cast_date(value)",
        doc: "The day of a date and time, or of a text such as `2024-01-31` or `2024-01-31 23:59:59`.",
        example: ("cast_date(\"2024-01-31\")", "2024-01-31"),
        origin: Origin::MysqlAs("CAST(value AS DATE)"),
        form: Form::Call(resolve_date, cast_date),
        ..MYSQL
    },
    Function {
        name: "cast_datetime",
        usage: "cast_datetime(value, digits)",
        doc: "The date and time of a text such as `2024-01-31 23:59:59.5`, or midnight of a date; \
              rounded to so many digits of a second, none if they are not given.",
        example: ("cast_datetime(\"2024-01-31 23:59:59.5\", 1)", "2024-01-31 23:59:59.500000"),
        origin: Origin::MysqlAs("CAST(value AS DATETIME(digits))"),
        takes: (1, 2),
        form: Form::Call(resolve_datetime, cast_datetime),
    },
];

fn resolve_signed(call: &mut Call<'_>) -> Result<Typed, Problem> {
    resolve_int(call, false)
}

fn resolve_unsigned(call: &mut Call<'_>) -> Result<Typed, Problem> {
    resolve_int(call, true)
}

fn resolve_int(call: &Call<'_>, unsigned: bool) -> Result<Typed, Problem> {
    let Type::Int { min: floor, max: ceiling, .. } = Type::bigint(unsigned) else {
        return Ok(call.typed(Type::Null));
    };
    let (min, max) = match *call.kind(0) {
        Type::Int { min, max, .. } => (min, max),
        Type::Bool => (0, 1),
        Type::Decimal { precision, scale } if precision - scale < 20 => {
            let bound = 10_i128.pow(u32::from(precision - scale));
            (-bound, bound)
        }
        Type::Decimal { .. } | Type::Double | Type::Text { .. } | Type::Null => (floor, ceiling),
        _ => return Err(call.wrong(0, "a number, a condition or text", "")),
    };
    if min > ceiling || max < floor {
        let what = crate::problem::What::AlwaysFails {
            reason: "the result is out of its type's range".to_owned(),
        };
        return Err(Problem::new(what, &call.span));
    }
    Ok(call.typed(Type::int(unsigned, min.max(floor), max.min(ceiling))))
}

fn cast_int<'a>(code: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    let whole = match take(values, 0) {
        Value::Int(value) => value,
        Value::Bool(value) => value.into(),
        Value::Decimal(value) => value.rounded(0)?.to_int().ok_or(Fault::OutOfRange)?,
        Value::Double(value) => double::to_int(value).ok_or(Fault::OutOfRange)?,
        Value::Text(text) => {
            let digits = text.strip_prefix(['-', '+']).unwrap_or(&text);
            let is_integer = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            if !is_integer {
                return Err(NO_INTEGER);
            }
            text.parse().map_err(|_| Fault::OutOfRange)?
        }
        _ => return Err(Fault::OtherTable),
    };
    let unsigned = matches!(code.typed.kind, Type::Int { unsigned: true, .. });
    in_range(whole, unsigned).map(Value::Int)
}

fn resolve_decimal(call: &mut Call<'_>) -> Result<Typed, Problem> {
    let (precision, scale) = (call.literal_int(1)?, call.literal_int(2)?);
    let narrow = |value: i128| u8::try_from(value).ok();
    let is_decimal = |&(precision, scale): &(u8, u8)| {
        (1..=PRECISION_MAX).contains(&precision) && scale <= SCALE_MAX.min(precision)
    };
    let Some((precision, scale)) = narrow(precision).zip(narrow(scale)).filter(is_decimal) else {
        return Err(call.bad_literal(
            1,
            "this is no DECIMAL",
            "it has 1 to 65 digits, of which up to 30 are after the point",
        ));
    };
    match call.kind(0) {
        Type::Text { .. } | Type::Null | Type::Bool => {}
        kind if kind.is_number() => {}
        _ => return Err(call.wrong(0, "a number or text", "")),
    }
    Ok(call.typed(Type::Decimal { precision, scale }))
}

fn cast_decimal<'a>(code: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    let Type::Decimal { precision, scale } = code.typed.kind else { return Err(Fault::OtherTable) };
    let value = match take(values, 0) {
        Value::Int(value) => Decimal::from_int(value),
        Value::Bool(value) => Decimal::from_int(value.into()),
        Value::Decimal(value) => value,
        // The server, too, goes by the shortest digits that give the same DOUBLE.
        Value::Double(value) => double::to_decimal(value, scale)?,
        Value::Text(text) => {
            let digits = text.strip_prefix(['-', '+']).unwrap_or(&text);
            let has_digit = digits.bytes().any(|byte| byte.is_ascii_digit());
            if !has_digit || digits.len() > usize::from(PRECISION_MAX) + 1 {
                return Err(NO_NUMBER);
            }
            Decimal::parse(text.as_bytes()).ok_or(NO_NUMBER)?
        }
        _ => return Err(Fault::OtherTable),
    };
    let rounded = value.rounded(scale)?;
    if rounded.whole_digits() > precision - scale {
        return Err(Fault::OutOfRange);
    }
    Ok(Value::Decimal(rounded))
}

fn resolve_double(call: &mut Call<'_>) -> Result<Typed, Problem> {
    match call.kind(0) {
        Type::Text { .. } | Type::Null => {}
        kind if kind.is_number() => {}
        _ => return Err(call.wrong(0, "a number or text", "")),
    }
    Ok(call.typed(Type::Double))
}

fn cast_double<'a>(_: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    match take(values, 0) {
        Value::Text(text) => {
            let is_number = text.bytes().all(|byte| {
                byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E')
            });
            let number = is_number.then(|| text.parse::<f64>().ok()).flatten().ok_or(NO_NUMBER)?;
            number.is_finite().then_some(Value::Double(number)).ok_or(Fault::OutOfRange)
        }
        other => convert(other, &Type::Double),
    }
}

fn cast_char(call: &mut Call<'_>) -> Result<Code, Problem> {
    let is_single = matches!(
        &call.argument(0).kind,
        CodeKind::Column(ColumnCode { reading: Reading::Single, .. })
    );
    if is_single {
        let remedy = "a FLOAT prints with fewer digits than it has: write `cast_char(x * 1e0)`";
        return Err(call.wrong(0, "another number", remedy));
    }
    let characters_max = match call.kind(0) {
        Type::Bytes { bytes_max } => *bytes_max,
        Type::Double => double::CHARACTERS_MAX,
        kind => printed_characters(kind)
            .ok_or_else(|| call.wrong(0, "a value that the server prints as text", ""))?,
    };
    let value = call.arguments.pop().unwrap_or_else(|| null(&call.span));
    let span = call.span.clone();
    fold(Code { span, ..print(value, characters_max) })
}

fn resolve_date(call: &mut Call<'_>) -> Result<Typed, Problem> {
    match call.kind(0) {
        Type::Text { .. } | Type::Date | Type::Datetime { .. } | Type::Null => {
            Ok(call.typed(Type::Date))
        }
        _ => Err(call.wrong(0, "text, a date, or a date and time", "")),
    }
}

fn cast_date<'a>(_: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    if let Value::Text(text) = take_text(values) {
        let date = parse_date(&text).or_else(|| Some(parse_datetime(&text)?.0.date));
        return date.filter(|date| is_calendar_day(*date)).map(Value::Date).ok_or(NO_DATE);
    }
    datetime(values, 0).map(|at| Value::Date(at.date))
}

/// The first value if it is text, else `NULL`.
fn take_text<'a>(values: &mut [Value<'a>]) -> Value<'a> {
    if matches!(values.first(), Some(Value::Text(_))) { take(values, 0) } else { Value::Null }
}

fn resolve_datetime(call: &mut Call<'_>) -> Result<Typed, Problem> {
    let fsp = if call.arguments.len() == 2 { call.literal_int(1)? } else { 0 };
    let fsp = u8::try_from(fsp).ok().filter(|fsp| *fsp <= 6).ok_or_else(|| {
        call.bad_literal(1, "a second has 0 to 6 digits", "write a number from 0 to 6")
    })?;
    match call.kind(0) {
        Type::Text { .. } | Type::Date | Type::Datetime { .. } | Type::Null => {
            Ok(call.typed(Type::Datetime { fsp }))
        }
        _ => Err(call.wrong(0, "text, a date, or a date and time", "")),
    }
}

fn cast_datetime<'a>(code: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    let Type::Datetime { fsp } = code.typed.kind else { return Err(Fault::OtherTable) };
    let at = if let Value::Text(text) = take_text(values) {
        let midnight = || {
            let date = parse_date(&text)?;
            Some(whimbrel_model::Datetime { date, ..whimbrel_model::Datetime::default() })
        };
        let at = parse_datetime(&text).map(|(at, _)| at).or_else(midnight);
        at.filter(|at| is_calendar_day(at.date)).ok_or(NO_DATE)?
    } else {
        datetime(values, 0)?
    };
    round_to(at, fsp).map(Value::Datetime).ok_or(Fault::OutOfRange)
}

/// Bytes as text.
pub(crate) fn bytes_as_text(bytes: Cow<'_, [u8]>) -> Result<Value<'_>, Fault> {
    Ok(match bytes {
        Cow::Borrowed(bytes) => text_value(std::str::from_utf8(bytes).map_err(|_| Fault::NotText)?),
        Cow::Owned(bytes) => text_value(String::from_utf8(bytes).map_err(|_| Fault::NotText)?),
    })
}
