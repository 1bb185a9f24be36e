//! Values that are written out.

use std::borrow::Cow;

use crate::{
    code::Code,
    decimal::Decimal,
    problem::{Problem, What},
    syntax::{Node, NodeKind},
    types::{PRECISION_MAX, SCALE_MAX, SIGNED_MAX, SIGNED_MIN, Type, UNSIGNED_MAX},
    value::Value,
};

/// The constant that a literal is.
pub(super) fn code(node: &Node) -> Result<Code, Problem> {
    let (value, kind) = match &node.kind {
        NodeKind::Bool(value) => (Value::Bool(*value), Type::Bool),
        NodeKind::Text(text) => {
            let kind = Type::text(text.chars().count());
            (Value::Text(Cow::Owned(text.clone())), kind)
        }
        NodeKind::Number(digits) => number(digits).ok_or_else(|| {
            let what = What::Literal {
                reason: format!("`{digits}` is no number that MySQL has"),
                help: "65 digits are the most, 30 of them after the point".to_owned(),
            };
            Problem::new(what, &node.span)
        })?,
        _ => (Value::Null, Type::Null),
    };
    Ok(Code::constant(value, kind, &node.span))
}

/// The value of a number: exact, unless it has an exponent.
fn number(digits: &str) -> Option<(Value<'static>, Type)> {
    let (is_negative, plain) = match digits.strip_prefix('-') {
        Some(plain) => (true, plain),
        None => (false, digits),
    };
    if let Some(hex) = plain.strip_prefix("0x").or_else(|| plain.strip_prefix("0X")) {
        let value = i128::from(u64::from_str_radix(hex, 16).ok()?);
        return int(if is_negative { -value } else { value });
    }
    if plain.contains(['e', 'E']) {
        let value: f64 = digits.parse().ok()?;
        return value.is_finite().then_some((Value::Double(value), Type::Double));
    }
    let value = Decimal::parse(digits.as_bytes())?;
    if !plain.contains('.')
        && let Some(found) = value.to_int().and_then(int)
    {
        return Some(found);
    }
    let precision = (value.whole_digits() + value.scale()).max(1);
    let is_decimal = precision <= PRECISION_MAX && value.scale() <= SCALE_MAX;
    let kind = Type::Decimal { precision, scale: value.scale() };
    is_decimal.then_some((Value::Decimal(value), kind))
}

/// A number with no sign beyond `BIGINT` is one of `BIGINT UNSIGNED`, as in MySQL.
fn int(value: i128) -> Option<(Value<'static>, Type)> {
    let is_int = (SIGNED_MIN..=UNSIGNED_MAX).contains(&value);
    is_int.then_some((Value::Int(value), Type::int(value > SIGNED_MAX, value, value)))
}
