//! Ways past vtgate: straight to the server of a shard's primary tablet, and the proof that it is that.
//!
//! Rows alone go there, each transaction with its lane's row. Whatever else a run stores or believes goes
//! through vtgate, to the server that the cluster has as the primary at that moment: the claim of the plan, the
//! pieces and their marks, the changes of lanes, and every look at what lanes have stored.
//!
//! A primary may be replaced at any moment, also between the proof and a `COMMIT`, and one that is cut off may
//! take writes for a while that are lost with it. They are lost whole, since rows, position and marks are in one
//! transaction, and nobody has counted on them: a run that reads pieces and positions through vtgate neither
//! goes on to a table's indexes nor ends as caught up by what another server holds. A lane that comes to the new
//! primary compares and swaps its row there, and stops if that is behind; the next runner goes on from there.
//! So the proof and the watch ([`crate::serving`]) keep such a run short and say why it ends.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use whimbrel_mysql::{ConnectOptions, Error, Finding, Role, Session, target, vtgate};
use whimbrel_plan::{Plan, Target};

use crate::{
    error::RunError,
    reach::Reached,
    runners,
    shards::Shard,
    store::{self, PlanKey},
};

/// What a server says whose primary's tablet has made it a replica: it takes no writes.
const TAKES_NO_WRITES: [u16; 2] = [1290, 1836];

/// How the rows of a shard are written past vtgate.
#[derive(Debug)]
pub(crate) struct Way {
    /// The shard, as Vitess names it.
    shard: String,
    /// The server that the plan names, with sessions in the shard's database.
    server: ConnectOptions,
    /// vtgate, with sessions on the shard.
    gate: ConnectOptions,
    plan: PlanKey,
    state: Mutex<State>,
    /// Sessions are proven one by one: each proof has a connection to vtgate for a moment.
    proving: tokio::sync::Mutex<()>,
}

/// What is known of a way.
#[derive(Debug, Default)]
struct State {
    /// How often it was doubted. Sessions that were proven before are not used any more.
    doubts: u64,
    /// The server of the newest session.
    server: Option<String>,
}

/// What tells a shard's primary from all other servers: replicas have its rows and the token, a copy of its
/// disk has its UUID and no token that was drawn since.
#[derive(Debug, PartialEq, Eq)]
struct Identity {
    server: String,
    token: Option<String>,
}

impl Identity {
    async fn of(session: &mut Session, plan: &PlanKey) -> Result<Self, Error> {
        let server = vtgate::server_behind(session).await?;
        let token = match store::token(session, plan).await {
            Err(Error::Server { code: NO_SUCH_TABLE, .. }) => None,
            token => token?,
        };
        Ok(Self { server, token })
    }

    /// What tells that this is not the server that vtgate writes to, which is `wanted`.
    fn differs(&self, wanted: &Self) -> Option<String> {
        if wanted.server != self.server {
            return Some(format!(
                "its `server_uuid` is {}, and that of the primary {}",
                self.server, wanted.server
            ));
        }
        (wanted.token.is_none() || wanted.token != self.token).then(|| {
            "it has not what was stored through vtgate, as a copy of that server".to_owned()
        })
    }
}

/// The number of a server's answer.
const NO_SUCH_TABLE: u16 = 1146;

impl Way {
    /// The way to `shard` by the `server` that the plan names.
    pub(crate) fn new(shard: &Shard, server: &ConnectOptions, plan: PlanKey) -> Self {
        Self {
            shard: shard.name.clone().unwrap_or_default(),
            server: server.in_database(&shard.schema),
            gate: shard.options.clone(),
            plan,
            state: Mutex::default(),
            proving: tokio::sync::Mutex::default(),
        }
    }

    /// How the server is connected to.
    pub(crate) fn server(&self) -> &ConnectOptions {
        &self.server
    }

    /// vtgate, with sessions on the shard.
    pub(crate) fn gate(&self) -> &ConnectOptions {
        &self.gate
    }

    /// How often the way was doubted: a session is good for as long as it is the number that came with it.
    pub(crate) fn doubts(&self) -> u64 {
        self.state().doubts
    }

    /// A session with the server, which is proven to be the shard's primary, and the doubts before that.
    ///
    /// # Errors
    ///
    /// [`Error::NotPrimary`] when it is another; what server or vtgate say.
    pub(crate) async fn session(&self) -> Result<(Session, u64), Error> {
        let doubts = self.doubts();
        let mut session = Session::connect(&self.server, Role::Target).await?;
        let turn = self.proving.lock().await;
        let mut gate = Session::connect(&self.gate, Role::Target).await?;
        let wanted = Identity::of(&mut gate, &self.plan).await;
        gate.close().await;
        drop(turn);
        let (wanted, found) = (wanted?, Identity::of(&mut session, &self.plan).await?);
        if let Some(reason) = found.differs(&wanted) {
            return Err(self.astray(reason));
        }
        Ok((session, self.proven(doubts, found.server)))
    }

    /// Notes that a session is with `server`, which was asked for when doubts were so many; those that it is
    /// good for. If another server was the primary before, sessions with that one are not used any more.
    fn proven(&self, doubts: u64, server: String) -> u64 {
        let mut state = self.state();
        let is_other = state.server.as_ref().is_some_and(|former| *former != server);
        state.server = Some(server);
        if !is_other || state.doubts != doubts {
            return doubts;
        }
        state.doubts += 1;
        state.doubts
    }

    /// Whether the newest session is with the server `primary`, which vtgate writes to; if not, or where there
    /// is none, no session is used any more before it is proven anew.
    pub(crate) fn leads_to(&self, primary: &str) -> bool {
        let mut state = self.state();
        let is_there = state.server.as_deref() == Some(primary);
        if !is_there {
            state.doubts += 1;
        }
        is_there
    }

    /// `error` of a session with the server.
    pub(crate) fn understood(&self, error: Error) -> Error {
        match error.code() {
            Some(code) if TAKES_NO_WRITES.contains(&code) => {
                self.astray("it takes no writes any more".to_owned())
            }
            Some(_) | None => error,
        }
    }

    /// The error that the server is not the shard's primary.
    pub(crate) fn astray(&self, reason: String) -> Error {
        Error::NotPrimary { address: self.server.address(), shard: self.shard.clone(), reason }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // It is whole between any two of its uses.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What stands in the way of writing the rows of `shards` to the servers that the plan names, if any; each
/// session is on its shard through vtgate.
pub(crate) async fn findings(
    plan: &Plan,
    shards: &mut [(Session, Arc<Shard>)],
    source: &mut Session,
) -> Result<Vec<Finding>, RunError> {
    let Target::Vitess(planned) = &plan.target else { return Ok(Vec::new()) };
    if !planned.is_straight() {
        return Ok(Vec::new());
    }
    let serving: Vec<String> = shards.iter().filter_map(|(_, shard)| shard.name.clone()).collect();
    let named: Vec<&str> = planned.tablets.iter().map(|tablet| tablet.shard.as_str()).collect();
    let unnamed = vtgate::tablets_finding(&planned.endpoint.database, &serving, &named);
    if let Some(finding) = unnamed {
        return Ok(vec![finding]);
    }
    let mut primaries = Vec::new();
    for ((session, shard), name) in shards.iter_mut().zip(&serving) {
        let server = vtgate::server_behind(session).await;
        primaries.push((name.as_str(), server.map_err(|error| shard.told(error.into()))?));
    }
    let mut findings = Vec::new();
    for (_, shard) in shards.iter() {
        let Some(way) = &shard.way else { continue };
        let place = (planned.endpoint.database.as_str(), shard.schema.as_str());
        let found = of_server((way, place), &primaries, source).await;
        findings.extend(found.map_err(|error| shard.told(error.into()))?);
    }
    Ok(findings)
}

/// What is found of one server.
async fn of_server(
    (way, (keyspace, schema)): (&Way, (&str, &str)),
    primaries: &[(&str, String)],
    source: &mut Session,
) -> Result<Vec<Finding>, Error> {
    let (mut session, server) = match identified(way).await {
        Ok(identified) => identified,
        Err(error) => {
            // A vtgate does not do what a server does, and says no more than that.
            let asked = way.server.for_keyspace(keyspace);
            return match Session::connect(&asked, Role::Target).await {
                Ok(gate) => {
                    let finding = vtgate::not_a_server_finding(&way.shard, gate.address());
                    gate.close().await;
                    Ok(vec![finding])
                }
                Err(_) => Err(error),
            };
        }
    };
    let place = (way.shard.as_str(), session.address());
    let findings = match vtgate::primary_finding(place, &server, primaries) {
        Some(finding) => vec![finding],
        None => target::row_findings(&mut session, (&way.shard, schema), source).await?,
    };
    session.close().await;
    Ok(findings)
}

/// A session with the server that the plan names, and which it is.
async fn identified(way: &Way) -> Result<(Session, String), Error> {
    // In no database: another server has none of that name.
    let mut session = Session::connect(&way.server.in_database(""), Role::Target).await?;
    let server = vtgate::server_behind(&mut session).await?;
    Ok((session, server))
}

/// Opens the ways to the shards, before the plan is claimed: each server that the plan names is proven to be
/// its shard's primary, by a token that is drawn through vtgate. The sessions of former runners there, which may
/// hold the rows of lanes, are ended: no runner is at work that is not to be pushed out. On a target that is one
/// database they are where this one takes over; otherwise they have ended, or it would not have its lock.
///
/// # Errors
///
/// [`Error::NotPrimary`]; what servers and vtgate say.
pub(crate) async fn open(
    target: &mut Reached,
    plan: &PlanKey,
    takes_over: bool,
) -> Result<(), RunError> {
    for (session, shard) in target.each() {
        let Some(way) = &shard.way else {
            if takes_over && shard.has_locks() {
                runners::end_lanes(session, (plan, shard)).await?;
            }
            continue;
        };
        let opened = async {
            store::draw_token(session, plan).await?;
            let (mut straight, _) = way.session().await?;
            runners::end_lanes(&mut straight, (plan, shard)).await?;
            straight.close().await;
            Ok(())
        };
        opened.await.map_err(|error| shard.told(error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
