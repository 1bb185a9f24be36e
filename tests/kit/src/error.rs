use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why the kit could not do what a test asked of it.
#[derive(Debug, Error)]
pub enum KitError {
    /// `scripts/servers`, or its like for another server, ended without one; what it said is the remedy.
    #[error("no server can be had: {said}")]
    NoServer {
        /// The script's last lines.
        said: String,
    },
    /// A program of the server's folder is not there, as may be beside a person's own `mysqld`.
    #[error("`{path}` is missing")]
    NoProgram {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The operating system refused a step.
    #[error("cannot {step}")]
    System {
        /// What was tried.
        step: &'static str,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// The server ended by itself.
    #[error("the server ended by itself: {log}")]
    Ended {
        /// The end of its log.
        log: String,
    },
    /// The server did not answer in time.
    #[error("the server on port {port} was not ready within {waited_seconds} s: {log}")]
    NotReady {
        /// The port it should listen on.
        port: u16,
        /// How long the kit waited.
        waited_seconds: u64,
        /// The end of its log.
        log: String,
    },
    /// No free port was found.
    #[error("no free port in {tries} tries")]
    NoPort {
        /// How many were tried.
        tries: u32,
    },
    /// An operation needs a server that runs.
    #[error("the server on port {port} is stopped")]
    Stopped {
        /// The port it listened on.
        port: u16,
    },
    /// No keyspace, or no shard of it, has this name.
    #[error("there is no shard `{keyspace}/{shard}`")]
    NoShard {
        /// The keyspace.
        keyspace: String,
        /// The shard.
        shard: String,
    },
    /// A Vitess cluster refused a command.
    #[error("vtctldclient refuses: {said}")]
    Refused {
        /// Its own words.
        said: String,
    },
    /// What was waited for did not come.
    #[error("{what} did not become true within {waited_seconds} s")]
    Never {
        /// The fact.
        what: &'static str,
        /// How long the kit waited.
        waited_seconds: u64,
    },
    /// A writer was given a table that is not there, or that has no column to write.
    #[error("there is no table `{table}` to write to")]
    NoTable {
        /// The table's name.
        table: String,
    },
    /// A writer ended before it was told to.
    #[error("the writer ended by itself")]
    WriterEnded,
    /// A server refused a statement or a connection.
    #[error(transparent)]
    Mysql(#[from] mysql_async::Error),
}

impl KitError {
    /// For `map_err`: the operating system refused `step`.
    pub(crate) fn system(step: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System { step, source }
    }
}
