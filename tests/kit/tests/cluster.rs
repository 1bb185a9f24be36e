//! A whole cluster: its shards have servers and replicas of their own, and fail alone.

use whimbrel_kit::{Cluster, Keyspace, Server, eventually};

/// Tables by the xxhash of their `id`: 1 goes to 80-, 256 and 1,000,000 go to -80.
const BY_ID: &str = r#"{
    "sharded": true, "vindexes": {"xxhash": {"type": "xxhash"}},
    "tables": {"t": {"column_vindexes": [{"column": "id", "name": "xxhash"}]}}
}"#;
/// How long a cluster may take to see what has happened to it.
const SEEN_SECONDS_MAX: u64 = 60;

#[tokio::test]
async fn a_shard_changes_its_primary_and_another_fails_alone() {
    let legacy = Server::start().await.unwrap();
    legacy.execute("CREATE DATABASE old; CREATE TABLE old.o (id INT PRIMARY KEY)").await.unwrap();
    legacy.execute("INSERT INTO old.o VALUES (7)").await.unwrap();
    let start = std::time::Instant::now();
    let mut cluster = Cluster::builder()
        .keyspace(Keyspace { name: "shop", shards: &["-80", "80-"], vschema: BY_ID })
        .replicas(1)
        .external("legacy", &legacy, "old")
        .start()
        .await
        .unwrap();
    println!("a cluster of five tablets starts in {:?}", start.elapsed());
    cluster.execute("shop", "CREATE TABLE t (id BIGINT PRIMARY KEY)").await.unwrap();
    cluster.execute("shop", "INSERT INTO t (id) VALUES (1), (256)").await.unwrap();

    let replica = cluster.shard("shop", "-80").unwrap()[1].alias().to_owned();
    let reparent = ["PlannedReparentShard", "shop/-80", "--new-primary", &replica];
    cluster.vtctldclient(&reparent).await.unwrap();
    eventually("a write to the new primary", SEEN_SECONDS_MAX, async || {
        Ok(cluster.execute("shop", "INSERT INTO t (id) VALUES (1000000)").await.is_ok())
    })
    .await
    .unwrap();
    cluster.vtgate().kill_hard().await.unwrap();
    assert!(cluster.connect_to("shop").await.is_err());
    cluster.vtgate().restart().await.unwrap();
    cluster.ready().await.unwrap();
    cluster.tablets()[2].process().kill_hard().await.unwrap();
    let refused = cluster.execute("shop", "INSERT INTO t (id) VALUES (2)").await.unwrap_err();
    let left: Vec<u64> = cluster.rows("shop:-80", "SELECT id FROM t ORDER BY id").await.unwrap();

    assert_eq!(left, [256, 1_000_000]);
    assert_eq!(cluster.rows::<u32>("legacy", "SELECT id FROM o").await.unwrap(), [7]);
    assert!(refused.to_string().contains("shop.80-.primary"), "{refused}");
    let servers = cluster.shard("shop", "-80").unwrap();
    let [old, new] = [0, 1].map(|index| servers[index].mysql().unwrap());
    new.has_caught_up(old).await.unwrap();
    let ids = "SELECT id FROM vt_shop.t ORDER BY id";
    assert_eq!(new.rows::<u64>(ids).await.unwrap(), [256, 1_000_000]);
    assert_eq!(new.row("SELECT @@read_only").await.unwrap(), Some(0));
    assert_eq!(old.row("SELECT @@read_only").await.unwrap(), Some(1));
}
