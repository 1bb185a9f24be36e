//! Packets of the client protocol, one at a time over a plain or an encrypted stream.

use std::io::{Error, ErrorKind};

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};

/// The most bytes of a piece of a packet: one of so many is followed by another of the same packet.
/// Source: MySQL, `MAX_PACKET_LENGTH`.
const PIECE_BYTES_MAX: usize = 0xff_ffff;

/// Bytes before each piece: its length in three, and its number.
const HEADER_BYTES: usize = 4;

/// The most that is read from the stream at once, in bytes: some hundred events of single rows.
const BUFFER_BYTES: usize = 128 << 10;

/// A stream of bytes in both directions.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// What packets are read from and written to.
pub(crate) struct Packets {
    stream: BufReader<Box<dyn Duplex>>,
    /// The number of the next piece, of either direction.
    number: u8,
    /// As much of the header of the piece under way as has come.
    header: Vec<u8>,
    /// Bytes of the piece under way that are still to come.
    left: usize,
    /// Whether the piece under way is followed by another of the same packet.
    goes_on: bool,
    /// As much of the packet under way as has come, or the newest whole one.
    packet: Vec<u8>,
    is_whole: bool,
}

impl Packets {
    pub(crate) fn new(stream: Box<dyn Duplex>) -> Self {
        Self {
            stream: BufReader::with_capacity(BUFFER_BYTES, stream),
            number: 0,
            header: Vec::with_capacity(HEADER_BYTES),
            left: 0,
            goes_on: false,
            packet: Vec::new(),
            is_whole: false,
        }
    }

    /// The same packets over another stream, which `wrap` makes of the one so far.
    ///
    /// # Errors
    ///
    /// That of `wrap`, and [`ErrorKind::InvalidData`] when something came already: who sent it was not
    /// proven to be the one who is spoken to from now on.
    pub(crate) async fn wrapped<F>(
        self,
        wrap: impl FnOnce(Box<dyn Duplex>) -> F,
    ) -> Result<Self, Error>
    where
        F: Future<Output = Result<Box<dyn Duplex>, Error>>,
    {
        if !self.stream.buffer().is_empty() {
            return Err(invalid("bytes came before the connection was encrypted"));
        }
        let stream = wrap(self.stream.into_inner()).await?;
        Ok(Self { number: self.number, ..Self::new(stream) })
    }

    /// The next packet, of at most `bytes_max` bytes.
    ///
    /// # Errors
    ///
    /// Those of the stream, and those of [`Packets::advance`].
    pub(crate) async fn read(&mut self, bytes_max: usize) -> Result<&mut Vec<u8>, Error> {
        while !self.advance(bytes_max)? {
            self.wait().await?;
        }
        Ok(&mut self.packet)
    }

    /// Waits until there is more to [`Packets::advance`] by. Cancel safe.
    ///
    /// # Errors
    ///
    /// Those of the stream; [`ErrorKind::UnexpectedEof`] at its end.
    pub(crate) async fn wait(&mut self) -> Result<(), Error> {
        if self.stream.fill_buf().await?.is_empty() {
            return Err(Error::new(ErrorKind::UnexpectedEof, "connection closed"));
        }
        Ok(())
    }

    /// Takes what has come and was not taken, up to the end of a packet of at most `bytes_max` bytes;
    /// whether [`Packets::packet`] is whole now.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidData`] when a packet is larger, or not the one that is next.
    pub(crate) fn advance(&mut self, bytes_max: usize) -> Result<bool, Error> {
        if std::mem::take(&mut self.is_whole) {
            self.packet.clear();
        }
        loop {
            if self.left == 0 {
                match self.read_header()? {
                    Some(length) if length <= bytes_max.saturating_sub(self.packet.len()) => {
                        self.left = length;
                        self.goes_on = length == PIECE_BYTES_MAX;
                        self.packet.reserve(length);
                    }
                    Some(_) => return Err(invalid("a packet is larger than any that is expected")),
                    None => return Ok(false),
                }
            }
            let come = self.stream.buffer();
            let piece = come.get(..self.left).unwrap_or(come);
            self.packet.extend_from_slice(piece);
            let taken = piece.len();
            self.left -= taken;
            self.stream.consume(taken);
            if self.left > 0 {
                return Ok(false);
            }
            self.header.clear();
            if !self.goes_on {
                self.is_whole = true;
                return Ok(true);
            }
        }
    }

    /// The packet that [`Packets::advance`] made whole; its bytes may be taken or changed.
    pub(crate) fn packet(&mut self) -> &mut Vec<u8> {
        &mut self.packet
    }

    /// The length that the header of the next piece says, if all of it has come.
    fn read_header(&mut self) -> Result<Option<usize>, Error> {
        let come = self.stream.buffer();
        let wanted = HEADER_BYTES - self.header.len();
        let part = come.get(..wanted).unwrap_or(come);
        self.header.extend_from_slice(part);
        let taken = part.len();
        self.stream.consume(taken);
        let [low, middle, high, number] = *self.header.as_slice() else { return Ok(None) };
        if number != self.number {
            return Err(invalid("a packet is not the one that is next"));
        }
        self.number = number.wrapping_add(1);
        Ok(Some(usize::from(low) | usize::from(middle) << 8 | usize::from(high) << 16))
    }

    /// Sends a packet that answers the one before.
    ///
    /// # Errors
    ///
    /// Those of the stream; [`ErrorKind::InvalidInput`] when it is not one piece: nothing that is
    /// said here is near 16 MiB.
    pub(crate) async fn write(&mut self, packet: &[u8]) -> Result<(), Error> {
        let too_large = || Error::new(ErrorKind::InvalidInput, "a packet is too large to be sent");
        let length = u32::try_from(packet.len()).map_err(|_| too_large())?;
        if packet.len() >= PIECE_BYTES_MAX {
            return Err(too_large());
        }
        let [low, middle, high, _] = length.to_le_bytes();
        let mut piece = vec![low, middle, high, self.number];
        self.number = self.number.wrapping_add(1);
        piece.extend_from_slice(packet);
        self.stream.write_all(&piece).await?;
        self.stream.flush().await
    }

    /// Sends a packet that begins an exchange.
    ///
    /// # Errors
    ///
    /// As [`Packets::write`].
    pub(crate) async fn begin(&mut self, packet: &[u8]) -> Result<(), Error> {
        self.number = 0;
        self.write(packet).await
    }
}

pub(crate) fn invalid(what: &'static str) -> Error {
    Error::new(ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests;
