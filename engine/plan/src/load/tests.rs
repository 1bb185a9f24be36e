use std::path::{Path, PathBuf};

use proptest::prelude::*;
use secrecy::{ExposeSecret, SecretString};

use super::*;
use crate::{Location, OnDdl, SecretError, Sharding, Target, Tls, VitessTarget};

/// One variable and one file.
struct Fixed;

impl Secrets for Fixed {
    fn environment(&self, name: &str) -> Result<SecretString, SecretError> {
        match name {
            "PW" => Ok("p@ss/word:1".into()),
            "USER" => Ok("app".into()),
            "URL" => Ok("mysql://app:p%40ss@db.example:3307/shop".into()),
            "EMPTY" => Ok("".into()),
            _ => Err(SecretError::Missing),
        }
    }

    fn file(&self, path: &str) -> Result<SecretString, SecretError> {
        match path {
            "pw" => Ok("from a file\n".into()),
            "regions.json" | "same.json" => Ok("{}".into()),
            "others.json" => Ok(r#"{"de": 1}"#.into()),
            _ => Err(SecretError::Missing),
        }
    }

    fn path(&self, path: &str) -> PathBuf {
        Path::new("/plans").join(path)
    }
}

const PLAN: &str = "\
version: 1
name: shop
source:
  mysql: { url: 'mysql://app:${env:PW}@source', database: shop }
target:
  mysql: { url: 'mysql://app:${file:pw}@target:3307', database: shop }
move: ['*']
";

fn plan_with(from: &str, to: &str) -> String {
    assert!(PLAN.contains(from), "{from}");
    PLAN.replacen(from, to, 1)
}

/// Each problem's id, and what its place holds.
fn problems(text: &str) -> Vec<(&'static str, String)> {
    let problems = match load(text, &Fixed) {
        Ok(loaded) => loaded.warnings,
        Err(problems) => problems,
    };
    let place =
        |problem: &PlanError| text.get(problem.at.start..problem.at.end).unwrap().to_owned();
    problems.iter().map(|problem| (problem.advice().id, place(problem))).collect()
}

#[track_caller]
fn check(text: &str, expected: &[(&'static str, &str)]) {
    let expected: Vec<_> = expected.iter().map(|(id, at)| (*id, (*at).to_owned())).collect();

    assert_eq!(problems(text), expected, "{text}");
}

#[test]
fn defaults_are_filled_in_and_references_replaced() {
    let plan = load(PLAN, &Fixed).unwrap().plan;

    assert_eq!((plan.source.host.as_str(), plan.source.port), ("source", 3306));
    assert_eq!(
        (plan.target.endpoint().host.as_str(), plan.target.endpoint().port),
        ("target", 3307)
    );
    assert_eq!(plan.source.password.expose_secret(), "p@ss/word:1");
    assert_eq!(plan.target.endpoint().password.expose_secret(), "from a file");
    assert_eq!(plan.source.tls, Tls::Preferred);
    assert_eq!(plan.on_ddl, OnDdl::Stop);
    assert_eq!(plan.limits.source_connections, 6);
    assert_eq!(plan.limits.target_connections, 6);
    assert_eq!(plan.limits.memory_bytes, 256 << 20);
    assert_eq!(plan.limits.rows_per_second, None);
    assert_eq!(plan.limits.source_load.threads_running, 50);
    assert_eq!(plan.limits.source_load.history_list, 1_000_000);
}

const KEYSPACE: &str = "\
version: 1
name: shop
source:
  mysql: { url: 'mysql://app:${env:PW}@source', database: shop }
target:
  vitess: { url: 'mysql://app@vtgate:15306', keyspace: commerce }
move: [customers, 'order_*']
sharding:
  customers: { column: id, vindex: xxhash, sequence: main.customers_seq }
  order_lines:
    columns: [region, id]
    vindex: region_json
    params: { region_map: regions.json, region_bytes: \"1\" }
  order_states: { reference: true }
  order_notes: { sequence: main.order_notes_seq }
  order_marks: { ask_vtgate: true }
";

#[test]
fn a_keyspace_and_where_rows_go_in_it_are_read() {
    let plan = load(KEYSPACE, &Fixed).unwrap().plan;

    let Target::Vitess(VitessTarget { endpoint, .. }) = &plan.target else { panic!("no keyspace") };
    assert_eq!(
        (endpoint.address().as_str(), endpoint.database.as_str()),
        ("vtgate:15306", "commerce")
    );
    let told: Vec<(&str, String, Option<String>)> = plan
        .sharding
        .iter()
        .map(|table| {
            let how = match &table.how {
                Sharding::Reference => "everywhere".to_owned(),
                Sharding::Asked => "asked".to_owned(),
                Sharding::Read => "as read".to_owned(),
                Sharding::Vindex { columns, kind, params, files } => {
                    let columns: Vec<&str> = columns.iter().map(|it| it.name.as_str()).collect();
                    format!("{columns:?} by {kind} {params:?} {files:?}")
                }
            };
            (table.table.as_str(), how, table.sequence.as_ref().map(ToString::to_string))
        })
        .collect();
    let region = r#"["region", "id"] by region_json {"region_bytes": "1", "region_map": "regions.json"} {"region_map": "{}"}"#;
    assert_eq!(
        told,
        [
            (
                "customers",
                r#"["id"] by xxhash {} {}"#.to_owned(),
                Some("main.customers_seq".into())
            ),
            ("order_lines", region.to_owned(), None),
            ("order_states", "everywhere".to_owned(), None),
            ("order_notes", "as read".to_owned(), Some("main.order_notes_seq".into())),
            ("order_marks", "asked".to_owned(), None),
        ]
    );
}

#[test]
fn where_rows_go_may_not_change_under_one_name_and_where_it_is_read_from_may() {
    let plan = |from: &str, to: &str| {
        assert!(KEYSPACE.contains(from), "{from}");
        load(&KEYSPACE.replacen(from, to, 1), &Fixed).unwrap().plan
    };
    let stored = plan("", "").fingerprint();
    for (from, to, changed) in [
        ("vtgate:15306", "other", None),
        ("keyspace: commerce", "keyspace: commerce, tls: { mode: required }", None),
        ("keyspace: commerce", "keyspace: commerce, tablets: { 0: { url: 'mysql://a@b' } }", None),
        ("regions.json", "same.json", None),
        ("regions.json", "others.json", Some("sharding.order_lines")),
        ("keyspace: commerce", "keyspace: shop", Some("target.vitess.keyspace")),
        ("vindex: xxhash", "vindex: hash", Some("sharding.customers")),
        ("column: id", "column: email", Some("sharding.customers")),
        ("[region, id]", "[id, region]", Some("sharding.order_lines")),
        ("main.customers_seq", "main.others_seq", Some("sharding.customers")),
        ("ask_vtgate: true", "reference: true", Some("sharding.order_marks")),
    ] {
        let plan = plan(from, to);

        let changes: Vec<String> = plan.changes(&stored).into_iter().map(|it| it.key).collect();
        let expected: Vec<String> = changed.into_iter().map(str::to_owned).collect();
        assert_eq!(changes, expected, "{to}");
        assert_eq!(plan.fingerprint().digest() == stored.digest(), changed.is_none(), "{to}");
    }
    // A run proves that vtgate places the rows as it did.
    let less = plan("  order_states: { reference: true }\n", "");
    assert_eq!(less.changes(&stored), []);
    assert_eq!(plan("", "").changes(&less.fingerprint()), []);
}

#[test]
fn a_database_does_not_become_a_keyspace_under_one_name() {
    let database = load(PLAN, &Fixed).unwrap().plan;
    let text = plan_with(
        "mysql: { url: 'mysql://app:${file:pw}@target:3307', database: shop }",
        "vitess: { url: 'mysql://app:${file:pw}@target:3307', keyspace: shop }",
    );
    let keyspace = load(&text, &Fixed).unwrap().plan;

    let told: Vec<String> =
        keyspace.changes(&database.fingerprint()).iter().map(ToString::to_string).collect();

    assert_eq!(told, ["`target` was the database `shop` and is now the keyspace `shop`"]);
}

#[test]
fn a_url_may_come_whole_from_the_environment() {
    let text = plan_with("'mysql://app:${env:PW}@source'", "\"${env:URL}\"");

    let source = load(&text, &Fixed).unwrap().plan.source;

    assert_eq!(source.address(), "db.example:3307");
    assert_eq!(source.password.expose_secret(), "p@ss");
}

#[test]
fn an_authority_without_a_mode_means_the_strictest_mode() {
    let text = plan_with("database: shop }", "database: shop, tls: { ca: ca.pem } }");

    let tls = load(&text, &Fixed).unwrap().plan.source.tls;

    assert_eq!(tls, Tls::VerifyIdentity { ca: Some("/plans/ca.pem".into()) });
}

#[test]
fn a_parameter_that_a_reference_stands_for_is_not_named() {
    let parameter = |text| {
        let url = format!("'mysql://app:${{env:PW}}@source?{text}'");
        let problems = load(&plan_with("'mysql://app:${env:PW}@source'", &url), &Fixed);
        problems.unwrap_err().iter().map(ToString::to_string).collect::<Vec<_>>()
    };

    assert_eq!(parameter("${file:pw}"), ["`source.mysql.url` takes no parameter"]);
    // As the text's user happens to be.
    assert_eq!(parameter("${env:USER}"), ["`source.mysql.url` takes no parameter"]);
    assert_eq!(parameter("ssl-${file:pw}=1"), ["`source.mysql.url` takes no parameter"]);
    assert_eq!(parameter("ssl=${file:pw}"), ["`source.mysql.url` takes no parameter `ssl`"]);
}

#[test]
fn no_secret_is_shown_by_debug() {
    let shown = format!("{:?}", load(PLAN, &Fixed).unwrap());

    assert!(!shown.contains("p@ss") && !shown.contains("from a file"), "{shown}");
}

#[test]
fn all_problems_are_found_at_once_in_the_order_of_the_file() {
    let text = "\
version: 2
nmae: shop
source:
  mysql: { url: 'mysql://db', database: 12, tls: { mode: on } }
target:
  mysql: { url: 'mysql://a@b', database: shop, databse: shop }
move: [orders, orders, 'a[b]']
limits: { source_connections: 2, memory: 1MiB, rows_per_second: many }
limits: {}
";

    check(
        text,
        &[
            ("plan.version", "2"),
            ("plan.unknown-key", "nmae"),
            ("url.invalid", "'mysql://db'"),
            ("plan.wrong-type", "12"),
            ("plan.unknown-value", "on"),
            ("plan.unknown-key", "databse"),
            ("move.twice", "orders"),
            ("move.pattern", "'a[b]'"),
            ("plan.out-of-range", "2"),
            ("plan.out-of-range", "1MiB"),
            ("plan.wrong-type", "many"),
            ("plan.duplicate-key", "limits"),
        ],
    );
}

#[test]
fn places_are_right_behind_characters_of_several_bytes_and_any_line_ending() {
    for text in ["# é😀\r\nversion: 1\r\nbéd: 2\r\n", "\u{feff}# é😀\nversion: 1\nbéd: 2\n"]
    {
        let problems = load(text, &Fixed).unwrap_err();

        let unknown = problems.iter().find(|it| it.advice().id == "plan.unknown-key").unwrap();
        assert_eq!(text.get(unknown.at.start..unknown.at.end), Some("béd"), "{text:?}");
        assert_eq!(unknown.at.location(text), Location { line: 3, column: 1 });
    }
}

#[test]
fn of_very_many_problems_the_first_are_told_and_the_others_counted() {
    let text = plan_with("name: shop\n", &format!("name: shop\n{}", "x: 1\n".repeat(1_000)));

    let problems = load(&text, &Fixed).unwrap_err();

    assert_eq!(problems.len(), 101);
    assert_eq!(problems[100].problem.to_string(), "there are 900 more problems");
}

#[test]
fn a_plan_of_ten_thousand_rules_is_taken_and_one_more_is_not() {
    let rules = |count| {
        let rules: Vec<String> = (0..count).map(|index| format!("table_{index}")).collect();
        plan_with("['*']", &format!("[{}]", rules.join(", ")))
    };

    check(&rules(10_000), &[]);
    check(&rules(10_001), &[("move.too-many", "table_10000")]);
}

#[test]
fn a_place_is_the_value_without_what_stands_behind_it() {
    for (written, shown) in [
        ("'it''s' # it's", "'it''s'"),
        ("'' # it's", "''"),
        (r#""a \"b\"" # "c""#, r#""a \"b\"""#),
        ("plain text   # c", "plain text"),
    ] {
        let text = plan_with("name: shop", &format!("name: {written}"));

        check(&text, &[("plan.name", shown)]);
    }
}

#[test]
fn every_duplicate_key_has_both_places() {
    let text = plan_with("name: shop", "name: shop\nname: other");

    let problems = load(&text, &Fixed).unwrap_err();

    let (first, second) = (problems[0].other.unwrap(), problems[0].at);
    assert_eq!((first.location(&text).line, second.location(&text).line), (2, 3));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>()) {
        let _outcome = load(&text, &Fixed).is_ok();
    }

    #[test]
    fn no_damage_to_a_plan_makes_the_parser_panic(
        damage in prop::collection::vec((0..PLAN.len(), "[-:,\\[\\]{}'\"#|>&*!%@?\\\\ \t\n\0aé😀$]{0,3}"), 1..6)
    ) {
        let mut text = PLAN.to_owned();
        for (at, insert) in damage {
            let mut at = at.min(text.len());
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            let end = (at + insert.len()).min(text.len());
            let end = (end..=text.len()).find(|end| text.is_char_boundary(*end)).unwrap();
            text.replace_range(at..end, &insert);
        }

        for problem in load(&text, &Fixed).err().unwrap_or_default() {
            prop_assert!(text.get(problem.at.start..problem.at.end).is_some(), "{problem:?}");
        }
    }
}
