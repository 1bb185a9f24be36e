//! A target whose binary log is left out.

use whimbrel_kit::{Server, pair};

use crate::support::Migration;

const ROWS: &str = "CREATE TABLE t (id INT PRIMARY KEY, a INT NOT NULL, note VARCHAR(40), KEY (a));
    INSERT INTO t WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900)
      SELECT i, i % 7, REPEAT('x', i % 40) FROM n";

/// Tables without rows beside it.
const MANY: u32 = 120;

/// Where the server's binary log ends, and the transactions that it tells of.
async fn log(server: &Server) -> (String, u64, String) {
    let row: Option<(String, u64, String, String, String)> =
        server.row("SHOW BINARY LOG STATUS").await.unwrap();
    let (file, offset, _, _, executed) = row.unwrap();
    (file, offset, executed)
}

#[tokio::test]
async fn nothing_that_is_written_reaches_a_log_that_is_skipped() {
    let pair = pair().await.unwrap();
    pair.execute_source(ROWS).await.unwrap();
    // So many tables are made over several connections.
    let many: String =
        (0..MANY).map(|i| format!("CREATE TABLE m{i} (id INT PRIMARY KEY);")).collect();
    pair.execute_source(&many).await.unwrap();
    let target = Server::start().await.unwrap();
    target
        .execute("CREATE DATABASE copy; CREATE USER writer IDENTIFIED BY 'w'; GRANT ALL ON copy.* TO writer")
        .await
        .unwrap();
    let migration =
        Migration::new((pair.source, &pair.source_database), (&target, "copy"), &["t"], "");
    let url = target.url_as("writer", "w");
    migration.write_plan((&pair.source.url(), &url), &["t", "m*"], "");
    migration.edit("database: \"copy\"", "database: \"copy\", binlog: skip");
    let grant = "GRANT SESSION_VARIABLES_ADMIN ON *.* TO `writer`@`%`";

    migration.refused(3, &[grant, "target.mysql.binlog"]).await;
    target.execute(grant).await.unwrap();
    let before = log(&target).await;
    migration.catch_up().await;
    pair.execute_source("UPDATE t SET a = a + 1 WHERE id < 600; DELETE FROM t WHERE id > 800")
        .await
        .unwrap();
    migration.catch_up().await;

    assert_eq!(log(&target).await, before);
    migration.assert_equal(&["t"]).await;

    migration.edit(", binlog: skip", "");
    pair.execute_source("DELETE FROM t WHERE id = 1").await.unwrap();
    migration.catch_up().await;
    assert_ne!(log(&target).await, before, "without the option the log is written");
    migration.assert_equal(&["t"]).await;
}
