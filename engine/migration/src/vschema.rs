//! What a keyspace's vschema lacks of what a plan says: worked out, told of, and added.

use std::{collections::BTreeMap, time::Duration};

use whimbrel_flow::Clock;
use whimbrel_mysql::{Class, Error, Role, Session, vtgate, vtgate::TableVindex};
use whimbrel_plan::{
    KeyspaceVindex, Plan, SequenceName, Sharding, Target, VschemaAddition, VschemaPolicy,
};

use crate::{error::RunError, preparing::Preparing, vindexes::Keyspace};

/// How long vtgates may take to serve what was added: the one that took a statement serves it at once, others
/// learn of it from the topology within seconds.
pub(crate) const SERVED_WAIT_MAX: Duration = Duration::from_secs(30);

/// So many connections in a row have to find what was added: each may be to another vtgate, and nobody tells how
/// many there are.
const SERVED_IN_A_ROW: u32 = 3;

/// How often it is asked.
pub(crate) const ASK_EVERY: Duration = Duration::from_millis(100);

/// How often a statement is tried while others change the same vschema.
const TRIES_MAX: u32 = 5;

/// Who is told of the statements that change a vschema, before the first of them is run.
pub type Announce<'a> = &'a (dyn Fn(&[String]) + Send + Sync);

/// What adding needs beside vtgate: the time, who is told of the statements, and of what is waited for.
pub(crate) type How<'a> = (&'a Clock, Announce<'a>, &'a Preparing);

/// Whether a run of `plan` adds to the vschema.
pub(crate) fn is_added_to(plan: &Plan) -> bool {
    match &plan.target {
        Target::Vitess(target) => target.vschema == VschemaPolicy::Apply,
        Target::Mysql(_) => false,
    }
}

impl Keyspace {
    /// What is to be added so that vtgate knows where the rows of `tables` are, as far as the plan says it.
    /// From here on they are taken to be there.
    ///
    /// What the vschema says otherwise is left as it is, for the checks to refuse.
    ///
    /// # Errors
    ///
    /// What vtgate says.
    pub(crate) async fn lacking(
        &mut self,
        plan: &Plan,
        tables: &[String],
    ) -> Result<Vec<VschemaAddition>, RunError> {
        if !is_added_to(plan) {
            return Ok(Vec::new());
        }
        if !self.shape.is_sharded && !self.may_become_sharded(plan) {
            let known = vtgate::known_tables(&mut self.session).await?;
            let unknown = tables.iter().filter(|table| !known.contains(*table));
            let keyspace = &self.shape.keyspace;
            let addition = |table: &String| VschemaAddition::Table {
                keyspace: keyspace.clone(),
                table: table.clone(),
            };
            return Ok(unknown.map(addition).collect());
        }
        if !self.shape.is_sharded {
            // The first vindex makes it so.
            self.shape.is_sharded = true;
            let unknown = tables.iter().map(|table| (table.clone(), vtgate::Placing::Unknown));
            self.told.extend(unknown);
        }
        self.ask(tables).await?;
        let mut additions = Vec::new();
        for planned in plan.sharding.iter().filter(|it| tables.contains(&it.table)) {
            if self.told.get(&planned.table) != Some(&vtgate::Placing::Unknown) {
                continue;
            }
            let keyspace = &self.shape.keyspace;
            // What no statement says is refused with what does.
            let Ok(addition) = VschemaAddition::vindex(keyspace, planned, &mut self.vindexes)
            else {
                continue;
            };
            self.told.extend(placed_by(&addition));
            additions.push(addition);
        }
        Ok(additions)
    }

    /// Whether the plan's vindexes may make a keyspace sharded that has none: where it has several shards,
    /// nothing is found in it as it is.
    pub(crate) fn may_become_sharded(&self, plan: &Plan) -> bool {
        let is_vindex = |how: &Sharding| matches!(how, Sharding::Vindex { .. });
        self.shards.names().len() > 1 && plan.sharding.iter().any(|it| is_vindex(&it.how))
    }

    /// Adds to the vschema, and waits until vtgates serve it. What somebody else has added meanwhile is
    /// there; what a run that ended midway has added is not among what the next one finds lacking, unless it
    /// comes to a vtgate that has not heard of it: there each part is waited for before the next is added.
    /// For vtgate publishes what it knows of all other keyspaces with what it adds.
    ///
    /// # Errors
    ///
    /// [`RunError::Vschema`] for the statement that vtgate does not take; [`RunError::VschemaUnserved`].
    ///
    /// Source: Vitess 24, `go/vt/vtgate/executorcontext/vcursor_impl.go`, `ExecuteVSchema`.
    pub(crate) async fn add(
        &mut self,
        additions: &[VschemaAddition],
        how: How<'_>,
    ) -> Result<(), RunError> {
        if additions.is_empty() {
            return Ok(());
        }
        let (clock, announce, preparing) = how;
        announce(&additions.iter().map(ToString::to_string).collect::<Vec<_>>());
        for addition in additions {
            tracing::info!(statement = %addition, "adding to the vschema");
            self.add_one(addition, how).await?;
        }
        for addition in additions {
            until_served(&mut self.session, addition, how).await?;
        }
        let mut unserved = additions.first();
        let waiting = async {
            let mut in_a_row = 0;
            while in_a_row < SERVED_IN_A_ROW {
                in_a_row += 1;
                if let Some(addition) = self.unserved_elsewhere(additions).await? {
                    in_a_row = 0;
                    preparing.waits(Some(not_served(addition)));
                    unserved = Some(addition);
                    clock.sleep(ASK_EVERY).await;
                }
            }
            Ok::<_, RunError>(())
        };
        let waited = clock.timeout(SERVED_WAIT_MAX, waiting).await;
        preparing.waits(None);
        let statement = unserved.map(ToString::to_string).unwrap_or_default();
        waited.map_err(|_| RunError::VschemaUnserved { statement })?
    }

    /// The first addition that is not served on a new connection, which may be to another vtgate.
    async fn unserved_elsewhere<'a>(
        &self,
        additions: &'a [VschemaAddition],
    ) -> Result<Option<&'a VschemaAddition>, Error> {
        let mut session = Session::connect(&self.options, Role::Target).await?;
        for addition in additions {
            if !serves(&mut session, addition).await? {
                return Ok(Some(addition));
            }
        }
        session.close().await;
        Ok(None)
    }

    async fn add_one(&mut self, addition: &VschemaAddition, how: How<'_>) -> Result<(), RunError> {
        let statement = addition.to_string();
        let mut tries = 0;
        loop {
            tries += 1;
            let cause = match self.session.execute(statement.as_bytes()).await {
                Ok(_) => return Ok(()),
                Err(cause) => cause,
            };
            if self.session.is_usable() && serves(&mut self.session, addition).await? {
                return Ok(());
            }
            if cause.is_in_topology() {
                return until_served(&mut self.session, addition, how).await;
            }
            if cause.class() != Class::TryAgain || tries == TRIES_MAX {
                return Err(RunError::Vschema { statement, cause });
            }
            how.0.sleep(ASK_EVERY).await;
        }
    }
}

/// Waits until vtgate has it.
async fn until_served(
    session: &mut Session,
    addition: &VschemaAddition,
    (clock, _, preparing): How<'_>,
) -> Result<(), RunError> {
    let waiting = async {
        while !serves(session, addition).await? {
            preparing.waits(Some(not_served(addition)));
            clock.sleep(ASK_EVERY).await;
        }
        Ok::<_, RunError>(())
    };
    let waited = clock.timeout(SERVED_WAIT_MAX, waiting).await;
    preparing.waits(None);
    waited.map_err(|_| RunError::VschemaUnserved { statement: addition.to_string() })?
}

/// What is waited for, in words.
fn not_served(addition: &VschemaAddition) -> String {
    format!("a vtgate does not know yet what the topology has: `{addition}`")
}

/// Whether the vtgate of the session has it.
async fn serves(session: &mut Session, addition: &VschemaAddition) -> Result<bool, Error> {
    match addition {
        VschemaAddition::Vindex { keyspace, table, .. } => {
            let now = vtgate::shape(session, keyspace, std::slice::from_ref(table)).await?;
            let wanted = placed_by(addition).map(|(_, wanted)| wanted);
            Ok(match (now.tables.get(table), &wanted) {
                (
                    Some(vtgate::Placing::Vindexes { vindexes, .. }),
                    Some(vtgate::Placing::Vindexes { vindexes: wanted, .. }),
                ) => vindexes.first() == wanted.first(),
                _ => false,
            })
        }
        VschemaAddition::Table { table, .. } => {
            Ok(vtgate::known_tables(session).await?.contains(table))
        }
        VschemaAddition::SequenceTable(sequence) | VschemaAddition::SequenceRow(sequence) => {
            Ok(!lacking_table(session, sequence).await?.contains(addition))
        }
        VschemaAddition::Sequence(sequence) => {
            let sequence = (sequence.keyspace.as_str(), sequence.table.as_str());
            vtgate::is_sequence(session, sequence).await
        }
        VschemaAddition::AutoIncrement { keyspace, table, sequence, .. } => {
            let now = vtgate::shape(session, keyspace, std::slice::from_ref(table)).await?;
            Ok(match now.tables.get(table) {
                Some(vtgate::Placing::Vindexes { sequence: Some(now), .. }) => {
                    *now == sequence.table
                }
                _ => false,
            })
        }
    }
}

/// What a sequence's table lacks: itself and its row, its row, or nothing.
pub(crate) async fn lacking_table(
    session: &mut Session,
    sequence: &SequenceName,
) -> Result<Vec<VschemaAddition>, Error> {
    let [table, row, _] = VschemaAddition::whole_sequence(sequence);
    let name = (sequence.keyspace.as_str(), sequence.table.as_str());
    match vtgate::sequence_cache(session, name).await {
        Ok(Some(_)) => Ok(Vec::new()),
        Ok(None) => Ok(vec![row]),
        Err(error) if error.class() == Class::SchemaGone => Ok(vec![table, row]),
        Err(error) => Err(error),
    }
}

/// Where the rows of the table are once its vindex is added.
fn placed_by(addition: &VschemaAddition) -> Option<(String, vtgate::Placing)> {
    let VschemaAddition::Vindex { table, columns, vindex, .. } = addition else { return None };
    let KeyspaceVindex { name, kind, params } = vindex.clone();
    let vindex = TableVindex { columns: columns.clone(), name, kind, params, owner: None };
    let placing = vtgate::Placing::Vindexes { vindexes: vec![vindex], sequence: None };
    Some((table.clone(), placing))
}

/// The vindexes of a keyspace, as vtgate tells of them.
pub(crate) fn named(
    vindexes: BTreeMap<String, (String, BTreeMap<String, String>)>,
) -> Vec<KeyspaceVindex> {
    let vindex = |(name, (kind, params))| KeyspaceVindex { name, kind, params };
    vindexes.into_iter().map(vindex).collect()
}
