//! Where Vitess keeps a row: vindexes make keyspace ids of values, and shards are ranges of those.
//!
//! Everything here gives what vtgate gives, to the byte, and refuses what vtgate refuses: a row that
//! is written to another shard than the application looks on is a lost row. Pure: it knows neither
//! tables nor servers, and no types of columns; a value comes as the literal that the application
//! sends through vtgate.

mod hex;
mod key_range;
mod keyspace_id;
mod shards;
mod unicode;
mod value;
mod vindex;

pub use key_range::{KeyRange, KeyRangeError};
pub use keyspace_id::KeyspaceId;
pub use shards::{Shards, ShardsError};
pub use value::Value;
pub use vindex::{Unmapped, Vindex, VindexError};
