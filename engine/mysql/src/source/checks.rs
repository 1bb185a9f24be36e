//! Whether a server will do as a source.

use std::time::Duration;

use crate::{
    account::{Account, Variables},
    database::spelling_finding,
    ddl::{literal, quoted},
    error::{Class, Error},
    finding::Finding,
    session::{ServerVersion, Session},
    source::keeping_statement,
};

/// The settings that are looked at.
const VARIABLES: &[&str] = &[
    "log_bin",
    "binlog_format",
    "binlog_row_image",
    "gtid_mode",
    "enforce_gtid_consistency",
    "log_replica_updates",
    "sync_binlog",
    "innodb_flush_log_at_trx_commit",
    "binlog_expire_logs_seconds",
    "binlog_expire_logs_auto_purge",
    "innodb_native_foreign_keys",
];

/// The shortest time that logs should be kept, in seconds: a day, so that a run that stopped in the
/// night goes on in the morning.
const RETENTION_SECONDS_MIN: u64 = 86_400;

/// The oldest version that all of this was seen to work with.
const VERSION_MIN: (u16, u16, u16) = (8, 4, 0);

/// What stands in the way of moving `database` from this server, or may later.
///
/// # Errors
///
/// Those of [`Session::query`]; what is found wrong is a finding, not an error.
pub async fn findings(session: &mut Session, database: &str) -> Result<Vec<Finding>, Error> {
    let variables = Variables::read(session, VARIABLES).await?;
    let account = Account::read(session).await?;
    let mut found = log_findings(&variables);
    found.extend(version_finding(session.server_version()));
    found.extend(privilege_findings(&account, database));
    found.extend(load_finding(session, &account).await?);
    found.extend(blind_spots(&account, database));
    found.extend(spelling_finding(session, database).await?);
    found.extend(durability_findings(&variables));
    if variables.is_on("log_bin") {
        found.extend(filter_finding(session, database).await?);
    }
    found.extend(replica_finding(session, &variables).await?);
    if !variables.get("innodb_native_foreign_keys").eq_ignore_ascii_case("OFF") {
        found.extend(cascade_finding(session, database).await?);
    }
    Ok(found)
}

fn log_findings(variables: &Variables) -> Vec<Finding> {
    let mut found = Vec::new();
    let saw = |name: &str| format!("`{name}` is `{}`", variables.get(name));
    let sessions = "; sessions that are open keep their value until they connect again";
    if !variables.is_on("log_bin") {
        let why = "changes made during the copy would be lost";
        found.push(Finding::refusal(
            "source-log-bin",
            saw("log_bin"),
            why,
            "start the server with `--log-bin`",
        ));
    }
    if !variables.get("binlog_format").eq_ignore_ascii_case("ROW") {
        found.push(Finding::refusal(
            "source-binlog-format",
            saw("binlog_format"),
            "statements in the log do not say which rows they changed",
            format!("`SET GLOBAL binlog_format = 'ROW'`{sessions}"),
        ));
    }
    if !variables.get("binlog_row_image").eq_ignore_ascii_case("FULL") {
        found.push(Finding::refusal(
            "source-row-image",
            saw("binlog_row_image"),
            "the log leaves out columns that the target needs",
            format!("`SET GLOBAL binlog_row_image = 'FULL'`{sessions}"),
        ));
    }
    if !variables.get("enforce_gtid_consistency").eq_ignore_ascii_case("ON") {
        found.push(Finding::refusal(
            "source-gtid-consistency",
            saw("enforce_gtid_consistency"),
            "some transactions would have no identifier of their own",
            "`SET GLOBAL enforce_gtid_consistency = ON`",
        ));
    }
    if !variables.get("gtid_mode").eq_ignore_ascii_case("ON") {
        found.push(Finding::refusal(
            "source-gtid-mode",
            saw("gtid_mode"),
            "without identifiers a run cannot tell what it has applied",
            format!(
                "`{}`, on every server of the topology one step after the other",
                gtid_steps(variables.get("gtid_mode"))
            ),
        ));
    }
    found
}

/// The statements from a mode to `ON`, which goes one step at a time.
fn gtid_steps(mode: &str) -> String {
    let steps = ["OFF_PERMISSIVE", "ON_PERMISSIVE", "ON"];
    let done = steps.iter().position(|step| step.eq_ignore_ascii_case(mode)).map_or(0, |at| at + 1);
    let left = steps.iter().skip(done).map(|step| format!("SET GLOBAL gtid_mode = {step}"));
    left.collect::<Vec<_>>().join("; ")
}

fn version_finding(version: &ServerVersion) -> Option<Finding> {
    (version.numbers < VERSION_MIN).then(|| {
        Finding::warning(
            "source-version",
            format!("the server is {version}"),
            "moves are only proven from 8.4 on",
            "try it with a copy first",
        )
    })
}

fn privilege_findings(account: &Account, database: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    let grants = &account.grants;
    for (id, privilege, why) in [
        ("source-replication-slave", "REPLICATION SLAVE", "the log cannot be read"),
        ("source-replication-client", "REPLICATION CLIENT", "the log's end cannot be read"),
    ] {
        // SUPER stands for the second on older servers; the first has no stand-in.
        let has = grants.has_globally(privilege)
            || privilege == "REPLICATION CLIENT" && grants.has_globally("SUPER");
        if !has {
            let saw = format!("the account lacks `{privilege}`");
            let remedy = format!("`{}`", account.grant(&[privilege], "*.*"));
            found.push(Finding::refusal(id, saw, why, remedy));
        }
    }
    if !grants.has_on("SELECT", database) && !grants.has_on_tables("SELECT", database) {
        let remedy = format!("`{}`", account.grant(&["SELECT"], &scope(database)));
        found.push(Finding::refusal(
            "source-select",
            format!("the account lacks `SELECT` on `{database}`"),
            "the tables cannot be read",
            remedy,
        ));
    }
    found
}

/// A history list that cannot be seen is not waited for.
async fn load_finding(session: &mut Session, account: &Account) -> Result<Option<Finding>, Error> {
    if super::load(session).await?.history_list.is_some() {
        return Ok(None);
    }
    let (saw, remedy) = if account.grants.has_globally("PROCESS") {
        let counter = "trx_rseg_history_len";
        let saw = format!("the server does not count `{counter}`");
        (saw, format!("`SET GLOBAL innodb_monitor_enable = '{counter}'`"))
    } else {
        let remedy = format!("`{}`", account.grant(&["PROCESS"], "*.*"));
        ("the account lacks `PROCESS`".to_owned(), remedy)
    };
    let why =
        "the source's history list cannot be watched: the copy will not slow down when it grows";
    Ok(Some(Finding::warning("source-history-list", saw, why, remedy)))
}

/// What the account cannot see, nobody can be told about.
fn blind_spots(account: &Account, database: &str) -> Option<Finding> {
    let wanted = ["TRIGGER", "EVENT", "SHOW VIEW"];
    let missing: Vec<&str> = wanted
        .into_iter()
        .filter(|privilege| !account.grants.has_on(privilege, database))
        .collect();
    (!missing.is_empty()).then(|| {
        Finding::warning(
            "source-blind-spots",
            format!("the account lacks `{}` on `{database}`", missing.join("`, `")),
            "triggers, events or views that stay behind cannot all be named",
            format!("`{}`", account.grant(&missing, &scope(database))),
        )
    })
}

fn scope(database: &str) -> String {
    // In a GRANT these two stand for any letters.
    format!("{}.*", quoted(&database.replace('_', "\\_").replace('%', "\\%")))
}

fn durability_findings(variables: &Variables) -> Vec<Finding> {
    let mut found = Vec::new();
    for (id, name) in [
        ("source-sync-binlog", "sync_binlog"),
        ("source-flush-log", "innodb_flush_log_at_trx_commit"),
    ] {
        if variables.get(name) != "1" {
            found.push(Finding::warning(
                id,
                format!("`{name}` is `{}`", variables.get(name)),
                "after a crash the server may lack transactions that the target has",
                format!("`SET GLOBAL {name} = 1`"),
            ));
        }
    }
    let kept = variables.number("binlog_expire_logs_seconds").unwrap_or(0);
    let is_purged = variables.is_on("binlog_expire_logs_auto_purge");
    if is_purged && (1..RETENTION_SECONDS_MIN).contains(&kept) {
        found.push(Finding::warning(
            "source-retention",
            format!("logs are kept for {kept} s"),
            "a run that is stopped or slow for longer has to begin again",
            keeping_statement(Duration::from_secs(kept)),
        ));
    }
    found
}

/// What it means that a run has not read the server's log for as long as `absent`: half of the time
/// for which log is kept may be gone.
///
/// # Errors
///
/// Those of [`Session::query`].
pub async fn absence_finding(
    session: &mut Session,
    absent: Duration,
) -> Result<Option<Finding>, Error> {
    let Some(kept) = super::expires_after(session).await? else { return Ok(None) };
    Ok((absent >= kept / 2).then(|| {
        Finding::warning(
            "source-absence",
            format!(
                "the last run ended {} s ago, and the source keeps its log for {} s",
                absent.as_secs(),
                kept.as_secs()
            ),
            "what this run has to read first may be removed before it is read",
            format!("{} now", keeping_statement(absent)),
        )
    }))
}

/// A server may keep some databases out of its log.
async fn filter_finding(session: &mut Session, database: &str) -> Result<Option<Finding>, Error> {
    let rows = match session.query("SHOW BINARY LOG STATUS").await {
        Ok(rows) => rows,
        // A missing privilege has a finding of its own; another server's statement is another's.
        Err(error) if error.class() == Class::Denied || error.code() == Some(1064) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let Some(row) = rows.first() else { return Ok(None) };
    let list = |text: String| text.split(',').any(|name| name == database);
    let only = row.text("Binlog_Do_DB")?;
    let is_left_out = !only.is_empty() && !list(only) || list(row.text("Binlog_Ignore_DB")?);
    Ok(is_left_out.then(|| {
        Finding::refusal(
            "source-log-filter",
            format!("the server's log leaves `{database}` out"),
            "its changes would be lost",
            "start the server without `--binlog-do-db` and `--binlog-ignore-db`",
        )
    }))
}

async fn replica_finding(
    session: &mut Session,
    variables: &Variables,
) -> Result<Option<Finding>, Error> {
    if variables.is_on("log_replica_updates") {
        return Ok(None);
    }
    let is_replica = match session.query("SHOW REPLICA STATUS").await {
        Ok(rows) => !rows.is_empty(),
        Err(error) if error.class() == Class::Denied => false,
        Err(error) => return Err(error),
    };
    Ok(is_replica.then(|| {
        Finding::refusal(
            "source-replica-log",
            "the server is a replica with `log_replica_updates` off",
            "what it takes from its own source is not in its log",
            "start it with `--log-replica-updates`, or read from its source",
        )
    }))
}

/// Where the storage engine follows foreign keys itself, rows that it changes so are in no log.
async fn cascade_finding(session: &mut Session, database: &str) -> Result<Option<Finding>, Error> {
    let sql = format!(
        "SELECT TABLE_NAME, CONSTRAINT_NAME FROM information_schema.REFERENTIAL_CONSTRAINTS \
         WHERE CONSTRAINT_SCHEMA = {} AND (DELETE_RULE IN ('CASCADE', 'SET NULL') \
         OR UPDATE_RULE IN ('CASCADE', 'SET NULL')) ORDER BY TABLE_NAME LIMIT 1",
        literal(database)
    );
    let rows = session.query_for("looking for cascading foreign keys", &sql).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let (table, name) = (row.text("TABLE_NAME")?, row.text("CONSTRAINT_NAME")?);
    Ok(Some(Finding::refusal(
        "source-cascades",
        format!("foreign key `{name}` of `{table}` cascades inside the storage engine"),
        "rows that it changes are in no log",
        "start the server with `--innodb-native-foreign-keys=OFF` (9.6 and later), or drop it",
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_older_than_what_was_tried_are_warned_of() {
        let is_warned =
            |numbers| version_finding(&ServerVersion { numbers, text: String::new() }).is_some();

        assert!(is_warned((8, 0, 46)));
        assert!(!is_warned((8, 4, 0)) && !is_warned((9, 7, 4)));
    }
}
