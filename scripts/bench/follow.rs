//! Catching up with what was written meanwhile: whimbrel beside a native replica, on the same changes.
//!
//! Each contender has a server of its own that stands where the source stands. A load is made; then one contender after
//! the other catches up with it, alone, and so all stand at one place again for the next load. The replica has fetched
//! everything beforehand, and only applies it; whimbrel starts, reads from the source, and ends.

use tempfile::TempDir;
use whimbrel_kit::{KitError, Server, eventually};

use crate::data::DataSet;
use crate::measure::{Usage, Watch, measure};
use crate::report::{Report, Wanted};
use crate::settings::{self, ROUNDS, ROWS, TRANSACTIONS};
use crate::sysbench::{self, Load};
use crate::whimbrel::{Plan, TargetBinlog};
use crate::{Result, servers};

/// The contenders.
const CONTENDERS: [&str; 4] = ["replica-1", "replica-4", "replica-8", "whimbrel"];
/// The loads.
const LOADS: [&str; 3] = ["write", "bulk", "hot"];
/// How long a replica may take to fetch or to apply a load.
const SECONDS_MAX: u64 = 7_200;

/// Runs it.
pub(crate) async fn run() -> Result<()> {
    let (rows, rounds, transactions) =
        (settings::number(ROWS)?, settings::number(ROUNDS)?, settings::number(TRANSACTIONS)?);
    let names = settings::chosen("BENCH_CONTENDERS", &CONTENDERS, &[])?;
    let loads = settings::chosen("BENCH_LOADS", &LOADS, &[])?;
    let set = DataSet::bench(rows);
    let (source, followers) = start(&set, &names).await?;

    let mut report = Report::new(
        "follow",
        &[(ROWS.0, rows), (ROUNDS.0, rounds), (TRANSACTIONS.0, transactions)],
    );
    for round in 1..=rounds {
        for &name in &loads {
            let load = Load::new(name, transactions);
            sysbench::make(&source, rows, load, round).await?;
            servers::rest(&source).await?;
            // Whoever is first in one round is last in the next.
            let forward = followers.iter().filter(|_| round % 2 == 1);
            let backward = followers.iter().rev().filter(|_| round % 2 == 0);
            for follower in forward.chain(backward) {
                let usage = follower.catch_up(&source).await?;
                report.add((name, follower.name, round), usage, (load.changes(), "changes"));
                servers::rest(&follower.server).await?;
                set.is_equal(&source, &follower.server).await?;
            }
            forget_logs(&source).await?;
            for follower in &followers {
                forget_logs(&follower.server).await?;
            }
        }
    }
    for (load, times) in [("write", 2.0), ("bulk", 1.2), ("hot", 10.0)] {
        let seconds = |contender| report.least(load, contender, |usage: &Usage| usage.seconds);
        let replicas = CONTENDERS.iter().filter(|name| name.starts_with("replica"));
        let replica = replicas.filter_map(|&name| seconds(name)).min_by(f64::total_cmp);
        let ratio = replica.zip(seconds("whimbrel")).map(|(replica, whimbrel)| replica / whimbrel);
        report.claim(
            format!("{load}: changes a second of whimbrel / of the best replica"),
            ratio,
            Wanted::AtLeast(times),
        );
    }
    report.end()
}

/// Who follows, and the server it writes to.
struct Follower {
    name: &'static str,
    server: Server,
    /// The plan, for whimbrel alone.
    plan: Option<(Plan, TempDir)>,
}

/// Fills the source, and gives every contender a server that holds the same.
async fn start(set: &DataSet, names: &[&'static str]) -> Result<(Server, Vec<Follower>)> {
    let mut source = servers::builder().start().await?;
    set.fill(&source).await?;
    source.stop().await?;
    let mut followers = Vec::new();
    for &name in names.iter().filter(|name| name.starts_with("replica")) {
        let workers = name.trim_start_matches("replica-");
        let builder = servers::builder()
            .data_of(&source)
            .flag(format!("--replica-parallel-workers={workers}"))
            .flag("--relay-log=relay")
            .flag("--skip-replica-start");
        followers.push(Follower { name, server: builder.start().await?, plan: None });
    }
    source.restart().await?;
    for follower in &followers {
        follower
            .server
            .execute(&format!(
                "CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_PORT = {}, SOURCE_USER = 'root',
                   SOURCE_AUTO_POSITION = 1, SOURCE_SSL = 0, GET_SOURCE_PUBLIC_KEY = 1, SOURCE_CONNECT_RETRY = 1",
                source.port()
            ))
            .await?;
    }
    if names.contains(&"whimbrel") {
        followers.push(whimbrel(set, &source).await?);
    }
    Ok((source, followers))
}

async fn whimbrel(set: &DataSet, source: &Server) -> Result<Follower> {
    let server = servers::builder().start().await?;
    server.execute(&format!("CREATE DATABASE {}", set.name)).await?;
    let folder = tempfile::tempdir()?;
    let plan = Plan::write(folder.path(), set, (source, &server), TargetBinlog::Written)?;
    println!("whimbrel copies");
    measure((source, &server), vec![plan.step()?], plan.log()).await?;
    servers::rest(&server).await?;
    Ok(Follower { name: "whimbrel", server, plan: Some((plan, folder)) })
}

impl Follower {
    /// Takes in all that the source has, and tells what that took.
    async fn catch_up(&self, source: &Server) -> Result<Usage> {
        match &self.plan {
            Some((plan, _)) => {
                measure((source, &self.server), vec![plan.step()?], plan.log()).await
            }
            None => self.replicate(source).await,
        }
    }

    async fn replicate(&self, source: &Server) -> Result<Usage> {
        let replica = &self.server;
        let executed: String = source
            .row("SELECT @@GLOBAL.gtid_executed")
            .await?
            .ok_or("the source has no position")?;
        replica.execute("START REPLICA IO_THREAD").await?;
        eventually("the replica's fetching", SECONDS_MAX, async || {
            let fetched: Option<bool> = replica
                .row(&format!(
                    "SELECT GTID_SUBSET(GTID_SUBTRACT('{executed}', @@GLOBAL.gtid_executed), RECEIVED_TRANSACTION_SET) \
                     FROM performance_schema.replication_connection_status"
                ))
                .await?;
            Ok::<bool, KitError>(fetched == Some(true))
        })
        .await?;
        replica.execute("STOP REPLICA IO_THREAD").await?;
        servers::rest(replica).await?;

        let watch = Watch::start((source, replica));
        replica.execute("START REPLICA SQL_THREAD").await?;
        let wait = format!("SELECT WAIT_FOR_EXECUTED_GTID_SET('{executed}', {SECONDS_MAX})");
        if replica.row::<u8>(&wait).await? != Some(0) {
            return Err(format!("{} did not catch up: {}", self.name, replica.log()).into());
        }
        let seconds = watch.seconds();
        let usage = watch.end(seconds, &[]);
        replica.execute("STOP REPLICA SQL_THREAD").await?;
        Ok(usage)
    }
}

/// Removes the logs that everyone has read.
async fn forget_logs(server: &Server) -> Result<()> {
    server.execute("FLUSH BINARY LOGS").await?;
    let logs: Vec<(String, u64, String)> = server.rows("SHOW BINARY LOGS").await?;
    if let Some((last, ..)) = logs.last() {
        server.execute(&format!("PURGE BINARY LOGS TO '{last}'")).await?;
    }
    Ok(())
}
