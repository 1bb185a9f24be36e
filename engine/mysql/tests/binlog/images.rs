//! Row images: which columns they have, and what is refused.

use whimbrel_model::{ColumnType, Generation};
use whimbrel_mysql::LogError;

use crate::support::{Source, column, int, lines, text};

fn json(name: &str) -> whimbrel_model::Column {
    column(name, ColumnType::Json)
}

#[tokio::test]
async fn generated_invisible_and_index_columns_leave_the_others_in_place() {
    let mut source = Source::new().await;
    source
        .run(&[
            "CREATE TABLE t (id INT PRIMARY KEY, a INT, v INT AS (a + 1) VIRTUAL, \
             s INT AS (a + 2) STORED, hidden INT INVISIBLE DEFAULT 5, j JSON, \
             KEY f ((a * 2)), KEY m ((CAST(j AS UNSIGNED ARRAY))))",
            "INSERT INTO t (id, a, j) VALUES (1, 10, '[1, 2]')",
            "UPDATE t SET a = 11",
            "DELETE FROM t",
        ])
        .await;
    let generated = |name, generation| {
        let mut column = int(name);
        column.generation = generation;
        column
    };
    let table = source.table(
        "t",
        vec![
            int("id"),
            int("a"),
            generated("v", Generation::Virtual),
            generated("s", Generation::Stored),
            int("hidden"),
            json("j"),
        ],
    );

    let changes = source.changes(&[table]).await;

    assert_eq!(
        lines(&changes),
        ["+1,10,5,[1, 2]", "1,10,5,[1, 2]>1,11,5,[1, 2]", "-1,11,5,[1, 2]"]
    );
}

#[tokio::test]
async fn a_generated_invisible_key_is_a_column() {
    let mut source = Source::new().await;
    source
        .run(&[
            "SET SESSION sql_generate_invisible_primary_key = 1",
            "CREATE TABLE t (a INT)",
            "INSERT INTO t VALUES (7)",
        ])
        .await;
    let width = whimbrel_model::IntWidth::Big;
    let mut key = column("my_row_id", ColumnType::Int { width, unsigned: true });
    key.nullable = false;
    let table = source.table("t", vec![key, int("a")]);

    let changes = source.changes(&[table]).await;

    assert_eq!(lines(&changes), ["+1,7"]);
}

#[tokio::test]
async fn images_without_all_columns_are_refused_by_name() {
    for mode in ["MINIMAL", "NOBLOB"] {
        let mut source = Source::new().await;
        source
            .run(&[
                "CREATE TABLE t (id INT PRIMARY KEY, a INT, b TEXT)",
                "INSERT INTO t VALUES (1, 2, 'x')",
                &format!("SET SESSION binlog_row_image = {mode}"),
                "UPDATE t SET a = 3",
            ])
            .await;
        let table = source.table("t", vec![int("id"), int("a"), text("b")]);

        let error = source.error(&[table]).await;

        assert!(
            matches!(&error, LogError::RowImage { table, .. } if table.ends_with(".t")),
            "{mode}: {error}"
        );
        assert!(error.to_string().contains("binlog_row_image=FULL"));
    }
}

#[tokio::test]
async fn partial_updates_of_documents_are_put_together() {
    let mut source = Source::new().await;
    source
        .run(&[
            "CREATE TABLE t (id INT PRIMARY KEY, a JSON, n INT, b JSON)",
            "INSERT INTO t VALUES (1, '{\"x\": 1, \"y\": [1, 2, 3], \"z\": \"some longer text\"}', \
             1, '{\"k\": \"text that is long enough to be worth a partial update\", \"n\": 0}')",
            "SET SESSION binlog_row_value_options = 'PARTIAL_JSON'",
            "UPDATE t SET a = JSON_SET(a, '$.y[1]', 7)",
            "UPDATE t SET n = 2",
            "UPDATE t SET b = JSON_REPLACE(b, '$.n', 9), a = JSON_REMOVE(a, '$.x')",
            "UPDATE t SET a = NULL, b = JSON_SET(b, '$.n', 10)",
            "UPDATE t SET a = '[]'",
        ])
        .await;
    let table = source.table("t", vec![int("id"), json("a"), int("n"), json("b")]);

    let changes = source.changes(&[table]).await;

    let k = "\"k\": \"text that is long enough to be worth a partial update\"";
    let z = "\"z\": \"some longer text\"";
    let rows = [
        format!("1,{{\"x\": 1, \"y\": [1, 2, 3], {z}}},1,{{{k}, \"n\": 0}}"),
        format!("1,{{\"x\": 1, \"y\": [1, 7, 3], {z}}},1,{{{k}, \"n\": 0}}"),
        format!("1,{{\"x\": 1, \"y\": [1, 7, 3], {z}}},2,{{{k}, \"n\": 0}}"),
        format!("1,{{\"y\": [1, 7, 3], {z}}},2,{{{k}, \"n\": 9}}"),
        format!("1,NULL,2,{{{k}, \"n\": 10}}"),
        format!("1,[],2,{{{k}, \"n\": 10}}"),
    ];
    let mut expected = vec![format!("+{}", rows[0])];
    expected.extend(rows.windows(2).map(|pair| format!("{}>{}", pair[0], pair[1])));
    let sorted = |lines: Vec<String>| -> Vec<String> {
        // Members are ordered by the length of their names first; `k` and `n` are alike.
        lines.into_iter().map(|line| line.replace(' ', "")).collect()
    };
    assert_eq!(sorted(lines(&changes)), sorted(expected));
}

#[tokio::test]
async fn a_row_beyond_sixteen_mebibytes_arrives() {
    let mut source = Source::new().await;
    source
        .run(&[
            "CREATE TABLE t (id INT PRIMARY KEY, b LONGBLOB)",
            "INSERT INTO t VALUES (1, REPEAT('x', 20000000))",
            "INSERT INTO t VALUES (2, 'small')",
        ])
        .await;
    let table = source.table("t", vec![int("id"), column("b", ColumnType::Binary)]);

    let changes = source.changes(&[table]).await;

    let lengths: Vec<usize> = changes
        .iter()
        .map(whimbrel_model::Change::byte_count)
        .map(|bytes| bytes / 1_000_000)
        .collect();
    assert_eq!(lengths, [20, 0]);
}

#[tokio::test]
async fn a_table_that_was_altered_is_named_with_what_differs() {
    let mut source = Source::new().await;
    source
        .run(&["CREATE TABLE t (id INT PRIMARY KEY, a BIGINT)", "INSERT INTO t VALUES (1, 2)"])
        .await;
    let table = source.table("t", vec![int("id"), int("a")]);

    let error = source.error(&[table]).await.to_string();

    assert!(error.contains("its column `a` is an integer of 8 bytes"), "{error}");

    let mut source = Source::new().await;
    source
        .run(&[
            "CREATE TABLE t (id INT PRIMARY KEY, a INT UNSIGNED)",
            "INSERT INTO t VALUES (1, 2)",
        ])
        .await;
    let table = source.table("t", vec![int("id"), int("a")]);

    let error = source.error(&[table]).await.to_string();

    assert!(error.contains("its column `a` is an unsigned integer of 4 bytes"), "{error}");
}
