//! An explanation for machines.

use petgraph::visit::{EdgeRef, IntoEdgeReferences};
use serde_json::{Value, json};

use super::{
    BINLOG_SKIPPED, LOCKS, foreign_keys, node_name, rules, shards, state,
    targets::{Described, targets},
    tls,
    vschema::foreseen,
};
use crate::{
    bind::Bound,
    graph::{Connections, Edge, EdgeBytes, Graph, Node, STATEMENT_BYTES_MAX},
    plan::{Endpoint, Plan, Tablet, Target},
    selection::STATE_PREFIX,
    sharding::{Sharding, TableSharding},
    spec::{Binlog, ForeignKeyPolicy, OnDdl},
};

pub(super) fn explain(plan: &Plan, graph: &Graph, bound: Option<&Bound>) -> String {
    let (moved, left_out) = rules(plan);
    let edges = graph.stages.edge_references().map(|edge| {
        let name = |index| graph.stages.node_weight(index).map_or("", node_name);
        describe_edge(name(edge.source()), name(edge.target()), edge.weight())
    });
    let value = json!({
        "plan": plan.name,
        "fingerprint": plan.fingerprint().digest(),
        "source": endpoint(&plan.source),
        "target": target_server(plan),
        "tables": { "move": moved, "except": left_out },
        "materialize": targets(plan, bound).iter().map(target).collect::<Vec<_>>(),
        "sharding": sharding(plan),
        "vschema": vschema(plan),
        "on_ddl": match plan.on_ddl {
            OnDdl::Stop => "stop",
            OnDdl::Ignore => "ignore",
        },
        "foreign_keys": foreign_keys(plan).map(|(policy, _)| match policy {
            ForeignKeyPolicy::LeaveOut => "leave_out",
            ForeignKeyPolicy::Create => "create",
        }),
        "target_binlog": match plan.target.binlog() {
            Binlog::Write => "write",
            Binlog::Skip => "skip",
        },
        "target_binlog_note": match plan.target.binlog() {
            Binlog::Write => None,
            Binlog::Skip => Some(BINLOG_SKIPPED),
        },
        "nodes": graph.stages.node_weights().map(node).collect::<Vec<_>>(),
        "edges": edges.collect::<Vec<_>>(),
        "connections": {
            "source": connections(&plan.source, &graph.source),
            "target": connections(plan.target.endpoint(), &graph.target),
        },
        "locks": [],
        "locks_note": LOCKS,
        "state": {
            "address": plan.target.endpoint().address(),
            "database": plan.target.endpoint().database,
            "tables": format!("{STATE_PREFIX}*"),
            "note": state(plan),
        },
        "memory_bytes": {
            "limit": graph.memory.limit,
            "snapshot": graph.memory.snapshot,
            "tail": graph.memory.tail,
            "windows": graph.memory.windows,
            "overhead": graph.memory.overhead,
        },
    });
    format!("{value:#}\n")
}

fn target(target: &Described) -> Value {
    let facts = target.facts.iter().map(|(name, fact)| json!({ "name": name, "fact": fact }));
    json!({
        "name": target.name,
        "facts": facts.collect::<Vec<_>>(),
        "statement": target.statement,
    })
}

/// The target with `database`, or with `keyspace` if it is one.
fn target_server(plan: &Plan) -> Value {
    let mut server = endpoint(plan.target.endpoint());
    if let (Target::Vitess(_), Some(object)) = (&plan.target, server.as_object_mut()) {
        let keyspace = object.remove("database").unwrap_or_default();
        object.insert("keyspace".to_owned(), keyspace);
        let tablets = plan.target.tablets().iter().map(tablet);
        object.insert("tablets".to_owned(), tablets.collect());
        let note = Some(shards::PASSED_BY).filter(|_| !plan.target.tablets().is_empty());
        object.insert("tablets_note".to_owned(), note.into());
    }
    server
}

/// The server that a shard's rows go straight to.
fn tablet(tablet: &Tablet) -> Value {
    json!({
        "shard": tablet.shard,
        "address": tablet.endpoint.address(),
        "user": tablet.endpoint.user,
        "tls": tls(&tablet.endpoint.tls),
    })
}

/// Where the rows of the tables go of which the plan says it; `null` for a target without shards.
fn sharding(plan: &Plan) -> Value {
    let Target::Vitess(_) = plan.target else { return Value::Null };
    let table = |table: &TableSharding| {
        let (reference, vindex) = match &table.how {
            Sharding::Reference => (true, None),
            Sharding::Asked | Sharding::Read => (false, None),
            Sharding::Vindex { columns, kind, params, .. } => {
                let columns: Vec<&str> =
                    columns.iter().map(|column| column.name.as_str()).collect();
                (false, Some(json!({ "type": kind, "columns": columns, "params": params })))
            }
        };
        let sequence = table.sequence.as_ref().map(ToString::to_string);
        json!({
            "table": table.table,
            "reference": reference,
            "vindex": vindex,
            "ask_vtgate": matches!(table.how, Sharding::Asked),
            "sequence": sequence,
        })
    };
    plan.sharding.iter().map(table).collect()
}

/// What is done with the keyspace's vschema; `null` for a target without shards.
fn vschema(plan: &Plan) -> Value {
    let Target::Vitess(_) = plan.target else { return Value::Null };
    let Some(foreseen) = foreseen(plan) else { return json!({ "policy": "check" }) };
    let by_hand = foreseen.by_hand.iter();
    let by_hand = by_hand.map(|(table, remedy)| json!({ "table": table, "remedy": remedy }));
    json!({
        "policy": "apply",
        "may_be_run": foreseen.statements,
        "by_hand": by_hand.collect::<Vec<_>>(),
    })
}

fn endpoint(endpoint: &Endpoint) -> Value {
    json!({
        "address": endpoint.address(),
        "user": endpoint.user,
        "database": endpoint.database,
        "tls": tls(&endpoint.tls),
    })
}

fn node(node: &Node) -> Value {
    let kind = node_name(node);
    match node {
        Node::Snapshot(snapshot) => json!({
            "kind": kind,
            "readers": snapshot.readers,
            "chunk_bytes_max": snapshot.chunk_bytes_max,
            "rows_per_second": snapshot.rows_per_second,
            "source_threads_running_max": snapshot.source_load.threads_running,
            "source_history_list_max": snapshot.source_load.history_list,
        }),
        Node::Tail(tail) => json!({ "kind": kind, "batch_bytes_max": tail.batch_bytes_max }),
        Node::Merge(merge) => json!({
            "kind": kind,
            "windows_max": merge.windows_max,
            "window_key_bytes_max": merge.window_key_bytes_max,
        }),
        Node::Transform(transform) => json!({ "kind": kind, "targets": transform.targets }),
        Node::Route(route) => json!({ "kind": kind, "keyspace": route.keyspace }),
        Node::Apply(apply) => json!({
            "kind": kind,
            "lanes_max": apply.lanes_max,
            "statement_bytes_max": STATEMENT_BYTES_MAX,
            "lane_window_bytes_max": apply.lane_window_bytes_max,
            "lane_window_rows_max": apply.lane_window_rows_max,
            "lane_window_ms_max": apply.lane_window_ms_max,
        }),
    }
}

fn describe_edge(from: &str, to: &str, edge: &Edge) -> Value {
    let bytes_max = match edge.bytes {
        EdgeBytes::Taken { max } => Some(max),
        EdgeBytes::Carried => None,
    };
    json!({
        "from": from,
        "to": to,
        "guarantee": edge.guarantee,
        "batches_max": edge.batches_max,
        "bytes_max": bytes_max,
    })
}

fn connections(endpoint: &Endpoint, connections: &Connections) -> Value {
    let uses = connections.uses.iter().map(|(name, count)| json!({ "for": name, "count": count }));
    json!({
        "address": endpoint.address(),
        "total": connections.total(),
        "limit": connections.limit,
        "uses": uses.collect::<Vec<_>>(),
    })
}
