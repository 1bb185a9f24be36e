//! A program that serves, in a folder of its own.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::KitError;
use crate::programs::last_lines;
use crate::server::owner;
use crate::wait::pause;
use crate::watchdog::{self, Launch, Order, Watchdog};

/// How long a program may take until it is ready. Those of Vitess take a few seconds alone.
const READY_SECONDS_MAX: u64 = 60;
/// How often that is looked at.
const POLL: Duration = Duration::from_millis(25);
/// How many lines of its log an error repeats.
const LOG_LINES_MAX: usize = 15;
/// The user `nobody`, for whom Vitess runs when we are root: none of its programs but the client runs as root.
const NOBODY: u32 = 65_534;

/// A process of our own. Dropping it kills it and removes its folder.
#[derive(Debug)]
pub struct Process {
    program: PathBuf,
    arguments: Vec<String>,
    /// The user that it runs as, if not ours.
    user: Option<u32>,
    /// Present while it was not told to end. Declared before `folder`: it ends before what it needs.
    watchdog: Option<Watchdog>,
    folder: TempDir,
}

impl Process {
    /// One of `program` that has not been started, to run as the user that we are.
    pub(crate) fn ours(program: PathBuf) -> Result<Self, KitError> {
        let folder = tempfile::Builder::new()
            .prefix("whimbrel-process-")
            .tempdir()
            .map_err(KitError::system("make a folder for a process"))?;
        Ok(Self { program, arguments: Vec::new(), user: None, watchdog: None, folder })
    }

    /// One of `program`, a program of Vitess: if we are root, it runs as somebody else.
    pub(crate) fn of_vitess(program: &Path) -> Result<Self, KitError> {
        let mut process = Self::ours(program.to_owned())?;
        let folder = process.folder.path().to_owned();
        if owner(&folder) != Some(0) {
            return Ok(process);
        }
        process.user = Some(NOBODY);
        // Who is somebody else may not be able to reach the cache, which is in our home folder.
        process.program = folder.join("program");
        let furnish = || {
            chown(&folder, process.user, process.user)?;
            let program = program.canonicalize()?;
            fs::hard_link(&program, &process.program)
                .or_else(|_| fs::copy(&program, &process.program).map(drop))
        };
        furnish().map_err(KitError::system("make a folder for a process"))?;
        Ok(process)
    }

    /// Its process id, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.watchdog.as_ref().filter(|watchdog| watchdog.is_running()).map(Watchdog::pid)
    }

    /// The folder that it runs in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The end of its log.
    #[must_use]
    pub fn log(&self) -> String {
        let bytes = fs::read(self.log_path()).unwrap_or_default();
        last_lines(&String::from_utf8_lossy(&bytes), LOG_LINES_MAX)
    }

    /// Stops it in order (SIGTERM); nothing is done if it does not run.
    ///
    /// # Errors
    ///
    /// [`KitError::System`] when it cannot be told or waited for, [`KitError::Never`] when it does not end.
    pub async fn stop(&mut self) -> Result<(), KitError> {
        watchdog::end(&mut self.watchdog, Order::Stop).await
    }

    /// Kills it as a lost machine does (SIGKILL).
    ///
    /// # Errors
    ///
    /// [`KitError::System`] when it cannot be killed or waited for.
    pub async fn kill_hard(&mut self) -> Result<(), KitError> {
        watchdog::end(&mut self.watchdog, Order::Kill).await
    }

    /// Starts it with the arguments it has, on the ports it had, after an orderly stop if it runs; does not wait until it
    /// is ready.
    ///
    /// # Errors
    ///
    /// [`KitError::System`] when it cannot be started; those of [`Process::stop`].
    pub async fn restart(&mut self) -> Result<(), KitError> {
        self.stop().await?;
        self.watchdog = Some(Watchdog::start(Launch {
            program: &self.program,
            arguments: &self.arguments,
            folder: self.folder.path(),
            log: &self.log_path(),
            user: self.user,
        })?);
        Ok(())
    }

    /// Sets what it is started with.
    pub(crate) fn set_arguments(&mut self, arguments: Vec<String>) {
        self.arguments = arguments;
    }

    /// Makes a folder in its own that it may write to.
    pub(crate) fn make_folder(&self, name: &str) -> Result<(), KitError> {
        let path = self.folder.path().join(name);
        // Its user's also because its watchdog, which is the same user's, removes it.
        fs::create_dir(&path)
            .and_then(
                |()| if self.user.is_some() { chown(&path, self.user, self.user) } else { Ok(()) },
            )
            .map_err(KitError::system("make a folder for a process"))
    }

    /// Waits until `fact` is true of it; `port` is the one that the error names.
    pub(crate) async fn ready(
        &self,
        port: u16,
        mut fact: impl AsyncFnMut() -> bool,
    ) -> Result<(), KitError> {
        let deadline = Instant::now() + Duration::from_secs(READY_SECONDS_MAX);
        while !fact().await {
            if self.pid().is_none() {
                return Err(KitError::Ended { log: self.log() });
            }
            if Instant::now() >= deadline {
                return Err(KitError::NotReady {
                    port,
                    waited_seconds: READY_SECONDS_MAX,
                    log: self.log(),
                });
            }
            pause(POLL).await;
        }
        Ok(())
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("log")
    }
}
