//! How much memory the data under way may take.

use std::{num::NonZeroU64, sync::Arc};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes to a permit of the semaphore: its requests are `u32`, which counts to 4 TiB this way.
const UNIT_BYTES: u64 = 1024;

/// The bytes that items under way may take together, from their source until they are applied.
///
/// A [`Permit`] is taken once per piece of data, where it enters, and travels inside the item:
/// whoever took a second one while holding a first could wait for itself. Waiters are served in
/// the order they came, so that a large request is not starved by small ones.
#[derive(Debug, Clone)]
pub struct Budget {
    units: Arc<Semaphore>,
    unit_count: u32,
}

/// Some bytes of a [`Budget`], given back on drop.
#[derive(Debug)]
pub struct Permit {
    permit: OwnedSemaphorePermit,
}

impl Budget {
    /// A budget of `bytes`, rounded up to whole KiB; at most 4 TiB are given out.
    #[must_use]
    pub fn new(bytes: NonZeroU64) -> Self {
        let unit_count = units(bytes.get());
        // `usize` has at least 32 bits wherever tokio's runtime is built.
        let places = usize::try_from(unit_count).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        Self { units: Arc::new(Semaphore::new(places)), unit_count }
    }

    /// Waits until `bytes`, rounded up to whole KiB, are free, and takes them.
    ///
    /// More than the whole budget counts as the whole: one item larger than the budget travels
    /// alone, since it could never travel otherwise.
    pub async fn acquire(&self, bytes: u64) -> Permit {
        let wanted = units(bytes).min(self.unit_count);
        let taken = Arc::clone(&self.units).acquire_many_owned(wanted).await;
        match taken {
            Ok(permit) => Permit { permit },
            Err(_) => unreachable!("a budget's semaphore is never closed"),
        }
    }

    /// The bytes that are taken now.
    #[must_use]
    pub fn used(&self) -> u64 {
        let free = u64::try_from(self.units.available_permits()).unwrap_or(u64::MAX);
        u64::from(self.unit_count).saturating_sub(free) * UNIT_BYTES
    }

    /// The bytes of the whole budget.
    #[must_use]
    pub fn total(&self) -> u64 {
        u64::from(self.unit_count) * UNIT_BYTES
    }
}

impl Permit {
    /// The bytes it stands for, after rounding and clamping.
    #[must_use]
    pub fn byte_count(&self) -> u64 {
        u64::try_from(self.permit.num_permits()).unwrap_or(u64::MAX).saturating_mul(UNIT_BYTES)
    }
}

fn units(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::{future::Future, pin::pin, task::Poll};

    use super::*;

    fn budget(kib: u64) -> Budget {
        Budget::new(NonZeroU64::new(kib * 1024).unwrap())
    }

    async fn is_ready<F: Future>(future: std::pin::Pin<&mut F>) -> bool {
        let mut future = Some(future);
        std::future::poll_fn(move |context| {
            Poll::Ready(future.take().is_some_and(|waiting| waiting.poll(context).is_ready()))
        })
        .await
    }

    #[tokio::test]
    async fn bytes_come_back_when_the_permit_is_dropped() {
        let budget = budget(10);

        let permit = budget.acquire(4000).await;

        assert_eq!((budget.used(), permit.byte_count(), budget.total()), (4096, 4096, 10_240));
        drop(permit);
        assert_eq!(budget.used(), 0);
    }

    #[tokio::test]
    async fn a_request_above_the_budget_waits_for_all_of_it() {
        let budget = budget(2);
        let first = budget.acquire(1).await;

        let mut whole = pin!(budget.acquire(1 << 40));
        assert!(!is_ready(whole.as_mut()).await);
        drop(first);

        assert_eq!(whole.await.byte_count(), 2048);
    }

    #[tokio::test]
    async fn a_large_request_is_not_overtaken_by_a_small_one() {
        let budget = budget(2);
        let first = budget.acquire(1).await;
        let mut large = pin!(budget.acquire(2048));
        assert!(!is_ready(large.as_mut()).await);

        let mut small = pin!(budget.acquire(1));

        assert!(!is_ready(small.as_mut()).await);
        drop(first);
        drop(large.await);
        assert_eq!(small.await.byte_count(), 1024);
    }

    #[tokio::test]
    async fn a_cancelled_request_takes_nothing() {
        let budget = budget(1);
        let first = budget.acquire(1).await;
        {
            let mut waiting = pin!(budget.acquire(1));
            assert!(!is_ready(waiting.as_mut()).await);
        }

        drop(first);

        assert_eq!(budget.used(), 0);
        budget.acquire(1024).await;
    }
}
