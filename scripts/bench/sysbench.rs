//! What `sysbench oltp_write_only` has: its tables, and a writer of its transactions.

use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinSet;
use whimbrel_kit::mysql_async::Conn;
use whimbrel_kit::mysql_async::prelude::Queryable;
use whimbrel_kit::{KitError, Random, Server};

use super::Result;

/// The database on the source.
pub(crate) const DATABASE: &str = "bench";
/// Its tables.
pub(crate) const TABLES: [&str; 2] = ["sbtest1", "sbtest2"];
/// How many rows one statement fills in.
const FILL_ROWS: u64 = 100_000;
/// The same rows and changes in every run.
const SEED: u64 = 1;

/// Makes the tables and fills them: `k` at random, `c` of ten groups of eleven digits, `pad` of five.
pub(crate) async fn fill(source: &Server, rows: u64) -> Result<()> {
    source.execute(&format!("CREATE DATABASE {DATABASE}")).await?;
    let mut filling = JoinSet::new();
    for table in TABLES {
        let conn = source.connect_to(DATABASE).await?;
        filling.spawn(fill_table(conn, table, rows));
    }
    while let Some(result) = filling.join_next().await {
        result??;
    }
    Ok(())
}

async fn fill_table(mut conn: Conn, table: &str, rows: u64) -> std::result::Result<(), KitError> {
    conn.query_drop(format!(
        "CREATE TABLE {table} (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, k INT NOT NULL DEFAULT 0, \
         c CHAR(120) NOT NULL DEFAULT '', pad CHAR(60) NOT NULL DEFAULT '', KEY k_{table} (k))"
    ))
    .await?;
    // The log of the filling is read by nobody.
    conn.query_drop("SET SESSION sql_log_bin = 0, cte_max_recursion_depth = 1000").await?;
    let groups = |count: usize| vec!["LPAD(FLOOR(RAND() * 1e11), 11, '0')"; count].join(", ");
    let (c, pad) = (groups(10), groups(5));
    for first in (0..rows).step_by(usize::try_from(FILL_ROWS).unwrap_or(usize::MAX)) {
        let last = rows.min(first + FILL_ROWS);
        conn.query_drop(format!(
            "INSERT INTO {table} (id, k, c, pad) \
             WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 999) \
             SELECT id, 1 + FLOOR(RAND() * {rows}), CONCAT_WS('-', {c}), CONCAT_WS('-', {pad}) \
             FROM (SELECT 1 + {first} + a.i * 1000 + b.i AS id FROM n a JOIN n b) ids \
             WHERE id <= {last}"
        ))
        .await?;
    }
    conn.disconnect().await?;
    Ok(())
}

/// A connection that writes `oltp_write_only` transactions at a rate: an update of an indexed column, one of another
/// column, and a row deleted and inserted again, each near a random key.
pub(crate) struct Writer {
    stop: watch::Sender<bool>,
    writing: JoinSet<std::result::Result<u64, KitError>>,
}

impl Writer {
    pub(crate) async fn start(source: &Server, rows: u64, per_second: u64) -> Result<Self> {
        let conn = source.connect_to(DATABASE).await?;
        let stop = watch::Sender::new(false);
        let mut writing = JoinSet::new();
        writing.spawn(write(conn, rows, per_second, stop.subscribe()));
        Ok(Self { stop, writing })
    }

    /// Stops it, and tells how many transactions it committed.
    pub(crate) async fn stop(mut self) -> Result<u64> {
        self.stop.send_replace(true);
        let mut transactions = 0;
        while let Some(result) = self.writing.join_next().await {
            transactions += result??;
        }
        Ok(transactions)
    }
}

async fn write(
    mut conn: Conn,
    rows: u64,
    per_second: u64,
    mut stop: watch::Receiver<bool>,
) -> std::result::Result<u64, KitError> {
    let mut random = Random::new(SEED);
    let start = Instant::now();
    let mut done = 0_u64;
    while !*stop.borrow_and_update() {
        let table = if random.percent(50) { TABLES[0] } else { TABLES[1] };
        let mut id = || 1 + random.below(rows);
        let (indexed, other, replaced) = (id(), id(), id());
        let (c, k) = (digits(10, &mut random), random.below(rows));
        let pad = digits(5, &mut random);
        conn.query_drop(format!(
            "BEGIN; UPDATE {table} SET k = k + 1 WHERE id = {indexed}; \
             UPDATE {table} SET c = '{c}' WHERE id = {other}; \
             DELETE FROM {table} WHERE id = {replaced}; \
             INSERT INTO {table} (id, k, c, pad) VALUES ({replaced}, {k}, '{c}', '{pad}'); COMMIT"
        ))
        .await?;
        done += 1;
        // Behind its rate it does not rest. Ahead of it, the stop ends the rest.
        let due = Duration::from_micros((done * 1_000_000).checked_div(per_second).unwrap_or(0));
        let rest = due.saturating_sub(start.elapsed());
        if !rest.is_zero() {
            drop(tokio::time::timeout(rest, stop.changed()).await);
        }
    }
    conn.disconnect().await?;
    Ok(done)
}

/// Groups of eleven digits with dashes between them.
fn digits(groups: usize, random: &mut Random) -> String {
    let groups: Vec<String> =
        (0..groups).map(|_| format!("{:011}", random.below(100_000_000_000))).collect();
    groups.join("-")
}
