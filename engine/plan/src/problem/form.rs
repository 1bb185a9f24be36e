//! What can be wrong with a plan's form.

use thiserror::Error;

use crate::problem::Advice;

/// What is wrong with the form of a plan: its YAML, its keys, the types of its values.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FormProblem {
    /// Not YAML.
    #[error("this is not YAML: {reason}")]
    Syntax {
        /// The parser's words.
        reason: String,
    },
    /// YAML that plans do without.
    #[error("a plan cannot hold {what}")]
    Unsupported {
        /// Which part of YAML.
        what: &'static str,
        /// What to do instead.
        help: &'static str,
    },
    /// More problems than are told.
    #[error("there are {count} more problems")]
    More {
        /// How many.
        count: usize,
    },
    /// Nothing but blanks and comments.
    #[error("the plan is empty")]
    EmptyPlan,
    /// A key that means nothing here.
    #[error("unknown key `{key}`")]
    UnknownKey {
        /// The key.
        key: String,
        /// What it may have been meant to be.
        nearest: Option<String>,
        /// All keys that mean something here.
        known: Vec<String>,
    },
    /// A key for the second time.
    #[error("the key `{key}` is given twice")]
    DuplicateKey {
        /// The key.
        key: String,
    },
    /// A key that must be there and is not.
    #[error("the key `{key}` is missing")]
    MissingKey {
        /// The key, with the keys that lead to it.
        key: String,
        /// What it is.
        description: String,
    },
    /// A mapping that must have one of some keys, and has none.
    #[error("the key {} is missing", list_or(keys))]
    MissingChoice {
        /// The keys to choose from, with the keys that lead to them.
        keys: Vec<String>,
    },
    /// A mapping that must have one of some keys, and has two.
    #[error("`{first}` and `{second}` cannot both be given")]
    TwoChoices {
        /// The key that stands first.
        first: String,
        /// The other.
        second: String,
    },
    /// A value of another type.
    #[error("{key} must be {expected}, not {found}")]
    WrongType {
        /// The key in backquotes, with the keys that lead to it.
        key: String,
        /// What it must be.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// A key without a value.
    #[error("{key} has no value")]
    NoValue {
        /// The key in backquotes, with the keys that lead to it.
        key: String,
    },
    /// A word that is none of those to choose from.
    #[error("`{key}` cannot be `{value}`")]
    UnknownValue {
        /// The key, with the keys that lead to it.
        key: String,
        /// The word.
        value: String,
        /// What it may have been meant to be.
        nearest: Option<String>,
        /// The words to choose from.
        known: Vec<String>,
    },
    /// A text that ends at a comma, and was not meant to.
    #[error("the text of `{key}` is cut: between braces, YAML ends a text at a comma")]
    CutText {
        /// The key.
        key: String,
        /// The text as it was meant.
        text: String,
    },
    /// A version of the plan language that this program does not know.
    #[error("version {version} of the plan language is not known")]
    Version {
        /// The version.
        version: String,
    },
}

impl FormProblem {
    pub(super) fn advice(&self) -> Advice {
        match self {
            Self::Syntax { .. } => Advice::error(
                "plan.syntax",
                "here",
                "the keys of one mapping begin in one column, indented by spaces and never by \
                 tabs; a text with `: ` or ` #` in it, or with brackets between braces, stands in \
                 quotes",
            ),
            Self::Unsupported { help, .. } => Advice::error("plan.unsupported-yaml", "here", *help),
            Self::More { .. } => {
                Advice::error("plan.more", "the last that is told", "mend those above first")
            }
            Self::EmptyPlan => Advice::error(
                "plan.empty",
                "nothing but blanks and comments",
                "a plan begins with `version: 1`; `whimbrel schema` prints all that it can hold",
            ),
            Self::UnknownKey { key, nearest, known } => {
                let help = key_help(key, nearest.as_deref(), known);
                Advice::error("plan.unknown-key", "not known here", help)
            }
            Self::DuplicateKey { .. } => {
                Advice::error("plan.duplicate-key", "again here", "remove one of the two")
            }
            Self::MissingKey { key, description } => {
                let name = key.rsplit('.').next().unwrap_or(key);
                Advice::error(
                    "plan.missing-key",
                    "in here",
                    format!("add the key `{name}`: {description}"),
                )
            }
            Self::MissingChoice { .. } => {
                Advice::error("plan.missing-key", "in here", "add one of these keys")
            }
            Self::TwoChoices { .. } => {
                Advice::error("plan.one-of", "another one here", "remove one of the two")
            }
            Self::WrongType { expected, found, .. } => {
                Advice::error("plan.wrong-type", "here", type_help(expected, found))
            }
            Self::NoValue { key } if key.ends_with("on_error`") => Advice::error(
                "plan.no-value",
                "here",
                "write it in quotes, `on_error: \"null\"`: without them it is no value",
            ),
            Self::NoValue { .. } => {
                Advice::error("plan.no-value", "here", "give it a value, or remove the key")
            }
            Self::UnknownValue { nearest: Some(nearest), .. } => Advice::error(
                "plan.unknown-value",
                "not known",
                format!("did you mean `{nearest}`?"),
            ),
            Self::UnknownValue { known, .. } => Advice::error(
                "plan.unknown-value",
                "not known",
                format!("choose one of {}", list(known)),
            ),
            Self::CutText { key, text } => {
                Advice::error("plan.cut-text", "one text", in_quotes(key, text))
            }
            Self::Version { .. } => Advice::error(
                "plan.version",
                "here",
                "this program knows version 1; a newer plan needs a newer program",
            ),
        }
    }
}

fn type_help(expected: &str, found: &str) -> &'static str {
    match (expected, found) {
        ("a list", _) => "write one item a line, each behind a dash: `- item`",
        ("text", "a list" | "a mapping") => "write one text",
        ("text", _) => "put it in quotes to make it text",
        ("a whole number", "a number in an odd notation") => {
            "write decimal digits only, without zeros in front"
        }
        ("a whole number", _) => "write digits only, without quotes",
        ("true or false", _) => "write `true` or `false`, without quotes",
        ("a word", _) => "write one of its words; `whimbrel schema` lists them",
        _ => "write its keys one a line, indented, each with a colon and a value",
    }
}

/// What to do about a key that is none of `known`.
fn key_help(key: &str, nearest: Option<&str>, known: &[String]) -> String {
    match (other_target(key, known), nearest) {
        (Some(help), _) => help.to_owned(),
        (None, Some(nearest)) => format!("did you mean `{nearest}`?"),
        (None, None) => format!("known here: {}", list(known)),
    }
}

/// What to do about a key that another kind of target has, where `known` are those of this one.
fn other_target(key: &str, known: &[String]) -> Option<&'static str> {
    let is_keyspace = known.iter().any(|known| known == "keyspace");
    let is_mysql = known.iter().any(|known| known == "binlog");
    match key {
        "binlog" if is_keyspace => Some(
            "remove it: vtgate lets nobody leave the log of the shards out; it is a key of `mysql` \
             targets alone",
        ),
        "keyspace" if is_mysql => {
            Some("a keyspace is a target of its own: `target: { vitess: { url: …, keyspace: … } }`")
        }
        _ => None,
    }
}

/// The entry with its text in quotes.
fn in_quotes(key: &str, text: &str) -> String {
    let quoted = text.replace('\'', "''");
    format!("put it in quotes: `{key}: '{quoted}'`")
}

fn list(words: &[String]) -> String {
    joined(words, ", ")
}

fn list_or(words: &[String]) -> String {
    joined(words, " or ")
}

fn joined(words: &[String], between: &str) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    words.join(between)
}
