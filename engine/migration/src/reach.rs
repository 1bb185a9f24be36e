//! Reaching the target: a session on each of its shards.

use std::{collections::BTreeSet, sync::Arc};

use whimbrel_mysql::{
    Account, ConnectOptions, Finding, Role, Session, TlsMode, TlsOptions, catalog, target, vtgate,
};
use whimbrel_plan::{Endpoint, Plan, Target, Tls};

use crate::{
    error::RunError,
    sequences::Numbered,
    shards::Shard,
    store::StoredTarget,
    vindexes::{Keyspace, Placed},
};

/// The target, with a session on each of its shards.
#[derive(Debug)]
pub(crate) struct Reached {
    /// How the plan says that it is connected to.
    pub(crate) options: ConnectOptions,
    /// Its shards, at least one; the first is home.
    shards: Vec<(Session, Arc<Shard>)>,
    /// The keyspace that has the shards; `None` of a target that is one database.
    pub(crate) keyspace: Option<Keyspace>,
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
        if let Some(keyspace) = self.keyspace {
            keyspace.session.close().await;
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
        Ok(Self { options, shards: vec![(session, shard)], keyspace: None })
    }

    /// A keyspace, each of whose shards is reached by sessions of its own.
    async fn keyspace(options: ConnectOptions) -> Result<Self, RunError> {
        let options = options.for_keyspace(options.database());
        let keyspace = Keyspace::of(&options).await?;
        let mut shards = Vec::new();
        for name in keyspace.shards.names() {
            let options = options.for_shard(&keyspace.shape.keyspace, name);
            let shard = |schema| Shard {
                name: Some(name.clone()),
                options: options.clone(),
                schema,
                is_part: keyspace.shape.is_sharded,
            };
            let session = Session::connect(&options, Role::Target).await;
            let session = session.map_err(|error| shard(String::new()).told(error.into()))?;
            let shard = shard(session.schema().to_owned());
            shards.push((session, Arc::new(shard)));
        }
        Ok(Self { options, shards, keyspace: Some(keyspace) })
    }

    /// What the checks of the target find.
    pub(crate) async fn findings(
        &mut self,
        plan: &Plan,
        source: &mut Session,
    ) -> Result<Vec<Finding>, RunError> {
        let Some(keyspace) = &self.keyspace else {
            let (session, home) = self.home();
            let databases = (&home.schema, &plan.source.database);
            return Ok(target::findings(session, databases.0, source, databases.1).await?);
        };
        let mut findings = vtgate::findings(&keyspace.shape);
        for (session, shard) in &mut self.shards {
            let name =
                format!("{}/{}", keyspace.shape.keyspace, shard.name.as_deref().unwrap_or(""));
            let tables = catalog::table_names(session, &shard.schema).await?;
            let made = |table: &String| plan.materialized.iter().any(|it| it.name.name == *table);
            let is_written = |table: &String| plan.selection.may_move(table) || made(table);
            let tables: Vec<String> = tables.into_iter().filter(is_written).collect();
            let found = vtgate::shard_findings(session, &name, &tables).await;
            findings.extend(found.map_err(|error| shard.told(error.into()))?);
        }
        Ok(findings)
    }

    /// Where the rows of `targets` are; with the names of those whose keys several sources may have.
    ///
    /// # Errors
    ///
    /// As [`Keyspace::placing`].
    pub(crate) async fn placing(
        &mut self,
        plan: &Plan,
        targets: (&[StoredTarget], &BTreeSet<String>),
    ) -> Result<Placed, RunError> {
        match &mut self.keyspace {
            None => Ok(Placed::whole()),
            Some(keyspace) => keyspace.placing(plan, targets).await,
        }
    }

    /// What numbers the new rows of the `moved` tables, and what a person should know of that.
    ///
    /// # Errors
    ///
    /// As [`Keyspace::sequences`].
    pub(crate) async fn sequences(
        &mut self,
        plan: &Plan,
        source: &mut Session,
        moved: &[String],
    ) -> Result<(Vec<Numbered>, Vec<Finding>), RunError> {
        match &mut self.keyspace {
            None => Ok((Vec::new(), Vec::new())),
            Some(keyspace) => keyspace.sequences(plan, source, moved).await,
        }
    }
}

/// Reaches the plan's target.
pub(crate) async fn reach(plan: &Plan) -> Result<Reached, RunError> {
    match &plan.target {
        Target::Mysql(target) => Reached::only(endpoint(&target.endpoint)?).await,
        Target::Vitess(target) => Reached::keyspace(endpoint(&target.endpoint)?).await,
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
