//! MySQL, as a source and as a target: connections, catalogs, statements, and the binary log.
//!
//! The only crate that knows the wire protocol, SQL text and how values are encoded in either. It
//! knows nothing of plans, stages or windows: it answers what it is asked.

mod account;
mod binlog;
mod bytes;
pub mod catalog;
pub mod chunk;
mod connection;
mod database;
pub mod ddl;
mod document;
mod error;
mod finding;
pub mod json;
pub mod load;
mod options;
mod session;
pub mod source;
pub mod statement;
pub mod target;
mod types;
pub mod vtgate;

pub use binlog::{
    FileTransport, LogError, LogItem, LogReader, LogSettings, StreamTransport, Transport,
};
pub use document::Document;
pub use error::{Class, Error};
pub use finding::{Finding, Severity};
pub use options::{Account, ConnectOptions, OptionsError, TlsMode, TlsOptions};
pub use session::{ANSWER_WAIT_MAX, Executed, Record, Role, ServerVersion, Session};
pub use types::{write_key_literal, write_literal};
