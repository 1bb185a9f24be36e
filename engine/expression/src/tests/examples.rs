use crate::{evaluate::evaluate, function::functions, tests::basics::checked, value::Value};

/// As the page of functions writes a value.
fn show(value: &Value<'_>) -> String {
    match value {
        Value::Null => "()".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Decimal(value) => value.to_string(),
        Value::Double(value) => format!("{value:e}"),
        Value::Text(text) => format!("{text:?}"),
        Value::Date(date) => date.to_string(),
        Value::Datetime(at) => at.to_string(),
        Value::Time(time) => time.to_string(),
        Value::Bytes(_) | Value::Json(_) => "?".to_owned(),
    }
}

#[test]
fn every_example_gives_what_the_page_says() {
    for function in functions().filter(|function| !function.example.0.is_empty()) {
        let (call, result) = function.example;

        let checked = checked(call).unwrap_or_else(|problems| panic!("{call}: {problems:?}"));

        let shown = show(&evaluate(checked.expression.code(), &[]).unwrap());
        assert_eq!(shown, result, "{call}");
    }
}

#[test]
fn every_function_is_documented_once_and_only_those_that_need_a_row_have_no_example() {
    let mut names: Vec<&str> = functions().map(|function| function.name).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
    for function in functions() {
        assert!(function.usage.starts_with(&format!("{}(", function.name)), "{}", function.name);
        assert!(function.doc.ends_with('.'), "{}", function.name);
    }
    let without: Vec<&str> = functions()
        .filter(|function| function.example.0.is_empty())
        .map(|function| function.name)
        .collect();
    assert_eq!(without, ["col", "table_name", "hash_token", "json_extract", "json_unquote"]);
}
