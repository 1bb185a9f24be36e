//! Whether a visible table can show what is asked for, and whether that can be kept exactly.

use thiserror::Error;
use whimbrel_model::{Column, ColumnType, Generation, IntWidth};
use whimbrel_mysql::{catalog::IndexDescription, ddl::quoted};

use super::{Address, Aggregate, Shape, column_of};

/// The most digits that a summed value may have: the server cuts a larger sum to 65 digits without a
/// word, and a statement sums a few thousand rows.
pub(super) const SUMMED_DIGITS_MAX: u8 = 61;

/// The most digits behind the point that a `DECIMAL` has.
const SCALE_MAX: u8 = 30;

/// How many digits more behind the point an average has: `div_precision_increment`, as sessions
/// have it.
const AVERAGE_SCALE: u8 = 4;

/// What stands in the way of a rolled-up target.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum RollupProblem {
    /// A source's key column whose values are not told apart exactly.
    #[error("`{column}` of the source's key is not compared exactly")]
    Key {
        /// The column.
        column: String,
    },
    /// A column that the visible table does not have.
    #[error("there is no column `{column}`")]
    NoColumn {
        /// The column.
        column: String,
    },
    /// A column that nothing fills.
    #[error("`{column}` is neither of the group nor an aggregate")]
    NotFilled {
        /// The column.
        column: String,
    },
    /// A column of the group whose whole values no key can hold.
    #[error("`{column}` is `{declaration}`, whose whole values no key holds")]
    Group {
        /// The column.
        column: String,
        /// Its type.
        declaration: String,
    },
    /// The rows of the visible table are not told apart, or not found, by the group alone.
    #[error("{what}")]
    Address {
        /// What is wrong with its keys.
        what: String,
        /// The clause of an ALTER TABLE that mends it.
        alter: String,
    },
    /// A value that cannot be aggregated so, exactly.
    #[error(
        "`{column}` aggregates values of the type `{declaration}`, which cannot be {how} exactly"
    )]
    Argument {
        /// The aggregate's column.
        column: String,
        /// The argument's type.
        declaration: String,
        /// What is done with it.
        how: &'static str,
        /// What mends it.
        remedy: String,
    },
    /// A column that cannot hold each result as it is.
    #[error("`{column}` is `{declaration}`, which does not hold each result as it is")]
    Result {
        /// The aggregate's column.
        column: String,
        /// Its type.
        declaration: String,
        /// The type that does.
        wanted: String,
    },
    /// A result that may be `NULL`, for a column that may not.
    #[error("`{column}` is NOT NULL, but a group without values has no such result")]
    NotNull {
        /// The aggregate's column.
        column: String,
    },
}

impl RollupProblem {
    /// What to do about it, for the table called `table`.
    pub fn remedy(&self, table: &str) -> String {
        let alter = |clause: String| format!("`ALTER TABLE {} {clause}`", quoted(table));
        match self {
            Self::Key { .. } => "give the source's table a key of whole, exact values".to_owned(),
            Self::NoColumn { column } => {
                format!("name a column of {}, or add {}", quoted(table), quoted(column))
            }
            Self::NotFilled { column } => alter(format!("DROP COLUMN {}", quoted(column))),
            Self::Group { .. } => {
                "group by a bounded value, such as left(…, 100) or md5(…)".to_owned()
            }
            Self::Address { alter: clause, .. } => alter(clause.clone()),
            Self::Argument { remedy, .. } => remedy.clone(),
            Self::Result { column, wanted, .. } => {
                alter(format!("MODIFY {} {wanted}", quoted(column)))
            }
            Self::NotNull { column } => {
                format!("let {} be NULL, or aggregate `value ?? 0`", quoted(column))
            }
        }
    }
}

/// What is wrong with the columns.
pub(super) fn problems(shape: &Shape<'_>) -> Vec<RollupProblem> {
    let mut problems = Vec::new();
    for name in shape.groups {
        match column_of(shape.visible, name) {
            None => problems.push(RollupProblem::NoColumn { column: (*name).to_owned() }),
            Some(described) if is_keyable(&described.column) => {}
            Some(described) => problems.push(RollupProblem::Group {
                column: (*name).to_owned(),
                declaration: described.column.declaration.clone(),
            }),
        }
    }
    for (name, aggregate) in shape.aggregates {
        match column_of(shape.visible, name) {
            None => problems.push(RollupProblem::NoColumn { column: (*name).to_owned() }),
            Some(described) => {
                problems.extend(aggregate_problems(&described.column, *aggregate, shape.arguments));
            }
        }
    }
    let is_filled = |name: &str| {
        let names = shape.groups.iter().chain(shape.aggregates.iter().map(|(name, _)| name));
        names.into_iter().any(|filled| filled.eq_ignore_ascii_case(name))
    };
    let columns = shape.visible.columns.iter().map(|described| &described.column);
    let is_unfilled =
        |column: &&Column| column.generation == Generation::None && !is_filled(&column.name);
    problems.extend(
        columns
            .filter(is_unfilled)
            .map(|column| RollupProblem::NotFilled { column: column.name.clone() }),
    );
    problems
}

/// What is wrong with a column that shows an aggregate.
fn aggregate_problems(
    column: &Column,
    aggregate: Aggregate,
    arguments: &[Column],
) -> Vec<RollupProblem> {
    let argument = |place: usize| arguments.get(place);
    let (argument, how) = match aggregate {
        Aggregate::Rows | Aggregate::Count(_) => (None, ""),
        Aggregate::Sum(place) => (argument(place), "summed"),
        Aggregate::Avg(place) => (argument(place), "averaged"),
        Aggregate::Min(place) | Aggregate::Max(place) => (argument(place), "put in order"),
    };
    let mut problems = Vec::new();
    if let Some(argument) = argument {
        if let Some(remedy) = unfit(&argument.column_type, aggregate) {
            let (column, declaration) = (column.name.clone(), argument.declaration.clone());
            return vec![RollupProblem::Argument { column, declaration, how, remedy }];
        }
        if argument.nullable && !column.nullable {
            problems.push(RollupProblem::NotNull { column: column.name.clone() });
        }
    }
    if let Some(wanted) = narrower(column, aggregate, argument) {
        let (column, declaration) = (column.name.clone(), column.declaration.clone());
        problems.push(RollupProblem::Result { column, declaration, wanted });
    }
    problems
}

/// What mends an argument that cannot be aggregated so; `None` if it can.
fn unfit(argument: &ColumnType, aggregate: Aggregate) -> Option<String> {
    let is_summed = matches!(aggregate, Aggregate::Sum(_) | Aggregate::Avg(_));
    if is_summed {
        return match *argument {
            ColumnType::Int { .. } => None,
            ColumnType::Decimal { precision: ..=SUMMED_DIGITS_MAX, .. } => None,
            ColumnType::Decimal { scale, .. } => {
                Some(format!("cast it to a DECIMAL({SUMMED_DIGITS_MAX},{scale}) at most"))
            }
            ColumnType::Bit { .. }
            | ColumnType::Float
            | ColumnType::Double
            | ColumnType::Year
            | ColumnType::Date
            | ColumnType::Time { .. }
            | ColumnType::Datetime { .. }
            | ColumnType::Timestamp { .. }
            | ColumnType::Text { .. }
            | ColumnType::FixedBinary { .. }
            | ColumnType::Binary
            | ColumnType::Enum
            | ColumnType::Set { .. }
            | ColumnType::Json
            | ColumnType::Geometry
            | ColumnType::Vector => Some("cast it to a DECIMAL".to_owned()),
        };
    }
    // As numbers they have another order than as the texts that a person sees.
    if matches!(argument, ColumnType::Enum | ColumnType::Set { .. }) {
        return Some("aggregate its text".to_owned());
    }
    let has_no_order =
        matches!(argument, ColumnType::Json | ColumnType::Geometry | ColumnType::Vector);
    has_no_order.then(|| "aggregate a value of it that has an order".to_owned())
}

/// The type that a column should have to hold each result as it is; `None` if it holds it, or if the
/// server will refuse what it cannot hold.
fn narrower(column: &Column, aggregate: Aggregate, argument: Option<&Column>) -> Option<String> {
    let wanted = match (aggregate, argument.map(|argument| &argument.column_type)) {
        (Aggregate::Rows | Aggregate::Count(_), _) => 0,
        (Aggregate::Sum(_), Some(argument)) => scale(argument)?,
        (Aggregate::Avg(_), Some(argument)) => (scale(argument)? + AVERAGE_SCALE).min(SCALE_MAX),
        (_, Some(ColumnType::Decimal { scale, .. })) => *scale,
        (_, Some(ColumnType::Int { .. })) => 0,
        (_, Some(other)) => {
            let argument = argument.map_or("", |argument| argument.declaration.as_str());
            return (!is_alike(other, &column.column_type)).then(|| argument.to_owned());
        }
        (_, None) => return None,
    };
    let holds = scale(&column.column_type).is_some_and(|scale| scale >= wanted);
    let digits = if wanted > SCALE_MAX - 10 { 65 } else { 40 };
    (!holds).then(|| match wanted {
        0 => "BIGINT".to_owned(),
        _ => format!("DECIMAL({digits},{wanted})"),
    })
}

/// Whether a column of the type `to` takes every value of the type `from` as it is, or refuses it.
fn is_alike(from: &ColumnType, to: &ColumnType) -> bool {
    match (from, to) {
        (ColumnType::Text { charset: from, .. }, ColumnType::Text { charset: to, .. }) => {
            from == to || to == "utf8mb4"
        }
        (ColumnType::Time { fsp: from }, ColumnType::Time { fsp: to })
        | (
            ColumnType::Datetime { fsp: from } | ColumnType::Timestamp { fsp: from },
            ColumnType::Datetime { fsp: to },
        )
        | (ColumnType::Timestamp { fsp: from }, ColumnType::Timestamp { fsp: to }) => from <= to,
        (ColumnType::Float, ColumnType::Double) => true,
        _ => from == to,
    }
}

/// The digits behind the point of what is summed; `None` for what is not.
pub(super) fn scale(argument: &ColumnType) -> Option<u8> {
    if let ColumnType::Decimal { scale, .. } = argument {
        return Some(*scale);
    }
    matches!(argument, ColumnType::Int { .. }).then_some(0)
}

/// Whether a key can hold the column's whole values.
fn is_keyable(column: &Column) -> bool {
    let declaration = column.declaration.to_ascii_lowercase();
    let is_long = |what: &str| declaration.ends_with(what);
    let is_open =
        matches!(column.column_type, ColumnType::Json | ColumnType::Geometry | ColumnType::Vector);
    !is_open && !is_long("text") && !is_long("blob")
}

/// A source's key column as contributions have it: two keys are one row only if they are the same
/// bytes, whatever the source's collation, so that keys that are cut into several statements never meet
/// one row twice. Labels are kept as their numbers.
pub(super) fn key_column(column: &Column) -> Result<Column, RollupProblem> {
    let is_exact = !matches!(column.column_type, ColumnType::Float | ColumnType::Double);
    if !is_exact || !is_keyable(column) {
        return Err(RollupProblem::Key { column: column.name.clone() });
    }
    let mut key = column.clone();
    let number = |width| ColumnType::Int { width, unsigned: true };
    if column.column_type == ColumnType::Enum {
        key.column_type = number(IntWidth::Small);
        "smallint unsigned".clone_into(&mut key.declaration);
    } else if matches!(column.column_type, ColumnType::Set { .. } | ColumnType::Bit { .. }) {
        key.column_type = number(IntWidth::Big);
        "bigint unsigned".clone_into(&mut key.declaration);
    } else if let ColumnType::Text { charset, .. } = &column.column_type {
        let bytes = length(&column.declaration).unwrap_or(255) * bytes_of_character(charset);
        key.column_type = ColumnType::Binary;
        key.declaration = format!("varbinary({bytes})");
    }
    Ok(key)
}

/// The number in a declaration such as `varchar(40)`.
fn length(declaration: &str) -> Option<u64> {
    declaration.split_once('(')?.1.split_once(')')?.0.parse().ok()
}

/// The most bytes of one character.
fn bytes_of_character(charset: &str) -> u64 {
    match charset {
        "ascii" | "latin1" | "latin2" | "latin5" | "latin7" | "binary" => 1,
        "ucs2" | "gbk" | "sjis" | "cp932" | "big5" | "gb2312" | "euckr" => 2,
        "utf8mb3" | "ujis" | "eucjpms" => 3,
        _ => 4,
    }
}

/// How visible rows are found.
pub(super) fn address(shape: &Shape<'_>) -> Result<Address, RollupProblem> {
    let is_group = |name: &str| shape.groups.iter().any(|group| group.eq_ignore_ascii_case(name));
    let begins = |index: &IndexDescription| {
        let (parts, length) = (&index.parts, shape.groups.len());
        let is_part = |part: &whimbrel_mysql::catalog::IndexPart| {
            !part.is_prefix && part.column.as_deref().is_some_and(is_group)
        };
        length > 0 && parts.len() >= length && parts.iter().take(length).all(is_part)
    };
    let is_whole =
        |index: &IndexDescription| begins(index) && index.parts.len() == shape.groups.len();
    let names: Vec<String> = shape.groups.iter().map(|name| quoted(name)).collect();
    let indexes = &shape.visible.indexes;
    if let Some(other) = indexes.iter().find(|index| index.is_unique && !is_whole(index)) {
        return Err(RollupProblem::Address {
            what: format!("{} is unique over other columns than the group's", quoted(&other.name)),
            alter: match other.name.as_str() {
                "PRIMARY" => "DROP PRIMARY KEY".to_owned(),
                name => format!("DROP INDEX {}", quoted(name)),
            },
        });
    }
    let nullable = shape.groups.iter().filter_map(|name| column_of(shape.visible, name));
    if nullable.clone().any(|described| described.column.nullable) {
        let found = indexes.iter().find(|index| index.is_visible && begins(index));
        return found.map(|index| Address::Index(index.name.clone())).ok_or_else(|| {
            RollupProblem::Address {
                what: "no index begins with the columns of the group".to_owned(),
                alter: format!("ADD UNIQUE KEY ({})", names.join(", ")),
            }
        });
    }
    let found = indexes.iter().find(|index| index.is_unique && index.is_visible);
    found.map(|index| Address::Unique(index.name.clone())).ok_or_else(|| RollupProblem::Address {
        what: "its primary key is not the columns of the group".to_owned(),
        alter: format!("ADD PRIMARY KEY ({})", names.join(", ")),
    })
}
