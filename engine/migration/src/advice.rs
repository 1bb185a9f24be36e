//! What to do about a [`RunError`].

use whimbrel_mysql::{Class, Error, Severity};

use crate::{
    error::{RunError, SharedKeys, TableProblem},
    transform::{FailedRow, Read, StrayRow},
};

/// Rows are there that the source does not know of.
const SOURCE_LOST: &str = "the target holds rows that the source lost in a failover: compare the tables that \
                 those transactions changed, or begin again under a new `name` with an empty target";

/// Nothing is wrong yet.
const SOURCE_BEHIND: &str = "the source is a replica that has its own source's transactions still to apply: see \
                 that its replication runs (`SHOW REPLICA STATUS`, `START REPLICA`) and catches up, \
                 then run again; if its own source is gone for good, those transactions are lost: \
                 begin again under a new `name` with an empty target";

/// What the other transactions under the same identifiers changed is not known.
const REUSED: &str = "the source's log is not the one that was followed: it was reset, or the source was \
                 failed over or restored without its newest transactions, and what changed \
                 meanwhile is not known: begin again under a new `name` with an empty target";

/// Nobody but this program writes there.
const STATE_CHANGED: &str = "the `_whimbrel_*` tables were changed, dropped or restored: restore the whole target, \
                 or begin again under a new `name` with an empty target";

/// Their rows are in the log, and not visible.
const END_PREPARED: &str = "end them with XA COMMIT or XA ROLLBACK (`XA RECOVER` lists them)";

/// Rows lie where the shards of then have them.
const RESHARDED: &str = "a plan cannot follow its rows from one set of shards to another: reshard before or \
                 after it. Switched back to those shards, it goes on; otherwise drop the \
                 `_whimbrel_*` tables and begin again under a new `name` with empty target tables";

/// What rows depend on stays.
const CHANGED: &str = "undo these changes, or give the plan a new `name` and an empty target; \
     urls, tls, limits and `on` may change, and `on_error: stop` may become another";

/// What one vtgate takes, the others learn of from the topology.
const UNSERVED: &str = "see that every vtgate follows the topology; `vtctldclient RebuildVSchemaGraph` tells all of them what it \
                 has, also where one of them has published an older vschema; then run again: what is there is \
                 not added twice";

/// Shards that overlap are those of a resharding.
const KEYSPACE: &str = "see `SHOW VSCHEMA KEYSPACES` and `SHOW VITESS_SHARDS` at vtgate: the keyspace must be there, \
                 with a vschema, and with shards that have each keyspace id once; a resharding that is \
                 under way must be completed or cancelled first";

/// What the former primary alone took is in no other place, and comes again.
const NOT_PRIMARY: &str = "name the server of the shard's primary tablet in `target.vitess.tablets`, best by a name \
                 that follows it, or leave `tablets` out; then run again: it goes on from what the primary \
                 holds, and nothing is lost";

/// An application takes them, and so does the run.
const FULL_POOL: &str = "give the shard's tablet more with `vttablet --queryserver-config-transaction-cap` (20 unless \
                 set), let the application have fewer transactions open, or lower \
                 `limits.target_connections`; then run again";

/// Vitess holds everybody's transactions back, by how far replicas are behind.
const THROTTLED: &str = "the shard's replicas are behind, and its tablet lets few transactions begin until they are not \
                 (`vttablet --enable-tx-throttler`): see what holds them up, lower \
                 `limits.target_connections` or `limits.rows_per_second`, or let them be further behind \
                 (`target_replication_lag_sec` of `--tx-throttler-config`); then run again";

/// What limits a message is set where it is sent and where it is received; nothing of it can be read through
/// vtgate before such a row comes.
const LARGE_ROW: &str = "let vtgate and all tablets send larger messages than the row is as a statement \
                 (`--grpc-max-message-size`, 16777216 bytes unless set), or name the shards' servers under \
                 `target.vitess.tablets`, which rows reach without such messages; then run again: it goes \
                 on where it stopped, and nothing is skipped";

impl RunError {
    /// A stable name: words with dashes.
    #[must_use]
    pub fn id(&self) -> &'static str {
        match self {
            Self::Selection { .. } => "run.selection",
            Self::Preflight { .. } => "run.preflight",
            Self::Changed { .. } => "run.plan-changed",
            Self::NewerFormat { .. } => "run.newer-state",
            Self::Connections { .. } => "run.connections",
            Self::Keyspace { .. } => "run.keyspace",
            Self::Vschema { .. } | Self::VschemaUnserved { .. } => "run.vschema",
            Self::NoState { .. } => "run.no-state",
            Self::State { .. } | Self::Gtid(_) | Self::Json(_) => "run.state",
            Self::Busy { .. } => "run.busy",
            Self::Fenced => "run.fenced",
            Self::Diverged { .. } => "run.target-diverged",
            Self::Prepared { .. } => "run.prepared-xa",
            Self::SourceLost { .. } => "run.source-lost",
            Self::SourceBehind { .. } => "run.source-behind",
            Self::Reused { .. } => "run.gtid-reused",
            Self::Purged { .. } => "run.purged",
            Self::SplitSource { .. } => "run.split-source",
            Self::Ddl { .. } => "run.ddl",
            Self::Definition { .. } => "run.definition",
            Self::OnShard { cause, .. } => cause.id(),
            Self::Resharded { .. } => "run.resharded",
            Self::ForeignState { .. } => "run.foreign-state",
            Self::FailedRow(_) => "run.failed-row",
            Self::UnplacedRow(_) => "run.unplaced-row",
            Self::SharedKeys(_) => "run.shared-keys",
            Self::RefusedRow { .. } => "run.refused-row",
            Self::LargeRow { .. } => "run.large-row",
            Self::RefusedGroup { .. } => "run.refused-group",
            Self::ForeignGroups { .. } => "run.foreign-groups",
            Self::Options(_) => "run.address",
            Self::Server(cause) if matches!(**cause, Error::NotPrimary { .. }) => "run.not-primary",
            Self::Server(_) => "run.server",
            Self::Log(_) => "run.log",
            Self::Tables { .. } => "run.tables",
            Self::Downstream | Self::Broken { .. } => "run.broken",
        }
    }

    /// What a person does about it.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::Selection { .. } => "mend what is marked in the plan",
            Self::FailedRow(failed) => return failed_row(failed),
            Self::SharedKeys(shared) => return shared_keys(shared),
            Self::UnplacedRow(stray) => return stray_row(stray),
            Self::OnShard { cause, .. } => return cause.remedy(),
            Self::ForeignState { plan } => return foreign_state(plan),
            Self::Resharded { .. } => RESHARDED,
            Self::Preflight { .. } => "mend what is marked as error, then run again",
            Self::Changed { .. } => CHANGED,
            Self::NewerFormat { .. } => "run the newer version that began this plan",
            Self::Connections { .. } => "raise `limits.target_connections`",
            Self::Keyspace { .. } => KEYSPACE,
            Self::Vschema { cause, .. } => of_vschema(cause.class()),
            Self::VschemaUnserved { .. } => UNSERVED,
            Self::NoState { .. } => "begin it with `whimbrel run PLAN`",
            Self::State { .. } | Self::Gtid(_) | Self::Json(_) | Self::ForeignGroups { .. } => {
                STATE_CHANGED
            }
            Self::Busy { .. } => {
                "stop the other runner, or end it and take its place with `--take-over`"
            }
            Self::Fenced => "nothing, if you started the other runner; it goes on from here",
            Self::Diverged { .. } => {
                "run again: it goes on from what the target holds now; if the target was restored \
                 from a backup, its tables and `_whimbrel_*` must be of the same moment"
            }
            Self::Prepared { .. } => END_PREPARED,
            Self::SourceLost { .. } => SOURCE_LOST,
            Self::Reused { .. } => REUSED,
            Self::SourceBehind { .. } => SOURCE_BEHIND,
            Self::Purged { .. } => {
                "point `source.mysql.url` at a replica that still has the log; otherwise begin \
                 again under a new `name` with an empty target, with a longer \
                 `binlog_expire_logs_seconds`"
            }
            Self::SplitSource { .. } => "give `source.mysql.url` one server's own address",
            Self::Ddl { keeps_rows: true, .. } => {
                "everything before it is stored; it leaves rows as they are: set \
                 `on: {ddl: ignore}` to pass it, and make the same change on the target yourself"
            }
            Self::Ddl { keeps_rows: false, .. } => {
                "everything before it is stored; begin again under a new `name` with an empty target"
            }
            Self::Definition { cause, is_after_rows, .. } => of_definition(cause, *is_after_rows),
            Self::RefusedRow { .. } | Self::RefusedGroup { .. } => {
                "make the target's table take it, then run again: nothing is skipped"
            }
            Self::LargeRow { .. } => LARGE_ROW,
            Self::Options(_) => "mend the plan's `url`",
            Self::Server(cause) => of_server(cause),
            Self::Log(error) if error.is_transient() => {
                "see that the source is up and can be reached, then run again: it goes on there"
            }
            Self::Log(_) => {
                "that part of the log cannot be carried, and comes again with every run: do what the \
                 message asks for, then begin again under a new `name` with an empty target"
            }
            Self::Tables { .. } => "mend each table as told, or leave it out with `!name`",
            Self::Downstream | Self::Broken { .. } => {
                "run again: it goes on where it stopped; if it comes back, it is a fault of \
                 whimbrel's"
            }
        }
        .to_owned()
    }

    /// What a person is told while it may pass by itself: with the remedy, where they have to do
    /// something before it can.
    pub(crate) fn while_waiting(&self) -> String {
        if let Self::OnShard { cause, .. } = self {
            return format!("{self}: {}", cause.while_waiting());
        }
        if let Self::Definition { cause, .. } = self {
            return format!("{self}: {cause}");
        }
        if let Self::Vschema { statement, cause } = self {
            return format!("`{statement}`: {cause}");
        }
        if let Self::Tables { problems } = self {
            let problem = |it: &TableProblem| format!("`{}`: {}", it.table, it.what);
            return problems.iter().map(problem).collect::<Vec<_>>().join("; ");
        }
        if let Self::Preflight { findings } = self {
            let refusals = findings.iter().filter(|it| it.severity == Severity::Refusal);
            return refusals.map(|it| it.saw.as_str()).collect::<Vec<_>>().join("; ");
        }
        if let Self::Server(cause) = self
            && (cause.class() == Class::Full || cause.is_full_pool() || cause.is_throttled())
        {
            return format!("{self} ({})", self.remedy());
        }
        self.to_string()
    }
}

/// Nobody but a person can tell whether its rows are still wanted.
fn foreign_state(plan: &str) -> String {
    format!(
        "if the first shard lost its database, restore the first shard, then run again. If the keyspace was \
         resharded, or that plan is over, drop the `_whimbrel_*` tables of all shards (or, beside other \
         plans, delete the rows of plan `{plan}` from them) and empty its tables, or begin under another \
         `name`"
    )
}

/// The log is followed past the mending before the keys are looked at again.
fn shared_keys(SharedKeys { first, listing, .. }: &SharedKeys) -> String {
    format!(
        "the target shows the rows of `{first}`, and nothing is lost: on the source, delete one of \
         the two rows of each key, or give one another key, then run again: it goes on there \
         (`{listing}` on the target lists the keys); whoever moves rows between the two does so in one \
         transaction. If both are to keep such rows, add `columns: {{ origin: table_name() }}` and \
         `key: [origin, …]` under a new `name` with an empty target"
    )
}

/// Whether one of the run's own tables is missing, as a database that was lost has none.
pub(crate) fn is_of_own_table(error: &Error) -> bool {
    error.class() == Class::SchemaGone && error.to_string().contains("_whimbrel_")
}

/// Nothing but the vschema was changed, and only by what was told before.
fn of_vschema(class: Class) -> &'static str {
    match class {
        Class::Denied => {
            "vtgate lets the accounts change a vschema that its `--vschema-ddl-authorized-users` names: name the \
             plan's there (`%` for all), or add what is missing by another way and run with `vschema: check`"
        }
        Class::TryAgain | Class::Lost => "run again: what is there is not added twice",
        Class::Full | Class::SchemaGone | Class::Refused | Class::Other => {
            "mend what it says, or change the vschema with `vtctldclient ApplyVSchema`, then run again: what is \
             there is not added twice"
        }
    }
}

/// About a statement that makes something, and failed.
fn of_definition(cause: &Error, is_after_rows: bool) -> &'static str {
    if is_of_own_table(cause) {
        "another runner was at work on the same plan, and made or dropped it: see that it has ended, \
         then run again"
    } else if is_after_rows {
        "the rows are copied: make it on the target yourself, under the same name, in whatever way it \
         takes it, then run again"
    } else {
        "nothing is copied yet: mend the plan's `create`, or what is in its way on the target, then \
         run again"
    }
}

fn of_server(error: &Error) -> &'static str {
    if is_of_own_table(error) {
        return STATE_CHANGED;
    }
    if error.is_full_pool() {
        return FULL_POOL;
    }
    if error.is_throttled() {
        return THROTTLED;
    }
    if matches!(error, Error::NotPrimary { .. }) {
        return NOT_PRIMARY;
    }
    match error.class() {
        Class::Denied => {
            "check the user and the password of the plan's `url`, and what the account may do: \
             preflight names the GRANTs once it gets in"
        }
        Class::Lost => "see that the server is up and can be reached, then run again",
        Class::Full => {
            "make room on the server: free or add disk space, or let its tablespaces grow; then run \
             again: it goes on where it stopped"
        }
        Class::SchemaGone => "create what is missing on the server, then run again",
        Class::TryAgain | Class::Refused | Class::Other => "mend it on the server, then run again",
    }
}

/// Nothing is skipped. A row that was copied is read again as it is then; what the log has of one does not change.
fn stray_row(StrayRow { row, source_table, read }: &StrayRow) -> String {
    let again = "under a new `name` with an empty target";
    let columns = &row.columns;
    match read {
        Read::Piece(piece) => format!(
            "give the row a value of {columns} that the vindex maps, then run again, or shard the table by \
             another column or vindex, {again}. A search of `{source_table}` by {columns} for what is told of \
             the value finds the row; the keys between which the piece lies are, as bytes, in \
             `_whimbrel_chunks` of the first shard (`table_id` {}, `number` {})",
            piece.table.0, piece.number
        ),
        Read::Transaction(gtid) => format!(
            "the transaction comes again with every run: give the row a value of {columns} that the vindex \
             maps, or shard the table by another column or vindex, then begin again {again}. `mysqlbinlog \
             --include-gtids={gtid} --base64-output=decode-rows --verbose` of the source's log shows the row"
        ),
    }
}

fn failed_row(failed: &FailedRow) -> String {
    let place = match &failed.gtid {
        Some(gtid) => {
            format!("transaction {gtid} wrote the row, and comes again with every run: ")
        }
        None => {
            "it was found while the table was copied: mend the row on the source, or ".to_owned()
        }
    };
    let null = if failed.column.is_some() {
        ", and `on_error: \"null\"` makes the column NULL there"
    } else {
        ""
    };
    format!(
        "{place}say what else happens to such rows, then run again: it goes on where it stopped. \
         `on_error: dead_letter` leaves them out and notes their keys in the target's \
         `_whimbrel_dead_letters`{null}. Another expression needs a new `name` and an empty target"
    )
}
