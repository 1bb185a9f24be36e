use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use tokio::sync::OnceCell;

use crate::KitError;

/// How many of the script's last lines an error repeats.
const SAID_LINES_MAX: usize = 12;

/// The folder of server programs that a script of this repository made or found.
#[derive(Debug, Clone)]
pub struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// Finds MySQL's programs, getting them first if this machine has none yet; once a process.
    ///
    /// # Errors
    ///
    /// [`KitError::NoServer`] when they cannot be had, [`KitError::System`] when the script cannot be run.
    pub async fn find() -> Result<&'static Self, KitError> {
        static FOUND: OnceCell<Programs> = OnceCell::const_new();
        FOUND.get_or_try_init(|| ask("scripts/servers", &[])).await
    }

    /// Finds Vitess's programs, building them first if this machine has none yet; once a process.
    ///
    /// # Errors
    ///
    /// Those of [`Programs::find`].
    pub async fn vitess() -> Result<&'static Self, KitError> {
        static FOUND: OnceCell<Programs> = OnceCell::const_new();
        FOUND.get_or_try_init(|| ask("scripts/vitess/programs", &[])).await
    }

    /// Finds the programs of a Vitess cluster, building them first if this machine has none yet; once a process.
    ///
    /// # Errors
    ///
    /// Those of [`Programs::find`].
    pub async fn cluster() -> Result<&'static Self, KitError> {
        static FOUND: OnceCell<Programs> = OnceCell::const_new();
        FOUND.get_or_try_init(|| ask("scripts/vitess/programs", &["cluster"])).await
    }

    /// The program `name`, such as `mysqld` or `mysqldump`.
    ///
    /// # Errors
    ///
    /// [`KitError::NoProgram`] when the folder has none of that name.
    pub fn path(&self, name: &str) -> Result<PathBuf, KitError> {
        let path = self.folder.join("bin").join(name);
        if path.exists() { Ok(path) } else { Err(KitError::NoProgram { path }) }
    }

    /// The template data folder; to be copied, never to be run on. Only MySQL's programs come with one.
    pub fn template(&self) -> PathBuf {
        self.folder.join("template")
    }
}

/// The folder that `script` prints.
async fn ask(script: &str, arguments: &'static [&str]) -> Result<Programs, KitError> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(script);
    let output = tokio::task::spawn_blocking(move || Command::new(path).args(arguments).output())
        .await
        .map_err(io::Error::other)
        .and_then(|result| result)
        .map_err(KitError::system("run the script that gets a server"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(KitError::NoServer { said: last_lines(&said, SAID_LINES_MAX) });
    }
    let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    Ok(Programs { folder })
}

/// The last `lines_max` lines of `text`.
pub(crate) fn last_lines(text: &str, lines_max: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let first = lines.len().saturating_sub(lines_max);
    lines.get(first..).unwrap_or_default().join("\n")
}
