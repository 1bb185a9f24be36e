//! What else copies tables, and how it is called.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use whimbrel_kit::{Programs, Server};

use crate::Result;
use crate::data::DataSet;
use crate::measure::Step;
use crate::whimbrel::Plan;

/// Connections of LOAD DATA, and threads of mydumper and myloader.
const CONNECTIONS: u64 = 4;
/// Rows of a statement of `load-data-10000`.
const STATEMENT_ROWS: u64 = 10_000;

/// One contender, between a source and a target that has an empty database of the set's name.
pub(crate) struct Contender<'a> {
    pub(crate) set: &'a DataSet,
    pub(crate) source: &'a Server,
    pub(crate) target: &'a Server,
}

impl Contender<'_> {
    /// What the contender runs. What it needs beforehand is made here, outside of the measured time.
    pub(crate) async fn steps(
        &self,
        name: &str,
        files: &Files,
        plan: &Plan,
        folder: &Path,
    ) -> Result<Vec<Step>> {
        let log = File::create(folder.join("log"))?;
        match name {
            "mysqldump" => self.mysqldump(&log).await,
            "mydumper" => self.mydumper(&folder.join("dump"), &log),
            "load-data" => self.load_data(&files.whole, &log).await,
            "load-data-10000" => self.load_data(&files.small, &log).await,
            _ => Ok(vec![plan.step()?]),
        }
    }

    async fn mysqldump(&self, log: &File) -> Result<Vec<Step>> {
        let mut dump = client("mysqldump", self.source, log).await?;
        dump.args(["--single-transaction", "--set-gtid-purged=OFF", self.set.name]);
        dump.args(self.set.tables).stdout(Stdio::piped());
        let mut load = client("mysql", self.target, log).await?;
        load.arg(self.set.name);
        Ok(vec![Box::new(move || {
            let mut dumping = dump.spawn()?;
            let output = dumping.stdout.take().ok_or("mysqldump has no output")?;
            let loading = load.stdin(output).spawn()?;
            Ok(vec![dumping, loading])
        })])
    }

    /// Both with four threads. myloader's are all busy also when there is one table: it is dumped in parts.
    fn mydumper(&self, dump: &Path, log: &File) -> Result<Vec<Step>> {
        let programs = mydumper_programs()?;
        let command = |program: &str, server: &Server| -> Result<Command> {
            let mut command = Command::new(programs.join("bin").join(program));
            command.args(["--host=127.0.0.1", "--user=root"]);
            command.arg(format!("--port={}", server.port()));
            command.arg(format!("--threads={CONNECTIONS}"));
            command.stdout(log.try_clone()?).stderr(log.try_clone()?);
            Ok(command)
        };
        let mut dumping = command("mydumper", self.source)?;
        dumping.arg(format!("--database={}", self.set.name)).arg("--outputdir").arg(dump);
        dumping.arg(format!("--rows={}", (self.set.row_count() / CONNECTIONS).max(1)));
        let mut loading = command("myloader", self.target)?;
        loading.arg(format!("--database={}", self.set.name)).arg("--directory").arg(dump);
        loading.arg("--overwrite-tables");
        Ok(vec![
            Box::new(move || Ok(vec![dumping.spawn()?])),
            Box::new(move || Ok(vec![loading.spawn()?])),
        ])
    }

    /// The files of each connection, in one session each, into tables that have their indexes.
    async fn load_data(&self, files: &[Vec<Part>], log: &File) -> Result<Vec<Step>> {
        for table in self.set.tables {
            let show = format!("SHOW CREATE TABLE {}.{table}", self.set.name);
            let (_, create): (String, String) =
                self.source.row(&show).await?.ok_or("a table is gone")?;
            self.target.execute_in(self.set.name, &create).await?;
        }
        let mut loads = Vec::new();
        for parts in files {
            let statements: Vec<String> = parts.iter().map(Part::load_statement).collect();
            let mut load = client("mysql", self.target, log).await?;
            load.args(["--local-infile=1", self.set.name, "--execute"]).arg(statements.join("; "));
            loads.push(load);
        }
        Ok(vec![Box::new(move || {
            loads.iter_mut().map(|load| Ok(load.spawn()?)).collect::<Result<Vec<_>>>()
        })])
    }
}

/// A client program of the server's own.
async fn client(program: &str, server: &Server, log: &File) -> Result<Command> {
    let mut command = Command::new(Programs::find().await?.path(program)?);
    command.args(["--no-defaults", "--host=127.0.0.1", "--user=root"]);
    command.arg(format!("--port={}", server.port()));
    command.stdout(log.try_clone()?).stderr(log.try_clone()?);
    Ok(command)
}

/// The folder of Debian's mydumper; got when it is not there.
fn mydumper_programs() -> Result<PathBuf> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/bench/mydumper");
    let output = Command::new(script).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err("there is no mydumper; BENCH_CONTENDERS can leave it out".into());
    }
    Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}

/// Rows of a table as LOAD DATA takes them.
pub(crate) struct Part {
    table: &'static str,
    path: PathBuf,
}

impl Part {
    fn load_statement(&self) -> String {
        format!(
            "LOAD DATA LOCAL INFILE '{}' INTO TABLE {} CHARACTER SET binary",
            self.path.display(),
            self.table
        )
    }
}

/// Ready-made files, by connection.
pub(crate) struct Files {
    /// Each connection has one file.
    whole: Vec<Vec<Part>>,
    /// The same in files of few rows.
    small: Vec<Vec<Part>>,
}

impl Files {
    /// Lets the source write those that the contenders need.
    pub(crate) async fn write(
        source: &Server,
        set: &DataSet,
        contenders: &[&str],
        folder: &Path,
    ) -> Result<Self> {
        let mut files = Self { whole: Vec::new(), small: Vec::new() };
        if contenders.contains(&"load-data") {
            files.whole = write(source, set, u64::MAX, &folder.join("whole")).await?;
        }
        if contenders.contains(&"load-data-10000") {
            files.small = write(source, set, STATEMENT_ROWS, &folder.join("small")).await?;
        }
        Ok(files)
    }
}

/// Cuts the set into as many shares as there are connections, in the order of the key, and each share into files.
async fn write(
    source: &Server,
    set: &DataSet,
    file_rows: u64,
    folder: &Path,
) -> Result<Vec<Vec<Part>>> {
    std::fs::create_dir(folder)?;
    let share_rows = set.row_count().div_ceil(CONNECTIONS);
    let mut shares = Vec::new();
    for &table in set.tables {
        for first in (1..=set.rows).step_by(usize::try_from(share_rows)?) {
            let last = set.rows.min(first + share_rows - 1);
            let mut parts = Vec::new();
            for from in (first..=last).step_by(usize::try_from(file_rows)?) {
                let to = last.min(from.saturating_add(file_rows - 1));
                let path = folder.join(format!("{table}.{from}"));
                source
                    .execute_in(
                        set.name,
                        &format!(
                            "SELECT * FROM {table} WHERE id BETWEEN {from} AND {to} {} \
                             INTO OUTFILE '{}' CHARACTER SET binary",
                            set.key_order,
                            path.display()
                        ),
                    )
                    .await?;
                parts.push(Part { table, path });
            }
            shares.push(parts);
        }
    }
    Ok(shares)
}
