//! How large things may get: memory stays within the plan's limit, and progress tells the truth.

use whimbrel_kit::{Pair, pair};

use crate::support::{Migration, Running};

/// What a plan may take by default.
const MEMORY_MIB_MAX: u64 = 256;

fn migration<'a>(pair: &'a Pair, rules: &[&str]) -> Migration<'a> {
    Migration::new(
        (pair.source, &pair.source_database),
        (pair.target, &pair.target_database),
        rules,
        "",
    )
}

/// Waits until `count` rows of `table` on the target match `condition`.
async fn arrive(pair: &Pair, table: &str, condition: &str, count: u64) {
    let select = format!("SELECT COUNT(*) FROM {}.{table} WHERE {condition}", pair.target_database);
    whimbrel_kit::eventually("the arrival of rows", 180, async || {
        Ok(pair.target.row::<u64>(&select).await? == Some(count))
    })
    .await
    .unwrap();
}

async fn drained(running: Running, resident_mib_max: u64) {
    let resident = running.resident_mib_max();
    running.interrupt();
    let (code, log) = running.ended().await;
    assert_eq!(code, Some(0), "{log}");
    println!("resident: {resident} MiB");
    assert!(resident <= resident_mib_max, "{resident} MiB resident");
}

#[tokio::test]
async fn a_transaction_of_a_million_rows_is_followed_in_bounded_memory() {
    let rows: u64 = 1_000_000;
    let pair = pair().await.unwrap();
    pair.execute_source("CREATE TABLE t (id INT NOT NULL PRIMARY KEY, v INT, w CHAR(60))")
        .await
        .unwrap();
    let migration = migration(&pair, &["t"]);
    let mut running = migration.start(&[]);
    running.says("following").await;

    pair.execute_source(&format!(
        "SET SESSION cte_max_recursion_depth = 10000000;
         INSERT INTO t WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
           SELECT i, 0, REPEAT('w', 60) FROM n;
         UPDATE t SET v = 1"
    ))
    .await
    .unwrap();
    arrive(&pair, "t", "v = 1", rows).await;

    drained(running, MEMORY_MIB_MAX).await;
    migration.assert_equal(&["t"]).await;
}

/// Proves that the values of `t` are the same on both sides: rows too large to be compared as text.
async fn assert_same_sums(pair: &Pair) {
    let sums = async |server: &whimbrel_kit::Server, database: &str| {
        let sum =
            format!("SELECT GROUP_CONCAT(id, ':', SHA2(v, 256) ORDER BY id) FROM {database}.t");
        server.row::<String>(&sum).await.unwrap()
    };
    assert_eq!(
        sums(pair.source, &pair.source_database).await,
        sums(pair.target, &pair.target_database).await
    );
}

#[tokio::test]
async fn rows_of_twenty_megabytes_pass_both_ways() {
    let pair = pair().await.unwrap();
    pair.execute_source(
        "CREATE TABLE t (id INT NOT NULL PRIMARY KEY, n INT NOT NULL DEFAULT 0, v LONGBLOB);
         INSERT INTO t (id, v) VALUES (1, REPEAT(x'00ff27', 7000000)), (2, REPEAT('b', 20000000)),
           (3, 'c'), (4, REPEAT('d', 20000000)), (5, REPEAT('e', 20000000))",
    )
    .await
    .unwrap();
    let migration = migration(&pair, &["t"]);
    let mut running = migration.start(&[]);
    running.says("following").await;
    let copied = running.resident_mib_max();

    pair.execute_source("UPDATE t SET v = CONCAT(v, 'x') WHERE id < 5").await.unwrap();
    pair.execute_source("UPDATE t SET n = 1; INSERT INTO t VALUES (6, 0, 'd')").await.unwrap();
    arrive(&pair, "t", "id = 6", 1).await;

    assert!(copied <= MEMORY_MIB_MAX, "{copied} MiB resident after the copy");
    drained(running, MEMORY_MIB_MAX).await;
    assert_same_sums(&pair).await;
}

#[tokio::test]
async fn a_compressed_transaction_is_followed_in_bounded_memory() {
    let pair = pair().await.unwrap();
    pair.execute_source("CREATE TABLE t (id INT NOT NULL PRIMARY KEY, v CHAR(100))").await.unwrap();
    let migration = migration(&pair, &["t"]);
    let mut running = migration.start(&[]);
    running.says("following").await;

    // 60 MB of rows in one event of some MB.
    pair.execute_source(
        "SET SESSION cte_max_recursion_depth = 10000000, binlog_transaction_compression = ON;
         INSERT INTO t WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600000)
           SELECT i, REPEAT('w', 100) FROM n",
    )
    .await
    .unwrap();
    arrive(&pair, "t", "v LIKE 'w%'", 600_000).await;

    drained(running, MEMORY_MIB_MAX).await;
    assert_same_sums(&pair).await;
}

#[tokio::test]
async fn five_hundred_columns_and_five_hundred_tables_pass() {
    let pair = pair().await.unwrap();
    let columns: Vec<String> = (0..500).map(|number| format!("c{number} INT NULL")).collect();
    let values = vec!["7"; 500].join(", ");
    let wide = format!("CREATE TABLE wide (id INT NOT NULL PRIMARY KEY, {});", columns.join(", "));
    let rows = (0..50).map(|id| format!("INSERT INTO wide VALUES ({id}, {values});"));
    let small = (0..500).map(|number| {
        format!(
            "CREATE TABLE small{number} (id INT NOT NULL PRIMARY KEY);
             INSERT INTO small{number} VALUES ({number});"
        )
    });
    let statements: String = std::iter::once(wide).chain(rows).chain(small).collect();
    pair.execute_source(&statements).await.unwrap();
    let migration = migration(&pair, &["wide", "small*"]);
    let mut running = migration.start(&[]);
    running.says("following").await;
    pair.execute_source("UPDATE wide SET c499 = id; UPDATE small499 SET id = 1000").await.unwrap();
    arrive(&pair, "small499", "id = 1000", 1).await;

    drained(running, MEMORY_MIB_MAX).await;
    migration.assert_equal(&["wide", "small0", "small250", "small499"]).await;
}
