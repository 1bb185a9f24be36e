//! The tail stage: the source's log, in order, from where the lanes stand.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures_util::FutureExt;
use whimbrel_flow::{Budget, Sender, StopLevel};
use whimbrel_model::{Batch, GtidSet, LogOffset, Newest, TailBatch, TransactionPart};
use whimbrel_mysql::{
    ConnectOptions, LogItem, LogReader, LogSettings, Role, Session, StreamTransport,
    source::{self, Arrival},
};
use whimbrel_plan::OnDdl;

use crate::{
    error::RunError,
    link::{RETRIES, is_passing},
    shared::{Message, Shared},
};

/// How long a source may lag behind what was applied before it is asked whether that still comes: a
/// replica that was just promoted, or one that is read from, has its queue to finish.
const EXECUTED_WAIT_MAX: Duration = Duration::from_secs(30);

/// A connection that was followed for as long had nothing wrong with it.
const LASTING: Duration = Duration::from_secs(300);

/// A batch above this size has a row of several MiB, which is in the network's buffers, the event and
/// the statement, too: it travels alone, and nothing is read behind it until it is applied.
const ALONE_BYTES_MIN: u64 = 8 << 20;

/// Follows the source's log.
#[derive(Debug)]
pub(crate) struct TailStage {
    pub(crate) shared: Arc<Shared>,
    pub(crate) source: ConnectOptions,
    pub(crate) on_ddl: OnDdl,
    pub(crate) settings: LogSettings,
    pub(crate) batch_bytes_max: u64,
    pub(crate) budget: Budget,
    /// What every lane has applied: the log is followed from here.
    pub(crate) emitted: GtidSet,
    /// That, and every transaction of which a part was handed on, over whichever connection.
    pub(crate) handed_on: GtidSet,
    /// The newest transactions that lanes applied: looked at again to see that they are the same.
    pub(crate) newest: Vec<Newest>,
    pub(crate) outlet: Sender<Message>,
}

type Reader = LogReader<StreamTransport>;

/// What is read together travels together.
#[derive(Debug, Default)]
struct Pending {
    parts: Vec<TransactionPart>,
    byte_count: u64,
    upto: Option<LogOffset>,
    written_micros: u64,
}

impl TailStage {
    /// Runs until it is told to stop; connects again when the source goes away.
    pub(crate) async fn run(mut self) -> Result<(), RunError> {
        let mut failure_count = 0;
        loop {
            let (before, since) = (self.emitted.clone(), self.shared.clock.monotonic());
            let error = match self.follow().await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            // An idle source that is lost once a day must not count as one that is never reached.
            let lasted = self.shared.clock.monotonic().saturating_sub(since);
            if self.emitted != before || lasted >= LASTING {
                failure_count = 0;
            }
            failure_count += 1;
            let retryable = is_passing(&error)
                || matches!(&error, RunError::Log(cause) if cause.is_transient())
                || matches!(&error, RunError::SourceBehind { is_applying: true, .. });
            let Some(delay) = RETRIES.delay(failure_count).filter(|_| retryable) else {
                return Err(error);
            };
            tracing::warn!(%error, failure_count, "the source cannot be followed now, trying again");
            self.shared.progress.waits("source", Some(error.to_string()));
            tokio::select! {
                () = self.shared.clock.sleep(delay) => {}
                () = self.shared.stop.reached(StopLevel::Drain) => return Ok(()),
            }
        }
    }

    async fn follow(&mut self) -> Result<(), RunError> {
        let stop = self.shared.stop.clone();
        let mut reader = tokio::select! {
            reader = self.connect() => reader?,
            () = stop.reached(StopLevel::Drain) => return Ok(()),
        };
        self.shared.progress.waits("source", None);
        loop {
            let item = tokio::select! {
                item = reader.next() => item,
                () = stop.reached(StopLevel::Drain) => return Ok(()),
            };
            let mut pending = Pending::default();
            let ddl = match item {
                Ok(item) => self.collect(&mut reader, item, &mut pending).await,
                Err(error) => Err(error.into()),
            };
            self.send(pending).await?;
            ddl?;
        }
    }

    /// Takes in what has already come, up to a batch.
    async fn collect(
        &mut self,
        reader: &mut Reader,
        first: LogItem,
        pending: &mut Pending,
    ) -> Result<(), RunError> {
        let mut next = Some(Ok(first));
        while let Some(item) = next {
            self.take_in(item?, pending)?;
            next = if pending.byte_count < self.batch_bytes_max {
                reader.next().now_or_never()
            } else {
                None
            };
        }
        // What was taken in without waiting must not keep the worker to itself.
        tokio::task::yield_now().await;
        Ok(())
    }

    fn take_in(&mut self, item: LogItem, pending: &mut Pending) -> Result<(), RunError> {
        match item {
            LogItem::Heartbeat { upto } => {
                pending.upto = Some(upto);
                pending.written_micros = self.shared.clock.now_micros();
            }
            LogItem::Ddl { transaction, statement, tables, keeps_rows, .. } => {
                if self.on_ddl == OnDdl::Stop || !keeps_rows {
                    let name = |id: &whimbrel_model::TableId| {
                        self.shared.tables[id.0 as usize].name().to_owned()
                    };
                    return Err(RunError::Ddl {
                        statement,
                        tables: tables.iter().map(name).collect(),
                        gtid: transaction.gtid.to_string(),
                        keeps_rows,
                    });
                }
                tracing::warn!(gtid = %transaction.gtid, statement, "definition change ignored");
            }
            LogItem::Part { part, upto, written_micros } => {
                pending.upto = Some(upto);
                pending.written_micros = written_micros;
                let gtid = &part.transaction.gtid;
                if self.emitted.contains(gtid) {
                    return Ok(());
                }
                if part.is_last {
                    self.emitted.insert(gtid);
                    if let Some(prepared) = &part.prepared {
                        self.emitted.insert(prepared);
                    }
                }
                self.handed_on.insert(gtid);
                // What one lane applied and this run has not handed on yet stays expected.
                let Self { newest, emitted, .. } = self;
                newest.retain(|other| other.gtid != *gtid && !emitted.contains(&other.gtid));
                newest.push(part.transaction.clone());
                pending.byte_count +=
                    part.changes.iter().map(|change| change.byte_count() as u64).sum::<u64>();
                pending.parts.push(part);
            }
        }
        Ok(())
    }

    async fn send(&self, pending: Pending) -> Result<(), RunError> {
        let Some(upto) = pending.upto else { return Ok(()) };
        let finished = pending.parts.iter().filter(|part| part.is_last).count() as u64;
        self.shared.progress.read(finished, upto.to_string(), pending.written_micros);
        let is_alone = pending.byte_count >= ALONE_BYTES_MIN;
        let bytes = if is_alone { self.budget.total() } else { pending.byte_count };
        let permit = self.budget.acquire(bytes).await;
        let batch =
            TailBatch { parts: pending.parts, upto, written_micros: pending.written_micros };
        self.outlet
            .send(Message::Batch(Batch::Tail(batch), Arc::new(permit)))
            .await
            .map_err(|_| RunError::Downstream)?;
        if is_alone {
            // All of it is free when the batch is applied. No permit is held while this waits.
            drop(self.budget.acquire(bytes).await);
        }
        Ok(())
    }

    /// Proves that this source has everything that was applied, and opens its log.
    async fn connect(&mut self) -> Result<Reader, RunError> {
        let mut session = Session::connect(&self.source, Role::SourceReader).await?;
        let uuid = source::server_uuid(&mut session).await?;
        self.prove_nothing_lost(&mut session).await?;
        let purged = source::purged(&mut session).await?;
        let missing = purged.difference(&self.emitted);
        if !missing.is_empty() {
            return Err(RunError::Purged { missing });
        }
        let end = source::log_end(&mut session).await?;
        // The log is read on the connection after this one.
        session.close().await;
        self.outlet.send(Message::Connected(uuid)).await.map_err(|_| RunError::Downstream)?;
        self.open_behind_newest(&purged, &end).await
    }

    /// Opens the log, once the newest applied transactions are seen to be the same ones still, as far
    /// as the log up to `end` holds them.
    ///
    /// Nothing is handed on before. A log in another order may show others first: those would be the
    /// newest from then on, and the ones not looked at yet could be others under the same identifiers.
    async fn open_behind_newest(
        &self,
        purged: &GtidSet,
        end: &LogOffset,
    ) -> Result<Reader, RunError> {
        let mut asked = GtidSet::default();
        let mut expected = HashMap::new();
        for newest in self.newest.iter().filter(|newest| !purged.contains(&newest.gtid)) {
            asked.insert(&newest.gtid);
            expected.insert(newest.gtid.clone(), newest.committed_micros);
        }
        // An XA COMMIT among them comes without its XA PREPARE, which is not asked for.
        let reader = self.open(&self.emitted.difference(&asked)).await?;
        let mut reader = reader.reading_again(asked);
        let mut has_skipped = false;
        while !expected.is_empty() {
            let upto = match reader.next().await? {
                LogItem::Heartbeat { upto } => upto,
                LogItem::Ddl { upto, .. } => {
                    has_skipped = true;
                    upto
                }
                LogItem::Part { part, upto, .. } => {
                    let Newest { gtid, committed_micros } = &part.transaction;
                    if expected.remove(gtid).is_some_and(|micros| micros != *committed_micros) {
                        return Err(RunError::Reused { newest: Box::new(part.transaction) });
                    }
                    has_skipped |= !self.emitted.contains(gtid);
                    upto
                }
            };
            if upto >= *end {
                break;
            }
        }
        if has_skipped {
            drop(reader);
            reader = self.open(&self.emitted).await?;
        }
        Ok(reader)
    }

    async fn open(&self, from: &GtidSet) -> Result<Reader, RunError> {
        let tables = Arc::clone(&self.shared.tables);
        Ok(LogReader::open(&self.source, tables, from, self.settings).await?)
    }

    async fn prove_nothing_lost(&self, session: &mut Session) -> Result<(), RunError> {
        // What was handed on may not have reached merge, or be half of a transaction.
        let seen = self.shared.windows().seen().union(&self.handed_on);
        if source::wait_executed(session, &seen, 0).await? {
            return Ok(());
        }
        let what = "it to execute what the target holds already".to_owned();
        self.shared.progress.waits("source", Some(what));
        if source::wait_executed(session, &seen, EXECUTED_WAIT_MAX.as_secs()).await? {
            return Ok(());
        }
        let missing = source::lost(session, &seen).await?;
        Err(match source::arrival(session, &missing).await? {
            Arrival::None => RunError::SourceLost { lost: missing },
            arrival @ (Arrival::UnderWay | Arrival::Stopped) => {
                RunError::SourceBehind { missing, is_applying: arrival == Arrival::UnderWay }
            }
        })
    }
}
