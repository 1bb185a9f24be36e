//! The functions: one table that names, checks, evaluates and documents each.

mod choice;
mod resolve;
mod text;

use std::fmt;

pub(crate) use choice::joined as choice_joined;
pub(crate) use resolve::{Call, converted, fold, no_common_type, null};

use crate::{code::Evaluate, problem::Problem, types::Typed};

/// A function of the language.
#[derive(Debug)]
pub struct Function {
    /// Its name, in lower case.
    pub name: &'static str,
    /// How it is written: the name and its arguments' names.
    pub usage: &'static str,
    /// What it gives, in one or two sentences.
    pub doc: &'static str,
    /// A call whose arguments are all written out.
    pub example: &'static str,
    /// The example's result, as [`crate::show`] shows it.
    pub result: &'static str,
    /// Whether MySQL has it under this name, with these results.
    pub origin: Origin,
    pub(crate) least: usize,
    pub(crate) most: usize,
    pub(crate) form: Form,
}

/// Where a function comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// MySQL has it under this name.
    Mysql,
    /// MySQL has it under another name or in another form.
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

/// How a function is checked.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Form {
    /// Arguments have values before the function is called.
    Call {
        /// Checks and converts the arguments; says what the result is, prepares the call.
        resolve: fn(&mut Call<'_>) -> Result<Typed, Problem>,
        evaluate: Evaluate,
        /// Whether `NULL` reaches it; else the result is `NULL` if any argument is.
        sees_null: bool,
    },
    /// It is another part of the tree.
    Tree(fn(&mut Call<'_>) -> Result<crate::code::Code, Problem>),
}

/// All functions, by kind.
pub static GROUPS: &[Group] = &[
    Group { title: "Choosing", functions: choice::FUNCTIONS },
    Group { title: "Text", functions: text::FUNCTIONS },
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
        Takes { least: self.least, most: self.most }
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
