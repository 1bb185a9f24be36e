//! The demo: moves a live shop from one MySQL server to another, is killed on the way, and loses nothing.
//!
//! `scripts/demo` builds the program beside this one and runs this. Both servers are started here, on free ports, and end
//! with this process.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a demo talks")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode};
use std::time::Instant;

use whimbrel_kit::{KitError, Server, Side, Writer, compare, eventually};

const TABLES: [&str; 5] = ["customers", "products", "orders", "order_lines", "carts"];
const DATABASE: &str = "shop";
/// How many rows the target's largest table has when the run is killed: about the middle of its copy.
const ROWS_AT_KILL: u64 = 150_000;
/// How long a step may take on a slow machine.
const STEP_SECONDS_MAX: u64 = 600;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> ExitCode {
    match demo().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\ndemo: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn demo() -> Result<()> {
    let start = Instant::now();
    // Cargo builds examples into a folder inside of the programs' own.
    let program = std::env::current_exe()?
        .ancestors()
        .nth(2)
        .map(|folder| folder.join("whimbrel"))
        .filter(|program| program.exists())
        .ok_or("whimbrel is not built: run scripts/demo")?;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/shop");

    say("starting a source and an empty target, and filling the source");
    // As durable as a production source must be: what its log has told others, a crash may not take back.
    let durable =
        Server::builder().flag("--sync-binlog=1").flag("--innodb-flush-log-at-trx-commit=1");
    let (source, target) = tokio::try_join!(durable.start(), Server::start())?;
    println!("source: 127.0.0.1:{}, target: 127.0.0.1:{}", source.port(), target.port());
    source.execute(&format!("CREATE DATABASE {DATABASE}")).await?;
    target.execute(&format!("CREATE DATABASE {DATABASE}")).await?;
    for file in ["schema.sql", "load.sql"] {
        source.execute_in(DATABASE, &std::fs::read_to_string(folder.join(file))?).await?;
    }

    say("starting the application: from now on it writes to the source without pause");
    let writer = Writer::on(&source, DATABASE, &TABLES).workers(2).start().await?;

    let whimbrel = Whimbrel {
        program,
        plan: Path::new("examples/shop/plan.yaml"),
        folder: folder.join("../.."),
        source_url: source.url(),
        target_url: target.url(),
    };
    whimbrel.run(&["validate"])?;
    whimbrel.run(&["explain"])?;
    copy_with_a_kill(&whimbrel, &target).await?;

    say("stopping the application, and bringing its last changes over");
    println!("it wrote {}", writer.stop().await?);
    whimbrel.run(&["run", "--until", "caught-up"])?;
    compare_all(&source, &target).await?;

    say(&format!("done in {} s; stopping both servers", start.elapsed().as_secs()));
    Ok(())
}

/// Runs the plan, kills it hard in the middle, asks how things stand, and runs it again to the end.
async fn copy_with_a_kill(whimbrel: &Whimbrel<'_>, target: &Server) -> Result<()> {
    let mut child = Killed(whimbrel.command(&["run", "--until", "caught-up"]).spawn()?);
    eventually("the copy's middle", STEP_SECONDS_MAX, async || {
        if !matches!(child.0.try_wait(), Ok(None)) {
            return Ok(true);
        }
        let count = format!("SELECT COUNT(*) FROM {DATABASE}.order_lines");
        match target.row::<u64>(&count).await {
            Ok(rows) => Ok(rows.unwrap_or(0) >= ROWS_AT_KILL),
            // The table is not there yet.
            Err(KitError::Mysql(_)) => Ok(false),
            Err(error) => Err(error),
        }
    })
    .await?;
    if let Some(status) = child.0.try_wait()? {
        return Err(format!("whimbrel ended before it was killed: {status}").into());
    }
    drop(child);
    say("killed it hard (SIGKILL) in the middle of the copy; this is how things stand");
    whimbrel.run(&["status"])?;
    say("the same command again: it goes on where it was");
    whimbrel.run(&["run", "--until", "caught-up"])
}

/// Compares every table row by row, without any of Whimbrel's code.
async fn compare_all(source: &Server, target: &Server) -> Result<()> {
    say("comparing both sides row by row");
    let mut different_rows = 0;
    for table in TABLES {
        let comparison = compare(
            Side { server: source, database: DATABASE },
            Side { server: target, database: DATABASE },
            table,
        )
        .await?;
        println!("{table:>12}: {comparison}");
        different_rows += comparison.different_rows;
    }
    if different_rows > 0 {
        return Err(format!("{different_rows} rows differ").into());
    }
    println!("both sides are equal");
    Ok(())
}

/// The program, and what it is run with.
struct Whimbrel<'a> {
    program: PathBuf,
    plan: &'a Path,
    folder: PathBuf,
    source_url: String,
    target_url: String,
}

impl Whimbrel<'_> {
    /// The command with the plan after its name, shown as a person would type it.
    fn command(&self, arguments: &[&str]) -> Command {
        let (name, options) = arguments.split_first().unwrap_or((&"help", &[]));
        let plan = self.plan.display();
        println!("\n$ whimbrel {name} {plan} {}", options.join(" "));
        let mut command = Command::new(&self.program);
        command
            .arg(name)
            .arg(self.plan)
            .args(options)
            .current_dir(&self.folder)
            .env("SOURCE_URL", &self.source_url)
            .env("TARGET_URL", &self.target_url);
        command
    }

    /// Runs the command to its end, which must be a good one.
    fn run(&self, arguments: &[&str]) -> Result<()> {
        let status = self.command(arguments).status()?;
        if status.success() { Ok(()) } else { Err(format!("whimbrel failed: {status}").into()) }
    }
}

/// A process that is killed when it goes out of scope, so that an error here leaves nothing running.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // It may have ended by itself; nothing is left to do then.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn say(what: &str) {
    println!("\n== {what}");
}
