//! The connection that keeps the run's own rows, shared by those who write them.

use std::sync::Arc;

use crate::{
    error::RunError,
    lane::LaneState,
    link::{Link, SharedLink, on_link},
    owned::Owned,
    pieces::{Cut, Piece, rows_held_by_all},
    store::{self, Control, Disputes, Life},
};

/// One connection to each of the target's shards, and the epoch that they write under.
///
/// The first is home. Of a target that is one database it holds the plan's lock on the server, which
/// tells a second runner that one is at work. The lock is a courtesy: what keeps two runners apart is the
/// epoch.
#[derive(Debug, Clone)]
pub(crate) struct ControlLink {
    home: SharedLink,
    others: Arc<[SharedLink]>,
    /// How many shards are of the target's own keyspace.
    own_count: usize,
    control: Control,
}

impl ControlLink {
    pub(crate) fn new(
        (home, others): (Link, Vec<Link>),
        own_count: usize,
        control: Control,
    ) -> Self {
        let others = others.into_iter().map(Link::shared).collect();
        Self { home: home.shared(), others, own_count, control }
    }

    fn links(&self) -> impl Iterator<Item = &SharedLink> {
        std::iter::once(&self.home).chain(self.others.iter())
    }

    /// Stores cuts of pieces.
    pub(crate) async fn store_cuts(&self, cuts: &[Cut]) -> Result<(), RunError> {
        let mut link = self.home.lock().await;
        on_link!(link, session => self.control.store_cuts(session, cuts))
    }

    /// Replaces all lanes of a shard.
    pub(crate) async fn change_lanes(
        &self,
        shard: usize,
        sequences: &[u64],
        (generation, lane_count): (u64, u32),
        state: &LaneState,
    ) -> Result<(), RunError> {
        let link = self.links().nth(shard).ok_or(RunError::State { what: "shards" })?;
        let mut link = link.lock().await;
        let lanes = (generation, lane_count);
        on_link!(link, session => self.control.change_lanes(session, sequences, lanes, state))
    }

    /// Stores phase, progress, and whether the run goes on.
    pub(crate) async fn report(
        &self,
        (phase, progress): (&str, &str),
        life: Life<'_>,
    ) -> Result<(), RunError> {
        let mut link = self.home.lock().await;
        on_link!(link, session => self.control.report(session, (phase, progress), life))
    }

    /// All pieces, each with the rows written for it where the target holds it.
    pub(crate) async fn pieces(&self) -> Result<Vec<(Piece, Option<u64>)>, RunError> {
        let plan = self.control.plan();
        let pieces = {
            let mut link = self.home.lock().await;
            on_link!(link, session => Control::pieces(session, plan))?
        };
        let mut marks = Vec::new();
        for link in self.links() {
            let mut link = link.lock().await;
            marks.push(on_link!(link, session => Control::marks(session, plan))?);
        }
        let held = |piece: Piece| {
            let rows = rows_held_by_all(&marks, piece.id);
            (piece, rows)
        };
        Ok(pieces.into_iter().map(held).collect())
    }

    /// What every lane of every shard has stored, as its row says.
    pub(crate) async fn lanes(&self) -> Result<Vec<LaneState>, RunError> {
        let mut lanes = Vec::new();
        for link in self.links() {
            let mut link = link.lock().await;
            lanes.extend(on_link!(link, session => self.control.lanes(session))?);
        }
        Ok(lanes)
    }

    /// What there is now of keys of a target that two sources have, and on which shard.
    pub(crate) async fn disputes(&self, owned: &Owned) -> Result<(usize, Disputes), RunError> {
        for (shard, link) in self.links().take(self.own_count).enumerate() {
            let mut link = link.lock().await;
            match on_link!(link, session => store::disputes(session, self.control.plan(), owned))? {
                Disputes::None => {}
                found @ (Disputes::Inside | Disputes::Between { .. }) => return Ok((shard, found)),
            }
        }
        Ok((0, Disputes::None))
    }
}
