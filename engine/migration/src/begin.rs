//! The beginning of a plan: its tables on the target, and the first state.

use std::collections::{BTreeMap, BTreeSet};

use whimbrel_model::{GtidSet, TableId};
use whimbrel_mysql::{Class, ConnectOptions, Finding, Session, catalog, source};
use whimbrel_plan::{Definitions, Plan, PlanError, also_moved};

use crate::{
    error::RunError,
    lane::LaneState,
    lookups::{self, Lookup},
    materialize::{self, Made},
    newest,
    prepare::{enough_connections, server_id},
    reach::Reached,
    store::{self, Beginning, Control, PlanKey, StoredTable, StoredTarget},
    tables,
};

/// Begins a plan: the source's position first, so that nothing that happens to a table after its
/// definition was read is missed; then the tables; then the state, all at once. What of the plan may not
/// be meant is returned, and what the checks of the tables of lookup vindexes find.
pub(crate) async fn begin(
    plan: &Plan,
    (source, source_options): (&mut Session, &ConnectOptions),
    target: &mut Reached,
    key: &PlanKey,
) -> Result<(Vec<PlanError>, Vec<Finding>), RunError> {
    let position = start_position(source).await?;
    let uuid = source::server_uuid(source).await?;
    let reader = server_id(&plan.name, &target.options);
    let newest = newest::of(&position, (source, source_options), reader).await?;
    let names = catalog::table_names(source, &plan.source.database).await?;
    let mut tables = tables::select(plan, source, &names).await?;
    let moved: Vec<String> = tables.iter().map(|it| it.description.name.clone()).collect();
    let errors = also_moved(plan, &moved);
    if !errors.is_empty() {
        return Err(RunError::Selection { errors });
    }
    let others = materialize::other_sources(plan, source, &moved).await?;
    let (home, shard) = target.home();
    let sources = tables.iter().chain(&others);
    let definitions =
        materialize::definitions(plan, (home, &shard.schema), sources.clone(), names).await?;
    let bytes: BTreeMap<String, u64> =
        sources.map(|it| (it.description.name.clone(), it.description.bytes_estimate)).collect();
    if store::exists(home).await? {
        store::create_tables(home).await?;
        let problems = tables::taken(home, key, &targets_of(plan, &moved)).await?;
        if !problems.is_empty() {
            return Err(RunError::Tables { problems });
        }
    }
    // Before anything is made; of targets that are made by expressions it is known once they are bound.
    let moved_targets = tables.iter().map(|it| StoredTarget::moved(TableId(0), &it.table));
    let moved_targets: Vec<StoredTarget> = moved_targets.collect();
    let lookups = target.placing(plan, (&moved_targets, &BTreeSet::new())).await?.lookups;
    let found = reach_lookups(plan, target, (&lookups, &tables)).await?;
    target.sequences(plan, source, &moved).await?;
    let made = make_tables((plan, key), target, &tables, (definitions, &bytes)).await?;
    let looked_up = make_lookups(target, &lookups, &tables).await?;
    tables.extend(others);
    // What takes longest starts first.
    tables.sort_by_key(|table| std::cmp::Reverse(table.description.bytes_estimate));
    let tables: Vec<StoredTable> = tables.into_iter().map(StoredTable::from).collect();
    let numbered = (0..).map(TableId).zip(&tables);
    let mut targets: Vec<StoredTarget> = numbered
        .filter(|(_, stored)| moved.iter().any(|name| name == stored.table.name()))
        .map(|(id, stored)| StoredTarget::moved(id, &stored.table))
        .collect();
    targets.extend(made.targets);
    targets.extend(looked_up);
    let placed = target.placing(plan, (&targets, &made.owned)).await?;
    let fingerprint = serde_json::to_string(&plan.fingerprint())?;
    let state = LaneState { position, newest, ..LaneState::default() };
    let names = target.shard_names();
    let about = (fingerprint.as_str(), uuid.as_str());
    let beginning =
        Beginning { tables: &tables, targets: &targets, shards: &names, placings: &placed.words };
    for (number, (session, shard)) in target.each().enumerate().rev() {
        if !shard.is_beside {
            unclaimed(session, key).await.map_err(|error| shard.told(error))?;
            let made = tables::make_kept(session, &targets).await;
            made.map_err(|error| shard.told(error))?;
        }
        let began = match number {
            0 => Control::begin(session, key, about, &beginning, &state).await,
            _ => Control::begin_beside(session, key, about, &state).await,
        };
        began.map_err(|error| shard.told(error))?;
    }
    Ok((made.warnings, found))
}

/// Reaches the keyspaces that have the tables of `lookups`, which are then proven to be as the rows of their
/// owners need them; what their checks find.
async fn reach_lookups(
    plan: &Plan,
    target: &mut Reached,
    (lookups, owners): (&[Lookup], &[catalog::Definition]),
) -> Result<Vec<Finding>, RunError> {
    let moved: Vec<String> = owners.iter().map(|it| it.description.name.clone()).collect();
    lookups::fit(lookups, owners, &targets_of(plan, &moved))
        .map_err(|problems| RunError::Tables { problems })?;
    let found = target.reach_beside(lookups.iter()).await?;
    enough_connections(plan, target)?;
    let problems = target.unplaced(lookups).await?;
    if !problems.is_empty() {
        return Err(RunError::Tables { problems });
    }
    for (lookup, owner) in owned(lookups, owners) {
        for (session, shard) in target.shards_of(&lookup.keyspace) {
            let problem = lookups::find((session, shard), lookup, owner).await;
            let problem = problem.map_err(|error| shard.told(error))?;
            if let Some(problem) = problem {
                return Err(shard.told(RunError::Tables { problems: vec![problem] }));
            }
        }
    }
    Ok(found)
}

/// Makes the tables of `lookups` where they are missing; the targets that they are.
async fn make_lookups(
    target: &mut Reached,
    lookups: &[Lookup],
    owners: &[catalog::Definition],
) -> Result<Vec<StoredTarget>, RunError> {
    let mut targets = Vec::new();
    for (lookup, owner) in owned(lookups, owners) {
        let mut of_shards = Vec::new();
        for (session, shard) in target.shards_of(&lookup.keyspace) {
            let made = lookups::make_ready((session, shard), lookup, owner).await;
            of_shards.push(made.map_err(|error| shard.told(error))?);
        }
        targets.extend(of_shards.into_iter().next());
    }
    for (session, shard) in target.each().filter(|(_, shard)| shard.is_beside) {
        store::create_tables(session).await.map_err(|error| shard.told(error.into()))?;
    }
    Ok(targets)
}

/// Lookup vindexes with the tables that own them.
fn owned<'l>(
    lookups: &'l [Lookup],
    owners: &'l [catalog::Definition],
) -> impl Iterator<Item = (&'l Lookup, &'l catalog::Definition)> {
    lookups.iter().filter_map(|lookup| {
        let owner = owners.iter().find(|owner| owner.description.name == lookup.owner)?;
        Some((lookup, owner))
    })
}

/// Makes the tables on every shard, and the state's; what is made by expressions, which all of them have
/// alike.
async fn make_tables(
    (plan, key): (&Plan, &PlanKey),
    target: &mut Reached,
    tables: &[catalog::Definition],
    (definitions, bytes): (Definitions, &BTreeMap<String, u64>),
) -> Result<Made, RunError> {
    // One is the session's, one has the plan's lock.
    let connections = plan.limits.target_connections.saturating_sub(2);
    let mut first = None;
    for (session, shard) in target.each().filter(|(_, shard)| !shard.is_beside) {
        let made = async {
            tables::make_ready(session, (shard, connections), tables).await?;
            unclaimed(session, key).await?;
            let place = (&mut *session, &**shard);
            let made = materialize::make_ready(plan, place, definitions.clone(), bytes).await?;
            store::create_tables(session).await?;
            Ok(made)
        };
        let made = made.await.map_err(|error| shard.told(error))?;
        first.get_or_insert(made);
    }
    first.ok_or(RunError::State { what: "shards" })
}

/// Proves that no other runner is at work: one that was frozen while it began, and taken over, must not
/// drop what the other keeps by now.
async fn unclaimed(session: &mut Session, key: &PlanKey) -> Result<(), RunError> {
    let epoch = store::epoch(session, key).await?;
    if epoch.is_some_and(|epoch| epoch > 0) { Err(RunError::Fenced) } else { Ok(()) }
}

/// The names of all tables that the plan writes.
fn targets_of(plan: &Plan, moved: &[String]) -> Vec<String> {
    let made = plan.materialized.iter().map(|made| made.name.name.clone());
    moved.iter().cloned().chain(made).collect()
}

/// What the source has executed: the log is followed from here.
///
/// A prepared XA transaction is in it, while its rows are not visible and will not come again with
/// its XA COMMIT. Whoever has one is asked to end it first. An account that may not list them goes
/// on: such an XA COMMIT would stop the run, since its rows are not known.
async fn start_position(source: &mut Session) -> Result<GtidSet, RunError> {
    let position = source::executed(source).await?;
    match source.query("XA RECOVER").await {
        Ok(prepared) if prepared.is_empty() => Ok(position),
        Ok(prepared) => Err(RunError::Prepared { count: prepared.len() }),
        Err(error) if error.class() == Class::Lost => Err(error.into()),
        // Without XA_RECOVER_ADMIN the server answers with one of several errors.
        Err(_) => Ok(position),
    }
}
