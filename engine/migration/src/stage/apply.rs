//! The apply stage: cuts what merge lets go of into lanes, and decides how many lanes there are.

use std::{borrow::Cow, collections::BTreeSet, num::NonZeroUsize, sync::Arc};

use tokio::sync::oneshot;
use whimbrel_flow::{ComputePool, Permit, Receiver, Sender, StopLevel, TaskError, Tasks, channel};

use crate::{
    control::ControlLink,
    error::RunError,
    lane::{LaneItem, LaneState, PlanLimits, aligned},
    lanes::Cutter,
    progress::Phase,
    run::first_error,
    runners::lane_link,
    shards::Shard,
    shared::{Message, Shared},
    stage::lane::{LaneMessage, LaneWorker},
    store::PlanKey,
    transform::TargetBatch,
};

/// Shares of batches that may wait for a lane. Their bytes are bounded by the permits that they carry.
const LANE_SLOTS: NonZeroUsize = NonZeroUsize::new(128).unwrap();

/// A target that is this far behind is written in several lanes until it has caught up.
const BEHIND_MICROS: u64 = 1_000_000;

/// A target that is at most this far behind is written in one lane, whole transactions at a time.
const STEADY_MICROS: u64 = 500_000;

/// Writes to one shard.
#[derive(Debug)]
pub(crate) struct ApplyStage {
    pub(crate) shared: Arc<Shared>,
    pub(crate) shard: Arc<Shard>,
    /// The shard's place among the target's, counted from 0.
    pub(crate) number: usize,
    pub(crate) plan: PlanKey,
    pub(crate) control: ControlLink,
    pub(crate) epoch: u64,
    pub(crate) generation: u64,
    pub(crate) lanes_max: u32,
    pub(crate) limits: PlanLimits,
    pub(crate) pool: Arc<ComputePool>,
    pub(crate) inlet: Receiver<Message>,
}

/// The lanes at work.
struct Lanes {
    cutter: Cutter,
    inlets: Vec<Sender<LaneMessage>>,
    ends: Vec<oneshot::Receiver<LaneState>>,
    tasks: Tasks<RunError>,
    /// Whether the last part handed out left its transaction open.
    is_inside_transaction: bool,
}

impl ApplyStage {
    /// Runs until the inlet ends and every lane has written what it was given.
    pub(crate) async fn run(self, stored: Vec<LaneState>) -> Result<(), RunError> {
        let shard = Arc::clone(&self.shard);
        self.write(stored).await.map_err(|error| shard.told(error))
    }

    async fn write(mut self, stored: Vec<LaneState>) -> Result<(), RunError> {
        let mut lanes = self.start(stored);
        loop {
            // A lane without work proves its row now and then, and may find that it is not its own.
            let message = tokio::select! {
                message = self.inlet.recv() => message,
                ended = lanes.tasks.join_next() => return lanes.failed(&self.shared, ended).await,
            };
            let Some(message) = message else { break };
            let Some((batches, permit)) = self.shared.made(message)? else { continue };
            // This shard's alone.
            let [batch] = <[TargetBatch; 1]>::try_from(batches)
                .map_err(|_| RunError::Broken { what: "a batch was not routed".to_owned() })?;
            if lanes.give(&self.shared, batch, permit).await.is_err() {
                break;
            }
            let wanted = self.wanted(lanes.cutter.lane_count());
            if wanted != lanes.cutter.lane_count() && !lanes.is_inside_transaction {
                lanes = self.change(lanes, wanted).await?;
            }
        }
        lanes.finish(&self.shared).await.map(drop)
    }

    /// How many lanes there should be.
    fn wanted(&self, now: u32) -> u32 {
        if self.shared.progress.phase() == Phase::Copying {
            return self.lanes_max;
        }
        let lag = self.shared.progress.lag_micros(self.shared.clock.now_micros()).unwrap_or(0);
        match lag {
            BEHIND_MICROS.. => self.lanes_max,
            0..=STEADY_MICROS => 1,
            _ => now,
        }
    }

    /// Lets the lanes run empty and replaces them, all in one transaction.
    async fn change(&mut self, lanes: Lanes, wanted: u32) -> Result<Lanes, RunError> {
        let states = lanes.finish(&self.shared).await?;
        let Some(state) = aligned(&states) else {
            return Ok(self.start(states));
        };
        let sequences: Vec<u64> = states.iter().map(|lane| lane.sequence).collect();
        let generation = self.generation + 1;
        let lanes = (generation, wanted);
        self.control.change_lanes(self.number, &sequences, lanes, &state).await?;
        self.generation = generation;
        tracing::info!(lane_count = wanted, "number of lanes changed");
        Ok(self.start(vec![state; wanted as usize]))
    }

    fn start(&self, states: Vec<LaneState>) -> Lanes {
        let lane_count = u32::try_from(states.len()).unwrap_or(u32::MAX);
        self.shared.progress.lanes(self.number, lane_count);
        let rolled_up = self.shared.rollups.keys().copied().collect();
        let mut lanes = Lanes {
            cutter: Cutter::new(&self.shared.targets, &rolled_up, lane_count),
            inlets: Vec::new(),
            ends: Vec::new(),
            tasks: Tasks::new(),
            is_inside_transaction: false,
        };
        for (lane, state) in (0..).zip(states) {
            let (feed, inlet) = channel(LANE_SLOTS);
            let (report, end) = oneshot::channel();
            let worker = LaneWorker {
                lane,
                shard: Arc::clone(&self.shard),
                number: self.number,
                plan: self.plan.clone(),
                epoch: self.epoch,
                generation: self.generation,
                state,
                limits: PlanLimits { is_steady: lane_count == 1, ..self.limits },
                inlet,
                link: lane_link(&self.shard, &self.plan, lane, self.shared.clock.clone()),
                means: None,
                undisputed: BTreeSet::new(),
                pool: Arc::clone(&self.pool),
                shared: Arc::clone(&self.shared),
            };
            lanes.tasks.spawn(format!("lane {lane}"), async move {
                let state = worker.run().await?;
                // The stage that asks is gone only when the run is ending.
                drop(report.send(state));
                Ok(())
            });
            lanes.inlets.push(feed);
            lanes.ends.push(end);
        }
        lanes
    }
}

impl Lanes {
    /// Hands each lane its share. An error means that a lane has ended: [`Lanes::finish`] says why.
    async fn give(
        &mut self,
        shared: &Shared,
        batch: TargetBatch,
        permit: Arc<Permit>,
    ) -> Result<(), RunError> {
        match batch {
            TargetBatch::Chunk(chunk) => {
                let written_micros = shared.clock.now_micros();
                for (lane, share) in self.cutter.chunk(&shared.targets, chunk) {
                    let items = vec![LaneItem::Chunk(share)];
                    self.send(lane, LaneMessage { items, written_micros, permit: permit.clone() })
                        .await?;
                }
            }
            // One message a lane: a message for each transaction cost more than its changes.
            TargetBatch::Tail(parts, written_micros) => {
                let mut shares: Vec<Vec<LaneItem>> =
                    self.inlets.iter().map(|_| Vec::with_capacity(parts.len())).collect();
                for part in parts {
                    self.is_inside_transaction = !part.is_last;
                    let of_lanes = self.cutter.part(&shared.targets, part);
                    for (share, part) in shares.iter_mut().zip(of_lanes) {
                        share.push(LaneItem::Part(part));
                    }
                }
                for (lane, items) in (0..).zip(shares).filter(|(_, items)| !items.is_empty()) {
                    let permit = Arc::clone(&permit);
                    self.send(lane, LaneMessage { items, written_micros, permit }).await?;
                }
            }
        }
        Ok(())
    }

    async fn send(&self, lane: u32, message: LaneMessage) -> Result<(), RunError> {
        self.inlets[lane as usize].send(message).await.map_err(|_| RunError::Downstream)
    }

    /// Lets the other lanes write what they were given, after one has ended although its inlet is
    /// open; its error.
    async fn failed(
        self,
        shared: &Shared,
        ended: Option<Result<Cow<'static, str>, TaskError<RunError>>>,
    ) -> Result<(), RunError> {
        shared.stop.request(StopLevel::Drain);
        let others = self.finish(shared).await;
        match ended {
            Some(Err(error)) => Err(first_error(error)),
            Some(Ok(_)) | None => others.and(Err(RunError::Downstream)),
        }
    }

    /// Closes the lanes' inlets and waits until they have written everything.
    async fn finish(self, shared: &Shared) -> Result<Vec<LaneState>, RunError> {
        let Self { inlets, ends, mut tasks, .. } = self;
        drop(inlets);
        tasks.join_all(&shared.stop, StopLevel::Drain).await.map_err(first_error)?;
        let mut states = Vec::with_capacity(ends.len());
        for end in ends {
            states.push(end.await.map_err(|_| RunError::Downstream)?);
        }
        Ok(states)
    }
}
