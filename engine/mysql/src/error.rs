//! What can go wrong between us and a server.

mod gate;

use std::{io, time::Duration};

use mysql_async::ServerError;
use thiserror::Error;
use whimbrel_model::{GtidError, LogOffsetError, TableError};

use crate::{catalog::CatalogError, connection::Refusal, json::JsonError};

/// Why a server did not do, or did not answer, what it was asked.
///
/// Invariant: neither `Display` nor `Debug` shows a row's value or a password; a server's own
/// message is kept only where its code is known to name objects and limits alone.
#[derive(Debug, Error)]
pub enum Error {
    /// Nobody answers at the address, or not as a MySQL server does.
    #[error("cannot connect to `{address}`")]
    Connect {
        /// `host:port`.
        address: String,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// The server and we did not agree on an encrypted connection.
    #[error("no TLS connection to `{address}`: {reason}")]
    Tls {
        /// `host:port`.
        address: String,
        /// What was wrong with the certificate or the handshake.
        reason: String,
    },
    /// The server asks to sign in by a plugin that is not offered.
    #[error(
        "access denied for `{user}` at `{address}`: there is no such account, or it signs in by \
         `{plugin}`, which is not supported: use `caching_sha2_password`"
    )]
    SignIn {
        /// `host:port`.
        address: String,
        /// The account's name.
        user: String,
        /// The plugin.
        plugin: String,
    },
    /// The server answered with an error.
    #[error("{doing}: server error {code} ({sqlstate}): {message}")]
    Server {
        /// MySQL's error number.
        code: u16,
        /// The SQLSTATE.
        sqlstate: String,
        /// The server's message where it holds no row's value, otherwise what is known of it.
        message: String,
        /// What was being done.
        doing: String,
    },
    /// vtgate or a tablet answered with an error of its own.
    #[error("{doing}: vtgate error {code}{}: {message}", at_shard(shard.as_deref()))]
    Gate {
        /// What is worth doing about it, as far as its text tells.
        class: Class,
        /// The number that it came with, which says little.
        code: u16,
        /// `keyspace/shard`, where one is named.
        shard: Option<String>,
        /// Whether it came by way of a tablet, where a transaction may have ended with it.
        is_of_tablet: bool,
        /// The part of its message that is known to hold no row's value.
        message: String,
        /// What was being done.
        doing: String,
    },
    /// The server is not the one that vtgate sends a shard's statements to, or is that no more. Nothing of
    /// it is to be believed.
    #[error("`{address}` is not the server of the primary of shard `{shard}`: {reason}")]
    NotPrimary {
        /// `host:port`.
        address: String,
        /// The shard, as Vitess names it.
        shard: String,
        /// What tells.
        reason: String,
    },
    /// The connection broke; whether the statement was carried out is not known.
    #[error("{doing}: the connection was lost: {reason}")]
    Lost {
        /// What was being done.
        doing: String,
        /// How it broke.
        reason: String,
    },
    /// A statement of the session was given up before its answer came, so that the next answer
    /// would be read as the wrong statement's: the session is of no use any more.
    #[error("the session was given up in the middle of a statement, or is broken")]
    Cancelled,
    /// No answer within the bound.
    #[error("{doing}: no answer within {} s", limit.as_secs())]
    Timeout {
        /// What was being done.
        doing: String,
        /// The bound.
        limit: Duration,
    },
    /// A session variable has another value than the one that was set: a proxy that hands
    /// statements to several sessions, or a server that does not know the value.
    #[error("session variable `{name}` is `{found}` after it was set to `{wanted}`")]
    Variable {
        /// The variable.
        name: &'static str,
        /// What was set.
        wanted: String,
        /// What was read back.
        found: String,
    },
    /// The answer is not of the form that this kind of server gives.
    #[error("{doing}: unexpected answer: {what}")]
    Unexpected {
        /// What was being done.
        doing: String,
        /// What does not fit; never a value of a row.
        what: String,
    },
    /// A result that should have been small.
    #[error("{doing}: the answer has more than {limit} rows or bytes")]
    TooLarge {
        /// What was being done.
        doing: String,
        /// The bound that was passed.
        limit: usize,
    },
    /// A value of a row that cannot be carried, or not be written as it is.
    #[error("a value of column `{column}` cannot be carried")]
    Value {
        /// The column.
        column: String,
        /// Why not.
        #[source]
        cause: JsonError,
    },
    /// Rows that were sent as a file are not all stored as they were sent, or the server takes no
    /// files. The transaction must be rolled back; statements may do, or say which value is refused.
    #[error("rows were not loaded as they are: {reason}")]
    Unloaded {
        /// What the server told; counts alone.
        reason: String,
    },
    /// A table that cannot be described as one that can be moved.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A table that is not there, or cannot be moved.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// A GTID set that is none.
    #[error(transparent)]
    Gtid(#[from] GtidError),
    /// A place in the log that is none.
    #[error(transparent)]
    LogOffset(#[from] LogOffsetError),
}

/// What is worth doing about an [`enum@Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// The connection is gone: connect again; what was sent may or may not have been done.
    Lost,
    /// The server was busy or chose a victim: the whole transaction may be tried again.
    TryAgain,
    /// The server has no room for more: it may be given some, and then take the same again.
    Full,
    /// The server refuses this row, today and tomorrow.
    Refused,
    /// The object is not there, or not as it was.
    SchemaGone,
    /// The account may not do this.
    Denied,
    /// None of these: a person has to look.
    Other,
}

impl Class {
    /// Whether the same may go well later, on a new connection, without anybody changing what is
    /// asked for.
    #[must_use]
    pub fn may_pass(self) -> bool {
        match self {
            Self::Lost | Self::TryAgain | Self::Full => true,
            Self::Refused | Self::SchemaGone | Self::Denied | Self::Other => false,
        }
    }
}

impl Error {
    /// What is worth doing about it.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            // A name that follows the primary soon leads to another server.
            Self::NotPrimary { .. }
            | Self::Connect { .. }
            | Self::Lost { .. }
            | Self::Cancelled
            | Self::Timeout { .. } => Class::Lost,
            Self::Server { code, message, .. } if is_full(*code, message) => Class::Full,
            Self::Server { code, .. } => class_of(*code),
            Self::Gate { class, .. } => *class,
            Self::Value { .. } => Class::Refused,
            Self::SignIn { .. } => Class::Denied,
            Self::Catalog(CatalogError::NoTable { .. }) => Class::SchemaGone,
            Self::Catalog(CatalogError::Changed { .. }) => Class::TryAgain,
            Self::Tls { .. }
            | Self::Variable { .. }
            | Self::Unexpected { .. }
            | Self::TooLarge { .. }
            | Self::Unloaded { .. }
            | Self::Table(_)
            | Self::Catalog(_)
            | Self::Gtid(_)
            | Self::LogOffset(_) => Class::Other,
        }
    }

    /// The server's error number, if it is the server that complains; vtgate's own say nothing.
    #[must_use]
    pub fn code(&self) -> Option<u16> {
        if let Self::Server { code, .. } = self { Some(*code) } else { None }
    }

    /// Whether a tablet has no connection left for it.
    #[must_use]
    pub fn is_full_pool(&self) -> bool {
        let Self::Gate { message, .. } = self else { return false };
        gate::FULL_POOL.contains(&message.as_str())
    }

    /// Whether a tablet holds transactions back, since replicas of its shard are behind.
    #[must_use]
    pub fn is_throttled(&self) -> bool {
        matches!(self, Self::Gate { message, .. } if message == gate::THROTTLED)
    }

    /// Whether a statement is longer than the messages that vtgate and its tablets send each other may be.
    #[must_use]
    pub fn is_large_message(&self) -> bool {
        matches!(self, Self::Gate { message, .. } if message.starts_with(gate::LARGE_MESSAGE))
    }

    /// Whether the topology has a part of that name of a vschema already, which vtgate may not know yet.
    #[must_use]
    pub fn is_in_topology(&self) -> bool {
        let Self::Gate { message, .. } = self else { return false };
        gate::IN_TOPOLOGY.iter().any(|there| message.contains(there))
    }

    /// Whether the session cannot be used after it: the connection is gone or out of step, or nobody knows
    /// what became of its transaction.
    pub(crate) fn is_end_of_session(&self) -> bool {
        self.class() == Class::Lost || matches!(self, Self::Gate { is_of_tablet: true, .. })
    }

    /// As [`Error::from_driver`], on a session through vtgate.
    pub(crate) fn from_gate(doing: &str, error: mysql_async::Error) -> Self {
        match error {
            mysql_async::Error::Server(server) => {
                gate::error(doing, server.code, &server.state, &server.message)
            }
            error @ (mysql_async::Error::Driver(_)
            | mysql_async::Error::Io(_)
            | mysql_async::Error::Other(_)
            | mysql_async::Error::Url(_)) => Self::from_driver(doing, error),
        }
    }

    /// A server's error as ours, without whatever of a row it may hold.
    pub(crate) fn from_server(doing: &str, refusal: Refusal) -> Self {
        let Refusal { code, sqlstate, message } = refusal;
        let message = message_without_values(code, &message);
        Self::Server { code, sqlstate, message, doing: doing.to_owned() }
    }

    /// The driver's error as ours, without whatever of a row it may hold.
    pub(crate) fn from_driver(doing: &str, error: mysql_async::Error) -> Self {
        let doing = doing.to_owned();
        match error {
            mysql_async::Error::Server(ServerError { code, message, state: sqlstate }) => {
                Self::from_server(&doing, Refusal { code, sqlstate, message })
            }
            mysql_async::Error::Io(error) => Self::Lost { doing, reason: error.to_string() },
            // A driver error's `Debug` holds rows and packets, its `Display` does not.
            mysql_async::Error::Driver(error) => Self::Lost { doing, reason: error.to_string() },
            mysql_async::Error::Other(_) | mysql_async::Error::Url(_) => {
                Self::Lost { doing, reason: "the driver failed".to_owned() }
            }
        }
    }
}

fn at_shard(shard: Option<&str>) -> String {
    shard.map(|shard| format!(" of shard `{shard}`")).unwrap_or_default()
}

/// The class of a server's error number. Source: MySQL, `Server Error Message Reference`.
fn class_of(code: u16) -> Class {
    match code {
        // Shutdown, a broken packet, a killed session, an idle session ended; a tablet's connection
        // with its server broken.
        1053 | 1077 | 1079 | 1152..=1156 | 1158..=1161 | 1184 | 2006 | 2013 | 3169 | 4031 => {
            Class::Lost
        }
        // Too many connections (of an account), a lock wait, a deadlock, NOWAIT, too many locks or
        // transactions, a query killed, a group that rolled back.
        1040 | 1203 | 1205 | 1206 | 1213 | 1226 | 1317 | 1614 | 1637 | 3058 | 3101 | 3572 => {
            Class::TryAgain
        }
        // A full disk, a full tablespace, no room for a new one.
        1021 | 1114 | 3675 => Class::Full,
        // NULL, duplicate, too long, out of range, not of the type, CHECK, JSON, geometry,
        // foreign key, no partition.
        1048 | 1062 | 1169 | 1216 | 1217 | 1264 | 1265 | 1292 | 1364 | 1365 | 1366 | 1367
        | 1406 | 1411 | 1416 | 1426 | 1451 | 1452 | 1526 | 1586 | 1690 | 1748 | 3140 | 3141
        | 3157 | 3643 | 3732 | 3819 | 3903 => Class::Refused,
        1049 | 1051 | 1054 | 1091 | 1146 | 1176 | 1412 | 1109 => Class::SchemaGone,
        1044 | 1045 | 1095 | 1130 | 1142 | 1143 | 1227 | 1370 | 1410 | 1698 | 1820 | 1862
        | 3118 | 3879 => Class::Denied,
        _ => Class::Other,
    }
}

/// Whether a server that answered with `code` may answer otherwise the next time.
pub(crate) fn is_passing(code: u16) -> bool {
    class_of(code).may_pass()
}

/// Whether an error of the storage engine or of a file, 1026 and 1030, is for want of room: both are
/// for whatever the system says.
fn is_full(code: u16, message: &str) -> bool {
    matches!(code, 1026 | 1030)
        && ["error 28 ", "errno: 28 ", "errno 28 "].iter().any(|no_room| message.contains(no_room))
}

/// Whether the messages of `code` name objects, options and limits alone. Any other message may
/// quote a row's value or, as a syntax error does, a piece of the statement.
/// Source: MySQL, `Server Error Message Reference`.
fn message_is_free_of_values(code: u16) -> bool {
    if !matches!(class_of(code), Class::Refused | Class::Other) {
        // 1091 and 1176 name keys, 1054 columns, 1114 a table; 1317 nothing at all.
        return true;
    }
    matches!(
        code,
        1048 | 1216 | 1217 | 1264 | 1265 | 1364 | 1406 | 1451 | 1452 | 3819
            | 1007 | 1008 | 1022 | 1026 | 1028 | 1030 | 1031 | 1036 | 1041 | 1046 | 1047 | 1050 | 1059 | 1060
            | 1061 | 1067..=1075 | 1089 | 1090 | 1099 | 1100 | 1101 | 1113..=1118 | 1121 | 1133
            | 1136 | 1153 | 1163 | 1165 | 1167 | 1170 | 1171 | 1191 | 1192 | 1193 | 1215 | 1223
            | 1229 | 1232 | 1235 | 1236 | 1238 | 1248 | 1273 | 1284 | 1286 | 1290 | 1298 | 1305
            | 1356 | 1360 | 1418 | 1419 | 1503 | 1506 | 1553 | 1580 | 1701 | 1709 | 1785 | 1786
            | 1787 | 1788 | 1789 | 1792 | 1821 | 1822 | 1824..=1836 | 1840 | 1845 | 1846 | 1901
            | 1961
    ) || matches!(
        code,
        3024 | 3098 | 3159 | 3161 | 3546 | 3675 | 3750 | 3751 | 3770 | 3780 | 3813 | 3814 | 6125
    )
}

/// What may be said of a server's message.
fn message_without_values(code: u16, message: &str) -> String {
    if message_is_free_of_values(code) {
        return message.to_owned();
    }
    let about = match code {
        1062 | 1586 => "a row has the key of another row",
        1064 => "the statement is not understood",
        _ if class_of(code) == Class::Refused => "a value does not fit",
        _ => "message withheld, it may hold values",
    };
    match named_object(message) {
        Some(name) => format!("{about} ({name})"),
        None => about.to_owned(),
    }
}

/// The key or column that a message names behind the value it quotes: only in the forms that end
/// in the name, or in `at row N`, which a quoted value cannot imitate since its quote comes after.
fn named_object(message: &str) -> Option<String> {
    let row_digits = message.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let (kind, named) = match row_digits.strip_suffix(" at row ") {
        Some(head) if row_digits.len() < message.len() => ("column", head),
        _ => ("key", message),
    };
    let named = named.strip_suffix('.').unwrap_or(named).strip_suffix('\'')?;
    let (_, name) = named.rsplit_once(&format!("for {kind} '"))?;
    Some(format!("{kind} `{name}`"))
}

#[cfg(test)]
mod tests;
