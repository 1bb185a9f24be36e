//! The stages at work. They meet on edges; `assemble` alone knows them all.

pub(crate) mod apply;
pub(crate) mod ask;
pub(crate) mod lane;
pub(crate) mod merge;
mod owned;
pub(crate) mod planner;
pub(crate) mod reader;
pub(crate) mod route;
pub(crate) mod snapshot;
pub(crate) mod tail;
pub(crate) mod transform;
mod writes;
