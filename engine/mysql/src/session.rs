//! One connection to one server, in a known state or of no use.

mod gate;
mod record;
pub(crate) mod variables;

use std::{
    fmt,
    future::{Future, poll_fn},
    io,
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use mysql_async::{Conn, DriverError, IoError, Value, prelude::Queryable};
use tokio::time::timeout;

use crate::{
    document::Document,
    error::Error,
    load::{Answer, Load},
    options::{ConnectOptions, IsEncrypted, Place, TlsMode},
    types::ResultText,
};

pub use self::record::Record;
pub use self::variables::Role;
use self::{gate::Gate, variables::Variable};

/// How long connecting may take, handshake and login included: several round trips around the
/// world and a slow login, yet short enough to try another time.
pub(crate) const CONNECT_WAIT_MAX: Duration = Duration::from_secs(15);

/// How long an answer may take if the caller names no bound: ten times the longest lock wait that
/// sessions allow, so that only a server that hangs is given up, never one that waits for a lock.
pub const ANSWER_WAIT_MAX: Duration = Duration::from_secs(600);

/// The most rows of a result that is held whole: a catalog of 100,000 tables of ten columns.
const RECORDS_MAX: usize = 1_000_000;

/// The most bytes of a result that is held whole.
const RECORD_BYTES_MAX: usize = 256 << 20;

/// How long telling a server of a session's end may take: one packet, without an answer.
const CLOSE_WAIT_MAX: Duration = Duration::from_secs(2);

/// A session: one connection whose variables are known, and on which one statement runs at a time.
///
/// A statement whose future is dropped, or that ends in a broken connection, ends the session: the
/// driver would hand its late answer to the next statement as if it were its own. Every later call
/// is [`Error::Cancelled`].
///
/// `Debug` and errors show neither passwords nor values.
pub struct Session {
    conn: Conn,
    address: String,
    version: ServerVersion,
    state: State,
    schema: String,
    /// What it is through; nothing for a session with a server.
    gate: Option<Gate>,
}

/// What may be done with a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// A statement may be sent.
    Idle,
    /// A statement was sent and its answer not read to its end: for ever so, if the future that
    /// reads it was dropped.
    InFlight,
}

/// What a server says of its version, such as `9.7.4` or `10.11.19-MariaDB`.
///
/// Ordered by its three numbers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServerVersion {
    /// Major, minor and patch.
    pub numbers: (u16, u16, u16),
    /// All of it, as the server prints it.
    pub text: String,
}

/// What a statement that returns no rows did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Executed {
    /// Rows that it changed, as the server counts: a replaced row is two.
    pub affected_rows: u64,
    /// Warnings that it left.
    pub warnings: u16,
}

impl Session {
    /// Connects, sets the role's session variables and reads them back. Through vtgate they are those of
    /// the shard's server; a session of a keyspace leaves them all as they are.
    ///
    /// # Errors
    ///
    /// [`Error::Connect`], [`Error::Tls`], [`Error::Timeout`] and [`Error::Server`] (wrong
    /// password, no such database) when there is no connection; [`Error::Variable`] when one does
    /// not stick.
    pub async fn connect(options: &ConnectOptions, role: Role) -> Result<Self, Error> {
        let address = options.address();
        let doing = format!("connecting to `{address}`");
        // The handshake's future is large, and connecting is rare.
        let conn = Box::pin(within(&doing, CONNECT_WAIT_MAX, dial(options))).await??;
        let version = ServerVersion { numbers: conn.server_version(), text: String::new() };
        let schema = options.database().to_owned();
        let mut session = Self { conn, address, version, state: State::Idle, schema, gate: None };
        match options.place() {
            Place::Server => {
                session.set_variables(&role.variables(options.skips_binlog())).await?;
            }
            Place::Keyspace => session.set_keyspace_variables(role).await?,
            Place::Shard => session.set_shard_variables(role).await?,
        }
        Ok(session)
    }

    /// Runs a statement that returns no rows; rows of one that does are thrown away.
    ///
    /// # Errors
    ///
    /// [`Error::Timeout`] after [`ANSWER_WAIT_MAX`], and whatever the server answers.
    pub async fn execute(&mut self, sql: &[u8]) -> Result<Executed, Error> {
        self.execute_within(sql, ANSWER_WAIT_MAX).await
    }

    /// As [`Session::execute`], but waits as long as `limit`: for statements that rebuild a table.
    ///
    /// # Errors
    ///
    /// [`Error::Timeout`] after `limit`, and whatever the server answers.
    pub async fn execute_within(&mut self, sql: &[u8], limit: Duration) -> Result<Executed, Error> {
        self.begin()?;
        let doing = doing_of(sql);
        let (conn, driver) = (&mut self.conn, driver_error(self.gate.as_ref()));
        let work = async move {
            let result = conn.query_iter(sql).await?;
            result.drop_result().await?;
            Ok(Executed { affected_rows: conn.affected_rows(), warnings: conn.get_warnings() })
        };
        let outcome = within(&doing, limit, work).await;
        self.end(outcome.and_then(|answer| answer.map_err(|error| driver(&doing, error))))
    }

    /// Writes a document of rows by its statement, which is prepared when the session has not prepared it.
    ///
    /// # Errors
    ///
    /// [`Error::Timeout`] after [`ANSWER_WAIT_MAX`], and whatever the server answers.
    pub async fn write(&mut self, rows: &Document) -> Result<(), Error> {
        self.begin()?;
        let doing = doing_of(rows.sql().as_bytes());
        let (conn, driver) = (&mut self.conn, driver_error(self.gate.as_ref()));
        let work = async move {
            let result = conn.exec_iter(rows.sql(), (rows.text(),)).await?;
            result.drop_result().await
        };
        let outcome = within(&doing, ANSWER_WAIT_MAX, work).await;
        self.end(outcome.and_then(|answer| answer.map_err(|error| driver(&doing, error))))
    }

    /// Loads rows, and proves that they are stored as they were sent.
    ///
    /// # Errors
    ///
    /// [`Error::Unloaded`] when that is not proven, and what the server answers where it may do
    /// better another time. Any error ends the session, whose transaction must not be committed.
    pub async fn load(&mut self, load: &Load) -> Result<(), Error> {
        self.begin()?;
        let doing = "LOAD DATA";
        let again = load.clone();
        self.conn.set_infile_handler(async move { Ok(again.packets()) });
        let conn = &mut self.conn;
        let work = async move {
            let result = conn.query_iter(load.sql()).await?;
            result.drop_result().await?;
            let (affected_rows, warnings) = (conn.affected_rows(), conn.get_warnings());
            Ok((affected_rows, warnings, conn.info().into_owned()))
        };
        let answer: Result<_, mysql_async::Error> = within(doing, ANSWER_WAIT_MAX, work).await?;
        let answer = answer.map_err(|error| Error::from_driver(doing, error));
        let (affected_rows, warnings, summary) = match answer {
            Ok(answer) => answer,
            Err(error) if error.class().may_pass() => {
                return Err(error);
            }
            Err(error) => return Err(Error::Unloaded { reason: error.to_string() }),
        };
        load.prove(&Answer { affected_rows, warnings, summary: &summary })?;
        self.state = State::Idle;
        Ok(())
    }

    /// All rows of a small result, by column name.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`] when the result is not small, [`Error::Timeout`] after
    /// [`ANSWER_WAIT_MAX`], and whatever the server answers.
    pub async fn query(&mut self, sql: &str) -> Result<Vec<Record>, Error> {
        self.query_for(doing_of(sql.as_bytes()), sql).await
    }

    /// As [`Session::query`], with what is being done in the words that an error will use.
    ///
    /// # Errors
    ///
    /// As [`Session::query`].
    pub async fn query_for(
        &mut self,
        doing: impl Into<String>,
        sql: &str,
    ) -> Result<Vec<Record>, Error> {
        self.begin()?;
        let doing = doing.into();
        let driver = driver_error(self.gate.as_ref());
        let sql = gate::for_itself(self.gate.as_ref(), sql);
        let work = records(&mut self.conn, &doing, &sql, driver);
        let outcome = within(&doing, ANSWER_WAIT_MAX, work).await;
        self.end(outcome.and_then(|answer| answer))
    }

    /// Hands each row of a result to `each`, in the binary protocol: `FLOAT` is exact only there.
    ///
    /// # Errors
    ///
    /// The error of `each`, which ends the session, since the rest of the rows is still to come;
    /// [`Error::Timeout`] when no row comes for [`ANSWER_WAIT_MAX`]; and whatever the server
    /// answers.
    pub async fn stream(
        &mut self,
        sql: &str,
        mut each: impl FnMut(&[Value]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.begin()?;
        let doing = doing_of(sql.as_bytes());
        let driver_error = driver_error(self.gate.as_ref());
        let driver = |error| driver_error(&doing, error);
        let sql = gate::for_itself(self.gate.as_ref(), sql);
        let opened = within(&doing, ANSWER_WAIT_MAX, self.conn.exec_iter(&*sql, ())).await?;
        let mut result = match opened {
            Ok(result) => result,
            Err(error) => {
                let error = driver(error);
                return self.end(Err(error));
            }
        };
        loop {
            let row = match within(&doing, ANSWER_WAIT_MAX, result.next()).await? {
                Ok(Some(row)) => row,
                Ok(None) => break,
                Err(error) => {
                    drop(result);
                    let error = driver(error);
                    return self.end(Err(error));
                }
            };
            each(&row.unwrap())?;
        }
        let dropped = within(&doing, ANSWER_WAIT_MAX, result.drop_result()).await?;
        self.end(dropped.map_err(driver))
    }

    /// Ends the session and waits until the server has been told: whoever opens another one next stays
    /// within the number of connections that is allowed. A session that is dropped is ended as well,
    /// some time later.
    pub async fn close(self) {
        // A connection that cannot be ended in order has ended, or will be dropped here.
        drop(timeout(CLOSE_WAIT_MAX, self.conn.disconnect()).await);
    }

    /// The server's number for this connection, as its process list shows it; through vtgate that of
    /// vtgate, which no server knows.
    #[must_use]
    pub fn connection_id(&self) -> u32 {
        self.conn.id()
    }

    /// `host:port`, as messages name the server.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The name of the session's database on its server, as `information_schema` has it: through vtgate
    /// that of the shard's database, such as `vt_commerce_-80`, or of the keyspace in a session that is
    /// not on one shard. Empty for none.
    #[must_use]
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// Whether the session is through vtgate.
    #[must_use]
    pub fn is_vtgate(&self) -> bool {
        self.gate.is_some()
    }

    /// vtgate takes `character_set_results` and forgets it.
    pub(crate) fn result_text(&self) -> ResultText {
        if self.is_vtgate() { ResultText::Converted } else { ResultText::Stored }
    }

    /// The version of Vitess, such as `24.0.0`, in a session through vtgate.
    #[must_use]
    pub fn vitess_version(&self) -> Option<&str> {
        self.gate.as_ref().map(|gate| gate.version.as_str())
    }

    /// The server's version; through vtgate that of the shard's server, or in a session of a keyspace the one
    /// that vtgate passes itself off as.
    #[must_use]
    pub fn server_version(&self) -> &ServerVersion {
        &self.version
    }

    /// Whether a statement can still be sent.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.state == State::Idle && !self.conn.is_disconnected()
    }

    async fn set_variables(&mut self, wanted: &[Variable]) -> Result<(), Error> {
        // One statement: the driver runs a list of them in reverse order.
        self.execute(variables::set_statement(wanted).as_bytes()).await?;
        let doing = "reading back the session's variables";
        let found = self.query_for(doing, &variables::read_statement(wanted)).await?;
        let [found] = found.as_slice() else {
            return Err(unexpected(doing, "not one row"));
        };
        variables::prove(wanted, |name| found.optional_text(name))?;
        self.version.text = found.text(variables::VERSION)?;
        Ok(())
    }

    fn begin(&mut self) -> Result<(), Error> {
        if !self.is_usable() {
            return Err(Error::Cancelled);
        }
        self.state = State::InFlight;
        Ok(())
    }

    /// The session goes on after an answer, and after an error that the server sent as an answer.
    fn end<T>(&mut self, outcome: Result<T, Error>) -> Result<T, Error> {
        let goes_on = match &outcome {
            Ok(_) => true,
            Err(error @ (Error::Server { .. } | Error::Gate { .. })) => !error.is_end_of_session(),
            Err(_) => false,
        };
        if goes_on {
            self.state = State::Idle;
        }
        outcome
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("address", &self.address)
            .field("connection_id", &self.connection_id())
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl ServerVersion {
    /// The version that begins with up to three numbers, such as `9.7.4-2`.
    fn parse(text: &str) -> Self {
        let mut numbers =
            text.split(|letter: char| !letter.is_ascii_digit()).map(|digits| digits.parse().ok());
        let mut next = || numbers.next().flatten().unwrap_or_default();
        Self { numbers: (next(), next(), next()), text: text.to_owned() }
    }

    /// Whether the server is `MariaDB`.
    #[must_use]
    pub fn is_mariadb(&self) -> bool {
        self.text.contains("MariaDB")
    }
}

impl fmt::Display for ServerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

pub(crate) fn unexpected(doing: impl Into<String>, what: impl Into<String>) -> Error {
    Error::Unexpected { doing: doing.into(), what: what.into() }
}

/// The outcome of `work`, if it comes within `limit`. What is there at once, as most rows of a result
/// are, costs no timer.
pub(crate) async fn within<T>(
    doing: &str,
    limit: Duration,
    work: impl Future<Output = T>,
) -> Result<T, Error> {
    let mut work = pin!(work);
    let first = poll_fn(|context| Poll::Ready(work.as_mut().poll(context))).await;
    if let Poll::Ready(outcome) = first {
        return Ok(outcome);
    }
    timeout(limit, work).await.map_err(|_| Error::Timeout { doing: doing.to_owned(), limit })
}

/// Connects in the mode asked for. Only a server that says it has no TLS is spoken to in the clear
/// under `preferred`: a handshake that fails is an error.
async fn dial(options: &ConnectOptions) -> Result<Conn, Error> {
    let mode = options.tls_mode();
    if mode == TlsMode::Disabled {
        return attempt(options, IsEncrypted::No).await.map_err(|error| refusal(options, error));
    }
    match attempt(options, IsEncrypted::Yes).await {
        Err(mysql_async::Error::Driver(DriverError::NoClientSslFlagFromServer))
            if mode == TlsMode::Preferred =>
        {
            attempt(options, IsEncrypted::No).await
        }
        outcome => outcome,
    }
    .map_err(|error| refusal(options, error))
}

async fn attempt(
    options: &ConnectOptions,
    is_encrypted: IsEncrypted,
) -> Result<Conn, mysql_async::Error> {
    Conn::new(options.driver_options(is_encrypted)).await
}

fn refusal(options: &ConnectOptions, error: mysql_async::Error) -> Error {
    let address = options.address();
    let tls = |reason: String| Error::Tls { address: address.clone(), reason };
    if let mysql_async::Error::Driver(DriverError::NoClientSslFlagFromServer) = error {
        return tls("the server offers none".to_owned());
    }
    let cause = match error {
        mysql_async::Error::Io(IoError::Tls(error)) => return tls(error.to_string()),
        mysql_async::Error::Io(IoError::Io(cause)) => cause,
        mysql_async::Error::Driver(DriverError::UnknownAuthPlugin { name: plugin }) => {
            return Error::SignIn { address, user: options.user().to_owned(), plugin };
        }
        error @ (mysql_async::Error::Driver(_)
        | mysql_async::Error::Other(_)
        | mysql_async::Error::Server(_)
        | mysql_async::Error::Url(_)) => {
            return Error::from_driver(&format!("connecting to `{address}`"), error);
        }
    };
    let is = |kind: io::ErrorKind| cause.kind() == kind && options.tls_mode() != TlsMode::Disabled;
    if is(io::ErrorKind::InvalidData) {
        // A handshake that fails comes as invalid data.
        return tls(cause.to_string());
    }
    if is(io::ErrorKind::NotFound) || is(io::ErrorKind::PermissionDenied) {
        // No socket has these errors; the file of authorities has.
        return tls(format!("the file of authorities: {cause}"));
    }
    Error::Connect { address, cause }
}

/// What an error of the driver says: vtgate has a language of its own.
fn driver_error(gate: Option<&Gate>) -> DriverErrorReading {
    if gate.is_some() { Error::from_gate } else { Error::from_driver }
}

type DriverErrorReading = fn(&str, mysql_async::Error) -> Error;

async fn records(
    conn: &mut Conn,
    doing: &str,
    sql: &str,
    driver_error: DriverErrorReading,
) -> Result<Vec<Record>, Error> {
    let driver = |error| driver_error(doing, error);
    let mut result = conn.query_iter(sql).await.map_err(driver)?;
    let mut records = Vec::new();
    let mut byte_count = 0;
    let name: Arc<str> = doing.into();
    while let Some(row) = result.next().await.map_err(driver)? {
        let record = Record::new(&name, row)?;
        byte_count += record.byte_count();
        if records.len() == RECORDS_MAX || byte_count > RECORD_BYTES_MAX {
            let limit = if records.len() == RECORDS_MAX { RECORDS_MAX } else { RECORD_BYTES_MAX };
            return Err(Error::TooLarge { doing: doing.to_owned(), limit });
        }
        records.push(record);
    }
    result.drop_result().await.map_err(driver)?;
    Ok(records)
}

/// The first words of a statement, letters only: enough to know it by, and never a value.
fn doing_of(sql: &[u8]) -> String {
    let words: Vec<String> = sql
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty())
        .take(2)
        .take_while(|word| word.iter().all(|byte| byte.is_ascii_alphabetic() || *byte == b'_'))
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect();
    if words.is_empty() { "statement".to_owned() } else { words.join(" ") }
}

#[cfg(test)]
mod tests;
