//! Sources that fail over to their replicas, with and without what was applied.

use whimbrel_kit::{Relay, Server, shared_target};

use super::tables::{TABLES, fill, mark_arrives, server, writer};
use crate::support::Migration;

const MARK: u32 = 2_000_000_000;

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
    let first_writer = writer(&primary, "shop").await;
    let mut running = migration.start(&[]);
    running.says("rows/s").await;
    first_writer.commits(100).await.unwrap();
    first_writer.stop().await.unwrap();

    replica.has_caught_up(&primary).await.unwrap();
    replica.promote().await.unwrap();
    relay.turn_to(&replica);
    let second_writer = writer(&replica, "shop").await;
    relay.cut();
    second_writer.commits(100).await.unwrap();
    running.says("following").await;
    second_writer.stop().await.unwrap();
    mark_arrives((&replica, "shop"), (target, "moved_address"), MARK).await;

    running.interrupt();
    let (code, log) = running.ended().await;
    assert_eq!(code, Some(0), "{log}");
    migration.assert_equal(&TABLES).await;
}

#[tokio::test]
async fn a_plan_goes_on_with_the_replica_and_a_replica_is_a_source_like_any_other() {
    let (primary, replica) = topology(2_000).await;
    let target = target("to_replica").await;
    let on_primary = Migration::new((&primary, "shop"), (target, "to_replica"), &TABLES, "");
    let writer = writer(&primary, "shop").await;
    on_primary.catch_up().await;

    on_primary.write_plan((&replica.url(), &target.url()), &TABLES, "");
    writer.commits(50).await.unwrap();
    on_primary.catch_up().await;
    writer.stop().await.unwrap();
    replica.has_caught_up(&primary).await.unwrap();
    on_primary.catch_up().await;

    on_primary.assert_equal(&TABLES).await;
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
    mark_arrives((&primary, "shop"), (target, "lost"), MARK).await;
    running.interrupt();
    assert_eq!(running.ended().await.0, Some(0));
    let uuid: String = primary.row("SELECT @@server_uuid").await.unwrap().unwrap();

    migration.write_plan((&replica.url(), &target.url()), &TABLES, "");
    migration.refused(1, &["run.source-lost", &uuid, "compare the tables"]).await;

    let marks: Option<u64> =
        target.row(&format!("SELECT COUNT(*) FROM lost.orders WHERE id = {MARK}")).await.unwrap();
    assert_eq!(marks, Some(1), "nothing was changed");
}
