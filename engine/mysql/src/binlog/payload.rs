//! Compressed transactions: their events one by one, without ever holding all of them.

use std::io::{BufReader, Cursor, ErrorKind, Read};

use super::{event::HEADER_BYTES, transport::EVENT_BYTES_MAX};
use crate::bytes::{Bytes, Malformed, TRUNCATED};

/// The largest window that a payload may be compressed with, as a power of two: that of zstd's
/// highest level, 128 MiB. Level 3, the server's default, takes 2 MiB.
const WINDOW_LOG_MAX: u32 = 27;

/// The events in a `TRANSACTION_PAYLOAD` event.
pub(crate) struct Payload {
    events: Box<dyn Read + Send>,
    /// Bytes that are still to come, by what the event says of its size.
    left: u64,
}

impl std::fmt::Debug for Payload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Payload").field("left", &self.left).finish_non_exhaustive()
    }
}

impl Payload {
    /// The events that `event` holds, whose body goes from `at` to its end. They are read from it as they
    /// are asked for, and never held together. Source: MySQL, `Transaction_payload_event`.
    pub(crate) fn new(event: Vec<u8>, at: usize) -> Result<Self, Malformed> {
        const UNCOMPRESSED: u64 = 255;
        const ZSTD: u64 = 0;
        let mut bytes = Bytes::new(&event);
        bytes.take(at)?;
        let (mut size, mut compression, mut left) = (None, UNCOMPRESSED, None);
        loop {
            let field = bytes.packed()?;
            if field == 0 {
                break;
            }
            let length = bytes.packed_length()?;
            let mut value = Bytes::new(bytes.take(length)?);
            match field {
                1 => size = Some(value.packed()?),
                2 => compression = value.packed()?,
                3 => left = Some(value.packed()?),
                _ => {}
            }
        }
        let length = bytes.rest().len() as u64;
        if size.is_some_and(|size| size != length) {
            return Err(Malformed("its payload is not as long as it says"));
        }
        let before = event.len() as u64 - length;
        let mut payload = Cursor::new(event);
        payload.set_position(before);
        let events: Box<dyn Read + Send> = match compression {
            UNCOMPRESSED => Box::new(payload),
            ZSTD => Box::new(BufReader::new(decompress(payload)?)),
            _ => return Err(Malformed("its compression is not known")),
        };
        Ok(Self { events, left: left.unwrap_or(length) })
    }

    /// Puts the next event, which has no checksum, in place of what `event` holds; `false` after the
    /// last.
    pub(crate) fn next(&mut self, event: &mut Vec<u8>) -> Result<bool, Malformed> {
        event.clear();
        if self.left == 0 {
            return match self.events.read(&mut [0]).map_err(|error| broken(&error))? {
                0 => Ok(false),
                _ => Err(Malformed("its payload is longer than it says")),
            };
        }
        let mut header = [0; HEADER_BYTES];
        self.events.read_exact(&mut header).map_err(|error| broken(&error))?;
        event.extend_from_slice(&header);
        let mut fields = Bytes::new(&header);
        fields.take(9)?;
        let size = fields.u32()?;
        self.left = self.left.checked_sub(u64::from(size)).ok_or(TRUNCATED)?;
        let body = u64::from(size).checked_sub(HEADER_BYTES as u64).ok_or(TRUNCATED)?;
        if size > EVENT_BYTES_MAX {
            return Err(Malformed("an event in it is longer than any can be"));
        }
        // Grows with what is there, not with what a broken size says.
        let read =
            self.events.by_ref().take(body).read_to_end(event).map_err(|error| broken(&error))?;
        if read as u64 == body { Ok(true) } else { Err(TRUNCATED) }
    }
}

fn decompress(
    events: Cursor<Vec<u8>>,
) -> Result<zstd::Decoder<'static, Cursor<Vec<u8>>>, Malformed> {
    let failed = |_| Malformed("its payload cannot be decompressed");
    let mut decoder = zstd::Decoder::with_buffer(events).map_err(failed)?;
    decoder.window_log_max(WINDOW_LOG_MAX).map_err(failed)?;
    Ok(decoder)
}

fn broken(error: &std::io::Error) -> Malformed {
    if error.kind() == ErrorKind::UnexpectedEof {
        TRUNCATED
    } else {
        Malformed("its payload cannot be decompressed")
    }
}
