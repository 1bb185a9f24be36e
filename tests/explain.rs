//! `whimbrel explain`, `whimbrel schema`, and the help.

use std::{
    fs,
    path::Path,
    process::{Output, Stdio},
};

use tempfile::TempDir;

use crate::command::{command, text, whimbrel};

const PLANS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../plans");

/// Explains the example plan, whose secrets come from the environment.
fn explain(format: &str) -> Output {
    command(Path::new(PLANS), &["explain", "--format", format, "mysql-to-mysql.yaml"])
        .env("SOURCE_URL", "mysql://app:geheim%2Fnis@source.internal")
        .env("TARGET_URL", "mysql://app:geheim@target")
        .output()
        .unwrap()
}

#[test]
fn the_example_is_explained_in_every_format_without_its_passwords() {
    for (format, start) in [
        ("text", "plan `shop`\n"),
        ("mermaid", "flowchart LR\n"),
        ("dot", "digraph"),
        ("json", "{"),
    ] {
        let output = explain(format);

        let (shown, told) = (text(output.stdout), text(output.stderr));
        assert!(shown.starts_with(start) && shown.ends_with('\n'), "{shown}");
        assert!(!shown.contains("geheim"), "{shown}");
        assert_eq!((told.as_str(), output.status.code()), ("", Some(0)));
    }
}

#[test]
fn the_explanation_for_machines_is_json_with_connections_per_server() {
    let explained: serde_json::Value = serde_json::from_slice(&explain("json").stdout).unwrap();

    assert_eq!(explained["connections"]["source"]["address"], "source.internal:3306");
    assert_eq!(explained["connections"]["source"]["total"], 6);
    assert_eq!(explained["connections"]["target"]["total"], 6);
    assert_eq!(explained["locks"], serde_json::json!([]));
}

#[test]
fn a_refused_plan_is_not_explained() {
    let output = whimbrel(Path::new(PLANS), &["explain", "mysql-to-mysql.yaml"]);

    assert_eq!((text(output.stdout).as_str(), output.status.code()), ("", Some(2)));
    assert!(text(output.stderr).contains("`SOURCE_URL` is not set"));
}

#[test]
fn a_file_with_a_secret_lies_beside_the_plan() {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("plans")).unwrap();
    fs::write(folder.path().join("plans/url"), "mysql://app:x@db-of-file\n").unwrap();
    let plan = "version: 1\n\
                name: shop\n\
                source: { mysql: { url: '${file:url}', database: shop } }\n\
                target: { mysql: { url: 'mysql://app@target', database: shop } }\n\
                move: ['*']\n";
    fs::write(folder.path().join("plans/plan.yaml"), plan).unwrap();

    let output = whimbrel(folder.path(), &["explain", "plans/plan.yaml"]);

    assert!(text(output.stdout).contains("db-of-file:3306"));
}

#[test]
fn the_schema_is_printed_as_it_is_committed() {
    let output = whimbrel(Path::new(PLANS), &["schema"]);

    let committed = fs::read_to_string(Path::new(PLANS).join("plan.schema.json")).unwrap();
    assert_eq!(text(output.stdout), committed);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let mut child = command(Path::new(PLANS), &["schema"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());

    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn help_teaches_with_examples_and_wrong_arguments_fail() {
    for arguments in [&["--help"][..], &["validate", "--help"], &["explain", "--help"]] {
        let output = whimbrel(Path::new(PLANS), arguments);

        assert!(text(output.stdout).contains("\nExamples:\n"), "{arguments:?}");
        assert_eq!(output.status.code(), Some(0));
    }
    for arguments in [&["validate"][..], &["validate", "-", "-"], &["migrate"], &[]] {
        let output = whimbrel(Path::new(PLANS), arguments);

        assert_eq!((text(output.stdout).as_str(), output.status.code()), ("", Some(1)));
    }
}
