//! What a vschema has, by name.

use std::collections::{BTreeMap, BTreeSet};

use crate::{error::Error, session::Session};

use super::shape::params;

/// The vindexes of a keyspace by their names, each with its type and its parameters, whether a table uses
/// it or not.
///
/// # Errors
///
/// Those of [`Session::query`].
pub async fn known_vindexes(
    session: &mut Session,
    keyspace: &str,
) -> Result<BTreeMap<String, (String, BTreeMap<String, String>)>, Error> {
    let mut found = BTreeMap::new();
    for row in session.query_for("asking vtgate for its vindexes", "SHOW VSCHEMA VINDEXES").await? {
        if row.text("Keyspace")? == keyspace {
            found.insert(row.text("Name")?, (row.text("Type")?, params(&row)?));
        }
    }
    Ok(found)
}

/// The tables that vtgate knows of the keyspace of `session`, those that its tablets tell of included.
///
/// # Errors
///
/// Those of [`Session::query`].
pub async fn known_tables(session: &mut Session) -> Result<BTreeSet<String>, Error> {
    let doing = "asking vtgate for its tables";
    let rows = session.query_for(doing, "SHOW VSCHEMA TABLES").await?;
    rows.iter().map(|row| row.text("Tables")).collect()
}

/// The keyspaces of this vtgate that are not sharded.
///
/// # Errors
///
/// Those of [`Session::query`].
pub async fn unsharded_keyspaces(session: &mut Session) -> Result<BTreeSet<String>, Error> {
    let doing = "asking vtgate for its keyspaces";
    let mut found = BTreeSet::new();
    for row in session.query_for(doing, "SHOW VSCHEMA KEYSPACES").await? {
        if row.text("Sharded")? != "true" {
            found.insert(row.text("Keyspace")?);
        }
    }
    Ok(found)
}
