//! Texts as vtgate 24.0.0 and its tablets sent them.

use super::*;

const SQL: &str = r#" (CallerID: userData1): Sql: "insert into t values (:vtg1 /* VARCHAR */)", BindVars: {vtg1: "type:VARCHAR value:\"secret, no healthy tablet available\""}"#;

fn of(doing: &str, code: u16, text: &str) -> Error {
    let error = error(doing, code, "HY000", text);
    assert!(!format!("{error:?} {error}").contains("secret"), "{error:?}");
    error
}

#[track_caller]
fn check(code: u16, text: &str, class: Class, shown: &str) {
    let error = of("INSERT INTO", code, &format!("{text}{SQL}"));

    assert_eq!(error.class(), class, "{error:?}");
    assert_eq!(error.to_string(), format!("INSERT INTO: {shown}"));
}

const SHARD: &str = "target: commerce.-80.primary: vttablet: rpc error: code =";

#[test]
fn what_a_server_behind_says_is_told_as_its_own() {
    let cases = [
        (
            1062,
            "AlreadyExists desc = Duplicate entry 'secret' for key 'k2.u' (errno 1062) (sqlstate 23000)",
            Class::Refused,
            "a row has the key of another row (key `k2.u`)",
        ),
        (
            1406,
            "InvalidArgument desc = Data too long for column 'v' at row 1 (errno 1406) (sqlstate 22001)",
            Class::Refused,
            "Data too long for column 'v' at row 1",
        ),
        (
            1146,
            "NotFound desc = Table 'vt_commerce_-80.nope' doesn't exist (errno 1146) (sqlstate 42S02)",
            Class::SchemaGone,
            "Table 'vt_commerce_-80.nope' doesn't exist",
        ),
        (
            1205,
            "DeadlineExceeded desc = Lock wait timeout exceeded; try restarting transaction (errno 1205) \
             (sqlstate HY000)",
            Class::TryAgain,
            "Lock wait timeout exceeded; try restarting transaction",
        ),
        (
            1213,
            "Aborted desc = Deadlock found when trying to get lock; try restarting transaction (errno 1213) \
             (sqlstate 40001)",
            Class::TryAgain,
            "Deadlock found when trying to get lock; try restarting transaction",
        ),
        (
            2006,
            "Unavailable desc = conn 82: Write(packet) failed: write unix @->/s.sock: write: broken pipe \
             (errno 2006) (sqlstate HY000)",
            Class::Lost,
            "conn 82: Write(packet) failed: write unix @->/s.sock: write: broken pipe",
        ),
    ];
    for (code, text, class, shown) in cases {
        let shown = format!("server error {code} (HY000): {shown}");
        check(code, &format!("{SHARD} {text}"), class, &shown);
    }
}

#[test]
fn a_transaction_that_was_ended_ends_the_session() {
    for (code, text, shown) in [
        (
            1317,
            "Aborted desc = transaction 1795447972311155990: ended at 2026-11-23 15:34:36.883 UTC (unlocked \
             closed connection)",
            "unlocked closed connection",
        ),
        (
            1317,
            "Aborted desc = transaction 1795448206167539773: ended at 2026-11-23 15:37:19.189 UTC (exceeded \
             timeout: 30s)",
            "exceeded timeout",
        ),
        (
            1317,
            "Aborted desc = transaction 1795450788308562863: in use: for tx killer rollback",
            "in use: for tx killer rollback",
        ),
        (
            3024,
            "Canceled desc = (errno 3024) (sqlstate HY000): Query execution was interrupted, maximum statement \
             execution time exceeded, elapsed time: 2.000956937s, killing connection ID 597",
            "the tablet ended the statement (server error 3024)",
        ),
        (
            1290,
            "Code(17) desc = The MySQL server is running with the --super-read-only option so it cannot \
             execute this statement (errno 1290) (sqlstate HY000)",
            "the tablet ended the statement (server error 1290)",
        ),
    ] {
        let shown = format!("vtgate error {code} of shard `commerce/-80`: {shown}");
        check(code, &format!("{SHARD} {text}"), Class::Lost, &shown);
        let error = of("UPDATE", code, text);
        assert!(error.is_end_of_session());
    }
}

#[test]
fn what_a_tablet_has_no_room_for_is_told_from_what_it_never_takes() {
    for (code, text, class, shown) in [
        (
            1203,
            "ResourceExhausted desc = transaction pool connection limit exceeded",
            Class::TryAgain,
            "pool connection limit exceeded",
        ),
        (1317, "Aborted desc = Row count exceeded 10000", Class::Other, "Row count exceeded"),
        // From here on as a whole cluster sent them.
        (
            1317,
            "Aborted desc = caller id: userData1: row count exceeded 10000",
            Class::Other,
            "row count exceeded",
        ),
        (
            1203,
            "ResourceExhausted desc = trying to send message larger than max (16882305 vs. 16777216)",
            Class::Other,
            "message larger than max (16882305 vs. 16777216)",
        ),
        (
            1203,
            "ResourceExhausted desc = received message larger than max (5 vs. a row's value)",
            Class::Other,
            "message larger than max",
        ),
        (
            1105,
            "Unavailable desc = connection error: desc = \"transport: Error while dialing\"",
            Class::Lost,
            "Error while dialing",
        ),
        (
            1105,
            "Unavailable desc = error reading from server: read tcp 127.0.0.1:1->127.0.0.1:2: read: \
             connection reset by peer",
            Class::Lost,
            "connection reset by peer",
        ),
        (
            1105,
            "Code(17) desc = operation not allowed in state SHUTTING_DOWN",
            Class::Lost,
            "operation not allowed in state SHUTTING_DOWN",
        ),
    ] {
        let shown = format!("vtgate error {code} of shard `commerce/-80`: {shown}");
        check(code, &format!("{SHARD} {text}"), class, &shown);
        // The transaction, if there was one, may be gone: that of a message too large was.
        assert!(of("UPDATE", code, &format!("{SHARD} {text}")).is_end_of_session(), "{text}");
    }
    let nobody = "target: commerce.-90.primary: no healthy tablet available for 'keyspace:\"commerce\" \
                  shard:\"-90\" tablet_type:PRIMARY'";
    let shown = "vtgate error 1105 of shard `commerce/-90`: no healthy tablet available";
    check(1105, nobody, Class::Lost, shown);
    let denied = "query delete from t where 'secret' failed after retries: target: commerce.-80.primary: \
                  vttablet: rpc error: code = FailedPrecondition desc = disallowed due to rule: enforce \
                  denied tables";
    let shown =
        "vtgate error 1815 of shard `commerce/-80`: disallowed due to rule: enforce denied tables";
    check(1815, denied, Class::Other, shown);
}

#[test]
fn a_vtgate_that_ends_in_order_is_a_lost_one() {
    let ends = of("SELECT", 1053, "Server shutdown in progress");

    assert_eq!(ends.class(), Class::Lost);
    assert!(ends.is_end_of_session());
}

#[test]
fn what_nobody_knows_of_a_commit_is_looked_up() {
    let unknown = "something that no version has said yet: 'secret'";

    assert_eq!(of("UPDATE t", 1105, unknown).class(), Class::Other);
    assert_eq!(of("COMMIT", 1105, unknown).class(), Class::Lost);
}

#[test]
fn vtgates_own_refusals_are_told_by_their_numbers() {
    check(
        1105,
        "VT12001: unsupported: REPLACE INTO with sharded keyspace",
        Class::Other,
        "vtgate error 1105: VT12001: unsupported: REPLACE INTO with sharded keyspace",
    );
    check(
        1105,
        "VT09023: could not map [VARCHAR(\"secret\")] to a keyspace id",
        Class::Refused,
        "vtgate error 1105: VT09023",
    );
    check(
        1105,
        "syntax error at position 6 near 'secret'",
        Class::Other,
        "vtgate error 1105: syntax error",
    );
}

#[test]
fn what_is_wrong_with_a_vschema_is_told_whole() {
    for (code, text, class) in [
        (1045, "User 'app' is not authorized to perform vschema operations", Class::Denied),
        (
            1105,
            "failed to update vschema as the session's version was stale; please try again",
            Class::TryAgain,
        ),
        (
            1105,
            "cannot update VSchema as the topology server connection is read-only",
            Class::Denied,
        ),
        (1105, "vschema already contains table t in keyspace main", Class::Other),
        (1815, "vindex xxhash already defined on table t", Class::Other),
    ] {
        let error = of("ALTER VSCHEMA", code, text);

        assert_eq!(error.is_in_topology(), text.contains("already"), "{text}");

        let told = format!("ALTER VSCHEMA: vtgate error {code}: {text}");
        assert_eq!((error.class(), error.to_string()), (class, told));
    }
}
