//! Vitess in one process: `vtcombo`, which is vtgate, every shard's tablet and the topology, over one MySQL server.
//!
//! What it lacks of a real cluster: vreplication, schema tracking, replicas, and gRPC between vtgate and tablets with its
//! limit of 16 MiB. All shards share one server, and so one binary log and one set of executed transactions.

use std::fs;
use std::io;
use std::path::Path;

use mysql_async::prelude::FromRow;
use mysql_async::{Conn, Opts};

use crate::process::Process;
use crate::programs::Programs;
use crate::{KitError, Server, ServerBuilder, port, sql};

/// The uses of connections to the server below, each with an account of its own in production.
pub(crate) const ACCOUNTS: [&str; 7] =
    ["app", "dba", "allprivs", "appdebug", "repl", "filtered", "erepl"];

/// What every vtcombo starts with. A later flag wins over an earlier one.
const FLAGS: [&str; 12] = [
    // Without it, it waits half a minute for replicas that there are none of.
    "--tablet-types-to-wait=PRIMARY",
    "--bind-address=127.0.0.1",
    "--grpc-bind-address=127.0.0.1",
    "--service-map=grpc-vtgateservice,grpc-vtctl,grpc-vtctld",
    "--mysql-server-bind-address=127.0.0.1",
    "--mysql-auth-server-impl=none",
    "--enable-binlog-dump",
    "--binlog-dump-authorized-users=%",
    "--vschema-ddl-authorized-users=%",
    "--schema-dir=schema",
    "--vschema-persistence-dir=kept",
    "--log-level=error",
];

/// A keyspace to be served.
#[derive(Debug, Clone, Copy)]
pub struct Keyspace<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its shards, which must cover all of it: `["-80", "80-"]`, or `["0"]` if it is not sharded.
    pub shards: &'a [&'a str],
    /// Its vschema as JSON; `{}` if it is not sharded.
    pub vschema: &'a str,
}

/// How a Vitess will be started.
#[derive(Debug, Default)]
pub struct VitessBuilder {
    keyspaces: Vec<Served>,
    flags: Vec<String>,
    mysql: ServerBuilder,
}

/// A keyspace that is served, or will be.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) name: String,
    pub(crate) shards: Vec<String>,
    pub(crate) vschema: String,
}

impl From<Keyspace<'_>> for Served {
    fn from(keyspace: Keyspace<'_>) -> Self {
        Self {
            name: keyspace.name.to_owned(),
            shards: keyspace.shards.iter().map(|&shard| shard.to_owned()).collect(),
            vschema: keyspace.vschema.to_owned(),
        }
    }
}

impl VitessBuilder {
    /// Adds a keyspace.
    #[must_use]
    pub fn keyspace(mut self, keyspace: Keyspace<'_>) -> Self {
        self.keyspaces.push(keyspace.into());
        self
    }

    /// Adds a flag of `vtcombo`, such as `--queryserver-config-transaction-cap=4`; it wins over the kit's own.
    #[must_use]
    pub fn flag(mut self, flag: impl Into<String>) -> Self {
        self.flags.push(flag.into());
        self
    }

    /// Sets how the MySQL server below is started.
    #[must_use]
    pub fn mysql(mut self, mysql: ServerBuilder) -> Self {
        self.mysql = mysql;
        self
    }

    /// Starts it, and waits until every shard is served.
    ///
    /// # Errors
    ///
    /// [`KitError::NoServer`] when there is no `mysqld` or no `vtcombo`, [`KitError::Ended`] and [`KitError::NotReady`]
    /// with the end of the log, as with a vschema that Vitess does not take.
    pub async fn start(self) -> Result<Vitess, KitError> {
        let program = Programs::vitess().await?.path("vtcombo")?;
        let mysql = self.mysql.start().await?;
        for Served { name, shards, .. } in &self.keyspaces {
            for shard in shards {
                mysql.execute(&format!("CREATE DATABASE `{}`", database(name, shard))).await?;
            }
        }
        let process = Process::of_vitess(&program)?;
        process.make_folder("kept")?;
        process.make_folder("schema")?;
        for Served { name, vschema, .. } in &self.keyspaces {
            process.make_folder(&format!("schema/{name}"))?;
            write_vschema(process.folder(), name, vschema)?;
        }
        let ports = Ports { sql: 0, http: 0, grpc: 0 };
        let mut vitess =
            Vitess { keyspaces: self.keyspaces, flags: self.flags, ports, process, mysql };
        for _ in 0..port::TRIES_MAX {
            vitess.ports = Ports { sql: port::free()?, http: port::free()?, grpc: port::free()? };
            match vitess.restart().await {
                // Another process took a port between our look and its.
                Err(KitError::Ended { log }) if log.contains("address already in use") => {}
                result => return result.map(|()| vitess),
            }
        }
        Err(KitError::NoPort { tries: port::TRIES_MAX })
    }
}

/// A Vitess of our own, on 127.0.0.1, over a MySQL server of its own. Dropping it kills both and removes their data.
///
/// Its user `root` has every privilege and no password. Schema changes go through it as SQL; so do changes of a vschema
/// that SQL has words for (ALTER VSCHEMA), others through [`Vitess::set_vschema`].
#[derive(Debug)]
pub struct Vitess {
    keyspaces: Vec<Served>,
    flags: Vec<String>,
    ports: Ports,
    /// Declared before `mysql`: it ends before what it needs.
    process: Process,
    mysql: Server,
}

/// The ports that it listens on.
#[derive(Debug, Clone, Copy)]
struct Ports {
    sql: u16,
    http: u16,
    grpc: u16,
}

impl Vitess {
    /// A Vitess to be started.
    #[must_use]
    pub fn builder() -> VitessBuilder {
        VitessBuilder::default()
    }

    /// Starts one that serves `keyspaces`, and waits until every shard is served.
    ///
    /// # Errors
    ///
    /// Those of [`VitessBuilder::start`].
    pub async fn start(keyspaces: &[Keyspace<'_>]) -> Result<Self, KitError> {
        keyspaces
            .iter()
            .fold(Self::builder(), |builder, &keyspace| builder.keyspace(keyspace))
            .start()
            .await
    }

    /// The port on which vtgate speaks MySQL, also while it is stopped; [`Relay::to_port`](crate::Relay::to_port) takes it.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.ports.sql
    }

    /// The URL of vtgate for `root`, without a keyspace.
    #[must_use]
    pub fn url(&self) -> String {
        format!("mysql://root@127.0.0.1:{}", self.ports.sql)
    }

    /// The MySQL server below, which holds every shard's database.
    #[must_use]
    pub fn mysql(&self) -> &Server {
        &self.mysql
    }

    /// The shards of `keyspace` as they were given; none if there is no such keyspace.
    #[must_use]
    pub fn shards(&self, keyspace: &str) -> &[String] {
        self.served(keyspace).map(|served| served.shards.as_slice()).unwrap_or_default()
    }

    /// Its process; [`Vitess::restart`] waits until it is ready again.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Connects to vtgate as `root`, to a keyspace (`shop`) or one shard of it (`shop:-80`).
    ///
    /// # Errors
    ///
    /// [`KitError::Mysql`] when it does not take the connection.
    pub async fn connect_to(&self, target: &str) -> Result<Conn, KitError> {
        Ok(Conn::new(self.opts(target)).await?)
    }

    /// Runs statements separated by `;` through vtgate, on a connection of their own to `target`, and ignores their rows.
    ///
    /// # Errors
    ///
    /// [`KitError::Mysql`] of the first that fails.
    pub async fn execute(&self, target: &str, statements: &str) -> Result<(), KitError> {
        sql::execute(self.opts(target), statements).await
    }

    /// The rows that `statement` returns through vtgate, on a connection of its own to `target`.
    ///
    /// # Errors
    ///
    /// [`KitError::Mysql`] when it fails.
    pub async fn rows<R>(&self, target: &str, statement: &str) -> Result<Vec<R>, KitError>
    where
        R: FromRow + Send + 'static,
    {
        sql::rows(self.opts(target), statement).await
    }

    /// The rows that `statement` returns from a shard's own database, past vtgate.
    ///
    /// # Errors
    ///
    /// [`KitError::NoShard`] when there is no such shard, [`KitError::Mysql`] when the statement fails.
    pub async fn shard_rows<R>(
        &self,
        (keyspace, shard): (&str, &str),
        statement: &str,
    ) -> Result<Vec<R>, KitError>
    where
        R: FromRow + Send + 'static,
    {
        let database = self.database(keyspace, shard)?;
        sql::rows(self.mysql.opts(Some(&database)), statement).await
    }

    /// The name of a shard's database on the server below.
    ///
    /// # Errors
    ///
    /// [`KitError::NoShard`] when there is no such shard.
    pub fn database(&self, keyspace: &str, shard: &str) -> Result<String, KitError> {
        if self.shards(keyspace).iter().any(|name| name == shard) {
            Ok(database(keyspace, shard))
        } else {
            Err(no_shard(keyspace, shard))
        }
    }

    /// Puts all shards' rows of `table` into one table of that name in the database `gathered_<keyspace>` of the server
    /// below, whose name it returns: [`compare`](crate::compare()) takes it as a side. What was gathered before goes.
    ///
    /// # Errors
    ///
    /// [`KitError::Mysql`] when a shard has no such table, or when two shards have a row of the same unique key;
    /// [`KitError::NoShard`] when there is no such keyspace.
    pub async fn gather(&self, keyspace: &str, table: &str) -> Result<String, KitError> {
        let gathered = format!("gathered_{keyspace}");
        let shards = self.shards(keyspace);
        let first = shards.first().ok_or_else(|| no_shard(keyspace, ""))?;
        let columns: Vec<String> = self
            .shard_rows(
                (keyspace, first),
                &format!(
                    "SELECT CONCAT('`', COLUMN_NAME, '`') FROM information_schema.COLUMNS
                     WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '{table}' AND GENERATION_EXPRESSION = ''"
                ),
            )
            .await?;
        let columns = columns.join(", ");
        let mut statements = vec![format!(
            "SET sql_log_bin = 0, sql_mode = 'NO_AUTO_VALUE_ON_ZERO', foreign_key_checks = 0, time_zone = '+00:00';
             CREATE DATABASE IF NOT EXISTS `{gathered}`; USE `{gathered}`; DROP TABLE IF EXISTS `{table}`;
             CREATE TABLE `{table}` LIKE `{}`.`{table}`",
            database(keyspace, first)
        )];
        statements.extend(shards.iter().map(|shard| {
            let shard = database(keyspace, shard);
            format!("INSERT INTO `{table}` ({columns}) SELECT {columns} FROM `{shard}`.`{table}`")
        }));
        self.mysql.execute(&statements.join(";")).await?;
        Ok(gathered)
    }

    /// Replaces the vschema of `keyspace`, and restarts vtgate if it runs: only what ALTER VSCHEMA says in SQL is taken
    /// while it runs.
    ///
    /// # Errors
    ///
    /// [`KitError::NoShard`] when there is no such keyspace; those of [`Vitess::restart`].
    pub async fn set_vschema(&mut self, keyspace: &str, vschema: &str) -> Result<(), KitError> {
        if self.served(keyspace).is_none() {
            return Err(no_shard(keyspace, ""));
        }
        let is_running = self.process.pid().is_some();
        self.stop().await?;
        let folder = self.process.folder();
        match fs::remove_file(folder.join("kept").join(format!("{keyspace}.json"))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
        .map_err(KitError::system("write a vschema"))?;
        write_vschema(folder, keyspace, vschema)?;
        if is_running { self.restart().await } else { Ok(()) }
    }

    /// Adds a flag for the next start; it wins over those given before.
    pub fn add_flag(&mut self, flag: impl Into<String>) {
        self.flags.push(flag.into());
    }

    /// Stops it in order; the server below goes on, and [`Vitess::restart`] goes on with its rows and the vschema.
    ///
    /// # Errors
    ///
    /// [`KitError::System`] when it cannot be told or waited for.
    pub async fn stop(&mut self) -> Result<(), KitError> {
        self.process.stop().await
    }

    /// Kills it as a lost machine does (SIGKILL); the server below goes on.
    ///
    /// # Errors
    ///
    /// [`KitError::System`] when it cannot be killed or waited for.
    pub async fn kill_hard(&mut self) -> Result<(), KitError> {
        self.process.kill_hard().await
    }

    /// Starts it again on the same ports, over the same server, with the vschema it had, after an orderly stop if it
    /// runs.
    ///
    /// # Errors
    ///
    /// [`KitError::Ended`] and [`KitError::NotReady`] with the end of its log.
    pub async fn restart(&mut self) -> Result<(), KitError> {
        self.process.set_arguments(self.arguments());
        self.process.restart().await?;
        self.process.ready(self.ports.sql, async || self.is_ready().await).await
    }

    /// Whether every shard is served, by us: a vtgate of somebody else's on this port is over another server.
    async fn is_ready(&self) -> bool {
        let identity = "SELECT @@server_uuid";
        for Served { name, shards, .. } in &self.keyspaces {
            for shard in shards {
                let target = format!("{name}:{shard}");
                let Ok(above) = self.rows::<String>(&target, identity).await else { return false };
                let Ok(below) = self.mysql.rows::<String>(identity).await else { return false };
                if above != below {
                    return false;
                }
            }
        }
        true
    }

    fn served(&self, keyspace: &str) -> Option<&Served> {
        self.keyspaces.iter().find(|served| served.name == keyspace)
    }

    fn opts(&self, target: &str) -> Opts {
        sql::opts(self.ports.sql, Some(target))
    }

    fn arguments(&self) -> Vec<String> {
        let Ports { sql, http, grpc } = self.ports;
        let mut arguments: Vec<String> = FLAGS.iter().map(|&flag| flag.to_owned()).collect();
        for account in ACCOUNTS {
            arguments.push(format!("--db-{account}-user=root"));
            arguments.push(format!("--db-{account}-use-ssl=false"));
        }
        arguments.extend([
            format!("--proto-topo={}", topology(&self.keyspaces)),
            "--db-host=127.0.0.1".to_owned(),
            format!("--db-port={}", self.mysql.port()),
            format!("--mysql-server-port={sql}"),
            format!("--port={http}"),
            format!("--grpc-port={grpc}"),
        ]);
        arguments.extend(self.flags.iter().cloned());
        arguments
    }
}

/// How vtcombo names a shard's database.
fn database(keyspace: &str, shard: &str) -> String {
    format!("vt_{keyspace}_{shard}")
}

pub(crate) fn no_shard(keyspace: &str, shard: &str) -> KitError {
    KitError::NoShard { keyspace: keyspace.to_owned(), shard: shard.to_owned() }
}

/// The topology in vtcombo's words (`vttest.proto`): one primary a shard, no replicas. There -1 is none and 0 a default.
fn topology(keyspaces: &[Served]) -> String {
    let mut parts = vec![r#"cells:"zone1""#.to_owned()];
    for Served { name, shards, .. } in keyspaces {
        let shards: Vec<String> =
            shards.iter().map(|shard| format!(r#"shards:{{name:"{shard}"}}"#)).collect();
        let shards = shards.join(" ");
        parts.push(format!(
            r#"keyspaces:{{name:"{name}" {shards} replica_count:1 rdonly_count:-1}}"#
        ));
    }
    parts.join(" ")
}

/// Writes the vschema with which vtcombo starts.
fn write_vschema(folder: &Path, keyspace: &str, vschema: &str) -> Result<(), KitError> {
    let path = folder.join("schema").join(keyspace).join("vschema.json");
    fs::write(path, vschema).map_err(KitError::system("write a vschema"))
}
