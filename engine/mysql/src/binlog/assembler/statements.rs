//! `QUERY` and `XA_PREPARE` events: what begins, ends and changes transactions beside rows.

use whimbrel_model::TableId;

use super::{Assembler, LogError, LogItem, Malformed};
use crate::{
    binlog::{
        event::EventType,
        query::{Control, Query},
    },
    bytes::Bytes,
    ddl::{Statement, classify},
};

impl Assembler {
    pub(super) fn query(
        &mut self,
        kind: EventType,
        query: Result<Query<'_>, Malformed>,
    ) -> Result<(), LogError> {
        let query = self.checked(kind, query)?;
        if self.transaction.is_none() {
            return Err(LogError::Anonymous { at: self.at() });
        }
        let Some(text) = query.text() else {
            let collation_id = query.collation_id.unwrap_or(0);
            return Err(LogError::StatementCharset { collation_id, at: self.at() });
        };
        match Control::of(&text) {
            Control::Begin => {
                self.open(kind)?.is_begun = true;
                Ok(())
            }
            Control::Savepoint | Control::XaEnd => Ok(()),
            Control::Commit => self.commit(kind),
            Control::Rollback => {
                self.refuse_undone(kind)?;
                self.commit(kind)
            }
            Control::RollbackTo => self.refuse_undone(kind),
            Control::XaStart(xid) => {
                let transaction = self.open(kind)?;
                transaction.is_begun = true;
                transaction.preparing = Some(xid.to_owned());
                Ok(())
            }
            Control::XaCommit(xid) => self.xa_commit(kind, xid),
            Control::XaRollback(xid) => self.xa_rollback(kind, xid),
            Control::None => self.statement(kind, &text, query.database),
        }
    }

    /// A statement in its own right; outside `BEGIN` it is the whole transaction.
    fn statement(
        &mut self,
        kind: EventType,
        statement: &str,
        database: &[u8],
    ) -> Result<(), LogError> {
        self.judge(kind, statement, &String::from_utf8_lossy(database))?;
        if self.open(kind)?.is_begun { Ok(()) } else { self.commit(kind) }
    }

    /// What a statement that is neither of rows nor of transactions means for the planned tables.
    fn judge(&mut self, kind: EventType, text: &str, database: &str) -> Result<(), LogError> {
        match classify(text.as_bytes(), database) {
            Statement::Ddl(ddl) => {
                let tables = self.maps.planned_named(&ddl.tables);
                let keeps_rows = tables
                    .iter()
                    .filter_map(|&id| self.maps.table(id))
                    .all(|table| ddl.keeps_rows_of(table));
                self.emit_ddl(kind, text, tables, keeps_rows)
            }
            Statement::Database { name, is_dropped: true } => {
                let tables = self.maps.planned_in(&name);
                self.emit_ddl(kind, text, tables, false)
            }
            Statement::Dml { tables } => {
                let named = self.maps.planned_named(&tables);
                match named.first() {
                    Some(&id) => Err(LogError::StatementFormat {
                        table: Some(self.full_name(id)),
                        at: self.at(),
                    }),
                    None if tables.is_empty() => {
                        Err(LogError::StatementFormat { table: None, at: self.at() })
                    }
                    None => Ok(()),
                }
            }
            Statement::Other | Statement::Database { is_dropped: false, .. } => Ok(()),
            // Those that end or begin transactions are written in one way only, which is known.
            Statement::Unknown
            | Statement::Begin
            | Statement::Commit
            | Statement::Rollback
            | Statement::Savepoint
            | Statement::Xa(..) => {
                Err(LogError::StatementUnknown { verb: verb(text), at: self.at() })
            }
        }
    }

    fn emit_ddl(
        &mut self,
        kind: EventType,
        text: &str,
        tables: Vec<TableId>,
        keeps_rows: bool,
    ) -> Result<(), LogError> {
        if tables.is_empty() {
            return Ok(());
        }
        let transaction = self.open(kind)?.begin.transaction.clone();
        let (statement, upto) = (text.to_owned(), self.upto.clone());
        self.ready.push_back(LogItem::Ddl { transaction, statement, tables, keeps_rows, upto });
        Ok(())
    }

    /// Rows before a rollback that the source wrote to its log are undone where the table has
    /// transactions, and stay where it has none: nobody can tell them apart here.
    fn refuse_undone(&mut self, kind: EventType) -> Result<(), LogError> {
        let at = self.at();
        let transaction = self.open(kind)?;
        if transaction.has_changes() {
            return Err(LogError::RolledBack {
                gtid: transaction.begin.transaction.gtid.clone(),
                at,
            });
        }
        Ok(())
    }

    /// The end of an XA transaction's first half, or all of one committed in one phase.
    /// Source: MySQL, `XA_prepare_event`.
    pub(super) fn xa_prepare(&mut self, kind: EventType, body: &[u8]) -> Result<(), LogError> {
        let is_one_phase = self.checked(kind, Bytes::new(body).u8())? != 0;
        let transaction = self.open(kind)?;
        let Some(xid) = transaction.preparing.take() else {
            return Err(self.malformed(kind, Malformed("it ends no XA transaction")));
        };
        if is_one_phase {
            return self.commit(kind);
        }
        if let Some(transaction) = self.transaction.take() {
            self.prepared.insert(xid, transaction.into_prepared());
        }
        self.beat();
        Ok(())
    }

    /// A commit of what was prepared before the position that was asked for cannot be told: its
    /// rows came with its `XA PREPARE`. One that is read again needs no rows.
    fn xa_commit(&mut self, kind: EventType, xid: &str) -> Result<(), LogError> {
        let at = self.at();
        let prepared = self.prepared.remove(xid);
        let transaction = self.open(kind)?;
        match prepared {
            Some(prepared) => transaction.decide(prepared),
            None => {
                let gtid = transaction.begin.transaction.gtid.clone();
                if !self.again.contains(&gtid) {
                    return Err(LogError::PreparedUnknown { gtid, at });
                }
            }
        }
        self.commit(kind)
    }

    /// A rollback of what was prepared before is harmless: no row of it was ever seen.
    fn xa_rollback(&mut self, kind: EventType, xid: &str) -> Result<(), LogError> {
        let prepared = self.prepared.remove(xid);
        let transaction = self.open(kind)?;
        if let Some(prepared) = prepared {
            transaction.decide(prepared);
            transaction.drop_changes();
        }
        self.commit(kind)
    }
}

/// The first word of a statement: it names no value.
fn verb(text: &str) -> String {
    text.trim_start().chars().take_while(char::is_ascii_alphabetic).collect()
}
