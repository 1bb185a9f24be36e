use std::fmt::Write;

use proptest::prelude::*;

use super::*;

/// A value without its place, as any reader can tell it.
#[derive(Debug, Clone, PartialEq)]
enum Plain {
    Nothing,
    Boolean(bool),
    Number(Option<u64>),
    Fraction(f64),
    Text(String),
    List(Vec<Plain>),
    Map(Vec<(String, Plain)>),
}

/// What `read` made of the text; `None` for what a plan refuses wherever it stands.
fn ours(tree: &Tree) -> Option<Plain> {
    Some(match &tree.value {
        Value::Scalar(Kind::Text, text) => Plain::Text(text.clone()),
        Value::Scalar(Kind::Number(number), _) => Plain::Number(*number),
        Value::Scalar(Kind::Nothing, _) => Plain::Nothing,
        Value::Scalar(Kind::Boolean, text) => Plain::Boolean(text.to_lowercase() == "true"),
        Value::Scalar(Kind::Fraction | Kind::OddNumber, _) => return None,
        Value::List(items) => Plain::List(items.iter().map(ours).collect::<Option<_>>()?),
        Value::Map(entries) => {
            let entry = |entry: &Entry| Some((entry.key.clone(), ours(&entry.value)?));
            Plain::Map(entries.iter().map(entry).collect::<Option<_>>()?)
        }
    })
}

/// What `serde_yaml` makes of a text by itself.
fn by_serde_yaml(value: &serde_yaml::Value) -> Plain {
    match value {
        serde_yaml::Value::Null => Plain::Nothing,
        serde_yaml::Value::Bool(value) => Plain::Boolean(*value),
        serde_yaml::Value::Number(number) if number.is_f64() => {
            Plain::Fraction(number.as_f64().unwrap())
        }
        serde_yaml::Value::Number(number) => Plain::Number(number.as_u64()),
        serde_yaml::Value::String(text) => Plain::Text(text.clone()),
        serde_yaml::Value::Sequence(items) => {
            Plain::List(items.iter().map(by_serde_yaml).collect())
        }
        serde_yaml::Value::Mapping(entries) => Plain::Map(
            entries.iter().map(|(key, value)| (key_text(key), by_serde_yaml(value))).collect(),
        ),
        serde_yaml::Value::Tagged(_) => panic!("a tag was taken"),
    }
}

fn key_text(key: &serde_yaml::Value) -> String {
    key.as_str().map_or_else(|| "not a text".to_owned(), str::to_owned)
}

/// What `saphyr-parser` makes of a text by itself, by the core schema of YAML 1.2.
fn by_saphyr(outline: &Outline) -> Plain {
    match &outline.shape {
        Shape::Scalar(Scalar { text, is_plain: false }) => Plain::Text(text.clone()),
        Shape::Scalar(Scalar { text, is_plain: true }) => match text.as_str() {
            "" | "~" | "null" | "Null" | "NULL" => Plain::Nothing,
            "true" | "True" | "TRUE" => Plain::Boolean(true),
            "false" | "False" | "FALSE" => Plain::Boolean(false),
            text => {
                let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
                let hexadecimal = text.strip_prefix("0x").map(|it| u64::from_str_radix(it, 16));
                let octal = text.strip_prefix("0o").map(|it| u64::from_str_radix(it, 8));
                if let Some(Ok(number)) = hexadecimal.or(octal) {
                    Plain::Number(Some(number))
                } else if !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit()) {
                    Plain::Number(text.parse::<i128>().ok().and_then(|it| it.try_into().ok()))
                } else if digits.starts_with(|it: char| it.is_ascii_digit() || it == '.')
                    && let Ok(number) = text.parse()
                {
                    Plain::Fraction(number)
                } else {
                    Plain::Text(text.to_owned())
                }
            }
        },
        Shape::List(items) => Plain::List(items.iter().map(by_saphyr).collect()),
        Shape::Map(entries) => Plain::Map(
            entries.iter().map(|(key, _, value)| (key.text.clone(), by_saphyr(value))).collect(),
        ),
    }
}

/// Whether `plain` holds a key that is no text to `serde_yaml`: no plan has one.
fn has_odd_key(plain: &Plain) -> bool {
    match plain {
        Plain::List(items) => items.iter().any(has_odd_key),
        Plain::Map(entries) => {
            entries.iter().any(|(key, value)| key == "not a text" || has_odd_key(value))
        }
        Plain::Nothing
        | Plain::Boolean(_)
        | Plain::Number(_)
        | Plain::Fraction(_)
        | Plain::Text(_) => false,
    }
}

/// Whether the text was taken; if so, proves that both readers understand it alike.
#[track_caller]
fn check_agreement(text: &str) -> bool {
    let Ok((tree, duplicates)) = read(text) else { return false };
    let Some(ours) = ours(&tree) else { return false };
    if !duplicates.is_empty() {
        return false;
    }
    let values = by_serde_yaml(&serde_yaml::from_str(text).unwrap());
    let places = by_saphyr(&places::read(&Text::new(text)).ok().unwrap().unwrap());
    if !has_odd_key(&values) {
        assert_eq!(ours, values, "serde_yaml reads {text:?} differently");
        assert_eq!(ours, places, "saphyr-parser reads {text:?} differently");
    }
    true
}

/// How `tree` may be written in a plan.
fn write(tree: &Plain, style: u8, depth: usize, into: &mut String) {
    let indent = "  ".repeat(depth);
    match tree {
        Plain::Nothing => into.push('~'),
        Plain::Boolean(value) => into.push_str(if *value { "true" } else { "false" }),
        Plain::Number(number) => into.push_str(&number.unwrap().to_string()),
        Plain::Fraction(number) => into.push_str(&number.to_string()),
        Plain::Text(text) => match style % 3 {
            0 => into.push_str(&serde_json::to_string(text).unwrap()),
            1 => write!(into, "'{}'", text.replace('\'', "''")).unwrap(),
            _ => into.push_str(serde_yaml::to_string(text).unwrap().trim_end()),
        },
        Plain::List(items) if style.is_multiple_of(2) || items.is_empty() => {
            into.push('[');
            for (index, item) in items.iter().enumerate() {
                into.push_str(if index > 0 { ", " } else { "" });
                write(item, 0, depth, into);
            }
            into.push(']');
        }
        Plain::Map(entries) if style.is_multiple_of(2) || entries.is_empty() => {
            into.push('{');
            for (index, (key, value)) in entries.iter().enumerate() {
                into.push_str(if index > 0 { ", " } else { " " });
                into.push_str(key);
                into.push_str(": ");
                write(value, 0, depth, into);
            }
            into.push('}');
        }
        Plain::List(items) => {
            for item in items {
                write!(into, "\n{indent}- ").unwrap();
                write(item, style, depth + 1, into);
            }
        }
        Plain::Map(entries) => {
            for (key, value) in entries {
                write!(into, "\n{indent}{key}: ").unwrap();
                write(value, style, depth + 1, into);
            }
        }
    }
}

fn trees() -> impl Strategy<Value = Plain> {
    let leaf = prop_oneof![
        Just(Plain::Nothing),
        any::<bool>().prop_map(Plain::Boolean),
        any::<u64>().prop_map(|number| Plain::Number(Some(number))),
        "[a-z*!?:#'\"\\\\ é😀0-9_.{}\\[\\],&|>%@`-]{0,12}".prop_map(Plain::Text),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let key = "[a-z][a-z_]{0,6}x";
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Plain::List),
            prop::collection::btree_map(key, inner, 0..4)
                .prop_map(|entries| Plain::Map(entries.into_iter().collect())),
        ]
    })
}

#[test]
fn what_readers_take_for_different_things_is_no_value_of_a_plan() {
    for text in
        ["007", "-01", "0x1F", "0o17", "0b11", "-0x1F", "+0o7", "1e999", "-0b1", "00", "0x", "+0x1"]
    {
        let (tree, _) = read(text).unwrap();

        let is_odd = matches!(tree.value, Value::Scalar(Kind::OddNumber, _));
        assert_eq!(is_odd, text != "0x", "{text}");
    }
}

#[test]
fn unquoted_texts_are_what_yaml_1_2_says() {
    let many = "9".repeat(60);
    for (text, kind) in [
        ("12", Kind::Number(Some(12))),
        ("+12", Kind::Number(Some(12))),
        ("-12", Kind::Number(None)),
        ("18446744073709551616", Kind::Number(None)),
        (&many, Kind::Number(None)),
        ("1.5", Kind::Fraction),
        ("-.5e-3", Kind::Fraction),
        ("1.", Kind::Fraction),
        (".inf", Kind::Fraction),
        (".NaN", Kind::Fraction),
        ("~", Kind::Nothing),
        ("Null", Kind::Nothing),
        ("TRUE", Kind::Boolean),
        ("yes", Kind::Text),
        ("on", Kind::Text),
        ("nUll", Kind::Text),
        ("1_000", Kind::Text),
        ("12:30", Kind::Text),
        ("1.2.3", Kind::Text),
        ("inf", Kind::Text),
        (".", Kind::Text),
        ("e5", Kind::Text),
        ("<<", Kind::Text),
    ] {
        let text = format!("[{text}]");
        let Value::List(items) = read(&text).unwrap().0.value else { panic!("{text}") };
        assert!(matches!(&items[0].value, Value::Scalar(found, _) if *found == kind), "{text}");
    }
}

#[test]
fn a_text_that_the_two_readers_split_differently_is_refused() {
    for text in ["\u{2028}x y", "name: a\u{85}", "name: 1_0\u{85}\n  \u{e9}"] {
        let error = read(text).unwrap_err();

        assert_eq!(error.advice().id, "plan.unsupported-yaml", "{text:?}");
    }
}

/// Pieces of YAML, and what readers of it have stumbled over.
const PIECES: &str = "(a|b: |a: |c:|- |\\? |\n|\n  |\n    |\r\n|\r|\t| |  #c|\"|'|\\\\|\\\\\n|\
                      \\[|\\]|\\{|\\}|, |,|: |:|\\||>|\\|-\n|>\n|>-\n|\\|2\n|---|\\.\\.\\.|--- |%|@|`|&a |\\*a|!a |!|<<: |\
                      ~|null|true|yes|12|007|0x1f|1e3|\\.5|-1|1_0|\u{85}|\u{2028}|\u{feff}|\u{a0}|é|\0|\u{7f}|x y|\
                      \\\\x41|\\\\u263a|\\\\N|''|\"\"|#)";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn what_is_taken_is_the_same_to_both_readers(
        pieces in prop::collection::vec(PIECES, 1..14),
    ) {
        check_agreement(&pieces.concat());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn what_is_written_plainly_is_taken(tree in trees(), style in any::<u8>()) {
        let mut text = String::from("root: ");
        write(&tree, style, 1, &mut text);

        let Value::Map(entries) = read(&text).unwrap().0.value else { panic!("{text}") };

        prop_assert_eq!(ours(&entries[0].value), Some(tree), "{}", text);
        prop_assert!(check_agreement(&text), "{}", text);
    }
}
