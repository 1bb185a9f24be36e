//! What is done with the shards of a keyspace.

use crate::{
    graph::{Graph, STATEMENT_BYTES_MAX},
    plan::{Plan, Target},
    sharding::{Sharding, TableSharding},
    size,
};

/// Where the rows of each table go, by the tables' names; empty for a target without shards.
pub(super) fn placements(plan: &Plan) -> Vec<(String, String)> {
    let Target::Vitess(_) = plan.target else { return Vec::new() };
    let told = plan.sharding.iter().map(|sharding| (sharding.table.clone(), placement(sharding)));
    let mut placements: Vec<(String, String)> = told.collect();
    let others = if placements.is_empty() { "all tables" } else { "all others" };
    placements.push((others.to_owned(), READ.to_owned()));
    placements
}

/// Where rows go of which the plan says nothing.
const READ: &str = "read from vtgate when the run begins";

fn placement(sharding: &TableSharding) -> String {
    let how = match &sharding.how {
        Sharding::Reference => "every shard has all rows".to_owned(),
        Sharding::Asked => "by the keyspace ids that vtgate is asked for".to_owned(),
        Sharding::Read => READ.to_owned(),
        Sharding::Vindex { columns, kind, params, .. } => {
            let columns: Vec<String> =
                columns.iter().map(|column| format!("`{}`", column.name)).collect();
            let params: Vec<String> =
                params.iter().map(|(name, value)| format!("{name} = {value}")).collect();
            let given = if params.is_empty() { "" } else { ", where " };
            format!("by `{kind}` of {}{given}{}", columns.join(", "), params.join(", "))
        }
    };
    match &sharding.sequence {
        Some(sequence) => format!("{how}; numbered by `{sequence}`"),
        None => how,
    }
}

/// What writing past vtgate means for others.
pub(super) const PASSED_BY: &str = "rows go past vtgate and the tablets: their throttlers, query rules, denied \
                                    tables and transaction pools do not hold for them";

/// What the stages that write may use of each shard's own server, out of what any such stage may.
pub(super) fn straight_facts(
    (lanes, transactions, stored): (String, String, String),
) -> Vec<String> {
    vec![
        "one such stage for each shard, in sessions with the shard's own server, each proven to be the one \
         that vtgate writes to"
            .to_owned(),
        format!("{lanes} on a shard"),
        transactions,
        stored,
    ]
}

/// What the stages that write may use of each shard, out of what any such stage may.
pub(super) fn apply_facts((lanes, transactions, stored): (String, String, String)) -> Vec<String> {
    vec![
        "one such stage for each shard, in sessions that are targeted at it".to_owned(),
        format!("{lanes} on a shard, of the 20 transactions that it has for everybody"),
        format!("{transactions}, far below the 30 seconds that vtgate gives one"),
        format!(
            "statements of at most {} or one row, far below the 16MiB that vtgate takes",
            size::about(STATEMENT_BYTES_MAX as u64)
        ),
        stored,
    ]
}

/// How many lanes there are for how many shards; nothing for a target without shards.
pub(super) fn lanes(plan: &Plan, graph: &Graph) -> Option<String> {
    let Target::Vitess(_) = plan.target else { return None };
    let mut told = Vec::new();
    let mut shard_count = 1;
    let mut most = 0;
    while let Some(lanes) = graph.lanes_of_shard(shard_count) {
        if shard_count.is_power_of_two() {
            told.push(match shard_count {
                1 => format!("{lanes} on one shard"),
                _ => format!("{lanes} on each of {shard_count}"),
            });
        }
        most = shard_count;
        shard_count += 1;
    }
    Some(format!("lanes: {}; enough for at most {most} shards", told.join(", ")))
}
