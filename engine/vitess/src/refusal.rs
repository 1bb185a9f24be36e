//! Why a specification does not become a plan.

use std::{borrow::Cow, ops::Range};

use thiserror::Error;

/// A part of a specification that cannot be carried over, and where it is.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what}")]
pub struct Refusal {
    /// What it is.
    pub what: What,
    /// Where it is: bytes of the specification's text, which lie between characters.
    pub at: Range<usize>,
    /// The other of two places that do not go together.
    pub other: Option<Range<usize>>,
}

/// What is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum What {
    /// Text that is no JSON.
    #[error("this is no JSON: {reason}")]
    Json {
        /// What was found.
        reason: &'static str,
    },
    /// JSON that is none of what Vitess is given or prints.
    #[error("this is no specification of Vitess that is known here")]
    Shape,
    /// A name that stands twice where one may.
    #[error("`{name}` is given twice")]
    Twice {
        /// The name.
        name: String,
    },
    /// A key that is not known.
    #[error("{of} have no `{key}`")]
    UnknownKey {
        /// What it is a key of, in the plural.
        of: &'static str,
        /// The key.
        key: String,
        /// The key that it may have been meant to be.
        nearest: Option<String>,
    },
    /// A value that is not what belongs there.
    #[error("`{key}` should be {wanted}")]
    WrongType {
        /// The key.
        key: &'static str,
        /// What belongs there, with its article.
        wanted: &'static str,
    },
    /// A key without which there is no plan.
    #[error("`{key}` is missing")]
    Missing {
        /// The key.
        key: &'static str,
        /// What to do.
        help: &'static str,
    },
    /// What the file and the command line say differently.
    #[error("`{key}` is `{value}`, and `{given}` on the command line")]
    Contradiction {
        /// The key.
        key: &'static str,
        /// What the file says.
        value: String,
        /// What the command line says.
        given: String,
    },
    /// An option whose effect a plan does not have.
    #[error("`{key}` {reason}")]
    Option {
        /// The key.
        key: &'static str,
        /// Why it is refused.
        reason: &'static str,
        /// What to do instead.
        instead: &'static str,
    },
    /// A name of a table that a plan takes for a pattern.
    #[error("the name `{name}` has signs that stand for others in a plan")]
    Name {
        /// The name.
        name: String,
    },
    /// Tables that would be read and written in one database.
    #[error("source and target are the keyspace `{name}`")]
    OneKeyspace {
        /// The keyspace.
        name: String,
    },
    /// Several workflows.
    #[error("there are {count} workflows here")]
    Workflows {
        /// How many there are.
        count: usize,
    },
    /// Rows of several source shards.
    #[error("rows come from the source shards {shards}")]
    SourceShards {
        /// The shards.
        shards: String,
    },
    /// Streams to some of the target's shards.
    #[error("the streams are those of the target shards {shards} alone")]
    TargetShards {
        /// The shards.
        shards: String,
    },
    /// A rule that one stream has and another has not.
    #[error("the streams of `{shard}` have other rules than those of `{first}`")]
    StreamsDiffer {
        /// The shard.
        shard: String,
        /// The shard that is named first.
        first: String,
    },
    /// A rule of a workflow that is no rule of a plan.
    #[error("the rule for `{name}` {reason}")]
    Rule {
        /// What it matches.
        name: String,
        /// Why it is refused.
        reason: &'static str,
        /// What to do instead.
        instead: &'static str,
    },
    /// A definition of the target that a plan cannot have.
    #[error("`create_ddl` {reason}")]
    Definition {
        /// Why it is refused.
        reason: &'static str,
        /// What to do instead.
        instead: &'static str,
    },
    /// Text that is no SQL.
    #[error("{reason}")]
    Syntax {
        /// What the parser says.
        reason: String,
    },
    /// A part of SQL that has no exact counterpart in a plan.
    #[error("{what} cannot be carried over exactly")]
    Sql {
        /// The part.
        what: Cow<'static, str>,
        /// What to do instead.
        instead: Cow<'static, str>,
    },
    /// An expression that a plan does not take.
    #[error("{reason}")]
    Expression {
        /// What is wrong with it there.
        reason: String,
        /// What to do instead.
        instead: String,
    },
}

impl Refusal {
    pub(crate) fn new(what: What, at: &Range<usize>) -> Self {
        Self { what, at: at.clone(), other: None }
    }

    /// The key whose value is of another type.
    pub(crate) fn wrong_type(&self) -> Option<&'static str> {
        if let What::WrongType { key, .. } = self.what { Some(key) } else { None }
    }

    /// The key that is missing.
    pub(crate) fn missing(&self) -> Option<&'static str> {
        if let What::Missing { key, .. } = self.what { Some(key) } else { None }
    }

    pub(crate) fn with_other(self, other: &Range<usize>) -> Self {
        Self { other: Some(other.clone()), ..self }
    }

    /// Its id, which never changes.
    #[must_use]
    pub fn id(&self) -> &'static str {
        match self.what {
            What::Json { .. } => "vitess.json",
            What::Shape => "vitess.shape",
            What::Twice { .. } => "vitess.twice",
            What::UnknownKey { .. } => "vitess.unknown-key",
            What::WrongType { .. } => "vitess.wrong-type",
            What::Missing { .. } => "vitess.missing",
            What::Contradiction { .. } => "vitess.contradiction",
            What::Option { .. } => "vitess.option",
            What::Name { .. } => "vitess.name",
            What::OneKeyspace { .. } => "vitess.one-keyspace",
            What::Workflows { .. } => "vitess.workflows",
            What::SourceShards { .. } => "vitess.source-shards",
            What::TargetShards { .. } => "vitess.target-shards",
            What::StreamsDiffer { .. } => "vitess.streams-differ",
            What::Rule { .. } => "vitess.rule",
            What::Definition { .. } => "vitess.definition",
            What::Syntax { .. } => "vitess.sql-syntax",
            What::Sql { .. } => "vitess.sql",
            What::Expression { .. } => "vitess.expression",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> Cow<'_, str> {
        match &self.what {
            What::UnknownKey { nearest: Some(nearest), .. } => {
                format!("did you mean `{nearest}`?").into()
            }
            What::Missing { help, .. } => (*help).into(),
            What::Option { instead, .. }
            | What::Rule { instead, .. }
            | What::Definition { instead, .. } => (*instead).into(),
            What::Sql { instead, .. } => instead.as_ref().into(),
            What::Expression { instead, .. } => instead.as_str().into(),
            What::Json { .. } => "give the JSON that `vtctldclient` takes or prints".into(),
            What::Shape => "give a list of table settings, Materialize settings (`table_settings`), a \
                            MoveTables request (`include_tables` or `all_tables`), or what `vtctldclient \
                            workflow show --format json` prints"
                .into(),
            What::Twice { .. } => "leave one of them".into(),
            What::UnknownKey { nearest: None, .. } => {
                "nothing is left out that may matter: take the key out if it does not".into()
            }
            What::WrongType { .. } => "write it as Vitess takes it".into(),
            What::Contradiction { .. } => "leave the flag out, or correct one of them".into(),
            What::Name { .. } => "write the plan's rule for this table by hand".into(),
            What::OneKeyspace { .. } => {
                "a plan writes into another database than it reads: name another target keyspace".into()
            }
            What::Workflows { .. } => {
                "show one: `vtctldclient workflow show --workflow NAME --format json`".into()
            }
            What::SourceShards { .. } => {
                "a plan reads one server: write one for a keyspace that is not sharded, or move each \
                 shard with `move` by a plan of its own"
                    .into()
            }
            What::TargetShards { .. } => {
                "rows of the other shards are not in these streams, and the plan's target has no shards: \
                 show the workflow with the streams of all shards"
                    .into()
            }
            What::StreamsDiffer { .. } => "show the streams of one of them at a time".into(),
            What::Syntax { .. } => "write one SELECT as MySQL takes it".into(),
        }
    }
}
