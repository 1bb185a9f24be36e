//! The definition of a target that is made after its source's.

use whimbrel_expression::{Expression, Type, assign, nearest};
use whimbrel_model::{Column, ColumnType, Generation, IntWidth, Table};

use super::{Binder, Origin, columns::Planned, same_name};
use crate::{
    definition::{Piece, PieceKind, quoted},
    problem::MaterializeProblem,
    spec::OnError,
};

/// The longest `VARCHAR` that a computed text gets; longer ones are `TEXT`. Four of them fit into a
/// row, which has 65,535 bytes for all columns that are no `TEXT` or `BLOB`.
const VARCHAR_CHARACTERS_MAX: u32 = 4_095;

/// A `MEDIUMTEXT` has 16 MiB, which hold so many characters at the least.
const MEDIUMTEXT_CHARACTERS: u32 = 1 << 22;

/// The most bytes of a computed `VARBINARY`; longer ones are `BLOB`.
const VARBINARY_BYTES_MAX: u32 = 16_383;

/// The collation of computed text where no column gives one: the server's own default.
const COLLATION: &str = "utf8mb4_0900_ai_ci";

/// A column of a new table.
pub(super) struct NewColumn {
    pub(super) column: Column,
    pub(super) text: String,
}

impl Binder<'_> {
    /// The table that is made after the first source's, with the statement that makes it.
    pub(super) fn copied(
        &mut self,
        sources: &[Origin<'_>],
        planned: &[Planned<'_>],
    ) -> Option<(Table, String)> {
        let first = sources.first()?;
        let key = self.key_columns(first.table, planned)?;
        let mut columns = Vec::with_capacity(planned.len());
        for value in planned {
            columns.push(self.column(sources, value, key.first().map(String::as_str))?);
        }
        let before = self.errors();
        for (place, name) in key.iter().enumerate() {
            let column = columns.iter().find(|new| same_name(&new.column.name, name));
            if let Some(new) = column.filter(|new| new.column.nullable) {
                let is_text = matches!(new.column.column_type, ColumnType::Text { .. });
                let stand_in = if is_text { "\"\"" } else { "0" };
                let given = self.target.key.as_ref().and_then(|key| key.get(place));
                let at = given.map_or(self.target.name.at, |named| named.at);
                self.report(MaterializeProblem::KeyNullable { name: name.clone(), stand_in }, at);
            }
        }
        if self.errors() > before {
            return None;
        }
        let kept = |piece: &&Piece| is_kept(piece, planned, sources);
        let indexes: Vec<&Piece> = first.definition.pieces.iter().filter(kept).collect();
        let has_other_unique_key = indexes.iter().any(|piece| piece.kind == PieceKind::UniqueKey);
        self.warn_of_left_out(sources, planned, &indexes);
        show_one(&mut columns);
        let quoted_key: Vec<String> = key.iter().map(|name| quoted(name)).collect();
        let pieces: Vec<String> = columns
            .iter()
            .map(|new| format!("  {}", new.text))
            .chain([format!("  PRIMARY KEY ({})", quoted_key.join(","))])
            .chain(indexes.iter().map(|piece| format!("  {}", piece.text)))
            .collect();
        let name = self.name();
        let statement = format!(
            "CREATE TABLE {} (\n{}\n) {}",
            quoted(&name),
            pieces.join(",\n"),
            plain_options(&first.definition.options)
        );
        let columns = columns.into_iter().map(|new| new.column).collect();
        let key: Vec<&str> = key.iter().map(String::as_str).collect();
        let table =
            Table::new((self.database, &name), columns, ("PRIMARY", &key), has_other_unique_key);
        Some((table.ok()?, statement.trim_end().to_owned()))
    }

    /// The key's columns: those that the plan names, otherwise the copies of the source's key.
    fn key_columns(&mut self, first: &Table, planned: &[Planned<'_>]) -> Option<Vec<String>> {
        let target = self.name();
        if let Some(key) = &self.target.key {
            let mut names = Vec::new();
            for named in key {
                let found = planned.iter().find(|value| same_name(&value.name, &named.name));
                if let Some(found) = found {
                    names.push(found.name.clone());
                    continue;
                }
                let all = planned.iter().map(|value| value.name.as_str());
                let nearest = nearest(&named.name, all);
                let (target, name) = (target.clone(), named.name.clone());
                self.report(MaterializeProblem::KeyUnknown { target, name, nearest }, named.at);
                return None;
            }
            return Some(names);
        }
        let mut names = Vec::new();
        let mut missing = Vec::new();
        for wanted in first.key_columns() {
            let is_copy = |value: &&Planned<'_>| {
                value.copied(0, first).is_some_and(|copied| copied.name == wanted.name)
            };
            match planned.iter().find(is_copy) {
                Some(value) => names.push(value.name.clone()),
                None => missing.push(wanted.name.clone()),
            }
        }
        if missing.is_empty() {
            return Some(names);
        }
        let except = self.target.except.as_deref().unwrap_or_default();
        let is_excepted =
            missing.iter().all(|name| except.iter().any(|named| same_name(name, &named.name)));
        let table = first.name().to_owned();
        let problem = MaterializeProblem::KeyNotUnique { table, target, missing, is_excepted };
        self.report(problem, self.target.name.at);
        None
    }

    /// A column for the values of all sources.
    pub(super) fn column(
        &mut self,
        sources: &[Origin<'_>],
        value: &Planned<'_>,
        first_key: Option<&str>,
    ) -> Option<NewColumn> {
        let first = sources.first()?;
        let Some(mut new) = column_of(first, value, first_key) else {
            let problem = MaterializeProblem::NoType { column: value.name.clone() };
            self.report(problem, value.at);
            return None;
        };
        if value.copied(0, first.table).is_none() {
            new = widest_column(sources, value, new);
        }
        self.agreed(sources, value, new)
    }

    /// A column for values of an expression, whatever column of its name the sources have.
    pub(super) fn computed_column(
        &mut self,
        sources: &[Origin<'_>],
        value: &Planned<'_>,
    ) -> Option<NewColumn> {
        let first = sources.first()?;
        let expression = value.expressions.first()?;
        let named = (value.name.as_str(), expression.result().nullable);
        let Some(new) = derived_column(named, expression, first.table) else {
            let problem = MaterializeProblem::NoType { column: value.name.clone() };
            self.report(problem, value.at);
            return None;
        };
        let new = widest_column(sources, value, new);
        self.agreed(sources, value, new)
    }

    /// The column, if every source's values are of its type.
    pub(super) fn agreed(
        &mut self,
        sources: &[Origin<'_>],
        value: &Planned<'_>,
        new: NewColumn,
    ) -> Option<NewColumn> {
        let first = sources.first()?;
        for (source, expression) in sources.iter().zip(&value.expressions).skip(1) {
            if assign(expression, &new.column).is_err() {
                let problem = MaterializeProblem::TypesDiffer {
                    column: value.name.clone(),
                    first: first.table.name().to_owned(),
                    other: source.table.name().to_owned(),
                };
                self.report(problem, value.at);
                return None;
            }
        }
        Some(new)
    }
}

/// A column for the values of all sources, if one of theirs is: what one never leaves open, another may,
/// and one's text may be longer. Otherwise the first's.
fn widest_column(sources: &[Origin<'_>], value: &Planned<'_>, first: NewColumn) -> NewColumn {
    let is_nullable = value.expressions.iter().any(|other| may_be_null(value, other));
    let fits = |new: &NewColumn| {
        value.expressions.iter().all(|expression| assign(expression, &new.column).is_ok())
    };
    if fits(&first) {
        return first;
    }
    let mut others = sources.iter().zip(&value.expressions).filter_map(|(source, expression)| {
        derived_column((&value.name, is_nullable), expression, source.table)
    });
    others.find(fits).unwrap_or(first)
}

/// Whether a made column takes `NULL`: also one whose failures are to be.
fn may_be_null(value: &Planned<'_>, expression: &Expression) -> bool {
    expression.result().nullable || value.on_error == OnError::Null
}

/// A column for the values of the first source; `None` if none can be told.
pub(super) fn column_of(
    first: &Origin<'_>,
    value: &Planned<'_>,
    first_key: Option<&str>,
) -> Option<NewColumn> {
    kept_column(first, value, first_key).or_else(|| {
        let expression = value.expressions.first()?;
        derived_column((&value.name, may_be_null(value, expression)), expression, first.table)
    })
}

/// The source's own definition of a column, under its new name: of one that is a bare copy, or that
/// replaces the source's column of its name and fits into it.
fn kept_column(
    first: &Origin<'_>,
    value: &Planned<'_>,
    first_key: Option<&str>,
) -> Option<NewColumn> {
    let table = first.table;
    let copied = value.copied(0, table);
    let replaced = || {
        let column = table.carried_columns().find(|column| same_name(&column.name, &value.name))?;
        let takes_failures = column.nullable || value.on_error != OnError::Null;
        (takes_failures && assign(value.expressions.first()?, column).is_ok()).then_some(column)
    };
    let column = copied.or_else(replaced)?;
    let piece = first.definition.column(&column.name)?;
    let rest = piece.text.strip_prefix(&quoted(&column.name))?;
    let is_first_key = first_key.is_some_and(|key| same_name(key, &value.name));
    let rest = if is_first_key { rest.to_owned() } else { without_auto_increment(rest) };
    let text = format!("{}{rest}", quoted(&value.name));
    let column =
        Column { name: value.name.clone(), generation: Generation::None, ..column.clone() };
    let is_generated = table
        .carried_columns()
        .any(|own| own.name == piece.name && own.generation != Generation::None);
    (!is_generated).then_some(NewColumn { column, text })
}

/// Makes all columns visible where none is: a table has one that is at the least.
fn show_one(columns: &mut [NewColumn]) {
    const MARK: &str = " /*!80023 INVISIBLE */";
    if columns.iter().all(|new| new.text.contains(MARK)) {
        for new in columns {
            new.text = new.text.replacen(MARK, "", 1);
        }
    }
}

fn without_auto_increment(text: &str) -> String {
    const WORD: &str = " AUTO_INCREMENT";
    match text.find(WORD) {
        // Not in a comment.
        Some(at) if !text.get(..at).unwrap_or_default().contains('\'') => {
            text.replacen(WORD, "", 1)
        }
        Some(_) | None => text.to_owned(),
    }
}

/// An index of the first source whose columns are all in the target as they are in the source. Unique
/// values of two sources need not be unique together.
fn is_kept(piece: &Piece, planned: &[Planned<'_>], sources: &[Origin<'_>]) -> bool {
    let Some(first) = sources.first() else { return false };
    let is_copy = |name: &String| {
        planned.iter().any(|value| {
            value.name == *name
                && value.copied(0, first.table).is_some_and(|copied| copied.name == *name)
        })
    };
    let is_index = match piece.kind {
        PieceKind::Index => true,
        PieceKind::UniqueKey => sources.len() == 1,
        PieceKind::Column | PieceKind::PrimaryKey | PieceKind::Constraint => false,
    };
    is_index && !piece.columns.is_empty() && piece.columns.iter().all(is_copy)
}

/// Options without partitions, whose columns the target may not have, and without the next number.
pub(super) fn plain_options(options: &str) -> String {
    let plain = options.split("/*!").next().unwrap_or_default();
    let words: Vec<&str> = plain.split(' ').collect();
    let is_kept = |word: &&&str| !word.starts_with("AUTO_INCREMENT=");
    words.iter().filter(is_kept).copied().collect::<Vec<_>>().join(" ").trim().to_owned()
}

/// A column for the values of an expression; `None` for one that is always `NULL`, or that can only be
/// copied into a table that is there.
fn derived_column(
    (name, nullable): (&str, bool),
    expression: &Expression,
    table: &Table,
) -> Option<NewColumn> {
    let typed = expression.result();
    let int = |width, unsigned| ColumnType::Int { width, unsigned };
    let (column_type, declaration) = match &typed.kind {
        Type::Null | Type::CopyOnly => return None,
        Type::Bool => (int(IntWidth::Tiny, false), "tinyint(1)".to_owned()),
        Type::Int { min, max, .. } => {
            let fits_int = *min >= i128::from(i32::MIN) && *max <= i128::from(i32::MAX);
            match (fits_int, *max > i128::from(i64::MAX)) {
                (true, _) => (int(IntWidth::Int, false), "int".to_owned()),
                (false, false) => (int(IntWidth::Big, false), "bigint".to_owned()),
                (false, true) => (int(IntWidth::Big, true), "bigint unsigned".to_owned()),
            }
        }
        Type::Decimal { precision, scale } => (
            ColumnType::Decimal { precision: *precision, scale: *scale },
            format!("decimal({precision},{scale})"),
        ),
        Type::Double => (ColumnType::Double, "double".to_owned()),
        Type::Text { characters_max } => {
            let declaration = if *characters_max <= VARCHAR_CHARACTERS_MAX {
                format!("varchar({})", (*characters_max).max(1))
            } else if *characters_max < MEDIUMTEXT_CHARACTERS {
                "mediumtext".to_owned()
            } else {
                "longtext".to_owned()
            };
            let (charset, collation) =
                ("utf8mb4".to_owned(), collation_of(name, expression, table));
            (ColumnType::Text { charset, collation }, declaration)
        }
        Type::Bytes { bytes_max } => {
            let declaration = if *bytes_max <= VARBINARY_BYTES_MAX {
                format!("varbinary({})", (*bytes_max).max(1))
            } else if *bytes_max < 1 << 24 {
                "mediumblob".to_owned()
            } else {
                "longblob".to_owned()
            };
            (ColumnType::Binary, declaration)
        }
        Type::Date => (ColumnType::Date, "date".to_owned()),
        Type::Time { fsp } => (ColumnType::Time { fsp: *fsp }, format!("time({fsp})")),
        Type::Datetime { fsp } => (ColumnType::Datetime { fsp: *fsp }, format!("datetime({fsp})")),
        Type::Json => (ColumnType::Json, "json".to_owned()),
    };
    let charset = if let ColumnType::Text { charset, collation } = &column_type {
        format!(" CHARACTER SET {charset} COLLATE {collation}")
    } else {
        String::new()
    };
    let null = if nullable { "DEFAULT NULL" } else { "NOT NULL" };
    // A TEXT column's default cannot be written, and is NULL.
    let text = format!("{} {declaration}{charset} {null}", quoted(name));
    let column = Column {
        name: name.to_owned(),
        column_type,
        declaration,
        nullable,
        generation: Generation::None,
    };
    Some(NewColumn { column, text })
}

/// The collation of the source's column of the same name, or of the only text that is read.
fn collation_of(name: &str, expression: &Expression, table: &Table) -> String {
    let columns: Vec<&Column> = table.carried_columns().collect();
    let of = |column: &&Column| {
        let ColumnType::Text { charset, collation } = &column.column_type else { return None };
        (charset == "utf8mb4").then(|| collation.clone())
    };
    let same = columns.iter().find(|column| same_name(&column.name, name)).and_then(of);
    let read: Vec<String> =
        expression.reads().iter().filter_map(|place| columns.get(*place).and_then(of)).collect();
    let only = match read.as_slice() {
        [only] => Some(only.clone()),
        _ => None,
    };
    same.or(only).unwrap_or_else(|| COLLATION.to_owned())
}
