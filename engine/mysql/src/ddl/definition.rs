//! Tables as `CREATE TABLE` statements define them: of a server, of a dump without rows, or of a person.

use thiserror::Error;
use whimbrel_model::{Column, Table};

use super::{
    column::{Defaults, ReadColumn, read_column},
    create::ItemKind,
    tokens::{Cursor, Kind, Token, USUAL, split_at_commas, tokens},
};

/// A table as its definition says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefinedTable {
    /// Its name.
    pub name: String,
    /// Its columns, in order.
    pub columns: Vec<Column>,
    /// What stands between the parentheses.
    pub pieces: Vec<DefinedPiece>,
    /// What stands behind them.
    pub options: String,
}

/// One piece between the parentheses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefinedPiece {
    /// What it defines.
    pub kind: ItemKind,
    /// The name; `PRIMARY` for the primary key, empty where there is none.
    pub name: String,
    /// The columns of a key or index; empty where a part of it is no whole column.
    pub columns: Vec<String>,
    /// The text; a column's begins with its name in backquotes.
    pub text: String,
    /// Of a column: whether a row must give a value for it.
    pub needs_value: bool,
}

/// Why a text defines no tables.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DefinitionError {
    /// A quote or a comment that does not end.
    #[error("a quote or a comment does not end")]
    Unended,
    /// A `CREATE TABLE` of another form.
    #[error("{} has no list of columns in parentheses", table_name(table))]
    Shape {
        /// The table, if it has a name.
        table: String,
    },
    /// A column that cannot be read.
    #[error("the column `{column}` of `{table}`: {reason}")]
    Column {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// Why not.
        reason: &'static str,
    },
    /// A piece that defines nothing known.
    #[error("a piece of the definition of `{table}` that begins with `{begins}` is not known")]
    Piece {
        /// The table.
        table: String,
        /// Its first word.
        begins: String,
    },
}

fn table_name(name: &str) -> String {
    if name.is_empty() { "a `CREATE TABLE`".to_owned() } else { format!("`{name}`") }
}

/// The tables that the `CREATE TABLE` statements in `text` define; other statements are passed over.
///
/// # Errors
///
/// [`DefinitionError`] for the first one that cannot be read.
pub fn defined_tables(text: &str) -> Result<Vec<DefinedTable>, DefinitionError> {
    let tokens = tokens(text, USUAL).ok_or(DefinitionError::Unended)?;
    let mut tables = Vec::new();
    for statement in tokens.split(|token| token.is_symbol(";")) {
        let mut cursor = Cursor::new(statement);
        if cursor.take("CREATE") {
            cursor.take("TEMPORARY");
            if cursor.take("TABLE") {
                tables.push(table(text, cursor)?);
            }
        }
    }
    Ok(tables)
}

/// A `CREATE TABLE` statement under another name, in the session's database; `None` if it is none.
#[must_use]
pub fn renamed(statement: &str, name: &str) -> Option<String> {
    let tokens = tokens(statement, USUAL)?;
    let mut cursor = Cursor::new(&tokens);
    if !cursor.take_all(&["CREATE", "TABLE"]) {
        return None;
    }
    cursor.take_all(&["IF", "NOT", "EXISTS"]);
    let first = cursor.peek()?;
    let mut last = first;
    cursor.name()?;
    if cursor.take_symbol(".") {
        last = cursor.peek()?;
        cursor.name()?;
    }
    let (before, behind) = (statement.get(..first.start)?, statement.get(last.end()..)?);
    Some(format!("{before}{}{behind}", super::quoted(name)))
}

fn table(text: &str, mut cursor: Cursor<'_, '_>) -> Result<DefinedTable, DefinitionError> {
    cursor.take_all(&["IF", "NOT", "EXISTS"]);
    let shape = |table: &str| DefinitionError::Shape { table: table.to_owned() };
    let mut name = cursor.name().ok_or_else(|| shape(""))?;
    if cursor.take_symbol(".") {
        name = cursor.name().ok_or_else(|| shape(""))?;
    }
    let all = cursor.rest();
    if !cursor.skip_parenthesized() {
        return Err(shape(&name));
    }
    let inside = all.len() - cursor.rest().len();
    let inside = all.get(1..inside.saturating_sub(1)).unwrap_or_default();
    let options = options(text, cursor);
    let defaults = Defaults::of(&options);
    let mut defined = DefinedTable { name, columns: Vec::new(), pieces: Vec::new(), options };
    for piece in split_at_commas(inside) {
        add_piece(text, piece, &defaults, &mut defined)?;
    }
    if defined.columns.is_empty() {
        return Err(shape(&defined.name));
    }
    // What is in a primary key is never NULL, whether its column says so or not.
    let key = defined.pieces.iter().find(|piece| piece.kind == ItemKind::PrimaryKey);
    let key = key.map(|piece| piece.columns.clone()).unwrap_or_default();
    for column in &mut defined.columns {
        column.nullable &= !key.contains(&column.name);
    }
    Ok(defined)
}

fn options(text: &str, cursor: Cursor<'_, '_>) -> String {
    let rest = cursor.rest();
    let (Some(first), Some(last)) = (rest.first(), rest.last()) else { return String::new() };
    let mut from = first.start;
    // Partitions begin behind the mark of a comment that servers run.
    let before = text.get(..from).unwrap_or_default().trim_end();
    if let Some(mark) = before.rfind("/*!")
        && before.get(mark..).is_some_and(|mark| !mark.contains([')', '\n']))
    {
        from = mark;
    }
    let behind = text.get(last.end()..).unwrap_or_default();
    let closes = if text.get(from..last.end()).is_some_and(|it| it.contains("/*!")) {
        behind.find("*/").map_or(0, |at| at + 2)
    } else {
        0
    };
    text.get(from..last.end() + closes).unwrap_or_default().trim().to_owned()
}

fn add_piece(
    text: &str,
    piece: &[Token<'_>],
    defaults: &Defaults,
    table: &mut DefinedTable,
) -> Result<(), DefinitionError> {
    let (Some(first), Some(last)) = (piece.first(), piece.last()) else { return Ok(()) };
    let end = end_of(text, piece, last);
    let written = text.get(first.start..end).unwrap_or_default();
    let unknown =
        || DefinitionError::Piece { table: table.name.clone(), begins: first.text.to_owned() };
    let mut cursor = Cursor::new(piece);
    if let Some((kind, name)) = key_kind(&mut cursor) {
        let columns = match kind {
            ItemKind::PrimaryKey | ItemKind::UniqueKey | ItemKind::Index => key_columns(cursor),
            ItemKind::Column | ItemKind::ForeignKey | ItemKind::Check => Vec::new(),
        };
        let text = written.to_owned();
        table.pieces.push(DefinedPiece { kind, name, columns, text, needs_value: false });
        return Ok(());
    }
    let name = cursor.name().ok_or_else(unknown)?;
    let read = read_column(&name, cursor, defaults).map_err(|reason| DefinitionError::Column {
        table: table.name.clone(),
        column: name.clone(),
        reason,
    })?;
    let ReadColumn { column, needs_value, is_primary, is_unique, key_words } = read;
    table.columns.push(column);
    // A key is a piece of its own, wherever it is written.
    let mut rest = String::new();
    let mut from = first.end();
    for words in key_words {
        rest.push_str(text.get(from..words.start).unwrap_or_default().trim_end());
        from = words.end;
    }
    rest.push_str(text.get(from..end).unwrap_or_default());
    let text = format!("{}{rest}", super::quoted(&name));
    table.pieces.push(DefinedPiece {
        kind: ItemKind::Column,
        name: name.clone(),
        columns: Vec::new(),
        text,
        needs_value,
    });
    let key = |kind, key_name: &str, text| DefinedPiece {
        kind,
        name: key_name.to_owned(),
        columns: vec![name.clone()],
        text,
        needs_value: false,
    };
    let quoted = super::quoted(&name);
    if is_primary {
        let text = format!("PRIMARY KEY ({quoted})");
        table.pieces.push(key(ItemKind::PrimaryKey, "PRIMARY", text));
    }
    if is_unique {
        table.pieces.push(key(ItemKind::UniqueKey, &name, format!("UNIQUE KEY ({quoted})")));
    }
    Ok(())
}

/// Where a piece ends: behind the end of a comment that servers run, such as `/*!80023 INVISIBLE */`,
/// whose mark stands before its last tokens.
fn end_of(text: &str, piece: &[Token<'_>], last: &Token<'_>) -> usize {
    let between = piece.iter().zip(piece.iter().skip(1));
    let (mut opened, mut closed) = (0_usize, 0_usize);
    for (token, next) in between {
        let gap = text.get(token.end()..next.start).unwrap_or_default();
        opened += gap.matches("/*").count();
        closed += gap.matches("*/").count();
    }
    let behind = text.get(last.end()..).unwrap_or_default();
    let closes = if opened > closed { behind.find("*/").map_or(0, |at| at + 2) } else { 0 };
    last.end() + closes
}

/// What a piece that is no column defines, with its name; the cursor stands before its columns then.
fn key_kind(cursor: &mut Cursor<'_, '_>) -> Option<(ItemKind, String)> {
    if cursor.peek().is_some_and(|token| token.kind == Kind::Name) {
        return None;
    }
    let mut name = String::new();
    if cursor.take("CONSTRAINT") {
        let is_named = cursor.peek().is_some_and(|token| {
            !["PRIMARY", "UNIQUE", "FOREIGN", "CHECK"].iter().any(|word| token.is(word))
        });
        if is_named {
            name = cursor.name().unwrap_or_default();
        }
    }
    let kind = if cursor.take_all(&["PRIMARY", "KEY"]) {
        return Some((ItemKind::PrimaryKey, "PRIMARY".to_owned()));
    } else if cursor.take("UNIQUE") {
        ItemKind::UniqueKey
    } else if cursor.take_all(&["FOREIGN", "KEY"]) {
        return Some((ItemKind::ForeignKey, name));
    } else if cursor.take("CHECK") {
        return Some((ItemKind::Check, name));
    } else if cursor.take_any(&["FULLTEXT", "SPATIAL"]) || is_index(cursor) {
        ItemKind::Index
    } else {
        return None;
    };
    cursor.take_any(&["KEY", "INDEX"]);
    let is_named = cursor.peek().is_some_and(|token| !token.is_symbol("(") && !token.is("USING"));
    if is_named {
        name = cursor.name().unwrap_or_default();
    }
    Some((kind, name))
}

/// Whether `KEY` or `INDEX` begins an index here, and is not a column's name.
fn is_index(cursor: &Cursor<'_, '_>) -> bool {
    let mut ahead = *cursor;
    if !ahead.take_any(&["KEY", "INDEX"]) {
        return false;
    }
    let is_open = |cursor: &Cursor<'_, '_>| cursor.peek().is_some_and(|token| token.is_symbol("("));
    is_open(&ahead)
        || ahead.take("USING")
        || ahead.name().is_some() && (is_open(&ahead) || ahead.take("USING"))
}

/// The columns in a key's parentheses; none where a part is an expression or the beginning of values.
fn key_columns(mut cursor: Cursor<'_, '_>) -> Vec<String> {
    while cursor.peek().is_some_and(|token| !token.is_symbol("(")) {
        cursor.next();
    }
    let all = cursor.rest();
    cursor.skip_parenthesized();
    let inside = (all.len() - cursor.rest().len()).saturating_sub(1);
    let parts = split_at_commas(all.get(1..inside).unwrap_or_default());
    let part = |tokens: &[Token<'_>]| {
        let mut cursor = Cursor::new(tokens);
        let name = cursor.name()?;
        cursor.take_any(&["ASC", "DESC"]);
        cursor.is_at_end().then_some(name)
    };
    parts.into_iter().map(part).collect::<Option<_>>().unwrap_or_default()
}

impl DefinedTable {
    /// The table with the key that its rows are told apart by: the primary key, otherwise the unique
    /// key of the fewest columns that are never `NULL`. `None` if it has none.
    #[must_use]
    pub fn keyed(&self, database: &str) -> Option<Table> {
        let is_not_null = |name: &String| {
            let mut columns = self.columns.iter();
            columns.any(|column| column.name.eq_ignore_ascii_case(name) && !column.nullable)
        };
        let is_usable = |piece: &&DefinedPiece| {
            matches!(piece.kind, ItemKind::PrimaryKey | ItemKind::UniqueKey)
                && !piece.columns.is_empty()
                && piece.columns.iter().all(is_not_null)
        };
        let rank = |piece: &&DefinedPiece| {
            (piece.kind != ItemKind::PrimaryKey, piece.columns.len(), piece.name.clone())
        };
        let key = self.pieces.iter().filter(is_usable).min_by_key(rank)?;
        let is_other = |piece: &DefinedPiece| {
            matches!(piece.kind, ItemKind::PrimaryKey | ItemKind::UniqueKey) && piece != key
        };
        let has_other_unique_key = self.pieces.iter().any(is_other);
        let names: Vec<&str> = key
            .columns
            .iter()
            .filter_map(|name| {
                let mut columns = self.columns.iter();
                columns.find(|column| column.name.eq_ignore_ascii_case(name))
            })
            .map(|column| column.name.as_str())
            .collect();
        let key_name = if key.name.is_empty() { names.first()? } else { key.name.as_str() };
        let columns = self.columns.clone();
        Table::new((database, &self.name), columns, (key_name, &names), has_other_unique_key).ok()
    }
}

#[cfg(test)]
mod tests;
