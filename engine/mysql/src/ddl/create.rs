//! A table's definition as `SHOW CREATE TABLE` prints it, in pieces.

use thiserror::Error;

use super::{
    quoted,
    tokens::{Cursor, Kind, Token, USUAL, tokens},
};

/// What one piece between the parentheses defines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ItemKind {
    /// A column.
    Column,
    /// The primary key.
    PrimaryKey,
    /// A unique key.
    UniqueKey,
    /// An index that is not unique: plain, `FULLTEXT` or `SPATIAL`.
    Index,
    /// A foreign key.
    ForeignKey,
    /// A `CHECK` constraint.
    Check,
}

/// One piece between the parentheses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What it defines.
    pub kind: ItemKind,
    /// The name; `PRIMARY` for the primary key.
    pub name: String,
    /// The text, as it stands behind `ADD` (`ADD COLUMN` for a column).
    pub text: String,
}

/// When the indexes of a table are made that are neither unique nor of texts or places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexTime {
    /// With the table: each row goes into them as it is written.
    WithTable,
    /// After the rows, which are then sorted into them.
    AfterRows,
}

/// A foreign key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKey {
    /// The constraint's name.
    pub name: String,
    /// The database of the table it refers to, where that is not its own table's.
    pub database: Option<String>,
    /// The table it refers to.
    pub table: String,
    /// Its columns, at least one.
    pub columns: Vec<String>,
    /// The columns that they refer to, in the same order.
    pub referenced: Vec<String>,
}

/// A table's definition.
///
/// Invariant: at least one item is a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateTable {
    name: String,
    items: Vec<Item>,
    /// What stands behind the closing parenthesis: options and partitions.
    options: String,
}

/// Why a text is not a table's definition as servers print it.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum CreateTableError {
    /// It does not begin and end as a `CREATE TABLE` does.
    #[error("the definition is not a `CREATE TABLE` with columns in parentheses")]
    Shape,
    /// A piece that defines nothing known.
    #[error("a piece of the definition that begins with `{begins}` is not known")]
    Piece {
        /// Its first word.
        begins: String,
    },
}

impl CreateTable {
    /// The definition in `text`, the answer to `SHOW CREATE TABLE` in a session with
    /// `sql_quote_show_create` and without `ANSI_QUOTES` or `NO_BACKSLASH_ESCAPES`.
    ///
    /// # Errors
    ///
    /// [`CreateTableError`] when it is not one.
    pub fn parse(text: &str) -> Result<Self, CreateTableError> {
        let tokens = tokens(text, USUAL).ok_or(CreateTableError::Shape)?;
        let mut cursor = Cursor::new(&tokens);
        if !cursor.take_all(&["CREATE", "TABLE"]) {
            return Err(CreateTableError::Shape);
        }
        let name = cursor.name().ok_or(CreateTableError::Shape)?;
        let (pieces, end) = pieces(text, cursor).ok_or(CreateTableError::Shape)?;
        let items = pieces.into_iter().map(item).collect::<Result<Vec<_>, _>>()?;
        if !items.iter().any(|item| item.kind == ItemKind::Column) {
            return Err(CreateTableError::Shape);
        }
        let options = text.get(end..).unwrap_or_default().trim().to_owned();
        Ok(Self { name, items, options })
    }

    /// The table's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What stands behind the closing parenthesis: options and partitions.
    #[must_use]
    pub fn options(&self) -> &str {
        &self.options
    }

    /// The pieces, in their order.
    #[must_use]
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// The pieces of one kind, in their order.
    pub fn items_of(&self, kind: ItemKind) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(move |item| item.kind == kind)
    }

    /// The statement that makes the table in the session's database: with its columns, keys, checks,
    /// options, partitions, next `AUTO_INCREMENT` and the indexes that `when` says, without foreign keys.
    #[must_use]
    pub fn statement(&self, when: IndexTime) -> String {
        let deferred = self.deferred_indexes(when);
        let kept: Vec<String> = self
            .items
            .iter()
            .filter(|item| item.kind != ItemKind::ForeignKey && !deferred.contains(item))
            .map(|item| format!("  {}", item.text))
            .collect();
        format!("CREATE TABLE {} (\n{}\n) {}", quoted(&self.name), kept.join(",\n"), self.options)
    }

    /// The indexes that are not made with the table: never the one that an `AUTO_INCREMENT` column
    /// cannot be without; always those of texts and of places, which cost far more row by row.
    fn deferred_indexes(&self, when: IndexTime) -> Vec<&Item> {
        let needed = self.index_of_auto_increment();
        let is_plain = |item: &Item| item.text.starts_with("KEY");
        self.items_of(ItemKind::Index)
            .filter(|&item| Some(item) != needed)
            .filter(|item| when == IndexTime::AfterRows || !is_plain(item))
            .collect()
    }

    /// The definition as a shard has it: without `AUTO_INCREMENT`, which would give two shards one
    /// number.
    #[must_use]
    pub fn for_shard(&self) -> Self {
        let mut items = self.items.clone();
        for item in items.iter_mut().filter(|item| item.kind == ItemKind::Column) {
            item.text = without_auto_increment(&item.text);
        }
        let options = without_auto_increment(&self.options);
        Self { name: self.name.clone(), items, options }
    }

    /// The definition with those of its foreign keys that are kept.
    #[must_use]
    pub fn with_foreign_keys(mut self, is_kept: impl Fn(&Item) -> bool) -> Self {
        self.items.retain(|item| item.kind != ItemKind::ForeignKey || is_kept(item));
        self
    }

    /// The foreign keys, each with its piece.
    pub fn foreign_keys(&self) -> impl Iterator<Item = (&Item, ForeignKey)> {
        self.items_of(ItemKind::ForeignKey).filter_map(|item| Some((item, foreign_key(item)?)))
    }

    /// The first column whose labels the server may not have been able to print: in `ENUM` and `SET`
    /// it writes `?` for a character beyond U+FFFF, and a table made from that would have another.
    #[must_use]
    pub fn unprintable(&self) -> Option<&Item> {
        self.items.iter().find(|item| is_unprintable(&item.text))
    }

    /// One statement that adds `items`, pieces of this definition, to a table of its name; `None`
    /// without any.
    #[must_use]
    pub fn add_statement(&self, items: &[&Item]) -> Option<String> {
        let clauses: Vec<String> = items.iter().map(|item| format!("ADD {}", item.text)).collect();
        let table = quoted(&self.name);
        (!clauses.is_empty()).then(|| format!("ALTER TABLE {table} {}", clauses.join(", ")))
    }

    /// The index that is not unique and that the `AUTO_INCREMENT` column leads, where no key does.
    fn index_of_auto_increment(&self) -> Option<&Item> {
        let column = self.items_of(ItemKind::Column).find(|item| {
            let is_word = |tokens: Vec<Token<'_>>| tokens.iter().any(|t| t.is("AUTO_INCREMENT"));
            tokens(&item.text, USUAL).is_some_and(is_word)
        })?;
        let leads = |item: &&Item| first_column(&item.text).as_ref() == Some(&column.name);
        let mut keys =
            self.items_of(ItemKind::PrimaryKey).chain(self.items_of(ItemKind::UniqueKey));
        if keys.any(|key| leads(&key)) {
            return None;
        }
        self.items_of(ItemKind::Index).find(leads)
    }
}

/// The texts of the pieces in parentheses, and where the closing one ends.
fn pieces<'a>(text: &'a str, mut cursor: Cursor<'_, 'a>) -> Option<(Vec<&'a str>, usize)> {
    let open = cursor.next().filter(|token| token.is_symbol("("))?;
    let mut pieces = Vec::new();
    let (mut start, mut depth) = (open.end(), 1_usize);
    while let Some(token) = cursor.next() {
        if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            depth -= 1;
        }
        let is_end = depth == 0;
        if is_end || depth == 1 && token.is_symbol(",") {
            pieces.push(text.get(start..token.start)?.trim());
            start = token.end();
        }
        if is_end {
            return Some((pieces, token.end()));
        }
    }
    None
}

fn item(text: &str) -> Result<Item, CreateTableError> {
    let tokens = tokens(text, USUAL).ok_or(CreateTableError::Shape)?;
    let mut cursor = Cursor::new(&tokens);
    let first = cursor.peek().ok_or(CreateTableError::Shape)?;
    let is_column = first.kind == Kind::Name;
    let kind = if is_column {
        Some(ItemKind::Column)
    } else if cursor.take_all(&["PRIMARY", "KEY"]) {
        Some(ItemKind::PrimaryKey)
    } else if cursor.take_all(&["UNIQUE", "KEY"]) {
        Some(ItemKind::UniqueKey)
    } else if cursor.take("KEY")
        || cursor.take_all(&["FULLTEXT", "KEY"])
        || cursor.take_all(&["SPATIAL", "KEY"])
    {
        Some(ItemKind::Index)
    } else if cursor.take("CONSTRAINT") {
        let mut behind = cursor;
        behind.next();
        let is = |word: &str| behind.peek().is_some_and(|token| token.is(word));
        is("FOREIGN")
            .then_some(ItemKind::ForeignKey)
            .or_else(|| is("CHECK").then_some(ItemKind::Check))
    } else {
        None
    };
    let kind = kind.ok_or_else(|| CreateTableError::Piece { begins: first.text.to_owned() })?;
    let name = match kind {
        ItemKind::PrimaryKey => Some("PRIMARY".to_owned()),
        ItemKind::Column
        | ItemKind::UniqueKey
        | ItemKind::Index
        | ItemKind::ForeignKey
        | ItemKind::Check => cursor.name(),
    };
    let name = name.ok_or(CreateTableError::Shape)?;
    Ok(Item { kind, name, text: text.to_owned() })
}

/// A column or a table's options without the word, and without the number that may follow it.
fn without_auto_increment(text: &str) -> String {
    let Some(tokens) = tokens(text, USUAL) else { return text.to_owned() };
    let Some(place) = tokens.iter().position(|token| token.is("AUTO_INCREMENT")) else {
        return text.to_owned();
    };
    let last = match tokens.get(place + 1..place + 3) {
        Some([equals, number]) if equals.is_symbol("=") => number,
        Some(_) | None => &tokens[place],
    };
    let before = place.checked_sub(1).map_or(0, |before| tokens[before].end());
    let (before, behind) = (text.get(..before), text.get(last.end()..));
    format!("{}{}", before.unwrap_or_default(), behind.unwrap_or_default()).trim().to_owned()
}

/// The column that leads a key.
fn first_column(key: &str) -> Option<String> {
    let tokens = tokens(key, USUAL)?;
    let open = tokens.iter().position(|token| token.is_symbol("("))?;
    tokens.get(open + 1)?.name()
}

fn foreign_key(item: &Item) -> Option<ForeignKey> {
    let tokens = tokens(&item.text, USUAL)?;
    let mut cursor = Cursor::new(&tokens);
    while !cursor.take_all(&["FOREIGN", "KEY"]) {
        cursor.next()?;
    }
    let columns = names(&mut cursor)?;
    if !cursor.take("REFERENCES") {
        return None;
    }
    let first = cursor.name()?;
    let (database, table) =
        if cursor.take_symbol(".") { (Some(first), cursor.name()?) } else { (None, first) };
    let referenced = names(&mut cursor)?;
    Some(ForeignKey { name: item.name.clone(), database, table, columns, referenced })
}

/// The names in parentheses that are next.
fn names(cursor: &mut Cursor<'_, '_>) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut is_more = cursor.take_symbol("(");
    while is_more {
        names.push(cursor.name()?);
        is_more = cursor.take_symbol(",");
    }
    cursor.take_symbol(")").then_some(names)
}

/// Labels stand in the parentheses of the type. Defaults and partitions are printed in hex where
/// they must be, expressions as they are, and comments carry no rows.
fn is_unprintable(text: &str) -> bool {
    let Some(tokens) = tokens(text, USUAL) else { return true };
    let has_labels = tokens.get(1).is_some_and(|token| token.is("enum") || token.is("set"));
    let labels = tokens.iter().skip(2).take_while(|token| !token.is_symbol(")"));
    has_labels && labels.into_iter().any(|token| token.text.contains('?'))
}

#[cfg(test)]
mod tests;
