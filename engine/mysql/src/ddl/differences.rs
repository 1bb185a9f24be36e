//! How a table on the target differs from the one it is to hold the rows of.

use crate::catalog::{ColumnDescription, Description};

use super::{
    create::{CreateTable, Item, ItemKind},
    quoted,
    tokens::{Cursor, Kind, USUAL, tokens},
};

/// What a difference is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DifferenceKind {
    /// A column: rows do not fit, or would hold other values.
    Column,
    /// The primary key or a unique key: rows could not be told apart, or would be refused.
    Key,
    /// A `CHECK` constraint.
    Check,
    /// An index that is not unique: what is missing may be made after the copy.
    Index,
    /// A foreign key: what is missing may be made after the copy.
    ForeignKey,
    /// The table's engine.
    Engine,
}

/// One difference, with what mends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What it is about.
    pub kind: DifferenceKind,
    /// Whether the source has something that the target lacks altogether.
    pub is_missing: bool,
    /// What differs.
    pub what: String,
    /// The statement that mends it, to be run in the target's database.
    pub alter: String,
}

/// How `target` differs from `source`, column order, comments, options and further indexes that are
/// not unique aside: none of these can make a row wrong.
#[must_use]
pub fn differences(source: &Description, target: &Description) -> Vec<Difference> {
    let alter = format!("ALTER TABLE {}", quoted(&target.name));
    let mut found = Vec::new();
    if !source.engine.eq_ignore_ascii_case(&target.engine) {
        found.push(Difference {
            kind: DifferenceKind::Engine,
            is_missing: false,
            what: format!("the engine is `{}` instead of `{}`", target.engine, source.engine),
            alter: format!("{alter} ENGINE={}", source.engine),
        });
    }
    columns(source, target, &alter, &mut found);
    for (kind, items, drop) in [
        (DifferenceKind::Key, &[ItemKind::PrimaryKey, ItemKind::UniqueKey][..], "INDEX"),
        (DifferenceKind::Check, &[ItemKind::Check], "CHECK"),
        (DifferenceKind::Index, &[ItemKind::Index], "INDEX"),
        (DifferenceKind::ForeignKey, &[ItemKind::ForeignKey], "FOREIGN KEY"),
    ] {
        let target = Pieces::of(&target.create, items);
        Pieces::of(&source.create, items).compare(&target, (kind, drop), &alter, &mut found);
    }
    found
}

fn columns(source: &Description, target: &Description, alter: &str, found: &mut Vec<Difference>) {
    let same = |a: &ColumnDescription, b: &ColumnDescription| {
        a.column.name.to_lowercase() == b.column.name.to_lowercase()
    };
    for wanted in &source.columns {
        let name = quoted(&wanted.column.name);
        let piece = definition_with_charset(source, wanted);
        let (is_missing, what, verb) = match target.columns.iter().find(|has| same(has, wanted)) {
            None => (true, format!("column {name} is missing"), "ADD"),
            Some(has) => {
                let parts = column_differences((source, wanted), (target, has));
                if parts.is_empty() {
                    continue;
                }
                (false, format!("column {name}: {}", parts.join(", ")), "MODIFY")
            }
        };
        let alter = format!("{alter} {verb} COLUMN {piece}");
        found.push(Difference { kind: DifferenceKind::Column, is_missing, what, alter });
    }
    for extra in &target.columns {
        if !source.columns.iter().any(|wanted| same(wanted, extra)) {
            let name = quoted(&extra.column.name);
            found.push(Difference {
                kind: DifferenceKind::Column,
                is_missing: false,
                what: format!("column {name} is not in the source's table"),
                alter: format!("{alter} DROP COLUMN {name}"),
            });
        }
    }
}

fn column_differences(
    (source, wanted): (&Description, &ColumnDescription),
    (target, has): (&Description, &ColumnDescription),
) -> Vec<String> {
    let mut parts = Vec::new();
    let mut compare = |what: &str, wanted: &str, has: &str| {
        if wanted != has {
            parts.push(format!("{what} is `{has}` instead of `{wanted}`"));
        }
    };
    let declared = |column: &ColumnDescription| without_display_width(&column.column.declaration);
    compare("the type", &declared(wanted), &declared(has));
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
    compare("the charset", &or_none(&wanted.charset), &or_none(&has.charset));
    compare("the collation", &or_none(&wanted.collation), &or_none(&has.collation));
    let null = |is_nullable| if is_nullable { "NULL" } else { "NOT NULL" };
    compare("nullability", null(wanted.column.nullable), null(has.column.nullable));
    let attributes = |table: &Description, column: &ColumnDescription| {
        piece_of(&table.create, column).map(attributes).unwrap_or_default()
    };
    compare("the definition", &attributes(source, wanted), &attributes(target, has));
    parts
}

fn piece_of<'a>(table: &'a CreateTable, column: &ColumnDescription) -> Option<&'a Item> {
    table.items_of(ItemKind::Column).find(|item| item.name == column.column.name)
}

/// What a column's definition says beside its type, charset, nullability and comment.
fn attributes(item: &Item) -> String {
    let Some(tokens) = tokens(&item.text, USUAL) else { return item.text.clone() };
    let mut cursor = Cursor::new(&tokens);
    let _name_and_type = (cursor.next(), cursor.next());
    cursor.skip_parenthesized();
    let mut words = Vec::new();
    loop {
        if cursor.take_any(&["unsigned", "zerofill"]) || cursor.take_all(&["NOT", "NULL"]) {
            continue;
        }
        // A nullable column without a default may be printed with and without saying so.
        if cursor.take_all(&["DEFAULT", "NULL"]) || cursor.take("NULL") {
            continue;
        }
        if cursor.take_all(&["CHARACTER", "SET"]) || cursor.take_any(&["COLLATE", "COMMENT"]) {
            cursor.next();
            continue;
        }
        match cursor.next() {
            Some(token) => words.push(token.text),
            None => return words.join(" "),
        }
    }
}

/// The column's definition with its charset spelt out, since another table's default may be another.
fn definition_with_charset(table: &Description, column: &ColumnDescription) -> String {
    let Some(item) = piece_of(&table.create, column) else { return quoted(&column.column.name) };
    let (Some(charset), Some(collation)) = (&column.charset, &column.collation) else {
        return item.text.clone();
    };
    let named = format!("{} {}", quoted(&column.column.name), column.column.declaration);
    match item.text.strip_prefix(&named) {
        Some(rest) if !rest.trim_start().starts_with("CHARACTER SET") => {
            let rest = rest.trim_start();
            let has_collation = rest.starts_with("COLLATE");
            let collate =
                if has_collation { String::new() } else { format!("COLLATE {collation} ") };
            format!("{named} CHARACTER SET {charset} {collate}{rest}").trim_end().to_owned()
        }
        Some(_) | None => item.text.clone(),
    }
}

/// `int(11)` of older servers is `int`; `tinyint(1)` and widths of `ZEROFILL` are still printed.
fn without_display_width(declaration: &str) -> String {
    let Some((name, rest)) = declaration.split_once('(') else { return declaration.to_owned() };
    let is_integer = ["tinyint", "smallint", "mediumint", "int", "bigint", "year"].contains(&name);
    match rest.split_once(')') {
        Some((_, rest)) if is_integer && !rest.contains("zerofill") => format!("{name}{rest}"),
        _ => declaration.to_owned(),
    }
}

/// Pieces of the same sort, each with what it says beside its name and comment.
struct Pieces<'a>(Vec<(&'a Item, String)>);

impl<'a> Pieces<'a> {
    fn of(table: &'a CreateTable, kinds: &[ItemKind]) -> Self {
        let pieces = table.items().iter().filter(|item| kinds.contains(&item.kind));
        Self(pieces.map(|item| (item, meaning(item))).collect())
    }

    /// Missing ones, those of the same name that differ, and further ones unless they are harmless.
    fn compare(
        &self,
        target: &Self,
        (kind, drop): (DifferenceKind, &str),
        alter: &str,
        found: &mut Vec<Difference>,
    ) {
        let same_name = |a: &Item, b: &Item| a.name.to_lowercase() == b.name.to_lowercase();
        let mut used = Vec::new();
        for (item, wanted) in &self.0 {
            let has = target
                .0
                .iter()
                .filter(|(other, _)| !used.contains(other))
                .find(|(_, meaning)| meaning == wanted);
            if let Some((other, _)) = has {
                used.push(other);
                continue;
            }
            let named = target.0.iter().find(|(other, _)| same_name(other, item));
            let described = describe(item);
            let (what, alter) = match named {
                None => (format!("{described} is missing"), format!("{alter} ADD {}", item.text)),
                Some((other, _)) => {
                    used.push(other);
                    let gone = dropped(other, drop);
                    let what =
                        format!("{described} is `{}` instead of `{}`", other.text, item.text);
                    (what, format!("{alter} {gone}, ADD {}", item.text))
                }
            };
            found.push(Difference { kind, is_missing: named.is_none(), what, alter });
        }
        if kind == DifferenceKind::Index {
            return;
        }
        for (extra, _) in target.0.iter().filter(|(item, _)| !used.contains(item)) {
            found.push(Difference {
                kind,
                is_missing: false,
                what: format!("{} is not in the source's table", describe(extra)),
                alter: format!("{alter} {}", dropped(extra, drop)),
            });
        }
    }
}

fn dropped(item: &Item, what: &str) -> String {
    match item.kind {
        ItemKind::PrimaryKey => "DROP PRIMARY KEY".to_owned(),
        ItemKind::Column
        | ItemKind::UniqueKey
        | ItemKind::Index
        | ItemKind::ForeignKey
        | ItemKind::Check => format!("DROP {what} {}", quoted(&item.name)),
    }
}

fn describe(item: &Item) -> String {
    let name = quoted(&item.name);
    match item.kind {
        ItemKind::PrimaryKey => "the primary key".to_owned(),
        ItemKind::UniqueKey => format!("unique key {name}"),
        ItemKind::Index => format!("index {name}"),
        ItemKind::ForeignKey => format!("foreign key {name}"),
        ItemKind::Check => format!("check {name}"),
        ItemKind::Column => format!("column {name}"),
    }
}

/// What a key, index or constraint says beside its name and comment.
fn meaning(item: &Item) -> String {
    let Some(tokens) = tokens(&item.text, USUAL) else { return item.text.clone() };
    let mut words: Vec<&str> = Vec::new();
    let mut cursor = Cursor::new(&tokens);
    let mut is_named = item.kind == ItemKind::PrimaryKey;
    while let Some(token) = cursor.peek().copied() {
        if !is_named && token.kind == Kind::Name {
            is_named = true;
            cursor.next();
        } else if cursor.take("COMMENT") {
            cursor.next();
        } else {
            words.push(token.text);
            cursor.next();
        }
    }
    words.join(" ")
}
