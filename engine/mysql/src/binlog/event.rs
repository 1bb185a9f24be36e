//! The frame of an event: header, checksum, and the types there are.

use super::rows::{RowsKind, RowsVersion};
use crate::bytes::{Bytes, Malformed, TRUNCATED};

/// Bytes of an event's header. Source: MySQL, `LOG_EVENT_HEADER_LEN`.
pub(crate) const HEADER_BYTES: usize = 19;

/// Bytes of an event's checksum.
pub(crate) const CHECKSUM_BYTES: usize = 4;

/// Readers that do not know the event may skip it. Source: MySQL, `LOG_EVENT_IGNORABLE_F`.
const IGNORABLE: u16 = 0x80;

/// Made up for this reader, not in the file. Source: MySQL, `LOG_EVENT_ARTIFICIAL_F`.
const ARTIFICIAL: u16 = 0x20;

/// What every event begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// Its type, as it is written.
    pub(crate) code: u8,
    /// Bytes of the whole event.
    pub(crate) size: u32,
    /// Where the next event begins in the log, by its low 32 bits; 0 in a compressed transaction.
    pub(crate) end: u32,
    /// `LOG_EVENT_*_F`.
    flags: u16,
}

impl Header {
    /// The header of `event` and what follows it.
    pub(crate) fn read(event: &[u8]) -> Result<(Self, &[u8]), Malformed> {
        let mut bytes = Bytes::new(event);
        bytes.u32()?; // The second it was written in: GTID events say it more exactly.
        let code = bytes.u8()?;
        bytes.u32()?; // The server's id.
        let (size, end, flags) = (bytes.u32()?, bytes.u32()?, bytes.u16()?);
        Ok((Self { code, size, end, flags }, bytes.rest()))
    }

    pub(crate) fn is_ignorable(self) -> bool {
        self.flags & IGNORABLE != 0
    }

    pub(crate) fn is_artificial(self) -> bool {
        self.flags & ARTIFICIAL != 0
    }
}

/// How events end, as the log's `FORMAT_DESCRIPTION` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Checksum {
    /// With the body's last byte.
    Off,
    /// With a CRC32 of all before it.
    Crc32,
    /// Not known yet: the log's first event has not come.
    #[default]
    Unknown,
}

/// The checksum of an event is not that of its bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ChecksumError;

impl Checksum {
    /// What `body` is without its checksum, which is that of `event`.
    ///
    /// Only ROTATE events made up by the source come before the algorithm is known, and nothing but
    /// their own length says whether they carry one: it is cut off where it is right.
    pub(crate) fn strip<'a>(self, event: &[u8], body: &'a [u8]) -> Result<&'a [u8], ChecksumError> {
        let verified = verify(event, body);
        match self {
            Self::Off => Ok(body),
            Self::Crc32 => verified.ok_or(ChecksumError),
            Self::Unknown => Ok(verified.unwrap_or(body)),
        }
    }
}

/// `body` without its CRC32, if it ends in the right one.
pub(crate) fn verify<'a>(event: &[u8], body: &'a [u8]) -> Option<&'a [u8]> {
    let (body, _) = body.split_last_chunk::<CHECKSUM_BYTES>()?;
    let (covered, stored) = event.split_last_chunk::<CHECKSUM_BYTES>()?;
    (crc32fast::hash(covered) == u32::from_le_bytes(*stored)).then_some(body)
}

/// A type of events.
///
/// Source: MySQL, `Log_event_type` in `libs/mysql/binlog/event/binlog_event.h`; types that no server
/// since 8.0 writes or sends are not among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EventType {
    /// Its name in the manual.
    pub(crate) name: &'static str,
    /// What is done with it.
    pub(crate) role: Role,
}

/// What is done with an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// It is never inside a compressed transaction.
    Outer(OuterRole),
    /// It may be inside a compressed transaction.
    Inner(InnerRole),
    /// It is a compressed transaction.
    Payload,
}

/// What is done with an event that is about the log itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OuterRole {
    /// It says how the events after it are framed.
    Format,
    /// It stands between transactions and says nothing that is needed.
    Mark,
    Rotate,
    Heartbeat,
    HeartbeatV2,
}

/// What is done with an event of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InnerRole {
    Gtid,
    TaggedGtid,
    AnonymousGtid,
    /// It holds a statement.
    Query,
    /// It holds a LOAD DATA statement.
    LoadQuery,
    Xid,
    XaPrepare,
    TableMap,
    Rows(RowsKind, RowsVersion),
    Incident,
    /// What a statement after it depends on, which is judged itself; the statement that rows came
    /// from; what only group replication needs.
    Pass,
}

impl EventType {
    /// The type that is written as `code`.
    pub(crate) fn from_code(code: u8) -> Option<Self> {
        use InnerRole::{Pass, Rows};
        use RowsKind::{Delete, PartialUpdate, Update, Write};
        use RowsVersion::{V1, V2};
        let (name, role) = match code {
            3 => ("STOP", Role::Outer(OuterRole::Mark)),
            4 => ("ROTATE", Role::Outer(OuterRole::Rotate)),
            15 => ("FORMAT_DESCRIPTION", Role::Outer(OuterRole::Format)),
            27 => ("HEARTBEAT", Role::Outer(OuterRole::Heartbeat)),
            35 => ("PREVIOUS_GTIDS", Role::Outer(OuterRole::Mark)),
            40 => ("TRANSACTION_PAYLOAD", Role::Payload),
            41 => ("HEARTBEAT_V2", Role::Outer(OuterRole::HeartbeatV2)),
            2 => ("QUERY", Role::Inner(InnerRole::Query)),
            5 => ("INTVAR", Role::Inner(Pass)),
            9 => ("APPEND_BLOCK", Role::Inner(Pass)),
            11 => ("DELETE_FILE", Role::Inner(Pass)),
            13 => ("RAND", Role::Inner(Pass)),
            14 => ("USER_VAR", Role::Inner(Pass)),
            16 => ("XID", Role::Inner(InnerRole::Xid)),
            17 => ("BEGIN_LOAD_QUERY", Role::Inner(Pass)),
            18 => ("EXECUTE_LOAD_QUERY", Role::Inner(InnerRole::LoadQuery)),
            19 => ("TABLE_MAP", Role::Inner(InnerRole::TableMap)),
            23 => ("WRITE_ROWS_V1", Role::Inner(Rows(Write, V1))),
            24 => ("UPDATE_ROWS_V1", Role::Inner(Rows(Update, V1))),
            25 => ("DELETE_ROWS_V1", Role::Inner(Rows(Delete, V1))),
            26 => ("INCIDENT", Role::Inner(InnerRole::Incident)),
            28 => ("IGNORABLE", Role::Inner(Pass)),
            29 => ("ROWS_QUERY", Role::Inner(Pass)),
            30 => ("WRITE_ROWS", Role::Inner(Rows(Write, V2))),
            31 => ("UPDATE_ROWS", Role::Inner(Rows(Update, V2))),
            32 => ("DELETE_ROWS", Role::Inner(Rows(Delete, V2))),
            33 => ("GTID", Role::Inner(InnerRole::Gtid)),
            34 => ("ANONYMOUS_GTID", Role::Inner(InnerRole::AnonymousGtid)),
            36 => ("TRANSACTION_CONTEXT", Role::Inner(Pass)),
            37 => ("VIEW_CHANGE", Role::Inner(Pass)),
            38 => ("XA_PREPARE", Role::Inner(InnerRole::XaPrepare)),
            39 => ("PARTIAL_UPDATE_ROWS", Role::Inner(Rows(PartialUpdate, V2))),
            42 => ("GTID_TAGGED", Role::Inner(InnerRole::TaggedGtid)),
            _ => return None,
        };
        Some(Self { name, role })
    }
}

/// How the events after a `FORMAT_DESCRIPTION` are framed: its last byte but four says it, whether or
/// not checksums are on.
///
/// `event` is the whole event and `body` what follows its header.
pub(crate) fn read_format(event: &[u8], body: &[u8]) -> Result<Checksum, Malformed> {
    let mut bytes = Bytes::new(body);
    if bytes.u16()? != 4 {
        return Err(Malformed("its binary log version is not 4"));
    }
    bytes.take(50 + 4)?; // The server's version as text, and when the file was begun.
    if usize::from(bytes.u8()?) != HEADER_BYTES {
        return Err(Malformed("headers are not of 19 bytes"));
    }
    let lengths = bytes.rest();
    let (lengths, _) = lengths.split_last_chunk::<CHECKSUM_BYTES>().ok_or(TRUNCATED)?;
    let (algorithm, lengths) = lengths.split_last().ok_or(TRUNCATED)?;
    check_post_headers(lengths)?;
    match algorithm {
        0 => Ok(Checksum::Off),
        1 if verify_format(event, body) => Ok(Checksum::Crc32),
        1 => Err(Malformed("it does not match its checksum")),
        _ => Err(Malformed("its checksum algorithm is not known")),
    }
}

/// Whether the checksum of a `FORMAT_DESCRIPTION` is right. A file that is still written to has a flag
/// in it that the checksum does not cover. Source: MySQL, `LOG_EVENT_BINLOG_IN_USE_F`.
fn verify_format(event: &[u8], body: &[u8]) -> bool {
    const FLAGS_AT: usize = 17;
    let mut closed = event.to_vec();
    if let Some(flags) = closed.get_mut(FLAGS_AT) {
        *flags &= !1;
    }
    verify(&closed, body).is_some()
}

/// Whether the parts of fixed length, which `lengths` gives by type, are as long as they are read
/// here.
fn check_post_headers(lengths: &[u8]) -> Result<(), Malformed> {
    // Type code and length.
    const READ_HERE: [(u8, u8); 13] = [
        (2, 13),
        (4, 8),
        (18, 26),
        (19, 8),
        (23, 8),
        (24, 8),
        (25, 8),
        (26, 2),
        (30, 10),
        (31, 10),
        (32, 10),
        (33, 42),
        (39, 10),
    ];
    let mut of_types = (1..=u8::MAX).zip(lengths);
    // 0 stands for a type that the source does not write.
    let differs = of_types.any(|(code, &length)| {
        length != 0 && READ_HERE.iter().any(|&(read, wanted)| read == code && wanted != length)
    });
    if !differs {
        Ok(())
    } else {
        Err(Malformed("the fixed parts of its events have other lengths"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_has_one_code_and_one_name() {
        let types: Vec<_> = (0..=u8::MAX).filter_map(EventType::from_code).collect();

        assert_eq!(types.len(), 33);
        let names: std::collections::BTreeSet<_> = types.iter().map(|kind| kind.name).collect();
        assert_eq!(names.len(), types.len());
    }

    #[test]
    fn a_flipped_bit_breaks_the_checksum() {
        let mut event = vec![7; HEADER_BYTES + 10];
        let crc = crc32fast::hash(&event);
        event.extend_from_slice(&crc.to_le_bytes());
        let body = |event: &[u8]| event[HEADER_BYTES..].to_vec();

        assert_eq!(Checksum::Crc32.strip(&event, &body(&event)), Ok(&[7; 10][..]));
        for index in 0..event.len() {
            let mut broken = event.clone();
            broken[index] ^= 0x10;
            assert_eq!(Checksum::Crc32.strip(&broken, &body(&broken)), Err(ChecksumError));
        }
    }
}
