//! What only a real server can prove: connections, catalogs, definitions and checks.

#[cfg(test)]
mod catalog;
#[cfg(test)]
mod checks;
#[cfg(test)]
mod common;
#[cfg(test)]
mod definitions;
#[cfg(test)]
mod logged;
#[cfg(test)]
mod session;
#[cfg(test)]
mod source;
#[cfg(test)]
mod tables;
#[cfg(test)]
mod tls;
