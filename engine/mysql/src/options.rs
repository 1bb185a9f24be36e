//! Where and how to connect: the one place that sets the driver's options.

use std::{fmt, path::PathBuf, time::Duration};

use mysql_async::{Opts, OptsBuilder, SslOpts};
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

/// How a connection is encrypted, and what is asked of the server's certificate.
///
/// Source: MySQL, `--ssl-mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TlsMode {
    /// Never encrypted.
    Disabled,
    /// Encrypted if the server offers it, with any certificate; otherwise plain.
    Preferred,
    /// Encrypted, with any certificate.
    Required,
    /// Encrypted; the certificate must come from the named authority, for whatever name.
    VerifyCa,
    /// Encrypted; the certificate must come from the named authority, or without one from a public
    /// one, and must be for the host that was asked for.
    VerifyIdentity,
}

/// The encryption of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsOptions {
    /// The mode.
    pub mode: TlsMode,
    /// A PEM file of authorities, the only ones trusted.
    pub ca: Option<PathBuf>,
}

/// Why a connection cannot be described so.
#[derive(Debug, Error, PartialEq, Eq, Clone)]
pub enum OptionsError {
    /// The certificate is to be checked and nothing says against what.
    #[error("`verify_ca` needs `ca`, the file of the authorities to trust")]
    CaMissing,
    /// A file of authorities in a mode that looks at none.
    #[error("`ca` is given, but the mode `{mode}` does not check the server's certificate")]
    CaUnused {
        /// The mode.
        mode: TlsMode,
    },
}

/// Everything needed to open a session with one server.
///
/// `Debug` shows neither the password nor the user.
#[derive(Clone)]
pub struct ConnectOptions {
    host: String,
    port: u16,
    user: String,
    password: Option<SecretString>,
    database: String,
    tls: TlsOptions,
    skips_binlog: bool,
    place: Place,
}

/// What answers at the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// The server itself.
    Server,
    /// A vtgate that finds the shard for each statement.
    Keyspace,
    /// A vtgate that sends every statement to one shard.
    Shard,
}

/// When an idle connection is probed: soon enough that a vanished peer is noticed within minutes,
/// seldom enough that no firewall minds.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// The largest packet taken and sent, in bytes: the protocol's own bound. A dump thread sends events
/// of up to this size whatever `max_allowed_packet` is; a server says itself what is too large.
pub(crate) const PACKET_BYTES_MAX: usize = 1 << 30;

/// Statements kept prepared per session: a handful of reads repeat, and through vtgate the write of each
/// table; every other text is new, and each one kept costs memory.
const PREPARED_STATEMENTS_MAX: usize = 16;

/// What the server's list of connections shows as our name.
pub(crate) const PROGRAM_NAME: &str = "whimbrel";

/// The name that the certificate is compared with where any name is right.
///
/// The driver takes a certificate of another name only if the error's text holds `NotValidForName`,
/// as the TLS library once printed it. Today's text quotes the name that was expected, and the name
/// is compared after the chain has been verified: so this is the name that is always refused and
/// always forgiven. `a_certificate_of_another_name_passes_verify_ca` fails when that changes.
const ANY_NAME: &str = "NotValidForName.invalid";

/// Who connects, and where to.
///
/// `Debug` is left out, for the password's sake.
#[derive(Clone)]
pub struct Account {
    /// A host name or address; an IPv6 address stands without brackets.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// The account's name.
    pub user: String,
    /// The account's password; empty for none.
    pub password: SecretString,
}

impl ConnectOptions {
    /// The server that `account` names, with sessions in `database`; an empty one for none.
    ///
    /// # Errors
    ///
    /// [`OptionsError`] when `tls` asks for what cannot be.
    pub fn new(account: Account, database: &str, tls: TlsOptions) -> Result<Self, OptionsError> {
        check_tls(&tls)?;
        let Account { host, port, user, password } = account;
        let password = Some(password).filter(|password| !password.expose_secret().is_empty());
        Ok(Self {
            host,
            port,
            user,
            password,
            database: database.to_owned(),
            tls,
            skips_binlog: false,
            place: Place::Server,
        })
    }

    /// The same server, with sessions on a target whose writes its binary log does not get.
    #[must_use]
    pub fn skipping_binlog(self) -> Self {
        Self { skips_binlog: true, ..self }
    }

    pub(crate) fn skips_binlog(&self) -> bool {
        self.skips_binlog
    }

    /// The same server, with sessions in another database; an empty one for none.
    #[must_use]
    pub fn in_database(&self, database: &str) -> Self {
        Self { database: database.to_owned(), ..self.clone() }
    }

    /// The same address as a vtgate, with sessions on one shard: their statements go to it as they are,
    /// without regard to where their rows belong.
    #[must_use]
    pub fn for_shard(&self, keyspace: &str, shard: &str) -> Self {
        let database = format!("{keyspace}:{shard}");
        Self { database, place: Place::Shard, ..self.clone() }
    }

    /// The same address as a vtgate, with sessions in a keyspace, to ask vtgate about it: vtgate finds the
    /// shards that a statement is for, and nothing is known of their servers' settings.
    #[must_use]
    pub fn for_keyspace(&self, keyspace: &str) -> Self {
        Self { database: keyspace.to_owned(), place: Place::Keyspace, ..self.clone() }
    }

    /// Whether a vtgate answers at the address, instead of a server.
    #[must_use]
    pub fn is_vtgate(&self) -> bool {
        self.place != Place::Server
    }

    pub(crate) fn place(&self) -> Place {
        self.place
    }

    /// `host:port`, as messages name the server.
    #[must_use]
    pub fn address(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// The database that sessions are in; empty for none. Through vtgate `keyspace` or
    /// `keyspace:shard`, which is no database of any server: see [`crate::Session::schema`].
    #[must_use]
    pub fn database(&self) -> &str {
        &self.database
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The account's name.
    pub(crate) fn user(&self) -> &str {
        &self.user
    }

    /// The account's password; empty for none.
    pub(crate) fn password(&self) -> &str {
        self.password.as_ref().map_or("", |password| password.expose_secret())
    }

    pub(crate) fn tls(&self) -> &TlsOptions {
        &self.tls
    }

    /// The mode of encryption.
    #[must_use]
    pub fn tls_mode(&self) -> TlsMode {
        self.tls.mode
    }

    /// The driver's options for a connection with or without TLS.
    pub(crate) fn driver_options(&self, is_encrypted: IsEncrypted) -> Opts {
        let ssl = match is_encrypted {
            IsEncrypted::Yes => self.tls.driver_options(),
            IsEncrypted::No => None,
        };
        // On loopback the driver would ask for the server's socket file and move there: another
        // host for grants, and behind a proxy another server.
        OptsBuilder::default()
            .prefer_socket(false)
            .ip_or_hostname(self.host.as_str())
            .tcp_port(self.port)
            .user(Some(self.user.as_str()))
            .pass(self.password.as_ref().map(|password| password.expose_secret().to_owned()))
            .db_name(Some(self.database.as_str()).filter(|name| !name.is_empty()))
            .tcp_keepalive(Some(KEEPALIVE))
            .tcp_nodelay(true)
            .max_allowed_packet(Some(PACKET_BYTES_MAX))
            // Given, so that it is not asked for; only the driver's pool, which we do not use,
            // looks at it.
            .wait_timeout(Some(0))
            .stmt_cache_size(PREPARED_STATEMENTS_MAX)
            .connect_attribute("program_name", PROGRAM_NAME)
            .ssl_opts(ssl)
            .into()
    }
}

/// Whether a connection is to be encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IsEncrypted {
    Yes,
    No,
}

impl TlsOptions {
    fn driver_options(&self) -> Option<SslOpts> {
        let roots = self.ca.iter().map(|path| path.clone().into()).collect();
        let checked = SslOpts::default()
            .with_root_certs(roots)
            .with_disable_built_in_roots(self.ca.is_some());
        match self.mode {
            TlsMode::Disabled => None,
            TlsMode::Preferred | TlsMode::Required => {
                Some(SslOpts::default().with_danger_accept_invalid_certs(true))
            }
            TlsMode::VerifyCa => Some(
                checked
                    .with_danger_skip_domain_validation(true)
                    .with_danger_tls_hostname_override(Some(ANY_NAME)),
            ),
            TlsMode::VerifyIdentity => Some(checked),
        }
    }
}

fn check_tls(tls: &TlsOptions) -> Result<(), OptionsError> {
    match (tls.mode, &tls.ca) {
        (TlsMode::VerifyCa, None) => Err(OptionsError::CaMissing),
        (mode @ (TlsMode::Disabled | TlsMode::Preferred | TlsMode::Required), Some(_)) => {
            Err(OptionsError::CaUnused { mode })
        }
        (TlsMode::VerifyCa, Some(_)) | (TlsMode::VerifyIdentity, _) => Ok(()),
        (TlsMode::Disabled | TlsMode::Preferred | TlsMode::Required, None) => Ok(()),
    }
}

/// As plans write it.
impl fmt::Display for TlsMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Disabled => "disabled",
            Self::Preferred => "preferred",
            Self::Required => "required",
            Self::VerifyCa => "verify_ca",
            Self::VerifyIdentity => "verify_identity",
        })
    }
}

impl fmt::Debug for ConnectOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectOptions")
            .field("address", &self.address())
            .field("database", &self.database)
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
