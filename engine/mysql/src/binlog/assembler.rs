//! From raw events to items: a state machine without I/O.

mod rows;
mod statements;

use std::{collections::VecDeque, sync::Arc};

use whimbrel_model::{GtidSet, LogOffset, Table};

use super::{
    LogError, LogItem,
    event::{Checksum, EventType, HEADER_BYTES, Header, InnerRole, OuterRole, Role, read_format},
    gtid_event::{Begin, read_gtid, read_tagged_gtid},
    maps::Maps,
    payload::Payload,
    place::Place,
    query::Query,
    reader::KEPT_BYTES_MAX,
    rows::{RowsDecoder, RowsHead},
    transaction::{PreparedSet, Transaction},
};
use crate::bytes::{Bytes, Malformed};

/// Takes raw events in log order and gives the items that they make.
#[derive(Debug)]
pub(crate) struct Assembler {
    part_bytes_max: usize,
    checksum: Checksum,
    /// Where the newest event ended.
    place: Place,
    /// Where the newest event begins.
    at: u64,
    /// The end of what was wholly read.
    upto: LogOffset,
    maps: Maps,
    rows: RowsDecoder,
    transaction: Option<Transaction>,
    prepared: PreparedSet,
    /// What is read again only to be known by its identifier.
    again: GtidSet,
    /// A compressed transaction that is not read to its end, and the buffer for its events.
    payload: Option<Payload>,
    inner: Vec<u8>,
    ready: VecDeque<LogItem>,
}

impl Assembler {
    pub(crate) fn new(tables: Arc<[Table]>, part_bytes_max: usize) -> Self {
        let place = Place::start();
        Self {
            part_bytes_max,
            checksum: Checksum::default(),
            at: 0,
            upto: place.now().clone(),
            place,
            maps: Maps::new(tables),
            rows: RowsDecoder::default(),
            transaction: None,
            prepared: PreparedSet::default(),
            again: GtidSet::default(),
            payload: None,
            inner: Vec::new(),
            ready: VecDeque::new(),
        }
    }

    /// Lets the changes of `again` be unknown: of an XA COMMIT whose XA PREPARE is not read again.
    pub(crate) fn reading_again(&mut self, again: GtidSet) {
        self.again = again;
    }

    /// The next item that the events so far make.
    pub(crate) fn pull(&mut self) -> Result<Option<LogItem>, LogError> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Ok(Some(item));
            }
            let Some(payload) = &mut self.payload else { return Ok(None) };
            let mut event = std::mem::take(&mut self.inner);
            match payload.next(&mut event) {
                Ok(true) => self.push_inner(&event)?,
                Ok(false) => self.payload = None,
                Err(Malformed(what)) => {
                    let event = "TRANSACTION_PAYLOAD";
                    return Err(LogError::Malformed { event, at: self.at(), what });
                }
            }
            if event.capacity() <= KEPT_BYTES_MAX {
                self.inner = event;
            }
        }
    }

    /// Takes the next event, and of one that holds others its bytes as well. All that the one before
    /// made must have been pulled.
    pub(crate) fn push(&mut self, event: &mut Vec<u8>) -> Result<(), LogError> {
        let (header, body) = self.header(event)?;
        let Some(kind) = EventType::from_code(header.code) else {
            return self.unknown(header);
        };
        let body = if kind.role == Role::Outer(OuterRole::Format) {
            self.checksum = self.checked(kind, read_format(event, body))?;
            body
        } else {
            let stripped = self.checksum.strip(event, body);
            stripped.map_err(|_| LogError::Checksum { at: self.at() })?
        };
        self.go_to(header);
        match kind.role {
            Role::Payload => {
                let end = HEADER_BYTES + body.len();
                self.open(kind)?;
                let mut event = std::mem::take(event);
                event.truncate(end);
                let payload = Payload::new(event, HEADER_BYTES);
                self.payload = Some(self.checked(kind, payload)?);
                Ok(())
            }
            Role::Outer(role) => self.outer(kind, role, header, body),
            Role::Inner(role) => self.inner(kind, role, body),
        }
    }

    /// An event of a compressed transaction: without checksum and place.
    fn push_inner(&mut self, event: &[u8]) -> Result<(), LogError> {
        let (header, body) = self.header(event)?;
        let Some(kind) = EventType::from_code(header.code) else {
            return self.unknown(header);
        };
        match kind.role {
            Role::Outer(_) | Role::Payload => {
                Err(self.malformed(kind, Malformed("it is inside a compressed transaction")))
            }
            Role::Inner(role) => self.inner(kind, role, body),
        }
    }

    fn outer(
        &mut self,
        kind: EventType,
        role: OuterRole,
        header: Header,
        body: &[u8],
    ) -> Result<(), LogError> {
        match role {
            OuterRole::Format | OuterRole::Mark => self.outside(kind)?,
            OuterRole::Rotate => {
                self.outside(kind)?;
                let moved = self.place.rotate(body);
                self.checked(kind, moved)?;
            }
            OuterRole::Heartbeat => self.place.beat(body, u64::from(header.end)),
            OuterRole::HeartbeatV2 => {
                let moved = self.place.beat_v2(body);
                self.checked(kind, moved)?;
            }
        }
        self.beat();
        Ok(())
    }

    /// An event that may be in a compressed transaction.
    fn inner(&mut self, kind: EventType, role: InnerRole, body: &[u8]) -> Result<(), LogError> {
        match role {
            InnerRole::Gtid => self.begin(kind, read_gtid(body)),
            InnerRole::TaggedGtid => self.begin(kind, read_tagged_gtid(body)),
            InnerRole::AnonymousGtid => Err(LogError::Anonymous { at: self.at() }),
            InnerRole::Query => self.query(kind, Query::read(body)),
            InnerRole::LoadQuery => self.query(kind, Query::read_load(body)),
            InnerRole::Xid => self.commit(kind),
            InnerRole::XaPrepare => self.xa_prepare(kind, body),
            InnerRole::TableMap => self.table_map(kind, body),
            InnerRole::Rows(did, version) => self.rows(kind, did, RowsHead::read(version, body)),
            InnerRole::Incident => Err(self.incident(body)),
            InnerRole::Pass => {
                self.pass();
                Ok(())
            }
        }
    }

    fn begin(&mut self, kind: EventType, begin: Result<Begin, Malformed>) -> Result<(), LogError> {
        self.outside(kind)?;
        let begin = self.checked(kind, begin)?;
        self.maps.begin_transaction();
        self.transaction = Some(Transaction::new(begin));
        Ok(())
    }

    /// Ends the transaction with all its changes.
    fn commit(&mut self, kind: EventType) -> Result<(), LogError> {
        self.emit_full_parts(kind)?;
        let Some(transaction) = self.transaction.take() else {
            return Err(self.not_open(kind));
        };
        self.upto.clone_from(self.place.now());
        let written_micros = transaction.begin.written_micros;
        let part = transaction.into_last_part();
        self.ready.push_back(LogItem::Part { part, upto: self.upto.clone(), written_micros });
        Ok(())
    }

    /// Hands on the parts of the open transaction that are full.
    fn emit_full_parts(&mut self, kind: EventType) -> Result<(), LogError> {
        let part_bytes_max = self.part_bytes_max;
        let transaction = self.open(kind)?;
        let written_micros = transaction.begin.written_micros;
        let parts = transaction.take_full_parts(part_bytes_max);
        for part in parts {
            self.ready.push_back(LogItem::Part { part, upto: self.upto.clone(), written_micros });
        }
        Ok(())
    }

    /// After an event that no transaction is in, and that brings nothing.
    fn pass(&mut self) {
        if self.transaction.is_none() {
            self.upto.clone_from(self.place.now());
        }
    }

    /// As [`Assembler::pass`], and says so.
    fn beat(&mut self) {
        self.pass();
        self.ready.push_back(LogItem::Heartbeat { upto: self.upto.clone() });
    }

    fn unknown(&mut self, header: Header) -> Result<(), LogError> {
        if !header.is_ignorable() {
            return Err(LogError::UnknownEvent { code: header.code, at: self.at() });
        }
        self.go_to(header);
        self.pass();
        Ok(())
    }

    fn header<'a>(&self, event: &'a [u8]) -> Result<(Header, &'a [u8]), LogError> {
        let unnamed = |malformed: Malformed| LogError::Malformed {
            event: "unnamed",
            at: self.at(),
            what: malformed.0,
        };
        let (header, body) = Header::read(event).map_err(unnamed)?;
        if usize::try_from(header.size) == Ok(event.len()) {
            Ok((header, body))
        } else {
            Err(unnamed(Malformed("it is not as long as it says")))
        }
    }

    /// Moves to the end of an event that is in the file; heartbeats and rotations move themselves.
    fn go_to(&mut self, header: Header) {
        const HEARTBEAT: u8 = 27;
        if header.end != 0 && !header.is_artificial() && header.code != HEARTBEAT {
            let end = self.place.whole(header.end);
            self.at = end.saturating_sub(u64::from(header.size));
            self.place.go_to(end);
        } else {
            self.at = self.place.now().offset;
        }
    }

    /// Where the newest event begins.
    fn at(&self) -> LogOffset {
        LogOffset { file: self.place.now().file.clone(), offset: self.at }
    }

    fn malformed(&self, kind: EventType, malformed: Malformed) -> LogError {
        LogError::Malformed { event: kind.name, at: self.at(), what: malformed.0 }
    }

    fn checked<T>(&self, kind: EventType, outcome: Result<T, Malformed>) -> Result<T, LogError> {
        outcome.map_err(|malformed| self.malformed(kind, malformed))
    }

    fn not_open(&self, kind: EventType) -> LogError {
        self.malformed(kind, Malformed("it is not inside a transaction"))
    }

    fn open(&mut self, kind: EventType) -> Result<&mut Transaction, LogError> {
        let Self { transaction, place, at, .. } = self;
        transaction.as_mut().ok_or_else(|| LogError::Malformed {
            event: kind.name,
            at: LogOffset { file: place.now().file.clone(), offset: *at },
            what: "it is not inside a transaction",
        })
    }

    fn outside(&self, kind: EventType) -> Result<(), LogError> {
        match &self.transaction {
            None => Ok(()),
            Some(_) => Err(self.malformed(kind, Malformed("it is inside a transaction"))),
        }
    }

    fn incident(&self, body: &[u8]) -> LogError {
        let mut bytes = Bytes::new(body);
        let message = bytes
            .u16()
            .and_then(|_| bytes.u8())
            .and_then(|length| bytes.take(usize::from(length)))
            .unwrap_or_default();
        LogError::Incident { at: self.at(), message: String::from_utf8_lossy(message).into_owned() }
    }
}

#[cfg(test)]
mod tests;
