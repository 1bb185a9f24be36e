//! The runtime that stages are built on: bounded edges, byte budgets, owned tasks, a pool for
//! computing, a clock, a stop signal and bounded retries.
//!
//! It moves values of any type and knows no SQL, no plan and no server. It is the only crate that
//! may spawn, sleep or read the wall clock: everything else asks here, so that every task has an
//! owner, every queue a bound, and tests drive time.
//!
//! What waits on a socket runs on tokio's runtime; what computes runs on [`ComputePool`]'s threads;
//! both meet on [`channel`]s, which are crossbeam queues with an async face.

mod budget;
mod channel;
mod clock;
mod compute;
mod panic;
mod retry;
mod stop;
mod tasks;
mod watched;

pub use budget::{Budget, Permit};
pub use channel::{Closed, Receiver, Sender, Slot, channel};
pub use clock::{Clock, Interval, ManualClock, TimedOut};
pub use compute::{ComputePool, JobError, Pending};
pub use retry::{RetryLimits, retry};
pub use stop::{Stop, StopLevel};
pub use tasks::{TaskError, Tasks};
