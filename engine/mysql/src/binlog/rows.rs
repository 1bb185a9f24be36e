//! Row images: from the body of a ROWS event to the changes of a planned table.

use whimbrel_model::{Cell, Change, Row, RowBuilder};

use super::{decoder::TableDecoder, value::Decode, wire::Shape};
use crate::bytes::{Bytes, Malformed, TRUNCATED, is_set};
use crate::json;

/// What the rows of an event did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowsKind {
    Write,
    Update,
    /// An update whose documents may be given as what changed in them.
    PartialUpdate,
    Delete,
}

/// The layout of an event's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowsVersion {
    V1,
    /// With extra data of given length.
    V2,
}

/// The head of a ROWS event, and its rows undecoded. Source: MySQL, `Rows_event`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowsHead<'a> {
    pub(crate) table_id: u64,
    rest: Bytes<'a>,
}

/// Why rows cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum RowsError {
    Malformed(Malformed),
    /// The images lack a column that is carried.
    Incomplete,
    /// The value of the column at this place is none of its type.
    Value {
        column: usize,
        what: String,
    },
}

impl From<Malformed> for RowsError {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl<'a> RowsHead<'a> {
    pub(crate) fn read(version: RowsVersion, body: &'a [u8]) -> Result<Self, Malformed> {
        let mut bytes = Bytes::new(body);
        let table_id = bytes.uint(6)?;
        bytes.u16()?; // Flags that concern how a replica applies the rows.
        if version == RowsVersion::V2 {
            // Counts its own two bytes.
            let extra = usize::from(bytes.u16()?);
            bytes.take(extra.checked_sub(2).ok_or(TRUNCATED)?)?;
        }
        Ok(Self { table_id, rest: bytes })
    }

    /// Bytes of the undecoded rows.
    pub(crate) fn byte_count(&self) -> usize {
        self.rest.rest().len()
    }

    /// Whether the event is of no table and only ends a statement. Source: MySQL, the dummy table
    /// ids of `Rows_log_event`, which had one width after another.
    pub(crate) fn is_dummy(&self) -> bool {
        matches!(self.table_id, 0xff_ffff | 0xffff_ffff | 0xffff_ffff_ffff)
    }
}

/// Decodes the rows of an event; keeps its buffers from one event to the next.
#[derive(Debug, Default)]
pub(crate) struct RowsDecoder {
    row: RowBuilder,
    document: Vec<u8>,
}

/// One image's columns: all of a table's, or those that the event has.
struct Image<'a> {
    present: &'a [u8],
    count: usize,
}

impl RowsDecoder {
    /// Appends the changes of an event's rows to `changes`.
    ///
    /// # Errors
    ///
    /// [`RowsError`]; the decoder is of no more use then, as it may hold a part of a row.
    pub(crate) fn decode(
        &mut self,
        kind: RowsKind,
        head: RowsHead<'_>,
        table: &TableDecoder,
        changes: &mut Vec<Change>,
    ) -> Result<(), RowsError> {
        let mut bytes = head.rest;
        let column_count = bytes.packed_length()?;
        if column_count != table.columns.len() {
            return Err(Malformed("it has another number of columns than its TABLE_MAP").into());
        }
        let first = Image::read(&mut bytes, table)?;
        let second = match kind {
            RowsKind::Write | RowsKind::Delete => None,
            RowsKind::Update | RowsKind::PartialUpdate => Some(Image::read(&mut bytes, table)?),
        };
        let id = table.table;
        while !bytes.is_empty() {
            let image = self.image(&mut bytes, &first, table)?;
            changes.push(match (&second, kind) {
                (Some(second), RowsKind::PartialUpdate) => {
                    let after = self.partial_image(&mut bytes, second, table, &image)?;
                    Change::Update { table: id, before: image, after }
                }
                (Some(second), _) => {
                    let after = self.image(&mut bytes, second, table)?;
                    Change::Update { table: id, before: image, after }
                }
                (None, RowsKind::Delete) => Change::Delete { table: id, before: image },
                (None, _) => Change::Insert { table: id, after: image },
            });
        }
        Ok(())
    }

    fn image(
        &mut self,
        bytes: &mut Bytes<'_>,
        image: &Image<'_>,
        table: &TableDecoder,
    ) -> Result<Row, RowsError> {
        let nulls = bytes.take(image.count.div_ceil(8))?;
        let mut place = 0;
        for (index, column) in table.columns.iter().enumerate() {
            if image.lacks(index) {
                continue;
            }
            let is_null = is_set(nulls, place);
            place += 1;
            if is_null {
                if column.decode.is_some() {
                    self.row.push(Cell::Null);
                }
                continue;
            }
            let value = take(bytes, column.shape)?;
            if let Some(decode) = column.decode {
                let failed = |what| RowsError::Value { column: index, what };
                decode.push(value, &mut self.row).map_err(failed)?;
            }
        }
        Ok(self.row.finish())
    }

    /// An image whose documents may be what changed in those of `before`.
    fn partial_image(
        &mut self,
        bytes: &mut Bytes<'_>,
        image: &Image<'_>,
        table: &TableDecoder,
        before: &Row,
    ) -> Result<Row, RowsError> {
        const PARTIAL_JSON: u64 = 1;
        let partial = match bytes.packed()? {
            0 => &[],
            PARTIAL_JSON => bytes.take(table.json_count.div_ceil(8))?,
            _ => return Err(Malformed("its row options are not known").into()),
        };
        let nulls = bytes.take(image.count.div_ceil(8))?;
        let (mut place, mut before) = (0, before.cells());
        for (index, column) in table.columns.iter().enumerate() {
            let old = column.decode.and_then(|_| before.next());
            if image.lacks(index) {
                continue;
            }
            let is_null = is_set(nulls, place);
            place += 1;
            if is_null {
                if column.decode.is_some() {
                    self.row.push(Cell::Null);
                }
                continue;
            }
            let value = take(bytes, column.shape)?;
            let Some(decode) = column.decode else { continue };
            let is_partial = column.json_index.is_some_and(|json| is_set(partial, json));
            self.value(decode, value, is_partial.then_some(old))
                .map_err(|what| RowsError::Value { column: index, what })?;
        }
        Ok(self.row.finish())
    }

    /// Pushes a value, or what `changed` (the cell before, if the row had one) becomes by it.
    fn value(
        &mut self,
        decode: Decode,
        value: &[u8],
        changed: Option<Option<Cell<'_>>>,
    ) -> Result<(), String> {
        let Some(old) = changed else { return decode.push(value, &mut self.row) };
        let Some(Cell::Json(old)) = old else {
            return Err("a part of a document changed that was none before".to_owned());
        };
        self.document.clear();
        json::apply_diffs(old, value, &mut self.document).map_err(|error| error.to_string())?;
        self.row.push(Cell::Json(&self.document));
        Ok(())
    }
}

impl<'a> Image<'a> {
    /// The image's columns; all that are carried must be there.
    fn read(bytes: &mut Bytes<'a>, table: &TableDecoder) -> Result<Self, RowsError> {
        let present = bytes.take(table.columns.len().div_ceil(8))?;
        let mut count = 0;
        for (index, column) in table.columns.iter().enumerate() {
            if is_set(present, index) {
                count += 1;
            } else if column.decode.is_some() {
                return Err(RowsError::Incomplete);
            }
        }
        // A full image needs no look at each column's bit.
        let present = if count == table.columns.len() { &[] } else { present };
        Ok(Self { present, count })
    }

    #[inline]
    fn lacks(&self, index: usize) -> bool {
        !self.present.is_empty() && !is_set(self.present, index)
    }
}

#[inline]
fn take<'a>(bytes: &mut Bytes<'a>, shape: Shape) -> Result<&'a [u8], Malformed> {
    match shape {
        Shape::Fixed(count) => bytes.take(count),
        Shape::Prefixed(width) => {
            let count = bytes.length(width)?;
            bytes.take(count)
        }
    }
}
