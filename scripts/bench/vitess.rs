//! Into Vitess, through a whole cluster: what MoveTables takes, and what writers take that know of no source.
//!
//! One cluster serves the source as a keyspace of its own, a keyspace of one shard and one of two; each shard has a MySQL
//! server. MoveTables copies, is stopped while the source is written to, and catches up. The writers then send rows that are
//! ready as statements, grouped by shard: routed by vtgate, and to the shard by its name.

use std::fs;
use std::time::Instant;

use tokio::task::JoinSet;
use whimbrel_kit::mysql_async::prelude::Queryable;
use whimbrel_kit::{
    Cluster, Fingerprint, Keyspace, KitError, Server, Tablet, eventually, fingerprint,
};

use crate::data::DataSet;
use crate::machine::{busy_seconds, cpu_seconds, load_average, resident_kib_max};
use crate::measure::Usage;
use crate::report::Report;
use crate::settings::{self, ROUNDS, ROWS};
use crate::sysbench::{self, Load};
use crate::{Result, servers};

/// The contenders.
const CONTENDERS: [&str; 3] = ["movetables", "routed", "targeted"];
/// The keyspaces to write to, and their shards.
const KEYSPACES: [(&str, &[&str]); 2] = [("main", &["0"]), ("shop", &["-80", "80-"])];
/// The keyspace that the source is served as.
const SOURCE: &str = "legacy";
/// Tables of `shop` are placed by their `id`: even ones belong to the lower half, odd ones to the upper.
const BY_ID: &str = r#"{"sharded": true, "vindexes": {"reversed": {"type": "reverse_bits"}}, "tables": {
    "sbtest1": {"column_vindexes": [{"column": "id", "name": "reversed"}]},
    "sbtest2": {"column_vindexes": [{"column": "id", "name": "reversed"}]}}}"#;
/// Transactions that are caught up with, of four changes each.
const TRANSACTIONS: (&str, u64) = ("BENCH_TRANSACTIONS", 50_000);
/// What makes MoveTables quickest.
const OVERRIDES: &str = "--config-overrides=vreplication-parallel-insert-workers=4";
/// The name of the workflow.
const WORKFLOW: &str = "bench";
/// How long a copy or catching up may take.
const SECONDS_MAX: u64 = 7_200;
/// Connections of blind writers, and the size at which their statements are sent: vtgate's best.
const CONNECTIONS: usize = 4;
const STATEMENT_BYTES: usize = 256 << 10;
/// How many rows of each table blind writers send at most: they are held in memory.
const BLIND_ROWS_MAX: u64 = 500_000;

/// Runs it.
pub(crate) async fn run() -> Result<()> {
    let (rows, rounds, transactions) =
        (settings::number(ROWS)?, settings::number(ROUNDS)?, settings::number(TRANSACTIONS)?);
    let contenders = settings::chosen("BENCH_CONTENDERS", &CONTENDERS, &[])?;
    let names = settings::chosen("BENCH_SETS", &KEYSPACES.map(|(name, _)| name), &[])?;
    let set = DataSet::bench(rows);
    let source = servers::builder().start().await?;
    set.fill(&source).await?;
    let start = Instant::now();
    let mut builder =
        Cluster::builder().external(SOURCE, &source, set.name).mysql(servers::builder());
    for (name, shards) in KEYSPACES {
        let vschema = if shards.len() > 1 { BY_ID } else { "{}" };
        builder = builder.keyspace(Keyspace { name, shards, vschema });
    }
    let cluster = builder.start().await?;
    println!("the cluster was ready after {:.1} s", start.elapsed().as_secs_f64());

    let settings = [(ROWS.0, rows), (ROUNDS.0, rounds), (TRANSACTIONS.0, transactions)];
    let mut report = Report::new("vitess", &settings);
    for round in 1..=rounds {
        for (keyspace, shards) in KEYSPACES.into_iter().filter(|(name, _)| names.contains(name)) {
            let place = Place { source: &source, cluster: &cluster, set, keyspace, shards };
            let load = Load::new("write", transactions);
            place.rest().await?;
            if contenders.contains(&"movetables") {
                let done = (set.row_count(), "rows");
                report.add((keyspace, "movetables copy", round), place.copy().await?, done);
                let done = (load.changes(), "changes");
                let usage = place.catch_up(load, round).await?;
                report.add((keyspace, "movetables tail", round), usage, done);
                place.command("cancel", &[]).await?;
            }
            for name in contenders.iter().filter(|&&name| name != "movetables") {
                let (usage, count) = place.write_blindly(*name == "targeted").await?;
                report.add((keyspace, name, round), usage, (count, "rows"));
            }
        }
    }
    report.end()
}

/// A keyspace that the source's tables go to.
struct Place<'a> {
    source: &'a Server,
    cluster: &'a Cluster,
    set: DataSet,
    keyspace: &'static str,
    shards: &'static [&'static str],
}

impl Place<'_> {
    /// Copies by MoveTables.
    async fn copy(&self) -> Result<Usage> {
        let meter = Meter::start(self)?;
        let tables = format!("--tables={}", self.set.tables.join(","));
        let source = format!("--source-keyspace={SOURCE}");
        self.command("create", &[&source, &tables, "--tablet-types=primary", OVERRIDES]).await?;
        eventually("the copy", SECONDS_MAX, async || {
            // Its count of copied rows is not brought up to date at the end.
            let ended = format!(
                "SELECT COUNT(*) = SUM(state = 'Running' AND EXISTS (SELECT * FROM _vt.vreplication_log \
                   WHERE vrepl_id = stream.id AND type = 'Ended Copy Phase')) \
                 FROM _vt.vreplication stream WHERE workflow = '{WORKFLOW}'"
            );
            for server in self.servers()? {
                if server.row(&ended).await? != Some(Some(true)) {
                    return Ok(false);
                }
            }
            Ok(true)
        })
        .await?;
        let usage = meter.end();
        self.is_equal().await?;
        Ok(usage)
    }

    /// Lets the source be written to while the workflow is stopped, and waits until it has caught up.
    async fn catch_up(&self, load: Load, round: u64) -> Result<Usage> {
        self.workflow("stop").await?;
        sysbench::make(self.source, self.set.rows, load, round).await?;
        self.rest().await?;
        let executed: String = self
            .source
            .row("SELECT @@GLOBAL.gtid_executed")
            .await?
            .ok_or("the source has no position")?;
        let meter = Meter::start(self)?;
        self.workflow("start").await?;
        eventually("catching up", SECONDS_MAX, async || {
            for server in self.servers()? {
                let has: Option<bool> = server
                    .row(&format!(
                        "SELECT MIN(GTID_SUBSET('{executed}', SUBSTRING_INDEX(pos, '/', -1))) \
                         FROM _vt.vreplication WHERE workflow = '{WORKFLOW}'"
                    ))
                    .await?;
                if has != Some(true) {
                    return Ok(false);
                }
            }
            Ok(true)
        })
        .await?;
        let usage = meter.end();
        self.is_equal().await?;
        Ok(usage)
    }

    /// Sends rows of the source into empty tables, and tells how many they were.
    async fn write_blindly(&self, is_targeted: bool) -> Result<(Usage, u64)> {
        for table in self.set.tables {
            let show = format!("SHOW CREATE TABLE {}.{table}", self.set.name);
            let (_, create): (String, String) =
                self.source.row(&show).await?.ok_or("a table is gone")?;
            let statements = format!("DROP TABLE IF EXISTS {table}; {create}");
            self.cluster.execute(self.keyspace, &statements).await?;
        }
        let (shares, count) = self.statements(is_targeted).await?;
        self.rest().await?;
        let mut conns = Vec::new();
        for (target, _) in &shares {
            conns.push(self.cluster.connect_to(target).await?);
        }
        let meter = Meter::start(self)?;
        let mut writing = JoinSet::new();
        for (mut conn, (_, statements)) in conns.into_iter().zip(shares) {
            writing.spawn(async move {
                for statement in statements {
                    conn.query_drop(statement).await?;
                }
                conn.disconnect().await
            });
        }
        while let Some(result) = writing.join_next().await {
            result??;
        }
        let usage = meter.end();
        for table in self.set.tables {
            self.cluster.execute(self.keyspace, &format!("DROP TABLE {table}")).await?;
        }
        Ok((usage, count))
    }

    /// What each connection sends, and where it is connected to; and how many rows that is in all.
    async fn statements(&self, is_targeted: bool) -> Result<(Vec<(String, Vec<String>)>, u64)> {
        let connections = CONNECTIONS / self.shards.len();
        let mut count = 0;
        let mut by_shard: Vec<Vec<String>> = self.shards.iter().map(|_| Vec::new()).collect();
        for table in self.set.tables {
            let rows: Vec<(usize, String)> = self
                .source
                .rows(&format!(
                    "SELECT id % {}, CONCAT_WS(\"','\", CONCAT(\"('\", id), k, c, CONCAT(pad, \"')\")) \
                     FROM {}.{table} WHERE id <= {BLIND_ROWS_MAX} ORDER BY id",
                    self.shards.len(),
                    self.set.name
                ))
                .await?;
            count += u64::try_from(rows.len())?;
            // Each table's rows begin a statement.
            let mut open: Vec<Option<String>> = self.shards.iter().map(|_| None).collect();
            for (shard, values) in rows {
                let statement = match &mut open[shard] {
                    Some(statement) => {
                        statement.push(',');
                        statement.push_str(&values);
                        statement
                    }
                    none => {
                        none.insert(format!("INSERT INTO {table} (id, k, c, pad) VALUES {values}"))
                    }
                };
                if statement.len() >= STATEMENT_BYTES {
                    by_shard[shard].extend(open[shard].take());
                }
            }
            for (statements, rest) in by_shard.iter_mut().zip(open) {
                statements.extend(rest);
            }
        }
        let mut shares = Vec::new();
        for (shard, statements) in self.shards.iter().zip(by_shard) {
            let target = match is_targeted {
                true => format!("{}:{shard}", self.keyspace),
                false => self.keyspace.to_owned(),
            };
            let mut of_shard = vec![(target, Vec::new()); connections];
            for (statement, connection) in statements.into_iter().zip((0..connections).cycle()) {
                of_shard[connection].1.push(statement);
            }
            shares.extend(of_shard);
        }
        Ok((shares, count))
    }

    /// Fails unless the shards together hold the source's rows.
    async fn is_equal(&self) -> Result<()> {
        let database = format!("vt_{}", self.keyspace);
        for table in self.set.tables {
            let source = fingerprint(self.source, self.set.name, table).await?;
            let mut sum = (0, [0_u128; 2]);
            for server in self.servers()? {
                let Fingerprint { row_count, sums } = fingerprint(server, &database, table).await?;
                sum.0 += row_count;
                for (sum, part) in sum.1.iter_mut().zip(sums) {
                    *sum += part.parse::<u128>()?;
                }
            }
            let target = Fingerprint { row_count: sum.0, sums: sum.1.map(|sum| sum.to_string()) };
            if source != target {
                let place = self.keyspace;
                return Err(format!("{place}.{table}: source {source}, shards {target}").into());
            }
        }
        Ok(())
    }

    /// Waits until nothing is left to do, on the source and on the shards' servers.
    async fn rest(&self) -> Result<()> {
        servers::rest(self.source).await?;
        for server in self.servers()? {
            servers::rest(server).await?;
        }
        Ok(())
    }

    /// The MySQL servers of the shards.
    fn servers(&self) -> std::result::Result<Vec<&Server>, KitError> {
        let mut servers = Vec::new();
        for shard in self.shards {
            servers.extend(
                self.cluster.shard(self.keyspace, shard)?.into_iter().filter_map(Tablet::mysql),
            );
        }
        Ok(servers)
    }

    /// Tells the workflow of MoveTables what to do.
    async fn command(&self, action: &str, more: &[&str]) -> Result<()> {
        let keyspace = format!("--target-keyspace={}", self.keyspace);
        let workflow = format!("--workflow={WORKFLOW}");
        let mut command = vec!["MoveTables", &workflow, &keyspace, action];
        command.extend(more);
        self.cluster.vtctldclient(&command).await?;
        Ok(())
    }

    /// Starts or stops the workflow.
    async fn workflow(&self, action: &str) -> Result<()> {
        let keyspace = format!("--keyspace={}", self.keyspace);
        let workflow = format!("--workflow={WORKFLOW}");
        self.cluster.vtctldclient(&["Workflow", &keyspace, action, &workflow]).await?;
        Ok(())
    }
}

/// What the cluster uses from a moment on.
struct Meter {
    /// Its vtgate and its tablets.
    own: Vec<u32>,
    source: Option<u32>,
    targets: Vec<Option<u32>>,
    before: [f64; 4],
    load_average_before: f64,
    start: Instant,
}

impl Meter {
    fn start(place: &Place<'_>) -> Result<Self> {
        let mut meter = Self {
            own: place.cluster.pids(),
            source: place.source.pid(),
            targets: place.servers()?.into_iter().map(Server::pid).collect(),
            before: [0.0; 4],
            load_average_before: load_average(),
            start: Instant::now(),
        };
        for pid in &meter.own {
            // Linux then begins anew to note the highest resident memory.
            fs::write(format!("/proc/{pid}/clear_refs"), "5")?;
        }
        meter.before = meter.now();
        meter.start = Instant::now();
        Ok(meter)
    }

    /// Processor seconds until now: the cluster's, the source's, the targets', the machine's.
    fn now(&self) -> [f64; 4] {
        [
            self.own.iter().map(|&pid| cpu_seconds(Some(pid))).sum(),
            cpu_seconds(self.source),
            self.targets.iter().map(|&pid| cpu_seconds(pid)).sum(),
            busy_seconds(),
        ]
    }

    fn end(self) -> Usage {
        let seconds = self.start.elapsed().as_secs_f64();
        let now = self.now();
        let [own, source, target, busy] = [0, 1, 2, 3].map(|at| now[at] - self.before[at]);
        Usage {
            seconds,
            own_cpu_seconds: own,
            source_cpu_seconds: source,
            target_cpu_seconds: target,
            others_cpu_seconds: (busy - own - source - target).max(0.0),
            resident_mib_max: self.own.iter().map(|&pid| resident_kib_max(pid)).max().unwrap_or(0)
                >> 10,
            load_average_before: self.load_average_before,
        }
    }
}
