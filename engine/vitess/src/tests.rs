//! What each rule becomes; what is refused stands in `tests/vitess`, with whole messages.

use std::{fs, path::Path};

use whimbrel_kit::Random;

use crate::{Given, Refusal, What, plan};

fn given() -> Given {
    let named = |name: &str| Some(name.to_owned());
    Given {
        workflow: named("made"),
        source_keyspace: named("one"),
        target_keyspace: named("two"),
        reference_tables: Vec::new(),
    }
}

fn made(select: &str) -> Result<String, Vec<Refusal>> {
    let select = select.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let settings = format!(r#"[{{"target_table": "made", "source_expression": "{select}"}}]"#);
    plan(&settings, &given()).map(|made| made.plan)
}

/// What stands behind `key` in the plan of `select`.
#[track_caller]
fn value(select: &str, key: &str) -> String {
    let plan = made(select).unwrap_or_else(|refusals| panic!("{select}: {refusals:?}"));
    let line = plan.lines().find_map(|line| line.trim_start().strip_prefix(key));
    let value = line.unwrap_or_else(|| panic!("no `{key}` in\n{plan}"));
    match value.strip_prefix('\'').and_then(|value| value.strip_suffix('\'')) {
        Some(quoted) => quoted.replace("''", "'"),
        None => value.to_owned(),
    }
}

#[test]
fn a_condition_is_true_where_sqls_is() {
    for (sql, ours) in [
        ("a = 1", "a == 1"),
        ("1 = a", "1 == a"),
        ("a <> 1", "a != 1 && a != ()"),
        ("NOT a = 1", "a != 1 && a != ()"),
        ("NOT a <> 1", "a == 1"),
        ("a = b", "a == b && a != ()"),
        ("a != b", "a != b && a != () && b != ()"),
        ("a <=> b", "a == b"),
        ("NOT a <=> NULL", "a != ()"),
        ("a < b", "a < b"),
        ("NOT a < b", "a >= b"),
        ("a IS NULL OR b IS NOT NULL", "a == () || b != ()"),
        ("NOT (a = 1 AND b = 2)", "a != 1 && a != () || b != 2 && b != ()"),
        ("NOT (a = 1 OR b = 2)", "a != 1 && a != () && b != 2 && b != ()"),
        ("a = 1 AND (b = 2 OR c = 3)", "a == 1 && (b == 2 || c == 3)"),
        ("a = 1 && b = 2", "a == 1 && b == 2"),
        ("a IN (1, 2)", "a in [1, 2]"),
        ("a NOT IN (1, 2)", "a !in [1, 2] && a != ()"),
        ("a IN (1, b)", "a in [1, b] && a != ()"),
        ("a NOT IN (1, b)", "a !in [1, b] && a != () && b != ()"),
        ("a BETWEEN 1 AND 2", "a >= 1 && a <= 2"),
        ("a NOT BETWEEN 1 AND 2 AND b = 1", "(a < 1 || a > 2) && b == 1"),
        ("s LIKE 'a\\_%'", "like(s, \"a\\\\_%\")"),
        ("s NOT LIKE 'a%'", "!like(s, \"a%\")"),
        ("s REGEXP '^a'", "regexp_like(s, \"^a\")"),
        ("a", "a != 0 && a != ()"),
        ("NOT a", "a == 0"),
        ("a = TRUE", "a == 1"),
        ("TRUE", "true"),
        ("NOT 1", "false"),
        ("(a = 1) IS TRUE", "a == 1"),
        ("(a = 1) IS NOT TRUE", "if(a == 1, false, true)"),
        (
            "(a = b) IS UNKNOWN",
            "if(a == b && a != (), 1, if(a != b && a != () && b != (), 0, ())) == ()",
        ),
        ("in_keyrange(a, 'hash', '-80')", "in_keyrange(a, \"hash\", \"-80\")"),
        ("NOT in_keyrange(a, 'hash', '-80')", "!in_keyrange(a, \"hash\", \"-80\")"),
    ] {
        assert_eq!(value(&format!("SELECT * FROM t WHERE {sql}"), "where: "), ours, "{sql}");
    }
}

#[test]
fn a_value_is_the_one_that_mysql_computes() {
    for (sql, ours) in [
        ("a + b * 2", "a + b * 2"),
        ("(a + b) * 2", "(a + b) * 2"),
        ("a - (b - c)", "a - (b - c)"),
        ("-a", "-a"),
        ("- -1", "-(-1)"),
        ("007 + .5", "7 + 0.5"),
        ("a / 2", "a / 2"),
        ("a / b", "if(b == 0, (), a / b)"),
        ("a % (b + 1)", "if(b + 1 == 0, (), a % (b + 1))"),
        ("MOD(a, 3)", "a % 3"),
        ("a = b", "if(a == b && a != (), 1, if(a != b && a != () && b != (), 0, ()))"),
        ("a IS NULL", "if(a == (), 1, 0)"),
        ("IF(a > 1, 'x', 'y')", "if(a > 1, \"x\", \"y\")"),
        ("CASE WHEN a = 1 THEN 2 END", "if(a == 1, 2, ())"),
        (
            "CASE a WHEN 1 THEN 2 WHEN b THEN 3 ELSE 4 END",
            "if(a == 1, 2, if(a == b && a != (), 3, 4))",
        ),
        ("t.`net price`", "col(\"net price\")"),
        ("`if`", "col(\"if\")"),
        ("'it''s \"x\"'", "\"it's \\\"x\\\"\""),
        ("'a' 'b'", "\"ab\""),
        ("UCASE(CONCAT(s, 1))", "upper(concat(s, 1))"),
        ("SUBSTRING(s FROM 2 FOR 3)", "substring(s, 2, 3)"),
        ("MID(s, 2)", "substring(s, 2)"),
        ("TRIM(BOTH 'x' FROM s)", "trim(s, \"x\")"),
        ("LTRIM(TRIM(s))", "ltrim(trim(s))"),
        ("POSITION('a' IN s)", "locate(\"a\", s)"),
        ("EXTRACT(YEAR FROM d)", "year(d)"),
        ("CEILING(a)", "ceil(a)"),
        ("FLOOR(a)", "floor(a)"),
        ("CAST(a AS SIGNED)", "cast_signed(a)"),
        ("CAST(a AS DECIMAL(10,2))", "cast_decimal(a, 10, 2)"),
        ("CONVERT(a, CHAR)", "cast_char(a)"),
        ("CONVERT(s USING utf8mb4)", "s"),
        ("LOWER(CONVERT(s USING utf8mb4))", "lower(s)"),
        ("d + INTERVAL 1 DAY", "date_add(d, 1, \"day\")"),
        ("DATE_SUB(d, INTERVAL a HOUR)", "date_sub(d, a, \"hour\")"),
        ("DATE '2024-01-31'", "cast_date(\"2024-01-31\")"),
        ("DATE(FROM_UNIXTIME(a))", "date(from_unixtime(a))"),
        ("j->'$.a'", "json_extract(j, \"$.a\")"),
        ("j->>'$.a'", "json_unquote(json_extract(j, \"$.a\"))"),
        ("keyspace_id(a, 'xxhash')", "keyspace_id(a, \"xxhash\")"),
        ("LEFT(s, 2)", "left(s, 2)"),
        ("TRUNCATE(a, 1)", "truncate(a, 1)"),
        ("REPLACE(s, 'a', 'b')", "replace(s, \"a\", \"b\")"),
        ("RIGHT(s, 2)", "right(s, 2)"),
        ("REPEAT(s, 2)", "repeat(s, 2)"),
    ] {
        assert_eq!(value(&format!("SELECT {sql} AS made_of FROM t"), "made_of: "), ours, "{sql}");
    }
}

#[test]
fn every_function_that_mysql_has_under_the_same_name_is_carried_over() {
    use whimbrel_expression::{Origin, functions};
    let of_mysql = functions().filter(|function| function.origin == Origin::Mysql);
    let mut carried = 0;
    for function in of_mysql {
        let example = function.example.0;
        if example.is_empty() || !example.starts_with(function.name) {
            continue;
        }
        let sql = example.replace("()", "NULL");
        let found = made(&format!("SELECT {sql} AS made_of FROM t"));
        assert!(found.is_ok(), "{sql}: {found:?}");
        carried += 1;
    }
    assert!(carried > 40, "{carried}");
}

#[test]
fn groups_are_found_by_name_and_by_expression() {
    let select = "SELECT sku AS s, DATE(at) AS day, COUNT(1) AS n, MAX(a = 1) AS any_one, AVG(p) AS mean \
                  FROM t GROUP BY sku, day";
    let plan = made(select).unwrap();

    let lines = "    group_by:\n      s: sku\n      day: date(at)\n    aggregates:\n      'n': count()\n      \
                 any_one: max(if(a == 1, 1, if(a != 1 && a != (), 0, ())))\n      mean: avg(p)\n";
    assert!(plan.contains(lines), "{plan}");
}

#[test]
fn all_columns_and_some_that_are_computed_go_together() {
    let plan = made("SELECT *, a + 1 AS more FROM t").unwrap();

    assert!(
        plan.contains("    from: t\n    except: []\n    columns:\n      more: a + 1\n"),
        "{plan}"
    );
}

#[test]
fn what_is_deeper_or_longer_than_a_plan_takes_is_refused() {
    let nested = |open: &str, close: &str, times: usize| {
        format!("SELECT {}a{} AS made_of FROM t", open.repeat(times), close.repeat(times))
    };
    for select in [
        nested("(", ")", 3_000),
        nested("-", "", 5_000),
        nested("ABS(", ")", 200),
        nested("NOT ", "", 2_000),
        nested("1 / (b + ", ")", 30),
        nested("CASE WHEN a = 1 THEN 1 ELSE ", " END", 300),
        format!("SELECT {}a AS made_of FROM t", "a + ".repeat(4_000)),
        format!("SELECT * FROM t WHERE a = 1{}", " AND a = 1".repeat(1_700)),
        format!("SELECT * FROM t WHERE a IN (1{})", ", 1".repeat(9_000)),
    ] {
        let refusals = made(&select).unwrap_err();
        let is_one = |what: &What| matches!(what, What::Syntax { .. } | What::Expression { .. });
        assert!(refusals.iter().all(|refusal| is_one(&refusal.what)), "{refusals:?}");
    }
}

#[test]
fn every_text_is_a_plan_or_refused_at_places_that_lie_in_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vitess");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|it| it == "json"));
    let texts: Vec<String> = files.map(|path| fs::read_to_string(path).unwrap()).collect();
    assert!(texts.len() > 20);
    let mut random = Random::printed("texts");
    let signs =
        ["\"", "'", "`", "(", ")", ",", " ", "\\\\", "é", "0", "-", "NOT ", "null", "}", "/*", "."];
    for _ in 0..4_000 {
        let mut place = |below: usize| usize::try_from(random.below(below as u64)).unwrap();
        let mut text = texts[place(texts.len())].clone();
        for _ in 0..=place(3) {
            let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
            let (from, length) = (places[place(places.len())], place(12));
            let to = places.iter().copied().find(|at| *at >= from + length).unwrap_or(text.len());
            text.replace_range(from..to, signs[place(signs.len())]);
        }
        if let Err(refusals) = plan(&text, &given()) {
            assert!(!refusals.is_empty(), "{text}");
            for Refusal { at, other, .. } in refusals {
                for at in [Some(at), other].into_iter().flatten() {
                    assert!(text.get(at.clone()).is_some(), "{at:?} of {text}");
                }
            }
        }
    }
}
