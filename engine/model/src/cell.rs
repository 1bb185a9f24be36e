//! One value of one column, in the single form that snapshot and tail must agree on.

use thiserror::Error;

use crate::{Date, Datetime, Time};

/// A value as the engine carries it: one canonical form per column type, so that the same value
/// read by `SELECT` and read from the binary log is the same bytes.
///
/// | column | cell |
/// |---|---|
/// | signed integers | `Int` |
/// | unsigned integers, `YEAR`, `BIT`, `ENUM` (index, 0 = the invalid value), `SET` (bits) | `UInt` |
/// | `FLOAT`, `DOUBLE` | `Float`, `Double`, bit for bit |
/// | `DECIMAL` | `Decimal`, as the server prints it: all digits of its scale, `-0` as `0` |
/// | `DATE`, `TIME`, `DATETIME`, `TIMESTAMP` (in UTC) | `Date`, `Time`, `Datetime` |
/// | text of any charset, unconverted; `BINARY` padded to its length; `BLOB`; `GEOMETRY` (SRID and WKB); `VECTOR` | `Bytes` |
/// | `JSON` | `Json`: the canonical form that `whimbrel-mysql`'s `json` module defines |
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'a> {
    /// SQL `NULL`.
    Null,
    /// A signed integer.
    Int(i64),
    /// An unsigned integer, an index or bits.
    UInt(u64),
    /// A `FLOAT`.
    Float(f32),
    /// A `DOUBLE`.
    Double(f64),
    /// A `DECIMAL`'s digits in ASCII.
    Decimal(&'a [u8]),
    /// A `DATE`.
    Date(Date),
    /// A `TIME`.
    Time(Time),
    /// A `DATETIME` or `TIMESTAMP`.
    Datetime(Datetime),
    /// Bytes in the column's own charset, or without one.
    Bytes(&'a [u8]),
    /// A `JSON` document in canonical form.
    Json(&'a [u8]),
}

/// An encoded cell that cannot be read: stored bounds of another version, or corruption.
#[derive(Debug, Error, PartialEq, Eq, Clone, Copy)]
pub enum CellError {
    /// The bytes end inside a cell.
    #[error("an encoded cell ends early")]
    Truncated,
    /// A tag that no cell has.
    #[error("`{0}` is not a cell's tag")]
    UnknownTag(u8),
}

const NULL: u8 = 0;
const INT: u8 = 1;
const UINT: u8 = 2;
const FLOAT: u8 = 3;
const DOUBLE: u8 = 4;
const DECIMAL: u8 = 5;
const DATE: u8 = 6;
const TIME: u8 = 7;
const DATETIME: u8 = 8;
const BYTES: u8 = 9;
const JSON: u8 = 10;

impl<'a> Cell<'a> {
    /// Appends the encoded cell: a tag, then eight bytes or a length of four and the bytes.
    pub fn encode(self, out: &mut Vec<u8>) {
        let mut fixed = |tag: u8, bytes: [u8; 8]| {
            out.push(tag);
            out.extend_from_slice(&bytes);
        };
        match self {
            Self::Null => out.push(NULL),
            Self::Int(value) => fixed(INT, value.to_le_bytes()),
            Self::UInt(value) => fixed(UINT, value.to_le_bytes()),
            Self::Float(value) => fixed(FLOAT, u64::from(value.to_bits()).to_le_bytes()),
            Self::Double(value) => fixed(DOUBLE, value.to_bits().to_le_bytes()),
            Self::Date(date) => fixed(DATE, pack_date(date).to_le_bytes()),
            Self::Time(time) => fixed(TIME, time.micros.to_le_bytes()),
            Self::Datetime(at) => fixed(DATETIME, pack_datetime(at).to_le_bytes()),
            Self::Decimal(bytes) => encode_bytes(DECIMAL, bytes, out),
            Self::Bytes(bytes) => encode_bytes(BYTES, bytes, out),
            Self::Json(bytes) => encode_bytes(JSON, bytes, out),
        }
    }

    /// The first cell of `bytes`, and the rest.
    ///
    /// # Errors
    ///
    /// [`CellError`] when `bytes` does not begin with a whole cell.
    pub(crate) fn decode(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), CellError> {
        let (&tag, rest) = bytes.split_first().ok_or(CellError::Truncated)?;
        if tag == NULL {
            return Ok((Self::Null, rest));
        }
        if matches!(tag, DECIMAL | BYTES | JSON) {
            let (length, rest) = rest.split_first_chunk::<4>().ok_or(CellError::Truncated)?;
            let length = u32::from_le_bytes(*length) as usize;
            let (bytes, rest) = rest.split_at_checked(length).ok_or(CellError::Truncated)?;
            let cell = match tag {
                DECIMAL => Self::Decimal(bytes),
                JSON => Self::Json(bytes),
                _ => Self::Bytes(bytes),
            };
            return Ok((cell, rest));
        }
        let (fixed, rest) = rest.split_first_chunk::<8>().ok_or(CellError::Truncated)?;
        let word = u64::from_le_bytes(*fixed);
        let cell = match tag {
            INT => Self::Int(i64::from_le_bytes(*fixed)),
            UINT => Self::UInt(word),
            FLOAT => Self::Float(f32::from_bits(u32::try_from(word).unwrap_or(u32::MAX))),
            DOUBLE => Self::Double(f64::from_bits(word)),
            DATE => Self::Date(unpack_date(word)),
            TIME => Self::Time(Time { micros: i64::from_le_bytes(*fixed) }),
            DATETIME => Self::Datetime(unpack_datetime(word)),
            other => return Err(CellError::UnknownTag(other)),
        };
        Ok((cell, rest))
    }

    /// Whether this is `NULL`.
    #[must_use]
    pub fn is_null(self) -> bool {
        matches!(self, Self::Null)
    }
}

fn encode_bytes(tag: u8, bytes: &[u8], out: &mut Vec<u8>) {
    // MySQL's largest value is 4 GiB - 1 and its largest packet 1 GiB.
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    assert!(length != u32::MAX, "a value is shorter than 4 GiB");
    out.push(tag);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(bytes);
}

fn pack_date(date: Date) -> u64 {
    u64::from(date.year) << 16 | u64::from(date.month) << 8 | u64::from(date.day)
}

fn low_byte(word: u64) -> u8 {
    word.to_le_bytes()[0]
}

fn unpack_date(word: u64) -> Date {
    let [day, month, year_low, year_high, ..] = word.to_le_bytes();
    Date { year: u16::from_le_bytes([year_low, year_high]), month, day }
}

fn pack_datetime(at: Datetime) -> u64 {
    let time = u64::from(at.hour) << 12 | u64::from(at.minute) << 6 | u64::from(at.second);
    let month_day = u64::from(at.date.month) << 5 | u64::from(at.date.day);
    (u64::from(at.date.year) << 9 | month_day) << 37 | time << 20 | u64::from(at.micros)
}

fn unpack_datetime(word: u64) -> Datetime {
    let (day, time) = (word >> 37, word >> 20 & 0x1_ffff);
    Datetime {
        date: Date {
            year: u16::try_from(day >> 9 & 0xffff).unwrap_or(0),
            month: low_byte(day >> 5 & 0xf),
            day: low_byte(day & 0x1f),
        },
        hour: low_byte(time >> 12 & 0x1f),
        minute: low_byte(time >> 6 & 0x3f),
        second: low_byte(time & 0x3f),
        micros: u32::try_from(word & 0xf_ffff).unwrap_or(0),
    }
}
