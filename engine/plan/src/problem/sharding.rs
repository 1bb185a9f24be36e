//! What can be wrong with `sharding`.

use std::borrow::Cow;

use thiserror::Error;
use whimbrel_sharding::Vindex;

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
    /// Something else of a table whose places vtgate is asked for.
    #[error("vtgate is asked where each row of `{table}` goes")]
    OfAsked {
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
    /// A type of vindex that is not known.
    #[error("no vindex is named `{kind}`")]
    UnknownVindex {
        /// The type.
        kind: String,
        /// The one that it may have been meant to be.
        nearest: Option<String>,
    },
    /// A vindex that is not computed from the row.
    #[error("a `{kind}` vindex cannot be the primary one: what its table says changes")]
    NotComputed {
        /// The type.
        kind: String,
    },
    /// A vindex that is not made of its parameters.
    #[error("{reason}")]
    Params {
        /// What is wrong with them.
        reason: String,
    },
    /// A vindex of another number of columns.
    #[error("a `{kind}` vindex is of {}, and {given} named", of_columns(*wanted))]
    ColumnCount {
        /// The type.
        kind: String,
        /// How many columns it has.
        wanted: usize,
        /// How many are named, in words.
        given: String,
    },
    /// A column that the table has not.
    #[error("`{table}` has no column `{name}`")]
    UnknownColumn {
        /// The table.
        table: String,
        /// The name.
        name: String,
        /// The column that it may have been meant to be.
        nearest: Option<String>,
    },
    /// A column that may be `NULL`, which the vindex does not map.
    #[error("`{name}` may be NULL, and a `{kind}` vindex gives NULL no shard")]
    ColumnNull {
        /// The column.
        name: String,
        /// The type of vindex.
        kind: String,
    },
    /// A column that the server computes.
    #[error("the server computes `{name}`, and vtgate has to know it before")]
    ColumnGenerated {
        /// The column.
        name: String,
    },
    /// A column whose values the vindex does not map.
    #[error("`{name}` is {declaration}, and a `{kind}` vindex {takes}")]
    ColumnType {
        /// The column.
        name: String,
        /// Its type as the server writes it.
        declaration: String,
        /// The type of vindex.
        kind: String,
        /// What the vindex can do with values.
        takes: &'static str,
    },
    /// A column of a table of groups that is no group's.
    #[error("`{name}` changes with the rows of a group, and a group has one shard")]
    NotAGroup {
        /// The column.
        name: String,
        /// The columns that make a group.
        groups: Vec<String>,
    },
    /// A column that is not in the key that several sources share.
    #[error(
        "several sources give `{table}` rows of one key, and `{name}`, which is not in the key, may send \
         them to several shards"
    )]
    NotInSharedKey {
        /// The table.
        table: String,
        /// The column.
        name: String,
    },
    /// A unique key that does not hold the sharding columns.
    #[error("the {key} of `{table}` is unique in each shard alone: it does not hold `{missing}`")]
    UniqueInShards {
        /// The table.
        table: String,
        /// The key in words.
        key: String,
        /// A sharding column that it lacks.
        missing: String,
    },
    /// What is no name of a sequence.
    #[error("`{text}` does not name a sequence")]
    Sequence {
        /// As written.
        text: String,
    },
}

fn of_columns(count: usize) -> String {
    if count == 1 { "one column".to_owned() } else { format!("{count} columns") }
}

impl ShardingProblem {
    pub(super) fn advice(&self) -> Advice {
        let (id, label) = self.id_and_label();
        if let Self::UniqueInShards { .. } = self {
            return Advice::warning(id, label, self.help());
        }
        let advice = Advice::error(id, label, self.help());
        let is_beside = matches!(self, Self::OfReference { .. } | Self::OfAsked { .. });
        if is_beside { advice.beside("said here") } else { advice }
    }

    fn id_and_label(&self) -> (&'static str, &'static str) {
        match self {
            Self::NoKeyspace => ("sharding.no-keyspace", "here"),
            Self::UnknownTable { .. } => ("sharding.unknown-table", "not written"),
            Self::Nothing { .. } => ("sharding.nothing", "here"),
            Self::OfReference { .. } => ("sharding.of-reference", "has no meaning then"),
            Self::OfAsked { .. } => ("sharding.of-asked", "has no meaning then"),
            Self::ColumnAndColumns => ("sharding.columns", "again here"),
            Self::NoColumns => ("sharding.no-columns", "here"),
            Self::ColumnTwice { .. } => ("sharding.twice", "again here"),
            Self::Incomplete { .. } => ("sharding.incomplete", "here"),
            Self::UnknownVindex { .. } => ("sharding.unknown-vindex", "not known"),
            Self::NotComputed { .. } => ("sharding.lookup-vindex", "here"),
            Self::Params { .. } => ("sharding.params", "here"),
            Self::ColumnCount { .. } => ("sharding.column-count", "here"),
            Self::UnknownColumn { .. } => ("sharding.unknown-column", "not there"),
            Self::ColumnNull { .. } => ("sharding.column-null", "here"),
            Self::ColumnGenerated { .. } => ("sharding.column-generated", "here"),
            Self::ColumnType { .. } => ("sharding.column-type", "here"),
            Self::NotAGroup { .. } => ("sharding.not-a-group", "here"),
            Self::NotInSharedKey { .. } => ("sharding.not-in-shared-key", "here"),
            Self::UniqueInShards { .. } => ("sharding.unique-in-shards", "not in that key"),
            Self::Sequence { .. } => ("sharding.sequence", "here"),
        }
    }

    fn help(&self) -> Cow<'static, str> {
        let list = |names: Vec<&str>| {
            names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
        };
        if let Self::UnknownTable { nearest: Some(nearest), .. }
        | Self::UnknownVindex { nearest: Some(nearest), .. }
        | Self::UnknownColumn { nearest: Some(nearest), .. } = self
        {
            return format!("did you mean `{nearest}`?").into();
        }
        if let Self::UnknownVindex { .. } = self {
            let known = list(Vindex::kinds().to_vec());
            return format!(
                "known are {known}; where it is one that was compiled into your vtgate, and always gives a value \
                 the same keyspace id, say `ask_vtgate: true` instead of all else"
            )
            .into();
        }
        if let Self::OfReference { key, .. } = self {
            return format!("remove `{key}`, or `reference`").into();
        }
        if let Self::OfAsked { key, .. } = self {
            return format!("remove `{key}`, or `ask_vtgate`").into();
        }
        if let Self::NotAGroup { groups, .. } = self {
            let groups = list(groups.iter().map(String::as_str).collect());
            return format!("choose among the columns that make a group: {groups}").into();
        }
        self.fixed_help().into()
    }

    fn fixed_help(&self) -> &'static str {
        match self {
            Self::NoKeyspace => {
                "remove it, or name a keyspace: `target: { vitess: { url: …, keyspace: … } }`"
            }
            Self::UnknownTable { .. } => {
                "name a table that `move` matches, or a target of `materialize`; upper and lower case \
                 differ"
            }
            Self::Nothing { .. } => {
                "say `column` and `vindex`, `reference: true` or `sequence`; or remove it: what is not \
                 said is read from vtgate"
            }
            Self::ColumnAndColumns => "name one column under `column`, or several under `columns`",
            Self::NoColumns => "name the columns that the vindex is of: `columns: [a, b]`",
            Self::ColumnTwice { .. } => "remove one of the two",
            Self::Incomplete { missing: "vindex", .. } => {
                "name the vindex's type as the vschema has it: `vindex: xxhash`; what is not said at all \
                 is read from vtgate"
            }
            Self::Incomplete { .. } => {
                "name the column that the vindex is of: `column: id`, or several: `columns: [a, b]`"
            }
            Self::NotComputed { .. } => {
                "with the table changes where rows belong that are written already: let a vindex be the table's \
                 primary one that makes the keyspace id of the row itself, such as `xxhash`, and name that"
            }
            Self::Params { .. } => "write the parameters as the vschema has them, each as text",
            Self::ColumnCount { .. } => "name the columns that the vschema names, in its order",
            Self::UnknownColumn { .. } => "name a column of the target table",
            Self::ColumnNull { .. } => {
                "choose a column that is NOT NULL, or make it so: vtgate refuses rows without a shard"
            }
            Self::ColumnGenerated { .. } => "choose a column that the application writes",
            Self::ColumnType { .. } => {
                "choose a column of integers, text or bytes that the vindex maps; vtgate goes by how the \
                 application writes a value, and there is one way to write these alone"
            }
            Self::NotInSharedKey { .. } => {
                "choose a column of the key; or add a column that tells the sources apart to the key, such \
                 as `columns: { origin: table_name() }` and `key: [origin, id]`"
            }
            Self::UniqueInShards { .. } => {
                "the rows that are moved are unique; whether later ones are is up to the application, a \
                 sequence, or a lookup vindex that is unique"
            }
            Self::Sequence { .. } => {
                "write the sequence's keyspace and table: `sequence: main.customers_seq`"
            }
            Self::UnknownVindex { .. }
            | Self::OfReference { .. }
            | Self::OfAsked { .. }
            | Self::NotAGroup { .. } => "",
        }
    }
}
