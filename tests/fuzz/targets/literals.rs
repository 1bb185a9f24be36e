//! Any bytes as a value: its literal is one quoted string that holds these bytes and nothing after.

#![no_main]

use libfuzzer_sys::fuzz_target;
use whimbrel_model::{Cell, Column, ColumnType, Generation};
use whimbrel_mysql::write_literal;

/// The bytes of a quoted string as the server's lexer reads it, and what follows the closing quote.
fn unquoted(literal: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut rest = literal.strip_prefix(b"'")?;
    let mut bytes = Vec::new();
    loop {
        match rest {
            [b'\\', escaped, after @ ..] => {
                // Only these two stand for themselves after a backslash.
                assert!(matches!(escaped, b'\'' | b'\\'), "an escape has another meaning");
                bytes.push(*escaped);
                rest = after;
            }
            [b'\'', after @ ..] => return Some((bytes, after)),
            [byte, after @ ..] => {
                bytes.push(*byte);
                rest = after;
            }
            [] => return None,
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let gbk = ColumnType::Text { charset: "gbk".to_owned(), collation: String::new() };
    for column_type in [gbk, ColumnType::Binary, ColumnType::Geometry] {
        let column = Column {
            name: "c".to_owned(),
            column_type,
            declaration: String::new(),
            nullable: true,
            generation: Generation::None,
        };
        let mut literal = Vec::new();
        assert!(write_literal(&mut literal, &column, Cell::Bytes(bytes)).is_ok());
        let quoted = literal.strip_prefix(b"_binary").and_then(unquoted);
        assert!(quoted == Some((bytes.to_vec(), b"")), "the literal is not the value");
    }
});
