//! What only a real vtgate can prove: what its sessions rest on, what its answers mean, and what it tells
//! of a keyspace.

#[cfg(test)]
mod ask;
#[cfg(test)]
mod cluster;
#[cfg(test)]
mod common;
#[cfg(test)]
mod definitions;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod session;
#[cfg(test)]
mod shape;
#[cfg(test)]
#[path = "../net/tables.rs"]
mod tables;
