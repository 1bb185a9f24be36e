//! What a lane does before it writes rows whose keys several sources may have.
//!
//! It looks up who has the keys, outside its transaction: whatever that sees is what this lane wrote
//! last, or the transaction's first statement finds that the lane's row is another than it was.

use std::sync::Arc;

use whimbrel_mysql::{Session, chunk, ddl::quoted};

use super::lane::{INLINE_ROWS_MAX, LaneWorker};
use crate::{
    effects::{Effects, TableEffects},
    error::RunError,
    link::on_link,
    owned::{Found, Owned, Resolved},
};

/// The most bytes of a statement that asks for keys. The server keeps a few of them prepared.
const LOOKUP_BYTES_MAX: usize = 256 << 10;

impl LaneWorker {
    /// Turns what happened to the rows of sources into what is written into owned targets.
    pub(super) async fn resolve_owned(&mut self, effects: &mut Effects) -> Result<(), RunError> {
        let shared = Arc::clone(&self.shared);
        for (id, (owned, ids)) in &shared.owned {
            let Some(touched) = effects.take(*id) else { continue };
            let mut found = on_link!(self.link, session => shown(session, owned, &touched))?;
            if !self.undisputed.contains(id) {
                let waiting = on_link!(self.link, session => waiting(session, owned, &touched))?;
                match waiting {
                    Some(waiting) => found.waiting = waiting,
                    None => drop(self.undisputed.insert(*id)),
                }
            }
            let Resolved { rows, owners, waiting, promoted } =
                self.resolved(Arc::clone(owned), touched, found).await?;
            if waiting.rows().next().is_some() {
                self.undisputed.remove(id);
            }
            effects.put(ids.target, rows);
            effects.put(ids.owners, owners);
            effects.put(ids.waiting, waiting);
            effects.promote(ids.target, promoted);
        }
        Ok(())
    }

    async fn resolved(
        &self,
        owned: Arc<Owned>,
        touched: TableEffects,
        found: Found,
    ) -> Result<Resolved, RunError> {
        if touched.touched().nth(INLINE_ROWS_MAX).is_none() {
            return Ok(owned.resolve(touched, &found));
        }
        let resolved = self.pool.run(move || owned.resolve(touched, &found)).await;
        resolved.map_err(|error| RunError::Broken { what: error.to_string() })
    }
}

/// Whose rows are shown under the touched keys.
async fn shown(
    session: &mut Session,
    owned: &Owned,
    touched: &TableEffects,
) -> Result<Found, RunError> {
    let keys: Vec<_> = touched.touched().map(|key| owned.split(key.cells()).0).collect();
    let rows = chunk::find(session, owned.owners(), &keys, LOOKUP_BYTES_MAX).await?;
    let shown = rows.iter().map(|row| owned.split(row.cells())).collect();
    Ok(Found { shown, waiting: Vec::new() })
}

/// Whose rows wait under the touched keys; `None` where none waits under any key.
async fn waiting(
    session: &mut Session,
    owned: &Owned,
    touched: &TableEffects,
) -> Result<Option<Vec<(whimbrel_model::Key, u64)>>, RunError> {
    let any = format!("SELECT 1 FROM {} LIMIT 1", quoted(owned.waiting().name()));
    if session.query(&any).await?.is_empty() {
        return Ok(None);
    }
    let keys: Vec<_> = touched.touched().map(|key| owned.split(key.cells()).0).collect();
    let rows = chunk::find(session, owned.waiting_keys(), &keys, LOOKUP_BYTES_MAX).await?;
    Ok(Some(rows.iter().map(|row| owned.split(row.cells())).collect()))
}
