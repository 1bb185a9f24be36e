//! How the C library gives memory back.

use std::{env, os::unix::process::CommandExt, process::Command};

/// What the C library is told by, when a program starts.
/// Source: GNU C Library manual, `Memory Allocation Tunables`.
const VARIABLE: &str = "GLIBC_TUNABLES";

/// Blocks of 4 MiB and more are given back as soon as they are freed. Without it the library takes the
/// size of a large block that was freed for a usual one, and keeps others of that size: rows of 20 MB
/// took 317 MiB instead of 226. Chunks, batches and statements of usual rows are smaller. jemalloc takes
/// a sixth off the program's own processor time, and 263 MiB for these rows.
const LARGE_BLOCKS_RETURN: &str = "glibc.malloc.mmap_threshold=4194304";

/// Begins the program anew in the same process, with the setting, unless there is one already. What
/// cannot be done is left: the program runs without it, and takes more memory for huge rows.
pub(crate) fn return_large_blocks() {
    let mut arguments = env::args_os();
    let (Ok(program), Some(name), None) =
        (env::current_exe(), arguments.next(), env::var_os(VARIABLE))
    else {
        return;
    };
    // Only comes back when it fails.
    let _unchanged =
        Command::new(program).arg0(name).args(arguments).env(VARIABLE, LARGE_BLOCKS_RETURN).exec();
}
