//! Plans that are refused or taken: whole messages, as a person reads them.
//!
//! `refused/` holds plans with a fault each; beside each stands the message that it gets. To see a
//! message: `whimbrel validate tests/refused/….yaml`.

use std::{collections::BTreeSet, fs, path::Path};

use crate::command::{text, whimbrel, whimbrel_reading};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/refused");

const PLAN: &str = "\
version: 1
name: shop
source:
  mysql: { url: 'mysql://app@source', database: shop }
target:
  mysql: { url: 'mysql://app@target', database: shop }
move: ['*']
";

/// The names of the plans in [`FOLDER`], without `.yaml`.
fn refused() -> Vec<String> {
    let files = fs::read_dir(FOLDER).unwrap().map(|file| file.unwrap().path());
    let plans = files.filter(|path| path.extension().is_some_and(|it| it == "yaml"));
    plans.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

fn message(name: &str) -> String {
    fs::read_to_string(Path::new(FOLDER).join(format!("{name}.txt"))).unwrap()
}

#[test]
fn every_fault_gets_the_whole_message_that_stands_beside_it() {
    let names = refused();

    assert!(names.len() >= 40, "{}", names.len());
    for name in names {
        let output = whimbrel(Path::new(FOLDER), &["validate", &format!("{name}.yaml")]);

        let shown = text(output.stderr);
        assert!(shown == message(&name), "{name} is told\n{shown}\ninstead of\n{}", message(&name));
        assert_eq!((text(output.stdout).as_str(), output.status.code()), ("", Some(2)), "{name}");
    }
}

#[test]
fn every_kind_of_fault_that_needs_no_server_has_a_plan() {
    let ids: BTreeSet<String> = refused()
        .iter()
        .flat_map(|name| message(name).lines().map(str::to_owned).collect::<Vec<_>>())
        .filter(|line| line.contains('.') && !line.contains(' '))
        .collect();

    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    assert_eq!(
        ids,
        [
            "move.contradiction",
            "move.covered",
            "move.empty",
            "move.pattern",
            "move.twice",
            "plan.database",
            "plan.duplicate-key",
            "plan.empty",
            "plan.missing-key",
            "plan.name",
            "plan.no-value",
            "plan.out-of-range",
            "plan.same-database",
            "plan.size",
            "plan.syntax",
            "plan.unknown-key",
            "plan.unknown-value",
            "plan.unsupported-yaml",
            "plan.version",
            "plan.wrong-type",
            "secret.environment",
            "secret.file",
            "secret.misplaced",
            "secret.plain-password",
            "secret.reference",
            "tls.missing-ca",
            "tls.unused-ca",
            "url.database",
            "url.invalid",
            "url.parameter",
        ]
    );
}

#[test]
fn no_message_shows_a_password() {
    for name in refused() {
        assert!(!message(&name).contains("geheim"), "{name}");
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
    assert!(shown.starts_with(&message("a-missing-key")), "{shown}");
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
