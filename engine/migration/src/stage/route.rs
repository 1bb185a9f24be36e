//! The route stage: hands each shard its share of what is written.

use std::sync::Arc;

use whimbrel_flow::{Receiver, Sender};

use crate::{
    error::RunError,
    shared::{Message, Shared},
};

/// Hands on to the shards.
#[derive(Debug)]
pub(crate) struct RouteStage {
    pub(crate) shared: Arc<Shared>,
    pub(crate) inlet: Receiver<Message>,
    /// One for each shard, in order.
    pub(crate) outlets: Vec<Sender<Message>>,
}

impl RouteStage {
    /// Runs until the inlet ends. A shard that is slow holds the others up once what may wait for it
    /// does: the source is read once for all of them.
    pub(crate) async fn run(self) -> Result<(), RunError> {
        while let Some(message) = self.inlet.recv().await {
            let Some((batches, permit)) = self.shared.made(message)? else { continue };
            for (outlet, batch) in self.outlets.iter().zip(batches) {
                let message = Message::Made(vec![batch], Arc::clone(&permit));
                outlet.send(message).await.map_err(|_| RunError::Downstream)?;
            }
        }
        Ok(())
    }
}
