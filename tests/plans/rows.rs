//! Rows as text, each with how often it is there.

use std::collections::BTreeMap;

use whimbrel_kit::{
    Server,
    mysql_async::{Conn, Row, Value, prelude::Queryable},
};

pub(super) type Lines = BTreeMap<Vec<Option<String>>, u32>;

/// The rows that `sql` gives in a database.
pub(super) async fn lines(server: &Server, database: &str, sql: &str) -> Lines {
    let mut conn = server.connect_to(database).await.unwrap();
    let lines = lines_of(&mut conn, sql).await;
    conn.disconnect().await.unwrap();
    lines
}

/// The rows that `sql` gives.
pub(super) async fn lines_of(conn: &mut Conn, sql: &str) -> Lines {
    let rows: Vec<Row> = conn.query(sql).await.unwrap();
    let text = |value: Value| (value != Value::NULL).then(|| value.as_sql(true));
    let mut lines = Lines::new();
    for row in rows {
        *lines.entry(row.unwrap().into_iter().map(text).collect()).or_default() += 1;
    }
    lines
}

/// Adds `more` to `lines`.
pub(super) fn add(lines: &mut Lines, more: Lines) {
    for (row, count) in more {
        *lines.entry(row).or_default() += count;
    }
}

/// What the first rows are that one side alone has.
pub(super) fn difference(wanted: &Lines, found: &Lines) -> String {
    let only = |one: &Lines, other: &Lines| {
        let found = one.iter().find(|(row, count)| other.get(*row) != Some(*count));
        found.map(|(row, _)| row.clone())
    };
    format!(
        "{} rows instead of {}; {:?} is missing, {:?} is too much",
        found.len(),
        wanted.len(),
        only(wanted, found),
        only(found, wanted)
    )
}
