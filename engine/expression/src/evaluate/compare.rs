//! Order and equality of values of one type.

use std::cmp::Ordering;

use whimbrel_model::Datetime;

use crate::{decimal::Decimal, value::Value};

/// Whether both are equal, `NULL` to `NULL` only.
pub(crate) fn equal(left: &Value<'_>, right: &Value<'_>) -> bool {
    match (left, right) {
        (Value::Null, Value::Null) => true,
        _ => order(left, right) == Some(Ordering::Equal),
    }
}

/// How both compare; none if one is `NULL`.
///
/// Text compares by its characters' numbers, without padding. Exact numbers compare exactly, and as
/// `DOUBLE` where one is a `DOUBLE`.
pub(crate) fn order(left: &Value<'_>, right: &Value<'_>) -> Option<Ordering> {
    match (left, right) {
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        (Value::Bool(left), Value::Int(right)) => Some(i128::from(*left).cmp(right)),
        (Value::Int(left), Value::Bool(right)) => Some(left.cmp(&i128::from(*right))),
        (Value::Int(left), Value::Int(right)) => Some(left.cmp(right)),
        (Value::Decimal(left), Value::Decimal(right)) => Some(left.compare(*right)),
        (Value::Decimal(left), Value::Int(right)) => Some(left.compare(Decimal::from_int(*right))),
        (Value::Int(left), Value::Decimal(right)) => Some(Decimal::from_int(*left).compare(*right)),
        (Value::Text(left), Value::Text(right)) => Some(left.as_bytes().cmp(right.as_bytes())),
        (Value::Bytes(left), Value::Bytes(right)) => Some(left.cmp(right)),
        (Value::Date(left), Value::Date(right)) => Some(left.cmp(right)),
        (Value::Date(left), Value::Datetime(right)) => Some(midnight(*left).cmp(right)),
        (Value::Datetime(left), Value::Date(right)) => Some(left.cmp(&midnight(*right))),
        (Value::Datetime(left), Value::Datetime(right)) => Some(left.cmp(right)),
        (Value::Time(left), Value::Time(right)) => Some(left.cmp(right)),
        _ => double(left)?.partial_cmp(&double(right)?),
    }
}

fn midnight(date: whimbrel_model::Date) -> Datetime {
    Datetime { date, ..Datetime::default() }
}

/// The nearest `DOUBLE` of a number.
pub(super) fn double(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Double(value) => Some(*value),
        Value::Int(value) => Some(int_to_double(*value)),
        Value::Decimal(value) => Some(value.to_double()),
        _ => None,
    }
}

/// The nearest `DOUBLE` of an integer.
pub(super) fn int_to_double(value: i128) -> f64 {
    // Exact up to 2^53, and rounded once above, as MySQL's cast of a BIGINT.
    #[expect(clippy::cast_precision_loss, reason = "rounding to the nearest is what is wanted")]
    let double = value as f64;
    double
}
