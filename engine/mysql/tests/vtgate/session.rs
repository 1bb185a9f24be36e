use futures_util::future::join_all;
use whimbrel_kit::{Server, Vitess, eventually};
use whimbrel_model::Key;
use whimbrel_mysql::{Class, Error, Record, Role, Session, catalog, chunk, load};

use crate::common::{SHOP, at, on_shard, shared, value};

const CREATE: &str = "CREATE TABLE t (id BIGINT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(4), d DATETIME(3), at TIMESTAMP(3) NULL)";

/// A Vitess over a server whose globals say otherwise, and whose transactions are over in a second.
async fn hostile() -> Vitess {
    let mysql = Server::builder()
        .flag("--default-time-zone=+05:00")
        .flag("--sql-mode=STRICT_TRANS_TABLES,PAD_CHAR_TO_FULL_LENGTH,NO_ZERO_DATE,NO_ZERO_IN_DATE")
        .flag("--transaction-isolation=SERIALIZABLE")
        .flag("--character-set-server=latin1");
    Vitess::builder()
        .keyspace(SHOP)
        .mysql(mysql)
        .flag("--queryserver-config-transaction-timeout=1s")
        .flag("--queryserver-config-query-timeout=1s")
        .flag("--queryserver-config-transaction-cap=2")
        .flag("--queryserver-config-txpool-timeout=100ms")
        .start()
        .await
        .unwrap()
}

/// Ends every connection that tablets hold with the server below.
async fn kill_connections(vitess: &Vitess) {
    let sql = "SELECT ID FROM information_schema.PROCESSLIST WHERE DB LIKE 'vt_shop%'";
    for id in vitess.mysql().rows::<u64>(sql).await.unwrap() {
        // One may have ended by itself.
        drop(vitess.mysql().execute(&format!("KILL {id}")).await);
    }
}

/// What the engine rests on, by its effects: a value for each.
async fn assert_as_wanted(session: &mut Session, id: u64) {
    session.execute(b"BEGIN").await.unwrap();
    let sql = format!(
        "INSERT INTO t VALUES ({id},\"it's\",'2026-02-31 00:00:00.5','2026-01-01 00:00:00')"
    );
    session.execute(sql.as_bytes()).await.unwrap();
    let too_long = format!("INSERT INTO t VALUES ({id}+1,'12345',NULL,NULL)");
    assert_eq!(session.execute(too_long.as_bytes()).await.unwrap_err().class(), Class::Refused);
    let shown = format!("SELECT CONCAT(v,' ',d,' ',UNIX_TIMESTAMP(at)) FROM t WHERE id = {id}");
    assert_eq!(value(session, &shown).await, "it's 2026-02-31 00:00:00.500 1767225600.000");
    let isolation = "SELECT VARIABLE_VALUE FROM performance_schema.session_variables
                     WHERE VARIABLE_NAME = 'transaction_isolation'";
    assert_eq!(value(session, isolation).await, "READ-COMMITTED");
    let child = format!("INSERT INTO child VALUES ({id}, 12345)");
    session.execute(child.as_bytes()).await.unwrap();
    session.execute(b"COMMIT").await.unwrap();
}

#[tokio::test]
async fn what_a_session_rests_on_holds_on_the_shard_and_outlives_the_connection_below() {
    let vitess = hostile().await;
    vitess.execute("shop", CREATE).await.unwrap();
    vitess
        .execute("shop:-80", "CREATE TABLE child (id BIGINT PRIMARY KEY, t BIGINT, FOREIGN KEY (t) REFERENCES t (id))")
        .await
        .unwrap();
    let mut session = on_shard(vitess.port(), "-80").await;

    assert_eq!(session.schema(), "vt_shop_-80");
    assert_eq!(session.vitess_version(), Some("24.0.0"));
    assert!(session.server_version().numbers >= (9, 7, 0), "{}", session.server_version());
    assert!(session.is_vtgate() && !load::is_offered(&mut session).await.unwrap());
    // The id 0 is a value like any other.
    assert_as_wanted(&mut session, 0).await;
    kill_connections(&vitess).await;
    let mut later = on_shard(vitess.port(), "-80").await;
    assert_as_wanted(&mut later, 10).await;
    if session.execute(b"SELECT 1 FROM t").await.is_ok() {
        assert_as_wanted(&mut session, 20).await;
    }
    let ids: Vec<u64> =
        vitess.shard_rows(("shop", "-80"), "SELECT id FROM t ORDER BY id").await.unwrap();
    assert_eq!(ids.get(..2), Some(&[0, 10][..]));
}

#[tokio::test]
async fn settings_that_vtgate_forgets_are_noticed() {
    let vitess = Vitess::builder()
        .keyspace(SHOP)
        .flag("--enable-system-settings=false")
        .start()
        .await
        .unwrap();

    let forgotten =
        Session::connect(&at(vitess.port()).for_shard("shop", "-80"), Role::Target).await;
    let of_keyspace = Session::connect(&at(vitess.port()).for_keyspace("shop"), Role::Target).await;
    let nowhere = Session::connect(&at(vitess.port()).for_shard("shop", "-70"), Role::Target).await;

    assert!(matches!(&forgotten, Err(Error::Variable { name: "sql_mode", .. })), "{forgotten:?}");
    assert_eq!(of_keyspace.unwrap().schema(), "shop");
    assert_eq!(nowhere.unwrap_err().class(), Class::Lost);
}

#[tokio::test]
async fn a_transaction_that_was_ended_behind_our_back_is_never_committed_in_part() {
    let vitess = hostile().await;
    vitess.execute("shop", CREATE).await.unwrap();

    // Its connection with the server is lost.
    let mut session = on_shard(vitess.port(), "80-").await;
    session.execute(b"BEGIN").await.unwrap();
    session.execute(b"INSERT INTO t (id) VALUES (1)").await.unwrap();
    kill_connections(&vitess).await;
    let error = session.execute(b"INSERT INTO t (id) VALUES (2)").await.unwrap_err();
    assert_eq!(error.class(), Class::Lost, "{error}");
    for statement in ["INSERT INTO t (id) VALUES (3)", "INSERT INTO t (id) VALUES (4)", "COMMIT"] {
        let error = session.execute(statement.as_bytes()).await.unwrap_err();
        assert!(matches!(error, Error::Cancelled), "{error}");
    }
    // It lasted too long.
    let mut session = on_shard(vitess.port(), "80-").await;
    session.execute(b"BEGIN").await.unwrap();
    let error = loop {
        if let Err(error) = session
            .execute(b"INSERT INTO t (id, v) VALUES (5, 'a') ON DUPLICATE KEY UPDATE v = 'b'")
            .await
        {
            break error;
        }
    };
    assert_eq!(error.class(), Class::Lost, "{error}");
    assert!(error.to_string().contains("of shard `shop/80-`"), "{error}");
    assert!(session.execute(b"COMMIT").await.is_err());

    let ids: Vec<u64> = vitess.shard_rows(("shop", "80-"), "SELECT id FROM t").await.unwrap();
    assert!(ids.is_empty(), "{ids:?}");
}

#[tokio::test]
async fn answers_of_vtgate_say_what_to_do() {
    let mut vitess = hostile().await;
    vitess.execute("shop", CREATE).await.unwrap();
    let mut session = on_shard(vitess.port(), "-80").await;
    let mut others = [on_shard(vitess.port(), "-80").await, on_shard(vitess.port(), "-80").await];
    for statement in ["INSERT INTO t (id) VALUES (1)", "INSERT INTO t (id, v) VALUES (2, 'ab')"] {
        session.execute(statement.as_bytes()).await.unwrap();
    }

    for (statement, class) in [
        ("INSERT INTO t (id) VALUES (1)", Class::Refused),
        ("INSERT INTO t (id, v) VALUES (3, 'secret')", Class::Refused),
        ("INSERT INTO nowhere (id) VALUES (1)", Class::SchemaGone),
        ("SELECT nothing FROM t", Class::SchemaGone),
        ("KILL 1", Class::Denied),
        ("SET sql_log_bin = 0", Class::Other),
        ("SELEC 'secret'", Class::Other),
    ] {
        let error = session.execute(statement.as_bytes()).await.unwrap_err();
        assert_eq!(error.class(), class, "{statement}: {error}");
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
        assert!(session.is_usable(), "{statement}: {error}");
    }
    // Definitions alone may take longer than a tablet allows.
    let slow = b"SELECT SLEEP(2) FROM t WHERE id = 1";
    let of_definitions = at(vitess.port()).for_shard("shop", "-80");
    let mut patient = Session::connect(&of_definitions, Role::TargetDefinitions).await.unwrap();
    patient.execute(slow).await.unwrap();
    let ended = on_shard(vitess.port(), "-80").await.execute(slow).await.unwrap_err();
    assert_eq!(ended.class(), Class::Lost, "{ended}");
    // There is room for two transactions.
    for (other, id) in others.iter_mut().zip([10, 11]) {
        other.execute(b"BEGIN").await.unwrap();
        other.execute(format!("INSERT INTO t (id) VALUES ({id})").as_bytes()).await.unwrap();
    }
    let full = session.execute(b"INSERT INTO t (id) VALUES (12)").await.unwrap_err();
    assert_eq!(full.class(), Class::TryAgain, "{full}");
    vitess.stop().await.unwrap();
    let gone = session.execute(b"INSERT INTO t (id) VALUES (12)").await.unwrap_err();
    assert_eq!(gone.class(), Class::Lost, "{gone}");
}

#[tokio::test]
async fn text_of_any_charset_comes_as_its_columns_own_bytes() {
    let vitess = shared().await;
    let create = "CREATE TABLE names (k VARCHAR(9) CHARACTER SET latin1 PRIMARY KEY, u VARCHAR(9) CHARACTER SET utf16,
                  m VARCHAR(9) CHARACTER SET utf8mb3, e ENUM('é') CHARACTER SET latin1)";
    vitess
        .execute("shop:-80", &format!("{create}; INSERT INTO names VALUES ('é','é','é','é')"))
        .await
        .unwrap();
    let mut session = on_shard(vitess.port(), "-80").await;
    let schema = session.schema().to_owned();
    let table =
        catalog::definition(catalog::describe(&mut session, &schema, "names").await.unwrap())
            .unwrap()
            .table;

    let read = chunk::read(&mut session, &table, (None, None), 1 << 20).await.unwrap();
    let [(key, row)] = &read.rows[..] else { panic!("{read:?}") };
    let found = chunk::find(&mut session, &table, [key], 1 << 20).await.unwrap();
    let cut: Option<Key> = chunk::cut(&mut session, &table, None, None, 1).await.unwrap();

    let cells: Vec<String> = row.cells().map(|cell| format!("{cell:?}")).collect();
    assert_eq!(cells, ["Bytes([233])", "Bytes([0, 233])", "Bytes([195, 169])", "UInt(1)"]);
    assert_eq!((found, cut.as_ref()), (vec![row.clone()], Some(key)));
}

#[tokio::test]
async fn a_query_is_never_answered_with_what_another_session_began_to_read_earlier() {
    let vitess = shared().await;
    let create = "CREATE TABLE counted (id INT PRIMARY KEY); INSERT INTO counted VALUES (1)";
    vitess.execute("shop:80-", create).await.unwrap();
    let mut first = on_shard(vitess.port(), "80-").await;
    // vtgate writes the settings into a statement in an order of its own each time: some are of one text.
    let mut sessions = Vec::new();
    for _ in 0..12 {
        sessions.push(on_shard(vitess.port(), "80-").await);
    }
    let slow = "SELECT COUNT(*) + SLEEP(3) AS n FROM counted";
    let running = "SELECT COUNT(*) FROM information_schema.PROCESSLIST
                   WHERE INFO LIKE '%SLEEP(3)%' AND STATE = 'User sleep'";

    let later = async {
        eventually("the first reads", 10, async || {
            Ok(vitess.mysql().rows::<u64>(running).await? == [1])
        })
        .await
        .unwrap();
        vitess.execute("shop:80-", "INSERT INTO counted VALUES (2)").await.unwrap();
        let answers = sessions.iter_mut().map(|session| session.query(slow));
        join_all(answers).await
    };
    let (earlier, later) = tokio::join!(first.query(slow), later);

    let count = |answer: Result<Vec<Record>, Error>| answer.unwrap()[0].number::<u64>("n").unwrap();
    assert_eq!(count(earlier), 1);
    assert_eq!(later.into_iter().map(count).collect::<Vec<_>>(), [2; 12]);
}
