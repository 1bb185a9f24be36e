//! Connections that are cut, stalled and half-delivered, on either side.

use std::time::Duration;

use whimbrel_kit::{Direction, Pair, Random, Relay, eventually, pair};

use super::{
    counter::note,
    tables::{Live, TABLES, ends_equal, fill, migration, stall_as_asked},
};
use crate::support::Migration;

/// A pair with `rows` rows in each table, and a relay to each of its servers.
async fn relayed(rows: u32) -> (Pair, Relay, Relay) {
    let pair = pair().await.unwrap();
    fill(pair.source, &pair.source_database, rows).await;
    let (source, target) = tokio::join!(Relay::to(pair.source), Relay::to(pair.target));
    (pair, source.unwrap(), target.unwrap())
}

/// A plan over the relays.
fn over<'a>(pair: &'a Pair, (source, target): (&Relay, &Relay), more: &str) -> Migration<'a> {
    let migration = migration(pair, more);
    migration.write_plan((&source.url(), &target.url()), &TABLES, more);
    migration
}

/// Waits until the relay has had more connections than `before`.
async fn connected_again(relay: &Relay, before: usize) {
    eventually("a new connection", 60, async || Ok(relay.connections_ever() > before))
        .await
        .unwrap();
}

#[tokio::test]
async fn connections_cut_at_random_lose_nothing_and_apply_nothing_twice() {
    let (pair, source, target) = relayed(15_000).await;
    let migration = over(&pair, (&source, &target), "limits: { rows_per_second: 15000 }\n");
    let live = Live::on(pair.source, &pair.source_database).await;
    let mut random = Random::printed("cuts");

    let mut running = migration.start(&[]);
    running.says("rows/s").await;
    note(pair.target, &pair.target_database).await;
    for _ in 0..12 {
        let relay = if random.percent(50) { &source } else { &target };
        let direction = if random.percent(50) { Direction::ToClient } else { Direction::ToServer };
        let before = relay.connections_ever();
        // By so many bytes a COMMIT may be sent and its answer lost, or a row be delivered by half.
        relay.cut_after(direction, usize::try_from(random.below(20_000)).unwrap());
        live.commits(10).await;
        relay.cut();
        connected_again(relay, before).await;
    }
    running.says("following").await;

    ends_equal(&migration, live, running, 1).await;
}

#[tokio::test]
async fn a_stall_beyond_all_heartbeats_is_told_and_got_over() {
    let (pair, source, target) = relayed(500).await;
    let migration = over(&pair, (&source, &target), "");
    let live = Live::on(pair.source, &pair.source_database).await;
    let mut running = migration.start(&[]);
    running.says("following").await;
    note(pair.target, &pair.target_database).await;

    source.stall();
    running.says("silent").await;
    target.stall();
    running.says("target: an answer for more than 10 s").await;
    stall_as_asked().await;
    live.commits(50).await;
    source.pass();
    target.pass();

    ends_equal(&migration, live, running, 0).await;
}

/// The server knows nothing of the loss: the lanes' transactions stay open there, with all their locks,
/// until the lanes that connect again end them.
#[tokio::test]
async fn sessions_that_the_target_takes_for_alive_bar_nobody() {
    let (pair, source, target) = relayed(500).await;
    let migration = over(&pair, (&source, &target), "");
    let live = Live::on(pair.source, &pair.source_database).await;
    let mut running = migration.start(&[]);
    running.says("following").await;
    note(pair.target, &pair.target_database).await;

    for _ in 0..3 {
        // Not even what is on its way arrives, so that transactions stay in the middle.
        let before = target.connections_ever();
        target.stall();
        live.commits(20).await;
        target.desert();
        target.pass();
        connected_again(&target, before).await;
        let written = format!("SELECT MAX(n) FROM {}.counted", pair.target_database);
        let held: Option<u64> = pair.target.row(&written).await.unwrap();
        // Below the 50 s after which a lock is no longer waited for.
        eventually("a value behind the loss", 40, async || {
            Ok(pair.target.row::<u64>(&written).await? > held)
        })
        .await
        .unwrap();
    }

    ends_equal(&migration, live, running, 0).await;
}

#[tokio::test]
async fn commits_whose_answers_are_lost_are_settled() {
    let (pair, source, target) = relayed(100).await;
    let migration = over(&pair, (&source, &target), "");
    let mut running = migration.start(&[]);
    running.says("following").await;
    let live = Live::on(pair.source, &pair.source_database).await;
    note(pair.target, &pair.target_database).await;

    let written = format!("SELECT MAX(n) FROM {}.counted", pair.target_database);
    for _ in 0..5 {
        let before = target.connections_ever();
        let held: Option<u64> = pair.target.row(&written).await.unwrap();
        // What is sent passes at once, what is answered is on its way for a while.
        target.delay(Duration::ZERO, Duration::from_millis(300));
        // Others see what was committed before the lane has its answer.
        eventually("a commit", 60, async || Ok(pair.target.row::<u64>(&written).await? > held))
            .await
            .unwrap();
        target.cut();
        target.pass();
        connected_again(&target, before).await;
    }

    ends_equal(&migration, live, running, 0).await;
}
