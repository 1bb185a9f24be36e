use whimbrel_kit::Server;
use whimbrel_mysql::{
    Role,
    ddl::{Statement, Xa, classify},
    source,
};

use crate::common::session;

/// Statements, and what each event that logs them as text is told to be.
const CASES: &[(&str, &[&str])] = &[
    ("CREATE TABLE t (id INT PRIMARY KEY, a INT)", &["ddl t"]),
    ("CREATE TABLE IF NOT EXISTS t (id INT)", &["ddl t keeps"]),
    ("CREATE TABLE u SELECT 1 AS a", &["begin", "ddl u"]),
    ("CREATE TABLE v LIKE t", &["ddl v"]),
    ("INSERT INTO t VALUES (1, 1)", &["begin"]),
    (
        "BEGIN; INSERT INTO t VALUES (2, 2); SAVEPOINT s; INSERT INTO t VALUES (3, 3); \
             ROLLBACK TO s; COMMIT",
        &["begin", "savepoint"],
    ),
    ("ALTER TABLE t ADD INDEX i (a), COMMENT 'x'", &["ddl t keeps"]),
    ("CREATE UNIQUE INDEX j ON t (a)", &["ddl t"]),
    ("DROP INDEX i ON t", &["ddl t keeps"]),
    ("ANALYZE TABLE t", &["ddl t keeps"]),
    ("/*!40000 ALTER TABLE `t` DISABLE KEYS */", &["ddl t keeps"]),
    ("RENAME TABLE u TO w, v TO `x``y`", &["ddl u,w,v,x`y"]),
    ("ALTER TABLE w RENAME TO z", &["ddl w,z"]),
    ("TRUNCATE t", &["ddl t"]),
    ("DROP TABLE z, `x``y`", &["ddl z,x`y"]),
    ("CREATE TEMPORARY TABLE tmp (a INT) ENGINE=InnoDB; DROP TEMPORARY TABLE tmp", &[]),
    ("SET binlog_format = STATEMENT; INSERT INTO t VALUES (7, 7)", &["begin", "dml 1"]),
    ("CREATE USER who IDENTIFIED BY 'it''s'", &["other"]),
    ("GRANT SELECT ON shop.t TO who", &["other"]),
    ("CREATE VIEW seen AS SELECT 1", &["other"]),
    ("CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 1", &["other"]),
    ("CREATE PROCEDURE pr() BEGIN DELETE FROM t; DROP TABLE t; END", &["other"]),
    ("CREATE DATABASE IF NOT EXISTS crm", &["database"]),
    ("DROP DATABASE crm", &["database"]),
    (
        "XA START 'k'; INSERT INTO t VALUES (8, 8); XA END 'k'; XA PREPARE 'k'",
        &["xa start k", "xa end k"],
    ),
    ("XA COMMIT 'k'", &["xa commit k"]),
];

/// What a statement was told to be, in a few words.
fn told(statement: &Statement) -> String {
    match statement {
        Statement::Begin => "begin".to_owned(),
        Statement::Commit => "commit".to_owned(),
        Statement::Rollback => "rollback".to_owned(),
        Statement::Savepoint => "savepoint".to_owned(),
        Statement::Xa(step, xid) => {
            let step = match step {
                Xa::Start => "start",
                Xa::End => "end",
                Xa::Prepare => "prepare",
                Xa::Commit => "commit",
                Xa::Rollback => "rollback",
            };
            format!("xa {step} {}", String::from_utf8(xid.global.clone()).unwrap())
        }
        Statement::Dml { tables } => format!("dml {}", tables.len()),
        Statement::Ddl(ddl) => {
            let names: Vec<&str> = ddl.tables.iter().map(|table| table.name.as_str()).collect();
            let keeps = if ddl.keeps_rows { " keeps" } else { "" };
            format!("ddl {}{keeps}", names.join(","))
        }
        Statement::Database { .. } => "database".to_owned(),
        Statement::Other => "other".to_owned(),
        Statement::Unknown => "unknown".to_owned(),
    }
}

#[tokio::test]
async fn statements_are_told_apart_as_the_server_logs_them() {
    let server = Server::start().await.unwrap();
    server.execute("CREATE DATABASE shop").await.unwrap();
    let mut reader = session(&server, "shop", Role::SourceReader).await;
    let start = source::log_end(&mut reader).await.unwrap();
    let mut wanted = Vec::new();
    for (statements, logged) in CASES {
        server.execute_in("shop", statements).await.unwrap();
        wanted.extend(logged.iter().copied());
    }

    let sql = format!("SHOW BINLOG EVENTS IN '{}' FROM {}", start.file, start.offset);
    let events = reader.query(&sql).await.unwrap();
    let logged: Vec<String> = events
        .iter()
        .filter(|event| event.text("Event_type").unwrap() == "Query")
        .map(|event| {
            let text = event.text("Info").unwrap();
            let statement = text.strip_prefix("use `shop`; ").unwrap_or(&text);
            told(&classify(statement.as_bytes(), "shop"))
        })
        .collect();

    assert_eq!(logged, wanted);
}
