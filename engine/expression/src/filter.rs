//! Filters: conditions over the rows of a table.

use crate::{
    check::{Source, check},
    contradiction,
    expression::Checked,
    problem::{Problem, What},
    syntax::Syntax,
    types::Type,
};

/// Checks a filter: an expression that is a condition, and that some row may pass.
///
/// # Errors
///
/// All that is wrong with it.
pub fn check_filter(syntax: &Syntax, source: &Source<'_>) -> Result<Checked, Vec<Problem>> {
    let checked = check(syntax, source)?;
    let code = checked.expression.code();
    if !matches!(code.typed.kind, Type::Bool | Type::Null) {
        let what = What::NoCondition { found: code.typed.kind.clone() };
        return Err(vec![Problem::new(what, &code.span)]);
    }
    match contradiction::reason(code, syntax.text()) {
        Some(reason) => Err(vec![Problem::new(What::AlwaysFalse { reason }, &code.span)]),
        None => Ok(checked),
    }
}
