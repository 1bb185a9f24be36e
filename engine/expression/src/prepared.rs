//! What a call works out once, before any row.

/// The state of a call.
#[derive(Debug)]
pub(crate) enum Prepared {
    /// Nothing.
    None,
}
