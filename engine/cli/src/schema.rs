//! `whimbrel schema`.

use std::io;

use whimbrel_plan::schema;

use crate::output::{Exit, Output};

/// Prints the JSON schema of plans.
///
/// # Errors
///
/// When it cannot be written.
pub(crate) fn run(output: &mut Output) -> io::Result<Exit> {
    output.result(&format!("{:#}\n", schema()))?;
    Ok(Exit::Done)
}
