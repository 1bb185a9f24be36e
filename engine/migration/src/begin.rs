//! The beginning of a plan: its tables on the target, and the first state.

use std::collections::{BTreeMap, BTreeSet};

use whimbrel_model::{GtidSet, TableId};
use whimbrel_mysql::{Class, ConnectOptions, Finding, Session, catalog, source};
use whimbrel_plan::{
    Bound, Definitions, Plan, PlanError, Sharding, VschemaAddition, Written, also_moved,
};

use crate::{
    error::RunError,
    foreign_keys,
    lane::LaneState,
    lookups::{self, Lookup},
    materialize::{self, Made},
    newest,
    prepare::{enough_connections, server_id},
    reach::Reached,
    shards::Shard,
    store::{self, Beginning, Control, PlanKey, StoredTable, StoredTarget},
    tables, uniques,
    vschema::How,
};

/// Begins a plan: the source's position first, so that nothing that happens to a table after its
/// definition was read is missed; then all checks; then what the vschema lacks, and the tables; then the
/// state, all at once. What of the plan may not be meant is returned, and what the checks of the tables of
/// lookup vindexes find.
pub(crate) async fn begin(
    plan: &Plan,
    (source, source_options): (&mut Session, &ConnectOptions),
    target: &mut Reached,
    key: &PlanKey,
    how: How<'_>,
) -> Result<(Vec<PlanError>, Vec<Finding>), RunError> {
    let position = start_position(source).await?;
    let uuid = source::server_uuid(source).await?;
    let reader = server_id(&plan.name, &target.options);
    let newest = newest::of(&position, (source, source_options), reader).await?;
    let Seen { mut tables, others, definitions, bound } = look(plan, source, target, key).await?;
    let moved: Vec<String> = tables.iter().map(|it| it.description.name.clone()).collect();
    let (lookups, found, additions) = placeable(plan, source, target, (&tables, &bound)).await?;
    let missing = missing(target, (&tables, &bound)).await?;
    groups_fit(plan, target, (&definitions, &bound), &missing).await?;
    target.add(&additions, how).await?;
    let bytes = tables.iter().chain(&others);
    let bytes: BTreeMap<String, u64> =
        bytes.map(|it| (it.description.name.clone(), it.description.bytes_estimate)).collect();
    let what = ((tables.as_slice(), &bound), missing);
    let made = make_tables((plan, key), target, (&definitions, &bytes), what).await?;
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
    Ok((bound.warnings, found))
}

/// What both sides have before anything is made.
struct Seen {
    /// The tables that are moved, as they are on the source.
    tables: Vec<catalog::Definition>,
    /// The other sources of what is made by expressions.
    others: Vec<catalog::Definition>,
    definitions: Definitions,
    /// What is made by expressions.
    bound: Bound,
}

/// Looks at the tables of both sides, and whether the plan fits them.
async fn look(
    plan: &Plan,
    source: &mut Session,
    target: &mut Reached,
    key: &PlanKey,
) -> Result<Seen, RunError> {
    let names = catalog::table_names(source, &plan.source.database).await?;
    let tables = tables::select(plan, source, &names).await?;
    let moved: Vec<String> = tables.iter().map(|it| it.description.name.clone()).collect();
    let errors = also_moved(plan, &moved);
    if !errors.is_empty() {
        return Err(RunError::Selection { errors });
    }
    let others = materialize::other_sources(plan, source, &moved).await?;
    let (home, shard) = target.home();
    let sources = tables.iter().chain(&others);
    let definitions = materialize::definitions(plan, (home, &shard.schema), sources, names).await?;
    if store::exists(home).await? {
        store::create_tables(home).await?;
        let problems = tables::taken(home, key, &targets_of(plan, &moved)).await?;
        if !problems.is_empty() {
            return Err(RunError::Tables { problems });
        }
    }
    let bound = materialize::bound(plan, &definitions)?;
    Ok(Seen { tables, others, definitions, bound })
}

/// Checks that each row has its place, once the vschema has what it lacks; of groups see `groups_fit`. The lookup
/// vindexes of the tables, what the checks of their tables find, and what the vschema lacks.
async fn placeable(
    plan: &Plan,
    source: &mut Session,
    target: &mut Reached,
    (tables, bound): (&[catalog::Definition], &Bound),
) -> Result<(Vec<Lookup>, Vec<Finding>, Vec<VschemaAddition>), RunError> {
    let moved: Vec<String> = tables.iter().map(|it| it.description.name.clone()).collect();
    let mut additions = target.lacking(plan, &targets_of(plan, &moved)).await?;
    let mut targets: Vec<StoredTarget> =
        tables.iter().map(|it| StoredTarget::moved(TableId(0), &it.table)).collect();
    let (made, owned) = materialize::foreseen(bound);
    targets.extend(made);
    let lookups = target.placing(plan, (&targets, &owned)).await?.lookups;
    let mut found = reach_lookups(plan, target, (&lookups, tables)).await?;
    found.extend(in_shards_alone(plan, target, (tables, bound)));
    foreign_keys::give(plan, target, tables).await?;
    additions.extend(target.sequences(plan, source, &moved).await?.additions);
    Ok((lookups, found, additions))
}

/// What is told of the unique keys of tables that the vschema places; of those that the plan places it is told
/// where the plan is bound.
fn in_shards_alone(
    plan: &Plan,
    target: &Reached,
    (tables, bound): (&[catalog::Definition], &Bound),
) -> Vec<Finding> {
    let moved = tables.iter().map(|it| {
        let description = &it.description;
        (description.name.as_str(), uniques::of_indexes(&description.indexes))
    });
    let made = bound.targets.iter().filter_map(|made| match &made.written {
        Written::Rows(table) => Some((made.name.as_str(), uniques::of_key(table))),
        Written::Groups(_) | Written::Unknown => None,
    });
    let is_said = |name: &str| {
        let mut said =
            plan.sharding.iter().filter(|it| !matches!(it.how, Sharding::Read | Sharding::Asked));
        said.any(|it| it.table == name)
    };
    let read = moved.chain(made).filter(|(name, _)| !is_said(name));
    read.flat_map(|(name, keys)| uniques::findings(name, &keys, target.told(name))).collect()
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
            let found = lookups::find((session, shard), lookup, owner).await;
            found.map_err(|error| shard.told(error))?;
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

/// The tables that a shard lacks.
struct Missing {
    /// The statements that make those that are moved.
    moved: Vec<String>,
    /// The names of those that are made by expressions.
    made: BTreeSet<String>,
}

impl Missing {
    /// What a shard lacks; what is there is proven to be empty and to fit.
    async fn on(
        session: &mut Session,
        shard: &Shard,
        (tables, bound): (&[catalog::Definition], &Bound),
    ) -> Result<Self, RunError> {
        let moved = tables::missing(session, shard, tables).await?;
        let made = materialize::missing(session, &shard.schema, bound).await?;
        Ok(Self { moved, made })
    }
}

/// What each shard lacks: nothing is made before all of them are looked at.
async fn missing(
    target: &mut Reached,
    what: (&[catalog::Definition], &Bound),
) -> Result<Vec<Missing>, RunError> {
    let mut all = Vec::new();
    for (session, shard) in target.each().filter(|(_, shard)| !shard.is_beside) {
        let missing = Missing::on(session, shard, what).await;
        all.push(missing.map_err(|error| shard.told(error))?);
    }
    Ok(all)
}

/// Proves that the server makes what is made by expressions, and that its groups can be kept and have their
/// places: the last check, since it makes tables for a moment.
async fn groups_fit(
    plan: &Plan,
    target: &mut Reached,
    (definitions, bound): (&Definitions, &Bound),
    missing: &[Missing],
) -> Result<(), RunError> {
    let Some(missing) = missing.first() else { return Ok(()) };
    let (session, home) = target.home();
    let (place, what) =
        ((session, home.schema.as_str()), (definitions.clone(), &bound.targets[..]));
    let tried = materialize::tried(plan, place, what, &missing.made).await;
    let tried = tried.map_err(|error| home.told(error))?;
    target.placing(plan, (&tried, &BTreeSet::new())).await.map(drop)
}

/// Makes the tables on every shard, and the state's; what is made by expressions, which all of them have
/// alike.
async fn make_tables(
    (plan, key): (&Plan, &PlanKey),
    target: &mut Reached,
    (definitions, bytes): (&Definitions, &BTreeMap<String, u64>),
    (what, missing): ((&[catalog::Definition], &Bound), Vec<Missing>),
) -> Result<Made, RunError> {
    // One is the session's, one has the plan's lock.
    let connections = plan.limits.target_connections.saturating_sub(2);
    let mut first = None;
    let own = target.each().filter(|(_, shard)| !shard.is_beside);
    for ((session, shard), mut missing) in own.zip(missing) {
        let making = async {
            let mut tries = 1;
            loop {
                let place = (&mut *session, (&**shard, connections));
                let made = make((plan, key), place, (definitions, bytes), (what.1, &missing)).await;
                match made {
                    Err(error) if is_made(&error) && tries < LOOKS_MAX && session.is_usable() => {
                        tries += 1;
                        missing = Missing::on(session, shard, what).await?;
                    }
                    made => return made,
                }
            }
        };
        let made = making.await.map_err(|error| shard.told(error))?;
        first.get_or_insert(made);
    }
    first.ok_or(RunError::State { what: "shards" })
}

/// Makes what a shard lacks.
async fn make(
    (plan, key): (&Plan, &PlanKey),
    (session, (shard, connections)): (&mut Session, (&Shard, u32)),
    (definitions, bytes): (&Definitions, &BTreeMap<String, u64>),
    (bound, Missing { moved, made }): (&Bound, &Missing),
) -> Result<Made, RunError> {
    tables::create(session, (&shard.options, connections), moved.clone()).await?;
    unclaimed(session, key).await?;
    let what = (definitions.clone(), bound);
    let place = (&mut *session, shard);
    let made = materialize::make_ready(plan, place, what, (made, bytes)).await?;
    store::create_tables(session).await?;
    Ok(made)
}

/// How often a shard is looked at that gets tables meanwhile: a runner that was killed has left one statement
/// under way on each of its connections.
const LOOKS_MAX: u32 = 5;

/// Whether a table was made since the shard was looked at.
fn is_made(error: &RunError) -> bool {
    const THERE: u16 = 1050;
    let code = if let RunError::Definition { cause, .. } = error {
        cause.code()
    } else if let RunError::Server(error) = error {
        error.code()
    } else {
        None
    };
    code == Some(THERE)
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
