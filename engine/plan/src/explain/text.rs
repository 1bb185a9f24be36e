//! An explanation for a terminal.

use petgraph::visit::{EdgeRef, IntoEdgeReferences};

use super::{
    BINLOG_SKIPPED, LOCKS, edge_bytes, foreign_keys, node_facts, node_name, on_ddl, rules,
    shards::{self, placements},
    state,
    targets::targets,
    tls,
    vschema::{Foreseen, foreseen},
};
use crate::{
    bind::Bound,
    graph::{Connections, Graph, Memory},
    plan::{Endpoint, MysqlTarget, Plan, Target, VitessTarget},
    size,
    spec::Binlog,
};

pub(super) fn explain(plan: &Plan, graph: &Graph, bound: Option<&Bound>) -> String {
    let mut lines = Lines::default();
    let (moved, left_out) = rules(plan);
    lines.title(&format!("plan `{}`", plan.name));
    lines.fact("source", &endpoint(&plan.source));
    lines.fact("target", &target(plan));
    if !moved.is_empty() {
        lines.fact("tables", &moved.join(", "));
    }
    if !left_out.is_empty() {
        lines.fact("", &format!("but not {}", left_out.join(", ")));
    }
    policies(&mut lines, plan);

    for target in targets(plan, bound) {
        lines.title(&format!("table `{}`", target.name));
        for (name, fact) in &target.facts {
            lines.fact(name, fact);
        }
        for line in target.statement.iter().flat_map(|statement| statement.lines()) {
            lines.fact("", line);
        }
    }

    let placements = placements(plan);
    if !placements.is_empty() {
        lines.title("shards");
    }
    for (tables, place) in &placements {
        lines.fact(tables, place);
    }
    for tablet in plan.target.tablets() {
        let Endpoint { user, .. } = &tablet.endpoint;
        let (address, tls) = (tablet.endpoint.address(), tls(&tablet.endpoint.tls));
        let way = format!("rows straight to {address} as `{user}`, TLS {tls}");
        lines.fact(&format!("shard `{}`", tablet.shard), &way);
    }

    if let Target::Vitess(_) = plan.target {
        lines.title("vschema");
        vschema(&mut lines, foreseen(plan));
    }

    lines.title("stages");
    for node in graph.stages.node_weights() {
        lines.facts(node_name(node), &node_facts(node, plan));
    }

    lines.title("edges");
    for edge in graph.stages.edge_references() {
        let name = |index| graph.stages.node_weight(index).map_or("", node_name);
        let ends = format!("{} → {}", name(edge.source()), name(edge.target()));
        let edge = edge.weight();
        let bound = format!("at most {} batches, {}", edge.batches_max, edge_bytes(edge.bytes));
        lines.facts(&ends, &[edge.guarantee.to_owned(), bound]);
    }

    lines.title("connections");
    lines.facts("source", &connections(&plan.source, &graph.source));
    let mut of_target = connections(plan.target.endpoint(), &graph.target);
    of_target.extend(shards::lanes(plan, graph));
    if !plan.target.tablets().is_empty() {
        of_target.push("those for writing rows are with the shards' own servers".to_owned());
    }
    lines.facts("target", &of_target);

    lines.title("what else it takes");
    lines.fact("locks", LOCKS);
    lines.fact("state", &state(plan));
    lines.fact("memory", &memory(&graph.memory));
    if plan.target.binlog() == Binlog::Skip {
        lines.fact("target's log", BINLOG_SKIPPED);
    }
    if !plan.target.tablets().is_empty() {
        lines.fact("tablets", shards::PASSED_BY);
    }
    lines.text
}

/// Lines under titles, in two columns.
#[derive(Default)]
struct Lines {
    text: String,
}

impl Lines {
    fn title(&mut self, title: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(title);
        self.text.push('\n');
    }

    fn fact(&mut self, name: &str, fact: &str) {
        let line = format!("  {name:<17} {fact}");
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    fn facts(&mut self, name: &str, facts: &[String]) {
        for (index, fact) in facts.iter().enumerate() {
            self.fact(if index == 0 { name } else { "" }, fact);
        }
    }
}

/// What happens at a DDL, and to foreign keys.
fn policies(lines: &mut Lines, plan: &Plan) {
    lines.fact("at DDL", on_ddl(plan.on_ddl));
    if let Some((_, fact)) = foreign_keys(plan) {
        lines.fact("foreign keys", fact);
    }
}

/// What is done with the keyspace's vschema.
fn vschema(lines: &mut Lines, foreseen: Option<Foreseen>) {
    let Some(Foreseen { mut statements, by_hand }) = foreseen else {
        lines.fact("what it lacks", "is refused, with the statements that add it");
        return;
    };
    statements.push("what is missing alone, shown before it is run".to_owned());
    statements.push("nothing that is there is changed or removed".to_owned());
    lines.facts("may be run", &statements);
    for (table, remedy) in &by_hand {
        lines.fact("by hand, if so", &format!("{table}: {remedy}"));
    }
}

fn target(plan: &Plan) -> String {
    match &plan.target {
        Target::Mysql(MysqlTarget { endpoint: target, .. }) => endpoint(target),
        Target::Vitess(VitessTarget { endpoint, .. }) => {
            let Endpoint { user, database, .. } = endpoint;
            let (address, tls) = (endpoint.address(), tls(&endpoint.tls));
            format!("keyspace `{database}` behind vtgate at {address} as `{user}`, TLS {tls}")
        }
    }
}

fn endpoint(endpoint: &Endpoint) -> String {
    let Endpoint { user, database, .. } = endpoint;
    format!("`{database}` on {} as `{user}`, TLS {}", endpoint.address(), tls(&endpoint.tls))
}

fn connections(endpoint: &Endpoint, connections: &Connections) -> Vec<String> {
    let (total, limit) = (connections.total(), connections.limit);
    let mut facts = vec![format!("{}: {total} of at most {limit}", endpoint.address())];
    facts.extend(connections.uses.iter().map(|(use_, count)| format!("{count} for {use_}")));
    facts
}

fn memory(memory: &Memory) -> String {
    format!(
        "{}: {} for chunks, {} for changes, {} for windows, {} for what carries them",
        size::about(memory.limit),
        size::about(memory.snapshot),
        size::about(memory.tail),
        size::about(memory.windows),
        size::about(memory.overhead)
    )
}
