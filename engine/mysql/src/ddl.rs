//! SQL text that defines tables: reading it as far as needed, and no further.
//!
//! No parser of the whole language: tables are described by `information_schema`, their definitions
//! are cut into the pieces that `SHOW CREATE TABLE` prints, those that people give are read as far as
//! types and keys go, and of a logged statement only what it is and which tables it names is read. What is not recognised is said to be so.

mod alter;
mod classify;
mod column;
mod create;
mod definition;
mod differences;
mod grants;
mod tokens;

pub use self::{
    classify::{Ddl, Statement, TableName, Xa, Xid, classify},
    create::{CreateTable, CreateTableError, ForeignKey, IndexTime, Item, ItemKind},
    definition::{DefinedPiece, DefinedTable, DefinitionError, defined_tables, renamed},
    differences::{Difference, DifferenceKind, differences},
};

pub(crate) use self::grants::Grants;

/// A name in backquotes.
#[must_use]
pub fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A text as a literal, for sessions in which a backslash escapes.
#[must_use]
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}
