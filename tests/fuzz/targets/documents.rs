//! Any bytes as a JSON document, of the log, of a result or of our own, and as its changes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use whimbrel_mysql::json;

fuzz_target!(|bytes: &[u8]| {
    let (mut canonical, mut sql) = (Vec::new(), Vec::new());
    if json::from_binary(bytes, &mut canonical).is_ok() {
        assert!(
            json::write_sql(&canonical, &mut sql).is_ok(),
            "a document that is read is written"
        );
    }
    canonical.clear();
    if json::from_text(bytes, None, &mut canonical).is_ok() {
        assert!(
            json::write_sql(&canonical, &mut sql).is_ok(),
            "a document that is read is written"
        );
    }
    let mut paths = json::AmbiguousPaths::new(bytes);
    while let Ok(Some(_)) = paths.next_path() {}
    let _written = json::write_sql(bytes, &mut sql);
    let (document, diffs) = bytes.split_at(bytes.len() / 2);
    let _applied = json::apply_diffs(document, diffs, &mut sql);
    let _applied = json::apply_diffs(br#"{"a": [1, {"b": 2}]}"#, bytes, &mut sql);
});
