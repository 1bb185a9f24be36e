//! The binary log of a real server, read item by item.

#[cfg(test)]
mod images;
#[cfg(test)]
mod log_end;
#[cfg(test)]
mod support;
#[cfg(test)]
mod transactions;
#[cfg(test)]
mod types;
