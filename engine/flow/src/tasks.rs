//! Tasks that have an owner.

use std::{borrow::Cow, collections::HashMap};

use thiserror::Error;
use tokio::task::{Id, JoinError, JoinSet};

use crate::{Stop, StopLevel, panic};

/// The tasks of one owner, each with a name. Dropping it aborts those that still run.
///
/// A task ends with `Ok`, with its own error, by a panic or by being aborted; whichever it is, the
/// owner learns of it, with the task's name.
#[derive(Debug)]
pub struct Tasks<E> {
    set: JoinSet<Result<(), E>>,
    names: HashMap<Id, TaskName>,
}

/// What a task is called in errors and logs.
type TaskName = Cow<'static, str>;

/// How a task ended other than well.
#[derive(Debug, Error)]
pub enum TaskError<E> {
    /// It returned an error.
    #[error("`{task}` failed")]
    Failed {
        /// The task.
        task: TaskName,
        /// Its error.
        #[source]
        error: E,
    },
    /// It panicked: a bug.
    #[error("`{task}` panicked: {message}")]
    Panicked {
        /// The task.
        task: TaskName,
        /// What the panic said.
        message: String,
    },
    /// It was aborted before it ended.
    #[error("`{task}` was stopped before it had finished")]
    Aborted {
        /// The task.
        task: TaskName,
    },
}

impl<E: Send + 'static> Tasks<E> {
    /// No tasks.
    #[must_use]
    pub fn new() -> Self {
        Self { set: JoinSet::new(), names: HashMap::new() }
    }

    /// Starts `future` as a task called `task`. Names need not differ.
    pub fn spawn<F>(&mut self, task: impl Into<TaskName>, future: F)
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
    {
        let id = self.set.spawn(future).id();
        self.names.insert(id, task.into());
    }

    /// The number of tasks that have not been joined.
    #[must_use]
    pub fn len(&self) -> usize {
        self.set.len()
    }

    /// Whether every task has been joined.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    /// Waits for the next task to end: its name, or how it failed; `None` when none is left. Safe
    /// to cancel.
    pub async fn join_next(&mut self) -> Option<Result<TaskName, TaskError<E>>> {
        let ended = self.set.join_next_with_id().await?;
        let id = ended.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        let task = self.names.remove(&id).unwrap_or_default();
        Some(match ended {
            Ok((_, Ok(()))) => Ok(task),
            Ok((_, Err(error))) => Err(TaskError::Failed { task, error }),
            Err(gone) => Err(match gone.try_into_panic() {
                Ok(payload) => TaskError::Panicked { task, message: panic::message(&*payload) },
                Err(_) => TaskError::Aborted { task },
            }),
        })
    }

    /// Waits until every task has ended.
    ///
    /// The first error raises `stop` to `at_error` and is the one returned: those that follow are
    /// mostly its echo. At [`StopLevel::Now`], whoever raised it, what still runs is aborted.
    ///
    /// # Errors
    ///
    /// The first [`TaskError`], [`TaskError::Aborted`] only when there is no other.
    pub async fn join_all(&mut self, stop: &Stop, at_error: StopLevel) -> Result<(), TaskError<E>> {
        let mut first = Ok(());
        let mut is_aborting = false;
        loop {
            let ended = tokio::select! {
                biased;
                () = stop.reached(StopLevel::Now), if !is_aborting => {
                    is_aborting = true;
                    self.set.abort_all();
                    continue;
                }
                ended = self.join_next() => ended,
            };
            match ended {
                None => return first,
                Some(Ok(_)) => {}
                Some(Err(error)) => {
                    stop.request(at_error);
                    first = worse(first, error);
                }
            }
        }
    }
}

/// The earlier of two errors, but any rather than that of an aborted task, which tells no reason.
fn worse<E>(first: Result<(), TaskError<E>>, error: TaskError<E>) -> Result<(), TaskError<E>> {
    match first {
        Ok(()) | Err(TaskError::Aborted { .. }) => Err(error),
        first @ Err(TaskError::Failed { .. } | TaskError::Panicked { .. }) => first,
    }
}

impl<E: Send + 'static> Default for Tasks<E> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn all_tasks_are_waited_for() {
        let mut tasks: Tasks<&str> = Tasks::new();
        for _ in 0..3 {
            tasks.spawn("worker", async {
                tokio::task::yield_now().await;
                Ok(())
            });
        }

        assert!(tasks.join_all(&Stop::new(), StopLevel::Drain).await.is_ok());
        assert!(tasks.is_empty() && tasks.names.is_empty());
    }

    #[tokio::test]
    async fn the_first_error_drains_the_rest_and_wins() {
        let stop = Stop::new();
        let mut tasks = Tasks::new();
        tasks.spawn("reader", async { Err("first") });
        let heard = stop.clone();
        tasks.spawn("writer", async move {
            heard.reached(StopLevel::Drain).await;
            Err("echo")
        });

        let ended = tasks.join_all(&stop, StopLevel::Drain).await;

        assert!(matches!(
            ended,
            Err(TaskError::Failed { task, error: "first" }) if task == "reader"
        ));
        assert_eq!(stop.requested(), Some(StopLevel::Drain));
    }

    #[tokio::test]
    async fn a_stop_now_aborts_tasks_that_would_never_end() {
        let stop = Stop::new();
        let mut tasks: Tasks<&str> = Tasks::new();
        tasks.spawn("stuck", std::future::pending());
        tasks.spawn("failing", async { Err("reason") });

        let ended = tasks.join_all(&stop, StopLevel::Now).await;

        assert!(matches!(ended, Err(TaskError::Failed { error: "reason", .. })));
        assert!(tasks.is_empty());
    }

    #[tokio::test]
    async fn a_panic_is_an_error_with_the_tasks_name() {
        let mut tasks: Tasks<&str> = Tasks::new();
        tasks.spawn("broken", async { panic!("no luck") });

        let ended = tasks.join_next().await.unwrap();

        assert_eq!(ended.unwrap_err().to_string(), "`broken` panicked: no luck");
        assert!(tasks.join_next().await.is_none());
    }

    #[tokio::test]
    async fn dropping_the_owner_aborts_its_tasks() {
        let mut tasks: Tasks<&str> = Tasks::new();
        let (held, released) = tokio::sync::oneshot::channel::<()>();
        tasks.spawn("stuck", async move {
            let _held = held;
            std::future::pending().await
        });

        drop(tasks);

        assert!(released.await.is_err());
    }
}
