//! The statements that write rows to the target. Pure: they are made here and run elsewhere.

use whimbrel_model::{Key, Row, Table};

use crate::{
    error::Error,
    types::{quoted, write_key_literal, write_literal},
};

/// The most keys that one statement names.
///
/// A key costs the server's range optimizer some 230 bytes for each of its columns; past
/// `range_optimizer_max_mem_size` (8 MiB by default) it would scan the whole table instead. Measured
/// with keys of 16 columns: 2,000 are still ranges.
const KEYS_MAX: usize = 2_000;

/// `REPLACE` statements that write the rows, each of at most `bytes_max` bytes unless one row alone
/// is longer. Columns that the server computes are left out.
///
/// For a table with another unique key they are `INSERT` statements, and the rows' keys must have been
/// removed before: `REPLACE` would remove whichever row has a unique value of theirs.
///
/// # Errors
///
/// [`Error::Value`] for a value that cannot be written, [`Error::Unexpected`] for a row of another
/// table.
pub fn write<'a>(
    table: &Table,
    rows: impl IntoIterator<Item = &'a Row>,
    bytes_max: usize,
) -> Result<Vec<Vec<u8>>, Error> {
    let columns: Vec<_> = table.carried_columns().collect();
    let limits = (bytes_max, usize::MAX);
    let head = format!("{} VALUES ", head(table));
    let mut list = Statements::new(head.into_bytes(), Vec::new(), limits);
    let mut values = Vec::new();
    for row in rows {
        values.clear();
        values.push(b'(');
        for (column, cell) in columns.iter().zip(row.cells()) {
            if column.is_written() {
                if values.len() > 1 {
                    values.push(b',');
                }
                write_literal(&mut values, column, cell)?;
            }
        }
        values.push(b')');
        list.push(&values, b",");
    }
    Ok(list.finish())
}

/// What a statement that writes rows begins with, up to where they come from.
pub(crate) fn head(table: &Table) -> String {
    let names: Vec<String> = table
        .carried_columns()
        .filter(|column| column.is_written())
        .map(|column| quoted(&column.name))
        .collect();
    let verb = if table.has_other_unique_key() { "INSERT" } else { "REPLACE" };
    format!("{verb} INTO {} ({})", quoted(table.name()), names.join(","))
}

/// `DELETE` statements that remove the rows of the keys, each of at most `bytes_max` bytes unless
/// one key alone is longer. Keys without a row are passed over.
///
/// # Errors
///
/// [`Error::Unexpected`] for a key of another table.
pub fn delete<'a>(
    table: &Table,
    keys: impl IntoIterator<Item = &'a Key>,
    bytes_max: usize,
) -> Result<Vec<Vec<u8>>, Error> {
    let head = format!("DELETE {}FROM {} WHERE ", index_hint(table), quoted(table.name()));
    of_keys(table, (&head, ""), keys, bytes_max)
}

/// Statements about the rows of the keys: each is `head`, the condition that holds for the rows of
/// some of the keys, and `tail`, of at most `bytes_max` bytes unless one key alone is longer. Each key
/// is in one of them.
///
/// # Errors
///
/// [`Error::Unexpected`] for a key of another table.
pub fn of_keys<'a>(
    table: &Table,
    (head, tail): (&str, &str),
    keys: impl IntoIterator<Item = &'a Key>,
    bytes_max: usize,
) -> Result<Vec<Vec<u8>>, Error> {
    let columns: Vec<_> =
        table.key_columns().map(|column| (quoted(&column.name), column)).collect();
    let (open, separator, close): (String, &[u8], &str) = match columns.as_slice() {
        [(name, _)] => (format!("{name} IN ("), b",", ")"),
        _ => (String::new(), b" OR ", ""),
    };
    let (head, tail) = (format!("{head}{open}"), format!("{close}{tail}"));
    let limits = (bytes_max, KEYS_MAX);
    let mut list = Statements::new(head.into_bytes(), tail.into_bytes(), limits);
    let mut condition = Vec::new();
    for key in keys {
        condition.clear();
        if let [(_, column)] = columns.as_slice() {
            for cell in key.cells() {
                write_key_literal(&mut condition, column, cell)?;
            }
        } else {
            equal(&mut condition, table, key)?;
        }
        list.push(&condition, separator);
    }
    Ok(list.finish())
}

/// Appends the condition that holds for the row of the key alone.
///
/// # Errors
///
/// [`Error::Unexpected`] for a key of another table.
pub(crate) fn equal(out: &mut Vec<u8>, table: &Table, key: &Key) -> Result<(), Error> {
    let mut separator: &[u8] = b"(";
    for (column, cell) in table.key_columns().zip(key.cells()) {
        out.extend_from_slice(separator);
        out.extend_from_slice(quoted(&column.name).as_bytes());
        out.push(b'=');
        write_key_literal(out, column, cell)?;
        separator = b" AND ";
    }
    out.push(b')');
    Ok(())
}

/// A hint for the key's index. Without it the optimizer scans a small table, and waits for the row
/// locks of another lane. Names that a hint's own syntax might not take go without.
fn index_hint(table: &Table) -> String {
    let is_plain =
        |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_plain(table.name()) && is_plain(table.key_name()) {
        format!("/*+ INDEX(`{}` `{}`) */ ", table.name(), table.key_name())
    } else {
        String::new()
    }
}

/// Statements of one head, filled up to a bound.
struct Statements {
    head: Vec<u8>,
    tail: Vec<u8>,
    bytes_max: usize,
    items_max: usize,
    /// The items of `current`.
    item_count: usize,
    current: Vec<u8>,
    finished: Vec<Vec<u8>>,
}

impl Statements {
    fn new(head: Vec<u8>, tail: Vec<u8>, (bytes_max, items_max): (usize, usize)) -> Self {
        let (item_count, current, finished) = (0, Vec::new(), Vec::new());
        Self { head, tail, bytes_max, items_max, item_count, current, finished }
    }

    fn push(&mut self, item: &[u8], separator: &[u8]) {
        let grown = self.current.len() + separator.len() + item.len() + self.tail.len();
        if self.item_count > 0 && (grown > self.bytes_max || self.item_count == self.items_max) {
            self.end();
        }
        if self.item_count == 0 {
            self.current.extend_from_slice(&self.head);
        } else {
            self.current.extend_from_slice(separator);
        }
        self.current.extend_from_slice(item);
        self.item_count += 1;
    }

    fn end(&mut self) {
        if self.item_count > 0 {
            self.current.extend_from_slice(&self.tail);
            self.finished.push(std::mem::take(&mut self.current));
            self.item_count = 0;
        }
    }

    fn finish(mut self) -> Vec<Vec<u8>> {
        self.end();
        self.finished
    }
}

#[cfg(test)]
mod tests;
