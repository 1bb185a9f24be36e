//! What a log reader yields.

use whimbrel_model::{LogOffset, Newest, TableId, TransactionPart};

/// The next thing in a source's log.
///
/// `upto` is always the end of what was wholly read, so that it compares with the file and position
/// of `SHOW BINARY LOG STATUS`: never inside a transaction, and past rotations and what the source
/// left out because the reader has it already.
///
/// ```text
///  file 1 │ t1 │ t2 ………………… │ rotate │ file 2 │ head │   t3   │ (idle)
///  item      P    P   P (last)         H              H   P         H
///  upto      ↑t1  ↑t1 ↑t2                          ↑head  ↑t3      ↑t3
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogItem {
    /// Some or all of one transaction's changes to planned tables.
    ///
    /// A transaction without any is one empty last part. An XA transaction comes with its
    /// `XA COMMIT` or `XA ROLLBACK`; its `XA PREPARE` yields no part, as its GTID must stay out of
    /// positions until then.
    Part {
        /// The part. Parts of one transaction follow each other without another transaction's.
        part: TransactionPart,
        /// The end of the last whole transaction: before this one until its last part.
        upto: LogOffset,
        /// When the source wrote the transaction to its log, in microseconds since 1970 by its
        /// clock; unlike the commit timestamp this is the time on this source, not on the first.
        written_micros: u64,
    },
    /// The log has been read up to here, and nothing that matters was in it.
    Heartbeat {
        /// The end of what was read.
        upto: LogOffset,
    },
    /// A statement that changes the definition of planned tables, or drops them.
    ///
    /// It has already happened on the source. If the caller goes on, the transaction's parts follow:
    /// mostly one empty last part.
    Ddl {
        /// The statement's transaction.
        transaction: Newest,
        /// The statement, as the client sent it.
        statement: String,
        /// The planned tables that it touches, ascending; never empty.
        tables: Vec<TableId>,
        /// Whether no row image is changed by it: an index that is not unique, a comment.
        keeps_rows: bool,
        /// The end of the last whole transaction before it.
        upto: LogOffset,
    },
}
