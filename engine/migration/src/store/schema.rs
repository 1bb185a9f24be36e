//! The state tables and their format.

use whimbrel_mysql::{Error, Session, ddl::literal};

/// The version of the state tables. A program reads the formats up to its own, never a newer one.
///
/// Format 1 had no `_whimbrel_targets`: its plans move their tables and do nothing else.
pub(crate) const FORMAT: u32 = 2;

/// One row a plan, one a lane, one a source table, one a target table, one a shard, one a piece of a
/// source table, one a lane's mark on a piece. Of several shards each has its lanes, their marks and a
/// row of the plan, which keeps its epoch; the first has everything else.
///
/// Positions are `LONGBLOB`s: a source with a long history of servers has sets of many intervals.
const TABLES: [&str; 10] = [
    "CREATE TABLE IF NOT EXISTS `_whimbrel_plan` (
       plan VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL PRIMARY KEY,
       format INT UNSIGNED NOT NULL,
       epoch BIGINT UNSIGNED NOT NULL,
       beat BIGINT UNSIGNED NOT NULL,
       phase VARCHAR(32) NOT NULL,
       fingerprint LONGTEXT NOT NULL,
       source_uuid VARCHAR(36) NOT NULL,
       started_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
       updated_at TIMESTAMP(6) NOT NULL,
       progress LONGTEXT NOT NULL,
       last_error LONGTEXT NULL
     ) ENGINE=InnoDB CHARACTER SET utf8mb4",
    "CREATE TABLE IF NOT EXISTS `_whimbrel_lanes` (
       plan VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
       lane INT UNSIGNED NOT NULL,
       lane_count INT UNSIGNED NOT NULL,
       generation BIGINT UNSIGNED NOT NULL,
       epoch BIGINT UNSIGNED NOT NULL,
       sequence BIGINT UNSIGNED NOT NULL,
       position LONGBLOB NOT NULL,
       parts LONGBLOB NOT NULL,
       newest VARBINARY(160) NULL,
       newest_micros BIGINT UNSIGNED NOT NULL,
       PRIMARY KEY (plan, lane)
     ) ENGINE=InnoDB CHARACTER SET utf8mb4",
    "CREATE TABLE IF NOT EXISTS `_whimbrel_tables` (
       plan VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
       table_id INT UNSIGNED NOT NULL,
       name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
       definition LONGTEXT NOT NULL,
       row_estimate BIGINT UNSIGNED NOT NULL,
       byte_estimate BIGINT UNSIGNED NOT NULL,
       PRIMARY KEY (plan, table_id)
     ) ENGINE=InnoDB CHARACTER SET utf8mb4",
    "CREATE TABLE IF NOT EXISTS `_whimbrel_targets` (
       plan VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
       target_id INT UNSIGNED NOT NULL,
       name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
       moved_from INT UNSIGNED NULL,
       definition LONGTEXT NOT NULL,
       wanted LONGTEXT NULL,
       rollup LONGTEXT NULL,
       PRIMARY KEY (plan, target_id)
     ) ENGINE=InnoDB CHARACTER SET utf8mb4",
    // None of a target that is one database.
    "CREATE TABLE IF NOT EXISTS `_whimbrel_shards` (
       plan VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
       number INT UNSIGNED NOT NULL,
       name VARCHAR(160) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
       PRIMARY KEY (plan, number)
     ) ENGINE=InnoDB CHARACTER SET utf8mb4",
    // One row a target of a sharded keyspace: where its rows were when the plan began.
    "CREATE TABLE IF NOT EXISTS `_whimbrel_placings` (
       plan VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
       target VARCHAR(160) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
       placing LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
       PRIMARY KEY (plan, target)
     ) ENGINE=InnoDB CHARACTER SET utf8mb4",
    // One row a lookup vindex: the target that is its table.
    "CREATE TABLE IF NOT EXISTS `_whimbrel_lookups` (
       plan VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
       target_id INT UNSIGNED NOT NULL,
       vindex LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
       PRIMARY KEY (plan, target_id)
     ) ENGINE=InnoDB CHARACTER SET utf8mb4",
    // One row a source row that failed on its way into a target; written as the rows of a table.
    "CREATE TABLE IF NOT EXISTS `_whimbrel_dead_letters` (
       plan VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
       target VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
       source VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
       key_hash BINARY(32) NOT NULL,
       source_key LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
       column_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
       error TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
       gtid VARCHAR(160) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
       noted_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
       PRIMARY KEY (plan, target, source, key_hash)
     ) ENGINE=InnoDB CHARACTER SET utf8mb4",
    "CREATE TABLE IF NOT EXISTS `_whimbrel_chunks` (
       plan VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
       table_id INT UNSIGNED NOT NULL,
       number BIGINT UNSIGNED NOT NULL,
       low LONGBLOB NULL,
       high LONGBLOB NULL,
       PRIMARY KEY (plan, table_id, number)
     ) ENGINE=InnoDB CHARACTER SET utf8mb4",
    "CREATE TABLE IF NOT EXISTS `_whimbrel_marks` (
       plan VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
       table_id INT UNSIGNED NOT NULL,
       number BIGINT UNSIGNED NOT NULL,
       attempt BIGINT UNSIGNED NOT NULL,
       lane INT UNSIGNED NOT NULL,
       lane_count INT UNSIGNED NOT NULL,
       row_count BIGINT UNSIGNED NOT NULL,
       PRIMARY KEY (plan, table_id, number, attempt, lane)
     ) ENGINE=InnoDB CHARACTER SET utf8mb4",
];

/// Creates the state tables where they are missing.
///
/// # Errors
///
/// [`Error`] when the server does not let us.
pub(crate) async fn create_tables(session: &mut Session) -> Result<(), Error> {
    for statement in TABLES {
        session.execute(statement.as_bytes()).await?;
    }
    Ok(())
}

/// Whether the state tables are there.
///
/// # Errors
///
/// [`Error`] when the server does not answer.
pub(crate) async fn exists(session: &mut Session) -> Result<bool, Error> {
    has_table(session, "_whimbrel_plan").await
}

/// Whether one of the state tables is there: state of an older format lacks some.
///
/// # Errors
///
/// [`Error`] when the server does not answer.
pub(super) async fn has_table(session: &mut Session, name: &str) -> Result<bool, Error> {
    let found = session
        .query(&format!(
            "SELECT 1 FROM information_schema.tables
             WHERE table_schema = DATABASE() AND table_name = {}",
            literal(name)
        ))
        .await?;
    Ok(!found.is_empty())
}
