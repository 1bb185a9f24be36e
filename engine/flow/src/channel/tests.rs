use std::{
    sync::atomic::{AtomicU64, Ordering},
    task::Poll,
    time::Duration,
};

use super::*;

fn slots(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).unwrap()
}

async fn is_waiting<F: Future>(mut future: std::pin::Pin<&mut F>) -> bool {
    std::future::poll_fn(move |context| Poll::Ready(future.as_mut().poll(context).is_pending()))
        .await
}

#[tokio::test]
async fn items_come_in_the_order_they_were_sent() {
    let (sender, receiver) = channel(slots(3));

    for number in 0..3 {
        sender.send(number).await.unwrap();
    }

    assert_eq!((sender.len(), receiver.len()), (3, 3));
    for number in 0..3 {
        assert_eq!(receiver.recv().await, Some(number));
    }
}

#[tokio::test]
async fn a_full_edge_holds_its_senders_up() {
    let (sender, receiver) = channel(slots(1));
    sender.send(1).await.unwrap();

    let mut second = pin!(sender.send(2));

    assert!(is_waiting(second.as_mut()).await);
    assert_eq!(receiver.recv().await, Some(1));
    second.await.unwrap();
    assert_eq!(receiver.recv().await, Some(2));
}

#[tokio::test]
async fn the_edge_ends_when_its_last_sender_is_gone_and_it_is_empty() {
    let (sender, receiver) = channel(slots(2));
    let other = sender.clone();
    sender.send(1).await.unwrap();
    drop(sender);
    assert_eq!(receiver.recv().await, Some(1));
    let mut next = pin!(receiver.recv());
    assert!(is_waiting(next.as_mut()).await);

    drop(other);

    assert_eq!(next.await, None);
}

#[tokio::test]
async fn senders_get_their_value_back_when_the_receivers_are_gone() {
    let (sender, receiver) = channel(slots(1));
    let other = receiver.clone();
    sender.send("one").await.unwrap();
    let mut waiting = pin!(sender.send("two"));
    assert!(is_waiting(waiting.as_mut()).await);

    drop((receiver, other));

    assert_eq!(waiting.await, Err(Closed("two")));
    assert_eq!(sender.send("three").await, Err(Closed("three")));
}

#[tokio::test]
async fn what_lies_in_a_broken_edge_is_dropped() {
    let (sender, receiver) = channel(slots(1));
    let value = Arc::new(());
    sender.send(Arc::clone(&value)).await.unwrap();

    drop(receiver);

    assert_eq!(Arc::strong_count(&value), 1);
}

#[tokio::test]
async fn a_slot_that_is_not_filled_comes_back() {
    let (sender, receiver) = channel(slots(1));

    drop(sender.reserve().await.unwrap());
    sender.reserve().await.unwrap().send(7).unwrap();

    assert_eq!(receiver.recv().await, Some(7));
}

/// Senders and receivers on several threads, some calls cancelled: each item arrives once, and
/// nobody sleeps on. A lost wake-up hangs the test; the limit turns that into a failure.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_lost_or_doubled_or_left_asleep_under_stress() {
    const ITEMS: u64 = 4_000;
    for round in 0..12u64 {
        let capacity = usize::try_from(round % 4).unwrap() + 1;
        let (sender, receiver) = channel::<u64>(slots(capacity));
        let sum = Arc::new(AtomicU64::new(0));
        let count = Arc::new(AtomicU64::new(0));
        let mut tasks: crate::Tasks<()> = crate::Tasks::new();
        for first in 0..3 {
            let sender = sender.clone();
            tasks.spawn("sender", async move {
                for item in (first..ITEMS).step_by(3) {
                    if item % 7 == 0 {
                        // A reservation that is given up, perhaps while it waits.
                        let mut given_up = pin!(sender.reserve());
                        is_waiting(given_up.as_mut()).await;
                    }
                    sender.send(item).await.map_err(|_| ())?;
                    if item % 64 == 0 {
                        tokio::task::yield_now().await;
                    }
                }
                Ok(())
            });
        }
        for _ in 0..3 {
            let (receiver, sum, count) = (receiver.clone(), Arc::clone(&sum), Arc::clone(&count));
            tasks.spawn("receiver", async move {
                loop {
                    let arrival = {
                        let mut given_up = pin!(receiver.recv());
                        let mut arrival = None;
                        let polled = std::future::poll_fn(|context| {
                            Poll::Ready(given_up.as_mut().poll(context))
                        })
                        .await;
                        if let Poll::Ready(value) = polled {
                            arrival = Some(value);
                        }
                        arrival
                    };
                    let value = match arrival {
                        Some(value) => value,
                        None => receiver.recv().await,
                    };
                    let Some(value) = value else { return Ok(()) };
                    sum.fetch_add(value, Ordering::Relaxed);
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        drop((sender, receiver));

        let stop = crate::Stop::new();
        let joined = tasks.join_all(&stop, crate::StopLevel::Now);
        let ended = crate::Clock::system().timeout(Duration::from_secs(60), joined).await;

        assert!(ended.is_ok_and(|joined| joined.is_ok()), "round {round} hangs or fails");
        assert_eq!(count.load(Ordering::Relaxed), ITEMS);
        assert_eq!(sum.load(Ordering::Relaxed), ITEMS * (ITEMS - 1) / 2);
    }
}

#[test]
fn threads_and_tasks_share_one_edge() {
    let (sender, receiver) = channel(slots(2));
    let own = receiver.clone();
    let blocking = std::thread::spawn(move || {
        let mut count = 0;
        while own.recv_blocking().is_some() {
            count += 1;
        }
        count
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();

    let taken = runtime.block_on(async move {
        let send = async move {
            for number in 0..1000 {
                sender.send(number).await.unwrap();
            }
        };
        let take = async {
            let mut count = 0;
            while receiver.recv().await.is_some() {
                count += 1;
            }
            count
        };
        tokio::join!(send, take).1
    });

    assert_eq!(taken + blocking.join().unwrap(), 1000);
}

/// The receiver leaves on one thread while an item is put in on another.
#[test]
fn an_item_that_races_with_the_last_receiver_does_not_stay_behind() {
    for _ in 0..500 {
        let (sender, receiver) = channel(slots(1));
        let value = Arc::new(());
        let own = Arc::clone(&value);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let start = Arc::new(std::sync::Barrier::new(2));
        let started = Arc::clone(&start);
        let leaving = std::thread::spawn(move || {
            started.wait();
            drop(receiver);
        });

        runtime.block_on(async {
            let slot = sender.reserve().await.unwrap();
            start.wait();
            drop(slot.send(own));
        });
        leaving.join().unwrap();

        assert_eq!(Arc::strong_count(&value), 1);
    }
}
