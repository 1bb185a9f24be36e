//! The program itself, into a keyspace.

use tempfile::TempDir;
use whimbrel_kit::Server;

use super::Place;
use crate::Result;
use crate::measure::{Pids, Usage, measure};
use crate::whimbrel::Plan;

/// A plan that moves the source's tables into a keyspace.
pub(super) struct Whimbrel {
    plan: Plan,
    _folder: TempDir,
}

impl Whimbrel {
    /// Writes the plan. It says of connections to the target what is given, unless that is 0; rows go straight to the shards'
    /// servers, or through vtgate.
    pub(super) fn new(place: &Place<'_>, connections: u64, is_straight: bool) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut tablets = String::new();
        if is_straight {
            let servers = place.shards.iter().zip(place.servers()?);
            let servers: Vec<String> = servers
                .map(|(shard, server)| format!("\"{shard}\": {{ url: \"{}\" }}", server.url()))
                .collect();
            tablets = format!(", tablets: {{ {} }}", servers.join(", "));
        }
        let target = format!(
            "vitess: {{ url: \"{}\", keyspace: {}{tablets} }}",
            place.cluster.url(),
            place.keyspace
        );
        let limits = match connections {
            0 => String::new(),
            _ => format!("limits: {{ target_connections: {connections} }}\n"),
        };
        let plan = Plan::write_into(folder.path(), &place.set, place.source, (&target, &limits))?;
        Ok(Self { plan, _folder: folder })
    }

    /// A run to where the source is, from where it has ended before.
    pub(super) async fn run(&self, place: &Place<'_>) -> Result<Usage> {
        let shards = place.servers()?.into_iter().filter_map(Server::pid);
        let target = place.cluster.pids().into_iter().chain(shards).collect();
        let pids = Pids { source: place.source.pid(), target };
        measure(pids, vec![self.plan.step()?], self.plan.log()).await
    }
}
