//! An explanation as a diagram: Mermaid or Graphviz.

use petgraph::visit::{EdgeRef, IntoEdgeReferences};

use super::{LOCKS, edge_bytes, node_facts, node_name, shards::placements, state};
use crate::{
    graph::{Connections, Graph, Node},
    plan::{Endpoint, Plan, Target},
};

pub(super) fn mermaid(plan: &Plan, graph: &Graph) -> String {
    let mut lines = vec!["flowchart LR".to_owned()];
    for (name, label) in servers(plan, graph) {
        lines.push(format!("  {name}[(\"{}\")]", mermaid_label(&label)));
    }
    for node in graph.stages.node_weights() {
        let label = mermaid_label(&stage(node, plan));
        lines.push(format!("  {}[\"{label}\"]", node_name(node)));
    }
    for (from, to, label) in edges(graph) {
        lines.push(if label.is_empty() {
            format!("  {from} --> {to}")
        } else {
            format!("  {from} -->|\"{}\"| {to}", mermaid_label(&label))
        });
    }
    lines.push(format!("  notes>\"{}\"]", mermaid_label(&notes(plan))));
    lines.join("\n") + "\n"
}

pub(super) fn dot(plan: &Plan, graph: &Graph) -> String {
    let mut lines = vec![
        format!("digraph \"{}\" {{", dot_label(std::slice::from_ref(&plan.name))),
        "  rankdir=LR; node [shape=box];".to_owned(),
        format!("  label=\"{}\";", dot_label(&notes(plan))),
    ];
    for (name, label) in servers(plan, graph) {
        lines.push(format!("  {name} [shape=cylinder, label=\"{}\"];", dot_label(&label)));
    }
    for node in graph.stages.node_weights() {
        let label = dot_label(&stage(node, plan));
        lines.push(format!("  {} [label=\"{label}\"];", node_name(node)));
    }
    for (from, to, label) in edges(graph) {
        lines.push(if label.is_empty() {
            format!("  {from} -> {to};")
        } else {
            format!("  {from} -> {to} [label=\"{}\"];", dot_label(&label))
        });
    }
    lines.push("}".to_owned());
    lines.join("\n") + "\n"
}

fn servers(plan: &Plan, graph: &Graph) -> [(&'static str, Vec<String>); 2] {
    let target = match plan.target {
        Target::Mysql(_) => "target",
        Target::Vitess(_) => "target: keyspace",
    };
    let label = |side: &str, endpoint: &Endpoint, connections: &Connections| {
        vec![
            format!("{side} {} on {}", endpoint.database, endpoint.address()),
            format!("{} connections", connections.total()),
        ]
    };
    [
        ("source", label("source", &plan.source, &graph.source)),
        ("target", label(target, plan.target.endpoint(), &graph.target)),
    ]
}

fn stage(node: &Node, plan: &Plan) -> Vec<String> {
    let mut lines = vec![node_name(node).to_owned()];
    lines.extend(node_facts(node, plan));
    lines
}

/// The ways of rows, from the source's server to the target's.
fn edges(graph: &Graph) -> Vec<(&'static str, &'static str, Vec<String>)> {
    let mut edges = Vec::new();
    for node in graph.stages.node_weights() {
        if let Node::Snapshot(_) | Node::Tail(_) = node {
            edges.push(("source", node_name(node), Vec::new()));
        }
    }
    for edge in graph.stages.edge_references() {
        let name = |index| graph.stages.node_weight(index).map_or("", node_name);
        let label = vec![edge.weight().guarantee.to_owned(), edge_bytes(edge.weight().bytes)];
        edges.push((name(edge.source()), name(edge.target()), label));
    }
    for node in graph.stages.node_weights() {
        if let Node::Apply(_) = node {
            edges.push((node_name(node), "target", Vec::new()));
        }
    }
    edges
}

fn notes(plan: &Plan) -> Vec<String> {
    let mut notes = vec![format!("locks: {LOCKS}"), format!("state: {}", state(plan))];
    let places = placements(plan).into_iter();
    notes.extend(places.map(|(tables, place)| format!("shards of {tables}: {place}")));
    notes
}

/// Mermaid reads HTML in labels, and writes a quote as an entity.
fn mermaid_label(lines: &[String]) -> String {
    let escape = |line: &String| {
        line.replace('&', "&amp;")
            .replace('#', "&num;")
            .replace('"', "&quot;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
    };
    lines.iter().map(escape).collect::<Vec<_>>().join("<br>")
}

fn dot_label(lines: &[String]) -> String {
    let escape = |line: &String| line.replace('\\', "\\\\").replace('"', "\\\"");
    lines.iter().map(escape).collect::<Vec<_>>().join("\\n")
}
