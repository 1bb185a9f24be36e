//! A whole Vitess cluster: etcd, vtctld, a vttablet over a MySQL server of its own for every shard, and vtgate.
//!
//! For what [`Vitess`](crate::Vitess), which is one process, does not have: vreplication, schema tracking, replicas and their
//! promotion, a limit on the size of messages, shards that fail alone, and several vtgates.

mod vtgate;

use std::path::{Path, PathBuf};
use std::process::Command;

use futures_util::future::try_join_all;
use mysql_async::prelude::FromRow;
use mysql_async::{Conn, Opts};

pub use self::vtgate::Vtgate;
use crate::process::Process;
use crate::programs::Programs;
use crate::vitess::{ACCOUNTS, Served, no_shard};
use crate::{Keyspace, KitError, Server, ServerBuilder, port, sql};

/// The cell of the cluster: of all but the second vtgate, if there is one, which has no tablets near it.
const CELL: &str = "zone1";
const SECOND_CELL: &str = "zone2";
/// How long a command to the cluster may take; without a bound it waits for a server that is not there.
const COMMAND_TIMEOUT: &str = "--action-timeout=60s";
/// The account of tablets over servers that are not theirs: Vitess wants one with a password there.
const VISITOR: (&str, &str) = ("vitess", "vitess");
/// The number of the first tablet.
const TABLET_FIRST: u32 = 100;

/// How a cluster will be started.
#[derive(Debug, Default)]
pub struct ClusterBuilder {
    keyspaces: Vec<Served>,
    external: Vec<External>,
    replicas: usize,
    has_second_vtgate: bool,
    vtgate_flags: Vec<String>,
    tablet_flags: Vec<String>,
    mysql: ServerBuilder,
}

/// A keyspace over a server that is not the cluster's.
#[derive(Debug)]
struct External {
    keyspace: String,
    database: String,
    port: u16,
}

impl ClusterBuilder {
    /// Adds a keyspace. Each of its shards has a MySQL server of its own, in which its database is `vt_<keyspace>`.
    #[must_use]
    pub fn keyspace(mut self, keyspace: Keyspace<'_>) -> Self {
        self.keyspaces.push(keyspace.into());
        self
    }

    /// Adds a keyspace of one shard over `database` of `server`, as one does that moves tables into Vitess. It becomes a
    /// tablet's that does not manage it, under an account that is made for it.
    #[must_use]
    pub fn external(mut self, keyspace: &str, server: &Server, database: &str) -> Self {
        self.external.push(External {
            keyspace: keyspace.to_owned(),
            database: database.to_owned(),
            port: server.port(),
        });
        self
    }

    /// Gives every shard this many replicas, each a tablet with a MySQL server of its own.
    #[must_use]
    pub fn replicas(mut self, replicas: usize) -> Self {
        self.replicas = replicas;
        self
    }

    /// Adds a second vtgate, which is in the cell `zone2`: its copy of the vschema is one of its own.
    #[must_use]
    pub fn second_vtgate(mut self) -> Self {
        self.has_second_vtgate = true;
        self
    }

    /// Adds a flag of every `vtgate`.
    #[must_use]
    pub fn vtgate_flag(mut self, flag: impl Into<String>) -> Self {
        self.vtgate_flags.push(flag.into());
        self
    }

    /// Adds a flag of every `vttablet`.
    #[must_use]
    pub fn tablet_flag(mut self, flag: impl Into<String>) -> Self {
        self.tablet_flags.push(flag.into());
        self
    }

    /// Sets how the MySQL servers of the shards are started.
    #[must_use]
    pub fn mysql(mut self, mysql: ServerBuilder) -> Self {
        self.mysql = mysql;
        self
    }

    /// Starts the cluster, and waits until vtgate serves every shard.
    ///
    /// # Errors
    ///
    /// [`KitError::NoServer`] when there is no `mysqld` or no Vitess, [`KitError::Ended`] and [`KitError::NotReady`] with
    /// the end of a program's log, [`KitError::Refused`] when the cluster refuses what it is told, as with a vschema that
    /// Vitess does not take.
    pub async fn start(self) -> Result<Cluster, KitError> {
        let programs = Programs::cluster().await?;
        let (etcd, topology) = start_etcd(programs).await?;
        let (vtctld, control) = start_vtctld(programs, topology).await?;
        let client = programs.path("vtctldclient")?;
        let vtgate = programs.path("vtgate")?;
        let mut vtgates = vec![Vtgate::new(&vtgate, CELL)?];
        if self.has_second_vtgate {
            vtgates.push(Vtgate::new(&vtgate, SECOND_CELL)?);
        }
        let tablets = self.start_tablets(programs, topology).await?;
        let mut cluster = Cluster {
            vtgates,
            tablets,
            keyspaces: self.keyspaces,
            tablet_flags: self.tablet_flags,
            mysql: self.mysql,
            topology,
            control,
            client,
            _vtctld: vtctld,
            _etcd: etcd,
        };
        cluster.elect(&cluster.tablets).await?;
        for Served { name, vschema, .. } in &cluster.keyspaces {
            cluster.vtctldclient(&["ApplyVSchema", "--vschema", vschema, name]).await?;
        }
        if self.has_second_vtgate {
            let address = format!("127.0.0.1:{topology}");
            let root = format!("--root=/vitess/{SECOND_CELL}");
            let add = ["AddCellInfo", &root, "--server-address", &address, SECOND_CELL];
            cluster.vtctldclient(&add).await?;
            for Served { name, .. } in &cluster.keyspaces {
                cluster.vtctldclient(&["RebuildKeyspaceGraph", name]).await?;
            }
            cluster.vtctldclient(&["RebuildVSchemaGraph"]).await?;
        }
        for vtgate in &mut cluster.vtgates {
            vtgate.start(topology, &self.vtgate_flags).await?;
        }
        cluster.ready().await?;
        Ok(cluster)
    }

    /// Starts the tablets of all shards, and the servers below them; none is a primary yet.
    async fn start_tablets(
        &self,
        programs: &Programs,
        topology: u16,
    ) -> Result<Vec<Tablet>, KitError> {
        let mut places = Vec::new();
        for Served { name, shards, .. } in &self.keyspaces {
            for shard in shards {
                places.extend((0..=self.replicas).map(|_| (name.clone(), shard.clone())));
            }
        }
        let servers = try_join_all(places.iter().map(|_| self.mysql.clone().start())).await?;
        let program = programs.path("vttablet")?;
        let mut tablets = Vec::new();
        for (place, mysql) in places.into_iter().zip(servers) {
            let port = mysql.port();
            tablets.push(Tablet::new(&program, place, port, Some(mysql))?);
        }
        for External { keyspace, port, .. } in &self.external {
            let place = (keyspace.clone(), "0".to_owned());
            tablets.push(Tablet::new(&program, place, *port, None)?);
            let (user, password) = VISITOR;
            let account = format!(
                "CREATE USER IF NOT EXISTS '{user}'@'%' IDENTIFIED BY '{password}'; GRANT ALL ON *.* TO '{user}'@'%'"
            );
            sql::execute(sql::opts(*port, None), &account).await?;
        }
        for (number, tablet) in (TABLET_FIRST..).zip(&mut tablets) {
            let external = self.external.iter().find(|it| it.keyspace == tablet.keyspace);
            tablet.start(number, external, (topology, &self.tablet_flags)).await?;
        }
        Ok(tablets)
    }
}

/// A cluster of our own, on 127.0.0.1. Dropping it kills all of it and removes its data.
///
/// vtgate's user `root` has every privilege and no password.
#[derive(Debug)]
pub struct Cluster {
    // In the order in which they end: none before who needs it.
    vtgates: Vec<Vtgate>,
    tablets: Vec<Tablet>,
    _vtctld: Process,
    _etcd: Process,
    keyspaces: Vec<Served>,
    /// What every tablet has beside its own flags.
    tablet_flags: Vec<String>,
    /// How the shards' servers are started.
    mysql: ServerBuilder,
    /// Where the topology is.
    topology: u16,
    /// Where vtctld takes commands.
    control: u16,
    client: PathBuf,
}

/// One tablet of a cluster.
#[derive(Debug)]
pub struct Tablet {
    keyspace: String,
    shard: String,
    alias: String,
    process: Process,
    mysql_port: u16,
    /// The server below, unless it is not the cluster's.
    mysql: Option<Server>,
}

impl Cluster {
    /// A cluster to be started.
    #[must_use]
    pub fn builder() -> ClusterBuilder {
        ClusterBuilder::default()
    }

    /// The port on which vtgate speaks MySQL, also while it is stopped.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.vtgates[0].port
    }

    /// The URL of vtgate for `root`, without a keyspace.
    #[must_use]
    pub fn url(&self) -> String {
        format!("mysql://root@127.0.0.1:{}", self.port())
    }

    /// The port on which vtctld takes commands; [`Cluster::vtctldclient`] knows it.
    #[must_use]
    pub fn control_port(&self) -> u16 {
        self.control
    }

    /// vtgate, to be killed and restarted; [`Cluster::ready`] waits for it.
    pub fn vtgate(&mut self) -> &mut Process {
        &mut self.vtgates[0].process
    }

    /// All vtgates: the first is the one that everything else here is of.
    pub fn vtgates(&mut self) -> &mut [Vtgate] {
        &mut self.vtgates
    }

    /// The process ids of vtgates and of the tablets, of those that run.
    #[must_use]
    pub fn pids(&self) -> Vec<u32> {
        let tablets = self.tablets.iter().filter_map(Tablet::pid);
        self.vtgates.iter().filter_map(|it| it.process.pid()).chain(tablets).collect()
    }

    /// All tablets. Those of one shard follow each other, and the first of them was made its primary at the start.
    pub fn tablets(&mut self) -> &mut [Tablet] {
        &mut self.tablets
    }

    /// The tablets of one shard, in the same order.
    ///
    /// # Errors
    ///
    /// [`KitError::NoShard`] when there is no such shard.
    pub fn shard(&self, keyspace: &str, shard: &str) -> Result<Vec<&Tablet>, KitError> {
        let of = |tablet: &&Tablet| tablet.keyspace == keyspace && tablet.shard == shard;
        let tablets: Vec<&Tablet> = self.tablets.iter().filter(of).collect();
        if tablets.is_empty() { Err(no_shard(keyspace, shard)) } else { Ok(tablets) }
    }

    /// Connects to vtgate as `root`, to a keyspace (`shop`) or one shard of it (`shop:-80`).
    ///
    /// # Errors
    ///
    /// [`KitError::Mysql`] when it does not take the connection.
    pub async fn connect_to(&self, target: &str) -> Result<Conn, KitError> {
        Ok(Conn::new(self.opts(target)).await?)
    }

    /// Runs statements separated by `;` through vtgate, on a connection of their own to `target`, and ignores their rows.
    ///
    /// # Errors
    ///
    /// [`KitError::Mysql`] of the first that fails.
    pub async fn execute(&self, target: &str, statements: &str) -> Result<(), KitError> {
        sql::execute(self.opts(target), statements).await
    }

    /// The rows that `statement` returns through vtgate, on a connection of its own to `target`.
    ///
    /// # Errors
    ///
    /// [`KitError::Mysql`] when it fails.
    pub async fn rows<R>(&self, target: &str, statement: &str) -> Result<Vec<R>, KitError>
    where
        R: FromRow + Send + 'static,
    {
        sql::rows(self.opts(target), statement).await
    }

    /// Tells the cluster a command of `vtctldclient`, such as `PlannedReparentShard shop/-80`, and returns what it prints.
    ///
    /// # Errors
    ///
    /// [`KitError::Refused`] with its own words when it fails.
    pub async fn vtctldclient(&self, command: &[&str]) -> Result<String, KitError> {
        let server = format!("127.0.0.1:{}", self.control);
        let arguments = ["--server", &server, COMMAND_TIMEOUT].into_iter();
        ask(&self.client, arguments.chain(command.iter().copied())).await
    }

    /// Gives `keyspace` more shards, as for a resharding: each with a tablet, its primary, over a MySQL server of its own.
    /// The keyspace is served by those that it had until they are switched.
    ///
    /// # Errors
    ///
    /// Those of [`ClusterBuilder::start`].
    pub async fn add_shards(&mut self, keyspace: &str, shards: &[&str]) -> Result<(), KitError> {
        let program = Programs::cluster().await?.path("vttablet")?;
        let servers = try_join_all(shards.iter().map(|_| self.mysql.clone().start())).await?;
        let mut added = Vec::new();
        for ((&shard, mysql), number) in shards.iter().zip(servers).zip(TABLET_FIRST..) {
            let place = (keyspace.to_owned(), shard.to_owned());
            let mut tablet = Tablet::new(&program, place, mysql.port(), Some(mysql))?;
            let number = number + u32::try_from(self.tablets.len()).unwrap_or_default();
            tablet.start(number, None, (self.topology, &self.tablet_flags)).await?;
            added.push(tablet);
        }
        self.elect(&added).await?;
        self.tablets.extend(added);
        Ok(())
    }

    /// Waits until every vtgate serves every shard.
    ///
    /// # Errors
    ///
    /// [`KitError::Ended`] and [`KitError::NotReady`] with the end of a vtgate's log.
    pub async fn ready(&self) -> Result<(), KitError> {
        for vtgate in &self.vtgates {
            let serves_all = async || {
                for Tablet { keyspace, shard, .. } in &self.tablets {
                    let target = format!("{keyspace}:{shard}");
                    if vtgate.rows::<String>(&target, "SELECT @@server_uuid").await.is_err() {
                        return false;
                    }
                }
                true
            };
            vtgate.process.ready(vtgate.port, serves_all).await?;
        }
        Ok(())
    }

    /// Waits for `tablets`, and makes the first of each shard its primary.
    async fn elect(&self, tablets: &[Tablet]) -> Result<(), KitError> {
        let mut last = None;
        for tablet in tablets {
            let alias = tablet.alias.as_str();
            let ping = async || self.vtctldclient(&["PingTablet", alias]).await.is_ok();
            tablet.process.ready(tablet.mysql_port, ping).await?;
        }
        for tablet in tablets {
            let place = tablet.place();
            let alias = tablet.alias.as_str();
            if last.as_ref() != Some(&place) {
                let command = match tablet.mysql {
                    Some(_) => vec!["PlannedReparentShard", &place, "--new-primary", alias],
                    None => vec!["TabletExternallyReparented", alias],
                };
                self.vtctldclient(&command).await?;
            }
            last = Some(place);
        }
        Ok(())
    }

    fn opts(&self, target: &str) -> Opts {
        sql::opts(self.port(), Some(target))
    }
}

impl Tablet {
    fn new(
        program: &Path,
        (keyspace, shard): (String, String),
        mysql_port: u16,
        mysql: Option<Server>,
    ) -> Result<Self, KitError> {
        let process = Process::of_vitess(program)?;
        Ok(Self { keyspace, shard, alias: String::new(), process, mysql_port, mysql })
    }

    /// Its name in the topology: `zone1-0000000100`.
    #[must_use]
    pub fn alias(&self) -> &str {
        &self.alias
    }

    /// Its shard: `shop/-80`.
    #[must_use]
    pub fn place(&self) -> String {
        format!("{}/{}", self.keyspace, self.shard)
    }

    /// Its process, to be killed and restarted.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Its process id, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.pid()
    }

    /// The MySQL server below, unless it is not the cluster's.
    #[must_use]
    pub fn mysql(&self) -> Option<&Server> {
        self.mysql.as_ref()
    }

    /// The MySQL server below, to be stopped and restarted.
    pub fn mysql_mut(&mut self) -> Option<&mut Server> {
        self.mysql.as_mut()
    }

    /// Starts it for the first time, told where the topology is, with the flags that every tablet has.
    async fn start(
        &mut self,
        number: u32,
        external: Option<&External>,
        (topology, flags): (u16, &[String]),
    ) -> Result<(), KitError> {
        self.alias = format!("{CELL}-{number:010}");
        let mut arguments = self.arguments(external)?;
        arguments.extend(common(topology));
        arguments.extend(flags.iter().cloned());
        self.process.set_arguments(arguments);
        self.process.restart().await
    }

    fn arguments(&self, external: Option<&External>) -> Result<Vec<String>, KitError> {
        let (user, password) = if external.is_some() { VISITOR } else { ("root", "") };
        let mut arguments = vec![
            format!("--tablet-path={}", self.alias),
            format!("--init-keyspace={}", self.keyspace),
            format!("--init-shard={}", self.shard),
            "--init-tablet-type=replica".to_owned(),
            "--tablet-hostname=127.0.0.1".to_owned(),
            "--db-host=127.0.0.1".to_owned(),
            format!("--db-port={}", self.mysql_port),
            format!("--port={}", port::free()?),
            format!("--grpc-port={}", port::free()?),
            "--service-map=grpc-queryservice,grpc-tabletmanager,grpc-updatestream".to_owned(),
        ];
        if let Some(External { database, .. }) = external {
            arguments.push("--unmanaged".to_owned());
            arguments.push(format!("--init-db-name-override={database}"));
        }
        for account in ACCOUNTS {
            arguments.push(format!("--db-{account}-user={user}"));
            arguments.push(format!("--db-{account}-password={password}"));
            arguments.push(format!("--db-{account}-use-ssl=false"));
        }
        Ok(arguments)
    }
}

/// Flags of every program that reads the topology, which is in the etcd on port `topology`.
fn common(topology: u16) -> Vec<String> {
    [
        "--topo-implementation=etcd2",
        &format!("--topo-global-server-address=127.0.0.1:{topology}"),
        "--topo-global-root=/vitess/global",
        "--log-level=error",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// Starts etcd, tells it of the cell, and returns its port.
async fn start_etcd(programs: &Programs) -> Result<(Process, u16), KitError> {
    let mut etcd = Process::ours(programs.path("etcd")?)?;
    let (port, peer) = (port::free()?, port::free()?);
    let (here, peer) = (format!("http://127.0.0.1:{port}"), format!("http://127.0.0.1:{peer}"));
    etcd.set_arguments(vec![
        format!("--data-dir={}", etcd.folder().join("data").display()),
        format!("--listen-client-urls={here}"),
        format!("--advertise-client-urls={here}"),
        format!("--listen-peer-urls={peer}"),
        format!("--initial-advertise-peer-urls={peer}"),
        format!("--initial-cluster=default={peer}"),
    ]);
    etcd.restart().await?;
    let client = programs.path("vtctldclient")?;
    let address = format!("127.0.0.1:{port}");
    let common = common(port);
    let command = ["AddCellInfo", "--root=/vitess/zone1", "--server-address", &address, CELL];
    let arguments = || {
        let options = ["--server=internal", COMMAND_TIMEOUT].into_iter();
        options.chain(common.iter().map(String::as_str)).chain(command)
    };
    etcd.ready(port, async || ask(&client, arguments()).await.is_ok()).await?;
    Ok((etcd, port))
}

/// Starts vtctld, and returns the port on which it takes commands.
async fn start_vtctld(programs: &Programs, topology: u16) -> Result<(Process, u16), KitError> {
    let mut vtctld = Process::of_vitess(&programs.path("vtctld")?)?;
    let control = port::free()?;
    let mut arguments = vec![
        format!("--cell={CELL}"),
        format!("--port={}", port::free()?),
        format!("--grpc-port={control}"),
        "--service-map=grpc-vtctl,grpc-vtctld".to_owned(),
    ];
    arguments.extend(common(topology));
    vtctld.set_arguments(arguments);
    vtctld.restart().await?;
    Ok((vtctld, control))
}

/// Runs `program` to its end, and returns what it prints.
async fn ask<'a>(
    program: &Path,
    arguments: impl Iterator<Item = &'a str>,
) -> Result<String, KitError> {
    let mut command = Command::new(program);
    command.args(arguments);
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .map_err(std::io::Error::other)
        .and_then(|result| result)
        .map_err(KitError::system("run a command of Vitess"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(KitError::Refused { said })
    }
}
