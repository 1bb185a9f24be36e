//! Whimbrel's figures beside those of what else could be used. `scripts/bench/run` starts it, and says what can be set.
//!
//! Everything runs on servers of the kit. Besides the time, the processor seconds of the contender and of both servers
//! are told, which vary less on a shared machine.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints its table")]

use std::error::Error;
use std::process::ExitCode;

mod contender;
mod copy;
mod data;
mod follow;
mod growth;
mod lag;
mod machine;
mod measure;
mod report;
mod servers;
mod settings;
mod sysbench;
mod vitess;
mod whimbrel;
mod wide;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> ExitCode {
    // Cargo adds flags of its own.
    let name = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let result =
        match name.as_deref() {
            Some("copy") => copy::run().await,
            Some("follow") => follow::run().await,
            Some("lag") => lag::run().await,
            Some("growth") => growth::run().await,
            Some("vitess") => vitess::run().await,
            _ => Err("there are copy, follow, lag, growth and vitess; scripts/bench/run says more"
                .into()),
        };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}
