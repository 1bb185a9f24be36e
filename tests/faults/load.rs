//! A source at its limit: reading gives way, the tail does not.

use whimbrel_kit::{Server, mysql_async::prelude::Queryable, shared_target};

use crate::support::Migration;

/// Transactions whose old row versions an open read view keeps.
const HELD: u32 = 1_200;

/// Waits until the target's table has a row of `id`.
async fn arrive(target: &Server, id: u32) {
    let select = format!("SELECT COUNT(*) FROM busy_source.t WHERE id = {id}");
    whimbrel_kit::eventually("the arrival of a change", 60, async || {
        Ok(target.row::<u64>(&select).await? == Some(1))
    })
    .await
    .unwrap();
}

/// Waits until `status` tells that the run waits for `what`.
async fn status_tells(migration: &Migration<'_>, what: &str) {
    whimbrel_kit::eventually("a report of what is waited for", 60, async || {
        Ok(migration.status()["report"]["waiting_for"].to_string().contains(what))
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn reading_waits_for_a_busy_source_while_the_tail_goes_on() {
    let source = Server::start().await.unwrap();
    let target = shared_target().await.unwrap();
    target.execute("CREATE DATABASE busy_source").await.unwrap();
    let fill: String =
        (1..=200).map(|id| format!("INSERT INTO shop.t VALUES ({id}, 0);")).collect();
    let tables = "CREATE DATABASE shop; CREATE TABLE shop.t (id INT NOT NULL PRIMARY KEY, v INT);";
    source.execute(&(tables.to_owned() + &fill)).await.unwrap();
    let limits = "limits: { source_threads_running: 12, source_history_list: 1000 }\n";
    let migration = Migration::new((&source, "shop"), (target, "busy_source"), &["t"], limits);
    let mut sleepers = Vec::new();
    for _ in 0..20 {
        let mut sleeper = source.connect().await.unwrap();
        sleepers.push((
            sleeper.id(),
            tokio::task::spawn(async move { sleeper.query_drop("SELECT SLEEP(1000)").await }),
        ));
    }
    let mut view = source.connect().await.unwrap();
    view.query_drop("START TRANSACTION WITH CONSISTENT SNAPSHOT").await.unwrap();
    let changes: String =
        (0..HELD).map(|v| format!("UPDATE shop.t SET v = {v} WHERE id = 1;")).collect();
    source.execute(&changes).await.unwrap();

    let mut running = migration.start(&[]);
    running.says("threads running, limit 12").await;
    source.execute("INSERT INTO shop.t VALUES (1000, 1)").await.unwrap();
    arrive(target, 1000).await;
    status_tells(&migration, "threads running, limit 12").await;
    assert_eq!(migration.status()["report"]["tables"][0]["rows_copied"], 0);

    for (id, _) in &sleepers {
        source.execute(&format!("KILL {id}")).await.unwrap();
    }
    running.says("transactions in its history list, limit 1000").await;
    assert_eq!(migration.status()["pieces_held"], 0);

    view.query_drop("COMMIT").await.unwrap();
    running.says("following").await;
    running.interrupt();
    assert_eq!(running.ended().await.0, Some(0));
    assert_eq!(migration.status()["report"]["waiting_for"], serde_json::json!([]));
    migration.assert_equal(&["t"]).await;
}
