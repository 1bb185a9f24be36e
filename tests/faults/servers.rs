//! Servers that are restarted or killed under a run.

use whimbrel_kit::{Server, shared_source, shared_target};

use super::tables::{TABLES, fill, mark_arrives, server, writer};
use crate::support::Migration;

const MARK: u32 = 2_000_000_000;

/// A server that keeps what it has committed, as one in production does.
async fn durable_server() -> Server {
    let server = Server::builder()
        .flag("--sync-binlog=1")
        .flag("--innodb-flush-log-at-trx-commit=1")
        .start()
        .await
        .unwrap();
    server.execute("CREATE DATABASE shop").await.unwrap();
    server
}

#[tokio::test]
async fn a_source_that_is_restarted_and_killed_is_followed_on() {
    let mut source = durable_server().await;
    let target = shared_target().await.unwrap();
    target.execute("CREATE DATABASE restarted_source").await.unwrap();
    fill(&source, "shop", 10_000).await;
    let url = source.url();
    let writer = writer(&source, "shop").await;
    let plan = "limits: { rows_per_second: 10000 }\n";
    let mut running = {
        let migration =
            Migration::new((&source, "shop"), (target, "restarted_source"), &TABLES, plan);
        let running = migration.start(&[]);
        (running, migration.into_folder())
    };

    running.0.says("rows/s").await;
    source.kill_hard().await.unwrap();
    source.restart().await.unwrap();
    writer.commits(20).await.unwrap();
    source.restart().await.unwrap();
    running.0.says("following").await;
    writer.commits(20).await.unwrap();
    source.kill_hard().await.unwrap();
    source.restart().await.unwrap();
    writer.commits(20).await.unwrap();
    writer.stop().await.unwrap();
    assert_eq!(source.url(), url);
    mark_arrives((&source, "shop"), (target, "restarted_source"), MARK).await;

    running.0.interrupt();
    let (code, log) = running.0.ended().await;
    assert_eq!(code, Some(0), "{log}");
    let migration = Migration::new((&source, "shop"), (target, "restarted_source"), &TABLES, plan);
    migration.assert_equal(&TABLES).await;
}

#[tokio::test]
async fn a_target_that_is_restarted_and_killed_is_written_on() {
    let source = shared_source().await.unwrap();
    source.execute("CREATE DATABASE restarted_target").await.unwrap();
    let mut target = durable_server().await;
    fill(source, "restarted_target", 10_000).await;
    let writer = writer(source, "restarted_target").await;
    let plan = "limits: { rows_per_second: 10000 }\n";
    let mut running = {
        let migration =
            Migration::new((source, "restarted_target"), (&target, "shop"), &TABLES, plan);
        let running = migration.start(&[]);
        (running, migration.into_folder())
    };

    running.0.says("rows/s").await;
    target.kill_hard().await.unwrap();
    writer.commits(20).await.unwrap();
    target.restart().await.unwrap();
    writer.commits(20).await.unwrap();
    target.restart().await.unwrap();
    running.0.says("following").await;
    writer.commits(20).await.unwrap();
    target.kill_hard().await.unwrap();
    target.restart().await.unwrap();
    writer.stop().await.unwrap();
    mark_arrives((source, "restarted_target"), (&target, "shop"), MARK).await;

    running.0.interrupt();
    let (code, log) = running.0.ended().await;
    assert_eq!(code, Some(0), "{log}");
    let migration = Migration::new((source, "restarted_target"), (&target, "shop"), &TABLES, plan);
    migration.assert_equal(&TABLES).await;
}

#[tokio::test]
async fn stopping_at_once_does_not_wait_for_a_target_that_is_away() {
    let source = shared_source().await.unwrap();
    source.execute("CREATE DATABASE away").await.unwrap();
    fill(source, "away", 100).await;
    let mut target = server().await;
    let (mut running, _folder) = {
        let migration = Migration::new((source, "away"), (&target, "shop"), &TABLES, "");
        (migration.start(&[]), migration.into_folder())
    };
    running.says("following").await;
    target.kill_hard().await.unwrap();
    source.execute_in("away", "UPDATE orders SET note = 'x'").await.unwrap();

    running.interrupt();
    running.says("stopping").await;
    running.interrupt();
    let (code, log) = running.ended().await;

    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("stopped at once"), "{log}");
}
