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
