//! Cells as nodes of a JSON document that `JSON_TABLE` reads.

use whimbrel_model::{Cell, Column, ColumnType};

use super::{
    field::{plain_length, write_field},
    literal::{mismatch, print, write_key_literal},
};
use crate::{error::Error, json::hex};

/// What the nodes of a column's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Node {
    /// Numbers of 64 bits.
    Signed,
    /// Numbers of 64 bits without a sign.
    Unsigned,
    /// Strings that the column reads, as it reads a quoted literal.
    Text,
    /// Strings of the hexadecimal digits of its bytes.
    Hex,
}

/// How a column's values are nodes; `None` for documents, which are written as expressions that keep the
/// types of their nodes.
pub(crate) fn node_of(column: &Column) -> Option<Node> {
    match &column.column_type {
        ColumnType::Int { unsigned: false, .. } => Some(Node::Signed),
        ColumnType::Int { unsigned: true, .. }
        | ColumnType::Bit { .. }
        | ColumnType::Year
        | ColumnType::Enum
        | ColumnType::Set { .. } => Some(Node::Unsigned),
        ColumnType::Decimal { .. }
        | ColumnType::Float
        | ColumnType::Double
        | ColumnType::Date
        | ColumnType::Time { .. }
        | ColumnType::Datetime { .. }
        | ColumnType::Timestamp { .. } => Some(Node::Text),
        ColumnType::Text { charset, .. } if is_unicode(charset) => Some(Node::Text),
        ColumnType::Text { .. }
        | ColumnType::FixedBinary { .. }
        | ColumnType::Binary
        | ColumnType::Geometry
        | ColumnType::Vector => Some(Node::Hex),
        ColumnType::Json => None,
    }
}

/// Whether text of the charset is the same bytes in a document.
fn is_unicode(charset: &str) -> bool {
    matches!(charset, "utf8mb4" | "utf8mb3")
}

/// Appends the node of a cell of a column that has nodes; `false` for a value that is none: the invalid
/// value of an `ENUM`, whose number is refused, and text that is not what its charset says.
///
/// # Errors
///
/// [`Error::Unexpected`] for a cell that the column's type does not have.
pub(crate) fn write_node(
    out: &mut Vec<u8>,
    column: &Column,
    cell: Cell<'_>,
) -> Result<bool, Error> {
    match (node_of(column), &column.column_type, cell) {
        (_, _, Cell::Null) => out.extend_from_slice(b"null"),
        (_, ColumnType::Enum, Cell::UInt(0)) => return Ok(false),
        // No number of JSON begins with the zeros of a year.
        (_, ColumnType::Year, _) => write_key_literal(out, column, cell)?,
        (Some(Node::Signed | Node::Unsigned), _, _) => write_field(out, column, cell)?,
        (Some(Node::Text), ColumnType::Text { .. }, Cell::Bytes(bytes)) => {
            let Ok(text) = str::from_utf8(bytes) else { return Ok(false) };
            write_string(out, text);
        }
        (Some(Node::Text), _, _) => {
            out.push(b'"');
            write_field(out, column, cell)?;
            out.push(b'"');
        }
        (Some(Node::Hex), _, Cell::Bytes(bytes)) => {
            out.push(b'"');
            hex(bytes, out);
            out.push(b'"');
        }
        _ => return Err(mismatch(column)),
    }
    Ok(true)
}

/// Appends a JSON string (RFC 8259, section 7).
fn write_string(out: &mut Vec<u8>, text: &str) {
    let is_special = |&byte: &u8| byte < b' ' || byte == b'"' || byte == b'\\';
    let mut rest = text.as_bytes();
    out.push(b'"');
    loop {
        let (plain, special) = rest.split_at(plain_length(rest, is_special));
        out.extend_from_slice(plain);
        let Some((&byte, after)) = special.split_first() else { break };
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            control => print(out, format_args!("\\u{control:04x}")),
        }
        rest = after;
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn string(text: &str) -> String {
        let mut out = Vec::new();
        write_string(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn strings_are_escaped_as_json_wants() {
        assert_eq!(string(""), r#""""#);
        assert_eq!(string("a\"b\\c'😀\u{7f}"), "\"a\\\"b\\\\c'😀\u{7f}\"");
        assert_eq!(string("\0\n\u{1f}"), r#""\u0000\u000a\u001f""#);
        let long = "é".repeat(50);
        assert_eq!(string(&format!("{long}\"{long}")), format!("\"{long}\\\"{long}\""));
    }
}
