//! Sessions with the kit's servers.

use std::{error::Error as _, sync::Arc};

use whimbrel_kit::Server;
use whimbrel_model::GtidSet;
use whimbrel_mysql::{
    Account, ConnectOptions, Error, LogError, LogReader, LogSettings, Role, Session,
    StreamTransport, TlsMode, TlsOptions,
};

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

/// A reader of the log, which signs in by itself.
pub(crate) async fn log(options: &ConnectOptions) -> Result<LogReader<StreamTransport>, LogError> {
    let settings = LogSettings { server_id: 80_001, part_bytes_max: 1 };
    let mut reader = LogReader::open(options, Arc::from([]), &GtidSet::default(), settings).await?;
    reader.next().await?;
    Ok(reader)
}

/// A session and a reader of the log; or the error of both, which must be the same.
pub(crate) async fn both(
    options: &ConnectOptions,
) -> Result<(Session, LogReader<StreamTransport>), Error> {
    match (Session::connect(options, Role::Target).await, log(options).await) {
        (Ok(session), Ok(log)) => Ok((session, log)),
        (Err(error), Err(LogError::Connect { source })) => {
            assert_eq!(source.to_string(), error.to_string());
            assert_eq!(source.class(), error.class());
            assert_eq!(source.code(), error.code());
            let cause = |error: &Error| error.source().map(ToString::to_string);
            assert_eq!(cause(&source), cause(&error));
            assert!(!format!("{source:?}").contains("hunter2"), "{source}");
            Err(error)
        }
        (session, log) => panic!("session: {session:?}, log: {log:?}"),
    }
}

/// The first column of a query's only row.
pub(crate) async fn value(session: &mut Session, sql: &str) -> String {
    let records = session.query(&format!("SELECT ({sql}) AS v")).await.unwrap();
    records[0].text("v").unwrap()
}
