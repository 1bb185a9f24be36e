//! A live shop on one MySQL server, and Vitess to move it to, until Ctrl-C. `servers` beside this starts it.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it says where its servers are")]

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use whimbrel_kit::{Keyspace, KitError, Programs, Server, Vitess};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/commerce");

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> ExitCode {
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("servers: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<()> {
    let file = |name| fs::read_to_string(Path::new(FOLDER).join(name));
    // As durable as a production source must be: what its log has told others, a crash may not take back.
    let durable =
        Server::builder().flag("--sync-binlog=1").flag("--innodb-flush-log-at-trx-commit=1");
    let commerce = r#"{"sharded": true}"#;
    let keyspaces = [
        Keyspace { name: "commerce", shards: &["-80", "80-"], vschema: commerce },
        Keyspace { name: "main", shards: &["0"], vschema: "{}" },
    ];
    let (source, vitess) = tokio::try_join!(durable.start(), Vitess::start(&keyspaces))?;
    source.execute("CREATE DATABASE shop").await?;
    source.execute_in("shop", &file("schema.sql")?).await?;
    source.execute_in("shop", &file("rows.sql")?).await?;

    println!("\nReady. In another terminal, in the folder examples/commerce:\n");
    for (name, value) in environment(&source, &vitess).await? {
        println!("export {name}={value}");
    }
    println!("\nThe application writes. Ctrl-C ends everything.");
    let application = file("application.sql")?;
    tokio::select! {
        error = write(&source, &application) => {
            println!("The application can write no longer: {error}");
            tokio::signal::ctrl_c().await?;
        }
        ended = tokio::signal::ctrl_c() => ended?,
    }
    Ok(())
}

/// What the walkthrough's commands need. Only the last has a `$` for the shell.
async fn environment(source: &Server, vitess: &Vitess) -> Result<Vec<(&'static str, String)>> {
    let client = Programs::find().await?.path("mysql")?;
    let clients = client.parent().ok_or("the client is in no folder")?.display();
    let program = std::env::current_exe()?;
    // Cargo builds examples into a folder inside of the programs' own.
    let programs = program.ancestors().nth(2).ok_or("the program is in no folder")?.display();
    Ok(vec![
        ("SOURCE_URL", source.url()),
        ("SOURCE_PORT", source.port().to_string()),
        ("VTGATE_URL", vitess.url()),
        ("VTGATE_PORT", vitess.port().to_string()),
        // vtgate asks for a method of login that newer clients keep in a plugin.
        ("LIBMYSQL_PLUGIN_DIR", format!("{clients}/../usr/lib/mysql/plugin")),
        ("PATH", format!("{programs}:{clients}:$PATH")),
    ])
}

/// Writes until the server refuses it; why it does.
async fn write(source: &Server, application: &str) -> KitError {
    for number in 1_u64.. {
        let round = format!("SET @n = {number}; {application}");
        if let Err(error) = source.execute_in("shop", &round).await {
            return error;
        }
    }
    KitError::WriterEnded
}
