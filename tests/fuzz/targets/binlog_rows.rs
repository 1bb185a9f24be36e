//! Any bytes as the row images of a table with every type; the first says what they are images of.

#![no_main]

use std::io::Cursor;

use futures_util::FutureExt;
use libfuzzer_sys::fuzz_target;
use whimbrel_mysql::{FileTransport, LogReader};

#[path = "../sample.rs"]
mod sample;

/// The types of events with rows.
const ROWS: [u8; 7] = [23, 24, 25, 30, 31, 32, 39];

fuzz_target!(|input: &[u8]| {
    let (Ok(table), Some((kind, rows))) = (sample::table(), input.split_first()) else { return };
    let code = ROWS[usize::from(*kind) % ROWS.len()];
    let mut body = sample::rows_head(code);
    body.extend_from_slice(rows);
    let mut log = sample::LOG[..4].to_vec();
    for event in sample::prelude() {
        log.extend_from_slice(event);
    }
    log.extend_from_slice(&sample::event(code, &body));
    let Ok(transport) = FileTransport::new(Cursor::new(log)) else { return };
    let mut reader = LogReader::new(transport, [table].into(), 1 << 16);
    while let Some(Ok(_)) = reader.next().now_or_never() {}
});
