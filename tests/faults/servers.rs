//! Servers that are restarted or killed under a run.

use whimbrel_kit::{Server, shared_source, shared_target};

use super::{
    counter::note,
    tables::{Live, TABLES, ends_equal, fill, server},
};
use crate::support::Migration;

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
    let live = Live::on(&source, "shop").await;
    let plan = "limits: { rows_per_second: 10000 }\n";
    let mut running = {
        let migration =
            Migration::new((&source, "shop"), (target, "restarted_source"), &TABLES, plan);
        let running = migration.start(&[]);
        (running, migration.into_folder())
    };

    running.0.says("rows/s").await;
    note(target, "restarted_source").await;
    source.kill_hard().await.unwrap();
    source.restart().await.unwrap();
    live.commits(20).await;
    source.restart().await.unwrap();
    running.0.says("following").await;
    live.commits(20).await;
    source.kill_hard().await.unwrap();
    source.restart().await.unwrap();
    live.commits(20).await;
    assert_eq!(source.url(), url);

    let migration = Migration::new((&source, "shop"), (target, "restarted_source"), &TABLES, plan);
    ends_equal(&migration, live, running.0, 1).await;
}

#[tokio::test]
async fn a_target_that_is_restarted_and_killed_is_written_on() {
    let source = shared_source().await.unwrap();
    source.execute("CREATE DATABASE restarted_target").await.unwrap();
    let mut target = durable_server().await;
    fill(source, "restarted_target", 10_000).await;
    let live = Live::on(source, "restarted_target").await;
    let plan = "limits: { rows_per_second: 10000 }\n";
    let mut running = {
        let migration =
            Migration::new((source, "restarted_target"), (&target, "shop"), &TABLES, plan);
        let running = migration.start(&[]);
        (running, migration.into_folder())
    };

    running.0.says("rows/s").await;
    note(&target, "shop").await;
    target.kill_hard().await.unwrap();
    live.commits(20).await;
    target.restart().await.unwrap();
    live.commits(20).await;
    target.restart().await.unwrap();
    running.0.says("following").await;
    live.commits(20).await;
    target.kill_hard().await.unwrap();
    target.restart().await.unwrap();

    let migration = Migration::new((source, "restarted_target"), (&target, "shop"), &TABLES, plan);
    ends_equal(&migration, live, running.0, 1).await;
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
