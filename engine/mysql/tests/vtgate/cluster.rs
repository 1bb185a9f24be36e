use whimbrel_kit::{Cluster, Keyspace, KitError, eventually};
use whimbrel_mysql::{Class, Error, Finding, Role, Session, vtgate};

use crate::common::{at, on_shard};

const SHOP: Keyspace<'_> = Keyspace { name: "shop", shards: &["0"], vschema: "{}" };

/// What a tablet of its own process answers, which vtcombo does not have.
#[tokio::test]
async fn what_a_whole_cluster_denies_is_named_and_what_it_ends_is_never_committed_in_part() {
    let mut cluster = Cluster::builder().keyspace(SHOP).start().await.unwrap();
    let port = cluster.port();
    cluster.execute("shop", "CREATE TABLE t (id BIGINT PRIMARY KEY, v LONGTEXT)").await.unwrap();
    let tables = ["t".to_owned()];
    let shard_findings = async || {
        let mut session = on_shard(port, "0").await;
        vtgate::shard_findings(&mut session, "shop/0", &tables).await.unwrap()
    };
    let ids = |found: &[Finding]| found.iter().map(|it| it.id).collect::<Vec<_>>();

    // A message that is too large for the tablet takes the transaction with it.
    let mut session = on_shard(port, "0").await;
    session.execute(b"BEGIN").await.unwrap();
    session.execute(b"INSERT INTO t VALUES (1, 'a')").await.unwrap();
    let large = format!("INSERT INTO t VALUES (2, '{}')", "x".repeat(17 << 20));
    let error = session.execute(large.as_bytes()).await.unwrap_err();
    assert_eq!(error.class(), Class::Other, "{error}");
    assert!(error.to_string().contains("`shop/0`: message larger than max"), "{error}");
    let later = session.execute(b"INSERT INTO t VALUES (3, 'a')").await.unwrap_err();
    assert!(matches!(later, Error::Cancelled), "{later}");
    let kept: Vec<u64> = cluster.rows("shop", "SELECT id FROM t").await.unwrap();
    assert!(kept.is_empty(), "{kept:?}");

    // Tables that a workflow closed.
    assert_eq!(ids(&shard_findings().await), [""; 0]);
    let deny = ["SetShardTabletControl", "--denied-tables", "t", "shop/0", "primary"];
    cluster.vtctldclient(&deny).await.unwrap();
    cluster.vtctldclient(&["RefreshStateByShard", "shop/0"]).await.unwrap();
    let found = shard_findings().await;
    assert_eq!(ids(&found), ["vitess-table-closed"]);
    assert!(
        found[0].saw.ends_with("disallowed due to rule: enforce denied tables"),
        "{}",
        found[0].saw
    );

    // A shard without a primary.
    let mut session = on_shard(port, "0").await;
    session.execute(b"BEGIN").await.unwrap();
    cluster.tablets()[0].process().kill_hard().await.unwrap();
    let gone = session.execute(b"SELECT 1 FROM t").await.unwrap_err();
    assert_eq!(gone.class(), Class::Lost, "{gone}");
    let mut of_keyspace = None;
    eventually("vtgate has noticed that the tablet is gone", 60, async || {
        let shape = shape(port).await;
        let is_noticed = shape.as_ref().is_ok_and(|shape| !shape.shards[0].is_serving);
        of_keyspace = shape.ok();
        Ok::<_, KitError>(is_noticed)
    })
    .await
    .unwrap();
    assert_eq!(ids(&vtgate::findings(&of_keyspace.unwrap())), ["vitess-shard-not-serving"]);
}

async fn shape(port: u16) -> Result<vtgate::Shape, Error> {
    let mut session = Session::connect(&at(port).for_keyspace("shop"), Role::Target).await?;
    vtgate::shape(&mut session, "shop", &[]).await
}
