//! Servers that fail over to their replicas, with and without what was applied, and logs that are reset.

use whimbrel_kit::{Relay, Server, eventually, shared_source, shared_target};

use super::{
    counter::note,
    tables::{Live, TABLES, ends_equal, fill, mark_arrives, server},
};
use crate::support::{DIVERGED_REMEDY, Migration, Running};

/// A primary with `rows` rows in each table, and a replica that follows it.
async fn topology(rows: u32) -> (Server, Server) {
    let (primary, replica) = tokio::join!(server(), Server::start());
    let replica = replica.unwrap();
    fill(&primary, "shop", rows).await;
    replica.replicate(&primary).await.unwrap();
    replica.has_caught_up(&primary).await.unwrap();
    (primary, replica)
}

async fn target(database: &str) -> &'static Server {
    let target = shared_target().await.unwrap();
    target.execute(&format!("CREATE DATABASE {database}")).await.unwrap();
    target
}

#[tokio::test]
async fn an_address_that_moves_to_the_replica_is_followed_while_rows_are_copied() {
    let (primary, replica) = topology(15_000).await;
    // The replica's log has other numbers: a place in the one means nothing in the other.
    primary.execute("FLUSH BINARY LOGS; FLUSH BINARY LOGS; FLUSH BINARY LOGS").await.unwrap();
    let target = target("moved_address").await;
    let relay = Relay::to(&primary).await.unwrap();
    let plan = "limits: { rows_per_second: 8000 }\n";
    let migration = Migration::new((&replica, "shop"), (target, "moved_address"), &TABLES, plan);
    migration.write_plan((&relay.url(), &target.url()), &TABLES, plan);
    let before = Live::on(&primary, "shop").await;
    let mut running = migration.start(&[]);
    running.says("rows/s").await;
    note(target, "moved_address").await;
    before.commits(100).await;
    before.stop().await;

    replica.has_caught_up(&primary).await.unwrap();
    replica.promote().await.unwrap();
    relay.turn_to(&replica);
    let live = Live::on(&replica, "shop").await;
    relay.cut();
    live.commits(100).await;
    running.says("following").await;

    ends_equal(&migration, live, running, 1).await;
}

#[tokio::test]
async fn a_plan_goes_on_with_the_replica_and_a_replica_is_a_source_like_any_other() {
    let (primary, replica) = topology(2_000).await;
    let target = target("to_replica").await;
    let on_primary = Migration::new((&primary, "shop"), (target, "to_replica"), &TABLES, "");
    let live = Live::on(&primary, "shop").await;
    on_primary.catch_up().await;

    on_primary.write_plan((&replica.url(), &target.url()), &TABLES, "");
    let mut running = on_primary.start(&[]);
    running.says("following").await;
    note(target, "to_replica").await;
    live.commits(50).await;

    ends_equal(&on_primary, live, running, 0).await;
}

#[tokio::test]
async fn a_replica_that_lacks_what_was_applied_is_refused_by_the_names_of_what_is_lost() {
    let (primary, replica) = topology(200).await;
    let target = target("lost").await;
    let migration = Migration::new((&primary, "shop"), (target, "lost"), &TABLES, "");
    let mut running = migration.start(&[]);
    running.says("following").await;
    replica.has_caught_up(&primary).await.unwrap();
    replica.promote().await.unwrap();
    mark_arrives(&migration).await;
    running.interrupt();
    assert_eq!(running.ended().await.0, Some(0));
    let uuid: String = primary.row("SELECT @@server_uuid").await.unwrap().unwrap();

    migration.write_plan((&replica.url(), &target.url()), &TABLES, "");
    let remedy = "the target holds rows that the source lost in a failover: compare the tables that those \
                  transactions changed, or begin again under a new `name` with an empty target";
    migration.start(&[]).fails("run.source-lost", &[&uuid, remedy]).await;

    let marks: Option<u64> =
        target.row("SELECT COUNT(*) FROM lost.orders WHERE note = 'mark'").await.unwrap();
    assert_eq!(marks, Some(1), "nothing was changed");
}

#[tokio::test]
async fn a_replica_that_is_behind_is_waited_for_and_told_from_one_that_lost_transactions() {
    let (primary, replica) = topology(200).await;
    let delay = async |seconds: u32, start: &str| {
        let change = format!("CHANGE REPLICATION SOURCE TO SOURCE_DELAY = {seconds}");
        replica.execute(&format!("STOP REPLICA SQL_THREAD; {change}; {start}")).await.unwrap();
    };
    let target = target("behind").await;
    let migration = Migration::new((&primary, "shop"), (target, "behind"), &TABLES, "");
    delay(3_600, "START REPLICA SQL_THREAD").await;
    mark_arrives_by(&migration).await;
    migration.write_plan((&replica.url(), &target.url()), &TABLES, "");

    let mut running = migration.start(&[]);
    running.says("the source has not executed yet what the target holds").await;
    delay(3_600, "").await;
    let remedy = "the source is a replica that has its own source's transactions still to apply: see that \
                  its replication runs (`SHOW REPLICA STATUS`, `START REPLICA`) and catches up, then run \
                  again";
    running.fails("run.source-behind", &[remedy]).await;

    delay(0, "START REPLICA").await;
    migration.catch_up().await;
    migration.assert_equal(&TABLES).await;
}

/// A run that ends once a change made for it has arrived.
async fn mark_arrives_by(migration: &Migration<'_>) {
    let mut running = migration.start(&[]);
    running.says("following").await;
    mark_arrives(migration).await;
    running.interrupt();
    assert_eq!(running.ended().await.0, Some(0));
}

/// All numbers are given out again, and not one transaction was applied that could tell.
#[tokio::test]
async fn a_source_that_is_reset_right_after_the_copy_is_recognised() {
    let source = server().await;
    fill(&source, "shop", 50).await;
    let target = target("reset_source").await;
    let migration = Migration::new((&source, "shop"), (target, "reset_source"), &TABLES, "");
    migration.catch_up().await;

    let update = "UPDATE orders SET note = CONCAT(note, 'x');";
    source.execute("RESET BINARY LOGS AND GTIDS").await.unwrap();
    source.execute_in("shop", &update.repeat(100)).await.unwrap();

    let remedy = "the source's log is not the one that was followed: it was reset, or the source was failed \
                  over or restored without its newest transactions, and what changed meanwhile is not \
                  known: begin again under a new `name` with an empty target";
    migration.start(&[]).fails("run.gtid-reused", &[remedy]).await;
}

/// Ends the server that `relay` leads to and leads to its replica `next` instead, which lacks what was
/// committed since it was stopped; wants the run to notice.
async fn fail_over_with_loss(
    (primary, next): (&mut Server, &Server),
    (relay, live): (&Relay, &Live),
    running: Running,
) {
    let written = "SELECT CAST(SUM(sequence) AS UNSIGNED) FROM shop._whimbrel_lanes";
    next.has_caught_up(primary).await.unwrap();
    next.execute("STOP REPLICA").await.unwrap();
    let held: Option<u64> = next.row(written).await.unwrap();
    live.commits(50).await;
    eventually("commits that the replica lacks", 60, async || {
        Ok(primary.row::<u64>(written).await? > held.map(|held| held + 5))
    })
    .await
    .unwrap();
    primary.kill_hard().await.unwrap();
    next.promote().await.unwrap();
    relay.turn_to(next);
    running.fails("run.target-diverged", &[DIVERGED_REMEDY]).await;
}

#[tokio::test]
async fn a_target_that_fails_over_without_its_newest_commits_is_noticed_and_gone_on_with() {
    let source = shared_source().await.unwrap();
    source.execute("CREATE DATABASE lost_commits").await.unwrap();
    fill(source, "lost_commits", 15_000).await;
    let (mut first, second, third) = tokio::join!(server(), Server::start(), Server::start());
    let (mut second, third) = (second.unwrap(), third.unwrap());
    second.replicate(&first).await.unwrap();
    third.replicate(&second).await.unwrap();
    let relay = Relay::to(&first).await.unwrap();
    let plan = "limits: { rows_per_second: 5000 }\n";
    let migration = Migration::new((source, "lost_commits"), (&third, "shop"), &TABLES, plan);
    migration.write_plan((&source.url(), &relay.url()), &TABLES, plan);
    let live = Live::on(source, "lost_commits").await;

    // While rows are copied, so that cuts and marks of pieces are lost as well.
    let mut running = migration.start(&[]);
    running.says("rows/s").await;
    note(&first, "shop").await;
    fail_over_with_loss((&mut first, &second), (&relay, &live), running).await;
    // While changes are followed.
    let mut running = migration.start(&[]);
    running.says("following").await;
    fail_over_with_loss((&mut second, &third), (&relay, &live), running).await;
    let mut running = migration.start(&[]);
    running.says("following").await;

    ends_equal(&migration, live, running, 3).await;
}
