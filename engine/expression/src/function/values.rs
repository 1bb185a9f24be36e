//! Reads the values of arguments, whose types were checked: another one is a row of another table.

use std::borrow::Cow;

use whimbrel_model::{Date, Datetime};

use crate::{decimal::Decimal, error::Fault, types::BYTES_MAX, value::Value};

/// The value at `index`, taken out.
pub(super) fn take<'a>(values: &mut [Value<'a>], index: usize) -> Value<'a> {
    values.get_mut(index).map_or(Value::Null, |value| std::mem::replace(value, Value::Null))
}

/// The text at `index`.
pub(super) fn text<'v>(values: &'v [Value<'_>], index: usize) -> Result<&'v str, Fault> {
    match values.get(index) {
        Some(Value::Text(text)) => Ok(text),
        _ => Err(Fault::OtherTable),
    }
}

/// The bytes at `index`: those of text are its UTF-8.
pub(super) fn bytes<'v>(values: &'v [Value<'_>], index: usize) -> Result<&'v [u8], Fault> {
    match values.get(index) {
        Some(Value::Text(text)) => Ok(text.as_bytes()),
        Some(Value::Bytes(bytes)) => Ok(bytes),
        _ => Err(Fault::OtherTable),
    }
}

/// The integer at `index`.
pub(super) fn int(values: &[Value<'_>], index: usize) -> Result<i128, Fault> {
    match values.get(index) {
        Some(Value::Int(value)) => Ok(*value),
        _ => Err(Fault::OtherTable),
    }
}

/// The number at `index`, which is exact.
pub(super) fn exact(values: &[Value<'_>], index: usize) -> Result<Decimal, Fault> {
    match values.get(index) {
        Some(Value::Int(value)) => Ok(Decimal::from_int(*value)),
        Some(Value::Decimal(value)) => Ok(*value),
        _ => Err(Fault::OtherTable),
    }
}

/// The day and time at `index`, midnight for a day alone.
pub(super) fn datetime(values: &[Value<'_>], index: usize) -> Result<Datetime, Fault> {
    match values.get(index) {
        Some(Value::Datetime(at)) => Ok(*at),
        Some(Value::Date(date)) => Ok(Datetime { date: *date, ..Datetime::default() }),
        _ => Err(Fault::OtherTable),
    }
}

/// The day at `index`.
pub(super) fn date(values: &[Value<'_>], index: usize) -> Result<Date, Fault> {
    datetime(values, index).map(|at| at.date)
}

/// Text as a value.
pub(super) fn text_value<'a>(text: impl Into<Cow<'a, str>>) -> Value<'a> {
    Value::Text(text.into())
}

/// Appends to a text that may not grow beyond all bounds.
pub(super) fn push(all: &mut String, part: &str) -> Result<(), Fault> {
    if all.len() + part.len() > BYTES_MAX {
        return Err(Fault::TooLarge);
    }
    all.push_str(part);
    Ok(())
}

/// A count that text can have: none for what is negative.
pub(super) fn count(value: i128) -> usize {
    usize::try_from(value.max(0)).unwrap_or(usize::MAX)
}

/// The bytes before the character `index`, or all of them.
pub(super) fn byte_of(text: &str, index: usize) -> usize {
    if text.is_ascii() {
        return index.min(text.len());
    }
    text.char_indices().nth(index).map_or(text.len(), |(at, _)| at)
}

/// The characters from `start` to `end` of a text: a part of what it borrows, if it does.
pub(super) fn slice(value: Value<'_>, start: usize, end: usize) -> Result<Value<'_>, Fault> {
    let Value::Text(text) = value else { return Err(Fault::OtherTable) };
    let (from, to) = (byte_of(&text, start), byte_of(&text, end.max(start)));
    Ok(Value::Text(match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.get(from..to).unwrap_or_default()),
        Cow::Owned(text) => Cow::Owned(text.get(from..to).unwrap_or_default().to_owned()),
    }))
}
