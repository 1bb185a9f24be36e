//! A database's name, as its server spells it.

use crate::{ddl::literal, error::Error, finding::Finding, session::Session, source::server_uuid};

/// A name that a server takes in any case is in its log as the server spells it: changes of a database
/// that is spelt otherwise would be taken for another's.
pub(crate) async fn spelling_finding(
    session: &mut Session,
    database: &str,
) -> Result<Option<Finding>, Error> {
    let sql = format!(
        "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE LOWER(SCHEMA_NAME) = LOWER({})",
        literal(database)
    );
    let mut names = Vec::new();
    for row in session.query_for("looking for the database", &sql).await? {
        names.push(row.text("SCHEMA_NAME")?);
    }
    if names.iter().any(|name| name == database) {
        return Ok(None);
    }
    let Some(name) = names.first() else { return Ok(None) };
    Ok(Some(Finding::refusal(
        "database-spelling",
        format!("the server spells the database `{database}` as `{name}`"),
        "changes in its log come under that name, and would be taken for another database's",
        format!("write `database: {name}`"),
    )))
}

/// A database cannot be moved onto itself, whatever name its server is reached by.
pub(crate) async fn same_finding(
    (target, database): (&mut Session, &str),
    (source, source_database): (&mut Session, &str),
) -> Result<Option<Finding>, Error> {
    let is_same = database.to_lowercase() == source_database.to_lowercase()
        && server_uuid(target).await? == server_uuid(source).await?;
    Ok(is_same.then(|| {
        Finding::refusal(
            "same-database",
            format!("source and target are the same database `{database}` of the same server"),
            "changes would come back to the rows that they come from, and overwrite newer ones",
            "give `target.mysql` the address of another server, or another `database`",
        )
    }))
}
