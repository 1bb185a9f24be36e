//! What a lane's transaction sends for its rows.

use whimbrel_model::Table;
use whimbrel_mysql::{Document, Error, load::Load, statement};
use whimbrel_plan::STATEMENT_BYTES_MAX;

use crate::{
    effects::{Effects, TableEffects},
    shared::Shared,
    transform::TargetId,
};

/// Rows from which a table's are loaded rather than sent in a statement: with fewer, what a load costs
/// by itself is more than it saves.
const LOAD_ROWS_MIN: usize = 500;

/// A row of this size is loaded on its own account: a file is sent in pieces, while the driver copies
/// a statement as a whole, twice.
const LOAD_ROW_BYTES_MIN: usize = 1 << 20;

/// A statement this long has one row of several MiB. To connect again costs less than its buffer would.
const LARGE_STATEMENT_BYTES: usize = 8 << 20;

/// Something to send, and the table whose rows it writes.
pub(super) type Write = (TargetId, Form);

/// How rows are sent.
#[derive(Debug)]
pub(super) enum Form {
    /// In the text of a statement.
    Statement(Vec<u8>),
    /// As a file.
    Load(Load),
    /// As a parameter of a statement.
    Document(Document),
}

/// How rows may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Means {
    /// In statements alone.
    Statements,
    /// As files, too, where a table's types and the number of rows allow it.
    Loads,
    /// As documents, too, where values and the number of rows allow it.
    Documents,
}

/// Whether any of the effects is large enough to be loaded.
pub(super) fn is_worth_loading(effects: &Effects) -> bool {
    effects.tables().any(|(_, effects)| is_worth_a_load(effects))
}

fn is_worth_a_load(effects: &TableEffects) -> bool {
    effects.rows().take(LOAD_ROWS_MIN).count() == LOAD_ROWS_MIN
        || effects.rows().any(|row| row.byte_count() >= LOAD_ROW_BYTES_MIN)
}

/// Whether a statement was sent that the driver keeps a buffer for as long as the session lives.
pub(super) fn has_large_statement(writes: &[Write]) -> bool {
    let is_large = |form: &Form| match form {
        Form::Statement(statement) => statement.len() >= LARGE_STATEMENT_BYTES,
        // Documents are of many rows, bounded together.
        Form::Load(_) | Form::Document(_) => false,
    };
    writes.iter().any(|(_, form)| is_large(form))
}

/// What brings a window's effects about: rows that waited first; for each table the DELETEs, then the
/// rows; around those of a rolled-up table what keeps its groups in step. `number` is the lane's sequence number after
/// the window.
///
/// A table with another unique key loses every touched key first, since its unique values may have moved
/// between rows in any order; its rows are then inserted, so that a value which two of them come to is
/// an error and never the end of one.
pub(super) fn writes_of(
    shared: &Shared,
    effects: &Effects,
    (number, means): (u64, Means),
) -> Result<Vec<Write>, Error> {
    let mut writes = Vec::new();
    for (id, keys) in effects.promoted() {
        let owned = shared.owned.get(&id).map(|(owned, _)| owned);
        let promotions = owned.map(|owned| owned.promotions(keys, STATEMENT_BYTES_MAX));
        let promotions = promotions.transpose()?.unwrap_or_default();
        writes.extend(promotions.into_iter().map(|statement| (id, Form::Statement(statement))));
    }
    for (id, effects) in effects.tables() {
        let table = &shared.targets[id.0 as usize];
        let statements = |statements: Vec<Vec<u8>>| {
            statements.into_iter().map(move |statement| (id, Form::Statement(statement)))
        };
        let groups = shared.rollups.get(&id).map(|rollup| {
            rollup.window_statements(&effects.touched(), number, STATEMENT_BYTES_MAX)
        });
        let groups = groups.transpose()?.unwrap_or_default();
        writes.extend(statements(groups.before));
        let deletes = if table.has_other_unique_key() {
            statement::delete(table, effects.touched(), STATEMENT_BYTES_MAX)?
        } else {
            statement::delete(table, effects.gone(), STATEMENT_BYTES_MAX)?
        };
        writes.extend(statements(deletes));
        writes.extend(rows_of(table, effects, means)?.into_iter().map(|form| (id, form)));
        writes.extend(statements(groups.after));
    }
    Ok(writes)
}

/// What writes a table's rows.
fn rows_of(table: &Table, effects: &TableEffects, means: Means) -> Result<Vec<Form>, Error> {
    let texts = |rows: Vec<_>| -> Result<_, Error> {
        let texts = statement::write(table, rows, STATEMENT_BYTES_MAX)?;
        Ok(texts.into_iter().map(Form::Statement))
    };
    if means == Means::Loads
        && is_worth_a_load(effects)
        && let Some(load) = Load::of(table, effects.rows())?
    {
        return Ok(vec![Form::Load(load)]);
    }
    if means == Means::Documents {
        let (documents, others) = Document::of(table, effects.rows(), STATEMENT_BYTES_MAX)?;
        let documents = documents.into_iter().map(Form::Document);
        return Ok(documents.chain(texts(others)?).collect());
    }
    Ok(texts(effects.rows().collect())?.collect())
}
