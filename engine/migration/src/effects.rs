//! What a lane's window comes to: per table and key the last image.

use std::collections::{BTreeMap, HashMap};

use whimbrel_model::{Key, Row, TableId};

/// The net effect of a run of changes: per table, each touched key once, with its last image.
///
/// Order among keys is that of their first touch. `None` is a key that is gone.
#[derive(Debug, Default)]
pub struct Effects {
    tables: BTreeMap<TableId, TableEffects>,
}

/// The net effect on one table.
#[derive(Debug, Default)]
pub struct TableEffects {
    touched: Vec<(Key, Option<Row>)>,
    places: HashMap<Key, usize>,
}

impl Effects {
    /// Sets the last image of `key`.
    pub fn set(&mut self, table: TableId, key: Key, image: Option<Row>) {
        self.tables.entry(table).or_default().set(key, image);
    }

    /// The touched tables in order.
    pub fn tables(&self) -> impl Iterator<Item = (TableId, &TableEffects)> {
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
    fn set(&mut self, key: Key, image: Option<Row>) {
        if let Some(&place) = self.places.get(&key) {
            self.touched[place].1 = image;
            return;
        }
        self.places.insert(key.clone(), self.touched.len());
        self.touched.push((key, image));
    }

    /// The keys that are gone.
    pub fn gone(&self) -> impl Iterator<Item = &Key> {
        self.touched.iter().filter(|(_, image)| image.is_none()).map(|(key, _)| key)
    }

    /// All touched keys.
    pub fn touched(&self) -> impl Iterator<Item = &Key> {
        self.touched.iter().map(|(key, _)| key)
    }

    /// The rows that are there at the end.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.touched.iter().filter_map(|(_, image)| image.as_ref())
    }
}
