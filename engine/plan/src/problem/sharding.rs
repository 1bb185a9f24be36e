//! What can be wrong with `sharding`.

use std::borrow::Cow;

use thiserror::Error;

use crate::problem::Advice;

/// What is wrong with what a plan says of the shards that rows go to.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ShardingProblem {
    /// `sharding` beside a target that has no shards.
    #[error("`sharding` is about the shards of a keyspace, and the target is a MySQL server")]
    NoKeyspace,
    /// A table that the plan does not write.
    #[error("the plan writes no table `{table}`")]
    UnknownTable {
        /// The name.
        table: String,
        /// The table that it may have been meant to be.
        nearest: Option<String>,
    },
    /// A table of which nothing is said.
    #[error("nothing is said of `{table}`")]
    Nothing {
        /// The table.
        table: String,
    },
    /// A vindex of a table that has none.
    #[error("`{table}` is a reference table: every shard has all of its rows")]
    OfReference {
        /// The table.
        table: String,
        /// The key that has no meaning there.
        key: &'static str,
    },
    /// `column` and `columns`.
    #[error("`column` and `columns` are both given")]
    ColumnAndColumns,
    /// An empty list of columns.
    #[error("`columns` names no column")]
    NoColumns,
    /// One column twice.
    #[error("`{name}` is named twice")]
    ColumnTwice {
        /// The name.
        name: String,
    },
    /// A key without the one that it needs beside it.
    #[error("`{key}` needs `{missing}` beside it")]
    Incomplete {
        /// The key.
        key: &'static str,
        /// The key that is missing.
        missing: &'static str,
    },
    /// What is no name of a sequence.
    #[error("`{text}` does not name a sequence")]
    Sequence {
        /// As written.
        text: String,
    },
}

impl ShardingProblem {
    pub(super) fn advice(&self) -> Advice {
        let (id, label) = self.id_and_label();
        let advice = Advice::error(id, label, self.help());
        match self {
            Self::OfReference { .. } => advice.beside("said here"),
            Self::NoKeyspace
            | Self::UnknownTable { .. }
            | Self::Nothing { .. }
            | Self::ColumnAndColumns
            | Self::NoColumns
            | Self::ColumnTwice { .. }
            | Self::Incomplete { .. }
            | Self::Sequence { .. } => advice,
        }
    }

    fn id_and_label(&self) -> (&'static str, &'static str) {
        match self {
            Self::NoKeyspace => ("sharding.no-keyspace", "here"),
            Self::UnknownTable { .. } => ("sharding.unknown-table", "not written"),
            Self::Nothing { .. } => ("sharding.nothing", "here"),
            Self::OfReference { .. } => ("sharding.of-reference", "has no meaning then"),
            Self::ColumnAndColumns => ("sharding.columns", "again here"),
            Self::NoColumns => ("sharding.no-columns", "here"),
            Self::ColumnTwice { .. } => ("sharding.twice", "again here"),
            Self::Incomplete { .. } => ("sharding.incomplete", "here"),
            Self::Sequence { .. } => ("sharding.sequence", "here"),
        }
    }

    fn help(&self) -> Cow<'static, str> {
        match self {
            Self::NoKeyspace => {
                "remove it, or name a keyspace: `target: { vitess: { url: …, keyspace: … } }`".into()
            }
            Self::UnknownTable { nearest: Some(nearest), .. } => {
                format!("did you mean `{nearest}`?").into()
            }
            Self::UnknownTable { .. } => {
                "name a table that `move` matches, or a target of `materialize`; upper and lower case \
                 differ"
                    .into()
            }
            Self::Nothing { .. } => {
                "say `column` and `vindex`, `reference: true` or `sequence`; or remove it: what is not \
                 said is read from vtgate"
                    .into()
            }
            Self::OfReference { key, .. } => {
                format!("remove `{key}`, or `reference`").into()
            }
            Self::ColumnAndColumns => {
                "name one column under `column`, or several under `columns`".into()
            }
            Self::NoColumns => "name the columns that the vindex is of: `columns: [a, b]`".into(),
            Self::ColumnTwice { .. } => "remove one of the two".into(),
            Self::Incomplete { missing: "vindex", .. } => {
                "name the vindex's type as the vschema has it: `vindex: xxhash`; what is not said at all \
                 is read from vtgate"
                    .into()
            }
            Self::Incomplete { .. } => {
                "name the column that the vindex is of: `column: id`, or several: `columns: [a, b]`"
                    .into()
            }
            Self::Sequence { .. } => {
                "write the sequence's keyspace and table: `sequence: main.customers_seq`".into()
            }
        }
    }
}
