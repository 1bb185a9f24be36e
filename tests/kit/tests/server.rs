//! A server starts, survives a restart, and leaves nothing behind, however its owner ends.

use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use whimbrel_kit::{Keyspace, KitError, Server, Vitess, pair};

/// Waits for `fact`, for at most a minute: the machine may be busy.
#[track_caller]
fn eventually(what: &str, mut fact: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !fact() {
        assert!(Instant::now() < deadline, "{what} did not become true");
        std::thread::yield_now();
    }
}

fn is_alive(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[tokio::test]
async fn a_server_is_a_gtid_source_with_full_row_images() {
    let server = Server::start().await.unwrap();

    let row: (String, String, String, String) = server
        .row("SELECT @@gtid_mode, @@binlog_format, @@binlog_row_image, @@time_zone")
        .await
        .unwrap()
        .unwrap();

    assert_eq!(row, ("ON".into(), "ROW".into(), "FULL".into(), "+00:00".into()));
}

#[tokio::test]
async fn servers_have_identities_and_flags_of_their_own() {
    let (one, other) = tokio::try_join!(
        Server::start(),
        Server::builder().flag("--gtid-mode=OFF_PERMISSIVE").server_id(77).start()
    )
    .unwrap();

    let select = "SELECT @@server_uuid, @@server_id, @@gtid_mode";
    let (one_uuid, one_id, one_mode): (String, u32, String) =
        one.row(select).await.unwrap().unwrap();
    let (uuid, id, mode): (String, u32, String) = other.row(select).await.unwrap().unwrap();

    assert_ne!(one_uuid, uuid);
    assert_eq!((one_id, id), (one.server_id(), 77));
    assert_eq!((one_mode.as_str(), mode.as_str()), ("ON", "OFF_PERMISSIVE"));
}

#[tokio::test]
async fn a_stopped_and_a_killed_server_come_back_with_their_rows_on_their_port() {
    let mut server = Server::start().await.unwrap();
    let port = server.port();
    server.execute("CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY)").await.unwrap();

    server.execute("INSERT INTO d.t VALUES (1)").await.unwrap();
    server.stop().await.unwrap();
    assert!(server.connect().await.is_err());
    server.restart().await.unwrap();
    server.execute("INSERT INTO d.t VALUES (2)").await.unwrap();
    server.kill_hard().await.unwrap();
    assert!(server.connect().await.is_err());
    server.restart().await.unwrap();

    assert_eq!(server.port(), port);
    assert_eq!(server.rows::<u32>("SELECT id FROM d.t ORDER BY id").await.unwrap(), [1, 2]);
}

#[tokio::test]
async fn a_wrong_flag_is_an_error_with_the_servers_own_words() {
    let error = Server::builder().flag("--no-such-flag").start().await.unwrap_err();

    assert!(matches!(&error, KitError::Ended { log } if log.contains("no-such-flag")), "{error}");
}

#[tokio::test]
async fn a_user_has_only_what_it_was_granted() {
    let pair = pair().await.unwrap();
    pair.execute_source("CREATE TABLE t (id INT PRIMARY KEY)").await.unwrap();
    let grant = format!("SELECT ON {}.*", pair.source_database);
    pair.source.create_user("reader", "secret", &[&grant]).await.unwrap();

    let grants: Vec<String> = pair.source.rows("SHOW GRANTS FOR reader").await.unwrap();

    assert_eq!(
        grants,
        [
            "GRANT USAGE ON *.* TO `reader`@`%`".to_owned(),
            format!("GRANT SELECT ON `{}`.* TO `reader`@`%`", pair.source_database)
        ]
    );
}

#[tokio::test]
async fn pairs_share_servers_and_not_databases() {
    let (one, other) = tokio::try_join!(pair(), pair()).unwrap();

    assert_eq!(one.source.port(), other.source.port());
    assert_eq!(one.target.port(), other.target.port());
    assert_ne!(one.source.port(), one.target.port());
    assert_ne!(one.source_database, other.source_database);
    assert_ne!(one.target_database, other.target_database);
}

#[tokio::test]
async fn a_panic_kills_the_server_and_removes_its_folder() {
    let mut left: Option<(u32, PathBuf)> = None;

    let result = AssertUnwindSafe(async {
        let server = Server::start().await.unwrap();
        left = Some((server.pid().unwrap(), server.data_folder()));
        assert!(!is_alive(server.pid().unwrap()), "panic on purpose");
    })
    .catch_unwind()
    .await;

    let (pid, folder) = left.unwrap();
    assert!(result.is_err());
    assert!(!is_alive(pid));
    assert!(!folder.exists());
}

/// The part of the next test that runs in a process of its own, which is then killed.
#[tokio::test]
async fn a_process_that_is_told_to_leaves_servers_running() {
    let Ok(report) = std::env::var("WHIMBREL_KIT_REPORT") else { return };
    let main = Keyspace { name: "main", shards: &["0"], vschema: "{}" };
    let vitess = Vitess::start(&[main]).await.unwrap();

    let lines = [
        (vitess.process().pid().unwrap(), vitess.process().folder().display()),
        (vitess.mysql().pid().unwrap(), vitess.mysql().data_folder().display()),
    ]
    .map(|(pid, folder)| format!("{pid} {folder}\n"));
    std::fs::write(&report, lines.concat()).unwrap();

    std::future::pending::<()>().await;
}

#[test]
fn a_killed_process_takes_its_servers_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_process_that_is_told_to_leaves_servers_running"])
        .env("WHIMBREL_KIT_REPORT", &report)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    eventually("the servers' report", || {
        std::fs::read_to_string(&report).is_ok_and(|text| text.ends_with("/data\n"))
    });
    let text = std::fs::read_to_string(&report).unwrap();
    let servers: Vec<(u32, &Path)> = text
        .lines()
        .map(|line| line.split_once(' ').unwrap())
        .map(|(pid, folder)| (pid.parse().unwrap(), Path::new(folder)))
        .collect();
    assert!(servers.len() == 2 && servers.iter().all(|&(pid, _)| is_alive(pid)));

    child.kill().unwrap();
    child.wait().unwrap();

    for (pid, folder) in servers {
        eventually("the server's end", || !is_alive(pid));
        eventually("the removal of its folder", || !folder.exists());
    }
}
