//! Rows of the binary protocol as cells.

use mysql_async::Value;
use whimbrel_model::{
    Cell, Column, ColumnType, Date, Datetime, IntWidth, Key, Row, RowBuilder, Table, Time,
};

use crate::{
    error::Error,
    json::{self, NodeType},
};

const DOING: &str = "reading rows";

/// Decodes the rows of a `SELECT` of [`super::select_list`].
pub(crate) struct RowDecoder<'t> {
    table: &'t Table,
    columns: Vec<&'t Column>,
    /// The places of JSON columns among the columns.
    documents: Vec<usize>,
    builder: RowBuilder,
    /// The canonical form of a document, and a binary value that had to be padded.
    scratch: Vec<u8>,
}

/// A row, and what is not known of it yet.
pub(crate) struct Decoded {
    /// Its key.
    pub(crate) key: Key,
    /// The row. The cells named by `open` hold the server's text instead of the canonical form.
    pub(crate) row: Row,
    /// The places of the documents of which more must be asked: see [`json::AmbiguousPaths`].
    pub(crate) open: Vec<usize>,
}

impl<'t> RowDecoder<'t> {
    /// For rows of `table`.
    pub(crate) fn new(table: &'t Table) -> Self {
        let columns: Vec<&Column> = table.carried_columns().collect();
        let is_json = |index: &usize| columns[*index].column_type == ColumnType::Json;
        let documents = (0..columns.len()).filter(is_json).collect();
        Self { table, columns, documents, builder: RowBuilder::default(), scratch: Vec::new() }
    }

    /// The row of a result's values.
    ///
    /// # Errors
    ///
    /// [`Error::Unexpected`] when the values are not of the columns' types, [`Error::Value`] when
    /// a document cannot be carried.
    pub(crate) fn decode(&mut self, values: &[Value]) -> Result<Decoded, Error> {
        let (values, flags) = values
            .split_at_checked(self.columns.len())
            .filter(|(_, flags)| flags.len() == self.documents.len())
            .ok_or_else(|| unexpected("the row has not the columns that were asked for"))?;
        let mut open = Vec::new();
        for (index, value) in values.iter().enumerate() {
            let column = self.columns[index];
            self.scratch.clear();
            let cell = match (&column.column_type, value) {
                (ColumnType::Json, Value::Bytes(text)) => {
                    let flag = self.documents.iter().position(|&place| place == index);
                    if flag.and_then(|flag| flags.get(flag)) == Some(&Value::Int(0)) {
                        json::from_text(text, None, &mut self.scratch)
                            .map_err(|cause| Error::Value { column: column.name.clone(), cause })?;
                        Cell::Json(&self.scratch)
                    } else {
                        open.push(index);
                        Cell::Json(text)
                    }
                }
                _ => cell(column, value, &mut self.scratch).ok_or_else(|| mismatch(column))?,
            };
            self.builder.push(cell);
        }
        let row = self.builder.finish();
        Ok(Decoded { key: row.key(self.table), row, open })
    }

    /// The row with the document at `place`, which still holds the server's text, in canonical form.
    ///
    /// # Errors
    ///
    /// [`Error::Value`] when the document cannot be carried.
    pub(crate) fn close(
        &mut self,
        row: &Row,
        place: usize,
        types: &[NodeType],
    ) -> Result<Row, Error> {
        for (index, cell) in row.cells().enumerate() {
            if let (Cell::Json(text), true) = (cell, index == place) {
                let refused =
                    |cause| Error::Value { column: self.columns[index].name.clone(), cause };
                self.scratch.clear();
                json::from_text(text, Some(types), &mut self.scratch).map_err(refused)?;
                self.builder.push(Cell::Json(&self.scratch));
            } else {
                self.builder.push(cell);
            }
        }
        Ok(self.builder.finish())
    }
}

/// The key of a row of the key columns alone, in the key's order.
///
/// # Errors
///
/// [`Error::Unexpected`] when the values are not of the columns' types.
pub(crate) fn decode_key(table: &Table, values: &[Value]) -> Result<Key, Error> {
    let mut builder = RowBuilder::default();
    let mut scratch = Vec::new();
    if values.len() != table.key().len() {
        return Err(unexpected("the row has not the columns that were asked for"));
    }
    for (column, value) in table.key_columns().zip(values) {
        scratch.clear();
        builder.push(cell(column, value, &mut scratch).ok_or_else(|| mismatch(column))?);
    }
    Ok(builder.finish_key())
}

/// The cell of any value but a document; `None` when the column's type has no such value.
fn cell<'v>(column: &Column, value: &'v Value, scratch: &'v mut Vec<u8>) -> Option<Cell<'v>> {
    if *value == Value::NULL {
        return Some(Cell::Null);
    }
    match &column.column_type {
        ColumnType::Int { width, unsigned: true } => {
            unsigned(value).filter(|&value| value <= unsigned_max(*width)).map(Cell::UInt)
        }
        ColumnType::Int { unsigned: false, .. } => {
            if let Value::Int(value) = *value {
                Some(Cell::Int(value))
            } else {
                None
            }
        }
        ColumnType::Year | ColumnType::Enum | ColumnType::Set { .. } => {
            unsigned(value).map(Cell::UInt)
        }
        ColumnType::Bit { .. } => {
            let bytes = bytes(value).filter(|bytes| bytes.len() <= 8)?;
            Some(Cell::UInt(bytes.iter().fold(0, |bits, &byte| bits << 8 | u64::from(byte))))
        }
        ColumnType::Decimal { .. } => {
            bytes(value).map(|digits| Cell::Decimal(without_minus_zero(digits)))
        }
        ColumnType::Float => {
            if let Value::Float(value) = *value {
                Some(Cell::Float(value))
            } else {
                None
            }
        }
        ColumnType::Double => {
            if let Value::Double(value) = *value {
                Some(Cell::Double(value))
            } else {
                None
            }
        }
        ColumnType::Date | ColumnType::Datetime { .. } | ColumnType::Timestamp { .. } => {
            date_or_datetime(&column.column_type, value)
        }
        ColumnType::Time { .. } => time(value),
        ColumnType::FixedBinary { length } => {
            scratch.extend_from_slice(bytes(value)?);
            scratch.resize(usize::from(*length).max(scratch.len()), 0);
            Some(Cell::Bytes(scratch))
        }
        ColumnType::Text { .. }
        | ColumnType::Binary
        | ColumnType::Geometry
        | ColumnType::Vector => bytes(value).map(Cell::Bytes),
        ColumnType::Json => None,
    }
}

fn unsigned(value: &Value) -> Option<u64> {
    if let Value::UInt(value) = *value {
        return Some(value);
    }
    if let Value::Int(value) = *value { u64::try_from(value).ok() } else { None }
}

fn bytes(value: &Value) -> Option<&[u8]> {
    if let Value::Bytes(bytes) = value { Some(bytes) } else { None }
}

fn unsigned_max(width: IntWidth) -> u64 {
    match width {
        IntWidth::Tiny => u8::MAX.into(),
        IntWidth::Small => u16::MAX.into(),
        IntWidth::Medium => 0xff_ffff,
        IntWidth::Int => u32::MAX.into(),
        IntWidth::Big => u64::MAX,
    }
}

fn without_minus_zero(digits: &[u8]) -> &[u8] {
    match digits.strip_prefix(b"-") {
        Some(rest) if rest.iter().all(|byte| matches!(byte, b'0' | b'.')) => rest,
        _ => digits,
    }
}

fn date_or_datetime<'v>(column_type: &ColumnType, value: &Value) -> Option<Cell<'v>> {
    let Value::Date(year, month, day, hour, minute, second, micros) = *value else {
        return None;
    };
    let date = Date { year, month, day };
    Some(if *column_type == ColumnType::Date {
        Cell::Date(date)
    } else {
        Cell::Datetime(Datetime { date, hour, minute, second, micros })
    })
}

fn time<'v>(value: &Value) -> Option<Cell<'v>> {
    let Value::Time(is_negative, days, hours, minutes, seconds, micros) = *value else {
        return None;
    };
    let hours = i64::from(days) * 24 + i64::from(hours);
    let seconds = (hours * 60 + i64::from(minutes)) * 60 + i64::from(seconds);
    let micros = seconds * 1_000_000 + i64::from(micros);
    Some(Cell::Time(Time { micros: if is_negative { -micros } else { micros } }))
}

fn mismatch(column: &Column) -> Error {
    unexpected(format!("`{}` {} has not a value of its type", column.name, column.declaration))
}

pub(crate) fn unexpected(what: impl Into<String>) -> Error {
    Error::Unexpected { doing: DOING.to_owned(), what: what.into() }
}
