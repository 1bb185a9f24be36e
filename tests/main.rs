//! What a person sees who runs the program: one binary of tests, a module a subject.

#[cfg(test)]
mod binlog;
#[cfg(test)]
mod command;
#[cfg(test)]
mod explain;
#[cfg(test)]
mod failing_rows;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod foreign_keys;
#[cfg(test)]
mod init;
#[cfg(test)]
mod keyspace;
#[cfg(test)]
mod keyspace_refusals;
#[cfg(test)]
mod lookups;
#[cfg(test)]
mod materialize;
#[cfg(test)]
mod owners;
#[cfg(test)]
mod plans;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod rollups;
#[cfg(test)]
mod run;
#[cfg(test)]
mod sequences;
#[cfg(test)]
mod support;
#[cfg(test)]
mod validate;
#[cfg(test)]
mod vschema;
#[cfg(test)]
mod walkthrough;
