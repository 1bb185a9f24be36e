//! The tables that faults are tried on, and what is known of them all the while.

use whimbrel_kit::{Pair, Server, Writer, mysql_async::prelude::Queryable};

use crate::support::Migration;

/// One of each kind that lanes treat differently: spread by key, with a second unique key, with a key
/// whose case does not count.
pub(super) const TABLES: [&str; 3] = ["orders", "people", "words"];

const SCHEMA: &str = "
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

/// A writer of all that the tables take.
pub(super) async fn writer(server: &Server, database: &str) -> Writer {
    Writer::on(server, database, &TABLES).start().await.unwrap()
}

/// A server of the test's own, with the database `shop`.
pub(super) async fn server() -> Server {
    let server = Server::start().await.unwrap();
    server.execute("CREATE DATABASE shop").await.unwrap();
    server
}

/// Waits until the target has the row `mark` of `orders`, which is written to the source first: all
/// that came before it has arrived then.
pub(super) async fn mark_arrives(source: (&Server, &str), target: (&Server, &str), mark: u32) {
    let insert = format!("INSERT INTO orders (id, customer, note) VALUES ({mark}, 1, 'mark')");
    source.0.execute_in(source.1, &insert).await.unwrap();
    let select = format!("SELECT COUNT(*) FROM orders WHERE id = {mark}");
    whimbrel_kit::eventually("the arrival of a mark", 120, async || {
        let mut conn = target.0.connect_to(target.1).await?;
        let found: Option<u64> = conn.query_first(&select).await?;
        conn.disconnect().await?;
        Ok(found == Some(1))
    })
    .await
    .unwrap();
}
