//! Objects of JSON as messages of Vitess: each key once, in either spelling, and none that is not known.

use std::ops::Range;

use whimbrel_expression::nearest;

use crate::{
    json::{Kind, Text, Value},
    refusal::{Refusal, What},
};

/// The keys of an object that have been asked for.
pub(crate) struct Fields<'v, 'r> {
    /// What the object is one of, in the plural.
    of: &'static str,
    at: Range<usize>,
    entries: &'v [(Text, Value)],
    asked: Vec<&'static str>,
    refusals: &'r mut Vec<Refusal>,
}

impl<'v, 'r> Fields<'v, 'r> {
    /// The keys of `value`; none after noting that it is no object.
    pub(crate) fn new(
        value: &'v Value,
        (key, of): (&'static str, &'static str),
        refusals: &'r mut Vec<Refusal>,
    ) -> Option<Self> {
        let entries: &[(Text, Value)] = match &value.kind {
            Kind::Object(entries) => entries,
            Kind::Null => &[],
            Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) | Kind::List(_) => {
                let what = What::WrongType { key, wanted: "an object in braces" };
                refusals.push(Refusal::new(what, &value.at));
                return None;
            }
        };
        Some(Self { of, at: value.at.clone(), entries, asked: Vec::new(), refusals })
    }

    pub(crate) fn refuse(&mut self, what: What, at: &Range<usize>) {
        self.refusals.push(Refusal::new(what, at));
    }

    /// Where what the object says can be noted.
    pub(crate) fn refusals(&mut self) -> &mut Vec<Refusal> {
        self.refusals
    }

    /// That a key has to be there.
    pub(crate) fn missing(&mut self, key: &'static str, help: &'static str) {
        // The brace alone: the whole of a large object is no place.
        let at = self.at.start..self.at.start + 1;
        self.refuse(What::Missing { key, help }, &at);
    }

    /// The value of `key`, written with underscores or in camel case, unless it says nothing.
    pub(crate) fn get(&mut self, key: &'static str) -> Option<&'v Value> {
        self.asked.push(key);
        let mut found = self.entries.iter().filter(|(name, _)| is_named(&name.value, key));
        let (first, value) = found.next()?;
        if let Some((again, _)) = found.next() {
            let what = What::Twice { name: key.to_owned() };
            self.refusals.push(Refusal::new(what, &again.at).with_other(&first.at));
        }
        (!value.is_default()).then_some(value)
    }

    /// A text that is not empty.
    pub(crate) fn text(&mut self, key: &'static str) -> Option<&'v Text> {
        let value = self.get_any(key)?;
        match &value.kind {
            Kind::Text(text) if text.value.is_empty() => None,
            Kind::Text(text) => Some(text),
            Kind::Null => None,
            Kind::Bool(_) | Kind::Number(_) | Kind::List(_) | Kind::Object(_) => {
                self.refuse(What::WrongType { key, wanted: "a text" }, &value.at);
                None
            }
        }
    }

    /// As [`Fields::get`], with values that say nothing: `0` is the name of a shard.
    fn get_any(&mut self, key: &'static str) -> Option<&'v Value> {
        let value = self.get(key);
        value.or_else(|| {
            self.entries.iter().find(|(name, _)| is_named(&name.value, key)).map(|(_, value)| value)
        })
    }

    /// The place of the value of `key` if that is true.
    pub(crate) fn flag(&mut self, key: &'static str) -> Option<&'v Range<usize>> {
        let value = self.get(key)?;
        if !matches!(value.kind, Kind::Bool(true)) {
            self.refuse(What::WrongType { key, wanted: "true or false" }, &value.at);
        }
        Some(&value.at)
    }

    /// A list.
    pub(crate) fn list(&mut self, key: &'static str) -> &'v [Value] {
        let Some(value) = self.get(key) else { return &[] };
        if let Kind::List(values) = &value.kind {
            return values;
        }
        self.refuse(What::WrongType { key, wanted: "a list in brackets" }, &value.at);
        &[]
    }

    /// A list of texts.
    pub(crate) fn texts(&mut self, key: &'static str) -> Vec<&'v Text> {
        let mut texts = Vec::new();
        for value in self.list(key) {
            if let Kind::Text(text) = &value.kind {
                texts.push(text);
            } else {
                self.refuse(What::WrongType { key, wanted: "a list of texts" }, &value.at);
            }
        }
        texts
    }

    /// Those of `keys` that say something and are left out.
    pub(crate) fn left_out(&mut self, keys: &[&'static str], into: &mut Vec<&'static str>) {
        for key in keys {
            if self.get(key).is_some() && !into.contains(key) {
                into.push(key);
            }
        }
    }

    /// Refuses the keys that nobody has asked for.
    pub(crate) fn finish(self) {
        for (name, _) in self.entries {
            if self.asked.iter().any(|key| is_named(&name.value, key)) {
                continue;
            }
            let nearest = nearest(&name.value, self.asked.iter().copied());
            let what = What::UnknownKey { of: self.of, key: name.value.clone(), nearest };
            self.refusals.push(Refusal::new(what, &name.at));
        }
    }
}

/// Whether `name` is `key` in one of the spellings that Vitess takes.
pub(crate) fn is_named(name: &str, key: &str) -> bool {
    name == key || name == camel_case(key)
}

fn camel_case(key: &str) -> String {
    let mut camel = String::with_capacity(key.len());
    let mut is_behind_line = false;
    for character in key.chars() {
        if character == '_' {
            is_behind_line = true;
        } else {
            camel.push(if is_behind_line { character.to_ascii_uppercase() } else { character });
            is_behind_line = false;
        }
    }
    camel
}
