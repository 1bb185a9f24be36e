//! Sessions with the kit's servers.

use whimbrel_kit::Server;
use whimbrel_mysql::{Account, ConnectOptions, Role, Session, TlsMode, TlsOptions};

pub(crate) fn options(account: &Account, database: &str, mode: TlsMode) -> ConnectOptions {
    let tls = TlsOptions { mode, ca: None };
    ConnectOptions::new(account.clone(), database, tls).unwrap()
}

pub(crate) fn plain(account: &Account, database: &str) -> ConnectOptions {
    options(account, database, TlsMode::Disabled)
}

pub(crate) fn root(server: &Server) -> Account {
    user(server, "root", "")
}

pub(crate) fn user(server: &Server, name: &str, password: &str) -> Account {
    Account {
        host: "127.0.0.1".to_owned(),
        port: server.port(),
        user: name.to_owned(),
        password: password.into(),
    }
}

/// A session of `root`.
pub(crate) async fn session(server: &Server, database: &str, role: Role) -> Session {
    Session::connect(&plain(&root(server), database), role).await.unwrap()
}

/// The first column of a query's only row.
pub(crate) async fn value(session: &mut Session, sql: &str) -> String {
    let records = session.query(&format!("SELECT ({sql}) AS v")).await.unwrap();
    records[0].text("v").unwrap()
}
