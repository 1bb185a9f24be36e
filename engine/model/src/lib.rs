//! The values that the parts of Whimbrel hand to one another: cells and rows, tables and keys,
//! changes and batches, GTID sets and positions.
//!
//! Pure: no I/O, no runtime, no clock. It knows what MySQL's values are, not how any protocol or
//! SQL text carries them; those are the business of `whimbrel-mysql`.

mod batch;
mod cell;
mod gtid;
mod position;
mod row;
mod table;
mod temporal;

pub use batch::{Batch, Change, ChunkBatch, ChunkId, TailBatch, TransactionPart, WindowId};
pub use cell::{Cell, CellError};
pub use gtid::{Gtid, GtidError, GtidSet, SourceId};
pub use position::{LogOffset, LogOffsetError, Newest, Position};
pub use row::{Key, Row, RowBuilder, RowCells};
pub use table::{Column, ColumnType, Equality, Generation, IntWidth, Table, TableError, TableId};
pub use temporal::{Date, Datetime, Time};
