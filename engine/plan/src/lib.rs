//! The plan: from the text that people review to the graph that a run is assembled from.
//!
//! `text ─parse→ Spec ─resolve→ Plan ─compile→ Graph`. Pure: no I/O, no clock, no runtime. What a
//! plan refers to outside of its text comes through [`Secrets`]. Every error has a stable id, a
//! place in the text and a remedy, and all of them are returned at once. It knows nothing of
//! terminals, and of servers only what a plan says about them.

mod bind;
mod check;
mod definition;
mod explain;
mod fingerprint;
mod graph;
mod load;
mod materialize;
mod pattern;
mod placed;
mod plan;
mod problem;
mod resolve;
mod schema;
mod secrets;
mod selection;
mod sharding;
mod size;
mod span;
mod spec;
mod url;
mod vschema;
mod yaml;

pub use bind::{
    Bound, BoundAggregate, BoundColumn, BoundGroups, BoundSource, BoundTarget, Definitions,
    Written, also_moved, bind,
};
pub use definition::{Definition, Piece, PieceKind};
pub use explain::{ExplainFormat, explain};
pub use fingerprint::Fingerprint;
pub use graph::{
    Apply, Connections, Edge, EdgeBytes, Graph, Memory, Merge, Node, Route, STATEMENT_BYTES_MAX,
    Snapshot, Tail, Transform, compile,
};
pub use load::{Draft, Loaded, draft, load};
pub use materialize::{
    AggregateFunction, AggregateRule, ColumnRule, Create, Materialized, Named, Text,
};
pub use pattern::Pattern;
pub use placed::Placed;
pub use plan::{
    Endpoint, Limits, MysqlTarget, Plan, PlanChange, SchemaFile, SourceLoad, Tablet, Target, Tls,
    VitessTarget,
};
pub use problem::{
    Advice, FormProblem, MaterializeProblem, PlanError, Problem, RuleProblem, SecretError,
    Severity, ShardingProblem, ValueProblem, in_order,
};
pub use schema::schema;
pub use secrets::{Secrets, redact};
pub use selection::{Rule, STATE_PREFIX, Selected, Selection};
pub use sharding::{SequenceName, Sharding, TableSharding};
pub use span::{Location, Span};
pub use spec::{Binlog, ForeignKeyPolicy, OnDdl, OnError, VschemaPolicy};
pub use vschema::{KeyspaceVindex, Unaddable, VschemaAddition};
