//! What follows the copy: secondary indexes, foreign keys, `AUTO_INCREMENT` or sequences, and knowing
//! that the target has caught up.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroUsize,
    sync::Arc,
    time::Duration,
};

use futures_util::{FutureExt, future::try_join_all};
use whimbrel_flow::{Receiver, Sender, StopLevel, channel};
use whimbrel_model::{GtidSet, LogOffset, TableId};
use whimbrel_mysql::{Error, Role, Session, source};

use crate::{
    control::ControlLink,
    error::{RunError, SharedKeys},
    indexes::{Completion, Definitions},
    link::{Link, SharedLink, on_link},
    prepare::Prepared,
    progress::{Phase, Progress},
    run::Until,
    sequences::{Ahead, Numbered},
    shards::Shard,
    shared::Shared,
    store::{Disputes, StoredTarget},
    told::told_by_the_log,
};

/// How many times as long as a look at the target's own rows took is waited before the next: what is
/// waited for is soon found where a look costs little, and seldom asked for among very many marks.
const REST_OF_LOOKS: u32 = 20;

/// The least and the most that is waited between two looks.
const REST_MIN: Duration = Duration::from_millis(10);
const REST_MAX: Duration = Duration::from_secs(10);

/// How often it is looked whether rows wait because another source has their key.
const SHARED_KEYS_EVERY: Duration = Duration::from_secs(1);

/// How often it is looked whether sequences are ahead of the source's numbers while it is followed.
const SEQUENCES_EVERY: Duration = Duration::from_secs(1);

/// The task that takes a run from phase to phase.
#[derive(Debug)]
pub(crate) struct Finish {
    shared: Arc<Shared>,
    control: ControlLink,
    source: SharedLink,
    source_database: String,
    shards: Vec<Arc<Shard>>,
    targets: Vec<StoredTarget>,
    numbered: Vec<Numbered>,
    until: Until,
}

impl Finish {
    pub(crate) fn new(prepared: &Prepared, shared: Arc<Shared>, until: Until) -> Self {
        Self {
            shared,
            control: prepared.control.clone(),
            source: Arc::clone(&prepared.source_link),
            source_database: prepared.source.database().to_owned(),
            shards: prepared.shards.clone(),
            targets: prepared.targets.clone(),
            numbered: prepared.numbered.clone(),
            until,
        }
    }

    /// Runs until the run is to end, or ends it.
    pub(crate) async fn run(self) -> Result<(), RunError> {
        let stop = self.shared.stop.clone();
        let mut ahead = self.ahead()?;
        tokio::select! {
            done = self.phases(&mut ahead) => done?,
            error = self.watch_shared_keys() => return Err(error),
            () = stop.reached(StopLevel::Drain) => return Ok(()),
        }
        if self.until == Until::CaughtUp {
            return Ok(());
        }
        tokio::select! {
            error = self.watch_shared_keys() => Err(error),
            error = self.keep_ahead(&mut ahead) => Err(error),
            () = stop.reached(StopLevel::Drain) => Ok(()),
        }
    }

    fn ahead(&self) -> Result<Ahead, RunError> {
        let home = self.shards.first().ok_or(RunError::State { what: "shards" })?;
        let source = (Arc::clone(&self.source), self.source_database.clone());
        Ok(Ahead::new(self.numbered.clone(), source, (&home.options, self.shared.clock.clone())))
    }

    /// Keeps sequences ahead of what the source gives while it is followed; what went wrong.
    async fn keep_ahead(&self, ahead: &mut Ahead) -> RunError {
        if ahead.is_empty() {
            return std::future::pending().await;
        }
        loop {
            self.shared.clock.sleep(SEQUENCES_EVERY).await;
            let began = self.shared.clock.monotonic();
            if let Err(error) = ahead.set(&self.shared.progress).await {
                return error;
            }
            self.rest(began).await;
        }
    }

    /// Looks for keys that two sources have until it finds some; what went wrong.
    ///
    /// What the log showed once may have been mended since: nothing is looked at before the lanes have
    /// stored everything that the source had when the run began.
    async fn watch_shared_keys(&self) -> RunError {
        if self.shared.owned.is_empty() {
            return std::future::pending().await;
        }
        if let Err(error) = self.caught_up().await {
            return error;
        }
        loop {
            if let Err(error) = self.look_for_shared_keys().await {
                return error;
            }
            self.shared.clock.sleep(SHARED_KEYS_EVERY).await;
        }
    }

    /// Proves that no two sources have a key, once no transaction of the source is stored in part.
    async fn assert_apart(&self) -> Result<(), RunError> {
        if self.shared.owned.is_empty() {
            return Ok(());
        }
        loop {
            let began = self.shared.clock.monotonic();
            if self.look_for_shared_keys().await? {
                return Ok(());
            }
            self.shared.want_positions();
            self.rest(began).await;
        }
    }

    /// Looks once whether two sources have a key; `false` while that cannot be told, as a transaction
    /// of the source is stored in part.
    async fn look_for_shared_keys(&self) -> Result<bool, RunError> {
        for (owned, _) in self.shared.owned.values() {
            let (shard, found) = self.control.disputes(owned).await?;
            match found {
                Disputes::None => {}
                Disputes::Inside => return Ok(false),
                Disputes::Between { shown, waiting, key_count } => {
                    return Err(self.shards[shard].told(RunError::SharedKeys(Box::new(
                        SharedKeys {
                            target: owned.target().name().to_owned(),
                            first: owned.source(shown).to_owned(),
                            other: owned.source(waiting).to_owned(),
                            key: owned.key_names(),
                            key_count,
                            listing: owned.listing(),
                        },
                    ))));
                }
            }
        }
        Ok(true)
    }

    async fn phases(&self, ahead: &mut Ahead) -> Result<(), RunError> {
        let definitions = |shard: &Arc<Shard>| Definitions {
            source: Arc::clone(&self.source),
            target: Link::new(
                shard.options.clone(),
                Role::TargetDefinitions,
                self.shared.clock.clone(),
            ),
            shard: Arc::clone(shard),
            source_database: &self.source_database,
            targets: &self.targets,
        };
        // Tables of lookup vindexes have all that they need.
        let own = self.shards.iter().filter(|shard| !shard.is_beside);
        let mut shards: Vec<Definitions<'_>> = own.map(definitions).collect();
        let progress = &self.shared.progress;
        // All may wait for their indexes: that a table is copied is told while another's are built.
        let tables = NonZeroUsize::new(self.shared.tables.len()).unwrap_or(NonZeroUsize::MIN);
        let (outlet, copied) = channel(tables);
        let completed = async {
            tokio::try_join!(self.copied(outlet), self.index(copied, &mut shards))?;
            complete(&mut shards, Completion::IndexesOfMade, progress).await?;
            complete(&mut shards, Completion::ForeignKeys, progress).await
        };
        if let Err(error) = completed.await {
            return self.told(error).await;
        }
        complete(&mut shards, Completion::AutoIncrement, progress).await?;
        ahead.set(&self.shared.progress).await?;
        self.shared.progress.enter(Phase::Following);
        if self.until == Until::Stopped {
            return Ok(());
        }
        self.caught_up().await?;
        self.assert_apart().await?;
        complete(&mut shards, Completion::AutoIncrement, progress).await?;
        ahead.set(&self.shared.progress).await?;
        self.shared.progress.catch_up();
        self.shared.stop.request(StopLevel::Drain);
        Ok(())
    }

    /// A table of the source that is gone was dropped by a statement that may be on its way.
    async fn told(&self, error: RunError) -> Result<(), RunError> {
        if !matches!(&error, RunError::Server(cause) if matches!(**cause, Error::Catalog(_))) {
            return Err(error);
        }
        let mut source = self.source.lock().await;
        told_by_the_log(&self.shared, &mut source, error).await
    }

    /// Creates the secondary indexes of each table as it is copied: a server that builds an index
    /// waits for its disk for much of the time, in which other tables' rows can be written.
    async fn index(
        &self,
        copied: Receiver<TableId>,
        shards: &mut [Definitions<'_>],
    ) -> Result<(), RunError> {
        while let Some(table) = copied.recv().await {
            let mut tables = vec![table];
            while let Some(Some(table)) = copied.recv().now_or_never() {
                tables.push(table);
            }
            complete(shards, Completion::Indexes(&tables), &self.shared.progress).await?;
        }
        Ok(())
    }

    /// Hands on each table when the target holds every piece of it, as its own marks say.
    async fn copied(&self, outlet: Sender<TableId>) -> Result<(), RunError> {
        let mut done = BTreeSet::new();
        loop {
            let began = self.shared.clock.monotonic();
            let mut missing: BTreeMap<TableId, usize> =
                (0..).map(TableId).zip(self.shared.tables.iter().map(|_| 0)).collect();
            let pieces = self.control.pieces().await?;
            for (piece, held) in &pieces {
                *missing.entry(piece.id.table).or_default() += usize::from(held.is_none());
            }
            let is_copied = missing.values().all(|count| *count == 0);
            if is_copied {
                self.shared.progress.enter(Phase::Indexing);
            }
            for (&table, _) in missing.iter().filter(|(_, count)| **count == 0) {
                self.shared.progress.table_copied(table);
            }
            for (table, _) in missing.into_iter().filter(|(_, count)| *count == 0) {
                if done.insert(table) {
                    outlet.send(table).await.map_err(|_| RunError::Downstream)?;
                }
            }
            if is_copied {
                return Ok(());
            }
            self.rest(began).await;
        }
    }

    /// Waits after a look that began then.
    async fn rest(&self, began: Duration) {
        let took = self.shared.clock.monotonic().saturating_sub(began);
        let rest = took.saturating_mul(REST_OF_LOOKS).clamp(REST_MIN, REST_MAX);
        self.shared.clock.sleep(rest).await;
    }

    /// Waits until every lane has stored everything up to the end that the source's log has now.
    async fn caught_up(&self) -> Result<(), RunError> {
        let mut merged = self.shared.merged_upto();
        let emitted = loop {
            let began = self.shared.clock.monotonic();
            let (uuid, end) = {
                let mut source = self.source.lock().await;
                on_link!(source, session => log_end(session))?
            };
            // Offsets only compare on one server: a source that fails over is asked again.
            let is_other = || self.shared.source_uuid() != uuid;
            let has_passed =
                |upto: &Option<LogOffset>| upto.as_ref().is_some_and(|at| *at >= end || is_other());
            if merged.wait_for(has_passed).await.is_err() {
                return Err(RunError::Downstream);
            }
            if !is_other() {
                break self.shared.windows().seen();
            }
            // The tail and this link find the new source in their own time.
            self.source.lock().await.drop_session();
            self.rest(began).await;
        };
        loop {
            let began = self.shared.clock.monotonic();
            if self.have_stored(&emitted).await? {
                return Ok(());
            }
            // Again each time: a lane may begin to rest at any moment.
            self.shared.want_positions();
            self.rest(began).await;
        }
    }

    async fn have_stored(&self, emitted: &GtidSet) -> Result<bool, RunError> {
        let lanes = self.control.lanes().await?;
        Ok(lanes.iter().all(|lane| emitted.is_subset(&lane.position)))
    }
}

/// Completes the definitions of all shards at once: each builds its indexes by itself.
async fn complete(
    shards: &mut [Definitions<'_>],
    what: Completion<'_>,
    progress: &Progress,
) -> Result<(), RunError> {
    try_join_all(shards.iter_mut().map(|shard| shard.complete(what, progress))).await.map(drop)
}

async fn log_end(session: &mut Session) -> Result<(String, LogOffset), RunError> {
    let uuid = source::server_uuid(session).await?;
    Ok((uuid, source::log_end(session).await?))
}
