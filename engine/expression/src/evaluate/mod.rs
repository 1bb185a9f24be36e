//! Evaluation of the typed tree over the cells of a row.

mod arithmetic;
mod compare;
pub(crate) mod convert;

use crate::{
    code::{CallCode, Cells, Code, CodeKind},
    column::Reading,
    double::Room,
    error::{EvaluationError, Fault},
    syntax::Operator,
    value::Value,
};

pub(crate) use arithmetic::in_range;
pub(crate) use compare::{equal, order};

/// The value of `code` over `cells`.
///
/// # Errors
///
/// What failed, at the part that failed.
pub(crate) fn evaluate<'a>(
    code: &'a Code,
    cells: &Cells<'a>,
) -> Result<Value<'a>, EvaluationError> {
    let failed = |fault| EvaluationError { fault, span: code.span.clone() };
    match &code.kind {
        CodeKind::Constant(value) => Ok(value.borrowed()),
        CodeKind::Column(column) => {
            let cell = *cells.get(column.slot).ok_or_else(|| failed(Fault::OtherTable))?;
            column.reading.value(cell).map_err(failed)
        }
        CodeKind::Arithmetic { operator, operands } => {
            let [left, right] = operands.as_ref();
            let (left, right) = (evaluate(left, cells)?, evaluate(right, cells)?);
            arithmetic::compute(*operator, &left, &right, &code.typed.kind).map_err(failed)
        }
        CodeKind::Negate(operand) => {
            arithmetic::negate(&evaluate(operand, cells)?, &code.typed.kind).map_err(failed)
        }
        CodeKind::Compare { operator, operands } => {
            let [left, right] = operands.as_ref();
            let (left, right) = (evaluate(left, cells)?, evaluate(right, cells)?);
            Ok(comparison(*operator, &left, &right))
        }
        CodeKind::All(parts) => joined(parts, cells, false),
        CodeKind::Any(parts) => joined(parts, cells, true),
        CodeKind::Not(operand) => Ok(match evaluate(operand, cells)? {
            Value::Bool(value) => Value::Bool(!value),
            _ => Value::Null,
        }),
        CodeKind::Coalesce(parts) => {
            for part in parts {
                let value = evaluate(part, cells)?;
                if !value.is_null() {
                    return Ok(value);
                }
            }
            Ok(Value::Null)
        }
        CodeKind::In(parts) => {
            let value = evaluate(&parts.value, cells)?;
            for other in &parts.list {
                if equal(&value, &evaluate(other, cells)?) {
                    return Ok(Value::Bool(true));
                }
            }
            Ok(Value::Bool(false))
        }
        CodeKind::If(parts) => {
            let [condition, then, otherwise] = parts.as_ref();
            let is_met = evaluate(condition, cells)? == Value::Bool(true);
            evaluate(if is_met { then } else { otherwise }, cells)
        }
        CodeKind::MustFit(operand) => evaluate(operand, cells),
        CodeKind::Convert(operand) => {
            convert::convert(evaluate(operand, cells)?, &code.typed.kind).map_err(failed)
        }
        CodeKind::Print(operand) => {
            let reading = match &operand.kind {
                CodeKind::Column(column) => Some(&column.reading),
                _ => None,
            };
            if reading == Some(&Reading::Year) {
                return Ok(convert::year(evaluate(operand, cells)?));
            }
            let room = if reading.is_some() { Room::Column } else { Room::Computed };
            convert::text(evaluate(operand, cells)?, &operand.typed.kind, room).map_err(failed)
        }
        CodeKind::Call(call) => evaluate_call(call, cells, failed),
    }
}

fn evaluate_call<'a>(
    call: &'a CallCode,
    cells: &Cells<'a>,
    failed: impl Fn(Fault) -> EvaluationError,
) -> Result<Value<'a>, EvaluationError> {
    let run = |values: &mut [Value<'a>]| {
        if !call.sees_null && values.iter().any(Value::is_null) {
            return Ok(Value::Null);
        }
        (call.evaluate)(call, values).map_err(&failed)
    };
    // Without an allocation where most calls are.
    match call.arguments.as_slice() {
        [one] => run(&mut [evaluate(one, cells)?]),
        [one, two] => run(&mut [evaluate(one, cells)?, evaluate(two, cells)?]),
        arguments => {
            let values = arguments.iter().map(|argument| evaluate(argument, cells));
            run(&mut values.collect::<Result<Vec<_>, _>>()?)
        }
    }
}

/// `&&` and `||`: a part that is `decisive` decides, else one that is not known leaves it so.
fn joined<'a>(
    parts: &'a [Code],
    cells: &Cells<'a>,
    decisive: bool,
) -> Result<Value<'a>, EvaluationError> {
    let mut result = Value::Bool(!decisive);
    for part in parts {
        match evaluate(part, cells)? {
            Value::Bool(value) if value == decisive => return Ok(Value::Bool(decisive)),
            Value::Bool(_) => {}
            _ => result = Value::Null,
        }
    }
    Ok(result)
}

/// `==` and `!=` take `NULL` for a value; with the others nothing is less or greater than it.
fn comparison(operator: Operator, left: &Value<'_>, right: &Value<'_>) -> Value<'static> {
    match operator {
        Operator::Equal => return Value::Bool(equal(left, right)),
        Operator::NotEqual => return Value::Bool(!equal(left, right)),
        _ => {}
    }
    let Some(order) = order(left, right) else { return Value::Null };
    Value::Bool(match operator {
        Operator::Less => order.is_lt(),
        Operator::LessOrEqual => order.is_le(),
        Operator::Greater => order.is_gt(),
        _ => order.is_ge(),
    })
}
