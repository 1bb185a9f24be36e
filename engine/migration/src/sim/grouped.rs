//! A rolled-up target of the simulated world: contributions, groups and what is shown of them, kept in
//! step as the statements of a window do it.

use whimbrel_model::{Cell, Gtid, Key, Row, RowBuilder, Table};

use super::{
    data::{Image, KEYS, LETTERS, PADDED, TABLES, column, number, push_key, read_key, text},
    mixed::small,
    rules::Rules,
};
use crate::{
    effects::TableEffects,
    transform::{FailedRow, Mapped, Mapping, Place},
};

/// The contributions of [`PADDED`] and [`LETTERS`].
pub(super) const GROUPED: usize = TABLES + 1;

const GROUPS: usize = 3;

/// Source keys that are not the same bytes.
const SPELLINGS: usize = 2 * KEYS;

/// Rows of the two source tables, by the bytes of their keys.
pub(super) type BySpelling = [[Option<Image>; SPELLINGS]; 2];

/// A group: how many rows it has, and their sum.
type Group = (i64, i64);

/// A place of a contribution.
pub(super) type Spelt = (usize, usize);

/// What is kept and what is shown.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grouped {
    pub(super) contributions: BySpelling,
    kept: [Group; GROUPS],
    shown: [Group; GROUPS],
}

/// What a window does to a rolled-up target.
#[derive(Debug, Clone)]
pub(super) struct GroupedWrite {
    touched: Vec<Spelt>,
    gone: Vec<Spelt>,
    rows: Vec<(Spelt, Image)>,
}

impl Grouped {
    /// What the rows of the two source tables come to.
    pub(super) fn of<'a>(images: impl Iterator<Item = (usize, &'a Image)>) -> Self {
        let mut all = Self::default();
        for (table, image) in images.filter(|(_, image)| counts(image)) {
            let (table, spelling) = place(table, image);
            all.contributions[table][spelling] = Some(*image);
        }
        all.kept = all.fold();
        all.shown = all.kept;
        all
    }

    /// Whether the groups that are kept, and those that are shown, are those of the contributions.
    pub(super) fn is_in_step(&self) -> bool {
        let groups = self.fold();
        self.kept == groups && self.shown == groups
    }

    fn fold(&self) -> [Group; GROUPS] {
        let mut groups = [Group::default(); GROUPS];
        for image in self.contributions.iter().flatten().flatten() {
            add(&mut groups, image, 1);
        }
        groups
    }

    /// Subtracts, writes, adds and shows, key by key as if each were in a statement of its own.
    pub(super) fn apply(&mut self, write: &GroupedWrite, rules: &Rules, loses_groups: bool) {
        let before = *self;
        let mut touched = [false; GROUPS];
        let mut change = |all: &mut Self, sign| {
            for &(table, spelling) in &write.touched {
                if let Some(image) = all.contributions[table][spelling] {
                    add(&mut all.kept, &image, sign);
                    touched[group_of(&image)] |= sign > 0 || rules.shows_what_left;
                }
            }
        };
        if rules.subtracts {
            change(self, -1);
        }
        for &(table, spelling) in &write.gone {
            self.contributions[table][spelling] = None;
        }
        for &((table, spelling), image) in &write.rows {
            self.contributions[table][spelling] = Some(image);
        }
        change(self, 1);
        for (group, _) in touched.iter().enumerate().filter(|(_, is_touched)| **is_touched) {
            self.shown[group] = self.kept[group];
        }
        if loses_groups {
            (self.kept, self.shown) = (before.kept, before.shown);
        }
    }
}

impl GroupedWrite {
    pub(super) fn of(effects: &TableEffects, rules: &Rules) -> Self {
        // The broken rule: keys that the source calls equal are one row.
        let kept = |(table, spelling): Spelt| {
            (table, if rules.keeps_bytes { spelling } else { spelling % KEYS })
        };
        let spelt = |key: &Key| kept(spelt(key));
        let row = |row: &Row| {
            let (place, image) = contribution(row);
            (kept(place), image)
        };
        Self {
            touched: effects.touched().map(spelt).collect(),
            gone: effects.gone().map(spelt).collect(),
            rows: effects.rows().map(row).collect(),
        }
    }
}

fn add(groups: &mut [Group; GROUPS], image: &Image, sign: i64) {
    let (rows, sum) = &mut groups[group_of(image)];
    *rows += sign;
    *sum += sign * i64::from(image.value);
}

pub(super) fn group_of(image: &Image) -> usize {
    usize::from(image.value) % GROUPS
}

/// The filter.
fn counts(image: &Image) -> bool {
    !image.value.is_multiple_of(5)
}

/// Where an image of a source table is kept.
pub(super) fn place(table: usize, image: &Image) -> Spelt {
    (table, if image.is_respelt { image.key + KEYS } else { image.key })
}

/// Where a key of a contribution is.
pub(super) fn spelt(key: &Key) -> Spelt {
    let cells: Vec<Cell<'_>> = key.cells().collect();
    let (key, is_respelt) = read_key(cells[1]);
    place(small(cells[0]), &Image { key, is_respelt, unique: None, value: 0 })
}

/// A contribution in the sim's form.
pub(super) fn contribution(row: &Row) -> (Spelt, Image) {
    let cells: Vec<Cell<'_>> = row.cells().collect();
    let (key, is_respelt) = read_key(cells[1]);
    let value = u16::try_from(small(cells[2])).unwrap();
    let image = Image { key, is_respelt, unique: None, value };
    (place(small(cells[0]), &image), image)
}

/// The contributions, as rows are written.
pub(super) fn table(name: &str) -> Table {
    let columns = vec![
        column("k1", number(), false),
        column("k2", text("utf8mb4_0900_bin"), false),
        column("a1", number(), false),
    ];
    Table::new(("db", name), columns, ("PRIMARY", &["k1", "k2"]), false).unwrap()
}

/// The engine's key of an image's contribution.
pub(super) fn contribution_key(source: usize, image: &Image) -> Key {
    let mut builder = RowBuilder::default();
    push_contribution_key(&mut builder, source, image);
    builder.finish_key()
}

/// An image's contribution.
pub(super) fn contribution_row(source: usize, image: &Image) -> Row {
    let mut builder = RowBuilder::default();
    push_contribution_key(&mut builder, source, image);
    builder.push(Cell::UInt(u64::from(image.value)));
    builder.finish()
}

fn push_contribution_key(builder: &mut RowBuilder, source: usize, image: &Image) {
    builder.push(Cell::UInt(source as u64));
    push_key(builder, source, image.key, image.is_respelt);
}

/// A row of the table with this number becomes a contribution.
#[derive(Debug)]
pub(super) struct IntoGrouped(pub(super) usize);

impl Mapping for IntoGrouped {
    fn place(&self, row: &Row) -> Place {
        let image = Image::of(self.0, row);
        if counts(&image) { Place::At(contribution_key(self.0, &image)) } else { Place::Nowhere }
    }

    fn map(&self, row: &Row, _gtid: Option<&Gtid>) -> Result<Mapped, FailedRow> {
        let image = Image::of(self.0, row);
        if !counts(&image) {
            return Ok(Mapped::Nothing);
        }
        let key = contribution_key(self.0, &image);
        Ok(Mapped::Row(key, contribution_row(self.0, &image)))
    }
}

const _: () = assert!(PADDED < 2 && LETTERS < 2, "contributions are kept by these two");
