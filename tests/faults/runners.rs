//! Runners that are killed, frozen, and taken over from.

use std::time::Duration;

use whimbrel_kit::{Pair, Random, Server, eventually, mysql_async::prelude::Queryable, pair};

use super::{
    counter::note,
    tables::{Live, TABLES, ends_equal, fill, migration, server},
};
use crate::support::{Migration, tick};

/// What a runner that was taken over from says to do.
const FENCED_REMEDY: &str = "nothing, if you started the other runner; it goes on from here";

/// How often the program is killed over one migration: 12 times, or as `WHIMBREL_KILLS` says.
fn kills() -> u32 {
    std::env::var("WHIMBREL_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(12)
}

#[tokio::test]
async fn kills_at_random_moments_lose_nothing_and_apply_nothing_twice() {
    let pair = pair().await.unwrap();
    fill(pair.source, &pair.source_database, 20_000).await;
    // So slow that about half of the kills come while rows are copied.
    let rate = 240_000 / kills();
    let migration = migration(&pair, &format!("limits: {{ rows_per_second: {rate} }}\n"));
    let live = Live::on(pair.source, &pair.source_database).await;
    let mut random = Random::printed("kills");

    let mut copying_count = 0;
    for kill in 0..kills() {
        let mut running = migration.start(&[]);
        // The first must have made the tables; the others may be killed while they look at them.
        running.says(if kill == 0 { "moving" } else { "tables" }).await;
        if kill == 0 {
            note(pair.target, &pair.target_database).await;
        }
        live.commits(random.below(150)).await;
        copying_count += u32::from(!running.log().contains("following"));
        running.kill();
    }
    println!("kills: {copying_count} of {} before all rows were copied", kills());
    let mut running = migration.start(&[]);
    running.says("following").await;

    ends_equal(&migration, live, running, u64::from(kills()) + 1).await;
}

#[tokio::test]
async fn a_frozen_runner_that_is_woken_after_a_take_over_writes_nothing() {
    let pair = pair().await.unwrap();
    fill(pair.source, &pair.source_database, 2_000).await;
    let migration = migration(&pair, "");
    let mut first = migration.start(&[]);
    first.says("following").await;
    let live = Live::on(pair.source, &pair.source_database).await;
    note(pair.target, &pair.target_database).await;
    live.commits(20).await;

    first.freeze();
    live.commits(20).await;
    let mut second = migration.start(&["--take-over"]);
    second.says("following").await;
    live.commits(20).await;
    first.wake();
    first.fails("run.fenced", &["taken this plan over", FENCED_REMEDY]).await;
    live.commits(20).await;

    ends_equal(&migration, live, second, 0).await;
}

#[tokio::test]
async fn a_runner_frozen_inside_a_transaction_is_taken_over_from() {
    let pair = pair().await.unwrap();
    fill(pair.source, &pair.source_database, 500).await;
    let migration = migration(&pair, "");
    let mut first = migration.start(&[]);
    first.says("following").await;
    // The lane has locked its row and waits for a row of the table.
    let mut other = pair.target.connect_to(&pair.target_database).await.unwrap();
    other.query_drop("BEGIN; SELECT * FROM orders WHERE id = 1 FOR UPDATE").await.unwrap();
    pair.execute_source("UPDATE orders SET note = 'held' WHERE id = 1").await.unwrap();
    let waiting = format!(
        "SELECT COUNT(*) FROM performance_schema.data_locks
         WHERE lock_status = 'WAITING' AND object_schema = '{}'",
        pair.target_database
    );
    eventually("the lane waits for the row", 60, async || {
        Ok(pair.target.row::<u64>(&waiting).await? != Some(0))
    })
    .await
    .unwrap();
    first.freeze();
    other.query_drop("ROLLBACK").await.unwrap();
    other.disconnect().await.unwrap();

    let began = std::time::Instant::now();
    let mut second = migration.start(&["--take-over"]);
    second.says("following").await;

    assert!(began.elapsed() < Duration::from_secs(40), "no lock wait had to end first");
    first.wake();
    first.fails("run.fenced", &[FENCED_REMEDY]).await;
    second.interrupt();
    assert_eq!(second.ended().await.0, Some(0));
    migration.catch_up().await;
    migration.assert_equal(&TABLES).await;
}

/// Rows are full images, so that one that is applied twice leaves no trace; what would go wrong then
/// is that rows and position part. Each transaction of the source here adds one to a counter, and a
/// trigger on the lane's row notes, at the start of every transaction of the target, the position
/// and the counter that were committed before: their difference is the same for ever.
#[tokio::test]
async fn rows_and_position_move_together_through_kills_and_take_overs() {
    let source = server().await;
    let pair = pair().await.unwrap();
    source.execute_in(
        "shop",
        "CREATE TABLE counter (id INT NOT NULL PRIMARY KEY, n BIGINT NOT NULL, filler TEXT);
         INSERT INTO counter VALUES (1, 0, NULL);
         INSERT INTO counter (id, n, filler) WITH RECURSIVE m (i) AS
           (SELECT 2 UNION ALL SELECT i + 1 FROM m WHERE i < 900) SELECT i, 0, REPEAT('x', 2000) FROM m",
    )
    .await
    .unwrap();
    let one_lane = "limits: { target_connections: 3, rows_per_second: 300 }\n";
    let migration = Migration::new(
        (&source, "shop"),
        (pair.target, &pair.target_database),
        &["counter"],
        one_lane,
    );
    let counting = count(&source).await;
    let mut running = migration.start(&[]);
    running.says("moving").await;
    pair.execute_target(
        "CREATE TABLE journal (number INT AUTO_INCREMENT PRIMARY KEY, position TEXT, n BIGINT NULL);
         CREATE TRIGGER noted BEFORE UPDATE ON _whimbrel_lanes FOR EACH ROW
           INSERT INTO journal (position, n) SELECT CONVERT(OLD.position USING utf8mb4),
             (SELECT n FROM counter WHERE id = 1)",
    )
    .await
    .unwrap();
    let mut random = Random::printed("kills");
    for _ in 0..8 {
        let entries = journal_entries(&pair).await + random.below(40);
        eventually("the run goes on", 60, async || Ok(journal_entries(&pair).await >= entries))
            .await
            .unwrap();
        running.kill();
        running = migration.start(&[]);
        running.says("going on").await;
    }
    counting.abort();
    drop(counting.await);
    running.says("following").await;
    running.interrupt();
    assert_eq!(running.ended().await.0, Some(0));

    let differences: Vec<(i64, u64)> = pair
        .target
        .rows(&format!(
            "SELECT SUBSTRING_INDEX(position, '-', -1) - n AS difference, COUNT(*)
             FROM {}.journal WHERE n IS NOT NULL GROUP BY difference",
            pair.target_database
        ))
        .await
        .unwrap();

    assert_eq!(differences.len(), 1, "position less counter, and how often: {differences:?}");
    assert!(differences[0].1 > 10, "the counter was there: {differences:?}");
    migration.catch_up().await;
    migration.assert_equal(&["counter"]).await;
}

/// Adds one to the counter in every transaction of a source of its own.
async fn count(source: &Server) -> tokio::task::JoinHandle<()> {
    let mut conn = source.connect_to("shop").await.unwrap();
    #[expect(clippy::disallowed_methods, reason = "the test aborts it")]
    tokio::spawn(async move {
        loop {
            conn.query_drop("UPDATE counter SET n = n + 1 WHERE id = 1").await.unwrap();
            tick().await;
        }
    })
}

async fn journal_entries(pair: &Pair) -> u64 {
    let select = format!("SELECT COUNT(*) FROM {}.journal", pair.target_database);
    pair.target.row(&select).await.unwrap().unwrap_or(0)
}
