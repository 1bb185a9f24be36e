//! Prints nodes in canonical form.

use std::io::Write as _;

use super::{JsonError, TYPED, Tag, UNSIGNED_FROM, base64, malformed};

/// Appends one document to a buffer.
pub(super) struct Emitter<'a> {
    out: &'a mut Vec<u8>,
    is_typed: bool,
}

impl<'a> Emitter<'a> {
    /// A document that begins where `out` ends.
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, is_typed: false }
    }

    /// Ends the document.
    pub(super) fn finish(self) {
        if self.is_typed {
            self.out.push(TYPED);
        }
    }

    /// Appends brackets, separators and literals as they are.
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// Appends a tag.
    pub(super) fn tag(&mut self, tag: Tag) {
        self.is_typed = true;
        self.out.push(tag.byte());
    }

    /// An `INTEGER`.
    pub(super) fn integer(&mut self, value: i64) {
        if u64::try_from(value).is_ok_and(|value| value >= UNSIGNED_FROM) {
            self.tag(Tag::Integer);
        }
        self.print(format_args!("{value}"));
    }

    /// An `UNSIGNED INTEGER`.
    pub(super) fn unsigned(&mut self, value: u64) {
        if value < UNSIGNED_FROM {
            self.tag(Tag::Unsigned);
        }
        self.print(format_args!("{value}"));
    }

    /// A `DOUBLE`: the shortest digits that give the same number.
    pub(super) fn double(&mut self, value: f64) -> Result<(), JsonError> {
        if !value.is_finite() {
            return Err(malformed("a number is not finite"));
        }
        let mut buffer = zmij::Buffer::new();
        let digits = buffer.format_finite(value);
        self.raw(digits.as_bytes());
        if !digits.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E')) {
            self.raw(b".0");
        }
        Ok(())
    }

    /// A string node or a key, from its characters.
    pub(super) fn string(&mut self, characters: &[u8]) -> Result<(), JsonError> {
        if std::str::from_utf8(characters).is_err() {
            return Err(malformed("a string is not UTF-8"));
        }
        self.out.push(b'"');
        for &byte in characters {
            match byte {
                b'"' | b'\\' => self.out.extend_from_slice(&[b'\\', byte]),
                0x08 => self.raw(b"\\b"),
                0x09 => self.raw(b"\\t"),
                0x0a => self.raw(b"\\n"),
                0x0c => self.raw(b"\\f"),
                0x0d => self.raw(b"\\r"),
                0x00..0x20 => self.print(format_args!("\\u{byte:04x}")),
                _ => self.out.push(byte),
            }
        }
        self.out.push(b'"');
        Ok(())
    }

    /// A tagged node whose text is a string without anything to escape.
    pub(super) fn tagged_text(&mut self, tag: Tag, text: std::fmt::Arguments<'_>) {
        self.tag(tag);
        self.print(format_args!("\"{text}\""));
    }

    /// Bytes of the column type `field_type`.
    pub(super) fn opaque(&mut self, field_type: u8, bytes: &[u8]) {
        self.tag(Tag::Opaque);
        self.print(format_args!("\"base64:type{field_type}:"));
        base64::encode(bytes, self.out);
        self.out.push(b'"');
    }

    fn print(&mut self, text: std::fmt::Arguments<'_>) {
        let written = self.out.write_fmt(text);
        assert!(written.is_ok(), "a vector takes all that is written");
    }
}
