use whimbrel_model::{ColumnType, Generation, IntWidth};
use whimbrel_mysql::vtgate::{Placing, TableVindex};

use super::*;

const INT: ColumnType = ColumnType::Int { width: IntWidth::Int, unsigned: false };

fn text(collation: &str) -> ColumnType {
    ColumnType::Text { charset: "utf8mb4".to_owned(), collation: collation.to_owned() }
}

/// A table with the columns `id`, `customer` and `region` of one type, whose key is the first.
fn table(name: &str, column_type: &ColumnType) -> Table {
    let column = |name: &str| Column {
        name: name.to_owned(),
        column_type: column_type.clone(),
        declaration: String::new(),
        nullable: false,
        generation: Generation::None,
    };
    let columns = ["id", "customer", "region"].map(column).to_vec();
    Table::new(("shop", name), columns, ("PRIMARY", &["id"]), true).unwrap()
}

/// Placed by a vindex of this type, name and parameter.
fn by((kind, name, param): (&str, &str, &str), columns: &[&str]) -> Placing {
    let vindex = TableVindex {
        columns: columns.iter().map(|&name| name.to_owned()).collect(),
        name: name.to_owned(),
        kind: kind.to_owned(),
        params: BTreeMap::from([("param".to_owned(), param.to_owned())]),
        owner: None,
    };
    Placing::Vindexes { vindexes: vec![vindex], sequence: None }
}

fn key(columns: &[&str], table: &str, referenced: &[&str]) -> ForeignKey {
    let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    ForeignKey {
        name: "fk".to_owned(),
        database: None,
        table: table.to_owned(),
        columns: owned(columns),
        referenced: owned(referenced),
    }
}

/// What is said of a foreign key of `child`, whose table is placed as the first and the other as the second.
fn said(
    key: &ForeignKey,
    (child, parent): (&Placing, &Placing),
    (of_child, of_parent): (&ColumnType, &ColumnType),
) -> Option<String> {
    let tables = [table("child", of_child), table("parent", of_parent)];
    let unique_keys =
        vec![vec!["id"], vec!["id", "region"], vec!["region", "id"], vec!["ID", "customer"]];
    let sides: Vec<Side<'_>> = tables
        .iter()
        .zip([child, parent])
        .map(|(table, told)| Side { table, unique_keys: unique_keys.clone(), told: Some(told) })
        .collect();
    unheld(key, &sides[0], (&sides, true)).map(|problem| problem.what)
}

const HASH: (&str, &str, &str) = ("hash", "hash", "");

#[test]
fn a_foreign_key_holds_where_both_rows_are_placed_by_columns_that_it_pairs() {
    let (by_id, by_customer) = (by(HASH, &["id"]), by(HASH, &["Customer"]));
    let reference = Placing::Reference { source: None };
    let refers = key(&["region", "customer"], "parent", &["region", "id"]);
    let mut renamed = by(("hash", "other_name", ""), &["id"]);

    let holds =
        |child: &Placing, parent: &Placing| said(&refers, (child, parent), (&INT, &INT)).is_none();

    assert!(holds(&by_customer, &by_id));
    assert!(holds(&by_customer, &renamed), "the name of a vindex places nothing");
    assert!(!holds(&by_id, &by_id), "`id` is not paired with `id`");
    assert!(!holds(&by(HASH, &["region"]), &by_id));
    assert!(!holds(&by_customer, &by(HASH, &["region"])));
    assert!(!holds(&by_customer, &by(("xxhash", "hash", ""), &["id"])));
    renamed = by(("hash", "hash", "another"), &["id"]);
    assert!(!holds(&by_customer, &renamed), "other parameters place otherwise");
    let (there, back) = (by(HASH, &["customer", "region"]), by(HASH, &["id", "region"]));
    assert!(holds(&there, &back));
    assert!(!holds(&there, &by(HASH, &["region", "id"])), "in another order");
    assert!(!holds(&by_customer, &back) && !holds(&there, &by_id), "fewer columns");
    assert!(holds(&by_customer, &reference) && holds(&reference, &reference));
    assert!(!holds(&reference, &by_id), "every shard has rows whose other row one shard has");
}

#[test]
fn rows_that_are_equal_for_the_server_are_placed_by_equal_bytes() {
    let (there, back) = (by(HASH, &["customer"]), by(HASH, &["id"]));
    let refers = key(&["customer"], "parent", &["id"]);
    let holds = |child: &ColumnType, parent: &ColumnType| {
        said(&refers, (&there, &back), (child, parent)).is_none()
    };

    let exact = text("utf8mb4_0900_bin");
    assert!(holds(&exact, &exact) && holds(&ColumnType::Binary, &ColumnType::Binary));
    for inexact in ["utf8mb4_0900_ai_ci", "utf8mb4_bin"] {
        assert!(!holds(&text(inexact), &text(inexact)), "{inexact}");
    }
    let fixed = |length| ColumnType::FixedBinary { length };
    assert!(!holds(&fixed(4), &fixed(8)), "a value is padded to two lengths");
    let reference = Placing::Reference { source: None };
    let loose = text("utf8mb4_0900_ai_ci");
    assert_eq!(said(&refers, (&there, &reference), (&loose, &loose)), None);
}

#[test]
fn what_a_foreign_key_refers_to_is_moved_and_unique_in_any_keyspace() {
    let tables = [table("child", &INT), table("parent", &INT)];
    let side = |table| Side { table, unique_keys: vec![vec!["id"]], told: None };
    let sides: Vec<Side<'_>> = tables.iter().map(side).collect();
    let said = |key: &ForeignKey| {
        let problem = unheld(key, &sides[0], (&sides, false))?;
        Some(format!("{}: {}; {}", problem.table, problem.what, problem.remedy))
    };
    let mut elsewhere = key(&["customer"], "parent", &["id"]);
    elsewhere.database = Some("crm".to_owned());

    assert_eq!(said(&key(&["customer"], "parent", &["id"])), None);
    assert_eq!(said(&key(&["customer"], "child", &["id"])), None);
    assert_eq!(
        said(&key(&["customer"], "stays", &["id"])).unwrap(),
        "child: its foreign key `fk` of (customer) refers to `stays` (id), which the plan does not move into the \
         keyspace; move `stays`, too, or say `foreign_keys: leave_out` beside the target's `keyspace`"
    );
    assert!(
        said(&elsewhere)
            .unwrap()
            .contains("refers to `crm`.`parent` (id), which the plan does not")
    );
    for partly in [&["customer"][..], &["id", "customer"]] {
        let said = said(&key(partly, "parent", partly)).unwrap();
        assert!(said.contains("which are no whole unique key"), "{said}");
    }
}

#[test]
fn a_name_that_another_table_of_the_shard_uses_is_taken() {
    let names = BTreeMap::from([("fk".to_owned(), "child".to_owned())]);
    let there =
        |table: &str, name: &str| taken(&names, &(table.to_owned(), name.to_owned())).is_some();

    assert!(there("another", "FK") && there("another", "fk"));
    assert!(!there("child", "fk") && !there("another", "fk2"));
}
