//! The source tables of the simulated world and their rows, in the sim's form and in the engine's.

use std::sync::LazyLock;

use whimbrel_model::{
    Cell, Change, Column, ColumnType, Generation, IntWidth, Key, Row, RowBuilder, Table, TableId,
};

use crate::lanes::RUN_BITS;

/// Keys that differ for the target, counted from 0.
pub(super) const KEYS: usize = 5;

/// The number of tables.
pub(super) const TABLES: usize = 3;

/// Keyed by text that compares without its trailing spaces: spread over lanes, though keys that are
/// equal need not be the same bytes.
pub(super) const PADDED: usize = 0;

/// Keyed by text that compares without case, as nothing here can tell from bytes: one lane.
pub(super) const LETTERS: usize = 1;

/// Keyed by a number, with a nullable unique key beside it: one lane.
pub(super) const UNIQUE: usize = 2;

/// A row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Image {
    /// The key as the servers compare it.
    pub(super) key: usize,
    /// Which of the two spellings of the key.
    pub(super) is_respelt: bool,
    /// The value of the unique column; always `None` where there is none.
    pub(super) unique: Option<u8>,
    /// Everything else.
    pub(super) value: u16,
}

/// All rows of all tables, by key.
pub(super) type Rows = [[Option<Image>; KEYS]; TABLES];

/// A change of one row; an update keeps the key but may respell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RowChange {
    pub(super) table: usize,
    pub(super) before: Option<Image>,
    pub(super) after: Option<Image>,
}

impl RowChange {
    pub(super) fn key(&self) -> usize {
        self.before.or(self.after).map_or(0, |image| image.key)
    }

    pub(super) fn apply(&self, rows: &mut Rows) {
        rows[self.table][self.key()] = self.after;
    }

    pub(super) fn to_change(self) -> Change {
        let table = table_id(self.table);
        let row = |image: Image| image.row(self.table);
        match (self.before, self.after) {
            (Some(before), Some(after)) => {
                Change::Update { table, before: row(before), after: row(after) }
            }
            (None, Some(after)) => Change::Insert { table, after: row(after) },
            (Some(before), None) => Change::Delete { table, before: row(before) },
            (None, None) => panic!("a change changes something"),
        }
    }
}

impl Image {
    pub(super) fn row(self, table: usize) -> Row {
        let mut builder = RowBuilder::default();
        push_key(&mut builder, table, self.key, self.is_respelt);
        if table == UNIQUE {
            builder.push(self.unique.map_or(Cell::Null, |value| Cell::UInt(u64::from(value))));
        }
        builder.push(Cell::UInt(u64::from(self.value)));
        builder.finish()
    }

    pub(super) fn engine_key(self, table: usize) -> Key {
        key_of(table, self.key, self.is_respelt)
    }

    /// The row in the sim's form.
    pub(super) fn of(table: usize, row: &Row) -> Self {
        let cells: Vec<Cell<'_>> = row.cells().collect();
        let (key, is_respelt) = read_key(cells[0]);
        let small = |cell: Cell<'_>| {
            let Cell::UInt(value) = cell else { return None };
            Some(u16::try_from(value).unwrap())
        };
        let unique = (table == UNIQUE)
            .then(|| small(cells[1]).map(|value| u8::try_from(value).unwrap()))
            .flatten();
        let value = small(cells[cells.len() - 1]).unwrap();
        Self { key, is_respelt, unique, value }
    }
}

pub(super) fn table_id(table: usize) -> TableId {
    TableId(u32::try_from(table).unwrap())
}

/// The engine's key.
pub(super) fn key_of(table: usize, key: usize, is_respelt: bool) -> Key {
    let mut builder = RowBuilder::default();
    push_key(&mut builder, table, key, is_respelt);
    builder.finish_key()
}

/// A key as the servers compare it.
pub(super) fn class_of(key: &Key) -> usize {
    read_key(key.cells().next().unwrap()).0
}

pub(super) fn push_key(builder: &mut RowBuilder, table: usize, key: usize, is_respelt: bool) {
    let letter = b'a' + u8::try_from(key).unwrap();
    let upper = [letter.to_ascii_uppercase()];
    match (table, is_respelt) {
        (PADDED, true) => builder.push(Cell::Bytes(&[letter, b' '])),
        (LETTERS, true) => builder.push(Cell::Bytes(&upper)),
        // Neighbours share a lane, which would leave a rule of the cut nothing to go wrong with.
        (UNIQUE, _) => builder.push(Cell::UInt((key as u64) << RUN_BITS)),
        _ => builder.push(Cell::Bytes(&[letter])),
    }
}

pub(super) fn read_key(cell: Cell<'_>) -> (usize, bool) {
    if let Cell::UInt(key) = cell {
        return (usize::try_from(key >> RUN_BITS).unwrap(), false);
    }
    let Cell::Bytes(bytes) = cell else { panic!("a key is a number or text") };
    let letter = bytes[0];
    let is_respelt = bytes.len() > 1 || letter.is_ascii_uppercase();
    (usize::from(letter.to_ascii_lowercase() - b'a'), is_respelt)
}

pub(super) fn text(collation: &str) -> ColumnType {
    ColumnType::Text { charset: "utf8mb4".to_owned(), collation: collation.to_owned() }
}

pub(super) fn number() -> ColumnType {
    ColumnType::Int { width: IntWidth::Big, unsigned: true }
}

pub(super) fn column(name: &str, column_type: ColumnType, nullable: bool) -> Column {
    Column {
        name: name.to_owned(),
        column_type,
        declaration: String::new(),
        nullable,
        generation: Generation::None,
    }
}

pub(super) fn build(padded: &str, letters: &str, has_other_unique_key: bool) -> Vec<Table> {
    let by_text = |name: &str, collation: &str| {
        let columns = vec![column("k", text(collation), false), column("v", number(), false)];
        Table::new(("db", name), columns, ("PRIMARY", &["k"]), false).unwrap()
    };
    let columns = vec![
        column("k", number(), false),
        column("u", number(), true),
        column("v", number(), false),
    ];
    let unique =
        Table::new(("db", "unique"), columns, ("PRIMARY", &["k"]), has_other_unique_key).unwrap();
    vec![by_text("padded", padded), by_text("letters", letters), unique]
}

static TRUE_TABLES: LazyLock<Vec<Table>> =
    LazyLock::new(|| build("utf8mb4_bin", "utf8mb4_0900_ai_ci", true));

/// The tables as they are.
pub(super) fn tables() -> &'static [Table] {
    &TRUE_TABLES
}
