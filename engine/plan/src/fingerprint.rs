//! What may not change between two runs of one name.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    materialize::Materialized,
    plan::{MysqlTarget, Plan, PlanChange, Target, VitessTarget},
    sharding::TableSharding,
};

/// The part of a plan that the state in the target depends on.
///
/// Stored as JSON beside that state; a newer program can read what an older one wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fingerprint {
    /// The layout of this value; 1 so far.
    pub format: u32,
    /// `source.mysql.database`.
    pub source_database: String,
    /// `target.mysql.database`; empty if the target is a keyspace.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub target_database: String,
    /// `target.vitess.keyspace`; empty if the target is a database.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub target_keyspace: String,
    /// The rules of `move`, sorted: their order has no meaning.
    pub rules: Vec<String>,
    /// The targets of `materialize`, each with all that the plan says of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub materialized: BTreeMap<String, String>,
    /// The tables of `sharding`, each with all that the plan says of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sharding: BTreeMap<String, String>,
}

impl Fingerprint {
    pub(crate) fn new(plan: &Plan) -> Self {
        let canonical = |target: &Materialized| (target.name.name.clone(), target.canonical());
        let sharding = |table: &TableSharding| (table.table.clone(), table.canonical());
        let mut rules: Vec<String> =
            plan.selection.rules().iter().map(|rule| rule.text.clone()).collect();
        rules.sort_unstable();
        let (target_database, target_keyspace) = match &plan.target {
            Target::Mysql(MysqlTarget { endpoint, .. }) => {
                (endpoint.database.clone(), String::new())
            }
            // The way to the shards may change: what is kept lies on the same ones.
            Target::Vitess(VitessTarget { endpoint, .. }) => {
                (String::new(), endpoint.database.clone())
            }
        };
        Self {
            format: 1,
            source_database: plan.source.database.clone(),
            target_database,
            target_keyspace,
            rules,
            materialized: plan.materialized.iter().map(canonical).collect(),
            sharding: plan.sharding.iter().map(sharding).collect(),
        }
    }

    /// SHA-256 of the value in hex, 64 characters: equal for equal fingerprints, on every machine.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hasher = Sha256::new();
        hasher.update(self.format.to_be_bytes());
        let materialized = self.materialized.iter().flat_map(|(name, text)| [name, text]);
        let texts = [&self.source_database, &self.target_database]
            .into_iter()
            .chain(&self.rules)
            .chain(materialized);
        // The length keeps `ab, c` apart from `a, bc`.
        let mut add = |text: &str| {
            hasher.update((text.len() as u64).to_be_bytes());
            hasher.update(text);
        };
        texts.for_each(|text| add(text));
        if !self.target_keyspace.is_empty() {
            // No table has a name as long as this mark: what follows is no target.
            add(KEYSPACE_MARK);
            let sharding = self.sharding.iter().flat_map(|(name, text)| [name, text]);
            std::iter::once(&self.target_keyspace).chain(sharding).for_each(|text| add(text));
        }
        format!("{:x}", hasher.finalize())
    }

    pub(crate) fn changes_to(&self, now: &Self) -> Vec<PlanChange> {
        let rules = |fingerprint: &Self| format!("[{}]", fingerprint.rules.join(", "));
        let quoted = |name: &String| format!("`{name}`");
        let (target_key, stored_target, target) = self.target_change(now);
        let mut changes: Vec<PlanChange> = [
            ("source.mysql.database", quoted(&self.source_database), quoted(&now.source_database)),
            (target_key, stored_target, target),
            ("move", rules(self), rules(now)),
        ]
        .into_iter()
        .filter(|(_, stored, now)| stored != now)
        .map(|(key, stored, now)| PlanChange { key: key.to_owned(), stored, now })
        .collect();
        let names: BTreeSet<&String> =
            self.materialized.keys().chain(now.materialized.keys()).collect();
        for name in names {
            let (stored, now) = (self.materialized.get(name), now.materialized.get(name));
            let is_relaxed = match (stored, now) {
                (Some(stored), Some(now)) => is_relaxed(stored, now),
                _ => false,
            };
            if stored != now && !is_relaxed {
                changes.push(change(format!("materialize.{name}"), stored, now));
            }
        }
        // What is said of a table or is said no more changes nothing: it is what vtgate says, or refused.
        for (table, stored) in &self.sharding {
            let now = now.sharding.get(table).filter(|now| *now != stored);
            if now.is_some() {
                changes.push(change(format!("sharding.{table}"), Some(stored), now));
            }
        }
        changes
    }

    /// The key of the target's name, and what it says here and in `now`.
    fn target_change(&self, now: &Self) -> (&'static str, String, String) {
        let is_keyspace = |it: &Self| !it.target_keyspace.is_empty();
        let name = |it: &Self| match is_keyspace(it) {
            true => format!("`{}`", it.target_keyspace),
            false => format!("`{}`", it.target_database),
        };
        let kind = |it: &Self| if is_keyspace(it) { "the keyspace" } else { "the database" };
        match (is_keyspace(self), is_keyspace(now)) {
            (false, false) => ("target.mysql.database", name(self), name(now)),
            (true, true) => ("target.vitess.keyspace", name(self), name(now)),
            _ => {
                let named = |it: &Self| format!("{} {}", kind(it), name(it));
                ("target", named(self), named(now))
            }
        }
    }
}

/// Stands before what [`Fingerprint::digest`] takes in of a keyspace.
const KEYSPACE_MARK: &str =
    "what follows is the keyspace of the target and what the plan says of its shards";

fn change(key: String, stored: Option<&String>, now: Option<&String>) -> PlanChange {
    let or_none =
        |text: Option<&String>| text.map_or_else(|| "not there".to_owned(), String::clone);
    PlanChange { key, stored: or_none(stored), now: or_none(now) }
}

/// Whether two targets differ in nothing but what happens to rows that fail, and only where it was that
/// the run stops: no such row was ever written, so that a run goes on as if it had always been so. What
/// is kept of the rows of groups has no room for `NULL`.
fn is_relaxed(stored: &str, now: &str) -> bool {
    let read = |text: &str| serde_json::from_str::<Value>(text).ok();
    let (Some(mut stored), Some(now)) = (read(stored), read(now)) else { return false };
    let is_grouped = now["group_by"].as_array().is_some_and(|groups| !groups.is_empty());
    let relax = |stored: &mut Value, now: &Value| {
        let is_offered = now == "DeadLetter" || now == "Null" && !is_grouped;
        if *stored == "Stop" && is_offered {
            *stored = now.clone();
        }
    };
    if let Some(stored) = stored.get_mut("on_error") {
        relax(stored, &now["on_error"]);
    }
    for key in ["columns", "group_by", "aggregates"] {
        let Some(rules) = stored.get_mut(key).and_then(Value::as_array_mut) else { continue };
        for (place, rule) in rules.iter_mut().enumerate() {
            let now = now[key].get(place).and_then(Value::as_array).and_then(|rule| rule.last());
            let stored = rule.as_array_mut().and_then(|rule| rule.last_mut());
            if let (Some(stored), Some(now)) = (stored, now) {
                relax(stored, now);
            }
        }
    }
    stored == now
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_target(text: &str) -> Fingerprint {
        let materialized = BTreeMap::from([("a".to_owned(), text.to_owned())]);
        Fingerprint { materialized, ..fingerprint(&["a"]) }
    }

    #[test]
    fn rows_that_stopped_the_run_may_be_met_otherwise_and_nothing_else_may_change() {
        let text = |column: &str, group: &str, row: &str| {
            format!(
                r#"{{"columns":[["x","y / z","{column}"]],"group_by":[{group}],"on_error":"{row}"}}"#
            )
        };
        for (stored, now, change_count) in [
            (text("Stop", "", "Stop"), text("DeadLetter", "", "Stop"), 0),
            (text("Stop", "", "Stop"), text("Null", "", "DeadLetter"), 0),
            (text("DeadLetter", "", "Stop"), text("Stop", "", "Stop"), 1),
            (text("Null", "", "Stop"), text("DeadLetter", "", "Stop"), 1),
            (text("Stop", "", "Stop"), text("Null", "", "Stop").replace("y / z", "y / 2"), 1),
            (
                text("Stop", r#"["g","g","Stop"]"#, "Stop"),
                text("Stop", r#"["g","g","Null"]"#, "Stop"),
                1,
            ),
            (
                text("Stop", r#"["g","g","Stop"]"#, "Stop"),
                text("Stop", r#"["g","g","DeadLetter"]"#, "DeadLetter"),
                0,
            ),
        ] {
            let changes = with_target(&stored).changes_to(&with_target(&now));

            assert_eq!(changes.len(), change_count, "{stored} {now}");
        }
    }

    fn fingerprint(rules: &[&str]) -> Fingerprint {
        Fingerprint {
            format: 1,
            source_database: "shop".to_owned(),
            target_database: "store".to_owned(),
            target_keyspace: String::new(),
            rules: rules.iter().map(|&rule| rule.to_owned()).collect(),
            materialized: BTreeMap::new(),
            sharding: BTreeMap::new(),
        }
    }

    #[test]
    fn what_may_not_change_is_named_with_both_values() {
        let (stored, mut now) = (fingerprint(&["a", "b"]), fingerprint(&["a"]));
        now.source_database = "shop2".to_owned();

        let changes = stored.changes_to(&now);

        let messages: Vec<String> = changes.iter().map(ToString::to_string).collect();
        assert_eq!(
            messages,
            [
                "`source.mysql.database` was `shop` and is now `shop2`",
                "`move` was [a, b] and is now [a]",
            ]
        );
        assert_eq!(stored.changes_to(&stored), []);
    }

    #[test]
    fn digests_are_stable_and_tell_lists_apart() {
        assert_eq!(
            fingerprint(&["a"]).digest(),
            "bc68a8799aea8cd57302f702ec6f8a59a7f0a46c751bb0d6a1e2c90e507592ce"
        );
        assert_ne!(fingerprint(&["ab", "c"]).digest(), fingerprint(&["a", "bc"]).digest());
    }

    #[test]
    fn a_stored_fingerprint_is_read_back() {
        let stored =
            r#"{"format":1,"source_database":"shop","target_database":"store","rules":["a"]}"#;

        assert_eq!(serde_json::from_str::<Fingerprint>(stored).unwrap(), fingerprint(&["a"]));
        assert_eq!(serde_json::to_string(&fingerprint(&["a"])).unwrap(), stored);
    }
}
