use std::collections::BTreeMap;

use super::*;
use crate::{finding::Severity, vtgate::ShardShape};

fn shape(version: &str, shards: &[(&str, bool)], others: &[&str]) -> Shape {
    let shard =
        |&(name, is_serving): &(&str, bool)| ShardShape { name: name.to_owned(), is_serving };
    Shape {
        keyspace: "shop".to_owned(),
        is_sharded: true,
        shards: shards.iter().map(shard).collect(),
        other_shards: others.iter().map(|&name| name.to_owned()).collect(),
        foreign_keys: ForeignKeyMode::Unmanaged,
        version: version.to_owned(),
        tables: BTreeMap::new(),
    }
}

fn told(shape: &Shape) -> Vec<(&'static str, Severity)> {
    findings(shape).iter().map(|finding| (finding.id, finding.severity)).collect()
}

#[test]
fn a_keyspace_whose_shards_change_or_do_not_serve_is_refused() {
    let both = [("-80", true), ("80-", true)];
    let resharding = [("vitess-resharding", Severity::Refusal)];

    assert_eq!(told(&shape("24.0.0", &both, &[])), []);
    assert_eq!(told(&shape("24.1.0-SNAPSHOT", &[("0", true)], &[])), []);
    assert_eq!(told(&shape("24.0.0", &both, &["-40", "40-80"])), resharding);
    assert_eq!(told(&shape("24.0.0", &[("-80", true), ("40-", true)], &[])), resharding);
    assert_eq!(
        told(&shape("23.0.3", &[("-80", false), ("80-", true)], &[])),
        [("vitess-version", Severity::Warning), ("vitess-shard-not-serving", Severity::Refusal),]
    );
    assert_eq!(told(&shape("24.0.0", &[], &[])), [("vitess-shard-not-serving", Severity::Refusal)]);
}

#[test]
fn foreign_keys_are_refused_where_the_keyspace_lets_nobody_define_them() {
    for (mode, is_refused) in [
        (ForeignKeyMode::Unmanaged, false),
        (ForeignKeyMode::Managed, false),
        (ForeignKeyMode::Disallowed, true),
    ] {
        let shape = Shape { foreign_keys: mode, ..shape("24.0.0", &[("0", true)], &[]) };
        let found = foreign_key_finding(&shape);
        assert_eq!(
            found.is_some_and(|it| it.severity == Severity::Refusal),
            is_refused,
            "{mode:?}"
        );
    }
}
