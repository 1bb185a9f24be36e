//! A migration at work: the stages of a graph, what they agree on, and what they keep.
//!
//! The decisions are pure and stand in modules of their own: `windows` and `merge` (where a chunk
//! meets the tail), `lanes`, `lane` and `effects` (what a lane's transaction holds), `owned`
//! (whose row is shown), `pieces` (what is copied), `transform` (what rows become). The stages around them wait on servers. Nothing here decodes a protocol or writes
//! the text of a row: that is `whimbrel-mysql`'s.

mod advice;
mod assemble;
mod begin;
mod control;
pub mod effects;
mod error;
mod finish;
mod foreign_keys;
mod indexes;
pub mod lane;
pub mod lanes;
mod link;
mod lookups;
mod materialize;
pub mod merge;
mod newest;
pub mod owned;
mod pace;
pub mod pieces;
pub mod placing;
mod prepare;
mod preparing;
mod progress;
mod reach;
mod retention;
pub mod rollup;
mod run;
mod runners;
mod sequences;
mod serving;
mod shards;
mod shared;
mod stage;
mod status;
mod store;
mod tables;
mod throttle;
mod told;
pub mod transform;
mod uniques;
mod vindexes;
mod vschema;
mod watch;
mod ways;
pub mod windows;

pub use error::{RunError, SharedKeys, TableProblem};
pub use materialize::bind_offline;
pub use prepare::Notes;
pub use preparing::Preparing;
pub use progress::{Phase, Progress, Report, TableReport};
pub use run::{Outcome, Run, Until};
pub use status::{Status, status};
pub use vschema::Announce;

#[cfg(test)]
mod sim;
