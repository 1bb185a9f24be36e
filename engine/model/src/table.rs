//! What a table is: its columns, their types, and the key that its rows are told apart by.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::Cell;

/// The place of a table in the list of tables that a run moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TableId(pub u32);

/// The width of an integer column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum IntWidth {
    /// `TINYINT`, 1 byte.
    Tiny,
    /// `SMALLINT`, 2 bytes.
    Small,
    /// `MEDIUMINT`, 3 bytes.
    Medium,
    /// `INT`, 4 bytes.
    Int,
    /// `BIGINT`, 8 bytes.
    Big,
}

impl IntWidth {
    /// The bytes of a value, on disk and in the log.
    #[must_use]
    pub const fn bytes(self) -> u8 {
        match self {
            Self::Tiny => 1,
            Self::Small => 2,
            Self::Medium => 3,
            Self::Int => 4,
            Self::Big => 8,
        }
    }
}

/// The type of a column, as far as carrying its values depends on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ColumnType {
    /// An integer.
    Int {
        /// Its width.
        width: IntWidth,
        /// Whether it has no sign.
        unsigned: bool,
    },
    /// `BIT(bits)`, 1 to 64.
    Bit {
        /// The number of bits.
        bits: u8,
    },
    /// `DECIMAL(precision, scale)`.
    Decimal {
        /// Digits in all, 1 to 65.
        precision: u8,
        /// Digits after the point, 0 to 30.
        scale: u8,
    },
    /// `FLOAT`.
    Float,
    /// `DOUBLE`.
    Double,
    /// `YEAR`.
    Year,
    /// `DATE`.
    Date,
    /// `TIME(fsp)`.
    Time {
        /// Digits of fractional seconds, 0 to 6.
        fsp: u8,
    },
    /// `DATETIME(fsp)`.
    Datetime {
        /// Digits of fractional seconds, 0 to 6.
        fsp: u8,
    },
    /// `TIMESTAMP(fsp)`.
    Timestamp {
        /// Digits of fractional seconds, 0 to 6.
        fsp: u8,
    },
    /// `CHAR`, `VARCHAR` and the `TEXT` types.
    Text {
        /// The charset that the bytes are in.
        charset: String,
        /// The collation that the column compares by.
        collation: String,
    },
    /// `BINARY(length)`: values are padded with zero bytes to `length`.
    FixedBinary {
        /// Bytes, 0 to 255.
        length: u8,
    },
    /// `VARBINARY` and the `BLOB` types.
    Binary,
    /// `ENUM`, carried as index.
    Enum,
    /// `SET`, carried as bits.
    Set {
        /// The number of members, 1 to 64.
        members: u8,
    },
    /// `JSON`.
    Json,
    /// `GEOMETRY` and its subtypes, carried as SRID and WKB.
    Geometry,
    /// `VECTOR`, carried as its bytes.
    Vector,
}

/// How bytes tell which values of a column are equal for the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Equality {
    /// Equal values are equal bytes.
    Bytes,
    /// Equal values are equal bytes once trailing spaces are gone.
    BytesWithoutTrailingSpaces,
}

impl Equality {
    /// The form of a cell that is the same for all that equal it, and for no others.
    #[must_use]
    pub fn form(self, cell: Cell<'_>) -> Cell<'_> {
        match (self, cell) {
            (Self::BytesWithoutTrailingSpaces, Cell::Bytes(bytes)) => {
                let end = bytes.iter().rposition(|&byte| byte != b' ').map_or(0, |last| last + 1);
                Cell::Bytes(bytes.split_at(end).0)
            }
            (Self::Bytes | Self::BytesWithoutTrailingSpaces, cell) => cell,
        }
    }
}

impl ColumnType {
    /// How equality can be told from bytes; `None` where it cannot.
    ///
    /// Source: MySQL manual, `Trailing Space Handling in Comparisons`: `_bin` collations compare by
    /// code point and pad with spaces, those of UCA 9.0.0 and `binary` do not pad. A space is one byte
    /// in the charsets named here.
    #[must_use]
    pub fn equality(&self) -> Option<Equality> {
        match self {
            Self::Int { .. }
            | Self::Bit { .. }
            | Self::Decimal { .. }
            | Self::Year
            | Self::Date
            | Self::Time { .. }
            | Self::Datetime { .. }
            | Self::Timestamp { .. }
            | Self::FixedBinary { .. }
            | Self::Binary
            | Self::Enum
            | Self::Set { .. } => Some(Equality::Bytes),
            Self::Text { collation, .. } => match collation.as_str() {
                "utf8mb4_0900_bin" => Some(Equality::Bytes),
                "utf8mb4_bin" | "utf8mb3_bin" | "latin1_bin" | "ascii_bin" => {
                    Some(Equality::BytesWithoutTrailingSpaces)
                }
                _ => None,
            },
            Self::Float | Self::Double | Self::Json | Self::Geometry | Self::Vector => None,
        }
    }
}

/// Whether and how the server computes a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Generation {
    /// It does not: the value is written.
    None,
    /// Computed when read.
    Virtual,
    /// Computed when written, and stored.
    Stored,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// The name, as the server spells it.
    pub name: String,
    /// The type.
    pub column_type: ColumnType,
    /// `COLUMN_TYPE` of `information_schema`: what a person reads in messages.
    pub declaration: String,
    /// Whether it takes `NULL`.
    pub nullable: bool,
    /// Whether the server computes it.
    pub generation: Generation,
}

impl Column {
    /// Whether its values are given to the server, which computes those of all others.
    #[must_use]
    pub fn is_written(&self) -> bool {
        self.generation == Generation::None
    }
}

/// A table that is moved.
///
/// *Carried* columns are those whose values travel: all that are not generated, and those generated
/// ones that are part of the key. A row has one cell for each carried column, in table order.
///
/// Invariant: the key has at least one column, and all its columns are carried and not nullable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    schema: String,
    name: String,
    columns: Vec<Column>,
    carried: Vec<usize>,
    key_name: String,
    key: Vec<usize>,
    has_other_unique_key: bool,
}

/// Why a set of columns is not a table that can be moved.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum TableError {
    /// A key column that is no column of the table, or may be `NULL`.
    #[error("`{column}` cannot be a key column of `{table}`")]
    KeyColumn {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// Nothing tells the rows apart.
    #[error("`{table}` has neither a primary key nor a unique key of NOT NULL columns")]
    NoKey {
        /// The table.
        table: String,
    },
}

impl Table {
    /// A table of `columns`, told apart by the key `key_name` over `key` (column names in the key's
    /// order). `has_other_unique_key` says that another unique key exists beside it.
    ///
    /// # Errors
    ///
    /// [`TableError`] when the key has no columns, or one that is unknown or nullable.
    pub fn new(
        (schema, name): (&str, &str),
        columns: Vec<Column>,
        (key_name, key): (&str, &[&str]),
        has_other_unique_key: bool,
    ) -> Result<Self, TableError> {
        let full_name = || format!("{schema}.{name}");
        if key.is_empty() {
            return Err(TableError::NoKey { table: full_name() });
        }
        let carried: Vec<usize> = (0..columns.len())
            .filter(|&index| {
                columns[index].is_written() || key.contains(&columns[index].name.as_str())
            })
            .collect();
        let place = |wanted: &&str| {
            carried
                .iter()
                .position(|&index| columns[index].name == *wanted && !columns[index].nullable)
                .ok_or_else(|| TableError::KeyColumn {
                    table: full_name(),
                    column: (*wanted).to_owned(),
                })
        };
        let key = key.iter().map(place).collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            schema: schema.to_owned(),
            name: name.to_owned(),
            columns,
            carried,
            key_name: key_name.to_owned(),
            key,
            has_other_unique_key,
        })
    }

    /// The database on the source.
    #[must_use]
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// The name, the same on both sides.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// All columns in table order, generated and invisible ones included.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The carried columns' places in [`Table::columns`], ascending.
    #[must_use]
    pub fn carried(&self) -> &[usize] {
        &self.carried
    }

    /// The carried columns, in the order of a row's cells.
    pub fn carried_columns(&self) -> impl Iterator<Item = &Column> {
        self.carried.iter().map(|&index| &self.columns[index])
    }

    /// The name of the key's index on the source (`PRIMARY` for a primary key).
    #[must_use]
    pub fn key_name(&self) -> &str {
        &self.key_name
    }

    /// The key columns' places among a row's cells, in the key's order; never empty.
    #[must_use]
    pub fn key(&self) -> &[usize] {
        &self.key
    }

    /// The key columns, in the key's order.
    pub fn key_columns(&self) -> impl Iterator<Item = &Column> {
        self.key.iter().map(|&index| &self.columns[self.carried[index]])
    }

    /// Whether another unique key exists beside the key: its values may move between rows, so that
    /// all changes of the table keep to one lane.
    #[must_use]
    pub fn has_other_unique_key(&self) -> bool {
        self.has_other_unique_key
    }
}
