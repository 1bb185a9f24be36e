//! What the stages of one run share.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, watch};
use whimbrel_flow::{Clock, Permit, Stop};
use whimbrel_model::{Batch, ChunkId, LogOffset, Table};

use crate::{
    owned::{Owned, OwnedIds},
    progress::Progress,
    rollup::Rollup,
    transform::{TargetBatch, TargetId, Transform, TransformError},
    windows::Windows,
};

/// What travels between stages: a batch with the bytes that it was allowed.
#[derive(Debug)]
pub(crate) enum Message {
    /// A batch of source tables.
    Batch(Batch, Arc<Permit>),
    /// The same, with what makes rows of target tables of it and places them: vtgate was asked where values of this
    /// batch go.
    Asked(Batch, Box<Transform>, Arc<Permit>),
    /// The same, as it goes into target tables: one for each shard that lies downstream.
    Made(Vec<TargetBatch>, Arc<Permit>),
    /// The tail connected, to the server with this UUID. Offsets may mean other places from here on,
    /// and even the same server may have lost what a chunk was read with.
    Connected(String),
}

/// Targets whose keys several sources may have.
pub(crate) type OwnedTargets = BTreeMap<TargetId, (Arc<Owned>, OwnedIds)>;

/// The target tables: all of them, by id, and what is kept of some beside them.
#[derive(Debug)]
pub(crate) struct Targets {
    /// The tables.
    pub(crate) tables: Arc<[Table]>,
    /// See [`Shared::rollups`].
    pub(crate) rollups: BTreeMap<TargetId, Rollup>,
    /// See [`Shared::owned`].
    pub(crate) owned: OwnedTargets,
}

/// What the stages of one run share beside the edges between them.
#[derive(Debug)]
pub(crate) struct Shared {
    /// The source tables, by id.
    pub(crate) tables: Arc<[Table]>,
    /// The target tables, by id.
    pub(crate) targets: Arc<[Table]>,
    /// What is shown of those target tables that are contributions.
    pub(crate) rollups: BTreeMap<TargetId, Rollup>,
    /// What is kept beside those target tables whose keys several sources may have.
    pub(crate) owned: OwnedTargets,
    /// What the rows of the source tables become in the target tables.
    pub(crate) transform: Transform,
    /// Where everything is reported.
    pub(crate) progress: Arc<Progress>,
    /// The time.
    pub(crate) clock: Clock,
    /// The signal to end.
    pub(crate) stop: Stop,
    /// The server whose log merge is given; empty before the first connection. Changed together with
    /// the windows, so that no window outlives its server.
    source_uuid: watch::Sender<String>,
    windows: Mutex<Windows>,
    chunks: watch::Sender<Chunks>,
    merged_upto: watch::Sender<Option<LogOffset>>,
    positions_wanted: Notify,
}

/// The chunks that were handed to readers and have left merge since the planner last looked.
#[derive(Debug, Default, Clone)]
pub(crate) struct Chunks {
    /// Those on their way to the lanes.
    pub(crate) released: Vec<ChunkId>,
    /// Those whose windows were given up.
    pub(crate) given_up: Vec<ChunkId>,
}

/// The batches of target tables that one message is, with the bytes that it was allowed.
pub(crate) type MadeBatches = (Vec<TargetBatch>, Arc<Permit>);

impl Shared {
    pub(crate) fn new(
        (tables, transform): (Arc<[Table]>, Transform),
        targets: Targets,
        windows: Windows,
        (progress, clock, stop): (Arc<Progress>, Clock, Stop),
    ) -> Arc<Self> {
        Arc::new(Self {
            tables,
            targets: targets.tables,
            rollups: targets.rollups,
            owned: targets.owned,
            transform,
            progress,
            clock,
            stop,
            source_uuid: watch::Sender::new(String::new()),
            windows: Mutex::new(windows),
            chunks: watch::Sender::new(Chunks::default()),
            merged_upto: watch::Sender::new(None),
            positions_wanted: Notify::new(),
        })
    }

    /// The windows. Held for as long as it takes to note a batch, never across a wait.
    pub(crate) fn windows(&self) -> MutexGuard<'_, Windows> {
        // A panic elsewhere ends the run; the windows are whole between any two of their calls.
        self.windows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A message as it goes into target tables, for whoever is behind all that makes rows. Batches that nobody
    /// made rows of are of tables that are moved: the same rows, of which only the places are worked out here.
    ///
    /// # Errors
    ///
    /// [`TransformError`], see [`Transform::batch`].
    pub(crate) fn made(&self, message: Message) -> Result<Option<MadeBatches>, TransformError> {
        Ok(match message {
            Message::Batch(batch, permit) => Some((self.transform.batch(batch)?, permit)),
            Message::Asked(batch, transform, permit) => Some((transform.batch(batch)?, permit)),
            Message::Made(batches, permit) => Some((batches, permit)),
            Message::Connected(_) => None,
        })
    }

    /// Merge goes on with the log of the server `source_uuid`, and gives up the windows that are open.
    pub(crate) fn connected(&self, source_uuid: String) {
        // In this order: an offset is never seen beside a server that it is not of.
        self.merged_upto.send_replace(None);
        self.source_uuid.send_replace(source_uuid);
    }

    /// The server whose log merge is given; empty before the tail's first connection.
    pub(crate) fn source_uuid(&self) -> String {
        self.source_uuid.borrow().clone()
    }

    /// Waits until the tail has a source.
    pub(crate) async fn has_source(&self) {
        let mut source_uuid = self.source_uuid.subscribe();
        // The sender lives as long as `self`.
        drop(source_uuid.wait_for(|uuid| !uuid.is_empty()).await);
    }

    /// Merge has let go of everything up to here in the log of the server that the tail reads.
    pub(crate) fn merged(&self, upto: LogOffset) {
        self.merged_upto.send_replace(Some(upto));
    }

    /// Told of how far merge has come.
    pub(crate) fn merged_upto(&self) -> watch::Receiver<Option<LogOffset>> {
        self.merged_upto.subscribe()
    }

    /// A chunk left merge for the lanes.
    pub(crate) fn chunk_released(&self, chunk: ChunkId) {
        self.chunks.send_modify(|chunks| chunks.released.push(chunk));
    }

    /// A chunk must be read again.
    pub(crate) fn chunk_given_up(&self, chunk: ChunkId) {
        self.chunks.send_modify(|chunks| chunks.given_up.push(chunk));
    }

    /// Asks the lanes that rest on positions to store them.
    pub(crate) fn want_positions(&self) {
        self.positions_wanted.notify_waiters();
    }

    /// Waits until somebody asks for positions.
    pub(crate) async fn positions_wanted(&self) {
        self.positions_wanted.notified().await;
    }

    /// Takes what is told of chunks.
    pub(crate) fn take_chunks(&self) -> Chunks {
        let mut taken = Chunks::default();
        self.chunks.send_if_modified(|chunks| {
            taken = std::mem::take(chunks);
            false
        });
        taken
    }

    /// Told of every change of the chunks under way.
    pub(crate) fn chunk_changes(&self) -> watch::Receiver<Chunks> {
        self.chunks.subscribe()
    }
}
