//! A run from its start to its end.

use std::{sync::Arc, time::Duration};

use futures_util::future::select_all;
use whimbrel_flow::{Clock, Stop, StopLevel, TaskError, Tasks};
use whimbrel_plan::Plan;

use crate::{
    assemble::{Stage, assemble},
    control::ControlLink,
    error::RunError,
    finish::Finish,
    materialize::schema_file,
    prepare::{Notes, Prepared},
    preparing::{Preparing, prepare},
    progress::Progress,
    serving::{STORE_TIME_MAX, Serving},
    shared::Shared,
    store::Life,
    vschema::Announce,
    watch::watch,
};

/// How often progress is stored for those who ask the target.
const REPORT_EVERY: Duration = Duration::from_secs(1);

/// How long the last report may take.
const LAST_REPORT_TIME_MAX: Duration = Duration::from_secs(5);

/// When a run ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// It does not: it follows until it is told to stop.
    Stopped,
    /// Once all rows are copied and everything that the source had executed by then is applied.
    CaughtUp,
}

/// How a run ended, if nothing went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Everything that it was to reach is reached.
    CaughtUp,
    /// It was told to stop, and everything that it had taken in is stored.
    Drained,
    /// It was told to stop at once. What was stored is stored; the next run goes on from there.
    Stopped,
}

/// A run that is ready to start: both servers were reached and checked, the plan is claimed, and
/// nothing is running.
#[derive(Debug)]
pub struct Run {
    prepared: Prepared,
    serving: Vec<Serving>,
    shared: Arc<Shared>,
    stages: Vec<Stage>,
}

impl Run {
    /// Reaches both servers, checks them, prepares the target's tables and claims the plan; begins again,
    /// as `preparing` tells, when a server goes away in between.
    ///
    /// `takes_over` lets it claim a plan that another runner is at work on; `announce` is told of statements
    /// that change a vschema, before the first of them is run.
    ///
    /// # Errors
    ///
    /// [`RunError`]: everything that can be found out before the first row.
    pub async fn assemble(
        plan: &Plan,
        takes_over: bool,
        (clock, stop): (Clock, Stop),
        (preparing, announce): (&Preparing, Announce<'_>),
    ) -> Result<Self, RunError> {
        let prepared = prepare(plan, takes_over, (&clock, announce), preparing).await?;
        let serving = Serving::of(plan, (&prepared.shards, &prepared.placings), &clock)?;
        let graph = whimbrel_plan::compile(plan);
        let (shared, stages) = assemble(&graph, plan.on_ddl, &prepared, (clock, stop))?;
        Ok(Self { prepared, serving, shared, stages })
    }

    /// What a person should know before the first row.
    #[must_use]
    pub fn notes(&self) -> &Notes {
        &self.prepared.notes
    }

    /// Adds to the notes where the source's tables are otherwise than the plan's schema file says: its name
    /// as written, and its text.
    pub fn compare_with_schema_file(&mut self, file: (&str, &str)) {
        let tables = self.prepared.tables.iter().map(|stored| &stored.table);
        let findings = schema_file::findings(file, tables);
        self.prepared.notes.warnings.extend(findings);
    }

    /// Where the run reports.
    #[must_use]
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.shared.progress)
    }

    /// Runs to the end.
    ///
    /// # Errors
    ///
    /// The first [`RunError`] of a stage; everything that was taken in before it is stored, where
    /// the target still takes it.
    pub async fn run(self, until: Until) -> Result<Outcome, RunError> {
        let Self { prepared, serving, shared, stages } = self;
        let control = prepared.control.clone();
        let stop = shared.stop.clone();
        let finish = Finish::new(&prepared, Arc::clone(&shared), until);
        let mut tasks = Tasks::new();
        for stage in stages {
            spawn(&mut tasks, stage);
        }
        tasks.spawn("finish", finish.run());
        tasks.spawn("watch", watch(Arc::clone(&shared), prepared.source_link));
        tasks.spawn("reports", reports(Arc::clone(&shared), control.clone()));

        let ended = tokio::select! {
            ended = tasks.join_all(&stop, StopLevel::Drain) => ended.map_err(first_error),
            error = changed(serving, &shared) => {
                stop.request(StopLevel::Drain);
                let storing = tasks.join_all(&stop, StopLevel::Drain);
                // What else goes wrong now, or takes too long, is for the same reason.
                drop(shared.clock.timeout(STORE_TIME_MAX, storing).await);
                Err(error)
            }
        };
        // Ends what still tries a shard that takes nothing.
        drop(tasks);
        let is_stopped = stop.requested() == Some(StopLevel::Now);
        let error = ended.as_ref().err().filter(|_| !is_stopped).map(ToString::to_string);
        let storing = report(&shared, &control, Life::Ended { error: error.as_deref() });
        // A target that is away must not hold the end up: what matters is stored with the rows.
        let stored = shared.clock.timeout(LAST_REPORT_TIME_MAX, storing).await.unwrap_or(Ok(()));
        if matches!(stored, Err(RunError::Fenced)) {
            // Whatever else went wrong, it did because another runner took over.
            return Err(RunError::Fenced);
        }
        if is_stopped {
            return Ok(Outcome::Stopped);
        }
        ended?;
        stored?;
        let is_done = until == Until::CaughtUp && shared.progress.has_caught_up();
        Ok(if is_done { Outcome::CaughtUp } else { Outcome::Drained })
    }
}

/// Why a keyspace of the run can no longer be written to; never for a target that is one database.
async fn changed(serving: Vec<Serving>, shared: &Shared) -> RunError {
    if serving.is_empty() {
        return std::future::pending().await;
    }
    let changed = serving.into_iter().map(|serving| Box::pin(serving.changed(shared)));
    select_all(changed).await.0
}

fn spawn(tasks: &mut Tasks<RunError>, stage: Stage) {
    match stage {
        Stage::Snapshot(stage, all, todo) => {
            tasks.spawn("snapshot", async move { own_error(stage.run(&all, todo).await) });
        }
        Stage::Tail(stage) => tasks.spawn("tail", async { own_error(stage.run().await) }),
        Stage::Merge(stage) => tasks.spawn("merge", async { own_error(stage.run().await) }),
        Stage::Ask(stage) => tasks.spawn("ask", async { own_error(stage.run().await) }),
        Stage::Transform(stage) => {
            tasks.spawn("transform", async { own_error(stage.run().await) });
        }
        Stage::Route(stage) => tasks.spawn("route", async { own_error(stage.run().await) }),
        Stage::Apply(stage, lanes) => {
            let name = format!("apply to {}", stage.shard.label());
            tasks.spawn(name, stage.run(lanes));
        }
    }
}

/// A stage whose downstream has gone ended for a reason that the downstream tells.
fn own_error(ended: Result<(), RunError>) -> Result<(), RunError> {
    match ended {
        Err(RunError::Downstream) => Ok(()),
        ended => ended,
    }
}

/// Stores a report every while until the run is to end.
async fn reports(shared: Arc<Shared>, control: ControlLink) -> Result<(), RunError> {
    loop {
        tokio::select! {
            () = shared.stop.reached(StopLevel::Drain) => return Ok(()),
            () = shared.clock.sleep(REPORT_EVERY) => report(&shared, &control, Life::GoesOn).await?,
        }
    }
}

async fn report(shared: &Shared, control: &ControlLink, life: Life<'_>) -> Result<(), RunError> {
    let report = shared.progress.report(shared.clock.now_micros());
    let text = serde_json::to_string(&report)?;
    control.report((report.phase.as_str(), &text), life).await
}

/// The error inside that of a task.
pub(crate) fn first_error(error: TaskError<RunError>) -> RunError {
    match error {
        TaskError::Failed { error, .. } => error,
        other @ (TaskError::Panicked { .. } | TaskError::Aborted { .. }) => {
            RunError::Broken { what: other.to_string() }
        }
    }
}
