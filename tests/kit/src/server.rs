use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use mysql_async::prelude::{FromRow, Queryable};
use mysql_async::{Conn, Opts};
use tempfile::TempDir;

use crate::KitError;
use crate::port;
use crate::programs::{Programs, last_lines};
use crate::sql;
use crate::wait::pause;
use crate::watchdog::{self, Launch, Order, Watchdog};

/// How long a server may take to answer. It takes about one second alone; crash recovery on a busy machine takes more.
const READY_SECONDS_MAX: u64 = 60;
/// How long a replica may take to catch up.
const CAUGHT_UP_SECONDS_MAX: u64 = 60;
/// How often a fact is looked at while waiting for it.
const POLL: Duration = Duration::from_millis(25);
/// How many lines of a server's log an error repeats.
const LOG_LINES_MAX: usize = 15;

/// What every server starts with: GTIDs and a row binlog as on a source, little memory, and no wait for the disk.
/// A later flag wins over an earlier one.
const FLAGS: [&str; 17] = [
    "--secure-file-priv=",
    "--mysqlx=OFF",
    "--bind-address=127.0.0.1",
    "--skip-name-resolve",
    "--log-bin=bin",
    "--gtid-mode=ON",
    "--enforce-gtid-consistency=ON",
    "--local-infile=ON",
    "--max-connections=300",
    "--table-open-cache=400",
    "--table-definition-cache=400",
    "--innodb-buffer-pool-size=64M",
    "--innodb-redo-log-capacity=32M",
    "--innodb-flush-log-at-trx-commit=2",
    "--sync-binlog=0",
    "--default-time-zone=+00:00",
    "--log-error-verbosity=2",
];

/// How a server will be started.
#[derive(Debug, Clone, Default)]
pub struct ServerBuilder {
    flags: Vec<String>,
    server_id: Option<u32>,
    data: Option<PathBuf>,
}

impl ServerBuilder {
    /// Adds a flag of `mysqld`, such as `--gtid-mode=OFF`; it wins over the kit's own.
    #[must_use]
    pub fn flag(mut self, flag: impl Into<String>) -> Self {
        self.flags.push(flag.into());
        self
    }

    /// Sets the server's id in a replication topology; without it, an id that no other server of this process has.
    #[must_use]
    pub fn server_id(mut self, server_id: u32) -> Self {
        self.server_id = Some(server_id);
        self
    }

    /// Lets it begin with a copy of the data of `server`, which must be stopped. It gets an identity of its own.
    #[must_use]
    pub fn data_of(mut self, server: &Server) -> Self {
        self.data = Some(server.data_folder());
        self
    }

    /// Starts the server and waits until it answers.
    ///
    /// # Errors
    ///
    /// [`KitError::NoServer`] when there is no `mysqld`, [`KitError::Ended`] and [`KitError::NotReady`] with the end of
    /// the server's log.
    pub async fn start(self) -> Result<Server, KitError> {
        let programs = Programs::find().await?;
        let program = programs.path("mysqld")?;
        let folder = tempfile::Builder::new()
            .prefix("whimbrel-server-")
            .tempdir()
            .map_err(KitError::system("make a folder for the server"))?;
        let data = self.data.unwrap_or_else(|| programs.template());
        copy_data(data, folder.path().join("data")).await?;
        let server_id = self.server_id.unwrap_or_else(next_server_id);
        let mut server =
            Server { program, flags: self.flags, server_id, port: 0, watchdog: None, folder };
        for _ in 0..port::TRIES_MAX {
            server.port = port::free()?;
            match server.restart().await {
                // Another process took the port between our look and the server's.
                Err(KitError::Ended { log }) if log.contains("Can't start server: Bind") => {}
                result => return result.map(|()| server),
            }
        }
        Err(KitError::NoPort { tries: port::TRIES_MAX })
    }
}

/// A MySQL server of our own, on 127.0.0.1. Dropping it kills it and removes its data.
///
/// Its user `root` has every privilege and no password.
#[derive(Debug)]
pub struct Server {
    program: PathBuf,
    flags: Vec<String>,
    server_id: u32,
    port: u16,
    /// Present while the server runs. Declared before `folder`: the server ends before its data is removed.
    watchdog: Option<Watchdog>,
    folder: TempDir,
}

impl Server {
    /// A server to be started.
    #[must_use]
    pub fn builder() -> ServerBuilder {
        ServerBuilder::default()
    }

    /// Starts a server as the kit's flags have it: GTIDs, row binlog with full images, its own id and UUID.
    ///
    /// # Errors
    ///
    /// Those of [`ServerBuilder::start`].
    pub async fn start() -> Result<Self, KitError> {
        Self::builder().start().await
    }

    /// The port that it listens on, also while it is stopped.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its id in a replication topology.
    #[must_use]
    pub fn server_id(&self) -> u32 {
        self.server_id
    }

    /// Its process id, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.watchdog.as_ref().map(Watchdog::pid)
    }

    /// Its data folder.
    #[must_use]
    pub fn data_folder(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The URL of it for `root`, without a database.
    #[must_use]
    pub fn url(&self) -> String {
        format!("mysql://root@127.0.0.1:{}", self.port)
    }

    /// The URL of it for another user.
    #[must_use]
    pub fn url_as(&self, user: &str, password: &str) -> String {
        format!("mysql://{user}:{password}@127.0.0.1:{}", self.port)
    }

    /// The end of its error log.
    #[must_use]
    pub fn log(&self) -> String {
        let bytes = std::fs::read(self.log_path()).unwrap_or_default();
        last_lines(&String::from_utf8_lossy(&bytes), LOG_LINES_MAX)
    }

    /// Connects as `root`, over TCP, without a database.
    ///
    /// # Errors
    ///
    /// [`KitError::Mysql`] when the server does not take the connection.
    pub async fn connect(&self) -> Result<Conn, KitError> {
        Ok(Conn::new(self.opts(None)).await?)
    }

    /// Connects as `root` to `database`.
    ///
    /// # Errors
    ///
    /// [`KitError::Mysql`] when the server does not take the connection.
    pub async fn connect_to(&self, database: &str) -> Result<Conn, KitError> {
        Ok(Conn::new(self.opts(Some(database))).await?)
    }

    /// Runs statements separated by `;` on a connection of their own and ignores their rows.
    ///
    /// # Errors
    ///
    /// [`KitError::Mysql`] of the first that fails.
    pub async fn execute(&self, statements: &str) -> Result<(), KitError> {
        sql::execute(self.opts(None), statements).await
    }

    /// [`Server::execute`] with `database` as the default database.
    ///
    /// # Errors
    ///
    /// [`KitError::Mysql`] of the first that fails.
    pub async fn execute_in(&self, database: &str, statements: &str) -> Result<(), KitError> {
        sql::execute(self.opts(Some(database)), statements).await
    }

    /// The rows that `statement` returns.
    ///
    /// # Errors
    ///
    /// [`KitError::Mysql`] when it fails.
    pub async fn rows<R>(&self, statement: &str) -> Result<Vec<R>, KitError>
    where
        R: FromRow + Send + 'static,
    {
        sql::rows(self.opts(None), statement).await
    }

    /// The first row that `statement` returns, if it returns one.
    ///
    /// # Errors
    ///
    /// [`KitError::Mysql`] when it fails.
    pub async fn row<R>(&self, statement: &str) -> Result<Option<R>, KitError>
    where
        R: FromRow + Send + 'static,
    {
        Ok(self.rows(statement).await?.into_iter().next())
    }

    /// Makes a user who may come from anywhere. A grant is what stands between GRANT and TO: `SELECT ON shop.*`.
    ///
    /// # Errors
    ///
    /// [`KitError::Mysql`] when the server refuses the user or a grant.
    pub async fn create_user(
        &self,
        user: &str,
        password: &str,
        grants: &[&str],
    ) -> Result<(), KitError> {
        let mut conn = self.connect().await?;
        conn.query_drop(format!("CREATE USER '{user}'@'%' IDENTIFIED BY '{password}'")).await?;
        for grant in grants {
            conn.query_drop(format!("GRANT {grant} TO '{user}'@'%'")).await?;
        }
        conn.disconnect().await?;
        Ok(())
    }

    /// Makes it a replica of `source`, by GTIDs, which it then runs under until it is promoted.
    ///
    /// # Errors
    ///
    /// [`KitError::Mysql`] when it refuses.
    pub async fn replicate(&self, source: &Self) -> Result<(), KitError> {
        self.execute(&format!(
            "CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_PORT = {}, SOURCE_USER = 'root',
               SOURCE_AUTO_POSITION = 1, GET_SOURCE_PUBLIC_KEY = 1, SOURCE_CONNECT_RETRY = 1;
             START REPLICA",
            source.port
        ))
        .await
    }

    /// Makes a replica a server of its own.
    ///
    /// # Errors
    ///
    /// [`KitError::Mysql`] when it refuses.
    pub async fn promote(&self) -> Result<(), KitError> {
        self.execute("STOP REPLICA; RESET REPLICA ALL").await
    }

    /// Waits until it has executed all that `other` has executed by now.
    ///
    /// # Errors
    ///
    /// [`KitError::Never`] when it has not after a minute, [`KitError::Mysql`] when one of them does not answer.
    pub async fn has_caught_up(&self, other: &Self) -> Result<(), KitError> {
        let set: Option<String> = other.row("SELECT @@GLOBAL.gtid_executed").await?;
        let wait = format!(
            "SELECT WAIT_FOR_EXECUTED_GTID_SET('{}', {CAUGHT_UP_SECONDS_MAX})",
            set.unwrap_or_default()
        );
        match self.row(&wait).await? {
            Some(0) => Ok(()),
            _ => Err(KitError::Never {
                what: "the replica's catching up",
                waited_seconds: CAUGHT_UP_SECONDS_MAX,
            }),
        }
    }

    /// Adds a flag for the next start; it wins over those given before.
    pub fn add_flag(&mut self, flag: impl Into<String>) {
        self.flags.push(flag.into());
    }

    /// Stops it in order; its data stays, and [`Server::restart`] goes on with it.
    ///
    /// # Errors
    ///
    /// [`KitError::System`] when it cannot be told or waited for.
    pub async fn stop(&mut self) -> Result<(), KitError> {
        self.end(Order::Stop).await
    }

    /// Kills it as a lost machine does (SIGKILL); its data stays, and [`Server::restart`] recovers it.
    ///
    /// # Errors
    ///
    /// [`KitError::System`] when it cannot be killed or waited for.
    pub async fn kill_hard(&mut self) -> Result<(), KitError> {
        self.end(Order::Kill).await
    }

    /// Starts it again on the same port and data, after an orderly stop if it runs.
    ///
    /// # Errors
    ///
    /// [`KitError::Ended`] and [`KitError::NotReady`] with the end of its log.
    pub async fn restart(&mut self) -> Result<(), KitError> {
        self.stop().await?;
        self.watchdog = Some(Watchdog::start(Launch {
            program: &self.program,
            arguments: &self.arguments(),
            folder: self.folder.path(),
            log: &self.log_path(),
            user: None,
        })?);
        self.wait_ready().await
    }

    async fn end(&mut self, order: Order) -> Result<(), KitError> {
        watchdog::end(&mut self.watchdog, order).await
    }

    async fn wait_ready(&mut self) -> Result<(), KitError> {
        let deadline = Instant::now() + Duration::from_secs(READY_SECONDS_MAX);
        loop {
            if !self.watchdog.as_ref().is_some_and(Watchdog::is_running) {
                self.end(Order::Kill).await?;
                return Err(KitError::Ended { log: self.log() });
            }
            // A server of somebody else's on this port is not ours: ours ends for want of the port.
            if let Ok(mut conn) = self.connect().await
                && let Ok(Some(folder)) = conn.query_first::<String, _>("SELECT @@datadir").await
                && Path::new(&folder) == self.data_folder()
            {
                conn.disconnect().await?;
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(KitError::NotReady {
                    port: self.port,
                    waited_seconds: READY_SECONDS_MAX,
                    log: self.log(),
                });
            }
            pause(POLL).await;
        }
    }

    pub(crate) fn opts(&self, database: Option<&str>) -> Opts {
        sql::opts(self.port, database)
    }

    fn arguments(&self) -> Vec<String> {
        let folder = self.folder.path().display();
        let mut arguments: Vec<String> = FLAGS.iter().map(|&flag| flag.to_owned()).collect();
        arguments.extend([
            format!("--datadir={folder}/data"),
            format!("--socket={folder}/socket"),
            format!("--pid-file={folder}/pid"),
            format!("--port={}", self.port),
            format!("--server-id={}", self.server_id),
        ]);
        if owner(self.folder.path()) == Some(0) {
            arguments.push("--user=root".to_owned());
        }
        arguments.extend(self.flags.iter().cloned());
        arguments
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("log")
    }
}

/// Copies a data folder, sharing blocks where the file system can. The identity of its server is not copied.
async fn copy_data(from: PathBuf, to: PathBuf) -> Result<(), KitError> {
    let copy = move || {
        let status =
            Command::new("cp").args(["-a", "--reflink=auto"]).arg(&from).arg(&to).status()?;
        if !status.success() {
            return Err(io::Error::other(status.to_string()));
        }
        match std::fs::remove_file(to.join("auto.cnf")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    };
    tokio::task::spawn_blocking(copy)
        .await
        .map_err(io::Error::other)
        .and_then(|result| result)
        .map_err(KitError::system("copy the server's data folder"))
}

/// The user id that owns `path`, which this process has just made: its own.
pub(crate) fn owner(path: &Path) -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).ok().map(|metadata| metadata.uid())
}

/// An id that no other server of this process has, and hardly one of another process.
fn next_server_id() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    (std::process::id() << 8).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)).max(1)
}
