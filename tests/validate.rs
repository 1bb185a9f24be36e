//! Plans that are refused or taken: whole messages, as a person reads them.
//!
//! `refused/` holds plans with a fault each, `refused/tables/` those whose fault shows once the tables are
//! known: `source.sql` and `target.sql`. Beside each stands the message that it gets. To see a message:
//! `whimbrel validate ….yaml` in its folder.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use crate::command::{text, whimbrel, whimbrel_reading};

const FOLDERS: [&str; 2] = [
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/refused"),
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/refused/tables"),
];

/// Where the ids of problems with plans stand.
const ID_FILES: [&str; 6] = [
    "expression/src/problem.rs",
    "plan/src/problem/form.rs",
    "plan/src/problem/materialize.rs",
    "plan/src/problem/rule.rs",
    "plan/src/problem/sharding.rs",
    "plan/src/problem/value.rs",
];

const PLAN: &str = "\
version: 1
name: shop
source:
  mysql: { url: 'mysql://app@source', database: shop }
target:
  mysql: { url: 'mysql://app@target', database: shop }
move: ['*']
";

/// The plans in [`FOLDERS`].
fn refused() -> Vec<PathBuf> {
    let files = FOLDERS.iter().flat_map(|folder| fs::read_dir(folder).unwrap());
    let paths = files.map(|file| file.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|it| it == "yaml")).collect()
}

/// What stands beside a plan.
fn message(plan: &Path) -> String {
    fs::read_to_string(plan.with_extension("txt")).unwrap()
}

/// The ids of the problems in a message.
fn ids(message: &str) -> BTreeSet<String> {
    let lines = message.lines();
    lines.filter(|line| line.contains('.') && !line.contains(' ')).map(str::to_owned).collect()
}

#[test]
fn every_fault_gets_the_whole_message_that_stands_beside_it() {
    let plans = refused();

    assert!(plans.len() >= 110, "{}", plans.len());
    for plan in plans {
        let name = plan.file_name().unwrap().to_str().unwrap();
        let output = whimbrel(plan.parent().unwrap(), &["validate", name]);

        let (shown, wanted) = (text(output.stderr), message(&plan));
        assert!(shown == wanted, "{name} is told\n{shown}\ninstead of\n{wanted}");
        assert_eq!((text(output.stdout).as_str(), output.status.code()), ("", Some(2)), "{name}");
    }
}

/// Every id that stands in the sources of the crates that check plans.
fn known_ids() -> BTreeSet<String> {
    let is_id = |text: &&str| {
        let is_word = |word: &str| {
            !word.is_empty() && word.bytes().all(|it| it.is_ascii_lowercase() || it == b'-')
        };
        text.split_once('.').is_some_and(|(area, name)| is_word(area) && is_word(name))
    };
    let mut ids = BTreeSet::new();
    for file in ID_FILES {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
        let source = fs::read_to_string(path).unwrap();
        let quoted = source.split('"').skip(1).step_by(2);
        ids.extend(quoted.filter(is_id).map(str::to_owned));
    }
    ids
}

#[test]
fn every_kind_of_fault_that_needs_no_server_has_a_plan() {
    let mut told: BTreeSet<String> =
        refused().iter().flat_map(|plan| ids(&message(plan))).collect();
    told.extend(TOO_LARGE.iter().map(|(id, ..)| (*id).to_owned()));

    let known = known_ids();

    assert!(known.len() >= 80, "{}", known.len());
    assert_eq!(known.difference(&told).collect::<Vec<_>>(), [""; 0], "without a plan");
    assert_eq!(told.difference(&known).collect::<Vec<_>>(), [""; 0], "not known");
}

/// A fault of plans that are too large to lie in a folder: the id, what follows the target, and the
/// message.
type TooLarge = (&'static str, fn() -> String, &'static str);

const TOO_LARGE: [TooLarge; 3] = [
    (
        "move.too-many",
        || format!("move: [{}]\n", (0..=10_000).map(|n| format!("t{n}, ")).collect::<String>()),
        "move.too-many

  × `move` has 10001 rules, and 10000 are the most (standard input:7:68898)
  help: name tables by patterns, such as `\"order_*\"`

",
    ),
    (
        "materialize.too-many",
        || {
            let columns = (0..=4_096).map(|n| format!("      c{n}: id\n")).collect::<String>();
            format!("materialize:\n  wide:\n    from: users\n    columns:\n{columns}")
        },
        "materialize.too-many

  × there are more than 4096 columns
      ╭─[standard input:4107:7]
 4106 │       c4095: id
 4107 │       c4096: id
      ·       ──┬──
      ·         ╰── one more than there may be
      ╰────
  help: MySQL has no tables of more columns

",
    ),
    (
        "plan.more",
        || (0..110).map(|n| format!("x{n}: 1\n")).collect(),
        "plan.more

  × there are 10 more problems
     ╭─[standard input:106:1]
 105 │ x98: 1
 106 │ x99: 1
     · ─┬─
     ·  ╰── the last that is told
 107 │ x100: 1
     ╰────
  help: mend those above first

",
    ),
];

#[test]
fn a_plan_that_is_too_large_gets_the_whole_message() {
    for (id, more, wanted) in TOO_LARGE {
        let plan = format!("{}{}", PLAN.replace("move: ['*']\n", ""), more());

        let output = whimbrel_reading(&plan, &["validate", "-"]);

        let shown = text(output.stderr);
        let last = shown.rfind(&format!("{id}\n")).and_then(|at| shown.get(at..));
        assert_eq!(last, Some(wanted), "{id}");
    }
}

#[test]
fn no_message_shows_a_password() {
    for plan in refused() {
        assert!(!message(&plan).contains("geheim"), "{}", plan.display());
    }
}

#[test]
fn a_plan_without_a_fault_is_valid() {
    let output = whimbrel_reading(PLAN, &["validate", "-"]);

    assert_eq!(text(output.stderr), "");
    assert_eq!(text(output.stdout), "standard input: valid\n");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_plan_for_a_keyspace_is_valid() {
    let plan = PLAN.replace(
        "mysql: { url: 'mysql://app@target', database",
        "vitess: { url: 'mysql://app@vtgate', keyspace",
    );

    let valid = whimbrel_reading(&plan, &["validate", "-"]);

    assert_eq!(text(valid.stdout), "standard input: valid\n");
}

#[test]
fn a_warning_is_told_and_refuses_nothing() {
    let plan = PLAN.replace("['*']", "[orders, '*']");

    let output = whimbrel_reading(&plan, &["validate", "-"]);

    assert!(text(output.stderr).starts_with("move.covered\n"));
    assert_eq!(text(output.stdout), "standard input: valid\n");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn several_plans_are_all_told_about_and_one_refused_plan_refuses() {
    let arguments = ["validate", "a-missing-key.yaml", "-", "no-such.yaml", "../refused"];

    let output = whimbrel_reading(PLAN, &arguments);

    let shown = text(output.stderr);
    let first = Path::new(FOLDERS[0]).join("a-missing-key.yaml");
    assert!(shown.starts_with(&message(&first)), "{shown}");
    let unreadable = "plan.unreadable\n\n  × `no-such.yaml`: there is no file of this name\n";
    assert!(shown.contains(unreadable), "{shown}");
    assert!(shown.contains("  × `../refused`: the file cannot be read: "), "{shown}");
    assert_eq!(text(output.stdout), "standard input: valid\n");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn json_tells_machines_the_same_with_lines_and_columns() {
    let arguments = ["validate", "--format", "json", "-", "a-key-given-twice.yaml", "no-such.yaml"];

    let output = whimbrel_reading(PLAN, &arguments);

    assert_eq!((text(output.stderr).as_str(), output.status.code()), ("", Some(2)));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let expected = serde_json::json!({ "plans": [
        { "file": "standard input", "valid": true, "problems": [] },
        { "file": "a-key-given-twice.yaml", "valid": false, "problems": [{
            "id": "plan.duplicate-key",
            "severity": "error",
            "message": "the key `name` is given twice",
            "label": "again here",
            "help": "remove one of the two",
            "at": { "line": 3, "column": 1, "end_line": 3, "end_column": 5, "byte": 22, "end_byte": 26 },
            "other": { "line": 2, "column": 1, "end_line": 2, "end_column": 5, "byte": 11, "end_byte": 15 },
        }] },
        { "file": "no-such.yaml", "valid": false, "problems": [{
            "id": "plan.unreadable",
            "severity": "error",
            "message": "there is no file of this name",
            "help": "name a file that holds a plan, or `-` for standard input",
        }] },
    ] });
    assert_eq!(report, expected);
}
