//! The `TABLE_MAP` events in force, and what came of each.

use std::{collections::HashMap, sync::Arc};

use whimbrel_model::{Table, TableId};

use crate::ddl::TableName;

use super::{
    decoder::{Misfit, TableDecoder},
    table_map::TableMap,
};

/// The most maps that are kept beyond the transaction they were of: as many tables as a source
/// writes to in a while. Making one anew costs some microseconds.
const MAPS_MAX: usize = 4_096;

/// The tables of a log by the numbers that its events have for them.
#[derive(Debug)]
pub(crate) struct Maps {
    tables: Arc<[Table]>,
    /// The planned tables by database and name.
    planned: HashMap<Vec<u8>, HashMap<Vec<u8>, TableId>>,
    by_id: HashMap<u64, Map>,
    /// Counts transactions: rows may only name a map of their own.
    transaction: u64,
}

#[derive(Debug)]
struct Map {
    /// The event's body, to tell whether the next of this number is the same.
    body: Box<[u8]>,
    /// `None` for a table that is not planned.
    decoder: Option<Arc<TableDecoder>>,
    transaction: u64,
}

/// Why a `TABLE_MAP` cannot be taken.
#[derive(Debug)]
pub(crate) struct MapError {
    pub(crate) table: Option<TableId>,
    pub(crate) misfit: Misfit,
}

impl Maps {
    pub(crate) fn new(tables: Arc<[Table]>) -> Self {
        let mut planned: HashMap<Vec<u8>, HashMap<Vec<u8>, TableId>> = HashMap::new();
        for (id, table) in (0..).zip(tables.iter()) {
            let names = planned.entry(table.schema().as_bytes().to_vec()).or_default();
            names.insert(table.name().as_bytes().to_vec(), TableId(id));
        }
        Self { tables, planned, by_id: HashMap::new(), transaction: 0 }
    }

    pub(crate) fn table(&self, id: TableId) -> Option<&Table> {
        self.tables.get(usize::try_from(id.0).ok()?)
    }

    fn planned(&self, schema: &[u8], name: &[u8]) -> Option<TableId> {
        self.planned.get(schema)?.get(name).copied()
    }

    /// The planned tables of a database that a statement names, ascending.
    ///
    /// Whether case matters is the source's `lower_case_table_names`; here it never does, as taking
    /// a table too many stops a run and one too few would lose what happened to it.
    pub(crate) fn planned_in(&self, database: &str) -> Vec<TableId> {
        self.planned_where(|table| is_same(table.schema(), database))
    }

    /// The planned tables among those that a statement names, ascending; of any case as well.
    pub(crate) fn planned_named(&self, names: &[TableName]) -> Vec<TableId> {
        self.planned_where(|table| {
            names.iter().any(|named| {
                is_same(table.schema(), &named.database) && is_same(table.name(), &named.name)
            })
        })
    }

    fn planned_where(&self, is_meant: impl Fn(&Table) -> bool) -> Vec<TableId> {
        let ids = (0..).map(TableId);
        let tables = ids.zip(self.tables.iter());
        tables.filter(|(_, table)| is_meant(table)).map(|(id, _)| id).collect()
    }

    /// Forgets which maps were of the transaction before.
    pub(crate) fn begin_transaction(&mut self) {
        self.transaction += 1;
    }

    /// Takes a `TABLE_MAP` event.
    pub(crate) fn insert(&mut self, body: &[u8]) -> Result<(), MapError> {
        let failed = |table| move |misfit: Misfit| MapError { table, misfit };
        let map = TableMap::read(body).map_err(|malformed| failed(None)(malformed.into()))?;
        if let Some(known) = self.by_id.get_mut(&map.id)
            && *known.body == *body
        {
            known.transaction = self.transaction;
            return Ok(());
        }
        if self.by_id.len() >= MAPS_MAX {
            let current = self.transaction;
            self.by_id.retain(|_, map| map.transaction == current);
        }
        let planned = self.planned(map.schema, map.name);
        let decoder = match planned.and_then(|id| Some((id, self.table(id)?))) {
            Some((id, table)) => {
                let decoder = TableDecoder::new(id, table, &map).map_err(failed(Some(id)))?;
                Some(Arc::new(decoder))
            }
            None => None,
        };
        let transaction = self.transaction;
        self.by_id.insert(map.id, Map { body: body.into(), decoder, transaction });
        Ok(())
    }

    /// What the rows of table number `id` are: of no known table, of one that is not planned, or
    /// read by a decoder.
    pub(crate) fn decoder(&self, id: u64) -> Option<Option<Arc<TableDecoder>>> {
        let map = self.by_id.get(&id).filter(|map| map.transaction == self.transaction)?;
        Some(map.decoder.clone())
    }
}

fn is_same(known: &str, named: &str) -> bool {
    known == named || known.to_lowercase() == named.to_lowercase()
}
