//! A migration at work: the stages of a graph, what they agree on, and what they keep.
//!
//! The decisions are pure and stand in modules of their own: `windows` and `merge` (where a chunk
//! meets the tail), `lanes`, `lane` and `effects` (what a lane's transaction holds), `pieces` (what
//! is copied). The stages around them wait on servers. Nothing here decodes a protocol or writes
//! the text of a row: that is `whimbrel-mysql`'s.

pub mod effects;
pub mod lane;
pub mod lanes;
pub mod merge;
pub mod pieces;
pub mod windows;
