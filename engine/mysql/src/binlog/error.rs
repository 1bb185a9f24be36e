//! Why a source's log cannot be read on.

use std::error::Error as StdError;

use thiserror::Error as ThisError;
use whimbrel_model::{Gtid, LogOffset};

use crate::{Error, error::is_passing};

/// Why a source's log cannot be read on.
///
/// `at` is where the event begins in the source's log; for an event inside a compressed
/// transaction, where the compressed event begins.
#[derive(Debug, ThisError)]
pub enum LogError {
    /// There is no session with the source.
    #[error("no connection to read the source's log by")]
    Connect {
        /// Why.
        #[source]
        source: Box<Error>,
    },
    /// The connection to the source broke.
    #[error("the connection that reads the source's log broke")]
    Lost {
        /// How.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The source sent neither events nor heartbeats: a connection that died without a word.
    #[error("the source's log was silent for {silence_ms} ms, longer than its heartbeats allow")]
    Silent {
        /// How long, in milliseconds.
        silence_ms: u64,
    },
    /// The source closed the stream, as it does when it shuts down.
    #[error("the source ended the stream of its log")]
    Ended,
    /// The source refused to send its log, or to go on with it.
    #[error("the source refuses to send its log: {message} ({code})")]
    Refused {
        /// The server's error number.
        code: u16,
        /// The server's message.
        message: String,
    },
    /// Transactions that are still needed are no longer in the source's logs.
    ///
    /// Remedy: restore the logs on the source, or start the migration again from an empty target;
    /// raise `binlog_expire_logs_seconds` before.
    #[error(
        "the source has purged transactions that are still needed: {message}; restore its binary \
         logs or start again from an empty target, with a longer `binlog_expire_logs_seconds`"
    )]
    Purged {
        /// The server's message.
        message: String,
    },
    /// An event whose bytes do not match its checksum.
    #[error("the event at `{at}` does not match its checksum")]
    Checksum {
        /// Where it begins.
        at: LogOffset,
    },
    /// An event whose bytes are not what its type prescribes.
    #[error("the {event} event at `{at}` is malformed: {what}")]
    Malformed {
        /// The event's type.
        event: &'static str,
        /// Where it begins.
        at: LogOffset,
        /// What is wrong with it.
        what: &'static str,
    },
    /// An event of a type that is not known here and may not be skipped.
    #[error(
        "the event at `{at}` is of the unknown type {code}, which may not be skipped; the source \
         is newer than this program, or a plugin wrote to its log"
    )]
    UnknownEvent {
        /// Its type.
        code: u8,
        /// Where it begins.
        at: LogOffset,
    },
    /// The source says that its log may lack changes.
    #[error("the source logged an incident at `{at}`: its log may lack changes: {message}")]
    Incident {
        /// Where the event begins.
        at: LogOffset,
        /// What the source says about it.
        message: String,
    },
    /// A transaction without identifier.
    #[error("the transaction at `{at}` has no GTID; set `gtid_mode=ON` on the source")]
    Anonymous {
        /// Where it begins.
        at: LogOffset,
    },
    /// A planned table was changed, or may have been, by a logged statement in place of rows.
    #[error(
        "{} was changed by a statement in place of rows at `{at}`; set `binlog_format=ROW` for \
         all sessions of the source", table.as_deref().unwrap_or("a table that cannot be told")
    )]
    StatementFormat {
        /// The table, if it can be told.
        table: Option<String>,
        /// Where the event begins.
        at: LogOffset,
    },
    /// A statement that is not known here: it may have changed any table.
    #[error("the `{verb}` statement at `{at}` is not known here and may have changed any table")]
    StatementUnknown {
        /// Its first word.
        verb: String,
        /// Where the event begins.
        at: LogOffset,
    },
    /// A statement whose text cannot be read, so that nobody knows which tables it touches.
    #[error("the statement at `{at}` is in a charset that is not read here ({collation_id})")]
    StatementCharset {
        /// The server's number of the charset's collation.
        collation_id: u16,
        /// Where the event begins.
        at: LogOffset,
    },
    /// Row images that lack columns.
    #[error(
        "the row images of `{table}` at `{at}` lack columns; set `binlog_row_image=FULL` for all \
         sessions of the source"
    )]
    RowImage {
        /// The table.
        table: String,
        /// Where the event begins.
        at: LogOffset,
    },
    /// A table whose rows in the log do not fit its definition: it was altered in between.
    #[error("`{table}` is not what it was: at `{at}` {difference}")]
    TableChanged {
        /// The table.
        table: String,
        /// Where the event begins.
        at: LogOffset,
        /// What differs.
        difference: String,
    },
    /// A value that is none of its column's type.
    #[error("a value of `{column}` of `{table}` at `{at}` cannot be read: {what}")]
    Value {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// Where the event begins.
        at: LogOffset,
        /// What is wrong with it.
        what: String,
    },
    /// A transaction that ends in a rollback after changes of planned tables: some of them are
    /// undone and some are not, and the log does not say which.
    #[error(
        "the transaction `{gtid}` at `{at}` was rolled back after changes of planned tables; it \
         mixes tables with and without transactions"
    )]
    RolledBack {
        /// The transaction.
        gtid: Gtid,
        /// Where the event begins.
        at: LogOffset,
    },
    /// Prepared XA transactions hold more changes than may be kept in memory.
    #[error(
        "prepared XA transactions hold more than {held_bytes_max} bytes of changes at `{at}`; \
         commit or roll back those that `XA RECOVER` lists on the source"
    )]
    PreparedTooLarge {
        /// The limit.
        held_bytes_max: usize,
        /// Where the event begins.
        at: LogOffset,
    },
    /// An `XA COMMIT` whose `XA PREPARE` lies before the position that was asked for.
    #[error(
        "`{gtid}` at `{at}` commits an XA transaction that was prepared before the log was read; \
         its changes are unknown"
    )]
    PreparedUnknown {
        /// The transaction of the `XA COMMIT`.
        gtid: Gtid,
        /// Where the event begins.
        at: LogOffset,
    },
}

impl LogError {
    /// Whether opening the log again, from the same position, may help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            // A checksum is mostly broken on the way: the next copy may be whole. Whoever tries
            // again bounds how often.
            Self::Lost { .. } | Self::Silent { .. } | Self::Ended | Self::Checksum { .. } => true,
            Self::Connect { source } => source.class().may_pass(),
            // A source that shuts down, or whose administrator ended the connection.
            Self::Refused { code, .. } => is_passing(*code),
            Self::Purged { .. }
            | Self::Malformed { .. }
            | Self::UnknownEvent { .. }
            | Self::Incident { .. }
            | Self::Anonymous { .. }
            | Self::StatementFormat { .. }
            | Self::StatementUnknown { .. }
            | Self::StatementCharset { .. }
            | Self::RowImage { .. }
            | Self::TableChanged { .. }
            | Self::Value { .. }
            | Self::RolledBack { .. }
            | Self::PreparedTooLarge { .. }
            | Self::PreparedUnknown { .. } => false,
        }
    }
}
