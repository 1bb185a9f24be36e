//! What can be wrong with a plan's values.

use std::borrow::Cow;

use thiserror::Error;

use crate::problem::{Advice, SecretError};

/// What is wrong with a value that has the right type.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ValueProblem {
    /// A number outside of its range.
    #[error("`{key}` is out of range: {value}")]
    OutOfRange {
        /// The key, with the keys that lead to it.
        key: String,
        /// The number as written.
        value: String,
        /// The range in words.
        range: String,
    },
    /// A size that cannot be read.
    #[error("`{key}` is not a size: `{value}`")]
    Size {
        /// The key, with the keys that lead to it.
        key: String,
        /// The text.
        value: String,
    },
    /// A migration's name with other characters, or too long.
    #[error("`{name}` cannot be the name of a plan")]
    Name {
        /// The name.
        name: String,
    },
    /// A database's name that MySQL would not take, or that is the server's own.
    #[error("`{key}` cannot be `{name}`: {reason}")]
    Database {
        /// The key, with the keys that lead to it.
        key: String,
        /// The name.
        name: String,
        /// Why not.
        reason: &'static str,
    },
    /// A name that no keyspace has.
    #[error("`{key}` cannot be `{name}`: {reason}")]
    Keyspace {
        /// The key, with the keys that lead to it.
        key: String,
        /// The name.
        name: String,
        /// Why not.
        reason: &'static str,
    },
    /// A name that no shard has.
    #[error("`target.vitess.tablets` cannot have a shard `{name}`: {reason}")]
    Shard {
        /// The name.
        name: String,
        /// Why not.
        reason: &'static str,
    },
    /// Servers of shards without one.
    #[error("`target.vitess.tablets` names no shard")]
    NoTablets,
    /// A database beside the one that vtgate tells.
    #[error("`{key}` names a database")]
    TabletDatabase {
        /// The key, with the keys that lead to it.
        key: String,
    },
    /// Source and target are one.
    #[error("source and target are the same database")]
    SameDatabase,
    /// An environment variable without a value.
    #[error("the environment variable `{name}` {}", variable(reason))]
    Environment {
        /// The variable.
        name: String,
        /// What is the matter with it.
        reason: SecretError,
    },
    /// A file without a value.
    #[error("the file `{path}` {reason}")]
    File {
        /// The path as written.
        path: String,
        /// What is the matter with it.
        reason: SecretError,
    },
    /// A reference that cannot be read.
    #[error("a reference is broken: {reason}")]
    Reference {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A reference in a value that takes none.
    #[error("`{key}` takes no `${{…}}` reference")]
    MisplacedReference {
        /// The key, with the keys that lead to it.
        key: String,
    },
    /// A reference in an expression, where no key is taken.
    #[error("`{reference}` would be a text like any other here")]
    ReferenceAsText {
        /// The reference.
        reference: String,
    },
    /// A URL that cannot be read.
    #[error("`{key}` is not a MySQL URL: {reason}")]
    Url {
        /// The key, with the keys that lead to it.
        key: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A parameter in a URL.
    #[error("`{key}` takes no parameter{}", named(parameter.as_deref()))]
    UrlParameter {
        /// The key, with the keys that lead to it.
        key: String,
        /// The parameter's name, if the plan's own text has it: what a reference stands for may be secret.
        parameter: Option<String>,
    },
    /// A URL with another database than the plan's.
    #[error("the URL names a database, and `{key}` names another one")]
    UrlDatabase {
        /// The key of the plan's database.
        key: String,
    },
    /// A password that anyone can read in the plan.
    #[error("`{key}` holds a password in plain text")]
    PlainPassword {
        /// The key, with the keys that lead to it.
        key: String,
    },
    /// A mode that trusts whom the plan names, and a plan that names nobody.
    #[error("`{key}` is `verify_ca`, and `ca` is missing")]
    MissingCa {
        /// The key, with the keys that lead to it.
        key: String,
    },
    /// A file of authorities that would not be used.
    #[error("`{key}` is not used: the mode is `{mode}`")]
    UnusedCa {
        /// The key, with the keys that lead to it.
        key: String,
        /// The mode.
        mode: &'static str,
    },
}

impl ValueProblem {
    pub(super) fn advice(&self) -> Advice {
        let (id, label) = self.id_and_label();
        if let Self::PlainPassword { .. } = self {
            return Advice::warning(id, label, self.help());
        }
        Advice::error(id, label, self.help()).beside("the source")
    }

    fn id_and_label(&self) -> (&'static str, &'static str) {
        match self {
            Self::OutOfRange { .. } => ("plan.out-of-range", "here"),
            Self::Size { .. } => ("plan.size", "here"),
            Self::Name { .. } => ("plan.name", "here"),
            Self::Database { .. } => ("plan.database", "here"),
            Self::Keyspace { .. } => ("plan.keyspace", "here"),
            Self::Shard { .. } => ("plan.shard", "here"),
            Self::NoTablets => ("plan.tablets", "here"),
            Self::SameDatabase => ("plan.same-database", "also the source"),
            Self::Environment { .. } => ("secret.environment", "needed here"),
            Self::File { .. } => ("secret.file", "needed here"),
            Self::Reference { .. } => ("secret.reference", "here"),
            Self::MisplacedReference { .. } | Self::ReferenceAsText { .. } => {
                ("secret.misplaced", "here")
            }
            Self::PlainPassword { .. } => {
                ("secret.plain-password", "whoever reads the plan reads it")
            }
            Self::Url { .. } => ("url.invalid", "here"),
            Self::UrlParameter { .. } => ("url.parameter", "here"),
            Self::UrlDatabase { .. } | Self::TabletDatabase { .. } => ("url.database", "here"),
            Self::MissingCa { .. } => ("tls.missing-ca", "here"),
            Self::UnusedCa { .. } => ("tls.unused-ca", "here"),
        }
    }

    fn help(&self) -> Cow<'static, str> {
        let fixed = match self {
            Self::OutOfRange { range, .. } => return format!("the range is {range}").into(),
            Self::Environment { name, .. } => {
                return format!("set it before you run whimbrel: `export {name}=…`").into();
            }
            Self::UrlDatabase { key } => {
                return format!("remove the path from the URL, or name its database in `{key}`")
                    .into();
            }
            Self::Size { .. } => {
                "write a whole number and one of the units B, KiB, MiB, GiB: `256MiB`"
            }
            Self::Name { .. } => "use 1 to 64 of the characters `a-z`, `0-9`, `-` and `_`",
            Self::Database { .. } => "name the database that the tables are in",
            Self::Keyspace { .. } => {
                "name the keyspace alone: which shards it has is read from vtgate"
            }
            Self::Shard { .. } => {
                "name each shard that serves the keyspace as `SHOW VITESS_SHARDS` does, without the keyspace, \
                 in quotes: `\"-80\": { url: … }`"
            }
            Self::NoTablets => "name the server of each shard, or leave `tablets` out",
            Self::TabletDatabase { .. } => {
                "remove the path from the URL: which database a shard has there is read from vtgate"
            }
            Self::SameDatabase => {
                "tables keep their names: move them to another server or to another database"
            }
            Self::File { .. } => {
                "the path is relative to the plan's folder; the file holds the value and nothing \
                 else"
            }
            Self::Reference { .. } => {
                "write `${env:NAME}` for an environment variable, `${file:PATH}` for a file's \
                 content"
            }
            Self::MisplacedReference { .. } => {
                "only `url` and keys in expressions hold secrets; write this value out, so that a \
                 reviewer can read it"
            }
            Self::ReferenceAsText { .. } => {
                "only the key of `hash_token(value, \"${env:KEY}\")` is a reference; a text that \
                 begins with `$` and `{` is `concat(\"$\", \"{…\")`"
            }
            Self::PlainPassword { .. } => {
                "keep it outside of the plan: `mysql://user:${env:PASSWORD}@host`, or \
                 `${file:PATH}`"
            }
            Self::Url { .. } => {
                "write `mysql://user:password@host:port`; in user and password, `%40` stands for \
                 `@`, `%2F` for `/`, `%3A` for `:`, `%3F` for `?`, `%23` for `#`, `%25` for `%`"
            }
            Self::UrlParameter { .. } => {
                "remove it: what a connection needs beside its address is a key of the plan, such \
                 as `tls`"
            }
            Self::MissingCa { .. } => {
                "name the file of the authorities to trust in `ca`; to trust the public ones, \
                 choose `verify_identity`, which also checks the host's name"
            }
            Self::UnusedCa { .. } => {
                "no certificate is checked in this mode: choose `verify_ca` or `verify_identity`, \
                 or remove `ca`"
            }
        };
        fixed.into()
    }
}

/// What is the matter with a variable: it is set or not, where a file exists or not.
fn variable(reason: &SecretError) -> String {
    if *reason == SecretError::Missing { "is not set".to_owned() } else { reason.to_string() }
}

fn named(parameter: Option<&str>) -> String {
    parameter.map(|name| format!(" `{name}`")).unwrap_or_default()
}
