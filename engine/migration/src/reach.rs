//! Reaching the target: a session on each of its shards.

use std::sync::Arc;

use whimbrel_mysql::{Account, ConnectOptions, Role, Session, TlsMode, TlsOptions};
use whimbrel_plan::{Endpoint, Plan, Target, Tls};

use crate::{error::RunError, shards::Shard};

/// The target, with a session on each of its shards.
#[derive(Debug)]
pub(crate) struct Reached {
    /// How the plan says that it is connected to.
    pub(crate) options: ConnectOptions,
    /// Its shards, at least one; the first is home.
    shards: Vec<(Session, Arc<Shard>)>,
}

impl Reached {
    /// The first shard, which has the run's own rows.
    pub(crate) fn home(&mut self) -> (&mut Session, &Arc<Shard>) {
        let (session, shard) = &mut self.shards[0];
        (session, shard)
    }

    /// All shards.
    pub(crate) fn each(
        &mut self,
    ) -> impl ExactSizeIterator<Item = (&mut Session, &Arc<Shard>)> + DoubleEndedIterator {
        self.shards.iter_mut().map(|(session, shard)| (session, &*shard))
    }

    /// The shards' names; none of a target that is one database.
    pub(crate) fn shard_names(&self) -> Vec<String> {
        self.shards.iter().filter_map(|(_, shard)| shard.name.clone()).collect()
    }

    /// Ends the sessions; the shards.
    pub(crate) async fn close(self) -> Vec<Arc<Shard>> {
        let mut shards = Vec::new();
        for (session, shard) in self.shards {
            session.close().await;
            shards.push(shard);
        }
        shards
    }

    /// Connects anew, so that the target's binary log does not get what is written.
    pub(crate) async fn skipping_binlog(self) -> Result<Self, RunError> {
        let options = self.options.clone().skipping_binlog();
        self.close().await;
        Self::only(options).await
    }

    /// A target that is one database.
    async fn only(options: ConnectOptions) -> Result<Self, RunError> {
        let session = Session::connect(&options, Role::Target).await?;
        let shard = Arc::new(Shard::only(options.clone()));
        Ok(Self { options, shards: vec![(session, shard)] })
    }
}

/// Reaches the plan's target.
pub(crate) async fn reach(plan: &Plan) -> Result<Reached, RunError> {
    match &plan.target {
        Target::Mysql(target) => Reached::only(endpoint(&target.endpoint)?).await,
        Target::Vitess(target) => {
            Err(RunError::Vitess { keyspace: target.endpoint.database.clone() })
        }
    }
}

/// How `endpoint` of a plan is connected to.
pub(crate) fn endpoint(endpoint: &Endpoint) -> Result<ConnectOptions, RunError> {
    let (mode, ca) = match &endpoint.tls {
        Tls::Disabled => (TlsMode::Disabled, None),
        Tls::Preferred => (TlsMode::Preferred, None),
        Tls::Required => (TlsMode::Required, None),
        Tls::VerifyCa { ca } => (TlsMode::VerifyCa, ca.clone()),
        Tls::VerifyIdentity { ca } => (TlsMode::VerifyIdentity, ca.clone()),
    };
    let account = Account {
        host: endpoint.host.clone(),
        port: endpoint.port,
        user: endpoint.user.clone(),
        password: endpoint.password.clone(),
    };
    Ok(ConnectOptions::new(account, &endpoint.database, TlsOptions { mode, ca })?)
}
