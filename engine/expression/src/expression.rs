//! A checked expression, ready to be evaluated over rows.

use std::{borrow::Cow, sync::Arc};

use whimbrel_model::{Cell, Column, Row, Table};

use crate::{
    code::{Code, CodeKind},
    decimal::Decimal,
    error::{EvaluationError, Fault},
    evaluate::evaluate,
    problem::Problem,
    types::{Type, Typed},
    value::Value,
};

/// An expression that was checked against a table. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Expression {
    code: Arc<Code>,
    reads: Arc<[usize]>,
    text: Arc<str>,
    /// The column that it is a copy of.
    copied: Option<Arc<Column>>,
}

/// An expression, and what a person should know of it.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The expression.
    pub expression: Expression,
    /// What is not wrong, and may not be meant.
    pub warnings: Vec<Problem>,
}

/// Room for a value that is computed, used again from row to row.
#[derive(Debug, Default)]
pub struct Scratch {
    bytes: Vec<u8>,
}

/// Cells kept on the stack; an expression that reads more has them on the heap.
const CELLS_INLINE: usize = 8;

impl Expression {
    pub(crate) fn new(code: Code, reads: Vec<usize>, text: Arc<str>, table: &Table) -> Self {
        let place =
            if let CodeKind::Column(column) = &code.kind { column.place } else { usize::MAX };
        let copied = table.carried_columns().nth(place).cloned().map(Arc::new);
        Self { code: Arc::new(code), reads: reads.into(), text, copied }
    }

    /// The place and the definition of the column that it is a copy of.
    pub(crate) fn copied(&self) -> Option<(usize, &Column)> {
        self.is_copy_of().zip(self.copied.as_deref())
    }

    /// The type of its values.
    #[must_use]
    pub fn result(&self) -> &Typed {
        &self.code.typed
    }

    /// The text that it was written as.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The places of the cells that it reads, ascending.
    #[must_use]
    pub fn reads(&self) -> &[usize] {
        &self.reads
    }

    /// The place of the cell that it is a copy of: it is a bare column.
    #[must_use]
    pub fn is_copy_of(&self) -> Option<usize> {
        if let CodeKind::Column(column) = &self.code.kind { Some(column.place) } else { None }
    }

    /// Whether its value is the same for every row of its table.
    #[must_use]
    pub fn is_constant(&self) -> bool {
        self.code.value().is_some()
    }

    /// Its value for a row. Text is in UTF-8, whatever its column's charset; a condition is 0 or 1.
    ///
    /// # Errors
    ///
    /// [`EvaluationError`] with what failed and where in the text.
    pub fn evaluate<'a>(
        &'a self,
        row: &'a Row,
        scratch: &'a mut Scratch,
    ) -> Result<Cell<'a>, EvaluationError> {
        let value = self.value(row)?;
        self.cell(value, scratch).map_err(|fault| self.failed(fault))
    }

    /// Whether it is true for a row: neither false nor `NULL`.
    ///
    /// # Errors
    ///
    /// As [`Expression::evaluate`].
    pub fn is_true(&self, row: &Row) -> Result<bool, EvaluationError> {
        Ok(self.value(row)? == Value::Bool(true))
    }

    pub(crate) fn failed(&self, fault: Fault) -> EvaluationError {
        EvaluationError { fault, span: self.code.span.clone() }
    }

    pub(crate) fn code(&self) -> &Code {
        &self.code
    }

    /// The value for a row, of which only the cells that are read are looked at.
    pub(crate) fn value<'a>(&'a self, row: &'a Row) -> Result<Value<'a>, EvaluationError> {
        let other_table = || self.failed(Fault::OtherTable);
        let mut cells = row.cells();
        let mut next = 0;
        let mut read = self.reads.iter().map(|&place| {
            let cell = cells.nth(place - next);
            next = place + 1;
            cell
        });
        if self.reads.len() <= CELLS_INLINE {
            let mut inline = [Cell::Null; CELLS_INLINE];
            for (slot, cell) in inline.iter_mut().zip(read) {
                *slot = cell.ok_or_else(other_table)?;
            }
            return evaluate(&self.code, &inline);
        }
        let all: Vec<Cell<'a>> = read.by_ref().collect::<Option<_>>().ok_or_else(other_table)?;
        evaluate(&self.code, &all)
    }

    fn cell<'a>(&self, value: Value<'a>, scratch: &'a mut Scratch) -> Result<Cell<'a>, Fault> {
        Ok(match value {
            Value::Null => Cell::Null,
            Value::Bool(value) => Cell::Int(value.into()),
            Value::Int(value) if matches!(self.code.typed.kind, Type::Decimal { .. }) => {
                return self.cell(Value::Decimal(Decimal::from_int(value)), scratch);
            }
            Value::Int(value) => {
                let is_unsigned = matches!(self.code.typed.kind, Type::Int { unsigned: true, .. });
                int_cell(value, is_unsigned)?
            }
            Value::Decimal(value) => {
                let scale = match self.code.typed.kind {
                    Type::Decimal { scale, .. } => scale,
                    _ => value.scale(),
                };
                scratch.decimal(value.rounded(scale)?)
            }
            Value::Double(value) => Cell::Double(value),
            Value::Text(Cow::Borrowed(text)) => Cell::Bytes(text.as_bytes()),
            Value::Text(Cow::Owned(text)) => scratch.keep(text.into_bytes()),
            Value::Bytes(Cow::Borrowed(bytes)) => Cell::Bytes(bytes),
            Value::Bytes(Cow::Owned(bytes)) => scratch.keep(bytes),
            Value::Date(date) => Cell::Date(date),
            Value::Time(time) => Cell::Time(time),
            Value::Datetime(at) => Cell::Datetime(at),
            Value::Json(Cow::Borrowed(json)) => Cell::Json(json),
            Value::Json(Cow::Owned(json)) => scratch.keep_json(json),
        })
    }
}

/// The cell of an integer.
///
/// # Errors
///
/// [`Fault::OutOfRange`].
pub(crate) fn int_cell<'a>(value: i128, unsigned: bool) -> Result<Cell<'a>, Fault> {
    if unsigned {
        u64::try_from(value).map(Cell::UInt).map_err(|_| Fault::OutOfRange)
    } else {
        i64::try_from(value).map(Cell::Int).map_err(|_| Fault::OutOfRange)
    }
}

impl Scratch {
    pub(crate) fn keep(&mut self, bytes: Vec<u8>) -> Cell<'_> {
        self.bytes = bytes;
        Cell::Bytes(&self.bytes)
    }

    pub(crate) fn keep_json(&mut self, bytes: Vec<u8>) -> Cell<'_> {
        self.bytes = bytes;
        Cell::Json(&self.bytes)
    }

    /// The cell of a number, with all its digits.
    pub(crate) fn decimal(&mut self, value: Decimal) -> Cell<'_> {
        self.bytes.clear();
        value.write(&mut self.bytes);
        Cell::Decimal(&self.bytes)
    }
}
