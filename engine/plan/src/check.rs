//! A tree against the schema of plans: every place where it does not fit, and what is left of it.

use std::{collections::BTreeMap, ops::Range};

use serde_json::{Map, Value as Json};
use whimbrel_expression::nearest;

use crate::{
    problem::{FormProblem, PlanError, ValueProblem},
    span::Span,
    yaml::{Entry, Kind, Tree, Value},
};

/// Where the values of a plan are, by their keys: `source.mysql.url`, `move[2]`.
#[derive(Debug, Default)]
pub(crate) struct Places {
    values: BTreeMap<String, Span>,
    keys: BTreeMap<String, Span>,
}

impl Places {
    /// The place of the value `path`; without one, that of the nearest value around it.
    pub(crate) fn at(&self, path: &str) -> Span {
        let mut path = path;
        loop {
            if let Some(span) = self.values.get(path) {
                return *span;
            }
            match path.rsplit_once('.') {
                Some((around, _)) => path = around,
                None => return self.values.get("").copied().unwrap_or(Span { start: 0, end: 0 }),
            }
        }
    }

    /// From the key at the end of `path` to the next key that is not below it.
    pub(crate) fn region(&self, path: &str) -> Range<usize> {
        let from = self.key(path).start;
        let is_below =
            |key: &str| key.strip_prefix(path).is_some_and(|rest| rest.starts_with(['.', '[']));
        let others = self.keys.iter().filter(|(key, at)| at.start > from && !is_below(key));
        from..others.map(|(_, at)| at.start).min().unwrap_or(usize::MAX)
    }

    /// The place of the key at the end of `path`; that of the nearest value around it where there is none.
    pub(crate) fn key(&self, path: &str) -> Span {
        self.keys.get(path).copied().unwrap_or_else(|| self.at(path))
    }
}

/// What fits of a tree, and what does not.
pub(crate) struct Checked {
    /// The values that fit: each is of the type that the schema asks for, each mapping holds known
    /// keys only.
    pub(crate) value: Json,
    pub(crate) places: Places,
    pub(crate) errors: Vec<PlanError>,
}

/// Checks `tree` by `schema`.
///
/// Knows the part of JSON Schema that the schema of plans uses: types and choices of them, properties,
/// mappings of any keys and of one key, required, items, constants to choose from, bounds of numbers. Patterns of texts are checked where the texts are
/// understood.
pub(crate) fn check(tree: &Tree, schema: &Json) -> Checked {
    let no_definitions = Json::Object(Map::new());
    let definitions = schema.get("$defs").unwrap_or(&no_definitions);
    let mut checker = Checker { definitions, places: Places::default(), errors: Vec::new() };
    let value = checker.value(tree, schema, &Path { keys: String::new(), at: tree.at });
    Checked {
        value: value.unwrap_or_else(|| Json::Object(Map::new())),
        places: checker.places,
        errors: checker.errors,
    }
}

/// A value's keys, and the place to show when the value itself has none.
struct Path {
    keys: String,
    at: Span,
}

struct Checker<'a> {
    definitions: &'a Json,
    places: Places,
    errors: Vec<PlanError>,
}

impl<'a> Checker<'a> {
    fn value(&mut self, tree: &Tree, schema: &'a Json, path: &Path) -> Option<Json> {
        self.places.values.insert(path.keys.clone(), tree.at);
        let schema = self.chosen(self.definition(schema), &tree.value);
        if let Some(words) = words(schema) {
            return self.word(tree, &words, path);
        }
        match (schema.get("type").and_then(Json::as_str)?, &tree.value) {
            ("object", Value::Map(entries)) => Some(self.map(entries, schema, path)),
            ("array", Value::List(items)) => {
                let item_schema = schema.get("items")?;
                let items = items.iter().enumerate().filter_map(|(index, item)| {
                    let keys = format!("{}[{index}]", path.keys);
                    self.value(item, item_schema, &Path { keys, at: item.at })
                });
                Some(Json::Array(items.collect()))
            }
            ("string", Value::Scalar(Kind::Text, text)) => self.text(text, tree, schema, path),
            ("boolean", Value::Scalar(Kind::Boolean, text)) => Some(Json::Bool(text == "true")),
            ("integer", Value::Scalar(Kind::Number(number), text)) => {
                self.number((*number, text), tree, schema, path)
            }
            (expected, value) => {
                self.refuse_type(expected_words(expected), value, tree.at, path);
                None
            }
        }
    }

    /// What `schema` refers to, if it is a reference.
    fn definition(&self, schema: &'a Json) -> &'a Json {
        schema
            .get("$ref")
            .and_then(Json::as_str)
            .and_then(|reference| reference.strip_prefix("#/$defs/"))
            .and_then(|name| self.definitions.get(name))
            .unwrap_or(schema)
    }

    /// The choice of `schema` that takes values such as `value`; the first if none does.
    fn chosen(&self, schema: &'a Json, value: &Value) -> &'a Json {
        let Some(choices) = schema.get("anyOf").and_then(Json::as_array) else { return schema };
        let wanted = match value {
            Value::Scalar(..) => "string",
            Value::List(_) => "array",
            Value::Map(_) => "object",
        };
        let takes = |choice: &&'a Json| {
            self.definition(choice).get("type").and_then(Json::as_str) == Some(wanted)
        };
        let choice = choices.iter().find(takes).or_else(|| choices.first());
        choice.map_or(schema, |choice| self.definition(choice))
    }

    fn map(&mut self, entries: &[Entry], schema: &'a Json, path: &Path) -> Json {
        let no_properties = Map::new();
        let properties = schema.get("properties").and_then(Json::as_object);
        let mut left = Map::new();
        let mut meant = Vec::new();
        let mut cut_count = 0;
        for (index, Entry { key, key_at, value }) in entries.iter().enumerate() {
            let keys = join(&path.keys, key);
            self.places.keys.insert(keys.clone(), *key_at);
            if cut_count > 0 {
                cut_count -= 1;
                continue;
            }
            if let Some(cut) = cut_text(entries.get(index..).unwrap_or_default()) {
                cut_count = cut.pieces - 1;
                let (key, text) = (key.clone(), cut.text);
                self.errors.push(PlanError::new(FormProblem::CutText { key, text }, cut.at));
                continue;
            }
            let property = properties.and_then(|properties| properties.get(key));
            let any_key = schema.get("additionalProperties").filter(|any| any.is_object());
            let Some(property) = property.or(any_key) else {
                let known: Vec<String> =
                    properties.unwrap_or(&no_properties).keys().cloned().collect();
                let counterpart = counterpart(key).filter(|key| known.iter().any(|it| it == key));
                let nearest = match counterpart {
                    Some(counterpart) => Some(counterpart.to_owned()),
                    None => nearest(key, known.iter().map(String::as_str)),
                };
                meant.extend(nearest.clone());
                let problem = FormProblem::UnknownKey { key: key.clone(), nearest, known };
                self.errors.push(PlanError::new(problem, *key_at));
                continue;
            };
            if let Some(value) = self.value(value, property, &Path { keys, at: *key_at }) {
                left.insert(key.clone(), value);
            }
        }
        if schema.get("maxProperties").and_then(Json::as_u64) == Some(1) {
            self.one_of(entries, properties.unwrap_or(&no_properties), path);
        }
        let required = schema.get("required").and_then(Json::as_array).into_iter().flatten();
        for name in required.filter_map(Json::as_str) {
            // A slip in a key is one problem, not two.
            let is_meant = meant.iter().any(|key| key == name);
            if !is_meant && entries.iter().all(|entry| entry.key != name) {
                let description = properties
                    .and_then(|properties| properties.get(name)?.get("description")?.as_str())
                    .unwrap_or_default()
                    .to_owned();
                let key = join(&path.keys, name);
                self.errors
                    .push(PlanError::new(FormProblem::MissingKey { key, description }, path.at));
            }
        }
        Json::Object(left)
    }

    /// Says what is wrong where one of `known` must be among `entries`.
    fn one_of(&mut self, entries: &[Entry], known: &Map<String, Json>, path: &Path) {
        let mut given = entries.iter().filter(|entry| known.contains_key(&entry.key));
        match (given.next(), given.next()) {
            (Some(first), Some(second)) => {
                let problem = FormProblem::TwoChoices {
                    first: join(&path.keys, &first.key),
                    second: join(&path.keys, &second.key),
                };
                self.errors.push(PlanError::new(problem, second.key_at).with_other(first.key_at));
            }
            // A slip in a key is one problem, not two.
            (None, _) if entries.is_empty() => {
                let keys = known.keys().map(|key| join(&path.keys, key)).collect();
                self.errors.push(PlanError::new(FormProblem::MissingChoice { keys }, path.at));
            }
            (None | Some(_), _) => {}
        }
    }

    fn text(&mut self, text: &str, tree: &Tree, schema: &Json, path: &Path) -> Option<Json> {
        if text.contains("${") && schema.get("x-references").is_none() {
            let problem = ValueProblem::MisplacedReference { key: path.keys.clone() };
            self.errors.push(PlanError::new(problem, tree.at));
            return None;
        }
        Some(Json::String(text.to_owned()))
    }

    fn number(
        &mut self,
        (number, text): (Option<u64>, &str),
        tree: &Tree,
        schema: &Json,
        path: &Path,
    ) -> Option<Json> {
        if let Some(only) = schema.get("const") {
            if only.as_u64() == number {
                return Some(only.clone());
            }
            let problem = FormProblem::Version { version: text.to_owned() };
            self.errors.push(PlanError::new(problem, tree.at));
            return None;
        }
        let bound = |name| schema.get(name).and_then(Json::as_u64);
        let (min, max) = (bound("minimum").unwrap_or(0), bound("maximum").unwrap_or(u64::MAX));
        if let Some(number) = number.filter(|number| (min..=max).contains(number)) {
            return Some(Json::from(number));
        }
        let range = format!("{min} to {max}");
        let problem =
            ValueProblem::OutOfRange { key: path.keys.clone(), value: text.to_owned(), range };
        self.errors.push(PlanError::new(problem, tree.at));
        None
    }

    fn word(&mut self, tree: &Tree, words: &[String], path: &Path) -> Option<Json> {
        let Value::Scalar(kind, text) = &tree.value else {
            self.refuse_type("a word", &tree.value, tree.at, path);
            return None;
        };
        if *kind == Kind::Text && words.contains(text) {
            return Some(Json::String(text.clone()));
        }
        if *kind == Kind::Nothing || text.is_empty() {
            self.refuse_type("a word", &tree.value, tree.at, path);
            return None;
        }
        let nearest = nearest(text, words.iter().map(String::as_str));
        let (key, value) = (path.keys.clone(), text.clone());
        let problem = FormProblem::UnknownValue { key, value, nearest, known: words.to_vec() };
        self.errors.push(PlanError::new(problem, tree.at));
        None
    }

    /// Says that `value` is of another type than `expected`.
    fn refuse_type(&mut self, expected: &'static str, value: &Value, at: Span, path: &Path) {
        let found = match value {
            Value::Scalar(Kind::Nothing, _) => None,
            Value::Scalar(Kind::Text, _) => Some(TEXT),
            Value::Scalar(Kind::Number(_), _) => Some("a number"),
            Value::Scalar(Kind::Fraction, _) => Some("a number with a fraction"),
            Value::Scalar(Kind::OddNumber, _) => Some("a number in an odd notation"),
            Value::Scalar(Kind::Boolean, _) => Some("true or false"),
            Value::List(_) => Some("a list"),
            Value::Map(_) => Some("a mapping"),
        };
        let key = match path.keys.as_str() {
            "" => "the plan".to_owned(),
            keys => format!("`{keys}`"),
        };
        let problem = match found {
            Some(found) => FormProblem::WrongType { key, expected, found },
            None => FormProblem::NoValue { key },
        };
        self.errors.push(PlanError::new(problem, at));
    }
}

const TEXT: &str = "text";

/// A text that a comma between braces ends, which was not meant to end there.
struct Cut {
    /// How many entries it became.
    pieces: usize,
    /// The text as it was meant.
    text: String,
    at: Span,
}

/// The text with a bracket that is not closed which the first of `entries` has, with the keys without
/// values that YAML makes of what stands behind a comma.
fn cut_text(entries: &[Entry]) -> Option<Cut> {
    let (first, others) = entries.split_first()?;
    let Value::Scalar(Kind::Text, text) = &first.value.value else { return None };
    let mut text = text.clone();
    let mut at = first.value.at;
    let mut pieces = 1;
    for other in others {
        let has_value = !matches!(&other.value.value, Value::Scalar(Kind::Nothing, _));
        if has_value || !is_open(&text) {
            break;
        }
        text = format!("{text}, {}", other.key);
        at.end = other.key_at.end;
        pieces += 1;
    }
    (pieces > 1).then_some(Cut { pieces, text, at })
}

/// Whether a bracket of `text` is not closed.
fn is_open(text: &str) -> bool {
    let mut depth = 0_i64;
    let mut is_quoted = false;
    for character in text.chars() {
        match character {
            '"' => is_quoted = !is_quoted,
            '(' | '[' if !is_quoted => depth += 1,
            ')' | ']' if !is_quoted => depth -= 1,
            _ => {}
        }
    }
    depth > 0
}

/// What another kind of target calls what this key is of its own.
fn counterpart(key: &str) -> Option<&'static str> {
    match key {
        "database" => Some("keyspace"),
        "keyspace" => Some("database"),
        _ => None,
    }
}

/// The words to choose from, if `schema` is such a choice.
fn words(schema: &Json) -> Option<Vec<String>> {
    let text = |word: &Json| word.as_str().map(str::to_owned);
    if let Some(words) = schema.get("enum").and_then(Json::as_array) {
        return words.iter().map(text).collect();
    }
    let choices = schema.get("oneOf")?.as_array()?;
    choices.iter().map(|choice| choice.get("const").and_then(text)).collect()
}

fn expected_words(type_name: &str) -> &'static str {
    match type_name {
        "string" => TEXT,
        "integer" => "a whole number",
        "boolean" => "true or false",
        "array" => "a list",
        _ => "a mapping of keys to values",
    }
}

fn join(keys: &str, key: &str) -> String {
    if keys.is_empty() { key.to_owned() } else { format!("{keys}.{key}") }
}
