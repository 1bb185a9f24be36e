//! The shape of a keyspace: its shards, and where the rows of its tables belong.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    ddl::quoted,
    error::{Class, Error},
    session::{Record, Session},
};

use super::plan::Plan;

/// What vtgate does about foreign keys of a keyspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ForeignKeyMode {
    /// They are the servers' own, each within its shard: the default.
    Unmanaged,
    /// vtgate enforces them, and carries cascades out by statements of its own.
    Managed,
    /// A definition with one is refused.
    Disallowed,
}

/// A keyspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// Its name.
    pub keyspace: String,
    /// Whether rows are placed by vindexes. One shard alone can be sharded, too.
    pub is_sharded: bool,
    /// The shards that serve it, in the order of their key ranges.
    pub shards: Vec<ShardShape>,
    /// Shards that have tablets and do not serve the keyspace, in the order of their key ranges: they are
    /// being made or being left.
    pub other_shards: Vec<String>,
    /// What vtgate does about foreign keys.
    pub foreign_keys: ForeignKeyMode,
    /// vtgate's version, such as `24.0.0`.
    pub version: String,
    /// Where the rows of the tables that were asked for belong, by the tables' names.
    pub tables: BTreeMap<String, Placing>,
}

/// A shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardShape {
    /// Its name, such as `-80`; the only one of an unsharded keyspace may have any name.
    pub name: String,
    /// Whether it has a primary that serves.
    pub is_serving: bool,
}

/// Where the rows of a table belong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placing {
    /// Nobody has said it: the vschema of the sharded keyspace does not name the table.
    Unknown,
    /// On the only shard.
    Unsharded,
    /// The table is a sequence, whose only row is vtgate's.
    Sequence,
    /// On every shard.
    Reference {
        /// The keyspace whose table the rows come from, where that is another one: rows that are written
        /// through vtgate go there.
        source: Option<String>,
    },
    /// On one shard, which the vschema names.
    Pinned,
    /// By vindexes.
    Vindexes {
        /// The primary vindex, which places the row, first; then the others.
        vindexes: Vec<TableVindex>,
        /// The sequence that numbers come from, without its keyspace.
        sequence: Option<String>,
    },
}

/// A vindex of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableVindex {
    /// The columns that it takes.
    pub columns: Vec<String>,
    /// Its name in the vschema.
    pub name: String,
    /// Its type, such as `xxhash`.
    pub kind: String,
    /// Its parameters.
    pub params: BTreeMap<String, String>,
    /// The table whose rows vtgate keeps the vindex's own table in step with.
    pub owner: Option<String>,
}

/// What vtgate tells of `keyspace`, and of `tables` in it: three statements a table.
///
/// # Errors
///
/// [`Error::Unexpected`] when there is no such keyspace or an answer is none that vtgate gives; those of
/// [`Session::query`].
pub async fn shape(
    session: &mut Session,
    keyspace: &str,
    tables: &[String],
) -> Result<Shape, Error> {
    let doing = "reading the shape of the keyspace";
    let version = session.vitess_version().unwrap_or_default().to_owned();
    let (is_sharded, foreign_keys) = of_keyspace(session, keyspace).await?;
    let names = session.query_for(doing, "SHOW VITESS_SHARDS").await?;
    let names = names.iter().map(Record::first_text).collect::<Result<Vec<_>, _>>()?;
    let tablets = session.query_for(doing, "SHOW VITESS_TABLETS").await?;
    let tablets = tablets.iter().map(Tablet::of).collect::<Result<Vec<_>, _>>()?;
    let (shards, other_shards) = shards(keyspace, &names, &tablets);
    let mut placings = BTreeMap::new();
    for table in tables {
        let placing = match is_sharded {
            true => sharded_table(session, (keyspace, table)).await?,
            false => unsharded_table(session, table).await?,
        };
        placings.insert(table.clone(), placing);
    }
    let keyspace = keyspace.to_owned();
    Ok(Shape {
        keyspace,
        is_sharded,
        shards,
        other_shards,
        foreign_keys,
        version,
        tables: placings,
    })
}

async fn of_keyspace(
    session: &mut Session,
    keyspace: &str,
) -> Result<(bool, ForeignKeyMode), Error> {
    let doing = "asking vtgate for its keyspaces";
    for row in session.query_for(doing, "SHOW VSCHEMA KEYSPACES").await? {
        if row.text("Keyspace")? != keyspace {
            continue;
        }
        let foreign_keys = match row.text("Foreign Key")?.as_str() {
            "managed" => ForeignKeyMode::Managed,
            "disallow" => ForeignKeyMode::Disallowed,
            _ => ForeignKeyMode::Unmanaged,
        };
        return Ok((row.text("Sharded")? == "true", foreign_keys));
    }
    let what = format!("vtgate knows no keyspace `{keyspace}`");
    Err(crate::session::unexpected(doing, what))
}

/// A tablet, as far as it matters.
pub(super) struct Tablet {
    pub(super) keyspace: String,
    pub(super) shard: String,
    pub(super) is_serving_primary: bool,
}

impl Tablet {
    fn of(row: &Record) -> Result<Self, Error> {
        Ok(Self {
            keyspace: row.text("Keyspace")?,
            shard: row.text("Shard")?,
            is_serving_primary: row.text("TabletType")? == "PRIMARY"
                && row.text("State")? == "SERVING",
        })
    }
}

/// The keyspace's serving shards, and the others that have tablets. `names` are `keyspace/shard`.
pub(super) fn shards(
    keyspace: &str,
    names: &[String],
    tablets: &[Tablet],
) -> (Vec<ShardShape>, Vec<String>) {
    let prefix = format!("{keyspace}/");
    let mut serving: Vec<&str> =
        names.iter().filter_map(|name| name.strip_prefix(&prefix)).collect();
    // Bounds are of lower-case hexadecimal digits in pairs: their order is that of the bytes.
    serving.sort_by_key(|name| low_of(name));
    let tablets: Vec<&Tablet> =
        tablets.iter().filter(|tablet| tablet.keyspace == keyspace).collect();
    let is_serving =
        |name: &str| tablets.iter().any(|tablet| tablet.shard == name && tablet.is_serving_primary);
    let others: BTreeSet<&str> = tablets
        .iter()
        .map(|tablet| tablet.shard.as_str())
        .filter(|shard| !serving.contains(shard))
        .collect();
    let mut others: Vec<String> = others.into_iter().map(str::to_owned).collect();
    others.sort_by(|a, b| low_of(a).cmp(low_of(b)));
    let shape = |name: &str| ShardShape { name: name.to_owned(), is_serving: is_serving(name) };
    (serving.into_iter().map(shape).collect(), others)
}

/// The lower bound in a shard's name.
pub(super) fn low_of(name: &str) -> &str {
    name.split('-').next().unwrap_or_default()
}

async fn unsharded_table(session: &mut Session, table: &str) -> Result<Placing, Error> {
    let select = format!("SELECT 1 FROM {}", quoted(table));
    let plan = Plan::of(session, &select).await?;
    let is_sequence = plan.is_some_and(|plan| plan.variant() == "Next");
    Ok(if is_sequence { Placing::Sequence } else { Placing::Unsharded })
}

async fn sharded_table(
    session: &mut Session,
    (keyspace, table): (&str, &str),
) -> Result<Placing, Error> {
    let name = quoted(table);
    let sql = format!("SHOW VSCHEMA VINDEXES FROM {name}");
    let rows = match session.query_for("asking for the table's vindexes", &sql).await {
        Err(error) if error.class() == Class::SchemaGone => return Ok(Placing::Unknown),
        rows => rows?,
    };
    let vindexes = rows.iter().map(vindex).collect::<Result<Vec<_>, _>>()?;
    if vindexes.is_empty() {
        return without_vindex(session, (keyspace, &name)).await;
    }
    let columns: BTreeSet<String> =
        vindexes.iter().flat_map(|vindex| vindex.columns.iter().map(|it| quoted(it))).collect();
    let ones = vec!["1"; columns.len()].join(",");
    let columns = columns.into_iter().collect::<Vec<_>>().join(",");
    let insert = format!("INSERT INTO {name} ({columns}) VALUES ({ones})");
    let sequence = Plan::of(session, &insert).await?.and_then(|plan| plan.sequence());
    Ok(Placing::Vindexes { vindexes, sequence })
}

/// A table that the vschema names without a vindex. `name` is quoted.
async fn without_vindex(
    session: &mut Session,
    (keyspace, name): (&str, &str),
) -> Result<Placing, Error> {
    let read = Plan::of(session, &format!("SELECT 1 FROM {name}")).await?;
    Ok(match read.as_ref().map(Plan::variant) {
        Some("EqualUnique") => Placing::Pinned,
        Some("Reference") => {
            let written = Plan::of(session, &format!("DELETE FROM {name}")).await?;
            let source = written.as_ref().and_then(Plan::keyspace);
            let source = source.filter(|found| *found != keyspace).map(str::to_owned);
            Placing::Reference { source }
        }
        Some(_) | None => Placing::Unknown,
    })
}

fn vindex(row: &Record) -> Result<TableVindex, Error> {
    // Names with `, ` in them would be taken for two, neither of which the table has.
    let columns = row.text("Columns")?.split(", ").map(str::to_owned).collect();
    let owner = row.text("Owner")?;
    Ok(TableVindex {
        columns,
        name: row.text("Name")?,
        kind: row.text("Type")?,
        params: params(row)?,
        owner: Some(owner).filter(|owner| !owner.is_empty()),
    })
}

/// A vindex's parameters.
pub(super) fn params(row: &Record) -> Result<BTreeMap<String, String>, Error> {
    let params = row.text("Params")?;
    let params = params.split("; ").filter_map(|param| param.split_once('='));
    Ok(params.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

#[cfg(test)]
mod tests;
