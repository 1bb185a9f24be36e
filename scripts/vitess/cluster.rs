//! A Vitess cluster that runs until it is told to end. `scripts/vitess/cluster` starts it, and says what it takes.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it says where its servers are")]

use std::error::Error;
use std::process::ExitCode;
use std::time::Instant;

use whimbrel_kit::{Cluster, Keyspace, Programs};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> ExitCode {
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cluster: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<()> {
    let mut builder = Cluster::builder();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--replicas" {
            let replicas = arguments.next().ok_or("`--replicas` lacks its number")?;
            builder = builder.replicas(replicas.parse()?);
            continue;
        }
        let (name, shards) = argument
            .split_once('=')
            .ok_or_else(|| format!("`{argument}` is not KEYSPACE=SHARD,SHARD…"))?;
        let shards: Vec<&str> = shards.split(',').collect();
        let vschema = if shards.len() > 1 { r#"{"sharded": true}"# } else { "{}" };
        builder = builder.keyspace(Keyspace { name, shards: &shards, vschema });
    }
    let start = Instant::now();
    let mut cluster = builder.start().await?;
    println!("ready after {:.1} s", start.elapsed().as_secs_f64());
    println!("vtgate        {}", cluster.url());
    let client = Programs::cluster().await?.path("vtctldclient")?;
    println!("vtctldclient  {} --server 127.0.0.1:{}", client.display(), cluster.control_port());
    for tablet in cluster.tablets() {
        let below = tablet.mysql().map(whimbrel_kit::Server::url).unwrap_or_default();
        println!("{}  {}  {below}", tablet.alias(), tablet.place());
    }
    println!("Ctrl-C ends it");
    tokio::signal::ctrl_c().await?;
    Ok(())
}
