//! A source at its limit: reading gives way to its load, and log that will be gone is told of.

use std::sync::atomic::{AtomicBool, Ordering};

use whimbrel_kit::{Server, mysql_async::prelude::Queryable, pair, shared_target};

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
    let (mut connections, mut sleepers) = (Vec::new(), tokio::task::JoinSet::new());
    for _ in 0..20 {
        let mut sleeper = source.connect().await.unwrap();
        connections.push(sleeper.id());
        sleepers.spawn(async move { sleeper.query_drop("SELECT SLEEP(1000)").await });
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

    for id in connections {
        source.execute(&format!("KILL {id}")).await.unwrap();
    }
    running.says("transactions in its history list, limit 1000").await;
    assert_eq!(migration.status()["pieces_held"], 0);

    view.query_drop("COMMIT").await.unwrap();
    // An idle server lets its purge sleep.
    whimbrel_kit::eventually("the end of the copy", 60, async || {
        source.execute("UPDATE shop.t SET v = v + 1 WHERE id = 2").await?;
        Ok(running.log().contains("following"))
    })
    .await
    .unwrap();
    running.interrupt();
    assert_eq!(running.ended().await.0, Some(0));
    assert_eq!(migration.status()["report"]["waiting_for"], serde_json::json!([]));
    migration.assert_equal(&["t"]).await;
}

#[tokio::test]
async fn log_that_will_be_gone_is_told_of_while_there_is_time() {
    let source = Server::builder().flag("--binlog-expire-logs-seconds=20").start().await.unwrap();
    let target = shared_target().await.unwrap();
    target.execute("CREATE DATABASE short_log").await.unwrap();
    let tables = "CREATE DATABASE shop; CREATE TABLE shop.t (id INT NOT NULL PRIMARY KEY);
                  INSERT INTO shop.t VALUES (1)";
    source.execute(tables).await.unwrap();
    let migration = Migration::new((&source, "shop"), (target, "short_log"), &["t"], "");
    let mut running = migration.start(&[]);
    running.says("following").await;

    // A target that stands still lets the run fall behind.
    let mut lock = target.connect_to("short_log").await.unwrap();
    lock.query_drop("LOCK TABLES t WRITE").await.unwrap();
    source.execute("INSERT INTO shop.t VALUES (2)").await.unwrap();
    running.says("behind, and the source keeps its log for 20 s").await;
    running.says("SET GLOBAL binlog_expire_logs_seconds = 604800").await;
    let warned = async |what: &str| {
        whimbrel_kit::eventually("a warning in the status", 60, async || {
            let warnings = migration.status()["report"]["warnings"].to_string();
            Ok(if what.is_empty() { warnings == "[]" } else { warnings.contains(what) })
        })
        .await
        .unwrap();
    };
    warned("behind, and the source keeps its log for 20 s").await;
    lock.query_drop("UNLOCK TABLES").await.unwrap();
    warned("").await;

    // A file that was the newest at the look before is gone at the next.
    whimbrel_kit::eventually("a purge", 60, async || {
        source.execute("FLUSH BINARY LOGS").await?;
        let newest: Vec<(String, u64, String)> = source.rows("SHOW BINARY LOGS").await?;
        let newest = &newest.last().unwrap().0;
        source.execute(&format!("PURGE BINARY LOGS TO '{newest}'")).await?;
        Ok(source.rows::<(String, u64, String)>("SHOW BINARY LOGS").await?.len() == 1)
    })
    .await
    .unwrap();
    running.says("was removed less than").await;
    running.interrupt();
    assert_eq!(running.ended().await.0, Some(0));

    source.execute("SET GLOBAL binlog_expire_logs_seconds = 2").await.unwrap();
    whimbrel_kit::eventually("a second without a runner", 60, async || {
        let select = "SELECT updated_at < NOW(6) - INTERVAL 1 SECOND FROM short_log._whimbrel_plan";
        Ok(target.row::<u8>(select).await? == Some(1))
    })
    .await
    .unwrap();
    let (code, log) = migration.start(&["--until", "caught-up"]).ended().await;
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("source-absence"), "{log}");
    migration.assert_equal(&["t"]).await;
}

#[tokio::test]
async fn a_copy_ends_although_every_row_changes_all_the_while() {
    let pair = pair().await.unwrap();
    // Keys so long that those of one change of all rows are more than a window may note.
    pair.execute_source(
        "CREATE TABLE t (id INT NOT NULL, name CHAR(200) NOT NULL, v INT, PRIMARY KEY (id, name));
         SET SESSION cte_max_recursion_depth = 10000;
         INSERT INTO t WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 8000)
           SELECT i, REPEAT(CHAR(97 + i % 26), 200), 0 FROM n;
         ANALYZE TABLE t",
    )
    .await
    .unwrap();
    let limits = "limits: { memory: 64MiB, target_connections: 3 }\n";
    let (source, target) =
        ((pair.source, &*pair.source_database), (pair.target, &*pair.target_database));
    let migration = Migration::new(source, target, &["t"], limits);
    let is_over = AtomicBool::new(false);

    let change = async {
        let mut application = pair.source.connect_to(&pair.source_database).await.unwrap();
        while !is_over.load(Ordering::Relaxed) {
            application.query_drop("UPDATE t SET v = v + 1").await.unwrap();
        }
    };
    let copy = async {
        let mut running = migration.start(&[]);
        running.says("following").await;
        is_over.store(true, Ordering::Relaxed);
        running
    };
    let ((), running) = tokio::join!(change, copy);

    let told = running.rows_told();
    assert!(told.is_sorted() && told.iter().all(|(copied, all)| copied <= all), "{told:?}");
    running.interrupt();
    assert_eq!(running.ended().await.0, Some(0));
    // Those that only the log brought are done as well, in this run and as the next one knows it.
    assert_eq!(migration.status()["report"]["tables"][0]["rows_copied"], 8_000);
    migration.catch_up().await;
    assert_eq!(migration.status()["report"]["tables"][0]["rows_copied"], 8_000);
    migration.assert_equal(&["t"]).await;
}
