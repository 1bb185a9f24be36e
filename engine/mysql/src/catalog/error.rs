use thiserror::Error;

use crate::ddl::CreateTableError;

/// Why a table cannot be described as one that can be moved.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum CatalogError {
    /// There is none, or the account may not see it.
    #[error("there is no table `{table}`, or the account may not read it")]
    NoTable {
        /// Database and name.
        table: String,
    },
    /// The name is of something else.
    #[error("`{table}` is not a table but a {kind}")]
    NotATable {
        /// Database and name.
        table: String,
        /// What it is.
        kind: String,
    },
    /// Nothing that can be used tells its rows apart.
    #[error("`{table}` cannot be moved while it is written: {why}; mend it with `{remedy}`")]
    NoKey {
        /// Database and name.
        table: String,
        /// Why none of its keys will do.
        why: String,
        /// The statement that gives it a key.
        remedy: String,
    },
    /// A column of a type whose values cannot be carried.
    #[error("column `{column}` of `{table}` has the type `{declaration}`, which cannot be carried")]
    UnknownType {
        /// Database and name.
        table: String,
        /// The column.
        column: String,
        /// Its type.
        declaration: String,
    },
    /// The server prints `?` where a label may have another character, and so cannot tell what to
    /// make on the target.
    #[error(
        "a label of `{column}` of `{table}` has a `?`, which is also what the server prints for a \
         character beyond U+FFFF: rename the label"
    )]
    Unprintable {
        /// Database and name.
        table: String,
        /// The column.
        column: String,
    },
    /// Its definition changed while it was read.
    #[error("the definition of `{table}` changed while it was read")]
    Changed {
        /// Database and name.
        table: String,
    },
    /// Its definition is printed in a form that is not known.
    #[error("the definition of `{table}` cannot be read")]
    Create {
        /// Database and name.
        table: String,
        /// What is not known.
        #[source]
        cause: CreateTableError,
    },
}
