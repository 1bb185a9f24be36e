//! Connections that are cut, stalled and half-delivered, on either side.

use std::time::Duration;

use whimbrel_kit::{Direction, Random, Relay, eventually, pair};

use super::tables::{TABLES, fill, mark_arrives, migration, writer};

/// A mark's number, far from what writers use.
const MARK: u32 = 2_000_000_000;

#[tokio::test]
async fn connections_cut_at_random_lose_nothing_and_apply_nothing_twice() {
    let pair = pair().await.unwrap();
    fill(pair.source, &pair.source_database, 15_000).await;
    let (source, target) =
        (Relay::to(pair.source).await.unwrap(), Relay::to(pair.target).await.unwrap());
    let migration = migration(&pair, "limits: { rows_per_second: 15000 }\n");
    let plan = "limits: { rows_per_second: 15000 }\n";
    migration.write_plan((&source.url(), &target.url()), &TABLES, plan);
    let writer = writer(pair.source, &pair.source_database).await;
    let mut random = Random::printed("cuts");

    let mut running = migration.start(&[]);
    running.says("rows/s").await;
    for _ in 0..12 {
        let relay = if random.percent(50) { &source } else { &target };
        let direction = if random.percent(50) { Direction::ToClient } else { Direction::ToServer };
        let before = relay.connections_ever();
        // By so many bytes a COMMIT may be sent and its answer lost, or a row be delivered by half.
        relay.cut_after(direction, usize::try_from(random.below(20_000)).unwrap());
        writer.commits(10).await.unwrap();
        relay.cut();
        eventually("a new connection", 60, async || Ok(relay.connections_ever() > before))
            .await
            .unwrap();
    }
    running.says("following").await;
    writer.stop().await.unwrap();
    mark_arrives((pair.source, &pair.source_database), (pair.target, &pair.target_database), MARK)
        .await;

    running.interrupt();
    let (code, log) = running.ended().await;
    assert_eq!(code, Some(0), "{log}");
    migration.assert_equal(&TABLES).await;
}

#[tokio::test]
async fn a_stall_beyond_all_heartbeats_is_noticed_and_got_over() {
    let pair = pair().await.unwrap();
    fill(pair.source, &pair.source_database, 500).await;
    let (source, target) =
        (Relay::to(pair.source).await.unwrap(), Relay::to(pair.target).await.unwrap());
    let migration = migration(&pair, "");
    migration.write_plan((&source.url(), &target.url()), &TABLES, "");
    let writer = writer(pair.source, &pair.source_database).await;
    let mut running = migration.start(&[]);
    running.says("following").await;

    target.stall();
    source.stall();
    running.says("silent").await;
    writer.commits(50).await.unwrap();
    source.pass();
    target.pass();
    writer.stop().await.unwrap();
    mark_arrives((pair.source, &pair.source_database), (pair.target, &pair.target_database), MARK)
        .await;

    running.interrupt();
    assert_eq!(running.ended().await.0, Some(0));
    migration.assert_equal(&TABLES).await;
}

#[tokio::test]
async fn commits_whose_answers_are_lost_are_settled() {
    let pair = pair().await.unwrap();
    fill(pair.source, &pair.source_database, 100).await;
    let target = Relay::to(pair.target).await.unwrap();
    let migration = migration(&pair, "");
    migration.write_plan((&pair.source.url(), &target.url()), &TABLES, "");
    let mut running = migration.start(&[]);
    running.says("following").await;
    let writer = writer(pair.source, &pair.source_database).await;

    for _ in 0..5 {
        let before = target.connections_ever();
        // What is sent passes, what is answered does not: half of these are answers to COMMIT.
        target.delay(Duration::ZERO, Duration::from_millis(300));
        writer.commits(20).await.unwrap();
        target.cut();
        target.pass();
        eventually("a new connection", 60, async || Ok(target.connections_ever() > before))
            .await
            .unwrap();
    }
    writer.stop().await.unwrap();
    mark_arrives((pair.source, &pair.source_database), (pair.target, &pair.target_database), MARK)
        .await;

    running.interrupt();
    assert_eq!(running.ended().await.0, Some(0));
    migration.assert_equal(&TABLES).await;
}
