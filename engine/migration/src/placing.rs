//! Which shard of the target has a row.

mod asked;
mod by_vindex;

use std::{
    fmt::{self, Debug},
    sync::Arc,
};

use thiserror::Error;
use whimbrel_model::{Column, Row};

pub(crate) use self::{
    asked::{Answered, Answers, AskedVindex},
    by_vindex::{ByVindex, unfit},
};
use crate::transform::TargetId;

/// The shards that have a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// This one of the target's shards, counted from 0.
    Shard(usize),
    /// Each shard of the target's own keyspace.
    Everywhere,
}

impl At {
    /// The first shard: it has what the others have not, such as the run's own rows.
    pub const HOME: Self = Self::Shard(0);
}

/// Which shard has a row of one target table. The same row is always on the same one.
pub trait Places: Debug + Send + Sync {
    /// The shard, counted from 0.
    ///
    /// # Errors
    ///
    /// [`UnplacedRow`] for a row that no shard may have.
    fn shard(&self, row: &Row) -> Result<usize, UnplacedRow>;
}

/// A row that no shard may have.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("a row of `{table}` belongs to no shard by {columns}: {reason}")]
pub struct UnplacedRow {
    /// The target table.
    pub table: Box<str>,
    /// The columns of its vindex.
    pub columns: Box<str>,
    /// Why, without values.
    pub reason: Box<str>,
}

impl UnplacedRow {
    /// A row of `table` that the vindex of `columns` gives no shard for this reason.
    fn by<'c>(
        table: &str,
        columns: impl IntoIterator<Item = &'c Column>,
        reason: &dyn fmt::Display,
    ) -> Self {
        let columns = columns.into_iter().map(|column| format!("`{}`", column.name));
        let columns = columns.collect::<Vec<_>>().join(", ").into();
        Self { table: table.into(), columns, reason: reason.to_string().into() }
    }
}

/// Where the rows of a target table are.
#[derive(Debug, Clone)]
pub enum Placement {
    /// All on the first shard.
    Home,
    /// All on this shard, counted from 0.
    On(usize),
    /// All on each shard of the target's own keyspace.
    Everywhere,
    /// Each on a shard of its own.
    ByRow(Arc<dyn Places>),
}

/// Where the rows of all target tables are.
#[derive(Debug, Clone)]
pub struct Placing {
    /// Those of the target's own keyspace come first.
    shard_count: usize,
    /// How many those are.
    own_count: usize,
    /// By target table; those beyond its end are at home.
    tables: Vec<Placement>,
}

impl Placing {
    /// A target of one shard, which has everything.
    #[must_use]
    pub fn whole() -> Self {
        Self { shard_count: 1, own_count: 1, tables: Vec::new() }
    }

    /// A target of `shard_count` shards, at least one, whose tables are placed as `tables` say.
    #[must_use]
    pub fn new(shard_count: usize, tables: Vec<Placement>) -> Self {
        let shard_count = shard_count.max(1);
        Self { shard_count, own_count: shard_count, tables }
    }

    /// The same, with `count` shards of other keyspaces behind its own.
    #[must_use]
    pub fn with_others(self, count: usize) -> Self {
        Self { shard_count: self.shard_count + count, ..self }
    }

    /// How many shards there are, those of other keyspaces included.
    #[must_use]
    pub fn shard_count(&self) -> usize {
        self.shard_count
    }

    /// One thing for each shard.
    pub(crate) fn for_each_shard<T>(&self, make: impl FnMut() -> T) -> Vec<T> {
        std::iter::repeat_with(make).take(self.shard_count).collect()
    }

    /// Adds `item` to the lists of its shards, out of one list for each shard.
    pub(crate) fn give<T: Clone>(&self, at: At, lists: &mut [Vec<T>], item: T) {
        match (at, &mut lists[..]) {
            (At::Shard(shard), lists) => lists[shard].push(item),
            (At::Everywhere, [only]) => only.push(item),
            (At::Everywhere, lists) => {
                lists.iter_mut().take(self.own_count).for_each(|list| list.push(item.clone()));
            }
        }
    }

    /// The same, with the rows of a target each where `places` says.
    pub(crate) fn with_places(mut self, target: TargetId, places: Arc<dyn Places>) -> Self {
        if let Some(placement) = self.tables.get_mut(target.0 as usize) {
            *placement = Placement::ByRow(places);
        }
        self
    }

    /// Where every row of a target is; `None` if that depends on the row.
    #[must_use]
    pub fn of_all_rows(&self, target: TargetId) -> Option<At> {
        match self.tables.get(target.0 as usize) {
            None | Some(Placement::Home) => Some(At::HOME),
            Some(Placement::On(shard)) => Some(At::Shard(*shard)),
            Some(Placement::Everywhere) => Some(At::Everywhere),
            Some(Placement::ByRow(_)) => None,
        }
    }

    /// Where a row of a target is.
    ///
    /// # Errors
    ///
    /// [`UnplacedRow`] for a row that no shard may have.
    pub fn of_row(&self, target: TargetId, row: &Row) -> Result<At, UnplacedRow> {
        match self.tables.get(target.0 as usize) {
            Some(Placement::ByRow(places)) => places.shard(row).map(At::Shard),
            None | Some(Placement::Home) => Ok(At::HOME),
            Some(Placement::On(shard)) => Ok(At::Shard(*shard)),
            Some(Placement::Everywhere) => Ok(At::Everywhere),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_every_shard_has_is_not_given_to_those_of_other_keyspaces() {
        let placing = Placing::new(2, vec![Placement::Everywhere]).with_others(2);
        let mut lists = placing.for_each_shard(Vec::new);

        placing.give(At::Everywhere, &mut lists, 'e');
        placing.give(At::Shard(3), &mut lists, 's');

        assert_eq!(lists, [vec!['e'], vec!['e'], vec![], vec!['s']]);
    }
}
