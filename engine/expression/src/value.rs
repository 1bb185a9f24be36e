//! A value while it is computed with.

use std::borrow::Cow;

use whimbrel_model::{Date, Datetime, Time};

use crate::decimal::Decimal;

/// A value of a [`crate::Type`].
///
/// Invariant: it is one of its expression's type; both sides check, so that a bug stops and does not
/// write.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    /// Any `BIGINT`, with or without sign.
    Int(i128),
    /// With as many digits after the point as its type has, or fewer where it was chosen among others.
    Decimal(Decimal),
    Double(f64),
    Text(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
    Date(Date),
    Time(Time),
    Datetime(Datetime),
    /// The canonical form of a document.
    Json(Cow<'a, [u8]>),
}

impl Value<'_> {
    /// Whether it is `NULL`.
    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The value with all that it borrows as its own.
    pub(crate) fn into_owned(self) -> Value<'static> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(value),
            Self::Int(value) => Value::Int(value),
            Self::Decimal(value) => Value::Decimal(value),
            Self::Double(value) => Value::Double(value),
            Self::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Self::Bytes(bytes) => Value::Bytes(Cow::Owned(bytes.into_owned())),
            Self::Date(date) => Value::Date(date),
            Self::Time(time) => Value::Time(time),
            Self::Datetime(at) => Value::Datetime(at),
            Self::Json(json) => Value::Json(Cow::Owned(json.into_owned())),
        }
    }

    /// The same value, borrowed.
    pub(crate) fn borrowed(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Int(value) => Value::Int(*value),
            Self::Decimal(value) => Value::Decimal(*value),
            Self::Double(value) => Value::Double(*value),
            Self::Text(text) => Value::Text(Cow::Borrowed(text)),
            Self::Bytes(bytes) => Value::Bytes(Cow::Borrowed(bytes)),
            Self::Date(date) => Value::Date(*date),
            Self::Time(time) => Value::Time(*time),
            Self::Datetime(at) => Value::Datetime(*at),
            Self::Json(json) => Value::Json(Cow::Borrowed(json)),
        }
    }
}
