use super::*;
use crate::{Memory, compile, load, secrets::tests::Nothing};

fn plan(limits: &str) -> Plan {
    load(&text(limits), &Nothing).unwrap().plan
}

fn text(limits: &str) -> String {
    format!(
        "version: 1\n\
         name: shop\n\
         source: {{ mysql: {{ url: 'mysql://app:hunter2@source', database: shop }} }}\n\
         target: {{ mysql: {{ url: 'mysql://app:hunter2@[::1]:3307', database: 'a\"b<c' }} }}\n\
         move: [customers, 'order_*', '!order_archive']\n\
         limits: {limits}\n"
    )
}

/// A plan for a keyspace, with the rest of its target's connections.
fn keyspace(limits: &str) -> Plan {
    let text = text(limits).replace(
        "mysql: { url: 'mysql://app:hunter2@[::1]:3307', database: 'a\"b<c' }",
        "vitess: { url: 'mysql://app:hunter2@vtgate:15306', keyspace: commerce }",
    );
    let sharding = "sharding:\n  \
         customers: { column: id, vindex: xxhash, sequence: main.customers_seq }\n  \
         order_lines: { columns: [region, id], vindex: multicol, params: { column_count: '2' } }\n  \
         order_states: { reference: true }\n";
    load(&(text + sharding), &Nothing).unwrap().plan
}

fn explained(format: ExplainFormat) -> String {
    let plan = plan("{}");
    explain(&plan, (&compile(&plan), None), format)
}

const FORMATS: [ExplainFormat; 4] =
    [ExplainFormat::Text, ExplainFormat::Mermaid, ExplainFormat::Dot, ExplainFormat::Json];

#[test]
fn a_log_that_is_skipped_is_told_with_what_it_means() {
    let skipped = text("{}").replace("'a\"b<c' }", "'a\"b<c', binlog: skip }");
    let plan = load(&skipped, &Nothing).unwrap().plan;

    for format in [ExplainFormat::Text, ExplainFormat::Json] {
        let text = explain(&plan, (&compile(&plan), None), format);
        assert!(text.contains("replicas of the target"), "{format:?}:\n{text}");
        assert!(!explained(format).contains("replicas of the target"), "{format:?}");
    }
}

#[test]
fn no_format_shows_a_password() {
    for format in FORMATS {
        assert!(!explained(format).contains("hunter2"), "{format:?}");
    }
}

#[test]
fn every_format_names_every_stage_edge_state_and_lock() {
    for format in FORMATS {
        let text = explained(format);

        for word in ["snapshot", "tail", "merge", "apply", "log order", "_whimbrel_*", "locks"] {
            assert!(text.contains(word), "{word} in {format:?}:\n{text}");
        }
    }
}

#[test]
fn names_cannot_break_out_of_a_diagram() {
    assert!(explained(ExplainFormat::Mermaid).contains("target a&quot;b&lt;c on [::1]:3307<br>"));
    assert!(explained(ExplainFormat::Dot).contains(r#"target a\"b<c on [::1]:3307\n"#));
}

#[test]
fn the_text_says_all_that_a_reviewer_asks_for() {
    assert_eq!(explained(ExplainFormat::Text), include_str!("tests/shop.txt"));
}

#[test]
fn the_text_of_a_keyspace_says_where_rows_go_and_what_each_shard_gives() {
    let plan = keyspace("{}");

    let text = explain(&plan, (&compile(&plan), None), ExplainFormat::Text);

    assert_eq!(text, include_str!("tests/keyspace.txt"));
}

#[test]
fn rows_that_go_past_vtgate_are_told_with_where_they_go_and_what_they_pass() {
    let text = text("{}").replace(
        "mysql: { url: 'mysql://app:hunter2@[::1]:3307', database: 'a\"b<c' }",
        "vitess: { url: 'mysql://app@vtgate', keyspace: commerce, tablets: {
           -80: { url: 'mysql://low:hunter2@db-low' },
           '80-': { url: 'mysql://app@db-high:3307', tls: { mode: required } } } }",
    );
    let plan = load(&text, &Nothing).unwrap().plan;
    let explained = |format| explain(&plan, (&compile(&plan), None), format);

    let text = explained(ExplainFormat::Text);
    for line in [
        "  shard `-80`       rows straight to db-low:3306 as `low`, TLS preferred\n",
        "  shard `80-`       rows straight to db-high:3307 as `app`, TLS required\n",
        "each proven to be the one that vtgate writes to\n",
        "  tablets           rows go past vtgate and the tablets: their throttlers, ",
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
    assert!(!text.contains("vtgate gives"), "{text}");
    let json: serde_json::Value = serde_json::from_str(&explained(ExplainFormat::Json)).unwrap();
    let high = &json["target"]["tablets"][1];
    assert_eq!((&high["shard"], &high["address"]), (&"80-".into(), &"db-high:3307".into()));
    assert!(json["target"]["tablets_note"].as_str().unwrap().contains("query rules"));
    for format in FORMATS {
        assert!(!explained(format).contains("hunter2"), "{format:?}");
    }
}

#[test]
fn every_format_shows_that_rows_are_routed_and_where() {
    let plan = keyspace("{}");
    for format in FORMATS {
        let text = explain(&plan, (&compile(&plan), None), format);

        for word in ["route", "commerce", "multicol", "main.customers_seq", "order_states"] {
            assert!(text.contains(word), "{word} in {format:?}:\n{text}");
        }
        assert!(!text.contains("hunter2"), "{format:?}");
    }
}

#[test]
fn what_happens_to_foreign_keys_in_a_keyspace_is_shown() {
    let text = text("{}").replace(
        "mysql: { url: 'mysql://app:hunter2@[::1]:3307', database: 'a\"b<c' }",
        "vitess: { url: 'mysql://app@vtgate', keyspace: commerce, foreign_keys: create }",
    );
    let plan = load(&text, &Nothing).unwrap().plan;
    let explained = |format| explain(&plan, (&compile(&plan), None), format);

    let shown = explained(ExplainFormat::Text);
    assert!(
        shown.contains("  foreign keys      made on each shard after the rows, if all"),
        "{shown}"
    );
    let json: serde_json::Value = serde_json::from_str(&explained(ExplainFormat::Json)).unwrap();
    assert_eq!(json["foreign_keys"], "create");
}

#[test]
fn what_may_be_added_to_a_vschema_is_shown_and_what_no_statement_adds() {
    let text = |more: &str| {
        let text = text("{}").replace(
            "mysql: { url: 'mysql://app:hunter2@[::1]:3307', database: 'a\"b<c' }",
            "vitess: { url: 'mysql://app:hunter2@vtgate', keyspace: commerce, vschema: apply }",
        );
        let plan = load(&(text + more), &Nothing).unwrap().plan;
        let graph = compile(&plan);
        let explained = |format| explain(&plan, (&graph, None), format);
        (explained(ExplainFormat::Text), explained(ExplainFormat::Json))
    };
    let (sharded, json) = text(
        "sharding:\n  \
         customers: { column: id, vindex: xxhash, sequence: main.numbers }\n  \
         order_lines: { column: id, vindex: xxhash, sequence: main.numbers }\n  \
         order_states: { reference: true }\n",
    );
    let (whole, _) = text("");

    let (_, shown) = sharded.split_once("\nvschema\n").unwrap();
    let (shown, _) = shown.split_once("\n\n").unwrap();
    assert_eq!(format!("{shown}\n"), include_str!("tests/vschema.txt"));
    assert!(json.contains(r#""policy": "apply""#) && json.contains("ADD SEQUENCE main.numbers"));
    assert!(whole.contains("ALTER VSCHEMA ADD TABLE commerce.EACH_TABLE, where"), "{whole}");
}

#[test]
fn shards_share_the_targets_connections_and_their_pools_are_left_to_others() {
    for (limit, lanes) in [
        (3, [Some(1), None, None, None]),
        (4, [Some(2), None, None, None]),
        (5, [Some(3), Some(1), None, None]),
        (9, [Some(7), Some(3), Some(1), None]),
        (16, [Some(8), Some(6), Some(2), None]),
        (17, [Some(8), Some(7), Some(3), Some(1)]),
        (64, [Some(8), Some(8), Some(8), Some(6)]),
    ] {
        let graph = compile(&keyspace(&format!("{{ target_connections: {limit} }}")));
        for (shard_count, lanes) in [1, 2, 4, 8].into_iter().zip(lanes) {
            assert_eq!(graph.lanes_of_shard(shard_count), lanes, "{limit} for {shard_count}");
            let is_enough = limit >= Graph::connections_needed(shard_count);
            assert_eq!(lanes.is_some(), is_enough, "{limit} for {shard_count}");
            // Lanes and state of each shard, and indexes.
            let used = lanes.map_or(0, |lanes| (lanes + 1) * shard_count + 1);
            assert!(used <= limit, "{limit} for {shard_count}");
        }
    }
}

#[test]
fn no_limits_give_more_connections_or_memory_than_the_plan_allows() {
    for source in [3, 4, 6, 64] {
        for target in [3, 6, 64] {
            for memory in ["64MiB", "100MiB", "256MiB", "64GiB"] {
                let graph = compile(&plan(&format!(
                    "{{ source_connections: {source}, target_connections: {target}, \
                     memory: {memory} }}"
                )));

                assert_eq!((graph.source.total(), graph.target.total()), (source, target));
                let Memory { limit, snapshot, tail, windows, overhead } = graph.memory;
                assert_eq!(snapshot + tail + windows + overhead, limit);
                for node in graph.stages.node_weights() {
                    check_share(node, &graph.memory);
                }
            }
        }
    }
}

fn check_share(node: &Node, memory: &Memory) {
    match node {
        Node::Route(it) => assert!(!it.keyspace.is_empty()),
        Node::Transform(it) => assert!(it.targets >= 1, "{it:?}"),
        Node::Snapshot(it) => {
            assert!(it.readers >= 1 && it.chunk_bytes_max >= 128 << 10, "{it:?}");
            assert!(it.chunk_bytes_max * u64::from(it.readers) <= memory.snapshot);
        }
        Node::Tail(it) => {
            assert!(it.batch_bytes_max >= 1 << 20 && it.batch_bytes_max <= memory.tail, "{it:?}");
        }
        Node::Merge(it) => {
            assert!(it.window_key_bytes_max >= 32 << 10, "{it:?}");
            assert!(it.window_key_bytes_max * u64::from(it.windows_max) <= memory.windows);
        }
        Node::Apply(it) => {
            assert!(it.lanes_max >= 1 && it.lane_window_bytes_max >= 256 << 10, "{it:?}");
            assert!(it.lane_window_bytes_max * u64::from(it.lanes_max) <= memory.tail);
        }
    }
}
