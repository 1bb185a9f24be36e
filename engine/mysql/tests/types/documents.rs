//! Generated documents: the same bytes from a SELECT and from the log, the same nodes on the target.

use std::fmt::Write as _;

use whimbrel_model::Cell;
use whimbrel_mysql::{Role, json};

use crate::{
    common::{read_all, session, shown, table, write},
    matrix::assert_same,
    random::Random,
    tail,
};

const ROUNDS: u64 = 6;
const ROWS: u64 = 100;

/// The documents of a round are made from these columns' types, too.
const VALUES: &str = "CREATE TABLE v (b BLOB, tb TINYBLOB, mb MEDIUMBLOB, lb LONGBLOB, bn BINARY(5), bi BIT(13), \
    ts TIMESTAMP(6), d DATE, e DATETIME(6), t TIME(6), de DECIMAL(20,8), f FLOAT, y YEAR); \
    SET sql_mode = 'ALLOW_INVALID_DATES'; \
    INSERT INTO v VALUES (x'00275CFF', x'C3', REPEAT(x'27', 300), '', x'00', 4097, '2024-01-01 00:00:00.5', \
    '2024-02-31', '0000-00-00 00:00:00', '-838:59:59', -1.5, 0.1, 1999)";

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

fn double(random: &mut Random) -> f64 {
    loop {
        let value = f64::from_bits(random.word());
        if value.is_finite() {
            return value;
        }
    }
}

/// A `DECIMAL` whose precision in the log is one of whole groups of nine digits, or one that no
/// column has.
fn wide_decimal(random: &mut Random) -> String {
    let mut digits = |count: u64| -> String {
        (0..count).map(|_| char::from(b'0' + u8::try_from(random.below(10)).unwrap())).collect()
    };
    let (whole, fraction) = (digits(35), digits(30));
    let (many, long) = (digits(80), digits(36));
    random
        .pick(&[
            &format!("CAST('{whole}.{fraction}' AS DECIMAL(65,30))"),
            &format!("-CAST('{whole}{fraction}' AS DECIMAL(65,0))"),
            &format!("CAST('{whole}{fraction}' AS DECIMAL(65,0)) + 0.{fraction}"),
            &format!("-1{many}"),
            &format!("{whole}.{long}"),
            &format!(".{long}{fraction}"),
        ])
        .to_owned()
}

/// An expression of any type.
fn scalar(random: &mut Random) -> String {
    let integer = random.any_integer();
    match random.below(17) {
        0 => "NULL".to_owned(),
        1 => random.pick(&["TRUE", "FALSE"]).to_owned(),
        2 => format!("CAST({} AS SIGNED)", integer.cast_signed()),
        3 => format!("CAST({integer} AS UNSIGNED)"),
        4 => format!("{:e}", double(random)),
        5 => random
            .pick(&["-0e0", "1e15", "1e0", "123456789012345678e0", "1e-7", "0.1e0"])
            .to_owned(),
        6 => {
            format!("CAST({}.{} AS DECIMAL(40,{}))", integer, random.below(1_000), random.below(9))
        }
        7 => random.pick(&["1.50", "0.00", "-0.000001", "CAST(5 AS DECIMAL(5))"]).to_owned(),
        8 => wide_decimal(random),
        9 => format!(
            "TIMESTAMP'2024-01-01 00:00:00' + INTERVAL {} MICROSECOND",
            random.below(1 << 50)
        ),
        10 => format!("SEC_TO_TIME({}.5)", random.below(800_000)),
        11 => format!("DATE'2000-01-01' + INTERVAL {} DAY", random.below(100_000)),
        12 => {
            let bytes = random.bytes(90);
            bytes.iter().fold("x'".to_owned(), |mut hex, byte| {
                write!(hex, "{byte:02x}").unwrap();
                hex
            }) + "'"
        }
        13 => random
            .pick(&["b", "tb", "mb", "lb", "bn", "bi", "ts", "d", "e", "t", "de", "f", "y"])
            .to_owned(),
        14 => random
            .pick(&["'2024-01-01'", "'10:00:00.000000'", "'base64:type15:yv4='", "'12:'", "''"])
            .to_owned(),
        15 => quoted(&random.text(300)),
        _ => quoted(&random.text(12)),
    }
}

fn document(random: &mut Random, depth: u32) -> String {
    let count = random.below(6);
    match random.below(5) {
        0 | 1 if depth > 0 => {
            let members: Vec<String> = (0..count)
                .map(|_| format!("{},{}", quoted(&random.text(6)), document(random, depth - 1)))
                .collect();
            format!("JSON_OBJECT({})", members.join(","))
        }
        2 | 3 if depth > 0 => {
            let elements: Vec<String> = (0..count).map(|_| document(random, depth - 1)).collect();
            format!("JSON_ARRAY({})", elements.join(","))
        }
        _ => scalar(random),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_are_the_same_in_the_log_in_a_select_and_on_the_target() {
    let pair = whimbrel_kit::pair().await.unwrap();
    let definition = "CREATE TABLE j (id INT PRIMARY KEY, j JSON)";
    pair.execute_source(VALUES).await.unwrap();
    pair.execute_source(definition).await.unwrap();
    pair.execute_target(definition).await.unwrap();
    let mut source = session(pair.source, &pair.source_database, Role::SourceReader).await;
    let mut target = session(pair.target, &pair.target_database, Role::Target).await;
    let mut reader = session(pair.target, &pair.target_database, Role::SourceReader).await;
    let of_source = table(&mut source, &pair.source_database, "j").await;
    let of_target = table(&mut reader, &pair.target_database, "j").await;
    let from = tail::executed(pair.source).await;

    for seed in 1..=ROUNDS {
        let mut random = Random::new(seed);
        let mut statements =
            "SET sql_mode = 'ALLOW_INVALID_DATES', time_zone = '+00:00'".to_owned();
        for id in 0..ROWS {
            let document = document(&mut random, 5);
            let document = format!("JSON_EXTRACT(JSON_ARRAY({document}), '$[0]')");
            write!(statements, ";\nREPLACE INTO j SELECT {id}, {document} FROM v").unwrap();
        }
        pair.execute_source(&statements).await.unwrap();

        let rows = read_all(&mut source, &of_source).await;
        let images = tail::images(pair.source, std::slice::from_ref(&of_source), &from).await;
        for (key, row) in &rows {
            let image = images[0].get(key);
            let difference = || tail::difference(&of_source, row, image);
            assert!(image == Some(row), "seed {seed}: {}", difference());
        }
        write(&mut target, &of_target, &rows).await;
        let expected = shown(&mut source, &of_source).await;
        assert_same(&shown(&mut reader, &of_target).await, &expected, "documents");
        assert!(read_all(&mut reader, &of_target).await == rows, "seed {seed}");
        let typed = rows.iter().filter(|(_, row)| {
            let Some(Cell::Json(canonical)) = row.cell(1) else { return false };
            let mut sql = Vec::new();
            json::write_sql(canonical, &mut sql).unwrap();
            sql.starts_with(b"CAST(")
        });
        assert!(typed.count() > 20, "the round has documents that text alone does not tell");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_of_one_shape_are_told_apart_by_their_keys() {
    let pair = whimbrel_kit::pair().await.unwrap();
    let definition = "CREATE TABLE same (a VARCHAR(9) COLLATE utf8mb4_0900_ai_ci, b INT, j JSON, k JSON, \
        PRIMARY KEY (a DESC, b))";
    pair.execute_source(definition).await.unwrap();
    let mut source = session(pair.source, &pair.source_database, Role::SourceReader).await;
    let table = table(&mut source, &pair.source_database, "same").await;
    let from = tail::executed(pair.source).await;
    let rows = "INSERT INTO same WITH RECURSIVE s(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM s WHERE n < 999) \
        SELECT ELT(n % 5 + 1, 'a', 'B', 'é', 'ß', ''), n, \
        IF(n % 3, JSON_OBJECT('v', CAST(n AS UNSIGNED)), JSON_OBJECT('v', CAST(n AS SIGNED), 'd', 1.50)), \
        IF(n % 7, JSON_ARRAY(n / 4), JSON_ARRAY(n / 4e0)) FROM s";
    pair.execute_source(rows).await.unwrap();

    let read = read_all(&mut source, &table).await;

    let images = tail::images(pair.source, std::slice::from_ref(&table), &from).await;
    assert_eq!(read.len(), 1_000);
    for (key, row) in &read {
        let image = images[0].get(key);
        assert!(image == Some(row), "{}", tail::difference(&table, row, image));
    }
}
