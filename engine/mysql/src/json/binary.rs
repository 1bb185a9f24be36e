//! The reader of the server's binary JSON, as the binary log carries it.
//!
//! Source: MySQL, `sql-common/json_binary.h`.

use super::{DEPTH_MAX, JsonError, Tag, decimal, emit::Emitter, malformed};

const SMALL_OBJECT: u8 = 0x00;
const LARGE_OBJECT: u8 = 0x01;
const SMALL_ARRAY: u8 = 0x02;
const LARGE_ARRAY: u8 = 0x03;
const LITERAL: u8 = 0x04;
const INT16: u8 = 0x05;
const UINT16: u8 = 0x06;
const INT32: u8 = 0x07;
const UINT32: u8 = 0x08;
const INT64: u8 = 0x09;
const UINT64: u8 = 0x0a;
const DOUBLE: u8 = 0x0b;
const STRING: u8 = 0x0c;
const OPAQUE: u8 = 0x0f;

const FIELD_TIMESTAMP: u8 = 7;
const FIELD_DATE: u8 = 10;
const FIELD_TIME: u8 = 11;
const FIELD_DATETIME: u8 = 12;
const FIELD_DECIMAL: u8 = 246;

/// Appends the canonical form of the document whose binary form is `jsonb`; no bytes are the JSON
/// `null`, as the server reads them.
///
/// # Errors
///
/// [`JsonError::Malformed`] and [`JsonError::TooDeep`] for bytes that no server writes,
/// [`JsonError::Opaque`] for a document that cannot be carried; `out` then holds part of it.
pub fn from_binary(jsonb: &[u8], out: &mut Vec<u8>) -> Result<(), JsonError> {
    let mut emitter = Emitter::new(out);
    match jsonb.split_first() {
        None => emitter.raw(b"null"),
        Some((&kind, payload)) => {
            let mut reader = Reader { emitter: &mut emitter, budget: jsonb.len() };
            reader.value(kind, payload, 0)?;
        }
    }
    emitter.finish();
    Ok(())
}

/// The sizes of offsets and counts in a container.
#[derive(Clone, Copy)]
struct Width {
    is_large: bool,
}

impl Width {
    fn bytes(self) -> usize {
        if self.is_large { 4 } else { 2 }
    }

    fn read(self, bytes: &[u8], at: usize) -> Result<usize, JsonError> {
        if self.is_large {
            let word = u32::from_le_bytes(fixed(bytes, at)?);
            usize::try_from(word).map_err(|_| malformed("an offset does not fit the memory"))
        } else {
            Ok(usize::from(u16::from_le_bytes(fixed(bytes, at)?)))
        }
    }

    /// Whether a value of the type lies in its entry instead of behind an offset.
    fn is_inlined(self, kind: u8) -> bool {
        matches!(kind, LITERAL | INT16 | UINT16) || self.is_large && matches!(kind, INT32 | UINT32)
    }
}

/// The `N` bytes at `at`.
fn fixed<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], JsonError> {
    bytes
        .get(at..)
        .and_then(|rest| rest.first_chunk::<N>())
        .copied()
        .ok_or(malformed("a value ends early"))
}

/// The length at the start of `bytes`, seven bits a byte, and what follows it.
fn variable_length(bytes: &[u8]) -> Result<(usize, &[u8]), JsonError> {
    let mut length = 0usize;
    for (index, &byte) in bytes.iter().take(5).enumerate() {
        length |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            let rest = bytes.get(index + 1..).unwrap_or_default();
            return Ok((length, rest));
        }
    }
    Err(malformed("a length does not end"))
}

struct Reader<'e, 'a> {
    emitter: &'e mut Emitter<'a>,
    /// Bytes of entries and payloads that may still be read. A document never shares bytes between
    /// nodes, so more than it has means that offsets lead to the same place again and again.
    budget: usize,
}

impl Reader<'_, '_> {
    fn spend(&mut self, byte_count: usize) -> Result<(), JsonError> {
        self.budget = self
            .budget
            .checked_sub(byte_count)
            .ok_or(malformed("parts of the document overlap"))?;
        Ok(())
    }

    fn value(&mut self, kind: u8, payload: &[u8], depth: usize) -> Result<(), JsonError> {
        match kind {
            SMALL_OBJECT | LARGE_OBJECT | SMALL_ARRAY | LARGE_ARRAY => {
                if depth >= DEPTH_MAX {
                    return Err(JsonError::TooDeep);
                }
                let width = Width { is_large: matches!(kind, LARGE_OBJECT | LARGE_ARRAY) };
                let is_object = matches!(kind, SMALL_OBJECT | LARGE_OBJECT);
                self.container(width, is_object, payload, depth)
            }
            LITERAL => {
                let text: &[u8] = match fixed(payload, 0)? {
                    [0] => b"null",
                    [1] => b"true",
                    [2] => b"false",
                    [_] => return Err(malformed("a literal is unknown")),
                };
                self.emitter.raw(text);
                Ok(())
            }
            INT16 => self.integer(i16::from_le_bytes(fixed(payload, 0)?).into()),
            INT32 => self.integer(i32::from_le_bytes(fixed(payload, 0)?).into()),
            INT64 => self.integer(i64::from_le_bytes(fixed(payload, 0)?)),
            UINT16 => self.unsigned(u16::from_le_bytes(fixed(payload, 0)?).into()),
            UINT32 => self.unsigned(u32::from_le_bytes(fixed(payload, 0)?).into()),
            UINT64 => self.unsigned(u64::from_le_bytes(fixed(payload, 0)?)),
            DOUBLE => self.emitter.double(f64::from_le_bytes(fixed(payload, 0)?)),
            STRING => {
                let characters = self.lengthy(payload)?;
                self.emitter.string(characters)
            }
            OPAQUE => {
                let (&field_type, rest) =
                    payload.split_first().ok_or(malformed("a value ends early"))?;
                let bytes = self.lengthy(rest)?;
                self.opaque(field_type, bytes)
            }
            _ => Err(malformed("a type is unknown")),
        }
    }

    fn integer(&mut self, value: i64) -> Result<(), JsonError> {
        self.emitter.integer(value);
        Ok(())
    }

    fn unsigned(&mut self, value: u64) -> Result<(), JsonError> {
        self.emitter.unsigned(value);
        Ok(())
    }

    fn lengthy<'p>(&mut self, payload: &'p [u8]) -> Result<&'p [u8], JsonError> {
        let (length, rest) = variable_length(payload)?;
        self.spend(length)?;
        rest.get(..length).ok_or(malformed("a value ends early"))
    }

    fn container(
        &mut self,
        width: Width,
        is_object: bool,
        payload: &[u8],
        depth: usize,
    ) -> Result<(), JsonError> {
        let outside = malformed("a container's size does not fit");
        let count = width.read(payload, 0)?;
        let size = width.read(payload, width.bytes())?;
        let payload = payload.get(..size).ok_or(outside)?;
        let key_bytes = if is_object { width.bytes() + 2 } else { 0 };
        let value_bytes = width.bytes() + 1;
        let keys_at = 2 * width.bytes();
        let values_at =
            count.checked_mul(key_bytes).and_then(|all| all.checked_add(keys_at)).ok_or(outside)?;
        self.spend(count.checked_mul(key_bytes + value_bytes).ok_or(outside)?)?;

        self.emitter.raw(if is_object { b"{" } else { b"[" });
        for index in 0..count {
            if index > 0 {
                self.emitter.raw(b", ");
            }
            if is_object {
                self.key(width, payload, keys_at + index * key_bytes)?;
                self.emitter.raw(b": ");
            }
            let entry = values_at + index * value_bytes;
            let [kind] = fixed(payload, entry)?;
            let at =
                if width.is_inlined(kind) { entry + 1 } else { width.read(payload, entry + 1)? };
            let value = payload.get(at..).ok_or(malformed("an offset leads outside"))?;
            self.value(kind, value, depth + 1)?;
        }
        self.emitter.raw(if is_object { b"}" } else { b"]" });
        Ok(())
    }

    fn key(&mut self, width: Width, payload: &[u8], entry: usize) -> Result<(), JsonError> {
        let at = width.read(payload, entry)?;
        let length = usize::from(u16::from_le_bytes(fixed(payload, entry + width.bytes())?));
        self.spend(length)?;
        let key = payload
            .get(at..)
            .and_then(|rest| rest.get(..length))
            .ok_or(malformed("a key lies outside"))?;
        self.emitter.string(key)
    }

    fn opaque(&mut self, field_type: u8, bytes: &[u8]) -> Result<(), JsonError> {
        match field_type {
            FIELD_DECIMAL => {
                let &[precision, scale, ref digits @ ..] = bytes else {
                    return Err(malformed("a decimal has no precision"));
                };
                let mut text = Vec::with_capacity(usize::from(precision) + 3);
                decimal::print((precision, scale), digits, &mut text)?;
                self.emitter.tag(Tag::Decimal);
                self.emitter.raw(&text);
                Ok(())
            }
            FIELD_DATE | FIELD_TIME | FIELD_DATETIME | FIELD_TIMESTAMP => {
                let packed = i64::from_le_bytes(fixed(bytes, 0)?);
                self.temporal(field_type, packed);
                Ok(())
            }
            _ => {
                super::sql::check_opaque(field_type, bytes)?;
                self.emitter.opaque(field_type, bytes);
                Ok(())
            }
        }
    }

    /// Source: MySQL, `TIME_from_longlong_datetime_packed` and `TIME_from_longlong_time_packed`.
    fn temporal(&mut self, field_type: u8, packed: i64) {
        let all = packed.unsigned_abs();
        let (seconds, micros) = (all >> 24, all & 0xff_ffff);
        let (minute, second) = (seconds >> 6 & 0x3f, seconds & 0x3f);
        if field_type == FIELD_TIME {
            let sign = if packed < 0 { "-" } else { "" };
            let hour = seconds >> 12 & 0x3ff;
            let text = format_args!("{sign}{hour:02}:{minute:02}:{second:02}.{micros:06}");
            self.emitter.tagged_text(Tag::Time, text);
            return;
        }
        let (days, hour) = (seconds >> 17, seconds >> 12 & 0x1f);
        let (year, month, day) = (days / 32 / 13, days / 32 % 13, days % 32);
        if field_type == FIELD_DATE {
            let text = format_args!("{year:04}-{month:02}-{day:02}");
            self.emitter.tagged_text(Tag::Date, text);
            return;
        }
        let tag = if field_type == FIELD_DATETIME { Tag::Datetime } else { Tag::Timestamp };
        let text = format_args!(
            "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{micros:06}"
        );
        self.emitter.tagged_text(tag, text);
    }
}
