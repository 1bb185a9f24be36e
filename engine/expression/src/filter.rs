//! Filters: conditions over the rows of a table.

use crate::{
    check::{Source, check},
    expression::Checked,
    problem::{Problem, What},
    syntax::Syntax,
    types::Type,
    value::Value,
};

/// Checks a filter: an expression that is a condition, and that some row may pass.
///
/// # Errors
///
/// All that is wrong with it.
pub fn check_filter(syntax: &Syntax, source: &Source<'_>) -> Result<Checked, Vec<Problem>> {
    let checked = check(syntax, source)?;
    let code = checked.expression.code();
    let what = match (code.value(), &code.typed.kind) {
        (Some(Value::Bool(false) | Value::Null), _) => {
            What::AlwaysFalse { reason: "it reads no column and is not true".to_owned() }
        }
        (_, Type::Bool) => return Ok(checked),
        (_, found) => What::NoCondition { found: found.clone() },
    };
    Err(vec![Problem::new(what, &code.span)])
}
