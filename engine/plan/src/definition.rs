//! A table's definition, as far as binding a plan to it needs it.

use whimbrel_model::{Column, Table};

/// A table with the text that defines it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// Its name.
    pub name: String,
    /// Its columns, in order.
    pub columns: Vec<Column>,
    /// The table with the key that its rows are told apart by; `None` if it has none.
    pub table: Option<Table>,
    /// What stands between the parentheses of its `CREATE TABLE`.
    pub pieces: Vec<Piece>,
    /// What stands behind them: engine, charset, comment, partitions.
    pub options: String,
}

/// One piece of a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// What it defines.
    pub kind: PieceKind,
    /// The name; `PRIMARY` for the primary key, empty where the definition gives none.
    pub name: String,
    /// The columns of a key or index, in its order; empty where a part of it is no whole column.
    pub columns: Vec<String>,
    /// The text. A column's begins with its name in backquotes.
    pub text: String,
    /// Of a column: whether every row must give a value for it.
    pub needs_value: bool,
}

/// What a piece of a definition defines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PieceKind {
    /// A column.
    Column,
    /// The primary key.
    PrimaryKey,
    /// A unique key.
    UniqueKey,
    /// An index that is not unique.
    Index,
    /// A foreign key or a check.
    Constraint,
}

impl Definition {
    /// The piece that defines a column.
    pub(crate) fn column(&self, name: &str) -> Option<&Piece> {
        let is_column = |piece: &&Piece| piece.kind == PieceKind::Column && piece.name == name;
        self.pieces.iter().find(is_column)
    }
}

/// A name in backquotes.
pub(crate) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}
