//! Everything between reading a plan and the first row: both servers are reached and checked, the
//! target's tables made ready, the plan begun or taken up again, and claimed.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use whimbrel_flow::Clock;
use whimbrel_model::{GtidSet, TableId};
use whimbrel_mysql::{
    Account, Class, ConnectOptions, Finding, Role, Session, Severity, TlsMode, TlsOptions, catalog,
    catalog::LeftBehind, source, target,
};
use whimbrel_plan::{
    Binlog, Endpoint, Fingerprint, MysqlTarget, Plan, PlanError, Target, Tls, also_moved,
};
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    control::{ControlLink, end_lanes, locking_link, other_holder},
    error::RunError,
    lane::LaneState,
    link::{Link, SharedLink, end_session, on_link},
    materialize::{self, Made, is_kept_aside},
    newest,
    owned::Owned,
    pieces::Piece,
    progress::{SourceProgress, TargetProgress},
    store::{self, Claim, Control, PlanKey, StoredTable, StoredTarget},
    tables,
    transform::{Feed, TargetId},
};

/// How long the lock of another runner is waited for before that one counts as alive.
const BUSY_SECONDS: u32 = 3;

/// How long a runner that is taken over may take to be gone from the target.
const TAKE_OVER_SECONDS: u32 = 30;

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
    pub(crate) target: ConnectOptions,
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

/// How `endpoint` of a plan is connected to.
pub(crate) fn endpoint(endpoint: &Endpoint) -> Result<ConnectOptions, RunError> {
    let (mode, ca) = match &endpoint.tls {
        Tls::Disabled => (TlsMode::Disabled, None),
        Tls::Preferred => (TlsMode::Preferred, None),
        Tls::Required => (TlsMode::Required, None),
        Tls::VerifyCa { ca } => (TlsMode::VerifyCa, ca.clone()),
        Tls::VerifyIdentity { ca } => (TlsMode::VerifyIdentity, ca.clone()),
    };
    let account = Account {
        host: endpoint.host.clone(),
        port: endpoint.port,
        user: endpoint.user.clone(),
        password: endpoint.password.clone(),
    };
    Ok(ConnectOptions::new(account, &endpoint.database, TlsOptions { mode, ca })?)
}

/// How the target of `plan` is connected to.
///
/// # Errors
///
/// [`RunError::Vitess`] for a keyspace: nothing is written through vtgate.
pub(crate) fn target_endpoint(plan: &Plan) -> Result<ConnectOptions, RunError> {
    match &plan.target {
        Target::Mysql(MysqlTarget { endpoint: target, .. }) => endpoint(target),
        Target::Vitess(target) => {
            Err(RunError::Vitess { keyspace: target.endpoint.database.clone() })
        }
    }
}

/// Reaches both servers, checks them, makes the target's tables ready and claims the plan.
pub(crate) async fn prepare(
    plan: &Plan,
    takes_over: bool,
    clock: &Clock,
) -> Result<Prepared, RunError> {
    let (source_options, mut target_options) = (endpoint(&plan.source)?, target_endpoint(plan)?);
    let mut source = Session::connect(&source_options, Role::SourceReader).await?;
    let mut target = Session::connect(&target_options, Role::Target).await?;
    let mut warnings = check(plan, &mut source, &mut target).await?;
    if plan.target.binlog() == Binlog::Skip {
        target.close().await;
        target_options = target_options.skipping_binlog();
        target = Session::connect(&target_options, Role::Target).await?;
    }

    let plan_key = PlanKey::new(&plan.name);
    let mut link = locking_link(&target_options, &plan_key, clock.clone());
    take_lock(link.session().await?, &plan_key, target_options.database(), takes_over).await?;

    let mut of_plan = Vec::new();
    let is_resumed = is_begun(&mut target, &plan_key).await?;
    if is_resumed {
        let is_same = check_unchanged(plan, &mut target, &plan_key).await?;
        // Those of an earlier format may be missing.
        store::create_tables(&mut target).await?;
        if !is_same {
            let fingerprint = serde_json::to_string(&plan.fingerprint())?;
            let dead_letters = materialize::dead_letters_target(plan)?;
            Control::relax(&mut target, &plan_key, &fingerprint, dead_letters.as_ref()).await?;
        }
        let absent = absence(&mut target, &plan_key).await?;
        warnings.extend(source::absence_finding(&mut source, absent).await?);
    } else {
        of_plan.extend(
            begin(plan, (&mut source, &source_options), (&mut target, &target_options), &plan_key)
                .await?,
        );
    }
    let tables = Control::tables(&mut target, &plan_key).await?;
    let targets = store::targets(&mut target, &plan_key, &tables).await?;
    let made = materialize::feeds(plan, (&tables, &targets), &mut target).await?;
    // Told already, where the plan begins now.
    of_plan.extend(made.warnings.into_iter().filter(|_| is_resumed));
    let is_moved = |target: &&StoredTarget| target.moved_from.is_some();
    let name = |target: &StoredTarget| target.name().to_owned();
    let moved: Vec<String> = targets.iter().filter(is_moved).map(name).collect();
    let mut left_behind = catalog::left_behind(&mut source, &plan.source.database, &moved).await?;
    left_behind.extend(tables::newcomers(plan, &mut source, &moved).await?);
    if takes_over {
        end_lanes(&mut target, &plan_key, target_options.database()).await?;
    }
    let mut claiming = Link::new(target_options.clone(), Role::Target, clock.clone());
    let claim = on_link!(claiming, session => store::claim(session, &plan_key))?;
    let pieces = Control::pieces(&mut target, &plan_key).await?;
    source.close().await;
    target.close().await;
    Ok(Prepared {
        source_link: Link::new(source_options.clone(), Role::SourceReader, clock.clone()).shared(),
        control: ControlLink::new(link, Control::new(plan_key.clone(), claim.epoch)),
        server_id: server_id(&plan.name, &target_options),
        source: source_options,
        target: target_options,
        plan_key,
        claim,
        tables,
        notes: Notes {
            warnings,
            of_plan,
            left_behind,
            is_resumed,
            tables: targets.iter().filter(|it| !is_kept_aside(it)).map(name).collect(),
        },
        targets,
        feeds: made.feeds,
        owned: made.owned,
        pieces,
    })
}

/// Runs all checks of both servers; those that do not stand in the way are returned.
async fn check(
    plan: &Plan,
    source: &mut Session,
    target: &mut Session,
) -> Result<Vec<Finding>, RunError> {
    let mut findings = source::findings(source, &plan.source.database).await?;
    let of_target =
        target::findings(target, &plan.target.endpoint().database, source, &plan.source.database)
            .await?;
    findings.extend(of_target);
    if plan.target.binlog() == Binlog::Skip {
        findings.extend(target::binlog_finding(target).await?);
    }
    if findings.iter().any(|finding| finding.severity == Severity::Refusal) {
        return Err(RunError::Preflight { findings });
    }
    Ok(findings)
}

/// Takes the plan's lock, from another runner only if asked to.
async fn take_lock(
    session: &mut Session,
    plan: &PlanKey,
    database: &str,
    takes_over: bool,
) -> Result<(), RunError> {
    let Some(connection) = other_holder(session, plan, database).await? else { return Ok(()) };
    if !takes_over {
        // A runner that was killed a moment ago is still being cleared away by the server.
        return crate::control::wait_for_lock(session, plan, database, BUSY_SECONDS).await;
    }
    if let Ok(connection) = u32::try_from(connection) {
        end_session(session, connection).await?;
    }
    crate::control::wait_for_lock(session, plan, database, TAKE_OVER_SECONDS).await
}

async fn is_begun(target: &mut Session, plan: &PlanKey) -> Result<bool, RunError> {
    if !store::exists(target).await? {
        return Ok(false);
    }
    let sql = format!("SELECT 1 FROM `_whimbrel_plan` WHERE {}", plan.matches());
    Ok(!target.query(&sql).await?.is_empty())
}

/// How long ago a runner last reported, by the target's clock.
async fn absence(target: &mut Session, key: &PlanKey) -> Result<Duration, RunError> {
    let sql = format!(
        "SELECT GREATEST(0, TIMESTAMPDIFF(MICROSECOND, updated_at, NOW(6))) AS micros \
         FROM `_whimbrel_plan` WHERE {}",
        key.matches()
    );
    let rows = target.query(&sql).await?;
    let row = rows.first().ok_or(RunError::State { what: "plan" })?;
    Ok(Duration::from_micros(row.number("micros")?))
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

/// Begins a plan: the source's position first, so that nothing that happens to a table after its
/// definition was read is missed; then the tables; then the state, all at once. What of the plan may not
/// be meant is returned.
async fn begin(
    plan: &Plan,
    (source, source_options): (&mut Session, &ConnectOptions),
    (target, target_options): (&mut Session, &ConnectOptions),
    key: &PlanKey,
) -> Result<Vec<PlanError>, RunError> {
    let position = start_position(source).await?;
    let uuid = source::server_uuid(source).await?;
    let reader = server_id(&plan.name, target_options);
    let newest = newest::of(&position, (source, source_options), reader).await?;
    let names = catalog::table_names(source, &plan.source.database).await?;
    let mut tables = tables::select(plan, source, &names).await?;
    let moved: Vec<String> = tables.iter().map(|it| it.description.name.clone()).collect();
    let errors = also_moved(plan, &moved);
    if !errors.is_empty() {
        return Err(RunError::Selection { errors });
    }
    let others = materialize::other_sources(plan, source, &moved).await?;
    let sources = tables.iter().chain(&others);
    let bytes: BTreeMap<String, u64> = sources
        .clone()
        .map(|it| (it.description.name.clone(), it.description.bytes_estimate))
        .collect();
    let definitions = materialize::definitions(plan, target, sources, names).await?;
    if store::exists(target).await? {
        store::create_tables(target).await?;
        let problems = tables::taken(target, key, &targets_of(plan, &moved)).await?;
        if !problems.is_empty() {
            return Err(RunError::Tables { problems });
        }
    }
    // One is the session's, one has the plan's lock.
    let connections = plan.limits.target_connections.saturating_sub(2);
    tables::make_ready(target, (target_options, connections), &tables).await?;
    let Made { targets: made, warnings } =
        materialize::make_ready(plan, target, definitions, &bytes).await?;
    store::create_tables(target).await?;
    let fingerprint = serde_json::to_string(&plan.fingerprint())?;
    tables.extend(others);
    // What takes longest starts first.
    tables.sort_by_key(|table| std::cmp::Reverse(table.description.bytes_estimate));
    let tables: Vec<StoredTable> = tables.into_iter().map(StoredTable::from).collect();
    let numbered = (0..).map(TableId).zip(&tables);
    let mut targets: Vec<StoredTarget> = numbered
        .filter(|(_, stored)| moved.iter().any(|name| name == stored.table.name()))
        .map(|(id, stored)| StoredTarget::moved(id, &stored.table))
        .collect();
    targets.extend(made);
    tables::make_kept(target, &targets).await?;
    let state = LaneState { position, newest, ..LaneState::default() };
    let tables = (tables.as_slice(), targets.as_slice());
    Control::begin(target, key, (&fingerprint, &uuid), tables, (1, &state)).await?;
    Ok(warnings)
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

/// The number that the source knows this plan's log reader by: the same in every run, so that a
/// reader left over from a dead run gives way to the new one, and far from those people give.
///
/// Source: MySQL manual, `server_id`: two replicas with one number push each other out.
fn server_id(plan: &str, target: &ConnectOptions) -> u32 {
    let hash = xxh3_64(format!("{plan}\0{}\0{}", target.address(), target.database()).as_bytes());
    0x8000_0000 | u32::try_from(hash & 0x7fff_ffff).unwrap_or(0)
}
