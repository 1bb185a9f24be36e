//! The events that a transaction begins with.

use whimbrel_model::{Gtid, Newest, SourceId};

use crate::bytes::{Bytes, Malformed};

/// What a transaction's first event says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Begin {
    /// Who it is, and when it was committed where it was made.
    pub(crate) transaction: Newest,
    /// When this source wrote it to its log, in microseconds since 1970.
    pub(crate) written_micros: u64,
}

/// A bit of the first timestamp: a second one follows. Source: MySQL,
/// `Gtid_event::ENCODED_COMMIT_TIMESTAMP_LENGTH`.
const HAS_ORIGINAL: u64 = 1 << 55;

/// The fields of a GTID event. Source: MySQL, `Gtid_event` in
/// `libs/mysql/binlog/event/control_events.h`.
pub(crate) fn read_gtid(body: &[u8]) -> Result<Begin, Malformed> {
    let mut bytes = Bytes::new(body);
    bytes.u8()?; // Whether statements may be in it: their events say it themselves.
    let source = SourceId { uuid: bytes.array()?, tag: String::new() };
    let number = bytes.u64()?;
    bytes.u8()?;
    bytes.take(16)?; // What it may be applied in parallel with.
    let first = bytes.uint(7)?;
    let written_micros = first & !HAS_ORIGINAL;
    let committed_micros =
        if first & HAS_ORIGINAL == 0 { written_micros } else { bytes.uint(7)? };
    Ok(Begin {
        transaction: Newest { gtid: Gtid { source, number }, committed_micros },
        written_micros,
    })
}

/// The fields of a tagged GTID event: numbered ones after an envelope, their numbers ascending.
///
/// Source: MySQL, `The mysql::serialization library` and `Gtid_event::define_fields`.
pub(crate) fn read_tagged_gtid(body: &[u8]) -> Result<Begin, Malformed> {
    let mut bytes = Bytes::new(body);
    if variable(&mut bytes)? != 1 {
        return Err(Malformed("its serialization version is not 1"));
    }
    variable(&mut bytes)?; // Bytes in all: the event has its own length.
    let last_needed = variable(&mut bytes)?;
    let mut source = SourceId { uuid: [0; 16], tag: String::new() };
    let (mut number, mut written_micros, mut committed_micros) = (0, 0, None);
    while !bytes.is_empty() {
        match variable(&mut bytes)? {
            1 => {
                for byte in &mut source.uuid {
                    *byte = u8::try_from(variable(&mut bytes)?)
                        .map_err(|_| Malformed("a byte of its UUID is none"))?;
                }
            }
            2 => number = signed_variable(&mut bytes)?,
            3 => source.tag = tag(&mut bytes)?,
            6 => written_micros = variable(&mut bytes)?,
            7 => committed_micros = Some(variable(&mut bytes)?),
            0 | 8..=11 => {
                variable(&mut bytes)?;
            }
            4 | 5 => {
                signed_variable(&mut bytes)?;
            }
            field if field <= last_needed => {
                return Err(Malformed("it has a field that is not known and is needed"));
            }
            // Nothing says how long an unknown field is, and all that we read came before it.
            _ => break,
        }
    }
    Ok(Begin {
        transaction: Newest {
            gtid: Gtid { source, number },
            committed_micros: committed_micros.unwrap_or(written_micros),
        },
        written_micros,
    })
}

fn tag(bytes: &mut Bytes<'_>) -> Result<String, Malformed> {
    let not_a_tag = Malformed("its tag is none");
    let length = usize::try_from(variable(bytes)?).map_err(|_| not_a_tag)?;
    String::from_utf8(bytes.take(length)?.to_vec()).map_err(|_| not_a_tag)
}

/// A number of 1 to 9 bytes: the low set bits of the first, up to a clear one, count those after it.
fn variable(bytes: &mut Bytes<'_>) -> Result<u64, Malformed> {
    let first = bytes.u8()?;
    let more = first.trailing_ones();
    let rest = bytes.uint(more as usize)?;
    // With 8 more there is no room left in the first byte, with 7 only the clear bit.
    Ok(if more >= 7 { rest } else { rest << (7 - more) | u64::from(first) >> (more + 1) })
}

/// A number whose lowest bit is its sign; none that is read here is negative.
fn signed_variable(bytes: &mut Bytes<'_>) -> Result<u64, Malformed> {
    let number = variable(bytes)?;
    if number & 1 == 0 { Ok(number >> 1) } else { Err(Malformed("a number of it is negative")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variable_numbers_have_one_to_nine_bytes() {
        for (bytes, number) in [
            (&[0b1010_1010][..], 0b101_0101),
            (&[0b0000_0001, 0x80], 0x80 << 6),
            (&[0b0111_1111, 1, 0, 0, 0, 0, 0, 0x80], 0x0080_0000_0000_0001),
            (&[0xff, 1, 2, 3, 4, 5, 6, 7, 0xff], 0xff07_0605_0403_0201),
        ] {
            assert_eq!(variable(&mut Bytes::new(bytes)), Ok(number), "{bytes:?}");
        }
    }
}
