//! A bounded edge between tasks, and between tasks and threads.

use std::{
    num::NonZeroUsize,
    pin::pin,
    sync::{
        Arc,
        atomic::{Ordering, fence},
    },
};

use crossbeam_channel::TryRecvError;
use thiserror::Error;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// A bounded first-in first-out edge that holds at most `slots` items.
///
/// Both ends can be cloned: any number of senders and receivers share one queue, and each item goes
/// to one receiver. The edge ends when its senders are gone and it is empty; it breaks when its
/// receivers are gone. Neither end blocks a thread but in [`Receiver::recv_blocking`].
///
/// ```text
/// send ── semaphore: a slot ──► crossbeam queue ──► recv ── gives the slot back
///                                     └── notify ──► a waiting receiver
/// ```
///
/// A crossbeam queue, since threads that compute take from it as well as tasks do, and since
/// tokio's own queue has a single consumer. Invariant: an item in the queue holds one of as many
/// permits as the queue has places, so the queue is never full when a permit is held.
#[must_use]
pub fn channel<T>(slots: NonZeroUsize) -> (Sender<T>, Receiver<T>) {
    let (tx, rx) = crossbeam_channel::bounded(slots.get());
    let edge = Arc::new(Edge {
        slots: Arc::new(Semaphore::new(slots.get())),
        arrived: Notify::new(),
        queue: rx,
    });
    let sender = Sender {
        queue: tx,
        edge: Arc::clone(&edge),
        _last_sender: Arc::new(WakeReceivers(Arc::clone(&edge))),
    };
    let receiver =
        Receiver { edge: Arc::clone(&edge), _last_receiver: Arc::new(RefuseSenders(edge)) };
    (sender, receiver)
}

/// The sending end of a [`channel`].
#[derive(Debug)]
pub struct Sender<T> {
    // Fields are dropped in order: the queue must be closed before the receivers are woken to look.
    queue: crossbeam_channel::Sender<Item<T>>,
    edge: Arc<Edge<T>>,
    _last_sender: Arc<WakeReceivers<T>>,
}

/// The receiving end of a [`channel`].
#[derive(Debug)]
pub struct Receiver<T> {
    edge: Arc<Edge<T>>,
    _last_receiver: Arc<RefuseSenders<T>>,
}

/// A place in a [`channel`], taken and not yet filled. Dropping it gives the place back.
#[derive(Debug)]
pub struct Slot<'a, T> {
    permit: OwnedSemaphorePermit,
    sender: &'a Sender<T>,
}

/// All receivers of an edge are gone. Holds what could not be sent.
#[derive(Error, Clone, Copy, PartialEq, Eq)]
#[error("the stage downstream has gone")]
pub struct Closed<T>(pub T);

/// Does not ask `T` to be `Debug`, and shows nothing of it.
impl<T> std::fmt::Debug for Closed<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Closed(..)")
    }
}

/// What both ends share.
#[derive(Debug)]
struct Edge<T> {
    /// Closed when all receivers are gone.
    slots: Arc<Semaphore>,
    arrived: Notify,
    /// Not counted as a receiver: whoever finds the edge broken empties it through this.
    queue: crossbeam_channel::Receiver<Item<T>>,
}

impl<T> Edge<T> {
    /// Drops what lies in a broken edge. Crossbeam leaves it there until the senders are gone too,
    /// and a sender that waits for the memory of those items would then wait for itself.
    fn discard(&self) {
        while self.queue.try_recv().is_ok() {}
    }
}

#[derive(Debug)]
struct Item<T> {
    value: T,
    /// Dropped once the item has left the queue, which lets the next one in.
    _slot: OwnedSemaphorePermit,
}

#[derive(Debug)]
struct WakeReceivers<T>(Arc<Edge<T>>);

impl<T> Drop for WakeReceivers<T> {
    fn drop(&mut self) {
        self.0.arrived.notify_waiters();
    }
}

#[derive(Debug)]
struct RefuseSenders<T>(Arc<Edge<T>>);

impl<T> Drop for RefuseSenders<T> {
    fn drop(&mut self) {
        self.0.slots.close();
        // With the fence in `Slot::send`: either this sees the item or its sender sees the close.
        fence(Ordering::SeqCst);
        self.0.discard();
    }
}

impl<T> Sender<T> {
    /// Puts `value` into the edge, waiting for a slot.
    ///
    /// Cancelling it sends nothing, and drops `value`: take a [`Sender::reserve`] where `value`
    /// must survive that.
    ///
    /// # Errors
    ///
    /// [`Closed`] with `value` when all receivers are gone.
    pub async fn send(&self, value: T) -> Result<(), Closed<T>> {
        match self.reserve().await {
            Ok(slot) => slot.send(value),
            Err(Closed(())) => Err(Closed(value)),
        }
    }

    /// Waits for a slot and holds it. Senders get slots in the order they asked.
    ///
    /// # Errors
    ///
    /// [`Closed`] when all receivers are gone.
    pub async fn reserve(&self) -> Result<Slot<'_, T>, Closed<()>> {
        let slots = Arc::clone(&self.edge.slots);
        let permit = slots.acquire_owned().await.map_err(|_| Closed(()))?;
        Ok(Slot { permit, sender: self })
    }

    fn put(&self, item: Item<T>) {
        let sent = self.queue.try_send(item);
        assert!(sent.is_ok(), "a held slot is a place in the queue");
    }

    /// The number of items in the edge.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether no item is in the edge.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}

impl<T> Slot<'_, T> {
    /// Fills the place. Never waits.
    ///
    /// `Ok` says that the item is in the edge, not that it will be taken: the receivers may leave.
    ///
    /// # Errors
    ///
    /// [`Closed`] with `value` when all receivers are gone.
    pub fn send(self, value: T) -> Result<(), Closed<T>> {
        let edge = &self.sender.edge;
        if edge.slots.is_closed() {
            return Err(Closed(value));
        }
        self.sender.put(Item { value, _slot: self.permit });
        edge.arrived.notify_one();
        fence(Ordering::SeqCst);
        if edge.slots.is_closed() {
            edge.discard();
        }
        Ok(())
    }
}

impl<T> Receiver<T> {
    /// The next item, waiting for it; `None` when all senders are gone and the edge is empty.
    ///
    /// Cancelling it takes no item.
    pub async fn recv(&self) -> Option<T> {
        // The queue itself never yields, so that a busy edge would keep the worker to itself.
        tokio::task::consume_budget().await;
        loop {
            let mut arrival = pin!(self.edge.arrived.notified());
            // Registered before the look: what arrives after the look wakes this receiver, what
            // arrived before is seen.
            arrival.as_mut().enable();
            match self.edge.queue.try_recv() {
                Ok(item) => {
                    // Several arrivals leave one notification when nobody waits, so each receiver
                    // passes it on while there is more.
                    if !self.edge.queue.is_empty() {
                        self.edge.arrived.notify_one();
                    }
                    return Some(item.value);
                }
                Err(TryRecvError::Disconnected) => return None,
                Err(TryRecvError::Empty) => arrival.await,
            }
        }
    }

    /// The next item, blocking the thread for it; `None` as in [`Receiver::recv`].
    ///
    /// For threads that compute: called in a task it would stall its worker.
    #[must_use]
    pub fn recv_blocking(&self) -> Option<T> {
        self.edge.queue.recv().ok().map(|item| item.value)
    }

    /// The number of items in the edge.
    #[must_use]
    pub fn len(&self) -> usize {
        self.edge.queue.len()
    }

    /// Whether no item is in the edge.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.edge.queue.is_empty()
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self {
            queue: self.queue.clone(),
            edge: Arc::clone(&self.edge),
            _last_sender: Arc::clone(&self._last_sender),
        }
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        Self { edge: Arc::clone(&self.edge), _last_receiver: Arc::clone(&self._last_receiver) }
    }
}

#[cfg(test)]
mod interleavings;
#[cfg(test)]
mod tests;
