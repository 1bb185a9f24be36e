//! Sessions through the kit's Vitess.

use tokio::sync::OnceCell;
use whimbrel_kit::{Keyspace, Vitess};
use whimbrel_mysql::{Account, ConnectOptions, Role, Session, TlsMode, TlsOptions};

/// One table of each sort.
pub(crate) const SHOP: Keyspace<'_> = Keyspace {
    name: "shop",
    shards: &["80-", "-80"],
    vschema: r#"{
        "sharded": true,
        "vindexes": {
            "xxhash": {"type": "xxhash"},
            "hash": {"type": "hash"},
            "house": {"type": "house"},
            "by_two": {"type": "multicol", "params": {"column_count": "2", "column_vindex": "hash,xxhash", "column_bytes": "1,7"}},
            "by_mail": {"type": "consistent_lookup_unique", "owner": "people",
                        "params": {"table": "main.mails", "from": "mail", "to": "keyspace_id"}}
        },
        "tables": {
            "t": {"column_vindexes": [{"column": "id", "name": "xxhash"}]},
            "orders": {"column_vindexes": [{"column": "id", "name": "xxhash"}],
                       "auto_increment": {"column": "id", "sequence": "main.orders_seq"}},
            "two": {"column_vindexes": [{"columns": ["a", "b c"], "name": "by_two"}]},
            "people": {"column_vindexes": [{"column": "id", "name": "hash"}, {"column": "mail", "name": "by_mail"}]},
            "countries": {"type": "reference"},
            "currencies": {"type": "reference", "source": "main.currencies"},
            "apart": {"pinned": "00"}
        }
    }"#,
};
pub(crate) const MAIN: Keyspace<'_> = Keyspace {
    name: "main",
    shards: &["0"],
    vschema: r#"{"foreignKeyMode": "managed", "tables": {"orders_seq": {"type": "sequence"}, "mails": {}, "currencies": {}}}"#,
};

/// A Vitess that tests share which neither stop it nor change what others see.
pub(crate) async fn shared() -> &'static Vitess {
    static VITESS: OnceCell<Vitess> = OnceCell::const_new();
    VITESS.get_or_init(async || Vitess::start(&[SHOP, MAIN]).await.unwrap()).await
}

/// What listens on a port of this machine, for `root`.
pub(crate) fn at(port: u16) -> ConnectOptions {
    on_server(port, "")
}

/// A server of this machine and one of its databases, for `root`.
pub(crate) fn on_server(port: u16, database: &str) -> ConnectOptions {
    let (host, user) = ("127.0.0.1".to_owned(), "root".to_owned());
    let account = Account { host, port, user, password: "".into() };
    let tls = TlsOptions { mode: TlsMode::Disabled, ca: None };
    ConnectOptions::new(account, database, tls).unwrap()
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
