//! The canonical form of JSON documents: one run of bytes per value, whoever read it.
//!
//! A document's text does not tell what its nodes are: `1.50` may be a `DECIMAL` or a `DOUBLE`, `5` an
//! `INTEGER`, an `UNSIGNED INTEGER` or a `DECIMAL`, and a string may be a `DATETIME` or bytes. So the
//! canonical form is the text as the server prints it, with two changes:
//!
//! - a node whose text would be read back as another type carries a tag, one control byte before it;
//!   raw control bytes cannot occur in JSON text otherwise. A document with a tag ends in the byte `TYPED`;
//! - a `DOUBLE` is printed by us, so that both sides of the program agree on every digit.
//!
//! What the server's parser makes of numbers (measured on 9.7.4): digits alone are an `INTEGER` below
//! 2^32 and an `UNSIGNED INTEGER` from there on, a point or an exponent makes a `DOUBLE`, exactly rounded.

mod base64;
mod binary;
mod decimal;
mod diff;
mod emit;
mod scan;
mod sql;
mod text;

pub use binary::from_binary;
pub use diff::apply_diffs;
pub use sql::write_sql;
pub(crate) use sql::{hex, hex_literal, text_literal};
pub use text::{AmbiguousPaths, NodeType, from_text, special_node_sql};

use thiserror::Error;

/// The last byte of a canonical document that holds a [`Tag`]; JSON text never ends in it.
const TYPED: u8 = 0x01;

/// The deepest nesting of a document. Source: MySQL, `JSON_DOCUMENT_MAX_DEPTH`.
const DEPTH_MAX: usize = 100;

/// The least positive number that the server's parser takes for `UNSIGNED INTEGER`.
const UNSIGNED_FROM: u64 = 1 << 32;

/// Why bytes are not a document, or not one that can be carried.
#[derive(Debug, Error, PartialEq, Eq, Clone, Copy)]
pub enum JsonError {
    /// The bytes do not have the form that the server writes.
    #[error("a JSON document is malformed: {what}")]
    Malformed {
        /// What does not fit.
        what: &'static str,
    },
    /// More nesting than the server allows.
    #[error("a JSON document is nested deeper than 100 levels")]
    TooDeep,
    /// A node of a type that no SQL expression makes again.
    #[error(
        "a JSON document holds a value of column type {field_type}, which cannot be written as it is"
    )]
    Opaque {
        /// The type's number in the server's protocol.
        field_type: u8,
    },
    /// A change to a part of a document that is not there: the image before is another one.
    #[error("a partial update of a JSON document does not fit the document")]
    DiffMismatch,
}

/// What a node is, where its text does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tag {
    /// `INTEGER` of 2^32 and above.
    Integer,
    /// `UNSIGNED INTEGER` below 2^32.
    Unsigned,
    /// `DECIMAL`.
    Decimal,
    /// `DATE`, as a string.
    Date,
    /// `TIME`, as a string with six digits of fraction.
    Time,
    /// `DATETIME`, as a string with six digits of fraction.
    Datetime,
    /// `TIMESTAMP`, as a string with six digits of fraction.
    Timestamp,
    /// Bytes of a column type, as a string `base64:type<number>:<base64>`.
    Opaque,
}

impl Tag {
    const ALL: [Self; 8] = [
        Self::Integer,
        Self::Unsigned,
        Self::Decimal,
        Self::Date,
        Self::Time,
        Self::Datetime,
        Self::Timestamp,
        Self::Opaque,
    ];

    /// The control byte. None is [`TYPED`].
    fn byte(self) -> u8 {
        match self {
            Self::Integer => 0x02,
            Self::Unsigned => 0x03,
            Self::Decimal => 0x04,
            Self::Date => 0x05,
            Self::Time => 0x06,
            Self::Datetime => 0x07,
            Self::Timestamp => 0x0e,
            Self::Opaque => 0x0f,
        }
    }

    fn of(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|tag| tag.byte() == byte)
    }
}

/// A [`JsonError::Malformed`].
fn malformed(what: &'static str) -> JsonError {
    JsonError::Malformed { what }
}

#[cfg(test)]
mod tests;
