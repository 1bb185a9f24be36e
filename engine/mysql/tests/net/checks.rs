use whimbrel_kit::{Server, pair};
use whimbrel_mysql::{Account, Finding, Role, Session, Severity, source, target};

use crate::common::{plain, root, session, user};

async fn source_findings(server: &Server, account: &Account, database: &str) -> Vec<Finding> {
    let mut session = Session::connect(&plain(account, ""), Role::SourceReader).await.unwrap();
    assert_eq!(session.address(), format!("127.0.0.1:{}", server.port()));
    source::findings(&mut session, database).await.unwrap()
}

fn refusals(findings: &[Finding]) -> Vec<&'static str> {
    let refused = findings.iter().filter(|finding| finding.severity == Severity::Refusal);
    refused.map(|finding| finding.id).collect()
}

/// Runs what stands between the first two backquotes.
async fn mend(server: &Server, finding: &Finding) {
    let statement = finding.remedy.split("`SET").nth(1).unwrap();
    let statement = statement.split('`').next().unwrap();
    server.execute(&format!("SET{statement}")).await.unwrap();
}

#[tokio::test]
async fn a_source_as_it_should_be_has_no_findings() {
    let server = Server::builder()
        .flag("--sync-binlog=1")
        .flag("--innodb-flush-log-at-trx-commit=1")
        .flag("--binlog-row-value-options=PARTIAL_JSON")
        .start()
        .await
        .unwrap();
    server.execute("CREATE DATABASE shop").await.unwrap();

    assert_eq!(source_findings(&server, &root(&server), "shop").await, []);
}

#[tokio::test]
async fn every_setting_that_loses_rows_refuses_the_source_until_it_is_mended() {
    let server = Server::start().await.unwrap();
    server.execute("CREATE DATABASE shop").await.unwrap();
    for (change, id) in [
        ("SET GLOBAL binlog_format = 'STATEMENT'", "source-binlog-format"),
        ("SET GLOBAL binlog_format = 'MIXED'", "source-binlog-format"),
        ("SET GLOBAL binlog_row_image = 'MINIMAL'", "source-row-image"),
        ("SET GLOBAL binlog_row_image = 'NOBLOB'", "source-row-image"),
        ("SET GLOBAL gtid_mode = ON_PERMISSIVE", "source-gtid-mode"),
        (
            "SET GLOBAL gtid_mode = ON_PERMISSIVE; SET GLOBAL gtid_mode = OFF_PERMISSIVE; \
             SET GLOBAL gtid_mode = OFF",
            "source-gtid-mode",
        ),
    ] {
        server.execute(change).await.unwrap();

        let found = source_findings(&server, &root(&server), "shop").await;

        assert_eq!(refusals(&found), [id], "{change}");
        let refused = found.iter().find(|finding| finding.id == id).unwrap();
        mend(&server, refused).await;
        let found = source_findings(&server, &root(&server), "shop").await;
        assert_eq!(refusals(&found), [""; 0], "{change}");
    }
}

#[tokio::test]
async fn a_source_without_log_or_identifiers_is_refused() {
    let server = Server::builder()
        .flag("--skip-log-bin")
        .flag("--gtid-mode=OFF")
        .flag("--enforce-gtid-consistency=OFF")
        .start()
        .await
        .unwrap();

    let found = source_findings(&server, &root(&server), "shop").await;

    assert_eq!(refusals(&found), ["source-log-bin", "source-gtid-consistency", "source-gtid-mode"]);
    mend(&server, &found[1]).await;
    mend(&server, &found[2]).await;
    assert_eq!(
        refusals(&source_findings(&server, &root(&server), "shop").await),
        ["source-log-bin"]
    );
}

#[tokio::test]
async fn a_database_that_the_log_leaves_out_is_refused() {
    for flag in ["--binlog-ignore-db=shop", "--binlog-do-db=crm"] {
        let server = Server::builder().flag(flag).start().await.unwrap();

        let found = source_findings(&server, &root(&server), "shop").await;

        assert_eq!(refusals(&found), ["source-log-filter"], "{flag}");
    }
}

#[tokio::test]
async fn a_replica_that_logs_nothing_of_its_source_is_refused() {
    let server = Server::builder().flag("--skip-log-replica-updates").start().await.unwrap();
    assert_eq!(refusals(&source_findings(&server, &root(&server), "shop").await), [""; 0]);

    server.execute("CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1'").await.unwrap();

    let found = source_findings(&server, &root(&server), "shop").await;
    assert_eq!(refusals(&found), ["source-replica-log"]);
}

#[tokio::test]
async fn settings_that_may_lose_the_newest_rows_are_warned_of() {
    let server = Server::builder().flag("--binlog-expire-logs-seconds=3600").start().await.unwrap();

    let found = source_findings(&server, &root(&server), "shop").await;

    let warned: Vec<_> = found.iter().map(|finding| (finding.severity, finding.id)).collect();
    assert_eq!(
        warned,
        [
            (Severity::Warning, "source-sync-binlog"),
            (Severity::Warning, "source-flush-log"),
            (Severity::Warning, "source-retention"),
        ]
    );
}

#[tokio::test]
async fn cascades_that_no_log_holds_are_refused() {
    let tables = "CREATE DATABASE shop; CREATE TABLE shop.p (id INT PRIMARY KEY); \
         CREATE TABLE shop.c (id INT PRIMARY KEY, CONSTRAINT down FOREIGN KEY (id) \
         REFERENCES shop.p (id) ON DELETE CASCADE)";
    for (flag, refused) in [
        ("--innodb-native-foreign-keys=ON", &["source-cascades"][..]),
        ("--innodb-native-foreign-keys=OFF", &[]),
    ] {
        let server = Server::builder().flag(flag).start().await.unwrap();
        server.execute(tables).await.unwrap();

        let found = source_findings(&server, &root(&server), "shop").await;

        assert_eq!(refusals(&found), refused, "{flag}");
    }
}

#[tokio::test]
async fn a_missing_privilege_is_named_with_the_grant_that_gives_it() {
    let server = Server::start().await.unwrap();
    server.execute("CREATE DATABASE my_shop").await.unwrap();
    server.create_user("reader", "x", &[]).await.unwrap();
    let account = user(&server, "reader", "x");
    let mut wanted = vec!["source-replication-slave", "source-replication-client", "source-select"];
    loop {
        let found = source_findings(&server, &account, "my_shop").await;

        assert_eq!(refusals(&found), wanted);
        let Some(first) = found.iter().find(|finding| finding.severity == Severity::Refusal) else {
            break;
        };
        server.execute(granting(first)).await.unwrap();
        wanted.remove(0);
    }
    let found = source_findings(&server, &account, "my_shop").await;
    let blind = found.iter().find(|finding| finding.id == "source-blind-spots").unwrap();
    assert_eq!(blind.remedy, "`GRANT TRIGGER, EVENT, SHOW VIEW ON `my\\_shop`.* TO `reader`@`%``");
    server.execute(granting(blind)).await.unwrap();
    let found = source_findings(&server, &account, "my_shop").await;
    assert!(found.iter().all(|finding| finding.id != "source-blind-spots"));
    let unseen = found.iter().find(|finding| finding.id == "source-history-list").unwrap();
    assert_eq!(
        (unseen.severity, granting(unseen)),
        (Severity::Warning, "GRANT PROCESS ON *.* TO `reader`@`%`")
    );
    server.execute(granting(unseen)).await.unwrap();
    let found = source_findings(&server, &account, "my_shop").await;
    assert!(found.iter().all(|finding| finding.id != "source-history-list"));
}

/// The statement in a remedy.
fn granting(finding: &Finding) -> &str {
    finding.remedy.strip_prefix('`').unwrap().strip_suffix('`').unwrap()
}

#[tokio::test]
async fn privileges_of_an_active_role_count() {
    let server = Server::start().await.unwrap();
    server.create_user("worker", "x", &[]).await.unwrap();
    server
        .execute(
            "CREATE DATABASE shop; CREATE ROLE mover; \
             GRANT SELECT, REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO mover; \
             GRANT mover TO worker",
        )
        .await
        .unwrap();
    let account = user(&server, "worker", "x");
    assert_eq!(refusals(&source_findings(&server, &account, "shop").await).len(), 3);

    server.execute("SET DEFAULT ROLE mover TO worker").await.unwrap();

    assert_eq!(refusals(&source_findings(&server, &account, "shop").await), [""; 0]);
}

async fn target_findings(server: &Server, account: &Account, from: &Server) -> Vec<Finding> {
    let mut source = session(from, "", Role::SourceReader).await;
    let mut session = Session::connect(&plain(account, ""), Role::Target).await.unwrap();
    assert_eq!(session.address(), format!("127.0.0.1:{}", server.port()));
    target::findings(&mut session, "copy", &mut source, "shop").await.unwrap()
}

#[tokio::test]
async fn everything_that_a_target_lacks_is_named_and_mended() {
    let pair = pair().await.unwrap();
    let server = Server::start().await.unwrap();
    pair.source
        .execute("CREATE DATABASE IF NOT EXISTS shop; CREATE TABLE shop.t (id INT PRIMARY KEY)")
        .await
        .unwrap();
    server.create_user("writer", "x", &[]).await.unwrap();
    let account = user(&server, "writer", "x");
    let check = async |id: &str| {
        let found = target_findings(&server, &account, pair.source).await;
        assert_eq!(refusals(&found), [id]);
        found.into_iter().find(|finding| finding.id == id).unwrap()
    };

    let missing = target_findings(&server, &root(&server), pair.source).await;
    assert_eq!(refusals(&missing), ["target-database"]);
    server.execute(granting(&missing[0])).await.unwrap();
    assert_eq!(target_findings(&server, &root(&server), pair.source).await, []);

    let found = target_findings(&server, &account, pair.source).await;
    assert_eq!(refusals(&found), ["target-database", "target-privileges"]);
    server.execute(granting(&found[1])).await.unwrap();
    assert_eq!(target_findings(&server, &account, pair.source).await, []);

    server.execute("SET GLOBAL read_only = ON").await.unwrap();
    assert_eq!(target_findings(&server, &root(&server), pair.source).await, []);
    mend(&server, &check("target-read-only").await).await;
    server.execute("SET GLOBAL super_read_only = ON").await.unwrap();
    let found = target_findings(&server, &root(&server), pair.source).await;
    assert_eq!(refusals(&found), ["target-read-only"]);
    server.execute("SET GLOBAL super_read_only = OFF; SET GLOBAL read_only = OFF").await.unwrap();

    server.execute("SET GLOBAL sql_generate_invisible_primary_key = ON").await.unwrap();
    let found = target_findings(&server, &root(&server), pair.source).await;
    assert_eq!((found.len(), found[0].severity), (1, Severity::Warning));
    mend(&server, &found[0]).await;

    server.execute("SET GLOBAL max_allowed_packet = 1048576").await.unwrap();
    mend(&server, &check("target-packet").await).await;
}
