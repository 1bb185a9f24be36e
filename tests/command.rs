//! Running the program as a person does.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Output, Stdio},
};

/// Runs the program in `folder`, in an empty environment.
pub(crate) fn whimbrel(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).stdin(Stdio::null()).output().unwrap()
}

/// Runs the program among the refused plans with `input` as its standard input.
pub(crate) fn whimbrel_reading(input: &str, arguments: &[&str]) -> Output {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/refused"));
    let mut child = command(folder, arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

pub(crate) fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_whimbrel"));
    command.args(arguments).current_dir(folder).env_clear();
    command
}

#[track_caller]
pub(crate) fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}
