//! The types of operators.

use std::ops::Range;

use crate::{
    code::{Code, CodeKind, InCode},
    function::{converted, fold, literal_as, no_common_type},
    problem::{Problem, What},
    syntax::Operator,
    types::{PRECISION_MAX, SCALE_MAX, SIGNED_MAX, SIGNED_MIN, Type, Typed, UNSIGNED_MAX, common},
    value::Value,
};

/// `!a`.
pub(super) fn not(operand: Code, span: &Range<usize>) -> Result<Code, Problem> {
    want_condition(&operand, "what `!` stands before")?;
    let typed = Typed::new(Type::Bool, operand.typed.nullable);
    fold(Code { kind: CodeKind::Not(Box::new(operand)), typed, span: span.clone() })
}

/// `-a`.
pub(super) fn negate(operand: Code, span: &Range<usize>) -> Result<Code, Problem> {
    let kind = match operand.typed.kind {
        Type::Int { min, max, .. } => {
            let (min, max) = (-max, -min);
            if min > SIGNED_MAX || max < SIGNED_MIN {
                return Err(always_fails("the result is out of its type's range", span));
            }
            Type::int(false, min.max(SIGNED_MIN), max.min(SIGNED_MAX))
        }
        Type::Decimal { .. } | Type::Double | Type::Null => operand.typed.kind.clone(),
        _ => return Err(wrong(&operand, "what `-` stands before", "a number")),
    };
    let typed = Typed::new(kind, operand.typed.nullable);
    fold(Code { kind: CodeKind::Negate(Box::new(operand)), typed, span: span.clone() })
}

/// `a && b`, `a || b`.
pub(super) fn join(is_all: bool, parts: Vec<Code>, span: &Range<usize>) -> Result<Code, Problem> {
    let sign = if is_all { "&&" } else { "||" };
    for part in &parts {
        want_condition(part, &format!("a side of `{sign}`"))?;
    }
    let typed = Typed::new(Type::Bool, parts.iter().any(|part| part.typed.nullable));
    let kind = if is_all { CodeKind::All(parts) } else { CodeKind::Any(parts) };
    fold(Code { kind, typed, span: span.clone() })
}

/// `a < b` and its like.
pub(super) fn compare(
    operator: Operator,
    left: Code,
    right: Code,
    span: &Range<usize>,
) -> Result<Code, Problem> {
    let (left, right) = comparable(left, right)?;
    let takes_null = matches!(operator, Operator::Equal | Operator::NotEqual);
    let nullable = !takes_null && (left.typed.nullable || right.typed.nullable);
    let kind = CodeKind::Compare { operator, operands: Box::new([left, right]) };
    fold(Code { kind, typed: Typed::new(Type::Bool, nullable), span: span.clone() })
}

/// `a in [b, c]`.
pub(super) fn within(parts: Vec<Code>, span: &Range<usize>) -> Result<Code, Problem> {
    let mut parts = parts.into_iter();
    let Some(value) = parts.next() else {
        return Err(always_fails("`in` has no value", span));
    };
    // A text that is written out becomes what one of the list is, before any of them is compared:
    // those before that one would stay texts, which equal no date.
    let is_moment = |kind: &&Type| {
        matches!(kind, Type::Date | Type::Datetime { .. } | Type::Time { .. } | Type::Bytes { .. })
    };
    let other = parts.as_slice().iter().map(|part| &part.typed.kind).find(is_moment).cloned();
    let mut value = match other {
        Some(other) => literal_as(value, &other)?,
        None => value,
    };
    let mut list = Vec::new();
    for part in parts {
        let part_of;
        (value, part_of) = comparable(value, part)?;
        list.push(part_of);
    }
    let typed = Typed::new(Type::Bool, false);
    fold(Code { kind: CodeKind::In(Box::new(InCode { value, list })), typed, span: span.clone() })
}

/// Both sides so that they compare: text that is written out becomes a date, a time or bytes where
/// the other side is one.
pub(crate) fn comparable(left: Code, right: Code) -> Result<(Code, Code), Problem> {
    let left = literal_as(left, &right.typed.kind)?;
    let right = literal_as(right, &left.typed.kind)?;
    if let (Type::Json, _) | (_, Type::Json) = (&left.typed.kind, &right.typed.kind)
        && left.typed.kind != Type::Null
        && right.typed.kind != Type::Null
    {
        return Err(no_common_type(&left.typed.kind, &right));
    }
    let kind = common(&left.typed.kind, &right.typed.kind)
        .ok_or_else(|| no_common_type(&left.typed.kind, &right))?;
    if kind == Type::Double {
        return Ok((converted(left, &kind)?, converted(right, &kind)?));
    }
    Ok((left, right))
}

/// `a + b` and its like.
pub(crate) fn arithmetic(
    operator: Operator,
    left: Code,
    right: Code,
    span: &Range<usize>,
) -> Result<Code, Problem> {
    for (side, operand) in [("left", &left), ("right", &right)] {
        if !operand.typed.kind.is_number() && operand.typed.kind != Type::Null {
            let role = format!("the {side} side of `{}`", operator.sign());
            return Err(wrong(operand, &role, "a number"));
        }
    }
    let divides = matches!(operator, Operator::Divide | Operator::Modulo);
    if divides && right.value().is_some_and(is_zero) {
        return Err(always_fails("division by zero", &right.span));
    }
    let kind = arithmetic_type(operator, &left.typed.kind, &right.typed.kind, span)?;
    let typed = Typed::new(kind, left.typed.nullable || right.typed.nullable);
    let kind = CodeKind::Arithmetic { operator, operands: Box::new([left, right]) };
    fold(Code { kind, typed, span: span.clone() })
}

fn is_zero(value: &Value<'_>) -> bool {
    match value {
        Value::Int(value) => *value == 0,
        Value::Decimal(value) => value.is_zero(),
        Value::Double(value) => *value == 0.0,
        _ => false,
    }
}

fn arithmetic_type(
    operator: Operator,
    left: &Type,
    right: &Type,
    span: &Range<usize>,
) -> Result<Type, Problem> {
    match (left, right) {
        (Type::Null, other) | (other, Type::Null) => return Ok(other.clone()),
        (Type::Double, _) | (_, Type::Double) => return Ok(Type::Double),
        (
            Type::Int { unsigned, min, max },
            Type::Int { unsigned: unsigned_2, min: min_2, max: max_2 },
        ) if operator != Operator::Divide => {
            let both = ((*min, *max), (*min_2, *max_2));
            let unsigned = match operator {
                Operator::Modulo => *unsigned,
                _ => *unsigned || *unsigned_2,
            };
            return int_type(operator, both, unsigned, span);
        }
        _ => {}
    }
    let (Some((whole, scale)), Some((whole_2, scale_2))) = (left.digits(), right.digits()) else {
        return Ok(Type::Double);
    };
    let (whole, scale) = match operator {
        Operator::Add | Operator::Subtract => (whole.max(whole_2) + 1, scale.max(scale_2)),
        Operator::Multiply => (whole + whole_2, scale + scale_2),
        Operator::Divide => (whole + scale_2, (scale + 4).min(SCALE_MAX)),
        _ => (whole.max(whole_2), scale.max(scale_2)),
    };
    if scale > SCALE_MAX {
        return Err(Problem::new(What::TooManyDigits { scale: scale.into() }, span));
    }
    let precision = (whole.saturating_add(scale)).clamp(1, PRECISION_MAX);
    Ok(Type::Decimal { precision: precision.max(scale), scale })
}

/// An integer with the bounds that those of both sides allow.
fn int_type(
    operator: Operator,
    ((min, max), (min_2, max_2)): ((i128, i128), (i128, i128)),
    unsigned: bool,
    span: &Range<usize>,
) -> Result<Type, Problem> {
    let (least, most) = match operator {
        Operator::Add => (min + min_2, max + max_2),
        Operator::Subtract => (min - max_2, max - min_2),
        Operator::Multiply => {
            let products = [(min, min_2), (min, max_2), (max, min_2), (max, max_2)]
                .map(|(a, b)| a.saturating_mul(b));
            let least = products.iter().copied().min().unwrap_or(i128::MIN);
            (least, products.iter().copied().max().unwrap_or(i128::MAX))
        }
        _ => {
            let rest = min_2.abs().max(max_2.abs()) - 1;
            (if min < 0 { (-rest).max(min) } else { 0 }, if max > 0 { rest.min(max) } else { 0 })
        }
    };
    let (floor, ceiling) = if unsigned { (0, UNSIGNED_MAX) } else { (SIGNED_MIN, SIGNED_MAX) };
    if most < floor || least > ceiling {
        return Err(always_fails("the result is out of its type's range", span));
    }
    Ok(Type::int(unsigned, least.max(floor), most.min(ceiling)))
}

fn always_fails(reason: &str, span: &Range<usize>) -> Problem {
    Problem::new(What::AlwaysFails { reason: reason.to_owned() }, span)
}

fn want_condition(code: &Code, role: &str) -> Result<(), Problem> {
    match code.typed.kind {
        Type::Bool | Type::Null => Ok(()),
        _ => Err(wrong(code, role, "a condition")),
    }
}

fn wrong(code: &Code, role: &str, wanted: &str) -> Problem {
    let remedy = match (&code.typed.kind, wanted) {
        (Type::Text { .. }, "a number") => {
            "join texts by `concat(a, b)`, or read a number from text by `cast_decimal(x, 10, 2)`"
        }
        (Type::Date | Type::Datetime { .. }, "a number") => {
            "count time by `date_add(x, 3, \"day\")` or `unix_timestamp(x)`"
        }
        (Type::Bool, "a number") => "write `if(condition, 1, 0)`",
        (_, "a condition") => "compare it, such as `x != 0` or `x != ()`",
        _ => "",
    };
    let what = What::WrongType {
        role: role.to_owned(),
        found: code.typed.kind.clone(),
        wanted: wanted.to_owned(),
        remedy: remedy.to_owned(),
    };
    Problem::new(what, &code.span)
}
