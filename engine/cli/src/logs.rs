//! Logs: what the engine says beside its reports, on standard error.

use std::io;

use tracing_subscriber::EnvFilter;

use crate::args::ReportFormat;

/// The environment variable that says what is logged, as `tracing` filters are written: `info`, or
/// `whimbrel_migration=debug`.
const VARIABLE: &str = "WHIMBREL_LOG";

/// Warnings are logged where nobody asked for more: connections that were lost and made again.
const USUAL: &str = "warn";

/// Starts logging. A screen that is drawn anew in place shows what the run waits for itself, and is
/// left alone unless somebody asks.
pub(crate) fn start(format: ReportFormat, is_screen: bool) {
    let asked = EnvFilter::try_from_env(VARIABLE).ok();
    if is_screen && asked.is_none() {
        return;
    }
    let filter = asked.unwrap_or_else(|| EnvFilter::new(USUAL));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match format {
        ReportFormat::Text => logs.with_ansi(false).init(),
        ReportFormat::Json => logs.json().init(),
    }
}
