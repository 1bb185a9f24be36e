//! A server as a target: whether it will do.

use std::collections::BTreeSet;

use crate::{
    account::{Account, Variables},
    catalog::table_names,
    database::{same_finding, spelling_finding},
    ddl::{literal, quoted},
    error::Error,
    finding::Finding,
    session::Session,
};

/// The settings that are looked at on the target.
const VARIABLES: &[&str] = &[
    "read_only",
    "super_read_only",
    "max_allowed_packet",
    "lower_case_table_names",
    "sql_generate_invisible_primary_key",
];

/// What a run does in the target's database.
const PRIVILEGES: &[&str] =
    &["SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "ALTER", "INDEX", "REFERENCES"];

/// What a run does with rows.
const ROW_PRIVILEGES: &[&str] = &["SELECT", "INSERT", "UPDATE", "DELETE"];

/// The bytes of tables and indexes that the server keeps in memory.
///
/// # Errors
///
/// Those of [`Session::query`].
pub async fn buffer_pool_bytes(session: &mut Session) -> Result<u64, Error> {
    let rows = session.query("SELECT @@innodb_buffer_pool_size AS bytes").await?;
    rows.first().map_or(Ok(0), |row| row.number("bytes"))
}

/// What stands in the way of moving `source_database` to `database` on this server, or may later.
///
/// # Errors
///
/// Those of [`Session::query`]; what is found wrong is a finding, not an error.
pub async fn findings(
    session: &mut Session,
    database: &str,
    source: &mut Session,
    source_database: &str,
) -> Result<Vec<Finding>, Error> {
    let variables = Variables::read(session, VARIABLES).await?;
    let theirs = Variables::read(source, VARIABLES).await?;
    let names = table_names(source, source_database).await?;
    let account = Account::read(session).await?;
    let mut found = Vec::new();
    found.extend(read_only_finding(&variables, &account));
    found.extend(database_finding(session, database).await?);
    found.extend(privilege_finding(&account, database, PRIVILEGES));
    found.extend(packet_finding(&variables, &theirs));
    found.extend(case_finding(&variables, &theirs, &names));
    found.extend(spelling_finding(session, database).await?);
    found.extend(same_finding((session, database), (source, source_database)).await?);
    if variables.is_on("sql_generate_invisible_primary_key") {
        found.push(Finding::warning(
            "target-invisible-keys",
            "`sql_generate_invisible_primary_key` is on",
            "tables without a primary key would get a column that the source's have not",
            "`SET GLOBAL sql_generate_invisible_primary_key = OFF`",
        ));
    }
    Ok(found)
}

/// What stands in the way of writing the rows of a shard to `database` of this server, or may later; its
/// tables are made through vtgate.
///
/// # Errors
///
/// Those of [`Session::query`]; what is found wrong is a finding, not an error.
pub async fn row_findings(
    session: &mut Session,
    (shard, database): (&str, &str),
    source: &mut Session,
) -> Result<Vec<Finding>, Error> {
    let variables = Variables::read(session, VARIABLES).await?;
    let theirs = Variables::read(source, VARIABLES).await?;
    let account = Account::read(session).await?;
    let mut found = Vec::new();
    found.extend(read_only_finding(&variables, &account));
    found.extend(privilege_finding(&account, database, ROW_PRIVILEGES));
    found.extend(packet_finding(&variables, &theirs));
    for finding in &mut found {
        finding.saw =
            format!("server of shard `{shard}` at {}: {}", session.address(), finding.saw);
    }
    Ok(found)
}

/// What stands in the way of leaving this server's binary log out. To be asked on a session that does
/// not: one that may not is refused without a word of what would help.
///
/// # Errors
///
/// Those of [`Session::query`]; what is found wrong is a finding, not an error.
pub async fn binlog_finding(session: &mut Session) -> Result<Option<Finding>, Error> {
    let account = Account::read(session).await?;
    // Any of these will do; the first allows the least.
    let may_skip = ["SESSION_VARIABLES_ADMIN", "SYSTEM_VARIABLES_ADMIN", "SUPER"];
    if may_skip.into_iter().any(|name| account.grants.has_globally(name)) {
        return Ok(None);
    }
    Ok(Some(Finding::refusal(
        "target-binlog",
        "the account lacks `SESSION_VARIABLES_ADMIN`",
        "with `target.mysql.binlog: skip` its sessions turn `sql_log_bin` off",
        format!("`{}`", account.grant(&["SESSION_VARIABLES_ADMIN"], "*.*")),
    )))
}

fn read_only_finding(variables: &Variables, account: &Account) -> Option<Finding> {
    let name = if variables.is_on("super_read_only") {
        "super_read_only"
    } else {
        // These two may write all the same.
        let may_write = ["CONNECTION_ADMIN", "SUPER"];
        let may_write = may_write.into_iter().any(|name| account.grants.has_globally(name));
        (variables.is_on("read_only") && !may_write).then_some("read_only")?
    };
    Some(Finding::refusal(
        "target-read-only",
        format!("`{name}` is on"),
        "nothing can be written",
        format!("`SET GLOBAL {name} = OFF`, if this is the server to write to"),
    ))
}

async fn database_finding(session: &mut Session, database: &str) -> Result<Option<Finding>, Error> {
    let sql = format!(
        "SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = {}",
        literal(database)
    );
    let rows = session.query_for("looking for the database", &sql).await?;
    Ok(rows.is_empty().then(|| {
        Finding::refusal(
            "target-database",
            format!("there is no database `{database}`, or the account may not see it"),
            "tables need one",
            format!("`CREATE DATABASE {}`", quoted(database)),
        )
    }))
}

fn privilege_finding(
    account: &Account,
    database: &str,
    wanted: &[&'static str],
) -> Option<Finding> {
    let missing: Vec<&str> = wanted
        .iter()
        .copied()
        .filter(|privilege| !account.grants.has_on(privilege, database))
        .collect();
    // In a GRANT these two stand for any letters.
    let scope = format!("{}.*", quoted(&database.replace('_', "\\_").replace('%', "\\%")));
    (!missing.is_empty()).then(|| {
        Finding::refusal(
            "target-privileges",
            format!("the account lacks `{}` on `{database}`", missing.join("`, `")),
            "tables cannot be made and filled",
            format!("`{}`", account.grant(&missing, &scope)),
        )
    })
}

fn packet_finding(variables: &Variables, theirs: &Variables) -> Option<Finding> {
    let name = "max_allowed_packet";
    let (ours, theirs) = (variables.number(name)?, theirs.number(name)?);
    (ours < theirs).then(|| {
        Finding::refusal(
            "target-packet",
            format!("`{name}` is {ours} bytes and {theirs} on the source"),
            "a row that fits there may not fit here",
            format!("`SET GLOBAL {name} = {theirs}`"),
        )
    })
}

/// Names are the same or not by a server's rule, which cannot be changed later.
fn case_finding(variables: &Variables, theirs: &Variables, names: &[String]) -> Option<Finding> {
    let name = "lower_case_table_names";
    let (ours, theirs) = (variables.number(name)?, theirs.number(name)?);
    if ours == theirs {
        return None;
    }
    let saw = format!("`{name}` is {ours} and {theirs} on the source");
    let remedy =
        format!("use a target that was initialised with `--lower-case-table-names={theirs}`");
    let different: BTreeSet<String> = names.iter().map(|name| name.to_lowercase()).collect();
    if ours != 0 && different.len() < names.len() {
        let why = "two of the source's tables have one name here";
        return Some(Finding::refusal("target-name-case", saw, why, remedy));
    }
    let why = "the application may spell names in a way that only one of the servers takes";
    Some(Finding::warning("target-name-case", saw, why, remedy))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Severity;

    #[test]
    fn names_that_differ_by_case_alone_do_not_fit_a_target_that_ignores_case() {
        let rule = |value| Variables::of(&[("lower_case_table_names", value)]);
        let found = |ours, theirs, names: &[&str]| {
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            case_finding(&rule(ours), &rule(theirs), &names).map(|finding| finding.severity)
        };

        assert_eq!(found("0", "0", &["t", "T"]), None);
        assert_eq!(found("1", "0", &["t", "T"]), Some(Severity::Refusal));
        assert_eq!(found("1", "0", &["t", "u"]), Some(Severity::Warning));
        assert_eq!(found("0", "1", &["t", "u"]), Some(Severity::Warning));
    }
}
