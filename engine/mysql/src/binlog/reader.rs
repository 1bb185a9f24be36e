//! A source's log, item by item.

use std::sync::Arc;

use whimbrel_model::{GtidSet, Table};

use super::{LogError, LogItem, StreamTransport, Transport, assembler::Assembler};
use crate::ConnectOptions;

/// The largest event whose buffers are kept for the next: larger ones are rare and would keep their
/// memory for the rest of the run.
pub(crate) const KEPT_BYTES_MAX: usize = 1 << 20;

/// How a log is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogSettings {
    /// The number that the reader is known by among the source's replicas; never that of another
    /// replica or reader, which the source would disconnect.
    pub server_id: u32,
    /// The bytes of changes after which a transaction is cut: a part ends with the event that
    /// passes it. More than 0.
    pub part_bytes_max: usize,
}

/// Reads a source's log from a position on, in the log's order.
#[derive(Debug)]
pub struct LogReader<T> {
    /// Where events come from.
    transport: T,
    /// What makes items of them.
    assembler: Assembler,
    /// The newest event.
    event: Vec<u8>,
}

impl LogReader<StreamTransport> {
    /// Reads the log of the source at `options`: all transactions that are not in `from`, for the
    /// planned `tables`; a table's place among them is its `TableId`.
    ///
    /// # Errors
    ///
    /// [`LogError::Connect`] and [`LogError::Lost`] when there is no connection. What the source
    /// refuses comes with the first [`LogReader::next`].
    pub async fn open(
        options: &ConnectOptions,
        tables: Arc<[Table]>,
        from: &GtidSet,
        settings: LogSettings,
    ) -> Result<Self, LogError> {
        let transport = StreamTransport::open(options, from, settings.server_id).await?;
        Ok(Self::new(transport, tables, settings.part_bytes_max))
    }
}

impl<T: Transport> LogReader<T> {
    /// Reads the transactions of `again` only to be known by identifier and time: they are applied, and
    /// an XA COMMIT among them may come without the XA PREPARE that has its changes.
    #[must_use]
    pub fn reading_again(mut self, again: GtidSet) -> Self {
        self.assembler.reading_again(again);
        self
    }

    /// A reader of what `transport` brings, for the planned `tables`; a table's place among them is
    /// its `TableId`.
    #[must_use]
    pub fn new(transport: T, tables: Arc<[Table]>, part_bytes_max: usize) -> Self {
        Self { transport, assembler: Assembler::new(tables, part_bytes_max), event: Vec::new() }
    }

    /// The next item; waits for the source where it has none yet.
    ///
    /// Cancel safe: a dropped future loses nothing. After an error the reader is of no more use.
    ///
    /// # Errors
    ///
    /// [`LogError`]: from the transport, or because an event cannot be understood or must stop the
    /// run.
    pub async fn next(&mut self) -> Result<LogItem, LogError> {
        loop {
            if let Some(item) = self.assembler.pull()? {
                return Ok(item);
            }
            self.transport.next(&mut self.event).await?;
            self.assembler.push(&mut self.event)?;
            if self.event.capacity() > KEPT_BYTES_MAX {
                self.event = Vec::new();
            }
        }
    }
}
