//! The log as the source sends it to a replica.

use std::time::Duration;

use mysql_common::{
    packets::{ComBinlogDumpGtid, ComRegisterSlave, GnoInterval, Sid, Tag},
    proto::MySerialize,
};
use tokio::time::{Instant, timeout_at};
use whimbrel_model::GtidSet;

use super::{LogError, Transport, transport::EVENT_BYTES_MAX};
use crate::{
    ConnectOptions, Error, Role,
    connection::{self, Connection, Failure, Packets, Refusal},
};

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

/// The largest packet that is taken, in bytes: an event, and what it begins with.
const PACKET_BYTES_MAX: usize = 1 + EVENT_BYTES_MAX as usize;

/// Where the first event of a file begins: the source takes no other place beside a GTID set.
const FILE_BEGIN: u64 = 4;

/// The server's error for all that ends a dump. Source: MySQL,
/// `ER_SOURCE_FATAL_ERROR_READING_BINLOG`.
const FATAL: u16 = 1236;

/// A replica's connection to a source.
pub struct StreamTransport {
    packets: Packets,
    /// When the newest bytes came.
    heard: Instant,
    /// How long the next may take.
    silence_max: Duration,
}

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
        let mut connection = Connection::open(options, Role::SourceTail).await.map_err(connect)?;
        // That the reader knows checksums: events come with those that they were written with.
        let set = format!(
            "SET @source_heartbeat_period = {}, @source_binlog_checksum = 'CRC32', \
             SESSION net_write_timeout = {}",
            HEARTBEAT.as_nanos(),
            UNREAD_MAX.as_secs()
        );
        connection.execute("SET", &set).await.map_err(connect)?;
        let register = serialized(&ComRegisterSlave::new(server_id));
        let registered = connection.command("registering as a replica", &register).await;
        registered.map_err(connect)?.map_err(refusal)?;
        let dump = ComBinlogDumpGtid::new(server_id).with_pos(FILE_BEGIN).with_sids(sids(from)?);
        let packets = connection.stream(&serialized(&dump)).await.map_err(refusal)?;
        Ok(Self { packets, heard: Instant::now(), silence_max: FIRST_WAIT_MAX })
    }

    /// Waits for more bytes, as long as they may take.
    async fn hear(&mut self) -> Result<(), LogError> {
        let deadline = (self.heard + self.silence_max).max(Instant::now() + LATE_WAIT);
        let Ok(come) = timeout_at(deadline, self.packets.wait()).await else {
            let silence = self.heard.elapsed().as_millis();
            let silence_ms = u64::try_from(silence).unwrap_or(u64::MAX);
            return Err(LogError::Silent { silence_ms });
        };
        self.heard = Instant::now();
        come.map_err(lost)
    }
}

impl Transport for StreamTransport {
    async fn next(&mut self, event: &mut Vec<u8>) -> Result<(), LogError> {
        // What has come costs no look at the clock.
        while !self.packets.advance(PACKET_BYTES_MAX).map_err(lost)? {
            self.hear().await?;
        }
        self.silence_max = SILENCE_MAX;
        let packet = self.packets.packet();
        if packet.first() == Some(&connection::OK) {
            packet.drain(..1);
            std::mem::swap(packet, event);
            return Ok(());
        }
        Err(ended(packet))
    }
}

/// What a packet means that is no event.
fn ended(packet: &[u8]) -> LogError {
    if connection::is_end(packet) {
        return LogError::Ended;
    }
    match Refusal::read(packet) {
        Ok(refused) if packet.first() == Some(&connection::ERROR) => {
            refusal(Failure::Refused(refused))
        }
        _ => lost(connection::invalid("a packet is none of a log")),
    }
}

fn serialized(command: &impl MySerialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    command.serialize(&mut bytes);
    bytes
}

fn lost(error: std::io::Error) -> LogError {
    LogError::Lost { source: Box::new(error) }
}

/// A GTID set in the protocol's terms: intervals there end before their end.
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

/// What the source says in place of an event, or of what it was asked for.
fn refusal(failure: Failure) -> LogError {
    let (code, message) = match failure {
        Failure::Broken(error) => return lost(error),
        Failure::Refused(Refusal { code, message, .. }) => (code, message),
    };
    if code == FATAL && is_purged(&message) {
        LogError::Purged { message }
    } else {
        LogError::Refused { code, message }
    }
}

fn is_purged(message: &str) -> bool {
    message.contains("purged") || message.contains("Could not find first log file")
}
