use std::{collections::BTreeMap, sync::Arc};

use whimbrel_model::{Cell, ColumnType, Generation, IntWidth, Key, Row, RowBuilder};
use whimbrel_mysql::catalog::IndexPart;
use whimbrel_sharding::{Shards, Vindex};

use super::*;
use crate::{
    placing::ByVindex,
    transform::{Feed, Mapped, Mapping, Place, TargetId},
};

fn column(name: &str, column_type: ColumnType, nullable: bool) -> Column {
    let declaration = String::new();
    let generation = Generation::None;
    Column { name: name.to_owned(), column_type, declaration, nullable, generation }
}

fn int(name: &str) -> Column {
    column(name, ColumnType::Int { width: IntWidth::Int, unsigned: false }, false)
}

/// Users by region, who are found by their mail.
fn users() -> Table {
    let mail = column("mail", ColumnType::Binary, true);
    let columns = vec![int("id"), int("region"), mail];
    Table::new(("shop", "users"), columns, ("PRIMARY", &["id"]), true).unwrap()
}

fn unique(columns: &[&str]) -> IndexDescription {
    let part = |name: &&str| IndexPart { column: Some((*name).to_owned()), is_prefix: false };
    IndexDescription {
        name: columns.concat(),
        is_unique: true,
        is_visible: true,
        parts: columns.iter().map(part).collect(),
    }
}

fn vindex(kind: &str, columns: &[&str], params: &[(&str, &str)], owner: &str) -> TableVindex {
    TableVindex {
        columns: columns.iter().map(|&name| name.to_owned()).collect(),
        name: format!("of_{kind}"),
        kind: kind.to_owned(),
        params: params.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect(),
        owner: Some(owner.to_owned()).filter(|owner| !owner.is_empty()),
    }
}

const PARAMS: [(&str, &str); 3] = [("table", "main.mails"), ("from", "mail"), ("to", "ksid")];
const NULLS: (&str, &str) = ("ignore_nulls", "true");

fn lookups(primary: &str, vindex: TableVindex) -> Result<Vec<Lookup>, Wrong> {
    Lookup::owned("users", &[self::vindex(primary, &["region"], &[], ""), vindex])
}

fn lookup(primary: &str, kind: &str, columns: &[&str]) -> Lookup {
    let from = columns.join(", ");
    let params = [PARAMS[0], ("from", from.as_str()), PARAMS[2], NULLS];
    lookups(primary, vindex(kind, columns, &params, "users")).unwrap().remove(0)
}

#[test]
fn a_lookup_vindex_whose_table_cannot_be_kept_is_refused() {
    let with = |more: &[(&'static str, &'static str)]| [&PARAMS[..], more].concat();
    let cases = [
        ("lookup_hash_unique", with(&[]), "and the rows of a `lookup_hash_unique` are not known"),
        ("consistent_lookup", with(&[("write_only", "true")]), "which is `write_only`"),
        ("lookup", with(&[("table", "mails")]), "whose table stands in no keyspace"),
        ("lookup", with(&[("from", "a,b")]), "whose parameters `from` and `to`"),
        ("lookup", with(&[("to", "")]), "whose parameters `from` and `to`"),
    ];
    for (kind, params, text) in cases {
        let (what, _) = lookups("hash", vindex(kind, &["mail"], &params, "users")).unwrap_err();
        assert!(what.contains(text) && what.contains(&format!("`of_{kind}`")), "{what}");
    }
    let others = vindex("lookup_hash", &["mail"], &PARAMS, "people");
    assert_eq!(lookups("hash", others), Ok(Vec::new()));
}

/// By primary vindex, kind, columns and unique keys: what is wrong, if anything.
type Fits<'a> = (&'a str, &'a str, &'a [&'a str], &'a [&'a [&'a str]], Result<(), &'a str>);

#[test]
fn rows_that_may_be_one_row_of_the_table_are_refused() {
    let unique_kind = "consistent_lookup_unique";
    let cases: [Fits<'_>; 10] = [
        ("hash", unique_kind, &["mail"], &[&["mail"]], Ok(())),
        ("hash", unique_kind, &["mail", "id"], &[&["id"]], Ok(())),
        ("hash", unique_kind, &["mail"], &[&["id"]], Err("finds one row by (mail)")),
        ("hash", unique_kind, &["mail"], &[&["mail", "region"]], Err("finds one row by (mail)")),
        ("hash", "consistent_lookup", &["mail"], &[&["mail", "region"]], Ok(())),
        ("hash", "lookup", &["mail"], &[&["region"]], Ok(())),
        ("hash", "lookup", &["mail"], &[&["id"]], Err("the same (mail) and the same keyspace id")),
        ("hash", "lookup", &["mail", "id"], &[&["id"]], Ok(())),
        // `A` and `a` are one keyspace id.
        ("unicode_loose_md5", "lookup", &["mail"], &[&["region"]], Err("the same keyspace id")),
        ("hash", "lookup", &["gone"], &[&["id"]], Err("`gone`, which is none of its columns")),
    ];
    for (primary, kind, columns, keys, expected) in cases {
        let indexes: Vec<IndexDescription> = keys.iter().map(|key| unique(key)).collect();
        let found = lookup(primary, kind, columns).fits(&users(), &indexes);
        let told = found.as_ref().map_err(|(what, _)| what.as_str());
        match (told, expected) {
            (Ok(()), Ok(())) => {}
            (Err(what), Err(text)) => assert!(what.contains(text), "{what}"),
            other => panic!("{kind} of {columns:?} with {keys:?}: {other:?}"),
        }
    }
}

#[test]
fn a_column_that_may_be_null_is_refused_unless_its_rows_are_left_out() {
    let strict = vindex("lookup_unique", &["mail"], &PARAMS, "users");
    let strict = lookups("hash", strict).unwrap().remove(0);

    let (what, remedy) = strict.fits(&users(), &[unique(&["mail"])]).unwrap_err();

    assert!(what.contains("`mail`, which may be NULL"), "{what}");
    assert!(remedy.contains("ignore_nulls"), "{remedy}");
}

#[test]
fn a_table_is_kept_for_one_lookup_vindex_and_nothing_else() {
    let one = lookup("hash", "consistent_lookup", &["mail"]);
    let other = Lookup { vindex: "other".to_owned(), keyspace: "else".to_owned(), ..one.clone() };

    let problems = fit(&[one.clone(), other], &[], &["Mails".to_owned()]).unwrap_err();

    let told: Vec<&str> = problems.iter().map(|problem| problem.what.as_str()).collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].contains("`main.mails`") && told[0].contains("the plan writes a table"));
    assert!(
        told[2].contains("`other` has a table called `mails`, and so has `of_consistent_lookup`")
    );
    assert_eq!(fit(&[one], &[], &["users".to_owned()]), Ok(()));
}

fn row(id: i64, region: i64, mail: Option<&str>) -> Row {
    let mut builder = RowBuilder::default();
    builder.push(Cell::Int(id));
    builder.push(Cell::Int(region));
    builder.push(mail.map_or(Cell::Null, |mail| Cell::Bytes(mail.as_bytes())));
    builder.finish()
}

/// What a row of users is in a table of these columns and key.
fn mapping(columns: Vec<Column>, key: &[&str]) -> Arc<dyn Mapping> {
    let table = Table::new(("main", "mails"), columns, ("PRIMARY", key), false).unwrap();
    let by = ByVindex {
        table: "users".into(),
        columns: vec![(1, int("region"))],
        vindex: Vindex::new("hash", &BTreeMap::new(), &BTreeMap::new()).unwrap(),
        shards: Arc::new(Shards::new(&["-".to_owned()]).unwrap()),
        first: 0,
    };
    let lookup = lookup("hash", "consistent_lookup", &["mail"]);
    match feed(&lookup, &users(), (TargetId(3), &table), &Arc::new(by)) {
        Some(Feed::Mapped { target: TargetId(3), dead_letters: None, mapping }) => mapping,
        other => panic!("{other:?}"),
    }
}

fn cells(cells: &[&[u8]]) -> RowBuilder {
    let mut builder = RowBuilder::default();
    cells.iter().for_each(|cell| {
        builder.push(Cell::Bytes(cell));
    });
    builder
}

fn key(cells: &[&[u8]]) -> Key {
    self::cells(cells).finish_key()
}

/// Of vtgate: `hash` maps 1 to 166b40b44aba4bd6 and 2 to 06e7ea22ce92708f.
const ONE: &[u8] = &[0x16, 0x6b, 0x40, 0xb4, 0x4a, 0xba, 0x4b, 0xd6];
const TWO: &[u8] = &[0x06, 0xe7, 0xea, 0x22, 0xce, 0x92, 0x70, 0x8f];

#[test]
fn a_row_is_looked_up_by_its_values_and_found_under_its_keyspace_id() {
    let id = || column("ksid", ColumnType::Binary, false);
    let mail = || column("mail", ColumnType::Binary, false);
    let unique = mapping(vec![id(), mail()], &["mail"]);
    let several = mapping(vec![mail(), id()], &["mail", "ksid"]);

    let made = |mapping: &Arc<dyn Mapping>, row: &Row| mapping.map(row, None).unwrap();
    let (here, there) = (row(7, 1, Some("a@b")), row(7, 2, Some("a@b")));
    let mapped = Mapped::Row(key(&[b"a@b"]), cells(&[ONE, b"a@b"]).finish());
    assert_eq!(made(&unique, &here), mapped);
    assert_eq!(unique.place(&there), unique.place(&here));
    let mapped = Mapped::Row(key(&[b"a@b", TWO]), cells(&[b"a@b", TWO]).finish());
    assert_eq!(made(&several, &there), mapped);
    assert_eq!(several.place(&here), Place::At(key(&[b"a@b", ONE])));
    assert_eq!(made(&unique, &row(7, 1, None)), Mapped::Nothing);
    assert_eq!(several.place(&row(7, 1, None)), Place::Nowhere);
}
