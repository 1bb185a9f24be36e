//! From nothing to a session: the greeting, encryption, and who we are.

use std::{collections::HashMap, panic::AssertUnwindSafe};

use mysql_common::{
    constants::CapabilityFlags,
    crypto,
    packets::{AuthPlugin, HandshakeResponse, SslRequest},
    proto::MySerialize,
};
use tokio::net::TcpStream;

use super::{
    answer::{self, END, Failure, OK},
    packets::{Packets, invalid},
    tls,
};
use crate::{
    bytes::{Bytes, Malformed},
    error::Error,
    options::{ConnectOptions, PACKET_BYTES_MAX, PROGRAM_NAME, TlsMode},
};

/// `utf8mb4_general_ci`, until the session's variables are set.
const COLLATION: u8 = 45;

/// Bytes that passwords are scrambled with. Source: MySQL, `SCRAMBLE_LENGTH`.
const NONCE_BYTES: usize = 20;

/// The server's key is asked for by this byte. Source: MySQL, `caching_sha2_password`.
const ASK_FOR_KEY: u8 = 2;

/// What a server says first.
struct Greeting {
    capabilities: CapabilityFlags,
    nonce: Vec<u8>,
    plugin: Vec<u8>,
}

/// How a password is proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    CachingSha2,
    Native,
}

/// A connection on which statements may be sent.
///
/// # Errors
///
/// [`Error::Connect`], [`Error::Tls`], [`Error::SignIn`] and [`Error::Server`].
pub(crate) async fn sign_in(options: &ConnectOptions) -> Result<Packets, Error> {
    let connect = |cause| Error::Connect { address: options.address(), cause };
    let stream = TcpStream::connect((options.host(), options.port())).await.map_err(connect)?;
    stream.set_nodelay(true).map_err(connect)?;
    sign_in_by(Packets::new(Box::new(stream)), options).await
}

/// As [`sign_in`], over a connection that is there.
async fn sign_in_by(mut packets: Packets, options: &ConnectOptions) -> Result<Packets, Error> {
    let connect = |cause| Error::Connect { address: options.address(), cause };
    let failed = |failure| match failure {
        Failure::Broken(cause) => connect(cause),
        Failure::Refused(refusal) => {
            Error::from_server(&format!("connecting to `{}`", options.address()), refusal)
        }
    };
    let greeting = answer::read(&mut packets).await.map_err(failed)?;
    let greeting = Greeting::read(greeting).map_err(|malformed| failed(malformed.into()))?;
    let mut capabilities = greeting.capabilities & wanted(options);
    let is_encrypted = wants_tls(options, greeting.capabilities)?;
    capabilities.set(CapabilityFlags::CLIENT_SSL, is_encrypted);
    if is_encrypted {
        packets = encrypted(packets, options, capabilities).await?;
    }
    let method = Method::named(&greeting.plugin).unwrap_or(Method::Native);
    let response = response(options, capabilities, method, &greeting.nonce);
    packets.write(&response).await.map_err(connect)?;
    let login = Login { options, is_encrypted, method, nonce: greeting.nonce };
    login.finish(&mut packets).await.map_err(|failure| match failure {
        LoginFailure::Failed(failure) => failed(failure),
        LoginFailure::Plugin(plugin) => {
            Error::SignIn { address: options.address(), user: options.user().to_owned(), plugin }
        }
    })?;
    Ok(packets)
}

/// What is asked of the protocol, where the server has it too.
fn wanted(options: &ConnectOptions) -> CapabilityFlags {
    let mut flags = CapabilityFlags::CLIENT_PROTOCOL_41
        | CapabilityFlags::CLIENT_LONG_PASSWORD
        | CapabilityFlags::CLIENT_LONG_FLAG
        | CapabilityFlags::CLIENT_TRANSACTIONS
        | CapabilityFlags::CLIENT_SECURE_CONNECTION
        | CapabilityFlags::CLIENT_PLUGIN_AUTH
        | CapabilityFlags::CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA
        | CapabilityFlags::CLIENT_CONNECT_ATTRS;
    flags.set(CapabilityFlags::CLIENT_CONNECT_WITH_DB, !options.database().is_empty());
    flags
}

/// Whether the connection is to be encrypted. Only a server that says it has no TLS is spoken to in the
/// clear under `preferred`.
fn wants_tls(options: &ConnectOptions, offered: CapabilityFlags) -> Result<bool, Error> {
    match options.tls_mode() {
        TlsMode::Disabled => Ok(false),
        _ if offered.contains(CapabilityFlags::CLIENT_SSL) => Ok(true),
        TlsMode::Preferred => Ok(false),
        TlsMode::Required | TlsMode::VerifyCa | TlsMode::VerifyIdentity => Err(Error::Tls {
            address: options.address(),
            reason: "the server offers none".to_owned(),
        }),
    }
}

async fn encrypted(
    mut packets: Packets,
    options: &ConnectOptions,
    capabilities: CapabilityFlags,
) -> Result<Packets, Error> {
    let address = options.address();
    let mut request = Vec::new();
    SslRequest::new(capabilities, packet_bytes_max(), COLLATION).serialize(&mut request);
    if let Err(cause) = packets.write(&request).await {
        return Err(Error::Connect { address, cause });
    }
    let mut refused = None;
    let wrapped = packets.wrapped(async |stream| {
        tls::encrypt(stream, options.host(), options.tls()).await.map_err(|failure| match failure {
            tls::Failure::Broken(error) => error,
            tls::Failure::Refused(reason) => {
                refused = Some(reason);
                invalid("the encryption was refused")
            }
        })
    });
    let wrapped = wrapped.await;
    match (wrapped, refused) {
        (Ok(packets), _) => Ok(packets),
        (Err(_), Some(reason)) => Err(Error::Tls { address, reason }),
        (Err(cause), None) => Err(Error::Connect { address, cause }),
    }
}

fn packet_bytes_max() -> u32 {
    u32::try_from(PACKET_BYTES_MAX).unwrap_or(u32::MAX)
}

/// Who we are, and what the password makes of the server's nonce.
fn response(
    options: &ConnectOptions,
    capabilities: CapabilityFlags,
    method: Method,
    nonce: &[u8],
) -> Vec<u8> {
    /// Any since 5.5.3: the collation that the packet names depends on it.
    const VERSION: (u16, u16, u16) = (8, 0, 0);
    let has = |flag| capabilities.contains(flag);
    let database = Some(options.database().as_bytes());
    let attributes = HashMap::from([("program_name".to_owned(), PROGRAM_NAME.to_owned())]);
    let response = HandshakeResponse::new(
        Some(method.scrambled(options.password(), nonce)),
        VERSION,
        Some(options.user().as_bytes()),
        database.filter(|_| has(CapabilityFlags::CLIENT_CONNECT_WITH_DB)),
        Some(method.plugin()).filter(|_| has(CapabilityFlags::CLIENT_PLUGIN_AUTH)),
        capabilities,
        Some(attributes).filter(|_| has(CapabilityFlags::CLIENT_CONNECT_ATTRS)),
        packet_bytes_max(),
    );
    let mut packet = Vec::new();
    response.serialize(&mut packet);
    packet
}

impl Greeting {
    /// Source: MySQL, `Protocol::HandshakeV10`.
    fn read(packet: &[u8]) -> Result<Self, Malformed> {
        const VERSION: u8 = 10;
        let mut bytes = Bytes::new(packet);
        if bytes.u8()? != VERSION {
            return Err(Malformed("it is not the greeting of a MySQL server"));
        }
        read_name(&mut bytes)?; // The server's version.
        bytes.u32()?; // The connection's number.
        let mut nonce = bytes.take(8)?.to_vec();
        bytes.u8()?;
        let low = u32::from(bytes.u16()?);
        bytes.take(1 + 2)?; // The server's collation and status.
        let capabilities = u32::from(bytes.u16()?) << 16 | low;
        let nonce_bytes = usize::from(bytes.u8()?);
        bytes.take(10)?;
        nonce.extend_from_slice(bytes.take(nonce_bytes.saturating_sub(8).max(13))?);
        nonce.resize(NONCE_BYTES, 0);
        let plugin = read_name(&mut bytes).unwrap_or(bytes.rest()).to_vec();
        let capabilities = CapabilityFlags::from_bits_truncate(capabilities);
        Ok(Self { capabilities, nonce, plugin })
    }
}

/// The bytes before the next 0, which is passed over.
fn read_name<'a>(bytes: &mut Bytes<'a>) -> Result<&'a [u8], Malformed> {
    let length = bytes.rest().iter().position(|byte| *byte == 0);
    let name = bytes.take(length.ok_or(Malformed("a name in it does not end"))?)?;
    bytes.u8()?;
    Ok(name)
}

impl Method {
    fn named(plugin: &[u8]) -> Option<Self> {
        match AuthPlugin::from_bytes(plugin) {
            AuthPlugin::CachingSha2Password => Some(Self::CachingSha2),
            AuthPlugin::MysqlNativePassword => Some(Self::Native),
            AuthPlugin::MysqlOldPassword
            | AuthPlugin::MysqlClearPassword
            | AuthPlugin::Ed25519
            | AuthPlugin::MariadbParsec { .. }
            | AuthPlugin::Other(_) => None,
        }
    }

    fn plugin(self) -> AuthPlugin<'static> {
        match self {
            Self::CachingSha2 => AuthPlugin::CachingSha2Password,
            Self::Native => AuthPlugin::MysqlNativePassword,
        }
    }

    /// What is sent for a password; nothing for none.
    fn scrambled(self, password: &str, nonce: &[u8]) -> Vec<u8> {
        let scrambled = self.plugin().gen_data(Some(password), nonce);
        scrambled.map(|scrambled| scrambled.to_vec()).unwrap_or_default()
    }
}

/// A login whose first answer is under way.
struct Login<'a> {
    options: &'a ConnectOptions,
    is_encrypted: bool,
    method: Method,
    nonce: Vec<u8>,
}

/// Why a login does not end in a session.
enum LoginFailure {
    Failed(Failure),
    /// The account signs in by another plugin.
    Plugin(String),
}

impl<F: Into<Failure>> From<F> for LoginFailure {
    fn from(failure: F) -> Self {
        Self::Failed(failure.into())
    }
}

impl Login<'_> {
    /// Answers until the server says that it knows us.
    async fn finish(mut self, packets: &mut Packets) -> Result<(), LoginFailure> {
        const KNOWN: u8 = 3;
        const UNKNOWN: u8 = 4;
        let mut has_switched = false;
        loop {
            match (self.method, answer::read(packets).await?.as_slice()) {
                (_, [OK, ..]) => return Ok(()),
                (_, [END, request @ ..]) if !has_switched => {
                    has_switched = true;
                    self.switch(request)?;
                    let scrambled = self.method.scrambled(self.options.password(), &self.nonce);
                    packets.write(&scrambled).await?;
                }
                (Method::CachingSha2, [1, KNOWN]) => {}
                (Method::CachingSha2, [1, UNKNOWN]) => {
                    self.send_password(packets).await?;
                }
                (Method::CachingSha2 | Method::Native, _) => {
                    return Err(invalid("the server did not go on with the login").into());
                }
            }
        }
    }

    /// Goes over to the plugin of the account.
    fn switch(&mut self, request: &[u8]) -> Result<(), LoginFailure> {
        let mut bytes = Bytes::new(request);
        // Nothing is named by servers that want the oldest.
        let plugin = read_name(&mut bytes).unwrap_or(b"mysql_old_password");
        let Some(method) = Method::named(plugin) else {
            return Err(LoginFailure::Plugin(String::from_utf8_lossy(plugin).into_owned()));
        };
        self.method = method;
        self.nonce = bytes.rest().to_vec();
        self.nonce.resize(NONCE_BYTES, 0);
        Ok(())
    }

    /// Sends the password itself, as the server does not have it in memory: over an encrypted connection
    /// as it is, else so that only the server's key reads it.
    async fn send_password(&self, packets: &mut Packets) -> Result<(), Failure> {
        let mut password = self.options.password().as_bytes().to_vec();
        password.push(0);
        if !self.is_encrypted {
            packets.write(&[ASK_FOR_KEY]).await?;
            let [_, key @ ..] = answer::read(packets).await?.as_slice() else {
                return Err(invalid("the server sent no key").into());
            };
            for (byte, nonce) in password.iter_mut().zip(self.nonce.iter().cycle()) {
                *byte ^= nonce;
            }
            // The library panics on what is no key, and on a password that is longer than the key.
            let sealed = AssertUnwindSafe(|| crypto::encrypt(&password, key));
            password = std::panic::catch_unwind(sealed)
                .map_err(|_| invalid("the server's key cannot encrypt the password"))?;
        }
        packets.write(&password).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
