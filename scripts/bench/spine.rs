//! The copy of two sysbench tables under a live writer: whimbrel beside `mysqldump | mysql`.
//!
//! Both run alternately on the same two servers, each time into a new database. Besides the time, the processor seconds
//! of whimbrel and of both servers are told, which vary less on a shared machine.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints its table")]

use std::error::Error;
use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Instant;

use serde_json::json;
use tempfile::TempDir;
use whimbrel_kit::{Programs, Server, Side, compare, eventually};

use self::sysbench::{DATABASE, TABLES};

#[path = "sysbench.rs"]
mod sysbench;

/// The environment variables that set the size of the run, and their defaults.
const ROWS: (&str, u64) = ("BENCH_ROWS", 1_000_000);
const ROUNDS: (&str, u64) = ("BENCH_ROUNDS", 2);
const WRITES: (&str, u64) = ("BENCH_WRITES", 200);
/// How long one contender may take.
const SECONDS_MAX: u64 = 3_600;
/// Where the JSON goes, from the clone's root.
const REPORT: &str = "target/bench/spine.json";
/// Room for the tables in memory, as a production server has; the kit's own servers are small.
const FLAGS: [&str; 2] = ["--innodb-buffer-pool-size=512M", "--innodb-redo-log-capacity=512M"];
/// The kernel's unit of processor time in /proc: a hundredth of a second on every platform of Linux.
const TICKS_PER_SECOND: f64 = 100.0;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What one contender took.
#[derive(Debug, Clone, serde::Serialize)]
struct Measure {
    contender: &'static str,
    round: u64,
    seconds: f64,
    /// Processor seconds of the contender's own processes.
    own_cpu_seconds: f64,
    /// Processor seconds of the source while it ran, the writer's share included.
    source_cpu_seconds: f64,
    /// Processor seconds of the target while it ran.
    target_cpu_seconds: f64,
    /// The highest resident memory of the contender's largest process.
    resident_mib_max: u64,
    /// What the writer committed while it ran.
    written_transactions: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    match bench().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("spine: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn bench() -> Result<()> {
    let (rows, rounds, writes) = (setting(ROWS)?, setting(ROUNDS)?, setting(WRITES)?);
    let load_before = load_average();
    println!("filling two tables of {rows} rows");
    let server = || FLAGS.iter().fold(Server::builder(), |builder, &flag| builder.flag(flag));
    let (source, target) = tokio::try_join!(server().start(), server().start())?;
    sysbench::fill(&source, rows).await?;

    let bench = Bench { source, target, folder: tempfile::tempdir()?, rows, writes };
    let mut measures = Vec::new();
    for round in 1..=rounds {
        measures.push(bench.mysqldump(round).await?);
        println!("{}", row(measures.last()));
        measures.push(bench.whimbrel(round).await?);
        println!("{}", row(measures.last()));
    }

    println!("\n{}", table(&measures));
    let report = json!({
        "rows_per_table": rows,
        "tables": TABLES.len(),
        "writer_transactions_per_second": writes,
        "cores": std::thread::available_parallelism()?.get(),
        "load_average_before": load_before,
        "load_average_after": load_average(),
        "server_flags": FLAGS,
        "measures": measures,
    });
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(REPORT);
    std::fs::create_dir_all(path.parent().unwrap_or(&path))?;
    std::fs::write(&path, format!("{report:#}\n"))?;
    println!("load average before {load_before}, after {}; {REPORT}", load_average());
    Ok(())
}

/// The servers and the size of the run.
struct Bench {
    source: Server,
    target: Server,
    folder: TempDir,
    rows: u64,
    writes: u64,
}

impl Bench {
    async fn mysqldump(&self, round: u64) -> Result<Measure> {
        let database = self.target_database("mysqldump", round).await?;
        let programs = Programs::find().await?;
        let server = |program: &str, server: &Server| -> Result<Command> {
            let mut command = Command::new(programs.path(program)?);
            command.args(["--no-defaults", "--host=127.0.0.1", "--user=root"]);
            command.arg(format!("--port={}", server.port()));
            Ok(command)
        };
        let mut dump = server("mysqldump", &self.source)?;
        dump.args(["--single-transaction", "--set-gtid-purged=OFF", DATABASE]).args(TABLES);
        let mut load = server("mysql", &self.target)?;
        load.arg(&database);
        self.measure("mysqldump | mysql", round, || {
            let mut dumping = dump.stdout(Stdio::piped()).spawn()?;
            let output = dumping.stdout.take().ok_or("mysqldump has no output")?;
            let loading = load.stdin(output).spawn()?;
            Ok(vec![dumping, loading])
        })
        .await
    }

    async fn whimbrel(&self, round: u64) -> Result<Measure> {
        let database = self.target_database("whimbrel", round).await?;
        let plan = self.folder.path().join(format!("{database}.yaml"));
        std::fs::write(
            &plan,
            format!(
                "version: 1\nname: {}\n\
                 source: {{ mysql: {{ url: \"{}\", database: {DATABASE} }} }}\n\
                 target: {{ mysql: {{ url: \"{}\", database: {database} }} }}\n\
                 move: [\"sbtest*\"]\n",
                database.replace('_', "-"),
                self.source.url(),
                self.target.url()
            ),
        )?;
        let run = || {
            let mut command = Command::new(env!("CARGO_BIN_EXE_whimbrel"));
            command.arg("run").arg(&plan).args(["--until", "caught-up"]);
            command
        };
        let log_path = self.folder.path().join("log");
        let log = File::create(&log_path)?;
        let quiet = || -> Result<Command> {
            let mut command = run();
            command.stdout(log.try_clone()?).stderr(log.try_clone()?);
            Ok(command)
        };
        let measured = self.measure("whimbrel", round, || Ok(vec![quiet()?.spawn()?])).await;
        // What was written since; then both sides stand still and must be equal.
        if measured.is_err() || !quiet()?.status()?.success() {
            return Err(format!("whimbrel failed: {}", std::fs::read_to_string(log_path)?).into());
        }
        let measure = measured?;
        for table in TABLES {
            let source = Side { server: &self.source, database: DATABASE };
            let target = Side { server: &self.target, database: &database };
            let comparison = compare(source, target, table).await?;
            if !comparison.is_equal() {
                return Err(format!("{table}: {comparison}").into());
            }
        }
        Ok(measure)
    }

    /// Runs a contender's processes to their end beside the writer.
    async fn measure(
        &self,
        contender: &'static str,
        round: u64,
        spawn: impl FnOnce() -> Result<Vec<Child>>,
    ) -> Result<Measure> {
        let writer = sysbench::Writer::start(&self.source, self.rows, self.writes).await?;
        let servers = [self.source.pid(), self.target.pid()];
        let before = servers.map(cpu_seconds);
        let start = Instant::now();
        let mut processes: Vec<Process> = spawn()?.into_iter().map(Process::new).collect();
        let mut seconds = 0.0;
        eventually("the contender's end", SECONDS_MAX, async || {
            processes.iter_mut().for_each(Process::sample);
            seconds = start.elapsed().as_secs_f64();
            Ok(processes.iter().all(|process| process.success.is_some()))
        })
        .await?;
        let [source_cpu_seconds, target_cpu_seconds] = [0, 1].map(|side: usize| {
            let now = servers.get(side).copied().flatten();
            cpu_seconds(now) - before.get(side).copied().unwrap_or(0.0)
        });
        let written_transactions = writer.stop().await?;
        if processes.iter().any(|process| process.success != Some(true)) {
            return Err(format!("{contender} failed").into());
        }
        Ok(Measure {
            contender,
            round,
            seconds,
            own_cpu_seconds: processes.iter().map(|process| process.cpu_seconds).sum(),
            source_cpu_seconds,
            target_cpu_seconds,
            resident_mib_max: processes.iter().map(|it| it.resident_kib).max().unwrap_or(0) >> 10,
            written_transactions,
        })
    }

    /// A new, empty database on the target.
    async fn target_database(&self, contender: &str, round: u64) -> Result<String> {
        let database = format!("{contender}_{round}");
        self.target.execute(&format!("CREATE DATABASE {database}")).await?;
        Ok(database)
    }
}

/// A process that is watched while it runs and killed if it is left.
struct Process {
    child: Child,
    /// The last that was seen of its processor time; it is gone with the process.
    cpu_seconds: f64,
    /// The same of its highest resident memory.
    resident_kib: u64,
    /// How it ended, once it has.
    success: Option<bool>,
}

impl Process {
    fn new(child: Child) -> Self {
        Self { child, cpu_seconds: 0.0, resident_kib: 0, success: None }
    }

    fn sample(&mut self) {
        let pid = self.child.id();
        self.cpu_seconds = self.cpu_seconds.max(cpu_seconds(Some(pid)));
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = resident.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
        self.resident_kib = self.resident_kib.max(kib.unwrap_or(0));
        if let Ok(Some(status)) = self.child.try_wait() {
            self.success = Some(status.success());
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended by itself, unless something failed.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The processor time of a process in user and kernel mode; 0 when it is gone.
fn cpu_seconds(pid: Option<u32>) -> f64 {
    let stat = pid.and_then(|pid| std::fs::read_to_string(format!("/proc/{pid}/stat")).ok());
    // The fields after the name, which may hold anything: the 12th and 13th are the times.
    let ticks: f64 = stat
        .as_deref()
        .and_then(|stat| stat.rsplit_once(") "))
        .map(|(_, rest)| {
            rest.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum()
        })
        .unwrap_or(0.0);
    ticks / TICKS_PER_SECOND
}

fn load_average() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or(0.0)
}

fn setting((name, default): (&str, u64)) -> Result<u64> {
    match std::env::var(name) {
        Ok(text) => text.parse().map_err(|_| format!("{name} is `{text}`, not a number").into()),
        Err(_) => Ok(default),
    }
}

/// The table of all measures, and how the contenders' best rounds compare.
fn table(measures: &[Measure]) -> String {
    let mut text = format!(
        "{:<20}{:>6}{:>10}{:>10}{:>12}{:>12}{:>10}{:>10}\n",
        "contender", "round", "seconds", "own cpu", "source cpu", "target cpu", "MiB", "written"
    );
    for measure in measures {
        text.push_str(&row(Some(measure)));
        text.push('\n');
    }
    let best = |contender: &str| {
        let seconds = measures.iter().filter(|it| it.contender == contender).map(|it| it.seconds);
        seconds.fold(f64::INFINITY, f64::min)
    };
    let ratio = best("mysqldump | mysql") / best("whimbrel");
    format!("{text}whimbrel is {ratio:.2} times as fast as mysqldump | mysql (best rounds)")
}

fn row(measure: Option<&Measure>) -> String {
    measure.map_or_else(String::new, |it| {
        format!(
            "{:<20}{:>6}{:>10.1}{:>10.1}{:>12.1}{:>12.1}{:>10}{:>10}",
            it.contender,
            it.round,
            it.seconds,
            it.own_cpu_seconds,
            it.source_cpu_seconds,
            it.target_cpu_seconds,
            it.resident_mib_max,
            it.written_transactions
        )
    })
}
