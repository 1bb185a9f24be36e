//! What is only known once a row is read: the run stops with the part of the plan that failed, and goes on
//! once the plan says what else happens to such rows.

use whimbrel_kit::{Pair, pair};

use crate::support::{Migration, shown};

/// A value that no message may show.
const VALUE: &str = "geheim";

const SCHEMA: &str = "
    CREATE TABLE orders (id BIGINT NOT NULL PRIMARY KEY, price DECIMAL(10,2) NOT NULL,
      quantity INT NOT NULL, large BIGINT NOT NULL, note VARCHAR(80) NULL);
    CREATE TABLE other_quotients (id INT NOT NULL PRIMARY KEY);
    CREATE TABLE other_sums LIKE other_quotients;
    CREATE TABLE other_notes LIKE other_quotients;
    CREATE TABLE other_given LIKE other_quotients;
    CREATE TABLE other_tokens LIKE other_quotients;
    INSERT INTO orders VALUES (1, 10, 2, 5, 'a'), (2, 10, 0, 5, 'b'),
      (3, 10, 3, 9223372036854775807, 'c'), (4, 10, 4, 5, REPEAT('geheim ', 5)), (5, 10, 5, 5, NULL)";

/// A target and what fails in it: the column's expression, the part that fails, with what, and on the
/// row of which key.
const FAILING: [(&str, &str, &str, &str, u32); 4] = [
    ("quotients", "price / quantity", "price / quantity", "division by zero", 2),
    ("sums", "large + 1 - 2", "large + 1", "the result is out of its type's range", 3),
    (
        "notes",
        "must_fit(note ?? \"\")",
        "must_fit(note ?? \"\")",
        "the value does not fit the column",
        4,
    ),
    (
        "given",
        "must_fit(note)",
        "must_fit(note)",
        "the value is NULL and the column is NOT NULL",
        5,
    ),
];

fn plan(target: &str, expression: &str) -> String {
    let declared = match target {
        "quotients" => "DECIMAL(20,6) NULL",
        "sums" => "BIGINT NULL",
        "notes" => "VARCHAR(20) NULL",
        _ => "VARCHAR(80) NOT NULL",
    };
    format!(
        "materialize:\n  {target}:\n    from: orders\n    on_error: stop\n    columns:\n      id: id\n      \
         made: {expression}\n    create: CREATE TABLE {target} (id BIGINT NOT NULL PRIMARY KEY, made \
         {declared})\n"
    )
}

async fn filled() -> Pair {
    let pair = pair().await.unwrap();
    pair.execute_source(SCHEMA).await.unwrap();
    pair
}

/// A plan with the target, and a table that is moved.
fn migration<'a>(pair: &'a Pair, target: &str, more: &str) -> Migration<'a> {
    Migration::new(
        (pair.source, &pair.source_database),
        (pair.target, &pair.target_database),
        &[&format!("other_{target}")],
        more,
    )
}

/// The line of a plan with `part` of it marked, as messages show it.
fn framed(target: &str, expression: &str, part: &str) -> String {
    let plan = plan(target, expression);
    let shown = plan.lines().nth(6).unwrap();
    let column = shown.find(part).unwrap();
    let (left, right) = (part.len() / 2, part.len() - part.len() / 2 - 1);
    let blanks = " ".repeat(column);
    format!(
        "    ╭─[plan.yaml:15:{}]\n 14 │       id: id\n 15 │ {shown}\n    · {blanks}{}┬{}\n    · {blanks}{}╰── \
         fails here\n 16 │ {}\n    ╰────\n",
        column + 1,
        "─".repeat(left),
        "─".repeat(right),
        " ".repeat(left),
        plan.lines().nth(7).unwrap(),
    )
}

/// The help behind a message, on one line.
fn help(log: &str) -> String {
    let (_, help) = log.rsplit_once("  help: ").unwrap();
    help.split_whitespace().collect::<Vec<_>>().join(" ")
}

const REMEDY: &str = "say what else happens to such rows, then run again: it goes on where it stopped. \
    `on_error: dead_letter` leaves them out and notes their keys in the target's \
    `_whimbrel_dead_letters`, and `on_error: \"null\"` makes the column NULL there. Another expression \
    needs a new `name` and an empty target";

async fn dead_letters(pair: &Pair, target: &str) -> Vec<(String, String, String)> {
    let sql = format!(
        "SELECT source_key, column_name, error FROM {}._whimbrel_dead_letters WHERE target = '{target}' \
         ORDER BY source_key",
        pair.target_database
    );
    pair.target.rows(&sql).await.unwrap()
}

#[tokio::test]
async fn a_row_that_fails_while_it_is_copied_is_told_with_its_place_and_let_through_when_asked() {
    let pair = filled().await;
    for (target, expression, part, fault, id) in FAILING {
        let migration = migration(&pair, target, &plan(target, expression));
        migration.rename(target);

        let (code, log) = migration.start(&["--until", "caught-up"]).ended().await;

        let message = format!(
            "run.failed-row\n\n  × the column `made` of `{target}` failed on a row of `orders`: {fault}\n{}",
            framed(target, expression, part)
        );
        assert!(log.replace("\n  │", "").contains(&message), "{message}\nis not in\n{log}");
        let found = "it was found while the table was copied: mend the row on the source, or ";
        assert_eq!((help(&log), code), (format!("{found}{REMEDY}"), Some(1)), "{log}");
        assert!(!log.contains(VALUE), "{log}");

        migration.edit("on_error: stop", "on_error: dead_letter");
        migration.catch_up().await;

        let letter = (format!("`id`={id}"), "made".to_owned(), fault.to_owned());
        assert_eq!(dead_letters(&pair, target).await, [letter]);
        let others = format!("SELECT COUNT(*) FROM {}.`{target}`", pair.target_database);
        assert_eq!(pair.target.row(&others).await.unwrap(), Some(4_u64));
    }
}

#[tokio::test]
async fn a_row_that_fails_as_the_log_brings_it_is_let_through_under_the_same_name() {
    let pair = filled().await;
    pair.execute_source("DELETE FROM orders WHERE id = 2").await.unwrap();
    let migration = migration(&pair, "quotients", &plan("quotients", "price / quantity"));
    migration.catch_up().await;
    pair.execute_source(
        "UPDATE orders SET quantity = 0 WHERE id = 1; INSERT INTO orders VALUES (6, 1, 4, 1, NULL)",
    )
    .await
    .unwrap();

    let (code, log) = migration.start(&["--until", "caught-up"]).ended().await;

    let help = help(&log);
    assert!(help.starts_with("transaction ") && help.ends_with(REMEDY), "{help}");
    assert!(help.contains(" wrote the row, and comes again with every run: say what"), "{help}");
    assert_eq!(code, Some(1), "{log}");
    migration.edit("on_error: stop", "on_error: dead_letter");
    migration.catch_up().await;
    let letter = ("`id`=1".to_owned(), "made".to_owned(), "division by zero".to_owned());
    assert_eq!(dead_letters(&pair, "quotients").await, [letter]);
    let sql = format!("SELECT id, made FROM {}.quotients ORDER BY id", pair.target_database);
    let made: Vec<(u64, String)> = pair.target.rows(&sql).await.unwrap();
    let expected = [(3, "3.333333"), (4, "2.500000"), (5, "2.000000"), (6, "0.250000")];
    assert_eq!(made, expected.map(|(id, made)| (id, made.to_owned())));

    migration.edit("on_error: dead_letter", "on_error: stop");
    migration.refused(2, &["run.plan-changed", "materialize.quotients"]).await;
}

const TOKENS: &str = r#"
materialize:
  tokens:
    from: orders
    where: 'hash_token(id, "${env:TOKEN_KEY}") != "x"'
    columns: { id: id, token: 'hash_token(id, "${env:TOKEN_KEY}")' }
"#;

#[tokio::test]
async fn the_key_of_tokens_comes_from_outside_and_is_shown_nowhere() {
    const KEY: &str = "0123456789abcdef";
    let pair = filled().await;
    pair.execute_source("INSERT INTO orders VALUES (7, 1, 1, 1, NULL)").await.unwrap();
    let migration = migration(&pair, "tokens", TOKENS);
    let run = |key: &str, arguments: &[&str]| {
        let output = migration.command(arguments).env("TOKEN_KEY", key).output().unwrap();
        (output.status.code(), shown(&output))
    };
    let until = ["run", "plan.yaml", "--until", "caught-up"];

    let (code, text) = run("too short", &until);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("the key has less than 16 bytes"), "{text}");

    for arguments in [
        &["validate", "plan.yaml"][..],
        &["explain", "plan.yaml"],
        &until,
        &["status", "plan.yaml"],
    ] {
        let (code, text) = run(KEY, arguments);

        assert_eq!(code, Some(0), "{text}");
        assert!(!text.contains(KEY), "{text}");
    }
    let sql = format!("SELECT token FROM {}.tokens WHERE id = 7", pair.target_database);
    // printf 7 | openssl dgst -sha256 -hmac 0123456789abcdef
    let token = "f69cf4852626eee19b92af564b9413e44aa526cc9e726ab9b8972af1d3b39092".to_owned();
    assert_eq!(pair.target.row(&sql).await.unwrap(), Some(token));
    let kept: Option<String> = pair
        .target
        .row(&format!("SELECT fingerprint FROM {}._whimbrel_plan", pair.target_database))
        .await
        .unwrap();
    assert!(kept.is_some_and(|kept| kept.contains("${key:") && !kept.contains(KEY)));

    let (code, text) = run("another key of 16 bytes", &until);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("run.plan-changed") && !text.contains("another key"), "{text}");
    migration.edit("${env:TOKEN_KEY}", "${env:MOVED_KEY}");
    let moved = migration.command(&until).env("MOVED_KEY", format!("{KEY}\n")).output().unwrap();
    assert!(moved.status.success(), "{}", shown(&moved));
}

/// A key's type, its value on the source, and how a dead letter names it.
const KEYS: [(&str, &str, &str); 7] = [
    ("BINARY(4)", "x'ff00e427'", "x'ff00e427'"),
    ("VARBINARY(8)", "x'ff00'", "x'ff00'"),
    ("VARCHAR(8) CHARACTER SET latin1", "'ä''b'", r"'ä\'b'"),
    ("VARCHAR(8) CHARACTER SET cp1251", "'я'", "_cp1251 x'ff'"),
    ("VARCHAR(8) CHARACTER SET utf8mb4", r"'a\\ä\'😀'", r"'a\\ä\'😀'"),
    ("ENUM('a','ü')", "'ü'", "2"),
    ("DATETIME(3)", "'2024-05-05 10:00:00.5'", "'2024-05-05 10:00:00.500000'"),
];

#[tokio::test]
async fn a_dead_letter_names_a_key_of_any_type_so_that_it_finds_the_row() {
    let pair = pair().await.unwrap();
    pair.execute_source("CREATE TABLE other_keyed (id INT NOT NULL PRIMARY KEY)").await.unwrap();
    let mut plan = vec!["materialize:\n".to_owned()];
    for (place, (declared, value, _)) in KEYS.iter().enumerate() {
        let sql = format!(
            "CREATE TABLE keyed_{place} (id {declared} NOT NULL PRIMARY KEY, v INT NOT NULL);
             INSERT INTO keyed_{place} VALUES ({value}, 0)"
        );
        pair.execute_source(&sql).await.unwrap();
        plan.push(format!(
            "  made_{place}: {{ from: keyed_{place}, on_error: dead_letter, \
             columns: {{ id: id, made: 1 / v }} }}\n"
        ));
    }
    let migration = migration(&pair, "keyed", &plan.concat());

    migration.catch_up().await;

    for (place, (_, _, noted)) in KEYS.iter().enumerate() {
        let letters = dead_letters(&pair, &format!("made_{place}")).await;
        let condition = format!("`id`={noted}");
        let letter = (condition.clone(), "made".to_owned(), "division by zero".to_owned());
        assert_eq!(letters, [letter]);
        let table = format!("{}.keyed_{place}", pair.source_database);
        let mend = format!("UPDATE {table} SET v = 1 WHERE {condition}");
        pair.execute_source(&mend).await.unwrap();
        let mended = format!("SELECT COUNT(*) FROM {table} WHERE v = 1");
        assert_eq!(pair.source.row(&mended).await.unwrap(), Some(1_u64), "{condition}");
    }
    migration.catch_up().await;
    for place in 0..KEYS.len() {
        assert_eq!(dead_letters(&pair, &format!("made_{place}")).await, []);
    }
}

const HIDDEN: &str = r#"
materialize:
  shown: { from: hidden }
  fewer: { from: hidden, except: [a] }
  only:
    from: hidden
    columns: { id: row_id, h: h }
  quotients:
    from: hidden
    columns: { id: row_id, part: { value: 1 / a, on_error: "null" } }
"#;

#[tokio::test]
async fn what_a_source_hides_is_made_and_a_column_that_may_fail_to_null_takes_it() {
    let pair = pair().await.unwrap();
    pair.execute_source(
        "CREATE TABLE hidden (row_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT INVISIBLE PRIMARY KEY,
           a INT NOT NULL, p POINT NOT NULL SRID 4326, h INT INVISIBLE, KEY by_a (a) INVISIBLE);
         INSERT INTO hidden (a, p, h) VALUES (0, ST_SRID(POINT(1, 2), 4326), 7),
           (2, ST_SRID(POINT(3, 4), 4326), NULL);
         CREATE TABLE other_hidden (id INT NOT NULL PRIMARY KEY)",
    )
    .await
    .unwrap();
    let migration = migration(&pair, "hidden", HIDDEN);

    migration.catch_up().await;

    let count = |table: &str, condition: &str| {
        format!("SELECT COUNT(*) FROM {}.{table} WHERE {condition}", pair.target_database)
    };
    for (table, condition) in [
        ("shown", "(row_id, a, h, ST_Longitude(p), ST_SRID(p)) = (1, 0, 7, 1, 4326)"),
        ("fewer", "(row_id, h) = (1, 7)"),
        ("only", "(id, h) = (1, 7)"),
        ("quotients", "id = 1 AND part IS NULL OR id = 2 AND part = 0.5"),
    ] {
        let found: Option<u64> = pair.target.row(&count(table, condition)).await.unwrap();
        let expected = if table == "quotients" { 2 } else { 1 };
        assert_eq!(found, Some(expected), "{table}");
    }
    let extra = format!(
        "SELECT GROUP_CONCAT(column_name ORDER BY column_name) FROM information_schema.columns
         WHERE table_schema = '{}' AND table_name = 'shown' AND extra LIKE '%INVISIBLE%'",
        pair.target_database
    );
    assert_eq!(pair.target.row(&extra).await.unwrap(), Some("h,row_id".to_owned()));
}
