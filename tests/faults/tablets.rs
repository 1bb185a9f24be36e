//! Rows that go past vtgate, to the servers of a whole cluster's primary tablets, which change.

use whimbrel_kit::{Cluster, Relay, Server};

use super::{
    counter::{assert_written_once, note},
    keyspace::{
        DATABASE, KEYSPACE, VSCHEMA, assert_equal, below, ends, migration, reparent, world,
    },
    tables::Live,
};
use crate::support::Migration;

/// A plan whose rows go straight to these servers.
fn straight<'a>(
    (source, cluster): (&'a Server, &Cluster),
    (low, high): (&str, &str),
) -> Migration<'a> {
    let migration = migration(source, cluster, "limits: { rows_per_second: 4000 }\n");
    migration.aim_at_tablets(KEYSPACE, &[("-80", low), ("80-", high)]);
    migration
}

/// Makes the second tablet of the lower shard its primary, and leaves the first one's server as it is, which
/// nobody reaches to tell: it takes writes for as long as anyone sends some.
async fn cut_off(cluster: &mut Cluster) {
    cluster.tablets()[0].process().kill_hard().await.unwrap();
    let promote = "STOP REPLICA; RESET REPLICA ALL; SET GLOBAL read_only = OFF";
    below(cluster, "-80", 1).execute(promote).await.unwrap();
    let alias = cluster.shard(KEYSPACE, "-80").unwrap()[1].alias().to_owned();
    cluster.vtctldclient(&["TabletExternallyReparented", &alias]).await.unwrap();
}

/// A row that is larger than what vtgate sends a tablet at once: as it is copied, and as it changes. Past vtgate
/// it is written.
async fn a_row_too_large_for_vtgate_is_told_of(
    (source, cluster): (&Server, &Cluster),
    (low, high): (&str, &str),
) {
    let create = "CREATE TABLE shop.files (id INT NOT NULL PRIMARY KEY, content LONGBLOB NOT NULL);
                  INSERT INTO shop.files VALUES (1, 'secret')";
    source.execute(create).await.unwrap();
    let plan = Migration::new((source, "shop"), (source, "nowhere"), &["files"], "");
    plan.rename("files");
    plan.aim_at_keyspace(&cluster.url(), KEYSPACE);
    plan.catch_up().await;
    let grow = "UPDATE shop.files SET content = REPEAT(content, 3000000)";
    source.execute(grow).await.unwrap();
    let large = "a row of `files` is too large for the way through vtgate";
    let log = plan.start(&[]).fails("run.large-row", &[large, "`target.vitess.tablets`"]).await;
    assert!(log.contains("message larger than max (") && log.contains(" vs. 16777216)"), "{log}");
    assert!(!log.contains("tries again") && !log.contains("secret"), "{log}");

    plan.aim_at_tablets(KEYSPACE, &[("-80", low), ("80-", high)]);
    plan.catch_up().await;
    let length = "SELECT LENGTH(content) FROM files";
    assert_eq!(cluster.rows::<u64>(KEYSPACE, length).await.unwrap(), [18_000_000]);
}

/// How many transactions of lanes a server of the lower shard has.
async fn sequences(server: &Server) -> u64 {
    let sum = format!("SELECT CAST(SUM(sequence) AS UNSIGNED) FROM {DATABASE}._whimbrel_lanes");
    server.row(&sum).await.unwrap().unwrap()
}

#[tokio::test]
async fn rows_that_go_past_vtgate_go_to_primaries_alone_and_none_is_lost_with_one() {
    let (source, mut cluster) = world(VSCHEMA, 1, 15_000).await;
    let url = |shard, tablet| below(&cluster, shard, tablet).url();
    let (low, high, next) = (url("-80", 0), url("80-", 0), url("-80", 1));

    // Each other's server, and a replica.
    let texts = [
        "is not that of the primary of shard `-80`: it is that of shard `80-`: rows would be on another",
        "is not that of the primary of shard `80-`: it is that of shard `-80`",
        "`SHOW VITESS_TABLETS` at vtgate lists them",
    ];
    straight((&source, &cluster), (&high, &low)).refused(3, &texts).await;
    let texts =
        ["of the primary of shard `-80`: its `server_uuid` is ", ", and that of the primary "];
    straight((&source, &cluster), (&next, &high)).refused(3, &texts).await;

    a_row_too_large_for_vtgate_is_told_of((&source, &cluster), (&low, &high)).await;

    // An address that follows the primary.
    let relay = Relay::to(below(&cluster, "80-", 0)).await.unwrap();
    let plan = straight((&source, &cluster), (&low, &relay.url()));
    let live = Live::on(&source, "shop").await;
    let mut running = plan.start(&[]);
    running.says("rows/s").await;
    note(below(&cluster, "80-", 0), DATABASE).await;
    reparent(&cluster, "80-", 1).await;
    running.says("waits for shard `80-`").await;
    running.says("is not the server of the primary of shard `80-`: its `server_uuid` is ").await;
    relay.turn_to(below(&cluster, "80-", 1));
    running.says("following").await;

    // A primary that is cut off, and takes writes all the same.
    cut_off(&mut cluster).await;
    let texts = [
        "is not the server of the primary of shard `-80`",
        "name the server of the shard's primary tablet in `target.vitess.tablets`",
    ];
    running.fails("run.not-primary", &texts).await;
    let survived = sequences(below(&cluster, "-80", 1)).await;
    assert!(sequences(below(&cluster, "-80", 0)).await > survived, "nothing was lost");
    plan.edit(&low, &next);
    let mut running = plan.start(&[]);
    running.says("following").await;
    live.commits(50).await;

    ends((&source, &cluster), live, running).await;
    // What the lower shard has lost of a table's marks is read again, for both.
    assert_written_once((below(&cluster, "80-", 1), DATABASE), 2).await;
    let shards = [("-80", below(&cluster, "-80", 1)), ("80-", below(&cluster, "80-", 1))];
    assert_equal((&source, &cluster), "customer", shards).await;
}
