//! Every type, in every width, at its bounds.

use whimbrel_kit::Pair;
use whimbrel_model::{Key, Row, Table};
use whimbrel_mysql::{Record, Role, Session};

use crate::{
    common::{delete, load, read_all, session, shown, table, write},
    tail,
};

const DEFINITIONS: &str = include_str!("matrix.sql");

/// The tables of the script.
const TABLES: [&str; 10] = [
    "numbers",
    "temporals",
    "texts",
    "large",
    "choices",
    "shapes",
    "select",
    "a`b c.d",
    "documents",
    "n",
];

/// Those with documents.
const NEVER_LOADED: [&str; 3] = ["select", "documents", "n"];

/// A table on both servers.
struct Both {
    source: Session,
    target: Session,
    /// A session that reads the target as a source is read.
    target_reader: Session,
    source_table: Table,
    target_table: Table,
}

async fn both(pair: &Pair, name: &str) -> Both {
    let mut source = session(pair.source, &pair.source_database, Role::SourceReader).await;
    let target = session(pair.target, &pair.target_database, Role::Target).await;
    let mut target_reader = session(pair.target, &pair.target_database, Role::SourceReader).await;
    let source_table = table(&mut source, &pair.source_database, name).await;
    let target_table = table(&mut target_reader, &pair.target_database, name).await;
    Both { source, target, target_reader, source_table, target_table }
}

/// The script's statements that make tables, then those that fill them.
fn definitions() -> (String, String) {
    let statements = DEFINITIONS.split(";\n").filter(|statement| !statement.trim().is_empty());
    let (tables, rows): (Vec<&str>, Vec<&str>) =
        statements.partition(|statement| statement.contains("CREATE TABLE"));
    let mode = rows.first().unwrap();
    (format!("{mode};{}", tables.join(";")), rows.join(";"))
}

async fn check(pair: &Pair, name: &str) {
    let mut both = both(pair, name).await;

    let rows = read_all(&mut both.source, &both.source_table).await;
    assert!(!rows.is_empty(), "`{name}` has rows");
    let expected = shown(&mut both.source, &both.source_table).await;
    let count = u64::try_from(rows.len()).unwrap();

    write(&mut both.target, &both.target_table, &rows).await;
    check_target(&mut both, &rows, &expected).await;
    assert_eq!(delete(&mut both.target, &both.target_table, &rows).await, count, "{name}");

    // Into the empty table, and over its own rows.
    for _ in 0..2 {
        let loaded_count = load(&mut both.target, &both.target_table, &rows).await;
        assert_eq!(loaded_count == 0, NEVER_LOADED.contains(&name), "{name}");
        check_target(&mut both, &rows, &expected).await;
    }
}

/// The target's table holds the rows, and shows them as the source does.
async fn check_target(both: &mut Both, rows: &[(Key, Row)], expected: &[String]) {
    let name = both.target_table.name();
    assert_same(&shown(&mut both.target_reader, &both.target_table).await, expected, name);
    let read_back = read_all(&mut both.target_reader, &both.target_table).await;
    assert!(read_back == rows, "rows of `{name}` are the same bytes on both servers");
}

/// That two servers show the same rows; otherwise where the first two that differ do so.
#[track_caller]
pub(crate) fn assert_same(found: &[String], expected: &[String], name: &str) {
    assert_eq!(found.len(), expected.len(), "{name}");
    for (found, expected) in found.iter().zip(expected) {
        let at = found.bytes().zip(expected.bytes()).take_while(|(a, b)| a == b).count();
        let near =
            |text: &str| text.chars().skip(at.saturating_sub(40)).take(120).collect::<String>();
        assert!(found == expected, "{name}: `{}` is not `{}`", near(found), near(expected));
    }
}

/// Statements that change documents in place; the log then carries the changed parts only.
const PARTIAL_UPDATES: &str = r#"
SET SESSION binlog_row_value_options = 'PARTIAL_JSON', sql_mode = 'ALLOW_INVALID_DATES';
UPDATE documents SET j = JSON_REPLACE(j, '$[0]', 1, '$[3]', JSON_OBJECT('a', 1.50)), k = JSON_SET(k, '$[1]', 'x', '$[9]', 7) WHERE id IN (1, 6, 8, 9);
UPDATE documents SET jn = JSON_REMOVE(JSON_SET(jn, '$.k500', REPEAT('y', 40)), '$.k7', '$.k8') WHERE id = 9;
UPDATE documents SET j = JSON_ARRAY_INSERT(JSON_REMOVE(j, '$[5]', '$[0].x'), '$[2]', CAST('2024-01-01' AS DATE)) WHERE id = 10;
UPDATE documents SET j = JSON_SET(j, '$[1].new', 5, '$[1]."q\\"k"', CAST(6 AS UNSIGNED), '$[2].t', 'z') WHERE id = 10;
UPDATE documents SET jn = JSON_REMOVE(JSON_SET(jn, '$.ts.y', 1), '$.k') WHERE id = 1;
UPDATE documents SET j = JSON_SET(j, '$.b', -1, '$."a\\"b\\\\c/".x[1].y', 2) WHERE id = 7;
UPDATE documents SET k = NULL WHERE id = 4;
UPDATE documents SET k = JSON_SET(k, '$[0]', 'later') WHERE id = 7;
UPDATE numbers SET i = 5 WHERE id = 1;
UPDATE texts SET u4 = CONCAT(u4, 'x') WHERE id < 3;
UPDATE choices SET id = id + 100 ORDER BY id DESC"#;

#[tokio::test(flavor = "multi_thread")]
async fn every_value_arrives_as_it_was() {
    let pair = whimbrel_kit::pair().await.unwrap();
    let (tables, rows) = definitions();
    pair.execute_source(&tables).await.unwrap();
    pair.execute_source(&rows).await.unwrap();
    pair.execute_target(&tables).await.unwrap();

    for name in TABLES {
        check(&pair, name).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_and_a_select_make_the_same_rows() {
    let pair = whimbrel_kit::pair().await.unwrap();
    let (definitions, rows) = definitions();
    pair.execute_source(&definitions).await.unwrap();
    let mut source = session(pair.source, &pair.source_database, Role::SourceReader).await;
    let mut tables = Vec::new();
    for name in TABLES {
        tables.push(table(&mut source, &pair.source_database, name).await);
    }
    let from = tail::executed(pair.source).await;

    for statements in [rows.as_str(), PARTIAL_UPDATES] {
        pair.execute_source(statements).await.unwrap();
        let images = tail::images(pair.source, &tables, &from).await;

        for (table, images) in tables.iter().zip(images) {
            let read = read_all(&mut source, table).await;
            assert_eq!(images.len(), read.len(), "{}", table.name());
            for (key, row) in &read {
                let image = images.get(key);
                let name = table.name();
                assert!(image == Some(row), "{name}: {}", tail::difference(table, row, image));
            }
        }
    }
    let file = source.query("SHOW BINARY LOG STATUS").await.unwrap()[0].text("File").unwrap();
    let events = source.query(&format!("SHOW BINLOG EVENTS IN '{file}'")).await.unwrap();
    let is_partial = |event: &&Record| event.text("Event_type").unwrap() == "Update_rows_partial";
    assert!(events.iter().filter(is_partial).count() > 5, "updates in part are in the log");
}
