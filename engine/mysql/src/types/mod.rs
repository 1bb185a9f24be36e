//! Values of columns: how they are selected, decoded and written as SQL.

mod decode;
mod field;
mod literal;
mod name;
mod node;

pub(crate) use decode::{RowDecoder, decode_key, unexpected};
pub(crate) use field::{Field, field_of, write_field};
pub(crate) use literal::member_count;
pub use literal::{write_key_literal, write_literal};
pub(crate) use name::quoted;
pub(crate) use node::{Node, node_of, write_node};

use whimbrel_model::{Column, ColumnType, Table};

use crate::json;

/// The select list that [`RowDecoder`] reads: an expression for each carried column, then a flag for
/// each carried `JSON` column that says whether its text leaves something open.
///
/// `ENUM` and `SET` are read as numbers: two members may look alike, the invalid value has no name,
/// and 64 members do not fit a `DOUBLE`, which is what `+0` would make of them.
pub(crate) fn select_list(table: &Table, text: ResultText) -> String {
    let columns = table.carried_columns().map(|column| select_expression(column, text));
    // The subqueries of a flag must not take its column for one of theirs.
    let alias = if table.name().eq_ignore_ascii_case("n") { "m" } else { "n" };
    let name = quoted(table.name());
    let flags = table
        .carried_columns()
        .filter(|column| column.column_type == ColumnType::Json)
        .map(|column| format!("{name}.{}", quoted(&column.name)))
        .map(|column| json::special_node_sql(&column, alias));
    columns.chain(flags).collect::<Vec<_>>().join(",")
}

/// How a session gets the text of its results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResultText {
    /// As its column's own bytes.
    Stored,
    /// In `utf8mb4`, whatever its column's charset.
    Converted,
}

/// The expression that a column is selected as, so that its own bytes come.
pub(crate) fn select_expression(column: &Column, text: ResultText) -> String {
    let name = quoted(&column.name);
    if matches!(column.column_type, ColumnType::Enum | ColumnType::Set { .. }) {
        return format!("CAST({name} AS UNSIGNED)");
    }
    if let ColumnType::Text { charset, .. } = &column.column_type
        && text == ResultText::Converted
        && !["utf8mb4", "utf8mb3"].contains(&charset.as_str())
    {
        return format!("CAST({name} AS BINARY)");
    }
    name
}
