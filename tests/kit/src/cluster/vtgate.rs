//! A vtgate of a cluster.

use std::path::Path;

use mysql_async::prelude::FromRow;

use super::{CELL, common};
use crate::process::Process;
use crate::{KitError, port, sql};

/// One vtgate of a cluster.
#[derive(Debug)]
pub struct Vtgate {
    cell: &'static str,
    pub(super) process: Process,
    /// Where it speaks MySQL.
    pub(super) port: u16,
}

impl Vtgate {
    /// One that has not been started.
    pub(super) fn new(program: &Path, cell: &'static str) -> Result<Self, KitError> {
        Ok(Self { cell, process: Process::of_vitess(program)?, port: port::free()? })
    }

    /// The port on which it speaks MySQL, also while it is stopped.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process, to be killed and restarted.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// The rows that `statement` returns through it, on a connection of its own to `target`.
    ///
    /// # Errors
    ///
    /// [`KitError::Mysql`] when it fails.
    pub async fn rows<R>(&self, target: &str, statement: &str) -> Result<Vec<R>, KitError>
    where
        R: FromRow + Send + 'static,
    {
        sql::rows(sql::opts(self.port, Some(target)), statement).await
    }

    /// Starts it for the first time, told where the topology is.
    pub(super) async fn start(&mut self, topology: u16, flags: &[String]) -> Result<(), KitError> {
        let mut arguments = vec![
            format!("--cell={}", self.cell),
            format!("--cells-to-watch={CELL}"),
            "--tablet-types-to-wait=PRIMARY".to_owned(),
            format!("--port={}", port::free()?),
            format!("--grpc-port={}", port::free()?),
            format!("--mysql-server-port={}", self.port),
            "--mysql-server-bind-address=127.0.0.1".to_owned(),
            "--mysql-auth-server-impl=none".to_owned(),
            "--enable-binlog-dump".to_owned(),
            "--binlog-dump-authorized-users=%".to_owned(),
            "--vschema-ddl-authorized-users=%".to_owned(),
        ];
        arguments.extend(common(topology));
        arguments.extend(flags.iter().cloned());
        self.process.set_arguments(arguments);
        self.process.restart().await
    }
}
