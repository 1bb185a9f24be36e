//! The snapshot stage: a planner that cuts the tables into chunks, and readers that read them.

use std::{num::NonZeroUsize, sync::Arc};

use whimbrel_flow::{Budget, Sender, StopLevel, Tasks, channel};
use whimbrel_mysql::ConnectOptions;
use whimbrel_plan::SourceLoad;

use crate::{
    control::ControlLink,
    error::RunError,
    link::SharedLink,
    pace::Pace,
    pieces::Piece,
    run::first_error,
    shared::{Message, Shared},
    stage::{planner::Planner, reader::Reader},
    throttle::Throttle,
};

/// Reads the pieces that the target does not hold.
#[derive(Debug)]
pub(crate) struct SnapshotStage {
    pub(crate) shared: Arc<Shared>,
    pub(crate) source: ConnectOptions,
    pub(crate) source_link: SharedLink,
    pub(crate) control: ControlLink,
    pub(crate) epoch: u64,
    pub(crate) reader_count: NonZeroUsize,
    pub(crate) chunk_bytes_max: u64,
    pub(crate) rows_per_second: Option<u64>,
    pub(crate) source_load: SourceLoad,
    pub(crate) budget: Budget,
    pub(crate) outlet: Sender<Message>,
    /// The average row of each table in bytes, as the source guesses.
    pub(crate) row_bytes: Vec<u64>,
}

impl SnapshotStage {
    /// Runs until every piece has left merge for the lanes, or the run is to end.
    ///
    /// `pieces` are all pieces of the plan's tables, `todo` those that the target does not hold.
    pub(crate) async fn run(self, pieces: &[Piece], todo: Vec<Piece>) -> Result<(), RunError> {
        if todo.is_empty() {
            return Ok(());
        }
        // One chunk is read and one is ready behind it.
        let (feed, ready) = channel(self.reader_count);
        let mut tasks = Tasks::new();
        let planner = Planner::new(&self, pieces, todo, feed);
        let clock = self.shared.clock.clone();
        let pace = Arc::new(Pace::new(self.rows_per_second, clock.clone()));
        let throttle = Arc::new(Throttle::new(self.source_load, clock));
        for index in 0..self.reader_count.get() {
            let bounds = (Arc::clone(&pace), Arc::clone(&throttle));
            let reader = Reader::new(&self, ready.clone(), planner.row_sizes(), bounds);
            tasks.spawn(format!("reader {index}"), reader.run());
        }
        tasks.spawn("planner", planner.run());
        drop(ready);
        tasks.join_all(&self.shared.stop, StopLevel::Drain).await.map_err(first_error)
    }
}
