//! What is done with the rows of a group.

use std::ops::Range;

/// What is counted or summed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AggregateFunction {
    /// The number of rows, or of rows in which the argument is not `NULL`.
    Count,
    /// The sum.
    Sum,
    /// The least value.
    Min,
    /// The largest value.
    Max,
    /// The sum divided by the number of values.
    Avg,
}

/// A call of an aggregate function, as written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Call<'a> {
    /// The function's name.
    pub(super) name: &'a str,
    /// Where the argument is: bytes of the text; empty without one.
    pub(super) argument: Range<usize>,
}

impl AggregateFunction {
    /// All of them.
    pub(crate) const ALL: [Self; 5] = [Self::Count, Self::Sum, Self::Min, Self::Max, Self::Avg];

    /// The name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Sum => "sum",
            Self::Min => "min",
            Self::Max => "max",
            Self::Avg => "avg",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|function| function.name() == name)
    }
}

impl<'a> Call<'a> {
    /// The call that `text` is; `None` if it is none.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (name, _) = text.split_once('(')?;
        let end = text.trim_end().strip_suffix(')')?.len();
        let start = name.len() + 1;
        let inside = text.get(start..end)?;
        if !is_one_group(inside) {
            return None;
        }
        let blanks = inside.len() - inside.trim_start().len();
        let argument = start + blanks..start + blanks + inside.trim().len();
        Some(Self { name: name.trim(), argument })
    }
}

/// Whether the bracket before `inside` is closed behind it, and not within.
fn is_one_group(inside: &str) -> bool {
    let mut depth = 0_usize;
    let mut is_text = false;
    let mut characters = inside.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' if is_text => drop(characters.next()),
            '"' => is_text = !is_text,
            '(' if !is_text => depth += 1,
            ')' if !is_text => match depth.checked_sub(1) {
                Some(less) => depth = less,
                None => return false,
            },
            _ => {}
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_read_with_the_place_of_their_argument() {
        for (text, name, argument) in [
            ("count()", "count", ""),
            ("sum(price * 2)", "sum", "price * 2"),
            (" max ( lower(a) ) ", "max", "lower(a)"),
            ("max(concat(a, \")\\\")\"))", "max", "concat(a, \")\\\")\")"),
        ] {
            let call = Call::parse(text).unwrap();

            let found = text.get(call.argument).unwrap();
            assert_eq!((call.name, found), (name, argument), "{text}");
        }
        for text in ["price", "sum(price) / count()", "concat(sum(a), \")\") + max(b)"] {
            assert_eq!(Call::parse(text), None, "{text}");
        }
    }
}
