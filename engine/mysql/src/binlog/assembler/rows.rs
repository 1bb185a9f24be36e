//! `TABLE_MAP` and `ROWS` events in a transaction.

use whimbrel_model::{Table, TableId};

use super::{Assembler, LogError, Malformed};
use crate::binlog::{
    decoder::Misfit,
    event::EventType,
    maps::MapError,
    reader::KEPT_BYTES_MAX,
    rows::{RowsDecoder, RowsError, RowsHead, RowsKind},
    transaction::PREPARED_BYTES_MAX,
};

impl Assembler {
    pub(super) fn table_map(&mut self, kind: EventType, body: &[u8]) -> Result<(), LogError> {
        self.open(kind)?;
        self.maps.insert(body).map_err(|MapError { table, misfit }| match misfit {
            Misfit::Malformed(malformed) => self.malformed(kind, malformed),
            Misfit::Changed(difference) => {
                let table = table.map_or_else(String::new, |id| self.full_name(id));
                LogError::TableChanged { table, at: self.at(), difference }
            }
        })
    }

    pub(super) fn rows(
        &mut self,
        kind: EventType,
        did: RowsKind,
        head: Result<RowsHead<'_>, Malformed>,
    ) -> Result<(), LogError> {
        let head = self.checked(kind, head)?;
        let decoder = match self.maps.decoder(head.table_id) {
            Some(Some(decoder)) => decoder,
            Some(None) => return Ok(()),
            None if head.is_dummy() => return Ok(()),
            None => {
                let unmapped = Malformed("no TABLE_MAP of its transaction has its table");
                return Err(self.malformed(kind, unmapped));
            }
        };
        let Some(transaction) = &mut self.transaction else { return Err(self.not_open(kind)) };
        let decoded = self.rows.decode(did, head, &decoder, &mut transaction.changes);
        decoded.map_err(|error| self.rows_error(kind, decoder.table, error))?;
        if head.byte_count() > KEPT_BYTES_MAX {
            self.rows = RowsDecoder::default();
        }
        self.bound_or_emit(kind)
    }

    /// Changes of a transaction that may yet be prepared are held, all others leave in parts.
    fn bound_or_emit(&mut self, kind: EventType) -> Result<(), LogError> {
        let held = self.prepared.byte_count();
        let transaction = self.open(kind)?;
        if transaction.preparing.is_none() {
            return self.emit_full_parts(kind);
        }
        if held + transaction.byte_count() > PREPARED_BYTES_MAX {
            let held_bytes_max = PREPARED_BYTES_MAX;
            return Err(LogError::PreparedTooLarge { held_bytes_max, at: self.at() });
        }
        Ok(())
    }

    fn rows_error(&self, kind: EventType, table: TableId, error: RowsError) -> LogError {
        match error {
            RowsError::Malformed(malformed) => self.malformed(kind, malformed),
            RowsError::Incomplete => {
                LogError::RowImage { table: self.full_name(table), at: self.at() }
            }
            RowsError::Value { column, what } => {
                let columns = self.maps.table(table).map(Table::columns);
                let column = columns.and_then(|columns| columns.get(column));
                LogError::Value {
                    table: self.full_name(table),
                    column: column.map_or_else(String::new, |column| column.name.clone()),
                    at: self.at(),
                    what,
                }
            }
        }
    }

    pub(super) fn full_name(&self, id: TableId) -> String {
        let table = self.maps.table(id);
        table.map_or_else(String::new, |table| format!("{}.{}", table.schema(), table.name()))
    }
}
