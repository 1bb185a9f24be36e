//! The program itself.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use whimbrel_kit::Server;

use crate::data::DataSet;
use crate::measure::Step;
use crate::{Result, settings};

/// Whether what whimbrel writes is in the target's binlog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TargetBinlog {
    Written,
    Skipped,
}

/// A plan of a data set, in a file.
pub(crate) struct Plan {
    path: PathBuf,
    log: PathBuf,
}

impl Plan {
    /// Writes it. Everything that it does not need to say is left at its default.
    pub(crate) fn write(
        folder: &Path,
        set: &DataSet,
        (source, target): (&Server, &Server),
        binlog: TargetBinlog,
    ) -> Result<Self> {
        let binlog = match binlog {
            TargetBinlog::Written => "",
            TargetBinlog::Skipped => ", binlog: skip",
        };
        let target =
            format!("mysql: {{ url: \"{}\", database: {}{binlog} }}", target.url(), set.name);
        Self::write_into(folder, set, source, (&target, ""))
    }

    /// Writes one with any target, and with `more` lines.
    pub(crate) fn write_into(
        folder: &Path,
        set: &DataSet,
        source: &Server,
        (target, more): (&str, &str),
    ) -> Result<Self> {
        let name = set.name;
        let path = folder.join(format!("{name}.yaml"));
        std::fs::write(
            &path,
            format!(
                "version: 1\nname: {name}\n\
                 source: {{ mysql: {{ url: \"{}\", database: {name} }} }}\n\
                 target: {{ {target} }}\n\
                 move: [\"*\"]\n{more}",
                source.url()
            ),
        )?;
        Ok(Self { path, log: folder.join("whimbrel.log") })
    }

    /// What it has said.
    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    /// A run to where the source is; recorded by `perf` if the environment asks for it.
    pub(crate) fn until_caught_up(&self) -> Result<Command> {
        let mut command = self.run()?;
        command.args(["--until", "caught-up"]);
        Ok(command)
    }

    /// A run to its end by an interrupt.
    pub(crate) fn run(&self) -> Result<Command> {
        let program = env!("CARGO_BIN_EXE_whimbrel");
        let mut command = match settings::profile() {
            None => Command::new(program),
            Some(file) => {
                let mut command = Command::new("perf");
                command.args(["record", "-F", "499", "-g", "-o", &file, "--", program]);
                command
            }
        };
        let log = File::options().create(true).append(true).open(&self.log)?;
        command.arg("run").arg(&self.path).stdout(log.try_clone()?).stderr(log);
        Ok(command)
    }

    /// [`Plan::until_caught_up`] as a step.
    pub(crate) fn step(&self) -> Result<Step> {
        let mut command = self.until_caught_up()?;
        Ok(Box::new(move || Ok(vec![command.spawn()?])))
    }
}
