//! A target of the simulated world whose keys two sources may have, as all too often they do.

use std::sync::LazyLock;

use whimbrel_model::{Cell, Gtid, Key, Row, RowBuilder, Table};

use super::{
    data::{Image, KEYS, LETTERS, PADDED, TABLES, column, number, push_key, read_key, text},
    mixed::{small, target_id},
    rules::Rules,
};
use crate::{
    effects::{Effects, TableEffects},
    owned::{Found, Owned, Resolved, with_source},
    transform::{FailedRow, Mapped, Mapping, Place},
};

/// The target that [`PADDED`] and [`LETTERS`] share.
pub(super) const OWNED: usize = TABLES + 2;
const OWNERS: usize = OWNED + 1;
const WAITING: usize = OWNED + 2;

/// Keys that differ for this target, which tells upper from lower case and pads with spaces.
const SPELLINGS: usize = 2 * KEYS;

/// All rows of both sources, by key.
type Claims = [[Option<Image>; 2]; SPELLINGS];

/// What is shown and what is kept beside it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct OwnedRows {
    shown: [Option<Image>; SPELLINGS],
    /// The source of what is shown, and how it spells the key.
    owners: [Option<(usize, bool)>; SPELLINGS],
    waiting: Claims,
}

/// What the statements of a window do to one of the three tables.
#[derive(Debug, Clone)]
pub(super) enum OwnedWrite {
    Promoted(Vec<(usize, usize)>),
    Shown { gone: Vec<usize>, rows: Vec<(usize, Image)> },
    Owners { gone: Vec<usize>, rows: Vec<(usize, (usize, bool))> },
    Waiting { gone: Vec<(usize, usize)>, rows: Vec<((usize, usize), Image)> },
}

impl OwnedRows {
    /// What the rows of both sources come to, in one of the ways in which they may be shown.
    pub(super) fn of<'a>(images: impl Iterator<Item = (usize, &'a Image)>) -> Self {
        let mut all = Self::default();
        for (source, image) in images.filter(|(_, image)| is_in(image)) {
            all.waiting[place(source, image)][source] = Some(*image);
        }
        for (key, claims) in all.waiting.iter_mut().enumerate() {
            let first = (0..claims.len()).find(|source| claims[*source].is_some());
            if let Some(source) = first {
                all.shown[key] = claims[source].take();
                all.owners[key] = all.shown[key].map(|image| (source, image.is_respelt));
            }
        }
        all
    }

    /// All rows, shown or waiting.
    pub(super) fn claims(&self) -> Claims {
        let mut claims = self.waiting;
        for (key, owner) in self.owners.iter().enumerate() {
            if let Some((source, _)) = owner {
                claims[key][*source] = self.shown[key];
            }
        }
        claims
    }

    /// The rows that wait.
    pub(super) fn waiting(&self) -> &Claims {
        &self.waiting
    }

    /// Whether rows wait.
    pub(super) fn waits(&self) -> bool {
        self.waiting.iter().flatten().any(Option::is_some)
    }

    /// Whether every shown row has its owner, whose row does not wait, and rows wait only for others.
    pub(super) fn is_in_step(&self) -> bool {
        (0..SPELLINGS).all(|key| match (self.shown[key], self.owners[key]) {
            (Some(image), Some((source, is_respelt))) => {
                image.is_respelt == is_respelt && self.waiting[key][source].is_none()
            }
            (None, None) => self.waiting[key].iter().all(Option::is_none),
            (Some(_), None) | (None, Some(_)) => false,
        })
    }

    pub(super) fn apply(&mut self, write: &OwnedWrite) {
        match write {
            OwnedWrite::Promoted(keys) => {
                for &(key, source) in keys {
                    self.shown[key] = self.waiting[key][source];
                }
            }
            OwnedWrite::Shown { gone, rows } => {
                gone.iter().for_each(|key| self.shown[*key] = None);
                rows.iter().for_each(|(key, image)| self.shown[*key] = Some(*image));
            }
            OwnedWrite::Owners { gone, rows } => {
                gone.iter().for_each(|key| self.owners[*key] = None);
                rows.iter().for_each(|(key, owner)| self.owners[*key] = Some(*owner));
            }
            OwnedWrite::Waiting { gone, rows } => {
                gone.iter().for_each(|(key, source)| self.waiting[*key][*source] = None);
                for ((key, source), image) in rows {
                    self.waiting[*key][*source] = Some(*image);
                }
            }
        }
    }

    /// What a lane finds of the keys that it touches.
    fn found(&self, touched: &TableEffects) -> Found {
        let is_touched =
            |key: usize| touched.touched().any(|touched| claim(touched.cells()).0 == key);
        let mut found = Found::default();
        for key in (0..SPELLINGS).filter(|key| is_touched(*key)) {
            if let Some((source, is_respelt)) = self.owners[key] {
                let image = Image { key: key % KEYS, is_respelt, unique: None, value: 0 };
                found.shown.push((key_of(source, &image), source as u64));
            }
            for (source, image) in self.waiting[key].iter().enumerate() {
                let waiting = image.map(|image| (key_of(source, &image), source as u64));
                found.waiting.extend(waiting);
            }
        }
        found
    }
}

/// Resolves what a window does to the sources' rows, as a lane does.
pub(super) fn resolve(
    effects: &mut Effects,
    stored: &OwnedRows,
    rules: &Rules,
    is_undisputed: &mut bool,
) {
    let Some(touched) = effects.take(target_id(OWNED)) else { return };
    let mut found = stored.found(&touched);
    if !*is_undisputed && !stored.waits() {
        *is_undisputed = true;
    }
    if *is_undisputed || !rules.finds_waiting {
        found.waiting.clear();
    }
    if !rules.finds_owners {
        found.shown.clear();
    }
    let Resolved { rows, owners, waiting, promoted } = OWNED_TARGET.resolve(touched, &found);
    if waiting.rows().next().is_some() && rules.waits_again {
        *is_undisputed = false;
    }
    effects.put(target_id(OWNED), rows);
    effects.put(target_id(OWNERS), owners);
    if rules.losers_wait {
        effects.put(target_id(WAITING), waiting);
    }
    effects.promote(target_id(OWNED), promoted);
}

/// What is shown before anything else is written.
pub(super) fn promoted(effects: &Effects) -> Option<OwnedWrite> {
    let (_, keys) = effects.promoted().next()?;
    Some(OwnedWrite::Promoted(keys.iter().map(|key| claim(key.cells())).collect()))
}

/// The statements for one of the three tables; `None` for any other.
pub(super) fn write_of(table: usize, effects: &TableEffects) -> Option<OwnedWrite> {
    let gone = || effects.gone().map(|key| claim(key.cells()));
    let rows = || effects.rows();
    match table {
        OWNED => Some(OwnedWrite::Shown {
            gone: gone().map(|(key, _)| key).collect(),
            rows: rows().map(|row| (claim(row.cells()).0, Image::of(PADDED, row))).collect(),
        }),
        OWNERS => Some(OwnedWrite::Owners {
            gone: gone().map(|(key, _)| key).collect(),
            rows: rows().map(owner).collect(),
        }),
        WAITING => Some(OwnedWrite::Waiting {
            gone: gone().collect(),
            rows: rows().map(waiting).collect(),
        }),
        _ => None,
    }
}

fn owner(row: &Row) -> (usize, (usize, bool)) {
    let (key, source) = claim(row.cells());
    (key, (source, row.cells().next().is_some_and(|cell| read_key(cell).1)))
}

fn waiting(row: &Row) -> ((usize, usize), Image) {
    let cells: Vec<Cell<'_>> = row.cells().collect();
    let (key, is_respelt) = read_key(cells[0]);
    let value = u16::try_from(small(cells[1])).unwrap();
    let source = small(cells[2]);
    let image = Image { key, is_respelt, unique: None, value };
    ((place(source, &image), source), image)
}

/// A key, and what stands behind it where that is a source, as places.
fn claim<'a>(mut cells: impl Iterator<Item = Cell<'a>>) -> (usize, usize) {
    let Some(Cell::Bytes(bytes)) = cells.next() else { panic!("a key is text") };
    let (key, _) = read_key(Cell::Bytes(bytes));
    let upper = if bytes[0].is_ascii_uppercase() { KEYS } else { 0 };
    (key + upper, cells.next().map_or(0, small))
}

fn place(source: usize, image: &Image) -> usize {
    if source == LETTERS && image.is_respelt { image.key + KEYS } else { image.key }
}

/// The filter.
fn is_in(image: &Image) -> bool {
    !image.value.is_multiple_of(4)
}

fn key_of(source: usize, image: &Image) -> Key {
    let mut builder = RowBuilder::default();
    push_key(&mut builder, source, image.key, image.is_respelt);
    builder.finish_key()
}

/// The engine's key of a source's row.
pub(super) fn claim_key(source: usize, image: &Image) -> Key {
    with_source(&key_of(source, image), source as u64)
}

/// A row of the table with this number becomes a row of [`OWNED`].
#[derive(Debug)]
pub(super) struct IntoOwned(pub(super) usize);

impl Mapping for IntoOwned {
    fn place(&self, row: &Row) -> Place {
        let image = Image::of(self.0, row);
        if is_in(&image) { Place::At(claim_key(self.0, &image)) } else { Place::Nowhere }
    }

    fn map(&self, row: &Row, _gtid: Option<&Gtid>) -> Result<Mapped, FailedRow> {
        let image = Image::of(self.0, row);
        if !is_in(&image) {
            return Ok(Mapped::Nothing);
        }
        let mut builder = RowBuilder::default();
        push_key(&mut builder, self.0, image.key, image.is_respelt);
        builder.push(Cell::UInt(u64::from(image.value)));
        Ok(Mapped::Row(claim_key(self.0, &image), builder.finish()))
    }
}

static OWNED_TARGET: LazyLock<Owned> = LazyLock::new(|| {
    let columns = vec![column("k", text("utf8mb4_bin"), false), column("v", number(), false)];
    let table = Table::new(("db", "owned"), columns, ("PRIMARY", &["k"]), false).unwrap();
    Owned::new(table, vec!["padded".to_owned(), "letters".to_owned()]).unwrap()
});

/// The target and what is kept beside it.
pub(super) fn tables() -> [Table; 3] {
    let owned = &*OWNED_TARGET;
    [owned.target().clone(), owned.owners().clone(), owned.waiting().clone()]
}

const _: () = assert!(PADDED < 2 && LETTERS < 2, "the sources' places are their numbers");
