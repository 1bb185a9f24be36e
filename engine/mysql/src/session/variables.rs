//! The session variables that everything else relies on.

use crate::error::Error;

/// What a session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Reads tables and catalogs of the source.
    SourceReader,
    /// Becomes the stream of the source's binary log.
    SourceTail,
    /// Reads and writes the target.
    Target,
    /// As [`Role::Target`], for statements that make and alter tables: through vtgate these may take
    /// longer than the 30 seconds that are left to others. Never for a transaction: vtgate leaves it
    /// open for ever when its client vanishes.
    TargetDefinitions,
}

/// A variable, and the value that it is set to and must be read back as.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Variable {
    pub(super) name: &'static str,
    /// As the server prints it; `NULL` for that.
    pub(super) value: &'static str,
    /// Whether the value is written without quotes.
    is_bare: bool,
}

/// The column of [`read_statement`] that holds the server's version.
pub(super) const VERSION: &str = "version";

const fn text(name: &'static str, value: &'static str) -> Variable {
    Variable { name, value, is_bare: false }
}

const fn bare(name: &'static str, value: &'static str) -> Variable {
    Variable { name, value, is_bare: true }
}

/// On every session: values and texts mean the same whatever the server's defaults, and no global
/// limit cuts a result or a wait short in silence.
const COMMON: &[Variable] = &[
    // `TIMESTAMP` is carried in UTC.
    text("time_zone", "+00:00"),
    // Our own SQL text is UTF-8.
    text("character_set_client", "utf8mb4"),
    text("character_set_connection", "utf8mb4"),
    text("collation_connection", "utf8mb4_bin"),
    // Text comes as its column's own bytes, and definitions as they are kept: converted, a character
    // beyond U+FFFF in an expression would come as four question marks.
    bare("character_set_results", "NULL"),
    bare("autocommit", "1"),
    bare("completion_type", "NO_CHAIN"),
    bare("sql_select_limit", "18446744073709551615"),
    bare("sql_safe_updates", "0"),
    bare("sql_big_selects", "1"),
    bare("sql_auto_is_null", "0"),
    bare("max_execution_time", "0"),
    // Names in SHOW CREATE TABLE are quoted, and generated invisible keys are shown.
    bare("sql_quote_show_create", "1"),
    bare("show_gipk_in_create_table_and_information_schema", "1"),
    // Estimates of rows as the engine has them now, not as cached a day ago.
    bare("information_schema_stats_expiry", "0"),
    // A metadata lock that does not come within a minute belongs to something that a person has to
    // look at; the server's default is a year.
    bare("lock_wait_timeout", "60"),
];

const SOURCE: &[Variable] = &[
    // No mode that changes what is read: `CHAR` is not padded, quotes are as usual. Without this one
    // a key that is an invalid date cannot be compared with (error 1525).
    text("sql_mode", "ALLOW_INVALID_DATES"),
    text("transaction_isolation", "REPEATABLE-READ"),
    bare("transaction_read_only", "1"),
    // A reader or tail that waits for the target is not disconnected for an hour: backpressure is
    // normal, a minute (the server's default) is not enough for it.
    bare("net_write_timeout", "3600"),
    bare("net_read_timeout", "3600"),
    bare("wait_timeout", "28800"),
];

/// Truncation is an error; zero and invalid dates and the id 0 are values like any other; a table is
/// never made with another engine than was asked for.
pub(super) const TARGET_SQL_MODE: &str =
    "NO_AUTO_VALUE_ON_ZERO,STRICT_ALL_TABLES,ALLOW_INVALID_DATES,NO_ENGINE_SUBSTITUTION";

const TARGET: &[Variable] = &[
    text("sql_mode", TARGET_SQL_MODE),
    text("transaction_isolation", "READ-COMMITTED"),
    bare("transaction_read_only", "0"),
    // Parents and children arrive in any order, and cascades come as rows of their own.
    bare("foreign_key_checks", "0"),
    bare("unique_checks", "1"),
    // An average has four digits more behind the point than what is averaged.
    bare("div_precision_increment", "4"),
    // Less than a minute: a lane's row that another runner's transaction holds.
    bare("innodb_lock_wait_timeout", "50"),
    bare("net_write_timeout", "600"),
    bare("net_read_timeout", "600"),
    // A runner that froze inside a transaction holds its locks for ten minutes, not for eight hours.
    bare("wait_timeout", "600"),
];

/// On a target whose binary log is not to get what is written. Set and proven with the others on each
/// connection: a part of a run in the log would be worse than none of it.
const WITHOUT_BINLOG: &[Variable] = &[bare("sql_log_bin", "0")];

impl Role {
    fn is_target(self) -> bool {
        matches!(self, Self::Target | Self::TargetDefinitions)
    }

    pub(crate) fn variables(self, skips_binlog: bool) -> Vec<Variable> {
        let own = match self {
            Self::SourceReader | Self::SourceTail => SOURCE,
            Self::Target | Self::TargetDefinitions => TARGET,
        };
        let skips = self.is_target() && skips_binlog;
        let binlog = if skips { WITHOUT_BINLOG } else { &[] };
        COMMON.iter().chain(own).chain(binlog).copied().collect()
    }
}

/// One statement for all: either every variable is set or none.
pub(crate) fn set_statement(variables: &[Variable]) -> String {
    let assignments: Vec<String> = variables
        .iter()
        .map(|variable| {
            let quote = if variable.is_bare { "" } else { "'" };
            format!("@@SESSION.{} = {quote}{}{quote}", variable.name, variable.value)
        })
        .collect();
    format!("SET {}", assignments.join(", "))
}

/// One row with a column per variable, by its name, and the server's version.
pub(crate) fn read_statement(variables: &[Variable]) -> String {
    let columns: Vec<String> =
        variables.iter().map(|variable| format!("@@SESSION.{0} AS {0}", variable.name)).collect();
    format!("SELECT {}, VERSION() AS {VERSION}", columns.join(", "))
}

/// Proves that each variable is what it was set to, by what `found` reads back of one after another.
pub(crate) fn prove(
    wanted: &[Variable],
    mut found: impl FnMut(&'static str) -> Result<Option<String>, Error>,
) -> Result<(), Error> {
    for variable in wanted {
        let value = found(variable.name)?.unwrap_or_else(|| "NULL".to_owned());
        if value != variable.value {
            return Err(Error::Variable {
                name: variable.name,
                wanted: variable.value.to_owned(),
                found: value,
            });
        }
    }
    Ok(())
}
