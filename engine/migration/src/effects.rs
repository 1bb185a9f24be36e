//! What a lane's window comes to: per target table and key the last image.

use std::{
    collections::{BTreeMap, HashMap},
    hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState},
};

use whimbrel_model::{Key, Row};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::transform::TargetId;

/// The net effect of a run of changes: per table, each touched key once, with its last image.
///
/// Order among keys is that of their first touch. `None` is a key that is gone.
#[derive(Debug, Default)]
pub struct Effects {
    tables: BTreeMap<TargetId, TableEffects>,
    /// Keys of rows that wait beside a target, with their sources, and are to be shown first.
    promoted: BTreeMap<TargetId, Vec<Key>>,
}

/// The net effect on one table.
#[derive(Debug, Default)]
pub struct TableEffects {
    touched: Vec<(Key, Option<Row>)>,
    places: Places,
}

/// Where keys stand in a list, found by their hashes. The keys themselves are only in the list.
///
/// A window of rows that were copied never looks a key up, and so never hashes one.
#[derive(Debug, Default)]
struct Places {
    /// The last place of each hash.
    last: HashMap<u64, usize, BuildHasherDefault<Hashed>>,
    /// For each place of the list's beginning that was taken in, the place before it with the same
    /// hash.
    before: Vec<Option<usize>>,
    /// Drawn once for each list, so that nobody can choose keys of one hash.
    seed: Option<u64>,
}

/// Takes a number that is a hash already.
#[derive(Debug, Default)]
struct Hashed(u64);

impl Effects {
    /// Sets the last image of `key`.
    pub fn set(&mut self, table: TargetId, key: Key, image: Option<Row>) {
        self.tables.entry(table).or_default().set(key, image);
    }

    /// Sets the last images of the keys of a chunk, each of which is there once.
    pub fn set_chunk(&mut self, table: TargetId, rows: Vec<(Key, Row)>) {
        // A share without rows leaves the table untouched.
        if !rows.is_empty() {
            self.tables.entry(table).or_default().set_chunk(rows);
        }
    }

    /// Takes the effects on one table out.
    pub fn take(&mut self, table: TargetId) -> Option<TableEffects> {
        self.tables.remove(&table)
    }

    /// Sets the effects on one table; none leave it untouched.
    pub fn put(&mut self, table: TargetId, effects: TableEffects) {
        if !effects.touched.is_empty() {
            self.tables.insert(table, effects);
        }
    }

    /// Shows rows that wait beside a target, before anything else is written.
    pub fn promote(&mut self, table: TargetId, keys: Vec<Key>) {
        if !keys.is_empty() {
            self.promoted.insert(table, keys);
        }
    }

    /// The targets of which rows that wait are shown, with their keys and sources.
    pub fn promoted(&self) -> impl Iterator<Item = (TargetId, &[Key])> {
        self.promoted.iter().map(|(table, keys)| (*table, keys.as_slice()))
    }

    /// The touched tables in order.
    pub fn tables(&self) -> impl Iterator<Item = (TargetId, &TableEffects)> {
        self.tables.iter().map(|(table, effects)| (*table, effects))
    }

    /// Whether nothing is to be written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    /// How many rows are written or deleted.
    #[must_use]
    pub fn row_count(&self) -> usize {
        self.tables.values().map(|effects| effects.touched.len()).sum()
    }
}

impl TableEffects {
    /// The effects on keys each of which is there once.
    #[must_use]
    pub fn of(touched: Vec<(Key, Option<Row>)>) -> Self {
        Self { touched, places: Places::default() }
    }

    /// The touched keys with their last images.
    #[must_use]
    pub fn into_touched(self) -> Vec<(Key, Option<Row>)> {
        self.touched
    }

    fn set(&mut self, key: Key, image: Option<Row>) {
        match self.places.find_or_add(&self.touched, &key) {
            Some(place) => self.touched[place].1 = image,
            None => self.touched.push((key, image)),
        }
    }

    fn set_chunk(&mut self, rows: Vec<(Key, Row)>) {
        if self.touched.is_empty() {
            self.touched = rows.into_iter().map(|(key, row)| (key, Some(row))).collect();
            return;
        }
        for (key, row) in rows {
            self.set(key, Some(row));
        }
    }

    /// The keys that are gone.
    pub fn gone(&self) -> impl Iterator<Item = &Key> {
        self.touched.iter().filter(|(_, image)| image.is_none()).map(|(key, _)| key)
    }

    /// All touched keys.
    pub fn touched(&self) -> impl Iterator<Item = &Key> + Clone {
        self.touched.iter().map(|(key, _)| key)
    }

    /// The rows that are there at the end.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.touched.iter().filter_map(|(_, image)| image.as_ref())
    }
}

impl Places {
    /// The place of `key` in `list`; `None` if it is not there, and then it must be the next that is
    /// appended.
    fn find_or_add(&mut self, list: &[(Key, Option<Row>)], key: &Key) -> Option<usize> {
        let seed = *self.seed.get_or_insert_with(|| RandomState::new().hash_one(0));
        while let Some((earlier, _)) = list.get(self.before.len()) {
            self.add(xxh3_64_with_seed(earlier.as_bytes(), seed));
        }
        let hash = xxh3_64_with_seed(key.as_bytes(), seed);
        let mut place = self.last.get(&hash).copied();
        while let Some(found) = place {
            if list[found].0 == *key {
                return Some(found);
            }
            place = self.before[found];
        }
        self.add(hash);
        None
    }

    fn add(&mut self, hash: u64) {
        let place = self.before.len();
        self.before.push(self.last.insert(hash, place));
    }
}

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0 << 8 | u64::from(byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests {
    use whimbrel_model::{Cell, RowBuilder};

    use super::*;

    const TABLE: TargetId = TargetId(0);

    fn key(id: u64) -> Key {
        let mut builder = RowBuilder::default();
        builder.push(Cell::UInt(id));
        builder.finish_key()
    }

    fn row(id: u64, value: u64) -> Row {
        let mut builder = RowBuilder::default();
        builder.push(Cell::UInt(id));
        builder.push(Cell::UInt(value));
        builder.finish()
    }

    fn written(effects: &Effects) -> Vec<Row> {
        effects.tables().flat_map(|(_, effects)| effects.rows().cloned()).collect()
    }

    #[test]
    fn each_key_is_written_once_with_its_last_image() {
        let mut effects = Effects::default();
        effects.set_chunk(TABLE, (0..100).map(|id| (key(id), row(id, 0))).collect());
        effects.set(TABLE, key(5), Some(row(5, 1)));
        effects.set(TABLE, key(100), Some(row(100, 1)));
        effects.set(TABLE, key(6), None);
        effects.set(TABLE, key(5), Some(row(5, 2)));
        effects.set_chunk(TABLE, (50..103).map(|id| (key(id), row(id, 3))).collect());

        let expected: Vec<Row> = (0..103)
            .filter(|&id| id != 6)
            .map(|id| {
                row(
                    id,
                    if id == 5 {
                        2
                    } else if id < 50 {
                        0
                    } else {
                        3
                    },
                )
            })
            .collect();
        assert_eq!(effects.row_count(), 103);
        assert_eq!(written(&effects), expected);
        let gone: Vec<Key> =
            effects.tables().flat_map(|(_, effects)| effects.gone().cloned()).collect();
        assert_eq!(gone, [key(6)]);
    }

    #[test]
    fn keys_of_one_hash_are_told_apart() {
        let mut places = Places::default();
        let list: Vec<(Key, Option<Row>)> = (0..3).map(|id| (key(id), None)).collect();
        for _ in &list {
            places.add(7);
        }

        places.seed = Some(0);
        let hash = xxh3_64_with_seed(key(1).as_bytes(), 0);
        places.last.insert(hash, 2);

        assert_eq!(places.find_or_add(&list, &key(1)), Some(1));
    }
}
