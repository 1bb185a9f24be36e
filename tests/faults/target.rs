//! What the target does to its writer: locks, refusals, no room, rows that were changed behind its back.

use whimbrel_kit::{
    Pair, Server, eventually,
    mysql_async::{Conn, prelude::Queryable},
    pair, shared_source,
};

use super::{
    counter::note,
    tables::{Live, TABLES, ends_equal, fill, migration},
};
use crate::support::{DIVERGED_REMEDY, Migration, Running};

/// A run that follows, with a live application.
async fn following<'a>(pair: &'a Pair, rows: u32) -> (Migration<'a>, Live, Running) {
    fill(pair.source, &pair.source_database, rows).await;
    let migration = migration(pair, "");
    let live = Live::on(pair.source, &pair.source_database).await;
    let mut running = migration.start(&[]);
    running.says("following").await;
    note(pair.target, &pair.target_database).await;
    (migration, live, running)
}

/// Another application's session on the target, in a transaction.
async fn other(pair: &Pair) -> Conn {
    let mut other = pair.target.connect_to(&pair.target_database).await.unwrap();
    other.query_drop("BEGIN").await.unwrap();
    other
}

#[tokio::test]
async fn locks_that_others_hold_on_the_target_are_waited_for_and_beyond_the_bound_asked_for_again()
{
    let pair = pair().await.unwrap();
    let (migration, live, mut running) = following(&pair, 1_000).await;

    for is_beyond in [false, false, true] {
        let mut other = other(&pair).await;
        for table in TABLES {
            let lock = format!("SELECT COUNT(*) FROM {table} FOR UPDATE");
            if other.query_drop(lock).await.is_err() {
                // The server chose this session to break a deadlock.
                break;
            }
        }
        live.commits(20).await;
        if is_beyond {
            running.says("server error 1205").await;
        }
        drop(other.query_drop("ROLLBACK").await);
        drop(other.disconnect().await);
    }

    ends_equal(&migration, live, running, 0).await;
}

/// A lane locks its own row and then those of tables. Whoever locks in the other order makes a
/// deadlock with it for certain.
#[tokio::test]
async fn a_lane_that_is_given_up_for_a_deadlock_writes_its_window_again() {
    let pair = pair().await.unwrap();
    let (migration, live, mut running) = following(&pair, 200).await;
    pair.execute_target("CREATE TABLE ballast (id INT NOT NULL PRIMARY KEY)").await.unwrap();
    let waiting = format!(
        "SELECT COUNT(*) FROM performance_schema.data_locks WHERE lock_status = 'WAITING'
           AND object_schema = '{}' AND object_name = 'counter'",
        pair.target_database
    );

    for _ in 0..5 {
        let mut other = other(&pair).await;
        // The server ends the transaction that changed less.
        other
            .query_drop(
                "INSERT INTO ballast WITH RECURSIVE n (i) AS
                   (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT i FROM n;
                 SELECT n FROM counter WHERE id = 1 FOR UPDATE",
            )
            .await
            .unwrap();
        eventually("the lane waits for the row", 60, async || {
            Ok(pair.target.row::<u64>(&waiting).await? != Some(0))
        })
        .await
        .unwrap();
        other.query_drop("SELECT lane FROM _whimbrel_lanes FOR UPDATE").await.unwrap();
        other.query_drop("ROLLBACK").await.unwrap();
        other.disconnect().await.unwrap();
    }

    running.says("server error 1213").await;
    ends_equal(&migration, live, running, 0).await;
}

#[tokio::test]
async fn a_lane_that_is_killed_in_the_middle_writes_its_window_again() {
    let pair = pair().await.unwrap();
    fill(pair.source, &pair.source_database, 5_000).await;
    let migration = migration(&pair, "");
    let live = Live::on(pair.source, &pair.source_database).await;
    let mut running = migration.start(&[]);
    running.says("moving").await;
    note(pair.target, &pair.target_database).await;
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
        live.commits(10).await;
    }
    conn.disconnect().await.unwrap();
    running.says("following").await;

    ends_equal(&migration, live, running, 1).await;
}

/// A tablespace that may not grow gives the errors of a full disk, and needs no disk of its own.
#[tokio::test]
async fn a_full_target_is_told_with_what_to_do_and_gone_on_with_once_it_has_room() {
    let source = shared_source().await.unwrap();
    source.execute("CREATE DATABASE full_target").await.unwrap();
    fill(source, "full_target", 20_000).await;
    let mut target = Server::builder()
        .flag("--innodb-file-per-table=OFF")
        .flag("--innodb-data-file-path=ibdata1:12M:autoextend:max:14M")
        .start()
        .await
        .unwrap();
    target.execute("CREATE DATABASE shop").await.unwrap();
    let live = Live::on(source, "full_target").await;
    let what = ["is full", "make room on the server: free or add disk space"];

    let (mut running, _folder) = {
        let migration = Migration::new((source, "full_target"), (&target, "shop"), &TABLES, "");
        let mut stopped = migration.start(&[]);
        stopped.says("moving").await;
        note(&target, "shop").await;
        for text in what {
            stopped.says(text).await;
        }
        stopped.interrupt();
        stopped.says("stopping").await;
        stopped.interrupt();
        let (code, log) = stopped.ended().await;
        assert_eq!(code, Some(0), "{log}");
        assert!(log.contains("stopped at once"), "{log}");
        (migration.start(&[]), migration.into_folder())
    };
    for text in what {
        running.says(text).await;
    }
    target.add_flag("--innodb-data-file-path=ibdata1:12M:autoextend");
    target.restart().await.unwrap();
    running.says("following").await;
    live.commits(20).await;

    let migration = Migration::new((source, "full_target"), (&target, "shop"), &TABLES, "");
    ends_equal(&migration, live, running, 2).await;
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
    let remedy = "make the target's table take it, then run again: nothing is skipped";
    let log = running
        .fails("run.refused-row", &["the target refuses a row of `people`", "low", remedy])
        .await;

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

    running.fails("run.target-diverged", &[DIVERGED_REMEDY]).await;
    migration.catch_up().await;
    migration.assert_equal(&TABLES).await;
}
