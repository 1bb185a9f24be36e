//! What stands in the way of writing to a keyspace, or may later.

use std::time::Duration;

use crate::{
    ddl::{literal, quoted},
    error::{Class, Error},
    finding::Finding,
    session::Session,
};

use super::shape::{ForeignKeyMode, Shape, low_of};

/// The version that all of this was tried on: its major number.
const VERSION_TRIED: u64 = 24;

/// How long a tablet may take to answer a statement that touches no row, before another session's lock is
/// taken for the reason.
const PROBE_WAIT_MAX: Duration = Duration::from_secs(5);

/// How many tables are tried in one transaction: far fewer than the tablet's 30 seconds allow.
const PROBED_AT_ONCE: usize = 100;

/// The most workflows and migrations of a shard that are told.
const TOLD_MAX: usize = 5;

/// What stands in the way of writing to the keyspace as a whole.
#[must_use]
pub fn findings(shape: &Shape) -> Vec<Finding> {
    let mut found = Vec::new();
    found.extend(version_finding(&shape.version));
    found.extend(serving_finding(shape));
    found.extend(resharding_finding(shape));
    if shape.foreign_keys == ForeignKeyMode::Managed {
        found.push(Finding::refusal(
            "vitess-foreign-keys",
            format!("vtgate manages the foreign keys of keyspace `{}`", shape.keyspace),
            "rows are written to the shards in any order, past vtgate's rules, and cascades come as \
             rows of their own",
            "set `foreignKeyMode` to `unmanaged` in the keyspace's vschema until the move is over",
        ));
    }
    found
}

/// What stands in the way of making foreign keys on the shards of the keyspace. vtgate passes on what it is told
/// in a session on one shard, whatever it does to others who define a foreign key there.
#[must_use]
pub fn foreign_key_finding(shape: &Shape) -> Option<Finding> {
    (shape.foreign_keys == ForeignKeyMode::Disallowed).then(|| {
        Finding::refusal(
            "vitess-foreign-keys-disallowed",
            format!(
                "the plan makes foreign keys, and keyspace `{}` has `foreignKeyMode: disallow`",
                shape.keyspace
            ),
            "nobody can define a foreign key through vtgate there, nor change one",
            "say `foreign_keys: leave_out` beside the plan's `keyspace`, or set `foreignKeyMode` to \
             `unmanaged` in the keyspace's vschema (and start vtgate without `--foreign-key-mode disallow`)",
        )
    })
}

/// What stands in the way of writing to the shard of `session`, which is `keyspace/shard`, and to `tables`,
/// those that are there: what other workflows do or left behind, and whether the tablet lets anything be
/// written.
///
/// # Errors
///
/// Those of [`Session::query`]; what is found wrong is a finding, not an error. The session is of no use
/// after the finding of a table that takes no statement.
pub async fn shard_findings(
    session: &mut Session,
    shard: &str,
    tables: &[String],
) -> Result<Vec<Finding>, Error> {
    let mut found = Vec::new();
    found.extend(workflow_finding(session, shard).await?);
    found.extend(migration_finding(session, shard).await?);
    found.extend(probe_finding(session, shard, tables).await?);
    Ok(found)
}

fn version_finding(version: &str) -> Option<Finding> {
    let major = version.split('.').next().and_then(|major| major.parse::<u64>().ok());
    if major == Some(VERSION_TRIED) {
        return None;
    }
    Some(Finding::warning(
        "vitess-version",
        format!("vtgate is of version `{version}`"),
        "what its answers mean was tried on version 24 alone",
        format!("use Vitess {VERSION_TRIED}, or rehearse the move on a copy first"),
    ))
}

fn serving_finding(shape: &Shape) -> Option<Finding> {
    let without: Vec<String> = shape
        .shards
        .iter()
        .filter(|shard| !shard.is_serving)
        .map(|shard| format!("`{}/{}`", shape.keyspace, shard.name))
        .collect();
    (!without.is_empty() || shape.shards.is_empty()).then(|| {
        let which = if without.is_empty() {
            format!("keyspace `{}` has no shard", shape.keyspace)
        } else {
            format!("no primary serves {}", without.join(", "))
        };
        Finding::refusal(
            "vitess-shard-not-serving",
            which,
            "nothing can be written there",
            "`SHOW VITESS_TABLETS` names the tablets: start one, or make one the primary with \
             `vtctldclient PlannedReparentShard`",
        )
    })
}

/// Shards are sorted by their lower bounds: each is to begin where the one before it ends.
fn resharding_finding(shape: &Shape) -> Option<Finding> {
    let high_of = |name: &str| name.split_once('-').map(|(_, high)| high.to_owned());
    let is_partition = shape.shards.windows(2).all(|pair| match pair {
        [before, after] => high_of(&before.name).as_deref() == Some(low_of(&after.name)),
        _ => true,
    });
    if is_partition && shape.other_shards.is_empty() {
        return None;
    }
    let serving: Vec<&str> = shape.shards.iter().map(|shard| shard.name.as_str()).collect();
    let saw = if is_partition {
        format!(
            "keyspace `{}` is served by shards `{}` and has tablets of `{}`, too",
            shape.keyspace,
            serving.join("`, `"),
            shape.other_shards.join("`, `")
        )
    } else {
        format!(
            "the shards `{}` of keyspace `{}` overlap, or leave a gap",
            serving.join("`, `"),
            shape.keyspace
        )
    };
    Some(Finding::refusal(
        "vitess-resharding",
        saw,
        "a keyspace that is being resharded changes its shards under the run",
        "finish or cancel the resharding and remove the shards that are not used: `vtctldclient \
         DeleteShards`. `Reshard` waits for ever at tables that the vschema does not place: before it \
         begins, drop the `_whimbrel_*` tables of plans that are over",
    ))
}

/// A workflow that writes to the shard; such a table may be written to by both.
async fn workflow_finding(session: &mut Session, shard: &str) -> Result<Option<Finding>, Error> {
    let sql = format!(
        "SELECT CONVERT(CONCAT(workflow, ' (', state, ')') USING utf8mb4) AS name FROM _vt.vreplication \
         WHERE db_name = {} ORDER BY id LIMIT {TOLD_MAX}",
        literal(session.schema())
    );
    let names = told(session, "looking for workflows", &sql).await?;
    Ok((!names.is_empty()).then(|| {
        Finding::refusal(
            "vitess-workflow",
            format!("workflows write to shard `{shard}`: `{}`", names.join("`, `")),
            "two movers in one table undo each other's rows, and tables of a workflow are closed to \
             others before or after its switch",
            format!(
                "`vtctldclient Workflow --keyspace {} show` tells about them; complete or cancel them",
                shard.split('/').next().unwrap_or_default()
            ),
        )
    }))
}

/// An online schema change that is to come, or under way.
async fn migration_finding(session: &mut Session, shard: &str) -> Result<Option<Finding>, Error> {
    let sql = format!(
        "SELECT CONCAT(mysql_table, ' (', migration_status, ')') AS name FROM _vt.schema_migrations \
         WHERE mysql_schema = {} AND migration_status IN ('requested', 'queued', 'ready', 'running') \
         ORDER BY id LIMIT {TOLD_MAX}",
        literal(session.schema())
    );
    let names = told(session, "looking for schema migrations", &sql).await?;
    Ok((!names.is_empty()).then(|| {
        Finding::refusal(
            "vitess-migration",
            format!("schema migrations wait or run on shard `{shard}`: `{}`", names.join("`, `")),
            "a table would change its columns under the run",
            "`SHOW VITESS_MIGRATIONS` lists them; wait for them, or cancel them",
        )
    }))
}

/// What a query of Vitess' own tables names; nothing where they are not, or not to be read.
async fn told(session: &mut Session, doing: &str, sql: &str) -> Result<Vec<String>, Error> {
    match session.query_for(doing, sql).await {
        Ok(rows) => rows.iter().map(|row| row.text("name")).collect(),
        Err(error) if matches!(error.class(), Class::SchemaGone | Class::Denied) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Whether each table takes a statement that writes, and touches no row. Tables that a tablet denies, as
/// workflows leave them, are told by nothing else. In a transaction, since outside of one vtgate tries
/// for a minute whether the denial goes away.
async fn probe_finding(
    session: &mut Session,
    shard: &str,
    tables: &[String],
) -> Result<Option<Finding>, Error> {
    for tables in tables.chunks(PROBED_AT_ONCE) {
        session.execute(b"BEGIN").await?;
        for table in tables {
            if let Some(saw) = closed(session, shard, table).await? {
                return Ok(Some(Finding::refusal(
                    "vitess-table-closed",
                    saw,
                    "a workflow denies it to everybody else, or another session locks it",
                    "complete or cancel the workflow; what one left behind goes with `vtctldclient \
                     SetShardTabletControl --denied-tables … --remove` and `RefreshStateByShard`",
                )));
            }
        }
        session.execute(b"ROLLBACK").await?;
    }
    Ok(None)
}

/// What says that the table takes no statement.
async fn closed(session: &mut Session, shard: &str, table: &str) -> Result<Option<String>, Error> {
    let sql = format!("DELETE FROM {} WHERE FALSE", quoted(table));
    match session.execute_within(sql.as_bytes(), PROBE_WAIT_MAX).await {
        Ok(_) => Ok(None),
        Err(Error::Timeout { .. }) => Ok(Some(format!(
            "`{table}` of shard `{shard}` takes no statement within {PROBE_WAIT_MAX:?}"
        ))),
        Err(error) if error.class() == Class::Other => {
            Ok(Some(format!("`{table}` of shard `{shard}` cannot be written to: {error}")))
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
