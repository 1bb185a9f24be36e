//! The transform and the route stage: hands each shard its share of what is written.

use super::{
    apply::Apply,
    mixed::{MIXED, target_id, transform},
    runner::{Edges, Facts},
    world::World,
};
use crate::transform::{TargetBatch, TargetPart};

/// Hands the next batch to the shards, once each of them has room.
pub(super) fn route(world: &World, edges: &mut Edges, shards: &mut [Apply]) {
    if !shards.iter().all(|shard| shard.has_room(world.shards.len())) {
        return;
    }
    let Some((batch, facts)) = edges.apply.pop_front() else { return };
    let mut batches = transform(world.here(0).layout).batch(batch).unwrap();
    if !world.rules.takes_back {
        batches.iter_mut().flat_map(parts).for_each(keep_what_left);
    }
    if !world.rules.leaves_old_shard {
        keep_where_it_was(&mut batches);
    }
    for (shard, batch) in shards.iter_mut().zip(batches) {
        shard.push(batch, Facts::clone(&facts));
    }
}

fn parts(batch: &mut TargetBatch) -> &mut [TargetPart] {
    match batch {
        TargetBatch::Tail(parts, _) => parts,
        TargetBatch::Chunk(_) => &mut [],
    }
}

/// The broken rule: a row that stays in the source's table takes nothing back in another target.
fn keep_what_left(part: &mut TargetPart) {
    let staying = arrived(part);
    part.operations.retain(|(ordinal, operation)| {
        operation.table != target_id(MIXED)
            || operation.image.is_some()
            || !staying.contains(ordinal)
    });
}

/// The broken rule: a row that comes to a shard is not deleted on the one that it leaves.
fn keep_where_it_was(batches: &mut [TargetBatch]) {
    let arrived: Vec<Vec<Vec<u64>>> =
        batches.iter_mut().map(|batch| parts(batch).iter().map(arrived).collect()).collect();
    for (shard, batch) in batches.iter_mut().enumerate() {
        for (place, part) in parts(batch).iter_mut().enumerate() {
            part.operations.retain(|(ordinal, operation)| {
                let mut others = (0..arrived.len()).filter(|other| *other != shard);
                operation.image.is_some()
                    || arrived[shard][place].contains(ordinal)
                    || !others.any(|other| arrived[other][place].contains(ordinal))
            });
        }
    }
}

/// The changes that leave a row.
fn arrived(part: &TargetPart) -> Vec<u64> {
    let arrived = part.operations.iter().filter(|(_, operation)| operation.image.is_some());
    arrived.map(|(ordinal, _)| *ordinal).collect()
}
