//! From raw events to items: a state machine without I/O.

use std::{collections::VecDeque, sync::Arc};

use whimbrel_model::Table;

use super::{
    LogError, LogItem,
    event::{Checksum, EventType, Header, read_format},
    place::Place,
};

/// Takes raw events in log order and gives the items that they make.
#[derive(Debug)]
pub(crate) struct Assembler {
    tables: Arc<[Table]>,
    part_bytes_max: usize,
    checksum: Checksum,
    place: Place,
    ready: VecDeque<LogItem>,
}

impl Assembler {
    pub(crate) fn new(tables: Arc<[Table]>, part_bytes_max: usize) -> Self {
        Self {
            tables,
            part_bytes_max,
            checksum: Checksum::default(),
            place: Place::start(),
            ready: VecDeque::new(),
        }
    }

    /// The next item that the events so far make.
    pub(crate) fn pull(&mut self) -> Result<Option<LogItem>, LogError> {
        Ok(self.ready.pop_front())
    }

    /// Takes the next event.
    pub(crate) fn push(&mut self, event: &[u8]) -> Result<(), LogError> {
        let at = self.place.now().clone();
        let malformed = |what: super::bytes::Malformed| LogError::Malformed {
            event: "log",
            at: at.clone(),
            what: what.0,
        };
        let (header, body) = Header::read(event).map_err(malformed)?;
        let unknown = || LogError::UnknownEvent { code: header.code, at: at.clone() };
        let kind = EventType::from_code(header.code).ok_or_else(unknown)?;
        if kind != EventType::FormatDescription {
            return Err(unknown());
        }
        self.checksum = read_format(event, body).map_err(malformed)?;
        Ok(())
    }
}
