//! Prints the page that describes the expression language.

use std::io::{self, Write as _};

fn main() -> io::Result<()> {
    io::stdout().write_all(whimbrel_expression::document().as_bytes())
}
