//! Rows compared by SELECTs on both servers, in words of SQL alone, so that no code of the engine judges itself.

use std::cmp::Ordering;
use std::fmt;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Row, Value};

use crate::{KitError, Server};

/// How many differences a comparison names; it counts them all.
const NAMED_MAX: usize = 10;
/// The longest value that a difference shows.
const SHOWN_CHARS_MAX: usize = 120;

/// Sessions that read alike on both servers, whatever the servers' defaults are.
///
/// Sorting looks at whole keys (by default at 1 KiB), and JSON is walked to its end.
pub(crate) const SESSION: &str = "SET SESSION time_zone='+00:00', sql_mode='', max_sort_length=262144, \
                       sort_buffer_size=16777216, group_concat_max_len=1073741824, \
                       cte_max_recursion_depth=1000000, max_execution_time=0";

/// What two tables have in common, and what not.
#[derive(Debug, Clone, Default)]
pub struct Comparison {
    /// How many rows the source's table has.
    pub source_rows: u64,
    /// How many rows the target's table has.
    pub target_rows: u64,
    /// How many rows differ or are on one side only.
    pub different_rows: u64,
    /// The first of them, in the order of the key.
    pub differences: Vec<Difference>,
}

impl Comparison {
    /// Whether both tables hold the same rows.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        self.different_rows == 0
    }

    fn note(&mut self, difference: Difference) {
        self.different_rows += 1;
        if self.differences.len() < NAMED_MAX {
            self.differences.push(difference);
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source_rows, target_rows, different_rows, differences } = self;
        write!(f, "{source_rows} source rows, {target_rows} target rows, {different_rows} differ")?;
        differences.iter().try_for_each(|difference| write!(f, "\n  {difference}"))
    }
}

/// One row that is not the same on both sides. Its values are shown: this is for tests, whose rows are no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// A row that only the source has.
    OnlySource {
        /// Its key.
        key: String,
    },
    /// A row that only the target has.
    OnlyTarget {
        /// Its key.
        key: String,
    },
    /// A column in which the row's two images differ; the first such.
    Column {
        /// The row's key.
        key: String,
        /// The column.
        column: String,
        /// The source's value, as it was compared.
        source: String,
        /// The target's.
        target: String,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OnlySource { key } => write!(f, "{key}: only on the source"),
            Self::OnlyTarget { key } => write!(f, "{key}: only on the target"),
            Self::Column { key, column, source, target } => {
                write!(f, "{key}: `{column}` is {source} on the source, {target} on the target")
            }
        }
    }
}

/// One side of a comparison: a table of this name in a database of a server.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// The server.
    pub server: &'a Server,
    /// The database.
    pub database: &'a str,
}

/// Compares `table` on both sides, row by row and value by value, with the columns and the key of the source's.
///
/// Bytes and text are compared as HEX of their own character set, numbers as the server prints them exactly, ENUM by
/// text and number, JSON by its text and by the type of every node in it. Rows without a key are compared as a bag.
///
/// # Errors
///
/// [`KitError::Mysql`] when a side cannot be read, as when the target has no such table or column.
pub async fn compare(
    source: Side<'_>,
    target: Side<'_>,
    table: &str,
) -> Result<Comparison, KitError> {
    let mut source_conn = source.server.connect_to(source.database).await?;
    let mut target_conn = target.server.connect_to(target.database).await?;
    source_conn.query_drop(SESSION).await?;
    target_conn.query_drop(SESSION).await?;

    let select = Select::of(&mut source_conn, table).await?;
    let comparison = merge(&mut source_conn, &mut target_conn, &select).await?;

    source_conn.disconnect().await?;
    target_conn.disconnect().await?;
    Ok(comparison)
}

/// A SELECT whose rows both sides return in an order that we know.
struct Select {
    /// The statement.
    text: String,
    /// The names of the columns, in the order of the statement, after the key's.
    columns: Vec<String>,
    /// How many values at the front are the key.
    key_len: usize,
    /// Whether the key's values are integers in their own order, and not hexadecimal text.
    is_integer_key: bool,
}

impl Select {
    async fn of(conn: &mut Conn, table: &str) -> Result<Self, KitError> {
        let columns: Vec<(String, String)> = conn
            .exec(
                "SELECT COLUMN_NAME, DATA_TYPE FROM information_schema.COLUMNS
                 WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION",
                (table,),
            )
            .await?;
        let mut key: Vec<(String, String)> = conn
            .exec(
                "SELECT c.COLUMN_NAME, c.DATA_TYPE FROM information_schema.STATISTICS s
                 JOIN information_schema.COLUMNS c USING (TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME)
                 WHERE s.TABLE_SCHEMA = DATABASE() AND s.TABLE_NAME = ? AND s.INDEX_NAME = 'PRIMARY'
                 ORDER BY s.SEQ_IN_INDEX",
                (table,),
            )
            .await?;
        if key.is_empty() {
            key.clone_from(&columns);
        }
        let is_integer_key = key.iter().all(|(_, kind)| kind.ends_with("int"));
        let key_exprs: Vec<String> = key
            .iter()
            .map(|(name, kind)| {
                let expression = expression(name, kind);
                let is_ordered = is_integer_key || expression.starts_with("HEX(");
                if is_ordered { expression } else { format!("HEX({expression})") }
            })
            .collect();
        let exprs: Vec<String> =
            columns.iter().map(|(name, kind)| expression(name, kind)).collect();
        let order: Vec<String> = (1..=key.len()).map(|place| place.to_string()).collect();
        let text = format!(
            "SELECT {}, {} FROM {} ORDER BY {}",
            key_exprs.join(", "),
            exprs.join(", "),
            quoted(table),
            order.join(", "),
        );
        let columns = columns.into_iter().map(|(name, _)| name).collect();
        Ok(Self { text, columns, key_len: key.len(), is_integer_key })
    }

    fn compare_keys(&self, one: &[Value], other: &[Value]) -> Ordering {
        let (one, other) = (self.key(one), self.key(other));
        for (one, other) in one.iter().zip(other) {
            let ordering = match (bytes(one), bytes(other)) {
                (Some(one), Some(other)) if self.is_integer_key => {
                    integer(one).cmp(&integer(other))
                }
                // NULL is the lowest, as in ORDER BY.
                (one, other) => one.cmp(&other),
            };
            if ordering.is_ne() {
                return ordering;
            }
        }
        Ordering::Equal
    }

    fn key<'a>(&self, row: &'a [Value]) -> &'a [Value] {
        row.get(..self.key_len).unwrap_or_default()
    }

    /// The key for people.
    fn shown_key(&self, row: &[Value]) -> String {
        let show = |value| if self.is_integer_key { shown(value) } else { shown_hex(value) };
        let values: Vec<String> = self.key(row).iter().map(show).collect();
        values.join("/")
    }

    /// The first column in which two rows of one key differ.
    fn difference(&self, source: &[Value], target: &[Value]) -> Option<Difference> {
        let values = source.iter().zip(target).skip(self.key_len);
        let (column, (source_value, target_value)) = self
            .columns
            .iter()
            .zip(values)
            .find(|(_, (source, target))| bytes(source) != bytes(target))?;
        Some(Difference::Column {
            key: self.shown_key(source),
            column: column.clone(),
            source: shown(source_value),
            target: shown(target_value),
        })
    }
}

/// What a column is compared by: exact text in ASCII, or hexadecimal.
pub(crate) fn expression(name: &str, kind: &str) -> String {
    let column = quoted(name);
    match kind {
        // FLOAT alone would be rounded to six digits; times one keeps the sign of -0, plus zero would not.
        "float" => format!("{column} * 1e0"),
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "decimal" | "double" | "year"
        | "date" | "time" | "datetime" | "timestamp" => column,
        "bit" | "set" => format!("{column} + 0"),
        // The empty text may be a member or the mark of a wrong value, which has the number 0.
        "enum" => format!("CONCAT(HEX({column}), '#', {column} + 0)"),
        "json" => format!("CONCAT({column}, ' ', {})", json_types(&column)),
        _ => format!("HEX({column})"),
    }
}

/// The types of all nodes of a JSON column, in the order of their places: 1.0 may be a DOUBLE or a DECIMAL, and a date
/// and a string print alike.
fn json_types(column: &str) -> String {
    let step = |kind: &str, path: &str| {
        format!(
            "SELECT CONCAT(node.place, '{path}', child.number), child.value FROM node, \
             JSON_TABLE(node.value, '${path}*{close}' COLUMNS \
             (number FOR ORDINALITY, value JSON PATH '$')) child WHERE JSON_TYPE(node.value) = '{kind}'",
            close = if path == "[" { "]" } else { "" },
        )
    };
    format!(
        "(WITH RECURSIVE node (place, value) AS (SELECT CAST('$' AS CHAR(4000)), {column} UNION ALL {} \
         UNION ALL {}) SELECT GROUP_CONCAT(JSON_TYPE(value) ORDER BY place) FROM node)",
        step("ARRAY", "["),
        step("OBJECT", "."),
    )
}

pub(crate) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

async fn merge(
    source_conn: &mut Conn,
    target_conn: &mut Conn,
    select: &Select,
) -> Result<Comparison, KitError> {
    let mut source_rows = source_conn.query_iter(&select.text).await?;
    let mut target_rows = target_conn.query_iter(&select.text).await?;
    let mut comparison = Comparison::default();
    let mut source = source_rows.next().await?.map(Row::unwrap);
    let mut target = target_rows.next().await?.map(Row::unwrap);
    loop {
        let ordering = match (&source, &target) {
            (None, None) => return Ok(comparison),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(source), Some(target)) => select.compare_keys(source, target),
        };
        match (ordering, &source, &target) {
            (Ordering::Less, Some(row), _) => {
                comparison.note(Difference::OnlySource { key: select.shown_key(row) });
            }
            (Ordering::Greater, _, Some(row)) => {
                comparison.note(Difference::OnlyTarget { key: select.shown_key(row) });
            }
            (_, Some(source), Some(target)) => {
                select.difference(source, target).into_iter().for_each(|it| comparison.note(it));
            }
            _ => {}
        }
        if ordering.is_le() {
            comparison.source_rows += 1;
            source = source_rows.next().await?.map(Row::unwrap);
        }
        if ordering.is_ge() {
            comparison.target_rows += 1;
            target = target_rows.next().await?.map(Row::unwrap);
        }
    }
}

/// The text protocol's bytes of a value; `None` for NULL.
fn bytes(value: &Value) -> Option<&[u8]> {
    match value {
        Value::Bytes(bytes) => Some(bytes),
        Value::NULL
        | Value::Int(_)
        | Value::UInt(_)
        | Value::Float(_)
        | Value::Double(_)
        | Value::Date(..)
        | Value::Time(..) => None,
    }
}

fn integer(bytes: &[u8]) -> Option<i128> {
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

/// What hexadecimal text stands for, if people can read it.
fn shown_hex(value: &Value) -> String {
    let shown = shown(value);
    let text: Option<String> = shown
        .as_bytes()
        .chunks(2)
        .map(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok())
        .map(|byte| {
            byte.map(char::from).filter(|letter| letter.is_ascii_graphic() || *letter == ' ')
        })
        .collect();
    text.filter(|text| !text.is_empty()).unwrap_or(shown)
}

fn shown(value: &Value) -> String {
    bytes(value).map_or_else(
        || "NULL".to_owned(),
        |bytes| {
            let text = String::from_utf8_lossy(bytes);
            let mut shown: String = text.chars().take(SHOWN_CHARS_MAX).collect();
            if shown.len() < text.len() {
                shown.push('…');
            }
            shown
        },
    )
}
