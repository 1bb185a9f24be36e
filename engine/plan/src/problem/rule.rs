//! What can be wrong with the rules of `move`.

use thiserror::Error;

use crate::problem::Advice;

/// What is wrong with the rules that select tables.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RuleProblem {
    /// A list without rules, or with exclusions only.
    #[error("`move` selects nothing")]
    EmptySelection,
    /// More rules than anyone reviews.
    #[error("`move` has {count} rules, and {max} are the most")]
    TooMany {
        /// How many there are.
        count: usize,
        /// How many there may be.
        max: usize,
    },
    /// A rule that is no pattern.
    #[error("`{pattern}` is not a pattern of tables: {reason}")]
    PatternInvalid {
        /// The rule.
        pattern: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Two equal rules.
    #[error("two rules for one table: `{pattern}` is given twice")]
    PatternTwice {
        /// The rule.
        pattern: String,
    },
    /// Two rules that take each other back.
    #[error("two rules for one table: `{pattern}` takes back `{other}`")]
    PatternContradicted {
        /// The later rule.
        pattern: String,
        /// The earlier rule.
        other: String,
    },
    /// A name that a pattern covers.
    #[error("`{name}` adds nothing to `{pattern}`")]
    NameCovered {
        /// The name.
        name: String,
        /// The pattern.
        pattern: String,
    },
    /// A rule that matches no table of the source.
    #[error("`{pattern}` matches no table")]
    PatternUnmatched {
        /// The rule.
        pattern: String,
        /// The table that it may have been meant to match.
        nearest: Option<String>,
    },
    /// A rule whose tables earlier rules bring.
    #[error("`{pattern}` adds no table to those of the rules before it")]
    PatternRedundant {
        /// The rule.
        pattern: String,
    },
    /// A rule that leaves out what no rule brings in.
    #[error("`{pattern}` leaves out no table")]
    ExclusionUnmatched {
        /// The rule.
        pattern: String,
    },
    /// Rules that leave out all that they bring in.
    #[error("`move` leaves out every table that it matches")]
    NothingSelected,
}

impl RuleProblem {
    pub(super) fn advice(&self) -> Advice {
        match self {
            Self::EmptySelection => Advice::error(
                "move.empty",
                "here",
                "name the tables to move; `\"*\"` is all of them",
            ),
            Self::TooMany { .. } => Advice::error(
                "move.too-many",
                "one more than there may be",
                "name tables by patterns, such as `\"order_*\"`",
            ),
            Self::PatternInvalid { .. } => Advice::error(
                "move.pattern",
                "here",
                "write a table's name, with `*` for any text and `?` for any character, and `!` in \
                 front to leave tables out; a backslash takes a character's meaning away",
            ),
            Self::PatternTwice { .. } => {
                Advice::error("move.twice", "again here", "remove one of the two")
            }
            Self::PatternContradicted { .. } => Advice::error(
                "move.contradiction",
                "the opposite here",
                "remove one of the two: the order of rules has no meaning, an exclusion always wins",
            ),
            Self::NameCovered { pattern, .. } => Advice::warning(
                "move.covered",
                "adds nothing",
                format!("remove it, or make `{pattern}` narrower"),
            )
            .beside("matches it already"),
            Self::PatternUnmatched { nearest, .. } => Advice::error(
                "move.unmatched",
                "matches no table of the source database",
                match nearest {
                    Some(nearest) => format!("did you mean `{nearest}`?"),
                    None => "upper and lower case differ; `*` stands for any text".to_owned(),
                },
            ),
            Self::PatternRedundant { .. } => {
                Advice::warning("move.redundant", "adds nothing", "remove it")
            }
            Self::ExclusionUnmatched { .. } => Advice::warning(
                "move.unmatched-exclusion",
                "leaves nothing out",
                "remove it, or mend its name: what it was to leave out is moved",
            ),
            Self::NothingSelected => Advice::error(
                "move.nothing-selected",
                "no table is left",
                "an exclusion always wins: make the exclusions narrower",
            ),
        }
    }
}
