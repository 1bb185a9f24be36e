//! What can be wrong with an expression, as a person reads it.

use std::ops::Range;

use thiserror::Error;

use crate::Type;

/// Something that a person should change in an expression, or know of it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what}")]
pub struct Problem {
    /// What it is.
    pub what: Box<What>,
    /// Where it is: bytes of the expression's text.
    pub span: Range<usize>,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum What {
    /// No text.
    #[error("the expression is empty")]
    Empty,
    /// More text, nesting or parts than anyone reviews.
    #[error("the expression has {count} {unit}, and {max} are the most")]
    TooLarge {
        /// How many there are.
        count: usize,
        /// How many there may be.
        max: usize,
        /// Of what.
        unit: &'static str,
    },
    /// Text that is no expression.
    #[error("{reason}")]
    Syntax {
        /// What the parser found.
        reason: String,
    },
    /// Part of the scripting language that an expression does not have.
    #[error("{what} has no place in an expression")]
    Forbidden {
        /// What it is, with its article.
        what: &'static str,
        /// What to write instead, if there is something.
        instead: &'static str,
    },
    /// A word or sign of SQL that is written in another way here.
    #[error("`{word}` is SQL")]
    Sql {
        /// The word or sign.
        word: String,
        /// What to write instead.
        instead: &'static str,
    },
    /// A column's name that is a word of the language.
    #[error("`{name}` is a reserved word")]
    Reserved {
        /// The word.
        name: String,
    },
    /// Text between single quotes.
    #[error("text stands in double quotes")]
    SingleQuotes,
    /// A name that no column has.
    #[error("no column of `{table}` is named `{name}`")]
    UnknownColumn {
        /// The table.
        table: String,
        /// The name.
        name: String,
        /// The column that it may have been meant to be.
        nearest: Option<String>,
        /// All that the table has.
        known: Vec<String>,
    },
    /// A column whose values the server computes.
    #[error("`{name}` is computed by the server and not carried")]
    GeneratedColumn {
        /// The column.
        name: String,
    },
    /// A name that no function has.
    #[error("no function is named `{name}`")]
    UnknownFunction {
        /// The name.
        name: String,
        /// The function that it may have been meant to be.
        nearest: Option<String>,
    },
    /// A function whose result is not the same each time.
    #[error("`{name}` has not the same result each time")]
    NotDeterministic {
        /// The function.
        name: String,
    },
    /// A function that counts over rows.
    #[error("`{name}` counts over several rows, and an expression sees one")]
    Aggregate {
        /// The function.
        name: String,
    },
    /// Too few or too many arguments.
    #[error("`{name}` takes {takes}, not {count}")]
    ArgumentCount {
        /// The function.
        name: &'static str,
        /// How many it takes, with the noun.
        takes: String,
        /// How many there are.
        count: usize,
        /// How it is written.
        usage: &'static str,
    },
    /// An operand or argument of a type that does not fit.
    #[error("{role} is {found}, and {wanted} is wanted")]
    WrongType {
        /// What it is to whom.
        role: String,
        /// What it is.
        found: Type,
        /// What it should be.
        wanted: String,
        /// How to get there.
        remedy: String,
    },
    /// Two values that do not compare, or do not fit into one column.
    #[error("{left} and {right} have no type in common")]
    NoCommonType {
        /// One.
        left: Type,
        /// The other.
        right: Type,
        /// How to get there.
        remedy: String,
    },
    /// A column that can only be copied as it is.
    #[error("`{name}` is of the type {declaration}, which can only be copied")]
    CopyOnly {
        /// The column.
        name: String,
        /// Its type.
        declaration: String,
        /// Why.
        reason: String,
    },
    /// An argument that must be known beforehand.
    #[error("{role} must be written out")]
    NotLiteral {
        /// What it is to whom.
        role: String,
    },
    /// A written value that is none of its kind.
    #[error("{reason}")]
    Literal {
        /// What is wrong with it.
        reason: String,
        /// What is right.
        help: String,
    },
    /// A result that no row can have.
    #[error("this fails for every row: {reason}")]
    AlwaysFails {
        /// Why.
        reason: String,
    },
    /// An exact result that has more digits than a `DECIMAL`.
    #[error("the result has {scale} digits after the point, and 30 are the most")]
    TooManyDigits {
        /// Digits after the point.
        scale: u16,
    },
    /// A comparison that no row passes.
    #[error("no row passes this filter: {reason}")]
    AlwaysFalse {
        /// Why.
        reason: String,
    },
    /// A filter that is no condition.
    #[error("a filter is a condition, and this is {found}")]
    NoCondition {
        /// What it is.
        found: Type,
    },
    /// A value that may be `NULL` for a column that takes none.
    #[error("the value may be NULL, and `{column}` is NOT NULL")]
    NullIntoNotNull {
        /// The target's column.
        column: String,
        /// A value that could stand for `NULL`, as it is written.
        stand_in: &'static str,
    },
    /// A value that a column may not have room for.
    #[error("the value is {found}, and `{column}` {declaration} does not take all of that")]
    DoesNotFit {
        /// The target's column.
        column: String,
        /// Its type.
        declaration: String,
        /// What the value is.
        found: Type,
        /// How to get there.
        remedy: String,
    },
    /// A column whose collation takes more texts for equal than an expression does.
    #[error("`{column}` compares by {collation} in the server, and here character by character")]
    Collation {
        /// The column.
        column: String,
        /// Its collation.
        collation: String,
    },
}

impl Problem {
    /// A problem of the text at `span`.
    pub(crate) fn new(what: What, span: &Range<usize>) -> Self {
        Self { what: Box::new(what), span: span.clone() }
    }

    /// What a person looks a problem up by, and a program tells it by.
    #[must_use]
    pub fn id(&self) -> &'static str {
        self.what.id()
    }

    /// What to do.
    #[must_use]
    pub fn help(&self) -> String {
        self.what.help()
    }
}

/// As many names as are told of a table's columns.
const NAMES_MAX: usize = 12;

fn listed(names: &[String]) -> String {
    let mut told: Vec<String> =
        names.iter().take(NAMES_MAX).map(|name| format!("`{name}`")).collect();
    if names.len() > NAMES_MAX {
        told.push(format!("and {} more", names.len() - NAMES_MAX));
    }
    told.join(", ")
}

impl What {
    fn id(&self) -> &'static str {
        match self {
            Self::Empty | Self::Syntax { .. } => "expression.syntax",
            Self::TooLarge { .. } => "expression.too-large",
            Self::Forbidden { .. } => "expression.forbidden",
            Self::Sql { .. } => "expression.sql",
            Self::Reserved { .. } => "expression.reserved",
            Self::SingleQuotes => "expression.quotes",
            Self::UnknownColumn { .. } => "expression.unknown-column",
            Self::GeneratedColumn { .. } => "expression.generated-column",
            Self::UnknownFunction { .. } => "expression.unknown-function",
            Self::NotDeterministic { .. } => "expression.not-deterministic",
            Self::Aggregate { .. } => "expression.aggregate",
            Self::ArgumentCount { .. } => "expression.arguments",
            Self::WrongType { .. } | Self::NoCommonType { .. } => "expression.type",
            Self::CopyOnly { .. } => "expression.copy-only",
            Self::NotLiteral { .. } | Self::Literal { .. } => "expression.literal",
            Self::AlwaysFails { .. } => "expression.always-fails",
            Self::TooManyDigits { .. } => "expression.digits",
            Self::AlwaysFalse { .. } => "expression.always-false",
            Self::NoCondition { .. } => "expression.no-condition",
            Self::NullIntoNotNull { .. } => "expression.null",
            Self::DoesNotFit { .. } => "expression.does-not-fit",
            Self::Collation { .. } => "expression.collation",
        }
    }

    fn help(&self) -> String {
        let meant = |nearest: &Option<String>| {
            nearest.as_ref().map(|nearest| format!("did you mean `{nearest}`?"))
        };
        let text = |text: &str| text.to_owned();
        match self {
            Self::Empty => text("write the value, such as a column's name"),
            Self::TooLarge { .. } => text("split it: compute a part in a column of its own"),
            Self::Syntax { .. } => {
                text("mend it there; plans/functions.md shows how expressions are written")
            }
            Self::Forbidden { instead, .. } | Self::Sql { instead, .. } => text(instead),
            Self::Reserved { name } => format!("a column of that name is `col(\"{name}\")`"),
            Self::SingleQuotes => text("write \"text\" instead of 'text'"),
            Self::UnknownColumn { nearest, known, .. } => {
                meant(nearest).unwrap_or_else(|| format!("its columns are {}", listed(known)))
            }
            Self::GeneratedColumn { .. } => text("write the expression that it is generated by"),
            Self::UnknownFunction { nearest, .. } => {
                meant(nearest).unwrap_or_else(|| text("plans/functions.md has all functions"))
            }
            Self::NotDeterministic { .. } => text(
                "a row is computed again when it is copied, followed and verified: take the value \
                 from a column",
            ),
            Self::Aggregate { .. } => text("give it under `aggregates`, beside `group_by`"),
            Self::ArgumentCount { usage, .. } => format!("write `{usage}`"),
            Self::WrongType { remedy, wanted, .. } if remedy.is_empty() => {
                format!("make it {wanted}: plans/functions.md has the functions that do")
            }
            Self::WrongType { remedy, .. }
            | Self::NoCommonType { remedy, .. }
            | Self::DoesNotFit { remedy, .. } => text(remedy),
            Self::CopyOnly { reason, name, .. } => {
                format!("{reason}: write `{name}` alone, without anything around it")
            }
            Self::NotLiteral { .. } => {
                text("it is prepared once, before any row is read: no column can stand in it")
            }
            Self::Literal { help, .. } => text(help),
            Self::AlwaysFails { .. } => {
                text("change it, or leave the column out: no row would have a value here")
            }
            Self::TooManyDigits { .. } => text("round a part first: `round(x, 2)`"),
            Self::AlwaysFalse { .. } => text("change the filter, or leave the table out"),
            Self::NoCondition { .. } => text("compare it with something, such as `x != 0`"),
            Self::NullIntoNotNull { stand_in, .. } => format!(
                "say what stands for NULL: `x ?? {stand_in}`; or, where `where` leaves such rows out, \
                 write `must_fit(…)` around it: a row with NULL then fails, by the column's `on_error`"
            ),
            Self::Collation { column, .. } => {
                format!("write `lower({column}) == \"…\"` if case should not matter")
            }
        }
    }
}
