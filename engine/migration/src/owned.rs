//! A target of several sources whose key does not tell them apart.
//!
//! Beside the target are kept the *owners*, for each of its rows the source that it is of, and the
//! *waiting* rows of sources whose key another source has. Together, what is shown and what waits are
//! all rows of all sources, exactly as a lane's position gives them; no row is ever written over one of
//! another source, and when the row that is shown goes, one that waits takes its place. So it does not
//! matter in which order one transaction of the source takes a row out of one table and puts it into
//! another, nor in how many windows of a lane. Where the lane stands between two transactions of the
//! source and a row waits, two sources have its key: that is what ends a run.

use std::collections::HashMap;

use whimbrel_model::{
    Cell, Column, ColumnType, Generation, IntWidth, Key, Row, RowBuilder, RowCells, Table,
    TableError,
};
use whimbrel_mysql::{Error, ddl::quoted, statement};

use crate::{
    effects::TableEffects,
    rollup::{definition, kept_name},
    transform::TargetId,
};

/// The column that holds a source's place among the target's sources.
const SOURCE: &str = "_whimbrel_source";

/// A target with the tables that are kept beside it.
#[derive(Debug, Clone)]
pub struct Owned {
    target: Table,
    /// The names of the sources, by their places.
    sources: Vec<String>,
    owners: Table,
    waiting: Table,
    /// The waiting rows' keys and sources alone, as found by the target's key.
    waiting_keys: Table,
}

/// The target's id, and those of the tables beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnedIds {
    /// The target.
    pub target: TargetId,
    /// Which source each of its rows is of.
    pub owners: TargetId,
    /// The rows that wait.
    pub waiting: TargetId,
}

/// Who has the touched keys before a window: keys as they are spelt there, with sources.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Found {
    /// Those whose rows are shown.
    pub shown: Vec<(Key, u64)>,
    /// Those whose rows wait.
    pub waiting: Vec<(Key, u64)>,
}

/// What a window comes to.
#[derive(Debug, Default)]
pub struct Resolved {
    /// For the target.
    pub rows: TableEffects,
    /// For its owners.
    pub owners: TableEffects,
    /// For the rows that wait.
    pub waiting: TableEffects,
    /// Keys of waiting rows, each with its source, that are to be shown as they are.
    pub promoted: Vec<Key>,
}

/// What a source has under one key.
struct Claim {
    source: u64,
    key: Key,
    has: Has,
    /// Where its row waited before the window: its key with its source.
    waited: Option<Key>,
}

enum Has {
    /// This row, by this window.
    Image(Row),
    /// The row that is shown.
    Shown,
    /// A row that waits.
    Waiting,
}

/// All that is known of keys that the target calls equal.
#[derive(Default)]
struct Group {
    shown: Option<(Key, u64)>,
    claims: Vec<Claim>,
    /// Where rows waited that are gone.
    gone: Vec<Key>,
}

impl Owned {
    /// What is kept beside `target`, the rows of which are of `sources`.
    ///
    /// # Errors
    ///
    /// [`TableError`] for a target without a key, which there is not.
    pub fn new(target: Table, sources: Vec<String>) -> Result<Self, TableError> {
        let schema = target.schema().to_owned();
        let (owners, waiting) =
            (kept_name("owners", target.name()), kept_name("waiting", target.name()));
        let source = Column {
            name: SOURCE.to_owned(),
            column_type: ColumnType::Int { width: IntWidth::Small, unsigned: true },
            declaration: "smallint unsigned".to_owned(),
            nullable: false,
            generation: Generation::None,
        };
        let with_source = |columns: Vec<Column>| -> Vec<Column> {
            columns.into_iter().chain([source.clone()]).collect()
        };
        let keys = with_source(target.key_columns().cloned().collect());
        let all = with_source(target.carried_columns().cloned().collect());
        let key: Vec<&str> = target.key_columns().map(|column| column.name.as_str()).collect();
        let full: Vec<&str> = key.iter().copied().chain([SOURCE]).collect();
        let table = |name: &str, columns: &[Column], key: &[&str]| {
            Table::new((&schema, name), columns.to_vec(), ("PRIMARY", key), false)
        };
        let (owners, waiting, waiting_keys) = (
            table(&owners, &keys, &key)?,
            table(&waiting, &all, &full)?,
            table(&waiting, &keys, &key)?,
        );
        Ok(Self { target, sources, owners, waiting, waiting_keys })
    }

    /// The target.
    #[must_use]
    pub fn target(&self) -> &Table {
        &self.target
    }

    /// The owners, as a table whose rows a lane writes.
    #[must_use]
    pub fn owners(&self) -> &Table {
        &self.owners
    }

    /// The rows that wait, as a table whose rows a lane writes.
    #[must_use]
    pub fn waiting(&self) -> &Table {
        &self.waiting
    }

    /// The rows that wait, without what is not of the key, by the target's key.
    #[must_use]
    pub fn waiting_keys(&self) -> &Table {
        &self.waiting_keys
    }

    /// The name of a source.
    #[must_use]
    pub fn source(&self, place: u64) -> &str {
        let name = usize::try_from(place).ok().and_then(|place| self.sources.get(place));
        name.map_or("?", String::as_str)
    }

    /// The names of the key's columns, as a statement has them.
    #[must_use]
    pub fn key_names(&self) -> String {
        let names: Vec<String> = self.target.key_columns().map(|it| quoted(&it.name)).collect();
        names.join(", ")
    }

    /// The statement that lists the keys under which rows wait.
    #[must_use]
    pub fn listing(&self) -> String {
        format!("SELECT {} FROM {}", self.key_names(), quoted(self.waiting.name()))
    }

    /// The query for the two sources that share the most keys, where `condition` holds: `shown`,
    /// `waiting`, `key_count`.
    #[must_use]
    pub fn shared_keys(&self, condition: &str) -> String {
        format!(
            "SELECT shown.`{SOURCE}` AS shown, waiting.`{SOURCE}` AS waiting, COUNT(*) AS key_count \
             FROM {} AS waiting JOIN {} AS shown USING ({}) WHERE {condition} GROUP BY 1, 2 \
             ORDER BY 3 DESC LIMIT 1",
            quoted(self.waiting.name()),
            quoted(self.owners.name()),
            self.key_names(),
        )
    }

    /// The statements that make both tables anew. Rows wait as the target itself would have them.
    #[must_use]
    pub fn create_statements(&self) -> Vec<String> {
        let (owners, waiting) = (quoted(self.owners.name()), quoted(self.waiting.name()));
        let column = |column: &Column| {
            let mut text = None;
            if let ColumnType::Text { charset, collation } = &column.column_type {
                text = Some((charset.as_str(), collation.as_str()));
            }
            format!("  {} {} NOT NULL", quoted(&column.name), definition(column, text))
        };
        let columns: Vec<String> = self.owners.carried_columns().map(column).collect();
        let key = self.key_names();
        let former = match self.target.key_name() {
            "PRIMARY" => "PRIMARY KEY".to_owned(),
            name => format!("INDEX {}", quoted(name)),
        };
        vec![
            format!("DROP TABLE IF EXISTS {owners}, {waiting}"),
            format!(
                "CREATE TABLE {owners} (\n{},\n  PRIMARY KEY ({key})\n) ENGINE=InnoDB \
                 DEFAULT CHARACTER SET utf8mb4",
                columns.join(",\n")
            ),
            format!("CREATE TABLE {waiting} LIKE {}", quoted(self.target.name())),
            format!(
                "ALTER TABLE {waiting} ADD COLUMN `{SOURCE}` SMALLINT UNSIGNED NOT NULL, \
                 DROP {former}, ADD PRIMARY KEY ({key}, `{SOURCE}`)"
            ),
        ]
    }

    /// The statements that show waiting rows of `keys`, each with its source.
    ///
    /// # Errors
    ///
    /// [`Error::Unexpected`] for a key of another table.
    pub fn promotions(&self, keys: &[Key], bytes_max: usize) -> Result<Vec<Vec<u8>>, Error> {
        let written = self.target.carried_columns();
        let written = written.filter(|column| column.generation == Generation::None);
        let names: Vec<String> = written.map(|column| quoted(&column.name)).collect();
        let names = names.join(",");
        let head = format!(
            "REPLACE INTO {} ({names}) SELECT {names} FROM {} FORCE INDEX (PRIMARY) WHERE ",
            quoted(self.target.name()),
            quoted(self.waiting.name()),
        );
        statement::of_keys(&self.waiting, (&head, ""), keys, bytes_max)
    }

    /// The cells of a key with its source behind it, as both.
    #[must_use]
    pub fn split(&self, cells: RowCells<'_>) -> (Key, u64) {
        let (mut builder, mut source) = (RowBuilder::default(), 0);
        for (place, cell) in cells.enumerate() {
            match (place == self.target.key().len(), cell) {
                (true, Cell::UInt(found)) => source = found,
                (_, cell) => builder.push(cell),
            }
        }
        (builder.finish_key(), source)
    }

    /// What the rows of sources that a window touches, under their keys with their sources behind them,
    /// come to. `found` tells of all those keys.
    #[must_use]
    pub fn resolve(&self, touched: TableEffects, found: &Found) -> Resolved {
        let mut groups = Groups { owned: self, places: HashMap::new(), groups: Vec::new() };
        for (key, source) in &found.shown {
            groups.of(key).is_shown(key, *source);
        }
        for (key, source) in &found.waiting {
            groups.of(key).waits(key, *source);
        }
        let (mut images, touched) = (Vec::new(), touched.into_touched());
        for (key, image) in touched {
            let (key, source) = self.split(key.cells());
            match image {
                None => groups.of(&key).take_away(source),
                Some(row) => images.push((key, source, row)),
            }
        }
        // Behind those that are gone: a row whose key is spelt anew is both.
        for (key, source, row) in images {
            groups.of(&key).put(source, key, row);
        }
        let mut lists = Lists::default();
        for group in groups.groups {
            lists.add(group);
        }
        lists.resolved()
    }
}

/// A key with its source behind it.
#[must_use]
pub fn with_source(key: &Key, source: u64) -> Key {
    let mut builder = RowBuilder::default();
    key.cells().for_each(|cell| builder.push(cell));
    builder.push(Cell::UInt(source));
    builder.finish_key()
}

/// A row with its source behind it.
fn row_with_source(cells: RowCells<'_>, source: u64) -> Row {
    let mut builder = RowBuilder::default();
    cells.for_each(|cell| builder.push(cell));
    builder.push(Cell::UInt(source));
    builder.finish()
}

struct Groups<'o> {
    owned: &'o Owned,
    places: HashMap<Key, usize>,
    groups: Vec<Group>,
}

impl Groups<'_> {
    /// The group of a key of the target.
    fn of(&mut self, key: &Key) -> &mut Group {
        let form = form_of(self.owned.target(), key);
        let place = *self.places.entry(form).or_insert(self.groups.len());
        if place == self.groups.len() {
            self.groups.push(Group::default());
        }
        &mut self.groups[place]
    }
}

/// The form that all keys have that the target calls equal.
fn form_of(table: &Table, key: &Key) -> Key {
    let mut builder = RowBuilder::default();
    for (column, cell) in table.key_columns().zip(key.cells()) {
        let equality = column.column_type.equality();
        builder.push(equality.map_or(cell, |equality| equality.form(cell)));
    }
    builder.finish_key()
}

impl Group {
    /// The row of a source is shown. What is found twice, as by two spellings of a key, is one.
    fn is_shown(&mut self, key: &Key, source: u64) {
        if self.shown.is_none() {
            self.shown = Some((key.clone(), source));
            self.claims.push(Claim { source, key: key.clone(), has: Has::Shown, waited: None });
        }
    }

    /// The row of a source waits.
    fn waits(&mut self, key: &Key, source: u64) {
        if self.claims.iter().all(|claim| claim.source != source) {
            let waited = Some(with_source(key, source));
            self.claims.push(Claim { source, key: key.clone(), has: Has::Waiting, waited });
        }
    }

    /// The row of a source is gone.
    fn take_away(&mut self, source: u64) {
        if let Some(place) = self.claims.iter().position(|claim| claim.source == source) {
            self.gone.extend(self.claims.remove(place).waited);
        }
    }

    /// A source has this row.
    fn put(&mut self, source: u64, key: Key, row: Row) {
        let has = Has::Image(row);
        match self.claims.iter_mut().find(|claim| claim.source == source) {
            Some(claim) => (claim.key, claim.has) = (key, has),
            None => self.claims.push(Claim { source, key, has, waited: None }),
        }
    }

    /// Takes out the claim whose row is to be shown: that of the source whose row is, if it still has
    /// one, otherwise that of the first of the sources.
    fn take_shown(&mut self) -> Option<Claim> {
        let shown = self.shown.as_ref().map(|(_, source)| *source);
        let claims = self.claims.iter().enumerate();
        let first = claims.min_by_key(|(_, claim)| (Some(claim.source) != shown, claim.source));
        let place = first.map(|(place, _)| place)?;
        Some(self.claims.swap_remove(place))
    }
}

/// Effects under way.
#[derive(Default)]
struct Lists {
    rows: Vec<(Key, Option<Row>)>,
    owners: Vec<(Key, Option<Row>)>,
    waiting: Vec<(Key, Option<Row>)>,
    promoted: Vec<Key>,
}

impl Lists {
    fn add(&mut self, mut group: Group) {
        match (group.take_shown(), group.shown.take()) {
            (None, None) => {}
            (None, Some((key, _))) => {
                self.owners.push((key.clone(), None));
                self.rows.push((key, None));
            }
            (Some(claim), shown) => {
                let owner = (claim.key, claim.source);
                group.gone.extend(claim.waited);
                match claim.has {
                    Has::Image(row) => self.rows.push((owner.0.clone(), Some(row))),
                    Has::Waiting => self.promoted.push(with_source(&owner.0, owner.1)),
                    Has::Shown => {}
                }
                if shown.as_ref() != Some(&owner) {
                    let row = row_with_source(owner.0.cells(), owner.1);
                    self.owners.push((owner.0, Some(row)));
                }
            }
        }
        for Claim { source, key, has, waited } in group.claims {
            if let Has::Image(row) = has {
                let place = with_source(&key, source);
                self.waiting.extend(waited.filter(|it| *it != place).map(|it| (it, None)));
                self.waiting.push((place, Some(row_with_source(row.cells(), source))));
            }
        }
        self.waiting.extend(group.gone.into_iter().map(|key| (key, None)));
    }

    fn resolved(self) -> Resolved {
        Resolved {
            rows: TableEffects::of(self.rows),
            owners: TableEffects::of(self.owners),
            waiting: TableEffects::of(self.waiting),
            promoted: self.promoted,
        }
    }
}

#[cfg(test)]
mod tests;
