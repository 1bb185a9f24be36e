//! Values of columns: how they are selected, decoded and written as SQL.

mod decode;
mod field;
mod literal;
mod name;

pub(crate) use decode::{RowDecoder, decode_key, unexpected};
pub(crate) use field::{Field, field_of, write_field};
pub(crate) use literal::member_count;
pub use literal::{write_key_literal, write_literal};
pub(crate) use name::quoted;

use whimbrel_model::{Column, ColumnType, Table};

use crate::json;

/// The select list that [`RowDecoder`] reads: an expression for each carried column, then a flag for
/// each carried `JSON` column that says whether its text leaves something open.
///
/// `ENUM` and `SET` are read as numbers: two members may look alike, the invalid value has no name,
/// and 64 members do not fit a `DOUBLE`, which is what `+0` would make of them.
pub(crate) fn select_list(table: &Table) -> String {
    let columns = table.carried_columns().map(select_expression);
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

/// The expression that a column is selected as.
pub(crate) fn select_expression(column: &Column) -> String {
    let name = quoted(&column.name);
    if matches!(column.column_type, ColumnType::Enum | ColumnType::Set { .. }) {
        format!("CAST({name} AS UNSIGNED)")
    } else {
        name
    }
}
