//! Plans bound to tables, without a server.

use whimbrel_model::{Generation, IntWidth};

use super::*;
use crate::{
    definition::{Piece, PieceKind},
    load,
    secrets::tests::Nothing,
};

fn column(name: &str, column_type: whimbrel_model::ColumnType, declaration: &str) -> Column {
    Column {
        name: name.to_owned(),
        column_type,
        declaration: declaration.to_owned(),
        nullable: name != "id",
        generation: Generation::None,
    }
}

pub(super) fn source(name: &str) -> Definition {
    use whimbrel_model::ColumnType;
    let text = ColumnType::Text {
        charset: "utf8mb4".to_owned(),
        collation: "utf8mb4_0900_ai_ci".to_owned(),
    };
    let int = ColumnType::Int { width: IntWidth::Int, unsigned: false };
    let columns = vec![
        column("id", int, "int"),
        column("email", text, "varchar(60)"),
        column("price", ColumnType::Decimal { precision: 10, scale: 2 }, "decimal(10,2)"),
    ];
    let piece = |kind, name: &str, columns: &[&str], text: &str| Piece {
        kind,
        name: name.to_owned(),
        columns: columns.iter().map(|&name| name.to_owned()).collect(),
        text: text.to_owned(),
        needs_value: false,
    };
    Definition {
        name: name.to_owned(),
        table: Table::new(("shop", name), columns.clone(), ("PRIMARY", &["id"]), true).ok(),
        columns,
        pieces: vec![
            piece(PieceKind::Column, "id", &[], "`id` int NOT NULL AUTO_INCREMENT"),
            piece(PieceKind::Column, "email", &[], "`email` varchar(60) DEFAULT NULL"),
            piece(PieceKind::Column, "price", &[], "`price` decimal(10,2) DEFAULT NULL"),
            piece(PieceKind::PrimaryKey, "PRIMARY", &["id"], "PRIMARY KEY (`id`)"),
            piece(PieceKind::UniqueKey, "email", &["email"], "UNIQUE KEY `email` (`email`)"),
            piece(PieceKind::Index, "dear", &["price"], "KEY `dear` (`price`)"),
        ],
        options: "ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb4".to_owned(),
    }
}

/// The plan with one target, bound to `a`, `b` and `longer`, three tables of one form.
fn bound(target: &str) -> Result<Bound, Vec<String>> {
    bound_to(target, ["a", "b", "longer"].map(source).into(), None)
}

/// The plan with one target, which may be there, bound to tables.
fn bound_to(
    target: &str,
    sources: Vec<Definition>,
    made: Option<Definition>,
) -> Result<Bound, Vec<String>> {
    let text = format!(
        "version: 1\nname: shop\nsource: {{ mysql: {{ url: 'mysql://app@source', database: shop }} }}\n\
         target: {{ mysql: {{ url: 'mysql://app@target', database: shop }} }}\n\
         materialize:\n  made: {target}\n"
    );
    let messages = |errors: Vec<PlanError>| -> Vec<String> {
        errors
            .iter()
            .map(|error| format!("{}: {error}", text.get(error.at.start..error.at.end).unwrap()))
            .collect()
    };
    let plan = load(&text, &Nothing).map_err(messages)?.plan;
    let definitions = Definitions {
        source_names: sources.iter().map(|source| source.name.clone()).collect(),
        sources,
        targets: made.into_iter().map(|made| (made.name.clone(), made)).collect(),
        are_all_targets_known: true,
        ..Definitions::default()
    };
    bind(&plan, &definitions).map_err(messages)
}

#[track_caller]
fn refused(target: &str, expected: &str) {
    let errors = bound(target).err().unwrap_or_default();

    assert_eq!(errors.join("\n"), expected, "{target}");
}

#[test]
fn what_does_not_fit_is_said_at_its_place() {
    refused("{ from: c }", "c: the source has no table `c`");
    refused("{ from: a, where: emial == () }", "emial: no column of `a` is named `emial`");
    refused("{ from: a, except: [emial] }", "emial: `a` has no column `emial`");
    refused(
        "{ from: a, columns: { email: email } }",
        "made: two rows of `a` may have one key in `made`: the key lacks `id`",
    );
    refused(
        "{ from: a, columns: { id: id, at: email }, key: [at] }",
        "at: the key column `at` may be NULL",
    );
    refused(
        "{ from: a, group_by: { email: email }, aggregates: { worth: sum(email) } }",
        "email: `worth`: `sum` is of numbers, and this is text of up to 60 characters",
    );
    refused(
        "{ from: a, group_by: { email: email }, aggregates: { n: count() }, key: [n] }",
        "n: the key of `made` is (n), and its groups are (email)",
    );
    refused(
        "{ from: a, group_by: { t: 'hash_token(email, \"${env:KEY}\")' } }",
        "\"${env:KEY}\": the environment variable `KEY` is not set",
    );
    refused("{ from: a, create: existing }", "existing: the target has no table `made`");
}

/// As [`source`], with another key and without other unique keys.
fn keyed_by(name: &str, id: Column) -> Definition {
    let mut definition = source(name);
    definition.columns[0] = id;
    definition.pieces.retain(|piece| piece.kind != PieceKind::UniqueKey);
    let columns = definition.columns.clone();
    definition.table = Table::new(("shop", name), columns, ("PRIMARY", &["id"]), false).ok();
    definition
}

fn text_key(collation: &str) -> Column {
    let (charset, collation) = ("utf8mb4".to_owned(), collation.to_owned());
    let text = whimbrel_model::ColumnType::Text { charset, collation };
    column("id", text, "varchar(60)")
}

#[test]
fn a_key_that_does_not_tell_sources_apart_is_owned() {
    let is_owned = |target: &str| bound(target).unwrap().targets[0].is_owned;

    assert!(is_owned("{ from: [a, b] }"));
    assert!(!is_owned("{ from: a }"));
    assert!(!is_owned(
        "{ from: [a, b], columns: { origin: table_name(), id: id }, key: [origin, id] }"
    ));
}

#[test]
fn a_key_that_does_not_tell_sources_apart_is_refused_where_bytes_do_not_tell_its_values_apart() {
    let messages = |collation: &str| {
        let sources = ["a", "b"].map(|name| keyed_by(name, text_key(collation))).into();
        bound_to("{ from: [a, b], key: [id] }", sources, None).err().unwrap_or_default()
    };

    assert_eq!(
        messages("utf8mb4_0900_ai_ci"),
        [
            "id: rows of `a` and of `b` may have one key in `made`, and bytes do not tell which values \
          of `id` are equal under `utf8mb4_0900_ai_ci`"
        ]
    );
    assert_eq!(messages("utf8mb4_bin"), [""; 0]);

    let made = Some(source("made"));
    let errors =
        bound_to("{ from: [a, b], create: existing }", ["a", "b"].map(source).into(), made);
    assert_eq!(
        errors.err().unwrap_or_default(),
        ["made: rows of `a` and of `b` may have one key in `made`, and another unique key of the \
          target may be shared by rows of both"]
    );
}

#[test]
fn a_copy_has_the_sources_columns_and_the_indexes_that_still_hold() {
    let bound = bound("{ from: a, except: [email], columns: { twice: price * 2 } }").unwrap();

    let [target] = bound.targets.as_slice() else { panic!("one target") };
    let lines: Vec<&str> = target.statement.as_deref().unwrap().lines().collect();
    assert_eq!(lines[0], "CREATE TABLE `made` (");
    assert_eq!(lines[1], "  `id` int NOT NULL AUTO_INCREMENT,");
    assert_eq!(lines[2], "  `price` decimal(10,2) DEFAULT NULL,");
    assert!(lines[3].starts_with("  `twice` decimal("), "{}", lines[3]);
    assert_eq!(
        lines[4..],
        [
            "  PRIMARY KEY (`id`),",
            "  KEY `dear` (`price`)",
            ") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4",
        ]
    );
}

#[test]
fn a_target_whose_column_is_warned_of_is_made() {
    for target in [
        "{ from: a, columns: { id: id, it: email == \"x\" } }",
        "{ from: a, group_by: { it: email == \"x\" }, aggregates: { n: count() } }",
    ] {
        let bound = bound(target).unwrap();

        assert_eq!((bound.targets.len(), bound.warnings.len()), (1, 1), "{target}");
    }
}

#[test]
fn sources_are_told_apart_by_a_constant_of_each() {
    let bound =
        bound("{ from: [a, b], columns: { o: table_name(), id: id }, key: [o, id] }").unwrap();

    assert_eq!(bound.targets[0].sources.len(), 2);
    refused(
        "{ from: [a, b], columns: { o: lower(\"X\"), id: id }, key: [o, id] }",
        "o: rows of `a` and of `b` may have one key in `made`, and bytes do not tell which values of \
         `o` are equal under `utf8mb4_0900_ai_ci`",
    );
}

#[test]
fn constants_that_a_collation_may_take_for_equal_do_not_tell_sources_apart() {
    let owned = |names: [&str; 2], collation: &str| {
        let [one, other] = names;
        let mut made = keyed_by("made", text_key(collation));
        let mut columns = made.columns.clone();
        columns[0].name = "o".to_owned();
        columns.push(source("a").columns[0].clone());
        made.columns.clone_from(&columns);
        made.table = Table::new(("shop", "made"), columns, ("PRIMARY", &["o", "id"]), false).ok();
        let target = format!(
            "{{ from: [{one}, {other}], columns: {{ o: table_name(), id: id }}, create: existing }}"
        );
        let sources = [one, other].map(source).into();
        bound_to(&target, sources, Some(made)).map(|bound| bound.targets[0].is_owned)
    };

    for collation in ["utf8mb4_0900_ai_ci", "utf8mb4_general_ci", "utf8mb4_0900_bin"] {
        assert_eq!(owned(["a", "b"], collation), Ok(false), "{collation}");
    }
    for names in [["cafe", "café"], ["strasse", "straße"]] {
        assert!(owned(names, "utf8mb4_0900_ai_ci").is_err(), "{names:?}");
        assert_eq!(owned(names, "utf8mb4_0900_bin"), Ok(false), "{names:?}");
        assert_eq!(owned(names, "utf8mb4_bin"), Ok(false), "{names:?}");
    }
    assert_eq!(owned(["by", "bi"], "utf8mb4_0900_ai_ci"), Ok(false));
    assert!(owned(["by", "bi"], "utf8mb4_lithuanian_ci").is_err());
}

#[test]
fn names_of_sources_have_room_however_long_each_is() {
    let bound =
        bound("{ from: [a, longer], columns: { o: table_name(), id: id }, key: [o, id] }").unwrap();

    let statement = bound.targets[0].statement.as_deref().unwrap();
    assert!(statement.contains("`o` varchar(6)"), "{statement}");
}

#[test]
fn a_null_group_has_an_index_and_no_primary_key() {
    let bound = bound(
        "{ from: a, group_by: { email: email }, aggregates: { n: count(), m: avg(price), \
         c: count(price) } }",
    )
    .unwrap();

    let [target] = bound.targets.as_slice() else { panic!("one target") };
    let statement = target.statement.as_deref().unwrap();
    assert!(statement.contains("KEY `groups` (`email`)"), "{statement}");
    assert!(!statement.contains("PRIMARY"), "{statement}");
    assert!(statement.contains("`m` decimal(14,6) DEFAULT NULL"), "{statement}");
    let Written::Groups(groups) = &target.written else { panic!("groups") };
    let declared: Vec<&str> = groups.arguments.iter().map(|it| it.declaration.as_str()).collect();
    assert_eq!(declared, ["decimal(10,2)", "tinyint"]);
}

#[test]
fn values_that_are_aggregated_have_the_aggregates_names_and_a_group_its_own_type() {
    let bound = bound(
        "{ from: a, group_by: { email: md5(email) }, aggregates: { dear: max(price), \
         all: sum(price), n: count(email) } }",
    )
    .unwrap();

    let [target] = bound.targets.as_slice() else { panic!("one target") };
    let names: Vec<&str> = target.sources[0].columns.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["email", "dear", "n"]);
    let statement = target.statement.as_deref().unwrap();
    assert!(statement.contains("`email` varchar(32)"), "{statement}");
}

#[test]
fn numbers_of_more_digits_than_sums_keep_are_refused_at_the_argument() {
    refused(
        "{ from: a, group_by: { id: id }, \
         aggregates: { s: 'sum(cast_decimal(price, 65, 30))' } }",
        "cast_decimal(price, 65, 30): `s`: `sum` is of numbers of at most 61 digits, and this is a \
         DECIMAL(65,30)",
    );
}

#[test]
fn groups_and_extremes_that_no_key_holds_are_refused_where_they_are_written() {
    const HELP: &str = "and keys have 3072 at the most";
    let long = |text: &str| format!("concat({text}, repeat(\"x\", 4000))");
    let group = format!("{{ from: a, group_by: {{ e: '{}' }} }}", long("email"));
    let most = format!(
        "{{ from: a, group_by: {{ id: id }}, aggregates: {{ m: 'max({})' }} }}",
        long("email")
    );
    for (target, name) in [(&group, "e"), (&most, "m")] {
        let problems = bound(target).unwrap_err();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with("concat(email, repeat(\"x\", 4000)): `"), "{problems:?}");
        assert!(problems[0].contains(&format!("`{name}`: whole values of ")), "{problems:?}");
        assert!(problems[0].ends_with(HELP), "{problems:?}");
    }
    // Two columns that have room alone.
    let both =
        "{ from: a, group_by: { x: 'rpad(email, 400, \"x\")', y: 'rpad(email, 400, \"x\")' } }";
    assert!(bound(both).is_err());
    assert!(bound(&both.replace("400", "380")).is_ok());
    // As long as a key may be.
    let one = "{ from: a, group_by: { x: 'rpad(email ?? \"\", 768, \"x\")' } }";
    assert!(bound(one).is_ok());
    assert!(bound(&one.replace("768", "769")).is_err());
}
