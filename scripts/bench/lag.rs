//! How long after its commit on the source a transaction is visible on the target, in steady state.
//!
//! Each transaction, of `oltp_write_only`, also inserts a number into a table of its own. One connection asks the target
//! for new numbers again and again: from the source's answer to the commit until the first answer that holds the number
//! is the lag. So it is told too long by up to the time between two questions, which is shown.

use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use whimbrel_kit::mysql_async::Conn;
use whimbrel_kit::mysql_async::prelude::Queryable;
use whimbrel_kit::{KitError, Random, Server, eventually, fingerprint};

use crate::data::DataSet;
use crate::machine::Process;
use crate::measure::{Watch, measure};
use crate::report::{Report, Wanted};
use crate::settings::{self, RATE, ROWS, SECONDS};
use crate::sysbench::write_only;
use crate::whimbrel::{Plan, TargetBinlog};
use crate::{Result, servers};

/// How many connections write.
const CONNECTIONS: u64 = 4;
/// How often the target is asked.
const ASKED_EVERY: Duration = Duration::from_millis(2);
/// The first part of the time is not counted: the servers and whimbrel come to their pace in it.
const WARM_UP: Duration = Duration::from_secs(5);
/// How long the last transactions may take.
const LAST_SECONDS_MAX: u64 = 60;

/// Moments by number; the numbers count from 1.
type Moments = Arc<Mutex<Vec<Option<Instant>>>>;

/// Runs it.
pub(crate) async fn run() -> Result<()> {
    let (rows, seconds, rate) =
        (settings::number(ROWS)?, settings::number(SECONDS)?, settings::number(RATE)?);
    let set = DataSet::bench(rows);
    let (source, target) =
        tokio::try_join!(servers::builder().start(), servers::builder().start())?;
    set.fill(&source).await?;
    source.execute_in(set.name, "CREATE TABLE pulse (id BIGINT PRIMARY KEY)").await?;
    target.execute(&format!("CREATE DATABASE {}", set.name)).await?;
    let folder = tempfile::tempdir()?;
    let plan = Plan::write(folder.path(), &set, (&source, &target), TargetBinlog::Written)?;
    println!("whimbrel copies");
    measure((&source, &target), vec![plan.step()?], plan.log()).await?;
    servers::rest(&source).await?;
    servers::rest(&target).await?;

    let mut report = Report::new("lag", &[(ROWS.0, rows), (SECONDS.0, seconds), (RATE.0, rate)]);
    let mut whimbrel = [Process::new(plan.run()?.spawn()?)];
    source.execute_in(set.name, "INSERT INTO pulse VALUES (0)").await?;
    eventually("whimbrel's following", LAST_SECONDS_MAX, async || {
        Ok::<bool, KitError>(target.row::<u64>("SELECT id FROM bench.pulse").await?.is_some())
    })
    .await?;

    let count = usize::try_from(seconds * rate)? + 1;
    let [committed, seen]: [Moments; 2] = [(); 2].map(|()| Arc::new(Mutex::new(vec![None; count])));
    let watch = Watch::start((&source, &target));
    let mut asking = JoinSet::new();
    asking.spawn(ask(target.connect_to(set.name).await?, Arc::clone(&seen)));
    write(&source, rows, rate, &committed).await?;
    let passed = watch.seconds();
    whimbrel.iter_mut().for_each(Process::sample);
    let usage = watch.end(passed, &whimbrel);
    let gaps = asking.join_next().await.ok_or("nobody asked")???;
    report.add(("steady", "whimbrel", 1), usage, (seconds * rate, "transactions"));

    let [whimbrel] = &mut whimbrel;
    Command::new("kill").args(["-INT", &whimbrel.pid().to_string()]).status()?;
    eventually("whimbrel's end", LAST_SECONDS_MAX, async || {
        whimbrel.sample();
        Ok::<bool, KitError>(whimbrel.success.is_some())
    })
    .await?;
    set.is_equal(&source, &target).await?;
    if fingerprint(&source, set.name, "pulse").await?
        != fingerprint(&target, set.name, "pulse").await?
    {
        return Err("pulse differs".into());
    }
    show(&mut report, &committed, &seen, gaps);
    report.end()
}

fn show(report: &mut Report, committed: &Moments, seen: &Moments, mut gaps: Vec<Duration>) {
    let (committed, seen) = (
        committed.lock().unwrap_or_else(PoisonError::into_inner),
        seen.lock().unwrap_or_else(PoisonError::into_inner),
    );
    let start = committed.iter().flatten().min().copied();
    let mut lags: Vec<Duration> = committed
        .iter()
        .zip(seen.iter())
        .filter_map(|(committed, seen)| Some(((*committed)?, (*seen)?)))
        .filter(|(committed, _)| start.is_some_and(|start| *committed - start >= WARM_UP))
        // The target may have it before the source has answered.
        .map(|(committed, seen)| seen.saturating_duration_since(committed))
        .collect();
    for (what, percent, wanted) in [
        ("median", 50, Wanted::AtMost(50.0)),
        ("99 %", 99, Wanted::AtMost(250.0)),
        ("longest", 100, Wanted::Nothing),
    ] {
        report.claim(format!("lag in milliseconds: {what}"), share(&mut lags, percent), wanted);
        let name = format!("milliseconds between two questions: {what}");
        report.claim(name, share(&mut gaps, percent), Wanted::Nothing);
    }
}

/// The least that so many of a hundred do not exceed, in milliseconds.
fn share(times: &mut [Duration], percent: usize) -> Option<f64> {
    times.sort_unstable();
    let at = (times.len() * percent).div_ceil(100).saturating_sub(1);
    times.get(at).map(|time| time.as_secs_f64() * 1e3)
}

/// Writes at the rate until all numbers are used, and notes when each commit was answered.
async fn write(source: &Server, rows: u64, rate: u64, committed: &Moments) -> Result<()> {
    let mut writing = JoinSet::new();
    for connection in 1..=CONNECTIONS {
        let mut conn = source.connect().await?;
        conn.query_drop("USE bench").await?;
        let committed = Arc::clone(committed);
        let mut due = interval(Duration::from_secs(CONNECTIONS) / u32::try_from(rate.max(1))?);
        // Who is late hurries: the rate is kept.
        due.set_missed_tick_behavior(MissedTickBehavior::Burst);
        writing.spawn(async move {
            let mut random = Random::new(connection);
            let numbers = committed.lock().unwrap_or_else(PoisonError::into_inner).len();
            for number in (usize::try_from(connection).unwrap_or(1)..numbers).step_by(4) {
                due.tick().await;
                let more = format!("INSERT INTO pulse VALUES ({number});");
                conn.query_drop(write_only(&mut random, rows, &more)).await?;
                let mut committed = committed.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(moment) = committed.get_mut(number) {
                    *moment = Some(Instant::now());
                }
            }
            conn.disconnect().await?;
            Ok::<(), KitError>(())
        });
    }
    while let Some(result) = writing.join_next().await {
        result??;
    }
    Ok(())
}

/// Asks for new numbers until all have been seen; the times between two answers.
async fn ask(mut conn: Conn, seen: Moments) -> Result<Vec<Duration>> {
    let mut gaps = Vec::new();
    let mut due = interval(ASKED_EVERY);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // All numbers up to this one have been seen.
    let mut whole = 0;
    let mut answered = Instant::now();
    loop {
        due.tick().await;
        let numbers: Vec<usize> =
            conn.query(format!("SELECT id FROM pulse WHERE id > {whole} ORDER BY id")).await?;
        let now = Instant::now();
        gaps.push(now - answered);
        answered = now;
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        for number in numbers {
            if let Some(moment) = seen.get_mut(number) {
                moment.get_or_insert(now);
            }
        }
        while seen.get(whole + 1).is_some_and(Option::is_some) {
            whole += 1;
        }
        if whole + 1 == seen.len() {
            return Ok(gaps);
        }
    }
}
