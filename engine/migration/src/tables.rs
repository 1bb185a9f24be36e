//! The plan's tables: chosen on the source, made ready on the target.

use std::sync::{Mutex, PoisonError};

use futures_util::future::try_join_all;
use whimbrel_mysql::{
    ConnectOptions, Error, Role, Session,
    catalog::{self, CatalogError, Definition, Description, LeftBehind},
    ddl::{self, DifferenceKind, IndexTime, quoted},
};
use whimbrel_plan::Plan;

use crate::{
    error::{RunError, TableProblem},
    rollup::Rollup,
    shards::Shard,
    store::{PlanKey, StoredTarget, targets_of_others},
};

/// A connection more is worth its while for this many tables that are to be made.
const CREATED_PER_CONNECTION_MIN: usize = 50;

/// A table whose rows take at most this part of the target's buffer pool gets its indexes with it, as
/// their pages stay in memory while rows come in any order. Building one afterwards writes its pages
/// one by one and waits for the disk, whatever its size: 500,000 rows with two indexes waited for 4 s
/// of a copy of 10 s.
const IN_MEMORY_SHARE: u64 = 2;

/// When the plain indexes of tables are made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IndexTimes {
    /// The most bytes of a table whose indexes are made with it.
    fits_bytes: u64,
}

impl IndexTimes {
    /// On the target as it is.
    pub(crate) async fn of(target: &mut Session) -> Result<Self, RunError> {
        let pool_bytes = whimbrel_mysql::target::buffer_pool_bytes(target).await?;
        Ok(Self { fits_bytes: pool_bytes / IN_MEMORY_SHARE })
    }

    /// Of a table whose rows take so many bytes.
    pub(crate) fn of_rows(self, bytes: u64) -> IndexTime {
        if bytes <= self.fits_bytes { IndexTime::WithTable } else { IndexTime::AfterRows }
    }
}

/// The tables that the plan moves, out of `names`, as they are on the source now.
pub(crate) async fn select(
    plan: &Plan,
    source: &mut Session,
    names: &[String],
) -> Result<Vec<Definition>, RunError> {
    let selected = plan.selection.select(names).map_err(|errors| RunError::Selection { errors })?;
    let described = catalog::describe_all(source, &plan.source.database, &selected.tables).await?;
    readable(described)
}

/// The described tables, all of which can be read while they are written.
pub(crate) fn readable(
    described: Vec<(String, Result<Description, CatalogError>)>,
) -> Result<Vec<Definition>, RunError> {
    let mut tables = Vec::with_capacity(described.len());
    let mut problems = Vec::new();
    for (name, described) in described {
        match described.map_err(Error::from).and_then(catalog::definition) {
            Ok(definition) => {
                problems.extend(unsafe_engine(&definition.description));
                tables.push(definition);
            }
            Err(Error::Catalog(error)) => problems.push(unmovable(&name, &error)),
            Err(error) => return Err(error.into()),
        }
    }
    if problems.is_empty() { Ok(tables) } else { Err(RunError::Tables { problems }) }
}

fn unmovable(name: &str, error: &CatalogError) -> TableProblem {
    let mut remedy = format!("leave it out with `!{name}`");
    let mut what = error.to_string();
    if let CatalogError::NoKey { why, remedy: alter, .. } = error {
        what = format!("it cannot be moved while it is written: {why}");
        remedy = format!("`{alter}`, or {remedy}");
    }
    TableProblem { table: name.to_owned(), what, remedy }
}

/// Only InnoDB reads as of one moment and writes whole transactions, on either side.
fn unsafe_engine(table: &Description) -> Option<TableProblem> {
    let name = &table.name;
    (!table.engine.eq_ignore_ascii_case("InnoDB")).then(|| TableProblem {
        table: name.clone(),
        what: format!("its engine is {}, which knows no transactions", table.engine),
        remedy: format!(
            "`ALTER TABLE {} ENGINE=InnoDB`, or leave it out with `!{name}`",
            quoted(name)
        ),
    })
}

/// The tables that the plan's rules match now and that are not among those it began with.
pub(crate) async fn newcomers(
    plan: &Plan,
    source: &mut Session,
    moved: &[String],
) -> Result<Vec<LeftBehind>, RunError> {
    let names = catalog::table_names(source, &plan.source.database).await?;
    // A rule that matches nothing any more was told of when the plan began.
    let Ok(selected) = plan.selection.select(&names) else { return Ok(Vec::new()) };
    let newcomers = selected.tables.into_iter().filter(|name| !moved.contains(name));
    Ok(newcomers
        .map(|name| LeftBehind {
            kind: "table",
            name,
            why: "made after this plan began, so it is not moved: begin a plan of its own for it"
                .to_owned(),
        })
        .collect())
}

/// The other plan of this target that writes one of `tables`, with the table.
pub(crate) async fn taken(
    target: &mut Session,
    plan: &PlanKey,
    tables: &[String],
) -> Result<Vec<TableProblem>, RunError> {
    let mut problems = Vec::new();
    for (other, name) in targets_of_others(target, plan).await? {
        if tables.iter().any(|table| table.eq_ignore_ascii_case(&name)) {
            problems.push(TableProblem {
                what: format!("the plan `{other}` writes it"),
                remedy: format!(
                    "go on with `{other}`; if it is over, delete the rows of plan `{other}` from \
                     the target's `_whimbrel_*` tables"
                ),
                table: name,
            });
        }
    }
    Ok(problems)
}

/// The statements that make those tables on the target that are missing; those that are there are proven to
/// be empty and to fit.
pub(crate) async fn missing(
    target: &mut Session,
    shard: &Shard,
    tables: &[Definition],
) -> Result<Vec<String>, RunError> {
    let database = &shard.schema;
    let mut problems = Vec::new();
    let mut missing = Vec::new();
    let names: Vec<String> = tables.iter().map(|table| table.description.name.clone()).collect();
    let described = catalog::describe_all(target, database, &names).await?;
    let wanted: Vec<Description> = tables.iter().map(|table| as_on(shard, table)).collect();
    for (wanted, (_, found)) in wanted.iter().zip(described) {
        match found {
            Ok(found) => problems.extend(in_the_way(target, wanted, &found).await?),
            Err(CatalogError::NoTable { .. }) => missing.push(wanted),
            Err(error) => problems.push(TableProblem {
                table: wanted.name.clone(),
                what: format!("what has its name on the target is in the way: {error}"),
                remedy: "rename or drop it on the target".to_owned(),
            }),
        }
    }
    if !problems.is_empty() {
        return Err(RunError::Tables { problems });
    }
    let times = IndexTimes::of(target).await?;
    let statements = missing
        .into_iter()
        .map(|table| table.create.statement(times.of_rows(table.bytes_estimate)));
    Ok(statements.collect())
}

/// A table of the source as it may be on a shard: with foreign keys, which are not made with tables, and which
/// are left alone where they are there.
fn as_on(shard: &Shard, table: &Definition) -> Description {
    let description = &table.description;
    if shard.is_part { description.for_shard() } else { description.clone() }
}

/// Runs the statements on the session; on up to `connections` more where they are many.
pub(crate) async fn create(
    target: &mut Session,
    (options, connections): (&ConnectOptions, u32),
    statements: Vec<String>,
) -> Result<(), RunError> {
    let worth = statements.len() / CREATED_PER_CONNECTION_MIN;
    let mut more = Vec::new();
    while more.len() < worth.min(connections as usize) {
        more.push(Session::connect(options, Role::Target).await?);
    }
    let queue = Mutex::new(statements.into_iter());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    let workers = std::iter::once(target).chain(&mut more).map(async |session: &mut Session| {
        while let Some(statement) = next() {
            session.execute(statement.as_bytes()).await?;
        }
        Ok::<_, RunError>(())
    });
    try_join_all(workers).await?;
    for session in more {
        session.close().await;
    }
    Ok(())
}

/// Makes the tables that are kept beside rolled-up ones. What is there of them is of a plan that did
/// not come to begin: nobody else writes the tables that are named by them.
pub(crate) async fn make_kept(
    target: &mut Session,
    targets: &[StoredTarget],
) -> Result<(), RunError> {
    let mut problems = Vec::new();
    for rollup in targets.iter().filter_map(|target| target.rollup.as_ref()) {
        problems.extend(make_kept_of(target, rollup, rollup.visible()).await?);
    }
    if problems.is_empty() { Ok(()) } else { Err(RunError::Tables { problems }) }
}

/// Makes the tables that are kept beside a rolled-up one, which people know as `name`; what is wrong with them.
pub(crate) async fn make_kept_of(
    target: &mut Session,
    rollup: &Rollup,
    name: &str,
) -> Result<Option<TableProblem>, RunError> {
    /// A key of too many bytes, or of too many columns.
    const UNKEYED: [u16; 2] = [1071, 1070];
    for statement in rollup.drop_statements().iter().chain(&rollup.create_statements()) {
        match target.execute(statement.as_bytes()).await {
            Err(error) if error.code().is_some_and(|code| UNKEYED.contains(&code)) => {
                return Ok(Some(TableProblem {
                    table: name.to_owned(),
                    what: format!("what is kept beside it cannot be indexed: {error}"),
                    remedy: "shorten the columns of `group_by`, or what `min` and `max` are of"
                        .to_owned(),
                }));
            }
            done => drop(done?),
        }
    }
    Ok(None)
}

/// What is wrong with a table that is there already. Indexes and foreign keys that are created after
/// the copy may be missing.
async fn in_the_way(
    target: &mut Session,
    wanted: &Description,
    found: &Description,
) -> Result<Vec<TableProblem>, RunError> {
    let name = &wanted.name;
    let problem = |what, remedy| TableProblem { table: name.clone(), what, remedy };
    let mut problems: Vec<TableProblem> = ddl::differences(wanted, found)
        .into_iter()
        .filter(|difference| {
            let is_later =
                matches!(difference.kind, DifferenceKind::Index | DifferenceKind::ForeignKey);
            !(is_later && difference.is_missing)
        })
        .map(|difference| problem(difference.what, difference.alter))
        .collect();
    problems.extend(rows_and_triggers(target, &found.database, name).await?);
    Ok(problems)
}

/// What a table that is there must not have.
pub(crate) async fn rows_and_triggers(
    target: &mut Session,
    database: &str,
    name: &str,
) -> Result<Vec<TableProblem>, RunError> {
    let problem = |what, remedy| TableProblem { table: name.to_owned(), what, remedy };
    let mut problems = Vec::new();
    for trigger in catalog::triggers(target, database, name).await? {
        let what = format!("the target's trigger `{trigger}` would change what is written");
        problems.push(problem(what, format!("DROP TRIGGER {}", quoted(&trigger))));
    }
    let rows = target.query(&format!("SELECT 1 FROM {} LIMIT 1", quoted(name))).await?;
    if !rows.is_empty() {
        let what = "the target's table holds rows that this plan did not write".to_owned();
        let (address, table) = (target.address(), quoted(name));
        let remedy = match target.is_vtgate() {
            true => format!(
                "if they may go, empty it in its keyspace at {address}: `TRUNCATE TABLE {table}`"
            ),
            false => format!(
                "if they may go, empty it on {address}: `TRUNCATE TABLE {}.{table}`",
                quoted(database)
            ),
        };
        problems.push(problem(what, remedy));
    }
    Ok(problems)
}
