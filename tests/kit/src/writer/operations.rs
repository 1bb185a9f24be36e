//! What the writer does, one function an operation. Rows are chosen by the server near a random key, and values that
//! move between rows stay on the server, in user variables: nothing is converted on the way.

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, ServerError};

use super::counts::Counter;
use super::random::Random;
use super::table::{Column, Table};

/// How a statement ended that the writer does not insist on.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The server refuses the statement for the rows that are there: a duplicate key, a foreign key, a deadlock.
    Refused,
    /// The connection is gone.
    Lost,
    /// Anything else, which is a mistake in the test.
    Wrong(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            // Lock wait, duplicate key, deadlock, foreign keys.
            Error::Server(ServerError { code: 1205 | 1062 | 1213 | 1451 | 1452, .. }) => {
                Self::Refused
            }
            // Shutting down, read-only while it does, killed connection.
            Error::Server(ServerError {
                code: 1053 | 1290 | 1317 | 1927 | 3169 | 4031, ..
            }) => Self::Lost,
            Error::Io(_) | Error::Driver(_) => Self::Lost,
            Error::Server(_) | Error::Other(_) | Error::Url(_) => Self::Wrong(error),
        }
    }
}

/// Does one random operation on `table`; names what was done, if a row was there to do it to.
pub(crate) async fn any(
    conn: &mut Conn,
    table: &Table,
    random: &mut Random,
) -> Result<Option<Counter>, Failure> {
    match random.below(100) {
        0..30 => insert(conn, table, random).await,
        30..65 => update(conn, table, random).await,
        65..80 => delete(conn, table, random).await,
        80..87 => change_key(conn, table, random).await,
        87..93 => swap_keys(conn, table, random).await,
        _ => swap_unique(conn, table, random).await,
    }
}

async fn insert(
    conn: &mut Conn,
    table: &Table,
    random: &mut Random,
) -> Result<Option<Counter>, Failure> {
    let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    let values: Vec<String> = table.columns.iter().map(|column| column.value(random)).collect();
    let statement =
        format!("INSERT INTO {} ({}) VALUES ({})", table.name, names.join(", "), values.join(", "));
    changed(conn, statement, Counter::Insert).await
}

async fn update(
    conn: &mut Conn,
    table: &Table,
    random: &mut Random,
) -> Result<Option<Counter>, Failure> {
    let others = table.others();
    let mut assignments = Vec::new();
    // One column mostly, sometimes two: images with few and with more differences.
    for _ in 0..=random.below(2) {
        if let Some(column) = table.any(&others, random) {
            assignments.push(format!("{} = {}", column.name, column.value(random)));
        }
    }
    if assignments.is_empty() {
        return Ok(None);
    }
    let row = table.some_row(random);
    let statement = format!("UPDATE {} SET {} {row}", table.name, assignments.join(", "));
    changed(conn, statement, Counter::Update).await
}

async fn delete(
    conn: &mut Conn,
    table: &Table,
    random: &mut Random,
) -> Result<Option<Counter>, Failure> {
    let statement = format!("DELETE FROM {} {}", table.name, table.some_row(random));
    changed(conn, statement, Counter::Delete).await
}

async fn change_key(
    conn: &mut Conn,
    table: &Table,
    random: &mut Random,
) -> Result<Option<Counter>, Failure> {
    let Some(column) = table.any(&table.key, random) else { return Ok(None) };
    let (value, row) = (column.kind.value(random), table.some_row(random));
    let statement = format!("UPDATE {} SET {} = {value} {row}", table.name, column.name);
    changed(conn, statement, Counter::KeyChange).await
}

/// Two rows exchange their primary keys, by way of a third.
async fn swap_keys(
    conn: &mut Conn,
    table: &Table,
    random: &mut Random,
) -> Result<Option<Counter>, Failure> {
    let key = table.at(&table.key);
    let Some(first) = key.first() else { return Ok(None) };
    let spare = first.kind.value(random);
    if !pick_two(conn, table, None, random).await? {
        return Ok(None);
    }
    let (name, a, b) = (&table.name, matches(&key, "a", 0), matches(&key, "b", 0));
    let rest = matches(&key, "a", 1);
    conn.query_drop(format!("UPDATE {name} SET {} = {spare} WHERE {a}", first.name)).await?;
    conn.query_drop(format!("UPDATE {name} SET {} WHERE {b}", assigns(&key, "a"))).await?;
    // The variables of b were read before, so they are still b's own; the spare row is known by its first column.
    let spare_row = format!("{} = {spare} AND {rest}", first.name);
    conn.query_drop(format!("UPDATE {name} SET {} WHERE {spare_row}", assigns(&key, "b"))).await?;
    Ok(Some(Counter::KeyChange))
}

/// Two rows exchange a unique value, by way of NULL or of a value that nobody has.
async fn swap_unique(
    conn: &mut Conn,
    table: &Table,
    random: &mut Random,
) -> Result<Option<Counter>, Failure> {
    let Some(unique) = table.any(&table.unique, random) else { return Ok(None) };
    let spare = if unique.is_nullable { "NULL".to_owned() } else { unique.kind.value(random) };
    if !pick_two(conn, table, Some(unique), random).await? {
        return Ok(None);
    }
    let key = table.at(&table.key);
    let (name, column) = (&table.name, &unique.name);
    for (value, row) in [(spare.as_str(), "a"), ("@au", "b"), ("@bu", "a")] {
        let row = matches(&key, row, 0);
        conn.query_drop(format!("UPDATE {name} SET {column} = {value} WHERE {row}")).await?;
    }
    Ok(Some(Counter::Swap))
}

/// Puts the keys of two rows, and the values of `extra`, into the variables @a0, @a1 …, @au and @b0, @b1 …, @bu, and
/// locks the rows. False when there are no two.
async fn pick_two(
    conn: &mut Conn,
    table: &Table,
    extra: Option<&Column>,
    random: &mut Random,
) -> Result<bool, Failure> {
    let key = table.at(&table.key);
    if key.is_empty() {
        return Ok(false);
    }
    let extra_name = extra.map_or("NULL", |column| column.name.as_str());
    let names: Vec<&str> =
        key.iter().map(|column| column.name.as_str()).chain([extra_name]).collect();
    for row in ["a", "b"] {
        let variables: Vec<String> = (0..key.len())
            .map(|place| format!("@{row}{place}"))
            .chain([format!("@{row}u")])
            .collect();
        let nulls: Vec<String> =
            variables.iter().map(|variable| format!("{variable} = NULL")).collect();
        conn.query_drop(format!("SET {}", nulls.join(", "))).await?;
        let select = format!(
            "SELECT {} INTO {} FROM {} {} FOR UPDATE",
            names.join(", "),
            variables.join(", "),
            table.name,
            table.some_row(random)
        );
        conn.query_drop(select).await?;
    }
    let same: Vec<String> =
        (0..key.len()).map(|place| format!("@a{place} <=> @b{place}")).collect();
    let are_two: Option<bool> = conn
        .query_first(format!(
            "SELECT @a0 IS NOT NULL AND @b0 IS NOT NULL AND NOT ({})",
            same.join(" AND ")
        ))
        .await?;
    Ok(are_two == Some(true))
}

/// The condition that a row has the key in `row`'s variables, but for the key's first `skipped` columns.
fn matches(key: &[&Column], row: &str, skipped: usize) -> String {
    let conditions: Vec<String> = variables(key, row)
        .skip(skipped)
        .map(|(name, variable)| format!("{name} = {variable}"))
        .collect();
    if conditions.is_empty() { "TRUE".to_owned() } else { conditions.join(" AND ") }
}

fn assigns(key: &[&Column], row: &str) -> String {
    let assignments: Vec<String> =
        variables(key, row).map(|(name, variable)| format!("{name} = {variable}")).collect();
    assignments.join(", ")
}

fn variables<'a>(key: &'a [&Column], row: &'a str) -> impl Iterator<Item = (&'a str, String)> {
    key.iter()
        .enumerate()
        .map(move |(place, column)| (column.name.as_str(), format!("@{row}{place}")))
}

async fn changed(
    conn: &mut Conn,
    statement: String,
    counter: Counter,
) -> Result<Option<Counter>, Failure> {
    conn.query_drop(statement).await?;
    Ok((conn.affected_rows() > 0).then_some(counter))
}
