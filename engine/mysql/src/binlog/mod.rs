//! The binary log: from the bytes of its events to the changes of the planned tables.
//!
//! A [`Transport`] brings the raw events; everything else here is a function of their bytes. Types
//! come from the tables as the catalog told them, never from the events: signedness and charsets
//! are not in every event, and a table that no longer fits its events must stop the run.

mod assembler;
mod decimal;
mod decoder;
mod error;
mod event;
mod gtid_event;
mod item;
mod maps;
mod payload;
mod place;
mod query;
mod reader;
mod rows;
mod stream;
mod table_map;
mod transaction;
mod transport;
mod value;
mod wire;

pub use error::LogError;
pub use item::LogItem;
pub use reader::{LogReader, LogSettings};
pub use stream::StreamTransport;
pub use transport::{FileTransport, Transport};
