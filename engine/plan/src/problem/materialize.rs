//! What can be wrong with `materialize`.

use std::borrow::Cow;

use thiserror::Error;

use crate::problem::Advice;

/// What is wrong with a target that is made by expressions.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MaterializeProblem {
    /// Neither `move` nor `materialize`.
    #[error("the plan names no tables")]
    NoTables,
    /// A name that no table can have.
    #[error("`{name}` cannot be a table's name: {reason}")]
    TargetName {
        /// The name.
        name: String,
        /// Why not.
        reason: &'static str,
    },
    /// A name that no column can have.
    #[error("`{name}` cannot be a column's name: {reason}")]
    ColumnName {
        /// The name.
        name: String,
        /// Why not.
        reason: &'static str,
    },
    /// A source that cannot be one.
    #[error("`{name}` cannot be a source table")]
    SourceName {
        /// The name.
        name: String,
    },
    /// An empty list of sources.
    #[error("`from` names no table")]
    NoSources,
    /// A source that the source database has not.
    #[error("the source has no table `{name}`")]
    UnknownSource {
        /// The name.
        name: String,
        /// The table that it may have been meant to be.
        nearest: Option<String>,
    },
    /// A source whose rows nothing tells apart.
    #[error("nothing tells the rows of `{name}` apart")]
    SourceKeyless {
        /// The table.
        name: String,
    },
    /// A target whose rows nothing tells apart.
    #[error("nothing tells the rows of `{target}` apart")]
    TargetKeyless {
        /// The table.
        target: String,
    },
    /// One name twice in a list.
    #[error("`{name}` is named twice")]
    NameTwice {
        /// The name.
        name: String,
    },
    /// Two columns of one name.
    #[error("two columns are named `{name}`")]
    ColumnTwice {
        /// The name.
        name: String,
    },
    /// More columns than a table can have.
    #[error("there are more than {max} columns")]
    TooManyColumns {
        /// The most.
        max: usize,
    },
    /// A target that a table of `move` becomes, too.
    #[error("`{name}` is moved, too")]
    AlsoMoved {
        /// The name.
        name: String,
    },
    /// `on_error: "null"` for a whole row.
    #[error("a row cannot be NULL")]
    NullForRow,
    /// `on_error: "null"` for a column that takes no `NULL`.
    #[error("`{column}` is NOT NULL, and `on_error: \"null\"` would make it NULL")]
    NullOnError {
        /// The column.
        column: String,
    },
    /// `aggregates` without `group_by`.
    #[error("`aggregates` needs `group_by`")]
    AggregatesWithoutGroups,
    /// `columns` or `except` beside `group_by`.
    #[error("`{key}` has no meaning beside `group_by`")]
    ColumnsOfGroups {
        /// The key.
        key: &'static str,
    },
    /// What is no call of an aggregate function.
    #[error("`{text}` is no aggregate")]
    NoAggregate {
        /// As written.
        text: String,
    },
    /// A name that no aggregate function has.
    #[error("no aggregate is named `{name}`")]
    UnknownAggregate {
        /// The name.
        name: String,
        /// The one that it may have been meant to be.
        nearest: Option<String>,
    },
    /// An aggregate without an argument.
    #[error("`{name}` needs what it is of")]
    AggregateArgument {
        /// The function.
        name: &'static str,
    },
    /// A column of `except` that the source has not.
    #[error("`{table}` has no column `{name}`")]
    ExceptUnknown {
        /// The source table.
        table: String,
        /// The name.
        name: String,
        /// The column that it may have been meant to be.
        nearest: Option<String>,
    },
    /// A target that would have no column.
    #[error("`{target}` has no column left")]
    NoColumns {
        /// The target.
        target: String,
    },
    /// A column whose type cannot be told.
    #[error("`{column}` has no type: its value is always NULL")]
    NoType {
        /// The column.
        column: String,
    },
    /// Sources that do not give a column one type.
    #[error("`{column}` has not the same type in `{first}` and in `{other}`")]
    TypesDiffer {
        /// The column.
        column: String,
        /// A source.
        first: String,
        /// Another source.
        other: String,
    },
    /// A column of `key` that the target has not.
    #[error("`{target}` has no column `{name}` for its key")]
    KeyUnknown {
        /// The target.
        target: String,
        /// The name.
        name: String,
        /// The column that it may have been meant to be.
        nearest: Option<String>,
    },
    /// A key column that may be `NULL`.
    #[error("the key column `{name}` may be NULL")]
    KeyNullable {
        /// The column.
        name: String,
        /// What could stand for `NULL`, as it is written.
        stand_in: &'static str,
    },
    /// A key that does not hold the source's.
    #[error(
        "two rows of `{table}` may have one key in `{target}`: the key lacks {}",
        list(missing)
    )]
    KeyNotUnique {
        /// The source table.
        table: String,
        /// The target.
        target: String,
        /// The key columns of the source that it has no copy of.
        missing: Vec<String>,
        /// Whether `except` names all of them.
        is_excepted: bool,
    },
    /// A key whose collation takes more values for equal than the source's.
    #[error(
        "`{column}` compares by {target} in the target and by {source_collation} in the source: two \
         keys of the source may be one there"
    )]
    KeyCollation {
        /// The column.
        column: String,
        /// The target's collation.
        target: String,
        /// The source's.
        source_collation: String,
    },
    /// A key that does not tell sources apart, of which it cannot be kept which source has each value.
    #[error("rows of `{first}` and of `{other}` may have one key in `{target}`, {reason}")]
    KeyAcrossSources {
        /// The target.
        target: String,
        /// A source.
        first: String,
        /// Another source.
        other: String,
        /// Why that cannot be kept.
        reason: String,
    },
    /// A key of groups that is another than the groups' columns.
    #[error("the key of `{target}` is ({found}), and its groups are ({wanted})")]
    KeyOfGroups {
        /// The target.
        target: String,
        /// Whether the plan gives the key, and not the target's definition.
        is_of_plan: bool,
        /// The key's columns.
        found: String,
        /// The groups' columns.
        wanted: String,
    },
    /// A key that the target's definition has not.
    #[error("`{target}` has no such key: its own is ({found})")]
    KeyDiffers {
        /// The target.
        target: String,
        /// Its key's columns.
        found: String,
    },
    /// A column that the target's table has not.
    #[error("`{target}` has no column `{name}`")]
    TargetColumnMissing {
        /// The target.
        target: String,
        /// The column.
        name: String,
        /// The column that it may have been meant to be.
        nearest: Option<String>,
    },
    /// A column of the target that needs a value and gets none.
    #[error("`{target}` needs a value for `{name}`, and the plan gives none")]
    TargetColumnUnfilled {
        /// The target.
        target: String,
        /// The column.
        name: String,
    },
    /// A definition that cannot be read.
    #[error("the definition of `{target}` cannot be read: {reason}")]
    Definition {
        /// The target.
        target: String,
        /// Why.
        reason: String,
    },
    /// A definition of another table.
    #[error("the definition is of `{found}`, and the target is `{target}`")]
    DefinitionName {
        /// The target.
        target: String,
        /// The name in the definition.
        found: String,
    },
    /// A table that is to be there and is not.
    #[error("the target has no table `{target}`")]
    NoExisting {
        /// The target.
        target: String,
    },
    /// Parts of the source's definition that the target's has not.
    #[error("`{target}` is made without parts of `{source_table}`: {}", parts.join(", "))]
    LeftOut {
        /// The target.
        target: String,
        /// The source table.
        source_table: String,
        /// Each part in words.
        parts: Vec<String>,
    },
    /// What cannot be grouped by, counted or summed up.
    #[error("`{column}`: {reason}")]
    Aggregate {
        /// The column.
        column: String,
        /// Why.
        reason: String,
        /// What to do.
        help: String,
    },
    /// The schema file cannot be used.
    #[error("`{path}` cannot be used: {reason}")]
    Schema {
        /// The path as written.
        path: String,
        /// Why.
        reason: String,
    },
}

fn list(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

const LEFT_OUT_HELP: &str = "add what it needs of them to its table once it is copied, or give its \
                             definition under `create`";

fn copies_help(missing: &[String], is_excepted: bool) -> String {
    if is_excepted {
        let names: Vec<String> = missing.iter().map(|name| format!("`{name}`")).collect();
        return format!(
            "take {} out of `except`: rows are told apart by the whole key",
            names.join(", ")
        );
    }
    let copies: Vec<String> = missing.iter().map(|name| format!("{name}: {name}")).collect();
    format!(
        "give bare copies under `columns`, such as `columns: {{ {} }}`, and name them in `key` if the \
         plan or the table gives one",
        copies.join(", ")
    )
}

/// How rows of several sources are told apart.
const APART: &str = "add a column that tells the sources apart to the key: `columns: { origin: table_name() }` and \
                     `key: [origin, id]`; or give the target's definition under `create`, without other \
                     unique keys, its key's texts with a collation such as `utf8mb4_0900_bin`";

impl MaterializeProblem {
    pub(super) fn advice(&self) -> Advice {
        let (id, label) = self.id_and_label();
        if let Self::LeftOut { .. } = self {
            return Advice::warning(id, label, self.help());
        }
        Advice::error(id, label, self.help())
    }

    fn id_and_label(&self) -> (&'static str, &'static str) {
        match self {
            Self::NoTables => ("plan.no-tables", "here"),
            Self::TargetName { .. } => ("materialize.target-name", "here"),
            Self::ColumnName { .. } => ("materialize.column-name", "here"),
            Self::SourceName { .. } => ("materialize.source-name", "here"),
            Self::NoSources => ("materialize.no-sources", "here"),
            Self::UnknownSource { .. } => ("materialize.unknown-source", "not there"),
            Self::SourceKeyless { .. } => ("materialize.source-keyless", "here"),
            Self::TargetKeyless { .. } => ("materialize.target-keyless", "here"),
            Self::NameTwice { .. } => ("materialize.twice", "again here"),
            Self::ColumnTwice { .. } => ("materialize.column-twice", "again here"),
            Self::TooManyColumns { .. } => ("materialize.too-many", "one more than there may be"),
            Self::AlsoMoved { .. } => ("materialize.also-moved", "the same name"),
            Self::NullForRow => ("materialize.null-row", "here"),
            Self::NullOnError { .. } => ("materialize.null-on-error", "here"),
            Self::AggregatesWithoutGroups => ("materialize.no-groups", "here"),
            Self::ColumnsOfGroups { .. } => ("materialize.columns-of-groups", "here"),
            Self::NoAggregate { .. } => ("materialize.no-aggregate", "here"),
            Self::UnknownAggregate { .. } => ("materialize.unknown-aggregate", "not known"),
            Self::AggregateArgument { .. } => ("materialize.aggregate-argument", "here"),
            Self::ExceptUnknown { .. } => ("materialize.except", "not there"),
            Self::NoColumns { .. } => ("materialize.no-columns", "here"),
            Self::NoType { .. } => ("materialize.no-type", "here"),
            Self::TypesDiffer { .. } => ("materialize.types-differ", "here"),
            Self::KeyUnknown { .. } => ("materialize.key-unknown", "not there"),
            Self::KeyNullable { .. } => ("materialize.key-null", "here"),
            Self::KeyNotUnique { .. } => ("materialize.key-not-unique", "here"),
            Self::KeyCollation { .. } => ("materialize.key-collation", "here"),
            Self::KeyAcrossSources { .. } => ("materialize.key-across-sources", "here"),
            Self::KeyOfGroups { .. } => ("materialize.key-of-groups", "here"),
            Self::KeyDiffers { .. } => ("materialize.key-differs", "here"),
            Self::TargetColumnMissing { .. } => ("materialize.column-missing", "not there"),
            Self::TargetColumnUnfilled { .. } => ("materialize.column-unfilled", "here"),
            Self::Definition { .. } => ("materialize.definition", "here"),
            Self::DefinitionName { .. } => ("materialize.definition-name", "here"),
            Self::NoExisting { .. } => ("materialize.no-existing", "here"),
            Self::LeftOut { .. } => ("materialize.left-out", "made after its source"),
            Self::Aggregate { .. } => ("materialize.aggregate", "here"),
            Self::Schema { .. } => ("plan.schema-file", "here"),
        }
    }

    fn help(&self) -> Cow<'static, str> {
        let meant = |nearest: &Option<String>, otherwise: &'static str| match nearest {
            Some(nearest) => Cow::from(format!("did you mean `{nearest}`?")),
            None => otherwise.into(),
        };
        match self {
            Self::UnknownSource { nearest, .. } => {
                meant(nearest, "name a table of the source database; upper and lower case differ")
            }
            Self::UnknownAggregate { nearest, .. } => meant(
                nearest,
                "write `count()`, `count(x)`, `sum(x)`, `min(x)`, `max(x)` or `avg(x)`",
            ),
            Self::ExceptUnknown { nearest, .. } => meant(nearest, "remove it from `except`"),
            Self::KeyUnknown { nearest, .. } => meant(nearest, "give it under `columns`"),
            Self::TargetColumnMissing { nearest, .. } => {
                meant(nearest, "add it to the target's table, or leave it out with `except`")
            }
            Self::AggregateArgument { name } => {
                format!("write `{name}(x)` with a column or an expression").into()
            }
            Self::KeyNullable { name, stand_in } => {
                format!("say what stands for NULL: `{name}: {name} ?? {stand_in}`").into()
            }
            Self::KeyNotUnique { missing, is_excepted, .. } => {
                copies_help(missing, *is_excepted).into()
            }
            Self::KeyOfGroups { is_of_plan: true, .. } => {
                "leave `key` out: the groups' columns are the key".into()
            }
            Self::KeyOfGroups { wanted, .. } => {
                format!("make the table's key PRIMARY KEY ({wanted}), or group by its columns")
                    .into()
            }
            Self::LeftOut { .. } => LEFT_OUT_HELP.into(),
            Self::AlsoMoved { name } => format!(
                "leave the table out of `move` with `\"!{name}\"`, or give the target another name"
            )
            .into(),
            Self::TargetColumnUnfilled { name, .. } => {
                format!("give `{name}` under `columns`, or a DEFAULT in the table").into()
            }
            Self::Aggregate { help, .. } => help.clone().into(),
            Self::NoTables
            | Self::TargetName { .. }
            | Self::ColumnName { .. }
            | Self::SourceName { .. }
            | Self::NoSources
            | Self::SourceKeyless { .. }
            | Self::TargetKeyless { .. }
            | Self::NameTwice { .. }
            | Self::ColumnTwice { .. }
            | Self::TooManyColumns { .. }
            | Self::NullForRow
            | Self::NullOnError { .. }
            | Self::AggregatesWithoutGroups
            | Self::ColumnsOfGroups { .. }
            | Self::NoAggregate { .. }
            | Self::NoColumns { .. }
            | Self::NoType { .. }
            | Self::TypesDiffer { .. }
            | Self::KeyCollation { .. }
            | Self::KeyAcrossSources { .. }
            | Self::KeyDiffers { .. }
            | Self::Definition { .. }
            | Self::DefinitionName { .. }
            | Self::NoExisting { .. }
            | Self::Schema { .. } => self.fixed_help().into(),
        }
    }

    fn fixed_help(&self) -> &'static str {
        match self {
            Self::NoTables => {
                "add `move` with the tables to move, or `materialize` with tables to make of others"
            }
            Self::TargetName { .. } | Self::ColumnName { .. } => "choose another name",
            Self::SourceName { .. } => "name a table of the application",
            Self::SourceKeyless { .. } | Self::TargetKeyless { .. } => {
                "give it a primary key, or a unique key of columns that are NOT NULL"
            }
            Self::NoSources => "name the table, or a list of tables: `from: [a, b]`",
            Self::NameTwice { .. } | Self::ColumnTwice { .. } => "remove or rename one of the two",
            Self::TooManyColumns { .. } => "MySQL has no tables of more columns",
            Self::NullForRow => {
                "choose `stop` or `dead_letter` here, and `null` for single columns: `{ value: …, \
                 on_error: \"null\" }`"
            }
            Self::NullOnError { .. } => {
                "let the target's column take NULL, or choose `stop` or `dead_letter`"
            }
            Self::AggregatesWithoutGroups => {
                "say what makes a group: `group_by: { sku: sku }`; one row for all rows is a group of \
                 a constant: `group_by: { all: \"1\" }`"
            }
            Self::ColumnsOfGroups { .. } => {
                "the columns of the target are those of `group_by` and `aggregates`"
            }
            Self::NoAggregate { .. } => {
                "write `count()`, `count(x)`, `sum(x)`, `min(x)`, `max(x)` or `avg(x)`, where x is an \
                 expression; what is computed of an aggregate is computed when it is read"
            }
            Self::NoColumns { .. } => "give columns under `columns`, or fewer under `except`",
            Self::NoType { .. } => "leave it out, or give the target's definition under `create`",
            Self::TypesDiffer { .. } => {
                "give the target's definition under `create`, or make them one type, such as with \
                 `cast_char(x)`"
            }
            Self::KeyCollation { .. } => {
                "give the target's column the source's collation, under `create`"
            }
            Self::KeyAcrossSources { .. } => APART,
            Self::KeyDiffers { .. } => {
                "leave `key` out, or name the columns of that key in its order"
            }
            Self::Definition { .. } => "write one `CREATE TABLE` statement as MySQL takes it",
            Self::DefinitionName { .. } => "give both the same name",
            Self::NoExisting { .. } => {
                "create it first, or say `create: copy`, or give its definition under `create`"
            }
            Self::Schema { .. } => {
                "name a file of `CREATE TABLE` statements, such as `mysqldump --no-data` writes; its \
                 path is relative to the plan's folder"
            }
            Self::UnknownSource { .. }
            | Self::UnknownAggregate { .. }
            | Self::ExceptUnknown { .. }
            | Self::KeyUnknown { .. }
            | Self::TargetColumnMissing { .. }
            | Self::AggregateArgument { .. }
            | Self::AlsoMoved { .. }
            | Self::LeftOut { .. }
            | Self::KeyNullable { .. }
            | Self::KeyNotUnique { .. }
            | Self::KeyOfGroups { .. }
            | Self::TargetColumnUnfilled { .. }
            | Self::Aggregate { .. } => "",
        }
    }
}
