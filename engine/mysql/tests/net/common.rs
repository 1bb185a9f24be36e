//! Sessions with the kit's servers.

use secrecy::SecretString;
use whimbrel_kit::Server;
use whimbrel_mysql::{ConnectOptions, Role, Session, TlsMode, TlsOptions};

pub(crate) fn options(url: &str, database: &str, mode: TlsMode) -> ConnectOptions {
    let tls = TlsOptions { mode, ca: None };
    ConnectOptions::new(&SecretString::from(url), database, tls).unwrap()
}

pub(crate) fn plain(url: &str, database: &str) -> ConnectOptions {
    options(url, database, TlsMode::Disabled)
}

/// A session of `root`.
pub(crate) async fn session(server: &Server, database: &str, role: Role) -> Session {
    Session::connect(&plain(&server.url(), database), role).await.unwrap()
}

/// The first column of a query's only row.
pub(crate) async fn value(session: &mut Session, sql: &str) -> String {
    let records = session.query(&format!("SELECT ({sql}) AS v")).await.unwrap();
    records[0].text("v").unwrap()
}
