//! The shards of the simulated target, and which of them has a row: of most tables by a value that updates
//! change and that is not in the key, so that rows move from shard to shard.

use std::sync::Arc;

use whimbrel_model::Row;

use super::{
    data::{Image, LETTERS, PADDED, UNIQUE},
    grouped::{GROUPED, contribution, group_of},
    mixed::{DEAD, MIXED, mixed_image},
    owned::OWNED,
};
use crate::placing::{Placement, Places, Placing, UnplacedRow};

/// The most shards.
pub(super) const SHARDS_MAX: usize = 3;

/// One of the target's shards.
#[derive(Debug, Clone, Copy)]
pub(super) struct Here {
    pub(super) shard: usize,
    pub(super) shard_count: usize,
}

impl Here {
    /// Whether this shard has what an image becomes in a target table.
    pub(super) fn has(self, target: usize, image: &Image) -> bool {
        // The reference table is on each of them.
        target == LETTERS || shard_of(target, image, self.shard_count) == self.shard
    }
}

/// The only shard that has what an image becomes in a target table.
fn shard_of(target: usize, image: &Image, shard_count: usize) -> usize {
    let value = usize::from(image.value);
    let place = match target {
        PADDED | UNIQUE => value / 7,
        MIXED => value / 11,
        // A group's contributions are where the group is.
        GROUPED => group_of(image),
        // Two sources may have a key: one shard has it.
        OWNED => image.key,
        // Dead letters are at home.
        _ => 0,
    };
    place % shard_count
}

/// Where the rows of one target table are.
#[derive(Debug)]
struct ByImage {
    target: usize,
    shard_count: usize,
}

impl Places for ByImage {
    fn shard(&self, row: &Row) -> Result<usize, UnplacedRow> {
        let image = match self.target {
            MIXED => mixed_image(row).1,
            GROUPED => contribution(row).1,
            OWNED => Image::of(PADDED, row),
            table => Image::of(table, row),
        };
        Ok(shard_of(self.target, &image, self.shard_count))
    }
}

/// Where the rows of all target tables are.
pub(super) fn placing(shard_count: usize) -> Placing {
    if shard_count == 1 {
        return Placing::whole();
    }
    let tables = (0..=DEAD).map(|target| match target {
        LETTERS => Placement::Everywhere,
        PADDED | UNIQUE | MIXED | GROUPED | OWNED => {
            Placement::ByRow(Arc::new(ByImage { target, shard_count }))
        }
        _ => Placement::Home,
    });
    Placing::new(shard_count, tables.collect())
}
