//! Targets that are made by expressions, between real servers and under a live writer: in the end they
//! are what the same SELECT gives on the source.

use whimbrel_kit::{Pair, Writer, pair};

use crate::support::{Migration, shown};

const SOURCES: [&str; 4] = ["people", "orders", "events_2024", "events_2025"];

const SCHEMA: &str = "
    CREATE TABLE people (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, email VARCHAR(60) NULL,
      country ENUM('DE','AT','FR','IT') NOT NULL, deleted_at DATETIME NULL, ssn VARCHAR(20) NULL,
      score DECIMAL(12,2) NOT NULL, KEY by_email (email), KEY by_ssn (ssn));
    CREATE TABLE orders (id BIGINT NOT NULL PRIMARY KEY, sku VARCHAR(12)
      COLLATE utf8mb4_0900_bin NOT NULL, price DECIMAL(10,2) NULL, quantity SMALLINT NOT NULL,
      note VARCHAR(80) CHARACTER SET latin1 NULL);
    CREATE TABLE events_2024 (id INT NOT NULL PRIMARY KEY, at DATETIME(3) NOT NULL, what VARCHAR(40));
    CREATE TABLE events_2025 (id INT NOT NULL PRIMARY KEY, at DATETIME(3) NOT NULL, what VARCHAR(40))";

fn fill(rows: u32) -> String {
    let counted = format!(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})"
    );
    format!(
        "SET SESSION cte_max_recursion_depth = 10000000;
         INSERT INTO people (email, country, deleted_at, ssn, score) {counted}
           SELECT CONCAT('P', i, '@Example.com'), 1 + i % 4, IF(i % 3, NULL, '2024-01-01'), i, i / 7
           FROM n;
         INSERT INTO orders {counted}
           SELECT i, CONCAT('s', i % 9), i / 3, i % 20, REPEAT('ä', i % 40) FROM n;
         INSERT INTO events_2024 {counted}
           SELECT i, '2024-05-05 10:00:00.5' + INTERVAL i SECOND, CONCAT('e', i) FROM n;
         INSERT INTO events_2025 {counted}
           SELECT i, '2025-05-05 10:00:00.5' + INTERVAL i SECOND, NULL FROM n"
    )
}

const PLAN: &str = r#"
materialize:
  people_near:
    from: people
    where: deleted_at == () && country in ["DE", "AT"]
    except: [ssn]
    columns: { email: lower(email), doubled: score * 2 }
  order_totals:
    from: orders
    columns: { sku: sku, id: id, total: price * quantity, label: note ?? "" }
    key: [sku, id]
  order_notes:
    from: orders
    where: quantity > 5
    columns: { id: id, note: note }
    create: |
      CREATE TABLE order_notes (note VARCHAR(200) CHARACTER SET utf8mb4 NULL, id BIGINT NOT NULL,
        seen TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP, PRIMARY KEY (id), KEY (note(10)))
  all_events:
    from: [events_2024, events_2025]
    columns: { origin: table_name(), id: id, day: at, what: upper(what) ?? "-" }
    key: [origin, id]
"#;

/// Each target with its columns, and what the source gives for them.
const EXPECTED: [(&str, &[&str], &str); 4] = [
    (
        "people_near",
        &["id", "email", "country", "deleted_at", "score", "doubled"],
        "SELECT id, CONVERT(LOWER(email) USING utf8mb4) email, country, deleted_at, score,
           score * 2 doubled
         FROM people WHERE deleted_at IS NULL AND country IN ('DE', 'AT')",
    ),
    (
        "order_totals",
        &["sku", "id", "total", "label"],
        "SELECT sku, id, price * quantity total, CONVERT(IFNULL(note, '') USING utf8mb4) label
         FROM orders",
    ),
    (
        "order_notes",
        &["note", "id"],
        "SELECT CONVERT(note USING utf8mb4) note, id FROM orders WHERE quantity > 5",
    ),
    (
        "all_events",
        &["origin", "id", "day", "what"],
        "SELECT 'events_2024' origin, id, at day, IFNULL(UPPER(what), '-') what FROM events_2024
         UNION ALL SELECT 'events_2025', id, at, IFNULL(UPPER(what), '-') FROM events_2025",
    ),
];

fn listed(columns: &[&str], from: &str) -> String {
    let columns: Vec<String> = columns
        .iter()
        .map(|column| format!("IFNULL(HEX(CAST(`{column}` AS CHAR CHARACTER SET utf8mb4)), '-')"))
        .collect();
    format!("SELECT CONCAT_WS('|', {}) AS line FROM ({from}) made ORDER BY line", columns.join(","))
}

/// The rows of `table` in the target are what `sql` gives on the source.
async fn assert_made(pair: &Pair, (table, columns, sql): (&str, &[&str], &str)) {
    let sql = sql.replace("FROM ", &format!("FROM {}.", pair.source_database));
    let wanted: Vec<String> = pair.source.rows(&listed(columns, &sql)).await.unwrap();
    let made = format!("SELECT * FROM {}.`{table}`", pair.target_database);
    let found: Vec<String> = pair.target.rows(&listed(columns, &made)).await.unwrap();
    let differs = wanted.iter().zip(&found).position(|(wanted, found)| wanted != found);
    assert_eq!(
        (wanted.len(), differs),
        (found.len(), None),
        "`{table}`: {:?} and {:?}",
        differs.map(|place| &wanted[place]),
        differs.map(|place| &found[place])
    );
    assert!(!wanted.is_empty(), "`{table}` proves nothing");
}

async fn filled(rows: u32) -> Pair {
    let pair = pair().await.unwrap();
    pair.execute_source(SCHEMA).await.unwrap();
    pair.execute_source(&fill(rows)).await.unwrap();
    pair
}

fn migration<'a>(pair: &'a Pair, more: &str) -> Migration<'a> {
    Migration::new(
        (pair.source, &pair.source_database),
        (pair.target, &pair.target_database),
        &["people", "events_2024"],
        more,
    )
}

#[tokio::test]
async fn targets_made_by_expressions_hold_what_a_select_gives_after_every_kill() {
    let pair = filled(6_000).await;
    let migration = migration(&pair, &format!("limits: {{ rows_per_second: 8000 }}\n{PLAN}"));
    let writer = Writer::on(pair.source, &pair.source_database, &SOURCES).start().await.unwrap();

    for _ in 0..5 {
        let mut running = migration.start(&[]);
        running.says("/s").await;
        writer.commits(30).await.unwrap();
        running.kill();
    }
    migration.catch_up().await;
    writer.commits(100).await.unwrap();
    writer.stop().await.unwrap();
    migration.catch_up().await;

    for expected in EXPECTED {
        assert_made(&pair, expected).await;
    }
    migration.assert_equal(&["people", "events_2024"]).await;
    let indexes: Vec<String> = pair
        .target
        .rows(&format!(
            "SELECT DISTINCT INDEX_NAME FROM information_schema.STATISTICS \
             WHERE TABLE_SCHEMA = '{}' AND TABLE_NAME = 'people_near' ORDER BY 1",
            pair.target_database
        ))
        .await
        .unwrap();
    assert_eq!(indexes, ["PRIMARY"], "an index of a column that is computed is not kept");
}

#[tokio::test]
async fn state_of_format_1_is_gone_on_with() {
    let pair = filled(200).await;
    let migration = migration(&pair, "");
    migration.catch_up().await;
    pair.execute_target(
        "DROP TABLE _whimbrel_targets, _whimbrel_dead_letters; UPDATE _whimbrel_plan SET format = 1",
    )
    .await
    .unwrap();
    pair.execute_source("UPDATE people SET score = 1; DELETE FROM events_2024 WHERE id < 50")
        .await
        .unwrap();

    migration.catch_up().await;

    migration.assert_equal(&["people", "events_2024"]).await;
}

#[tokio::test]
async fn a_changed_expression_is_refused_under_the_same_name() {
    let pair = filled(50).await;
    let plan = migration(&pair, PLAN);
    plan.catch_up().await;

    let urls = (pair.source.url(), pair.target.url());
    let changed = PLAN.replace("quantity > 5", "quantity > 6");
    plan.write_plan((&urls.0, &urls.1), &["people", "events_2024"], &changed);

    plan.refused(2, &["run.plan-changed", "materialize.order_notes", "quantity > 6"]).await;
    let output = plan.command(&["status", "plan.yaml"]).output().unwrap();
    assert!(output.status.success(), "{}", shown(&output));
}

const GROUPS: &str = r#"
materialize:
  by_country:
    from: people
    where: score > 10
    group_by: { country: country, email: email ?? "none" }
    aggregates: { people: count(), named: count(email), worth: sum(score), dear: max(score),
      cheap: min(score), mean: avg(score) }
  by_note:
    from: orders
    group_by: { note: note }
    aggregates: { orders: count(), pieces: sum(quantity) }
  all_whats:
    from: [events_2024, events_2025]
    group_by: { what: what }
    aggregates: { events: count(), newest: max(at) }
"#;

const GROUPED: [(&str, &[&str], &str); 3] = [
    (
        "by_country",
        &["country", "email", "people", "named", "worth", "dear", "cheap", "mean"],
        "SELECT country, IFNULL(email, 'none') email, COUNT(*) people, COUNT(email) named,
           SUM(score) worth, MAX(score) dear, MIN(score) cheap, AVG(score) mean
         FROM people WHERE score > 10 GROUP BY country, IFNULL(email, 'none')",
    ),
    (
        "by_note",
        &["note", "orders", "pieces"],
        "SELECT note, COUNT(*) orders, SUM(quantity) pieces FROM orders GROUP BY note",
    ),
    (
        "all_whats",
        &["what", "events", "newest"],
        "SELECT what, COUNT(*) events, MAX(at) newest FROM both_events GROUP BY what",
    ),
];

#[tokio::test]
async fn groups_are_what_a_select_gives_after_every_kill() {
    let pair = filled(1_500).await;
    pair.execute_source(
        "CREATE VIEW both_events AS SELECT * FROM events_2024 UNION ALL SELECT * FROM events_2025;
         UPDATE people SET email = CONCAT('e', id % 40); UPDATE orders SET note = REPEAT('b', id % 7);
         UPDATE events_2024 SET what = CONCAT('w', id % 30)",
    )
    .await
    .unwrap();
    let migration = migration(&pair, &format!("limits: {{ rows_per_second: 4000 }}\n{GROUPS}"));
    let writer = Writer::on(pair.source, &pair.source_database, &SOURCES).start().await.unwrap();

    for _ in 0..3 {
        let mut running = migration.start(&[]);
        running.says("/s").await;
        writer.commits(30).await.unwrap();
        running.kill();
    }
    migration.catch_up().await;
    writer.stop().await.unwrap();
    migration.catch_up().await;

    let kept = migration.status()["kept_bytes"].as_object().unwrap().clone();
    assert_eq!(kept.keys().collect::<Vec<_>>(), ["all_whats", "by_country", "by_note"]);
    // The two tables and the index of each are a page at the least.
    assert!(kept.values().all(|bytes| bytes.as_u64().unwrap() >= 2 * 16_384), "{kept:?}");
    for (table, columns, sql) in GROUPED {
        // Of texts that a collation calls equal, each side may show another one.
        let folded: Vec<&str> =
            columns.iter().copied().filter(|it| !["email", "note", "what"].contains(it)).collect();
        assert_made(&pair, (table, &folded, sql)).await;
    }
}

const DEAD: &str = r#"
materialize:
  halves:
    from: orders
    columns:
      id: id
      share: { value: price % quantity, on_error: dead_letter }
      part: { value: price % quantity, on_error: "null" }
    create: |
      CREATE TABLE halves (id BIGINT NOT NULL PRIMARY KEY, share DECIMAL(20,2) NULL,
        part DECIMAL(20,2) NULL)
"#;

async fn dead_letters(pair: &Pair) -> Vec<(String, String, String)> {
    let sql = format!(
        "SELECT source_key, column_name, error FROM {}._whimbrel_dead_letters ORDER BY source_key",
        pair.target_database
    );
    pair.target.rows(&sql).await.unwrap()
}

#[tokio::test]
async fn a_row_that_fails_is_a_dead_letter_until_it_is_mended() {
    let pair = filled(30).await;
    let migration = migration(&pair, DEAD);
    migration.catch_up().await;
    let letter =
        |id: u32| (format!("`id`={id}"), "share".to_owned(), "division by zero".to_owned());
    assert_eq!(dead_letters(&pair).await, [letter(20)]);
    assert_eq!(migration.status()["dead_letters"], serde_json::json!({ "halves": 1 }));

    pair.execute_source(
        "UPDATE orders SET quantity = 3 WHERE id = 20; UPDATE orders SET quantity = 0 WHERE id = 7;
         INSERT INTO orders VALUES (100, 's', 1, 0, NULL), (101, 's', 1, 0, NULL);
         DELETE FROM orders WHERE id = 101",
    )
    .await
    .unwrap();
    migration.catch_up().await;

    assert_eq!(dead_letters(&pair).await, [letter(100), letter(7)]);
    let expected: (&str, &[&str], &str) = (
        "halves",
        &["id", "share", "part"],
        "SELECT id, price % quantity share, price % quantity part FROM orders WHERE quantity <> 0",
    );
    assert_made(&pair, expected).await;
}

#[tokio::test]
async fn a_row_that_fails_stops_the_run_unless_the_plan_says_otherwise() {
    let pair = filled(30).await;
    let plan = DEAD.replace("on_error: dead_letter", "on_error: stop");

    migration(&pair, &plan)
        .refused(1, &["run.failed-row", "the column `share` of `halves`", "division by zero"])
        .await;
}

/// A target whose unique values its source does not keep apart.
const NAMED: &str = r"
materialize:
  names:
    from: people
    columns: { id: id, name: lower(email) }
    create: |
      CREATE TABLE names (id INT NOT NULL PRIMARY KEY, name VARCHAR(60) NULL, UNIQUE KEY by_name (name))
";

async fn names(pair: &Pair) -> Option<u64> {
    let sql = format!("SELECT COUNT(*) FROM {}.names", pair.target_database);
    pair.target.row(&sql).await.unwrap()
}

#[tokio::test]
async fn a_unique_value_that_two_rows_come_to_stops_the_run_and_removes_neither() {
    const TEXTS: [&str; 3] = ["run.refused-row", "`names`", "key `names.by_name`"];
    // Written in statements, and loaded.
    for rows in [20, 2_000] {
        let pair = filled(rows).await;
        pair.execute_source("UPDATE people SET email = 'p7@EXAMPLE.com' WHERE id = 9")
            .await
            .unwrap();
        let migration = migration(&pair, NAMED);

        migration.refused(1, &TEXTS).await;

        pair.execute_source("UPDATE people SET email = 'another' WHERE id = 9").await.unwrap();
        migration.catch_up().await;
        assert_eq!(names(&pair).await, Some(u64::from(rows)));

        // A value goes over to another row in one transaction.
        pair.execute_source(
            "BEGIN; UPDATE people SET email = NULL WHERE id = 9;
             UPDATE people SET email = 'ANOTHER' WHERE id = 12; COMMIT",
        )
        .await
        .unwrap();
        migration.catch_up().await;
        pair.execute_source("UPDATE people SET email = 'another' WHERE id = 9").await.unwrap();
        migration.refused(1, &TEXTS).await;

        assert_eq!(names(&pair).await, Some(u64::from(rows)), "none is removed for another");
    }
}

#[tokio::test]
async fn a_copy_says_what_it_leaves_out_and_has_its_indexes_from_the_first_row_on() {
    let pair = pair().await.unwrap();
    // It has room for so many statements only, and others' tests may have filled it.
    let forget = "TRUNCATE TABLE performance_schema.events_statements_summary_by_digest";
    pair.target.execute(forget).await.unwrap();
    pair.execute_source(
        "CREATE TABLE countries (code CHAR(2) NOT NULL PRIMARY KEY);
         CREATE TABLE stock (id INT NOT NULL PRIMARY KEY, country CHAR(2) NOT NULL, price INT NOT NULL,
           double_price INT AS (price * 2) VIRTUAL, KEY by_price (price),
           CONSTRAINT in_a_country FOREIGN KEY (country) REFERENCES countries (code),
           CONSTRAINT has_a_price CHECK (price > 0));
         INSERT INTO countries VALUES ('DE'); INSERT INTO stock (id, country, price) VALUES (1, 'DE', 5)",
    )
    .await
    .unwrap();
    let migration = Migration::new(
        (pair.source, &pair.source_database),
        (pair.target, &pair.target_database),
        &["countries"],
        "materialize: { copied: { from: stock } }\n",
    );

    let (code, log) = migration.start(&["--until", "caught-up"]).ended().await;

    assert_eq!(code, Some(0), "{log}");
    let told = log.split_whitespace().collect::<Vec<_>>().join(" ");
    let message = "`copied` is made without parts of `stock`: the computed column `double_price`, the \
                   constraint `in_a_country`, the constraint `has_a_price`";
    assert!(told.replace("│ ", "").contains(message), "{log}");
    let (_, made): (String, String) = pair
        .target
        .row(&format!("SHOW CREATE TABLE {}.copied", pair.target_database))
        .await
        .unwrap()
        .unwrap();
    assert!(made.contains("KEY `by_price` (`price`)"), "{made}");
    assert!(!made.contains("CONSTRAINT") && !made.contains("double_price"), "{made}");
    assert_eq!(alters(&pair).await, Some(0));
    pair.execute_target("ALTER TABLE copied ADD KEY once_more (price)").await.unwrap();
    assert_eq!(alters(&pair).await, Some(1), "an index that is added would have been seen");
}

/// How many forms of ALTER TABLE the target has seen.
async fn alters(pair: &Pair) -> Option<u64> {
    let sql = format!(
        "SELECT COUNT(*) FROM performance_schema.events_statements_summary_by_digest \
         WHERE SCHEMA_NAME = '{}' AND DIGEST_TEXT LIKE 'ALTER TABLE%'",
        pair.target_database
    );
    pair.target.row(&sql).await.unwrap()
}

#[tokio::test]
async fn a_target_that_is_there_is_taken_as_it_is() {
    let pair = filled(300).await;
    let migration = migration(
        &pair,
        "materialize:\n  orders_there:\n    from: orders\n    create: existing\n    \
         columns: { id: id, sku: sku, total: price * quantity }\n",
    );
    migration.refused(2, &["materialize.no-existing", "`orders_there`"]).await;
    pair.execute_target(
        "CREATE TABLE orders_there (made_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
           total DECIMAL(20,4) NULL, sku VARCHAR(40) NOT NULL, id DECIMAL(30,0) NOT NULL PRIMARY KEY)",
    )
    .await
    .unwrap();

    migration.catch_up().await;
    pair.execute_source(
        "UPDATE orders SET quantity = quantity + 1 WHERE id < 40; DELETE FROM orders WHERE id % 3 = 0;
         UPDATE orders SET id = id + 1000 WHERE id % 5 = 0",
    )
    .await
    .unwrap();
    migration.catch_up().await;

    let wanted = "SELECT id, sku, CAST(price * quantity AS DECIMAL(20,4)) total FROM orders";
    assert_made(&pair, ("orders_there", &["id", "sku", "total"], wanted)).await;
}

#[tokio::test]
async fn a_run_says_where_the_schema_file_is_not_what_the_server_has() {
    let pair = filled(10).await;
    let migration = migration(&pair, "");
    let database = format!("database: {:?} }}", pair.source_database);
    migration.edit(&database, &database.replace(" }", ", schema: old.sql }"));
    migration.write(
        "old.sql",
        "CREATE TABLE people (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, email VARCHAR(50) NULL,
           country ENUM('DE','AT','FR','IT') NOT NULL, deleted_at DATETIME NULL,
           score DECIMAL(12,2) NOT NULL, age INT);
         CREATE TABLE events_2024 (id INT NOT NULL PRIMARY KEY, at DATETIME(3) NOT NULL,
           what VARCHAR(40))",
    );

    let (code, log) = migration.start(&["--until", "caught-up"]).ended().await;

    let warning = "warning [schema-file]: `old.sql` is not what the server has as `people`: `email` \
                   is varchar(50) utf8mb4_0900_ai_ci in the file and varchar(60) utf8mb4_0900_ai_ci \
                   on the server, the file has no column `ssn`, the server has no column `age`: ";
    assert!(log.contains(warning), "{log}");
    assert_eq!((code, log.matches("[schema-file]").count()), (Some(0), 1), "{log}");
}
