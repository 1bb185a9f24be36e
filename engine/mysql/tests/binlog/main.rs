//! The binary log of a real server, read item by item.

mod images;
mod log_end;
mod support;
mod transactions;
mod types;
