use std::collections::BTreeMap;

use whimbrel_mysql::vtgate::{ForeignKeyMode, ShardShape};

use super::*;

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

/// A keyspace in which the shards `without_primary` are not served by anybody.
fn shape(shards: &[&str], others: &[&str], without_primary: &[&str]) -> Shape {
    let shard = |&name: &&str| ShardShape {
        name: name.to_owned(),
        is_serving: !without_primary.contains(&name),
    };
    Shape {
        keyspace: "commerce".to_owned(),
        is_sharded: true,
        shards: shards.iter().map(shard).collect(),
        other_shards: names(others),
        foreign_keys: ForeignKeyMode::Unmanaged,
        version: "24.0.0".to_owned(),
        tables: BTreeMap::new(),
    }
}

#[test]
fn shards_that_lose_their_primaries_are_the_same_shards() {
    let began = names(&["-80", "80-"]);

    let judged = |began: &[String], shape| judged(began, shape).unwrap();
    assert_eq!(judged(&began, shape(&["-80", "80-"], &[], &[])), Some(Look::Same));
    assert_eq!(judged(&began, shape(&["-80", "80-"], &[], &["-80", "80-"])), Some(Look::Same));
    assert_eq!(judged(&names(&["0"]), shape(&["0"], &[], &[])), Some(Look::Same));
}

#[test]
fn shards_that_are_made_are_told_before_they_serve_and_end_the_run_once_they_do() {
    let began = names(&["-80", "80-"]);
    let made = shape(&["-80", "80-"], &["-40", "40-80"], &[]);
    let switched = shape(&["-40", "40-80", "80-"], &["-80"], &[]);
    let merged = shape(&["0"], &["-80", "80-"], &[]);

    let others = |shape| match judged(&began, shape) {
        Err(RunError::Resharded { now, .. }) => now,
        other => panic!("{other:?}"),
    };
    let beside = Look::Beside(names(&["-40", "40-80"]));
    assert_eq!(judged(&began, made).unwrap(), Some(beside));
    assert_eq!(others(switched), "-40, 40-80, 80-");
    assert_eq!(others(merged), "0");
}

/// vtgate leaves a keyspace out whose topology it cannot read.
#[test]
fn a_vtgate_that_names_no_shard_has_not_said_that_they_changed() {
    let none = shape(&[], &["-80", "80-"], &[]);

    assert_eq!(judged(&names(&["-80", "80-"]), none).unwrap(), None);
}

#[test]
fn each_keyspace_is_asked_for_its_own_shards_and_tables() {
    let shards = [("-80", false), ("80-", false), ("lookups/-", true), ("main/0", true)];
    let words = ["either/or", "lookups/names", "main/mails", "users"];
    let placings: Placings = words.map(|table| (table.to_owned(), format!("of {table}"))).into();

    let found = by_keyspace("commerce", shards.into_iter(), &placings);

    let tables = |names: &[(&str, &str)]| -> Placings {
        names.iter().map(|&(name, told)| (name.to_owned(), format!("of {told}"))).collect()
    };
    let own = tables(&[("either/or", "either/or"), ("users", "users")]);
    let wanted = BTreeMap::from([
        ("commerce", (names(&["-80", "80-"]), own)),
        ("lookups", (names(&["-"]), tables(&[("names", "lookups/names")]))),
        ("main", (names(&["0"]), tables(&[("mails", "main/mails")]))),
    ]);
    assert_eq!(found, wanted);
}
