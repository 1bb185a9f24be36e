//! The plans of `plans/`, each run as it stands, several of them between the same servers whose application
//! goes on writing: in the end every target is what a SELECT gives on the source, and each row on its shard.

mod examples;
mod keyspaces;
mod rows;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tokio::sync::watch;
use whimbrel_kit::{Server, Vitess};

use self::{
    examples::{EXAMPLES, Example},
    rows::{Lines, add, difference, lines},
};
use crate::{
    command::{command, text},
    support::{Running, tick},
};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../plans");
const TABLES: &str = include_str!("../plans/shop.sql");
const ROWS: &str = include_str!("plans/rows.sql");
const CHANGES: &str = include_str!("plans/changes.sql");

/// What plans refer to, but for the servers.
const TOKEN_KEY: &str = "a key for tests alone";

/// How many rounds of changes come at the least when all plans follow.
const ROUNDS: u32 = 12;

/// How long the targets may take for the last changes: far above what they do, so that a plan that makes
/// something else fails.
const BEHIND_MAX: Duration = Duration::from_secs(30);

/// The names of all plans, without `.yaml`.
fn plans() -> BTreeSet<String> {
    let files = fs::read_dir(FOLDER).unwrap().map(|file| file.unwrap().path());
    let plans = files.filter(|path| path.extension().is_some_and(|it| it == "yaml"));
    plans.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

fn with_secrets(command: &mut Command, [source, target, vtgate, shard]: [&str; 4]) {
    let servers = [("SOURCE_URL", source), ("TARGET_URL", target), ("VTGATE_URL", vtgate)];
    // One server has all shards.
    command.env("LOWER_SHARD_URL", shard).env("UPPER_SHARD_URL", shard);
    command.envs(servers).env("TOKEN_KEY", TOKEN_KEY);
}

/// Runs the program on all plans or one, without a server.
fn offline(arguments: &[&str]) -> (String, String) {
    let mut command = command(Path::new(FOLDER), arguments);
    let servers =
        ["mysql://app@source", "mysql://app@target", "mysql://app@vtgate", "mysql://app@shard"];
    with_secrets(&mut command, servers);
    let output = command.output().unwrap();
    let (shown, told) = (text(output.stdout), text(output.stderr));
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {shown}{told}");
    (shown, told)
}

#[test]
fn every_plan_is_in_the_readme_and_among_the_examples() {
    let readme = fs::read_to_string(Path::new(FOLDER).join("README.md")).unwrap();
    let linked: BTreeSet<String> = readme
        .split("](")
        .filter_map(|rest| rest.split_once(".yaml)"))
        .map(|(name, _)| name.to_owned())
        .collect();
    let tested: BTreeSet<String> = EXAMPLES.iter().map(|it| it.plan.to_owned()).collect();

    assert_eq!(linked, plans());
    assert_eq!(tested, plans());
}

#[test]
fn every_plan_is_valid_and_typed_without_a_server() {
    for Example { plan, remarks, .. } in EXAMPLES {
        let file = format!("{plan}.yaml");

        let (shown, told) = offline(&["validate", &file]);
        let (explained, _) = offline(&["explain", &file]);

        assert_eq!(shown, format!("{file}: valid\n"));
        let is_id = |line: &&str| line.contains('.') && !line.contains(' ');
        assert_eq!(told.lines().filter(is_id).collect::<Vec<_>>(), *remarks, "{told}");
        assert_eq!(told.is_empty(), remarks.is_empty(), "{told}");
        let is_typed = explained.contains("CREATE TABLE") || !explained.contains("\ntable `");
        assert!(is_typed, "{explained}");
    }
}

/// The servers between which the plans run.
struct World {
    source: Server,
    target: Server,
    vitess: Vitess,
}

/// A plan under way.
struct Following<'a> {
    example: &'static Example,
    running: Running,
    /// The keyspace that it writes, if it is one.
    keyspace: Option<String>,
    /// The server and the databases that it writes.
    server: &'a Server,
    databases: Vec<String>,
}

impl World {
    async fn new() -> Self {
        let (source, target, vitess) =
            tokio::join!(Server::start(), Server::start(), keyspaces::start());
        let (source, target) = (source.unwrap(), target.unwrap());
        source.execute("CREATE DATABASE shop").await.unwrap();
        source.execute_in("shop", TABLES).await.unwrap();
        source.execute_in("shop", ROWS).await.unwrap();
        Self { source, target, vitess }
    }

    /// Runs a plan as it stands, which goes on until it is interrupted.
    async fn run(&self, example: &'static Example, folder: &Path) -> Following<'_> {
        let Self { source, target, vitess } = self;
        let file = format!("{}.yaml", example.plan);
        let text = fs::read_to_string(Path::new(FOLDER).join(&file)).unwrap();
        let (_, written) = text.split_once("\ntarget:\n").unwrap();
        let named = |key| Some(written.split_once(key)?.1.lines().next()?.to_owned());
        let (keyspace, server) = if written.contains("${env:VTGATE_URL}") {
            (named("keyspace: "), vitess.mysql())
        } else if written.contains("${env:SOURCE_URL}") {
            (None, source)
        } else {
            (None, target)
        };
        let databases = match &keyspace {
            Some(keyspace) => keyspaces::databases(vitess, keyspace),
            None => {
                let database = named("database: ").unwrap();
                let create = format!("CREATE DATABASE IF NOT EXISTS {database}");
                server.execute(&create).await.unwrap();
                vec![database]
            }
        };
        assert!(!databases.is_empty(), "{written}");
        let mut command = command(Path::new(FOLDER), &["run", &file, "--every", "1"]);
        let shards = vitess.mysql().url();
        with_secrets(&mut command, [&source.url(), &target.url(), &vitess.url(), &shards]);
        command.stdin(Stdio::null());
        let running = Running::of(command, folder.join(example.plan));
        Following { example, running, keyspace, server, databases }
    }
}

impl Following<'_> {
    /// What each database gives that has all rows; what all give together if each has a part.
    async fn lines(&self, sql: &str) -> Vec<Lines> {
        let mut each = Vec::new();
        for database in &self.databases {
            each.push(lines(self.server, database, sql).await);
        }
        if self.example.sharded.is_empty() {
            return each;
        }
        let mut all = Lines::new();
        each.into_iter().for_each(|part| add(&mut all, part));
        vec![all]
    }
}

#[tokio::test]
async fn every_plan_makes_what_a_select_gives_of_tables_that_change() {
    let world = World::new().await;
    let folder = TempDir::new().unwrap();
    let (all_follow, follow) = watch::channel(false);
    let application = change(&world.source, follow);
    let plans = async {
        let mut plans = Vec::new();
        for example in EXAMPLES {
            plans.push(world.run(example, folder.path()).await);
        }
        for plan in &mut plans {
            plan.running.says("following").await;
        }
        all_follow.send_replace(true);
        plans
    };

    let (plans, ()) = tokio::join!(plans, application);

    assert_all_equal(&world.source, &plans).await;
    for Following { example, running, keyspace, .. } in plans {
        running.interrupt();
        let (code, log) = running.ended().await;
        assert_eq!(code, Some(0), "{}: {log}", example.plan);
        assert!(!log.contains("[schema-file]"), "{}: {log}", example.plan);
        for sharded in example.sharded {
            keyspaces::assert_placed(&world.vitess, keyspace.as_deref().unwrap(), *sharded).await;
        }
    }
    keyspaces::assert_looked_up(&world.vitess).await;
    keyspaces::assert_refer(&world.vitess).await;
}

/// Changes rows until all plans follow, and some rounds more.
async fn change(source: &Server, all_follow: watch::Receiver<bool>) {
    let mut left = ROUNDS;
    for round in 1_u32.. {
        source.execute_in("shop", &format!("SET @n = {round}; {CHANGES}")).await.unwrap();
        if *all_follow.borrow() {
            left -= 1;
            if left == 0 {
                return;
            }
        }
    }
}

/// Waits until every target is what it ought to be, and tells of those that are not.
async fn assert_all_equal(source: &Server, plans: &[Following<'_>]) {
    let deadline = Instant::now() + BEHIND_MAX;
    let mut wanted = BTreeMap::new();
    let mut left: Vec<(&Following<'_>, usize)> = Vec::new();
    for plan in plans {
        for (place, (shown, sql)) in plan.example.targets.iter().enumerate() {
            let lines = lines(source, "shop", sql).await;
            assert!(!lines.is_empty(), "`{shown}` of {} proves nothing", plan.example.plan);
            wanted.insert((plan.example.plan, place), lines);
            left.push((plan, place));
        }
    }
    loop {
        let mut differences = Vec::new();
        let mut still = Vec::new();
        for (plan, place) in left {
            let (shown, _) = plan.example.targets[place];
            let wanted = &wanted[&(plan.example.plan, place)];
            let each = plan.lines(shown).await;
            if let Some(found) = each.iter().find(|found| *found != wanted) {
                let difference = difference(wanted, found);
                differences.push(format!("{}: `{shown}`: {difference}", plan.example.plan));
                still.push((plan, place));
            }
        }
        left = still;
        if left.is_empty() {
            return;
        }
        assert!(Instant::now() < deadline, "\n{}", differences.join("\n"));
        tick().await;
    }
}
