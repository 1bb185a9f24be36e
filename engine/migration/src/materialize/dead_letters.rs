//! Rows that failed, kept beside the targets until they are changed.
//!
//! They are rows of one more target table, so that whatever is true of a target's rows is true of them:
//! a change writes or removes them exactly once, with its position.

use sha2::{Digest, Sha256};
use whimbrel_expression::shown;
use whimbrel_model::{
    Cell, Column, ColumnType, Generation, Gtid, Key, Row, RowBuilder, Table, TableError,
};
use whimbrel_mysql::write_key_literal;

/// The table that they are kept in.
pub(crate) const NAME: &str = "_whimbrel_dead_letters";

/// What a dead letter is found by: what it was to become, what it was, and its key.
pub(super) struct Place<'a> {
    pub(super) plan: &'a str,
    pub(super) target: &'a str,
    /// The source table.
    pub(super) source: &'a Table,
    /// The row's key there.
    pub(super) key: &'a Key,
}

/// The table, as rows are written into it.
///
/// # Errors
///
/// None: the table has its key.
pub(crate) fn dead_letters() -> Result<Table, TableError> {
    let text = |name: &str, declaration: &str, nullable| Column {
        name: name.to_owned(),
        column_type: ColumnType::Text {
            charset: "utf8mb4".to_owned(),
            collation: "utf8mb4_bin".to_owned(),
        },
        declaration: declaration.to_owned(),
        nullable,
        generation: Generation::None,
    };
    let columns = vec![
        text("plan", "varchar(64)", false),
        text("target", "varchar(64)", false),
        text("source", "varchar(64)", false),
        Column {
            name: "key_hash".to_owned(),
            column_type: ColumnType::FixedBinary { length: 32 },
            declaration: "binary(32)".to_owned(),
            nullable: false,
            generation: Generation::None,
        },
        text("source_key", "longtext", false),
        text("column_name", "varchar(64)", true),
        text("error", "text", false),
        text("gtid", "varchar(160)", true),
    ];
    let key = ("PRIMARY", ["plan", "target", "source", "key_hash"].as_slice());
    Table::new(("", NAME), columns, key, false)
}

impl Place<'_> {
    /// The dead letter's key.
    pub(super) fn key(&self) -> Key {
        let mut builder = RowBuilder::default();
        self.push_key(&mut builder);
        builder.finish_key()
    }

    fn push_key(&self, builder: &mut RowBuilder) {
        builder.push(Cell::Bytes(self.plan.as_bytes()));
        builder.push(Cell::Bytes(self.target.as_bytes()));
        builder.push(Cell::Bytes(self.source.name().as_bytes()));
        // A key may be longer than an index takes.
        builder.push(Cell::Bytes(&Sha256::digest(self.key.as_bytes())));
    }

    /// The dead letter of a row whose `column`, or whose filter, failed with `error`.
    pub(super) fn row(&self, column: Option<&str>, error: &str, gtid: Option<&Gtid>) -> Row {
        let mut builder = RowBuilder::default();
        self.push_key(&mut builder);
        builder.push(Cell::Bytes(&self.condition()));
        builder.push(column.map_or(Cell::Null, |column| Cell::Bytes(column.as_bytes())));
        builder.push(Cell::Bytes(error.as_bytes()));
        let gtid = gtid.map(ToString::to_string);
        builder.push(gtid.as_ref().map_or(Cell::Null, |gtid| Cell::Bytes(gtid.as_bytes())));
        builder.finish()
    }

    /// The key as a condition that finds the row on the source, in UTF-8.
    fn condition(&self) -> Vec<u8> {
        let mut text = Vec::new();
        for (column, cell) in self.source.key_columns().zip(self.key.cells()) {
            if !text.is_empty() {
                text.extend_from_slice(b" AND ");
            }
            text.extend_from_slice(whimbrel_mysql::ddl::quoted(&column.name).as_bytes());
            text.push(b'=');
            let length = text.len();
            if write_value(&mut text, column, cell).is_err() {
                // A key column's values are all written; should one not be, the hash still is.
                text.truncate(length);
                text.push(b'?');
            }
        }
        text
    }
}

/// Appends a key column's value as a person reads it and can compare the column with: text between
/// quotes where its charset is one that is read here, everything else in ASCII.
fn write_value(
    out: &mut Vec<u8>,
    column: &Column,
    cell: Cell<'_>,
) -> Result<(), whimbrel_mysql::Error> {
    let shown = match (&column.column_type, cell) {
        (ColumnType::Text { charset, .. }, Cell::Bytes(bytes)) => shown(charset, bytes),
        _ => None,
    };
    let Some(shown) = shown else { return write_key_literal(out, column, cell) };
    let escaped = shown.replace('\\', "\\\\").replace('\'', "\\'");
    out.extend_from_slice(format!("'{escaped}'").as_bytes());
    Ok(())
}
