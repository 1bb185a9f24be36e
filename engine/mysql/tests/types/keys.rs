//! Keys of every kind: cut by the server, read as ranges of the key's index, deleted one by one.

use whimbrel_kit::Pair;
use whimbrel_model::{Key, Row, Table};
use whimbrel_mysql::{Record, Role, Session, chunk, statement};

use crate::common::{delete, read_all, session, table, write};

/// A key: its columns' definitions, its parts, and the values of row `n` of 200.
struct Kind {
    name: &'static str,
    columns: &'static str,
    key: &'static str,
    values: &'static str,
}

const fn kind(
    name: &'static str,
    columns: &'static str,
    key: &'static str,
    values: &'static str,
) -> Kind {
    Kind { name, columns, key, values }
}

const SET_64: &str = "c SET('m1','m2','m3','m4','m5','m6','m7','m8','m9','m10','m11','m12','m13','m14','m15','m16','m17','m18','m19','m20','m21','m22','m23','m24','m25','m26','m27','m28','m29','m30','m31','m32','m33','m34','m35','m36','m37','m38','m39','m40','m41','m42','m43','m44','m45','m46','m47','m48','m49','m50','m51','m52','m53','m54','m55','m56','m57','m58','m59','m60','m61','m62','m63','m64')";

const KINDS: [Kind; 30] = [
    kind("dense", "a INT", "a", "n"),
    kind("negative", "a INT", "a", "n - 100"),
    kind("sparse", "a BIGINT", "a", "(n - 100) * 92233720368547758"),
    kind("unsigned", "a BIGINT UNSIGNED", "a", "18446744073709551615 - n * 46116860184273879"),
    kind(
        "collated",
        "a VARCHAR(30) COLLATE utf8mb4_0900_ai_ci",
        "a",
        "CONCAT(ELT(n % 4 + 1, 'a', 'B', 'é', 'ß'), n)",
    ),
    kind(
        "padded",
        "a CHAR(30) COLLATE utf8mb4_general_ci",
        "a",
        "CONCAT(ELT(n % 4 + 1, 'a', 'B', 'é', '\\''), n)",
    ),
    kind(
        "latin",
        "a VARCHAR(30) CHARACTER SET latin1",
        "a",
        "CONCAT(ELT(n % 4 + 1, 'a', 'Ä', 'é', 'ß\\\\'), n)",
    ),
    kind(
        "old_utf8",
        "a VARCHAR(30) CHARACTER SET utf8mb3",
        "a",
        "CONCAT(ELT(n % 4 + 1, 'a', 'Ä', '日', 'ß\\\\'), n)",
    ),
    kind(
        "wide",
        "a VARCHAR(30) CHARACTER SET utf16",
        "a",
        "CONCAT(ELT(n % 4 + 1, 'a', 'Ä', '日', '😀\\\\'), n)",
    ),
    kind(
        "narrow",
        "a VARCHAR(30) CHARACTER SET ucs2",
        "a",
        "CONCAT(ELT(n % 4 + 1, 'a', 'Ä', '日', 'x\\\\'), n)",
    ),
    kind(
        "chinese",
        "a VARCHAR(30) CHARACTER SET gbk",
        "a",
        "CONCAT(ELT(n % 4 + 1, 'a', '誠', '日', 'x\\\\'), n)",
    ),
    kind("bytes", "a VARBINARY(30)", "a", "CONCAT(UNHEX(LEFT(SHA2(n, 256), n % 20 * 2)), CHAR(n))"),
    kind("fixed_bytes", "a BINARY(16)", "a", "UNHEX(LEFT(SHA2(n, 256), 8))"),
    kind(
        "uuid",
        "a CHAR(36) CHARACTER SET ascii",
        "a",
        "INSERT(INSERT(LEFT(SHA2(n, 256), 32), 9, 0, '-'), 14, 0, '-')",
    ),
    kind("decimal", "a DECIMAL(30,10)", "a", "(n - 100) / 7.0"),
    kind("year", "a YEAR", "a", "IF(n = 1, 0, 1900 + n)"),
    kind("date", "a DATE", "a", "ELT(n, '0000-00-00', '2024-02-31', '2024-00-00') "),
    kind("time", "a TIME(6)", "a", "SEC_TO_TIME((n - 100) * 30000.000001)"),
    kind("datetime", "a DATETIME(3)", "a", "'2000-01-01' + INTERVAL n * 1000.123 SECOND"),
    kind(
        "timestamp",
        "a TIMESTAMP(6)",
        "a",
        "IF(n = 1, 0, '1970-01-01 00:00:01' + INTERVAL n * 10000000.123 SECOND)",
    ),
    kind("bit", "a BIT(64)", "a", "18446744073709551615 - n * 46116860184273879"),
    kind("enumerated", "a ENUM('z','y','it''s','','0'), b INT", "a, b", "n % 6, n"),
    kind("many_members", "a SET('z','y','x','w','v','u','t','s')", "a", "n"),
    kind("all_members", SET_64, "c", "CAST(n AS UNSIGNED) * 92233720368547758"),
    kind(
        "composite",
        "a INT, b VARCHAR(10) COLLATE utf8mb4_0900_ai_ci, c BINARY(4)",
        "a, b, c",
        "n % 3, CHAR(65 + n % 5 USING utf8mb4), UNHEX(LPAD(HEX(n), 8, '0'))",
    ),
    kind("reordered", "a INT, b INT", "b, a", "n % 7, n"),
    kind("descending", "a INT", "a DESC", "n"),
    kind("mixed_order", "a INT, b INT", "a DESC, b", "n % 7, n"),
    kind("generated", "a INT, b INT GENERATED ALWAYS AS (a * -3) STORED", "b", "n"),
    kind("back`quote \"*/", "`a``b` INT", "`a``b`", "n"),
];

const ROW_COUNT: usize = 200;

async fn create(pair: &Pair, kind: &Kind) -> usize {
    let name = kind.name.replace('`', "``");
    let mode = "SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES', time_zone = '+00:00'";
    let definition = format!(
        "{mode}; CREATE TABLE `{name}` ({}, v INT NOT NULL, PRIMARY KEY ({}))",
        kind.columns, kind.key
    );
    let row_count = if kind.name == "date" { 3 } else { ROW_COUNT };
    let inserted = if kind.columns.contains("GENERATED") { "(a, v)" } else { "" };
    let insert = format!(
        "{mode}; INSERT IGNORE INTO `{name}` {inserted} WITH RECURSIVE s(n) AS \
         (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {row_count}) SELECT {}, n FROM s",
        kind.values
    );
    pair.execute_source(&definition).await.unwrap();
    pair.execute_target(&definition).await.unwrap();
    pair.execute_source(&insert).await.unwrap();
    pair.execute_source(&format!("ANALYZE TABLE `{name}`")).await.unwrap();
    row_count
}

/// The table in pieces of seven rows.
async fn read_in_pieces(session: &mut Session, table: &Table) -> Vec<(Key, Row)> {
    let mut rows = Vec::new();
    let mut low: Option<Key> = None;
    loop {
        let high = chunk::cut(session, table, low.as_ref(), None, 7).await.unwrap();
        let piece = (low.as_ref(), high.as_ref());
        let piece = chunk::read(session, table, piece, usize::MAX).await.unwrap();
        if high.is_some() {
            assert_eq!(piece.rows.len(), 7, "{}", table.name());
            assert_eq!(piece.rows.last().map(|(key, _)| key), high.as_ref(), "{}", table.name());
        }
        rows.extend(piece.rows);
        low = match high {
            Some(high) => Some(high),
            None => return rows,
        };
    }
}

async fn check(pair: &Pair, kind: &Kind) {
    let row_count = create(pair, kind).await;
    let mut source = session(pair.source, &pair.source_database, Role::SourceReader).await;
    let mut target = session(pair.target, &pair.target_database, Role::Target).await;
    let mut target_reader = session(pair.target, &pair.target_database, Role::SourceReader).await;
    let of_source = table(&mut source, &pair.source_database, kind.name).await;
    let of_target = table(&mut target_reader, &pair.target_database, kind.name).await;

    let whole = read_all(&mut source, &of_source).await;
    assert_eq!(whole.len(), row_count, "{}", kind.name);
    assert!(read_in_pieces(&mut source, &of_source).await == whole, "{}", kind.name);

    write(&mut target, &of_target, &whole).await;
    assert!(read_all(&mut target_reader, &of_target).await == whole, "{}", kind.name);
    for chosen in [&whole[..1], &whole[1..3]] {
        let deleted = delete(&mut target, &of_target, chosen).await;
        assert_eq!(deleted, u64::try_from(chosen.len()).unwrap(), "{}", kind.name);
    }
    assert!(read_all(&mut target_reader, &of_target).await == whole[3..], "{}", kind.name);
    explain(&mut target, &of_target, &whole).await;
    if !READ_WHOLE.contains(&kind.name) && row_count == ROW_COUNT {
        read_little(&mut source, &of_source, &whole).await;
    }
}

/// Keys whose order is not that of an index's ranges: they are read right, and slowly.
const READ_WHOLE: [&str; 3] = ["many_members", "all_members", "mixed_order"];

/// That a piece in the middle of the table is found without reading what lies before it or after.
async fn read_little(session: &mut Session, table: &Table, rows: &[(Key, Row)]) {
    let (low, high) = (Some(&rows[120].0), Some(&rows[127].0));
    let before = rows_visited(session).await;
    let piece = chunk::read(session, table, (low, high), usize::MAX).await.unwrap();
    let cut = chunk::cut(session, table, low, None, 5).await.unwrap();
    let beyond = chunk::cut(session, table, low, high, 7).await.unwrap();
    let visited = rows_visited(session).await - before;

    assert!(piece.rows == rows[121..=127], "{}", table.name());
    assert_eq!(cut.as_ref(), Some(&rows[125].0), "{}", table.name());
    assert_eq!(beyond, None, "{}", table.name());
    assert!(visited < 40, "{} visits {visited} rows", table.name());
}

/// The rows that the session's statements have read from tables so far.
async fn rows_visited(session: &mut Session) -> u64 {
    let records = session.query("SHOW SESSION STATUS LIKE 'Handler_read_%'").await.unwrap();
    let count = |record: &Record| record.text("Value").unwrap().parse::<u64>().unwrap();
    let is_of_index = |record: &&Record| {
        ["Handler_read_next", "Handler_read_prev", "Handler_read_rnd"]
            .contains(&record.text("Variable_name").unwrap().as_str())
    };
    records.iter().filter(is_of_index).map(count).sum()
}

/// That the statements find their rows by the key.
async fn explain(session: &mut Session, table: &Table, rows: &[(Key, Row)]) {
    let keys = rows.iter().step_by(20).map(|(key, _)| key);
    for sql in statement::delete(table, keys, 1 << 20).unwrap() {
        let sql = String::from_utf8(sql).unwrap();
        let plan = session.query(&format!("EXPLAIN FORMAT=TRADITIONAL {sql}")).await.unwrap();
        let access = plan[0].text("type").unwrap();
        assert!(["range", "const", "ref"].contains(&access.as_str()), "{access}: {sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_every_kind_are_cut_read_and_deleted() {
    let pair = whimbrel_kit::pair().await.unwrap();

    for kind in &KINDS {
        check(&pair, kind).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunk_past_its_bound_ends_at_a_row_and_leaves_the_session_usable() {
    let pair = whimbrel_kit::pair().await.unwrap();
    let definition = "CREATE TABLE wide (id INT PRIMARY KEY, t VARCHAR(1000))";
    pair.execute_source(definition).await.unwrap();
    let rows: Vec<String> = (0..50).map(|id| format!("({id}, REPEAT('x', 1000))")).collect();
    pair.execute_source(&format!("INSERT INTO wide VALUES {}", rows.join(","))).await.unwrap();
    let mut source = session(pair.source, &pair.source_database, Role::SourceReader).await;
    let table = table(&mut source, &pair.source_database, "wide").await;
    let whole = read_all(&mut source, &table).await;

    let first = chunk::read(&mut source, &table, (None, None), 10_000).await.unwrap();
    let low = first.rows.last().map(|(key, _)| key);
    let rest = chunk::read(&mut source, &table, (low, None), usize::MAX).await.unwrap();
    let one = chunk::read(&mut source, &table, (low, None), 0).await.unwrap();

    assert!(!first.is_whole && first.rows.len() < 12);
    assert!(rest.is_whole && [first.rows, rest.rows].concat() == whole);
    assert!(!one.is_whole && one.rows.len() == 1);
}
