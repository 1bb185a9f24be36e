//! The plan file as people write it.

mod materialize;
mod sharding;

use std::fmt;

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;

pub use self::materialize::OnError;
pub(crate) use self::{
    materialize::{ColumnSpec, Entries, FromSpec, GroupSpec, MaterializeSpec},
    sharding::ShardingSpec,
};

/// The bounds and defaults of `limits`.
pub(crate) mod bounds {
    /// Four readers, the tail and one that cuts tables: a copy that is quick, on a source that still
    /// serves its application.
    pub(crate) const SOURCE_CONNECTIONS_DEFAULT: u32 = 6;
    /// One reader, the tail and one that cuts tables.
    pub(crate) const SOURCE_CONNECTIONS_MIN: u32 = 3;
    /// Four lanes, the run's state, and one that builds indexes.
    pub(crate) const TARGET_CONNECTIONS_DEFAULT: u32 = 6;
    /// As many, and enough for two shards with lanes to spare, or for seven with one each.
    pub(crate) const KEYSPACE_CONNECTIONS_DEFAULT: u32 = 16;
    /// One lane, the run's state, and one that builds indexes.
    pub(crate) const TARGET_CONNECTIONS_MIN: u32 = 3;
    /// The most connections to a server that a run could use with profit.
    pub(crate) const CONNECTIONS_MAX: u32 = 64;
    /// Enough for four readers with chunks of 8 MiB.
    pub(crate) const MEMORY_DEFAULT: &str = "256MiB";
    /// Below, chunks become too small to be quick.
    pub(crate) const MEMORY_BYTES_MIN: u64 = 64 << 20;
    /// Above, nothing is gained.
    pub(crate) const MEMORY_BYTES_MAX: u64 = 64 << 30;
    /// Far above what a server can deliver.
    pub(crate) const ROWS_PER_SECOND_MAX: u64 = 1_000_000_000;
    /// Twice what the usual advice for copies on a serving server is: it waits out storms, and leaves
    /// alone a server that is merely busy.
    pub(crate) const SOURCE_THREADS_RUNNING_DEFAULT: u64 = 50;
    /// The run's own: one follows the log, one is asking; below, reading would never go on.
    pub(crate) const SOURCE_THREADS_RUNNING_MIN: u64 = 4;
    /// More than a server lets in.
    pub(crate) const SOURCE_THREADS_RUNNING_MAX: u64 = 100_000;
    /// Where reads of old versions begin to cost the application.
    pub(crate) const SOURCE_HISTORY_LIST_DEFAULT: u64 = 1_000_000;
    /// What a server that writes has at any moment.
    pub(crate) const SOURCE_HISTORY_LIST_MIN: u64 = 1_000;
    /// Far above what a server lives with.
    pub(crate) const SOURCE_HISTORY_LIST_MAX: u64 = 1_000_000_000_000;
}

/// A plan: which tables to move, from where, to where, and within which limits.
// A key that the file lacks, or whose value was refused, is `None`; the latter only as long as
// errors are still being collected.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Whimbrel plan")]
pub(crate) struct Spec {
    /// The version of the plan language: 1.
    #[schemars(required, extend("const" = 1))]
    #[expect(dead_code, reason = "the schema checks it, and there is one version alone")]
    pub(crate) version: Option<u64>,
    /// The name of the migration, under which its state is kept in the target: 1 to 64 of the
    /// characters `a-z 0-9 - _`.
    #[schemars(required, regex(pattern = r"^[a-z0-9_-]{1,64}$"))]
    pub(crate) name: Option<String>,
    /// Where rows come from.
    #[schemars(required)]
    pub(crate) source: Option<SideSpec>,
    /// Where rows go.
    #[schemars(required)]
    pub(crate) target: Option<TargetSpec>,
    /// Tables that are copied as they are and keep their names: names or patterns, where `*` stands
    /// for any text and `?` for any character; `!` in front leaves tables out. Upper and lower case
    /// differ.
    #[schemars(length(min = 1))]
    pub(crate) r#move: Option<Vec<String>>,
    /// Target tables that are more than copies, by their names. A plan has `move`, `materialize` or
    /// both.
    pub(crate) materialize: Option<Entries<MaterializeSpec>>,
    /// How rows are spread over the shards of a Vitess keyspace, by target table. What is not said is
    /// read from vtgate when the run begins; what contradicts it is refused.
    pub(crate) sharding: Option<Entries<ShardingSpec>>,
    /// What the run may use.
    pub(crate) limits: Option<LimitsSpec>,
    /// What happens when the source does what cannot be copied row by row.
    pub(crate) on: Option<OnSpec>,
}

/// One side of a migration.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SideSpec {
    /// A MySQL server.
    #[schemars(required)]
    pub(crate) mysql: Option<MysqlSpec>,
}

/// The side that rows go to: one of these.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub(crate) struct TargetSpec {
    /// A MySQL server.
    pub(crate) mysql: Option<TargetMysqlSpec>,
    /// A keyspace of Vitess.
    pub(crate) vitess: Option<VitessSpec>,
}

/// A keyspace of Vitess, reached through vtgate.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "TargetVitess")]
pub(crate) struct VitessSpec {
    /// vtgate's `mysql://user:password@host:port`. `${env:NAME}` and `${file:PATH}` stand for the value
    /// of an environment variable and the content of a file, as the whole text or as a part of it.
    #[schemars(required, with = "Option<String>", extend("x-references" = true))]
    pub(crate) url: Option<UrlText>,
    /// The name of the keyspace, without a shard.
    #[schemars(required, length(min = 1, max = 64))]
    pub(crate) keyspace: Option<String>,
    /// How the connection to vtgate is encrypted.
    pub(crate) tls: Option<TlsSpec>,
    /// The MySQL servers of the shards' primary tablets, by the shards' names as Vitess has them, all that
    /// serve the keyspace: rows are written straight to them, which is faster and past the tablets' throttlers,
    /// query rules and denied tables. All else goes through vtgate. Each is proven to be the one that vtgate
    /// writes to.
    pub(crate) tablets: Option<Entries<TabletSpec>>,
    /// A file with the `CREATE TABLE` statements of the tables that are there, as that of the source:
    /// for targets of `create: existing`.
    pub(crate) schema: Option<String>,
    /// What a run does where the vschema lacks what the plan says of it.
    #[schemars(extend("default" = "check"))]
    pub(crate) vschema: Option<VschemaPolicy>,
    /// What a run does with the foreign keys of the tables that it moves.
    #[schemars(extend("default" = "leave_out"))]
    pub(crate) foreign_keys: Option<ForeignKeyPolicy>,
}

/// What a run does where a keyspace's vschema lacks what the plan says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VschemaPolicy {
    /// It is refused, with the statements that mend it.
    #[default]
    Check,
    /// These statements are shown, then run at vtgate: tables with their vindexes, sequences with their
    /// tables, and that they number a table's rows. What is there is neither changed nor removed; where it says something else,
    /// the run is refused.
    Apply,
}

/// What a run does with the foreign keys of the tables that it moves into a keyspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ForeignKeyPolicy {
    /// None is made, and each is told of.
    #[default]
    LeaveOut,
    /// All are made on each shard, after the rows. A plan of which one could not hold is refused, with its name,
    /// before anything is made: the table that it refers to has to be moved, too, and in a sharded keyspace
    /// rows that belong together have to be on one shard, or the other table on each.
    Create,
}

/// The MySQL server of a shard's primary tablet.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Tablet")]
pub(crate) struct TabletSpec {
    /// `mysql://user:password@host:port`, best by a name that follows the primary. `${env:NAME}` and
    /// `${file:PATH}` stand for the value of an environment variable and the content of a file, as the whole
    /// text or as a part of it.
    #[schemars(required, with = "Option<String>", extend("x-references" = true))]
    pub(crate) url: Option<UrlText>,
    /// How the connection is encrypted.
    pub(crate) tls: Option<TlsSpec>,
}

/// A database on a MySQL server that rows are written to.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "TargetMysql")]
pub(crate) struct TargetMysqlSpec {
    /// `mysql://user:password@host:port`. `${env:NAME}` and `${file:PATH}` stand for the value of an
    /// environment variable and the content of a file, as the whole text or as a part of it.
    #[schemars(required, with = "Option<String>", extend("x-references" = true))]
    pub(crate) url: Option<UrlText>,
    /// The name of the database.
    #[schemars(required, length(min = 1, max = 64))]
    pub(crate) database: Option<String>,
    /// How the connection is encrypted.
    pub(crate) tls: Option<TlsSpec>,
    /// A file with the `CREATE TABLE` statements of the tables that are there, as that of the source:
    /// for targets of `create: existing`.
    pub(crate) schema: Option<String>,
    /// Whether the target's binary log gets what is written. `skip` is faster, and only for a target
    /// without replicas: they, and a recovery to a point in time, would not have these rows.
    #[schemars(extend("default" = "write"))]
    pub(crate) binlog: Option<Binlog>,
}

/// Whether the target's binary log gets what a run writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Binlog {
    /// All of it, as of any other client.
    #[default]
    Write,
    /// Nothing: neither rows nor tables, of the copy and of all that follows.
    Skip,
}

/// A database on a MySQL server.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MysqlSpec {
    /// `mysql://user:password@host:port`. `${env:NAME}` and `${file:PATH}` stand for the value of an
    /// environment variable and the content of a file, as the whole text or as a part of it.
    #[schemars(required, with = "Option<String>", extend("x-references" = true))]
    pub(crate) url: Option<UrlText>,
    /// The name of the database.
    #[schemars(required, length(min = 1, max = 64))]
    pub(crate) database: Option<String>,
    /// How the connection is encrypted.
    pub(crate) tls: Option<TlsSpec>,
    /// A file with the `CREATE TABLE` statements of the database's tables, such as
    /// `mysqldump --no-data` writes, relative to the plan's folder: with it, `validate` and `explain`
    /// know all types without a server. A run goes by what the server says.
    pub(crate) schema: Option<String>,
}

/// How a connection is encrypted.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Tls")]
pub(crate) struct TlsSpec {
    /// How much the server has to prove. Without it: `verify_identity` if `ca` is given, otherwise
    /// `preferred`.
    pub(crate) mode: Option<TlsMode>,
    /// A file in PEM with the certificates of the authorities to trust, relative to the plan's
    /// folder. Needed by `verify_ca`; without it, `verify_identity` trusts the public ones.
    pub(crate) ca: Option<String>,
}

/// How much a server has to prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TlsMode {
    /// Plain text.
    Disabled,
    /// Encrypted if the server can, with any certificate.
    Preferred,
    /// Encrypted, with any certificate.
    Required,
    /// Encrypted, with a certificate that an authority in `ca` has signed.
    VerifyCa,
    /// Encrypted, with a certificate that an authority has signed for this very host.
    VerifyIdentity,
}

/// What the run may use.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Limits")]
pub(crate) struct LimitsSpec {
    /// The most connections to the source at one time: one follows the log, one cuts tables into
    /// chunks and later reads their definitions, all others read chunks.
    #[schemars(range(min = bounds::SOURCE_CONNECTIONS_MIN, max = bounds::CONNECTIONS_MAX), extend("default" = bounds::SOURCE_CONNECTIONS_DEFAULT))]
    pub(crate) source_connections: Option<u32>,
    /// The most connections to the target at one time: one keeps the run's state, in a keyspace one for
    /// each shard; one creates indexes and foreign keys after the copy; all others write rows. Without
    /// it: 6, and 16 where the target is a keyspace.
    #[schemars(range(min = bounds::TARGET_CONNECTIONS_MIN, max = bounds::CONNECTIONS_MAX))]
    pub(crate) target_connections: Option<u32>,
    /// The most memory for rows in flight and what carries them, 64MiB to 64GiB; in B, KiB, MiB or
    /// GiB.
    #[schemars(regex(pattern = r"^[0-9]+ ?(B|KiB|MiB|GiB)$"), extend("default" = bounds::MEMORY_DEFAULT))]
    pub(crate) memory: Option<String>,
    /// The most rows a second that the copy reads from the source. Without it: no bound.
    #[schemars(range(min = 1, max = bounds::ROWS_PER_SECOND_MAX))]
    pub(crate) rows_per_second: Option<u64>,
    /// While more threads than this run on the source (`Threads_running`, the copy's own among them),
    /// the copy reads no further chunk. The log is followed all the same.
    #[schemars(range(min = bounds::SOURCE_THREADS_RUNNING_MIN, max = bounds::SOURCE_THREADS_RUNNING_MAX), extend("default" = bounds::SOURCE_THREADS_RUNNING_DEFAULT))]
    pub(crate) source_threads_running: Option<u64>,
    /// While the source's history list (`trx_rseg_history_len`: transactions whose old row versions are
    /// kept) is longer than this, the copy reads no further chunk. Seeing it needs the privilege
    /// `PROCESS`.
    #[schemars(range(min = bounds::SOURCE_HISTORY_LIST_MIN, max = bounds::SOURCE_HISTORY_LIST_MAX), extend("default" = bounds::SOURCE_HISTORY_LIST_DEFAULT))]
    pub(crate) source_history_list: Option<u64>,
}

/// What happens when the source does what cannot be copied row by row.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "On")]
pub(crate) struct OnSpec {
    /// At a change of a planned table's definition.
    #[schemars(extend("default" = "stop"))]
    pub(crate) ddl: Option<OnDdl>,
}

/// What happens at a change of a planned table's definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnDdl {
    /// The run writes all that came before, and stops.
    #[default]
    Stop,
    /// Statements that change no row, such as adding an index, are passed over; all others stop the
    /// run.
    Ignore,
}

/// A URL as written, which may hold a password: it is not shown by `Debug`.
#[derive(Deserialize)]
#[serde(from = "String")]
pub(crate) struct UrlText(pub(crate) SecretString);

impl From<String> for UrlText {
    fn from(text: String) -> Self {
        Self(SecretString::from(text))
    }
}

impl fmt::Debug for UrlText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("UrlText(…)")
    }
}
