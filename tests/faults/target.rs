//! What the target does to its writer: locks, refusals, rows that were changed behind its back.

use whimbrel_kit::{mysql_async::prelude::Queryable, pair};

use super::tables::{TABLES, fill, mark_arrives, migration, writer};

const MARK: u32 = 2_000_000_000;

#[tokio::test]
async fn locks_that_others_hold_on_the_target_are_waited_for() {
    let pair = pair().await.unwrap();
    fill(pair.source, &pair.source_database, 1_000).await;
    let migration = migration(&pair, "");
    let mut running = migration.start(&[]);
    running.says("following").await;
    let writer = writer(pair.source, &pair.source_database).await;

    for _ in 0..3 {
        let mut other = pair.target.connect_to(&pair.target_database).await.unwrap();
        other.query_drop("BEGIN").await.unwrap();
        for table in TABLES {
            let lock = format!("SELECT COUNT(*) FROM {table} FOR UPDATE");
            if other.query_drop(lock).await.is_err() {
                // The server chose this session to break a deadlock.
                break;
            }
        }
        writer.commits(20).await.unwrap();
        drop(other.query_drop("ROLLBACK").await);
        drop(other.disconnect().await);
    }
    writer.stop().await.unwrap();
    mark_arrives((pair.source, &pair.source_database), (pair.target, &pair.target_database), MARK)
        .await;

    running.interrupt();
    assert_eq!(running.ended().await.0, Some(0));
    migration.assert_equal(&TABLES).await;
}

#[tokio::test]
async fn a_lane_that_is_killed_in_the_middle_writes_its_window_again() {
    let pair = pair().await.unwrap();
    fill(pair.source, &pair.source_database, 5_000).await;
    let migration = migration(&pair, "");
    let writer = writer(pair.source, &pair.source_database).await;
    let mut running = migration.start(&[]);
    running.says("moving").await;
    let mut conn = pair.target.connect().await.unwrap();

    for _ in 0..20 {
        let sessions: Vec<u64> = conn
            .query(format!(
                "SELECT id FROM performance_schema.processlist WHERE db = '{}'",
                pair.target_database
            ))
            .await
            .unwrap();
        for session in sessions {
            // It may have ended by itself.
            drop(conn.query_drop(format!("KILL {session}")).await);
        }
        writer.commits(10).await.unwrap();
    }
    conn.disconnect().await.unwrap();
    running.says("following").await;
    writer.stop().await.unwrap();
    mark_arrives((pair.source, &pair.source_database), (pair.target, &pair.target_database), MARK)
        .await;

    running.interrupt();
    assert_eq!(running.ended().await.0, Some(0));
    migration.assert_equal(&TABLES).await;
}

#[tokio::test]
async fn a_refused_row_is_told_by_its_table_and_not_lost() {
    let pair = pair().await.unwrap();
    fill(pair.source, &pair.source_database, 100).await;
    let migration = migration(&pair, "");
    let mut running = migration.start(&[]);
    running.says("following").await;
    pair.execute_target("ALTER TABLE people ADD CONSTRAINT low CHECK (score < 1000000)")
        .await
        .unwrap();

    pair.execute_source(
        "UPDATE orders SET note = 'before'; UPDATE people SET score = 2000000 WHERE id = 7;
         UPDATE orders SET note = 'after'",
    )
    .await
    .unwrap();
    let (code, log) = running.ended().await;

    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("refuses a row of `people`") && log.contains("low"), "{log}");
    assert!(!log.contains("2000000"), "no value is shown: {log}");
    pair.execute_target("ALTER TABLE people DROP CONSTRAINT low").await.unwrap();
    migration.catch_up().await;
    migration.assert_equal(&TABLES).await;
}

#[tokio::test]
async fn a_target_whose_state_was_changed_is_noticed_without_any_change_of_the_source() {
    let pair = pair().await.unwrap();
    fill(pair.source, &pair.source_database, 10).await;
    let migration = migration(&pair, "");
    let mut running = migration.start(&[]);
    running.says("following").await;

    pair.execute_target("UPDATE _whimbrel_lanes SET sequence = sequence - 1").await.unwrap();
    let (code, log) = running.ended().await;

    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("run.target-diverged"), "{log}");
    migration.catch_up().await;
    migration.assert_equal(&TABLES).await;
}
