use super::*;

#[test]
fn what_was_being_done_is_told_without_values() {
    for (sql, doing) in [
        ("  INSERT INTO t VALUES (1)", "INSERT INTO"),
        ("SELECT 'secret'", "SELECT"),
        ("COMMIT", "COMMIT"),
        ("/* c */ SELECT 1", "statement"),
        ("", "statement"),
    ] {
        assert_eq!(doing_of(sql.as_bytes()), doing, "{sql}");
    }
}
