//! A connection of our own, for what the driver does not hand out piece by piece: the source's log.
//!
//! It signs in as the driver does, runs the few statements that come before, and is then the packets
//! of whatever command it was given.

mod answer;
mod login;
mod packets;
mod tls;

use crate::{
    error::Error,
    options::ConnectOptions,
    session::{ANSWER_WAIT_MAX, CONNECT_WAIT_MAX, Role, variables, within},
};

pub(crate) use self::{
    answer::{ERROR, Failure, OK, Refusal, is_end},
    packets::{Packets, invalid},
};

/// Source: MySQL, `COM_QUERY`.
const QUERY: u8 = 3;

/// A connection whose session variables are known, on which nothing is under way.
pub(crate) struct Connection {
    packets: Packets,
}

impl Connection {
    /// Connects, sets the role's session variables and reads them back.
    ///
    /// # Errors
    ///
    /// As [`crate::Session::connect`].
    pub(crate) async fn open(options: &ConnectOptions, role: Role) -> Result<Self, Error> {
        let doing = format!("connecting to `{}`", options.address());
        // The login's future is large, and connecting is rare.
        let login = Box::pin(within(&doing, CONNECT_WAIT_MAX, login::sign_in(options)));
        let mut connection = Self { packets: login.await?? };
        let wanted = role.variables(options.skips_binlog());
        connection.execute("SET", &variables::set_statement(&wanted)).await?;
        let doing = "reading back the session's variables";
        let row = connection.row(doing, &variables::read_statement(&wanted)).await?;
        let mut values = row.into_iter();
        variables::prove(&wanted, |_| Ok(values.next().flatten()))?;
        Ok(connection)
    }

    /// Runs a statement that returns no rows.
    ///
    /// # Errors
    ///
    /// [`Error::Timeout`] after [`ANSWER_WAIT_MAX`], and whatever the server answers.
    pub(crate) async fn execute(&mut self, doing: &str, sql: &str) -> Result<(), Error> {
        self.command(doing, &[&[QUERY], sql.as_bytes()].concat())
            .await?
            .map_err(|failure| error(doing, failure))
    }

    /// Sends a command whose answer is that it is done.
    ///
    /// # Errors
    ///
    /// [`Error::Timeout`] after [`ANSWER_WAIT_MAX`].
    pub(crate) async fn command(
        &mut self,
        doing: &str,
        command: &[u8],
    ) -> Result<Result<(), Failure>, Error> {
        let packets = &mut self.packets;
        let work = async move {
            packets.begin(command).await?;
            answer::read_done(packets).await
        };
        within(doing, ANSWER_WAIT_MAX, work).await
    }

    async fn row(&mut self, doing: &str, sql: &str) -> Result<Vec<Option<String>>, Error> {
        let packets = &mut self.packets;
        let work = async move {
            packets.begin(&[&[QUERY], sql.as_bytes()].concat()).await?;
            answer::read_row(packets).await
        };
        let row = within(doing, ANSWER_WAIT_MAX, work).await?;
        row.map_err(|failure| error(doing, failure))
    }

    /// The packets that answer `command`, which nothing follows on this connection.
    ///
    /// # Errors
    ///
    /// [`Failure::Broken`] when it cannot be sent.
    pub(crate) async fn stream(mut self, command: &[u8]) -> Result<Packets, Failure> {
        self.packets.begin(command).await?;
        Ok(self.packets)
    }
}

fn error(doing: &str, failure: Failure) -> Error {
    match failure {
        Failure::Broken(error) => {
            Error::Lost { doing: doing.to_owned(), reason: error.to_string() }
        }
        Failure::Refused(refusal) => Error::from_server(doing, refusal),
    }
}
