use std::fmt;

use mysql_async::prelude::Queryable;

use crate::compare::{SESSION, expression, quoted};
use crate::{KitError, Server};

/// How many rows a table holds, and two sums over a hash of each of them: two tables of one definition that hold the same
/// rows have the same, and hardly any others do. Quicker than [`compare`](crate::compare), and it names no row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    /// The number of rows.
    pub row_count: u64,
    /// The sums of the first and of the second 64 bits of the rows' SHA-256. A swap of values changes both.
    pub sums: [String; 2],
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows, {}", self.row_count, self.sums.join("/"))
    }
}

/// The fingerprint of `database`.`table`, taken by the server itself. Values are read as [`compare`](crate::compare) reads them.
///
/// # Errors
///
/// [`KitError::Mysql`] when the table cannot be read, [`KitError::NoTable`] when it is not there.
pub async fn fingerprint(
    server: &Server,
    database: &str,
    table: &str,
) -> Result<Fingerprint, KitError> {
    let mut conn = server.connect_to(database).await?;
    conn.query_drop(SESSION).await?;
    let columns: Vec<(String, String)> = conn
        .exec(
            "SELECT COLUMN_NAME, DATA_TYPE FROM information_schema.COLUMNS
             WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION",
            (table,),
        )
        .await?;
    // No value holds the mark of NULL, and none the dash between two.
    let values: Vec<String> = columns
        .iter()
        .map(|(name, kind)| format!("COALESCE({}, '~')", expression(name, kind)))
        .collect();
    let sum = |first: u8| {
        format!("CAST(SUM(CAST(CONV(SUBSTR(hash, {first}, 16), 16, 10) AS UNSIGNED)) AS CHAR)")
    };
    let sums: Option<(u64, Option<String>, Option<String>)> = conn
        .query_first(format!(
            "SELECT COUNT(*), {}, {} FROM (SELECT SHA2(CONCAT_WS('|', {}), 256) hash FROM {}) hashes",
            sum(1),
            sum(17),
            values.join(", "),
            quoted(table)
        ))
        .await?;
    conn.disconnect().await?;
    let (row_count, one, other) = sums.ok_or(KitError::NoTable { table: table.to_owned() })?;
    Ok(Fingerprint { row_count, sums: [one, other].map(Option::unwrap_or_default) })
}
