//! The target that is the table of a lookup vindex: a row for each value of the unique column of [`UNIQUE`],
//! on a shard of its own. Values move between rows, and rows between shards.

use whimbrel_model::{Cell, Gtid, Key, Row, RowBuilder, Table};

use super::{
    data::{Image, UNIQUE, column, number},
    mixed::{DEAD, small},
};
use crate::{
    effects::TableEffects,
    lanes::RUN_BITS,
    transform::{FailedRow, Mapped, Mapping, Place},
};

/// The target.
pub(super) const LOOKED_UP: usize = DEAD + 1;

/// Values that differ.
const VALUES: usize = 3;

/// Its rows, by value.
pub(super) type LookedUp = [Option<Image>; VALUES];

/// What a row is looked up by; `None` if it is not.
///
/// The broken rule: by a value that several rows may have.
pub(super) fn value_of(image: &Image, is_unique: bool) -> Option<usize> {
    match is_unique {
        true => image.unique.map(usize::from),
        false => Some(usize::from(image.value) % VALUES),
    }
}

/// The table.
pub(super) fn table() -> Table {
    let columns = vec![
        column("by", number(), false),
        column("k", number(), false),
        column("u", number(), true),
        column("v", number(), false),
    ];
    Table::new(("db", "looked_up"), columns, ("PRIMARY", &["by"]), false).unwrap()
}

/// The rows of a table of these images.
pub(super) fn looked_up<'a>(images: impl Iterator<Item = &'a Image>, is_unique: bool) -> LookedUp {
    let mut all = LookedUp::default();
    for image in images {
        if let Some(value) = value_of(image, is_unique) {
            all[value] = Some(*image);
        }
    }
    all
}

/// What a window does to the table: deletes by key, then rows.
#[derive(Debug, Clone)]
pub(super) struct LookedUpWrite {
    gone: Vec<usize>,
    rows: Vec<(usize, Image)>,
}

impl LookedUpWrite {
    pub(super) fn of(effects: &TableEffects) -> Self {
        let value = |key: &Key| value(key.cells().next());
        Self {
            gone: effects.gone().map(value).collect(),
            rows: effects.rows().map(image_of).collect(),
        }
    }

    pub(super) fn apply(&self, all: &mut LookedUp) {
        self.gone.iter().for_each(|&value| all[value] = None);
        self.rows.iter().for_each(|&(value, image)| all[value] = Some(image));
    }
}

/// A row of the table in the sim's form, with what it is looked up by.
pub(super) fn image_of(row: &Row) -> (usize, Image) {
    let mut cells = row.cells();
    let by = value(cells.next());
    let mut builder = RowBuilder::default();
    cells.for_each(|cell| {
        builder.push(cell);
    });
    (by, Image::of(UNIQUE, &builder.finish()))
}

fn value(cell: Option<Cell<'_>>) -> usize {
    small(cell.unwrap()) >> RUN_BITS
}

/// The engine's key of a value.
pub(super) fn key_of(value: usize) -> Key {
    let mut builder = RowBuilder::default();
    push(&mut builder, value);
    builder.finish_key()
}

fn push(builder: &mut RowBuilder, value: usize) {
    // Neighbours would share a lane.
    builder.push(Cell::UInt((value as u64) << RUN_BITS));
}

/// What a row of [`UNIQUE`] becomes.
#[derive(Debug)]
pub(super) struct IntoLookedUp {
    pub(super) is_unique: bool,
}

impl Mapping for IntoLookedUp {
    fn place(&self, row: &Row) -> Place {
        let value = value_of(&Image::of(UNIQUE, row), self.is_unique);
        value.map_or(Place::Nowhere, |value| Place::At(key_of(value)))
    }

    fn map(&self, row: &Row, _gtid: Option<&Gtid>) -> Result<Mapped, FailedRow> {
        let Some(value) = value_of(&Image::of(UNIQUE, row), self.is_unique) else {
            return Ok(Mapped::Nothing);
        };
        let mut builder = RowBuilder::default();
        push(&mut builder, value);
        row.cells().for_each(|cell| {
            builder.push(cell);
        });
        Ok(Mapped::Row(key_of(value), builder.finish()))
    }
}
