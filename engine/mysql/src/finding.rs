//! What a look at a server before the first row found.

use std::fmt;

/// What a finding means for a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Good to know.
    Info,
    /// May go wrong later.
    Warning,
    /// The run would lose or damage rows, or cannot work: it is refused.
    Refusal,
}

/// One thing that was found, with what mends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// A stable name: words with dashes.
    pub id: &'static str,
    /// What it means for a run.
    pub severity: Severity,
    /// What was seen, names and numbers included.
    pub saw: String,
    /// Why it matters.
    pub why: &'static str,
    /// The statement or setting that mends it.
    pub remedy: String,
}

impl Finding {
    /// A finding that refuses the run.
    pub(crate) fn refusal(
        id: &'static str,
        saw: impl Into<String>,
        why: &'static str,
        remedy: impl Into<String>,
    ) -> Self {
        Self { id, severity: Severity::Refusal, saw: saw.into(), why, remedy: remedy.into() }
    }

    /// A finding that a run goes on with.
    pub(crate) fn warning(
        id: &'static str,
        saw: impl Into<String>,
        why: &'static str,
        remedy: impl Into<String>,
    ) -> Self {
        Self { severity: Severity::Warning, ..Self::refusal(id, saw, why, remedy) }
    }
}

/// `error`, `warning` or `info`.
impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Refusal => "error",
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, severity, saw, why, remedy } = self;
        write!(f, "{severity} [{id}]: {saw}: {why}; {remedy}")
    }
}
