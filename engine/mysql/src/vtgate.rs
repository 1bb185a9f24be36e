//! Vitess as a target: what vtgate tells of a keyspace, and what stands in the way of writing to it.
//!
//! All of it by SQL: `SHOW VITESS_…` and `SHOW VSCHEMA …` in a session of the keyspace (they fail in one
//! of a shard), and plans of statements that are not run, which say what a table is where nothing else
//! does.

mod ask;
mod findings;
mod plan;
mod primary;
mod sequence;
mod shape;
mod vschema;

pub use self::{
    ask::{KeyspaceIds, Written, keyspace_ids},
    findings::{findings, foreign_key_finding, shard_findings},
    primary::{not_a_server_finding, primary_finding, server_behind, tablets_finding},
    sequence::{advance_sequence, is_sequence, sequence_cache, sequence_keyspaces},
    shape::{ForeignKeyMode, Placing, Shape, ShardShape, TableVindex, shape},
    vschema::{known_tables, known_vindexes, unsharded_keyspaces},
};
