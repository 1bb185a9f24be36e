//! What vtgate and its tablets answer, told apart by their texts.
//!
//! vtgate has a handful of error numbers (1105, 1203, 1317, 1815) for everything of its own. What a
//! shard's server said comes with that server's number and has in its text `(errno 1062) (sqlstate
//! 23000)`. A text ends in the statement and its values, which are never kept.
//!
//! The trap is a transaction that has been ended behind our back: one statement is refused, the next but
//! one or even the next begins another transaction by itself, and `COMMIT` says that all is well. So a
//! session takes no further statement after any error that came by way of a tablet and is not the
//! server's own, whatever its class; refusals of vtgate's planner leave a transaction as it was.
//!
//! Source: Vitess 24.0, `go/mysql/sqlerror/sql_error.go`, `go/vt/vterrors`, and what a running one said.

use super::{Class, Error, message_without_values};

/// Where a text stops being about the error: the caller, the statement and its values follow.
const BEHIND: [&str; 3] = [" (CallerID: ", ": Sql: \"", ", BindVars: {"];

/// What a server says when a tablet has ended the statement and with it the transaction: a query that
/// was killed, one that took too long, and a primary that is about to be none.
const ENDED_BY_TABLET: [u16; 4] = [1290, 1317, 1836, 3024];

/// What a tablet says that has no connection left.
pub(super) const FULL_POOL: [&str; 2] =
    ["pool connection limit exceeded", "pool waiter count exceeded"];

/// What a tablet says that holds transactions back while replicas are behind.
pub(super) const THROTTLED: &str = "Transaction throttled";

/// What vtgate or a tablet says of a statement that is longer than the messages that they send each other. The
/// statement's bytes and the limit's may follow: ` (16882305 vs. 16777216)`.
pub(super) const LARGE_MESSAGE: &str = "message larger than max";

/// Texts that name no values, and what each means. The first that is found counts.
const TEXTS: &[(&str, Class)] = &[
    // The same tomorrow.
    ("disallowed due to rule: enforce denied tables", Class::Other),
    ("Row count exceeded", Class::Other),
    ("row count exceeded", Class::Other),
    (LARGE_MESSAGE, Class::Other),
    ("not allowed for streaming", Class::Other),
    ("charset/name", Class::Other),
    ("syntax error", Class::Other),
    ("is not authorized to perform", Class::Denied),
    ("not authorized to perform vschema operations", Class::Denied),
    // No room: nothing was begun.
    (FULL_POOL[0], Class::TryAgain),
    (FULL_POOL[1], Class::TryAgain),
    (THROTTLED, Class::TryAgain),
    // The transaction has ended, or nobody knows.
    ("exceeded timeout", Class::Lost),
    ("unlocked closed connection", Class::Lost),
    ("in use: for tx killer rollback", Class::Lost),
    ("transaction was aborted", Class::Lost),
    ("transaction rolled back to reverse changes of partial DML execution", Class::Lost),
    ("previous transaction failed", Class::Lost),
    ("no healthy tablet available", Class::Lost),
    ("primary is not serving, there may be a reparent operation in progress", Class::Lost),
    ("current keyspace is being resharded", Class::Lost),
    ("operation not allowed in state NOT_SERVING", Class::Lost),
    ("operation not allowed in state SHUTTING_DOWN", Class::Lost),
    ("tx engine can't accept new connections", Class::Lost),
    ("cannot start read write transaction on a read only tablet", Class::Lost),
    ("wrong tablet type", Class::Lost),
    ("invalid tablet type", Class::Lost),
    ("primary buffer is full", Class::Lost),
    ("buffer full: request evicted for newer request", Class::Lost),
    ("context was canceled before failover finished", Class::Lost),
    ("Error while dialing", Class::Lost),
    ("connection refused", Class::Lost),
    // A vtgate that ends in order.
    ("Server shutdown in progress", Class::Lost),
    ("broken pipe", Class::Lost),
    ("connection reset by peer", Class::Lost),
    ("transport is closing", Class::Lost),
    ("context canceled", Class::Lost),
    ("context deadline exceeded", Class::Lost),
    ("code = Unavailable", Class::Lost),
    ("code = Aborted", Class::Lost),
    ("code = Canceled", Class::Lost),
    ("code = DeadlineExceeded", Class::Lost),
];

/// How a statement begins that changes a vschema.
const OF_VSCHEMA: &str = "ALTER VSCHEMA";

/// What is said of one that adds what the topology has.
///
/// Source: Vitess 24, `go/vt/topotools/vschema_ddl.go`.
pub(super) const IN_TOPOLOGY: [&str; 2] = ["already defined on table", "vschema already contains"];

/// What the answers to one mean that other statements do not get.
const VSCHEMA_TEXTS: &[(&str, Class)] = &[
    ("session's version was stale", Class::TryAgain),
    ("topology server connection is read-only", Class::Denied),
];

/// vtgate's own numbered errors, of which the text behind the number names objects alone.
const NUMBERED: &[(&str, Class)] = &[
    ("VT05003", Class::SchemaGone),
    ("VT05004", Class::SchemaGone),
    ("VT05005", Class::SchemaGone),
    ("VT05006", Class::Other),
    ("VT07001", Class::Denied),
    ("VT09001", Class::Other),
    ("VT09003", Class::Other),
    ("VT09004", Class::Other),
    ("VT09005", Class::Other),
    ("VT12001", Class::Other),
    ("VT14001", Class::Lost),
    ("VT14002", Class::Lost),
    ("VT14003", Class::Lost),
];

/// Those of which it may hold values.
const NUMBERED_WITH_VALUES: &[(&str, Class)] = &[
    ("VT15001", Class::Lost),
    // A row without a place: its sharding column is `NULL` or nothing that the vindex takes.
    ("VT09023", Class::Refused),
    ("VT09024", Class::Refused),
    ("VT03027", Class::Refused),
    ("VT03028", Class::Refused),
];

/// The error of a session through vtgate that answered with `code`, a SQLSTATE and `text`.
pub(super) fn error(doing: &str, code: u16, sqlstate: &str, text: &str) -> Error {
    let doing = doing.to_owned();
    let said = without_statement(text);
    if let Some(message) = said_by_server(code, said)
        && !ENDED_BY_TABLET.contains(&code)
    {
        let message = message_without_values(code, message);
        return Error::Server { code, sqlstate: sqlstate.to_owned(), message, doing };
    }
    let (message, class) = if doing == OF_VSCHEMA { of_vschema(said) } else { reading(code, said) };
    // Whatever is wrong with a `COMMIT`: what became of the transaction has to be looked up.
    let class = if doing.eq_ignore_ascii_case("COMMIT") { Class::Lost } else { class };
    let is_of_tablet = ["vttablet", "rpc error", "target: "].iter().any(|mark| said.contains(mark));
    Error::Gate { class, code, shard: shard(said), is_of_tablet, message, doing }
}

/// What an answer to a change of the vschema means, which is about names and never about rows.
fn of_vschema(said: &str) -> (String, Class) {
    let class = VSCHEMA_TEXTS.iter().find(|(text, _)| said.contains(text));
    (said.to_owned(), class.map_or_else(|| reading(0, said).1, |&(_, class)| class))
}

fn without_statement(text: &str) -> &str {
    let end = BEHIND.iter().filter_map(|mark| text.find(mark)).min();
    text.get(..end.unwrap_or(text.len())).unwrap_or_default()
}

/// What a shard's server said, as it said it.
fn said_by_server(code: u16, said: &str) -> Option<&str> {
    let (before, _) = said.rsplit_once(&format!(" (errno {code}) (sqlstate "))?;
    Some(before.split_once(" desc = ").map_or(before, |(_, message)| message))
}

/// `commerce/-80` of `target: commerce.-80.primary: …`.
fn shard(said: &str) -> Option<String> {
    let (target, _) = said.split_once("target: ")?.1.split_once(": ")?;
    let (shard, _tablet_type) = target.rsplit_once('.')?;
    Some(shard.replacen('.', "/", 1))
}

/// What may be shown of it, and what it means.
fn reading(code: u16, said: &str) -> (String, Class) {
    if ENDED_BY_TABLET.contains(&code) && said_by_server(code, said).is_some() {
        return (format!("the tablet ended the statement (server error {code})"), Class::Lost);
    }
    for &(number, class) in NUMBERED {
        if let Some(start) = said.find(number) {
            return (said.get(start..).unwrap_or_default().to_owned(), class);
        }
    }
    let known = NUMBERED_WITH_VALUES.iter().chain(TEXTS).find(|(text, _)| said.contains(text));
    known.map_or_else(
        || ("message withheld, it may hold values".to_owned(), Class::Other),
        |&(text, class)| match text {
            LARGE_MESSAGE => (format!("{text}{}", sizes(said)), class),
            _ => (text.to_owned(), class),
        },
    )
}

/// The bytes of a message that is too large and those of the limit, where `said` has them and nothing else
/// there: ` (16882305 vs. 16777216)`, else nothing.
fn sizes(said: &str) -> String {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    let numbers = || {
        let (_, behind) = said.split_once(LARGE_MESSAGE)?;
        let (size, behind) = behind.strip_prefix(" (")?.split_once(" vs. ")?;
        let (limit, _) = behind.split_once(')')?;
        (is_number(size) && is_number(limit)).then(|| format!(" ({size} vs. {limit})"))
    };
    numbers().unwrap_or_default()
}

#[cfg(test)]
mod tests;
