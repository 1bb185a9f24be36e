//! The walkthrough of `examples/commerce`: its commands, as they stand in its text.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;
use whimbrel_kit::{Keyspace, Programs, Server, Side, Vitess, compare};

use crate::support::Running;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/commerce");

fn file(name: &str) -> String {
    fs::read_to_string(Path::new(FOLDER).join(name)).unwrap()
}

/// What the text has for a shell, all in one script, so that one part may use what another says.
fn commands() -> String {
    let text = file("README.md");
    let blocks = text.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap());
    format!("set -euxo pipefail\n{}", blocks.collect::<String>())
}

/// The folder of the program, and that of the clients.
async fn programs() -> [PathBuf; 2] {
    let client = Programs::find().await.unwrap().path("mysql").unwrap();
    [PathBuf::from(env!("CARGO_BIN_EXE_whimbrel")), client]
        .map(|it| it.parent().unwrap().to_owned())
}

/// The application, until the source refuses its writes.
async fn write(source: &Server) {
    let application = file("application.sql");
    let mut number = 0;
    loop {
        number += 1;
        let round = format!("SET @n = {number}; {application}");
        if let Err(error) = source.execute_in("shop", &round).await {
            assert!(error.to_string().contains("read-only"), "{error}");
            assert!(number > 50, "it wrote {number} times");
            return;
        }
    }
}

#[tokio::test]
async fn the_walkthrough_to_two_shards_says_what_can_be_done() {
    let sharded = r#"{"sharded": true}"#;
    let keyspaces = [
        Keyspace { name: "commerce", shards: &["-80", "80-"], vschema: sharded },
        Keyspace { name: "main", shards: &["0"], vschema: "{}" },
    ];
    let (source, vitess) = tokio::join!(Server::start(), Vitess::start(&keyspaces));
    let (source, vitess) = (source.unwrap(), vitess.unwrap());
    source.execute("CREATE DATABASE shop").await.unwrap();
    source.execute_in("shop", &file("schema.sql")).await.unwrap();
    source.execute_in("shop", &file("rows.sql")).await.unwrap();
    let [program, clients] = programs().await;
    let folder = TempDir::new().unwrap();
    let mut command = Command::new("bash");
    command.args(["-c", &commands()]).current_dir(FOLDER).stdin(Stdio::null());
    command.env("SOURCE_URL", source.url()).env("SOURCE_PORT", source.port().to_string());
    command.env("VTGATE_URL", vitess.url()).env("VTGATE_PORT", vitess.port().to_string());
    command.env("LIBMYSQL_PLUGIN_DIR", clients.join("../usr/lib/mysql/plugin"));
    let path = std::env::var("PATH").unwrap();
    command.env("PATH", format!("{}:{}:{path}", program.display(), clients.display()));

    let ((code, log), ()) =
        tokio::join!(Running::of(command, folder.path().join("log")).ended(), write(&source));

    assert_eq!(code, Some(0), "{log}");
    assert_eq!(log.lines().filter(|line| *line == "equal").count(), 3, "{log}");
    for table in ["customers", "orders", "order_lines"] {
        let gathered = vitess.gather("commerce", table).await.unwrap();
        let here = Side { server: &source, database: "shop" };
        let there = Side { server: vitess.mysql(), database: &gathered };
        let found = compare(here, there, table).await.unwrap();
        // What came through vtgate in the end.
        let new_rows = u64::from(table != "order_lines");
        assert_eq!(found.target_rows, found.source_rows + new_rows, "`{table}`: {found}");
        assert_eq!(found.different_rows, new_rows, "`{table}`: {found}");
    }
    for shard in vitess.shards("commerce") {
        let strangers =
            "SELECT COUNT(*) FROM orders WHERE customer_id NOT IN (SELECT id FROM customers)";
        let found: Vec<u64> = vitess.shard_rows(("commerce", shard), strangers).await.unwrap();
        assert_eq!(found, [0], "on {shard}");
    }
}
