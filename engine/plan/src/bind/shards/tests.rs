//! Plans for a keyspace bound to tables, without a server.

use crate::{Definitions, PlanError, bind, bind::tests::source, load, secrets::tests::Nothing};

/// What is said of the shards of a plan with these tables; `a`, `b` and `longer` are three tables of
/// one form.
fn told(tables: &str, sharding: &str) -> Vec<String> {
    let text = format!(
        "version: 1\nname: shop\nsource: {{ mysql: {{ url: 'mysql://app@source', database: shop }} }}\n\
         target: {{ vitess: {{ url: 'mysql://app@vtgate', keyspace: shop }} }}\n\
         {tables}\nsharding:\n  {sharding}\n"
    );
    let message = |error: &PlanError| {
        format!("{}: {error}", text.get(error.at.start..error.at.end).unwrap_or_default())
    };
    let plan = match load(&text, &Nothing) {
        Ok(loaded) => loaded.plan,
        Err(errors) => return errors.iter().map(message).collect(),
    };
    let sources: Vec<_> = ["a", "b", "longer"].map(source).into();
    let definitions = Definitions {
        source_names: sources.iter().map(|source| source.name.clone()).collect(),
        sources,
        are_all_targets_known: true,
        ..Definitions::default()
    };
    let problems = bind(&plan, &definitions).map_or_else(|errors| errors, |bound| bound.warnings);
    let is_of_shards = |error: &&PlanError| error.advice().id.starts_with("sharding.");
    problems.iter().filter(is_of_shards).map(message).collect()
}

#[track_caller]
fn check(tables: &str, sharding: &str, expected: &[&str]) {
    assert_eq!(told(tables, sharding), expected, "{tables} {sharding}");
}

#[test]
fn keys_that_do_not_hold_every_sharding_column_are_warned_of() {
    let email =
        "id: the unique key `email` of `a` is unique in each shard alone: it does not hold `id`";

    check("move: [a]", "a: { column: id, vindex: hash }", &[email]);
    check("move: [a]", "a: { column: ID, vindex: hash }", &[&email.replace("id", "ID")]);
    check(
        "move: [a]",
        "a: { column: email, vindex: xxhash }",
        &["email: the key of `a` is unique in each shard alone: it does not hold `email`"],
    );
    // What a sequence numbers is unique everywhere.
    check("move: [a]", "a: { column: email, vindex: xxhash, sequence: main.a_seq }", &[]);
    check("move: [a]", "a: { reference: true }", &[]);
    check("move: [a]", "a: { sequence: main.a_seq }", &[]);
}

#[test]
fn null_is_refused_where_the_vindex_maps_none() {
    let refused = |kind: &str| {
        format!("email: `email` may be NULL, and a `{kind}` vindex gives NULL no shard")
    };
    for kind in ["binary", "cfc, params: { offsets: '[1]' }"] {
        let name = kind.split(',').next().unwrap_or_default();
        check(
            "move: [b]",
            &format!("b: {{ column: email, vindex: {kind}, sequence: main.s }}"),
            &[&refused(name)],
        );
    }
    for kind in ["xxhash", "binary_md5"] {
        check(
            "move: [b]",
            &format!("b: {{ column: email, vindex: {kind}, sequence: main.s }}"),
            &[],
        );
    }
}

#[test]
fn each_column_of_a_vindex_has_a_type_that_it_maps_there() {
    let both = "move: [b]";
    let multicol = |vindexes: &str| {
        format!(
            "b: {{ columns: [id, email], vindex: multicol, sequence: main.s, \
             params: {{ column_count: '2', column_vindex: '{vindexes}' }} }}"
        )
    };

    check(
        both,
        &multicol("hash,numeric"),
        &["email: `email` is varchar(60), and a `multicol` vindex maps integers alone"],
    );
    // Of several columns, none may be NULL.
    check(
        both,
        &multicol("hash,xxhash"),
        &["email: `email` may be NULL, and a `multicol` vindex gives NULL no shard"],
    );
    check(
        both,
        "b: { column: price, vindex: xxhash, sequence: main.s }",
        &[
            "price: `price` is decimal(10,2), and a `xxhash` vindex maps integers, text and bytes alone",
        ],
    );
}

#[test]
fn a_table_that_a_pattern_could_bring_must_be_there() {
    let missing = "ab: the plan writes no table `ab`";

    check("move: ['a*']", "ab: { column: id, vindex: hash }", &[missing]);
    check("move: ['*', '!ab']", "ab: { column: id, vindex: hash }", &[missing]);
    // A name of `move` is checked there.
    check("move: [ab]", "ab: { column: id, vindex: hash }", &[]);
}

#[test]
fn targets_are_sharded_by_what_stays_with_their_rows() {
    let groups = "materialize: { made: { from: a, group_by: { email: email }, \
                  aggregates: { rows: count() } } }";
    let shared = "materialize: { made: { from: [a, b], columns: { id: id, email: 'email ?? \"\"' }, \
                  key: [id] } }";

    check(groups, "made: { column: email, vindex: xxhash }", &[]);
    check(
        groups,
        "made: { column: rows, vindex: hash }",
        &["rows: `rows` changes with the rows of a group, and a group has one shard"],
    );
    check(shared, "made: { column: id, vindex: hash }", &[]);
    check(
        shared,
        "made: { column: email, vindex: xxhash }",
        &[
            "email: several sources give `made` rows of one key, and `email`, which is not in the key, \
           may send them to several shards",
        ],
    );
    check(shared, "made: { column: mail, vindex: xxhash }", &["mail: `made` has no column `mail`"]);
}
