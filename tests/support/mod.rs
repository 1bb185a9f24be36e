//! A plan between two servers, and the program run on it.

use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;
use whimbrel_kit::{Server, Side, compare};

/// How long a run in a test may take: far above any, so that a hang is a failure.
const RUN_TIME_MAX: Duration = Duration::from_secs(240);

/// What a run says to do when the target's state is not as it left it.
pub(crate) const DIVERGED_REMEDY: &str = "run again: it goes on from what the target holds now; if the target was restored from a backup, \
     its tables and `_whimbrel_*` must be of the same moment";

/// A plan file, and what it speaks of.
pub(crate) struct Migration<'a> {
    pub(crate) source: &'a Server,
    pub(crate) target: &'a Server,
    pub(crate) source_database: String,
    pub(crate) target_database: String,
    folder: TempDir,
}

impl<'a> Migration<'a> {
    /// A plan that moves `rules` from one database to the other. `more` is put at its end.
    pub(crate) fn new(
        (source, source_database): (&'a Server, &str),
        (target, target_database): (&'a Server, &str),
        rules: &[&str],
        more: &str,
    ) -> Self {
        let migration = Self {
            source,
            target,
            source_database: source_database.to_owned(),
            target_database: target_database.to_owned(),
            folder: TempDir::new().unwrap(),
        };
        migration.write_plan((&source.url(), &target.url()), rules, more);
        migration
    }

    /// Writes the plan anew.
    pub(crate) fn write_plan(
        &self,
        (source_url, target_url): (&str, &str),
        rules: &[&str],
        more: &str,
    ) {
        let rules: Vec<String> = rules.iter().map(|rule| format!("  - {rule:?}\n")).collect();
        let plan = format!(
            "version: 1\nname: test\nsource:\n  mysql: {{ url: {source_url:?}, database: {:?} }}\n\
             target:\n  mysql: {{ url: {target_url:?}, database: {:?} }}\nmove:\n{}{more}",
            self.source_database,
            self.target_database,
            rules.concat(),
        );
        fs::write(self.plan_path(), plan).unwrap();
    }

    /// Gives up what it knows of the servers and keeps the plan: for a run under which a server is
    /// restarted.
    pub(crate) fn into_folder(self) -> TempDir {
        self.folder
    }

    /// Gives the plan another name.
    pub(crate) fn rename(&self, name: &str) {
        self.edit("name: test", &format!("name: {name}"));
    }

    /// Replaces a part of the plan, which must have it.
    pub(crate) fn edit(&self, part: &str, by: &str) {
        let plan = fs::read_to_string(self.plan_path()).unwrap();
        assert!(plan.contains(part), "`{part}` is not in\n{plan}");
        fs::write(self.plan_path(), plan.replace(part, by)).unwrap();
    }

    /// Makes a keyspace of the vtgate at `url` the target, in place of the database.
    pub(crate) fn aim_at_keyspace(&self, url: &str, keyspace: &str) {
        let (server, database) = (self.target.url(), &self.target_database);
        self.edit(
            &format!("mysql: {{ url: {server:?}, database: {database:?} }}"),
            &format!("vitess: {{ url: {url:?}, keyspace: {keyspace} }}"),
        );
    }

    /// Lets the rows of the keyspace's shards go straight to the servers at the URLs beside them.
    pub(crate) fn aim_at_tablets(&self, keyspace: &str, tablets: &[(&str, &str)]) {
        let tablet = |(shard, url): &(&str, &str)| format!("{shard:?}: {{ url: {url:?} }}");
        let tablets: Vec<String> = tablets.iter().map(tablet).collect();
        let part = format!("keyspace: {keyspace}");
        self.edit(&part, &format!("{part}, tablets: {{ {} }}", tablets.join(", ")));
    }

    /// Writes a file beside the plan.
    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    fn plan_path(&self) -> PathBuf {
        self.folder.path().join("plan.yaml")
    }

    /// The program with `arguments`, which name the plan `plan.yaml`.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_whimbrel"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Starts a run that goes on until it is stopped. Its output is kept in files.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let log = self.folder.path().join(format!("run-{number}.log"));
        let command = self.command(&[&["run", "plan.yaml", "--every", "1"], arguments].concat());
        Running::of(command, log)
    }

    /// Runs until caught up, and wants that to succeed.
    pub(crate) async fn catch_up(&self) {
        let (code, log) = self.start(&["--until", "caught-up"]).ended().await;
        assert_eq!(code, Some(0), "\n{log}");
    }

    /// Runs, and wants a failure with `code` whose output holds each of `texts`.
    pub(crate) async fn refused(&self, code: i32, texts: &[&str]) {
        let (found, log) = self.start(&["--until", "caught-up"]).ended().await;
        for text in texts {
            assert!(log.contains(text), "`{text}` is not in\n{log}");
        }
        assert_eq!(found, Some(code), "\n{log}");
    }

    /// What `status` tells, as JSON.
    pub(crate) fn status(&self) -> serde_json::Value {
        let output = self.command(&["status", "plan.yaml", "--format", "json"]).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", shown(&output)))
    }

    /// Wants `status` to fail with the error `id`, in whose text is each of `texts`.
    pub(crate) fn status_fails(&self, id: &str, texts: &[&str]) {
        let output = self.command(&["status", "plan.yaml"]).output().unwrap();
        let said = shown(&output);
        for text in [format!("error[{id}]: ").as_str()].iter().chain(texts) {
            assert!(said.contains(text), "`{text}` is not in\n{said}");
        }
    }

    /// Compares a table row by row.
    pub(crate) async fn assert_equal(&self, tables: &[&str]) {
        for table in tables {
            let source = Side { server: self.source, database: &self.source_database };
            let target = Side { server: self.target, database: &self.target_database };
            let found = compare(source, target, table).await.unwrap();
            assert!(found.is_equal(), "`{table}`: {found:?}");
        }
    }
}

/// A run under way. Killed when dropped.
pub(crate) struct Running {
    child: Child,
    log: PathBuf,
}

impl Running {
    /// Starts `command` and keeps what it says in the file `log`.
    pub(crate) fn of(mut command: Command, log: PathBuf) -> Self {
        let file = fs::File::create(&log).unwrap();
        let child = command.stdout(file.try_clone().unwrap()).stderr(file).spawn().unwrap();
        Self { child, log }
    }

    /// Waits until the output holds `text`.
    pub(crate) async fn says(&mut self, text: &str) {
        let deadline = Instant::now() + RUN_TIME_MAX;
        while !self.log().contains(text) {
            assert!(Instant::now() < deadline, "never said `{text}`:\n{}", self.log());
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none() || self.log().contains(text), "ended:\n{}", self.log());
            tick().await;
        }
    }

    /// What it has said so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// The rows copied and those estimated, of each line of a copy so far.
    pub(crate) fn rows_told(&self) -> Vec<(u64, u64)> {
        let number = |text: &str| text.replace(',', "").parse::<u64>().ok();
        let told = |line: &str| {
            let counts = line.split(" · ").find_map(|part| part.split_once(" of about "))?;
            Some((number(counts.0)?, number(counts.1.split_once(' ')?.0)?))
        };
        self.log().lines().filter_map(told).collect()
    }

    /// Kills it hard.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends it an interrupt, as Ctrl-C does.
    pub(crate) fn interrupt(&self) {
        self.signal("-INT");
    }

    /// Freezes it, as a machine does that is suspended.
    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Wakes it after [`Running::freeze`].
    pub(crate) fn wake(&self) {
        self.signal("-CONT");
    }

    /// The most memory that it has had resident, in MiB.
    pub(crate) fn resident_mib_max(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kib / 1024
    }

    fn signal(&self, signal: &str) {
        let sent =
            Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Its exit code and what it said, once it has ended.
    pub(crate) async fn ended(mut self) -> (Option<i32>, String) {
        let deadline = Instant::now() + RUN_TIME_MAX;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status.code(), self.log());
            }
            assert!(Instant::now() < deadline, "did not end:\n{}", self.log());
            tick().await;
        }
    }
}

impl Running {
    /// Wants it to fail with the error `id`, in whose text is each of `texts`; what it said.
    pub(crate) async fn fails(self, id: &str, texts: &[&str]) -> String {
        let (code, log) = self.ended().await;
        let error = format!("error[{id}]: ");
        for text in [&error, "\n  help: "].iter().chain(texts) {
            assert!(log.contains(text), "`{text}` is not in\n{log}");
        }
        assert_eq!(code, Some(1), "\n{log}");
        log
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Gone already, or to be gone now.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Between two looks at a fact that is waited for.
pub(crate) async fn tick() {
    #[expect(clippy::disallowed_methods, reason = "a pause between two looks at a process")]
    tokio::time::sleep(Duration::from_millis(10)).await;
}

/// An ended program, for a failure's message.
pub(crate) fn shown(output: &Output) -> String {
    format!(
        "{:?}\n{}\n{}",
        output.status.code(),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
