//! What Vitess's own specifications say, as plans: Materialize settings, `MoveTables` requests, and
//! workflows as `vtctldclient` prints them.
//!
//! `text ─json→ Specification ─write→ plan`. A `SELECT` becomes the expressions that give the same rows
//! and values, `NULL` included; what has no exact counterpart is refused with its place in the text, and
//! all of that at once. Pure: it reads no file and asks no server, so that types are not its business;
//! they are checked when the plan is. The only crate that knows `sqlparser`.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "matches are over the syntax of all dialects: what is not named is refused"
)]

mod fields;
mod json;
mod move_tables;
mod options;
mod refusal;
mod select;
mod settings;
mod shape;
mod shard;
mod specification;
mod sql;
mod translate;
mod warning;
mod workflow;
mod write;
mod yaml;

pub use refusal::{Refusal, What};
pub use warning::{Place, Warning};

/// What a specification becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// The plan, in YAML.
    pub plan: String,
    /// What a person has to decide who knows the columns; the plan's comment says it, too.
    pub warnings: Vec<Warning>,
}

/// What stands on `vtctldclient`'s command line, and not in the JSON that it is given.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// `--workflow`.
    pub workflow: Option<String>,
    /// `--source-keyspace`.
    pub source_keyspace: Option<String>,
    /// `--target-keyspace`.
    pub target_keyspace: Option<String>,
    /// `--reference-tables`.
    pub reference_tables: Vec<String>,
}

/// The plan, in YAML, that does what the specification in `text` says.
///
/// # Errors
///
/// All that cannot be carried over whatever the columns are, in the order of the text.
pub fn plan(text: &str, given: &Given) -> Result<Made, Vec<Refusal>> {
    let mut refusals = Vec::new();
    let read = json::read(text).map_err(|refusal| vec![refusal])?;
    let found = shape::specification(&read, given, &mut refusals);
    match found {
        Some(specification) if refusals.is_empty() => {
            let warnings = warning::warnings(&specification, text);
            Ok(Made { plan: write::plan(&specification, &warnings), warnings })
        }
        _ => {
            // What is there and wrong is not missing, too.
            let wrong: Vec<&str> = refusals.iter().filter_map(Refusal::wrong_type).collect();
            refusals.retain(|refusal| refusal.missing().is_none_or(|key| !wrong.contains(&key)));
            refusals.sort_by_key(|refusal| (refusal.at.start, refusal.at.end));
            Err(refusals)
        }
    }
}

#[cfg(test)]
mod tests;
