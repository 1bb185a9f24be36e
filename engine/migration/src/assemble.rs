//! From a graph to stages that are built and wired, with nothing running.

use std::{
    collections::{BTreeMap, HashMap},
    num::{NonZeroU64, NonZeroUsize},
    sync::Arc,
};

use petgraph::{
    Direction,
    stable_graph::{EdgeIndex, NodeIndex},
    visit::EdgeRef,
};
use whimbrel_flow::{Budget, Clock, ComputePool, Receiver, Sender, Stop, channel};
use whimbrel_model::{GtidSet, Newest, Table};
use whimbrel_mysql::{LogSettings, Role};
use whimbrel_plan::{Apply, EdgeBytes, Graph, Node, OnDdl};

use crate::{
    error::RunError,
    lane::{LaneState, PlanLimits},
    link::Link,
    owned::OwnedIds,
    pieces::Piece,
    prepare::Prepared,
    progress::{Phase, Progress},
    shards::lanes_of_shard,
    shared::{Message, Shared, Targets},
    stage::{
        apply::ApplyStage,
        ask::{AskStage, Kept},
        merge::MergeStage,
        route::RouteStage,
        snapshot::SnapshotStage,
        tail::TailStage,
        transform::TransformStage,
    },
    store::Claim,
    transform::{TargetId, Transform},
    windows::Windows,
};

/// A stage that is ready to run.
#[derive(Debug)]
pub(crate) enum Stage {
    /// Reads the pieces in the last field, out of all pieces of the plan.
    Snapshot(Box<SnapshotStage>, Vec<Piece>, Vec<Piece>),
    Tail(Box<TailStage>),
    Merge(MergeStage),
    Ask(Box<AskStage>),
    Transform(TransformStage),
    /// Writes on from what the lanes have stored.
    Apply(Box<ApplyStage>, Vec<LaneState>),
    Route(RouteStage),
}

/// The ends of the edges that no stage has taken yet.
struct Wires {
    outlets: HashMap<EdgeIndex, Sender<Message>>,
    inlets: HashMap<EdgeIndex, Receiver<Message>>,
    budgets: HashMap<EdgeIndex, Budget>,
}

/// What comes to the stages that write.
struct WayToShards {
    inlet: Receiver<Message>,
    /// Batches that may wait for one shard. Their bytes are bounded by the permits that they carry.
    batches_max: NonZeroUsize,
}

/// Builds what is shared and the stages of `graph`.
pub(crate) fn assemble(
    graph: &Graph,
    on_ddl: OnDdl,
    prepared: &Prepared,
    (clock, stop): (Clock, Stop),
) -> Result<(Arc<Shared>, Vec<Stage>), RunError> {
    let shared = shared(graph, prepared, (clock, stop));
    let mut wires = Wires::of(graph);
    let pool = Arc::new(compute_pool()?);
    let mut stages = Vec::new();
    for index in graph.stages.node_indices() {
        let stage = match &graph.stages[index] {
            Node::Snapshot(node) => {
                let (outlet, budget) = wires.source_end(graph, index)?;
                let stage = SnapshotStage {
                    shared: Arc::clone(&shared),
                    source: prepared.source.clone(),
                    source_link: Arc::clone(&prepared.source_link),
                    control: prepared.control.clone(),
                    epoch: prepared.claim.epoch,
                    reader_count: at_least_one(node.readers),
                    chunk_bytes_max: node.chunk_bytes_max,
                    rows_per_second: node.rows_per_second,
                    source_load: node.source_load,
                    budget,
                    outlet,
                    row_bytes: prepared.row_bytes(),
                };
                let all = prepared.pieces.iter().map(|(piece, _)| piece.clone()).collect();
                Stage::Snapshot(Box::new(stage), all, prepared.todo())
            }
            Node::Tail(node) => {
                let (outlet, budget) = wires.source_end(graph, index)?;
                let (emitted, newest) = resume_from(&prepared.claim);
                Stage::Tail(Box::new(TailStage {
                    shared: Arc::clone(&shared),
                    source: prepared.source.clone(),
                    on_ddl,
                    settings: LogSettings {
                        server_id: prepared.server_id,
                        part_bytes_max: small(node.batch_bytes_max),
                    },
                    batch_bytes_max: node.batch_bytes_max,
                    budget,
                    handed_on: emitted.clone(),
                    emitted,
                    newest,
                    outlet,
                }))
            }
            Node::Merge(_) => {
                let mut merge = merge(graph, index, &mut wires, &shared)?;
                stages.extend(ask(&mut merge, prepared));
                Stage::Merge(merge)
            }
            Node::Transform(_) => {
                Stage::Transform(transform((graph, index), &mut wires, (&shared, &pool))?)
            }
            // It is made with the stages that write.
            Node::Route(_) => continue,
            Node::Apply(node) => {
                let way = wires.way_to_shards(graph, index)?;
                let lanes_max = lanes_of_shard(graph, prepared.shards.len())?;
                stages.extend(apply((node, lanes_max), prepared, (&shared, &pool), way));
                continue;
            }
        };
        stages.push(stage);
    }
    Ok((shared, stages))
}

/// The stages that write, one for each shard, and what shares rows out among them where there are several.
fn apply(
    (node, lanes_max): (&Apply, u32),
    prepared: &Prepared,
    (shared, pool): (&Arc<Shared>, &Arc<ComputePool>),
    way: WayToShards,
) -> Vec<Stage> {
    let mut inlets = vec![way.inlet];
    let mut stages = Vec::new();
    if prepared.shards.len() > 1 {
        let wires = prepared.shards.iter().map(|_| channel(way.batches_max));
        let (outlets, of_shards): (Vec<_>, Vec<_>) = wires.unzip();
        let inlets = std::mem::replace(&mut inlets, of_shards).into_iter();
        let shared = || Arc::clone(shared);
        stages.extend(inlets.map(|inlet| {
            let outlets = outlets.clone();
            Stage::Route(RouteStage { shared: shared(), inlet, outlets })
        }));
    }
    let shards = prepared.shards.iter().zip(&prepared.claim.shards).enumerate();
    stages.extend(shards.zip(inlets).map(|((number, (shard, claimed)), inlet)| {
        let stage = ApplyStage {
            shared: Arc::clone(shared),
            shard: Arc::clone(shard),
            number,
            plan: prepared.plan_key.clone(),
            control: prepared.control.clone(),
            epoch: prepared.claim.epoch,
            generation: claimed.generation,
            lanes_max,
            limits: PlanLimits {
                rows_max: small(node.lane_window_rows_max),
                bytes_max: small(node.lane_window_bytes_max),
                is_steady: false,
            },
            pool: Arc::clone(pool),
            inlet,
        };
        Stage::Apply(Box::new(stage), claimed.lanes.clone())
    }));
    stages
}

fn transform(
    (graph, index): (&Graph, NodeIndex),
    wires: &mut Wires,
    (shared, pool): (&Arc<Shared>, &Arc<ComputePool>),
) -> Result<TransformStage, RunError> {
    Ok(TransformStage {
        shared: Arc::clone(shared),
        pool: Arc::clone(pool),
        inlet: wires.inlet_from(graph, index, |_| true)?,
        outlet: wires.outlet(graph, index)?.1,
    })
}

fn merge(
    graph: &Graph,
    index: NodeIndex,
    wires: &mut Wires,
    shared: &Arc<Shared>,
) -> Result<MergeStage, RunError> {
    Ok(MergeStage {
        shared: Arc::clone(shared),
        tail: wires.inlet_from(graph, index, |node| matches!(node, Node::Tail(_)))?,
        snapshot: wires.inlet_from(graph, index, |node| matches!(node, Node::Snapshot(_)))?,
        outlet: wires.outlet(graph, index)?.1,
    })
}

/// What asks vtgate where rows go, behind `merge`, if there are tables of which it is asked.
fn ask(merge: &mut MergeStage, prepared: &Prepared) -> Option<Stage> {
    let keyspace = &prepared.asked.values().next()?.name.0;
    let gate = prepared.shards.first()?.options.for_keyspace(keyspace);
    let (outlet, inlet) = channel(NonZeroUsize::MIN);
    Some(Stage::Ask(Box::new(AskStage {
        shared: Arc::clone(&merge.shared),
        asked: prepared.asked.clone(),
        link: Link::new(gate, Role::Target, merge.shared.clock.clone()),
        kept: Kept::default(),
        inlet,
        outlet: std::mem::replace(&mut merge.outlet, outlet),
    })))
}

fn shared(graph: &Graph, prepared: &Prepared, (clock, stop): (Clock, Stop)) -> Arc<Shared> {
    let todo = prepared.todo();
    let phase = if todo.is_empty() { Phase::Indexing } else { Phase::Copying };
    let progress = Progress::new(clock.now_micros(), phase, prepared.progress());
    let tables: Arc<[Table]> = prepared.tables.iter().map(|table| table.table.clone()).collect();
    let targets = targets(prepared);
    let placing = prepared.placing.clone();
    let transform = Transform::new(Arc::clone(&tables), prepared.feeds.clone(), placing);
    let stored =
        prepared.claim.lanes().fold(GtidSet::default(), |all, lane| all.union(&lane.touched()));
    let key_bytes_max = graph.stages.node_weights().find_map(|node| match node {
        Node::Merge(merge) => Some(small(merge.window_key_bytes_max)),
        Node::Snapshot(_)
        | Node::Tail(_)
        | Node::Transform(_)
        | Node::Route(_)
        | Node::Apply(_) => None,
    });
    let windows = Windows::new(stored, key_bytes_max.unwrap_or(0));
    Shared::new((tables, transform), targets, windows, (Arc::new(progress), clock, stop))
}

/// The target tables; those that are kept beside owned ones stand behind all others.
fn targets(prepared: &Prepared) -> Targets {
    let mut tables: Vec<Table> =
        prepared.targets.iter().map(|target| target.table.clone()).collect();
    let rollups = (0..).map(TargetId).zip(&prepared.targets);
    let rollups = rollups.filter_map(|(id, target)| Some((id, target.rollup.clone()?))).collect();
    let mut owned = BTreeMap::new();
    for (&target, beside) in &prepared.owned {
        let mut next = |table: &Table| {
            tables.push(table.clone());
            TargetId(u32::try_from(tables.len() - 1).unwrap_or(u32::MAX))
        };
        let (owners, waiting) = (next(beside.owners()), next(beside.waiting()));
        owned.insert(target, (Arc::clone(beside), OwnedIds { target, owners, waiting }));
    }
    Targets { tables: tables.into(), rollups, owned }
}

/// The log is followed from what every lane has applied. Lanes that have more skip it.
fn resume_from(claim: &Claim) -> (GtidSet, Vec<Newest>) {
    let emitted = claim
        .lanes()
        .map(|lane| lane.position.clone())
        .reduce(|all, position| all.intersection(&position))
        .unwrap_or_default();
    (emitted, claim.lanes().filter_map(|lane| lane.newest.clone()).collect())
}

/// Threads for building statements: one core is left to what waits on sockets.
fn compute_pool() -> Result<ComputePool, RunError> {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let threads = NonZeroUsize::new(cores.saturating_sub(1)).unwrap_or(NonZeroUsize::MIN);
    ComputePool::new(threads).map_err(|error| RunError::Broken { what: error.to_string() })
}

fn at_least_one(count: u32) -> NonZeroUsize {
    usize::try_from(count).ok().and_then(NonZeroUsize::new).unwrap_or(NonZeroUsize::MIN)
}

fn small(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

impl Wires {
    fn of(graph: &Graph) -> Self {
        let mut wires =
            Self { outlets: HashMap::new(), inlets: HashMap::new(), budgets: HashMap::new() };
        for index in graph.stages.edge_indices() {
            let edge = &graph.stages[index];
            let (outlet, inlet) = channel(at_least_one(edge.batches_max));
            wires.outlets.insert(index, outlet);
            wires.inlets.insert(index, inlet);
            if let EdgeBytes::Taken { max } = edge.bytes {
                let bytes = NonZeroU64::new(max).unwrap_or(NonZeroU64::MIN);
                wires.budgets.insert(index, Budget::new(bytes));
            }
        }
        wires
    }

    /// The only outlet of a stage.
    fn outlet(
        &mut self,
        graph: &Graph,
        stage: NodeIndex,
    ) -> Result<(EdgeIndex, Sender<Message>), RunError> {
        let edge = graph.stages.edges_directed(stage, Direction::Outgoing).next();
        edge.and_then(|edge| Some((edge.id(), self.outlets.remove(&edge.id())?)))
            .ok_or_else(|| unwired("outlet"))
    }

    /// The outlet of a stage where data enters, and the bytes that it may take.
    fn source_end(
        &mut self,
        graph: &Graph,
        stage: NodeIndex,
    ) -> Result<(Sender<Message>, Budget), RunError> {
        let (edge, outlet) = self.outlet(graph, stage)?;
        let budget = self.budgets.remove(&edge).ok_or_else(|| unwired("budget"))?;
        Ok((outlet, budget))
    }

    /// What comes to a stage that writes, before it is shared out among the shards.
    fn way_to_shards(&mut self, graph: &Graph, apply: NodeIndex) -> Result<WayToShards, RunError> {
        let routed = graph
            .stages
            .edges_directed(apply, Direction::Incoming)
            .find(|edge| matches!(graph.stages[edge.source()], Node::Route(_)));
        let (stage, batches_max) = match routed {
            Some(edge) => (edge.source(), edge.weight().batches_max),
            None => (apply, 1),
        };
        let inlet = self.inlet_from(graph, stage, |_| true)?;
        Ok(WayToShards { inlet, batches_max: at_least_one(batches_max) })
    }

    /// The inlet of a stage that comes from a stage such as `from` tells.
    fn inlet_from(
        &mut self,
        graph: &Graph,
        stage: NodeIndex,
        from: impl Fn(&Node) -> bool,
    ) -> Result<Receiver<Message>, RunError> {
        graph
            .stages
            .edges_directed(stage, Direction::Incoming)
            .find(|edge| from(&graph.stages[edge.source()]))
            .and_then(|edge| self.inlets.remove(&edge.id()))
            .ok_or_else(|| unwired("inlet"))
    }
}

fn unwired(what: &str) -> RunError {
    RunError::Broken { what: format!("a stage of the graph has no {what}") }
}
