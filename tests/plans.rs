//! The plans of `plans/`, each run as it stands, several of them between the same servers whose application
//! goes on writing: in the end every target is what a SELECT gives on the source.

mod examples;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tokio::sync::watch;
use whimbrel_kit::{
    Server,
    mysql_async::{Row, Value, prelude::Queryable},
};

use self::examples::{EXAMPLES, Example};
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

fn with_secrets(command: &mut Command, source: &str, target: &str) {
    command.envs([("SOURCE_URL", source), ("TARGET_URL", target), ("TOKEN_KEY", TOKEN_KEY)]);
}

/// Runs the program on all plans or one, without a server.
fn offline(arguments: &[&str]) -> (String, String) {
    let mut command = command(Path::new(FOLDER), arguments);
    with_secrets(&mut command, "mysql://app@source", "mysql://app@target");
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
    for plan in plans() {
        let file = format!("{plan}.yaml");

        let (shown, told) = offline(&["validate", &file]);
        let (explained, _) = offline(&["explain", &file]);

        assert_eq!((shown, told.as_str()), (format!("{file}: valid\n"), ""));
        let is_typed = explained.contains("CREATE TABLE") || !explained.contains("\ntable `");
        assert!(is_typed, "{explained}");
    }
}

/// A plan under way.
struct Following {
    example: &'static Example,
    running: Running,
    is_on_source: bool,
    database: String,
}

/// The database that a plan writes, and whether it is on the source's server.
fn target_of(plan: &str) -> (String, bool) {
    let text = fs::read_to_string(Path::new(FOLDER).join(format!("{plan}.yaml"))).unwrap();
    let (_, target) = text.split_once("\ntarget:\n").unwrap();
    let database = target.split_once("database: ").unwrap().1.lines().next().unwrap();
    (database.to_owned(), target.contains("${env:SOURCE_URL}"))
}

#[tokio::test]
async fn every_plan_makes_what_a_select_gives_of_tables_that_change() {
    let (source, target) = tokio::try_join!(Server::start(), Server::start()).unwrap();
    source.execute("CREATE DATABASE shop").await.unwrap();
    source.execute_in("shop", TABLES).await.unwrap();
    source.execute_in("shop", ROWS).await.unwrap();
    let folder = TempDir::new().unwrap();
    let (all_follow, follow) = watch::channel(false);
    let application = change(&source, follow);
    let plans = async {
        let mut plans = Vec::new();
        for example in EXAMPLES {
            let (database, is_on_source) = target_of(example.plan);
            let server = if is_on_source { &source } else { &target };
            let create = format!("CREATE DATABASE IF NOT EXISTS {database}");
            server.execute(&create).await.unwrap();
            let file = format!("{}.yaml", example.plan);
            let mut command = command(Path::new(FOLDER), &["run", &file, "--every", "1"]);
            with_secrets(&mut command, &source.url(), &target.url());
            command.stdin(Stdio::null());
            let running = Running::of(command, folder.path().join(example.plan));
            plans.push(Following { example, running, is_on_source, database });
        }
        for plan in &mut plans {
            plan.running.says("following").await;
        }
        all_follow.send_replace(true);
        plans
    };

    let (plans, ()) = tokio::join!(plans, application);

    let servers = (&source, &target);
    assert_all_equal(servers, &plans).await;
    for plan in plans {
        plan.running.interrupt();
        let (code, log) = plan.running.ended().await;
        assert_eq!(code, Some(0), "{}: {log}", plan.example.plan);
        assert!(!log.contains("[schema-file]"), "{}: {log}", plan.example.plan);
    }
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
async fn assert_all_equal((source, target): (&Server, &Server), plans: &[Following]) {
    let deadline = Instant::now() + BEHIND_MAX;
    let mut wanted = BTreeMap::new();
    let mut left: Vec<(&Following, usize)> = Vec::new();
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
            let server = if plan.is_on_source { source } else { target };
            let found = lines(server, &plan.database, shown).await;
            let wanted = &wanted[&(plan.example.plan, place)];
            if found != *wanted {
                let difference = difference(wanted, &found);
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

type Lines = BTreeMap<Vec<Option<String>>, u32>;

/// The rows that `sql` gives, each with how often it does.
async fn lines(server: &Server, database: &str, sql: &str) -> Lines {
    let mut conn = server.connect_to(database).await.unwrap();
    let rows: Vec<Row> = conn.query(sql).await.unwrap();
    conn.disconnect().await.unwrap();
    let text = |value: Value| (value != Value::NULL).then(|| value.as_sql(true));
    let mut lines = Lines::new();
    for row in rows {
        *lines.entry(row.unwrap().into_iter().map(text).collect()).or_default() += 1;
    }
    lines
}

/// What the first rows are that one side alone has.
fn difference(wanted: &Lines, found: &Lines) -> String {
    let only = |one: &Lines, other: &Lines| {
        let found = one.iter().find(|(row, count)| other.get(*row) != Some(*count));
        found.map(|(row, _)| row.clone())
    };
    format!(
        "{} rows instead of {}; {:?} is missing, {:?} is too much",
        found.len(),
        wanted.len(),
        only(wanted, found),
        only(found, wanted)
    )
}
