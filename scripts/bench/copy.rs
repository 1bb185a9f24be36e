//! The copy of a data set: whimbrel beside what else could be used.

use whimbrel_kit::Server;

use crate::contender::{Contender, Files};
use crate::data::DataSet;
use crate::measure::{Usage, measure};
use crate::report::{Report, Wanted};
use crate::settings::{self, ROUNDS, ROWS, WRITES};
use crate::whimbrel::{Plan, TargetBinlog};
use crate::{Result, servers, sysbench};

/// The contenders; those in [`EXTRA`] only when they are named.
const CONTENDERS: [&str; 6] =
    ["mysqldump", "mydumper", "load-data", "load-data-10000", "whimbrel", "whimbrel-skip"];
const EXTRA: [&str; 1] = ["load-data-10000"];
/// Rows of a million.
const MILLION: f64 = 1e6;

/// Runs it.
pub(crate) async fn run() -> Result<()> {
    let (rows, rounds, writes) =
        (settings::number(ROWS)?, settings::number(ROUNDS)?, settings::number(WRITES)?);
    let contenders = settings::chosen("BENCH_CONTENDERS", &CONTENDERS, &EXTRA)?;
    let sets = settings::chosen("BENCH_SETS", &["bench", "wide"], &[])?;
    let sets = sets.into_iter().map(|name| match name {
        "wide" => DataSet::wide(rows / 2),
        _ => DataSet::bench(rows),
    });
    let mut report = Report::new(
        "copy",
        &[ROWS, ROUNDS, WRITES]
            .map(|it| it.0)
            .into_iter()
            .zip([rows, rounds, writes])
            .collect::<Vec<_>>(),
    );
    for set in sets {
        let source = servers::builder().start().await?;
        set.fill(&source).await?;
        let folder = tempfile::tempdir()?;
        let files = Files::write(&source, &set, &contenders, folder.path()).await?;
        servers::rest(&source).await?;
        for round in 1..=rounds {
            // Whoever is first in one round is last in the next.
            let mut order = contenders.clone();
            if round % 2 == 0 {
                order.reverse();
            }
            for name in order {
                let copy = Copy { set, source: &source, files: &files, writes };
                let usage = copy.measured(name).await?;
                report.add((set.name, name, round), usage, (set.row_count(), "rows"));
            }
        }
        claims(&mut report, &set);
    }
    report.end()
}

/// One contender's copy of a data set.
struct Copy<'a> {
    set: DataSet,
    source: &'a Server,
    files: &'a Files,
    writes: u64,
}

impl Copy<'_> {
    /// Copies into a fresh server, and compares both sides.
    async fn measured(&self, name: &str) -> Result<Usage> {
        let target = servers::builder().start().await?;
        target.execute(&format!("CREATE DATABASE {}", self.set.name)).await?;
        let folder = tempfile::tempdir()?;
        let servers = (self.source, &target);
        let is_written = self.writes > 0 && self.set.name == sysbench::DATABASE;

        let binlog =
            if name == "whimbrel-skip" { TargetBinlog::Skipped } else { TargetBinlog::Written };
        let plan = Plan::write(folder.path(), &self.set, servers, binlog)?;
        let contender = Contender { set: &self.set, source: self.source, target: &target };
        let steps = contender.steps(name, self.files, &plan, folder.path()).await?;
        let log = folder.path().join("log");
        let log = if name.starts_with("whimbrel") { plan.log() } else { &log };
        let writer = if is_written {
            Some(sysbench::Writer::start(self.source, self.set.rows, self.writes).await?)
        } else {
            None
        };
        let usage = measure(servers, steps, log).await?;
        if let Some(writer) = writer {
            writer.stop().await?;
            if !name.starts_with("whimbrel") {
                return Ok(usage);
            }
            // What was written since it had caught up.
            measure(servers, vec![plan.step()?], log).await?;
        }
        self.set.is_equal(self.source, &target).await?;
        Ok(usage)
    }
}

/// What was wanted of the copy of a set.
fn claims(report: &mut Report, set: &DataSet) {
    let name = set.name;
    let seconds = |contender| report.least(name, contender, |usage: &Usage| usage.seconds);
    let ratio =
        |one: Option<f64>, other: Option<f64>| one.zip(other).map(|(one, other)| one / other);
    let whimbrel = seconds("whimbrel");
    let load_data = ratio(whimbrel, seconds("load-data"));
    let mysqldump = ratio(seconds("mysqldump"), whimbrel);
    let mydumper = ratio(seconds("whimbrel-skip"), seconds("mydumper"));
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let millions = set.row_count() as f64 / MILLION;
    let own =
        report.most(name, "whimbrel", |usage| usage.own_cpu_seconds).map(|own| own / millions);
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let resident = report.most(name, "whimbrel", |usage| usage.resident_mib_max as f64);
    report.claim(
        format!("{name}: seconds of whimbrel / of LOAD DATA"),
        load_data,
        Wanted::AtMost(1.25),
    );
    report.claim(
        format!("{name}: seconds of mysqldump / of whimbrel"),
        mysqldump,
        Wanted::AtLeast(2.5),
    );
    report.claim(
        format!("{name}: seconds of whimbrel-skip / of mydumper"),
        mydumper,
        Wanted::AtMost(1.0),
    );
    if name == sysbench::DATABASE {
        report.claim(
            format!("{name}: own processor seconds a million rows"),
            own,
            Wanted::AtMost(1.5),
        );
    }
    report.claim(format!("{name}: resident MiB"), resident, Wanted::AtMost(150.0));
}
