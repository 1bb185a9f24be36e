//! The typed expression language of plans.
//!
//! An expression is written in rhai's syntax, of which only values, columns, operators, `if` and calls
//! of known functions are taken. It is checked against a table before any row is read: every part has
//! a type, and what could only fail is refused with its place. Then it is evaluated over rows by an
//! evaluator of its own that keeps MySQL's values exact: `NULL`, 65 digits, unsigned integers, zero
//! dates. A result that could not be exact is an error and never another value.
//!
//! Pure: it knows the model's rows and nothing else; not SQL, not servers, not plans.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "matches are over pairs of types and values: what is not named has nothing in common"
)]

mod assign;
mod charset;
mod check;
mod code;
mod column;
mod contradiction;
mod decimal;
mod document;
mod double;
mod error;
mod evaluate;
mod expression;
mod filter;
mod function;
mod grammar;
mod interval;
mod json;
mod lex;
mod names;
mod nearest;
mod prepared;
mod problem;
mod scan;
mod syntax;
mod temporal;
mod types;
mod value;

#[cfg(test)]
mod tests;

pub use assign::{Assignment, assign};
pub use charset::shown;
pub use check::{Source, check};
pub use document::document;
pub use error::{EvaluationError, Fault};
pub use expression::{Checked, Expression, Scratch};
pub use filter::check_filter;
pub use function::{Function, GROUPS, Group, Origin, functions, is_time_zone};
pub use nearest::nearest;
pub use problem::{Problem, What};
pub use syntax::{Reference, Syntax, parse};
pub use types::{Type, Typed};
