//! What a plan will do, for people and for machines: without passwords, without asking a server.

mod diagram;
mod json;
mod shards;
mod targets;
mod text;
mod vschema;

use crate::{
    bind::Bound,
    graph::{Apply, EdgeBytes, Graph, Node},
    plan::{Plan, Target, Tls},
    selection::{Rule, STATE_PREFIX},
    size,
    spec::{ForeignKeyPolicy, OnDdl},
};

/// How an explanation is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExplainFormat {
    /// Lines for a terminal.
    Text,
    /// A Mermaid flowchart.
    Mermaid,
    /// A Graphviz digraph.
    Dot,
    /// One JSON value.
    Json,
}

/// What `plan` will do as `graph`, its compiled form, and as `bound`, where its tables are known; ends
/// with a line's end.
#[must_use]
pub fn explain(
    plan: &Plan,
    (graph, bound): (&Graph, Option<&Bound>),
    format: ExplainFormat,
) -> String {
    match format {
        ExplainFormat::Text => text::explain(plan, graph, bound),
        ExplainFormat::Mermaid => diagram::mermaid(plan, graph),
        ExplainFormat::Dot => diagram::dot(plan, graph),
        ExplainFormat::Json => json::explain(plan, graph, bound),
    }
}

/// Why a run takes no locks.
const LOCKS: &str =
    "none: chunks are read from consistent snapshots, changes come from the binary log";

fn state(plan: &Plan) -> String {
    let target = plan.target.endpoint();
    if let Target::Vitess(_) = plan.target {
        return format!(
            "tables `{STATE_PREFIX}*` on every shard of `{}`, behind {}: positions and marks beside their \
             rows, all else on the first shard",
            target.database,
            target.address()
        );
    }
    format!("tables `{STATE_PREFIX}*` in `{}` on {}", target.database, target.address())
}

/// What leaving the target's binary log out means for others.
const BINLOG_SKIPPED: &str = "skipped: replicas of the target, and a recovery to a point in time, will \
                              not have what is written, neither rows nor tables; for a target \
                              without replicas alone";

fn on_ddl(policy: OnDdl) -> &'static str {
    match policy {
        OnDdl::Stop => "stop, with all that came before it written",
        OnDdl::Ignore => "pass over statements that change no row, stop at all others",
    }
}

/// What happens to foreign keys; `None` for a target that has all that its source has.
fn foreign_keys(plan: &Plan) -> Option<(ForeignKeyPolicy, &'static str)> {
    let Target::Vitess(target) = &plan.target else { return None };
    let fact = match target.foreign_keys {
        ForeignKeyPolicy::LeaveOut => "left out, each told of",
        ForeignKeyPolicy::Create => {
            "made on each shard after the rows, if all of them can hold there; else nothing is made"
        }
    };
    Some((target.foreign_keys, fact))
}

fn tls(tls: &Tls) -> &'static str {
    match tls {
        Tls::Disabled => "disabled",
        Tls::Preferred => "preferred",
        Tls::Required => "required",
        Tls::VerifyCa { .. } => "verify_ca",
        Tls::VerifyIdentity { .. } => "verify_identity",
    }
}

/// The rules that select, and those that leave out, as patterns.
fn rules(plan: &Plan) -> (Vec<String>, Vec<String>) {
    let (excluding, including): (Vec<_>, Vec<_>) =
        plan.selection.rules().iter().partition(|rule| rule.excludes);
    let exclusion = |rule: &Rule| rule.text.strip_prefix('!').unwrap_or(&rule.text).to_owned();
    (
        including.into_iter().map(|rule| rule.text.clone()).collect(),
        excluding.into_iter().map(exclusion).collect(),
    )
}

fn node_name(node: &Node) -> &'static str {
    match node {
        Node::Snapshot(_) => "snapshot",
        Node::Tail(_) => "tail",
        Node::Merge(_) => "merge",
        Node::Transform(_) => "transform",
        Node::Route(_) => "route",
        Node::Apply(_) => "apply",
    }
}

/// What a node may use, in short phrases.
fn node_facts(node: &Node, plan: &Plan) -> Vec<String> {
    match node {
        Node::Snapshot(snapshot) => {
            let rate = snapshot.rows_per_second.map_or_else(
                || "as many rows a second as there are".to_owned(),
                |rows| format!("at most {rows} rows a second"),
            );
            vec![
                count(snapshot.readers, "reader"),
                format!("chunks of at most {}", size::about(snapshot.chunk_bytes_max)),
                rate,
                format!(
                    "waits while the source has more than {} threads running, or {} transactions in \
                     its history list",
                    snapshot.source_load.threads_running, snapshot.source_load.history_list
                ),
            ]
        }
        Node::Tail(tail) => vec![
            "one reader of the binary log".to_owned(),
            format!("batches of at most {}", size::about(tail.batch_bytes_max)),
        ],
        Node::Merge(merge) => vec![
            format!("at most {}", count(merge.windows_max, "window")),
            format!("{} of touched keys in each", size::about(merge.window_key_bytes_max)),
        ],
        Node::Transform(transform) => vec![
            format!("{} made by expressions", count(transform.targets, "table")),
            "in the order in which rows come, on all cores but one".to_owned(),
        ],
        Node::Route(route) => vec![
            format!(
                "each row to its shard of `{}`, in the order in which rows come",
                route.keyspace
            ),
            "a row whose shard changes is deleted on the one and written to the other".to_owned(),
            "the table of a lookup vindex that a table owns is a target, too, on shards of its own keyspace: \
             statements that vtgate routes would store no position with it"
                .to_owned(),
        ],
        Node::Apply(apply) => apply_facts(apply, plan),
    }
}

fn apply_facts(apply: &Apply, plan: &Plan) -> Vec<String> {
    let transactions = format!(
        "transactions of at most {} rows and {}",
        apply.lane_window_rows_max,
        size::about(apply.lane_window_bytes_max)
    );
    let lanes = format!("at most {}", count(apply.lanes_max, "lane"));
    let stored =
        "rows, position and chunk marks in one transaction: exactly once per lane".to_owned();
    match &plan.target {
        Target::Mysql(_) => vec![lanes, transactions, stored],
        Target::Vitess(target) if target.is_straight() => {
            shards::straight_facts((lanes, transactions, stored))
        }
        Target::Vitess(_) => shards::apply_facts((lanes, transactions, stored)),
    }
}

fn edge_bytes(bytes: EdgeBytes) -> String {
    match bytes {
        EdgeBytes::Taken { max } => format!("at most {} until applied", size::about(max)),
        EdgeBytes::Carried => "within the bytes taken before".to_owned(),
    }
}

fn count(number: u32, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

#[cfg(test)]
mod tests;
