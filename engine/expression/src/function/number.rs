//! Functions over numbers.

use crate::{
    code::CallCode,
    decimal::Decimal,
    error::Fault,
    evaluate::in_range,
    function::{
        Form, Function, MYSQL,
        resolve::Call,
        values::{exact, take},
    },
    problem::Problem,
    types::{PRECISION_MAX, SCALE_MAX, Type, Typed},
    value::Value,
};

/// The functions of this file.
pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        name: "round",
        usage: "round(number, digits)",
        doc: "The number with so many digits after the point, none if they are not given; negative \
              ones count before it. Exact numbers round half away from zero, a DOUBLE to the nearest \
              even one.",
        example: ("round(-2.345, 2)", "-2.35"),
        takes: (1, 2),
        form: Form::Call(resolve_round, round),
        ..MYSQL
    },
    Function {
        name: "truncate",
        usage: "truncate(number, digits)",
        doc: "The number cut after so many digits behind the point; negative ones count before it.",
        example: ("truncate(-2.345, 2)", "-2.34"),
        takes: (2, 2),
        form: Form::Call(resolve_round, truncate),
        ..MYSQL
    },
    Function {
        name: "floor",
        usage: "floor(number)",
        doc: "The largest whole number that is not more.",
        example: ("floor(-1.5)", "-2"),
        form: Form::Call(resolve_whole, floor),
        ..MYSQL
    },
    Function {
        name: "ceil",
        usage: "ceil(number)",
        doc: "The least whole number that is not less.",
        example: ("ceil(1.2)", "2"),
        form: Form::Call(resolve_whole, ceil),
        ..MYSQL
    },
    Function {
        name: "abs",
        usage: "abs(number)",
        doc: "The number without its sign.",
        example: ("abs(-1.5)", "1.5"),
        form: Form::Call(resolve_abs, abs),
        ..MYSQL
    },
    Function {
        name: "sign",
        usage: "sign(number)",
        doc: "-1, 0 or 1, as the number is less than, equal to or more than zero.",
        example: ("sign(-0.5)", "-1"),
        form: Form::Call(resolve_sign, sign),
        ..MYSQL
    },
    Function {
        name: "mod",
        usage: "mod(number, divisor)",
        doc: "What a division to a whole number leaves, with the number's sign. `a % b` is the same.",
        example: ("mod(-7, 3)", "-1"),
        takes: (2, 2),
        form: Form::Tree(modulo),
        ..MYSQL
    },
];

fn number(call: &Call<'_>) -> Result<Type, Problem> {
    match call.kind(0) {
        Type::Null => Ok(Type::int(false, 0, 0)),
        kind if kind.is_number() => Ok(kind.clone()),
        Type::Text { .. } => {
            Err(call.wrong(0, "a number", "read one from text by `cast_decimal(x, 10, 2)`"))
        }
        _ => Err(call.wrong(0, "a number", "")),
    }
}

/// The digits that a rounding leaves: -65 to 30; zero if they are not given.
fn digits(call: &Call<'_>) -> Result<i8, Problem> {
    if call.arguments.len() < 2 {
        return Ok(0);
    }
    let digits = call.literal_int(1)?;
    let (least, most) = (-i128::from(PRECISION_MAX), i128::from(SCALE_MAX));
    Ok(i8::try_from(digits.clamp(least, most)).unwrap_or(0))
}

fn resolve_round(call: &mut Call<'_>) -> Result<Typed, Problem> {
    let kind = number(call)?;
    let digits = digits(call)?;
    let kind = match kind {
        Type::Int { unsigned, min, max } if digits < 0 => {
            // Rounding may carry one digit further.
            let unit = 10_i128.checked_pow(digits.unsigned_abs().into()).unwrap_or(i128::MAX / 2);
            let bigint = Type::bigint(unsigned);
            let Type::Int { min: floor, max: ceiling, .. } = bigint else {
                return Ok(call.typed(kind));
            };
            let (min, max) = (min.saturating_sub(unit), max.saturating_add(unit));
            Type::int(unsigned, min.max(floor), max.min(ceiling))
        }
        Type::Decimal { precision, scale } => {
            let scale_left = scale.min(u8::try_from(digits.max(0)).unwrap_or(0));
            let whole = precision - scale + u8::from(scale_left < scale);
            let precision = (whole + scale_left).clamp(1, PRECISION_MAX);
            Type::Decimal { precision, scale: scale_left }
        }
        kind => kind,
    };
    Ok(call.typed(kind))
}

fn round<'a>(code: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    to_digits(code, values, Decimal::rounded, |number, unit, is_fraction| {
        let scaled = if is_fraction { number * unit } else { number / unit };
        if scaled.is_infinite() {
            return number;
        }
        let whole = scaled.round_ties_even();
        if is_fraction { whole / unit } else { whole * unit }
    })
}

fn truncate<'a>(code: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    let cut = |value: Decimal, scale| Ok(value.rescaled_down(scale));
    to_digits(code, values, cut, |number, unit, is_fraction| {
        let scaled = if is_fraction { number * unit } else { number / unit };
        if scaled.is_infinite() {
            return number;
        }
        let whole = scaled.trunc();
        if is_fraction { whole / unit } else { whole * unit }
    })
}

/// A number with as many digits as the second argument says, which is none or was written out.
fn to_digits<'a>(
    code: &'a CallCode,
    values: &mut [Value<'a>],
    exact_to: fn(Decimal, u8) -> Result<Decimal, crate::decimal::OutOfRange>,
    double_to: fn(f64, f64, bool) -> f64,
) -> Result<Value<'a>, Fault> {
    let digits = match values.get(1) {
        Some(Value::Int(digits)) => i32::try_from((*digits).clamp(-400, 400)).unwrap_or(0),
        _ => 0,
    };
    match take(values, 0) {
        Value::Double(value) => {
            let unit = 10_f64.powi(digits.abs());
            let result = double_to(value, unit, digits >= 0);
            Ok(Value::Double(result))
        }
        Value::Int(value) if digits >= 0 => Ok(Value::Int(value)),
        Value::Int(value) => {
            let value = before_point(Decimal::from_int(value), digits, exact_to)?;
            let unsigned = matches!(code.typed.kind, Type::Int { unsigned: true, .. });
            in_range(value.to_int().ok_or(Fault::OutOfRange)?, unsigned).map(Value::Int)
        }
        Value::Decimal(value) if digits < 0 => {
            before_point(value, digits, exact_to).map(Value::Decimal)
        }
        Value::Decimal(value) => {
            // It never gets more digits than it has.
            let scale = value.scale().min(u8::try_from(digits).unwrap_or(SCALE_MAX));
            Ok(Value::Decimal(exact_to(value, scale)?))
        }
        _ => Err(Fault::OtherTable),
    }
}

/// With zeros in the last `-digits` places before the point.
fn before_point(
    value: Decimal,
    digits: i32,
    exact_to: fn(Decimal, u8) -> Result<Decimal, crate::decimal::OutOfRange>,
) -> Result<Decimal, Fault> {
    let places = u8::try_from(digits.unsigned_abs()).unwrap_or(u8::MAX);
    if places > PRECISION_MAX {
        return Ok(Decimal::from_int(0));
    }
    let moved = value.with_point_moved(places).ok_or(Fault::OutOfRange)?;
    let whole = exact_to(moved, 0)?;
    Ok(whole.times_power(places)?)
}

fn resolve_whole(call: &mut Call<'_>) -> Result<Typed, Problem> {
    let kind = match number(call)? {
        Type::Decimal { precision, scale } if precision - scale < 18 => {
            let bound = 10_i128.pow(u32::from(precision - scale));
            Type::int(false, -bound, bound)
        }
        Type::Decimal { precision, scale } => {
            Type::Decimal { precision: (precision - scale + 1).min(PRECISION_MAX), scale: 0 }
        }
        kind => kind,
    };
    Ok(call.typed(kind))
}

fn floor<'a>(code: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    whole(code, take(values, 0), f64::floor, Decimal::is_negative, -1)
}

fn ceil<'a>(code: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    whole(code, take(values, 0), f64::ceil, |value| !value.is_negative(), 1)
}

/// A whole number: the value cut, and a step further if it `steps` in that direction and was not
/// whole.
fn whole<'a>(
    code: &CallCode,
    value: Value<'a>,
    double: fn(f64) -> f64,
    steps: fn(Decimal) -> bool,
    step: i128,
) -> Result<Value<'a>, Fault> {
    let value = match value {
        Value::Double(value) => return Ok(Value::Double(double(value))),
        Value::Decimal(value) => value,
        other => return Ok(other),
    };
    let cut = value.rescaled_down(0);
    let result = if cut != value && steps(value) { cut.add(Decimal::from_int(step))? } else { cut };
    if matches!(code.typed.kind, Type::Int { .. }) {
        return result.to_int().map(Value::Int).ok_or(Fault::OutOfRange);
    }
    Ok(Value::Decimal(result))
}

fn resolve_abs(call: &mut Call<'_>) -> Result<Typed, Problem> {
    let kind = match number(call)? {
        Type::Int { unsigned, min, max } => {
            let most = min.abs().max(max.abs());
            let least = if min <= 0 && max >= 0 { 0 } else { min.abs().min(max.abs()) };
            let ceiling = if unsigned { u64::MAX.into() } else { i64::MAX.into() };
            Type::int(unsigned, least, most.min(ceiling))
        }
        kind => kind,
    };
    Ok(call.typed(kind))
}

fn abs<'a>(code: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    match take(values, 0) {
        Value::Int(value) => {
            let unsigned = matches!(code.typed.kind, Type::Int { unsigned: true, .. });
            in_range(value.abs(), unsigned).map(Value::Int)
        }
        Value::Decimal(value) if value.is_negative() => Ok(Value::Decimal(value.negated())),
        Value::Double(value) => Ok(Value::Double(value.abs())),
        other => Ok(other),
    }
}

fn resolve_sign(call: &mut Call<'_>) -> Result<Typed, Problem> {
    number(call)?;
    Ok(call.typed(Type::int(false, -1, 1)))
}

fn sign<'a>(_: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    if let Some(Value::Double(value)) = values.first() {
        let sign = i128::from(*value > 0.0) - i128::from(*value < 0.0);
        return Ok(Value::Int(sign));
    }
    let value = exact(values, 0)?;
    Ok(Value::Int(match (value.is_zero(), value.is_negative()) {
        (true, _) => 0,
        (_, true) => -1,
        _ => 1,
    }))
}

fn modulo(call: &mut Call<'_>) -> Result<crate::code::Code, Problem> {
    let mut arguments = std::mem::take(&mut call.arguments).into_iter();
    let (Some(left), Some(right)) = (arguments.next(), arguments.next()) else {
        return super::resolve::nothing(call);
    };
    crate::check::arithmetic(crate::syntax::Operator::Modulo, left, right, &call.span)
}
