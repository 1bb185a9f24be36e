//! Documents as SQL expressions that make them again, every node of its type.

use super::{
    JsonError, TYPED, Tag, base64, malformed,
    scan::{Node, Scanner, deeper},
    text::opaque_parts,
};

const FIELD_VARCHAR: u8 = 15;
const FIELD_BIT: u8 = 16;
const FIELD_TINY_BLOB: u8 = 249;
const FIELD_MEDIUM_BLOB: u8 = 250;
const FIELD_LONG_BLOB: u8 = 251;
const FIELD_BLOB: u8 = 252;
const FIELD_STRING: u8 = 254;

/// The longest value of a `VARBINARY` expression: a longer one becomes a `MEDIUMBLOB`.
const VARCHAR_BYTES_MAX: usize = 65_535;

/// The most digits of a `DECIMAL` that a cast can name.
const DECIMAL_DIGITS_MAX: usize = 65;

/// The most digits of its fraction.
const DECIMAL_SCALE_MAX: usize = 30;

/// The start of an expression that takes a value through a column of a declared type. A node is made
/// of it at once: as the subquery's own value it would lose what kind of blob it is.
const TYPED_OPEN: &str = "(SELECT JSON_EXTRACT(JSON_ARRAY(c),'$[0]') FROM JSON_TABLE(JSON_ARRAY(";

/// That [`write_sql`] can make bytes of this column type again.
///
/// # Errors
///
/// [`JsonError::Opaque`] when it cannot.
pub(super) fn check_opaque(field_type: u8, bytes: &[u8]) -> Result<(), JsonError> {
    let is_known = match field_type {
        FIELD_VARCHAR => bytes.len() <= VARCHAR_BYTES_MAX,
        FIELD_BIT => (1..=8).contains(&bytes.len()),
        FIELD_STRING | FIELD_TINY_BLOB => bytes.len() <= 255,
        FIELD_BLOB => bytes.len() <= 65_535,
        FIELD_MEDIUM_BLOB | FIELD_LONG_BLOB => true,
        _ => false,
    };
    if is_known { Ok(()) } else { Err(JsonError::Opaque { field_type }) }
}

/// Appends an expression whose value, stored in a `JSON` column, is the canonical document.
///
/// It is a text literal unless a node is tagged; then the containers around such nodes are calls of
/// `JSON_OBJECT` and `JSON_ARRAY`, all else in them still text.
///
/// # Errors
///
/// [`JsonError`] when `canonical` is not what this module made; `out` then holds part of it.
pub fn write_sql(canonical: &[u8], out: &mut Vec<u8>) -> Result<(), JsonError> {
    let Some(_) = canonical.strip_suffix(&[TYPED]) else {
        text_literal(canonical, out);
        return Ok(());
    };
    let mut writer = Writer { scanner: Scanner::new(canonical), out };
    // A bare date or number would be parsed as JSON text.
    writer.out.extend_from_slice(b"CAST(");
    writer.value(0)?;
    writer.out.extend_from_slice(b" AS JSON)");
    writer.scanner.end()
}

/// Appends UTF-8 text as a string literal of the charset `utf8mb4`.
pub(crate) fn text_literal(text: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"_utf8mb4'");
    for &byte in text {
        if matches!(byte, b'\'' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'\'');
}

struct Writer<'a, 'o> {
    scanner: Scanner<'a>,
    out: &'o mut Vec<u8>,
}

impl<'a> Writer<'a, '_> {
    fn value(&mut self, depth: usize) -> Result<(), JsonError> {
        let mut after = self.scanner.clone();
        after.skip(depth)?;
        let whole = after.since(self.scanner.at());
        if !whole.iter().any(|&byte| Tag::of(byte).is_some()) {
            self.scanner = after;
            self.out.extend_from_slice(b"CAST(");
            text_literal(whole, self.out);
            self.out.extend_from_slice(b" AS JSON)");
            return Ok(());
        }
        match self.scanner.node()? {
            Node::Object => self.object(deeper(depth)?),
            Node::Array => self.array(deeper(depth)?),
            Node::Number(Some(tag), digits) => self.number(tag, digits),
            Node::String(Some(tag), quoted) => self.string(tag, quoted),
            Node::Literal(_) | Node::Number(None, _) | Node::String(None, _) => {
                Err(malformed("a tag does not stand before a value"))
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<(), JsonError> {
        self.out.extend_from_slice(b"JSON_OBJECT(");
        let mut is_first = true;
        while let Some(key) = self.scanner.member(is_first)? {
            self.comma(is_first);
            is_first = false;
            let key = super::scan::unescape(key).ok_or(malformed("a key's escapes are none"))?;
            text_literal(&key, self.out);
            self.out.push(b',');
            self.value(depth)?;
        }
        self.out.push(b')');
        Ok(())
    }

    fn array(&mut self, depth: usize) -> Result<(), JsonError> {
        self.out.extend_from_slice(b"JSON_ARRAY(");
        let mut is_first = true;
        while self.scanner.element(is_first)? {
            self.comma(is_first);
            is_first = false;
            self.value(depth)?;
        }
        self.out.push(b')');
        Ok(())
    }

    fn comma(&mut self, is_first: bool) {
        if !is_first {
            self.out.push(b',');
        }
    }

    fn number(&mut self, tag: Tag, digits: &'a [u8]) -> Result<(), JsonError> {
        let declared = match tag {
            Tag::Integer => "SIGNED",
            Tag::Unsigned => "UNSIGNED",
            Tag::Decimal => {
                self.decimal(digits);
                return Ok(());
            }
            Tag::Date | Tag::Time | Tag::Datetime | Tag::Timestamp | Tag::Opaque => {
                return Err(malformed("a number has the tag of a string"));
            }
        };
        self.out.extend_from_slice(b"CAST(");
        self.out.extend_from_slice(digits);
        self.out.extend_from_slice(format!(" AS {declared})").as_bytes());
        Ok(())
    }

    /// No cast makes a decimal wider than a column's. Such a one is written as its bare digits, which
    /// the server takes for a `DECIMAL` of just these: they have a point, or are too many for an integer.
    fn decimal(&mut self, digits: &[u8]) {
        let (sign, unsigned) =
            digits.strip_prefix(b"-").map_or((&b""[..], digits), |rest| (b"-", rest));
        let point = unsigned.iter().position(|&byte| byte == b'.');
        let scale = point.map_or(0, |at| unsigned.len() - at - 1);
        let precision = unsigned.len() - usize::from(point.is_some());
        if precision <= DECIMAL_DIGITS_MAX && scale <= DECIMAL_SCALE_MAX {
            self.out.extend_from_slice(b"CAST(");
            self.out.extend_from_slice(digits);
            let cast = format!(" AS DECIMAL({precision},{scale}))");
            self.out.extend_from_slice(cast.as_bytes());
            return;
        }
        self.out.extend_from_slice(sign);
        // The server's parser would keep a group of digits for the zero, and cut a long fraction.
        let is_below_one = unsigned.starts_with(b"0.");
        self.out.extend_from_slice(unsigned.get(usize::from(is_below_one)..).unwrap_or_default());
    }

    fn string(&mut self, tag: Tag, quoted: &'a [u8]) -> Result<(), JsonError> {
        let inner = quoted
            .strip_prefix(b"\"")
            .and_then(|rest| rest.strip_suffix(b"\""))
            .ok_or(malformed("a string has no quotes"))?;
        let declared = match tag {
            Tag::Date => "DATE",
            Tag::Time => "TIME(6)",
            Tag::Datetime => "DATETIME(6)",
            Tag::Timestamp => {
                self.out.extend_from_slice(TYPED_OPEN.as_bytes());
                text_literal(inner, self.out);
                return self.end_of_table("TIMESTAMP(6)");
            }
            Tag::Opaque => return self.opaque(quoted),
            Tag::Integer | Tag::Unsigned | Tag::Decimal => {
                return Err(malformed("a string has the tag of a number"));
            }
        };
        self.out.extend_from_slice(b"CAST(");
        text_literal(inner, self.out);
        self.out.extend_from_slice(format!(" AS {declared})").as_bytes());
        Ok(())
    }

    /// Bytes of a column type. Functions make `VARBINARY` only; a column of `JSON_TABLE` has the
    /// type that it is declared with, and takes the bytes of an opaque node as they are.
    fn opaque(&mut self, quoted: &'a [u8]) -> Result<(), JsonError> {
        let (field_type, text) = opaque_parts(quoted)?;
        let bytes = base64::decode(text).ok_or(malformed("bytes are not base64"))?;
        let declared = match field_type {
            FIELD_VARCHAR => {
                hex_literal(&bytes, self.out);
                return Ok(());
            }
            FIELD_BIT => {
                let bits = bytes.iter().fold(0u64, |bits, &byte| bits << 8 | u64::from(byte));
                let open = format!("{TYPED_OPEN}{bits}");
                self.out.extend_from_slice(open.as_bytes());
                return self.end_of_table(&format!("BIT({})", 8 * bytes.len()));
            }
            FIELD_STRING => format!("BINARY({})", bytes.len()),
            FIELD_TINY_BLOB => "TINYBLOB".to_owned(),
            FIELD_BLOB => "BLOB".to_owned(),
            FIELD_MEDIUM_BLOB => "MEDIUMBLOB".to_owned(),
            FIELD_LONG_BLOB => "LONGBLOB".to_owned(),
            _ => return Err(JsonError::Opaque { field_type }),
        };
        self.out.extend_from_slice(TYPED_OPEN.as_bytes());
        hex_literal(&bytes, self.out);
        self.end_of_table(&declared)
    }

    fn end_of_table(&mut self, declared: &str) -> Result<(), JsonError> {
        let end = format!("),'$[0]' COLUMNS(c {declared} PATH '$' ERROR ON ERROR)) n)");
        self.out.extend_from_slice(end.as_bytes());
        Ok(())
    }
}

/// Appends bytes as a hexadecimal literal.
pub(crate) fn hex_literal(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"x'");
    hex(bytes, out);
    out.push(b'\'');
}

/// Appends the hexadecimal digits of bytes.
pub(crate) fn hex(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.reserve(2 * bytes.len());
    for &byte in bytes {
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 0xf)]);
    }
}
