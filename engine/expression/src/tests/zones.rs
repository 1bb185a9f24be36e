use crate::{evaluate::evaluate, tests::basics::checked, value::Value};

/// Asked of MySQL 9.7 with its tables filled from the IANA database.
#[test]
fn named_zones_convert_as_the_server_does_with_its_tables_filled() {
    for (at, from, to, expected) in [
        ("2024-03-31 01:59:59", "Europe/Berlin", "UTC", "2024-03-31 00:59:59"),
        ("2024-03-31 02:00:00", "Europe/Berlin", "UTC", "2024-03-31 01:00:00"),
        ("2024-03-31 02:30:00", "Europe/Berlin", "UTC", "2024-03-31 01:00:00"),
        ("2024-03-31 03:00:00", "Europe/Berlin", "UTC", "2024-03-31 01:00:00"),
        ("2024-10-27 01:59:59", "Europe/Berlin", "UTC", "2024-10-26 23:59:59"),
        ("2024-10-27 02:00:00", "Europe/Berlin", "UTC", "2024-10-27 00:00:00"),
        ("2024-10-27 02:30:00", "Europe/Berlin", "UTC", "2024-10-27 00:30:00"),
        ("2024-10-27 02:59:59", "Europe/Berlin", "UTC", "2024-10-27 00:59:59"),
        ("2024-10-27 03:00:00", "Europe/Berlin", "UTC", "2024-10-27 02:00:00"),
        ("1970-01-01 00:59:59", "Europe/Berlin", "UTC", "1970-01-01 00:59:59"),
        ("1970-01-01 01:00:01", "Europe/Berlin", "UTC", "1970-01-01 00:00:01"),
        ("1980-04-06 02:30:00", "Europe/Berlin", "UTC", "1980-04-06 01:00:00"),
        ("2024-03-10 02:30:00", "America/New_York", "UTC", "2024-03-10 07:00:00"),
        ("2024-11-03 01:30:00", "America/New_York", "UTC", "2024-11-03 05:30:00"),
        ("2024-11-03 00:59:59", "America/New_York", "UTC", "2024-11-03 04:59:59"),
        ("2024-11-03 02:00:00", "America/New_York", "UTC", "2024-11-03 07:00:00"),
        ("2037-11-01 01:30:00", "America/New_York", "UTC", "2037-11-01 05:30:00"),
        ("2024-04-07 01:45:00", "Australia/Lord_Howe", "UTC", "2024-04-06 14:45:00"),
        ("2024-10-06 02:15:00", "Australia/Lord_Howe", "UTC", "2024-10-05 15:30:00"),
        ("2024-04-07 01:30:00", "Australia/Lord_Howe", "UTC", "2024-04-06 14:30:00"),
        ("2011-12-30 12:00:00", "Pacific/Apia", "UTC", "2011-12-30 10:00:00"),
        ("2011-12-29 23:59:59", "Pacific/Apia", "UTC", "2011-12-30 09:59:59"),
        ("2011-12-31 00:00:00", "Pacific/Apia", "UTC", "2011-12-30 10:00:00"),
        ("2018-11-04 00:30:00", "America/Sao_Paulo", "UTC", "2018-11-04 03:00:00"),
        ("2019-02-16 23:30:00", "America/Sao_Paulo", "UTC", "2019-02-17 01:30:00"),
        ("2024-01-01 00:00:00", "Asia/Kolkata", "UTC", "2023-12-31 18:30:00"),
        ("2024-03-10 02:30:00", "Africa/Casablanca", "UTC", "2024-03-10 01:30:00"),
        ("2024-04-14 02:30:00", "Africa/Casablanca", "UTC", "2024-04-14 02:00:00"),
        ("2024-03-31 00:59:59", "UTC", "Europe/Berlin", "2024-03-31 01:59:59"),
        ("2024-03-31 01:00:00", "UTC", "Europe/Berlin", "2024-03-31 03:00:00"),
        ("2024-10-27 00:30:00", "UTC", "Europe/Berlin", "2024-10-27 02:30:00"),
        ("2024-10-27 01:30:00", "UTC", "Europe/Berlin", "2024-10-27 02:30:00"),
    ] {
        let text = format!("convert_tz(\"{at}\", \"{from}\", \"{to}\")");
        let checked = checked(&text).unwrap_or_else(|problems| panic!("{text}: {problems:?}"));

        let Value::Datetime(shown) = evaluate(checked.expression.code(), &[]).unwrap() else {
            panic!("{text} is a date and time")
        };

        assert_eq!(shown.to_string(), expected, "{text}");
    }
}

#[test]
fn summer_times_that_the_server_does_not_know_fail() {
    for (text, is_known) in [
        ("convert_tz(\"2050-07-01 12:00:00\", \"Europe/Berlin\", \"UTC\")", false),
        ("convert_tz(\"2050-01-01 12:00:00\", \"Europe/Berlin\", \"UTC\")", true),
        ("convert_tz(\"2050-07-01 12:00:00\", \"UTC\", \"Asia/Kolkata\")", true),
        ("convert_tz(\"2100-07-01 00:00:00\", \"UTC\", \"Europe/Berlin\")", false),
    ] {
        assert_eq!(checked(text).is_ok(), is_known, "{text}");
    }
}
