//! The target tables of the simulated world: each source table as it is, one more, which is made of
//! two of them through a filter and under keys that change with the rows' values, a rolled-up one, and
//! one whose keys two of them may have; dead letters, which some rows of the made one become; and the
//! table of a lookup vindex.

use std::{
    collections::BTreeSet,
    sync::{Arc, LazyLock},
};

use whimbrel_model::{Cell, Gtid, Key, Row, RowBuilder, Table};

use super::{
    data::{
        Image, KEYS, LETTERS, PADDED, Rows, TABLES, UNIQUE, build, column, number, push_key,
        read_key, tables, text,
    },
    grouped::{
        self, BySpelling, GROUPED, Grouped, IntoGrouped, contribution_key, contribution_row,
    },
    looked_up::{self, IntoLookedUp, LOOKED_UP, LookedUp},
    owned::{self, IntoOwned, OWNED, OwnedRows, claim_key},
    rules::Rules,
    shards::{Here, Layout, SHARDS_MAX, placing},
};
use crate::transform::{FailedRow, Feed, Mapped, Mapping, Place, TargetId, Transform};

/// The target table that is made of [`PADDED`] and [`LETTERS`].
pub(super) const MIXED: usize = TABLES;

/// The dead letters: rows that fail to become rows of [`MIXED`].
pub(super) const DEAD: usize = OWNED + 3;

/// Values of the key's column that is computed.
const CLASSES: usize = 2;

/// Keys of a source table that differ for this target, which tells upper from lower case.
const SPELLINGS: usize = 2 * KEYS;

/// The rows of [`MIXED`], by source table, spelling of the key and class.
pub(super) type Mixed = [[[Option<Image>; CLASSES]; SPELLINGS]; 2];

/// A place in [`Mixed`].
pub(super) type Spot = (usize, usize, usize);

/// What a shard of the target holds.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct TargetRows {
    pub(super) moved: Rows,
    pub(super) mixed: Mixed,
    pub(super) dead: BySpelling,
    pub(super) grouped: Grouped,
    pub(super) owned: OwnedRows,
    pub(super) looked_up: LookedUp,
}

impl TargetRows {
    /// What this shard must hold of these rows of the source.
    pub(super) fn of(rows: &Rows, here: Here) -> Self {
        let mut all = Self::default();
        for (table, images) in rows.iter().enumerate() {
            for image in images.iter().flatten().filter(|image| here.has(table, image)) {
                all.moved[table][image.key] = Some(*image);
            }
        }
        let images = |target| {
            let of_table =
                move |table: usize| rows[table].iter().flatten().map(move |it| (table, it));
            let images = [PADDED, LETTERS].into_iter().flat_map(of_table);
            images.filter(move |(_, image)| here.has(target, image))
        };
        for (table, image) in images(MIXED).filter(|(_, image)| is_in(image) && !fails(image)) {
            let spelling = spelling(table, image.key, image.is_respelt);
            all.mixed[table][spelling][class(image)] = Some(*image);
        }
        for (table, image) in images(DEAD).filter(|(_, image)| is_in(image) && fails(image)) {
            let (table, spelling) = grouped::place(table, image);
            all.dead[table][spelling] = Some(*image);
        }
        (all.grouped, all.owned) = (Grouped::of(images(GROUPED)), OwnedRows::of(images(OWNED)));
        let unique = rows[UNIQUE].iter().flatten().filter(|image| here.has(LOOKED_UP, image));
        all.looked_up = looked_up::looked_up(unique, here.layout.looks_up_unique);
        all
    }

    /// The rows that are not as `wanted` has them: their targets, source tables and images.
    pub(super) fn unlike(&self, wanted: &Self) -> Vec<(usize, usize, Image)> {
        let mut unlike = Vec::new();
        let mut look = |(target, source), found: &[Option<Image>], wanted: &[Option<Image>]| {
            let pairs = found.iter().zip(wanted).filter(|(found, wanted)| found != wanted);
            unlike.extend(pairs.filter_map(|(found, _)| found.map(|it| (target, source, it))));
        };
        for table in 0..TABLES {
            look((table, table), &self.moved[table], &wanted.moved[table]);
        }
        look((LOOKED_UP, UNIQUE), &self.looked_up, &wanted.looked_up);
        for table in [PADDED, LETTERS] {
            let (found, mixed) = (&self.mixed[table], &wanted.mixed[table]);
            look((MIXED, table), found.as_flattened(), mixed.as_flattened());
            let (found, grouped) = (&self.grouped, &wanted.grouped);
            look((GROUPED, table), &found.contributions[table], &grouped.contributions[table]);
            look((DEAD, table), &self.dead[table], &wanted.dead[table]);
        }
        for (found, wanted) in self.owned.claims().iter().zip(&wanted.owned.claims()) {
            for table in [PADDED, LETTERS] {
                look((OWNED, table), &found[table..=table], &wanted[table..=table]);
            }
        }
        unlike
    }
}

/// The engine's key of a row of a target that is made of a row of a source table.
pub(super) fn key_in(target: usize, source: usize, image: &Image) -> Key {
    match target {
        MIXED => mixed_key(source, image),
        GROUPED | DEAD => contribution_key(source, image),
        OWNED => claim_key(source, image),
        LOOKED_UP => looked_up::key_of(image.unique.map_or(0, usize::from)),
        table => image.engine_key(table),
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

/// Whether a row becomes a dead letter.
fn fails(image: &Image) -> bool {
    image.value % 7 == 3
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
        match (is_in(&image), fails(&image)) {
            (false, _) => Place::Nowhere,
            (true, false) => Place::At(mixed_key(self.0, &image)),
            (true, true) => Place::Dead(contribution_key(self.0, &image)),
        }
    }

    fn map(&self, row: &Row, _gtid: Option<&Gtid>) -> Result<Mapped, FailedRow> {
        let image = Image::of(self.0, row);
        if !is_in(&image) {
            return Ok(Mapped::Nothing);
        }
        if fails(&image) {
            let key = contribution_key(self.0, &image);
            return Ok(Mapped::Dead(key, contribution_row(self.0, &image)));
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
fn mixed_key(table: usize, image: &Image) -> Key {
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
    targets.push(grouped::table("rows"));
    targets.extend(owned::tables());
    targets.push(grouped::table("dead"));
    targets.push(looked_up::table());
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

/// By whether owned targets are placed by their keys, by whether rows are looked up by what tells them
/// apart, and by the number of shards.
static TRANSFORMS: LazyLock<[[[Transform; SHARDS_MAX]; 2]; 2]> = LazyLock::new(|| {
    [false, true].map(|owned_by_key| {
        [false, true].map(|looks_up_unique| {
            std::array::from_fn(|place| {
                let layout = Layout { shard_count: place + 1, owned_by_key, looks_up_unique };
                let feeds = (0..TABLES).map(|table| feeds_of(table, layout)).collect();
                Transform::new(tables().into(), feeds, placing(layout))
            })
        })
    })
});

/// What a source table's rows become.
fn feeds_of(table: usize, layout: Layout) -> Vec<Feed> {
    let mut feeds = vec![Feed::Same(target_id(table))];
    let mut made = |target, dead_letters, mapping| {
        feeds.push(Feed::Mapped { target: target_id(target), dead_letters, mapping });
    };
    if table == UNIQUE {
        let is_unique = layout.looks_up_unique;
        made(LOOKED_UP, None, Arc::new(IntoLookedUp { is_unique }) as Arc<dyn Mapping>);
    } else {
        made(MIXED, Some(target_id(DEAD)), Arc::new(IntoMixed(table)));
        made(GROUPED, None, Arc::new(IntoGrouped(table)));
        made(OWNED, None, Arc::new(IntoOwned(table)));
    }
    feeds
}

/// What the source's rows become on a target that is sharded so.
pub(super) fn transform(layout: Layout) -> &'static Transform {
    let by_lookup = &TRANSFORMS[usize::from(layout.owned_by_key)];
    &by_lookup[usize::from(layout.looks_up_unique)][layout.shard_count - 1]
}
