//! Transactions: how they begin, end, are cut, prepared and undone.

use std::slice::from_ref;

use mysql_async::prelude::Queryable;
use whimbrel_model::{GtidSet, TableId, TransactionPart};
use whimbrel_mysql::{LogError, LogItem};

use crate::support::{Source, int, lines, read_to, text};

fn parts(items: Vec<LogItem>) -> Vec<TransactionPart> {
    items
        .into_iter()
        .filter_map(|item| match item {
            LogItem::Part { part, .. } => Some(part),
            LogItem::Heartbeat { .. } | LogItem::Ddl { .. } => None,
        })
        .collect()
}

fn applied(parts: &[TransactionPart]) -> GtidSet {
    let mut set = GtidSet::default();
    for part in parts.iter().filter(|part| part.is_last) {
        set.insert(&part.transaction.gtid);
        part.prepared.iter().for_each(|prepared| set.insert(prepared));
    }
    set
}

#[tokio::test]
async fn tagged_transactions_keep_their_tags_and_may_be_resumed_from() {
    let mut source = Source::new().await;
    source
        .run(&[
            "CREATE TABLE t (id INT PRIMARY KEY, a INT)",
            "SET gtid_next = 'AUTOMATIC:my_tag'",
            "INSERT INTO t VALUES (1, 1)",
            "INSERT INTO t VALUES (2, 2)",
            "SET gtid_next = 'AUTOMATIC'",
            "INSERT INTO t VALUES (3, 3)",
        ])
        .await;
    let table = source.table("t", vec![int("id"), int("a")]);

    let parts = parts(source.items(from_ref(&table)).await);

    let with_rows: Vec<_> = parts.iter().filter(|part| !part.changes.is_empty()).collect();
    let tags: Vec<&str> =
        with_rows.iter().map(|part| part.transaction.gtid.source.tag.as_str()).collect();
    assert_eq!(tags, ["my_tag", "my_tag", ""]);
    assert_eq!(with_rows[1].transaction.gtid.number, with_rows[0].transaction.gtid.number + 1);
    assert!(with_rows.iter().all(|part| part.transaction.committed_micros > 1_700_000_000_000_000));

    let mut from = source.start.clone();
    from = from.union(&applied(&parts));
    source.run(&["SET gtid_next = 'AUTOMATIC:other'", "INSERT INTO t VALUES (4, 4)"]).await;
    let end = source.log_end().await;
    let mut reader = source.reader_from(&[table], &from, 1 << 20).await;
    let items = read_to(&mut reader, &end).await.unwrap();
    assert_eq!(lines(&crate::support::changes(items)), ["+4,4"]);
}

#[tokio::test]
async fn compressed_transactions_read_as_others() {
    let mut source = Source::new().await;
    source
        .run(&[
            "CREATE TABLE t (id INT PRIMARY KEY, b TEXT)",
            "SET SESSION binlog_transaction_compression = ON",
            "BEGIN",
            "INSERT INTO t VALUES (1, REPEAT('a', 60000)), (2, REPEAT('b', 60000))",
            "UPDATE t SET b = 'c' WHERE id = 2",
            "COMMIT",
            "DELETE FROM t WHERE id = 1",
            "SET SESSION binlog_transaction_compression = OFF",
            "DELETE FROM t WHERE id = 2",
        ])
        .await;
    let table = source.table("t", vec![int("id"), text("b")]);
    let (a, b) = ("61".repeat(60_000), "62".repeat(60_000));

    let changes = source.changes(&[table]).await;

    assert_eq!(
        lines(&changes),
        [
            format!("+1,{a}"),
            format!("+2,{b}"),
            format!("2,{b}>2,63"),
            format!("-1,{a}"),
            "-2,63".to_owned()
        ]
    );
}

#[tokio::test]
async fn a_cut_transaction_counts_its_changes_alike_however_it_is_cut() {
    for compression in ["OFF", "ON"] {
        let mut source = Source::new().await;
        source
            .run(&[
                "CREATE TABLE t (id INT PRIMARY KEY, a INT)",
                "CREATE TABLE other (id INT PRIMARY KEY)",
                &format!("SET SESSION binlog_transaction_compression = {compression}"),
                "SET SESSION cte_max_recursion_depth = 100000",
                "BEGIN",
                "INSERT INTO t WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n \
                 WHERE i < 5000) SELECT i, i FROM n",
                "INSERT INTO other VALUES (1)",
                "UPDATE t SET a = a + 1 WHERE id <= 100",
                "COMMIT",
            ])
            .await;
        let table = source.table("t", vec![int("id"), int("a")]);
        let end = source.log_end().await;
        let mut whole = None;
        for part_bytes_max in [1, 10_000, 1 << 30] {
            let from = source.start.clone();
            let mut reader = source.reader_from(from_ref(&table), &from, part_bytes_max).await;

            let items = read_to(&mut reader, &end).await.unwrap();

            let before_end = items.iter().filter(|item| {
                matches!(item, LogItem::Part { part, upto, .. }
                    if !part.is_last && *upto >= end)
            });
            assert_eq!(before_end.count(), 0, "a part that is not the last ends nothing");
            let parts: Vec<_> =
                parts(items).into_iter().filter(|part| !part.changes.is_empty()).collect();
            let mut next = 0;
            let mut all = Vec::new();
            for part in parts {
                assert_eq!(part.first, next);
                next += part.changes.len() as u64;
                all.extend(part.changes);
            }
            assert_eq!(all.len(), 5_100);
            assert_eq!(*whole.get_or_insert_with(|| all.clone()), all);
        }
    }
}

#[tokio::test]
async fn xa_changes_come_with_their_decision_and_prepares_leave_no_trace() {
    let mut source = Source::new().await;
    source.run(&["CREATE TABLE t (id INT PRIMARY KEY, a INT)"]).await;
    let table = source.table("t", vec![int("id"), int("a")]);
    let database = source.database.clone();
    for (xid, id) in [("one", 1), ("two", 2), ("three", 3)] {
        source
            .run(&[
                &format!("XA START '{database}{xid}', 'b', 7"),
                &format!("INSERT INTO t VALUES ({id}, 0)"),
                &format!("XA END '{database}{xid}', 'b', 7"),
            ])
            .await;
        let phase = if id == 3 { "COMMIT" } else { "PREPARE" };
        let one_phase = if id == 3 { "ONE PHASE" } else { "" };
        source.run(&[&format!("XA {phase} '{database}{xid}', 'b', 7 {one_phase}")]).await;
    }
    source.run(&["INSERT INTO t VALUES (10, 0)"]).await;

    let first = parts(source.items(from_ref(&table)).await);

    let rows = |parts: &[TransactionPart]| {
        lines(&parts.iter().flat_map(|part| part.changes.clone()).collect::<Vec<_>>())
    };
    assert_eq!(rows(&first), ["+3,0", "+10,0"]);

    source
        .run(&[
            "FLUSH BINARY LOGS",
            &format!("XA COMMIT '{database}one', 'b', 7"),
            "INSERT INTO t VALUES (11, 0)",
            &format!("XA ROLLBACK '{database}two', 'b', 7"),
        ])
        .await;

    let whole = parts(source.items(from_ref(&table)).await);

    assert_eq!(rows(&whole), ["+3,0", "+10,0", "+1,0", "+11,0"]);
    let decided: Vec<_> = whole.iter().filter(|part| part.prepared.is_some()).collect();
    assert_eq!(decided.len(), 2);
    assert_eq!(rows(&[decided[0].clone()]), ["+1,0"]);
    assert!(decided[1].changes.is_empty());

    // Resumed from the position that the first reading stored, the prepares come again.
    let from = source.start.union(&applied(&first));
    assert!(decided.iter().all(|part| !from.contains(part.prepared.as_ref().unwrap())));
    let end = source.log_end().await;
    let mut reader = source.reader_from(from_ref(&table), &from, 1 << 20).await;
    let rest = parts(read_to(&mut reader, &end).await.unwrap());
    assert_eq!(rows(&rest), ["+1,0", "+11,0"]);

    // A position that has the prepare but not its commit has lost its rows.
    let mut from = from;
    from.insert(decided[0].prepared.as_ref().unwrap());
    let mut reader = source.reader_from(&[table], &from, 1 << 20).await;
    let error = read_to(&mut reader, &end).await.unwrap_err();
    assert!(matches!(error, LogError::PreparedUnknown { .. }), "{error}");
}

#[tokio::test]
async fn statements_that_change_planned_tables_in_place_of_rows_are_refused() {
    let mut source = Source::new().await;
    source
        .run(&[
            "CREATE TABLE other (id INT PRIMARY KEY)",
            "CREATE TABLE t (id INT PRIMARY KEY)",
            "SET SESSION binlog_format = STATEMENT",
            "INSERT INTO other VALUES (1)",
        ])
        .await;
    let table = source.table("t", vec![int("id")]);
    assert_eq!(source.changes(from_ref(&table)).await, []);
    source.run(&["INSERT INTO t VALUES (1)"]).await;

    let error = source.error(&[table]).await;

    assert!(
        matches!(&error, LogError::StatementFormat { table: Some(table), .. }
            if table.ends_with(".t")),
        "{error}"
    );
    assert!(error.to_string().contains("binlog_format=ROW"));
}

#[tokio::test]
async fn definitions_that_change_come_before_their_transactions_part() {
    let mut source = Source::new().await;
    source
        .run(&[
            "CREATE TABLE t (id INT PRIMARY KEY, a INT)",
            "ALTER TABLE t ADD INDEX (a)",
            "INSERT INTO t VALUES (1, 1)",
            "TRUNCATE TABLE t",
            "CREATE TABLE foreign_one (id INT)",
            "DROP TABLE foreign_one",
            "DROP TABLE t",
        ])
        .await;
    let database = source.database.clone();
    let table = source.table("t", vec![int("id"), int("a")]);

    let items = source.items(from_ref(&table)).await;

    let mut ddl = Vec::new();
    for pair in items.windows(2) {
        if let LogItem::Ddl { transaction, statement, tables, keeps_rows, upto } = &pair[0] {
            assert_eq!(tables.len(), 1);
            let LogItem::Part { part, upto: after, .. } = &pair[1] else { panic!("its part") };
            assert_eq!(part.transaction, *transaction);
            assert!(part.is_last && part.changes.is_empty());
            assert!(after > upto);
            ddl.push((statement.split_whitespace().next().unwrap().to_owned(), *keeps_rows));
        }
    }
    let expected = [("CREATE", false), ("ALTER", true), ("TRUNCATE", false), ("DROP", false)];
    assert_eq!(ddl, expected.map(|(verb, keeps)| (verb.to_owned(), keeps)));

    source.run(&[&format!("DROP DATABASE {database}")]).await;
    let items = source.items(&[table]).await;
    assert!(items.iter().any(|item| matches!(item, LogItem::Ddl { statement, .. }
        if statement.starts_with("DROP DATABASE"))));
}

#[tokio::test]
async fn savepoints_engines_and_selects_into_tables_are_read_through() {
    let mut source = Source::new().await;
    source
        .run(&[
            "CREATE TABLE t (id INT PRIMARY KEY)",
            "CREATE TABLE m (id INT PRIMARY KEY) ENGINE = MyISAM",
            "BEGIN",
            "INSERT INTO t VALUES (1)",
            "SAVEPOINT a",
            "INSERT INTO t VALUES (2)",
            "ROLLBACK TO a",
            "INSERT INTO t VALUES (3)",
            "COMMIT",
            "INSERT INTO m VALUES (4)",
            "BEGIN",
            "INSERT INTO t VALUES (5)",
            "ROLLBACK",
            "SET SESSION sql_mode = ''",
            "CREATE TABLE copy (PRIMARY KEY (id)) SELECT id FROM t",
            "CREATE TEMPORARY TABLE t (id INT PRIMARY KEY)",
            "INSERT INTO t VALUES (99)",
            "DROP TEMPORARY TABLE t",
        ])
        .await;
    let tables = ["t", "m", "copy"].map(|name| source.table(name, vec![int("id")]));

    let items = source.items(&tables).await;

    assert_eq!(lines(&crate::support::changes(items)), ["+1", "+3", "+4", "+1", "+3"]);
}

#[tokio::test]
async fn tables_of_odd_names_are_known_in_rows_and_in_statements_of_other_charsets() {
    let mut source = Source::new().await;
    let name = "sp ace`é\"日";
    source
        .run(&[
            "CREATE TABLE `sp ace``é\"日` (id INT PRIMARY KEY)",
            "CREATE TABLE `té` (id INT PRIMARY KEY)",
            "INSERT INTO `sp ace``é\"日` VALUES (1)",
        ])
        .await;
    let mut session = source.server.connect_to(&source.database).await.unwrap();
    let latin1: [&[u8]; 2] = [b"SET NAMES latin1", b"ALTER TABLE `t\xe9` ADD COLUMN a INT"];
    for statement in latin1 {
        session.query_drop(statement).await.unwrap();
    }
    let tables = [name, "té"].map(|name| source.table(name, vec![int("id")]));

    let items = source.items(&tables).await;

    let altered: Vec<_> = items
        .iter()
        .filter_map(|item| match item {
            LogItem::Ddl { statement, tables, .. } if statement.starts_with("ALTER") => {
                Some(tables.clone())
            }
            LogItem::Ddl { .. } | LogItem::Part { .. } | LogItem::Heartbeat { .. } => None,
        })
        .collect();
    assert_eq!(altered, [[TableId(1)]]);
    assert_eq!(lines(&crate::support::changes(items)), ["+1"]);
}

#[tokio::test]
async fn rows_that_a_foreign_key_or_a_load_changes_are_rows() {
    let mut source = Source::new().await;
    let file = source.server.data_folder().join(format!("{}.txt", source.database));
    std::fs::write(&file, "2\t1\n3\t1\n").unwrap();
    source
        .run(&[
            "CREATE TABLE parent (id INT PRIMARY KEY)",
            "CREATE TABLE child (id INT PRIMARY KEY, p INT, \
             FOREIGN KEY (p) REFERENCES parent (id) ON DELETE CASCADE)",
            "INSERT INTO parent VALUES (1)",
            &format!("LOAD DATA INFILE '{}' INTO TABLE child", file.display()),
            "DELETE FROM parent",
        ])
        .await;
    let tables =
        [source.table("parent", vec![int("id")]), source.table("child", vec![int("id"), int("p")])];

    let changes = source.changes(&tables).await;

    let mut lines = lines(&changes);
    lines[3..].sort();
    assert_eq!(lines, ["+1", "+2,1", "+3,1", "-1", "-2,1", "-3,1"]);
}
