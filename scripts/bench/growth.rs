//! The copy of once and of four times the rows: time and memory.

use crate::data::DataSet;
use crate::measure::{Usage, measure};
use crate::report::{Report, Wanted};
use crate::settings::{self, ROUNDS, ROWS};
use crate::whimbrel::{Plan, TargetBinlog};
use crate::{Result, servers};

/// How many times the rows the second copy has.
const TIMES: u64 = 4;
/// How much more memory may be seen before it counts as growth: chunks fall in other ways in every run.
const RESIDENT_TIMES_MAX: f64 = 1.1;

/// Runs it.
pub(crate) async fn run() -> Result<()> {
    let (rows, rounds) = (settings::number(ROWS)?, settings::number(ROUNDS)?);
    let mut report = Report::new("growth", &[(ROWS.0, rows), (ROUNDS.0, rounds)]);
    for (name, rows) in [("x1", rows), ("x4", rows * TIMES)] {
        let set = DataSet::bench(rows);
        let source = servers::builder().start().await?;
        set.fill(&source).await?;
        servers::rest(&source).await?;
        for round in 1..=rounds {
            let target = servers::builder().start().await?;
            target.execute(&format!("CREATE DATABASE {}", set.name)).await?;
            let folder = tempfile::tempdir()?;
            let plan = Plan::write(folder.path(), &set, (&source, &target), TargetBinlog::Written)?;
            let usage = measure((&source, &target), vec![plan.step()?], plan.log()).await?;
            report.add((name, "whimbrel", round), usage, (set.row_count(), "rows"));
            set.is_equal(&source, &target).await?;
        }
    }
    let ratio = |figure: fn(&Usage) -> f64| {
        let least = |set| report.least(set, "whimbrel", figure);
        least("x4").zip(least("x1")).map(|(four, one)| four / one)
    };
    let seconds = ratio(|usage| usage.seconds);
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let resident = ratio(|usage| usage.resident_mib_max as f64);
    report.claim("seconds of four times the rows / of once", seconds, Wanted::AtMost(4.2));
    report.claim(
        "resident memory of four times / of once",
        resident,
        Wanted::AtMost(RESIDENT_TIMES_MAX),
    );
    report.end()
}
