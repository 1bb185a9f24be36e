//! The target tables of the simulated world: each source table as it is, one more, which is made of
//! two of them through a filter and under keys that change with the rows' values, a rolled-up one, and
//! one whose keys two of them may have.

use std::{
    collections::BTreeSet,
    sync::{Arc, LazyLock},
};

use whimbrel_model::{Cell, Gtid, Key, Row, RowBuilder, Table};

use super::{
    data::{
        Image, KEYS, LETTERS, PADDED, Rows, TABLES, build, column, number, push_key, read_key,
        tables, text,
    },
    grouped::{self, GROUPED, Grouped, IntoGrouped},
    owned::{self, IntoOwned, OWNED, OwnedRows},
    rules::Rules,
};
use crate::{
    placing::Placing,
    transform::{FailedRow, Feed, Mapped, Mapping, Place, TargetId, Transform},
};

/// The target table that is made of [`PADDED`] and [`LETTERS`].
pub(super) const MIXED: usize = TABLES;

/// Values of the key's column that is computed.
const CLASSES: usize = 2;

/// Keys of a source table that differ for this target, which tells upper from lower case.
const SPELLINGS: usize = 2 * KEYS;

/// The rows of [`MIXED`], by source table, spelling of the key and class.
pub(super) type Mixed = [[[Option<Image>; CLASSES]; SPELLINGS]; 2];

/// A place in [`Mixed`].
pub(super) type Spot = (usize, usize, usize);

/// What the target holds.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct TargetRows {
    pub(super) moved: Rows,
    pub(super) mixed: Mixed,
    pub(super) grouped: Grouped,
    pub(super) owned: OwnedRows,
}

impl TargetRows {
    /// What the target must hold of these rows of the source.
    pub(super) fn of(moved: Rows) -> Self {
        let mut mixed = Mixed::default();
        for table in [PADDED, LETTERS] {
            for image in moved[table].iter().flatten().filter(|image| is_in(image)) {
                mixed[table][spelling(table, image.key, image.is_respelt)][class(image)] =
                    Some(*image);
            }
        }
        let images = || {
            let tables = [PADDED, LETTERS].into_iter();
            tables.flat_map(|table| moved[table].iter().flatten().map(move |it| (table, it)))
        };
        let (grouped, owned) = (Grouped::of(images()), OwnedRows::of(images()));
        Self { moved, mixed, grouped, owned }
    }
}

/// The key as this target compares it: it pads with spaces, and tells upper from lower case.
fn spelling(table: usize, key: usize, is_respelt: bool) -> usize {
    if table == LETTERS && is_respelt { key + KEYS } else { key }
}

/// The filter.
fn is_in(image: &Image) -> bool {
    !image.value.is_multiple_of(3)
}

/// The computed column of the key.
fn class(image: &Image) -> usize {
    usize::from(image.value / 3) % CLASSES
}

/// A row of the table with this number becomes a row of [`MIXED`].
#[derive(Debug)]
struct IntoMixed(usize);

impl Mapping for IntoMixed {
    fn place(&self, row: &Row) -> Place {
        let image = Image::of(self.0, row);
        if is_in(&image) { Place::At(mixed_key(self.0, &image)) } else { Place::Nowhere }
    }

    fn map(&self, row: &Row, _gtid: Option<&Gtid>) -> Result<Mapped, FailedRow> {
        let image = Image::of(self.0, row);
        if !is_in(&image) {
            return Ok(Mapped::Nothing);
        }
        let mut builder = RowBuilder::default();
        push_mixed_key(&mut builder, self.0, &image);
        builder.push(Cell::UInt(u64::from(image.value)));
        Ok(Mapped::Row(mixed_key(self.0, &image), builder.finish()))
    }
}

fn push_mixed_key(builder: &mut RowBuilder, table: usize, image: &Image) {
    builder.push(Cell::UInt(table as u64));
    push_key(builder, table, image.key, image.is_respelt);
    builder.push(Cell::UInt(class(image) as u64));
}

/// The engine's key of an image in [`MIXED`].
pub(super) fn mixed_key(table: usize, image: &Image) -> Key {
    let mut builder = RowBuilder::default();
    push_mixed_key(&mut builder, table, image);
    builder.finish_key()
}

/// Where a key of [`MIXED`] is, as the target compares it.
pub(super) fn mixed_place(key: &Key) -> Spot {
    spot(&key.cells().collect::<Vec<_>>())
}

/// A row of [`MIXED`] in the sim's form.
pub(super) fn mixed_image(row: &Row) -> (Spot, Image) {
    let cells: Vec<Cell<'_>> = row.cells().collect();
    let (key, is_respelt) = read_key(cells[1]);
    let value = u16::try_from(small(cells[3])).unwrap();
    (spot(&cells), Image { key, is_respelt, unique: None, value })
}

fn spot(cells: &[Cell<'_>]) -> Spot {
    let table = small(cells[0]);
    let (key, is_respelt) = read_key(cells[1]);
    (table, spelling(table, key, is_respelt), small(cells[2]))
}

pub(super) fn small(cell: Cell<'_>) -> usize {
    let Cell::UInt(value) = cell else { panic!("a number") };
    usize::try_from(value).unwrap()
}

pub(super) fn target_id(target: usize) -> TargetId {
    TargetId(u32::try_from(target).unwrap())
}

fn build_targets(padded: &str, letters: &str, has_other_unique_key: bool) -> Vec<Table> {
    let mut targets = build(padded, letters, has_other_unique_key);
    let columns = vec![
        column("s", number(), false),
        column("k", text(padded), false),
        column("c", number(), false),
        column("v", number(), false),
    ];
    let key = ("PRIMARY", ["s", "k", "c"].as_slice());
    targets.push(Table::new(("db", "mixed"), columns, key, false).unwrap());
    targets.push(grouped::table());
    targets.extend(owned::tables());
    targets
}

static TRUE_TARGETS: LazyLock<Vec<Table>> =
    LazyLock::new(|| build_targets("utf8mb4_bin", "utf8mb4_0900_ai_ci", true));

/// The target tables as they are.
pub(super) fn targets() -> &'static [Table] {
    &TRUE_TARGETS
}

static ROLLED_UP: LazyLock<BTreeSet<TargetId>> =
    LazyLock::new(|| BTreeSet::from([target_id(GROUPED)]));

/// The targets that are rolled up.
pub(super) fn rolled_up() -> &'static BTreeSet<TargetId> {
    &ROLLED_UP
}

/// The target tables as the cut into lanes is told of them: lied to where a rule of the cut is broken.
pub(super) fn targets_for_lanes(rules: &Rules) -> Vec<Table> {
    match (rules.lanes_by_class, rules.one_lane) {
        (true, one_lane) => build_targets("utf8mb4_bin", "utf8mb4_0900_ai_ci", one_lane),
        (false, one_lane) => build_targets("utf8mb4_0900_bin", "utf8mb4_0900_bin", one_lane),
    }
}

static TRANSFORM: LazyLock<Transform> = LazyLock::new(|| {
    let feeds = (0..TABLES).map(|table| {
        let mut feeds = vec![Feed::Same(target_id(table))];
        if table == PADDED || table == LETTERS {
            let mut made = |target, mapping| {
                feeds.push(Feed::Mapped { target: target_id(target), dead_letters: None, mapping });
            };
            made(MIXED, Arc::new(IntoMixed(table)) as Arc<dyn Mapping>);
            made(GROUPED, Arc::new(IntoGrouped(table)));
            made(OWNED, Arc::new(IntoOwned(table)));
        }
        feeds
    });
    Transform::new(tables().into(), feeds.collect(), Placing::whole())
});

/// What the source's rows become.
pub(super) fn transform() -> &'static Transform {
    &TRANSFORM
}
