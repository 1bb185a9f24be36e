//! The merge stage.

use std::{sync::Arc, time::Duration};

use whimbrel_flow::{Permit, Receiver, Sender};
use whimbrel_model::Batch;

use crate::{
    error::RunError,
    merge::{Merge, Merged},
    shared::{Message, Shared},
};

/// How long chunks may wait for the log before that is told: it is behind then, and the copy stands.
const WAIT_TOLD_AFTER: Duration = Duration::from_secs(2);

/// Brings chunks into the stream of changes.
#[derive(Debug)]
pub(crate) struct MergeStage {
    pub(crate) shared: Arc<Shared>,
    pub(crate) tail: Receiver<Message>,
    pub(crate) snapshot: Receiver<Message>,
    pub(crate) outlet: Sender<Message>,
}

impl MergeStage {
    /// Runs until the tail ends. Chunks that still wait for it then are read again by a next run.
    pub(crate) async fn run(self) -> Result<(), RunError> {
        let mut merge = Merge::default();
        let mut chunks_are_open = true;
        let mut waits = Waits::default();
        loop {
            let message = tokio::select! {
                biased;
                message = self.tail.recv() => match message {
                    None => return Ok(()),
                    message => message,
                },
                message = self.snapshot.recv(), if chunks_are_open => message,
            };
            match message {
                None => chunks_are_open = false,
                Some(message) => {
                    let upto = match &message {
                        Message::Batch(Batch::Tail(batch), _) => Some(batch.upto.clone()),
                        Message::Batch(Batch::Chunk(_), _)
                        | Message::Asked(..)
                        | Message::Made(..)
                        | Message::Connected(_) => None,
                    };
                    let before = merge.waiting_count();
                    for merged in self.take_in(&mut merge, message) {
                        self.let_go(merged).await?;
                    }
                    waits.look(&self.shared, before, merge.waiting_count());
                    if let Some(upto) = upto {
                        self.shared.merged(upto);
                    }
                }
            }
        }
    }

    fn take_in(
        &self,
        merge: &mut Merge<Arc<Permit>>,
        message: Message,
    ) -> Vec<Merged<Arc<Permit>>> {
        let mut windows = self.shared.windows();
        match message {
            // Made downstream of here alone.
            Message::Asked(..) | Message::Made(..) => Vec::new(),
            Message::Connected(uuid) => {
                self.shared.connected(uuid);
                merge.moved(&mut windows).into_iter().map(Merged::GivenUp).collect()
            }
            Message::Batch(Batch::Tail(batch), permit) => {
                merge.tail(&mut windows, &self.shared.tables, batch, permit)
            }
            Message::Batch(Batch::Chunk(chunk), permit) => {
                merge.chunk(&mut windows, chunk, permit).into_iter().collect()
            }
        }
    }

    async fn let_go(&self, merged: Merged<Arc<Permit>>) -> Result<(), RunError> {
        match merged {
            Merged::GivenUp(chunk) => {
                self.shared.chunk_given_up(chunk);
                Ok(())
            }
            Merged::Emit(batch, permit) => {
                let chunk = match &batch {
                    Batch::Chunk(chunk) => Some(chunk.chunk),
                    Batch::Tail(_) => None,
                };
                let sent = self.outlet.send(Message::Batch(batch, permit)).await;
                if let Some(chunk) = chunk {
                    self.shared.chunk_released(chunk);
                }
                sent.map_err(|_| RunError::Downstream)
            }
        }
    }
}

/// Tells of chunks that wait for the log.
#[derive(Debug, Default)]
struct Waits {
    /// Since when some wait and none was let go.
    since: Option<Duration>,
    is_told: bool,
}

impl Waits {
    /// So many chunks waited `before`, and wait `now`.
    fn look(&mut self, shared: &Shared, before: usize, now: usize) {
        const WHO: &str = "merge";
        if now == 0 || now < before {
            self.since = None;
            if std::mem::take(&mut self.is_told) {
                shared.progress.waits(WHO, None);
            }
        }
        if now == 0 {
            return;
        }
        let time = shared.clock.monotonic();
        let since = *self.since.get_or_insert(time);
        if !self.is_told && time.saturating_sub(since) > WAIT_TOLD_AFTER {
            self.is_told = true;
            let what = "the log to come to where chunks were read";
            shared.progress.waits(WHO, Some(what.to_owned()));
        }
    }
}
