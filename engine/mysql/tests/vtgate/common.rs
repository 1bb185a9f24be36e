//! Sessions through the kit's Vitess.

use whimbrel_kit::Keyspace;
use whimbrel_mysql::{Account, ConnectOptions, Role, Session, TlsMode, TlsOptions};

/// Two shards, with tables by the xxhash of their `id`.
pub(crate) const SHOP: Keyspace<'_> = Keyspace {
    name: "shop",
    shards: &["-80", "80-"],
    vschema: r#"{
        "sharded": true, "vindexes": {"xxhash": {"type": "xxhash"}},
        "tables": {"t": {"column_vindexes": [{"column": "id", "name": "xxhash"}]}}
    }"#,
};

/// What listens on a port of this machine, for `root`.
pub(crate) fn at(port: u16) -> ConnectOptions {
    let (host, user) = ("127.0.0.1".to_owned(), "root".to_owned());
    let account = Account { host, port, user, password: "".into() };
    let tls = TlsOptions { mode: TlsMode::Disabled, ca: None };
    ConnectOptions::new(account, "", tls).unwrap()
}

/// A session of a lane, on the shard. As a lane does, it tries again where that may go well: each dead
/// connection that a tablet has left ends one attempt.
pub(crate) async fn on_shard(port: u16, shard: &str) -> Session {
    let options = at(port).for_shard("shop", shard);
    for _ in 0..100 {
        match Session::connect(&options, Role::Target).await {
            Err(error) if error.class().may_pass() => {}
            connected => return connected.unwrap(),
        }
    }
    panic!("no session in a hundred attempts")
}

/// The first column of a query's only row.
pub(crate) async fn value(session: &mut Session, sql: &str) -> String {
    let records = session.query(&format!("SELECT ({sql}) AS v FROM DUAL")).await.unwrap();
    records[0].text("v").unwrap()
}
