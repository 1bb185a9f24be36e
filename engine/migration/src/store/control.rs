//! The rows that the runner as a whole keeps: phase, progress, tables and pieces.

use whimbrel_model::{ChunkId, Key, Table, TableId};
use whimbrel_mysql::{Record, Session, catalog::Definition};

use super::{
    FORMAT, PlanKey, bound,
    lanes::{replace_lanes, state_of},
    placings::{Placings, insert_placings},
    targets::{StoredTarget, append_target, insert_targets},
    text,
};
use crate::{
    error::RunError,
    lane::{LaneState, Mark},
    pieces::{Cut, Marks, Piece},
};

/// The longest text of an error that is kept.
const ERROR_CHARS_MAX: usize = 4_096;

/// What a report says of its runner.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Life<'a> {
    /// More reports come: where none does, it was killed.
    GoesOn,
    /// This is its last: nobody waits for another.
    Ended {
        /// Why, if it failed.
        error: Option<&'a str>,
    },
}

/// How many tables one statement inserts: the widest have definitions of some hundred KiB.
const TABLES_AT_ONCE: usize = 50;

/// How many rows of its own a run asks for at once: vtgate answers with at most 10,000.
const ROWS_AT_ONCE: usize = 10_000;

/// A source table of the plan as it was when the plan was begun.
#[derive(Debug, Clone)]
pub(crate) struct StoredTable {
    /// Its definition: what the log before any change of it is decoded by.
    pub(crate) table: Table,
    /// How many rows it had, as the source guesses.
    pub(crate) row_estimate: u64,
    /// How many bytes it had, as the source guesses.
    pub(crate) byte_estimate: u64,
}

impl From<Definition> for StoredTable {
    fn from(definition: Definition) -> Self {
        Self {
            row_estimate: definition.description.rows_estimate,
            byte_estimate: definition.description.bytes_estimate,
            table: definition.table,
        }
    }
}

/// What a plan begins with.
#[derive(Debug)]
pub(crate) struct Beginning<'a> {
    /// Its source tables, each of which is one piece at first.
    pub(crate) tables: &'a [StoredTable],
    /// Its targets.
    pub(crate) targets: &'a [StoredTarget],
    /// The names of the target's shards, in order; none of a target that is one database.
    pub(crate) shards: &'a [String],
    /// Where the targets' rows are on them.
    pub(crate) placings: &'a Placings,
}

/// The plan's own rows. Every write proves the epoch in its own transaction.
#[derive(Debug, Clone)]
pub(crate) struct Control {
    plan: PlanKey,
    epoch: u64,
}

impl Control {
    /// The rows of `plan`, written as the runner of `epoch`.
    #[must_use]
    pub(crate) fn new(plan: PlanKey, epoch: u64) -> Self {
        Self { plan, epoch }
    }

    /// The plan's rows.
    #[must_use]
    pub(crate) fn plan(&self) -> &PlanKey {
        &self.plan
    }

    /// Begins a plan: its row, which says `about` it its fingerprint and the source's UUID, what it begins
    /// with, and one lane at `state`.
    ///
    /// # Errors
    ///
    /// [`RunError`] when the server refuses.
    pub(crate) async fn begin(
        session: &mut Session,
        plan: &PlanKey,
        about: (&str, &str),
        beginning: &Beginning<'_>,
        state: &LaneState,
    ) -> Result<(), RunError> {
        session.execute(b"BEGIN").await?;
        insert_plan(session, plan, about).await?;
        insert_tables(session, plan, beginning.tables).await?;
        insert_targets(session, plan, beginning.targets).await?;
        insert_shards(session, plan, beginning.shards).await?;
        insert_placings(session, plan, beginning.placings).await?;
        replace_lanes(session, plan, (0, 0), 1, state).await?;
        session.execute(b"COMMIT").await?;
        Ok(())
    }

    /// Begins a plan on a shard that is not the first: its row, for the epoch, and one lane at `state`. The
    /// first shard is last: what a begin that did not come to its end has left here is replaced.
    ///
    /// # Errors
    ///
    /// [`RunError::ForeignState`] when a runner was at work here; otherwise what the server said.
    pub(crate) async fn begin_beside(
        session: &mut Session,
        plan: &PlanKey,
        about: (&str, &str),
        state: &LaneState,
    ) -> Result<(), RunError> {
        session.execute(b"BEGIN").await?;
        let sql = format!("SELECT epoch FROM `_whimbrel_plan` WHERE {} FOR UPDATE", plan.matches());
        if let Some(row) = session.query(&sql).await?.first() {
            if row.number::<u64>("epoch")? > 0 {
                session.execute(b"ROLLBACK").await?;
                return Err(RunError::ForeignState { plan: plan.name().to_owned() });
            }
            let delete = format!("DELETE FROM `_whimbrel_plan` WHERE {}", plan.matches());
            session.execute(delete.as_bytes()).await?;
        }
        insert_plan(session, plan, about).await?;
        replace_lanes(session, plan, (0, 0), 1, state).await?;
        session.execute(b"COMMIT").await?;
        Ok(())
    }

    /// Stores what a plan that has begun says now of rows that fail: its fingerprint, and where it keeps
    /// dead letters from now on, the target that they are. The caller has the plan's lock.
    ///
    /// # Errors
    ///
    /// [`RunError`] when the server refuses.
    pub(crate) async fn relax(
        session: &mut Session,
        plan: &PlanKey,
        fingerprint: &str,
        dead_letters: Option<&StoredTarget>,
    ) -> Result<(), RunError> {
        session.execute(b"BEGIN").await?;
        let update = format!(
            "UPDATE `_whimbrel_plan` SET fingerprint = {} WHERE {}",
            text(fingerprint),
            plan.matches(),
        );
        session.execute(update.as_bytes()).await?;
        if let Some(target) = dead_letters {
            append_target(session, plan, target).await?;
        }
        session.execute(b"COMMIT").await?;
        Ok(())
    }

    /// Opens a transaction that is proven to be this runner's.
    ///
    /// # Errors
    ///
    /// [`RunError::Fenced`] when another runner has taken the plan over.
    pub(crate) async fn open(&self, session: &mut Session) -> Result<(), RunError> {
        session.execute(b"BEGIN").await?;
        let guard = format!(
            "UPDATE `_whimbrel_plan` SET beat = beat + 1 WHERE {} AND epoch = {}",
            self.plan.matches(),
            self.epoch,
        );
        if session.execute(guard.as_bytes()).await?.affected_rows == 1 {
            return Ok(());
        }
        session.execute(b"ROLLBACK").await?;
        Err(RunError::Fenced)
    }

    /// Stores cuts of pieces, all or none; storing them twice is storing them once.
    ///
    /// # Errors
    ///
    /// [`RunError`] when the plan is another runner's or the server refuses.
    pub(crate) async fn store_cuts(
        &self,
        session: &mut Session,
        cuts: &[Cut],
    ) -> Result<(), RunError> {
        self.open(session).await?;
        for cut in cuts {
            insert_piece(session, &self.plan, &cut.lower).await?;
            insert_piece(session, &self.plan, &cut.upper).await?;
            let delete = format!(
                "DELETE FROM `_whimbrel_chunks` WHERE {} AND table_id = {} AND number = {}",
                self.plan.matches(),
                cut.replaced.table.0,
                cut.replaced.number,
            );
            session.execute(delete.as_bytes()).await?;
        }
        session.execute(b"COMMIT").await?;
        Ok(())
    }

    /// Stores the phase, the progress report, and whether the runner goes on.
    ///
    /// # Errors
    ///
    /// [`RunError`] when the plan is another runner's or the server refuses.
    pub(crate) async fn report(
        &self,
        session: &mut Session,
        (phase, progress): (&str, &str),
        life: Life<'_>,
    ) -> Result<(), RunError> {
        self.open(session).await?;
        let told = |error: &str| text(&error.chars().take(ERROR_CHARS_MAX).collect::<String>());
        let (beat, error) = match life {
            Life::GoesOn => ("beat", None),
            Life::Ended { error } => ("0", error.map(told)),
        };
        let update = format!(
            "UPDATE `_whimbrel_plan` SET beat = {beat}, phase = {}, progress = {}, \
             last_error = {}, updated_at = NOW(6) WHERE {}",
            text(phase),
            text(progress),
            error.as_deref().unwrap_or("NULL"),
            self.plan.matches(),
        );
        session.execute(update.as_bytes()).await?;
        session.execute(b"COMMIT").await?;
        Ok(())
    }

    /// Replaces all lanes of a shard, which stand at `state`, by `lane_count` new ones of `generation`.
    ///
    /// `sequences` are the lanes' sequence numbers as this runner believes them to be: proven under
    /// the rows' locks, so that a target that lost commits is noticed here too.
    ///
    /// # Errors
    ///
    /// [`RunError`] when the plan is another runner's, the lanes are not as believed, or the server
    /// refuses.
    pub(crate) async fn change_lanes(
        &self,
        session: &mut Session,
        sequences: &[u64],
        (generation, lane_count): (u64, u32),
        state: &LaneState,
    ) -> Result<(), RunError> {
        self.open(session).await?;
        let sql = format!(
            "SELECT generation, epoch, sequence FROM `_whimbrel_lanes` WHERE {} ORDER BY lane \
             FOR UPDATE",
            self.plan.matches()
        );
        let rows = session.query(&sql).await?;
        let mut stored = Vec::with_capacity(rows.len());
        let mut is_done = !rows.is_empty();
        for row in &rows {
            stored.push((row.number("epoch")?, row.number("sequence")?));
            is_done &= row.number::<u64>("generation")? == generation;
        }
        if is_done {
            // The commit of an earlier try got no answer, and happened.
            session.execute(b"ROLLBACK").await?;
            return Ok(());
        }
        if !stored.iter().copied().eq(sequences.iter().map(|sequence| (self.epoch, *sequence))) {
            session.execute(b"ROLLBACK").await?;
            return Err(RunError::Diverged { lane: 0 });
        }
        replace_lanes(session, &self.plan, (self.epoch, generation), lane_count, state).await?;
        session.execute(b"COMMIT").await?;
        Ok(())
    }

    /// What every lane of a shard has stored, as its row says.
    ///
    /// # Errors
    ///
    /// [`RunError::Fenced`] when a lane is another runner's.
    pub(crate) async fn lanes(&self, session: &mut Session) -> Result<Vec<LaneState>, RunError> {
        let sql = format!(
            "SELECT epoch, sequence, position, parts, newest, newest_micros \
             FROM `_whimbrel_lanes` WHERE {} ORDER BY lane",
            self.plan.matches()
        );
        let mut lanes = Vec::new();
        for row in &session.query(&sql).await? {
            if row.number::<u64>("epoch")? != self.epoch {
                return Err(RunError::Fenced);
            }
            lanes.push(state_of(row)?);
        }
        Ok(lanes)
    }

    /// The source tables of the plan, in the order of their ids.
    ///
    /// # Errors
    ///
    /// [`RunError`] when the server does not answer, or a definition cannot be read.
    pub(crate) async fn tables(
        session: &mut Session,
        plan: &PlanKey,
    ) -> Result<Vec<StoredTable>, RunError> {
        let sql = format!(
            "SELECT definition, row_estimate, byte_estimate \
             FROM `_whimbrel_tables` WHERE {} ORDER BY table_id",
            plan.matches()
        );
        let rows = session.query(&sql).await?;
        rows.iter()
            .map(|row| {
                Ok(StoredTable {
                    table: serde_json::from_str(&row.text("definition")?)?,
                    row_estimate: row.number("row_estimate")?,
                    byte_estimate: row.number("byte_estimate")?,
                })
            })
            .collect()
    }

    /// The marks of a shard's lanes, by piece.
    ///
    /// # Errors
    ///
    /// [`RunError`] when the server does not answer.
    pub(crate) async fn marks(session: &mut Session, plan: &PlanKey) -> Result<Marks, RunError> {
        let columns = ["table_id", "number", "attempt", "lane", "lane_count", "row_count"];
        let mut marks = Marks::new();
        for row in &rows_of(session, plan, "_whimbrel_marks", (&columns, 4)).await? {
            let mark = Mark {
                chunk: chunk_id(row)?,
                attempt: row.number("attempt")?,
                lane_count: small(row, "lane_count")?,
                row_count: row.number("row_count")?,
            };
            marks.entry(mark.chunk).or_default().push(mark);
        }
        Ok(marks)
    }

    /// All pieces, in order.
    ///
    /// # Errors
    ///
    /// [`RunError`] when the server does not answer, or a bound cannot be read.
    pub(crate) async fn pieces(
        session: &mut Session,
        plan: &PlanKey,
    ) -> Result<Vec<Piece>, RunError> {
        let columns = ["table_id", "number", "low", "high"];
        let mut pieces = Vec::new();
        for row in &rows_of(session, plan, "_whimbrel_chunks", (&columns, 2)).await? {
            let id = chunk_id(row)?;
            pieces.push(Piece { id, low: key(row, "low")?, high: key(row, "high")? });
        }
        Ok(pieces)
    }
}

/// A plan's rows of a state table, in the order of its key: after the plan's name the first `key_count` of
/// `columns`, which are numbers.
async fn rows_of(
    session: &mut Session,
    plan: &PlanKey,
    table: &str,
    (columns, key_count): (&[&str], usize),
) -> Result<Vec<Record>, RunError> {
    let (names, key) = (columns.join(", "), columns[..key_count].join(", "));
    let mut rows: Vec<Record> = Vec::new();
    loop {
        let after = match rows.last() {
            None => String::new(),
            Some(last) => {
                let numbers: Result<Vec<String>, _> =
                    columns[..key_count].iter().map(|name| last.text(name)).collect();
                format!("AND ({key}) > ({})", numbers?.join(", "))
            }
        };
        let sql = format!(
            "SELECT {names} FROM `{table}` WHERE {} {after} ORDER BY {key} LIMIT {ROWS_AT_ONCE}",
            plan.matches()
        );
        let page = session.query(&sql).await?;
        let is_last = page.len() < ROWS_AT_ONCE;
        rows.extend(page);
        if is_last {
            return Ok(rows);
        }
    }
}

fn small(row: &Record, name: &str) -> Result<u32, RunError> {
    Ok(row.number(name)?)
}

fn chunk_id(row: &Record) -> Result<ChunkId, RunError> {
    Ok(ChunkId { table: TableId(small(row, "table_id")?), number: row.number("number")? })
}

fn key(row: &Record, name: &str) -> Result<Option<Key>, RunError> {
    row.bytes(name)?
        .map(Key::from_bytes)
        .transpose()
        .map_err(|_| RunError::State { what: "bound of a piece" })
}

/// The names of the plan's shards, in order; none of a target that is one database.
///
/// # Errors
///
/// [`RunError`] when the server does not answer.
pub(crate) async fn shards(session: &mut Session, plan: &PlanKey) -> Result<Vec<String>, RunError> {
    let sql =
        format!("SELECT name FROM `_whimbrel_shards` WHERE {} ORDER BY number", plan.matches());
    session.query(&sql).await?.iter().map(|row| Ok(row.text("name")?)).collect()
}

async fn insert_plan(
    session: &mut Session,
    plan: &PlanKey,
    (fingerprint, source_uuid): (&str, &str),
) -> Result<(), RunError> {
    let insert = format!(
        "INSERT INTO `_whimbrel_plan` SET plan = {}, format = {FORMAT}, epoch = 0, beat = 0, \
         phase = 'copying', fingerprint = {}, source_uuid = {}, updated_at = NOW(6), \
         progress = '{{}}'",
        plan.literal(),
        text(fingerprint),
        text(source_uuid),
    );
    session.execute(insert.as_bytes()).await?;
    Ok(())
}

async fn insert_shards(
    session: &mut Session,
    plan: &PlanKey,
    names: &[String],
) -> Result<(), RunError> {
    for (number, name) in names.iter().enumerate() {
        let insert = format!(
            "INSERT INTO `_whimbrel_shards` SET plan = {}, number = {number}, name = {}",
            plan.literal(),
            text(name),
        );
        session.execute(insert.as_bytes()).await?;
    }
    Ok(())
}

/// Inserts the source tables, each with the piece that is all of it.
async fn insert_tables(
    session: &mut Session,
    plan: &PlanKey,
    tables: &[StoredTable],
) -> Result<(), RunError> {
    let numbered: Vec<(u32, &StoredTable)> = (0..).zip(tables).collect();
    for tables in numbered.chunks(TABLES_AT_ONCE) {
        let (mut rows, mut pieces) = (Vec::new(), Vec::new());
        for (id, table) in tables {
            rows.push(format!(
                "({}, {id}, {}, {}, {}, {})",
                plan.literal(),
                text(table.table.name()),
                text(&serde_json::to_string(&table.table)?),
                table.row_estimate,
                table.byte_estimate,
            ));
            pieces.push(format!("({}, {id}, 0, NULL, NULL)", plan.literal()));
        }
        let insert = format!(
            "INSERT INTO `_whimbrel_tables` \
             (plan, table_id, name, definition, row_estimate, byte_estimate) VALUES {}",
            rows.join(", ")
        );
        session.execute(insert.as_bytes()).await?;
        let insert = format!(
            "INSERT INTO `_whimbrel_chunks` (plan, table_id, number, low, high) VALUES {}",
            pieces.join(", ")
        );
        session.execute(insert.as_bytes()).await?;
    }
    Ok(())
}

async fn insert_piece(
    session: &mut Session,
    plan: &PlanKey,
    piece: &Piece,
) -> Result<(), RunError> {
    let insert = format!(
        "REPLACE INTO `_whimbrel_chunks` SET plan = {}, table_id = {}, number = {}, low = {}, \
         high = {}",
        plan.literal(),
        piece.id.table.0,
        piece.id.number,
        bound(piece.low.as_ref()),
        bound(piece.high.as_ref()),
    );
    session.execute(insert.as_bytes()).await?;
    Ok(())
}
