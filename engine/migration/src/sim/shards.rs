//! The shards of the simulated target, and which of them has a row: of most tables by a value that updates
//! change and that is not in the key, so that rows move from shard to shard.

use std::sync::Arc;

use whimbrel_model::Row;

use super::{
    data::{Image, LETTERS, PADDED, UNIQUE},
    grouped::{GROUPED, contribution, group_of},
    looked_up::{self, LOOKED_UP},
    mixed::{MIXED, mixed_image},
    owned::OWNED,
};
use crate::placing::{Placement, Places, Placing, UnplacedRow};

/// The most shards.
pub(super) const SHARDS_MAX: usize = 3;

/// One of the target's shards.
#[derive(Debug, Clone, Copy)]
pub(super) struct Here {
    pub(super) shard: usize,
    pub(super) layout: Layout,
}

/// How the target is sharded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub(super) shard_count: usize,
    /// Whether the target whose keys two sources may have is placed by them.
    pub(super) owned_by_key: bool,
    /// Whether rows are looked up by what tells them apart.
    pub(super) looks_up_unique: bool,
}

impl Here {
    /// Whether this shard has what an image becomes in a target table.
    pub(super) fn has(self, target: usize, image: &Image) -> bool {
        // The reference table is on each of them.
        target == LETTERS || self.layout.shard_of(target, image) == self.shard
    }
}

impl Layout {
    /// A target of one shard.
    pub(super) const WHOLE: Self =
        Self { shard_count: 1, owned_by_key: true, looks_up_unique: true };

    /// The only shard that has what an image becomes in a target table.
    fn shard_of(self, target: usize, image: &Image) -> usize {
        let value = usize::from(image.value);
        let place = match target {
            PADDED | UNIQUE => value / 7,
            MIXED => value / 11,
            // A group's contributions are where the group is.
            GROUPED => group_of(image),
            // Two sources may have a key: one shard has it.
            OWNED if self.owned_by_key => image.key,
            OWNED => value,
            // By what they are looked up by, wherever the row itself is.
            LOOKED_UP => looked_up::value_of(image, self.looks_up_unique).map_or(0, |it| it + 1),
            // Dead letters are at home.
            _ => 0,
        };
        place % self.shard_count
    }
}

/// Where the rows of one target table are.
#[derive(Debug)]
struct ByImage {
    target: usize,
    layout: Layout,
}

impl Places for ByImage {
    fn shard(&self, row: &Row) -> Result<usize, UnplacedRow> {
        let image = match self.target {
            MIXED => mixed_image(row).1,
            GROUPED => contribution(row).1,
            OWNED => Image::of(PADDED, row),
            LOOKED_UP => looked_up::image_of(row).1,
            table => Image::of(table, row),
        };
        Ok(self.layout.shard_of(self.target, &image))
    }
}

/// Where the rows of all target tables are.
pub(super) fn placing(layout: Layout) -> Placing {
    if layout.shard_count == 1 {
        return Placing::whole();
    }
    let tables = (0..=LOOKED_UP).map(|target| match target {
        LETTERS => Placement::Everywhere,
        PADDED | UNIQUE | MIXED | GROUPED | OWNED | LOOKED_UP => {
            Placement::ByRow(Arc::new(ByImage { target, layout }))
        }
        _ => Placement::Home,
    });
    Placing::new(layout.shard_count, tables.collect())
}
