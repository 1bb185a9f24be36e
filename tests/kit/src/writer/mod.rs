//! A live application: transactions of inserts, updates, deletes, key changes and swaps of unique values, without end.

mod counts;
mod operations;
mod random;
mod table;
mod values;

use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts};
use tokio::sync::watch;
use tokio::task::JoinSet;

pub use self::counts::WriterCounts;
use self::operations::Failure;
pub use self::random::Random;
use self::table::Table;
use crate::wait::pause;
use crate::{KitError, Server};

/// The environment variable that fixes the seed of every writer.
const SEED_VARIABLE: &str = "WHIMBREL_SEED";
/// The most operations in one transaction.
const OPERATIONS_MAX: u64 = 6;
/// How many of a hundred transactions are rolled back on purpose.
const ROLLBACK_PERCENT: u64 = 3;
/// How long a writer waits before it connects again.
const RECONNECT_PAUSE: Duration = Duration::from_millis(100);

/// What every session of a writer sets. Lock waits are short: two workers that wait for each other go on soon.
const SESSION: &str = "SET SESSION sql_mode='STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO', \
                       innodb_lock_wait_timeout=2, time_zone='+00:00'";

/// How a writer will write.
#[derive(Debug, Clone)]
pub struct WriterBuilder {
    opts: Opts,
    tables: Vec<String>,
    seed: Option<u64>,
    workers: u32,
    pace: Duration,
    transactions: u64,
}

/// A live writer: tasks that change rows of given tables until told to stop.
///
/// Rows and values are chosen by a seed, which is printed; the tables' definitions are read from the server. Triggers,
/// generated columns, foreign keys and unique keys may be there: what the server refuses is rolled back and counted. A
/// lost connection is made again, so it goes on through restarts. Dropped, it stops at once.
#[derive(Debug)]
pub struct Writer {
    stop: watch::Sender<bool>,
    counts: watch::Receiver<WriterCounts>,
    tasks: JoinSet<Result<(), KitError>>,
}

impl Writer {
    /// A writer on tables of `database`.
    #[must_use]
    pub fn on(server: &Server, database: &str, tables: &[&str]) -> WriterBuilder {
        WriterBuilder {
            opts: server.opts(Some(database)),
            tables: tables.iter().map(|&table| table.to_owned()).collect(),
            seed: None,
            workers: 1,
            pace: Duration::from_millis(2),
            transactions: u64::MAX,
        }
    }

    /// What it has committed so far.
    #[must_use]
    pub fn counts(&self) -> WriterCounts {
        *self.counts.borrow()
    }

    /// Waits until it has committed `transactions` more.
    ///
    /// # Errors
    ///
    /// [`KitError::WriterEnded`] when it ended before; [`Writer::stop`] tells why.
    pub async fn commits(&self, transactions: u64) -> Result<WriterCounts, KitError> {
        let mut counts = self.counts.clone();
        let until = counts.borrow().transactions + transactions;
        let reached = counts.wait_for(|counts| counts.transactions >= until).await;
        reached.map(|counts| *counts).map_err(|_| KitError::WriterEnded)
    }

    /// Stops it after the transactions that are open, and tells what it did.
    ///
    /// # Errors
    ///
    /// [`KitError::Mysql`] when a statement failed in a way that has nothing to do with other rows.
    pub async fn stop(self) -> Result<WriterCounts, KitError> {
        self.stop.send_replace(true);
        self.finish().await
    }

    /// Waits until it ends by itself, after [`WriterBuilder::transactions`], and tells what it did.
    ///
    /// # Errors
    ///
    /// Those of [`Writer::stop`].
    pub async fn finish(mut self) -> Result<WriterCounts, KitError> {
        while let Some(result) = self.tasks.join_next().await {
            result.map_err(|_| KitError::WriterEnded)??;
        }
        Ok(*self.counts.borrow())
    }
}

impl WriterBuilder {
    /// Fixes the seed. Without it, the environment's `WHIMBREL_SEED`, or a new one.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Sets how many connections write; one without.
    #[must_use]
    pub fn workers(mut self, workers: u32) -> Self {
        self.workers = workers;
        self
    }

    /// Sets how long each connection rests between transactions; 2 ms without.
    #[must_use]
    pub fn pace(mut self, pace: Duration) -> Self {
        self.pace = pace;
        self
    }

    /// Lets each connection end by itself after so many transactions: one connection then always writes the same rows
    /// for the same seed. Without end without.
    #[must_use]
    pub fn transactions(mut self, transactions: u64) -> Self {
        self.transactions = transactions;
        self
    }

    /// Starts it; returns once every worker has committed.
    ///
    /// # Errors
    ///
    /// [`KitError::NoTable`], and [`KitError::Mysql`] when the tables cannot be read or written.
    pub async fn start(self) -> Result<Writer, KitError> {
        let from_environment = || std::env::var(SEED_VARIABLE).ok()?.parse().ok();
        let seed = self.seed.or_else(from_environment).unwrap_or_else(Random::fresh_seed);
        say_seed(seed);
        let mut tables = Vec::new();
        let mut conn = Conn::new(self.opts.clone()).await?;
        for table in &self.tables {
            tables.push(Table::read(&mut conn, table).await?);
        }
        conn.disconnect().await?;

        let stop = watch::Sender::new(false);
        let (counts_sender, counts) = watch::channel(WriterCounts::default());
        let mut tasks = JoinSet::new();
        for worker in 0..self.workers {
            let worker = Worker {
                opts: self.opts.clone(),
                tables: tables.clone(),
                random: Random::new(seed.wrapping_add(u64::from(worker))),
                pace: self.pace,
                transactions_left: self.transactions,
                stop: stop.subscribe(),
                counts: counts_sender.clone(),
            };
            tasks.spawn(worker.run());
        }
        drop(counts_sender);
        let writer = Writer { stop, counts, tasks };
        match writer.commits(u64::from(self.workers)).await {
            Ok(_) => Ok(writer),
            Err(_) => Err(writer.stop().await.err().unwrap_or(KitError::WriterEnded)),
        }
    }
}

#[expect(clippy::print_stderr, reason = "a test that fails shows the seed that repeats it")]
fn say_seed(seed: u64) {
    eprintln!("writer: {SEED_VARIABLE}={seed}");
}

/// One connection of a writer.
struct Worker {
    opts: Opts,
    tables: Vec<Table>,
    random: Random,
    pace: Duration,
    transactions_left: u64,
    stop: watch::Receiver<bool>,
    counts: watch::Sender<WriterCounts>,
}

impl Worker {
    async fn run(mut self) -> Result<(), KitError> {
        while self.goes_on() {
            match self.session().await {
                Err(Failure::Wrong(error)) => return Err(KitError::Mysql(error)),
                Err(Failure::Lost | Failure::Refused) => {
                    self.counts.send_modify(|counts| counts.reconnects += 1);
                    pause(RECONNECT_PAUSE).await;
                }
                Ok(()) => {}
            }
        }
        Ok(())
    }

    fn goes_on(&self) -> bool {
        self.transactions_left > 0 && !*self.stop.borrow()
    }

    /// Writes on one connection until told to stop or the connection is lost.
    async fn session(&mut self) -> Result<(), Failure> {
        let mut conn = Conn::new(self.opts.clone()).await?;
        conn.query_drop(SESSION).await?;
        while self.goes_on() {
            match self.transaction(&mut conn).await {
                Err(Failure::Refused) => {
                    conn.query_drop("ROLLBACK").await?;
                    self.counts.send_modify(|counts| counts.refusals += 1);
                }
                result => result?,
            }
            pause(self.pace).await;
        }
        conn.disconnect().await?;
        Ok(())
    }

    async fn transaction(&mut self, conn: &mut Conn) -> Result<(), Failure> {
        let mut done = Vec::new();
        conn.query_drop("BEGIN").await?;
        for _ in 0..=self.random.below(OPERATIONS_MAX) {
            let choice = self.random.below(self.tables.len() as u64);
            let Some(table) = usize::try_from(choice).ok().and_then(|it| self.tables.get(it))
            else {
                break;
            };
            done.extend(operations::any(conn, table, &mut self.random).await?);
        }
        if self.random.percent(ROLLBACK_PERCENT) {
            conn.query_drop("ROLLBACK").await?;
            self.counts.send_modify(|counts| counts.rollbacks += 1);
            return Ok(());
        }
        conn.query_drop("COMMIT").await?;
        self.transactions_left -= 1;
        self.counts.send_modify(|counts| {
            counts.transactions += 1;
            done.iter().for_each(|&counter| counts.add(counter));
        });
        Ok(())
    }
}
