//! A comparison finds every kind of difference, and none where there is none; and so do fingerprints.

use whimbrel_kit::{Difference, KitError, fingerprint, pair};

/// Makes `t (id INT PRIMARY KEY, c <column>)` on both sides with one row each and compares them.
async fn differs(column: &str, source: &str, target: &str) -> Result<bool, KitError> {
    let pair = pair().await?;
    let create = format!("CREATE TABLE t (id INT PRIMARY KEY, c {column})");
    pair.execute_source(&format!("{create}; INSERT INTO t VALUES (1, {source})")).await?;
    pair.execute_target(&format!("{create}; SET sql_mode=''; INSERT INTO t VALUES (1, {target})"))
        .await?;
    let comparison = pair.compare("t").await?;
    assert_eq!((comparison.source_rows, comparison.target_rows), (1, 1));
    let source_print = fingerprint(pair.source, &pair.source_database, "t").await?;
    let target_print = fingerprint(pair.target, &pair.target_database, "t").await?;
    assert_eq!(comparison.is_equal(), source_print == target_print, "{column} {source} {target}");
    Ok(!comparison.is_equal())
}

#[tokio::test]
async fn equal_values_are_equal() {
    let cases = [
        ("INT", "NULL"),
        ("BIGINT UNSIGNED", "18446744073709551615"),
        ("DECIMAL(65,30)", "1.000000000000000000000000000001"),
        ("FLOAT", "1.1754944e-38"),
        ("DOUBLE", "-0e0"),
        ("VARCHAR(10) CHARACTER SET utf16", "'né日'"),
        ("BLOB", "x'00ff27'"),
        ("BIT(64)", "b'1000000000000000000000000000000000000000000000000000000000000001'"),
        ("ENUM('a','b')", "'b'"),
        ("SET('a','b')", "'a,b'"),
        ("TIMESTAMP(6) NULL", "'2024-02-29 12:00:00.000001'"),
        ("TIME(6)", "'-838:59:58.999999'"),
        ("GEOMETRY", "ST_GeomFromText('POINT(1 2)', 4326)"),
        ("VECTOR(2)", "STRING_TO_VECTOR('[1, 2.5]')"),
        ("JSON", "JSON_OBJECT('a', JSON_ARRAY(1.50, 1e0, NULL, CURRENT_DATE, JSON_OBJECT()))"),
        ("JSON", "'null'"),
    ];

    for (column, value) in cases {
        assert!(!differs(column, value, value).await.unwrap(), "{column} {value}");
    }
}

#[tokio::test]
async fn values_that_only_look_alike_differ() {
    let cases = [
        ("INT", "NULL", "0"),
        ("VARCHAR(10)", "''", "NULL"),
        ("VARCHAR(10)", "'a'", "'A'"),
        ("VARCHAR(10)", "'a'", "'a '"),
        ("VARBINARY(10)", "x'00'", "x'0000'"),
        ("DECIMAL(65,30)", "1.000000000000000000000000000001", "1.000000000000000000000000000002"),
        ("FLOAT", "16777216", "16777218"),
        ("FLOAT", "0e0", "-0e0"),
        ("DOUBLE", "0.1", "0.10000000000000002"),
        ("DOUBLE", "0e0", "-0e0"),
        ("ENUM('a','')", "''", "0"),
        ("DATETIME(6)", "'2024-01-01 00:00:00.000001'", "'2024-01-01 00:00:00.000002'"),
        ("GEOMETRY", "ST_GeomFromText('POINT(1 2)', 4326)", "ST_GeomFromText('POINT(1 2)', 0)"),
        ("JSON", "NULL", "'null'"),
        ("JSON", "'1.0'", "CAST(1.0 AS JSON)"),
        ("JSON", "'[1, 2]'", "'[2, 1]'"),
        (
            "JSON",
            "JSON_OBJECT('a', JSON_ARRAY('2024-01-01'))",
            "JSON_OBJECT('a', JSON_ARRAY(CAST('2024-01-01' AS DATE)))",
        ),
    ];

    for (column, source, target) in cases {
        assert!(differs(column, source, target).await.unwrap(), "{column} {source} {target}");
    }
}

#[tokio::test]
async fn rows_on_one_side_only_are_named_by_their_keys() {
    let pair = pair().await.unwrap();
    let create = "CREATE TABLE t (id INT PRIMARY KEY, c INT)";
    pair.execute_source(&format!("{create}; INSERT INTO t VALUES (-2,1),(0,1),(10,1),(9,5)"))
        .await
        .unwrap();
    pair.execute_target(&format!("{create}; INSERT INTO t VALUES (-3,1),(0,1),(10,1),(9,6)"))
        .await
        .unwrap();

    let comparison = pair.compare("t").await.unwrap();

    let column = "c".to_owned();
    assert_eq!(
        comparison.differences,
        [
            Difference::OnlyTarget { key: "-3".into() },
            Difference::OnlySource { key: "-2".into() },
            Difference::Column { key: "9".into(), column, source: "5".into(), target: "6".into() },
        ]
    );
    assert_eq!(
        (comparison.source_rows, comparison.target_rows, comparison.different_rows),
        (4, 4, 3)
    );
}

#[tokio::test]
async fn text_keys_meet_whatever_their_collation_says_and_however_long_they_are() {
    let pair = pair().await.unwrap();
    let long = "x".repeat(700);
    let rows = format!("('b', 1), ('A', 2), ('a ', 3), ('ä', 4), ('{long}1', 5), ('{long}2', 6)");
    let create = "CREATE TABLE t (k VARCHAR(750) COLLATE utf8mb4_bin PRIMARY KEY, c INT)";
    pair.execute_source(&format!("{create}; INSERT INTO t VALUES {rows}")).await.unwrap();
    pair.execute_target(&format!("{create}; INSERT INTO t VALUES {rows}")).await.unwrap();

    assert!(pair.compare("t").await.unwrap().is_equal());
    pair.execute_target("UPDATE t SET k = CONCAT(k, 'x') WHERE c IN (2, 6)").await.unwrap();

    let comparison = pair.compare("t").await.unwrap();
    assert_eq!(comparison.different_rows, 4);
    assert!(comparison.to_string().contains(" Ax: only on the target"), "{comparison}");
}

#[tokio::test]
async fn tables_without_a_key_are_compared_as_bags() {
    let pair = pair().await.unwrap();
    let create = "CREATE TABLE t (a INT, b VARCHAR(5))";
    pair.execute_source(&format!("{create}; INSERT INTO t VALUES (1,'x'),(1,'x'),(NULL,'y')"))
        .await
        .unwrap();
    pair.execute_target(&format!("{create}; INSERT INTO t VALUES (NULL,'y'),(1,'x'),(1,'x')"))
        .await
        .unwrap();

    assert!(pair.compare("t").await.unwrap().is_equal());
    pair.execute_target("DELETE FROM t WHERE a = 1 LIMIT 1").await.unwrap();

    assert_eq!(pair.compare("t").await.unwrap().different_rows, 1);
}

#[tokio::test]
async fn a_missing_table_is_an_error_and_no_difference() {
    let pair = pair().await.unwrap();
    pair.execute_source("CREATE TABLE t (id INT PRIMARY KEY)").await.unwrap();

    assert!(pair.compare("t").await.is_err());
}

#[tokio::test]
async fn a_fingerprint_sees_rows_that_swapped_their_values() {
    let pair = pair().await.unwrap();
    let create = "CREATE TABLE t (id INT PRIMARY KEY, c VARCHAR(10))";
    pair.execute_source(&format!("{create}; INSERT INTO t VALUES (1, 'a'), (2, 'b')"))
        .await
        .unwrap();
    pair.execute_target(&format!("{create}; INSERT INTO t VALUES (1, 'b'), (2, 'a')"))
        .await
        .unwrap();

    let source = fingerprint(pair.source, &pair.source_database, "t").await.unwrap();
    let target = fingerprint(pair.target, &pair.target_database, "t").await.unwrap();

    assert_eq!((source.row_count, target.row_count), (2, 2));
    assert_ne!(source.sums[0], target.sums[0]);
    assert_ne!(source.sums[1], target.sums[1]);
}
