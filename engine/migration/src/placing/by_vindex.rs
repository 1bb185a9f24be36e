//! Rows that are where a vindex says.

use std::{borrow::Cow, sync::Arc};

use whimbrel_expression::shown;
use whimbrel_model::{Cell, Column, ColumnType, Row};
use whimbrel_sharding::{KeyspaceId, Shards, Unmapped, Value, Vindex};

use super::{Places, UnplacedRow};

/// Rows that are where their keyspace ids say.
#[derive(Debug)]
pub(crate) struct ByVindex {
    pub(crate) table: Box<str>,
    /// The places of the vindex's columns among a row's cells, with the columns.
    pub(crate) columns: Vec<(usize, Column)>,
    pub(crate) vindex: Vindex,
    pub(crate) shards: Arc<Shards>,
    /// The number of the first of them among all shards of the target.
    pub(crate) first: usize,
}

impl ByVindex {
    /// A row's keyspace id.
    ///
    /// # Errors
    ///
    /// [`UnplacedRow`] for a row that has none.
    pub(crate) fn keyspace_id(&self, row: &Row) -> Result<KeyspaceId, UnplacedRow> {
        let columns = || self.columns.iter().map(|(_, column)| column);
        let unplaced = |error: Unmapped| UnplacedRow::by(&self.table, columns(), &error);
        let literals: Vec<Literal<'_>> = self
            .columns
            .iter()
            .map(|(place, column)| Literal::of(column, row.cell(*place).unwrap_or(Cell::Null)))
            .collect::<Result<_, _>>()
            .map_err(unplaced)?;
        let values: Vec<Value<'_>> = literals.iter().map(Literal::value).collect();
        self.vindex.keyspace_id(&values).map_err(unplaced)
    }
}

impl Places for ByVindex {
    fn shard(&self, row: &Row) -> Result<usize, UnplacedRow> {
        Ok(self.first + self.shards.of(&self.keyspace_id(row)?))
    }
}

/// A value as an application writes it in a statement.
enum Literal<'a> {
    /// A number or `NULL`.
    Bare(Value<'a>),
    /// What stands between quotes: bytes, or text in UTF-8.
    Quoted(Cow<'a, [u8]>),
}

impl<'a> Literal<'a> {
    fn of(column: &Column, cell: Cell<'a>) -> Result<Self, Unmapped> {
        match (cell, &column.column_type) {
            (Cell::Int(number), _) => Ok(Self::Bare(Value::Int(number))),
            (Cell::UInt(number), _) => Ok(Self::Bare(Value::UInt(number))),
            (Cell::Bytes(bytes), ColumnType::Text { charset, .. }) => {
                Ok(Self::Quoted(match shown(charset, bytes).ok_or(Unmapped::NotText)? {
                    Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
                    Cow::Owned(text) => Cow::Owned(text.into_bytes()),
                }))
            }
            (Cell::Bytes(bytes), _) => Ok(Self::Quoted(Cow::Borrowed(bytes))),
            _ => Ok(Self::Bare(Value::Null)),
        }
    }

    fn value(&self) -> Value<'_> {
        match self {
            Self::Bare(value) => *value,
            Self::Quoted(text) => Value::Text(text),
        }
    }
}

/// The bytes of the literal of a column's value: digits, text in UTF-8, or bytes.
///
/// # Errors
///
/// [`Unmapped`] for NULL, and for bytes that are no text of the column's charset.
pub(super) fn literal_bytes(
    column: &Column,
    cell: Option<Cell<'_>>,
) -> Result<Box<[u8]>, Unmapped> {
    match Literal::of(column, cell.unwrap_or(Cell::Null))? {
        Literal::Bare(Value::Int(number)) => Ok(number.to_string().into_bytes().into()),
        Literal::Bare(Value::UInt(number)) => Ok(number.to_string().into_bytes().into()),
        Literal::Bare(Value::Null | Value::Text(_)) => Err(Unmapped::Null),
        Literal::Quoted(bytes) => Ok(bytes.into_owned().into()),
    }
}

/// Why a column cannot say where a row is: applications write values of its type in more than one way,
/// and vtgate takes the text of the literal.
pub(crate) fn unfit(column: &Column) -> Option<&'static str> {
    let column_type = &column.column_type;
    if let ColumnType::Text { charset, .. } = column_type {
        let is_read = shown(charset, b"").is_some();
        return (!is_read).then_some("text of its charset is not known here as UTF-8");
    }
    // A BINARY has the literal that is as long as it is: rows of a shorter one are not found by either.
    let has_one_literal = matches!(
        column_type,
        ColumnType::Int { .. } | ColumnType::Binary | ColumnType::FixedBinary { .. }
    );
    (!has_one_literal).then_some("a value of its type has literals that differ")
}
