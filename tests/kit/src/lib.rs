//! The kit: real servers for tests, the demo and the benchmarks.
//!
//! [`Server`] starts a `mysqld` on a free port from a copy of a template data folder, restarts it, kills it hard, and
//! removes every trace of it when dropped: after a panic too, and when the process itself is killed. [`pair`] hands out
//! databases of their own on two servers that all tests of a process share. [`Vitess`] starts a vtgate with the keyspaces,
//! shards and vschemas of a test over such a server, [`Cluster`] a whole cluster of processes. `scripts/servers` and `scripts/vitess/programs` are run to find the
//! programs, so `cargo test` alone is enough; a server that cannot be had is an error, never a skipped test.
//!
//! [`Relay`] stands in front of a server and delays, stalls, cuts and half-delivers. [`Writer`] is the live application.
//! [`compare`] tells whether two tables hold the same rows, in words of SQL alone.
//!
//! The kit knows MySQL and nothing of the engine: what it says about rows is independent of the code under test.

mod cluster;
mod compare;
mod error;
mod fingerprint;
mod pool;
mod port;
mod process;
mod programs;
mod relay;
mod server;
mod sql;
mod vitess;
mod wait;
mod watchdog;
mod writer;

pub use cluster::{Cluster, ClusterBuilder, Tablet, Vtgate};
pub use compare::{Comparison, Difference, Side, compare};
pub use error::KitError;
pub use fingerprint::{Fingerprint, fingerprint};
pub use mysql_async;
pub use pool::{Pair, pair, shared_source, shared_target};
pub use process::Process;
pub use programs::Programs;
pub use relay::{Direction, Relay};
pub use server::{Server, ServerBuilder};
pub use vitess::{Keyspace, Vitess, VitessBuilder};
pub use wait::eventually;
pub use writer::{Random, Writer, WriterBuilder, WriterCounts};
