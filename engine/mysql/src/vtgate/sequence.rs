//! Sequences: tables of unsharded keyspaces that vtgate draws the numbers of new rows from.

use crate::{
    ddl::quoted,
    error::Error,
    session::{Session, unexpected},
};

use super::{plan::Plan, vschema::unsharded_keyspaces};

/// The most numbers that are drawn at once to pass by what a tablet keeps: far more than any cache in
/// use, and few enough to be nothing among all that there are.
const DRAWN_MAX: u64 = 1 << 32;

/// The highest number that a sequence is set to: its table keeps a `BIGINT`, which a tablet that draws
/// numbers lets wrap below zero, without a word. So much stays free as is drawn to pass by what tablets keep.
const SET_MAX: u64 = i64::MAX.unsigned_abs() - (DRAWN_MAX << 2);

/// The unsharded keyspaces of this vtgate that have a sequence of that name.
///
/// # Errors
///
/// Those of [`Session::query`].
pub async fn sequence_keyspaces(session: &mut Session, table: &str) -> Result<Vec<String>, Error> {
    let mut found = Vec::new();
    for keyspace in unsharded_keyspaces(session).await? {
        if is_sequence(session, (&keyspace, table)).await? {
            found.push(keyspace);
        }
    }
    Ok(found)
}

/// Whether a table is a sequence, by its keyspace and name. vtgate draws no numbers from one that it does
/// not know.
///
/// # Errors
///
/// Those of [`Session::query`].
pub async fn is_sequence(session: &mut Session, sequence: (&str, &str)) -> Result<bool, Error> {
    let plan = Plan::of(session, &format!("SELECT 1 FROM {}", name(sequence))).await?;
    Ok(plan.is_some_and(|plan| plan.variant() == "Next"))
}

/// How many numbers of a sequence a tablet keeps at a time, by its keyspace and name; `None` without the
/// row that its numbers come from.
///
/// # Errors
///
/// [`Error::Server`] when there is no such table; those of [`Session::query`].
pub async fn sequence_cache(
    session: &mut Session,
    sequence: (&str, &str),
) -> Result<Option<u64>, Error> {
    let sql = format!("SELECT cache FROM {} WHERE id = 0", name(sequence));
    let rows = session.query_for(format!("reading the sequence {}", name(sequence)), &sql).await?;
    rows.first().map(|row| row.number("cache")).transpose()
}

/// Lets the sequence go on with `at_least` or more from now on; a number that is at most its next one.
/// Nothing is lowered, and numbers are drawn that nobody gets: one, and as many as a tablet keeps where
/// the sequence was behind.
///
/// A new number in the table alone would be used when what the tablet keeps is used up. Safe to run again.
///
/// `None` for a number that is so high that drawing could wrap: the sequence is left as it is.
///
/// # Errors
///
/// [`Error::Unexpected`] for a sequence without its row, or whose numbers do not come near `at_least`;
/// those of [`Session::query`].
///
/// Source: Vitess, `go/vt/vttablet/tabletserver/query_executor.go`, `execNextval`.
pub async fn advance_sequence(
    session: &mut Session,
    sequence: (&str, &str),
    at_least: u64,
) -> Result<Option<u64>, Error> {
    if at_least > SET_MAX {
        return Ok(None);
    }
    let first = draw(session, sequence, 1).await?;
    if first >= at_least {
        return Ok(Some(first.saturating_add(1)));
    }
    let update = format!(
        "UPDATE {} SET next_id = GREATEST(next_id, {at_least}) WHERE id = 0",
        name(sequence)
    );
    session.execute(update.as_bytes()).await?;
    let doing = || format!("setting the sequence {}", name(sequence));
    let Some(cache) = sequence_cache(session, sequence).await? else {
        return Err(unexpected(doing(), "it has no row with the id 0".to_owned()));
    };
    if cache > DRAWN_MAX {
        return Err(unexpected(doing(), format!("its cache is more than {DRAWN_MAX}")));
    }
    let mut count = cache.saturating_add(1);
    // A tablet keeps more than `cache` where that was larger before: then the second draw passes it by.
    for _ in 0..2 {
        let count_now = count.min(DRAWN_MAX);
        let first = draw(session, sequence, count_now).await?;
        let next = first.saturating_add(count_now);
        if next >= at_least {
            return Ok(Some(next));
        }
        count = at_least - first;
    }
    Err(unexpected(doing(), format!("its numbers stay below {at_least}")))
}

/// The first of `count` numbers that are drawn.
async fn draw(session: &mut Session, sequence: (&str, &str), count: u64) -> Result<u64, Error> {
    let sql = format!("SELECT NEXT {count} VALUES FROM {}", name(sequence));
    let doing = format!("drawing from the sequence {}", name(sequence));
    let rows = session.query_for(doing.clone(), &sql).await?;
    match rows.first() {
        Some(row) => row.number("nextval"),
        None => Err(unexpected(doing, "no number".to_owned())),
    }
}

fn name((keyspace, table): (&str, &str)) -> String {
    format!("{}.{}", quoted(keyspace), quoted(table))
}
