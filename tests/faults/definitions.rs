//! Definitions that change, and work on the target that is not a row's.

use whimbrel_kit::{Relay, eventually, mysql_async::prelude::Queryable, pair};

use super::tables::{TABLES, fill, migration};
use crate::support::Migration;

#[tokio::test]
async fn a_table_dropped_while_it_is_copied_is_told_as_the_statement_that_did_it() {
    let pair = pair().await.unwrap();
    fill(pair.source, &pair.source_database, 20_000).await;
    let migration = migration(&pair, "limits: { rows_per_second: 4000, memory: 64MiB }\n");
    let mut running = migration.start(&[]);
    let copied = format!("SELECT COUNT(*) FROM {}.people", pair.target_database);
    eventually("the second of the large tables comes", 60, async || {
        Ok(pair.target.row::<u64>(&copied).await.unwrap_or(None) > Some(0))
    })
    .await
    .unwrap();
    // The target stands still, and before the statement there is more log than the run may take in:
    // that the tables are gone shows by reading them.
    let mut other = pair.target.connect_to(&pair.target_database).await.unwrap();
    other.query_drop("LOCK TABLES orders WRITE").await.unwrap();
    let updates = "UPDATE orders SET customer = customer + 1;".repeat(5);
    pair.execute_source(&format!("{updates} DROP TABLE words; DROP TABLE people")).await.unwrap();

    running.says("the log to tell why a table cannot be read").await;
    other.query_drop("UNLOCK TABLES").await.unwrap();

    let remedy =
        "everything before it is stored; begin again under a new `name` with an empty target";
    running.fails("run.ddl", &["DROP TABLE `words`", remedy]).await;
}

#[tokio::test]
async fn an_interrupted_copy_ends_well_and_goes_on() {
    let pair = pair().await.unwrap();
    fill(pair.source, &pair.source_database, 20_000).await;
    let migration = migration(&pair, "limits: { rows_per_second: 100 }\n");
    let mut running = migration.start(&[]);
    running.says("rows/s").await;

    running.interrupt();
    let (code, log) = running.ended().await;

    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("goes on"), "{log}");
    migration.write_plan((&pair.source.url(), &pair.target.url()), &TABLES, "");
    migration.catch_up().await;
    migration.assert_equal(&TABLES).await;
}

#[tokio::test]
async fn an_xa_transaction_as_the_newest_does_not_bar_the_next_run() {
    let pair = pair().await.unwrap();
    fill(pair.source, &pair.source_database, 100).await;
    let migration = migration(&pair, "");
    migration.catch_up().await;

    pair.execute_source(
        "XA START 'x'; UPDATE orders SET note = 'by xa'; XA END 'x'; XA PREPARE 'x'; XA COMMIT 'x'",
    )
    .await
    .unwrap();
    migration.catch_up().await;
    migration.catch_up().await;

    migration.assert_equal(&TABLES).await;
}

#[tokio::test]
async fn an_index_that_the_target_has_meanwhile_is_left_alone() {
    let pair = pair().await.unwrap();
    fill(pair.source, &pair.source_database, 5_000).await;
    let relay = Relay::to(pair.target).await.unwrap();
    let migration = Migration::new(
        (pair.source, &pair.source_database),
        (pair.target, &pair.target_database),
        &["orders"],
        "",
    );
    let plan = "limits: { rows_per_second: 2000 }\n";
    migration.write_plan((&pair.source.url(), &relay.url()), &["orders"], plan);
    let mut running = migration.start(&["--until", "caught-up"]);
    running.says("rows/s").await;
    // Now it is as one that is too large for the target's memory: its index comes after its rows.
    pair.execute_target("ALTER TABLE orders DROP INDEX customer").await.unwrap();

    // An open transaction holds the ALTER up, whose connection is lost while the server goes on with
    // it: the next finds the index made.
    let mut other = pair.target.connect_to(&pair.target_database).await.unwrap();
    other.query_drop("BEGIN; SELECT * FROM orders LIMIT 1").await.unwrap();
    let altering = format!(
        "SELECT COUNT(*) FROM performance_schema.processlist WHERE db = '{}' AND info LIKE 'ALTER%'",
        pair.target_database
    );
    eventually("the index is being added", 60, async || {
        Ok(pair.target.row::<u64>(&altering).await? != Some(0))
    })
    .await
    .unwrap();
    relay.cut();
    let before = relay.connections_ever();
    eventually("the run connects again", 60, async || Ok(relay.connections_ever() >= before + 2))
        .await
        .unwrap();
    other.query_drop("ROLLBACK").await.unwrap();
    other.disconnect().await.unwrap();
    let (code, log) = running.ended().await;

    assert_eq!(code, Some(0), "{log}");
    migration.assert_equal(&["orders"]).await;
}
