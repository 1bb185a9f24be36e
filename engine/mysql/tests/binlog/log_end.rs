//! How far the log was read, against what the source says of its end.

use std::time::Duration;

use tokio::time::timeout;
use whimbrel_kit::{Relay, Server};
use whimbrel_model::GtidSet;
use whimbrel_mysql::{LogError, LogItem};

use crate::support::{Source, executed, int, log_end, open, open_at, read_to, upto};

#[tokio::test]
async fn an_idle_source_is_read_to_its_end() {
    let server = Server::start().await.unwrap();
    let mut session = server.connect().await.unwrap();
    server.execute("CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY)").await.unwrap();
    for step in ["", "FLUSH BINARY LOGS", "INSERT INTO d.t VALUES (1)", "FLUSH BINARY LOGS"] {
        if !step.is_empty() {
            server.execute(step).await.unwrap();
        }
        let end = log_end(&mut session).await;
        for from in [GtidSet::default(), executed(&server).await] {
            let mut reader = open(&server, &[], &from, 1 << 20).await;

            let items = read_to(&mut reader, &end).await.unwrap();

            assert_eq!(upto(items.last().unwrap()), &end, "after `{step}`");
            let ascends = items.windows(2).all(|pair| upto(&pair[0]) <= upto(&pair[1]));
            assert!(ascends, "after `{step}`");
        }
    }
}

#[tokio::test]
async fn a_reader_at_the_end_follows_rotations_and_is_told_that_nothing_comes() {
    let server = Server::start().await.unwrap();
    let mut session = server.connect().await.unwrap();
    let from = executed(&server).await;
    let mut reader = open(&server, &[], &from, 1 << 20).await;
    for _ in 0..3 {
        server.execute("FLUSH BINARY LOGS").await.unwrap();
        let end = log_end(&mut session).await;

        let items = read_to(&mut reader, &end).await.unwrap();

        assert_eq!(upto(items.last().unwrap()), &end);
    }
    let end = log_end(&mut session).await;
    let mut beats = Vec::new();
    while beats.len() < 3 {
        beats.push(reader.next().await.unwrap());
    }
    assert!(beats.iter().all(|beat| *beat == LogItem::Heartbeat { upto: end.clone() }));
}

#[tokio::test]
async fn a_dropped_wait_loses_nothing() {
    let mut source = Source::new().await;
    source.run(&["CREATE TABLE t (id INT PRIMARY KEY)"]).await;
    let table = source.table("t", vec![int("id")]);
    let mut reader = source.reader(&[table]).await;
    for id in 0..50 {
        source.run(&[&format!("INSERT INTO t VALUES ({id})")]).await;
    }
    let mut ids = Vec::new();

    while ids.len() < 50 {
        let Ok(item) = timeout(Duration::from_micros(300), reader.next()).await else { continue };
        if let LogItem::Part { part, .. } = item.unwrap() {
            ids.extend(part.changes);
        }
    }

    assert_eq!(crate::support::lines(&ids), (0..50).map(|id| format!("+{id}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_purged_position_says_what_to_do() {
    let server = Server::start().await.unwrap();
    server.execute("CREATE DATABASE d; FLUSH BINARY LOGS; CREATE DATABASE e").await.unwrap();
    let mut session = server.connect().await.unwrap();
    let file = log_end(&mut session).await.file;
    server.execute(&format!("PURGE BINARY LOGS TO '{file}'")).await.unwrap();
    let mut reader = open(&server, &[], &GtidSet::default(), 1 << 20).await;

    let error = loop {
        match reader.next().await {
            Ok(_) => {}
            Err(error) => break error,
        }
    };

    assert!(matches!(error, LogError::Purged { .. }), "{error}");
    assert!(!error.is_transient());
    assert!(error.to_string().contains("binlog_expire_logs_seconds"));
}

#[tokio::test]
async fn a_connection_that_is_cut_or_falls_silent_is_noticed() {
    let source = Source::new().await;
    let relay = Relay::to(source.server).await.unwrap();
    for is_cut in [true, false] {
        relay.pass();
        let mut reader = open_at(relay.port(), &[], &source.start, 1 << 20).await;
        let first = reader.next().await.unwrap();
        assert!(matches!(first, LogItem::Heartbeat { .. }));
        if is_cut {
            relay.cut();
        } else {
            relay.stall();
        }

        let error = loop {
            match reader.next().await {
                Ok(_) => {}
                Err(error) => break error,
            }
        };

        let is_expected = if is_cut {
            matches!(error, LogError::Lost { .. } | LogError::Ended)
        } else {
            matches!(error, LogError::Silent { .. })
        };
        assert!(is_expected, "{error}");
        assert!(error.is_transient());
    }
}

#[tokio::test]
async fn checksums_may_be_turned_off_and_on_while_the_log_is_read() {
    let server = Server::start().await.unwrap();
    let mut session = server.connect().await.unwrap();
    let from = executed(&server).await;
    let mut live = open(&server, &[], &from, 1 << 20).await;
    for (checksum, name) in [("NONE", "a"), ("CRC32", "b"), ("NONE", "c")] {
        let statements = format!("SET GLOBAL binlog_checksum = {checksum}; CREATE DATABASE {name}");
        server.execute(&statements).await.unwrap();
        let end = log_end(&mut session).await;
        let mut late = open(&server, &[], &from, 1 << 20).await;

        for reader in [&mut live, &mut late] {
            let items = read_to(reader, &end).await.unwrap();

            assert!(items.iter().any(|item| matches!(item, LogItem::Part { .. })), "{checksum}");
        }
    }
}
