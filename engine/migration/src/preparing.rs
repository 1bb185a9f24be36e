//! A preparation that begins again when a server goes away in its midst.
//!
//! All of it may be done twice, as after a run that was killed.

use std::sync::{Arc, Mutex, PoisonError};

use whimbrel_flow::Clock;
use whimbrel_mysql::Class;
use whimbrel_plan::Plan;

use crate::{
    advice::is_of_own_table,
    error::RunError,
    link::{Link, RETRIES},
    prepare::{Prepared, prepare_once},
    vschema::Announce,
};

/// How often a plan that begins is tried again when a table of its own is not there: a runner that was
/// taken over may have had a statement under way that drops or makes it.
const OWN_TABLE_TRIES_MAX: u32 = 5;

/// What a preparation waits for, for whoever shows it.
#[derive(Debug, Clone, Default)]
pub struct Preparing(Arc<Mutex<Option<String>>>);

impl Preparing {
    /// Why it begins again, while it does.
    #[must_use]
    pub fn waits_for(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn waits(&self, what: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = what;
    }
}

/// What the tries of one preparation have in common.
#[derive(Debug, Default)]
pub(crate) struct Tries {
    /// The link that has the plan's lock, where there are locks: it knows its own former session.
    pub(crate) lock: Option<Link>,
    at: At,
    was_reached: bool,
    preparing: Preparing,
}

/// How far a try has come.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    /// The servers are not reached yet.
    #[default]
    Reaching,
    /// They are; of the plan nothing is known.
    Reached,
    /// The plan begins: its tables are made.
    Beginning,
}

impl Tries {
    /// Notes how far the try has come.
    pub(crate) fn come_to(&mut self, at: At) {
        self.at = at;
        if at != At::Reaching {
            self.was_reached = true;
            self.preparing.waits(None);
        }
    }

    /// Whether the same may go well the next time. A server that never was reached is told of at once:
    /// its address may be wrong.
    fn may_pass(&self, error: &RunError, failure_count: u32) -> bool {
        let error = error.anywhere();
        if matches!(error, RunError::Preflight { .. } | RunError::Keyspace { .. }) {
            // A vtgate that was just started may know no primary yet.
            return self.was_reached && self.at == At::Reaching;
        }
        if let RunError::Vschema { cause, .. } = error {
            // What was done of it is found in the vschema.
            return cause.class() == Class::Lost;
        }
        let (RunError::Server(cause) | RunError::Definition { cause, .. }) = error else {
            return false;
        };
        if is_of_own_table(cause) {
            return self.at == At::Beginning && failure_count < OWN_TABLE_TRIES_MAX;
        }
        let is_reached = self.was_reached || cause.is_full_pool() || cause.is_throttled();
        cause.class().may_pass() && is_reached
    }
}

/// Reaches both servers, checks them, makes the target's tables ready and claims the plan. When a server
/// goes away in between, it begins again, for as long as a run would wait.
///
/// # Errors
///
/// [`RunError`]: everything that can be found out before the first row.
pub(crate) async fn prepare(
    plan: &Plan,
    takes_over: bool,
    (clock, announce): (&Clock, Announce<'_>),
    preparing: &Preparing,
) -> Result<Prepared, RunError> {
    let mut tries = Tries { preparing: preparing.clone(), ..Tries::default() };
    let mut failure_count = 0;
    loop {
        tries.come_to(At::Reaching);
        let error =
            match prepare_once(plan, takes_over, (clock, announce, preparing), &mut tries).await {
                Ok(prepared) => return Ok(prepared),
                Err(error) => error,
            };
        failure_count += 1;
        let delay = RETRIES.delay(failure_count);
        let Some(delay) = delay.filter(|_| tries.may_pass(&error, failure_count)) else {
            return Err(error);
        };
        preparing.waits(Some(error.while_waiting()));
        if let Some(link) = &mut tries.lock {
            link.drop_session();
        }
        clock.sleep(delay).await;
    }
}

#[cfg(test)]
mod tests;
