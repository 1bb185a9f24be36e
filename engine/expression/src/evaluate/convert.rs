//! Conversions between types, where each value has one counterpart.

use std::borrow::Cow;

use whimbrel_model::Datetime;

use crate::{
    decimal::Decimal,
    double::{self, Room},
    error::Fault,
    evaluate::compare::double as nearest,
    function::bytes_as_text,
    types::Type,
    value::Value,
};

/// `value` as one of the type `kind`.
///
/// # Errors
///
/// [`Fault::OutOfRange`] for numbers that have no room.
pub(crate) fn convert<'a>(value: Value<'a>, kind: &Type) -> Result<Value<'a>, Fault> {
    Ok(match (value, kind) {
        (Value::Null, _) => Value::Null,
        (Value::Bool(value), Type::Int { .. }) => Value::Int(value.into()),
        (Value::Bool(value), Type::Decimal { .. }) => {
            Value::Decimal(Decimal::from_int(value.into()))
        }
        (Value::Int(value), Type::Decimal { scale, .. }) => {
            Value::Decimal(Decimal::from_int(value).rounded(*scale)?)
        }
        (Value::Decimal(value), Type::Decimal { scale, .. }) => {
            Value::Decimal(value.rounded(*scale)?)
        }
        (value @ (Value::Int(_) | Value::Decimal(_)), Type::Double) => {
            Value::Double(nearest(&value).ok_or(Fault::OtherTable)?)
        }
        (Value::Date(date), Type::Datetime { .. }) => {
            Value::Datetime(Datetime { date, ..Datetime::default() })
        }
        (value, _) => value,
    })
}

/// The text that the server prints for a value of the type `kind`; documents have none here.
///
/// # Errors
///
/// [`Fault::NotText`] for bytes that are none.
pub(crate) fn text<'a>(value: Value<'a>, kind: &Type, room: Room) -> Result<Value<'a>, Fault> {
    let text = match (value, kind) {
        (Value::Null, _) => return Ok(Value::Null),
        (Value::Text(text), _) => return Ok(Value::Text(text)),
        (Value::Bool(value), _) => if value { "1" } else { "0" }.to_owned(),
        (Value::Int(value), _) => value.to_string(),
        (Value::Decimal(value), _) => value.to_string(),
        (Value::Date(date), _) => date.to_string(),
        (Value::Time(time), kind) => {
            let fsp = if let Type::Time { fsp } = kind { *fsp } else { 0 };
            let whole = whimbrel_model::Time { micros: time.micros / 1_000_000 * 1_000_000 };
            let sign = if time.micros < 0 && whole.micros == 0 { "-" } else { "" };
            let micros = u32::try_from(time.micros.unsigned_abs() % 1_000_000).unwrap_or(0);
            format!("{sign}{whole}{}", fraction(micros, fsp))
        }
        (Value::Datetime(at), kind) => {
            let fsp = if let Type::Datetime { fsp } = kind { *fsp } else { 0 };
            format!("{}{}", Datetime { micros: 0, ..at }, fraction(at.micros, fsp))
        }
        (Value::Bytes(bytes), _) => return bytes_as_text(bytes),
        (Value::Double(value), _) => double::print(value, room),
        (Value::Json(_), _) => return Err(Fault::OtherTable),
    };
    Ok(Value::Text(Cow::Owned(text)))
}

/// A `YEAR` as the server prints it.
pub(super) fn year(value: Value<'_>) -> Value<'_> {
    if let Value::Int(year) = value { Value::Text(format!("{year:04}").into()) } else { value }
}

/// `.` and `fsp` digits, or nothing for none.
pub(crate) fn fraction(micros: u32, fsp: u8) -> String {
    if fsp == 0 {
        return String::new();
    }
    let digits = format!("{micros:06}");
    format!(".{}", digits.get(..usize::from(fsp)).unwrap_or(&digits))
}
