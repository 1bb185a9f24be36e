//! How raw events reach the reader.

use std::{
    future::Future,
    io::{BufRead, ErrorKind, Read},
};

use super::LogError;

/// The most bytes of one event: the most that a packet can carry, and so more than a source that
/// replicates can have in its log. Source: MySQL, `max_allowed_packet`.
pub(crate) const EVENT_BYTES_MAX: u32 = 1 << 30;

/// Where raw events come from, in log order.
pub trait Transport: Send {
    /// Puts the next event, from its header to its checksum, in place of what `event` holds.
    ///
    /// Cancel safe: a future dropped before it is ready has taken nothing from the stream.
    ///
    /// # Errors
    ///
    /// [`LogError::Lost`], [`LogError::Silent`] and [`LogError::Ended`] when another transport may
    /// go on; [`LogError::Purged`] and [`LogError::Refused`] when the source will not.
    fn next(&mut self, event: &mut Vec<u8>) -> impl Future<Output = Result<(), LogError>> + Send;
}

/// The events of one binary log file, from its first byte (the magic) to its last.
#[derive(Debug)]
pub struct FileTransport<R> {
    file: R,
}

/// What a binary log file begins with.
const MAGIC: [u8; 4] = [0xfe, b'b', b'i', b'n'];

/// Bytes of an event's header.
const HEADER_BYTES: usize = 19;

impl<R: BufRead + Send> FileTransport<R> {
    /// The events of `file`.
    ///
    /// # Errors
    ///
    /// [`LogError::Lost`] when it cannot be read or does not begin as a binary log does.
    pub fn new(mut file: R) -> Result<Self, LogError> {
        let mut magic = [0; MAGIC.len()];
        file.read_exact(&mut magic).map_err(lost)?;
        if magic != MAGIC {
            return Err(lost(std::io::Error::from(ErrorKind::InvalidData)));
        }
        Ok(Self { file })
    }

    /// Reads one event; [`LogError::Ended`] after the last.
    fn read(&mut self, event: &mut Vec<u8>) -> Result<(), LogError> {
        event.clear();
        if self.file.fill_buf().map_err(lost)?.is_empty() {
            return Err(LogError::Ended);
        }
        let mut header = [0; HEADER_BYTES];
        self.file.read_exact(&mut header).map_err(lost)?;
        event.extend_from_slice(&header);
        let [_, _, _, _, _, _, _, _, _, size @ ..] = header;
        let size = size.first_chunk().map_or(0, |size| u32::from_le_bytes(*size));
        let body = u64::from(size.min(EVENT_BYTES_MAX)).saturating_sub(HEADER_BYTES as u64);
        let read = self.file.by_ref().take(body).read_to_end(event).map_err(lost)?;
        if read as u64 == body { Ok(()) } else { Err(lost(ErrorKind::UnexpectedEof.into())) }
    }
}

impl<R: BufRead + Send> Transport for FileTransport<R> {
    async fn next(&mut self, event: &mut Vec<u8>) -> Result<(), LogError> {
        std::future::ready(self.read(event)).await
    }
}

fn lost(source: std::io::Error) -> LogError {
    LogError::Lost { source: Box::new(source) }
}
