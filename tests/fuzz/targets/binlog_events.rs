//! Any bytes as a binary log.

#![no_main]

use std::io::Cursor;

use futures_util::FutureExt;
use libfuzzer_sys::fuzz_target;
use whimbrel_mysql::{FileTransport, LogReader};

#[path = "../sample.rs"]
#[expect(dead_code, reason = "shared with the other target and with tests")]
mod sample;

fuzz_target!(|log: &[u8]| {
    let (Ok(table), Ok(transport)) = (sample::table(), FileTransport::new(Cursor::new(log))) else {
        return;
    };
    let mut reader = LogReader::new(transport, [table].into(), 1 << 16);
    // A log in memory is never waited for.
    while let Some(Ok(_)) = reader.next().now_or_never() {}
});
