//! What a server answers: that it is done, a row, or why not.

use std::io;

use crate::bytes::{Bytes, Malformed};

use super::packets::{Packets, invalid};

/// What a packet that says that something is done begins with; or an event.
pub(crate) const OK: u8 = 0;

/// What a packet that ends rows or a log begins with; in the login, one that asks for another plugin.
pub(crate) const END: u8 = 0xfe;

/// What a packet with an error begins with.
pub(crate) const ERROR: u8 = 0xff;

/// The most bytes of a packet that is neither an event nor has a row of a table.
pub(crate) const ANSWER_BYTES_MAX: usize = 1 << 20;

/// The most columns of a row that is asked for here: session variables.
const COLUMNS_MAX: u64 = 1_000;

/// What a server says in place of what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: u16,
    pub(crate) sqlstate: String,
    /// As the server says it: it may quote a statement.
    pub(crate) message: String,
}

/// Why there is no answer, or not the one that was asked for.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The connection broke, or brought what is none of the protocol.
    Broken(io::Error),
    Refused(Refusal),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

impl From<Malformed> for Failure {
    fn from(Malformed(what): Malformed) -> Self {
        Self::Broken(io::Error::new(io::ErrorKind::InvalidData, format!("a packet: {what}")))
    }
}

impl Refusal {
    /// The error in a packet. Before the server knows who asks, it leaves out the SQLSTATE.
    pub(crate) fn read(packet: &[u8]) -> Result<Self, Malformed> {
        let mut bytes = Bytes::new(packet);
        bytes.u8()?;
        let code = bytes.u16()?;
        let (sqlstate, message) = match bytes.rest() {
            [b'#', a, b, c, d, e, message @ ..] => (&[*a, *b, *c, *d, *e], message),
            message => (b"HY000", message),
        };
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        Ok(Self { code, sqlstate: text(sqlstate), message: text(message) })
    }
}

/// The next packet, unless it is an error.
pub(crate) async fn read(packets: &mut Packets) -> Result<&mut Vec<u8>, Failure> {
    let packet = packets.read(ANSWER_BYTES_MAX).await?;
    match packet.first() {
        Some(&ERROR) => Err(Failure::Refused(Refusal::read(packet)?)),
        _ => Ok(packet),
    }
}

/// Reads that what was asked for is done.
pub(crate) async fn read_done(packets: &mut Packets) -> Result<(), Failure> {
    match read(packets).await?.first() {
        Some(&OK) => Ok(()),
        _ => Err(invalid("the answer does not say that it is done").into()),
    }
}

/// Reads a result of one row: its values as text, by column.
pub(crate) async fn read_row(packets: &mut Packets) -> Result<Vec<Option<String>>, Failure> {
    let count = match read(packets).await?.as_slice() {
        [OK, ..] => return Err(invalid("the answer has no rows").into()),
        packet => Bytes::new(packet).packed()?,
    };
    if count > COLUMNS_MAX {
        return Err(invalid("the answer has more columns than were asked for").into());
    }
    for _ in 0..count {
        read(packets).await?;
    }
    read_end(packets).await?;
    let mut row = Vec::new();
    let mut bytes = Bytes::new(read(packets).await?);
    while !bytes.is_empty() {
        row.push(read_value(&mut bytes)?);
    }
    if row.len() as u64 != count {
        return Err(invalid("the row has other columns than it says").into());
    }
    read_end(packets).await?;
    Ok(row)
}

async fn read_end(packets: &mut Packets) -> Result<(), Failure> {
    match read(packets).await?.as_slice() {
        packet if is_end(packet) => Ok(()),
        _ => Err(invalid("the rows do not end where they should").into()),
    }
}

/// Whether a packet ends rows or a log; a longer one that begins so is a value of 16 MiB and more.
pub(crate) fn is_end(packet: &[u8]) -> bool {
    packet.first() == Some(&END) && packet.len() < 9
}

/// A value of a text row; `None` for `NULL`.
fn read_value(bytes: &mut Bytes<'_>) -> Result<Option<String>, Malformed> {
    const NULL: u8 = 0xfb;
    if bytes.rest().first() == Some(&NULL) {
        bytes.u8()?;
        return Ok(None);
    }
    let length = bytes.packed_length()?;
    Ok(Some(String::from_utf8_lossy(bytes.take(length)?).into_owned()))
}
