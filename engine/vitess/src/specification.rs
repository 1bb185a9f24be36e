//! What a specification says, whichever of Vitess's forms it has.

use std::{collections::BTreeSet, ops::Range};

use crate::{
    Given,
    json::Text,
    refusal::{Refusal, What},
    select::Made,
    write::Note,
};

/// What a specification says.
#[derive(Debug, Default)]
pub(crate) struct Specification {
    /// What it is, as a person calls it.
    pub(crate) kind: &'static str,
    pub(crate) workflow: String,
    pub(crate) source_keyspace: String,
    pub(crate) target_keyspace: String,
    /// The rules of `move`, each once.
    pub(crate) moves: Vec<String>,
    known: BTreeSet<String>,
    pub(crate) targets: Vec<Target>,
    pub(crate) on_ddl: Option<&'static str>,
    pub(crate) notes: BTreeSet<Note>,
    /// Where the expressions begin that some of the notes are about.
    pub(crate) places: BTreeSet<(Note, usize)>,
    /// Options that change nothing of what is written.
    pub(crate) left_out: Vec<&'static str>,
}

/// A target table that is more than a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) made: Made,
    pub(crate) create: Create,
}

/// How a target table comes to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Create {
    Copy,
    Existing,
    Statement(String),
}

/// What a rule for one table becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item {
    Move(String),
    Target(Target),
}

impl Specification {
    /// What says nothing yet.
    pub(crate) fn new(kind: &'static str) -> Self {
        Self { kind, ..Self::default() }
    }

    /// Whether there is that rule of `move`.
    pub(crate) fn moves(&self, rule: &str) -> bool {
        self.known.contains(rule)
    }

    /// Adds what a rule becomes.
    pub(crate) fn add(&mut self, item: Item) {
        match item {
            Item::Move(rule) => {
                if self.known.insert(rule.clone()) {
                    self.moves.push(rule);
                }
            }
            Item::Target(target) => {
                self.notes.extend(target.made.notes.iter().copied());
                self.places.extend(target.made.places.iter().copied());
                if target.create == Create::Copy {
                    self.notes.insert(Note::Constraints);
                }
                self.targets.push(target);
            }
        }
    }
}

/// A table's name as a rule of `move`.
///
/// # Errors
///
/// A name that would be a pattern.
pub(crate) fn rule(name: &Text) -> Result<String, Refusal> {
    rule_at(&name.value, &name.at)
}

fn rule_at(name: &str, at: &Range<usize>) -> Result<String, Refusal> {
    let is_sign = |sign: char| "*?!/\\[]{}".contains(sign) || sign.is_control();
    if name.is_empty() || name.contains(is_sign) {
        return Err(Refusal::new(What::Name { name: name.to_owned() }, at));
    }
    Ok(name.to_owned())
}

/// Adds the reference tables of the command line, whose place is that of the settings they go with.
pub(crate) fn references(
    specification: &mut Specification,
    (given, at): (&Given, &Range<usize>),
    refusals: &mut Vec<Refusal>,
) {
    for table in &given.reference_tables {
        match rule_at(table, &(at.start..at.start + 1)) {
            Ok(rule) => specification.add(Item::Move(rule)),
            Err(refusal) => refusals.push(refusal),
        }
    }
}

/// The workflow and both keyspaces: of the file, or where it says nothing of the command line.
pub(crate) fn identity(
    specification: &mut Specification,
    (workflow, source, target): (Option<&Text>, Option<&Text>, Option<&Text>),
    (given, at): (&Given, &Range<usize>),
    refusals: &mut Vec<Refusal>,
) {
    let mut one = |key, written: Option<&Text>, given: Option<&String>, help| match (written, given)
    {
        (Some(text), Some(given)) if text.value != *given => {
            let (value, given) = (text.value.clone(), given.clone());
            refusals.push(Refusal::new(What::Contradiction { key, value, given }, &text.at));
            None
        }
        (Some(text), _) => Some(text.value.clone()),
        (None, Some(given)) => Some(given.clone()),
        (None, None) => {
            let at = at.start..at.start + 1;
            refusals.push(Refusal::new(What::Missing { key, help }, &at));
            None
        }
    };
    let workflow = one(
        "workflow",
        workflow,
        given.workflow.as_ref(),
        "give it as to `vtctldclient`: `--workflow NAME`; the plan has this name",
    );
    let source_keyspace = one(
        "source_keyspace",
        source,
        given.source_keyspace.as_ref(),
        "give it as to `vtctldclient`: `--source-keyspace NAME`",
    );
    let target_keyspace = one(
        "target_keyspace",
        target,
        given.target_keyspace.as_ref(),
        "give it as to `vtctldclient`: `--target-keyspace NAME`",
    );
    if let (Some(from), Some(to)) = (&source_keyspace, &target_keyspace)
        && from == to
    {
        let at = target.map_or(at.start..at.start + 1, |text| text.at.clone());
        refusals.push(Refusal::new(What::OneKeyspace { name: from.clone() }, &at));
    }
    specification.workflow = workflow.unwrap_or_default();
    specification.source_keyspace = source_keyspace.unwrap_or_default();
    specification.target_keyspace = target_keyspace.unwrap_or_default();
}
