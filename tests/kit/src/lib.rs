//! The kit: real servers for tests, the demo and the benchmarks.
//!
//! [`Server`] starts a `mysqld` on a free port from a copy of a template data folder, restarts it, kills it hard, and
//! removes every trace of it when dropped: after a panic too, and when the process itself is killed. [`pair`] hands out
//! databases of their own on two servers that all tests of a process share. `scripts/servers` is run to find the
//! programs, so `cargo test` alone is enough; a server that cannot be had is an error, never a skipped test.
//!
//! The kit knows MySQL and nothing of the engine: what it says about rows is independent of the code under test.

mod error;
mod pool;
mod programs;
mod server;
mod watchdog;

pub use error::KitError;
pub use mysql_async;
pub use pool::{Pair, pair, shared_source, shared_target};
pub use programs::Programs;
pub use server::{Server, ServerBuilder};
