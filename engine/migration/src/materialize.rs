//! Targets that are made by expressions: their tables made ready, and what the rows of their sources
//! become.

mod dead_letters;
mod definitions;
mod groups;
mod mapping;
pub(crate) mod schema_file;
mod trial;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use whimbrel_model::{Table, TableId};
use whimbrel_mysql::{
    Error, Session,
    catalog::{self, CatalogError},
    ddl::{CreateTable, IndexTime, defined_tables, quoted},
};
use whimbrel_plan::{
    Bound, BoundTarget, Create, Definitions, OnError, Plan, PlanError, STATE_PREFIX, Written, bind,
};

pub use self::definitions::bind_offline;
pub(crate) use self::{dead_letters::dead_letters, definitions::definition, trial::tried};
use self::{definitions::kept, mapping::RowMapping};
use crate::{
    error::{RunError, TableProblem},
    owned::Owned,
    shards::Shard,
    store::{StoredTable, StoredTarget},
    tables::IndexTimes,
    transform::{Feed, TargetId},
};

/// The tables of `from` that are not among `moved`, as they are on the source.
pub(crate) async fn other_sources(
    plan: &Plan,
    source: &mut Session,
    moved: &[String],
) -> Result<Vec<catalog::Definition>, RunError> {
    let named = plan.materialized.iter().flat_map(|target| &target.from).map(|it| it.name.clone());
    let others: BTreeSet<String> = named.filter(|name| !moved.contains(name)).collect();
    let others: Vec<String> = others.into_iter().collect();
    let mut described = catalog::describe_all(source, &plan.source.database, &others).await?;
    // Of one that is not there binding tells, with its place.
    described.retain(|(_, it)| !matches!(it, Err(CatalogError::NoTable { .. })));
    crate::tables::readable(described)
}

/// The definitions that a plan is bound to when it begins: `sources`, and the names of all tables of
/// the source database.
pub(crate) async fn definitions(
    plan: &Plan,
    (target, database): (&mut Session, &str),
    sources: impl Iterator<Item = &catalog::Definition>,
    source_names: Vec<String>,
) -> Result<Definitions, RunError> {
    let mut targets = BTreeMap::new();
    for made in plan.materialized.iter().filter(|made| made.create == Create::Existing) {
        let name = &made.name.name;
        if let Some(found) = found(target, database, name).await? {
            targets.insert(name.clone(), found);
        }
    }
    let unreadable = definitions::of_plan(plan, &mut targets);
    Ok(Definitions {
        unreadable,
        sources: sources.map(|it| definition(&it.description, Some(&it.table))).collect(),
        source_names,
        targets,
        are_all_targets_known: true,
    })
}

/// A table of the target, if it is there.
async fn found(
    target: &mut Session,
    database: &str,
    name: &str,
) -> Result<Option<whimbrel_plan::Definition>, RunError> {
    let description = match catalog::describe(target, database, name).await {
        Ok(description) => description,
        Err(Error::Catalog(CatalogError::NoTable { .. })) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    described(&description).map(Some)
}

/// What a plan is bound to of a table of a server.
fn described(description: &catalog::Description) -> Result<whimbrel_plan::Definition, RunError> {
    let table = match catalog::definition(description.clone()) {
        Ok(definition) => Some(definition.table),
        Err(Error::Catalog(CatalogError::NoKey { .. })) => None,
        Err(error) => return Err(error.into()),
    };
    Ok(definition(description, table.as_ref()))
}

/// The targets that are not there yet; those that are there are proven to be empty and to fit.
pub(crate) async fn missing(
    target: &mut Session,
    database: &str,
    bound: &Bound,
) -> Result<BTreeSet<String>, RunError> {
    let (mut problems, mut missing) = (Vec::new(), BTreeSet::new());
    for made in &bound.targets {
        match found(target, database, &made.name).await? {
            None => {
                missing.insert(made.name.clone());
            }
            Some(found) => {
                problems.extend(in_the_way(target, database, made, &found).await?);
            }
        }
    }
    if problems.is_empty() { Ok(missing) } else { Err(RunError::Tables { problems }) }
}

/// Creates the targets that are `missing`; then all of them as the target knows them.
pub(crate) async fn make_ready(
    plan: &Plan,
    (target, shard): (&mut Session, &Shard),
    (mut definitions, bound): (Definitions, &Bound),
    (missing, source_bytes): (&BTreeSet<String>, &BTreeMap<String, u64>),
) -> Result<Made, RunError> {
    let database = &shard.schema;
    let times = IndexTimes::of(target).await?;
    for made in bound.targets.iter().filter(|made| missing.contains(&made.name)) {
        let bytes = made.sources.iter().filter_map(|source| source_bytes.get(&source.table)).sum();
        create((target, shard), plan, made, times.of_rows(bytes)).await?;
    }
    for made in &bound.targets {
        if let Some(found) = found(target, database, &made.name).await? {
            definitions.targets.insert(made.name.clone(), found);
        }
    }
    // The server may have understood a definition otherwise.
    let known = self::bound(plan, &definitions)?;
    let (mut stored, mut owned_names) = (Vec::new(), BTreeSet::new());
    for (made, known) in bound.targets.iter().zip(&known.targets) {
        let wanted = made.statement.clone().filter(|_| is_copy(plan, &made.name));
        match &known.written {
            Written::Rows(table) => {
                let table = table.clone();
                if known.is_owned {
                    make_beside(target, &owned(known, &table)?).await?;
                    owned_names.insert(made.name.clone());
                }
                stored.push(StoredTarget {
                    table,
                    rollup: None,
                    moved_from: None,
                    wanted,
                    lookup: None,
                });
            }
            Written::Groups(groups) => {
                let visible = catalog::describe(target, database, &made.name).await?;
                let rollup = groups::rollup(&visible, known, groups, &definitions.sources)
                    .map_err(|problems| RunError::Tables { problems })?;
                let table = rollup.contributions().clone();
                let rollup = Some(rollup);
                stored.push(StoredTarget {
                    table,
                    rollup,
                    moved_from: None,
                    wanted: None,
                    lookup: None,
                });
            }
            Written::Unknown => {}
        }
    }
    stored.extend(dead_letters_target(plan)?);
    Ok(Made { targets: stored, owned: owned_names })
}

/// The targets whose rows are those of source rows, as far as they are known before they are made, with the
/// names of those whose keys several sources may have.
pub(crate) fn foreseen(bound: &Bound) -> (Vec<StoredTarget>, BTreeSet<String>) {
    let rows = bound.targets.iter().filter_map(|made| match &made.written {
        Written::Rows(table) => Some(StoredTarget::plain(table.clone())),
        Written::Groups(_) | Written::Unknown => None,
    });
    let owned = bound.targets.iter().filter(|made| made.is_owned);
    (rows.collect(), owned.map(|made| made.name.clone()).collect())
}

/// The target tables of `materialize`, made.
#[derive(Debug)]
pub(crate) struct Made {
    /// As they are to be stored.
    pub(crate) targets: Vec<StoredTarget>,
    /// The names of those whose keys several sources may have.
    pub(crate) owned: BTreeSet<String>,
}

/// The table of dead letters as a target, if any of a plan's rows may become one.
pub(crate) fn dead_letters_target(plan: &Plan) -> Result<Option<StoredTarget>, RunError> {
    if !keeps_dead_letters(plan) {
        return Ok(None);
    }
    let table = dead_letters().map_err(|error| RunError::Broken { what: error.to_string() })?;
    Ok(Some(StoredTarget::plain(table)))
}

/// What is kept beside a target whose keys several sources may have.
fn owned(made: &BoundTarget, table: &Table) -> Result<Owned, RunError> {
    let sources = made.sources.iter().map(|source| source.table.clone()).collect();
    Owned::new(table.clone(), sources).map_err(|error| RunError::Broken { what: error.to_string() })
}

/// Makes the tables that are kept beside a target whose keys several sources may have.
async fn make_beside(target: &mut Session, owned: &Owned) -> Result<(), RunError> {
    for statement in owned.create_statements() {
        let made = target.execute(statement.as_bytes()).await;
        made.map_err(|cause| unmade(statement, cause))?;
    }
    Ok(())
}

fn unmade(statement: String, cause: Error) -> RunError {
    RunError::Definition { statement, is_after_rows: false, cause: Box::new(cause) }
}

fn is_copy(plan: &Plan, name: &str) -> bool {
    plan.materialized.iter().any(|made| made.name.name == name && made.create == Create::Copy)
}

/// Whether a target is one of the run's own tables.
pub(crate) fn is_kept_aside(target: &StoredTarget) -> bool {
    target.name().starts_with(STATE_PREFIX)
}

/// Whether any of a plan's rows may become dead letters.
fn keeps_dead_letters(plan: &Plan) -> bool {
    plan.materialized.iter().any(|made| {
        made.on_error == OnError::DeadLetter
            || made.columns.iter().any(|rule| rule.on_error == OnError::DeadLetter)
            || made.aggregates.iter().any(|rule| rule.on_error == OnError::DeadLetter)
    })
}

async fn create(
    (target, shard): (&mut Session, &Shard),
    plan: &Plan,
    made: &BoundTarget,
    indexes: IndexTime,
) -> Result<(), RunError> {
    let Some(statement) = &made.statement else { return Ok(()) };
    // Groups are found by their index from the first row on.
    let is_copied = is_copy(plan, &made.name) && matches!(made.written, Written::Rows(_));
    let statement = match is_copied {
        true => {
            let create = CreateTable::parse(statement)
                .map_err(|error| RunError::Broken { what: error.to_string() })?;
            shard.definition(&create).statement(indexes)
        }
        false => statement.clone(),
    };
    let created = target.execute(statement.as_bytes()).await;
    created.map(drop).map_err(|cause| unmade(statement, cause))
}

/// What is wrong with a target that is there already.
async fn in_the_way(
    target: &mut Session,
    database: &str,
    made: &BoundTarget,
    found: &whimbrel_plan::Definition,
) -> Result<Vec<TableProblem>, RunError> {
    let name = &made.name;
    let problem = |what, remedy| TableProblem { table: name.clone(), what, remedy };
    let mut problems = Vec::new();
    if let Some(statement) = &made.statement {
        let wanted = defined_tables(statement).unwrap_or_default().pop();
        let wanted = wanted.map(|wanted| definitions::of_text(database, &wanted));
        if !wanted.is_some_and(|wanted| is_alike(&wanted, found)) {
            let what = "a table of its name is there, and is another one".to_owned();
            let remedy = format!("`DROP TABLE {}`, or say `create: existing`", quoted(name));
            problems.push(problem(what, remedy));
        }
    }
    problems.extend(crate::tables::rows_and_triggers(target, database, name).await?);
    Ok(problems)
}

fn is_alike(wanted: &whimbrel_plan::Definition, found: &whimbrel_plan::Definition) -> bool {
    let key = |definition: &whimbrel_plan::Definition| -> Vec<String> {
        let table = definition.table.iter();
        table.flat_map(Table::key_columns).map(|column| column.name.clone()).collect()
    };
    let columns = |definition: &whimbrel_plan::Definition| -> Vec<_> {
        let parts = definition.columns.iter();
        parts.map(|it| (it.name.clone(), it.column_type.clone(), it.nullable)).collect()
    };
    key(wanted) == key(found) && columns(wanted) == columns(found)
}

/// What a plan makes of its tables.
///
/// # Errors
///
/// [`RunError::Selection`].
pub(crate) fn bound(plan: &Plan, definitions: &Definitions) -> Result<Bound, RunError> {
    bind(plan, definitions).map_err(|errors| RunError::Selection { errors })
}

/// What a run's source tables become, and what of the plan may not be meant.
#[derive(Debug)]
pub(crate) struct Feeds {
    /// By source table.
    pub(crate) feeds: Vec<Vec<Feed>>,
    /// What is kept beside targets whose keys several sources may have.
    pub(crate) owned: BTreeMap<TargetId, Arc<Owned>>,
    /// Warnings.
    pub(crate) warnings: Vec<PlanError>,
}

/// What the rows of the tables become in the targets, both as stored.
pub(crate) async fn feeds(
    plan: &Plan,
    (tables, targets): (&[StoredTable], &[StoredTarget]),
    (target, database): (&mut Session, &str),
) -> Result<Feeds, RunError> {
    let (mut feeds, mut all_owned) = (vec![Vec::new(); tables.len()], BTreeMap::new());
    let numbered = || (0..).map(TargetId).zip(targets);
    for (id, target) in numbered() {
        let moved_from = target.moved_from.and_then(|TableId(from)| feeds.get_mut(from as usize));
        if let Some(feeds) = moved_from {
            feeds.push(Feed::Same(id));
        }
    }
    let definitions = stored_definitions((tables, targets), (target, database)).await?;
    let bound = bound(plan, &definitions)?;
    let dead = numbered().find(|(_, it)| it.table.name() == dead_letters::NAME).map(|(id, _)| id);
    for made in &bound.targets {
        let own = numbered().find(|(_, it)| it.is_made() && it.name() == made.name);
        let Some((id, stored)) = own else {
            return Err(RunError::State { what: "target tables" });
        };
        if made.is_owned {
            all_owned.insert(id, Arc::new(owned(made, &stored.table)?));
        }
        for (ordinal, source) in (0_u64..).zip(&made.sources) {
            let place = tables.iter().position(|stored| stored.table.name() == source.table);
            let Some(place) = place else {
                return Err(RunError::State { what: "source tables" });
            };
            let kept_key =
                stored.rollup.as_ref().map(|_| (made.sources.len() > 1).then_some(ordinal));
            let mapping = RowMapping {
                plan: plan.name.clone(),
                name: made.name.clone(),
                source: tables[place].table.clone(),
                target: stored.table.clone(),
                kept_key,
                claims_as: made.is_owned.then_some(ordinal),
                has_dead_letters: mapping::has_dead_letters(source),
                bound: source.clone(),
            };
            let mapping = Arc::new(mapping);
            feeds[place].push(Feed::Mapped { target: id, dead_letters: dead, mapping });
        }
    }
    Ok(Feeds { feeds, owned: all_owned, warnings: bound.warnings })
}

/// What a plan that has begun is bound to: its tables as they were then.
async fn stored_definitions(
    (tables, targets): (&[StoredTable], &[StoredTarget]),
    (target, database): (&mut Session, &str),
) -> Result<Definitions, RunError> {
    let mut known = BTreeMap::new();
    for stored in targets.iter().filter(|stored| stored.is_made()) {
        let definition = match &stored.rollup {
            None => Some(kept(&stored.table)),
            Some(rollup) => found(target, database, rollup.visible()).await?,
        };
        known.extend(definition.map(|definition| (stored.name().to_owned(), definition)));
    }
    Ok(Definitions {
        sources: tables.iter().map(|stored| kept(&stored.table)).collect(),
        source_names: tables.iter().map(|stored| stored.table.name().to_owned()).collect(),
        targets: known,
        unreadable: BTreeMap::new(),
        are_all_targets_known: true,
    })
}
