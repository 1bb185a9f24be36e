//! What stands beside the tables and does not come along.

use std::collections::BTreeSet;

use crate::{
    ddl::literal,
    error::Error,
    session::{Record, Session},
};

/// Something that a move of tables leaves on the source.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeftBehind {
    /// `trigger`, `view`, `procedure`, `function`, `event`, `grant`, `foreign key` or `table`.
    pub kind: &'static str,
    /// Its name; for a grant the account.
    pub name: String,
    /// What it is about, and what is to be done.
    pub why: String,
}

/// Everything of `database` that is not moved with the tables of `planned`: their triggers, the
/// database's views, routines and events, grants, and tables that a planned foreign key refers to.
///
/// A server lists to an account only what the account may see.
///
/// # Errors
///
/// Those of [`Session::query`].
pub async fn left_behind(
    session: &mut Session,
    database: &str,
    planned: &[String],
) -> Result<Vec<LeftBehind>, Error> {
    let planned: BTreeSet<&str> = planned.iter().map(String::as_str).collect();
    let mut found = Vec::new();
    for lister in LISTERS {
        let sql = lister.sql.replace("{database}", &literal(database));
        let rows = session.query_for(format!("listing {}s", lister.kind), &sql).await?;
        for row in rows {
            found.extend(listed(lister, &row, &planned)?);
        }
    }
    found.extend(referred(session, database, &planned).await?);
    Ok(found)
}

/// The foreign keys of the tables of `planned`, which are not to come along.
///
/// # Errors
///
/// Those of [`Session::query`].
pub async fn foreign_keys(
    session: &mut Session,
    database: &str,
    planned: &[String],
) -> Result<Vec<LeftBehind>, Error> {
    let mut found = Vec::new();
    for row in constraints(session, database).await? {
        let table = row.text("TABLE_NAME")?;
        if planned.contains(&table) {
            found.push(LeftBehind {
                kind: "foreign key",
                name: row.text("CONSTRAINT_NAME")?,
                why: format!(
                    "of `{table}`, ON DELETE {}: the run makes it on no shard, as the plan leaves foreign \
                     keys out, and leaves alone one that is there; from the cutover on the application \
                     has to see to what it did on shards without it",
                    row.text("DELETE_RULE")?
                ),
            });
        }
    }
    Ok(found)
}

/// The foreign keys of a database, each as its table and its name.
///
/// # Errors
///
/// Those of [`Session::query`].
pub async fn foreign_key_names(
    session: &mut Session,
    database: &str,
) -> Result<Vec<(String, String)>, Error> {
    let rows = constraints(session, database).await?;
    rows.iter().map(|row| Ok((row.text("TABLE_NAME")?, row.text("CONSTRAINT_NAME")?))).collect()
}

async fn constraints(session: &mut Session, database: &str) -> Result<Vec<Record>, Error> {
    let sql = format!(
        "SELECT TABLE_NAME, CONSTRAINT_NAME, DELETE_RULE FROM \
         information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = {} \
         ORDER BY TABLE_NAME, CONSTRAINT_NAME",
        literal(database)
    );
    session.query_for("listing foreign keys", &sql).await
}

/// How one kind of thing is listed: its `name`, what it is `about`, and of which table, if any.
struct Lister {
    kind: &'static str,
    sql: &'static str,
    todo: &'static str,
}

const LISTERS: &[Lister] = &[
    Lister {
        kind: "trigger",
        sql: "SELECT TRIGGER_NAME AS name, EVENT_OBJECT_TABLE AS of_table, \
              CONCAT(LOWER(ACTION_TIMING), ' ', LOWER(EVENT_MANIPULATION)) AS about \
              FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = {database} \
              ORDER BY TRIGGER_NAME",
        todo: "its effects come as rows; make it on the target after the move, or they come twice",
    },
    Lister {
        kind: "view",
        sql: "SELECT TABLE_NAME AS name, NULL AS of_table, 'a view' AS about \
              FROM information_schema.VIEWS WHERE TABLE_SCHEMA = {database} ORDER BY TABLE_NAME",
        todo: "make it on the target",
    },
    Lister {
        kind: "procedure",
        sql: "SELECT ROUTINE_NAME AS name, NULL AS of_table, 'a procedure' AS about \
              FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = {database} \
              AND ROUTINE_TYPE = 'PROCEDURE' ORDER BY ROUTINE_NAME",
        todo: "make it on the target",
    },
    Lister {
        kind: "function",
        sql: "SELECT ROUTINE_NAME AS name, NULL AS of_table, 'a function' AS about \
              FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = {database} \
              AND ROUTINE_TYPE = 'FUNCTION' ORDER BY ROUTINE_NAME",
        todo: "make it on the target",
    },
    Lister {
        kind: "event",
        sql: "SELECT EVENT_NAME AS name, NULL AS of_table, LOWER(STATUS) AS about \
              FROM information_schema.EVENTS WHERE EVENT_SCHEMA = {database} ORDER BY EVENT_NAME",
        todo: "make it on the target, disabled until the application writes there",
    },
    Lister {
        kind: "grant",
        sql: "SELECT GRANTEE AS name, NULL AS of_table, \
              CONCAT(GROUP_CONCAT(PRIVILEGE_TYPE ORDER BY PRIVILEGE_TYPE SEPARATOR ', '), \
              ' on the database') AS about FROM information_schema.SCHEMA_PRIVILEGES \
              WHERE TABLE_SCHEMA = {database} GROUP BY GRANTEE ORDER BY GRANTEE",
        todo: "grant it on the target",
    },
    Lister {
        kind: "grant",
        sql: "SELECT GRANTEE AS name, TABLE_NAME AS of_table, \
              GROUP_CONCAT(PRIVILEGE_TYPE ORDER BY PRIVILEGE_TYPE SEPARATOR ', ') AS about \
              FROM information_schema.TABLE_PRIVILEGES WHERE TABLE_SCHEMA = {database} \
              GROUP BY GRANTEE, TABLE_NAME ORDER BY GRANTEE, TABLE_NAME",
        todo: "grant it on the target",
    },
    Lister {
        kind: "grant",
        sql: "SELECT GRANTEE AS name, TABLE_NAME AS of_table, \
              CONCAT(GROUP_CONCAT(DISTINCT PRIVILEGE_TYPE SEPARATOR ', '), ' on columns') AS about \
              FROM information_schema.COLUMN_PRIVILEGES WHERE TABLE_SCHEMA = {database} \
              GROUP BY GRANTEE, TABLE_NAME ORDER BY GRANTEE, TABLE_NAME",
        todo: "grant it on the target",
    },
];

fn listed(
    lister: &Lister,
    row: &Record,
    planned: &BTreeSet<&str>,
) -> Result<Option<LeftBehind>, Error> {
    let table = row.optional_text("of_table")?;
    if table.as_deref().is_some_and(|table| !planned.contains(table)) {
        return Ok(None);
    }
    let place = table.map(|table| format!(" on `{table}`")).unwrap_or_default();
    let why = format!("{}{place}: {}", row.text("about")?, lister.todo);
    Ok(Some(LeftBehind { kind: lister.kind, name: row.text("name")?, why }))
}

/// Tables that foreign keys of planned ones refer to and that are not planned.
async fn referred(
    session: &mut Session,
    database: &str,
    planned: &BTreeSet<&str>,
) -> Result<Vec<LeftBehind>, Error> {
    let sql = format!(
        "SELECT DISTINCT TABLE_NAME, CONSTRAINT_NAME, REFERENCED_TABLE_SCHEMA, \
         REFERENCED_TABLE_NAME FROM information_schema.KEY_COLUMN_USAGE \
         WHERE TABLE_SCHEMA = {} AND REFERENCED_TABLE_NAME IS NOT NULL \
         ORDER BY TABLE_NAME, CONSTRAINT_NAME",
        literal(database)
    );
    let mut found = Vec::new();
    for row in session.query_for("listing foreign keys", &sql).await? {
        let (table, constraint) = (row.text("TABLE_NAME")?, row.text("CONSTRAINT_NAME")?);
        let other_database = row.text("REFERENCED_TABLE_SCHEMA")?;
        let other = row.text("REFERENCED_TABLE_NAME")?;
        let is_there = other_database == database && planned.contains(other.as_str());
        if planned.contains(table.as_str()) && !is_there {
            found.push(LeftBehind {
                kind: "table",
                name: format!("{other_database}.{other}"),
                why: format!(
                    "foreign key `{constraint}` of `{table}` refers to it: move it too, or the \
                     foreign key cannot be made on the target"
                ),
            });
        }
    }
    Ok(found)
}
