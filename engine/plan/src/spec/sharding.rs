//! `sharding` as people write it.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Entries;

/// How a table's rows are spread over the shards of a keyspace.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Sharding")]
pub(crate) struct ShardingSpec {
    /// The column that says which shard a row is on.
    pub(crate) column: Option<String>,
    /// The columns that say it together, for a vindex of several columns.
    #[schemars(length(min = 1))]
    pub(crate) columns: Option<Vec<String>>,
    /// The type of the vindex that makes a keyspace id of them, such as `xxhash`.
    pub(crate) vindex: Option<String>,
    /// The vindex's parameters, as the vschema has them. A file that one of them names lies relative to
    /// the plan's folder.
    pub(crate) params: Option<Entries<String>>,
    /// Whether every shard has all rows.
    #[schemars(extend("default" = false))]
    pub(crate) reference: Option<bool>,
    /// Whether vtgate is asked for the keyspace id of every value: the table's vindex is of a type that is known
    /// there alone, and always gives a value the same keyspace id.
    #[schemars(extend("default" = false))]
    pub(crate) ask_vtgate: Option<bool>,
    /// The sequence that numbers new rows in place of `AUTO_INCREMENT`: `keyspace.table`.
    pub(crate) sequence: Option<String>,
}
