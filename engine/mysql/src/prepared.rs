//! Rows as parameters of prepared statements, for sessions through vtgate.
//!
//! vtgate and the tablet behind it parse the text of every statement whose shape they have not seen, and
//! one of another number of rows has another shape. Prepared statements of few sizes are parsed once.
//! Measured with sysbench's rows on Vitess 24.0.0, both cores busy: 125,000 to 140,000 rows a second against
//! 99,000 to 110,000 in texts, and less in texts of ever other numbers of rows.

use std::sync::Arc;

use mysql_async::Value;
use whimbrel_model::{Cell, Column, ColumnType, Generation, Row, Table};

use crate::{error::Error, statement, types::write_key_literal};

/// The numbers of rows of such statements, the largest first. What is left below the least goes as text,
/// whose few shapes are kept as well.
const SIZES: [usize; 2] = [512, 64];

/// The most parameters of a statement that the protocol has room for.
const PARAMETERS_MAX: usize = 0xffff;

/// A statement, and rows for it.
#[derive(Clone)]
pub struct Prepared {
    sql: Arc<str>,
    row_count: usize,
    values: Vec<Value>,
}

impl Prepared {
    /// As many of the rows as go as parameters, in statements of at most `bytes_max` bytes of rows, and
    /// the others, which are to be written by [`statement::write`]; in any order, since the rows of one
    /// table's statements have different keys. The statements are like those.
    ///
    /// # Errors
    ///
    /// [`Error::Unexpected`] for a row of another table.
    pub fn of<'a>(
        table: &Table,
        rows: impl IntoIterator<Item = &'a Row>,
        bytes_max: usize,
    ) -> Result<(Vec<Self>, Vec<&'a Row>), Error> {
        let columns: Vec<_> = table.carried_columns().collect();
        let is_prepared = |row: &&Row| {
            let mut cells = columns.iter().zip(row.cells());
            cells.all(|(column, cell)| !is_written(column) || is_parameter(column, cell))
        };
        let (mut rows, mut others): (Vec<&Row>, Vec<&Row>) =
            rows.into_iter().partition(is_prepared);
        let written: Vec<_> = columns.iter().copied().filter(|it| is_written(it)).collect();
        let mut list = Vec::new();
        for size in SIZES.into_iter().filter(|size| size * written.len() <= PARAMETERS_MAX) {
            let mut sql = None;
            let (whole, rest) = rows.split_at(rows.len() - rows.len() % size);
            let mut left = rest.to_vec();
            for rows in whole.chunks_exact(size) {
                if rows.iter().map(|row| row.byte_count()).sum::<usize>() > bytes_max {
                    left.extend_from_slice(rows);
                    continue;
                }
                let sql = sql.get_or_insert_with(|| text(table, &written, size));
                let mut values = Vec::with_capacity(size * written.len());
                for row in rows {
                    for (column, cell) in columns.iter().zip(row.cells()) {
                        if is_written(column) {
                            values.push(parameter(column, cell)?);
                        }
                    }
                }
                list.push(Self { sql: Arc::clone(sql), row_count: size, values });
            }
            rows = left;
        }
        others.extend(rows);
        Ok((list, others))
    }

    /// The statement, a question mark for each value.
    pub(crate) fn sql(&self) -> &str {
        &self.sql
    }

    /// A value for each question mark.
    pub(crate) fn values(&self) -> Vec<Value> {
        self.values.clone()
    }
}

/// Shows no values.
impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Prepared({} rows)", self.row_count)
    }
}

/// Columns that the server computes are left out.
fn is_written(column: &Column) -> bool {
    column.generation == Generation::None
}

fn text(table: &Table, columns: &[&Column], row_count: usize) -> Arc<str> {
    let mark = |column: &&Column| if is_bytes(column) { "_binary ?" } else { "?" };
    let row = format!("({})", columns.iter().map(mark).collect::<Vec<_>>().join(","));
    format!("{}{}", statement::head(table), vec![row; row_count].join(",")).into()
}

/// Whether the column's values are written as binary strings, as literals are.
fn is_bytes(column: &Column) -> bool {
    matches!(
        column.column_type,
        ColumnType::Text { .. }
            | ColumnType::Binary
            | ColumnType::FixedBinary { .. }
            | ColumnType::Geometry
            | ColumnType::Vector
    )
}

/// Whether a value can be a parameter. `_binary NULL` is none, and a document and the invalid value of an
/// `ENUM` are expressions. vtgate takes unsigned numbers for signed ones; those beyond are strings, which
/// are numbers for an integer alone.
fn is_parameter(column: &Column, cell: Cell<'_>) -> bool {
    match (&column.column_type, cell) {
        (_, Cell::Null) => !is_bytes(column),
        (ColumnType::Json, _) | (ColumnType::Enum, Cell::UInt(0)) => false,
        (ColumnType::Int { .. }, Cell::UInt(_)) => true,
        (_, Cell::UInt(value)) => i64::try_from(value).is_ok(),
        _ => true,
    }
}

/// The value that gives a column exactly that of the cell, which can be a parameter.
fn parameter(column: &Column, cell: Cell<'_>) -> Result<Value, Error> {
    if cell == Cell::Null {
        return Ok(Value::NULL);
    }
    if let Cell::Int(value) = cell {
        return Ok(Value::Int(value));
    }
    if let Cell::UInt(value) = cell
        && let Ok(value) = i64::try_from(value)
    {
        return Ok(Value::Int(value));
    }
    if let Cell::Bytes(bytes) = cell
        && is_bytes(column)
    {
        return Ok(Value::Bytes(bytes.to_vec()));
    }
    let mut literal = Vec::new();
    write_key_literal(&mut literal, column, cell)?;
    if let [b'\'', text @ .., b'\''] = literal.as_slice() {
        literal = text.to_vec();
    }
    Ok(Value::Bytes(literal))
}

#[cfg(test)]
mod tests;
