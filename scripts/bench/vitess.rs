//! Into Vitess, through a whole cluster: whimbrel beside MoveTables, and beside writers that know of no source.
//!
//! One cluster serves the source as a keyspace of its own, a keyspace of one shard and one of two; each shard has a MySQL
//! server. MoveTables and whimbrel copy, are stopped while the source is written to, and catch up; whimbrel through vtgate, and
//! with rows that go straight to the shards' servers. The writers send rows that are ready as statements, grouped by shard:
//! routed by vtgate, and to the shard by its name.
//!
//! A contender's own processor time and memory are those of whimbrel alone; of the cluster's programs (vtgate, tablets) for
//! MoveTables, which is in them, and for the writers. For whimbrel those count as the target.

use std::time::Instant;

use whimbrel_kit::{Cluster, Fingerprint, Keyspace, KitError, Server, Tablet, fingerprint};

use crate::data::DataSet;
use crate::measure::Usage;
use crate::report::{Report, Wanted};
use crate::settings::{self, ROUNDS, ROWS};
use crate::sysbench::{self, Load};
use crate::{Result, servers};

mod blind;
mod meter;
mod movetables;
mod own;

/// The contenders.
const CONTENDERS: [&str; 5] = ["movetables", "whimbrel", "whimbrel-tablets", "routed", "targeted"];
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
/// How long a copy or catching up may take.
const SECONDS_MAX: u64 = 7_200;
/// What whimbrel's plan says of connections to vtgate; 0 leaves it at its default.
const TARGET_CONNECTIONS: (&str, u64) = ("BENCH_TARGET_CONNECTIONS", 0);

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

    let connections = settings::number(TARGET_CONNECTIONS)?;
    let settings = [ROWS, ROUNDS, TRANSACTIONS, TARGET_CONNECTIONS].map(|it| it.0);
    let settings: Vec<_> =
        settings.into_iter().zip([rows, rounds, transactions, connections]).collect();
    let mut report = Report::new("vitess", &settings);
    let load = Load::new("write", transactions);
    let mut loads = 0;
    for round in 1..=rounds {
        // Whoever is first in one round is last in the next.
        let mut order = contenders.clone();
        if round % 2 == 0 {
            order.reverse();
        }
        for &(keyspace, shards) in KEYSPACES.iter().filter(|(name, _)| names.contains(name)) {
            let place = Place { source: &source, cluster: &cluster, set, keyspace, shards };
            for &name in &order {
                place.rest().await?;
                if name == "routed" || name == "targeted" {
                    let (usage, count) = place.write_blindly(name == "targeted").await?;
                    report.add((keyspace, name, round), usage, (count, "rows"));
                    continue;
                }
                loads += 1;
                let follower = match name {
                    "movetables" => Follower::MoveTables,
                    _ => {
                        let is_straight = name == "whimbrel-tablets";
                        Follower::Whimbrel(own::Whimbrel::new(&place, connections, is_straight)?)
                    }
                };
                let done = (set.row_count(), "rows");
                let usage = follower.copy(&place).await?;
                place.is_equal().await?;
                report.add((keyspace, &format!("{name} copy"), round), usage, done);
                // Changes that have been made before would change nothing.
                sysbench::make(&source, rows, load, loads).await?;
                place.rest().await?;
                let done = (load.changes(), "changes");
                let usage = follower.catch_up(&place).await?;
                place.is_equal().await?;
                report.add((keyspace, &format!("{name} tail"), round), usage, done);
                follower.leave(&place).await?;
            }
        }
    }
    for keyspace in names {
        claims(&mut report, keyspace);
    }
    report.end()
}

/// What was wanted of a keyspace.
fn claims(report: &mut Report, keyspace: &str) {
    let a_second = |contender| report.most_a_second(keyspace, contender);
    let ratio =
        |one: Option<f64>, other: Option<f64>| one.zip(other).map(|(one, other)| one / other);
    let copy = a_second("whimbrel copy");
    let blind = a_second("routed").into_iter().chain(a_second("targeted")).max_by(f64::total_cmp);
    let of_movetables = ratio(copy, a_second("movetables copy"));
    let of_blind = ratio(copy, blind);
    let straight = a_second("whimbrel-tablets copy");
    let straight_of_movetables = ratio(straight, a_second("movetables copy"));
    let tail = ratio(a_second("whimbrel tail"), a_second("movetables tail"));
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let resident = ["whimbrel", "whimbrel-tablets"]
        .into_iter()
        .flat_map(|name| ["copy", "tail"].map(|step| format!("{name} {step}")))
        .filter_map(|name| report.most(keyspace, &name, |usage| usage.resident_mib_max as f64))
        .max_by(f64::total_cmp);
    let mut claim =
        |what: &str, value, wanted| report.claim(format!("{keyspace}: {what}"), value, wanted);
    claim("rows a second of whimbrel / of MoveTables", of_movetables, Wanted::AtLeast(1.0));
    claim("rows a second of whimbrel / of the best writers", of_blind, Wanted::AtLeast(0.9));
    claim(
        "rows a second of whimbrel past vtgate / of MoveTables",
        straight_of_movetables,
        Wanted::AtLeast(1.3),
    );
    claim("changes a second of whimbrel / of MoveTables", tail, Wanted::AtLeast(4.0));
    claim("resident MiB", resident, Wanted::AtMost(256.0));
}

/// Who copies, and then catches up.
enum Follower {
    MoveTables,
    Whimbrel(own::Whimbrel),
}

impl Follower {
    /// Copies, to where the copy has ended and follows.
    async fn copy(&self, place: &Place<'_>) -> Result<Usage> {
        match self {
            Self::MoveTables => {
                let usage = place.copy().await?;
                // The source is written to while it does not follow.
                place.workflow("stop").await?;
                Ok(usage)
            }
            Self::Whimbrel(whimbrel) => whimbrel.run(place).await,
        }
    }

    /// Takes in all that the source has.
    async fn catch_up(&self, place: &Place<'_>) -> Result<Usage> {
        match self {
            Self::MoveTables => place.catch_up().await,
            Self::Whimbrel(whimbrel) => whimbrel.run(place).await,
        }
    }

    /// Removes all that it has made.
    async fn leave(self, place: &Place<'_>) -> Result<()> {
        match self {
            Self::MoveTables => place.command("cancel", &[]).await,
            Self::Whimbrel(_) => place.clear().await,
        }
    }
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

    /// Drops every table on every shard.
    async fn clear(&self) -> Result<()> {
        for shard in self.shards {
            let target = format!("{}:{shard}", self.keyspace);
            let tables: Vec<String> = self.cluster.rows(&target, "SHOW TABLES").await?;
            for table in tables {
                self.cluster.execute(&target, &format!("DROP TABLE {table}")).await?;
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
}
