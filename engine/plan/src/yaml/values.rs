//! What the values of a text are, by `serde_yaml`.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};

use super::Text;
use crate::problem::{FormProblem, PlanError};

/// A value of YAML.
#[derive(Debug)]
pub(super) enum Node {
    Nothing,
    Boolean,
    /// `None` if it is negative or has more than 64 bits.
    Integer(Option<u64>),
    Fraction,
    Text(String),
    List(Vec<Node>),
    /// In the order of the text; a key that is given twice is there twice.
    Map(Vec<(Node, Node)>),
}

/// The value that a text is.
///
/// # Errors
///
/// [`FormProblem::Syntax`] if it is not YAML.
pub(super) fn read(text: &Text<'_>) -> Result<Node, PlanError> {
    serde_yaml::from_str(text.text).map_err(|error| {
        let index = error.location().map_or(0, |location| location.index());
        PlanError::new(FormProblem::Syntax { reason: error.to_string() }, text.visible_at(index))
    })
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Nodes)
    }
}

struct Nodes;

impl<'de> Visitor<'de> for Nodes {
    type Value = Node;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value without a tag")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Nothing)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Nothing)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Node, E> {
        Ok(Node::Boolean)
    }

    fn visit_u64<E>(self, number: u64) -> Result<Node, E> {
        Ok(Node::Integer(Some(number)))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Node, E> {
        Ok(Node::Integer(number.try_into().ok()))
    }

    fn visit_u128<E>(self, number: u128) -> Result<Node, E> {
        Ok(Node::Integer(number.try_into().ok()))
    }

    fn visit_i128<E>(self, number: i128) -> Result<Node, E> {
        Ok(Node::Integer(number.try_into().ok()))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Fraction)
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Node::Map(map))
    }
}
