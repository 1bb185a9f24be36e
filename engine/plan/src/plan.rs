//! A plan with no default left open.

use std::{fmt, path::PathBuf};

use secrecy::SecretString;

use crate::{
    fingerprint::Fingerprint,
    materialize::Materialized,
    selection::Selection,
    sharding::TableSharding,
    span::Span,
    spec::{Binlog, ForeignKeyPolicy, OnDdl, VschemaPolicy},
};

/// What a run is to do, resolved: every default filled in, every reference replaced.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The name that its state in the target is kept under: 1 to 64 of `a-z 0-9 - _`.
    pub name: String,
    /// Where rows come from.
    pub source: Endpoint,
    /// Where rows go, and where the run's state is kept.
    pub target: Target,
    /// Which tables are moved.
    pub selection: Selection,
    /// Target tables that are made by expressions, in the plan's order.
    pub materialized: Vec<Materialized>,
    /// What the plan says of where rows go in a keyspace, in its order; empty for a target without shards.
    pub sharding: Vec<TableSharding>,
    /// What the run may use.
    pub limits: Limits,
    /// What happens at a DDL of a planned table.
    pub on_ddl: OnDdl,
}

/// Where rows go.
#[derive(Debug, Clone)]
pub enum Target {
    /// A database on a MySQL server.
    Mysql(MysqlTarget),
    /// A keyspace of Vitess.
    Vitess(VitessTarget),
}

/// A database on a MySQL server that rows are written to.
#[derive(Debug, Clone)]
pub struct MysqlTarget {
    /// The database, and how to reach it.
    pub endpoint: Endpoint,
    /// Whether its binary log gets what is written.
    pub binlog: Binlog,
}

/// A keyspace of Vitess that rows are written to, through vtgate or straight to its shards' servers.
#[derive(Debug, Clone)]
pub struct VitessTarget {
    /// vtgate, and how to reach it; its database is the keyspace.
    pub endpoint: Endpoint,
    /// The servers that rows go straight to, by the plan's order; empty if they go through vtgate.
    pub tablets: Vec<Tablet>,
    /// What happens where its vschema lacks what the plan says of it.
    pub vschema: VschemaPolicy,
    /// What happens to the foreign keys of the tables that are moved.
    pub foreign_keys: ForeignKeyPolicy,
}

/// The MySQL server of a shard's primary tablet.
#[derive(Debug, Clone)]
pub struct Tablet {
    /// The shard, as Vitess names it.
    pub shard: String,
    /// How to reach the server; its database is empty, as vtgate tells its name.
    pub endpoint: Endpoint,
}

/// One database on one MySQL server, or one keyspace behind vtgate, and how to reach it.
#[derive(Clone)]
pub struct Endpoint {
    /// A host name or address; an IPv6 address stands without brackets.
    pub host: String,
    /// The TCP port, 1 to 65535.
    pub port: u16,
    /// The account's name.
    pub user: String,
    /// The account's password; empty if the plan gives none.
    pub password: SecretString,
    /// The database; of vtgate, the keyspace; of a tablet's server empty.
    pub database: String,
    /// How the connection is encrypted.
    pub tls: Tls,
    /// A file with the definitions of the database's tables.
    pub schema: Option<SchemaFile>,
}

/// A file with `CREATE TABLE` statements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaFile {
    /// As written in the plan.
    pub written: String,
    /// Where it lies.
    pub path: PathBuf,
    /// Where the plan names it.
    pub at: Span,
}

/// How a connection is encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    /// Never.
    Disabled,
    /// If the server can; otherwise in plain text. Any certificate will do.
    Preferred,
    /// Always, with any certificate.
    Required,
    /// Always, with a certificate that an authority has signed.
    VerifyCa {
        /// The authorities' file in PEM; a plan that names none is refused, since a public authority
        /// signs for anyone.
        ca: Option<PathBuf>,
    },
    /// Always, with a certificate that an authority has signed for this very host.
    VerifyIdentity {
        /// The authorities' file in PEM; without it, those that the program knows.
        ca: Option<PathBuf>,
    },
}

/// What a run may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The most connections to the source at one time, 3 to 64.
    pub source_connections: u32,
    /// The most connections to the target at one time, 3 to 64.
    pub target_connections: u32,
    /// The most memory for rows in flight and what carries them, in bytes, 64 MiB to 64 GiB.
    pub memory_bytes: u64,
    /// The most rows a second that the snapshot reads, at least 1; `None` for no bound.
    pub rows_per_second: Option<u64>,
    /// When the source has too much to do for the snapshot to go on.
    pub source_load: SourceLoad,
}

/// How much a source may have to do while the snapshot reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceLoad {
    /// The most threads that run at one time, the run's own among them, at least 4.
    pub threads_running: u64,
    /// The most transactions in the history list, at least 1,000.
    pub history_list: u64,
}

/// What of a changed plan a run under the same name cannot take over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanChange {
    /// The key in the plan.
    pub key: String,
    /// What it was when the run began.
    pub stored: String,
    /// What it is now.
    pub now: String,
}

impl Plan {
    /// The keys whose values may change between two runs of the same name.
    pub const MAY_CHANGE: [&str; 15] = [
        "source.mysql.url",
        "source.mysql.tls",
        "source.mysql.schema",
        "target.mysql.url",
        "target.mysql.tls",
        "target.mysql.binlog",
        "target.mysql.schema",
        "target.vitess.url",
        "target.vitess.tls",
        "target.vitess.schema",
        "target.vitess.tablets",
        "target.vitess.vschema",
        "target.vitess.foreign_keys",
        "limits",
        "on",
    ];

    /// What may not change between two runs of the same name: to be stored beside the run's state.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::new(self)
    }

    /// What differs from a stored run and may not; empty if the plan can go on where it stopped.
    #[must_use]
    pub fn changes(&self, stored: &Fingerprint) -> Vec<PlanChange> {
        stored.changes_to(&self.fingerprint())
    }
}

impl Target {
    /// The server to reach, and the database or keyspace on it.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        match self {
            Self::Mysql(MysqlTarget { endpoint, .. })
            | Self::Vitess(VitessTarget { endpoint, .. }) => endpoint,
        }
    }

    /// The servers that rows go straight to, by the plan's order; empty if they go through `endpoint`.
    #[must_use]
    pub fn tablets(&self) -> &[Tablet] {
        match self {
            Self::Mysql(_) => &[],
            Self::Vitess(target) => &target.tablets,
        }
    }

    /// Whether the foreign keys of the tables that are moved stay behind.
    #[must_use]
    pub fn leaves_foreign_keys_out(&self) -> bool {
        match self {
            Self::Mysql(_) => false,
            Self::Vitess(target) => target.foreign_keys == ForeignKeyPolicy::LeaveOut,
        }
    }

    /// Whether the target's binary log gets what is written.
    #[must_use]
    pub fn binlog(&self) -> Binlog {
        match self {
            Self::Mysql(MysqlTarget { binlog, .. }) => *binlog,
            // vtgate lets nobody leave it out.
            Self::Vitess(_) => Binlog::Write,
        }
    }
}

impl VitessTarget {
    /// Whether rows go straight to the shards' servers.
    #[must_use]
    pub fn is_straight(&self) -> bool {
        !self.tablets.is_empty()
    }
}

impl Endpoint {
    /// `host:port`, as messages name a server; an IPv6 address in brackets.
    #[must_use]
    pub fn address(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// Without the password.
impl fmt::Debug for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Endpoint")
            .field("user", &self.user)
            .field("address", &self.address())
            .field("database", &self.database)
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for PlanChange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}` was {} and is now {}", self.key, self.stored, self.now)
    }
}
