//! Why a run did not start, or did not go on.

use thiserror::Error;
use whimbrel_model::{GtidError, GtidSet, Newest};
use whimbrel_mysql::{Error, Finding, LogError, OptionsError};
use whimbrel_plan::{PlanChange, PlanError};

use crate::transform::{FailedRow, StrayRow, TransformError};

/// Why a run did not start, or did not go on. Whatever it is, nothing that was stored is lost.
#[derive(Debug, Error)]
pub enum RunError {
    /// The plan names tables that the source does not have, or names them twice.
    #[error("the plan does not fit the source's tables")]
    Selection {
        /// Each with its place in the plan.
        errors: Vec<PlanError>,
    },
    /// A server is not as it must be.
    #[error("preflight refused")]
    Preflight {
        /// What was found, refusals and warnings.
        findings: Vec<Finding>,
    },
    /// The plan changed in what may not change under one name.
    #[error("the plan `{plan}` has begun with other settings")]
    Changed {
        /// The plan's name.
        plan: String,
        /// What changed.
        changes: Vec<PlanChange>,
    },
    /// The state is of a newer program.
    #[error("the state of `{plan}` has format {format}, newer than this program's")]
    NewerFormat {
        /// The plan's name.
        plan: String,
        /// The format found.
        format: u64,
    },
    /// The keyspace of the target is not one that rows can be written to.
    #[error("the keyspace `{keyspace}`: {reason}")]
    Keyspace {
        /// Its name.
        keyspace: String,
        /// Why not.
        reason: String,
    },
    /// The plan gives fewer connections to the target than its shards need.
    #[error("{shard_count} shards need {needed} connections at least, and the plan gives {limit}")]
    Connections {
        /// How many shards there are.
        shard_count: u32,
        /// The plan's limit.
        limit: u32,
        /// How many connections they need.
        needed: u32,
    },
    /// vtgate does not take a statement that adds to the vschema.
    #[error("vtgate does not take `{statement}`")]
    Vschema {
        /// The statement.
        statement: String,
        /// What it says.
        #[source]
        cause: Error,
    },
    /// The topology has what a statement adds, and a vtgate does not know it.
    #[error("the topology has what `{statement}` adds, and a vtgate does not go by it")]
    VschemaUnserved {
        /// The statement.
        statement: String,
    },
    /// No state is kept for the plan.
    #[error("the target keeps no state of a plan `{plan}`")]
    NoState {
        /// The plan's name.
        plan: String,
    },
    /// What is kept cannot be read.
    #[error("the kept {what} cannot be read")]
    State {
        /// What it is.
        what: &'static str,
    },
    /// Another runner holds the plan.
    #[error("another runner is at work on this plan{}", of_connection(*connection))]
    Busy {
        /// Its connection on the target; `None` where those are not told apart.
        connection: Option<u64>,
    },
    /// Another runner has taken the plan over.
    #[error("another runner has taken this plan over; this one stopped without writing")]
    Fenced,
    /// A lane's row is not what this runner stored: the target lost commits, or was changed.
    #[error("lane {lane} is not as this runner left it: the target lost commits or was restored")]
    Diverged {
        /// The lane.
        lane: u32,
    },
    /// Something went wrong on one of the target's shards.
    #[error("shard `{shard}`")]
    OnShard {
        /// The shard.
        shard: String,
        /// What.
        #[source]
        cause: Box<RunError>,
    },
    /// The keyspace has other shards than when the plan began.
    #[error("the keyspace had the shards {began} when this plan began, and has {now} now")]
    Resharded {
        /// Those of then.
        began: String,
        /// Those of now.
        now: String,
    },
    /// A shard keeps state of a plan of this name of which the first shard knows nothing.
    #[error("it keeps state of an earlier plan `{plan}`, of which the first shard knows nothing")]
    ForeignState {
        /// The plan's name.
        plan: String,
    },
    /// XA transactions are prepared on the source: their rows are in its log, and not visible.
    #[error("{count} prepared XA transactions wait on the source")]
    Prepared {
        /// How many.
        count: usize,
    },
    /// The source no longer has transactions that were applied.
    #[error("the source has lost transactions that the target holds: {lost}")]
    SourceLost {
        /// Their identifiers.
        lost: GtidSet,
    },
    /// The source is a replica that has not executed yet what was applied from another server.
    #[error("the source has not executed yet what the target holds: {missing}")]
    SourceBehind {
        /// What it has not executed.
        missing: GtidSet,
        /// Whether it is at work on them.
        is_applying: bool,
    },
    /// The source gave the identifier of a transaction that was applied to another one.
    #[error("the source gave {} to another transaction than the one that was applied", newest.gtid)]
    Reused {
        /// The transaction that was applied.
        newest: Box<Newest>,
    },
    /// The source no longer has the log to go on from.
    #[error("the source has purged log that is still needed: {missing}")]
    Purged {
        /// The transactions that are missing.
        missing: GtidSet,
    },
    /// The reader's server is not the tail's: a proxy in between.
    #[error("reads reach server {reader}, but the log comes from {tail}")]
    SplitSource {
        /// The server that reads reach.
        reader: String,
        /// The server that the log comes from.
        tail: String,
    },
    /// A planned table's definition changed on the source.
    #[error("`{statement}` changed {} on the source", tables.join(", "))]
    Ddl {
        /// The statement.
        statement: String,
        /// The tables.
        tables: Vec<String>,
        /// The transaction that it is.
        gtid: String,
        /// Whether it leaves the tables' rows as they are.
        keeps_rows: bool,
    },
    /// The target does not make a table, an index or a foreign key.
    #[error("`{statement}` failed on the target")]
    Definition {
        /// The statement.
        statement: String,
        /// Whether the rows are there already.
        is_after_rows: bool,
        /// What it said.
        #[source]
        cause: Box<Error>,
    },
    /// An expression failed on a row.
    #[error(transparent)]
    FailedRow(Box<FailedRow>),
    /// No shard of the target may have a row.
    #[error(transparent)]
    UnplacedRow(Box<StrayRow>),
    /// Two sources have rows of one key of a target.
    #[error(transparent)]
    SharedKeys(Box<SharedKeys>),
    /// The target refuses a row.
    #[error("the target refuses a row of `{table}`")]
    RefusedRow {
        /// The table.
        table: String,
        /// What it said.
        #[source]
        cause: Box<Error>,
    },
    /// A row is longer than the messages that vtgate and its tablets send each other.
    #[error("a row of `{table}` is too large for the way through vtgate")]
    LargeRow {
        /// The table.
        table: String,
        /// What was said.
        #[source]
        cause: Box<Error>,
    },
    /// The rolled-up table does not take what a group comes to.
    #[error("the target refuses a group of `{table}`")]
    RefusedGroup {
        /// The rolled-up table.
        table: String,
        /// What it said.
        #[source]
        cause: Box<Error>,
    },
    /// The groups that are kept are not those of the rows that are kept.
    #[error("the groups that are kept of `{table}` are not those of its rows")]
    ForeignGroups {
        /// The rolled-up table.
        table: String,
    },
    /// An address that cannot be connected to.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// A server did not do what it was asked.
    #[error(transparent)]
    Server(Box<Error>),
    /// The log cannot be followed.
    #[error(transparent)]
    Log(Box<LogError>),
    /// A kept GTID is none.
    #[error(transparent)]
    Gtid(#[from] GtidError),
    /// A definition cannot be written or read.
    #[error("a kept definition cannot be read")]
    Json(#[from] serde_json::Error),
    /// Tables that cannot be moved as they are, or that are in the way on the target.
    #[error("tables of the plan cannot be moved as they are")]
    Tables {
        /// Each table, with what to do.
        problems: Vec<TableProblem>,
    },
    /// The stage downstream ended first: its own error tells why.
    #[error("a later stage ended first")]
    Downstream,
    /// A part of the run was stopped or is broken.
    #[error("{what}")]
    Broken {
        /// What.
        what: String,
    },
}

impl RunError {
    /// What went wrong, wherever it did.
    #[must_use]
    pub fn anywhere(&self) -> &Self {
        if let Self::OnShard { cause, .. } = self { cause.anywhere() } else { self }
    }
}

fn of_connection(connection: Option<u64>) -> String {
    connection.map_or_else(String::new, |id| format!(" (connection {id} of the target)"))
}

/// Keys of which two sources have rows.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{first}` and `{other}` both have rows of {key_count} of the keys of `{target}` ({key})")]
pub struct SharedKeys {
    /// The target.
    pub target: String,
    /// The source whose rows are shown.
    pub first: String,
    /// The source whose rows wait.
    pub other: String,
    /// The names of the key's columns.
    pub key: String,
    /// How many keys.
    pub key_count: u64,
    /// The statement that lists them on the target.
    pub listing: String,
}

impl From<Error> for RunError {
    fn from(error: Error) -> Self {
        Self::Server(Box::new(error))
    }
}

impl From<TransformError> for RunError {
    fn from(error: TransformError) -> Self {
        match error {
            TransformError::Failed(error) => Self::FailedRow(Box::new(error)),
            TransformError::Unplaced(error) => Self::UnplacedRow(error),
        }
    }
}

impl From<LogError> for RunError {
    fn from(error: LogError) -> Self {
        Self::Log(Box::new(error))
    }
}

/// A table that stands in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableProblem {
    /// The table.
    pub table: String,
    /// What is wrong.
    pub what: String,
    /// What mends it.
    pub remedy: String,
}
