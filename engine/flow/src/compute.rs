//! Threads for what computes and never waits.

use std::{
    fmt, io,
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
    thread::{self, JoinHandle},
};

use thiserror::Error;
use tokio::sync::oneshot;

use crate::{Receiver, Sender, channel, panic};

/// Jobs that may wait for each thread. Enough that none idles while a submitter is scheduled; more
/// would only hold memory.
const WAITING_JOBS_PER_THREAD: usize = 4;

/// A fixed number of threads that take jobs from one queue.
///
/// For decoding, transforming and encoding, a few milliseconds at a time, which would hold up the
/// runtime's workers. An idle thread takes the oldest job, so jobs start in the order they were
/// submitted and may end in another.
///
/// Dropping the pool lets its threads finish what was submitted and waits for that.
pub struct ComputePool {
    /// `None` only while the pool is dropped.
    jobs: Option<Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
}

/// The result of a submitted job, to be awaited. Dropping it does not keep the job from running.
#[derive(Debug)]
#[must_use = "a job's panic is seen only here"]
pub struct Pending<R> {
    result: oneshot::Receiver<Result<R, JobError>>,
}

/// Why a job has no result.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum JobError {
    /// The job panicked; its thread lives on.
    #[error("a job panicked: {message}")]
    Panicked {
        /// What the panic said.
        message: String,
    },
    /// The pool ended before the job ran.
    #[error("the compute pool has ended")]
    PoolEnded,
}

type Job = Box<dyn FnOnce() + Send>;

impl ComputePool {
    /// A pool of `thread_count` threads.
    ///
    /// # Errors
    ///
    /// What the system says when it gives no thread.
    pub fn new(thread_count: NonZeroUsize) -> io::Result<Self> {
        let (jobs, queue) = channel(thread_count.saturating_mul(
            NonZeroUsize::new(WAITING_JOBS_PER_THREAD).unwrap_or(NonZeroUsize::MIN),
        ));
        let threads = (0..thread_count.get())
            .map(|index| {
                let queue = queue.clone();
                thread::Builder::new().name(format!("compute-{index}")).spawn(move || work(&queue))
            })
            .collect::<io::Result<Vec<_>>>()?;
        Ok(Self { jobs: Some(jobs), threads })
    }

    /// Runs `job` on one of the threads and waits for its result.
    ///
    /// # Errors
    ///
    /// [`JobError::Panicked`] when `job` panics.
    pub async fn run<R, F>(&self, job: F) -> Result<R, JobError>
    where
        R: Send + 'static,
        F: FnOnce() -> R + Send + 'static,
    {
        self.submit(job).await.await
    }

    /// Puts `job` in the queue, waiting for a place there, and hands out its result to come.
    ///
    /// Whoever submits in order and awaits in order computes in parallel and keeps the order.
    pub async fn submit<R, F>(&self, job: F) -> Pending<R>
    where
        R: Send + 'static,
        F: FnOnce() -> R + Send + 'static,
    {
        let (reply, result) = oneshot::channel();
        let boxed: Job = Box::new(move || {
            let outcome = catch_unwind(AssertUnwindSafe(job))
                .map_err(|payload| JobError::Panicked { message: panic::message(&*payload) });
            // Nobody waits any more: the result is nobody's.
            drop(reply.send(outcome));
        });
        if let Some(jobs) = &self.jobs {
            // Refused only when every thread has ended; then `reply` is dropped with the job, and
            // `Pending` says so.
            drop(jobs.send(boxed).await);
        }
        Pending { result }
    }
}

fn work(queue: &Receiver<Job>) {
    while let Some(job) = queue.recv_blocking() {
        job();
    }
}

impl Drop for ComputePool {
    fn drop(&mut self) {
        self.jobs = None;
        let own = thread::current().id();
        for thread in self.threads.drain(..) {
            // A job may hold the last handle to its own pool; its thread ends after it.
            if thread.thread().id() != own {
                let ended = thread.join();
                assert!(ended.is_ok() || thread::panicking(), "a compute thread outlives its jobs");
            }
        }
    }
}

impl fmt::Debug for ComputePool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ComputePool").field("thread_count", &self.threads.len()).finish()
    }
}

impl<R> Future for Pending<R> {
    type Output = Result<R, JobError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.result)
            .poll(context)
            .map(|reply| reply.unwrap_or(Err(JobError::PoolEnded)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use super::*;

    fn pool(threads: usize) -> ComputePool {
        ComputePool::new(NonZeroUsize::new(threads).unwrap()).unwrap()
    }

    #[tokio::test]
    async fn results_awaited_in_order_come_in_order() {
        let pool = pool(3);
        let mut pending = Vec::new();
        for number in 0..10u64 {
            pending.push(pool.submit(move || number * number).await);
        }

        for (number, result) in (0..10u64).zip(pending) {
            assert_eq!(result.await, Ok(number * number));
        }
    }

    #[tokio::test]
    async fn a_panic_is_its_callers_error_and_the_thread_lives_on() {
        let pool = pool(1);

        let failed = pool.run(|| -> u8 { panic!("no {}", "luck") }).await;

        assert_eq!(failed, Err(JobError::Panicked { message: "no luck".to_owned() }));
        assert_eq!(pool.run(|| 7).await, Ok(7));
    }

    #[tokio::test]
    async fn dropping_the_pool_runs_what_was_submitted_and_ends_its_threads() {
        let pool = pool(2);
        let ran = Arc::new(AtomicUsize::new(0));
        for _ in 0..8 {
            let ran = Arc::clone(&ran);
            drop(pool.submit(move || ran.fetch_add(1, Ordering::SeqCst)).await);
        }

        drop(pool);

        assert_eq!((ran.load(Ordering::SeqCst), Arc::strong_count(&ran)), (8, 1));
    }

    #[tokio::test]
    async fn a_job_may_hold_the_last_handle_to_its_pool() {
        let pool = Arc::new(pool(2));
        let own = Arc::clone(&pool);

        let pending = pool.submit(move || drop(own)).await;
        drop(pool);

        assert_eq!(pending.await, Ok(()));
    }
}
