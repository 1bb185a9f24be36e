//! Reaching the target: a session on each of its shards.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use whimbrel_mysql::{
    Account, ConnectOptions, Error, Finding, Role, Session, Severity, TlsMode, TlsOptions, catalog,
    target, vtgate,
};
use whimbrel_plan::{Endpoint, Plan, Target, Tls, VitessTarget, VschemaAddition};

use crate::{
    error::{RunError, TableProblem},
    foreign_keys::{self, Pieces},
    lookups::Lookup,
    placing::{Placement, Placing},
    sequences::Sequences,
    shards::Shard,
    store::{PlanKey, StoredTarget},
    vindexes::{Keyspace, Placed},
    vschema::How,
    ways::{self, Way},
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
    /// Other keyspaces, whose shards stand behind its own: they have tables of lookup vindexes.
    others: Vec<Keyspace>,
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

    /// The shards of one of its keyspaces.
    pub(crate) fn shards_of(
        &mut self,
        keyspace: &str,
    ) -> impl Iterator<Item = (&mut Session, &Arc<Shard>)> {
        let keyspaces = self.keyspace.iter().chain(&self.others);
        let range =
            keyspaces.filter(|it| it.shape.keyspace == keyspace).map(Keyspace::range).next();
        let range = range.unwrap_or(0..0);
        let shards = self.shards.iter_mut().take(range.end).skip(range.start);
        shards.map(|(session, shard)| (session, &*shard))
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
        for keyspace in self.keyspace.into_iter().chain(self.others) {
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
        Ok(Self { options, shards: vec![(session, shard)], keyspace: None, others: Vec::new() })
    }

    /// A keyspace, each of whose shards is reached by sessions of its own.
    async fn keyspace(plan: &Plan, target: &VitessTarget) -> Result<Self, RunError> {
        let options = endpoint(&target.endpoint)?;
        let options = options.for_keyspace(options.database());
        let keyspace = Keyspace::of(&options, 0).await?;
        if keyspace.shape.shards.iter().any(|shard| !shard.is_serving) {
            // Said with the tablets' remedy; a session there would but fail.
            return Err(RunError::Preflight { findings: vtgate::findings(&keyspace.shape) });
        }
        let mut shards = sessions(&options, &keyspace, false).await?;
        for tablet in &target.tablets {
            let server = endpoint(&tablet.endpoint)?;
            let is_of = |shard: &Shard| shard.name.as_ref() == Some(&tablet.shard);
            for (_, shard) in shards.iter_mut().filter(|(_, shard)| is_of(shard)) {
                let way = Way::new(shard, &server, PlanKey::new(&plan.name));
                *shard = Arc::new(Shard { way: Some(Arc::new(way)), ..(**shard).clone() });
            }
        }
        Ok(Self { options, shards, keyspace: Some(keyspace), others: Vec::new() })
    }

    /// Reaches the keyspaces that have the tables of `lookups`, where they are not the target's own; what
    /// their checks find.
    ///
    /// # Errors
    ///
    /// [`RunError::Preflight`] for what stands in the way; as [`Keyspace::of`].
    pub(crate) async fn reach_beside(
        &mut self,
        lookups: impl Iterator<Item = &Lookup>,
    ) -> Result<Vec<Finding>, RunError> {
        let own = self.options.database().to_owned();
        let mut tables: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for lookup in lookups.filter(|lookup| lookup.keyspace != own) {
            tables.entry(&lookup.keyspace).or_default().push(lookup.table.clone());
        }
        let mut findings = Vec::new();
        for (name, tables) in tables {
            let options = self.options.for_keyspace(name);
            let keyspace = Keyspace::of(&options, self.shards.len()).await?;
            findings.extend(vtgate::findings(&keyspace.shape));
            let mut shards = sessions(&options, &keyspace, true).await?;
            for (session, shard) in &mut shards {
                let of_shard = on_shard((session, shard), &tables).await;
                findings.extend(of_shard.map_err(|error| shard.told(error))?);
            }
            self.shards.extend(shards);
            self.others.push(keyspace);
        }
        if findings.iter().any(|finding| finding.severity == Severity::Refusal) {
            return Err(RunError::Preflight { findings });
        }
        Ok(findings)
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
        if foreign_keys::are_made(plan) {
            findings.extend(vtgate::foreign_key_finding(&keyspace.shape));
        }
        findings.extend(ways::findings(plan, &mut self.shards, source).await?);
        for (session, shard) in &mut self.shards {
            let name =
                format!("{}/{}", keyspace.shape.keyspace, shard.name.as_deref().unwrap_or(""));
            let found = of_server((&mut *session, &name), &shard.schema, (source, plan)).await;
            let found = found.map_err(|error| shard.told(error.into()))?;
            let is_refused = found.iter().any(|it| it.severity == Severity::Refusal);
            findings.extend(found);
            if is_refused {
                // What its server does not take its tablet does not take either, and says less of it.
                continue;
            }
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
        let Some(keyspace) = &mut self.keyspace else { return Ok(Placed::default()) };
        let mut placed = keyspace.placing(plan, targets).await?;
        for (target, placement) in targets.0.iter().zip(&mut placed.placements) {
            for other in &mut self.others {
                if let Some((beside, words)) = other.beside(target).await? {
                    *placement = beside;
                    let name = known_as(&other.shape.keyspace, target.name());
                    placed.words.insert(name, words);
                }
            }
        }
        Ok(placed)
    }

    /// What is wrong with the tables of `lookups` in the vschemas of their keyspaces.
    ///
    /// # Errors
    ///
    /// What vtgate says.
    pub(crate) async fn unplaced(
        &mut self,
        lookups: &[Lookup],
    ) -> Result<Vec<TableProblem>, RunError> {
        let mut problems = Vec::new();
        for keyspace in self.keyspace.iter_mut().chain(&mut self.others) {
            let of_keyspace = lookups.iter().filter(|it| it.keyspace == keyspace.shape.keyspace);
            let tables: Vec<String> = of_keyspace.map(|lookup| lookup.table.clone()).collect();
            problems.extend(keyspace.unplaced(&tables).await?);
        }
        Ok(problems)
    }

    /// Where rows are, by the placements of their tables.
    pub(crate) fn among(&self, placements: Vec<Placement>) -> Placing {
        let beside = self.shards.iter().filter(|(_, shard)| shard.is_beside).count();
        Placing::new(self.shards.len() - beside, placements).with_others(beside)
    }

    /// What is to be added to the vschema for `tables`; it is taken to be there from now on.
    ///
    /// # Errors
    ///
    /// As [`Keyspace::lacking`].
    pub(crate) async fn lacking(
        &mut self,
        plan: &Plan,
        tables: &[String],
    ) -> Result<Vec<VschemaAddition>, RunError> {
        let Some(keyspace) = &mut self.keyspace else { return Ok(Vec::new()) };
        let additions = keyspace.lacking(plan, tables).await?;
        for (_, shard) in self.shards.iter_mut().filter(|(_, shard)| !shard.is_beside) {
            if shard.is_part != keyspace.shape.is_sharded {
                Arc::make_mut(shard).is_part = keyspace.shape.is_sharded;
            }
        }
        Ok(additions)
    }

    /// Lets its own shards' tables have these foreign keys.
    pub(crate) fn give_foreign_keys(&mut self, pieces: Pieces) {
        let pieces = Arc::new(pieces);
        for (_, shard) in self.shards.iter_mut().filter(|(_, shard)| !shard.is_beside) {
            Arc::make_mut(shard).foreign_keys = Some(Arc::clone(&pieces));
        }
    }

    /// Where vtgate says that the rows of a table are, if it was asked.
    pub(crate) fn told(&self, table: &str) -> Option<&vtgate::Placing> {
        self.keyspace.as_ref()?.told.get(table)
    }

    /// Adds to the vschema.
    ///
    /// # Errors
    ///
    /// As [`Keyspace::add`].
    pub(crate) async fn add(
        &mut self,
        additions: &[VschemaAddition],
        how: How<'_>,
    ) -> Result<(), RunError> {
        match &mut self.keyspace {
            None => Ok(()),
            Some(keyspace) => keyspace.add(additions, how).await,
        }
    }

    /// What numbers the new rows of the `moved` tables.
    ///
    /// # Errors
    ///
    /// As [`Keyspace::sequences`].
    pub(crate) async fn sequences(
        &mut self,
        plan: &Plan,
        source: &mut Session,
        moved: &[String],
    ) -> Result<Sequences, RunError> {
        match &mut self.keyspace {
            None => Ok(Sequences::default()),
            Some(keyspace) => keyspace.sequences(plan, source, moved).await,
        }
    }
}

/// What a shard or a table of a keyspace beside the target's own is called.
pub(crate) fn known_as(keyspace: &str, name: &str) -> String {
    format!("{keyspace}/{name}")
}

/// Sessions on the shards of a keyspace.
async fn sessions(
    options: &ConnectOptions,
    keyspace: &Keyspace,
    is_beside: bool,
) -> Result<Vec<(Session, Arc<Shard>)>, RunError> {
    let mut shards = Vec::new();
    for name in keyspace.shards.names() {
        let options = options.for_shard(&keyspace.shape.keyspace, name);
        let known = match is_beside {
            false => name.clone(),
            true => known_as(&keyspace.shape.keyspace, name),
        };
        let shard = |schema| Shard {
            name: Some(known.clone()),
            options: options.clone(),
            way: None,
            schema,
            is_part: keyspace.shape.is_sharded,
            foreign_keys: Some(Arc::default()),
            is_beside,
        };
        let session = Session::connect(&options, Role::Target).await;
        let session = session.map_err(|error| shard(String::new()).told(error.into()))?;
        let shard = shard(session.schema().to_owned());
        shards.push((session, Arc::new(shard)));
    }
    Ok(shards)
}

/// What the checks of a shard find that has those of `tables` that are there.
async fn on_shard(
    (session, shard): (&mut Session, &Shard),
    tables: &[String],
) -> Result<Vec<Finding>, RunError> {
    let mut there = catalog::table_names(session, &shard.schema).await?;
    there.retain(|table| tables.contains(table));
    let name = shard.name.as_deref().unwrap_or_default();
    Ok(vtgate::shard_findings(session, name, &there).await?)
}

/// What the checks find that any server that is written to has to pass, through vtgate on `shard`.
async fn of_server(
    (session, shard): (&mut Session, &str),
    schema: &str,
    (source, plan): (&mut Session, &Plan),
) -> Result<Vec<Finding>, Error> {
    let mut found = target::findings(session, schema, source, &plan.source.database).await?;
    for finding in &mut found {
        finding.saw = format!("server of shard `{shard}`: {}", finding.saw);
    }
    Ok(found)
}

/// Reaches the plan's target.
pub(crate) async fn reach(plan: &Plan) -> Result<Reached, RunError> {
    match &plan.target {
        Target::Mysql(target) => Reached::only(endpoint(&target.endpoint)?).await,
        Target::Vitess(target) => Reached::keyspace(plan, target).await,
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
