//! Unique keys that each shard keeps for itself alone, of tables that the vschema places.

use whimbrel_model::Table;
use whimbrel_mysql::{Finding, Severity, catalog::IndexDescription, vtgate::Placing};

const WHY: &str =
    "the rows that are moved are unique; of later ones each shard looks at its own alone";

const REMEDY: &str = "let the key hold the sharding columns, give the table a lookup vindex that is unique, or see \
                      that the application or a sequence gives each value once";

/// A unique key: what messages call it, and its columns.
type UniqueKey = (String, Vec<String>);

/// The unique keys of a table that has these indexes.
pub(crate) fn of_indexes(indexes: &[IndexDescription]) -> Vec<UniqueKey> {
    let unique = indexes.iter().filter(|index| index.is_unique);
    let key = |index: &IndexDescription| {
        // A beginning of a value or an expression says nothing of where its row is.
        let whole = index.parts.iter().filter(|part| !part.is_prefix);
        (index.name.clone(), whole.filter_map(|part| part.column.clone()).collect())
    };
    unique.map(key).collect()
}

/// The key that a table is written by.
pub(crate) fn of_key(table: &Table) -> Vec<UniqueKey> {
    let columns = table.key_columns().map(|column| column.name.clone()).collect();
    vec![(table.key_name().to_owned(), columns)]
}

/// Warns of those `keys` of `table`, which is placed as `told`, that may be twice in the keyspace.
pub(crate) fn findings(table: &str, keys: &[UniqueKey], told: Option<&Placing>) -> Vec<Finding> {
    let Some(Placing::Vindexes { vindexes, sequence }) = told else { return Vec::new() };
    let Some((primary, others)) = vindexes.split_first() else { return Vec::new() };
    let holds = |key: &[String], name: &String| key.iter().any(|it| it.eq_ignore_ascii_case(name));
    let is_looked_up = |key: &[String]| {
        let unique = others.iter().filter(|vindex| vindex.kind.ends_with("_unique"));
        unique.into_iter().any(|vindex| vindex.columns.iter().all(|name| holds(key, name)))
    };
    let finding = |(name, key): &UniqueKey| {
        let missing = primary.columns.iter().find(|column| !holds(key, column))?;
        let is_numbered = sequence.is_some() && name == "PRIMARY" && key.len() == 1;
        let finding = Finding {
            id: "vitess-unique-in-shards",
            severity: Severity::Warning,
            saw: format!(
                "the unique key `{name}` of `{table}` does not hold `{missing}`, by which the vschema places its rows"
            ),
            why: WHY,
            remedy: REMEDY.to_owned(),
        };
        (!is_numbered && !is_looked_up(key)).then_some(finding)
    };
    keys.iter().filter_map(finding).collect()
}

#[cfg(test)]
mod tests {
    use whimbrel_mysql::{catalog::IndexPart, vtgate::TableVindex};

    use super::*;

    fn vindex(kind: &str, columns: &[&str]) -> TableVindex {
        TableVindex {
            columns: columns.iter().map(|&name| name.to_owned()).collect(),
            name: kind.to_owned(),
            kind: kind.to_owned(),
            params: std::collections::BTreeMap::new(),
            owner: None,
        }
    }

    fn index(name: &str, is_unique: bool, parts: &[(&str, bool)]) -> IndexDescription {
        let part = |&(column, is_prefix): &(&str, bool)| IndexPart {
            column: Some(column.to_owned()),
            is_prefix,
        };
        let parts = parts.iter().map(part).collect();
        IndexDescription { name: name.to_owned(), is_unique, is_visible: true, parts }
    }

    /// The names of the keys that are told of.
    fn told_of(indexes: &[IndexDescription], more: &[TableVindex], numbered: bool) -> Vec<String> {
        let vindexes = [&[vindex("hash", &["Region", "city"])], more].concat();
        let sequence = numbered.then(|| "seq".to_owned());
        let placing = Placing::Vindexes { vindexes, sequence };
        let findings = findings("t", &of_indexes(indexes), Some(&placing));
        let name = |it: &Finding| it.saw.split('`').nth(1).unwrap_or_default().to_owned();
        findings.iter().map(name).collect()
    }

    #[test]
    fn unique_keys_without_all_sharding_columns_are_told_of() {
        let indexes = [
            index("PRIMARY", true, &[("id", false)]),
            index("whole", true, &[("city", false), ("id", false), ("region", false)]),
            index("one", true, &[("city", false), ("id", false)]),
            index("part", true, &[("city", false), ("region", true)]),
            index("several", false, &[("id", false)]),
        ];

        assert_eq!(told_of(&indexes, &[], false), ["PRIMARY", "one", "part"]);
        assert_eq!(told_of(&indexes, &[], true), ["one", "part"], "a sequence numbers the first");
        let unique = vindex("consistent_lookup_unique", &["ID"]);
        assert_eq!(told_of(&indexes, &[unique], false), ["part"], "vtgate looks `id` up");
        let several = vindex("consistent_lookup", &["id"]);
        assert_eq!(told_of(&indexes, &[several], false), ["PRIMARY", "one", "part"]);
    }

    #[test]
    fn keys_of_tables_that_no_vindex_places_are_whole() {
        let indexes = [index("PRIMARY", true, &[("id", false)])];
        for placing in [None, Some(Placing::Unsharded), Some(Placing::Reference { source: None })] {
            assert_eq!(findings("t", &of_indexes(&indexes), placing.as_ref()), []);
        }
    }
}
