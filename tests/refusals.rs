//! What a person gets wrong, and what the program says about it: nothing is changed by any of these.

use whimbrel_kit::{KitError, Pair, Server, eventually, pair, shared_target};

use crate::support::Migration;

const TABLE: &str =
    "CREATE TABLE t (id INT NOT NULL PRIMARY KEY, v VARCHAR(20)); INSERT INTO t VALUES (1, 'a')";

async fn with_table() -> Pair {
    let pair = pair().await.unwrap();
    pair.execute_source(TABLE).await.unwrap();
    pair
}

fn migration<'a>(pair: &'a Pair, more: &str) -> Migration<'a> {
    Migration::new(
        (pair.source, &pair.source_database),
        (pair.target, &pair.target_database),
        &["t"],
        more,
    )
}

#[tokio::test]
async fn a_pattern_that_matches_nothing_is_shown_in_its_place() {
    let pair = with_table().await;
    let migration = migration(&pair, "");
    migration.write_plan((&pair.source.url(), &pair.target.url()), &["t", "orders_*"], "");

    migration.refused(2, &["orders_*", "plan.yaml:", "help"]).await;
}

#[tokio::test]
async fn an_unreachable_host_is_named() {
    let pair = with_table().await;
    let migration = migration(&pair, "");
    migration.write_plan(("mysql://root@127.0.0.1:1", &pair.target.url()), &["t"], "");

    migration.refused(1, &["127.0.0.1:1", "help"]).await;
}

#[tokio::test]
async fn a_wrong_password_is_refused_without_being_shown() {
    let pair = with_table().await;
    let migration = migration(&pair, "");
    pair.source.execute("CREATE USER somebody IDENTIFIED BY 'right'").await.unwrap();
    for user in ["somebody", "nobody"] {
        let url = pair.source.url_as(user, "secret-word");
        migration.write_plan((&url, &pair.target.url()), &["t"], "");

        migration.refused(1, &["ccess denied", user]).await;
        let (_, log) = migration.start(&[]).ended().await;

        assert!(!log.contains("secret-word"), "{log}");
    }
}

#[tokio::test]
async fn a_missing_privilege_comes_with_its_grant() {
    let pair = with_table().await;
    let migration = migration(&pair, "");
    pair.source
        .execute(&format!(
            "CREATE USER reader_only IDENTIFIED BY 'x';
             GRANT SELECT ON {}.* TO reader_only",
            pair.source_database
        ))
        .await
        .unwrap();
    let url = pair.source.url_as("reader_only", "x");
    migration.write_plan((&url, &pair.target.url()), &["t"], "");

    migration.refused(3, &["GRANT REPLICATION SLAVE", "reader_only"]).await;
}

#[tokio::test]
async fn a_source_without_what_a_move_needs_is_refused_with_what_mends_it() {
    let target = shared_target().await.unwrap();
    for (flag, texts) in [
        ("--skip-log-bin", vec!["log_bin"]),
        ("--gtid-mode=OFF", vec!["gtid_mode"]),
        ("--binlog-row-image=MINIMAL", vec!["SET GLOBAL binlog_row_image"]),
    ] {
        let mut server = Server::builder().flag(flag);
        if flag == "--gtid-mode=OFF" {
            server = server.flag("--enforce-gtid-consistency=OFF");
        }
        let source = server.start().await.unwrap();
        source.execute(&format!("CREATE DATABASE shop; USE shop; {TABLE}")).await.unwrap();
        let database = format!("refused{}", flag.replace(['-', '='], "_"));
        target.execute(&format!("CREATE DATABASE {database}")).await.unwrap();
        let migration = Migration::new((&source, "shop"), (target, &database), &["t"], "");

        migration.refused(3, &texts).await;
    }
}

#[tokio::test]
async fn a_table_without_a_key_is_refused_with_the_remedy() {
    let pair = pair().await.unwrap();
    pair.execute_source("CREATE TABLE t (a INT, b INT)").await.unwrap();
    let migration = migration(&pair, "");

    migration.refused(3, &["`t`", "PRIMARY KEY", "ALTER TABLE"]).await;
}

#[tokio::test]
async fn a_target_that_holds_rows_is_refused_by_name() {
    let pair = with_table().await;
    pair.execute_target(TABLE).await.unwrap();
    let migration = migration(&pair, "");

    migration.refused(3, &["`t`", "holds rows"]).await;
}

#[tokio::test]
async fn a_database_is_not_moved_onto_itself_whatever_its_server_is_called() {
    let pair = with_table().await;
    let migration = Migration::new(
        (pair.source, &pair.source_database),
        (pair.source, &pair.source_database),
        &["t"],
        "",
    );
    let other_name = pair.source.url().replace("127.0.0.1", "localhost");
    migration.write_plan((&pair.source.url(), &other_name), &["t"], "");

    migration.refused(3, &["same-database", "the same server"]).await;
}

#[tokio::test]
async fn a_table_without_transactions_is_refused_with_the_alter_that_mends_it() {
    let pair = pair().await.unwrap();
    pair.execute_source("CREATE TABLE t (id INT NOT NULL PRIMARY KEY) ENGINE=MyISAM")
        .await
        .unwrap();
    let migration = migration(&pair, "");

    migration.refused(3, &["`t`", "MyISAM", "ENGINE=InnoDB"]).await;
}

#[tokio::test]
async fn a_table_that_another_plan_writes_is_refused_with_that_plans_name() {
    let pair = with_table().await;
    let first = migration(&pair, "");
    first.catch_up().await;
    pair.execute_target("TRUNCATE TABLE t").await.unwrap();
    let second = migration(&pair, "");
    second.rename("second");

    second.refused(3, &["`t`", "the plan `test` writes it"]).await;
}

#[tokio::test]
async fn a_table_made_after_the_plan_began_is_named() {
    let pair = with_table().await;
    let migration = migration(&pair, "");
    migration.write_plan((&pair.source.url(), &pair.target.url()), &["t*"], "");
    migration.catch_up().await;
    pair.execute_source("CREATE TABLE t2 (id INT NOT NULL PRIMARY KEY)").await.unwrap();

    let (code, log) = migration.start(&["--until", "caught-up"]).ended().await;

    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("stays behind: table `t2`"), "{log}");
}

#[tokio::test]
async fn a_target_table_with_a_trigger_is_refused_by_name() {
    let pair = with_table().await;
    pair.execute_target(
        "CREATE TABLE t (id INT NOT NULL PRIMARY KEY, v VARCHAR(20));
         CREATE TRIGGER shout BEFORE INSERT ON t FOR EACH ROW SET NEW.v = UPPER(NEW.v)",
    )
    .await
    .unwrap();
    let migration = migration(&pair, "");

    migration.refused(3, &["`t`", "DROP TRIGGER `shout`"]).await;
}

#[tokio::test]
async fn a_target_table_that_does_not_fit_comes_with_the_alter_that_mends_it() {
    let pair = with_table().await;
    pair.execute_target("CREATE TABLE t (id INT NOT NULL PRIMARY KEY, v VARCHAR(10))")
        .await
        .unwrap();
    let migration = migration(&pair, "");

    migration.refused(3, &["`t`", "ALTER TABLE", "varchar(20)"]).await;
}

#[tokio::test]
async fn purged_log_is_a_terminal_error_that_says_what_to_do() {
    let source = Server::start().await.unwrap();
    let target = shared_target().await.unwrap();
    source.execute(&format!("CREATE DATABASE shop; USE shop; {TABLE}")).await.unwrap();
    target.execute("CREATE DATABASE purged").await.unwrap();
    let migration = Migration::new((&source, "shop"), (target, "purged"), &["t"], "");
    migration.catch_up().await;

    let more = "INSERT INTO shop.t VALUES (2, 'b'); FLUSH BINARY LOGS; FLUSH BINARY LOGS";
    source.execute(more).await.unwrap();
    // A file that somebody reads is not purged.
    eventually("an end of the dump of the run that ended", 60, async || {
        let dumps =
            "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE COMMAND LIKE 'Binlog Dump%'";
        Ok::<_, KitError>(source.row::<u64>(dumps).await? == Some(0))
    })
    .await
    .unwrap();
    source.execute("PURGE BINARY LOGS BEFORE NOW() + INTERVAL 1 DAY").await.unwrap();

    let remedy = "point `source.mysql.url` at a replica that still has the log; otherwise begin again \
                  under a new `name` with an empty target, with a longer `binlog_expire_logs_seconds`";
    migration.refused(1, &["purged", remedy]).await;
}

#[tokio::test]
async fn a_column_added_while_running_stops_at_a_drained_position() {
    for more in ["", "on: { ddl: ignore }\n"] {
        let pair = with_table().await;
        let migration = migration(&pair, more);
        let mut running = migration.start(&[]);
        running.says("following").await;

        pair.execute_source("INSERT INTO t VALUES (2, 'b'); ALTER TABLE t ADD COLUMN w INT")
            .await
            .unwrap();
        let (code, log) = running.ended().await;

        assert_eq!(code, Some(1), "{log}");
        assert!(log.contains("ADD COLUMN w INT"), "{log}");
        let count: Option<u64> = pair
            .target
            .row(&format!("SELECT COUNT(*) FROM {}.t", pair.target_database))
            .await
            .unwrap();
        assert_eq!(count, Some(2), "what came before is stored");
    }
}

#[tokio::test]
async fn a_dropped_or_emptied_table_stops_the_run() {
    for statement in ["DROP TABLE `t`", "TRUNCATE TABLE t", "RENAME TABLE t TO gone"] {
        let pair = with_table().await;
        let migration = migration(&pair, "on: { ddl: ignore }\n");
        let mut running = migration.start(&[]);
        running.says("following").await;

        pair.execute_source(statement).await.unwrap();
        let (code, log) = running.ended().await;

        assert_eq!(code, Some(1), "{log}");
        assert!(log.contains(statement), "{log}");
    }
}

#[tokio::test]
async fn an_index_added_while_running_is_ignored_where_the_plan_says_so() {
    let pair = with_table().await;
    let migration = migration(&pair, "on: { ddl: ignore }\n");
    let mut running = migration.start(&[]);
    running.says("following").await;

    pair.execute_source("ALTER TABLE t ADD INDEX (v); INSERT INTO t VALUES (3, 'c')")
        .await
        .unwrap();
    running.interrupt();
    running.ended().await;
    migration.catch_up().await;

    migration.assert_equal(&["t"]).await;
}

#[tokio::test]
async fn what_stays_behind_is_named_before_the_first_row() {
    let pair = with_table().await;
    pair.execute_source(
        "CREATE TRIGGER audit BEFORE INSERT ON t FOR EACH ROW SET NEW.v = UPPER(NEW.v);
         CREATE VIEW names AS SELECT v FROM t",
    )
    .await
    .unwrap();
    let migration = migration(&pair, "");

    let (code, log) = migration.start(&["--until", "caught-up"]).ended().await;

    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("trigger `audit`") && log.contains("view `names`"), "{log}");
}

/// Groups of two sources whose keys are as long as a key can be: beside each is kept whose it is.
const GROUPS: &str = "materialize:
  by_v:
    from: [first, second]
    group_by: { v: v }
    aggregates: { counted: count() }
    create: CREATE TABLE by_v (v INT NOT NULL PRIMARY KEY, counted BIGINT NOT NULL)
";

#[tokio::test]
async fn what_only_the_target_knows_of_its_tables_is_found_before_any_is_made() {
    let pair = with_table().await;
    let long = "(k VARCHAR(768) COLLATE utf8mb4_0900_bin NOT NULL PRIMARY KEY, v INT NOT NULL)";
    let sources = format!("CREATE TABLE first {long}; CREATE TABLE second {long}");
    pair.execute_source(&sources).await.unwrap();
    let kept = [
        "error[run.tables]: tables of the plan cannot be moved as they are",
        "`by_v`: what is kept beside it cannot be indexed",
        "shorten the columns",
    ];
    let refused =
        GROUPS.replace("counted BIGINT NOT NULL)", "counted BIGINT NOT NULL, CHECK (no > 1))");
    let made = [
        "CREATE TABLE by_v (v INT NOT NULL PRIMARY KEY",
        "failed on the target: CREATE TABLE: server error 3820",
    ];

    migration(&pair, GROUPS).refused(3, &kept).await;
    migration(&pair, &refused).refused(1, &made).await;

    let made = format!(
        "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = '{}'",
        pair.target_database
    );
    assert_eq!(pair.target.rows::<String>(&made).await.unwrap(), Vec::<String>::new());
}
