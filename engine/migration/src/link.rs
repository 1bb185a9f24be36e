//! A connection that is made again when it breaks.

use std::{num::NonZeroU32, time::Duration};

use whimbrel_flow::{Clock, RetryLimits};
use whimbrel_mysql::{Class, ConnectOptions, Error, Role, Session};

use crate::error::RunError;

/// How often a statement, or a lane's whole transaction, is tried again after lost connections,
/// deadlocks and lock waits before the run gives up.
///
/// With delays of up to five seconds these are ten minutes: longer than a restart of a large server,
/// short enough that a person is told on the same morning.
pub(crate) const RETRIES: RetryLimits = RetryLimits {
    first_delay: Duration::from_millis(50),
    delay_max: Duration::from_secs(5),
    attempts_max: NonZeroU32::new(120).unwrap(),
};

/// One connection to a server, made when it is first needed and again after it broke.
#[derive(Debug)]
pub(crate) struct Link {
    options: ConnectOptions,
    role: Role,
    clock: Clock,
    session: Option<Session>,
    greeting: Option<String>,
}

impl Link {
    /// A link that is not connected yet.
    pub(crate) fn new(options: ConnectOptions, role: Role, clock: Clock) -> Self {
        Self { options, role, clock, session: None, greeting: None }
    }

    /// The link, which begins each of its sessions with `statement`.
    pub(crate) fn greeting(self, statement: String) -> Self {
        Self { greeting: Some(statement), ..self }
    }

    /// The session, connected.
    ///
    /// # Errors
    ///
    /// What connecting gave.
    pub(crate) async fn session(&mut self) -> Result<&mut Session, Error> {
        let session = match self.session.take() {
            Some(session) => session,
            None => {
                let mut session = Session::connect(&self.options, self.role).await?;
                if let Some(statement) = &self.greeting {
                    session.execute(statement.as_bytes()).await?;
                }
                session
            }
        };
        Ok(self.session.insert(session))
    }

    /// Drops the session: after any error its transaction may be open or gone.
    pub(crate) fn drop_session(&mut self) {
        self.session = None;
    }

    /// Ends the session in order.
    pub(crate) async fn close(&mut self) {
        if let Some(session) = self.session.take() {
            session.close().await;
        }
    }

    /// What a try on the session came to; `None` when it is to be tried again, on a new session,
    /// after a pause.
    pub(crate) async fn ended<T>(
        &mut self,
        result: Result<T, RunError>,
        failure_count: &mut u32,
    ) -> Option<Result<T, RunError>> {
        let error = match result {
            Ok(value) => return Some(Ok(value)),
            Err(error) => error,
        };
        self.drop_session();
        *failure_count += 1;
        match RETRIES.delay(*failure_count) {
            Some(delay) if is_passing(&error) => self.clock.sleep(delay).await,
            _ => return Some(Err(error)),
        }
        None
    }
}

/// `on_link!(link, session => work(session))`: what `work` gives on the link's session, tried again
/// on a new one after a lost connection or a deadlock. `work` must be safe to run again, and give a
/// `Result<_, RunError>`.
///
/// A macro, since a function that takes asynchronous work cannot promise that its future may move
/// between threads.
macro_rules! on_link {
    ($link:expr, $session:ident => $work:expr) => {{
        let mut failure_count = 0;
        loop {
            let result = match $link.session().await {
                Ok($session) => $work.await,
                Err(error) => Err($crate::error::RunError::from(error)),
            };
            if let Some(ended) = $link.ended(result, &mut failure_count).await {
                break ended;
            }
        }
    }};
}
pub(crate) use on_link;

/// Whether the error may be gone the next time.
pub(crate) fn is_passing(error: &RunError) -> bool {
    matches!(error, RunError::Server(cause)
        if matches!(cause.class(), Class::Lost | Class::TryAgain))
}
