//! Pieces of a table's key space: where the server cuts them, and their rows.
//!
//! Keys are never compared here: which of two is less is for the column's type and collation to say,
//! so that bounds are conditions in a statement, in a form that the range optimizer understands.

mod bounds;
mod documents;

use whimbrel_model::{Key, Row, Table};

use self::{bounds::Bounds, documents::Open};
use crate::{
    error::Error,
    session::Session,
    statement::of_keys,
    types::{ResultText, RowDecoder, decode_key, quoted, select_list, unexpected},
};

/// The rows of a chunk that fit a bound.
#[derive(Debug)]
pub struct ChunkRows {
    /// Keys and rows, in key order.
    pub rows: Vec<(Key, Row)>,
    /// Whether these are all. Otherwise they end where the bound was passed, and the chunk from the
    /// last key on is still to be read; there is at least one row.
    pub is_whole: bool,
}

/// The key of the row that is `row_count` rows after `low` in key order, if that row lies before
/// `high`: a chunk from `low` to it has `row_count` rows, whatever gaps are between them.
///
/// `low` is exclusive; `None` is the start of the table, or its end for `high`. `None` as answer: what
/// is left up to `high` has fewer rows, or as many.
///
/// # Errors
///
/// Those of the session, and [`Error::Unexpected`] for a key of another table.
pub async fn cut(
    session: &mut Session,
    table: &Table,
    low: Option<&Key>,
    high: Option<&Key>,
    row_count: u64,
) -> Result<Option<Key>, Error> {
    let Some(offset) = row_count.checked_sub(1) else {
        return Err(unexpected("a chunk of no rows was asked for"));
    };
    let keys = key_list(table, session.result_text());
    let bounds = Bounds { low, high, is_high_included: false }.condition(table)?;
    let order = order_list(table);
    let from = from(table);
    let sql = format!("SELECT {keys} FROM {from}{bounds} ORDER BY {order} LIMIT 1 OFFSET {offset}");
    let mut found = None;
    session
        .stream(&sql, |values| {
            found = Some(decode_key(table, values)?);
            Ok(())
        })
        .await?;
    Ok(found)
}

/// The rows with `low < key <= high`, in key order, as the session's transaction sees them. `None`
/// is the start or the end of the table.
///
/// At most `bytes_max` bytes of rows are kept, one row more at least; the rest of the answer is read
/// and thrown away, so that the session can be used again. Documents whose text leaves their nodes'
/// types open are asked for again in the same transaction.
///
/// # Errors
///
/// Those of the session; [`Error::Unexpected`] when the table is not as described, [`Error::Value`]
/// for a value that cannot be carried.
pub async fn read(
    session: &mut Session,
    table: &Table,
    (low, high): (Option<&Key>, Option<&Key>),
    bytes_max: usize,
) -> Result<ChunkRows, Error> {
    let bounds = Bounds { low, high, is_high_included: true }.condition(table)?;
    let (columns, from, order) =
        (select_list(table, session.result_text()), from(table), order_list(table));
    let sql = format!("SELECT {columns} FROM {from}{bounds} ORDER BY {order}");

    let mut decoder = RowDecoder::new(table);
    let mut rows: Vec<(Key, Row)> = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    let (mut byte_count, mut is_whole) = (0, true);
    session
        .stream(&sql, |values| {
            if byte_count > bytes_max {
                is_whole = false;
                return Ok(());
            }
            let decoded = decoder.decode(values)?;
            byte_count += decoded.row.byte_count();
            open.extend(decoded.open.iter().map(|&cell| Open { row: rows.len(), cell }));
            rows.push((decoded.key, decoded.row));
            Ok(())
        })
        .await?;
    documents::close(session, table, &mut rows, &open).await?;
    Ok(ChunkRows { rows, is_whole })
}

/// The rows of the keys, in no order; keys without a row are passed over. `bytes_max` bounds each
/// statement.
///
/// # Errors
///
/// As [`read`]; [`Error::Unexpected`] for a key of another table, too.
pub async fn find<'a>(
    session: &mut Session,
    table: &Table,
    keys: impl IntoIterator<Item = &'a Key>,
    bytes_max: usize,
) -> Result<Vec<Row>, Error> {
    let head =
        format!("SELECT {} FROM {} WHERE ", select_list(table, session.result_text()), from(table));
    let mut decoder = RowDecoder::new(table);
    let mut rows = Vec::new();
    for statement in of_keys(table, (&head, ""), keys, bytes_max)? {
        let sql = String::from_utf8(statement).map_err(|_| unexpected("a key is no ASCII text"))?;
        session
            .stream(&sql, |values| {
                rows.push(decoder.decode(values)?.row);
                Ok(())
            })
            .await?;
    }
    Ok(rows)
}

/// The key columns as they are selected, in the key's order.
fn key_list(table: &Table, text: ResultText) -> String {
    let columns = table.key_columns().map(|column| crate::types::select_expression(column, text));
    columns.collect::<Vec<_>>().join(",")
}

/// The key columns as they are ordered by: by the table's name, since a select list's name would win.
fn order_list(table: &Table) -> String {
    let name = quoted(table.name());
    let columns = table.key_columns().map(|column| format!("{name}.{}", quoted(&column.name)));
    columns.collect::<Vec<_>>().join(",")
}

/// The table with its key's index: left alone, the optimizer may sort the table for every chunk.
fn from(table: &Table) -> String {
    let (schema, name) = (quoted(table.schema()), quoted(table.name()));
    format!("{schema}.{name} FORCE INDEX ({})", quoted(table.key_name()))
}
