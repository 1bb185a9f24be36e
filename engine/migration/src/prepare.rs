//! Everything between reading a plan and the first row: both servers are reached and checked, the
//! target's tables made ready, the plan begun or taken up again, and claimed.

use std::{collections::BTreeMap, sync::Arc};

use whimbrel_flow::Clock;
use whimbrel_model::TableId;
use whimbrel_mysql::{
    ConnectOptions, Finding, Role, Session, Severity, catalog, catalog::LeftBehind, source, target,
};
use whimbrel_plan::{Binlog, Fingerprint, Plan, PlanError, compile};
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    begin::begin,
    control::ControlLink,
    error::RunError,
    foreign_keys,
    link::{Link, SharedLink, on_link},
    lookups,
    materialize::{self, is_kept_aside},
    owned::Owned,
    pieces::Piece,
    placing::{AskedVindex, Placing},
    preparing::{At, Tries},
    progress::{SourceProgress, TargetProgress},
    reach::{Reached, endpoint, reach},
    runners,
    sequences::Numbered,
    shards::{Shard, lanes_of_shard},
    store::{self, Claim, Control, Placings, PlanKey, StoredTable, StoredTarget},
    tables,
    transform::{Feed, TargetId},
    vindexes::{Placed, unchanged},
    vschema::How,
    ways,
};

/// What a person should know before the first row.
#[derive(Debug, Clone, Default)]
pub struct Notes {
    /// What the checks found that does not stand in the way.
    pub warnings: Vec<Finding>,
    /// What of the plan may not be meant.
    pub of_plan: Vec<PlanError>,
    /// What stays behind on the source.
    pub left_behind: Vec<LeftBehind>,
    /// Whether an earlier run is taken up again.
    pub is_resumed: bool,
    /// The tables that are written.
    pub tables: Vec<String>,
}

/// A plan whose servers are ready, and which is this runner's.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) source: ConnectOptions,
    /// The target's shards, the first of which is home.
    pub(crate) shards: Vec<Arc<Shard>>,
    /// Which of them has a row.
    pub(crate) placing: Placing,
    /// The vindexes that vtgate is asked about, by target.
    pub(crate) asked: BTreeMap<TargetId, Arc<AskedVindex>>,
    /// Where the targets' rows are, in words.
    pub(crate) placings: Placings,
    /// What numbers the new rows of its tables.
    pub(crate) numbered: Vec<Numbered>,
    pub(crate) plan_key: PlanKey,
    pub(crate) control: ControlLink,
    /// The connection to the source beside those that read chunks and follow the log.
    pub(crate) source_link: SharedLink,
    pub(crate) claim: Claim,
    pub(crate) tables: Vec<StoredTable>,
    pub(crate) targets: Vec<StoredTarget>,
    /// By source table, what its rows become.
    pub(crate) feeds: Vec<Vec<Feed>>,
    /// What is kept beside targets whose keys several sources may have.
    pub(crate) owned: BTreeMap<TargetId, Arc<Owned>>,
    /// All pieces, with the rows written for those that the target holds.
    pub(crate) pieces: Vec<(Piece, Option<u64>)>,
    pub(crate) server_id: u32,
    pub(crate) notes: Notes,
}

impl Prepared {
    /// The pieces that the target does not hold.
    pub(crate) fn todo(&self) -> Vec<Piece> {
        let missing = self.pieces.iter().filter(|(_, held)| held.is_none());
        missing.map(|(piece, _)| piece.clone()).collect()
    }

    /// Each table's average bytes of a row, as the source guesses.
    pub(crate) fn row_bytes(&self) -> Vec<u64> {
        self.tables.iter().map(|table| table.byte_estimate / table.row_estimate.max(1)).collect()
    }

    /// How far the tables are.
    pub(crate) fn progress(&self) -> (Vec<SourceProgress>, Vec<TargetProgress>) {
        let mut copied: BTreeMap<TableId, u64> = BTreeMap::new();
        for (piece, held) in &self.pieces {
            *copied.entry(piece.id.table).or_default() += held.unwrap_or(0);
        }
        let sources = (0..).map(TableId).zip(&self.tables).map(|(id, table)| {
            // A guess of nothing is made of tables of a few rows: thousands of them would count as
            // nothing to do.
            let rows = table.row_estimate.max(1);
            SourceProgress::new(rows, copied.get(&id).copied().unwrap_or(0))
        });
        let targets = (0..).map(TargetId).zip(&self.targets).map(|(id, target)| {
            let feeds = (0..).map(TableId).zip(&self.feeds);
            let is_fed = |feeds: &Vec<Feed>| feeds.iter().any(|feed| feed.target() == id);
            let sources = feeds.filter(|(_, feeds)| is_fed(feeds)).map(|(table, _)| table);
            TargetProgress::new(target.name().to_owned(), sources.collect())
        });
        (sources.collect(), targets.collect())
    }
}

/// One try of [`prepare`](crate::preparing::prepare).
pub(crate) async fn prepare_once(
    plan: &Plan,
    takes_over: bool,
    how @ (clock, ..): How<'_>,
    tries: &mut Tries,
) -> Result<Prepared, RunError> {
    let source_options = endpoint(&plan.source)?;
    let (mut source, mut target, mut warnings) = reached(plan, &source_options, tries).await?;
    let plan_key = PlanKey::new(&plan.name);
    let (_, home) = target.home();
    let link =
        tries.lock.get_or_insert_with(|| runners::locking_link(home, &plan_key, clock.clone()));
    runners::take_turn(link.session().await?, (&plan_key, home), takes_over, clock).await?;

    let is_resumed = is_begun(&mut target, &plan_key).await?;
    let (mut of_plan, found) = if is_resumed {
        (Vec::new(), resume(plan, (&mut source, &mut target), &plan_key).await?)
    } else {
        tries.come_to(At::Beginning);
        let source = (&mut source, &source_options);
        begin(plan, source, &mut target, &plan_key, how).await?
    };
    warnings.extend(found);
    let (session, home) = target.home();
    let tables = Control::tables(session, &plan_key).await?;
    let targets = store::targets(session, &plan_key, &tables).await?;
    let place = (&mut *session, home.schema.as_str());
    let mut made = materialize::feeds(plan, (&tables, &targets), place).await?;
    // Told already, where the plan begins now.
    of_plan.extend(made.warnings.into_iter().filter(|_| is_resumed));
    let name = |target: &StoredTarget| target.name().to_owned();
    let moved = names_of_moved(&targets);
    let left_behind = left_behind(plan, &mut source, &moved).await?;
    let owned = made.owned.keys().filter_map(|id| targets.get(id.0 as usize)).map(name).collect();
    if is_resumed {
        lookups_are_kept(&mut target, &targets).await?;
    }
    // Of a plan that has begun: what was removed since, or what the plan says since.
    let mut additions = target.lacking(plan, &names_of_own(&targets)).await?;
    let placed = target.placing(plan, (&targets, &owned)).await?;
    unchanged(&placed.words, &store::placings(target.home().0, &plan_key).await?)?;
    if is_resumed {
        foreign_keys::give_again(plan, &mut source, &mut target, &moved).await?;
    }
    feed_lookups(&mut made.feeds, (&tables, &targets), &placed)?;
    let placing = target.among(placed.placements);
    let sequences = target.sequences(plan, &mut source, &moved).await?;
    additions.extend(sequences.additions);
    target.add(&additions, how).await?;
    warnings.extend(sequences.findings);
    source.close().await;
    ways::open(&mut target, &plan_key, takes_over).await?;
    let server_id = server_id(&plan.name, &target.options);
    let shards = target.close().await;
    let (claim, links) = claim_all(&shards, &plan_key, clock).await?;
    let link = tries.lock.take().ok_or(RunError::State { what: "lock" })?;
    let control = Control::new(plan_key.clone(), claim.epoch);
    let control = ControlLink::new((link, links), own_count(&shards), control);
    Ok(Prepared {
        source_link: Link::new(source_options.clone(), Role::SourceReader, clock.clone()).shared(),
        pieces: control.pieces().await?,
        control,
        server_id,
        source: source_options,
        shards,
        placing,
        asked: by_target(placed.asked),
        placings: placed.words,
        numbered: sequences.numbered,
        plan_key,
        claim,
        tables,
        notes: Notes { warnings, of_plan, left_behind, is_resumed, tables: written(&targets) },
        targets,
        feeds: made.feeds,
        owned: made.owned,
    })
}

/// What stands by the places of targets, by their numbers.
fn by_target<T>(by_place: BTreeMap<usize, T>) -> BTreeMap<TargetId, T> {
    let numbered = |(place, it)| Some((TargetId(u32::try_from(place).ok()?), it));
    by_place.into_iter().filter_map(numbered).collect()
}

/// Reaches both servers and checks them; what was found that does not stand in the way.
async fn reached(
    plan: &Plan,
    source: &ConnectOptions,
    tries: &mut Tries,
) -> Result<(Session, Reached, Vec<Finding>), RunError> {
    let mut target = reach(plan).await?;
    enough_connections(plan, &mut target)?;
    let mut source = Session::connect(source, Role::SourceReader).await?;
    tries.come_to(At::Reached);
    let warnings = check(plan, &mut source, &mut target).await?;
    if plan.target.binlog() == Binlog::Skip {
        target = target.skipping_binlog().await?;
    }
    Ok((source, target, warnings))
}

/// Proves that the plan gives enough connections for the shards of its target.
///
/// # Errors
///
/// [`RunError::Connections`].
pub(crate) fn enough_connections(plan: &Plan, target: &mut Reached) -> Result<(), RunError> {
    lanes_of_shard(&compile(plan), target.each().len()).map(drop)
}

/// The names of the targets that have a source table's rows as they are.
fn names_of_moved(targets: &[StoredTarget]) -> Vec<String> {
    let moved = targets.iter().filter(|target| target.moved_from.is_some());
    moved.map(|target| target.name().to_owned()).collect()
}

/// The names of the tables that are written, but for the run's own.
fn written(targets: &[StoredTarget]) -> Vec<String> {
    let written = targets.iter().filter(|target| !is_kept_aside(target));
    written.map(|target| target.name().to_owned()).collect()
}

/// The names of the tables that the plan itself speaks of.
fn names_of_own(targets: &[StoredTarget]) -> Vec<String> {
    let own = targets.iter().filter(|it| it.lookup.is_none() && !is_kept_aside(it));
    own.map(|target| target.name().to_owned()).collect()
}

/// How many of the shards are of the target's own keyspace.
fn own_count(shards: &[Arc<Shard>]) -> usize {
    shards.iter().filter(|shard| !shard.is_beside).count()
}

/// Proves that the tables of lookup vindexes are what they were when the plan began.
async fn lookups_are_kept(target: &mut Reached, targets: &[StoredTarget]) -> Result<(), RunError> {
    let of_lookups = targets.iter().filter_map(|it| Some((&it.table, it.lookup.as_ref()?)));
    for (table, lookup) in of_lookups {
        for (session, shard) in target.shards_of(&lookup.keyspace) {
            let kept = lookups::is_kept((session, shard), (table, lookup)).await;
            kept.map_err(|error| shard.told(error))?;
        }
    }
    Ok(())
}

/// Adds what the rows of owners become in the tables of their lookup vindexes.
fn feed_lookups(
    feeds: &mut [Vec<Feed>],
    (tables, targets): (&[StoredTable], &[StoredTarget]),
    placed: &Placed,
) -> Result<(), RunError> {
    for (id, target) in (0..).map(TargetId).zip(targets) {
        let Some(lookup) = &target.lookup else { continue };
        let is_owner =
            |it: &StoredTarget| it.moved_from.is_some() && it.name() == lookup.owner.as_str();
        let owner = targets.iter().position(is_owner);
        let fed = owner.and_then(|owner| {
            let from = targets[owner].moved_from?.0 as usize;
            let (table, by) = (&tables.get(from)?.table, placed.by_vindex.get(&owner)?);
            let feed = lookups::feed(lookup, table, (id, &target.table), by)?;
            feeds.get_mut(from)?.push(feed);
            Some(())
        });
        fed.ok_or(RunError::State { what: "lookup vindexes" })?;
    }
    Ok(())
}

/// What stays behind on the source when the `moved` tables go.
async fn left_behind(
    plan: &Plan,
    source: &mut Session,
    moved: &[String],
) -> Result<Vec<LeftBehind>, RunError> {
    let database = &plan.source.database;
    let mut left_behind = catalog::left_behind(source, database, moved).await?;
    if plan.target.leaves_foreign_keys_out() {
        left_behind.extend(catalog::foreign_keys(source, database, moved).await?);
    }
    left_behind.extend(tables::newcomers(plan, source, moved).await?);
    Ok(left_behind)
}

/// Takes a plan up again that has begun; what of the servers a person should know.
async fn resume(
    plan: &Plan,
    (source, target): (&mut Session, &mut Reached),
    key: &PlanKey,
) -> Result<Vec<Finding>, RunError> {
    let lookups = store::lookups(target.home().0, key).await?;
    let mut found = target.reach_beside(lookups.values()).await?;
    enough_connections(plan, target)?;
    let now = target.shard_names();
    let (session, _) = target.home();
    let is_same = check_unchanged(plan, session, key).await?;
    // Those of an earlier format may be missing.
    store::create_tables(session).await?;
    let began = store::shards(session, key).await?;
    if began != now {
        return Err(RunError::Resharded { began: began.join(", "), now: now.join(", ") });
    }
    if !is_same {
        let fingerprint = serde_json::to_string(&plan.fingerprint())?;
        let dead_letters = materialize::dead_letters_target(plan)?;
        Control::relax(session, key, &fingerprint, dead_letters.as_ref()).await?;
    }
    let beat = store::beat(session, key).await?;
    let absent = beat.ok_or(RunError::State { what: "plan" })?.age;
    found.extend(source::absence_finding(source, absent).await?);
    Ok(found)
}

/// Claims the plan on every shard, the first one first; links to the others.
async fn claim_all(
    shards: &[Arc<Shard>],
    key: &PlanKey,
    clock: &Clock,
) -> Result<(Claim, Vec<Link>), RunError> {
    let link = |shard: &Shard| Link::new(shard.options.clone(), Role::Target, clock.clone());
    let (home, others) = shards.split_first().ok_or(RunError::State { what: "shards" })?;
    let mut claiming = link(home);
    let claimed = on_link!(claiming, session => store::claim(session, key));
    let (epoch, lanes) = claimed.map_err(|error| home.told(error))?;
    claiming.close().await;
    let mut claim = Claim { epoch, shards: vec![lanes] };
    let mut links = Vec::new();
    for shard in others {
        let mut claiming = link(shard);
        let claimed = on_link!(claiming, session => store::claim_beside(session, key, epoch));
        claim.shards.push(claimed.map_err(|error| shard.told(error))?);
        links.push(claiming);
    }
    Ok((claim, links))
}

/// Runs all checks of both servers; those that do not stand in the way are returned.
async fn check(
    plan: &Plan,
    source: &mut Session,
    target: &mut Reached,
) -> Result<Vec<Finding>, RunError> {
    let mut findings = source::findings(source, &plan.source.database).await?;
    findings.extend(target.findings(plan, source).await?);
    if plan.target.binlog() == Binlog::Skip {
        findings.extend(target::binlog_finding(target.home().0).await?);
    }
    if findings.iter().any(|finding| finding.severity == Severity::Refusal) {
        return Err(RunError::Preflight { findings });
    }
    Ok(findings)
}

/// Whether the plan has begun, which its first shard knows.
///
/// # Errors
///
/// [`RunError::ForeignState`] when another shard was written to, and the first one knows nothing of it:
/// it has lost its database, or is one that a resharding made.
pub(crate) async fn is_begun(target: &mut Reached, plan: &PlanKey) -> Result<bool, RunError> {
    let (session, home) = target.home();
    let epoch = store::epoch(session, plan).await.map_err(|error| home.told(error))?;
    if epoch.is_some() {
        return Ok(true);
    }
    for (session, shard) in target.each().skip(1) {
        let epoch = store::epoch(session, plan).await.map_err(|error| shard.told(error))?;
        // What never was claimed is left of a begin that did not come to its end.
        if epoch.is_some_and(|epoch| epoch > 0) {
            return Err(shard.told(RunError::ForeignState { plan: plan.name().to_owned() }));
        }
    }
    Ok(false)
}

/// Proves that the plan still is what it was begun as, where that may not change; whether it is so in
/// all that is stored of it.
async fn check_unchanged(
    plan: &Plan,
    target: &mut Session,
    key: &PlanKey,
) -> Result<bool, RunError> {
    let sql = format!("SELECT format, fingerprint FROM `_whimbrel_plan` WHERE {}", key.matches());
    let rows = target.query(&sql).await?;
    let row = rows.first().ok_or(RunError::State { what: "plan" })?;
    let format: u64 = row.number("format")?;
    if format > u64::from(store::FORMAT) {
        return Err(RunError::NewerFormat { plan: plan.name.clone(), format });
    }
    let stored: Fingerprint = serde_json::from_str(&row.text("fingerprint")?)?;
    let changes = plan.changes(&stored);
    if changes.is_empty() {
        return Ok(stored == plan.fingerprint());
    }
    Err(RunError::Changed { plan: plan.name.clone(), changes })
}

/// The number that the source knows this plan's log reader by: the same in every run, so that a
/// reader left over from a dead run gives way to the new one, and far from those people give.
///
/// Source: MySQL manual, `server_id`: two replicas with one number push each other out.
pub(crate) fn server_id(plan: &str, target: &ConnectOptions) -> u32 {
    let hash = xxh3_64(format!("{plan}\0{}\0{}", target.address(), target.database()).as_bytes());
    0x8000_0000 | u32::try_from(hash & 0x7fff_ffff).unwrap_or(0)
}
