//! One transaction that the source had executed when a plan began, and by which its log is known.

use std::sync::Arc;

use whimbrel_model::{Gtid, GtidError, GtidSet, Newest, SourceId};
use whimbrel_mysql::{ConnectOptions, LogError, LogItem, LogReader, LogSettings, Session, source};

use crate::error::RunError;

/// Bytes of a transaction's changes that are held: none are looked at.
const PART_BYTES_MAX: usize = 1 << 16;

/// The last transaction of `executed` that the source numbered itself, else the last that another
/// server did, as its log has it; `None` where it has none.
///
/// It stands for the lanes' newest until they have applied one: a source that was reset gives its
/// identifier to another transaction, and until then nothing else would tell.
///
/// # Errors
///
/// What the source says; [`RunError::Log`] when its log cannot be read.
pub(crate) async fn of(
    executed: &GtidSet,
    (session, options): (&mut Session, &ConnectOptions),
    server_id: u32,
) -> Result<Option<Newest>, RunError> {
    let held = executed.difference(&source::purged(session).await?);
    let Some(gtid) = last(&held, &source::server_uuid(session).await?)? else { return Ok(None) };
    let end = source::log_end(session).await?;
    let mut asked = GtidSet::default();
    asked.insert(&gtid);
    let from = executed.difference(&asked);
    let settings = LogSettings { server_id, part_bytes_max: PART_BYTES_MAX };
    let reader = LogReader::open(options, Arc::from([]), &from, settings).await?;
    let mut reader = reader.reading_again(asked);
    loop {
        let upto = match reader.next().await {
            Ok(LogItem::Part { part, .. }) if part.transaction.gtid == gtid => {
                return Ok(Some(part.transaction));
            }
            Ok(
                LogItem::Part { upto, .. }
                | LogItem::Heartbeat { upto }
                | LogItem::Ddl { upto, .. },
            ) => upto,
            // Since it was asked what it has.
            Err(LogError::Purged { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if upto >= end {
            return Ok(None);
        }
    }
}

/// The transaction of `held` to know the log of the server `uuid` by.
fn last(held: &GtidSet, uuid: &str) -> Result<Option<Gtid>, GtidError> {
    let own = format!("{uuid}:1").parse::<Gtid>()?.source.uuid;
    let of = |(source, intervals): (&SourceId, &[(u64, u64)])| {
        intervals.last().map(|&(_, number)| Gtid { source: source.clone(), number })
    };
    let mine = held.intervals().find(|(source, _)| source.uuid == own);
    Ok(mine.or_else(|| held.intervals().next()).and_then(of))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_known_by_its_own_servers_last_transaction_if_it_has_one() {
        const A: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
        const B: &str = "4e11fa47-71ca-11e1-9e33-c80aa9429562";
        for (held, uuid, expected) in [
            (format!("{A}:1-5:7,{B}:1-9"), A, Some(format!("{A}:7"))),
            (format!("{A}:1-5:7,{B}:1-9"), B, Some(format!("{B}:9"))),
            (format!("{A}:1-5"), B, Some(format!("{A}:5"))),
            (String::new(), B, None),
        ] {
            let found = last(&held.parse().unwrap(), uuid).unwrap();

            assert_eq!(found.map(|gtid| gtid.to_string()), expected, "{held}");
        }
    }
}
