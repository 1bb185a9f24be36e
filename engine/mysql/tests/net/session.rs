use std::time::Duration;

use mysql_async::Value;
use whimbrel_kit::{Server, pair, shared_source};
use whimbrel_mysql::{Account, Class, Error, Role, Session};

use crate::common::{both, plain, session, user, value};

#[tokio::test]
async fn every_role_finds_its_variables_as_it_set_them() {
    let server = shared_source().await.unwrap();
    for role in [Role::SourceReader, Role::SourceTail, Role::Target] {
        let session = session(server, "", role).await;

        assert!(session.server_version().numbers >= (9, 7, 0));
        assert!(session.server_version().text.starts_with("9.7"));
        assert!(!session.server_version().is_mariadb());
    }
}

#[tokio::test]
async fn variables_hold_against_globals_that_say_otherwise() {
    let server = Server::builder()
        .flag("--default-time-zone=+05:00")
        .flag("--sql-mode=ANSI_QUOTES,PAD_CHAR_TO_FULL_LENGTH,NO_BACKSLASH_ESCAPES")
        .flag("--transaction-isolation=SERIALIZABLE")
        .flag("--init-connect=SET sql_select_limit=1,autocommit=0")
        .flag("--character-set-server=latin1")
        .start()
        .await
        .unwrap();
    server.create_user("plain", "secret", &["SELECT ON *.*"]).await.unwrap();
    for role in [Role::SourceReader, Role::Target] {
        let account = user(&server, "plain", "secret");
        let mut session = Session::connect(&plain(&account, ""), role).await.unwrap();

        assert_eq!(
            value(&mut session, "SELECT TIMEDIFF(NOW(), UTC_TIMESTAMP())").await,
            "00:00:00"
        );
        assert_eq!(session.query("SELECT 1 AS a UNION ALL SELECT 2").await.unwrap().len(), 2);
        assert_eq!(value(&mut session, "\"it\\'s\"").await, "it's");
    }
}

#[tokio::test]
async fn a_source_session_cannot_write() {
    let pair = pair().await.unwrap();
    pair.execute_source("CREATE TABLE t (id INT PRIMARY KEY)").await.unwrap();
    let mut session = session(pair.source, &pair.source_database, Role::SourceReader).await;

    let error = session.execute(b"INSERT INTO t VALUES (1)").await.unwrap_err();

    assert_eq!(error.code(), Some(1792));
    assert!(session.is_usable(), "an answer of the server's does not end the session");
}

#[tokio::test]
async fn a_session_whose_query_was_cancelled_never_answers_again() {
    let server = shared_source().await.unwrap();
    let mut session = session(server, "", Role::SourceReader).await;

    let given_up =
        tokio::time::timeout(Duration::from_millis(50), session.query("SELECT SLEEP(1)")).await;

    assert!(given_up.is_err());
    assert!(!session.is_usable());
    assert!(matches!(session.query("SELECT 42 AS v").await, Err(Error::Cancelled)));
    assert!(matches!(session.execute(b"DO 1").await, Err(Error::Cancelled)));
    assert!(matches!(session.stream("SELECT 1", |_| Ok(())).await, Err(Error::Cancelled)));
}

#[tokio::test]
async fn a_stream_that_is_left_in_the_middle_ends_the_session() {
    let server = shared_source().await.unwrap();
    let mut session = session(server, "", Role::SourceReader).await;

    let refused = session.stream("SELECT 1 UNION ALL SELECT 2", |_| Err(Error::Cancelled)).await;

    assert!(refused.is_err());
    assert!(!session.is_usable());
}

#[tokio::test]
async fn a_statement_past_its_bound_is_a_timeout_and_ends_the_session() {
    let server = shared_source().await.unwrap();
    let mut session = session(server, "", Role::Target).await;

    let error =
        session.execute_within(b"DO SLEEP(5)", Duration::from_millis(50)).await.unwrap_err();

    assert!(matches!(error, Error::Timeout { .. }), "{error}");
    assert!(!session.is_usable());
}

#[tokio::test]
async fn streams_are_exact_where_text_is_not() {
    let pair = pair().await.unwrap();
    pair.execute_source("CREATE TABLE f (v FLOAT); INSERT INTO f VALUES (16777217), (1.2345678)")
        .await
        .unwrap();
    let mut session = session(pair.source, &pair.source_database, Role::SourceReader).await;

    let mut found = Vec::new();
    session
        .stream("SELECT v FROM f ORDER BY v", |row| {
            found.push(row[0].clone());
            Ok(())
        })
        .await
        .unwrap();

    assert_eq!(found, [Value::Float(1.234_567_8), Value::Float(16_777_216.0)]);
    assert!(session.is_usable());
}

#[tokio::test]
async fn a_killed_connection_is_lost_and_a_wrong_password_denied() {
    let server = shared_source().await.unwrap();
    let mut victim = session(server, "", Role::Target).await;
    let mut killer = session(server, "", Role::Target).await;

    killer.execute(format!("KILL {}", victim.connection_id()).as_bytes()).await.unwrap();

    let lost = victim.execute(b"DO 1").await.unwrap_err();
    assert_eq!(lost.class(), Class::Lost, "{lost}");
    assert!(!victim.is_usable());
    server.create_user("denied", "right", &[]).await.unwrap();
    let account = user(server, "denied", "hunter2");
    let denied = both(&plain(&account, "")).await.unwrap_err();
    assert_eq!((denied.class(), denied.code()), (Class::Denied, Some(1045)));
    assert!(!format!("{denied} {denied:?}").contains("hunter2"));
}

#[tokio::test]
async fn an_unreachable_host_is_a_connect_error_that_names_it() {
    let nowhere = Account {
        host: "127.0.0.1".to_owned(),
        port: 1,
        user: "u".to_owned(),
        password: "hunter2".into(),
    };
    let error = both(&plain(&nowhere, "")).await.unwrap_err();

    assert_eq!(error.to_string(), "cannot connect to `127.0.0.1:1`");
    assert_eq!(error.class(), Class::Lost);
}

#[tokio::test]
async fn the_process_list_shows_our_name_and_no_password() {
    let server = shared_source().await.unwrap();
    server.create_user("seen", "hunter2", &["SELECT ON *.*"]).await.unwrap();
    let account = user(server, "seen", "hunter2");
    let mut session = Session::connect(&plain(&account, ""), Role::SourceReader).await.unwrap();

    let attributes = session
        .query(
            "SELECT ATTR_NAME, ATTR_VALUE FROM performance_schema.session_connect_attrs \
             WHERE PROCESSLIST_ID = CONNECTION_ID()",
        )
        .await
        .unwrap();

    let pairs: Vec<(String, String)> = attributes
        .iter()
        .map(|row| (row.text("ATTR_NAME").unwrap(), row.text("ATTR_VALUE").unwrap()))
        .collect();
    assert!(pairs.contains(&("program_name".to_owned(), "whimbrel".to_owned())), "{pairs:?}");
    assert!(!format!("{pairs:?} {session:?}").contains("hunter2"));
}

#[tokio::test]
async fn statements_report_what_they_changed() {
    let pair = pair().await.unwrap();
    pair.execute_target("CREATE TABLE t (id INT PRIMARY KEY, v TINYINT)").await.unwrap();
    let mut session = session(pair.target, &pair.target_database, Role::Target).await;

    let inserted = session.execute(b"INSERT INTO t VALUES (0, 1), (2, 3)").await.unwrap();
    let replaced = session.execute(b"REPLACE INTO t VALUES (2, 4)").await.unwrap();
    let refused = session.execute(b"INSERT INTO t VALUES (5, 999)").await.unwrap_err();
    let twice = session.execute(b"INSERT INTO t VALUES (2, 4)").await.unwrap_err();

    assert_eq!((inserted.affected_rows, inserted.warnings), (2, 0));
    assert_eq!(replaced.affected_rows, 2);
    assert_eq!((refused.class(), refused.code()), (Class::Refused, Some(1264)));
    assert_eq!(
        twice.to_string(),
        "INSERT INTO: server error 1062 (23000): a row has the key of another row (key `t.PRIMARY`)"
    );
}
