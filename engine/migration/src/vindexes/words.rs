//! Where the rows of targets are, in words that are kept from run to run.

use std::collections::BTreeMap;

use whimbrel_mysql::{vtgate, vtgate::TableVindex};

use crate::{
    error::{RunError, TableProblem},
    lookups::{self, Lookup},
    store::Placings,
};

/// Where vtgate says that rows are, in words.
pub(crate) fn placings_of(told: &BTreeMap<String, vtgate::Placing>) -> Placings {
    told.iter().map(|(target, told)| (target.clone(), in_words(target, told))).collect()
}

/// Proves that rows are `now` where they were when the plan began: those that are there would not be found
/// where they belong otherwise, nor changed.
///
/// # Errors
///
/// [`RunError::Tables`].
pub(crate) fn unchanged(now: &Placings, began: &Placings) -> Result<(), RunError> {
    let changed = now.iter().filter_map(|(target, now)| {
        let began = began.get(target).filter(|began| *began != now)?;
        Some(TableProblem {
            table: target.clone(),
            what: difference(began, now),
            remedy: "change the vschema back, or begin again under a new `name` with empty tables"
                .to_owned(),
        })
    });
    let problems: Vec<TableProblem> = changed.collect();
    if problems.is_empty() { Ok(()) } else { Err(RunError::Tables { problems }) }
}

/// How words of where a target's rows are differ: only what they do not have in common.
fn difference(began: &str, now: &str) -> String {
    let (placed_then, lookups_then) = lookups::of_words(began);
    let (placed_now, lookups_now) = lookups::of_words(now);
    if placed_then != placed_now {
        return format!("the vschema placed its rows {began} when this plan began, and {now} now");
    }
    let beside = |ours: &[String], theirs: &[String]| {
        let alone: Vec<&str> =
            ours.iter().filter(|it| !theirs.contains(it)).map(String::as_str).collect();
        if alone.is_empty() { "looked up in no other way".to_owned() } else { alone.join(", ") }
    };
    format!(
        "the vschema had its rows {} when this plan began, and {} now",
        beside(&lookups_then, &lookups_now),
        beside(&lookups_now, &lookups_then)
    )
}

/// Where a target's rows are by the vschema, and where they are looked up.
pub(super) fn in_words(target: &str, told: &vtgate::Placing) -> String {
    let vindexes = match told {
        vtgate::Placing::Vindexes { vindexes, .. } => vindexes,
        vtgate::Placing::Unknown => return "nowhere".to_owned(),
        vtgate::Placing::Unsharded
        | vtgate::Placing::Sequence
        | vtgate::Placing::Reference { .. }
        | vtgate::Placing::Pinned => return "on every shard".to_owned(),
    };
    let Some(TableVindex { columns, kind, params, .. }) = vindexes.first() else {
        return "nowhere".to_owned();
    };
    let params: Vec<String> =
        params.iter().map(|(name, value)| format!(", {name} {value}")).collect();
    let placed = format!("by `{kind}` of ({}){}", columns.join(", "), params.concat());
    // One whose table cannot be kept is told of where it is refused.
    let lookups = Lookup::owned(target, vindexes).unwrap_or_default();
    let mut words = placed;
    lookups.iter().for_each(|lookup| words.push_str(&lookup.in_words()));
    words
}
