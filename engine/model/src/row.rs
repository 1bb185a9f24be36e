//! A row image and a key, as one run of encoded cells each.

use crate::{Cell, CellError, Table};

/// From this size on, a row takes its builder's buffer with it instead of a copy: a large one would be
/// in memory twice, and stay there.
const MOVED_BYTES_MIN: usize = 64 << 10;

/// One row image: a cell for each *carried* column of its table, in the table's order.
///
/// Equal rows are equal bytes, and one allocation holds all cells.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Row {
    cells: Box<[u8]>,
}

/// The cells of a key, in the key's order: what windows note and chunks are bounded by.
///
/// Equality is of bytes. Two keys that a collation calls equal may differ here; whoever needs the
/// target's equality normalises first.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    cells: Box<[u8]>,
}

/// Collects the cells of one row after another in a buffer that is used again.
#[derive(Debug, Default)]
pub struct RowBuilder {
    buffer: Vec<u8>,
}

/// The cells of a row or key, first to last.
#[derive(Debug, Clone)]
pub struct RowCells<'a> {
    rest: &'a [u8],
}

impl RowBuilder {
    /// Appends the next cell.
    pub fn push(&mut self, cell: Cell<'_>) {
        cell.encode(&mut self.buffer);
    }

    /// The cells pushed since the last row, as a row.
    #[must_use]
    pub fn finish(&mut self) -> Row {
        Row { cells: self.take() }
    }

    /// The cells pushed since the last row, as a key.
    #[must_use]
    pub fn finish_key(&mut self) -> Key {
        Key { cells: self.take() }
    }

    fn take(&mut self) -> Box<[u8]> {
        if self.buffer.len() >= MOVED_BYTES_MIN {
            return std::mem::take(&mut self.buffer).into_boxed_slice();
        }
        let cells = self.buffer.as_slice().into();
        self.buffer.clear();
        cells
    }
}

impl Row {
    /// The cells, first to last.
    #[must_use]
    pub fn cells(&self) -> RowCells<'_> {
        RowCells { rest: &self.cells }
    }

    /// The cell of the carried column `index`; `None` past the last.
    #[must_use]
    pub fn cell(&self, index: usize) -> Option<Cell<'_>> {
        self.cells().nth(index)
    }

    /// The key of this row.
    ///
    /// Invariant: the row was built for `table`, so that every key column has a cell.
    #[must_use]
    pub fn key(&self, table: &Table) -> Key {
        let mut cells = Vec::new();
        for &index in table.key() {
            cells.extend_from_slice(self.key_cell(index));
        }
        Key { cells: cells.into_boxed_slice() }
    }

    /// The encoded cell of the carried column `index`.
    fn key_cell(&self, index: usize) -> &[u8] {
        let mut cells = self.cells();
        for _ in 0..index {
            cells.next();
        }
        let from = cells.rest;
        let is_there = cells.next().is_some_and(|cell| !cell.is_null());
        assert!(is_there, "a row has a value for each key column");
        from.split_at(from.len() - cells.rest.len()).0
    }

    /// The memory that the row takes, in bytes.
    #[must_use]
    pub fn byte_count(&self) -> usize {
        self.cells.len() + size_of::<Self>()
    }
}

impl Key {
    /// The cells, first to last.
    #[must_use]
    pub fn cells(&self) -> RowCells<'_> {
        RowCells { rest: &self.cells }
    }

    /// The encoded cells, for storing.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.cells
    }

    /// The memory that the key takes, in bytes.
    #[must_use]
    pub fn byte_count(&self) -> usize {
        self.cells.len() + size_of::<Self>()
    }

    /// A key from stored bytes.
    ///
    /// # Errors
    ///
    /// [`CellError`] when they are not whole encoded cells.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CellError> {
        let mut rest = bytes;
        while !rest.is_empty() {
            rest = Cell::decode(rest)?.1;
        }
        Ok(Self { cells: bytes.into() })
    }
}

impl<'a> Iterator for RowCells<'a> {
    type Item = Cell<'a>;

    fn next(&mut self) -> Option<Cell<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let decoded = Cell::decode(self.rest);
        assert!(decoded.is_ok(), "a row holds whole encoded cells");
        let (cell, rest) = decoded.ok()?;
        self.rest = rest;
        Some(cell)
    }
}

/// Shows no values: rows are the users' data, and what is shown may end in a log.
impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Row({} bytes)", self.cells.len())
    }
}

/// Shows no values, as [`Row`].
impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({} bytes)", self.cells.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Date, Datetime, Time};

    fn cell_strategy() -> impl Strategy<Value = (u8, u64, Vec<u8>)> {
        (0..11u8, any::<u64>(), proptest::collection::vec(any::<u8>(), 0..40))
    }

    fn cell_of((kind, word, bytes): &(u8, u64, Vec<u8>)) -> Cell<'_> {
        let small = |modulus: u64| u8::try_from(word % modulus).unwrap();
        let date =
            Date { year: u16::try_from(word % 10_000).unwrap(), month: small(13), day: small(32) };
        match kind {
            0 => Cell::Null,
            1 => Cell::Int(i64::from_le_bytes(word.to_le_bytes())),
            2 => Cell::UInt(*word),
            3 => Cell::Float(f32::from_bits(u32::try_from(word % 0x7f80_0000).unwrap())),
            4 => Cell::Double(f64::from_bits(word % 0x7ff0_0000_0000_0000)),
            5 => Cell::Decimal(bytes),
            6 => Cell::Date(date),
            7 => Cell::Time(Time { micros: i64::from_le_bytes(word.to_le_bytes()) }),
            8 => Cell::Datetime(Datetime {
                date,
                hour: small(24),
                minute: small(60),
                second: small(59),
                micros: u32::try_from(word % 1_000_000).unwrap(),
            }),
            9 => Cell::Bytes(bytes),
            _ => Cell::Json(bytes),
        }
    }

    proptest! {
        #[test]
        fn cells_come_out_as_they_went_in(
            cells in proptest::collection::vec(cell_strategy(), 0..12)
        ) {
            let mut builder = RowBuilder::default();
            for cell in &cells {
                builder.push(cell_of(cell));
            }
            let row = builder.finish();

            prop_assert_eq!(
                row.cells().collect::<Vec<_>>(),
                cells.iter().map(cell_of).collect::<Vec<_>>()
            );
        }

        #[test]
        fn stored_keys_of_any_bytes_never_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..64)
        ) {
            if let Ok(key) = Key::from_bytes(&bytes) {
                prop_assert_eq!(key.as_bytes(), bytes.as_slice());
                prop_assert!(key.cells().count() <= bytes.len());
            }
        }
    }
}
