//! Rolled-up targets between real servers, under a live writer: in the end they are what `GROUP BY` gives
//! on the source.

use whimbrel_kit::{
    Pair, Random, Relay, Server, Writer, eventually,
    mysql_async::{Row, Value, prelude::Queryable},
    pair, shared_source,
};

use crate::support::Migration;

const SOURCES: [&str; 3] = ["orders", "events_2024", "events_2025"];

const SCHEMA: &str = "
    CREATE TABLE orders (id BIGINT NOT NULL PRIMARY KEY, status ENUM('new','paid','void') NULL,
      name VARCHAR(20) COLLATE utf8mb4_0900_ai_ci NULL, price DECIMAL(10,2) NULL,
      quantity SMALLINT NOT NULL, placed DATETIME(3) NULL);
    CREATE TABLE events_2024 (what VARCHAR(12) COLLATE utf8mb4_0900_ai_ci NOT NULL, id INT NOT NULL,
      bytes BIGINT UNSIGNED NULL, PRIMARY KEY (id, what));
    CREATE TABLE events_2025 (what VARCHAR(12) COLLATE utf8mb4_0900_ai_ci NOT NULL, id INT NOT NULL,
      bytes BIGINT UNSIGNED NULL, PRIMARY KEY (id, what))";

fn fill(rows: u32) -> String {
    let counted = format!(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})"
    );
    format!(
        "SET SESSION cte_max_recursion_depth = 10000000;
         INSERT INTO orders {counted}
           SELECT i, IF(i % 5, 1 + i % 3, NULL), IF(i % 7, CONCAT(CHAR(65 + i % 60), i), NULL),
             IF(i % 11, i / 3, NULL), i % 20, IF(i % 13, '2024-05-05 10:00:00.5' + INTERVAL i HOUR,
             NULL) FROM n;
         INSERT INTO events_2024 {counted} SELECT CONCAT('E', i % 4), i, i * 1000 FROM n;
         INSERT INTO events_2025 {counted} SELECT CONCAT('e', i % 3), i, NULL FROM n"
    )
}

const PLAN: &str = r#"
materialize:
  sales:
    from: orders
    where: quantity > 2
    group_by:
      status: status
      label: if(quantity % 4 == 0, "a", if(quantity % 4 == 1, "A", if(quantity % 4 == 2, (), name)))
    aggregates:
      n: count()
      priced: count(price)
      revenue: sum(price)
      pieces: sum(quantity)
      mean: avg(price)
      cheapest: min(price)
      dearest: max(price)
      newest: max(placed)
    create: |
      CREATE TABLE sales (status ENUM('new','paid','void') NULL,
        label VARCHAR(20) COLLATE utf8mb4_0900_ai_ci NULL, n BIGINT NOT NULL, priced INT NOT NULL,
        revenue DECIMAL(40,2) NULL, pieces DECIMAL(30,0) NOT NULL, mean DECIMAL(40,6) NULL,
        cheapest DECIMAL(10,2) NULL, dearest DECIMAL(10,2) NULL, newest DATETIME(3) NULL,
        KEY by_group (status, label))
  traffic:
    from: [events_2024, events_2025]
    group_by: { what: what }
    aggregates: { n: count(), bytes: sum(bytes), least: min(id) }
"#;

/// Targets with what they hold, and what the source gives for it. Names of groups are compared as their
/// collation does.
const EXPECTED: [(&str, &str, &str); 2] = [
    (
        "sales",
        "SELECT status + 0, HEX(WEIGHT_STRING(label)), n, priced, revenue, pieces, mean,
           cheapest, dearest, newest FROM sales",
        "SELECT status + 0, HEX(WEIGHT_STRING(label)), COUNT(*), COUNT(price), SUM(price),
           SUM(quantity), AVG(price), MIN(price), MAX(price), MAX(placed)
         FROM (SELECT *, CASE quantity % 4 WHEN 0 THEN 'a' WHEN 1 THEN 'A' WHEN 3 THEN name END
           COLLATE utf8mb4_0900_ai_ci AS label FROM orders WHERE quantity > 2) o
         GROUP BY status, label",
    ),
    (
        "traffic",
        "SELECT HEX(WEIGHT_STRING(what)), n, bytes, least FROM traffic",
        "SELECT HEX(WEIGHT_STRING(what)), COUNT(*), SUM(bytes), MIN(id) FROM
           (SELECT * FROM events_2024 UNION ALL SELECT * FROM events_2025) e GROUP BY what",
    ),
];

async fn lines(server: &Server, database: &str, sql: &str) -> Vec<Vec<Option<String>>> {
    let mut conn = server.connect_to(database).await.unwrap();
    let rows: Vec<Row> = conn.query(sql).await.unwrap();
    conn.disconnect().await.unwrap();
    let text = |value: Value| (value != Value::NULL).then(|| value.as_sql(true));
    let mut lines: Vec<Vec<Option<String>>> =
        rows.into_iter().map(|row| row.unwrap().into_iter().map(text).collect()).collect();
    lines.sort();
    lines
}

/// Every target is what `GROUP BY` gives on the source.
async fn assert_rolled_up(source: (&Server, &str), target: (&Server, &str)) {
    for (table, shown, wanted) in EXPECTED {
        let wanted = lines(source.0, source.1, wanted).await;
        let shown = lines(target.0, target.1, shown).await;
        assert!(!wanted.is_empty(), "`{table}` proves nothing");
        let differs = wanted.iter().zip(&shown).position(|(wanted, shown)| wanted != shown);
        let at = differs.map(|place| (&wanted[place], &shown[place]));
        assert_eq!((wanted.len(), at), (shown.len(), None), "`{table}`");
    }
}

fn plan(rows_per_second: u32) -> String {
    format!("limits: {{ rows_per_second: {rows_per_second} }}\n{PLAN}")
}

async fn filled(rows: u32) -> Pair {
    let pair = pair().await.unwrap();
    pair.execute_source(SCHEMA).await.unwrap();
    pair.execute_source(&fill(rows)).await.unwrap();
    pair
}

fn migration<'a>(pair: &'a Pair, plan: &str) -> Migration<'a> {
    Migration::new(
        (pair.source, &pair.source_database),
        (pair.target, &pair.target_database),
        &["orders"],
        plan,
    )
}

/// `WHIMBREL_KILLS` sets how often the run is killed.
#[tokio::test]
async fn a_rollup_is_what_group_by_gives_after_kills_at_random_moments() {
    let kills = std::env::var("WHIMBREL_KILLS").ok().map_or(12, |kills| kills.parse().unwrap());
    let mut random = Random::printed("kills of a rollup");
    let pair = filled(6_000).await;
    let migration = migration(&pair, &plan(3_000));
    let writer = Writer::on(pair.source, &pair.source_database, &SOURCES).start().await.unwrap();

    for _ in 0..kills {
        let mut running = migration.start(&[]);
        if random.percent(80) {
            // Of rows that are copied, or of changes.
            running.says("/s").await;
        }
        writer.commits(random.below(60)).await.unwrap();
        running.kill();
    }
    migration.catch_up().await;
    writer.commits(100).await.unwrap();
    writer.stop().await.unwrap();
    migration.catch_up().await;

    let source = (pair.source, pair.source_database.as_str());
    assert_rolled_up(source, (pair.target, &pair.target_database)).await;
    migration.assert_equal(&["orders"]).await;
}

#[tokio::test]
async fn a_rollup_goes_on_when_its_target_is_killed_and_restarted() {
    let source = shared_source().await.unwrap();
    source.execute("CREATE DATABASE rolled_up").await.unwrap();
    source.execute_in("rolled_up", SCHEMA).await.unwrap();
    source.execute_in("rolled_up", &fill(4_000)).await.unwrap();
    let mut target = Server::builder()
        .flag("--sync-binlog=1")
        .flag("--innodb-flush-log-at-trx-commit=1")
        .start()
        .await
        .unwrap();
    target.execute("CREATE DATABASE shop").await.unwrap();
    let writer = Writer::on(source, "rolled_up", &SOURCES).start().await.unwrap();
    let (mut running, folder) = {
        let migration =
            Migration::new((source, "rolled_up"), (&target, "shop"), &["orders"], &plan(4_000));
        (migration.start(&[]), migration.into_folder())
    };

    running.says("rows/s").await;
    for _ in 0..3 {
        writer.commits(40).await.unwrap();
        target.kill_hard().await.unwrap();
        target.restart().await.unwrap();
    }
    writer.commits(40).await.unwrap();
    writer.stop().await.unwrap();
    running.interrupt();
    let (code, log) = running.ended().await;
    assert_eq!(code, Some(0), "{log}");
    drop(folder);
    let migration =
        Migration::new((source, "rolled_up"), (&target, "shop"), &["orders"], &plan(4_000));
    migration.catch_up().await;

    assert_rolled_up((source, "rolled_up"), (&target, "shop")).await;
}

#[tokio::test]
async fn a_rollup_goes_on_from_what_a_target_that_failed_over_still_holds() {
    let source = shared_source().await.unwrap();
    source.execute("CREATE DATABASE rolled_back").await.unwrap();
    source.execute_in("rolled_back", SCHEMA).await.unwrap();
    source.execute_in("rolled_back", &fill(500)).await.unwrap();
    let (primary, replica) = tokio::join!(Server::start(), Server::start());
    let (primary, replica) = (primary.unwrap(), replica.unwrap());
    primary.execute("CREATE DATABASE shop").await.unwrap();
    replica.replicate(&primary).await.unwrap();
    let relay = Relay::to(&primary).await.unwrap();
    let migration = Migration::new((source, "rolled_back"), (&replica, "shop"), &["orders"], PLAN);
    migration.write_plan((&source.url(), &relay.url()), &["orders"], PLAN);
    let writer = Writer::on(source, "rolled_back", &SOURCES).start().await.unwrap();
    let mut running = migration.start(&[]);
    running.says("following").await;
    writer.commits(50).await.unwrap();

    replica.has_caught_up(&primary).await.unwrap();
    replica.execute("STOP REPLICA").await.unwrap();
    let held = "SELECT SUM(sequence) FROM shop._whimbrel_lanes";
    let before: Option<u64> = primary.row(held).await.unwrap();
    eventually("commits that are going to be lost", 60, async || {
        let now: Option<u64> = primary.row(held).await?;
        Ok(now > before)
    })
    .await
    .unwrap();
    replica.promote().await.unwrap();
    relay.turn_to(&replica);
    relay.cut();
    let (code, log) = running.ended().await;
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("run.target-diverged"), "{log}");

    writer.commits(50).await.unwrap();
    migration.catch_up().await;
    writer.stop().await.unwrap();
    migration.catch_up().await;

    assert_rolled_up((source, "rolled_back"), (&replica, "shop")).await;
}

/// Columns whose bare values are kept as they are, in charsets other than the tables' own, and numbers of
/// types that no number is written in.
const EXTREMES: &str = "
materialize:
  extremes:
    from: t
    group_by: { g: g }
    aggregates: { most: max(lat), least: min(lat), most_bytes: max(bin),
      newest: max(y), flags: max(bits), years: sum(y), lengths: avg(bits) }
  everyone:
    from: [t, wide]
    group_by: { g: g }
    aggregates: { most: max(lat), least: min(lat) }
";

const EXTREMES_EXPECTED: [(&str, &str, &str); 2] = [
    (
        "extremes",
        "SELECT g, CONVERT(most USING utf8mb4), CONVERT(least USING utf8mb4),
           CONVERT(most_bytes USING utf8mb4), newest + 0,
           flags + 0, years, lengths FROM extremes",
        "SELECT g, CONVERT(MAX(lat) USING utf8mb4), CONVERT(MIN(lat) USING utf8mb4),
           CONVERT(MAX(bin) USING utf8mb4),
           MAX(y) + 0, MAX(bits) + 0, SUM(y + 0), AVG(bits + 0) FROM t GROUP BY g",
    ),
    (
        "everyone",
        "SELECT g, CONVERT(most USING utf8mb4), CONVERT(least USING utf8mb4) FROM everyone",
        "SELECT g, CONVERT(MAX(lat) USING utf8mb4), CONVERT(MIN(lat) USING utf8mb4) FROM
           (SELECT g, CONVERT(lat USING utf8mb4) COLLATE utf8mb4_0900_ai_ci lat FROM t UNION ALL
            SELECT g, lat FROM wide) x GROUP BY g",
    ),
];

#[tokio::test]
async fn the_least_and_greatest_bare_values_are_those_of_the_source() {
    let pair = pair().await.unwrap();
    pair.execute_source(
        "CREATE TABLE t (id INT PRIMARY KEY, g INT, lat VARCHAR(10) CHARACTER SET latin1 NOT NULL,
           bin VARCHAR(10) CHARACTER SET latin1 COLLATE latin1_bin NULL, 
           y YEAR NULL, bits BIT(9) NULL);
         CREATE TABLE wide (id INT PRIMARY KEY, g INT, lat VARCHAR(10) NOT NULL);
         INSERT INTO t VALUES (1, 1, 'ä', 'ä', 1999, b'100000001'), (2, 2, 'b', 'b', 2024, 1),
           (3, 2, 'ö', 'ö', NULL, NULL);
         INSERT INTO wide VALUES (1, 1, 'ж'), (2, 2, 'a')",
    )
    .await
    .unwrap();
    let migration = Migration::new(
        (pair.source, &pair.source_database),
        (pair.target, &pair.target_database),
        &["wide"],
        EXTREMES,
    );
    migration.catch_up().await;
    for change in [
        "DO 0",
        "INSERT INTO t VALUES (4, 1, 'ü', 'ü', 2155, 3), (5, 3, 'é', 'é', 1901, 511)",
        "UPDATE t SET lat = 'æ', bin = 'æ' WHERE id = 3; DELETE FROM t WHERE id = 1",
    ] {
        pair.execute_source(change).await.unwrap();
        migration.catch_up().await;
        for (table, shown, wanted) in EXTREMES_EXPECTED {
            let wanted = lines(pair.source, &pair.source_database, wanted).await;
            let shown = lines(pair.target, &pair.target_database, shown).await;
            assert_eq!(shown, wanted, "`{table}` after `{change}`");
        }
    }
}
