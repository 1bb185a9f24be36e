//! The operators that compute.

use crate::{
    decimal::Decimal,
    error::Fault,
    evaluate::compare::double,
    syntax::Operator,
    types::{SIGNED_MAX, SIGNED_MIN, Type, UNSIGNED_MAX},
    value::Value,
};

/// Digits after the point that a division adds. MySQL: `div_precision_increment`, whose default this
/// is.
pub(crate) const DIVISION_DIGITS: u8 = 4;

/// The result of an operator in the type `kind`.
///
/// # Errors
///
/// [`Fault::OutOfRange`] and [`Fault::DivisionByZero`].
pub(super) fn compute(
    operator: Operator,
    left: &Value<'_>,
    right: &Value<'_>,
    kind: &Type,
) -> Result<Value<'static>, Fault> {
    match (left, right, kind) {
        (Value::Null, ..) | (_, Value::Null, _) => Ok(Value::Null),
        (Value::Int(left), Value::Int(right), Type::Int { unsigned, .. }) => {
            ints(operator, *left, *right, *unsigned).map(Value::Int)
        }
        (_, _, Type::Double) => {
            let left = double(left).ok_or(Fault::OtherTable)?;
            doubles(operator, left, double(right).ok_or(Fault::OtherTable)?).map(Value::Double)
        }
        _ => {
            let result = decimals(operator, exact(left)?, exact(right)?)?;
            // A quotient is cut after its groups of digits, and then rounded to those it shows.
            let is_quotient = operator == Operator::Divide;
            Ok(Value::Decimal(match kind {
                Type::Decimal { scale, .. } if is_quotient => result.rounded(*scale)?,
                _ => result,
            }))
        }
    }
}

/// The number with its sign changed, in the type `kind`.
///
/// # Errors
///
/// [`Fault::OutOfRange`].
pub(super) fn negate(value: &Value<'_>, kind: &Type) -> Result<Value<'static>, Fault> {
    Ok(match value {
        Value::Null => Value::Null,
        Value::Int(value) if matches!(kind, Type::Int { .. }) => {
            Value::Int(in_range(-value, false)?)
        }
        Value::Double(value) => Value::Double(-value),
        other => Value::Decimal(exact(other)?.negated()),
    })
}

fn exact(value: &Value<'_>) -> Result<Decimal, Fault> {
    match value {
        Value::Decimal(value) => Ok(*value),
        Value::Int(value) => Ok(Decimal::from_int(*value)),
        _ => Err(Fault::OtherTable),
    }
}

/// `value`, if it is a `BIGINT`.
pub(crate) fn in_range(value: i128, unsigned: bool) -> Result<i128, Fault> {
    let range = if unsigned { 0..=UNSIGNED_MAX } else { SIGNED_MIN..=SIGNED_MAX };
    range.contains(&value).then_some(value).ok_or(Fault::OutOfRange)
}

fn ints(operator: Operator, left: i128, right: i128, unsigned: bool) -> Result<i128, Fault> {
    let result = match operator {
        Operator::Add => left.checked_add(right),
        Operator::Subtract => left.checked_sub(right),
        // The server takes most products that are the least BIGINT for too large.
        Operator::Multiply => left
            .checked_mul(right)
            .filter(|product| *product != SIGNED_MIN || left == 1 || right == 1),
        _ if right == 0 => return Err(Fault::DivisionByZero),
        _ => left.checked_rem(right),
    };
    in_range(result.ok_or(Fault::OutOfRange)?, unsigned)
}

fn decimals(operator: Operator, left: Decimal, right: Decimal) -> Result<Decimal, Fault> {
    Ok(match operator {
        Operator::Add => left.add(right)?,
        Operator::Subtract => left.add(right.negated())?,
        Operator::Multiply => left.multiply(right)?,
        Operator::Divide => left.divide(right, DIVISION_DIGITS)?.ok_or(Fault::DivisionByZero)?,
        _ => left.modulo(right)?.ok_or(Fault::DivisionByZero)?,
    })
}

fn doubles(operator: Operator, left: f64, right: f64) -> Result<f64, Fault> {
    let result = match operator {
        Operator::Add => left + right,
        Operator::Subtract => left - right,
        Operator::Multiply => left * right,
        _ if right == 0.0 => return Err(Fault::DivisionByZero),
        Operator::Divide => left / right,
        _ => left % right,
    };
    result.is_finite().then_some(result).ok_or(Fault::OutOfRange)
}
