//! Reads one chunk after another, each under its window.

use std::sync::Arc;

use whimbrel_flow::{Budget, Permit, Receiver, Sender, StopLevel};
use whimbrel_model::{Batch, ChunkBatch, ChunkId, Key, LogOffset, Row, WindowId};
use whimbrel_mysql::{Role, Session, chunk, source};

use crate::{
    error::RunError,
    link::{Link, RETRIES, is_passing},
    pace::Pace,
    pieces::Piece,
    shared::{Message, Shared},
    stage::{planner::RowSizes, snapshot::SnapshotStage},
    throttle::{LOOK_EVERY, Throttle},
    told::told_by_the_log,
    windows::Opened,
};

/// How long one wait for the source to execute what the tail has emitted may take before the reader
/// looks whether the run is to end.
const EXECUTED_WAIT_SECONDS: u64 = 5;

/// How often a reader that reaches another server than the tail connects again. While a source fails
/// over, one of the two is there first; with the delays of [`RETRIES`] these are a minute, in which a
/// replica that was promoted has worked off its queue.
const SPLIT_ATTEMPTS_MAX: u32 = 18;

/// How often a row is in memory at one time: in the network's buffers, as the driver's value, as our row
/// and in what is sent. Where rows are as large as chunks, it counts.
const ROW_COPIES: u64 = 4;

/// A row that leaves large buffers with the connection that it came over: a new one costs less.
const LARGE_ROW_BYTES: u64 = 8 << 20;

/// Reads chunks on a connection of its own.
#[derive(Debug)]
pub(crate) struct Reader {
    shared: Arc<Shared>,
    link: Link,
    epoch: u64,
    chunk_bytes_max: u64,
    budget: Budget,
    ready: Receiver<Piece>,
    outlet: Sender<Message>,
    row_sizes: RowSizes,
    pace: Arc<Pace>,
    throttle: Arc<Throttle>,
}

/// What reading a chunk gave.
enum Read {
    Rows(WindowId, LogOffset, Vec<(Key, Row)>),
    /// More than a chunk may hold: to be cut smaller.
    TooLarge,
    /// The run is to end.
    Stopped,
}

impl Reader {
    pub(crate) fn new(
        stage: &SnapshotStage,
        ready: Receiver<Piece>,
        row_sizes: RowSizes,
        (pace, throttle): (Arc<Pace>, Arc<Throttle>),
    ) -> Self {
        Self {
            shared: Arc::clone(&stage.shared),
            link: Link::new(stage.source.clone(), Role::SourceReader, stage.shared.clock.clone()),
            epoch: stage.epoch,
            chunk_bytes_max: stage.chunk_bytes_max,
            budget: stage.budget.clone(),
            ready,
            outlet: stage.outlet.clone(),
            row_sizes,
            pace,
            throttle,
        }
    }

    /// Runs until no more pieces come.
    pub(crate) async fn run(mut self) -> Result<(), RunError> {
        while let Some(piece) = self.ready.recv().await {
            let largest = self.row_sizes.largest(piece.id.table);
            let bytes = self.chunk_bytes_max.max(largest.saturating_mul(ROW_COPIES));
            let permit = Arc::new(self.budget.acquire(bytes).await);
            if !self.read(&piece, permit).await? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Reads a piece and hands it on, over lost connections; `false` when the run is to end.
    async fn read(&mut self, piece: &Piece, permit: Arc<Permit>) -> Result<bool, RunError> {
        let mut failure_count = 0;
        loop {
            // What is read before the tail has a source would be given up when it has.
            tokio::select! {
                () = self.shared.has_source() => {}
                () = self.shared.stop.reached(StopLevel::Drain) => return Ok(false),
            }
            if self.shared.stop.requested().is_some() {
                return Ok(false);
            }
            let error = match self.attempt(piece).await {
                Ok(Read::Rows(window, high, rows)) => {
                    tokio::select! {
                        () = self.pace.read(rows.len() as u64) => {}
                        () = self.shared.stop.reached(StopLevel::Drain) => return Ok(false),
                    }
                    return self.hand_on((piece.id, window), high, rows, permit).await;
                }
                Ok(Read::TooLarge) => {
                    self.shared.chunk_given_up(piece.id);
                    return Ok(true);
                }
                Ok(Read::Stopped) => return Ok(false),
                Err(error) => error,
            };
            self.link.drop_session();
            failure_count += 1;
            let is_split = matches!(error, RunError::SplitSource { .. });
            let goes_on = is_passing(&error) || is_split && failure_count < SPLIT_ATTEMPTS_MAX;
            let Some(delay) = RETRIES.delay(failure_count).filter(|_| goes_on) else {
                return told_by_the_log(&self.shared, &mut self.link, error).await.map(|()| false);
            };
            tracing::warn!(%error, failure_count, "chunk read failed, reading again");
            self.shared.progress.waits("snapshot", Some(error.to_string()));
            self.shared.clock.sleep(delay).await;
        }
    }

    /// Reads a piece once, under a window that is left open only with its rows.
    async fn attempt(&mut self, piece: &Piece) -> Result<Read, RunError> {
        // Before the window opens, which would note keys for as long.
        if !self.source_is_calm().await? {
            return Ok(Read::Stopped);
        }
        // A window is never used for a second read: its keys speak of the first one's view.
        let opened = self.shared.windows().open(piece.id.table);
        let read = self.read_under(piece, &opened).await;
        if !matches!(read, Ok(Read::Rows(..))) {
            drop(self.shared.windows().close(opened.window));
        }
        read
    }

    /// Waits while the source has too much to do; `false` when the run is to end.
    async fn source_is_calm(&mut self) -> Result<bool, RunError> {
        const WHO: &str = "the source to calm down";
        while let Some(strain) = self.throttle.strain(self.link.session().await?).await? {
            self.shared.progress.waits(WHO, Some(strain.to_string()));
            tokio::select! {
                () = self.shared.clock.sleep(LOOK_EVERY) => {}
                () = self.shared.stop.reached(StopLevel::Drain) => return Ok(false),
            }
        }
        self.shared.progress.waits(WHO, None);
        Ok(true)
    }

    async fn read_under(&mut self, piece: &Piece, opened: &Opened) -> Result<Read, RunError> {
        let shared = Arc::clone(&self.shared);
        let session = self.link.session().await?;
        while !source::wait_executed(session, &opened.seen, EXECUTED_WAIT_SECONDS).await? {
            shared.progress.waits("snapshot", Some("the source to execute its log".to_owned()));
            if shared.stop.requested().is_some() {
                return Ok(Read::Stopped);
            }
        }
        shared.progress.waits("snapshot", None);
        session.execute(b"START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY").await?;
        prove_server(session, &shared).await?;
        let high = source::log_end(session).await?;
        let table = &shared.tables[piece.id.table.0 as usize];
        let (low, above) = (piece.low.as_ref(), piece.high.as_ref());
        let bytes_max = usize::try_from(self.chunk_bytes_max).unwrap_or(usize::MAX);
        let read = chunk::read(session, table, (low, above), bytes_max).await?;
        session.execute(b"COMMIT").await?;
        let sizes = read.rows.iter().map(|(_, row)| row.byte_count());
        if self.row_sizes.learn(piece.id.table, sizes) >= LARGE_ROW_BYTES {
            self.link.close().await;
        }
        Ok(if read.is_whole { Read::Rows(opened.window, high, read.rows) } else { Read::TooLarge })
    }

    async fn hand_on(
        &self,
        (chunk, window): (ChunkId, WindowId),
        high: LogOffset,
        rows: Vec<(Key, Row)>,
        permit: Arc<Permit>,
    ) -> Result<bool, RunError> {
        // A number is used once: windows are counted from 0 in each run, and epochs only grow.
        let attempt = (self.epoch << 32) | window.0;
        let row_count = rows.len() as u64;
        let batch = ChunkBatch { chunk, window, attempt, high, row_count, rows };
        let message = Message::Batch(Batch::Chunk(batch), permit);
        self.outlet.send(message).await.map_err(|_| RunError::Downstream)?;
        Ok(true)
    }
}

/// The read view must be of the server whose log the tail reads: a proxy may split reads.
async fn prove_server(session: &mut Session, shared: &Shared) -> Result<(), RunError> {
    let reader = source::server_uuid(session).await?;
    let tail = shared.source_uuid();
    if tail == reader {
        return Ok(());
    }
    Err(RunError::SplitSource { reader, tail })
}
