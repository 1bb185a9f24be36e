use std::path::{Path, PathBuf};
use std::process::Command;

use tokio::sync::OnceCell;

use crate::KitError;

/// How many of the script's last lines an error repeats.
const SAID_LINES_MAX: usize = 12;

/// The folder of server programs that `scripts/servers` made or found.
#[derive(Debug, Clone)]
pub struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// Finds the programs, getting them first if this machine has none yet; once a process.
    ///
    /// # Errors
    ///
    /// [`KitError::NoServer`] when they cannot be had, [`KitError::System`] when the script cannot be run.
    pub async fn find() -> Result<&'static Self, KitError> {
        static FOUND: OnceCell<Programs> = OnceCell::const_new();
        FOUND
            .get_or_try_init(|| async {
                tokio::task::spawn_blocking(find)
                    .await
                    .map_err(|source| KitError::NoServer { said: source.to_string() })?
            })
            .await
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

    /// The template data folder; to be copied, never to be run on.
    pub fn template(&self) -> PathBuf {
        self.folder.join("template")
    }
}

fn find() -> Result<Programs, KitError> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/servers");
    let output =
        Command::new(&script).output().map_err(KitError::system("run `scripts/servers`"))?;
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
