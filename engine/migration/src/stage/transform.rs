//! The transform stage: makes rows of target tables, on all cores, in the order in which rows come.

use std::{collections::VecDeque, sync::Arc};

use tokio::sync::oneshot;
use whimbrel_flow::{ComputePool, Permit, Receiver, Sender};
use whimbrel_model::Batch;

use crate::{
    error::RunError,
    shared::{Message, Shared},
    transform::{TargetBatch, Transform, TransformError},
};

/// Batches that are made or wait to be sent on. Their bytes are bounded by the permits that they carry.
const BATCHES_MAX: usize = 16;

/// Makes rows of target tables.
#[derive(Debug)]
pub(crate) struct TransformStage {
    pub(crate) shared: Arc<Shared>,
    pub(crate) pool: Arc<ComputePool>,
    pub(crate) inlet: Receiver<Message>,
    pub(crate) outlet: Sender<Message>,
}

/// A batch that is being made.
struct Making {
    made: oneshot::Receiver<Result<Vec<TargetBatch>, TransformError>>,
    permit: Arc<Permit>,
}

impl TransformStage {
    /// Runs until the inlet ends and everything is sent on, or a row fails.
    pub(crate) async fn run(self) -> Result<(), RunError> {
        let mut making: VecDeque<Making> = VecDeque::new();
        let mut is_open = true;
        while is_open || !making.is_empty() {
            tokio::select! {
                biased;
                made = first(&mut making), if !making.is_empty() => self.send(made?).await?,
                message = self.inlet.recv(), if is_open && making.len() < BATCHES_MAX => {
                    match message {
                        Some(Message::Batch(batch, permit)) => {
                            making.push_back(self.make((batch, None), permit).await);
                        }
                        Some(Message::Asked(batch, transform, permit)) => {
                            making.push_back(self.make((batch, Some(transform)), permit).await);
                        }
                        Some(Message::Made(..) | Message::Connected(_)) => {}
                        None => is_open = false,
                    }
                }
            }
        }
        Ok(())
    }

    /// Begins to make a batch, by a transform of its own where it has one.
    async fn make(
        &self,
        (batch, transform): (Batch, Option<Box<Transform>>),
        permit: Arc<Permit>,
    ) -> Making {
        let (report, made) = oneshot::channel();
        let shared = Arc::clone(&self.shared);
        let job = move || {
            let transform = transform.as_deref().unwrap_or(&shared.transform);
            // The stage that waits is gone only when the run is ending.
            drop(report.send(transform.batch(batch)));
        };
        drop(self.pool.submit(job).await);
        Making { made, permit }
    }

    async fn send(
        &self,
        (batches, permit): (Vec<TargetBatch>, Arc<Permit>),
    ) -> Result<(), RunError> {
        let message = Message::Made(batches, permit);
        self.outlet.send(message).await.map_err(|_| RunError::Downstream)
    }
}

/// The batch that came first, once it is made.
async fn first(making: &mut VecDeque<Making>) -> Result<(Vec<TargetBatch>, Arc<Permit>), RunError> {
    let broken = || RunError::Broken { what: "a batch was not made".to_owned() };
    let made = match making.front_mut() {
        Some(front) => (&mut front.made).await.map_err(|_| broken())??,
        None => return Err(broken()),
    };
    let permit = making.pop_front().ok_or_else(broken)?.permit;
    Ok((made, permit))
}
