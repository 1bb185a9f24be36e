//! The tables of lookup vindexes that targets own.
//!
//! vtgate keeps such a table by transactions of its own before and after the owner's, of which none stores a
//! position: what a run that dies between them leaves behind, nobody finds. Here its rows are made from the
//! owner's as those of any other target are, and written with the position of the shard that has them.

mod mapping;
mod tables;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use whimbrel_model::{Column, Table};
use whimbrel_mysql::{
    catalog::{Definition, IndexDescription},
    vtgate::TableVindex,
};

use crate::error::TableProblem;

pub(crate) use self::{
    mapping::feed,
    tables::{find, is_kept, make_ready},
};

/// The vindexes whose tables are known: a row has the columns' values, and the owner's keyspace id.
const KINDS: [&str; 4] =
    ["consistent_lookup_unique", "consistent_lookup", "lookup_unique", "lookup"];

/// Vindexes of which different values have different keyspace ids; where these are hashes, as surely as
/// hashes differ.
const TELLING_APART: [&str; 6] =
    ["hash", "xxhash", "binary", "binary_md5", "numeric", "reverse_bits"];

/// What is wrong with a lookup vindex, and what mends it.
type Wrong = (String, String);

/// A lookup vindex, and the table that has its rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lookup {
    /// Its name in the vschema.
    pub(crate) vindex: String,
    /// The keyspace of its table.
    pub(crate) keyspace: String,
    /// Its table.
    pub(crate) table: String,
    /// The target whose rows it finds.
    pub(crate) owner: String,
    /// The owner's columns that it looks up.
    columns: Vec<String>,
    /// The table's columns that have their values, in the same order.
    from: Vec<String>,
    /// The table's column that has keyspace ids.
    to: String,
    /// Whether a value is found once at most.
    is_unique: bool,
    /// Whether rows with NULL in one of the columns are left out; else vtgate refuses them.
    ignores_nulls: bool,
    /// The owner's columns of which each value has a keyspace id of its own; none where that is not so.
    told_by_id: Vec<String>,
    /// The bytes of the owner's longest keyspace ids, as far as that is known.
    id_bytes: u64,
}

/// Begins the words of each lookup vindex.
const LOOKED_UP: &str = ", looked up";

/// Words of where rows are, and those of each lookup vindex that follow them.
pub(crate) fn of_words(words: &str) -> (&str, Vec<String>) {
    let mut parts = words.split(LOOKED_UP);
    let placed = parts.next().unwrap_or_default();
    (placed, parts.map(|part| format!("looked up{part}")).collect())
}

impl Lookup {
    /// Those that the target `owner` owns among its vindexes, the first of which places its rows.
    ///
    /// # Errors
    ///
    /// One whose table cannot be kept.
    pub(crate) fn owned(owner: &str, vindexes: &[TableVindex]) -> Result<Vec<Self>, Wrong> {
        let Some((primary, others)) = vindexes.split_first() else { return Ok(Vec::new()) };
        let own = others.iter().filter(|vindex| vindex.owner.as_deref() == Some(owner));
        own.map(|vindex| Self::of(owner, vindex, primary)).collect()
    }

    fn of(owner: &str, vindex: &TableVindex, primary: &TableVindex) -> Result<Self, Wrong> {
        let TableVindex { name, kind, params, columns, .. } = vindex;
        let refused = |what: &str, remedy: &str| {
            Err((format!("it owns the lookup vindex `{name}`, {what}"), remedy.to_owned()))
        };
        if !KINDS.contains(&kind.as_str()) {
            return refused(
                &format!("and the rows of a `{kind}` are not known here"),
                "make it a `consistent_lookup_unique` or `consistent_lookup`, or take it out of the \
                 vschema and make it anew after the cutover (`vtctldclient LookupVindex create`)",
            );
        }
        if params.get("write_only").is_some_and(|value| value == "true") {
            return refused(
                "which is `write_only`: somebody else is filling its table",
                "cancel what fills it, empty its table, and leave `write_only` out of its parameters: \
                 the run fills it",
            );
        }
        let param = |name: &str| params.get(name).map_or("", String::as_str);
        let Some((keyspace, table)) = param("table").split_once('.') else {
            return refused(
                "whose table stands in no keyspace",
                "name the table with its keyspace in the vindex's parameter `table`",
            );
        };
        let from: Vec<String> = param("from").split(',').map(|it| it.trim().to_owned()).collect();
        if from.len() != columns.len() || param("to").is_empty() {
            return refused(
                "whose parameters `from` and `to` do not name the columns of its table",
                "correct the vschema",
            );
        }
        let is_told = TELLING_APART.contains(&primary.kind.as_str());
        Ok(Self {
            vindex: name.clone(),
            keyspace: bare(keyspace),
            table: bare(table),
            owner: owner.to_owned(),
            columns: columns.clone(),
            from,
            to: param("to").to_owned(),
            is_unique: kind.ends_with("_unique"),
            ignores_nulls: param("ignore_nulls") == "true",
            told_by_id: if is_told { primary.columns.clone() } else { Vec::new() },
            id_bytes: id_bytes(&primary.kind),
        })
    }

    /// Where its rows are and what of, in words that follow others.
    pub(crate) fn in_words(&self) -> String {
        let unique = if self.is_unique { " alone" } else { "" };
        let nulls = if self.ignores_nulls { ", without NULL" } else { "" };
        format!(
            "{LOOKED_UP}{unique} by ({}){nulls} in `{}.{}` ({}; {})",
            self.columns.join(", "),
            self.keyspace,
            self.table,
            self.from.join(", "),
            self.to
        )
    }

    /// Proves that no two rows of its owner are one row of its table.
    ///
    /// # Errors
    ///
    /// Why they may be.
    fn fits(&self, owner: &Table, indexes: &[IndexDescription]) -> Result<(), Wrong> {
        let Self { vindex, .. } = self;
        for name in &self.columns {
            let Some((_, column)) = column_of(owner, name) else {
                return Err((
                    format!(
                        "its lookup vindex `{vindex}` is of `{name}`, which is none of its columns that \
                         are written"
                    ),
                    "correct the vschema, or add the column".to_owned(),
                ));
            };
            if column.nullable && !self.ignores_nulls {
                return Err((
                    format!(
                        "its lookup vindex `{vindex}` is of `{name}`, which may be NULL: vtgate refuses \
                         such rows"
                    ),
                    format!("give the vindex `ignore_nulls: true`, or declare `{name}` NOT NULL"),
                ));
            }
        }
        if self.tells_apart(indexes, !self.is_unique) {
            return Ok(());
        }
        let columns = self.columns.join(", ");
        Err(match self.is_unique {
            true => (
                format!(
                    "its lookup vindex `{vindex}` finds one row by ({columns}), and several rows may \
                     have the same"
                ),
                format!(
                    "make a unique key of ({columns}), or make the vindex a `consistent_lookup`"
                ),
            ),
            false => (
                format!(
                    "several of its rows may have the same ({columns}) and the same keyspace id, which \
                     are one row of the table of its lookup vindex `{vindex}`: vtgate refuses the second"
                ),
                format!(
                    "let the vindex be of ({columns}) and of columns behind them that tell rows apart, \
                     such as the key"
                ),
            ),
        })
    }

    /// Whether the columns tell rows of the owner apart, with the keyspace id if `by_id`: NULL among the
    /// columns makes no row.
    fn tells_apart(&self, indexes: &[IndexDescription], by_id: bool) -> bool {
        let told_by_id = if by_id { &self.told_by_id[..] } else { &[] };
        let is_among = |name: &str| {
            let mut names = self.columns.iter().chain(told_by_id);
            names.any(|it| it.eq_ignore_ascii_case(name))
        };
        let tells = |index: &&IndexDescription| {
            let mut parts = index.parts.iter();
            // What is unique by the beginning of values is so by all of them.
            index.is_unique && parts.all(|part| part.column.as_deref().is_some_and(is_among))
        };
        indexes.iter().any(|index| tells(&index))
    }
}

/// The column of a table's rows that is called `name`, with its place among their cells.
pub(crate) fn column_of<'t>(table: &'t Table, name: &str) -> Option<(usize, &'t Column)> {
    table.carried_columns().enumerate().find(|(_, column)| column.name.eq_ignore_ascii_case(name))
}

/// The bytes of keyspace ids of a kind of vindex; of those that go by the value, as many as of the shortest.
fn id_bytes(kind: &str) -> u64 {
    match kind {
        "binary_md5" | "unicode_loose_md5" => 16,
        "binary" | "region_experimental" | "region_json" | "cfc" => 1,
        _ => 8,
    }
}

/// A name without its backquotes.
fn bare(name: &str) -> String {
    name.trim().trim_matches('`').to_owned()
}

/// Proves that the tables of `lookups` can be kept beside the plan's targets, called `names`.
///
/// # Errors
///
/// Those of which they cannot.
pub(crate) fn fit(
    lookups: &[Lookup],
    owners: &[Definition],
    names: &[String],
) -> Result<(), Vec<TableProblem>> {
    let mut problems = Vec::new();
    let mut kept: BTreeMap<String, &Lookup> = BTreeMap::new();
    for lookup in lookups {
        let mut refused = |(what, remedy): Wrong| {
            problems.push(TableProblem { table: lookup.owner.clone(), what, remedy });
        };
        let Lookup { vindex, table, keyspace, .. } = lookup;
        if names.iter().any(|name| name.eq_ignore_ascii_case(table)) {
            refused((
                format!(
                    "the table `{keyspace}.{table}` of its lookup vindex `{vindex}` is kept by the run, \
                     and the plan writes a table of this name"
                ),
                format!("leave `{table}` out of the plan"),
            ));
        }
        if let Some(other) = kept.insert(table.to_lowercase(), lookup) {
            refused((
                format!(
                    "its lookup vindex `{vindex}` has a table called `{table}`, and so has `{}` of `{}`",
                    other.vindex, other.owner
                ),
                "give each lookup vindex a table of its own name".to_owned(),
            ));
        }
        let owner = owners.iter().find(|owner| owner.description.name == lookup.owner);
        let wrong = owner.and_then(|it| lookup.fits(&it.table, &it.description.indexes).err());
        if let Some(wrong) = wrong {
            refused(wrong);
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

#[cfg(test)]
mod tests;
