//! How a column's values are encoded in row images, as its table's `TABLE_MAP` says.

use crate::bytes::{Bytes, Malformed};

/// How many bytes a value takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Always as many.
    Fixed(usize),
    /// As many as the length says that comes first, itself of as many bytes.
    Prefixed(usize),
}

/// A type of values in row images. Source: MySQL, `enum_field_types` and `Table_map_event`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WireType {
    /// An integer of so many bytes, with or without a sign.
    Int(u8),
    Float,
    Double,
    Year,
    Date,
    Time {
        fsp: u8,
    },
    Datetime {
        fsp: u8,
    },
    Timestamp {
        fsp: u8,
    },
    Decimal {
        precision: u8,
        scale: u8,
    },
    Bit {
        bits: u16,
    },
    /// `CHAR`, `BINARY`, `VARCHAR` or `VARBINARY` of at most so many bytes.
    String {
        length: u16,
    },
    /// A `TEXT` or `BLOB` type.
    Blob,
    /// Of so many bytes.
    Enum(u8),
    /// Of so many bytes.
    Set(u8),
    Json,
    Geometry,
    Vector,
}

/// How one column's values are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wire {
    pub(crate) kind: WireType,
    pub(crate) shape: Shape,
}

/// Bytes that the last digits of a number take in a `DECIMAL`, by how many there are; nine take 4.
pub(crate) const DIGIT_BYTES: [usize; 10] = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4];

/// Bytes that `digits` digits on one side of a `DECIMAL`'s point take.
pub(crate) fn decimal_bytes(digits: u8) -> usize {
    let rest = DIGIT_BYTES.get(usize::from(digits % 9)).copied().unwrap_or(0);
    usize::from(digits / 9) * 4 + rest
}

/// The encoding of the type that is written as `code`, with its metadata from `metadata`.
pub(crate) fn read_wire(code: u8, metadata: &mut Bytes<'_>) -> Result<Wire, Malformed> {
    let fixed = |kind, bytes| Ok(Wire { kind, shape: Shape::Fixed(bytes) });
    match code {
        1 => fixed(WireType::Int(1), 1),
        2 => fixed(WireType::Int(2), 2),
        9 => fixed(WireType::Int(3), 3),
        3 => fixed(WireType::Int(4), 4),
        8 => fixed(WireType::Int(8), 8),
        4 if metadata.u8()? == 4 => fixed(WireType::Float, 4),
        5 if metadata.u8()? == 8 => fixed(WireType::Double, 8),
        13 => fixed(WireType::Year, 1),
        10 | 14 => fixed(WireType::Date, 3),
        19 => fraction(metadata).and_then(|(fsp, more)| fixed(WireType::Time { fsp }, 3 + more)),
        17 => {
            fraction(metadata).and_then(|(fsp, more)| fixed(WireType::Timestamp { fsp }, 4 + more))
        }
        18 => {
            fraction(metadata).and_then(|(fsp, more)| fixed(WireType::Datetime { fsp }, 5 + more))
        }
        246 => decimal(metadata),
        16 => bit(metadata),
        15 | 253 => {
            let length = metadata.u16()?;
            Ok(string(length))
        }
        254 => string_or_member(metadata),
        252 => prefixed(WireType::Blob, metadata),
        245 => prefixed(WireType::Json, metadata),
        255 => prefixed(WireType::Geometry, metadata),
        242 => prefixed(WireType::Vector, metadata),
        4 | 5 => Err(Malformed("a floating-point column has another width than its type")),
        _ => Err(Malformed("a column is of a type that no server since 8.0 writes")),
    }
}

/// Digits of fractional seconds, and the bytes that they take.
fn fraction(metadata: &mut Bytes<'_>) -> Result<(u8, usize), Malformed> {
    match metadata.u8()? {
        fsp @ 0..=6 => Ok((fsp, usize::from(fsp.div_ceil(2)))),
        _ => Err(Malformed("fractional seconds have more than six digits")),
    }
}

fn decimal(metadata: &mut Bytes<'_>) -> Result<Wire, Malformed> {
    let (precision, scale) = (metadata.u8()?, metadata.u8()?);
    if precision == 0 || precision > 65 || scale > 30 || scale > precision {
        return Err(Malformed("a DECIMAL column has digits that none can have"));
    }
    let bytes = decimal_bytes(precision - scale) + decimal_bytes(scale);
    Ok(Wire { kind: WireType::Decimal { precision, scale }, shape: Shape::Fixed(bytes) })
}

fn bit(metadata: &mut Bytes<'_>) -> Result<Wire, Malformed> {
    let (more_bits, bytes) = (metadata.u8()?, metadata.u8()?);
    let bits = u16::from(bytes) * 8 + u16::from(more_bits);
    if more_bits > 7 || bits == 0 || bits > 64 {
        return Err(Malformed("a BIT column has bits that none can have"));
    }
    Ok(Wire { kind: WireType::Bit { bits }, shape: Shape::Fixed(usize::from(bits.div_ceil(8))) })
}

fn string(length: u16) -> Wire {
    let shape = Shape::Prefixed(if length > 255 { 2 } else { 1 });
    Wire { kind: WireType::String { length }, shape }
}

/// What is written as STRING: its first byte of metadata is the real type, into which the two upper
/// bits of a length beyond 255 are folded, inverted. Source: MySQL, `Field_string::do_save_field_metadata`.
fn string_or_member(metadata: &mut Bytes<'_>) -> Result<Wire, Malformed> {
    const LENGTH_BITS: u8 = 0x30;
    const ENUM: u8 = 247;
    const SET: u8 = 248;
    let (kind, length) = (metadata.u8()?, metadata.u8()?);
    match (kind, length) {
        (ENUM, 1 | 2) => {
            Ok(Wire { kind: WireType::Enum(length), shape: Shape::Fixed(usize::from(length)) })
        }
        (SET, 1..=8) => {
            Ok(Wire { kind: WireType::Set(length), shape: Shape::Fixed(usize::from(length)) })
        }
        (ENUM | SET, _) => Err(Malformed("an ENUM or SET column has a width that none can have")),
        _ if kind | LENGTH_BITS == 254 => {
            let upper = u16::from(!kind & LENGTH_BITS) << 4;
            Ok(string(upper | u16::from(length)))
        }
        _ => Err(Malformed("a STRING column is of no known real type")),
    }
}

fn prefixed(kind: WireType, metadata: &mut Bytes<'_>) -> Result<Wire, Malformed> {
    match metadata.u8()? {
        bytes @ 1..=4 => Ok(Wire { kind, shape: Shape::Prefixed(usize::from(bytes)) }),
        _ => Err(Malformed("the lengths of a BLOB column have a width that none can have")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(code: u8, metadata: &[u8], kind: WireType, shape: Shape) {
        assert_eq!(read_wire(code, &mut Bytes::new(metadata)), Ok(Wire { kind, shape }));
    }

    #[test]
    fn char_lengths_beyond_a_byte_are_folded_into_the_type() {
        check(254, &[0xfe, 40], WireType::String { length: 40 }, Shape::Prefixed(1));
        // CHAR(255) of four bytes each: 1020 = 0x3fc.
        check(254, &[0xce, 0xfc], WireType::String { length: 1020 }, Shape::Prefixed(2));
        check(254, &[0xee, 0x2c], WireType::String { length: 300 }, Shape::Prefixed(2));
        check(254, &[247, 2], WireType::Enum(2), Shape::Fixed(2));
        check(254, &[248, 8], WireType::Set(8), Shape::Fixed(8));
    }

    #[test]
    fn decimals_pack_nine_digits_in_four_bytes() {
        check(
            246,
            &[65, 30],
            WireType::Decimal { precision: 65, scale: 30 },
            Shape::Fixed(4 * 3 + 4 + 4 * 3 + 2),
        );
        check(246, &[5, 5], WireType::Decimal { precision: 5, scale: 5 }, Shape::Fixed(3));
        check(16, &[7, 7], WireType::Bit { bits: 63 }, Shape::Fixed(8));
    }

    #[test]
    fn types_that_are_not_written_any_more_are_refused() {
        for code in [0, 6, 7, 11, 12, 20, 243, 244, 249] {
            assert!(read_wire(code, &mut Bytes::new(&[1, 1])).is_err(), "{code}");
        }
    }
}
