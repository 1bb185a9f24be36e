//! Requests of the system to end: Ctrl-C, and what service managers send.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The interrupts that reach this process.
#[derive(Debug)]
pub(super) struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupts {
    /// Takes them over from the system, which would end the process.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for the next one. Safe to cancel.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
