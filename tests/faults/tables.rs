//! The tables that faults are tried on, and what is known of them all the while.

use std::time::Duration;

use whimbrel_kit::{Pair, Server, Writer, mysql_async::prelude::Queryable};

use super::counter::{Counting, assert_written_once};
use crate::support::{Migration, Running};

/// One of each kind that lanes treat differently: spread by key, with a second unique key, with a key
/// whose case does not count; and the counter.
pub(super) const TABLES: [&str; 4] = ["counter", "orders", "people", "words"];

/// What the writer writes to; the counter is counted up.
const WRITTEN: [&str; 3] = ["orders", "people", "words"];

/// How long the long stalls last, in seconds; without it, as long as it takes to be noticed. Beyond
/// ten minutes sessions on the target are given up as well.
const STALL_VARIABLE: &str = "WHIMBREL_STALL_SECONDS";

/// A row's number, far from what writers use.
const MARK: u32 = 2_000_000_000;

const SCHEMA: &str = "
    CREATE TABLE counter (id INT NOT NULL PRIMARY KEY, n BIGINT NOT NULL);
    INSERT INTO counter VALUES (1, 0);
    CREATE TABLE orders (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, customer INT NOT NULL,
      price DECIMAL(12,2) NULL, note VARCHAR(200) NULL, placed TIMESTAMP(6) NULL, KEY (customer));
    CREATE TABLE people (id BIGINT UNSIGNED NOT NULL PRIMARY KEY, email VARCHAR(60) NULL,
      score DOUBLE NOT NULL, UNIQUE KEY (email));
    CREATE TABLE words (word VARCHAR(40) COLLATE utf8mb4_0900_ai_ci NOT NULL PRIMARY KEY,
      weight FLOAT NULL, picture BLOB NULL);";

/// Makes the tables, with so many rows each.
pub(super) async fn fill(server: &Server, database: &str, rows: u32) {
    let numbers = format!(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})"
    );
    server.execute_in(database, SCHEMA).await.unwrap();
    server
        .execute_in(
            database,
            &format!(
                "SET SESSION cte_max_recursion_depth = 10000000;
                 INSERT INTO orders (customer, price, note, placed) {numbers}
                   SELECT i % 97, i / 7, REPEAT('x', i % 50), FROM_UNIXTIME(1700000000 + i) FROM n;
                 INSERT INTO people {numbers} SELECT i, CONCAT('p', i, '@example.com'), i / 3 FROM n;
                 INSERT INTO words {numbers}
                   SELECT CONCAT(IF(i % 2, 'Word', 'word'), i), i / 3, REPEAT(CHAR(i % 256), i % 30)
                   FROM n"
            ),
        )
        .await
        .unwrap();
}

/// A plan for the tables of a pair.
pub(super) fn migration<'a>(pair: &'a Pair, more: &str) -> Migration<'a> {
    Migration::new(
        (pair.source, &pair.source_database),
        (pair.target, &pair.target_database),
        &TABLES,
        more,
    )
}

/// A live application: a writer of all that the tables take, and transactions that count.
pub(super) struct Live {
    writer: Writer,
    counting: Counting,
}

impl Live {
    pub(super) async fn on(server: &Server, database: &str) -> Self {
        let writer = Writer::on(server, database, &WRITTEN).start().await.unwrap();
        Self { writer, counting: Counting::on(server, database) }
    }

    /// Waits until the writer has committed so many transactions more.
    pub(super) async fn commits(&self, transactions: u64) {
        self.writer.commits(transactions).await.unwrap();
    }

    pub(super) async fn stop(self) {
        self.counting.stop().await;
        self.writer.stop().await.unwrap();
    }
}

/// What all faults must come to: the run takes all that was written and ends in order, both sides are
/// equal row by row, and no value of the counter was written twice but for `readings_max` readings
/// of its row for the copy.
pub(super) async fn ends_equal(
    migration: &Migration<'_>,
    live: Live,
    running: Running,
    readings_max: u64,
) {
    live.stop().await;
    mark_arrives(migration).await;
    running.interrupt();
    let (code, log) = running.ended().await;
    assert_eq!(code, Some(0), "{log}");
    assert_written_once((migration.target, &migration.target_database), readings_max).await;
    migration.assert_equal(&TABLES).await;
}

/// A server of the test's own, with the database `shop`.
pub(super) async fn server() -> Server {
    let server = Server::start().await.unwrap();
    server.execute("CREATE DATABASE shop").await.unwrap();
    server
}

/// Waits until the target has a row of `orders` that is written to the source first: all that came
/// before it has arrived then.
pub(super) async fn mark_arrives(migration: &Migration<'_>) {
    let insert = format!("INSERT INTO orders (id, customer, note) VALUES ({MARK}, 1, 'mark')");
    migration.source.execute_in(&migration.source_database, &insert).await.unwrap();
    let select = format!("SELECT COUNT(*) FROM orders WHERE id = {MARK}");
    whimbrel_kit::eventually("the arrival of a mark", 120, async || {
        let mut conn = migration.target.connect_to(&migration.target_database).await?;
        let found: Option<u64> = conn.query_first(&select).await?;
        conn.disconnect().await?;
        Ok(found == Some(1))
    })
    .await
    .unwrap();
}

/// Whether long stalls are asked for.
pub(super) fn stalls_are_asked() -> bool {
    std::env::var(STALL_VARIABLE).is_ok()
}

/// Lets a stall that was noticed last for as long as [`STALL_VARIABLE`] asks for.
pub(super) async fn stall_as_asked() {
    if let Ok(seconds) = std::env::var(STALL_VARIABLE) {
        #[expect(clippy::disallowed_methods, reason = "asked for: the stall is what is tested")]
        tokio::time::sleep(Duration::from_secs(seconds.parse().unwrap())).await;
    }
}
