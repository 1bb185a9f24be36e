//! Every type at its bounds, against what the server says of the same value.

use mysql_async::prelude::Queryable;
use whimbrel_model::{Change, ColumnType, IntWidth};

use crate::support::{Source, column, int, short, show};

/// One column: its definition, its type, values as SQL, and how the server says what they are.
struct Case {
    definition: &'static str,
    column_type: ColumnType,
    values: &'static [&'static str],
    /// SQL of the value `v` as text of the form that `show` gives.
    shown: &'static str,
}

fn text_type() -> ColumnType {
    ColumnType::Text { charset: "any".to_owned(), collation: "any".to_owned() }
}

const PLAIN: &str = "CAST(v AS CHAR)";
const NUMBER: &str = "CAST(CAST(v AS UNSIGNED) AS CHAR)";

fn integers() -> Vec<Case> {
    let case = |definition, width, unsigned, values| Case {
        definition,
        column_type: ColumnType::Int { width, unsigned },
        values,
        shown: PLAIN,
    };
    vec![
        case("TINYINT", IntWidth::Tiny, false, &["-128", "-1", "0", "127", "NULL"]),
        case("TINYINT UNSIGNED", IntWidth::Tiny, true, &["0", "128", "255"]),
        case("SMALLINT", IntWidth::Small, false, &["-32768", "-1", "32767"]),
        case("SMALLINT UNSIGNED", IntWidth::Small, true, &["0", "65535"]),
        case("MEDIUMINT", IntWidth::Medium, false, &["-8388608", "-1", "8388607"]),
        case("MEDIUMINT UNSIGNED", IntWidth::Medium, true, &["0", "16777215"]),
        case("INT", IntWidth::Int, false, &["-2147483648", "-1", "2147483647"]),
        case("INT UNSIGNED ZEROFILL", IntWidth::Int, true, &["4294967295"]),
        case("BIGINT", IntWidth::Big, false, &["-9223372036854775808", "-1"]),
        case("BIGINT UNSIGNED", IntWidth::Big, true, &["0", "18446744073709551615"]),
    ]
}

fn numbers() -> Vec<Case> {
    let decimal = |definition, precision, scale, values| Case {
        definition,
        column_type: ColumnType::Decimal { precision, scale },
        values,
        shown: PLAIN,
    };
    let bit = |definition, bits, values| Case {
        definition,
        column_type: ColumnType::Bit { bits },
        values,
        shown: NUMBER,
    };
    vec![
        decimal(
            "DECIMAL(65,30)",
            65,
            30,
            &[
                "99999999999999999999999999999999999.999999999999999999999999999999",
                "-99999999999999999999999999999999999.999999999999999999999999999999",
                "-0.000000000000000000000000000001",
                "0",
                "-1000000000",
                "NULL",
            ],
        ),
        decimal("DECIMAL(65,0)", 65, 0, &["-1", "123456789012345678901234567890"]),
        decimal("DECIMAL(30,30)", 30, 30, &["0.000000001", "-0.999999999999999999999999999999"]),
        decimal("DECIMAL(10,2) UNSIGNED", 10, 2, &["0.05", "99999999.99"]),
        decimal("DECIMAL(1,0)", 1, 0, &["9", "-9", "0"]),
        bit("BIT(1)", 1, &["b'0'", "b'1'", "NULL"]),
        bit("BIT(8)", 8, &["b'10000001'"]),
        bit("BIT(9)", 9, &["b'100000010'"]),
        bit("BIT(63)", 63, &["(1 << 63) - 1", "1"]),
        bit("BIT(64)", 64, &["~0", "1"]),
        Case {
            definition: "FLOAT",
            column_type: ColumnType::Float,
            values: &["16777217", "1.2345678", "-0e0", "1.4e-45", "3.4028234663852886e38", "NULL"],
            shown: "CAST(v * 1e0 AS CHAR)",
        },
        Case {
            definition: "DOUBLE",
            column_type: ColumnType::Double,
            values: &["-0e0", "5e-324", "1.7976931348623157e308", "0.1", "-1e15"],
            shown: PLAIN,
        },
        Case {
            definition: "YEAR",
            column_type: ColumnType::Year,
            values: &["0", "1901", "2155", "NULL"],
            shown: NUMBER,
        },
    ]
}

fn times() -> Vec<Case> {
    const DATETIMES: &[&str] = &[
        "'0000-00-00'",
        "'2024-00-31 23:59:59'",
        "'2024-02-31 12:34:56.789012'",
        "'9999-12-31 23:59:59.499999'",
        "'0001-01-01 00:00:00.000001'",
        "NULL",
    ];
    const TIMES: &[&str] = &[
        "'838:59:59'",
        "'-838:59:59'",
        "'-00:00:00.1'",
        "'-00:00:01'",
        "'-12:34:56.999999'",
        "'25:00:00.000001'",
        "'0'",
        "NULL",
    ];
    const TIMESTAMPS: &[&str] = &[
        "'0000-00-00'",
        "'1970-01-01 00:00:01'",
        "'2038-01-19 03:14:07.499999'",
        "'2024-02-29 12:00:00.123456'",
        "NULL",
    ];
    let case =
        |definition, column_type, values| Case { definition, column_type, values, shown: PLAIN };
    let mut cases = vec![case(
        "DATE",
        ColumnType::Date,
        &["'0000-00-00'", "'9999-12-31'", "'2024-02-31'", "'2024-00-00'", "NULL"],
    )];
    let names = [
        ("DATETIME", "TIME", "TIMESTAMP NULL"),
        ("DATETIME(1)", "TIME(1)", "TIMESTAMP(1) NULL"),
        ("DATETIME(2)", "TIME(2)", "TIMESTAMP(2) NULL"),
        ("DATETIME(3)", "TIME(3)", "TIMESTAMP(3) NULL"),
        ("DATETIME(4)", "TIME(4)", "TIMESTAMP(4) NULL"),
        ("DATETIME(5)", "TIME(5)", "TIMESTAMP(5) NULL"),
        ("DATETIME(6)", "TIME(6)", "TIMESTAMP(6) NULL"),
    ];
    for (fsp, (datetime, time, timestamp)) in (0..).zip(names) {
        cases.push(case(datetime, ColumnType::Datetime { fsp }, DATETIMES));
        cases.push(case(time, ColumnType::Time { fsp }, TIMES));
        cases.push(case(timestamp, ColumnType::Timestamp { fsp }, TIMESTAMPS));
    }
    cases
}

fn strings() -> Vec<Case> {
    let case =
        |definition, column_type, values| Case { definition, column_type, values, shown: "HEX(v)" };
    vec![
        case("CHAR(1)", text_type(), &["'a'", "''", "' '", "'é'", "NULL"]),
        case("CHAR(255) CHARACTER SET utf8mb4", text_type(), &["REPEAT('𝄞', 255)", "'a '"]),
        case("CHAR(200) CHARACTER SET latin1", text_type(), &["'é'", "REPEAT('x', 200)"]),
        case("CHAR(75) CHARACTER SET utf8mb4", text_type(), &["REPEAT('𝄞', 75)", "'a'"]),
        case("VARCHAR(255) CHARACTER SET latin1", text_type(), &["REPEAT('é', 255)", "'a '"]),
        case("VARCHAR(256) CHARACTER SET latin1", text_type(), &["REPEAT('é', 256)", "''"]),
        case("VARCHAR(100) CHARACTER SET gbk", text_type(), &["'中文'"]),
        case("VARCHAR(100) CHARACTER SET utf16", text_type(), &["'a𝄞'"]),
        case("TINYTEXT", text_type(), &["REPEAT('a', 255)", "''", "NULL"]),
        case("TEXT", text_type(), &["REPEAT('é', 30000)"]),
        case("MEDIUMTEXT", text_type(), &["REPEAT('a', 100000)"]),
        case("LONGTEXT", text_type(), &["'a'"]),
        case(
            "BINARY(8)",
            ColumnType::FixedBinary { length: 8 },
            &["x'0102030000000000'", "x'0000000000000000'", "x'FF'", "x'2020202020202020'", "NULL"],
        ),
        case("BINARY(255)", ColumnType::FixedBinary { length: 255 }, &["x'01'", "''"]),
        case("VARBINARY(300)", ColumnType::Binary, &["x'010000'", "''", "NULL"]),
        case("TINYBLOB", ColumnType::Binary, &["x'00FF'"]),
        case("BLOB", ColumnType::Binary, &["REPEAT(x'00', 65535)"]),
        case("MEDIUMBLOB", ColumnType::Binary, &["REPEAT('a', 70000)"]),
        case("LONGBLOB", ColumnType::Binary, &["''"]),
        case("GEOMETRY", ColumnType::Geometry, &["ST_GeomFromText('POINT(1 2)', 4326)", "NULL"]),
        case("POINT NOT NULL", ColumnType::Geometry, &["POINT(0, -1)"]),
        case("VECTOR(3)", ColumnType::Vector, &["STRING_TO_VECTOR('[1,-2.5,3]')", "NULL"]),
    ]
}

fn members() -> Vec<Case> {
    let set = |definition, members, values| Case {
        definition,
        column_type: ColumnType::Set { members },
        values,
        shown: NUMBER,
    };
    const SET_64: &str = "SET('0','1','2','3','4','5','6','7','8','9','10','11','12','13','14',\
        '15','16','17','18','19','20','21','22','23','24','25','26','27','28','29','30','31','32',\
        '33','34','35','36','37','38','39','40','41','42','43','44','45','46','47','48','49','50',\
        '51','52','53','54','55','56','57','58','59','60','61','62','63')";
    vec![
        Case {
            definition: "ENUM('a','b','')",
            column_type: ColumnType::Enum,
            values: &["'a'", "3", "'none of them'", "NULL"],
            shown: NUMBER,
        },
        set("SET('a','b')", 2, &["'a,b'", "''", "NULL"]),
        set(SET_64, 64, &["18446744073709551615", "1", "1 << 63"]),
        Case {
            definition: "JSON",
            column_type: ColumnType::Json,
            values: &[r#"'{"a": [1, "b", null, true], "": {}}'"#, "'[]'", "'null'", "NULL"],
            shown: PLAIN,
        },
    ]
}

/// What the server says, in the form of `show`.
fn expected(case: &Case, said: Option<String>) -> String {
    let Some(said) = said else { return "NULL".to_owned() };
    let is_float = matches!(case.column_type, ColumnType::Float | ColumnType::Double);
    let is_time = matches!(
        case.column_type,
        ColumnType::Time { .. } | ColumnType::Datetime { .. } | ColumnType::Timestamp { .. }
    );
    if is_float {
        format!("{:?}", said.parse::<f64>().unwrap())
    } else if is_time {
        short(&said)
    } else {
        said
    }
}

/// Writes each value of each case by INSERT, and reads both back.
async fn check(cases: Vec<Case>) {
    let mut source = Source::new().await;
    source.run(&["SET sql_mode = 'ALLOW_INVALID_DATES', time_zone = '+00:00'"]).await;
    let mut tables = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        let create = format!("CREATE TABLE t{number} (id INT PRIMARY KEY, v {})", case.definition);
        source.run(&[&create]).await;
        for (id, value) in case.values.iter().enumerate() {
            source.run(&[&format!("INSERT INTO t{number} VALUES ({id}, {value})")]).await;
        }
        let columns = vec![int("id"), column("v", case.column_type.clone())];
        tables.push(source.table(&format!("t{number}"), columns));
    }

    let changes = source.changes(&tables).await;

    let mut changes = changes.iter();
    for (number, case) in cases.iter().enumerate() {
        let select = format!("SELECT {} FROM t{number} ORDER BY id", case.shown);
        let said: Vec<Option<String>> = source.session.query(select).await.unwrap();
        for (said, value) in said.into_iter().zip(case.values) {
            let Some(Change::Insert { after, .. }) = changes.next() else {
                panic!("an insert for each value")
            };
            let read = show(after.cell(1).unwrap());
            assert_eq!(read, expected(case, said), "{} {value}", case.definition);
        }
    }
    assert_eq!(changes.next(), None);
}

#[tokio::test]
async fn integers_arrive_at_their_bounds() {
    check(integers()).await;
}

#[tokio::test]
async fn numbers_arrive_at_their_bounds() {
    check(numbers()).await;
}

#[tokio::test]
async fn times_arrive_at_their_bounds() {
    check(times()).await;
}

#[tokio::test]
async fn strings_arrive_at_their_bounds() {
    check(strings()).await;
}

#[tokio::test]
async fn members_and_documents_arrive() {
    check(members()).await;
}
