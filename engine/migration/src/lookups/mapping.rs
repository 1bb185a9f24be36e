//! What a row of an owner is in the table of its lookup vindex.

use std::sync::Arc;

use whimbrel_model::{Cell, Gtid, Row, RowBuilder, Table};

use super::{Lookup, column_of};
use crate::{
    placing::ByVindex,
    transform::{FailedRow, Feed, Mapped, Mapping, Place, TargetId},
};

/// A row with the values of some columns and the keyspace id.
#[derive(Debug)]
struct LookupMapping {
    /// For each column of the table, the place of its value among the owner's cells; `None` for the
    /// keyspace id.
    cells: Vec<Option<usize>>,
    table: Table,
    by: Arc<ByVindex>,
}

/// What the rows of an `owner`, which is placed `by` its vindex, are in the `table` of its lookup vindex,
/// the `target`; `None` if its columns are others.
pub(crate) fn feed(
    lookup: &Lookup,
    owner: &Table,
    (target, table): (TargetId, &Table),
    by: &Arc<ByVindex>,
) -> Option<Feed> {
    let cell = |name: &str| {
        if name.eq_ignore_ascii_case(&lookup.to) {
            return Some(None);
        }
        let mut pairs = lookup.from.iter().zip(&lookup.columns);
        let (_, column) = pairs.find(|(from, _)| from.eq_ignore_ascii_case(name))?;
        Some(Some(column_of(owner, column)?.0))
    };
    let cells = table.carried_columns().map(|column| cell(&column.name)).collect::<Option<_>>()?;
    let mapping = LookupMapping { cells, table: table.clone(), by: Arc::clone(by) };
    Some(Feed::Mapped { target, dead_letters: None, mapping: Arc::new(mapping) })
}

impl LookupMapping {
    /// `None` for a row that is not looked up.
    fn made(&self, row: &Row) -> Option<Row> {
        // A row that no shard may have stops the run where it is placed, before it comes here.
        let id = self.by.keyspace_id(row).ok()?;
        let mut builder = RowBuilder::default();
        for cell in &self.cells {
            match cell.map(|place| row.cell(place)) {
                None => builder.push(Cell::Bytes(id.as_bytes())),
                Some(None | Some(Cell::Null)) => return None,
                Some(Some(cell)) => builder.push(cell),
            }
        }
        Some(builder.finish())
    }
}

impl Mapping for LookupMapping {
    fn place(&self, row: &Row) -> Place {
        let made = self.made(row);
        made.map_or(Place::Nowhere, |made| Place::At(made.key(&self.table)))
    }

    fn map(&self, row: &Row, _gtid: Option<&Gtid>) -> Result<Mapped, FailedRow> {
        let made = self.made(row);
        Ok(made.map_or(Mapped::Nothing, |made| Mapped::Row(made.key(&self.table), made)))
    }
}
