//! Every type, in every width, at its bounds.

use whimbrel_kit::Pair;
use whimbrel_model::Table;
use whimbrel_mysql::{Role, Session};

use crate::common::{delete, read_all, session, shown, table, write};

const DEFINITIONS: &str = include_str!("matrix.sql");

/// The tables of the script.
const TABLES: [&str; 9] = [
    "numbers",
    "temporals",
    "texts",
    "large",
    "choices",
    "shapes",
    "select",
    "a`b c.d",
    "documents",
];

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
    write(&mut both.target, &both.target_table, &rows).await;

    let expected = shown(&mut both.source, &both.source_table).await;
    assert!(!rows.is_empty(), "`{name}` has rows");
    assert_same(&shown(&mut both.target_reader, &both.target_table).await, &expected, name);
    let read_back = read_all(&mut both.target_reader, &both.target_table).await;
    assert!(read_back == rows, "rows of `{name}` are the same bytes on both servers");
    let count = u64::try_from(rows.len()).unwrap();
    assert_eq!(delete(&mut both.target, &both.target_table, &rows).await, count, "{name}");
}

/// That two servers show the same rows; otherwise where the first two that differ do so.
#[track_caller]
fn assert_same(found: &[String], expected: &[String], name: &str) {
    assert_eq!(found.len(), expected.len(), "{name}");
    for (found, expected) in found.iter().zip(expected) {
        let at = found.bytes().zip(expected.bytes()).take_while(|(a, b)| a == b).count();
        let near =
            |text: &str| text.chars().skip(at.saturating_sub(40)).take(120).collect::<String>();
        assert!(found == expected, "{name}: `{}` is not `{}`", near(found), near(expected));
    }
}

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
