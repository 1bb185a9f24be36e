//! What a plan becomes: stages and the edges between them, with their shares of the limits.

use std::collections::BTreeMap;

use petgraph::stable_graph::{NodeIndex, StableDiGraph};

use crate::plan::{Limits, Plan, SourceLoad, Target, VitessTarget};

/// The stages of a run and how rows travel between them.
///
/// Plain data: `assemble` walks it. Compiling cannot fail, because every limit that a [`Plan`] can
/// hold leaves each stage what it needs.
#[derive(Debug, Clone)]
pub struct Graph {
    /// The stages, and an edge for each way that rows take; acyclic.
    pub stages: StableDiGraph<Node, Edge>,
    /// The connections to the source.
    pub source: Connections,
    /// The connections to the target.
    pub target: Connections,
    /// How the plan's memory is shared out.
    pub memory: Memory,
}

/// A stage and what it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// Reads the tables in chunks, without locks.
    Snapshot(Snapshot),
    /// Reads the source's binary log, once for all tables.
    Tail(Tail),
    /// Lets chunks and changes meet: drops from a chunk the rows that changed while it was read.
    Merge(Merge),
    /// Makes rows of the target tables out of the source's, where a plan has more than copies.
    Transform(Transform),
    /// Gives each row to the shard that it belongs to, where the target is a keyspace.
    Route(Route),
    /// Writes rows, positions and chunk marks into the target, in one transaction per lane window; one
    /// such stage for each shard that a keyspace turns out to have.
    Apply(Apply),
}

/// What the snapshot stage may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// How many chunks are read at a time, each on its own connection; at least 1.
    pub readers: u32,
    /// The most row bytes in a chunk; one row may exceed it alone.
    pub chunk_bytes_max: u64,
    /// The most rows a second, over all readers; `None` for no bound.
    pub rows_per_second: Option<u64>,
    /// Above it no further chunk is read.
    pub source_load: SourceLoad,
}

/// What the tail stage may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tail {
    /// The most row bytes in a batch; one row may exceed it alone. A larger transaction travels in
    /// parts.
    pub batch_bytes_max: u64,
}

/// What the merge stage may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merge {
    /// How many windows are open at a time: one for each reader, and one more for each whose chunk
    /// waits for the tail.
    pub windows_max: u32,
    /// The most bytes of touched keys that a window notes; beyond it, its chunk is given up and
    /// read again, smaller.
    pub window_key_bytes_max: u64,
}

/// What the transform stage has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transform {
    /// How many target tables are made by expressions; at least 1.
    pub targets: u32,
}

/// What the route stage has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The keyspace whose shards rows are given to.
    pub keyspace: String,
}

/// What an apply stage may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Apply {
    /// The most lanes, each on its own connection; at least 1. Of a keyspace, on one shard: how many
    /// each has depends on how many shards there are.
    pub lanes_max: u32,
    /// The most row bytes in one transaction of a lane; one row may exceed it alone.
    pub lane_window_bytes_max: u64,
    /// The most rows in one transaction of a lane.
    pub lane_window_rows_max: u64,
    /// How long a lane waits for more rows before it writes those it has, in milliseconds.
    pub lane_window_ms_max: u64,
}

/// A way that rows take from one stage to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// The most batches that wait on it; at least 1.
    pub batches_max: u32,
    /// The bound of bytes on it.
    pub bytes: EdgeBytes,
    /// What the next stage can rely on, as a person reads it.
    pub guarantee: &'static str,
}

/// How the bytes on an edge are bounded.
///
/// A permit is taken once for each piece of data, where it enters the graph, and kept until its
/// rows are applied: taking a second one while holding the first could wait for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EdgeBytes {
    /// Data enters here and takes permits out of this many bytes.
    Taken {
        /// The most row bytes from here until they are applied.
        max: u64,
    },
    /// Data brings the permits along that it took when it entered.
    Carried,
}

/// The connections to one server at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connections {
    /// What they are for (`4 for reading chunks`), and how many.
    pub uses: Vec<(&'static str, u32)>,
    /// The plan's limit; never below [`Connections::total`].
    pub limit: u32,
}

/// How the plan's memory is shared out, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memory {
    /// The plan's limit: the sum of the shares below.
    pub limit: u64,
    /// Rows of chunks, from reading until they are applied.
    pub snapshot: u64,
    /// Rows of the log, from reading until they are applied.
    pub tail: u64,
    /// Touched keys in open windows.
    pub windows: u64,
    /// What carries the rows: network buffers, statements under construction, the program itself.
    pub overhead: u64,
}

/// What the source's connections beside the readers' are for, each for one of these.
///
/// The last is one connection that its users take turns on: tables are cut until they are copied, and
/// what follows begins when they are.
const SOURCE_BESIDE_READERS: [&str; 2] =
    ["following the log", "cutting tables into chunks, reading definitions, watching the log"];
/// What the target's connections beside the lanes' are for, each for one of these.
///
/// They are two because an index may be built for days, while the run's state is stored every second.
const TARGET_BESIDE_LANES: [&str; 2] =
    ["the run's own state", "indexes and foreign keys, after the copy"];

/// What they are for where rows go to a keyspace.
///
/// The lanes' count is the most that there can be: each shard more takes one for its state.
const KEYSPACE_BESIDE_LANES: [&str; 2] = [
    "the run's own state, and as many more as there are shards more",
    "indexes and foreign keys, after the copy",
];

/// The most lanes on one shard of a keyspace.
///
/// A shard has 20 transactions at a time for everybody, vtgate's application included
/// (`--queryserver-config-transaction-cap`), and who finds none free for a second gets an error.
const LANES_OF_SHARD_MAX: u32 = 8;
/// The most rows in one transaction of a lane through vtgate: half of what it lets a statement delete
/// (`--queryserver-config-max-result-size`, 10,000).
const KEYSPACE_WINDOW_ROWS_MAX: u64 = 5_000;
/// Batches that wait for one shard: they carry permits of their own.
const ROUTED_BATCHES_MAX: u32 = 16;

/// The most bytes of a statement that writes rows; one row may exceed it alone.
///
/// Measured: statements of 64 KiB to 1 MiB cost the server the least a row; larger ones cost more.
/// Through vtgate it is the same, and 16 MiB would be refused.
pub const STATEMENT_BYTES_MAX: usize = 1 << 20;

/// A chunk above this size holds its read view and its window open for long, and gains no speed.
const CHUNK_BYTES_MAX: u64 = 8 << 20;
/// Large enough that a batch's fixed costs vanish, small enough that lanes start early.
const TAIL_BATCH_BYTES_MAX: u64 = 1 << 20;
/// A lane's transaction above this size holds its locks for long, and gains no speed.
const LANE_WINDOW_BYTES_MAX: u64 = 4 << 20;
/// As [`LANE_WINDOW_BYTES_MAX`], for small rows.
const LANE_WINDOW_ROWS_MAX: u64 = 10_000;
/// What a steady stream's lag may grow by, so that rows share a commit.
const LANE_WINDOW_MS_MAX: u64 = 5;
/// Batches that wait between stages: their bytes bound them first.
const EDGE_BATCHES_MAX: u32 = 64;

/// The graph that does what `plan` says.
#[must_use]
pub fn compile(plan: &Plan) -> Graph {
    let Limits {
        source_connections,
        target_connections,
        memory_bytes,
        rows_per_second,
        source_load,
    } = plan.limits;
    let source = Connections::of(source_connections, "reading chunks", SOURCE_BESIDE_READERS);
    let (keyspace, beside_lanes) = match &plan.target {
        Target::Mysql(_) => (None, TARGET_BESIDE_LANES),
        Target::Vitess(VitessTarget { endpoint, .. }) => {
            (Some(endpoint.database.clone()), KEYSPACE_BESIDE_LANES)
        }
    };
    let target = Connections::of(target_connections, "writing rows", beside_lanes);
    let (readers, lane_count) = (source.first_count(), target.first_count());
    let (lanes_max, lane_window_rows_max) = match keyspace {
        None => (lane_count, LANE_WINDOW_ROWS_MAX),
        Some(_) => (lane_count.min(LANES_OF_SHARD_MAX), KEYSPACE_WINDOW_ROWS_MAX),
    };
    let memory = share(memory_bytes);
    let windows_max = readers * 2;
    let copies = copies(plan);

    let mut stages = StableDiGraph::new();
    let snapshot = stages.add_node(Node::Snapshot(Snapshot {
        readers,
        chunk_bytes_max: (memory.snapshot / copies / u64::from(windows_max)).min(CHUNK_BYTES_MAX),
        rows_per_second,
        source_load,
    }));
    let tail = stages.add_node(Node::Tail(Tail {
        batch_bytes_max: (memory.tail / copies / 8).min(TAIL_BATCH_BYTES_MAX),
    }));
    let merge = stages.add_node(Node::Merge(Merge {
        windows_max,
        window_key_bytes_max: memory.windows / u64::from(windows_max),
    }));
    let targets = u32::try_from(plan.materialized.len()).unwrap_or(u32::MAX);
    let transform = (targets > 0).then(|| stages.add_node(Node::Transform(Transform { targets })));
    let route = keyspace.map(|keyspace| stages.add_node(Node::Route(Route { keyspace })));
    let apply = stages.add_node(Node::Apply(Apply {
        lanes_max,
        lane_window_bytes_max: (memory.tail / u64::from(lane_count)).min(LANE_WINDOW_BYTES_MAX),
        lane_window_rows_max,
        lane_window_ms_max: LANE_WINDOW_MS_MAX,
    }));
    connect(&mut stages, (&memory, copies), [snapshot, tail, merge, apply], [transform, route]);

    Graph { stages, source, target, memory }
}

impl Graph {
    /// How many lanes each of `shard_count` shards has; `None` if the target's connections are not
    /// enough for one.
    #[must_use]
    pub fn lanes_of_shard(&self, shard_count: u32) -> Option<u32> {
        let lanes_max = self.stages.node_weights().find_map(|node| match node {
            Node::Apply(apply) => Some(apply.lanes_max),
            Node::Snapshot(_)
            | Node::Tail(_)
            | Node::Merge(_)
            | Node::Transform(_)
            | Node::Route(_) => None,
        })?;
        // One for indexes, and one for the state of each shard.
        let lanes = self.target.limit.checked_sub(1)?.checked_sub(shard_count)?;
        let each = lanes.checked_div(shard_count)?;
        (each > 0).then_some(each.min(lanes_max))
    }

    /// The target's connections that `shard_count` shards need at least.
    #[must_use]
    pub fn connections_needed(shard_count: u32) -> u32 {
        shard_count.saturating_mul(2).saturating_add(1)
    }
}

impl Connections {
    /// As many as `limit` lets: one for each of `singles`, and all others for `many`, at least one.
    fn of<const COUNT: usize>(
        limit: u32,
        many: &'static str,
        singles: [&'static str; COUNT],
    ) -> Self {
        let others = singles.iter().fold(limit, |left, _| left.saturating_sub(1));
        let mut uses = vec![(many, others.max(1))];
        uses.extend(singles.map(|single| (single, 1)));
        Self { uses, limit }
    }

    /// How many are for what there are many of.
    fn first_count(&self) -> u32 {
        self.uses.first().map_or(1, |(_, count)| *count)
    }

    /// All of them.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.uses.iter().map(|(_, count)| count).sum()
    }
}

/// A quarter is for what carries the rows; the rest is halved between the snapshot and the tail, so
/// that neither can starve the other; the tail leaves a quarter of its half to the keys that windows
/// note.
fn share(limit: u64) -> Memory {
    let half = limit / 8 * 3;
    let windows = half / 4;
    Memory { limit, snapshot: half, tail: half - windows, windows, overhead: limit - 2 * half }
}

fn connect(
    stages: &mut StableDiGraph<Node, Edge>,
    (memory, copies): (&Memory, u64),
    [snapshot, tail, merge, apply]: [NodeIndex; 4],
    [transform, route]: [Option<NodeIndex>; 2],
) {
    const MERGED: &str = "log order; a chunk after all that it reflects, without rows that changed \
                          meanwhile";
    stages.add_edge(
        snapshot,
        merge,
        Edge {
            batches_max: EDGE_BATCHES_MAX,
            bytes: EdgeBytes::Taken { max: memory.snapshot / copies },
            guarantee: "chunks in any order, each read as of one moment and whole",
        },
    );
    stages.add_edge(
        tail,
        merge,
        Edge {
            batches_max: EDGE_BATCHES_MAX,
            bytes: EdgeBytes::Taken { max: memory.tail / copies },
            guarantee: "log order, at least once from the stored position",
        },
    );
    let carried =
        |guarantee| Edge { batches_max: EDGE_BATCHES_MAX, bytes: EdgeBytes::Carried, guarantee };
    let written = route.unwrap_or(apply);
    stages.add_edge(merge, transform.unwrap_or(written), carried(MERGED));
    if let Some(transform) = transform {
        let made = carried("the same order, as rows of the target tables");
        stages.add_edge(transform, written, made);
    }
    if let Some(route) = route {
        let guarantee = "the same order for each shard, with the rows that belong to it";
        let routed = Edge { batches_max: ROUTED_BATCHES_MAX, ..carried(guarantee) };
        stages.add_edge(route, apply, routed);
    }
}

/// How many rows a row of the source may be at one time: itself, and one in each target that its table
/// feeds.
fn copies(plan: &Plan) -> u64 {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for named in plan.materialized.iter().flat_map(|target| &target.from) {
        // Itself, and perhaps moved, too.
        *counts.entry(&named.name).or_insert(2) += 1;
    }
    counts.into_values().max().unwrap_or(1)
}
