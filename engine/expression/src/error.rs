//! Why a row has no value.

use std::ops::Range;

use thiserror::Error;

/// An expression that fails on a row: what happens then is the plan's decision (`on_error`).
///
/// It never has a value of the row.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{fault}")]
pub struct EvaluationError {
    /// What failed.
    pub fault: Fault,
    /// Where: bytes of the expression's text.
    pub span: Range<usize>,
}

/// What can fail on a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum Fault {
    /// A number outside of its type.
    #[error("the result is out of its type's range")]
    OutOfRange,
    /// A division by zero, which MySQL gives `NULL` for.
    #[error("division by zero")]
    DivisionByZero,
    /// Bytes that are no text of their charset.
    #[error("the bytes are no text of their charset")]
    NotText,
    /// Text that has a character which a charset has not.
    #[error("a character does not exist in the column's charset")]
    NotInCharset,
    /// A value that the target's column has no room for.
    #[error("the value does not fit the column")]
    DoesNotFit,
    /// `NULL` for a column that takes none.
    #[error("the value is NULL and the column is NOT NULL")]
    Null,
    /// Text that is no member of the target's `ENUM` or `SET`.
    #[error("the text is no member of the column")]
    NoMember,
    /// A value that a function is not defined for.
    #[error("{0}")]
    Argument(&'static str),
    /// Text or bytes of more than 64 MiB.
    #[error("the result has more than 64 MiB")]
    TooLarge,
    /// A cell that is not of its column's type: the table is not the one that was checked against.
    #[error("the row is not one of the table that the expression was checked against")]
    OtherTable,
}

impl From<crate::decimal::OutOfRange> for Fault {
    fn from(_: crate::decimal::OutOfRange) -> Self {
        Self::OutOfRange
    }
}
