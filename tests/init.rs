//! Specifications of Vitess as plans: whole plans and whole messages, and one that is run.
//!
//! `vitess/` holds specifications; beside each stands its plan (`.yaml`), and the warnings or the refusal
//! that it gets (`.txt`). The numbers are those of the use cases that Vitess's own documents have. To see one:
//! `whimbrel init --from-vitess tests/vitess/….json`.

use std::{collections::BTreeSet, fs, path::Path};

use tempfile::TempDir;
use whimbrel_kit::pair;

use crate::{
    command::{command, text, whimbrel, whimbrel_reading},
    support::shown,
};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vitess");

/// What `vtctldclient` is given beside the list of table settings.
const BESIDE: [&str; 7] = [
    "--workflow=bi-reports",
    "--source-keyspace",
    "shop",
    "--target-keyspace",
    "bi",
    "--reference-tables",
    "countries,currencies",
];

fn specifications() -> Vec<String> {
    let files = fs::read_dir(FOLDER).unwrap().map(|file| file.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|it| it == "json"));
    files.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

fn beside(name: &str, extension: &str) -> Option<String> {
    fs::read_to_string(Path::new(FOLDER).join(format!("{name}.{extension}"))).ok()
}

#[test]
fn every_specification_becomes_the_plan_or_gets_the_message_that_stands_beside_it() {
    let names = specifications();

    assert!(names.len() >= 40, "{}", names.len());
    for name in names {
        let file = format!("{name}.json");
        let mut arguments = vec!["init", "--from-vitess", &file];
        if name.ends_with("table-settings") {
            arguments.extend(BESIDE);
        }
        let output = whimbrel(Path::new(FOLDER), &arguments);

        let (plan, message) = (beside(&name, "yaml"), beside(&name, "txt"));
        assert!(plan.is_some() || message.is_some(), "{name} has a file beside it");
        let code = if plan.is_some() { 0 } else { 2 };
        assert_eq!(output.status.code(), Some(code), "{name}: {}", shown(&output));
        let (found, told) = (text(output.stdout), text(output.stderr));
        assert!(found == plan.unwrap_or_default(), "{name} becomes\n{found}");
        assert!(told == message.unwrap_or_default(), "{name} is told\n{told}");
    }
}

#[test]
fn every_kind_of_refusal_has_a_specification() {
    let ids: BTreeSet<String> = specifications()
        .iter()
        .filter_map(|name| beside(name, "txt"))
        .flat_map(|message| message.lines().map(str::to_owned).collect::<Vec<_>>())
        .filter(|line| line.starts_with("vitess.") && !line.contains(' '))
        .collect();

    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    assert_eq!(
        ids,
        [
            "vitess.contradiction",
            "vitess.definition",
            "vitess.expression",
            "vitess.json",
            "vitess.missing",
            "vitess.name",
            "vitess.one-keyspace",
            "vitess.option",
            "vitess.rule",
            "vitess.shape",
            "vitess.source-shards",
            "vitess.sql",
            "vitess.sql-syntax",
            "vitess.streams-differ",
            "vitess.target-shards",
            "vitess.twice",
            "vitess.unknown-key",
            "vitess.workflows",
            "vitess.wrong-type",
        ]
    );
}

#[test]
fn every_use_case_of_the_documents_has_a_specification() {
    let names = specifications();

    for number in 1..=18 {
        let prefix = format!("{number:02}-");
        assert!(names.iter().any(|name| name.starts_with(&prefix)), "{prefix}…");
    }
}

#[test]
fn a_plan_that_is_there_is_never_written_over() {
    let folder = TempDir::new().unwrap();
    let specification = format!("{FOLDER}/05-rollup.json");
    let arguments = ["init", "--from-vitess", &specification, "--output", "plan.yaml"];

    let first = whimbrel(folder.path(), &arguments);
    let again = whimbrel(folder.path(), &arguments);

    assert_eq!(first.status.code(), Some(0), "{}", shown(&first));
    assert!(first.stdout.is_empty() && shown(&first).contains("whimbrel validate plan.yaml"));
    assert_eq!(again.status.code(), Some(1), "{}", shown(&again));
    assert_eq!(text(again.stderr), "`plan.yaml` is there already, and is left as it is\n");
    let written = fs::read_to_string(folder.path().join("plan.yaml")).unwrap();
    assert_eq!(Some(written), beside("05-rollup", "yaml"));
}

#[test]
fn a_specification_that_is_refused_writes_nothing() {
    let folder = TempDir::new().unwrap();

    let output =
        command(folder.path(), &["init", "--from-vitess", "no.json", "--output", "p.yaml"])
            .output()
            .unwrap();

    assert_eq!(output.status.code(), Some(2), "{}", shown(&output));
    assert!(shown(&output).contains("there is no file of this name"));
    assert!(!folder.path().join("p.yaml").exists());
}

#[test]
fn init_alone_says_what_it_is_made_from() {
    let output = whimbrel_reading("", &["init"]);

    assert_eq!(output.status.code(), Some(1));
    assert!(shown(&output).contains("--from-vitess <FILE>"), "{}", shown(&output));
}

const SCHEMA: &str = "
    CREATE TABLE orders (id INT NOT NULL PRIMARY KEY, sku VARCHAR(10) COLLATE utf8mb4_0900_bin NULL,
      state VARCHAR(10) COLLATE utf8mb4_0900_bin NULL, price DECIMAL(10,2) NULL, quantity INT NULL,
      reserved INT NULL, created_at DATETIME NULL, note VARCHAR(40) CHARACTER SET latin1 NULL);
    CREATE TABLE countries (code CHAR(2) NOT NULL PRIMARY KEY, name VARCHAR(40) NOT NULL)";

const ROWS: &str = "
    SET SESSION cte_max_recursion_depth = 10000;
    INSERT INTO orders WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
      SELECT i, IF(i % 7, CONCAT('s', i % 11), NULL), ELT(i % 5, 'paid', 'open', 'void', 'PAID'),
        IF(i % 6, i / 3, NULL), IF(i % 4, i % 9, NULL), IF(i % 3, i % 8, NULL),
        IF(i % 10, '2024-01-01' + INTERVAL i HOUR, NULL), CONCAT('ä', i) FROM n;
    INSERT INTO countries VALUES ('DE', 'Deutschland'), ('AT', 'Österreich')";

/// Changes by which rows enter and leave filters and groups.
const CHANGES: &str = "
    UPDATE orders SET state = IF(state IS NULL, 'void', NULL) WHERE id % 13 = 0;
    UPDATE orders SET quantity = NULL, reserved = 4 WHERE id % 17 = 0;
    UPDATE orders SET sku = NULL WHERE id % 19 = 0;
    DELETE FROM orders WHERE id % 23 = 0;
    INSERT INTO orders VALUES (9001, NULL, 'paid', NULL, 0, NULL, NULL, NULL)";

const NOT_PAID: &str = "SELECT id, IFNULL(sku, '-') AS sku, price / quantity AS each_price, \
     CASE WHEN quantity > reserved THEN 'enough' WHEN reserved IS NULL THEN 'none' ELSE 'short' END AS \
     stock, CONVERT(note USING utf8mb4) AS note FROM orders \
     WHERE NOT (state = 'paid' OR quantity = reserved) AND (id % 100 <> 7 OR note LIKE 'ä1%')";

const BY_DAY: &str = "SELECT sku, DATE(created_at) AS day, COUNT(*) AS orders, COUNT(price) AS priced, \
     SUM(price) AS revenue, MIN(quantity) AS least, AVG(price) AS mean FROM orders \
     WHERE state <> 'void' GROUP BY sku, day";

const NOT_PAID_DDL: &str = "create table not_paid (id int not null primary key, sku varchar(10) not null, \
     each_price decimal(20,6) null, stock varchar(10) not null, note varchar(40) null)";

const BY_DAY_DDL: &str = "create table by_day (sku varchar(10) collate utf8mb4_0900_bin null, day date \
     null, orders bigint not null, priced bigint not null, revenue decimal(40,2) null, least int null, \
     mean decimal(40,6) null, unique key (sku, day))";

fn listed(columns: &[&str], from: &str) -> String {
    let columns: Vec<String> = columns
        .iter()
        .map(|column| format!("IFNULL(HEX(CAST(`{column}` AS CHAR CHARACTER SET utf8mb4)), '-')"))
        .collect();
    format!("SELECT CONCAT_WS('|', {}) AS line FROM ({from}) made ORDER BY line", columns.join(","))
}

#[tokio::test]
async fn a_specification_that_is_run_gives_what_its_selects_give_on_the_source() {
    let pair = pair().await.unwrap();
    pair.execute_source(SCHEMA).await.unwrap();
    pair.execute_source(ROWS).await.unwrap();
    let folder = TempDir::new().unwrap();
    let settings = serde_json::json!({
        "workflow": "reports",
        "source_keyspace": pair.source_database,
        "target_keyspace": pair.target_database,
        "table_settings": [
            { "target_table": "not_paid", "source_expression": NOT_PAID, "create_ddl": NOT_PAID_DDL },
            { "target_table": "by_day", "source_expression": BY_DAY, "create_ddl": BY_DAY_DDL },
            { "target_table": "countries", "source_expression": "select * from countries",
              "create_ddl": "copy" },
        ],
    });
    fs::write(folder.path().join("settings.json"), settings.to_string()).unwrap();
    let done = |arguments: &[&str]| {
        let output = command(folder.path(), arguments)
            .env("SOURCE_URL", pair.source.url())
            .env("TARGET_URL", pair.target.url())
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", shown(&output));
    };

    done(&["init", "--from-vitess", "settings.json", "--output", "plan.yaml"]);
    done(&["validate", "plan.yaml"]);
    done(&["run", "plan.yaml", "--until", "caught-up"]);
    pair.execute_source(CHANGES).await.unwrap();
    done(&["run", "plan.yaml", "--until", "caught-up"]);

    for (table, columns, sql) in [
        ("not_paid", &["id", "sku", "each_price", "stock", "note"][..], NOT_PAID),
        ("by_day", &["sku", "day", "orders", "priced", "revenue", "least", "mean"], BY_DAY),
        ("countries", &["code", "name"], "SELECT code, name FROM countries"),
    ] {
        let wanted =
            listed(columns, &sql.replace("FROM ", &format!("FROM {}.", pair.source_database)));
        let wanted: Vec<String> = pair.source.rows(&wanted).await.unwrap();
        let found = listed(columns, &format!("SELECT * FROM {}.{table}", pair.target_database));
        let found: Vec<String> = pair.target.rows(&found).await.unwrap();
        let differs = wanted.iter().zip(&found).find(|(wanted, found)| wanted != found);
        assert_eq!((wanted.len(), differs), (found.len(), None), "{table}");
        assert!(wanted.len() > 1, "{table} proves nothing");
    }
}
