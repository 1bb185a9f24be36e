//! Rows as a document: one JSON parameter of a prepared statement, for sessions through vtgate.
//!
//! What vtgate and the tablet behind it do for a statement they do for its every value and, for a text
//! they have not seen, for its every letter. A document is one value, and whatever number of rows is
//! in it the statement is the same, which the server reads as a table (`JSON_TABLE`).
//!
//! Measured with sysbench's rows on Vitess 24.0.0 over MySQL 9.7, processor per row, four connections:
//!
//! | rows as | vtgate | tablet | server |
//! |---|---|---|---|
//! | texts of one number of rows | 6.1 µs | 4.2 µs | 8.5 µs |
//! | parameters, 512 rows a statement | 3.2 µs | 3.7 µs | 8.5 µs |
//! | a document of 2,000 rows, read as text | 0.6 µs | 1.3 µs | 9.8 µs |
//! | a document of 2,000 rows, stored first | 0.6 µs | 1.2 µs | 8.5 µs |

use std::sync::Arc;

use whimbrel_model::{Column, Row, Table};

use crate::{
    error::Error,
    statement,
    types::{Node, node_of, write_node},
};

/// Rows from which they go as a document: below, what the server needs to make a table of it is more than
/// texts of few rows cost, whose few shapes vtgate keeps.
const ROWS_MIN: usize = 32;

/// The most rows of a document: more save nothing. Tablets let a statement change 10,000.
const ROWS_MAX: usize = 2_000;

/// A statement, and the document of its rows.
#[derive(Clone)]
pub struct Document {
    sql: Arc<str>,
    row_count: usize,
    text: Vec<u8>,
}

impl Document {
    /// As many of the rows as go in documents of at most about `bytes_max` bytes, and the others, which
    /// are to be written by [`statement::write`]; in any order, since the rows of one table's statements have
    /// different keys. The statements do what those do.
    ///
    /// # Errors
    ///
    /// [`Error::Unexpected`] for a row of another table.
    pub fn of<'a>(
        table: &Table,
        rows: impl IntoIterator<Item = &'a Row>,
        bytes_max: usize,
    ) -> Result<(Vec<Self>, Vec<&'a Row>), Error> {
        let mut others: Vec<&Row> = rows.into_iter().collect();
        let Some(sql) = statement_of(table).filter(|_| others.len() >= ROWS_MIN) else {
            return Ok((Vec::new(), others));
        };
        let columns: Vec<_> = table.carried_columns().collect();
        let mut list = Vec::new();
        let mut open = Open { rows: Vec::new(), text: Vec::new() };
        let mut element = Vec::new();
        for row in std::mem::take(&mut others) {
            element.clear();
            if !write_element(&mut element, &columns, row)? || element.len() > bytes_max {
                others.push(row);
                continue;
            }
            if open.rows.len() == ROWS_MAX || open.text.len() + element.len() > bytes_max {
                open.close(&sql, &mut list, &mut others);
            }
            open.text.push(if open.rows.is_empty() { b'[' } else { b',' });
            open.text.extend_from_slice(&element);
            open.rows.push(row);
        }
        open.close(&sql, &mut list, &mut others);
        Ok((list, others))
    }

    /// The statement, with a question mark for the document.
    pub(crate) fn sql(&self) -> &str {
        &self.sql
    }

    /// The document, in UTF-8.
    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }
}

/// Shows no values.
impl std::fmt::Debug for Document {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Document({} rows, {} bytes)", self.row_count, self.text.len())
    }
}

/// A document that is being filled.
struct Open<'a> {
    rows: Vec<&'a Row>,
    text: Vec<u8>,
}

impl<'a> Open<'a> {
    /// Ends it; rows that are too few for a document of their own go with the others.
    fn close(&mut self, sql: &Arc<str>, list: &mut Vec<Document>, others: &mut Vec<&'a Row>) {
        let (rows, mut text) = (std::mem::take(&mut self.rows), std::mem::take(&mut self.text));
        if rows.len() < ROWS_MIN {
            others.extend(rows);
            return;
        }
        text.push(b']');
        list.push(Document { sql: Arc::clone(sql), row_count: rows.len(), text });
    }
}

/// The statement that writes the rows of a document; `None` for a table with a column whose values no
/// document can give.
///
/// An element that is missing or cannot be the column's value is an error: without the clauses it would be
/// NULL. The document is stored first, in a table of one row: of a text `JSON_TABLE` copies each row's nodes
/// before it reads them, of what is stored nothing.
fn statement_of(table: &Table) -> Option<Arc<str>> {
    let (mut values, mut declarations) = (Vec::new(), Vec::new());
    for (at, column) in table.carried_columns().filter(|it| it.is_written()).enumerate() {
        let (value, declared) = match node_of(column)? {
            Node::Signed => (format!("c{at}"), "BIGINT"),
            Node::Unsigned => (format!("c{at}"), "BIGINT UNSIGNED"),
            Node::Text => (format!("c{at}"), "LONGTEXT CHARACTER SET utf8mb4"),
            Node::Hex => (format!("UNHEX(c{at})"), "LONGTEXT CHARACTER SET utf8mb4"),
        };
        values.push(value);
        let strictly = "ERROR ON EMPTY ERROR ON ERROR";
        declarations.push(format!("c{at} {declared} PATH '$[{at}]' {strictly}"));
    }
    let sql = format!(
        "{} SELECT {} FROM (SELECT CAST(? AS JSON) AS document) AS given, \
         JSON_TABLE(given.document, '$[*]' COLUMNS ({})) AS elements",
        statement::head(table),
        values.join(","),
        declarations.join(", "),
    );
    Some(sql.into())
}

/// Appends the row as an array; `false` if one of its values cannot be in a document.
fn write_element(out: &mut Vec<u8>, columns: &[&Column], row: &Row) -> Result<bool, Error> {
    let mut separator = b'[';
    for (column, cell) in columns.iter().zip(row.cells()) {
        if column.is_written() {
            out.push(separator);
            if !write_node(out, column, cell)? {
                return Ok(false);
            }
            separator = b',';
        }
    }
    out.push(b']');
    Ok(true)
}

#[cfg(test)]
mod tests;
