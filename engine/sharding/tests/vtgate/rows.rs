//! Values of every kind, inserted through vtgate by every type of vindex.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::PermissionsExt,
};

use serde_json::json;
use whimbrel_kit::{
    Keyspace, Random, Vitess,
    mysql_async::{Conn, prelude::Queryable as _},
};
use whimbrel_sharding::{KeyRange, KeyspaceId, Shards, Unmapped, Vindex};

use crate::values::Literal;

/// Of different sizes, with a border between keyspace ids of one byte.
const SHARDS: [&str; 5] = ["-20", "20-5f80", "5f80-80", "80-c000", "c0-"];
/// How many rows each vindex gets, beside those that it does not map.
const ROWS: usize = 150;
/// How many values that are not mapped each vindex gets at most; each is a statement of its own.
const UNMAPPED_ROWS_MAX: usize = 12;

/// A vindex, and a table of its own.
struct Case {
    name: &'static str,
    kind: &'static str,
    params: &'static [(&'static str, &'static str)],
    columns: usize,
}

const fn case(
    name: &'static str,
    kind: &'static str,
    params: &'static [(&'static str, &'static str)],
    columns: usize,
) -> Case {
    Case { name, kind, params, columns }
}

const CASES: [Case; 21] = [
    case("hash", "hash", &[], 1),
    case("xxhash", "xxhash", &[], 1),
    case("binary", "binary", &[], 1),
    case("binary_md5", "binary_md5", &[], 1),
    case("numeric", "numeric", &[], 1),
    case("reverse_bits", "reverse_bits", &[], 1),
    case("loose_md5", "unicode_loose_md5", &[], 1),
    case("loose_xxhash", "unicode_loose_xxhash", &[], 1),
    case("map", "numeric_static_map", &[("json", MAP), ("fallback_type", "reverse_bits")], 1),
    case("map_file", "numeric_static_map", &[("json_path", "")], 1),
    case("null", "null", &[], 1),
    case("cfc", "cfc", &[], 1),
    case("cfc_md5", "cfc", &[("hash", "md5"), ("offsets", "[1,3]")], 1),
    case("cfc_xxhash", "cfc", &[("hash", "xxhash64"), ("offsets", "[2]")], 1),
    case("region_1", "region_experimental", &[("region_bytes", "1")], 2),
    case("region_2", "region_experimental", &[("region_bytes", "2")], 2),
    case("regions_1", "region_json", &[("region_bytes", "1"), ("region_map", "")], 2),
    case("regions_2", "region_json", &[("region_bytes", "2"), ("region_map", "")], 2),
    case("columns_1", "multicol", &[("column_count", "1")], 1),
    case(
        "columns_2",
        "multicol",
        &[("column_count", "2"), ("column_vindex", "binary,unicode_loose_xxhash")],
        2,
    ),
    case(
        "columns_3",
        "multicol",
        &[
            ("column_count", "3"),
            ("column_bytes", "1,,2"),
            ("column_vindex", "reverse_bits, xxhash,binary"),
        ],
        3,
    ),
];

const MAP: &str = r#"{"0": 18446744073709551615, "1": 9000000000000000000, "255": 7}"#;
pub(crate) const REGIONS: &str = r#"{"eu": 1, "us": 40000, "": 200}"#;

impl Case {
    fn vindex(&self) -> String {
        format!("v_{}", self.name)
    }

    fn table(&self) -> String {
        format!("t_{}", self.name)
    }

    /// The parameters, with the files that some name.
    fn params(&self, folder: &str) -> BTreeMap<String, String> {
        let named = self.params.iter().map(|&(param, value)| {
            let path = || format!("{folder}/{param}");
            (param.to_owned(), if value.is_empty() { path() } else { value.to_owned() })
        });
        named.collect()
    }
}

/// The vschema of all cases.
fn vschema(folder: &str) -> String {
    let vindex =
        |case: &Case| (case.vindex(), json!({ "type": case.kind, "params": case.params(folder) }));
    let table = |case: &Case| {
        let columns = &["a", "b", "c"][..case.columns];
        (
            case.table(),
            json!({ "column_vindexes": [{ "columns": columns, "name": case.vindex() }] }),
        )
    };
    let vindexes: serde_json::Map<_, _> = CASES.iter().map(vindex).collect();
    let tables: serde_json::Map<_, _> = CASES.iter().map(table).collect();
    json!({ "sharded": true, "vindexes": vindexes, "tables": tables }).to_string()
}

/// Rows of a table by their numbers, and the keyspace id of each as we say it.
type Rows = BTreeMap<usize, (Vec<Literal>, Result<KeyspaceId, Unmapped>)>;

fn rows(case: &Case, vindex: &Vindex, random: &mut Random) -> Rows {
    let mut rows = Rows::new();
    let (mut mapped, mut unmapped) = (0, 0);
    while mapped < ROWS {
        let literals: Vec<_> = (0..case.columns).map(|_| Literal::any(random)).collect();
        let values: Vec<_> = literals.iter().map(Literal::value).collect();
        let id = vindex.keyspace_id(&values);
        let (count, max) =
            if id.is_ok() { (&mut mapped, ROWS) } else { (&mut unmapped, UNMAPPED_ROWS_MAX) };
        if *count < max {
            *count += 1;
            rows.insert(rows.len(), (literals, id));
        }
    }
    rows
}

fn insert(case: &Case, rows: &[(&usize, &Vec<Literal>)]) -> String {
    let columns = &[", a", ", b", ", c"][..case.columns];
    let rows: Vec<String> = rows
        .iter()
        .map(|(number, literals)| {
            let literals: String =
                literals.iter().map(|literal| format!(", {}", literal.sql())).collect();
            format!("({number}{literals})")
        })
        .collect();
    format!("INSERT INTO {} (n{}) VALUES {}", case.table(), columns.concat(), rows.join(", "))
}

/// Inserts rows, those that are not mapped one by one, since one of them takes all others with it.
async fn write(vtgate: &mut Conn, case: &Case, rows: &Rows) {
    let literals = rows.iter().map(|(number, (literals, id))| (number, literals, id));
    let (mapped, unmapped): (Vec<_>, Vec<_>) = literals.partition(|(.., id)| id.is_ok());
    let mapped: Vec<_> =
        mapped.into_iter().map(|(number, literals, _)| (number, literals)).collect();
    vtgate.query_drop(insert(case, &mapped)).await.unwrap();
    for (number, literals, id) in unmapped {
        let result = vtgate.query_drop(insert(case, &[(number, literals)])).await;
        // vtgate takes NULL by `binary` and `cfc`, and writes no row.
        let is_taken = *id == Err(Unmapped::Null) && ["binary", "cfc"].contains(&case.kind);
        assert_eq!(result.is_ok(), is_taken, "{} of {literals:?}: {result:?}", case.name);
    }
}

/// The keyspace ids that vtgate says, which it does for vindexes of one column.
async fn check_ids(vtgate: &mut Conn, case: &Case, rows: &Rows) {
    for (literals, id) in rows.values() {
        // It neither takes NULL there nor shows an empty keyspace id.
        let literal = literals[0].sql();
        let Ok(id) = id else { continue };
        if literal == "NULL" || id.as_bytes().is_empty() {
            continue;
        }
        let select = format!("SELECT hex_keyspace_id FROM {} WHERE id =", case.vindex());
        let said: Option<String> = if let Literal::Int(value) = literals[0] {
            // Nor a minus.
            vtgate.exec_first(format!("{select} ?"), (value,)).await.unwrap()
        } else {
            vtgate.query_first(format!("{select} {literal}")).await.unwrap()
        };
        assert_eq!(said, Some(id.to_string()), "{} of {literal}", case.name);
    }
}

#[tokio::test]
async fn rows_lie_where_we_say() {
    let mut random = Random::printed("values of sharding columns");
    let folder = tempfile::tempdir().unwrap();
    // Vitess runs as another user when we are root.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    for (param, contents) in [("json_path", MAP), ("region_map", REGIONS)] {
        fs::write(folder.path().join(param), contents).unwrap();
    }
    let path = folder.path().to_str().unwrap();
    let vschema = vschema(path);
    let keyspace = Keyspace { name: "shop", shards: &SHARDS, vschema: &vschema };
    let vitess = Vitess::start(&[keyspace]).await.unwrap();
    let mut vtgate = vitess.connect_to("shop").await.unwrap();
    let shards = Shards::new(&SHARDS.map(str::to_owned)).unwrap();
    let files = [("json_path", MAP), ("region_map", REGIONS)];
    let files = files.map(|(param, contents)| (param.to_owned(), contents.to_owned())).into();

    for case in &CASES {
        let vindex = Vindex::new(case.kind, &case.params(path), &files).unwrap();
        let bytes = "VARBINARY(500)";
        let create = format!("(n INT PRIMARY KEY, a {bytes}, b {bytes}, c {bytes})");
        vtgate.query_drop(format!("CREATE TABLE {} {create}", case.table())).await.unwrap();
        let rows = rows(case, &vindex, &mut random);
        write(&mut vtgate, case, &rows).await;
        if case.kind != "multicol" && case.columns == 1 {
            check_ids(&mut vtgate, case, &rows).await;
        }

        let mut written = BTreeSet::new();
        for (index, shard) in shards.names().iter().enumerate() {
            let select = format!("SELECT n FROM {}", case.table());
            let numbers: Vec<usize> = vitess.shard_rows(("shop", shard), &select).await.unwrap();
            for number in numbers {
                let (literals, id) = &rows[&number];
                let said = id.as_ref().map(|id| shards.of(id));
                assert_eq!(said, Ok(index), "{} of {literals:?} is on {shard}", case.name);
                let range: KeyRange = shard.parse().unwrap();
                assert!(range.contains(id.as_ref().unwrap()));
                written.insert(number);
            }
        }
        let mapped = rows.iter().filter(|(_, (_, id))| id.is_ok()).map(|(number, _)| *number);
        assert_eq!(written, mapped.collect(), "{}", case.name);
    }
    vtgate.disconnect().await.unwrap();
}
