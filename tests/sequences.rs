//! What stands beside the rows of a sharded keyspace: numbers of new rows, and tables that every shard has.

use whimbrel_kit::{Keyspace, Server, Vitess, Writer, eventually};

use crate::support::Migration;

const VSCHEMA: &str = r#"{
    "sharded": true,
    "vindexes": {"xxhash": {"type": "xxhash"}, "hash": {"type": "hash"}},
    "tables": {
        "orders": {"column_vindexes": [{"column": "customer", "name": "hash"}],
                   "auto_increment": {"column": "id", "sequence": "main.orders_seq"}},
        "notes": {"column_vindexes": [{"column": "id", "name": "xxhash"}]},
        "tags": {"column_vindexes": [{"column": "id", "name": "xxhash"}]},
        "ends": {"column_vindexes": [{"column": "id", "name": "xxhash"}],
                 "auto_increment": {"column": "id", "sequence": "main.ends_seq"}},
        "countries": {"type": "reference"}
    }
}"#;
const MAIN: &str = r#"{"tables": {"orders_seq": {"type": "sequence"},
    "notes_seq": {"type": "sequence"}, "ends_seq": {"type": "sequence"}}}"#;

/// The row with the highest number is gone.
const SCHEMA: &str = "
    CREATE TABLE orders (id INT NOT NULL PRIMARY KEY AUTO_INCREMENT, customer INT NOT NULL,
      note VARCHAR(200) NULL, KEY (customer));
    INSERT INTO orders WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900)
      SELECT i, i % 97, REPEAT('x', i % 50) FROM n;
    INSERT INTO orders VALUES (70000, 1, 'gone'); DELETE FROM orders WHERE id = 70000;
    CREATE TABLE notes (id SMALLINT NOT NULL PRIMARY KEY AUTO_INCREMENT, note VARCHAR(20) NULL);
    INSERT INTO notes VALUES (7, 'a'), (400, 'b');
    CREATE TABLE ends (id BIGINT UNSIGNED NOT NULL PRIMARY KEY AUTO_INCREMENT);
    INSERT INTO ends VALUES (9223372036854775800);
    CREATE TABLE tags (id INT NOT NULL PRIMARY KEY AUTO_INCREMENT, tag VARCHAR(20));
    CREATE TABLE countries (code CHAR(8) NOT NULL PRIMARY KEY, name VARCHAR(80) NULL, area DOUBLE NULL);
    INSERT INTO countries WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600)
      SELECT CONCAT('c', i), CONCAT('country ', i), i / 3 FROM n";

/// As the application makes them, and with numbers that a tablet keeps already.
const SEQUENCES: &str = "
    CREATE TABLE orders_seq (id BIGINT NOT NULL PRIMARY KEY, next_id BIGINT NOT NULL,
      cache BIGINT NOT NULL) COMMENT 'vitess_sequence';
    CREATE TABLE notes_seq (id BIGINT NOT NULL PRIMARY KEY, next_id BIGINT NOT NULL,
      cache BIGINT NOT NULL) COMMENT 'vitess_sequence';
    CREATE TABLE ends_seq (id BIGINT NOT NULL PRIMARY KEY, next_id BIGINT NOT NULL,
      cache BIGINT NOT NULL) COMMENT 'vitess_sequence';
    INSERT INTO ends_seq (id, next_id, cache) VALUES (0, 1, 1000);
    INSERT INTO orders_seq (id, next_id, cache) VALUES (0, 1, 1000);
    INSERT INTO notes_seq (id, next_id, cache) VALUES (0, 1, 10);
    SELECT NEXT 2 VALUES FROM orders_seq;
    SELECT NEXT 2 VALUES FROM notes_seq";

async fn number(vitess: &Vitess, sql: &str) -> u64 {
    let rows: Vec<u64> = vitess.rows("commerce", sql).await.unwrap();
    assert_eq!(rows.len(), 1, "{sql}");
    rows[0]
}

/// The sequence's next number as its table has it.
async fn kept(vitess: &Vitess, sequence: &str) -> u64 {
    let sql = format!("SELECT next_id FROM {sequence} WHERE id = 0");
    vitess.shard_rows(("main", "0"), &sql).await.unwrap()[0]
}

#[tokio::test]
async fn new_rows_are_numbered_above_the_sources_and_every_shard_has_reference_tables_whole() {
    let shards = ["-80", "80-"];
    let keyspaces = [
        Keyspace { name: "commerce", shards: &shards, vschema: VSCHEMA },
        Keyspace { name: "main", shards: &["0"], vschema: MAIN },
    ];
    let (source, vitess) = tokio::join!(Server::start(), Vitess::start(&keyspaces));
    let (source, vitess) = (source.unwrap(), vitess.unwrap());
    source.execute(&format!("CREATE DATABASE shop; USE shop; {SCHEMA}")).await.unwrap();
    vitess.execute("main", SEQUENCES).await.unwrap();
    let tables = ["orders", "notes", "ends", "tags", "countries"];
    let more = "sharding: { notes: { sequence: main.notes_seq } }\n";
    let below = (vitess.mysql(), "gathered");
    let mut migration = Migration::new((&source, "shop"), below, &tables, more);
    migration.aim_at_keyspace(&vitess.url(), "commerce");
    let writer = Writer::on(&source, "shop", &["orders", "countries"]).start().await.unwrap();

    let mut running = migration.start(&[]);
    running.says("following").await;
    writer.commits(50).await.unwrap();
    // Numbers that the source gives while it is followed.
    source.execute("INSERT INTO shop.orders VALUES (7000000, 1, 'late')").await.unwrap();
    let ahead = async || Ok(kept(&vitess, "orders_seq").await > 7_000_000);
    eventually("the sequence is ahead", 60, ahead).await.unwrap();
    writer.stop().await.unwrap();
    running.interrupt();
    let (code, log) = running.ended().await;
    assert_eq!(code, Some(0), "{log}");
    // What somebody set further is never lowered.
    vitess.execute("main", "UPDATE orders_seq SET next_id = 90000000 WHERE id = 0").await.unwrap();
    migration.catch_up().await;

    assert!(kept(&vitess, "orders_seq").await >= 90_000_000);
    for (id, table) in [("vitess-sequence-unused", "`notes`"), ("vitess-no-sequence", "`tags`")] {
        let line = log.lines().find(|line| line.contains(id)).unwrap_or_else(|| panic!("{log}"));
        assert!(line.contains(table) && line.contains("ALTER VSCHEMA ON commerce."), "{line}");
    }
    for shard in shards {
        migration.target_database = vitess.database("commerce", shard).unwrap();
        migration.assert_equal(&["countries"]).await;
    }
    for table in ["orders", "notes"] {
        migration.target_database = vitess.gather("commerce", table).await.unwrap();
        migration.assert_equal(&[table]).await;
    }
    let told = "ALTER VSCHEMA ON commerce.notes ADD AUTO_INCREMENT id USING main.notes_seq";
    vitess.execute("commerce", told).await.unwrap();
    let insert = "INSERT INTO orders (customer, note) VALUES (5, 'new');
                  INSERT INTO notes (note) VALUES ('new')";
    vitess.execute("commerce", insert).await.unwrap();
    let orders = number(&vitess, "SELECT id FROM orders WHERE note = 'new'").await;
    assert!(orders > 7_000_000, "{orders}");
    // Above all that the source gave, and within what a SMALLINT holds.
    let notes = number(&vitess, "SELECT id FROM notes WHERE note = 'new'").await;
    assert!((401..30_000).contains(&notes), "{notes}");
    // A sequence whose numbers would wrap is left alone.
    assert_eq!(kept(&vitess, "ends_seq").await, 1);
    assert!(log.contains("`main.ends_seq` is left as it is"), "{log}");

    source.execute("INSERT INTO shop.notes VALUES (32766, 'last')").await.unwrap();
    let (code, log) = migration.start(&["--until", "caught-up"]).ended().await;
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("the numbers of `notes` end at 32767"), "{log}");
}
