use std::collections::BTreeMap;

use whimbrel_kit::{Server, Vitess};
use whimbrel_mysql::{
    Role, Session, target,
    vtgate::{self, ForeignKeyMode, Placing, ShardShape, TableVindex},
};

use crate::common::{MAIN, SHOP, at, on_shard, shared};

fn vindex(columns: &[&str], name: &str, kind: &str) -> TableVindex {
    let columns = columns.iter().map(|&column| column.to_owned()).collect();
    let (name, kind) = (name.to_owned(), kind.to_owned());
    TableVindex { columns, name, kind, params: BTreeMap::new(), owner: None }
}

fn params(params: &[(&str, &str)]) -> BTreeMap<String, String> {
    params.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

async fn of(vitess: &Vitess, keyspace: &str, tables: &[&str]) -> vtgate::Shape {
    let options = at(vitess.port()).for_keyspace(keyspace);
    let mut session = Session::connect(&options, Role::Target).await.unwrap();
    let tables: Vec<String> = tables.iter().map(|&table| table.to_owned()).collect();
    vtgate::shape(&mut session, keyspace, &tables).await.unwrap()
}

fn ids(found: &[whimbrel_mysql::Finding]) -> Vec<&'static str> {
    found.iter().map(|finding| finding.id).collect()
}

#[tokio::test]
async fn a_keyspace_is_told_as_its_vschema_has_it() {
    let vitess = shared().await;
    let names = ["orders", "two", "people", "countries", "currencies", "apart", "new`one"];

    let mut shop = of(vitess, "shop", &names).await;
    let main = of(vitess, "main", &["orders_seq", "mails", "new"]).await;

    let serving = |name: &str| ShardShape { name: name.to_owned(), is_serving: true };
    assert_eq!((shop.is_sharded, main.is_sharded), (true, false));
    assert_eq!(shop.shards, [serving("-80"), serving("80-")]);
    assert_eq!((main.shards, main.other_shards), (vec![serving("0")], vec![]));
    assert_eq!(shop.version, "24.0.0");
    assert_eq!(shop.foreign_keys, ForeignKeyMode::Unmanaged);
    assert_eq!(main.foreign_keys, ForeignKeyMode::Managed);
    let multicol =
        &[("column_bytes", "1,7"), ("column_count", "2"), ("column_vindex", "hash,xxhash")];
    let lookup = &[("from", "mail"), ("table", "main.mails"), ("to", "keyspace_id")];
    let by_mail = vindex(&["mail"], "by_mail", "consistent_lookup_unique");
    let by_mail =
        TableVindex { params: params(lookup), owner: Some("people".to_owned()), ..by_mail };
    let by_two = vindex(&["a", "b c"], "by_two", "multicol");
    let wanted = [
        Placing::Vindexes {
            vindexes: vec![vindex(&["id"], "xxhash", "xxhash")],
            sequence: Some("orders_seq".to_owned()),
        },
        Placing::Vindexes {
            vindexes: vec![TableVindex { params: params(multicol), ..by_two }],
            sequence: None,
        },
        Placing::Vindexes {
            vindexes: vec![vindex(&["id"], "hash", "hash"), by_mail],
            sequence: None,
        },
        Placing::Reference { source: None },
        Placing::Reference { source: Some("main".to_owned()) },
        Placing::Pinned,
        Placing::Unknown,
    ];
    for (name, wanted) in names.into_iter().zip(wanted) {
        assert_eq!(shop.tables.remove(name), Some(wanted), "{name}");
    }
    let main: Vec<Placing> = main.tables.into_values().collect();
    assert_eq!(main, [Placing::Unsharded, Placing::Unsharded, Placing::Sequence]);
}

#[tokio::test]
async fn what_stands_in_the_way_of_a_shard_is_named() {
    let mut vitess = Vitess::start(&[SHOP, MAIN]).await.unwrap();
    vitess.execute("shop:-80", "CREATE TABLE orders (id BIGINT PRIMARY KEY)").await.unwrap();
    let tables = ["orders".to_owned()];
    let findings = async || {
        let mut session = on_shard(vitess.port(), "-80").await;
        vtgate::shard_findings(&mut session, "shop/-80", &tables).await.unwrap()
    };
    let below = |sql: &'static str| vitess.mysql().execute(sql);

    assert_eq!(ids(&vtgate::findings(&of(&vitess, "main", &[]).await)), ["vitess-foreign-keys"]);
    assert_eq!(ids(&vtgate::findings(&of(&vitess, "shop", &[]).await)), [""; 0]);
    assert_eq!(ids(&findings().await), [""; 0]);

    below(
        "INSERT INTO _vt.vreplication (workflow, source, pos, max_tps, max_replication_lag, time_updated,
             transaction_timestamp, state, db_name, options)
         VALUES ('moving', '', '', 0, 0, 0, 0, 'Running', 'vt_shop_-80', '{}'),
             ('elsewhere', '', '', 0, 0, 0, 0, 'Running', 'vt_shop_80-', '{}')",
    )
    .await
    .unwrap();
    let found = findings().await;
    assert_eq!(ids(&found), ["vitess-workflow"]);
    assert!(found[0].saw.ends_with("`shop/-80`: `moving (Running)`"), "{}", found[0].saw);
    below("DELETE FROM _vt.vreplication").await.unwrap();

    let mut locking = Session::connect(&at(vitess.mysql().port()), Role::Target).await.unwrap();
    locking.execute(b"LOCK TABLES `vt_shop_-80`.orders WRITE").await.unwrap();
    let found = findings().await;
    assert_eq!(ids(&found), ["vitess-table-closed"]);
    assert!(found[0].saw.starts_with("`orders` of shard `shop/-80`"), "{}", found[0].saw);
    locking.close().await;
    assert_eq!(ids(&findings().await), [""; 0]);

    // What any server may lack is found through vtgate, too.
    let source = Server::start().await.unwrap();
    source.execute("CREATE DATABASE legacy").await.unwrap();
    let mut source = Session::connect(&at(source.port()), Role::SourceReader).await.unwrap();
    let mut session = on_shard(vitess.port(), "-80").await;
    let schema = session.schema().to_owned();
    let found = target::findings(&mut session, &schema, &mut source, "legacy").await.unwrap();
    assert_eq!(ids(&found), [""; 0]);
    below("SET GLOBAL super_read_only = ON").await.unwrap();
    let found = target::findings(&mut session, &schema, &mut source, "legacy").await.unwrap();
    assert_eq!(ids(&found), ["target-read-only"]);
    below("SET GLOBAL super_read_only = OFF; SET GLOBAL read_only = OFF").await.unwrap();

    // A tablet's account.
    below("CREATE USER app; GRANT ALL ON _vt.* TO app; GRANT SELECT ON `vt\\_%`.* TO app")
        .await
        .unwrap();
    vitess.add_flag("--db-app-user=app");
    vitess.restart().await.unwrap();
    let mut session = on_shard(vitess.port(), "-80").await;
    let found = target::findings(&mut session, &schema, &mut source, "legacy").await.unwrap();
    assert_eq!(ids(&found), ["target-privileges"]);
}
