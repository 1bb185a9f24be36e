//! Several sources under one key, between real servers: rows move between the sources while they are
//! copied and followed, and a key that two sources have stops the run until somebody mends it.

use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
};

use tempfile::TempDir;
use whimbrel_kit::{
    Pair, Random,
    mysql_async::{Conn, prelude::Queryable},
    pair,
};

use crate::{
    command::{text, whimbrel},
    support::Migration,
};

/// More rows than one window of a lane holds, so that a transaction that moves as many is written in
/// several.
const MANY: u64 = 11_000;

const SCHEMA: &str = "
    CREATE TABLE events_2024 (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, at DATETIME(3) NOT NULL, what VARCHAR(40),
      doc JSON, KEY (what));
    CREATE TABLE events_2025 LIKE events_2024; CREATE TABLE moved (id INT NOT NULL PRIMARY KEY)";

const PLAN: &str = "
materialize:
  all_events:
    from: [events_2024, events_2025]
    key: [id]
";

/// What a person is told.
const MESSAGE: &str = "error[run.shared-keys]: `events_2025` and `events_2024` both have rows of 2 of the keys of \
                       `all_events` (`id`)\n  help: the target shows the rows of `events_2025`, and nothing is lost: \
                       on the source, delete one of the two rows of each key, or give one another key, then run \
                       again: it goes on there (`SELECT `id` FROM `_whimbrel_waiting_all_events`` on the target lists \
                       the keys); whoever moves rows between the two does so in one transaction. If both are to keep \
                       such rows, add `columns: { origin: table_name() }` and `key: [origin, …]` under a new `name` \
                       with an empty target";

const TABLES: [&str; 2] = ["events_2024", "events_2025"];

async fn filled(rows: u64) -> Pair {
    let pair = pair().await.unwrap();
    pair.execute_source(SCHEMA).await.unwrap();
    for (table, parity) in TABLES.iter().zip(0..) {
        pair.execute_source(&format!(
            "SET SESSION cte_max_recursion_depth = 10000000;
             INSERT INTO {table} WITH RECURSIVE n (i) AS
               (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
             SELECT i, NOW(3), '{table}', JSON_OBJECT('n', i) FROM n WHERE i % 2 = {parity}"
        ))
        .await
        .unwrap();
    }
    pair
}

fn migration<'a>(pair: &'a Pair, more: &str) -> Migration<'a> {
    Migration::new(
        (pair.source, &pair.source_database),
        (pair.target, &pair.target_database),
        &["moved"],
        &format!("{more}{PLAN}"),
    )
}

async fn lines(conn: &mut Conn, from: &str) -> Vec<String> {
    let sql = format!(
        "SELECT CONCAT_WS('|', id, at, IFNULL(what, '-'), CAST(doc AS CHAR)) AS line \
         FROM ({from}) rows_of ORDER BY id, line"
    );
    conn.query(sql).await.unwrap()
}

/// The target is what the sources are together; nobody waits, and each key is its source's.
async fn assert_together(pair: &Pair) {
    let mut source = pair.source.connect_to(&pair.source_database).await.unwrap();
    let mut target = pair.target.connect_to(&pair.target_database).await.unwrap();
    let together = "SELECT * FROM events_2024 UNION ALL SELECT * FROM events_2025";
    let (wanted, found) =
        (lines(&mut source, together).await, lines(&mut target, "SELECT * FROM all_events").await);
    let differs = wanted.iter().zip(&found).position(|(wanted, found)| wanted != found);
    assert_eq!((wanted.len(), differs), (found.len(), None));
    let owners: Vec<(u64, u64)> = source
        .query("SELECT id, 0 FROM events_2024 UNION ALL SELECT id, 1 FROM events_2025 ORDER BY 1")
        .await
        .unwrap();
    let kept: Vec<(u64, u64)> = target
        .query("SELECT id, _whimbrel_source FROM _whimbrel_owners_all_events ORDER BY 1")
        .await
        .unwrap();
    assert!(owners == kept, "the owners are others");
    let waiting: Vec<u64> =
        target.query("SELECT id FROM _whimbrel_waiting_all_events").await.unwrap();
    assert!(waiting.is_empty(), "{} rows wait", waiting.len());
}

/// Rows that move between the sources, each time in one transaction, in either order, until `is_over`.
async fn move_rows(pair: &Pair, is_over: &AtomicBool) {
    let mut random = Random::printed("moves");
    let mut conn = pair.source.connect_to(&pair.source_database).await.unwrap();
    conn.query_drop("CREATE TEMPORARY TABLE kept LIKE events_2024").await.unwrap();
    let mut count = 0_u64;
    while !is_over.load(Ordering::Relaxed) {
        let [from, to] = if random.below(2) == 0 { TABLES } else { [TABLES[1], TABLES[0]] };
        let rows = if count.is_multiple_of(32) { 2 * MANY } else { 1 + random.below(40) };
        let low = random.below(2 * MANY);
        let range = format!("id BETWEEN {low} AND {}", low + rows);
        let put = format!("INSERT INTO {to} SELECT * FROM {from} WHERE {range}");
        let remove = format!("DELETE FROM {from} WHERE {range}");
        let change = format!("UPDATE {to} SET what = 'c{count}', at = NOW(3) WHERE {range}");
        let statements = match random.below(4) {
            // Both have the rows for a while.
            0 => vec![put, change, remove],
            // Nobody has them for a while.
            1 => vec![
                "DELETE FROM kept".to_owned(),
                format!("INSERT INTO kept SELECT * FROM {from} WHERE {range}"),
                remove,
                format!("INSERT INTO {to} SELECT * FROM kept"),
            ],
            // They go to and fro, and stay where they were.
            2 => {
                let there = format!("{range} AND id IN (SELECT id FROM {from})");
                vec![put, format!("DELETE FROM {to} WHERE {there}")]
            }
            _ => vec![change, format!("DELETE FROM {to} WHERE id = {low}")],
        };
        conn.query_drop("BEGIN").await.unwrap();
        for statement in statements {
            conn.query_drop(statement).await.unwrap();
        }
        conn.query_drop("COMMIT").await.unwrap();
        count += 1;
    }
    assert!(count > 50, "{count} transactions prove little");
}

#[tokio::test]
async fn rows_that_move_between_the_sources_of_a_key_are_there_once_after_every_kill() {
    let pair = filled(2 * MANY).await;
    let migration = migration(&pair, "limits: { rows_per_second: 8000 }");
    let is_over = AtomicBool::new(false);

    let killed = async {
        for _ in 0..4 {
            let mut running = migration.start(&[]);
            running.says("/s").await;
            running.kill();
        }
        migration.catch_up().await;
        is_over.store(true, Ordering::Relaxed);
    };
    tokio::join!(killed, move_rows(&pair, &is_over));
    migration.catch_up().await;

    assert_together(&pair).await;
}

#[tokio::test]
async fn a_key_that_two_sources_have_stops_the_run_until_it_is_mended() {
    let pair = filled(400).await;
    let migration = migration(&pair, "");
    pair.execute_source("INSERT INTO events_2025 SELECT * FROM events_2024 WHERE id = 6")
        .await
        .unwrap();

    let shared = "both have rows of 1 of the keys of `all_events` (`id`)";
    let run = || migration.start(&["--until", "caught-up"]);
    run().fails("run.shared-keys", &[shared]).await;
    run().fails("run.shared-keys", &[shared]).await;
    pair.execute_source("DELETE FROM events_2024 WHERE id = 6").await.unwrap();
    migration.catch_up().await;
    assert_together(&pair).await;

    // Mended before the run begins: the log tells of both.
    pair.execute_source(
        "INSERT INTO events_2024 SELECT * FROM events_2025 WHERE id < 40;
         UPDATE events_2024 SET what = 'newer' WHERE id < 40;
         DELETE FROM events_2025 WHERE id < 40",
    )
    .await
    .unwrap();
    migration.catch_up().await;
    assert_together(&pair).await;

    let mut running = migration.start(&[]);
    running.says("following").await;
    pair.execute_source("INSERT INTO events_2024 SELECT * FROM events_2025 WHERE id IN (41, 43)")
        .await
        .unwrap();
    running.fails("run.shared-keys", &[MESSAGE]).await;
    pair.execute_source(
        "DELETE FROM events_2024 WHERE id = 41; UPDATE events_2025 SET id = 4300 WHERE id = 43",
    )
    .await
    .unwrap();
    migration.catch_up().await;
    assert_together(&pair).await;
}

#[test]
fn what_is_kept_beside_keys_that_sources_share_is_explained() {
    let folder = TempDir::new().unwrap();
    let table =
        |name| format!("CREATE TABLE {name} (id INT NOT NULL PRIMARY KEY, what VARCHAR(40));\n");
    let schema = TABLES.map(table).concat();
    let plan = format!(
        "version: 1\nname: test\nsource:\n  mysql: {{ url: 'mysql://a@source', database: shop, schema: \
         schema.sql }}\ntarget:\n  mysql: {{ url: 'mysql://a@target', database: shop }}\n{PLAN}"
    );
    fs::write(folder.path().join("schema.sql"), schema).unwrap();
    fs::write(folder.path().join("plan.yaml"), plan).unwrap();

    let shown = text(whimbrel(folder.path(), &["explain", "plan.yaml"]).stdout);

    for fact in [
        "`_whimbrel_owners_all_events`, the source of each key, and `_whimbrel_waiting_all_events`, \
         rows whose key another source has",
        "two sources that have one key stop the run, and neither's row is lost",
    ] {
        assert!(shown.contains(fact), "{shown}");
    }
}
