//! The rules that the simulated run keeps, each of which can be broken.

/// Where a chunk is released.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum High {
    /// The end of the source's log when the view was opened.
    End,
    /// What stood in `gtid_executed`.
    Executed,
    /// At once.
    None,
}

/// When a tail that connects again gives the open windows up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GiveUp {
    /// Whatever it reaches: the same server may have lost what a chunk was read with.
    Always,
    /// When it reaches another server.
    OtherServer,
    Never,
}

/// How an uncertain commit is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settling {
    /// By the sequence number, under the row's lock.
    Locked,
    /// By the sequence number, as a plain read sees it.
    Plain,
    /// By the position, under the lock.
    Position,
}

/// What lanes stand at when their number changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Realign {
    /// One position, or it does not change.
    Aligned,
    /// What all have applied.
    Intersection,
    /// What any has applied.
    Union,
}

/// How rows of a table with another unique key are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// DELETE of every touched key, then INSERT.
    Insert,
    /// INSERT … ON DUPLICATE KEY UPDATE of all columns but the key.
    Upsert,
}

/// The rules. All of them kept: [`Rules::KEPT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rules {
    /// A chunk is read only when the source has executed `seen`.
    pub(super) wait: bool,
    /// Rows whose keys were noted are dropped from a chunk.
    pub(super) drop_noted: bool,
    /// `seen` holds what any lane has stored, not only what was emitted.
    pub(super) seen_stored: bool,
    /// `seen` holds transactions of which only a part was emitted or stored.
    pub(super) seen_begun: bool,
    pub(super) high: High,
    /// A tail that connects again gives the open windows up.
    pub(super) give_up: GiveUp,
    /// Readers prove that they are on the server whose log merge is told of, not on the one that
    /// the tail has reached already.
    pub(super) server_of_merge: bool,
    /// The rows of a prepared XA transaction are held until its commit.
    pub(super) hold_prepared: bool,
    /// Nothing overtakes between merge and a lane.
    pub(super) fifo: bool,
    /// Lanes by the key as the target compares it, not by its bytes.
    pub(super) lanes_by_class: bool,
    /// A table with another unique key keeps to one lane.
    pub(super) one_lane: bool,
    /// A lane's new position is the old one joined with what it applied.
    pub(super) join: bool,
    /// What was applied is skipped by transaction, not by batch.
    pub(super) skip_by_transaction: bool,
    /// How far into a transaction a lane came is stored.
    pub(super) parts: bool,
    /// A lane's transaction proves that the stored sequence is the one in memory.
    pub(super) sequence: bool,
    /// A lane without work proves its row, too.
    pub(super) idle_proof: bool,
    /// A lane's transaction locks the lane's row with its first statement.
    pub(super) lock: bool,
    /// A lane's transaction proves its epoch.
    pub(super) epoch: bool,
    /// No epoch is drawn twice, not even when the target lost the commit that drew it.
    pub(super) epochs_drawn_once: bool,
    pub(super) settling: Settling,
    /// Positions are read in the transaction that claims.
    pub(super) read_in_claim: bool,
    pub(super) realign: Realign,
    /// A change of the number of lanes replaces every lane's row.
    pub(super) fresh_lanes: bool,
    /// A chunk is held when all lanes of one reading marked it.
    pub(super) marks_of_one_reading: bool,
    /// A chunk is held when all lanes marked it that rows of any of its targets reach.
    pub(super) marks_of_all_lanes: bool,
    /// A piece is held when every shard holds it.
    pub(super) held_by_all_shards: bool,
    /// The other shards are claimed for the epoch that is drawn at home.
    pub(super) claims_beside: bool,
    /// The log is read on from what the lanes of all shards have, not those of home.
    pub(super) resumes_from_all_shards: bool,
    /// `seen` holds what is stored on any shard.
    pub(super) seen_of_all_shards: bool,
    /// A source must have what was applied on any shard.
    pub(super) checks_all_shards: bool,
    /// A target whose keys two sources may have is placed by them.
    pub(super) owned_by_key: bool,
    /// The table of a lookup vindex is kept where what is looked up tells rows apart.
    pub(super) looks_up_unique: bool,
    /// A row that moves to another shard is deleted on the one that it leaves.
    pub(super) leaves_old_shard: bool,
    /// A row that leaves a target, or changes its key there, is deleted there.
    pub(super) takes_back: bool,
    /// What the touched keys contributed is subtracted from their groups before it is written anew.
    pub(super) subtracts: bool,
    /// A group is shown also when rows left it and none came.
    pub(super) shows_what_left: bool,
    /// Groups are kept in the transaction that writes the contributions.
    pub(super) groups_with_rows: bool,
    /// Contributions are told apart by the bytes of their keys, not as a collation has them.
    pub(super) keeps_bytes: bool,
    /// Who has the touched keys is looked up before they are written.
    pub(super) finds_owners: bool,
    /// ... and who waits for them, too.
    pub(super) finds_waiting: bool,
    /// A row whose key another source has is kept until it can be shown.
    pub(super) losers_wait: bool,
    /// A lane that lets a row wait looks for waiting rows from then on.
    pub(super) waits_again: bool,
    /// Rows that wait mean something only between two transactions of the source.
    pub(super) looks_between: bool,
    /// A piece's number is never used again, so that a mark names the piece's bounds.
    pub(super) numbers_used_once: bool,
    /// ... nor by a later runner, when the target has lost the piece: a mark may come after that.
    pub(super) numbers_by_epoch: bool,
    pub(super) form: Form,
    /// A source must have executed everything that was applied.
    pub(super) lost_check: bool,
    /// ... and what is handed on counts before merge has noted it.
    pub(super) lost_check_in_flight: bool,
    /// The newest applied transaction must still be the same one.
    pub(super) newest_check: bool,
    /// ... also one that a lane applied and the tail has not handed on again.
    pub(super) newest_of_lanes: bool,
    /// ... also one of which only a part was applied.
    pub(super) newest_of_parts: bool,
}

impl Rules {
    pub(super) const KEPT: Self = Self {
        wait: true,
        drop_noted: true,
        seen_stored: true,
        seen_begun: true,
        high: High::End,
        give_up: GiveUp::Always,
        server_of_merge: true,
        hold_prepared: true,
        fifo: true,
        lanes_by_class: true,
        one_lane: true,
        join: true,
        skip_by_transaction: true,
        parts: true,
        sequence: true,
        idle_proof: true,
        lock: true,
        epoch: true,
        epochs_drawn_once: true,
        settling: Settling::Locked,
        read_in_claim: true,
        realign: Realign::Aligned,
        fresh_lanes: true,
        marks_of_one_reading: true,
        marks_of_all_lanes: true,
        held_by_all_shards: true,
        claims_beside: true,
        resumes_from_all_shards: true,
        seen_of_all_shards: true,
        checks_all_shards: true,
        owned_by_key: true,
        looks_up_unique: true,
        leaves_old_shard: true,
        takes_back: true,
        subtracts: true,
        shows_what_left: true,
        groups_with_rows: true,
        keeps_bytes: true,
        finds_owners: true,
        finds_waiting: true,
        losers_wait: true,
        waits_again: true,
        looks_between: true,
        numbers_used_once: true,
        numbers_by_epoch: true,
        form: Form::Insert,
        lost_check: true,
        lost_check_in_flight: true,
        newest_check: true,
        newest_of_lanes: true,
        newest_of_parts: true,
    };

    /// Whether every row of a lane must at all times be the source's image at the lane's position:
    /// so as long as no rule is broken that serves this alone.
    pub(super) fn covers(&self) -> bool {
        self.high == High::End
            && self.parts
            && self.lanes_by_class
            && self.one_lane
            && self.takes_back
            && self.leaves_old_shard
            && self.keeps_bytes
    }
}
