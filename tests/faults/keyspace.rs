//! Shards of a whole cluster that change their primaries or go away.

use std::process::Command;

use whimbrel_kit::{Cluster, ClusterBuilder, Keyspace, KitError, Server, eventually};

use super::{
    counter::{assert_written_once, note},
    tables::{Live, TABLES, fill, server, stall_as_asked, stalls_are_asked},
};
use crate::support::{Migration, Running};

pub(super) const KEYSPACE: &str = "commerce";
/// The database of each of its shards.
pub(super) const DATABASE: &str = "vt_commerce";
/// The counter, whose `id` is 1, is on the second.
pub(super) const SHARDS: [&str; 2] = ["-80", "80-"];

pub(super) const VSCHEMA: &str = r#"{
    "sharded": true,
    "vindexes": {
        "xxhash": {"type": "xxhash"}, "hash": {"type": "hash"},
        "loose": {"type": "unicode_loose_xxhash"}
    },
    "tables": {
        "files": {"column_vindexes": [{"column": "id", "name": "xxhash"}]},
        "counter": {"column_vindexes": [{"column": "id", "name": "xxhash"}]},
        "orders": {"column_vindexes": [{"column": "customer", "name": "hash"}]},
        "people": {"column_vindexes": [{"column": "id", "name": "xxhash"}]},
        "words": {"column_vindexes": [{"column": "word", "name": "loose"}]}
    }
}"#;

/// Each table with the literal of its sharding column's values, its name, and a text of a whole row.
const ROWS: [(&str, (&str, &str), &str); 4] = [
    ("counter", ("id", "id"), "id, n"),
    (
        "orders",
        ("customer", "customer"),
        "id, customer, IFNULL(price, '-'), IFNULL(note, '-'), IFNULL(placed, '-')",
    ),
    ("people", ("id", "id"), "id, IFNULL(email, '-'), score"),
    ("words", ("QUOTE(word)", "word"), "HEX(word), IFNULL(weight, '-'), IFNULL(HEX(picture), '-')"),
];

/// A row's number, far from what writers use.
const MARK: u32 = 2_000_000_000;

/// A cluster of two shards.
fn cluster(vschema: &str, replicas: usize) -> ClusterBuilder {
    let keyspace = Keyspace { name: KEYSPACE, shards: &SHARDS, vschema };
    // Without the flag vtgate looks for new tablets once a minute.
    Cluster::builder()
        .keyspace(keyspace)
        .replicas(replicas)
        .vtgate_flag("--tablet-refresh-interval=1s")
}

/// A source with `rows` rows in each table, and a cluster of two shards.
pub(super) async fn world(vschema: &str, replicas: usize, rows: u32) -> (Server, Cluster) {
    filled(cluster(vschema, replicas), rows).await
}

async fn filled(cluster: ClusterBuilder, rows: u32) -> (Server, Cluster) {
    let (source, cluster) = tokio::join!(server(), cluster.start());
    fill(&source, "shop", rows).await;
    // Numbers of its own would be a sequence's here.
    source.execute_in("shop", "ALTER TABLE orders MODIFY id INT NOT NULL").await.unwrap();
    (source, cluster.unwrap())
}

/// A plan for all tables, from `source` into the keyspace.
pub(super) fn migration<'a>(source: &'a Server, cluster: &Cluster, more: &str) -> Migration<'a> {
    let migration = Migration::new((source, "shop"), (source, "nowhere"), &TABLES, more);
    migration.aim_at_keyspace(&cluster.url(), KEYSPACE);
    migration
}

/// Makes one of a shard's tablets its primary.
pub(super) async fn reparent(cluster: &Cluster, shard: &str, tablet: usize) {
    let alias = cluster.shard(KEYSPACE, shard).unwrap()[tablet].alias().to_owned();
    let place = format!("{KEYSPACE}/{shard}");
    let command = ["PlannedReparentShard", &place, "--new-primary", &alias];
    cluster.vtctldclient(&command).await.unwrap();
}

/// The server below one of a shard's tablets.
pub(super) fn below<'a>(cluster: &'a Cluster, shard: &str, tablet: usize) -> &'a Server {
    cluster.shard(KEYSPACE, shard).unwrap()[tablet].mysql().unwrap()
}

async fn counted(cluster: &Cluster) -> u64 {
    cluster.rows("commerce:80-", "SELECT n FROM counter").await.unwrap()[0]
}

/// Stops what writes; the run takes all that was written, and ends in order.
pub(super) async fn ends((source, cluster): (&Server, &Cluster), live: Live, running: Running) {
    live.stop().await;
    let insert = format!("INSERT INTO orders (id, customer, note) VALUES ({MARK}, 1, 'mark')");
    source.execute_in("shop", &insert).await.unwrap();
    let select = format!("SELECT COUNT(*) FROM orders WHERE id = {MARK}");
    eventually("the arrival of a mark", 120, async || {
        Ok(cluster.rows::<u64>(KEYSPACE, &select).await? == [1])
    })
    .await
    .unwrap();
    running.interrupt();
    let (code, log) = running.ended().await;
    assert_eq!(code, Some(0), "{log}");
}

/// Wants each row of the source on exactly one of `shards`, on the one where vtgate looks for it; orders are sharded by
/// the number in `orders_by`.
pub(super) async fn assert_equal(
    (source, cluster): (&Server, &Cluster),
    orders_by: &str,
    shards: [(&str, &Server); 2],
) {
    for (table, (literal, column), row) in ROWS {
        let (literal, column) =
            if table == "orders" { (orders_by, orders_by) } else { (literal, column) };
        let sums = |database: &str| {
            format!(
                "SELECT COUNT(*), CAST(IFNULL(SUM(CAST(CONV(LEFT(SHA2(CONCAT_WS('|', {row}), 256), 10), 16, 10) \
                 AS UNSIGNED)), 0) AS UNSIGNED) FROM {database}.{table}"
            )
        };
        let mut all = (0, 0);
        for (shard, server) in shards {
            let sums: (u64, u64) = server.row(&sums(DATABASE)).await.unwrap().unwrap();
            all = (all.0 + sums.0, all.1 + sums.1);
            let values = format!("SELECT DISTINCT CONCAT({literal}) FROM {DATABASE}.{table}");
            let mut found = 0;
            for values in server.rows::<String>(&values).await.unwrap().chunks(500) {
                let routed = format!(
                    "SELECT COUNT(*) FROM {table} WHERE {column} IN ({})",
                    values.join(",")
                );
                found += cluster.rows::<u64>(KEYSPACE, &routed).await.unwrap()[0];
            }
            assert_eq!(found, sums.0, "`{table}` on {shard}");
        }
        let wanted: (u64, u64) = source.row(&sums("shop")).await.unwrap().unwrap();
        assert_eq!(all, wanted, "`{table}`: rows, and the sum of what they are");
    }
}

/// Freezes vtgate for as long as is asked, then kills the server below the primary of the second shard for as long.
async fn freeze_vtgate_and_lose_a_server(cluster: &mut Cluster, live: &Live) {
    let vtgate = cluster.vtgate().pid().unwrap().to_string();
    let signal = |name: &str| {
        let sent = Command::new("kill").args([name, &vtgate]).status().unwrap();
        assert!(sent.success());
    };
    signal("-STOP");
    stall_as_asked().await;
    signal("-CONT");
    cluster.ready().await.unwrap();
    live.commits(50).await;
    let before = counted(cluster).await;
    eventually("what changes after vtgate woke up", 60, async || {
        Ok(counted(cluster).await > before)
    })
    .await
    .unwrap();

    let primary = cluster.tablets()[2].mysql_mut().unwrap();
    primary.kill_hard().await.unwrap();
    stall_as_asked().await;
    primary.restart().await.unwrap();
    cluster.ready().await.unwrap();
}

/// Tablets that let one transaction a second begin while a replica is more than some seconds behind.
const THROTTLED: [&str; 4] = [
    "--enable-replication-reporter",
    "--enable-tx-throttler",
    "--health-check-interval=1s",
    "--tx-throttler-config=target_replication_lag_sec:4 max_replication_lag_sec:6 initial_rate:1 max_increase:0.01 \
     emergency_decrease:0.5 min_duration_between_increases_sec:1 max_duration_between_increases_sec:2 \
     min_duration_between_decreases_sec:1 spread_backlog_across_sec:1 age_bad_rate_after_sec:60 \
     max_rate_approach_threshold:1",
];

/// Holds the replica of the second shard up until its primary's tablet holds transactions back; then that primary's
/// tablet is lost, and the replica becomes the primary without it.
async fn throttle_and_lose_a_primary(cluster: &mut Cluster, live: &Live, running: &mut Running) {
    let replica = below(cluster, "80-", 1);
    replica.execute("STOP REPLICA SQL_THREAD").await.unwrap();
    running
        .says("of shard `commerce/80-`: Transaction throttled (the shard's replicas are behind")
        .await;
    replica.execute("START REPLICA SQL_THREAD").await.unwrap();
    let before = counted(cluster).await;
    live.commits(50).await;
    eventually("what changes once the replica has caught up", 60, async || {
        Ok(counted(cluster).await > before)
    })
    .await
    .unwrap();

    cluster.tablets()[2].process().kill_hard().await.unwrap();
    let executed = "SELECT @@global.gtid_executed";
    eventually("a replica that has all", 60, async || {
        let of = async |tablet| below(cluster, "80-", tablet).row::<String>(executed).await;
        Ok::<_, KitError>(of(0).await? == of(1).await?)
    })
    .await
    .unwrap();
    let alias = cluster.shard(KEYSPACE, "80-").unwrap()[1].alias().to_owned();
    let command = ["EmergencyReparentShard", "commerce/80-", "--new-primary", &alias];
    cluster.vtctldclient(&command).await.unwrap();
    live.commits(50).await;
}

#[tokio::test]
async fn shards_that_change_their_primaries_or_go_away_get_each_row_once() {
    let cluster = THROTTLED.into_iter().fold(cluster(VSCHEMA, 1), ClusterBuilder::tablet_flag);
    let (source, mut cluster) = filled(cluster, 15_000).await;
    let migration = migration(&source, &cluster, "limits: { rows_per_second: 4000 }\n");
    let live = Live::on(&source, "shop").await;
    let mut running = migration.start(&[]);
    running.says("rows/s").await;
    note(below(&cluster, "80-", 0), DATABASE).await;

    reparent(&cluster, "80-", 1).await;
    assert!(!running.log().contains("following"), "rows are still copied:\n{}", running.log());
    reparent(&cluster, "-80", 1).await;
    live.commits(50).await;
    running.says("following").await;
    reparent(&cluster, "80-", 0).await;
    live.commits(50).await;

    // The tablets are two of each shard, in the shards' order: this is the primary of -80.
    let said = running.log().len();
    cluster.tablets()[1].process().kill_hard().await.unwrap();
    let before = counted(&cluster).await;
    eventually("the shard and why it is waited for", 60, async || {
        let log = running.log().split_off(said);
        let mut told = log.lines().filter(|line| line.contains("waits for shard `-80`"));
        Ok::<_, KitError>(told.any(|line| line.contains("of shard `commerce/-80`: ")))
    })
    .await
    .unwrap();
    let unserved = "error [vitess-shard-not-serving]: no primary serves `commerce/-80`";
    migration.refused(3, &[unserved, "PlannedReparentShard"]).await;
    eventually(
        "what changes on the other shard",
        60,
        async || Ok(counted(&cluster).await > before),
    )
    .await
    .unwrap();
    stall_as_asked().await;
    cluster.tablets()[1].process().restart().await.unwrap();
    cluster.ready().await.unwrap();
    if stalls_are_asked() {
        freeze_vtgate_and_lose_a_server(&mut cluster, &live).await;
    }
    throttle_and_lose_a_primary(&mut cluster, &live, &mut running).await;

    ends((&source, &cluster), live, running).await;
    assert_written_once((below(&cluster, "80-", 1), DATABASE), 1).await;
    let shards = [("-80", below(&cluster, "-80", 1)), ("80-", below(&cluster, "80-", 1))];
    assert_equal((&source, &cluster), "customer", shards).await;
}
