//! What a plan may do otherwise than the specification, as its columns are.

use std::{collections::BTreeMap, fmt};

use crate::{specification::Specification, write::Note};

/// Something that depends on the charset or the collation of columns, which no specification says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// What the plan does, and what to write where something else is wanted: sentences.
    pub text: &'static str,
    /// Where it may matter, in the order of the text; never empty.
    pub places: Vec<Place>,
}

/// A place in the specification's text, shown as `line:column`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The character of the line, from 1.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// The warnings of a specification that is read from `text`.
pub(crate) fn warnings(specification: &Specification, text: &str) -> Vec<Warning> {
    let mut places: BTreeMap<Note, Vec<Place>> = BTreeMap::new();
    for (note, at) in &specification.places {
        places.entry(*note).or_default().push(place(text, *at));
    }
    places.into_iter().map(|(note, places)| Warning { text: note.text(), places }).collect()
}

fn place(text: &str, at: usize) -> Place {
    let before = text.get(..at).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    Place { line: before.matches('\n').count() + 1, column: line.chars().count() + 1 }
}
