//! The command line: what was typed, what it means, and what came of it.

mod args;
mod explain;
mod init;
mod logs;
mod memory;
mod output;
mod plan_file;
mod report;
mod run;
mod schema;
mod status;
mod surroundings;
mod validate;

use std::process::ExitCode;

use crate::{
    args::Command,
    output::{Exit, Output},
};

fn main() -> ExitCode {
    let mut output = Output::new();
    let exit = match args::parse() {
        Ok(Command::Validate(arguments)) => validate::run(&arguments, &mut output),
        Ok(Command::Explain(arguments)) => explain::run(&arguments, &mut output),
        Ok(Command::Schema) => schema::run(&mut output),
        Ok(Command::Init(arguments)) => init::run(&arguments, &mut output),
        Ok(Command::Run(arguments)) => run::run(&arguments, &mut output),
        Ok(Command::Status(arguments)) => status::run(&arguments, &mut output),
        Err(usage) => usage.show(&mut output),
    };
    let exit = exit.unwrap_or_else(|error| {
        output.message(&format!("whimbrel: cannot write the result: {error}\n"));
        Exit::Failed
    });
    exit.into()
}
