use super::*;

fn server(code: u16, message: &str) -> Error {
    Error::from_driver(
        "INSERT",
        mysql_async::Error::Server(ServerError {
            code,
            message: message.to_owned(),
            state: "HY000".to_owned(),
        }),
    )
}

#[track_caller]
fn check(code: u16, message: &str, shown: &str) {
    let error = server(code, message);

    assert_eq!(error.to_string(), format!("INSERT: server error {code} (HY000): {shown}"));
    assert!(!format!("{error:?}").contains("secret"), "{error:?}");
}

#[test]
fn values_of_rows_never_appear_in_messages() {
    check(
        1062,
        "Duplicate entry 'secret' for key 'people.mail'",
        "a row has the key of another row (key `people.mail`)",
    );
    check(
        1062,
        "Duplicate entry 'x' for key 'secret' for key 'people.mail'",
        "a row has the key of another row (key `people.mail`)",
    );
    check(
        1366,
        "Incorrect integer value: 'secret' for column 'age' at row 17",
        "a value does not fit (column `age`)",
    );
    check(
        1292,
        "Truncated incorrect DOUBLE value: 'a for column 'secret' at row 1'",
        "a value does not fit",
    );
    check(1064, "You have an error … near ''secret'' at line 1", "the statement is not understood");
    check(9999, "secret", "message withheld, it may hold values");
}

#[test]
fn messages_about_objects_and_accounts_are_shown() {
    for (code, message) in [
        (1142, "SELECT command denied to user 'u'@'localhost' for table 't'"),
        (1406, "Data too long for column 'name' at row 1"),
        (1146, "Table 'shop.t' doesn't exist"),
        (1236, "Could not find first log file name in binary log index file"),
    ] {
        check(code, message, message);
    }
}

#[test]
fn errors_are_classed_by_what_is_worth_doing() {
    for (code, class) in [
        (1205, Class::TryAgain),
        (1213, Class::TryAgain),
        (1040, Class::TryAgain),
        (3572, Class::TryAgain),
        (1062, Class::Refused),
        (1264, Class::Refused),
        (1366, Class::Refused),
        (1406, Class::Refused),
        (3140, Class::Refused),
        (1146, Class::SchemaGone),
        (1054, Class::SchemaGone),
        (1412, Class::SchemaGone),
        (1049, Class::SchemaGone),
        (1044, Class::Denied),
        (1045, Class::Denied),
        (1142, Class::Denied),
        (1227, Class::Denied),
        (1053, Class::Lost),
        (4031, Class::Lost),
        (1064, Class::Other),
        (1290, Class::Other),
    ] {
        assert_eq!(server(code, "").class(), class, "{code}");
    }
}

#[test]
fn a_driver_error_loses_the_packet_that_it_holds() {
    let packet = mysql_async::DriverError::UnexpectedPacket { payload: b"secret".to_vec() };
    let error = Error::from_driver("INSERT", packet.into());

    assert_eq!(error.class(), Class::Lost);
    assert!(!format!("{error:?} {error}").contains("secret"));
    assert!(!format!("{error:?}").contains("115, 101"));
}

#[test]
fn want_of_room_is_told_from_other_errors_of_files() {
    for (code, message, class) in [
        (1114, "The table 'orders' is full", Class::Full),
        (
            1021,
            "Disk full (/tmp/x); waiting for someone to free some space (errno: 28)",
            Class::Full,
        ),
        (1030, "Got error 28 - 'No space left on device' from storage engine", Class::Full),
        (1026, "Error writing file './bin' (errno: 28 - No space left on device)", Class::Full),
        (1026, "Error writing file './bin' (OS errno 28 - No space left on device)", Class::Full),
        (1026, "Error writing file './bin' (errno: 5 - Input/output error)", Class::Other),
        (
            1030,
            "Got error 168 - 'Unknown (generic) error from engine' from storage engine",
            Class::Other,
        ),
    ] {
        assert_eq!(server(code, message).class(), class, "{message}");
    }
}
