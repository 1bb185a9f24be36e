//! The databases that a plan's rows are written to: one, or one behind each shard of a keyspace.

use std::sync::Arc;

use whimbrel_mysql::{ConnectOptions, ddl::CreateTable};
use whimbrel_plan::Graph;

use crate::{error::RunError, foreign_keys::Pieces, ways::Way};

/// A database that rows are written to.
#[derive(Debug, Clone)]
pub(crate) struct Shard {
    /// As Vitess names it; `None` for a target that is one database.
    pub(crate) name: Option<String>,
    /// How it is connected to; of a keyspace's shard through vtgate.
    pub(crate) options: ConnectOptions,
    /// How its rows are written, if not through vtgate.
    pub(crate) way: Option<Arc<Way>>,
    /// The database's name on its server.
    pub(crate) schema: String,
    /// Whether it has a part of each table's rows: nothing that tables say of all their rows holds there.
    pub(crate) is_part: bool,
    /// The foreign keys that its tables get; `None` for all that the source's have.
    pub(crate) foreign_keys: Option<Arc<Pieces>>,
    /// Whether it is of another keyspace, which has tables of lookup vindexes and no other target.
    pub(crate) is_beside: bool,
}

impl Shard {
    /// A target that is one database.
    pub(crate) fn only(options: ConnectOptions) -> Self {
        Self {
            name: None,
            schema: options.database().to_owned(),
            options,
            way: None,
            is_part: false,
            foreign_keys: None,
            is_beside: false,
        }
    }

    /// Whether the sessions that write its rows are with its own server, whose locks tell them apart.
    pub(crate) fn has_locks(&self) -> bool {
        self.name.is_none() || self.way.is_some()
    }

    /// What the progress report calls it.
    pub(crate) fn label(&self) -> String {
        self.name.as_ref().map_or_else(|| "target".to_owned(), |name| format!("shard `{name}`"))
    }

    /// A table's definition as it has to be there.
    pub(crate) fn definition(&self, create: &CreateTable) -> CreateTable {
        let create = if self.is_part { create.for_shard() } else { create.clone() };
        let Some(kept) = &self.foreign_keys else { return create };
        let kept = kept.get(create.name()).cloned().unwrap_or_default();
        create.with_foreign_keys(|item| kept.contains(&item.text))
    }

    /// `error`, with the shard's name. Errors that are of the whole run stay as they are.
    pub(crate) fn told(&self, error: RunError) -> RunError {
        match (&self.name, error) {
            (_, error @ (RunError::Downstream | RunError::Fenced | RunError::OnShard { .. }))
            | (None, error) => error,
            (Some(shard), cause) => {
                RunError::OnShard { shard: shard.clone(), cause: Box::new(cause) }
            }
        }
    }
}

/// How many lanes each shard may have.
///
/// # Errors
///
/// [`RunError::Connections`] if there are fewer connections than the shards need.
pub(crate) fn lanes_of_shard(graph: &Graph, shard_count: usize) -> Result<u32, RunError> {
    let shard_count = u32::try_from(shard_count).unwrap_or(u32::MAX);
    graph.lanes_of_shard(shard_count).ok_or_else(|| RunError::Connections {
        shard_count,
        limit: graph.target.limit,
        needed: Graph::connections_needed(shard_count),
    })
}
