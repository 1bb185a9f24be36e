//! Cells as SQL literals.

use std::io::Write as _;

use whimbrel_model::{Cell, Column, ColumnType};

use crate::{
    error::Error,
    json::{self, hex_literal},
};

/// Strings that a strict server stores in an `ENUM` as the invalid value, index 0, unless a member
/// is called so: it takes a string of less than six bytes that is no member for an index, and, unlike
/// the number 0, does not refuse 0. Four bytes, so that they are whole characters in every charset.
const INVALID_ENUM: [&str; 3] = ["0000", "+000", "-000"];

/// Appends the literal that gives a column exactly the value of the cell, in an `INSERT` or `REPLACE`
/// on a session of the role [`crate::Role::Target`].
///
/// # Errors
///
/// [`Error::Value`] for a JSON document that cannot be written, [`Error::Unexpected`] for a cell
/// that the column's type does not have.
pub fn write_literal(out: &mut Vec<u8>, column: &Column, cell: Cell<'_>) -> Result<(), Error> {
    match (&column.column_type, cell) {
        (ColumnType::Json, Cell::Json(canonical)) => json::write_sql(canonical, out)
            .map_err(|cause| Error::Value { column: column.name.clone(), cause }),
        (ColumnType::Enum, Cell::UInt(0)) => {
            let is_free = |text: &&str| !column.declaration.contains(&format!("'{text}'"));
            let text = INVALID_ENUM.into_iter().find(is_free).ok_or_else(|| mismatch(column))?;
            print(out, format_args!("_binary'{text}'"));
            Ok(())
        }
        (ColumnType::Set { .. }, Cell::UInt(bits)) => {
            print_number(out, bits);
            Ok(())
        }
        // Text, too: a binary string is stored in a column of any charset byte for byte, if these
        // are characters of it. An introducer of the charset would do, but some names are warnings.
        (
            ColumnType::Text { .. }
            | ColumnType::Binary
            | ColumnType::FixedBinary { .. }
            | ColumnType::Geometry
            | ColumnType::Vector,
            Cell::Bytes(bytes),
        ) => {
            out.extend_from_slice(b"_binary");
            quote(bytes, out);
            Ok(())
        }
        _ => write_key_literal(out, column, cell),
    }
}

/// Appends the literal that a key column is compared with, in ASCII: equal to the column's value and
/// to no other by the column's own collation, without a conversion of the column.
///
/// # Errors
///
/// [`Error::Unexpected`] for a cell that the column's type does not have.
pub fn write_key_literal(out: &mut Vec<u8>, column: &Column, cell: Cell<'_>) -> Result<(), Error> {
    match (&column.column_type, cell) {
        (_, Cell::Null) => out.extend_from_slice(b"NULL"),
        (ColumnType::Int { .. }, Cell::Int(value)) => print_number(out, value),
        (ColumnType::Set { members: 64 }, Cell::UInt(bits)) => {
            // Compared as a signed number: 2^64 - 1 would equal nothing.
            print_number(out, bits.cast_signed());
        }
        (
            ColumnType::Int { .. }
            | ColumnType::Bit { .. }
            | ColumnType::Year
            | ColumnType::Enum
            | ColumnType::Set { .. },
            Cell::UInt(value),
        ) => print_number(out, value),
        (ColumnType::Decimal { .. }, Cell::Decimal(digits)) => out.extend_from_slice(digits),
        (ColumnType::Float, Cell::Float(value)) => float(out, f64::from(value)),
        (ColumnType::Double, Cell::Double(value)) => float(out, value),
        (ColumnType::Date, Cell::Date(date)) => print(out, format_args!("'{date}'")),
        (ColumnType::Time { .. }, Cell::Time(time)) => print(out, format_args!("'{time}'")),
        (ColumnType::Datetime { .. } | ColumnType::Timestamp { .. }, Cell::Datetime(at)) => {
            print(out, format_args!("'{at}'"));
        }
        (ColumnType::Text { charset, .. }, Cell::Bytes(bytes)) => {
            print(out, format_args!("_{} ", introducer(charset, bytes)));
            hex_literal(bytes, out);
        }
        (ColumnType::Binary | ColumnType::FixedBinary { .. }, Cell::Bytes(bytes)) => {
            hex_literal(bytes, out);
        }
        _ => return Err(mismatch(column)),
    }
    Ok(())
}

/// The charset that a literal of a column's text is introduced by: its own, so that nothing is
/// converted, but for two whose names alone are a warning. Their text is that of another charset, too,
/// unless `ucs2` holds halves of surrogate pairs.
fn introducer<'c>(charset: &'c str, bytes: &[u8]) -> &'c str {
    let is_surrogate = |unit: &[u8]| matches!(unit, [0xd8..=0xdf, ..]);
    match charset {
        "utf8mb3" => "utf8mb4",
        "ucs2" if !bytes.chunks(2).any(is_surrogate) => "utf16",
        other => other,
    }
}

/// A `DOUBLE` literal: the exponent makes it one, since digits with a point alone are a `DECIMAL`.
/// The server reads the shortest digits back to the same bits; a `FLOAT`'s are those of the `DOUBLE`
/// equal to it, so that nothing is rounded twice.
fn float(out: &mut Vec<u8>, value: f64) {
    let mut buffer = zmij::Buffer::new();
    let digits = buffer.format(value);
    out.extend_from_slice(digits.as_bytes());
    if !digits.contains('e') {
        out.extend_from_slice(b"e0");
    }
}

/// A quoted string. Its bytes are scanned in the connection's charset, `utf8mb4`, where no part of a
/// longer character is a quote or a backslash.
fn quote(bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(bytes.len() + 2);
    out.push(b'\'');
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'\'' | b'\\')) {
        let (plain, special) = rest.split_at(at);
        out.extend_from_slice(plain);
        out.push(b'\\');
        out.extend_from_slice(special.get(..1).unwrap_or_default());
        rest = special.get(1..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    out.push(b'\'');
}

/// Appends a number: rows have many, which the standard library's formatting makes several times slower.
pub(super) fn print_number(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Appends a text.
pub(super) fn print(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    let written = out.write_fmt(text);
    assert!(written.is_ok(), "a vector takes all that is written");
}

pub(super) fn mismatch(column: &Column) -> Error {
    Error::Unexpected {
        doing: "writing a value".to_owned(),
        what: format!("`{}` {} does not hold such a cell", column.name, column.declaration),
    }
}

/// The number of members of an `ENUM` whose `COLUMN_TYPE` is `declaration`.
pub(crate) fn member_count(declaration: &str) -> usize {
    let mut count = 0;
    let mut is_inside = false;
    let mut letters = declaration.bytes().peekable();
    while let Some(letter) = letters.next() {
        if letter != b'\'' {
            continue;
        }
        // Two quotes inside a member are one of its letters.
        if is_inside && letters.peek() == Some(&b'\'') {
            letters.next();
            continue;
        }
        is_inside = !is_inside;
        count += usize::from(is_inside);
    }
    count
}
