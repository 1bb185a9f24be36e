//! The variables of a session through vtgate, as the shard's server has them.
//!
//! vtgate keeps what is set, answers `@@name` by itself with what it keeps, and passes some of it on:
//! with each statement (`SET_VAR`) and by choosing among the tablet's connections one that has the same
//! settings, and makes it if there is none, also after one was lost. Other variables it takes and
//! forgets without a word (`collation_connection`, `lock_wait_timeout`, `wait_timeout`, …), or all of
//! them under `--enable-system-settings=false`. So a value counts only as the shard's own
//! `performance_schema.session_variables` shows it, which it does also where that schema is off; and
//! only inside a transaction, which is on one connection.
//!
//! Measured on Vitess 24.0.0 over MySQL 9.7.

use std::borrow::Cow;

use crate::error::Error;

use super::{Role, Session, variables::TARGET_SQL_MODE};

/// A variable of a session through vtgate.
struct Variable {
    name: &'static str,
    /// As it is set; nothing for one that vtgate does not pass on, and that has to be so by itself.
    set: Option<&'static str>,
    /// As the shard's server shows it.
    shown: &'static str,
}

const fn set(name: &'static str, set: &'static str, shown: &'static str) -> Variable {
    Variable { name, set: Some(set), shown }
}

const fn found(name: &'static str, shown: &'static str) -> Variable {
    Variable { name, set: None, shown }
}

/// What a target's session rests on; see the same names of a session without vtgate.
const VARIABLES: &[Variable] = &[
    set("time_zone", "+00:00", "+00:00"),
    set("sql_mode", TARGET_SQL_MODE, TARGET_SQL_MODE),
    set("transaction_isolation", "READ-COMMITTED", "READ-COMMITTED"),
    set("foreign_key_checks", "0", "OFF"),
    set("unique_checks", "1", "ON"),
    set("sql_safe_updates", "0", "OFF"),
    set("information_schema_stats_expiry", "0", "0"),
    // Less than the 30 seconds after which a tablet ends a transaction.
    set("innodb_lock_wait_timeout", "20", "20"),
    found("character_set_client", "utf8mb4"),
    found("character_set_connection", "utf8mb4"),
    // Text comes as this, whatever its column's charset.
    found("character_set_results", "utf8mb4"),
    found("autocommit", "ON"),
    found("completion_type", "NO_CHAIN"),
    found("sql_select_limit", "18446744073709551615"),
    found("sql_auto_is_null", "OFF"),
    found("sql_quote_show_create", "ON"),
    found("show_gipk_in_create_table_and_information_schema", "ON"),
    found("transaction_read_only", "OFF"),
    found("div_precision_increment", "4"),
    found("sql_log_bin", "ON"),
    found(NULL_OF_DOCUMENT, "NULL"),
];

/// What is shown with the variables: what the server takes a `null` of a document for, see
/// [`crate::Document`].
const NULL_OF_DOCUMENT: &str = "null in JSON_TABLE";

/// What the session is through.
#[derive(Debug, Default)]
pub(super) struct Gate {
    /// The version of Vitess, as vtgate says it.
    pub(super) version: String,
}

/// Stands in a query that is not to be answered with the result of another session's query of the same
/// text: that one may have begun before what this session knows to be committed.
const FOR_ITSELF: &str = "SELECT /*vt+ CONSOLIDATOR=DISABLED */ ";

/// The query, to be run for this session alone.
pub(super) fn for_itself<'a>(gate: Option<&Gate>, sql: &'a str) -> Cow<'a, str> {
    match (gate, sql.strip_prefix("SELECT ")) {
        (Some(_), Some(rest)) => Cow::Owned(format!("{FOR_ITSELF}{rest}")),
        (Some(_) | None, _) => Cow::Borrowed(sql),
    }
}

/// Begins the answer of vtgate to `@@version_comment`.
const VERSION_PREFIX: &str = "Version: ";

impl Session {
    /// Sets what vtgate keeps for itself. Nothing of a server's: which would it be?
    pub(super) async fn set_keyspace_variables(&mut self, role: Role) -> Result<(), Error> {
        self.ask_vitess_version().await?;
        self.execute(set_statement(role, &[]).as_bytes()).await?;
        let (major, minor, patch) = self.version.numbers;
        self.version.text = format!("{major}.{minor}.{patch}");
        Ok(())
    }

    /// Sets what vtgate passes on, and proves it with the rest on the shard's server.
    pub(super) async fn set_shard_variables(&mut self, role: Role) -> Result<(), Error> {
        self.ask_vitess_version().await?;
        self.execute(set_statement(role, VARIABLES).as_bytes()).await?;
        self.execute(b"BEGIN").await?;
        let doing = "reading back the session's variables on the shard";
        let found = self.query_for(doing, &read_statement()).await?;
        self.execute(b"ROLLBACK").await?;
        let shown = |name: &str| -> Result<Option<String>, Error> {
            for row in &found {
                if row.text("name")?.eq_ignore_ascii_case(name) {
                    return row.optional_text("value");
                }
            }
            Ok(None)
        };
        for variable in VARIABLES {
            let value = shown(variable.name)?.unwrap_or_else(|| "not there".to_owned());
            if value != variable.shown {
                return Err(Error::Variable {
                    name: variable.name,
                    wanted: variable.shown.to_owned(),
                    found: value,
                });
            }
        }
        self.version = super::ServerVersion::parse(&shown("version")?.unwrap_or_default());
        self.schema = self.database_behind().await?;
        Ok(())
    }

    async fn ask_vitess_version(&mut self) -> Result<(), Error> {
        let doing = "asking for vtgate's version";
        self.gate = Some(Gate::default());
        let rows = self.query_for(doing, "SELECT @@version_comment AS comment").await?;
        let comment = rows.first().map(|row| row.optional_text("comment")).transpose()?;
        let comment = comment.flatten().unwrap_or_default();
        let Some(version) = comment.strip_prefix(VERSION_PREFIX) else {
            return Err(super::unexpected(doing, "the server is not a vtgate"));
        };
        let version = version.split(' ').next().unwrap_or_default().to_owned();
        self.gate = Some(Gate { version });
        Ok(())
    }

    /// The database of the shard's server behind a session that is targeted at the shard.
    async fn database_behind(&mut self) -> Result<String, Error> {
        let doing = "asking for the shard's database";
        // `DATABASE()` without a table is answered by vtgate, with the name of the target. The list of
        // sessions, which has the name too, fails while one of them writes bytes that are no text.
        let sql = "SELECT SCHEMA_NAME AS name FROM information_schema.SCHEMATA \
                   WHERE SCHEMA_NAME = DATABASE()";
        let rows = self.query_for(doing, sql).await?;
        rows.first().ok_or_else(|| super::unexpected(doing, "no row"))?.text("name")
    }
}

/// One statement for all. A transaction on several shards is refused by vtgate itself: it would not be
/// one.
fn set_statement(role: Role, variables: &[Variable]) -> String {
    let mut assignments = vec!["@@SESSION.transaction_mode = 'SINGLE'".to_owned()];
    for variable in variables {
        let Some(value) = variable.set else { continue };
        let is_number = value.bytes().all(|byte| byte.is_ascii_digit());
        let quote = if is_number { "" } else { "'" };
        assignments.push(format!("@@SESSION.{} = {quote}{value}{quote}", variable.name));
    }
    if role == Role::TargetDefinitions {
        // Neither statements nor transactions end after 30 seconds.
        assignments.push("@@SESSION.workload = 'DBA'".to_owned());
    }
    format!("SET {}", assignments.join(", "))
}

fn read_statement() -> String {
    let names: Vec<String> =
        VARIABLES.iter().map(|variable| format!("'{}'", variable.name)).collect();
    format!(
        "SELECT VARIABLE_NAME AS name, VARIABLE_VALUE AS value \
         FROM performance_schema.session_variables WHERE VARIABLE_NAME IN ('version', {}) \
         UNION ALL SELECT '{NULL_OF_DOCUMENT}', IFNULL(c, 'NULL') \
         FROM (SELECT CAST('[[null]]' AS JSON) AS document) AS given, JSON_TABLE(given.document, \
         '$[*]' COLUMNS (c BIGINT PATH '$[0]' ERROR ON EMPTY ERROR ON ERROR)) AS elements",
        names.join(", ")
    )
}
