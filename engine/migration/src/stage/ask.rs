//! The ask stage: asks vtgate where values go whose vindexes it alone knows, batch by batch, before rows are
//! placed. A batch that waits for an answer holds up what is behind it, and so the source.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use whimbrel_flow::{Permit, Receiver, Sender};
use whimbrel_model::Batch;
use whimbrel_mysql::vtgate::{KeyspaceIds, keyspace_ids};

use crate::{
    error::RunError,
    link::{Link, is_passing},
    placing::{Answered, Answers, AskedVindex},
    shared::{Message, Shared},
    transform::TargetId,
};

/// The bytes of the values whose answers are kept for later batches, with what an answer takes beside its value.
/// When there are more, all are forgotten: they can be asked for again.
const KEPT_BYTES_MAX: usize = 16 << 20;
const ANSWER_BYTES: usize = 64;

/// What the progress report calls it.
const WHO: &str = "vtgate";

/// Asks for the places of rows.
#[derive(Debug)]
pub(crate) struct AskStage {
    pub(crate) shared: Arc<Shared>,
    /// By target.
    pub(crate) asked: BTreeMap<TargetId, Arc<AskedVindex>>,
    /// To vtgate, on no shard.
    pub(crate) link: Link,
    pub(crate) kept: Kept,
    pub(crate) inlet: Receiver<Message>,
    pub(crate) outlet: Sender<Message>,
}

/// Answers of former batches.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    answers: BTreeMap<TargetId, Answers>,
    byte_count: usize,
}

impl Kept {
    /// Keeps an answer; the former ones are forgotten where there is no room.
    fn keep(&mut self, target: TargetId, value: &[u8], answer: Option<usize>) {
        let bytes = value.len() + ANSWER_BYTES;
        if self.byte_count + bytes > KEPT_BYTES_MAX {
            *self = Self::default();
        }
        self.byte_count += bytes;
        self.answers.entry(target).or_default().insert(value.into(), answer);
    }

    fn get(&self, target: TargetId, value: &[u8]) -> Option<Option<usize>> {
        self.answers.get(&target)?.get(value).copied()
    }
}

impl AskStage {
    /// Runs until the inlet ends, or vtgate cannot be asked.
    pub(crate) async fn run(mut self) -> Result<(), RunError> {
        while let Some(message) = self.inlet.recv().await {
            let message = match message {
                Message::Batch(batch, permit) => self.answered(batch, permit).await?,
                other @ (Message::Asked(..) | Message::Made(..) | Message::Connected(_)) => other,
            };
            self.outlet.send(message).await.map_err(|_| RunError::Downstream)?;
        }
        self.link.close().await;
        Ok(())
    }

    /// The batch, with the answers for all of its values.
    async fn answered(&mut self, batch: Batch, permit: Arc<Permit>) -> Result<Message, RunError> {
        let wanted = self.wanted(&batch);
        if wanted.is_empty() {
            return Ok(Message::Batch(batch, permit));
        }
        let shared = Arc::clone(&self.shared);
        let mut transform = shared.transform.clone();
        for (target, values) in wanted {
            let Some(vindex) = self.asked.get(&target).map(Arc::clone) else { continue };
            let answers = self.answers((target, &vindex), values).await?;
            transform = transform.with_places(target, Arc::new(Answered { vindex, answers }));
        }
        Ok(Message::Asked(batch, Box::new(transform), permit))
    }

    /// The values of the batch, before and after changes, by target. What has no literal is found out again
    /// where rows are placed: it may be what a row was before it was mended.
    fn wanted(&self, batch: &Batch) -> BTreeMap<TargetId, BTreeSet<Box<[u8]>>> {
        let mut wanted: BTreeMap<TargetId, BTreeSet<Box<[u8]>>> = BTreeMap::new();
        self.shared.transform.moved_rows(batch, |target, row| {
            if let Some(Ok(value)) = self.asked.get(&target).map(|vindex| vindex.value(row)) {
                wanted.entry(target).or_default().insert(value);
            }
        });
        wanted
    }

    async fn answers(
        &mut self,
        (target, vindex): (TargetId, &AskedVindex),
        values: BTreeSet<Box<[u8]>>,
    ) -> Result<Answers, RunError> {
        let known = |value: &[u8]| self.kept.get(target, value);
        let unknown: Vec<&[u8]> =
            values.iter().map(AsRef::as_ref).filter(|value| known(value).is_none()).collect();
        let mut answers = Answers::new();
        for value in &values {
            answers.extend(known(value).map(|answer| (value.clone(), answer)));
        }
        if unknown.is_empty() {
            return Ok(answers);
        }
        let found = self.ask(vindex, &unknown).await?;
        for value in unknown {
            let answer = found.get(value).map(|id| vindex.shard_of(id));
            self.kept.keep(target, value, answer);
            answers.insert(value.into(), answer);
        }
        Ok(answers)
    }

    /// Asks, for as long as a lane would try to write.
    async fn ask(
        &mut self,
        vindex: &AskedVindex,
        values: &[&[u8]],
    ) -> Result<KeyspaceIds, RunError> {
        let (keyspace, name) = (vindex.name.0.as_str(), vindex.name.1.as_str());
        let mut failure_count = 0;
        loop {
            let result = match self.link.session().await {
                Ok(session) => {
                    let asking = keyspace_ids(session, (keyspace, name), vindex.written(), values);
                    asking.await.map_err(RunError::from)
                }
                Err(error) => Err(error.into()),
            };
            if let Err(error) = &result
                && is_passing(error)
            {
                self.shared.progress.waits(WHO, Some(error.while_waiting()));
            }
            if let Some(ended) = self.link.ended(result, &mut failure_count).await {
                if failure_count > 0 && ended.is_ok() {
                    self.shared.progress.waits(WHO, None);
                }
                return ended;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_answers_are_bounded() {
        let mut kept = Kept::default();
        let value = vec![b'a'; 1 << 20];
        for target in 0..100 {
            kept.keep(TargetId(target), &value, Some(1));
            assert!(kept.byte_count <= KEPT_BYTES_MAX);
            assert_eq!(kept.get(TargetId(target), &value), Some(Some(1)));
        }
        assert_eq!(kept.get(TargetId(0), &value), None);
        kept.keep(TargetId(0), b"unmapped", None);
        assert_eq!(kept.get(TargetId(0), b"unmapped"), Some(None));
    }
}
