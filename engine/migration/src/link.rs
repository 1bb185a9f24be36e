//! A connection that is made again when it breaks.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use tokio::sync::Mutex;
use whimbrel_flow::{Clock, RetryLimits};
use whimbrel_mysql::{ConnectOptions, Error, Role, Session};

use crate::{error::RunError, store::text, ways::Way};

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

/// A link that several parts of a run use in turn.
pub(crate) type SharedLink = Arc<Mutex<Link>>;

/// One connection to a server, made when it is first needed and again after it broke.
#[derive(Debug)]
pub(crate) struct Link {
    options: ConnectOptions,
    role: Role,
    clock: Clock,
    session: Option<Session>,
    /// The name of the lock that each of its sessions takes, if it is free.
    lock: Option<String>,
    /// The number of its newest session that was dropped.
    former: Option<u32>,
    /// How a shard's server is reached past vtgate, and what its doubts were counted to be when the session
    /// was proven.
    way: Option<(Arc<Way>, u64)>,
}

/// How long the server may take to end a session of this link that lived on there.
const FORMER_END_SECONDS: u32 = 10;

impl Link {
    /// A link that is not connected yet.
    pub(crate) fn new(options: ConnectOptions, role: Role, clock: Clock) -> Self {
        Self { options, role, clock, session: None, lock: None, former: None, way: None }
    }

    /// A link to a shard's own server, past vtgate.
    pub(crate) fn straight(way: Arc<Way>, clock: Clock) -> Self {
        let options = way.server().clone();
        Self { way: Some((way, 0)), ..Self::new(options, Role::Target, clock) }
    }

    /// The link, to be used by several in turn.
    pub(crate) fn shared(self) -> SharedLink {
        Arc::new(Mutex::new(self))
    }

    /// The link, whose sessions each take the server's lock `name`, if it is free: by that others find
    /// them, and the link its own former session.
    pub(crate) fn locking(self, name: String) -> Self {
        Self { lock: Some(name), ..self }
    }

    /// Whether its sessions are with vtgate instead of a server.
    pub(crate) fn is_through_vtgate(&self) -> bool {
        self.options.is_vtgate()
    }

    /// The session, connected.
    ///
    /// # Errors
    ///
    /// What connecting gave.
    pub(crate) async fn session(&mut self) -> Result<&mut Session, Error> {
        if self.way.as_ref().is_some_and(|(way, proven)| way.doubts() != *proven) {
            self.drop_session();
        }
        let session = match self.session.take() {
            Some(session) => session,
            None => {
                let mut session = self.connect().await?;
                if let Some(name) = &self.lock {
                    take_lock(&mut session, name, self.former).await?;
                }
                session
            }
        };
        Ok(self.session.insert(session))
    }

    async fn connect(&mut self) -> Result<Session, Error> {
        let Some((way, proven)) = &mut self.way else {
            return Session::connect(&self.options, self.role).await;
        };
        let (session, doubts) = way.session().await?;
        *proven = doubts;
        Ok(session)
    }

    /// `error`, as it is to be understood of the server that the link leads to.
    pub(crate) fn understood(&self, error: RunError) -> RunError {
        match (&self.way, error) {
            (Some((way, _)), RunError::Server(error)) => way.understood(*error).into(),
            (Some(_) | None, error) => error,
        }
    }

    /// Drops the session: after any error its transaction may be open or gone.
    pub(crate) fn drop_session(&mut self) {
        if let Some(session) = self.session.take() {
            self.former = Some(session.connection_id());
        }
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
            Err(error) => self.understood(error),
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

/// Takes the lock if it is free, or if a former session of the same link has it: a connection that
/// broke here may live on at the server, and keep its transaction's locks for as long.
async fn take_lock(session: &mut Session, name: &str, former: Option<u32>) -> Result<(), Error> {
    let name = text(name);
    let rows = session.query(&format!("SELECT IS_USED_LOCK({name}) AS holder")).await?;
    let holder = match rows.first() {
        Some(row) => row.optional_number::<u32>("holder")?,
        None => None,
    };
    let mut seconds = 0;
    if let Some(former) = former.filter(|former| Some(*former) == holder) {
        end_session(session, former).await?;
        seconds = FORMER_END_SECONDS;
    }
    session.execute(format!("DO GET_LOCK({name}, {seconds})").as_bytes()).await?;
    Ok(())
}

/// Ends another session of the server; one that has ended meanwhile is no error.
///
/// # Errors
///
/// What the server says.
pub(crate) async fn end_session(session: &mut Session, connection: u32) -> Result<(), Error> {
    const NO_SUCH_THREAD: u16 = 1094;
    match session.execute(format!("KILL {connection}").as_bytes()).await {
        Err(error) if error.code() != Some(NO_SUCH_THREAD) => Err(error),
        Ok(_) | Err(_) => Ok(()),
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
    matches!(error, RunError::Server(cause) if cause.class().may_pass())
}
