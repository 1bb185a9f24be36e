//! Tables that a workflow left closed, and a keyspace that is resharded under a run.

use whimbrel_kit::{Cluster, KitError, eventually, mysql_async::Row};

use super::{
    counter::{assert_written_once, note},
    keyspace::{DATABASE, KEYSPACE, VSCHEMA, assert_equal, below, ends, migration, world},
    tables::Live,
};
use crate::support::Migration;

/// Orders by their keys: of a row whose sharding column changes in place, as a run changes it, Vitess 24.0 makes a deletion
/// on one new shard and an insertion on the other, and its tablets end where an update of several rows has others beside it.
fn vschema() -> serde_json::Value {
    let mut vschema: serde_json::Value = serde_json::from_str(VSCHEMA).unwrap();
    vschema["tables"]["orders"]["column_vindexes"][0]["column"] = "id".into();
    vschema
}

/// Tells the cluster to do something with the workflow that splits the first shard.
async fn reshard(cluster: &Cluster, action: &[&str]) {
    let workflow = ["Reshard", "--workflow", "split", "--target-keyspace", KEYSPACE];
    let done = cluster.vtctldclient(&[&workflow, action].concat()).await;
    done.unwrap_or_else(|error| panic!("{action:?}: {error}"));
}

const CREATE: [&str; 5] = ["create", "--source-shards", "-80", "--target-shards", "-40,40-80"];

/// Waits until each stream of the workflow is told of as `told` says.
async fn streams(cluster: &Cluster, what: &'static str, told: impl Fn(&str) -> bool) {
    eventually(what, 60, async || {
        for shard in ["commerce:-40", "commerce:40-80"] {
            let select = "SELECT CONCAT(state, ': ', message) FROM _vt.vreplication";
            let found = cluster.rows::<String>(shard, select).await?;
            if found.is_empty() || !found.iter().all(|text| told(text)) {
                return Ok(false);
            }
        }
        Ok::<_, KitError>(true)
    })
    .await
    .unwrap();
}

/// Lets the vschema say that the program's own tables are reference tables, whose rows a resharding leaves alone.
async fn except_own_tables(cluster: &Cluster) {
    let select = "SHOW TABLES LIKE '\\_whimbrel\\_%'";
    let mut vschema = vschema();
    for table in cluster.rows::<String>("commerce:-80", select).await.unwrap() {
        vschema["tables"][table] = serde_json::json!({"type": "reference"});
    }
    let vschema = vschema.to_string();
    cluster.vtctldclient(&["ApplyVSchema", "--vschema", &vschema, KEYSPACE]).await.unwrap();
}

/// A shard whose table `people` was closed by a workflow that was completed and kept its tables.
async fn refuses_closed_tables(cluster: &Cluster, migration: &Migration<'_>) {
    let denied = ["--denied-tables", "people", "commerce/-80", "primary"];
    let deny = [&["SetShardTabletControl"], &denied[..]].concat();
    let allow = [&["SetShardTabletControl", "--remove"], &denied[..]].concat();
    let refresh = ["RefreshStateByShard", "commerce/-80"];
    cluster.vtctldclient(&deny).await.unwrap();
    cluster.vtctldclient(&refresh).await.unwrap();
    let texts = [
        "`people` of shard `commerce/-80` cannot be written to",
        "enforce denied tables",
        "SetShardTabletControl --denied-tables",
    ];
    migration.refused(3, &texts).await;
    cluster.vtctldclient(&allow).await.unwrap();
    cluster.vtctldclient(&refresh).await.unwrap();
}

#[tokio::test]
async fn a_resharding_ends_the_run_which_goes_on_once_it_is_switched_back() {
    let (source, mut cluster) = world(&vschema().to_string(), 0, 200).await;
    let migration = migration(&source, &cluster, "");
    migration.catch_up().await;
    refuses_closed_tables(&cluster, &migration).await;

    let live = Live::on(&source, "shop").await;
    let mut running = migration.start(&[]);
    running.says("following").await;
    note(below(&cluster, "80-", 0), DATABASE).await;
    cluster.add_shards(KEYSPACE, &["-40", "40-80"]).await.unwrap();
    running.says("`commerce` has tablets of `-40`, `40-80`, too").await;
    let under_way = "served by shards `-80`, `80-` and has tablets of `-40`, `40-80`, too";
    migration.refused(3, &["error [vitess-resharding]: ", under_way, "`_whimbrel_*`"]).await;

    // Vitess waits for ever at a table that the vschema does not place.
    reshard(&cluster, &CREATE).await;
    let is_stuck = |text: &str| text.contains("table _whimbrel_") && text.contains("not found");
    streams(&cluster, "an own table in the way of the resharding", is_stuck).await;
    reshard(&cluster, &["cancel"]).await;
    except_own_tables(&cluster).await;
    reshard(&cluster, &CREATE).await;
    streams(&cluster, "the end of the resharding's copy", |text| text == "Running: ").await;
    live.commits(20).await;
    reshard(&cluster, &["switchtraffic"]).await;
    let resharded = "had the shards -80, 80- when this plan began, and has -40, 40-80, 80- now";
    running.fails("run.resharded", &[resharded, "reshard before or after it"]).await;
    migration.refused(3, &["has tablets of `-80`, too"]).await;
    let foreign = "shard `80-`: it keeps state of an earlier plan `test`";
    migration.status_fails("run.foreign-state", &[foreign, "was resharded"]);
    live.commits(20).await;

    reshard(&cluster, &["reversetraffic"]).await;
    reshard(&cluster, &["cancel"]).await;
    remove(&cluster, &["commerce/-40", "commerce/40-80"]).await;
    let mut running = migration.start(&[]);
    running.says("following").await;
    live.commits(20).await;
    ends((&source, &cluster), live, running).await;
    assert_written_once((below(&cluster, "80-", 0), DATABASE), 0).await;
    let shards = [("-80", below(&cluster, "-80", 0)), ("80-", below(&cluster, "80-", 0))];
    assert_equal((&source, &cluster), "id", shards).await;
}

/// Removes shards with their tablets, and waits until vtgate knows them no more.
async fn remove(cluster: &Cluster, shards: &[&str]) {
    let delete = ["DeleteShards", "--recursive", "--even-if-serving", "--force"];
    cluster.vtctldclient(&[&delete, shards].concat()).await.unwrap();
    eventually("vtgate's forgetting shards", 60, async || {
        let tablets = cluster.rows::<Row>(KEYSPACE, "SHOW VITESS_TABLETS").await?;
        let of =
            |tablet: &Row| ["Keyspace", "Shard"].map(|it| tablet.get::<String, _>(it).unwrap());
        Ok::<_, KitError>(
            !tablets.iter().any(|tablet| shards.contains(&of(tablet).join("/").as_str())),
        )
    })
    .await
    .unwrap();
}
