//! `whimbrel run` and `status` between real servers, with a live writer on the source.

use whimbrel_kit::{Pair, Server, Writer, eventually, pair};

use crate::support::{Migration, tick};

pub(crate) const TABLES: [&str; 4] = ["orders", "people", "words", "pairs"];

/// Tables of each kind that lanes treat differently: spread by key, with a second unique key, with a
/// case-insensitive key, with a composite key.
pub(crate) const SCHEMA: &str = "
    CREATE TABLE orders (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, customer INT NOT NULL,
      price DECIMAL(12,2) NULL, note VARCHAR(200) NULL, placed TIMESTAMP(6) NULL, KEY (customer));
    CREATE TABLE people (id BIGINT UNSIGNED NOT NULL PRIMARY KEY, email VARCHAR(60) NULL,
      score DOUBLE NOT NULL, UNIQUE KEY (email));
    CREATE TABLE words (word VARCHAR(40) COLLATE utf8mb4_0900_ai_ci NOT NULL PRIMARY KEY,
      weight FLOAT NULL, picture BLOB NULL);
    CREATE TABLE pairs (a INT NOT NULL, b VARBINARY(20) NOT NULL, c JSON NULL, d DATETIME NULL,
      PRIMARY KEY (a, b), KEY late (d))";

pub(crate) fn fill(rows: u32) -> String {
    format!(
        "SET SESSION cte_max_recursion_depth = 10000000;
         INSERT INTO orders (customer, price, note, placed)
           WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
           SELECT i % 97, i / 7, REPEAT('x', i % 50), FROM_UNIXTIME(1700000000 + i) FROM n;
         INSERT INTO people WITH RECURSIVE n (i) AS
           (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
           SELECT i, CONCAT('p', i, '@example.com'), i / 3 FROM n;
         INSERT INTO words WITH RECURSIVE n (i) AS
           (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
           SELECT CONCAT(IF(i % 2, 'Word', 'word'), i), i / 3, REPEAT(CHAR(i % 256), i % 30) FROM n;
         INSERT INTO pairs WITH RECURSIVE n (i) AS
           (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
           SELECT i % 50, CONCAT('k', i), JSON_OBJECT('i', i, 'half', i / 2.0e0), NULL FROM n"
    )
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
        &TABLES,
        more,
    )
}

#[tokio::test]
async fn a_run_copies_under_a_live_writer_and_ends_caught_up() {
    let pair = filled(5_000).await;
    let migration = migration(&pair, "");
    let writer = Writer::on(pair.source, &pair.source_database, &TABLES).start().await.unwrap();
    writer.commits(50).await.unwrap();

    migration.catch_up().await;
    writer.stop().await.unwrap();
    migration.catch_up().await;

    migration.assert_equal(&TABLES).await;
}

#[tokio::test]
async fn a_run_that_is_killed_again_and_again_loses_nothing() {
    let pair = filled(20_000).await;
    // Slow enough that the copy is not over before it is killed.
    let migration = migration(&pair, "limits: { rows_per_second: 8000 }\n");
    let writer = Writer::on(pair.source, &pair.source_database, &TABLES).start().await.unwrap();

    for _ in 0..5 {
        let mut running = migration.start(&[]);
        running.says("rows/s").await;
        writer.commits(20).await.unwrap();
        running.kill();
    }
    writer.stop().await.unwrap();
    migration.catch_up().await;

    migration.assert_equal(&TABLES).await;
}

#[tokio::test]
async fn an_interrupt_drains_and_the_next_run_goes_on() {
    let pair = filled(1_000).await;
    let migration = migration(&pair, "");
    let mut running = migration.start(&[]);
    running.says("following").await;
    pair.execute_source("UPDATE orders SET note = 'later' WHERE id < 100").await.unwrap();

    running.interrupt();
    let (code, log) = running.ended().await;

    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("goes on"), "{log}");
    migration.catch_up().await;
    migration.assert_equal(&TABLES).await;
}

#[tokio::test]
async fn a_second_runner_is_refused_and_one_that_takes_over_ends_the_first() {
    let pair = filled(500).await;
    let migration = migration(&pair, "");
    let mut first = migration.start(&[]);
    first.says("following").await;

    let remedy = "stop the other runner, or end it and take its place with `--take-over`";
    migration.refused(1, &["another runner is at work", remedy]).await;
    let mut second = migration.start(&["--take-over"]);
    second.says("following").await;
    pair.execute_source("UPDATE people SET score = score + 1").await.unwrap();
    let (code, log) = first.ended().await;

    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("taken this plan over"), "{log}");
    second.interrupt();
    assert_eq!(second.ended().await.0, Some(0));
    migration.catch_up().await;
    migration.assert_equal(&TABLES).await;
}

#[tokio::test]
async fn status_tells_from_the_target_whether_a_runner_lives_or_not() {
    let pair = filled(500).await;
    let migration = migration(&pair, "");
    let mut running = migration.start(&[]);
    running.says("following").await;
    while migration.status()["phase"] != "following" {
        tick().await;
    }

    let alive = migration.status();
    running.kill();
    while migration.status()["is_running"] == true {
        tick().await;
    }
    let dead = migration.status();

    assert_eq!(alive["is_running"], true);
    assert_eq!(alive["pieces_held"], alive["pieces"]);
    assert_eq!(dead["phase"], "following");
    assert!(dead["next_step"].as_str().unwrap().contains("whimbrel run"), "{dead}");
}

#[tokio::test]
async fn a_changed_plan_is_refused_where_it_may_not_change() {
    let pair = filled(100).await;
    let migration = migration(&pair, "");
    migration.catch_up().await;

    migration.write_plan((&pair.source.url(), &pair.target.url()), &TABLES[..2], "");
    migration.refused(2, &["`move` was", "may change"]).await;
    let limits = "limits: { source_connections: 4 }\n";
    migration.write_plan((&pair.source.url(), &pair.target.url()), &TABLES, limits);
    migration.catch_up().await;

    migration.assert_equal(&TABLES).await;
}

#[tokio::test]
async fn servers_that_let_in_no_more_connections_than_the_plan_says_are_enough() {
    let pair = filled(3_000).await;
    let account = format!("few_{}", pair.source_database);
    for server in [pair.source, pair.target] {
        server.create_user(&account, "x", &["ALL ON *.*"]).await.unwrap();
        let bound = format!("ALTER USER '{account}' WITH MAX_USER_CONNECTIONS 3");
        server.execute(&bound).await.unwrap();
    }
    let migration = migration(&pair, "");
    let urls = (pair.source.url_as(&account, "x"), pair.target.url_as(&account, "x"));
    let limits = "limits: { source_connections: 3, target_connections: 3 }\n";
    migration.write_plan((&urls.0, &urls.1), &TABLES, limits);

    migration.catch_up().await;

    migration.assert_equal(&TABLES).await;
}

#[tokio::test]
async fn tables_with_keys_of_every_kind_are_copied_and_followed() {
    const KEYS: [(&str, &str); 9] = [
        ("sparse", "k BIGINT NOT NULL PRIMARY KEY"),
        ("uuids", "k BINARY(16) NOT NULL PRIMARY KEY"),
        ("texts", "k CHAR(36) COLLATE latin1_swedish_ci NOT NULL PRIMARY KEY"),
        ("unique_only", "k VARBINARY(30) NOT NULL, UNIQUE KEY only (k)"),
        ("moments", "k DATETIME(6) NOT NULL PRIMARY KEY"),
        ("exact", "k DECIMAL(20,6) NOT NULL PRIMARY KEY"),
        ("composite", "k INT NOT NULL, l VARCHAR(20) NOT NULL, PRIMARY KEY (l, k)"),
        ("members", "k ENUM('a','b','c') NOT NULL, l TINYINT NOT NULL, PRIMARY KEY (k, l)"),
        ("falling", "k INT NOT NULL, l INT NOT NULL, PRIMARY KEY (k DESC, l)"),
    ];
    let pair = pair().await.unwrap();
    for (name, key) in KEYS {
        pair.execute_source(&format!("CREATE TABLE {name} (v VARCHAR(40) NULL, {key})"))
            .await
            .unwrap();
    }
    pair.execute_source(
        "INSERT INTO sparse VALUES ('low', -9223372036854775808), ('zero', 0), ('one', 1),
           ('high', 9223372036854775807)",
    )
    .await
    .unwrap();
    let names = KEYS.map(|(name, _)| name);
    let migration = Migration::new(
        (pair.source, &pair.source_database),
        (pair.target, &pair.target_database),
        &["*"],
        "",
    );
    let writer = Writer::on(pair.source, &pair.source_database, &names).start().await.unwrap();
    writer.commits(200).await.unwrap();

    migration.catch_up().await;
    writer.commits(200).await.unwrap();
    writer.stop().await.unwrap();
    migration.catch_up().await;

    migration.assert_equal(&names).await;
}

#[tokio::test]
async fn accounts_with_the_grants_of_the_readme_are_enough() {
    let readme = include_str!("../README.md");
    let grants = |account: &str, database: &str| {
        let of = format!("TO {account};");
        let lines: Vec<String> = readme
            .lines()
            .filter(|line| line.starts_with("GRANT") && line.contains(&of))
            .map(|line| line.split(';').next().unwrap().replace("shop.*", &format!("{database}.*")))
            .collect();
        assert!(!lines.is_empty(), "the readme names the grants of `{account}`");
        lines.join("; ")
    };
    let pair = filled(300).await;
    let migration = migration(&pair, "");
    let source = grants("reader", &pair.source_database);
    let target = grants("writer", &pair.target_database);
    pair.source.execute(&format!("CREATE USER reader IDENTIFIED BY 'r'; {source}")).await.unwrap();
    pair.target.execute(&format!("CREATE USER writer IDENTIFIED BY 'w'; {target}")).await.unwrap();
    let urls = (pair.source.url_as("reader", "r"), pair.target.url_as("writer", "w"));
    migration.write_plan((&urls.0, &urls.1), &TABLES, "");

    migration.catch_up().await;
    pair.execute_source("DELETE FROM orders WHERE id < 10").await.unwrap();
    migration.catch_up().await;

    migration.assert_equal(&TABLES).await;
}

#[tokio::test]
async fn machines_read_a_run_line_by_line() {
    let pair = filled(200).await;
    let migration = migration(&pair, "");

    let arguments = ["run", "plan.yaml", "--until", "caught-up", "--format", "json"];
    let mut command = migration.command(&arguments);
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let lines: Vec<serde_json::Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();

    assert_eq!(output.status.code(), Some(0));
    assert_eq!(lines[0]["event"], "started");
    let last = lines.last().unwrap();
    assert_eq!(last["event"], "progress");
    assert_eq!(last["run"]["phase"], "following");
    let copied = |table: &serde_json::Value| table["rows_copied"].as_u64().unwrap();
    assert_eq!(last["run"]["tables"].as_array().unwrap().iter().map(copied).sum::<u64>(), 800);
}

#[tokio::test]
async fn indexes_foreign_keys_and_auto_increment_come_along() {
    let pair = pair().await.unwrap();
    pair.execute_source(
        "CREATE TABLE parents (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(20),
           KEY by_name (name), FULLTEXT KEY words (name));
         CREATE TABLE children (id INT NOT NULL PRIMARY KEY, parent INT NULL,
           KEY by_parent (parent), KEY (parent, id),
           CONSTRAINT of_parent FOREIGN KEY (parent) REFERENCES parents (id));
         INSERT INTO parents (name) VALUES ('a'), ('b'), ('c');
         INSERT INTO children VALUES (0, 1), (1, 2), (2, NULL);
         DELETE FROM parents WHERE id = 3",
    )
    .await
    .unwrap();
    let migration = Migration::new(
        (pair.source, &pair.source_database),
        (pair.target, &pair.target_database),
        &["parents", "children"],
        "",
    );

    migration.catch_up().await;

    migration.assert_equal(&["parents", "children"]).await;
    for table in ["parents", "children"] {
        let create = |database: &str| format!("SHOW CREATE TABLE `{database}`.`{table}`");
        let source: (String, String) =
            pair.source.row(&create(&pair.source_database)).await.unwrap().unwrap();
        let target: (String, String) =
            pair.target.row(&create(&pair.target_database)).await.unwrap().unwrap();
        assert_eq!(lines(&source.1), lines(&target.1));
    }
}

/// The definitions of a table in any order: indexes that come later stand last.
fn lines(create: &str) -> Vec<String> {
    let mut lines: Vec<String> =
        create.lines().map(|line| line.trim_end_matches(',').to_owned()).collect();
    lines.sort();
    lines
}

#[tokio::test]
async fn a_target_that_takes_no_files_any_more_is_written_in_statements() {
    let pair = filled(10).await;
    let target = Server::start().await.unwrap();
    target.execute("CREATE DATABASE files").await.unwrap();
    let source = (pair.source, pair.source_database.as_str());
    let migration = Migration::new(source, (&target, "files"), &["orders"], "");
    let more = "INSERT INTO orders (customer, note) WITH RECURSIVE n (i) AS
        (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) SELECT i, 'more' FROM n";
    let mut running = migration.start(&[]);
    running.says("following").await;
    pair.execute_source(more).await.unwrap();
    eventually("a load", 60, async || {
        let counter = "SHOW GLOBAL STATUS LIKE 'Com_load'";
        let found: Option<(String, String)> = target.row(counter).await?;
        Ok(found.is_some_and(|(_, count)| count != "0"))
    })
    .await
    .unwrap();

    target.execute("SET GLOBAL local_infile = OFF").await.unwrap();
    pair.execute_source(more).await.unwrap();

    eventually("all rows", 60, async || {
        let found: Option<(u64,)> = target.row("SELECT COUNT(*) FROM files.orders").await?;
        Ok(found == Some((1_810,)))
    })
    .await
    .unwrap();
    running.interrupt();
    let (code, log) = running.ended().await;
    assert_eq!(code, Some(0), "{log}");
    migration.assert_equal(&["orders"]).await;
}

#[tokio::test]
async fn a_run_within_one_server_does_not_follow_its_own_footsteps() {
    let server = Server::start().await.unwrap();
    let tables = "CREATE DATABASE copy; CREATE DATABASE shop; CREATE TABLE shop.t (id INT NOT NULL PRIMARY KEY)";
    server.execute(tables).await.unwrap();
    let migration = Migration::new((&server, "shop"), (&server, "copy"), &["t"], "");
    let mut running = migration.start(&[]);
    running.says("following").await;
    let seen: Option<(u64, String)> = server.row(FOOTSTEPS).await.unwrap();
    let (began, before) = seen.unwrap();

    let mut after = String::new();
    eventually("reports of three seconds", 60, async || {
        let seen: Option<(u64, String)> = server.row(FOOTSTEPS).await?;
        let (now, executed) = seen.unwrap();
        after = executed;
        Ok(now >= began + 3)
    })
    .await
    .unwrap();

    // Every position that is stored is one more transaction of the log that is followed.
    let count = transactions(&after) - transactions(&before);
    assert!(count < 30, "{count} transactions in 3 s in which nothing happened");
    running.interrupt();
    assert_eq!(running.ended().await.0, Some(0));
}

/// When the run reported, and what the server has executed.
const FOOTSTEPS: &str =
    "SELECT UNIX_TIMESTAMP(updated_at) DIV 1, @@gtid_executed FROM copy._whimbrel_plan";

/// The last number of a server's only interval.
fn transactions(executed: &str) -> u64 {
    executed.rsplit(['-', ':']).next().unwrap().parse().unwrap()
}
