//! The log as the source sends it to a replica.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures_util::{FutureExt, StreamExt};
use mysql_async::{BinlogStream, BinlogStreamRequest, GnoInterval, Sid, binlog::events::Event};
use mysql_common::{packets::Tag, proto::MySerialize};
use tokio::time::{Instant, timeout_at};
use whimbrel_model::GtidSet;

use super::{LogError, Transport};
use crate::{ConnectOptions, Error, Role, Session};

/// How often the source says that it has nothing to send: the longest that the end of the log is
/// behind on an idle source.
const HEARTBEAT: Duration = Duration::from_millis(250);

/// The longest silence of a connection that lives: twenty heartbeats, as a source that is short of
/// processors or waits for its disk leaves some out.
const SILENCE_MAX: Duration = Duration::from_secs(5);

/// The longest wait for the first event: the source looks through its files for the first that has
/// a transaction which the reader lacks, and sends nothing until then.
const FIRST_WAIT_MAX: Duration = Duration::from_secs(120);

/// What a caller that comes back after a longer time than [`SILENCE_MAX`] waits at least: events
/// that came meanwhile are there at once.
const LATE_WAIT: Duration = Duration::from_millis(20);

/// How long the source may be kept waiting while the target takes what was read before it ends the
/// connection; its default is a minute.
const UNREAD_MAX: Duration = Duration::from_secs(3_600);

/// The server's error for all that ends a dump. Source: MySQL,
/// `ER_SOURCE_FATAL_ERROR_READING_BINLOG`.
const FATAL: u16 = 1236;

/// A replica's connection to a source.
pub struct StreamTransport {
    stream: BinlogStream,
    /// When the newest event came.
    heard: Instant,
    /// How long the next may take.
    silence_max: Duration,
    /// What came behind a compressed transaction.
    held: Option<Received>,
}

/// What the driver gives for an event; `None` at the end.
type Received = Option<Result<Event, mysql_async::Error>>;

impl std::fmt::Debug for StreamTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamTransport").field("heard", &self.heard).finish_non_exhaustive()
    }
}

impl StreamTransport {
    /// Asks a source for all transactions that are not in `from`. `server_id` is the number that the
    /// source knows the reader by.
    ///
    /// That the source has what is asked for shows with the first event.
    ///
    /// # Errors
    ///
    /// [`LogError::Connect`] when there is no session, [`LogError::Lost`] when it breaks.
    pub(crate) async fn open(
        options: &ConnectOptions,
        from: &GtidSet,
        server_id: u32,
    ) -> Result<Self, LogError> {
        let connect = |source: Error| LogError::Connect { source: Box::new(source) };
        let mut session = Session::connect(options, Role::SourceTail).await.map_err(connect)?;
        let set = format!(
            "SET @source_heartbeat_period = {}, SESSION net_write_timeout = {}",
            HEARTBEAT.as_nanos(),
            UNREAD_MAX.as_secs()
        );
        session.execute(set.as_bytes()).await.map_err(connect)?;
        let conn = session.into_conn().map_err(connect)?;
        let request = BinlogStreamRequest::new(server_id).with_gtid().with_gtid_set(sids(from)?);
        // The driver's future is large, and opening is rare.
        let opened = Box::pin(conn.get_binlog_stream(request)).await;
        let stream = opened.map_err(refusal)?;
        Ok(Self { stream, heard: Instant::now(), silence_max: FIRST_WAIT_MAX, held: None })
    }
}

impl StreamTransport {
    /// What the driver has next, within the time that it may take.
    async fn receive(&mut self) -> Result<Received, LogError> {
        if let Some(held) = self.held.take() {
            return Ok(held);
        }
        let deadline = (self.heard + self.silence_max).max(Instant::now() + LATE_WAIT);
        // The driver panics on a packet that is shorter than the event in it says.
        let next = AssertUnwindSafe(self.stream.next()).catch_unwind();
        let Ok(next) = timeout_at(deadline, next).await else {
            let silence = self.heard.elapsed().as_millis();
            let silence_ms = u64::try_from(silence).unwrap_or(u64::MAX);
            return Err(LogError::Silent { silence_ms });
        };
        next.map_err(|_| unreadable())
    }

    /// Lets the driver drop the decompressed transaction that it holds as a whole until all its events
    /// were taken: ours are read one by one, and need the memory.
    fn pass_decompressed(&mut self) -> Result<(), LogError> {
        loop {
            let next = AssertUnwindSafe(self.stream.next()).catch_unwind();
            let Some(next) = next.now_or_never() else { return Ok(()) };
            match next.map_err(|_| unreadable())? {
                Some(Ok(event)) if !event.footer().get_checksum_enabled() => {}
                other => {
                    self.held = Some(other);
                    return Ok(());
                }
            }
        }
    }
}

impl Transport for StreamTransport {
    async fn next(&mut self, event: &mut Vec<u8>) -> Result<(), LogError> {
        const TRANSACTION_PAYLOAD: u8 = 40;
        loop {
            let received = self.receive().await?.ok_or(LogError::Ended)?.map_err(refusal)?;
            self.heard = Instant::now();
            self.silence_max = SILENCE_MAX;
            // The driver decompresses transactions by itself, and sends on what it can read of them
            // after the event that holds them. They have no checksums, unlike all others.
            if !received.footer().get_checksum_enabled() {
                continue;
            }
            write_raw(&received, event)?;
            if received.header().event_type_raw() == TRANSACTION_PAYLOAD {
                drop(received);
                self.pass_decompressed()?;
            }
            return Ok(());
        }
    }
}

fn unreadable() -> LogError {
    LogError::Lost { source: "the driver could not read a packet".into() }
}

/// Puts the event together again as it was in the packet.
fn write_raw(received: &Event, event: &mut Vec<u8>) -> Result<(), LogError> {
    const FORMAT_DESCRIPTION: u8 = 15;
    event.clear();
    let header = received.header();
    header.serialize(event);
    event.extend_from_slice(received.data());
    if header.event_type_raw() == FORMAT_DESCRIPTION {
        let algorithm = received.footer().get_checksum_alg();
        let algorithm = algorithm.map_err(|error| LogError::Lost { source: Box::new(error) })?;
        event.extend(algorithm.map(|algorithm| algorithm as u8));
    }
    event.extend(received.checksum().into_iter().flatten());
    Ok(())
}

/// A GTID set in the driver's terms: intervals there end before their end.
fn sids(set: &GtidSet) -> Result<Vec<Sid<'static>>, LogError> {
    let unfit = |source: Box<dyn std::error::Error + Send + Sync>| LogError::Lost { source };
    let mut sids = Vec::new();
    for (source, intervals) in set.intervals() {
        let intervals = intervals.iter().map(|&(first, last)| GnoInterval::new(first, last + 1));
        let mut sid = Sid::new(source.uuid).with_intervals(intervals.collect());
        if !source.tag.is_empty() {
            sid = sid.with_tag(Tag::new(source.tag.clone()).map_err(|error| unfit(error.into()))?);
        }
        sids.push(sid);
    }
    Ok(sids)
}

/// What the source says in place of an event.
fn refusal(error: mysql_async::Error) -> LogError {
    let mysql_async::Error::Server(error) = error else {
        return LogError::Lost { source: Box::new(error) };
    };
    let (code, message) = (error.code, error.message);
    if code == FATAL && is_purged(&message) {
        LogError::Purged { message }
    } else {
        LogError::Refused { code, message }
    }
}

fn is_purged(message: &str) -> bool {
    message.contains("purged") || message.contains("Could not find first log file")
}
