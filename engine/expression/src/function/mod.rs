//! The functions: one table that names, checks, evaluates and documents each.

mod calendar;
mod case;
mod cast;
mod choice;
mod clock;
mod digest;
mod format;
mod json;
mod mask;
mod number;
mod part;
mod pattern;
mod resolve;
mod text;
mod values;
mod vitess;

use std::fmt;

pub(crate) use cast::bytes_as_text;
pub(crate) use choice::joined as choice_joined;
pub use clock::is_time_zone;
pub(crate) use format::Format;
pub(crate) use json::Path;
pub(crate) use pattern::Replacement;
pub(crate) use resolve::{Call, converted, fold, literal_as, no_common_type, null};

use crate::{
    code::{Code, Evaluate},
    problem::Problem,
    types::Typed,
};

/// A function of the language.
#[derive(Debug)]
pub struct Function {
    /// Its name, in lower case.
    pub name: &'static str,
    /// How it is written: the name and its arguments' names.
    pub usage: &'static str,
    /// What it gives, in one or two sentences.
    pub doc: &'static str,
    /// A call whose arguments are written out, and what it gives; both
    /// empty where a call depends on the table or on a secret.
    pub example: (&'static str, &'static str),
    /// Where it comes from.
    pub origin: Origin,
    /// The least and the largest number of arguments.
    pub(crate) takes: (usize, usize),
    pub(crate) form: Form,
}

/// Where a function comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// MySQL has it under this name.
    Mysql,
    /// MySQL has it in another form.
    MysqlAs(&'static str),
    /// Its own.
    Own,
}

/// Functions of one kind.
#[derive(Debug)]
pub struct Group {
    /// What they are about.
    pub title: &'static str,
    /// They.
    pub functions: &'static [Function],
}

/// Checks and converts the arguments of a call, prepares it, and says what the result is.
pub(crate) type Resolve = fn(&mut Call<'_>) -> Result<Typed, Problem>;

/// How a function is checked and evaluated.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Form {
    /// Its result is `NULL` if any argument is.
    Call(Resolve, Evaluate),
    /// `NULL` arguments reach it.
    SeesNull(Resolve, Evaluate),
    /// It is another part of the tree.
    Tree(fn(&mut Call<'_>) -> Result<Code, Problem>),
}

/// What most functions of MySQL begin with.
const MYSQL: Function = Function {
    name: "",
    usage: "",
    doc: "",
    example: ("", ""),
    origin: Origin::Mysql,
    takes: (1, 1),
    form: Form::Tree(resolve::nothing),
};

/// What our own functions begin with.
const OWN: Function = Function { origin: Origin::Own, ..MYSQL };

/// The number of arguments that has no bound of its own.
const ANY: usize = usize::MAX;

/// All functions, by kind.
pub static GROUPS: &[Group] = &[
    Group { title: "Choosing", functions: choice::FUNCTIONS },
    Group { title: "Text", functions: text::FUNCTIONS },
    Group { title: "Parts of text", functions: part::FUNCTIONS },
    Group { title: "Patterns", functions: pattern::FUNCTIONS },
    Group { title: "Numbers", functions: number::FUNCTIONS },
    Group { title: "Types", functions: cast::FUNCTIONS },
    Group { title: "Parts of dates and times", functions: calendar::FUNCTIONS },
    Group { title: "Computing with dates and times", functions: clock::FUNCTIONS },
    Group { title: "Bytes and digests", functions: digest::FUNCTIONS },
    Group { title: "Hiding", functions: mask::FUNCTIONS },
    Group { title: "JSON", functions: json::FUNCTIONS },
    Group { title: "Vitess", functions: vitess::FUNCTIONS },
];

/// All functions.
pub fn functions() -> impl Iterator<Item = &'static Function> {
    GROUPS.iter().flat_map(|group| group.functions)
}

/// The function of that name.
pub(crate) fn find(name: &str) -> Option<&'static Function> {
    functions().find(|function| function.name == name)
}

/// How many arguments a function takes: at least and at most.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Takes {
    least: usize,
    most: usize,
}

impl Function {
    pub(crate) fn takes(&self) -> Takes {
        Takes { least: self.takes.0, most: self.takes.1 }
    }
}

impl Takes {
    pub(crate) fn contains(self, count: usize) -> bool {
        (self.least..=self.most).contains(&count)
    }
}

impl fmt::Display for Takes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.least, self.most) {
            (0, 0) => f.write_str("no argument"),
            (1, 1) => f.write_str("one argument"),
            (least, most) if least == most => write!(f, "{least} arguments"),
            (least, usize::MAX) => write!(f, "{least} or more arguments"),
            (least, most) => write!(f, "{least} to {most} arguments"),
        }
    }
}
