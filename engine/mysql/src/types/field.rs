//! Cells as fields of a file that `LOAD DATA` reads as the charset `binary`.

use whimbrel_model::{Cell, Column, ColumnType};

use super::{
    literal::{mismatch, print, print_number},
    write_key_literal,
};
use crate::error::Error;

/// How a field becomes the column's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    /// The column is given the field itself, as if it were a string of bytes.
    Column,
    /// The column is given the number that the field spells.
    Number,
}

/// How fields of the column are loaded; `None` for a type whose values are not always loaded as they
/// are.
///
/// - A string that is given to an `ENUM`, `SET` or `BIT` is a name or bits, so that their numbers go
///   through a variable.
/// - A document is written as an expression that keeps the types of its nodes, which no field can.
pub(crate) fn field_of(column: &Column) -> Option<Field> {
    match column.column_type {
        ColumnType::Int { .. }
        | ColumnType::Decimal { .. }
        | ColumnType::Float
        | ColumnType::Double
        | ColumnType::Year
        | ColumnType::Date
        | ColumnType::Time { .. }
        | ColumnType::Datetime { .. }
        | ColumnType::Timestamp { .. }
        | ColumnType::Text { .. }
        | ColumnType::FixedBinary { .. }
        | ColumnType::Binary
        | ColumnType::Geometry
        | ColumnType::Vector => Some(Field::Column),
        ColumnType::Bit { .. } | ColumnType::Enum | ColumnType::Set { .. } => Some(Field::Number),
        ColumnType::Json => None,
    }
}

/// Appends the field of a cell, escaped by backslashes; fields end in a tab, lines in a line feed.
///
/// # Errors
///
/// [`Error::Unexpected`] for a cell that the column's type does not have.
pub(crate) fn write_field(out: &mut Vec<u8>, column: &Column, cell: Cell<'_>) -> Result<(), Error> {
    match (&column.column_type, cell) {
        (_, Cell::Null) => out.extend_from_slice(b"\\N"),
        // As a string of two digits or less it would be a year of our days.
        (ColumnType::Year, Cell::UInt(year)) => print(out, format_args!("{year:04}")),
        (ColumnType::Set { .. }, Cell::UInt(bits)) => print_number(out, bits),
        (ColumnType::Date, Cell::Date(date)) => print(out, format_args!("{date}")),
        (ColumnType::Time { .. }, Cell::Time(time)) => print(out, format_args!("{time}")),
        (ColumnType::Datetime { .. } | ColumnType::Timestamp { .. }, Cell::Datetime(at)) => {
            print(out, format_args!("{at}"));
        }
        (
            ColumnType::Text { .. }
            | ColumnType::FixedBinary { .. }
            | ColumnType::Binary
            | ColumnType::Geometry
            | ColumnType::Vector,
            Cell::Bytes(bytes),
        ) => escape(out, bytes),
        (
            ColumnType::Int { .. }
            | ColumnType::Decimal { .. }
            | ColumnType::Float
            | ColumnType::Double
            | ColumnType::Bit { .. }
            | ColumnType::Enum,
            _,
        ) => write_key_literal(out, column, cell)?,
        _ => return Err(mismatch(column)),
    }
    Ok(())
}

fn escape(out: &mut Vec<u8>, bytes: &[u8]) {
    let mut rest = bytes;
    loop {
        let is_special = |&byte: &u8| matches!(byte, b'\\' | b'\t' | b'\n' | 0);
        let (plain, special) = rest.split_at(plain_length(rest, is_special));
        out.extend_from_slice(plain);
        let Some((byte, after)) = special.split_first() else { return };
        out.extend_from_slice(match byte {
            b'\t' => b"\\t",
            b'\n' => b"\\n",
            0 => b"\\0",
            _ => b"\\\\",
        });
        rest = after;
    }
}

/// How many bytes come before the first that is to be escaped.
pub(super) fn plain_length(bytes: &[u8], is_special: impl Fn(&u8) -> bool) -> usize {
    /// Looked at without a way out in between, so that it becomes a few wide instructions.
    const BLOCK: usize = 32;
    let is_plain = |block: &&[u8]| !block.iter().fold(false, |any, byte| any | is_special(byte));
    let plain = BLOCK * bytes.chunks_exact(BLOCK).take_while(is_plain).count();
    let (_, rest) = bytes.split_at(plain);
    plain + rest.iter().position(is_special).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        escape(&mut out, bytes);
        out
    }

    #[test]
    fn special_bytes_are_escaped_wherever_they_stand() {
        for length in 0..100 {
            assert_eq!(escaped(&vec![b'x'; length]), vec![b'x'; length]);
            for at in 0..length {
                for (special, wanted) in
                    [(b'\\', b"\\\\"), (b'\t', b"\\t"), (b'\n', b"\\n"), (0, b"\\0")]
                {
                    let mut bytes = vec![b'x'; length];
                    bytes[at] = special;
                    let wanted = [&bytes[..at], wanted.as_slice(), &bytes[at + 1..]].concat();

                    assert_eq!(escaped(&bytes), wanted, "{special} at {at} of {length}");
                }
            }
        }
        assert_eq!(escaped(b"\\\t\n\0"), b"\\\\\\t\\n\\0");
    }
}
