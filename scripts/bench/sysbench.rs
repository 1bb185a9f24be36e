//! What `sysbench oltp_write_only` has: its tables, and a writer of its transactions.

use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinSet;
use whimbrel_kit::mysql_async::Conn;
use whimbrel_kit::mysql_async::prelude::Queryable;
use whimbrel_kit::{KitError, Random, Server};

use crate::Result;

/// The database on the source.
pub(crate) const DATABASE: &str = "bench";
/// Its tables.
pub(crate) const TABLES: [&str; 2] = ["sbtest1", "sbtest2"];
/// How many rows one statement fills in.
const FILL_ROWS: u64 = 100_000;
/// The same rows and changes in every run.
const SEED: u64 = 1;
/// How many connections make a load.
const CONNECTIONS: u64 = 4;
/// Rows of a transaction of the load `bulk`.
const BULK_ROWS: u64 = 1_000;

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
    let values =
        format!("id, 1 + FLOOR(RAND() * {rows}), CONCAT_WS('-', {c}), CONCAT_WS('-', {pad})");
    let mut draws = Draws::new(SEED);
    for first in (0..rows).step_by(usize::try_from(FILL_ROWS).unwrap_or(usize::MAX)) {
        let last = rows.min(first + FILL_ROWS);
        conn.query_drop(fill_statement(table, &draws.seeded(&values), first, last)).await?;
    }
    conn.disconnect().await?;
    Ok(())
}

/// Fills in the rows whose `id` is above `first`, up to `last`, which are at most a million.
pub(crate) fn fill_statement(table: &str, values: &str, first: u64, last: u64) -> String {
    format!(
        "INSERT INTO {table} WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 999) \
         SELECT {values} FROM (SELECT 1 + {first} + a.i * 1000 + b.i AS id FROM n a JOIN n b) ids \
         WHERE id <= {last} ORDER BY id"
    )
}

/// Gives each `RAND()` a seed of its own, so that every run has the same rows.
pub(crate) struct Draws(Random);

impl Draws {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Random::new(seed))
    }

    pub(crate) fn seeded(&mut self, values: &str) -> String {
        let parts: Vec<String> = values
            .split("RAND()")
            .enumerate()
            .map(|(at, part)| match at {
                0 => part.to_owned(),
                _ => format!("RAND({}){part}", self.0.below(1 << 30)),
            })
            .collect();
        parts.concat()
    }
}

/// A connection that writes transactions of `oltp_write_only` at a rate.
pub(crate) struct Writer {
    stop: watch::Sender<bool>,
    writing: JoinSet<std::result::Result<(), KitError>>,
}

impl Writer {
    pub(crate) async fn start(source: &Server, rows: u64, per_second: u64) -> Result<Self> {
        let conn = source.connect_to(DATABASE).await?;
        let stop = watch::Sender::new(false);
        let mut writing = JoinSet::new();
        writing.spawn(write(conn, rows, per_second, stop.subscribe()));
        Ok(Self { stop, writing })
    }

    /// Stops it.
    pub(crate) async fn stop(mut self) -> Result<()> {
        self.stop.send_replace(true);
        while let Some(result) = self.writing.join_next().await {
            result??;
        }
        Ok(())
    }
}

async fn write(
    mut conn: Conn,
    rows: u64,
    per_second: u64,
    mut stop: watch::Receiver<bool>,
) -> std::result::Result<(), KitError> {
    let mut random = Random::new(SEED);
    let start = Instant::now();
    let mut done = 0_u64;
    while !*stop.borrow_and_update() {
        conn.query_drop(write_only(&mut random, rows, "")).await?;
        done += 1;
        // Behind its rate it does not rest. Ahead of it, the stop ends the rest.
        let due = Duration::from_micros((done * 1_000_000).checked_div(per_second).unwrap_or(0));
        let rest = due.saturating_sub(start.elapsed());
        if !rest.is_zero() {
            drop(tokio::time::timeout(rest, stop.changed()).await);
        }
    }
    conn.disconnect().await?;
    Ok(())
}

/// A transaction of `oltp_write_only`: an update of an indexed column, one of another column, and a row deleted and
/// inserted again, each near a random key; and `more` before its end.
pub(crate) fn write_only(random: &mut Random, rows: u64, more: &str) -> String {
    let table = if random.percent(50) { TABLES[0] } else { TABLES[1] };
    let mut id = || 1 + random.below(rows);
    let (indexed, other, replaced) = (id(), id(), id());
    let (c, k) = (digits(10, random), random.below(rows));
    let pad = digits(5, random);
    format!(
        "BEGIN; UPDATE {table} SET k = k + 1 WHERE id = {indexed}; \
         UPDATE {table} SET c = '{c}' WHERE id = {other}; \
         DELETE FROM {table} WHERE id = {replaced}; \
         INSERT INTO {table} (id, k, c, pad) VALUES ({replaced}, {k}, '{c}', '{pad}'); {more} COMMIT"
    )
}

/// Changes that are made as fast as the source takes them.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Load {
    /// So many transactions of `oltp_write_only`.
    Write(u64),
    /// So many transactions that update an indexed column of [`BULK_ROWS`] neighbouring rows each.
    Bulk(u64),
    /// So many updates of one row, each a transaction.
    Hot(u64),
}

impl Load {
    /// The load `name`, in proportion to the transactions of `write`.
    pub(crate) fn new(name: &str, transactions: u64) -> Self {
        match name {
            "bulk" => Self::Bulk(transactions.div_ceil(200)),
            "hot" => Self::Hot(transactions.div_ceil(2)),
            _ => Self::Write(transactions),
        }
    }

    /// How many changed rows it has.
    pub(crate) fn changes(self) -> u64 {
        match self {
            Self::Write(transactions) => transactions * 4,
            Self::Bulk(transactions) => transactions * BULK_ROWS,
            Self::Hot(transactions) => transactions,
        }
    }

    fn transactions(self) -> u64 {
        match self {
            Self::Write(transactions) | Self::Bulk(transactions) | Self::Hot(transactions) => {
                transactions
            }
        }
    }

    fn statement(self, random: &mut Random, rows: u64) -> String {
        let table = TABLES[0];
        match self {
            Self::Write(_) => write_only(random, rows, ""),
            Self::Bulk(_) => {
                let table = if random.percent(50) { table } else { TABLES[1] };
                let first = 1 + random.below(rows.saturating_sub(BULK_ROWS));
                let last = first + BULK_ROWS - 1;
                format!("UPDATE {table} SET k = k + 1 WHERE id BETWEEN {first} AND {last}")
            }
            Self::Hot(_) => format!("UPDATE {table} SET k = k + 1 WHERE id = 1"),
        }
    }
}

/// Makes a load; the same in every run, another in every round.
pub(crate) async fn make(source: &Server, rows: u64, load: Load, round: u64) -> Result<()> {
    println!("making {load:?}");
    let mut making = JoinSet::new();
    for connection in 0..CONNECTIONS {
        let conn = source.connect_to(DATABASE).await?;
        let share = (load.transactions() + connection) / CONNECTIONS;
        let random = Random::new((round << 8) + connection);
        making.spawn(make_share(conn, rows, load, (share, random)));
    }
    while let Some(result) = making.join_next().await {
        result??;
    }
    Ok(())
}

async fn make_share(
    mut conn: Conn,
    rows: u64,
    load: Load,
    (transactions, mut random): (u64, Random),
) -> std::result::Result<(), KitError> {
    for _ in 0..transactions {
        let statement = load.statement(&mut random, rows);
        // Two connections may take rows in another order; one of them then begins again.
        while let Err(error) = conn.query_drop(&statement).await {
            if !is_deadlock(&error) {
                return Err(error.into());
            }
        }
    }
    conn.disconnect().await?;
    Ok(())
}

fn is_deadlock(error: &whimbrel_kit::mysql_async::Error) -> bool {
    matches!(error, whimbrel_kit::mysql_async::Error::Server(error) if error.code == 1213)
}

/// Groups of eleven digits with dashes between them.
fn digits(groups: usize, random: &mut Random) -> String {
    let groups: Vec<String> =
        (0..groups).map(|_| format!("{:011}", random.below(100_000_000_000))).collect();
    groups.join("-")
}
