//! Every order in which a few senders and receivers can be polled, cancelled and dropped.
//!
//! A task is polled only after it was woken, as a runtime does it. An order in which nobody is
//! woken any more while somebody still waits is a lost wake-up. What happens inside one poll on
//! several threads at once is the business of the stress test.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use super::*;

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

type Steps = Pin<Box<dyn Future<Output = usize>>>;

/// One task: how many items it sent or took when it ended.
struct Task {
    steps: Option<Steps>,
    woken: Arc<Flag>,
    may_be_cancelled: bool,
    ended_with: usize,
}

impl Task {
    fn new(steps: Steps, may_be_cancelled: bool) -> Self {
        let woken = Arc::new(Flag(AtomicBool::new(true)));
        Self { steps: Some(steps), woken, may_be_cancelled, ended_with: 0 }
    }

    fn poll(&mut self) {
        let waker = Waker::from(Arc::clone(&self.woken));
        self.woken.0.store(false, Ordering::SeqCst);
        if let Some(steps) = &mut self.steps
            && let Poll::Ready(count) = steps.as_mut().poll(&mut Context::from_waker(&waker))
        {
            self.ended_with = count;
            self.steps = None;
        }
    }

    fn is_runnable(&self) -> bool {
        self.steps.is_some() && self.woken.0.load(Ordering::SeqCst)
    }
}

/// Walks the tree of choices, depth first: each run replays a prefix and then takes first choices.
#[derive(Default)]
struct Choices {
    taken: Vec<(usize, usize)>,
    next: usize,
}

impl Choices {
    fn choose(&mut self, count: usize) -> usize {
        if self.next == self.taken.len() {
            self.taken.push((0, count));
        }
        let (choice, expected) = self.taken[self.next];
        assert_eq!(expected, count, "a replayed order meets the same choices");
        self.next += 1;
        choice
    }

    /// Moves to the next order; `false` when there is none.
    fn advance(&mut self) -> bool {
        self.next = 0;
        while let Some((choice, count)) = self.taken.pop() {
            if choice + 1 < count {
                self.taken.push((choice + 1, count));
                return true;
            }
        }
        false
    }
}

fn sender(sender: Sender<usize>, items: usize) -> Steps {
    Box::pin(async move {
        for item in 0..items {
            if sender.send(item).await.is_err() {
                return item;
            }
        }
        items
    })
}

/// Takes at most `items`, then leaves.
fn receiver(receiver: Receiver<usize>, items: usize) -> Steps {
    Box::pin(async move {
        for item in 0..items {
            if receiver.recv().await.is_none() {
                return item;
            }
        }
        items
    })
}

/// Runs `world` in every order; each order must end with every task ended or cancelled.
#[track_caller]
fn check(world: impl Fn() -> Vec<Task>, verdict: impl Fn(&[Task])) -> usize {
    let mut choices = Choices::default();
    let mut order_count = 0;
    loop {
        let mut tasks = world();
        loop {
            let runnable: Vec<usize> =
                (0..tasks.len()).filter(|&index| tasks[index].is_runnable()).collect();
            let cancellable: Vec<usize> = (0..tasks.len())
                .filter(|&index| tasks[index].may_be_cancelled && tasks[index].steps.is_some())
                .collect();
            if runnable.is_empty() {
                let asleep = tasks.iter().filter(|task| task.steps.is_some()).count();
                assert_eq!(asleep, 0, "a lost wake-up in order {:?}", choices.taken);
                break;
            }
            let choice = choices.choose(runnable.len() + cancellable.len());
            match runnable.get(choice) {
                Some(&index) => tasks[index].poll(),
                None => tasks[cancellable[choice - runnable.len()]].steps = None,
            }
        }
        verdict(&tasks);
        order_count += 1;
        if !choices.advance() {
            return order_count;
        }
    }
}

#[test]
fn every_order_of_two_senders_and_two_receivers_delivers_all() {
    let world = || {
        let (tx, rx) = channel(NonZeroUsize::MIN);
        vec![
            Task::new(sender(tx.clone(), 2), false),
            Task::new(sender(tx, 1), false),
            Task::new(receiver(rx.clone(), 9), false),
            Task::new(receiver(rx, 9), false),
        ]
    };

    let orders = check(world, |tasks| {
        assert_eq!(tasks[2].ended_with + tasks[3].ended_with, 3);
    });

    assert!(orders > 100, "{orders}");
}

#[test]
fn every_order_with_a_cancelled_receiver_wakes_the_other() {
    for slots in 1..=2 {
        let world = || {
            let (tx, rx) = channel(NonZeroUsize::new(slots).unwrap());
            vec![
                Task::new(sender(tx, 3), false),
                Task::new(receiver(rx.clone(), 1), true),
                Task::new(receiver(rx, 9), false),
            ]
        };

        check(world, |tasks| {
            assert_eq!(tasks[0].ended_with, 3);
            assert!((2..=3).contains(&tasks[2].ended_with));
        });
    }
}

#[test]
fn every_order_with_a_cancelled_sender_lets_the_other_in() {
    let world = || {
        let (tx, rx) = channel(NonZeroUsize::MIN);
        vec![
            Task::new(sender(tx.clone(), 2), true),
            Task::new(sender(tx, 2), false),
            Task::new(receiver(rx, 9), false),
        ]
    };

    check(world, |tasks| {
        assert_eq!(tasks[1].ended_with, 2);
        assert!((2..=4).contains(&tasks[2].ended_with));
    });
}

#[test]
fn every_order_in_which_receivers_leave_frees_the_senders() {
    let world = || {
        let (tx, rx) = channel(NonZeroUsize::MIN);
        vec![
            Task::new(sender(tx.clone(), 2), false),
            Task::new(sender(tx, 2), false),
            Task::new(receiver(rx.clone(), 1), false),
            Task::new(receiver(rx, 1), true),
        ]
    };

    check(world, |_| {});
}
