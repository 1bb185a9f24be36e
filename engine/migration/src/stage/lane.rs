//! One lane at work: takes what waits, writes it in one transaction, and knows whether it did.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use futures_util::FutureExt;
use whimbrel_flow::{ComputePool, Permit, Receiver};
use whimbrel_model::TableId;
use whimbrel_mysql::{Class, Error, load};

use crate::{
    effects::Effects,
    error::RunError,
    lane::{
        LaneItem, LaneState, LaneVersion, Mark, Plan, PlanLimits, Settled, plan, settle,
        window_length,
    },
    link::{Link, RETRIES},
    rollup::COUNT_IS_NEGATIVE,
    shards::Shard,
    shared::Shared,
    stage::writes::{Form, Means, Write, has_large_statement, is_worth_loading, writes_of},
    store::{self, PlanKey},
    transform::TargetId,
};

/// How often a lane without work proves that its row is still its own: a shard that lost its newest
/// commits is otherwise noticed only with the next change.
const IDLE_PROOF_EVERY: Duration = Duration::from_secs(10);

/// How long a position without rows may wait for the next ones. Where source and target are one server,
/// each that is stored is a transaction in the log that is followed, whose position is to be stored;
/// where they are two, it is the target's work for what the source does elsewhere.
const POSITION_REST: Duration = Duration::from_secs(1);

/// How long a target may take for a lane's transaction before that is told: far more than it needs, so
/// that it waits for something.
const SLOW_AFTER: Duration = Duration::from_secs(10);

/// What is told then. A server whose log's disk is full, for one, holds every COMMIT until there is
/// room, and tells nobody but its own error log.
const SLOW: &str = "an answer for more than 10 s: it may wait for a lock or for room on its disk, or be \
                    out of reach (see its error log and its process list)";

/// Rows above which statements are built in the compute pool rather than in the lane's task.
pub(super) const INLINE_ROWS_MAX: usize = 64;

/// What is handed to a lane: its share of a batch.
#[derive(Debug)]
pub(crate) struct LaneMessage {
    pub(crate) items: Vec<LaneItem>,
    pub(crate) written_micros: u64,
    pub(crate) permit: Arc<Permit>,
}

/// A lane and its connection.
#[derive(Debug)]
pub(crate) struct LaneWorker {
    pub(crate) lane: u32,
    pub(crate) shard: Arc<Shard>,
    /// The shard's place among the target's, counted from 0.
    pub(crate) number: usize,
    pub(crate) plan: PlanKey,
    pub(crate) epoch: u64,
    pub(crate) generation: u64,
    pub(crate) state: LaneState,
    pub(crate) limits: PlanLimits,
    pub(crate) inlet: Receiver<LaneMessage>,
    pub(crate) link: Link,
    /// How rows may be sent; `None` until the target was asked.
    pub(super) means: Option<Means>,
    /// Owned targets beside which no row waits.
    pub(crate) undisputed: BTreeSet<TargetId>,
    pub(crate) pool: Arc<ComputePool>,
    pub(crate) shared: Arc<Shared>,
}

/// What a transaction sends after the lane's row: the rows, then the marks and how many these are.
type Work<'a> = (&'a [Write], Option<(&'a str, u64)>);

#[derive(Debug, Default)]
struct Waiting {
    items: VecDeque<LaneItem>,
    /// What `items` came with, in the same order.
    stamps: VecDeque<Stamp>,
    row_count: usize,
    byte_count: usize,
}

/// What the items of one message came with.
#[derive(Debug)]
struct Stamp {
    /// How many of them still wait.
    item_count: usize,
    written_micros: u64,
    /// The bytes of their rows; `None` where all of them are positions alone, of which a lane holds at
    /// most as many as it may hold rows: what others write must not wait until they are stored.
    permit: Option<Arc<Permit>>,
}

impl Stamp {
    /// Whether any of its items is more than a position.
    fn is_work(&self) -> bool {
        self.permit.is_some()
    }
}

impl LaneWorker {
    /// Runs until its inlet is closed and empty; what it has stored then.
    pub(crate) async fn run(mut self) -> Result<LaneState, RunError> {
        let mut waiting = Waiting::default();
        while self.fill(&mut waiting).await? {
            let oldest = waiting.stamps.iter().find(|stamp| stamp.is_work());
            let oldest = oldest.map(|stamp| stamp.written_micros);
            self.shared.progress.lane_applied((self.number, self.lane), oldest);
            let (items, permits) = waiting.take(window_length(&waiting.items, self.limits));
            self.apply(items).await?;
            drop(permits);
            if waiting.items.is_empty() {
                self.shared.progress.lane_applied((self.number, self.lane), None);
            }
        }
        // The lanes that follow when their number changes open their own.
        self.link.close().await;
        Ok(self.state)
    }

    /// Waits for something to write, and takes what else has come; `false` at the end.
    async fn fill(&mut self, waiting: &mut Waiting) -> Result<bool, RunError> {
        while waiting.items.is_empty() {
            tokio::select! {
                message = self.inlet.recv() => match message {
                    Some(message) => waiting.push(message),
                    None => return Ok(false),
                },
                () = self.shared.clock.sleep(IDLE_PROOF_EVERY) => self.prove().await?,
            }
        }
        self.rest(waiting).await;
        while waiting.has_room(self.limits) {
            match self.inlet.recv().now_or_never() {
                Some(Some(message)) => waiting.push(message),
                Some(None) | None => break,
            }
        }
        Ok(true)
    }

    /// Takes what else comes as long as positions alone wait, for a while: until there is work, the end,
    /// or somebody who wants to know what is stored.
    async fn rest(&mut self, waiting: &mut Waiting) {
        let mut rest = pin!(self.shared.clock.sleep(POSITION_REST));
        let mut has_work = waiting.stamps.iter().any(Stamp::is_work);
        while !has_work && waiting.has_room(self.limits) {
            tokio::select! {
                message = self.inlet.recv() => match message {
                    Some(message) => waiting.push(message),
                    None => return,
                },
                () = &mut rest => return,
                () = self.shared.positions_wanted() => return,
            }
            has_work = waiting.stamps.back().is_some_and(Stamp::is_work);
        }
    }

    /// Writes nothing but the lane's row, which proves that it is as this runner left it.
    async fn prove(&mut self) -> Result<(), RunError> {
        self.apply(Vec::new()).await
    }

    /// Applies the items in one transaction.
    async fn apply(&mut self, items: Vec<LaneItem>) -> Result<(), RunError> {
        let counts = Counts::of(&items);
        let Plan { mut effects, marks, next } = plan(&self.state, items);
        self.resolve_owned(&mut effects).await?;
        let swap = store::swap(&self.plan, self.lane, self.version(), &next);
        let mark_count = marks.len() as u64;
        let marks = (mark_count > 0).then(|| self.marks(&marks));
        let marks = marks.as_deref().map(|marks| (marks, mark_count));
        let effects = Arc::new(effects);
        let means = self.means(&effects).await;
        let writes = self.writes(&effects, (next.sequence, means)).await?;
        match self.write(&swap, (&writes, marks)).await {
            Err(RunError::Server(error)) if matches!(*error, Error::Unloaded { .. }) => {
                tracing::warn!(lane = self.lane, %error, "rows are sent in statements from here on");
                self.means = Some(Means::Statements);
                let writes = self.writes(&effects, (next.sequence, Means::Statements)).await?;
                self.write(&swap, (&writes, marks)).await?;
            }
            outcome => outcome?,
        }
        self.state = next;
        counts.report(&self.shared);
        Ok(())
    }

    /// How the rows may be sent. A target that cannot be asked now is asked another time.
    async fn means(&mut self, effects: &Effects) -> Means {
        if self.means.is_none() && self.link.is_through_vtgate() {
            self.means = Some(Means::Documents);
        }
        if self.means.is_none() && is_worth_loading(effects) {
            let asked = match self.link.session().await {
                Ok(session) => load::is_offered(session).await,
                Err(error) => Err(error),
            };
            match asked {
                Ok(true) => self.means = Some(Means::Loads),
                Ok(false) => self.means = Some(Means::Statements),
                Err(_) => self.link.drop_session(),
            }
        }
        self.means.unwrap_or(Means::Statements)
    }

    fn version(&self) -> LaneVersion {
        LaneVersion {
            epoch: self.epoch,
            generation: self.generation,
            sequence: self.state.sequence,
        }
    }

    /// Writes the transaction exactly once, over lost connections and deadlocks.
    async fn write(&mut self, swap: &str, work: Work<'_>) -> Result<(), RunError> {
        let (mut failure_count, mut is_in_doubt) = (0, false);
        loop {
            let shared = Arc::clone(&self.shared);
            let shard = Arc::clone(&self.shard);
            let attempt = self.attempt(swap, work, &mut is_in_doubt);
            let Err(error) = told_when_slow(&shared, &shard, attempt).await else { break };
            let error = self.link.understood(error);
            self.link.drop_session();
            let RunError::Server(cause) = &error else { return Err(error) };
            if !cause.class().may_pass() {
                return Err(error);
            }
            failure_count += 1;
            let Some(delay) = RETRIES.delay(failure_count) else { return Err(error) };
            let shard = self.shard.label();
            tracing::warn!(shard, lane = self.lane, %error, failure_count, "lane transaction failed");
            self.shared.progress.waits(self.shard.label(), Some(error.while_waiting()));
            self.shared.clock.sleep(delay).await;
            match self.settled().await? {
                Some(Settled::Committed) if is_in_doubt => break,
                Some(Settled::Fenced) => return Err(RunError::Fenced),
                Some(Settled::Diverged | Settled::Committed) => {
                    return Err(RunError::Diverged { lane: self.lane });
                }
                Some(Settled::NotCommitted) | None => {}
            }
        }
        if has_large_statement(work.0) {
            self.link.close().await;
        }
        self.shared.progress.waits(self.shard.label(), None);
        Ok(())
    }

    /// Whether the transaction in doubt was committed; `None` while the target cannot be asked.
    async fn settled(&mut self) -> Result<Option<Settled>, RunError> {
        let mine = self.version();
        let found = match self.link.session().await {
            Ok(session) => store::read_version(session, &self.plan, self.lane).await,
            Err(error) => Err(error.into()),
        };
        match found.map_err(|error| self.link.understood(error)) {
            Ok(found) => Ok(Some(settle(mine, found))),
            Err(error) if crate::link::is_passing(&error) => {
                self.link.drop_session();
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Writes the transaction once. From its COMMIT on it `is_in_doubt`: only then can a row that is
    /// one transaction further be this one's doing.
    async fn attempt(
        &mut self,
        swap: &str,
        (writes, marks): Work<'_>,
        is_in_doubt: &mut bool,
    ) -> Result<(), RunError> {
        let (lane, shared) = (self.lane, Arc::clone(&self.shared));
        let mine = self.version();
        let session = self.link.session().await?;
        // The answer is that to the last statement; an error of the first ends both.
        let begin = format!("BEGIN; {swap}");
        if session.execute(begin.as_bytes()).await?.affected_rows != 1 {
            let found = store::read_version(session, &self.plan, lane).await?;
            return match settle(mine, found) {
                Settled::Fenced => Err(RunError::Fenced),
                // A retry whose first try was committed after all.
                Settled::Committed if *is_in_doubt => Ok(()),
                Settled::Committed | Settled::Diverged | Settled::NotCommitted => {
                    Err(RunError::Diverged { lane })
                }
            };
        }
        for (table, form) in writes {
            let written = match form {
                Form::Statement(statement) => session.execute(statement).await.map(drop),
                Form::Load(load) => session.load(load).await,
                Form::Document(rows) => session.write(rows).await,
            };
            written.map_err(|error| refused(&shared, *table, error))?;
        }
        if let Some((marks, count)) = marks
            && session.execute(marks.as_bytes()).await?.affected_rows != count
        {
            return Err(RunError::Diverged { lane });
        }
        *is_in_doubt = true;
        session.execute(b"COMMIT").await?;
        Ok(())
    }

    async fn writes(
        &self,
        effects: &Arc<Effects>,
        how: (u64, Means),
    ) -> Result<Vec<Write>, RunError> {
        if effects.row_count() <= INLINE_ROWS_MAX {
            return Ok(writes_of(&self.shared, effects, how)?);
        }
        let (shared, effects) = (Arc::clone(&self.shared), Arc::clone(effects));
        let built = self.pool.run(move || writes_of(&shared, &effects, how)).await;
        Ok(built.map_err(|error| RunError::Broken { what: error.to_string() })??)
    }

    /// Stores marks. A target may have lost the cut that made a piece: then nobody has its number, nor will
    /// anybody.
    fn marks(&self, marks: &[Mark]) -> String {
        let row = |mark: &Mark| {
            format!(
                "({}, {}, {}, {}, {}, {}, {})",
                self.plan.literal(),
                mark.chunk.table.0,
                mark.chunk.number,
                mark.attempt,
                self.lane,
                mark.lane_count,
                mark.row_count,
            )
        };
        let rows: Vec<String> = marks.iter().map(row).collect();
        format!(
            "INSERT INTO `_whimbrel_marks` \
             (plan, table_id, number, attempt, lane, lane_count, row_count) VALUES {}",
            rows.join(", ")
        )
    }
}

/// What a statement's error means for a table.
fn refused(shared: &Shared, table: TargetId, error: Error) -> RunError {
    let name = || shared.targets[table.0 as usize].name().to_owned();
    if error.is_large_message() {
        return RunError::LargeRow { table: name(), cause: Box::new(error) };
    }
    if error.class() != Class::Refused {
        return error.into();
    }
    let Some(rollup) = shared.rollups.get(&table) else {
        return RunError::RefusedRow { table: name(), cause: Box::new(error) };
    };
    let table = rollup.visible().to_owned();
    if error.code() == Some(COUNT_IS_NEGATIVE) {
        return RunError::ForeignGroups { table };
    }
    RunError::RefusedGroup { table, cause: Box::new(error) }
}

/// What `work` comes to; if that takes long, it is told meanwhile.
async fn told_when_slow<T>(shared: &Shared, shard: &Shard, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    tokio::select! {
        outcome = &mut work => outcome,
        () = shared.clock.sleep(SLOW_AFTER) => {
            shared.progress.waits(shard.label(), Some(SLOW.to_owned()));
            work.await
        }
    }
}

/// Rows of a lane's transaction, for the progress report.
#[derive(Debug, Default)]
struct Counts {
    /// Rows of source tables.
    copied: Vec<(TableId, u64)>,
    copied_bytes: BTreeMap<TargetId, u64>,
    changed: BTreeMap<TargetId, u64>,
}

impl Counts {
    fn of(items: &[LaneItem]) -> Self {
        let mut counts = Self::default();
        for item in items {
            match item {
                LaneItem::Chunk(share) => {
                    counts.copied.push((share.chunk.table, share.row_count));
                    for (target, rows) in &share.rows {
                        let bytes: usize = rows.iter().map(|(_, row)| row.byte_count()).sum();
                        *counts.copied_bytes.entry(*target).or_default() += bytes as u64;
                    }
                }
                LaneItem::Part(part) => {
                    for (_, operation) in &part.operations {
                        *counts.changed.entry(operation.table).or_default() += 1;
                    }
                }
            }
        }
        counts
    }

    fn report(&self, shared: &Shared) {
        for &(table, rows) in &self.copied {
            shared.progress.copied(table, rows);
        }
        for (&target, &bytes) in &self.copied_bytes {
            shared.progress.copied_bytes(target, bytes);
        }
        for (&target, &rows) in &self.changed {
            shared.progress.changed(target, rows);
        }
    }
}

impl Waiting {
    /// Whether more may be taken.
    fn has_room(&self, limits: PlanLimits) -> bool {
        self.items.len() < limits.rows_max
            && self.row_count < limits.rows_max
            && self.byte_count < limits.bytes_max
    }

    fn push(&mut self, message: LaneMessage) {
        let LaneMessage { items, written_micros, permit } = message;
        if items.is_empty() {
            return;
        }
        let is_work = items.iter().any(|item| !item.is_position_alone());
        let permit = is_work.then_some(permit);
        self.stamps.push_back(Stamp { item_count: items.len(), written_micros, permit });
        for item in items {
            self.row_count += item.row_count();
            self.byte_count += item.byte_count();
            self.items.push_back(item);
        }
    }

    /// The first `count` items, and permits to be held until they are written. Those of a message of
    /// which others wait stay with the others.
    fn take(&mut self, count: usize) -> (Vec<LaneItem>, Vec<Arc<Permit>>) {
        let items: Vec<LaneItem> = self.items.drain(..count).collect();
        for item in &items {
            self.row_count -= item.row_count();
            self.byte_count -= item.byte_count();
        }
        let (mut permits, mut left) = (Vec::new(), count);
        while let Some(mut stamp) = self.stamps.pop_front() {
            if stamp.item_count > left {
                stamp.item_count -= left;
                self.stamps.push_front(stamp);
                break;
            }
            left -= stamp.item_count;
            permits.extend(stamp.permit);
        }
        (items, permits)
    }
}
