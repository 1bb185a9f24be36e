//! A column as its definition says.

use std::ops::Range;

use whimbrel_model::{Column, ColumnType, Generation, IntWidth};

use super::tokens::{Cursor, Kind, Token, USUAL, tokens};

/// The charset and collation of text that says nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Defaults {
    charset: String,
    collation: String,
}

/// A column, and what its definition says beside.
#[derive(Debug)]
pub(super) struct ReadColumn {
    pub(super) column: Column,
    pub(super) needs_value: bool,
    pub(super) is_primary: bool,
    pub(super) is_unique: bool,
    /// Where it is said that it is a key, bytes of the text.
    pub(super) key_words: Vec<Range<usize>>,
}

impl Defaults {
    /// Those of a table with these options; a server's own where they say nothing.
    pub(super) fn of(options: &str) -> Self {
        let all = tokens(options, USUAL).unwrap_or_default();
        let mut cursor = Cursor::new(&all);
        let (mut charset, mut collation) = (None, None);
        while !cursor.is_at_end() {
            if cursor.take("CHARSET") || cursor.take_all(&["CHARACTER", "SET"]) {
                cursor.take_symbol("=");
                charset = word(&mut cursor);
            } else if cursor.take("COLLATE") {
                cursor.take_symbol("=");
                collation = word(&mut cursor);
            } else {
                cursor.next();
            }
        }
        Self::new(charset, collation, None)
    }

    fn new(charset: Option<String>, collation: Option<String>, around: Option<&Self>) -> Self {
        let charset = match (charset, &collation, around) {
            (Some(charset), _, _) => charset,
            (None, Some(collation), _) => charset_of(collation),
            (None, None, Some(around)) => return around.clone(),
            (None, None, None) => "utf8mb4".to_owned(),
        };
        let charset = if charset == "utf8" { "utf8mb3".to_owned() } else { charset };
        let collation = collation.unwrap_or_else(|| default_collation(&charset));
        Self { charset, collation }
    }
}

/// A word or a text, in lower case.
fn word(cursor: &mut Cursor<'_, '_>) -> Option<String> {
    let token = cursor.next()?;
    let text = if token.kind == Kind::Word { token.text } else { token.inner()? };
    Some(text.to_ascii_lowercase())
}

fn charset_of(collation: &str) -> String {
    collation.split('_').next().unwrap_or_default().to_owned()
}

/// Source: MySQL 8.0 and later, `SHOW CHARACTER SET`.
fn default_collation(charset: &str) -> String {
    match charset {
        "utf8mb4" => "utf8mb4_0900_ai_ci".to_owned(),
        "latin1" => "latin1_swedish_ci".to_owned(),
        "binary" => "binary".to_owned(),
        other => format!("{other}_general_ci"),
    }
}

/// The numbers in the parentheses behind a type.
fn numbers(cursor: &mut Cursor<'_, '_>) -> Vec<u32> {
    let all = cursor.rest();
    if !cursor.skip_parenthesized() {
        return Vec::new();
    }
    let inside = all.len() - cursor.rest().len();
    let inside = all.get(..inside).unwrap_or_default();
    inside.iter().filter_map(|token| token.text.parse().ok()).collect()
}

/// The members of an `ENUM` or a `SET`.
fn members(cursor: &mut Cursor<'_, '_>) -> Vec<String> {
    let all = cursor.rest();
    if !cursor.skip_parenthesized() {
        return Vec::new();
    }
    let inside = all.len() - cursor.rest().len();
    let texts = all.get(..inside).unwrap_or_default().iter();
    texts
        .filter(|token| matches!(token.kind, Kind::Text | Kind::DoubleQuoted))
        .filter_map(Token::inner)
        .map(|text| text.replace("\\'", "''").replace("\\\\", "\\"))
        .collect()
}

/// A type before its attributes are read.
struct Named {
    column_type: ColumnType,
    declaration: String,
    /// Whether the column's charset says what its bytes are.
    is_text: bool,
}

/// Reads a column's definition behind its name.
///
/// # Errors
///
/// What is wrong with it.
pub(super) fn read_column(
    name: &str,
    mut cursor: Cursor<'_, '_>,
    defaults: &Defaults,
) -> Result<ReadColumn, &'static str> {
    let is_serial = cursor.peek().is_some_and(|token| token.is("SERIAL"));
    let named = read_type(&mut cursor)?;
    let Named { mut column_type, mut declaration, is_text } = named;
    let (mut charset, mut collation) = (None, None);
    let mut nullable = !is_serial;
    let mut has_value = is_serial;
    let (mut is_primary, mut is_unique) = (false, is_serial);
    let mut generation = Generation::None;
    let mut is_generated = false;
    let mut key_words = Vec::new();
    while let Some(token) = cursor.peek() {
        let words = cursor.rest();
        if cursor.take("UNSIGNED") {
            declaration.push_str(" unsigned");
            if let ColumnType::Int { unsigned, .. } = &mut column_type {
                *unsigned = true;
            }
        } else if cursor.take("ZEROFILL") {
            declaration.push_str(" zerofill");
        } else if cursor.take_all(&["CHARACTER", "SET"]) || cursor.take("CHARSET") {
            charset = word(&mut cursor);
        } else if cursor.take("COLLATE") {
            collation = word(&mut cursor);
        } else if cursor.take_all(&["NOT", "NULL"]) {
            nullable = false;
        } else if cursor.take_any(&["DEFAULT", "AUTO_INCREMENT"]) {
            has_value = true;
            let is_null = token.is("DEFAULT") && cursor.peek().is_some_and(|it| it.is("NULL"));
            if is_null {
                cursor.next();
            }
        } else if cursor.take_all(&["PRIMARY", "KEY"]) || cursor.take("KEY") {
            (is_primary, nullable) = (true, false);
            key_words.push(taken(words, &cursor));
        } else if cursor.take("UNIQUE") {
            cursor.take("KEY");
            is_unique = true;
            key_words.push(taken(words, &cursor));
        } else if cursor.take("AS") {
            cursor.skip_parenthesized();
            (is_generated, generation) = (true, Generation::Virtual);
        } else if is_generated && cursor.take("STORED") {
            generation = Generation::Stored;
        } else if cursor.take("COMMENT") || !cursor.skip_parenthesized() {
            cursor.next();
        }
    }
    if is_text {
        let text = Defaults::new(charset, collation, Some(defaults));
        column_type = match text.charset.as_str() {
            "binary" => ColumnType::Binary,
            _ => ColumnType::Text { charset: text.charset, collation: text.collation },
        };
    }
    let needs_value = !nullable && !has_value && generation == Generation::None;
    let column = Column { name: name.to_owned(), column_type, declaration, nullable, generation };
    Ok(ReadColumn { column, needs_value, is_primary, is_unique, key_words })
}

/// Where the words are that the cursor has taken of `words`.
fn taken(words: &[Token<'_>], cursor: &Cursor<'_, '_>) -> Range<usize> {
    let count = words.len() - cursor.rest().len();
    let taken = words.get(..count).unwrap_or_default();
    let start = taken.first().map_or(0, |first| first.start);
    start..taken.last().map_or(start, Token::end)
}

fn read_type(cursor: &mut Cursor<'_, '_>) -> Result<Named, &'static str> {
    let token = cursor.next().ok_or("it has no type")?;
    let word = token.text.to_ascii_lowercase();
    if word == "double" {
        cursor.take("PRECISION");
    } else if word == "character" || word == "char" {
        if cursor.take("VARYING") {
            return sized(cursor, "varchar");
        }
        return sized(cursor, "char");
    }
    if let Some(int) = int(&word, cursor) {
        return Ok(int);
    }
    Ok(match word.as_str() {
        "decimal" | "numeric" | "dec" | "fixed" => decimal(&numbers(cursor))?,
        "float" | "double" | "real" => float(&word, &numbers(cursor)),
        "bit" => {
            let bits = small(&numbers(cursor), 0, 1);
            plain(ColumnType::Bit { bits }, format!("bit({bits})"))
        }
        "year" => {
            numbers(cursor);
            plain(ColumnType::Year, word)
        }
        "date" => plain(ColumnType::Date, word),
        "time" | "datetime" | "timestamp" => temporal(&word, small(&numbers(cursor), 0, 0)),
        "varchar" | "nvarchar" | "nchar" => return sized(cursor, word.trim_start_matches('n')),
        "tinytext" | "text" | "mediumtext" | "longtext" => {
            numbers(cursor);
            Named { column_type: ColumnType::Binary, declaration: word, is_text: true }
        }
        "binary" => {
            let length = small(&numbers(cursor), 0, 1);
            plain(ColumnType::FixedBinary { length }, format!("binary({length})"))
        }
        "varbinary" => {
            let length = numbers(cursor).first().copied().ok_or("its type has no length")?;
            plain(ColumnType::Binary, format!("varbinary({length})"))
        }
        "tinyblob" | "blob" | "mediumblob" | "longblob" => {
            numbers(cursor);
            plain(ColumnType::Binary, word)
        }
        "enum" | "set" => labelled(&word, &members(cursor))?,
        "json" => plain(ColumnType::Json, word),
        "geometry" | "point" | "linestring" | "polygon" | "multipoint" | "multilinestring"
        | "multipolygon" | "geomcollection" | "geometrycollection" => {
            plain(ColumnType::Geometry, word)
        }
        "vector" => {
            let length = numbers(cursor).first().copied().unwrap_or(2048);
            plain(ColumnType::Vector, format!("vector({length})"))
        }
        _ => return Err("its type is not known"),
    })
}

/// An integer type, if `word` names one.
fn int(word: &str, cursor: &mut Cursor<'_, '_>) -> Option<Named> {
    let (width, declaration) = match word {
        "tinyint" => {
            let is_one = numbers(cursor) == [1];
            (IntWidth::Tiny, if is_one { "tinyint(1)" } else { "tinyint" })
        }
        "bool" | "boolean" => (IntWidth::Tiny, "tinyint(1)"),
        "smallint" => (IntWidth::Small, "smallint"),
        "mediumint" => (IntWidth::Medium, "mediumint"),
        "int" | "integer" => (IntWidth::Int, "int"),
        "bigint" => (IntWidth::Big, "bigint"),
        "serial" => (IntWidth::Big, "bigint unsigned"),
        _ => return None,
    };
    // A display width is no part of the type.
    cursor.skip_parenthesized();
    let column_type = ColumnType::Int { width, unsigned: word == "serial" };
    Some(plain(column_type, declaration.to_owned()))
}

fn plain(column_type: ColumnType, declaration: String) -> Named {
    Named { column_type, declaration, is_text: false }
}

fn sized(cursor: &mut Cursor<'_, '_>, name: &str) -> Result<Named, &'static str> {
    let length = match (numbers(cursor).first(), name) {
        (Some(length), _) => *length,
        (None, "char") => 1,
        (None, _) => return Err("its type has no length"),
    };
    let declaration = format!("{name}({length})");
    Ok(Named { column_type: ColumnType::Binary, declaration, is_text: true })
}

/// The number at a place in a type's parentheses, which is never large.
fn small(numbers: &[u32], place: usize, default: u8) -> u8 {
    numbers.get(place).map_or(default, |number| u8::try_from(*number).unwrap_or(u8::MAX))
}

fn decimal(numbers: &[u32]) -> Result<Named, &'static str> {
    let (precision, scale) = (small(numbers, 0, 10), small(numbers, 1, 0));
    if precision > 65 || scale > 30 || scale > precision {
        return Err("a DECIMAL has at most 65 digits, 30 of them behind the point");
    }
    let declaration = format!("decimal({precision},{scale})");
    Ok(plain(ColumnType::Decimal { precision, scale }, declaration))
}

fn float(word: &str, numbers: &[u32]) -> Named {
    // FLOAT(p) is a DOUBLE from 25 binary digits on.
    let is_float = word == "float" && !matches!(numbers, [bits] if *bits > 24);
    if is_float {
        plain(ColumnType::Float, "float".to_owned())
    } else {
        plain(ColumnType::Double, "double".to_owned())
    }
}

fn temporal(word: &str, fsp: u8) -> Named {
    let declaration = if fsp == 0 { word.to_owned() } else { format!("{word}({fsp})") };
    let column_type = match word {
        "time" => ColumnType::Time { fsp },
        "datetime" => ColumnType::Datetime { fsp },
        _ => ColumnType::Timestamp { fsp },
    };
    plain(column_type, declaration)
}

fn labelled(word: &str, labels: &[String]) -> Result<Named, &'static str> {
    if labels.is_empty() {
        return Err("its type has no members");
    }
    let quoted: Vec<String> = labels.iter().map(|label| format!("'{label}'")).collect();
    let declaration = format!("{word}({})", quoted.join(","));
    let members = u8::try_from(labels.len()).unwrap_or(u8::MAX);
    let column_type = if word == "enum" { ColumnType::Enum } else { ColumnType::Set { members } };
    Ok(plain(column_type, declaration))
}
