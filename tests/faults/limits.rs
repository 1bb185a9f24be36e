//! How large things may get: memory stays within the plan's limit, and progress tells the truth.

use whimbrel_kit::{Pair, Server, mysql_async::prelude::Queryable, pair, shared_source};

use crate::support::{Migration, Running};

/// What a plan may take by default.
const MEMORY_MIB_MAX: u64 = 256;

/// How many small tables are moved at once; 500 without it.
const TABLES_VARIABLE: &str = "WHIMBREL_TABLES";

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

/// A source writes a million rows in one transaction and changes them all in another, while they are
/// followed.
async fn follow_a_million_rows(pair: &Pair, compression: &str) {
    let rows: u64 = 1_000_000;
    pair.execute_source("CREATE TABLE t (id INT NOT NULL PRIMARY KEY, v INT, w CHAR(60))")
        .await
        .unwrap();
    let migration = migration(pair, &["t"]);
    let mut running = migration.start(&[]);
    running.says("following").await;

    // Digits in no order: what is compressed is half as large.
    pair.execute_source(&format!(
        "SET SESSION cte_max_recursion_depth = 10000000, binlog_transaction_compression = {compression};
         INSERT INTO t WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
           SELECT i, 0, SHA2(i, 224) FROM n;
         UPDATE t SET v = 1"
    ))
    .await
    .unwrap();
    arrive(pair, "t", "v = 1", rows).await;

    drained(running, MEMORY_MIB_MAX).await;
    migration.assert_equal(&["t"]).await;
}

#[tokio::test]
async fn a_transaction_of_a_million_rows_is_followed_in_bounded_memory() {
    let pair = pair().await.unwrap();

    follow_a_million_rows(&pair, "OFF").await;
}

#[tokio::test]
async fn a_compressed_transaction_of_a_million_rows_is_followed_in_bounded_memory() {
    let pair = pair().await.unwrap();

    follow_a_million_rows(&pair, "ON").await;

    let counted = "SELECT CAST(SUM(UNCOMPRESSED_BYTES_COUNTER) AS UNSIGNED)
                   FROM performance_schema.binary_log_transaction_compression_stats
                   WHERE LOG_TYPE = 'BINARY' AND COMPRESSION_TYPE = 'ZSTD'";
    let compressed: u64 = pair.source.row(counted).await.unwrap().unwrap();
    assert!(compressed > 150_000_000, "{compressed} bytes came compressed");
}

/// Proves that the values of `t` are the same on both sides: rows too large to be compared as text.
async fn assert_same_sums(pair: &Pair) {
    let sums = async |server: &Server, database: &str| {
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
async fn five_hundred_columns_and_very_many_small_tables_pass() {
    let tables = std::env::var(TABLES_VARIABLE).map_or(500, |number| number.parse().unwrap());
    let pair = pair().await.unwrap();
    let columns: Vec<String> = (0..500).map(|number| format!("c{number} INT NULL")).collect();
    let values = vec!["7"; 500].join(", ");
    let wide = format!("CREATE TABLE wide (id INT NOT NULL PRIMARY KEY, {});", columns.join(", "));
    let rows = (0..50).map(|id| format!("INSERT INTO wide VALUES ({id}, {values});"));
    let small = (0..tables).map(|number| {
        format!(
            "CREATE TABLE small{number} (id INT NOT NULL PRIMARY KEY, KEY (id));
             INSERT INTO small{number} VALUES ({number});"
        )
    });
    let statements: String = std::iter::once(wide).chain(rows).chain(small).collect();
    pair.execute_source(&statements).await.unwrap();
    let migration = migration(&pair, &["wide", "small*"]);
    let mut running = migration.start(&[]);
    running.says("following").await;
    // The source guesses that tables it has just made are empty.
    let told = running.rows_told();
    assert!(told.iter().all(|(copied, all)| copied <= all && *all > tables), "{told:?}");
    let last = format!("small{}", tables - 1);
    let changes = format!("UPDATE wide SET c499 = id; UPDATE {last} SET id = 1000000");
    pair.execute_source(&changes).await.unwrap();
    arrive(&pair, &last, "id = 1000000", 1).await;

    drained(running, MEMORY_MIB_MAX).await;
    migration.assert_equal(&["wide", "small0", "small250", &last]).await;
}

/// How many tables, and how many of them are too large to be filled together with their indexes.
const INDEXED: usize = 100;
const LARGE: usize = 5;

/// Tables with three indexes over three columns of 255 characters each.
async fn fill_indexed(source: &Server, database: &str) {
    let table = |name: &str| {
        let columns: Vec<String> =
            (0..6).map(|column| format!("c{column} VARCHAR(255) NOT NULL")).collect();
        format!(
            "CREATE TABLE {name} (id INT NOT NULL PRIMARY KEY, {}, KEY a (c0, c1, c2),
               KEY b (c3, c4, c5), KEY c (c5, c2, c0));",
            columns.join(", ")
        )
    };
    let values: Vec<String> = (0..6)
        .map(|column| format!("RPAD(SHA2(i * 7 + {column}, 256), 120, SHA2(i, 256))"))
        .collect();
    let rows = |rows: usize| {
        format!(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
             SELECT i, {} FROM n;",
            values.join(", ")
        )
    };
    let tables = (0..INDEXED).map(|number| {
        let name = format!("t{number}");
        let row_count = if number < LARGE { 5_000 } else { 50 };
        let analyze = if number < LARGE { format!("ANALYZE TABLE {name};") } else { String::new() };
        format!("{} INSERT INTO {name} {} {analyze}", table(&name), rows(row_count))
    });
    let statements: String = tables.collect();
    let depth = "SET SESSION cte_max_recursion_depth = 10000;";
    source.execute_in(database, &format!("{depth} {statements}")).await.unwrap();
}

#[tokio::test]
async fn wide_indexes_of_a_hundred_tables_are_made_one_by_one_over_a_kill() {
    let source = shared_source().await.unwrap();
    source.execute("CREATE DATABASE indexed").await.unwrap();
    fill_indexed(source, "indexed").await;
    // Half of it holds the small tables, each by itself, and none of the large ones.
    let target = Server::builder().flag("--innodb-buffer-pool-size=5M").start().await.unwrap();
    target.execute("CREATE DATABASE shop").await.unwrap();
    let migration = Migration::new((source, "indexed"), (&target, "shop"), &["t*"], "");
    let mut killed = migration.start(&[]);
    killed.says("moving").await;

    // An open transaction holds up whatever is built.
    let mut other = target.connect_to("shop").await.unwrap();
    let reads: String =
        (0..LARGE).map(|number| format!("SELECT * FROM t{number} LIMIT 1;")).collect();
    other.query_drop(format!("BEGIN; {reads}")).await.unwrap();
    killed.says("indexing · ").await;
    killed.says("secondary indexes of `").await;
    let altering = "SELECT COUNT(*) FROM performance_schema.processlist WHERE info LIKE 'ALTER%'";
    assert_eq!(target.row::<u64>(altering).await.unwrap(), Some(1));
    let resident = killed.resident_mib_max();
    killed.kill();
    let mut running = migration.start(&[]);
    running.says("secondary indexes of `t0` and of 4 tables more").await;
    other.query_drop("ROLLBACK").await.unwrap();
    other.disconnect().await.unwrap();
    running.says("following").await;

    println!("resident: {resident} MiB");
    assert!(resident <= MEMORY_MIB_MAX, "{resident} MiB resident");
    drained(running, MEMORY_MIB_MAX).await;
    let parts = async |server: &Server, database: &str| {
        let count = format!(
            "SELECT COUNT(*) FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = '{database}'
               AND TABLE_NAME LIKE 't%'"
        );
        server.row::<usize>(&count).await.unwrap()
    };
    assert_eq!(parts(&target, "shop").await, Some(INDEXED * (1 + 3 * 3)));
    assert_eq!(parts(source, "indexed").await, parts(&target, "shop").await);
    migration.assert_equal(&["t0", "t4", "t5", "t99"]).await;
}
