use super::*;

fn only(text: &str) -> DefinedTable {
    let mut tables = defined_tables(text).unwrap();
    assert_eq!(tables.len(), 1, "{text}");
    tables.remove(0)
}

#[test]
fn a_dump_without_rows_gives_its_tables_and_nothing_else() {
    let dump = "-- MySQL dump\n/*!40101 SET NAMES utf8mb4 */;\nDROP TABLE IF EXISTS `a`;\n\
        CREATE TABLE `a` (\n  `id` int NOT NULL AUTO_INCREMENT,\n  `it;s` varchar(40) DEFAULT 'x;y',\n\
          PRIMARY KEY (`id`),\n  KEY `late` (`it;s`(5))\n) ENGINE=InnoDB DEFAULT CHARSET=latin1;\n\
        /*!50001 CREATE VIEW `v` AS SELECT 1 */;\n\
        CREATE TABLE b (x BIGINT UNSIGNED PRIMARY KEY);\n";

    let tables = defined_tables(dump).unwrap();

    let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    let [first, second] = tables.as_slice() else { panic!("two tables") };
    assert_eq!(first.options, "ENGINE=InnoDB DEFAULT CHARSET=latin1");
    assert_eq!(first.columns[1].declaration, "varchar(40)");
    let collation = |column: &Column| {
        let whimbrel_model::ColumnType::Text { collation, .. } = &column.column_type else {
            panic!("text")
        };
        collation.clone()
    };
    assert_eq!(collation(&first.columns[1]), "latin1_swedish_ci");
    assert_eq!(first.pieces[0].text, "`id` int NOT NULL AUTO_INCREMENT");
    let late = first.pieces.iter().find(|piece| piece.name == "late").unwrap();
    assert_eq!((late.kind, late.columns.as_slice()), (ItemKind::Index, &[][..]));
    let keyed = second.keyed("db").unwrap();
    assert_eq!(keyed.key_columns().map(|key| key.name.as_str()).collect::<Vec<_>>(), ["x"]);
    assert!(!second.columns[0].nullable);
}

#[test]
fn a_key_beside_its_column_is_a_piece_of_its_own() {
    let table = only(
        "CREATE TABLE t (a INT PRIMARY KEY COMMENT 'KEY', b INT UNIQUE KEY NOT NULL, c INT UNIQUE)",
    );

    let texts: Vec<&str> = table.pieces.iter().map(|piece| piece.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "`a` INT COMMENT 'KEY'",
            "PRIMARY KEY (`a`)",
            "`b` INT NOT NULL",
            "UNIQUE KEY (`b`)",
            "`c` INT",
            "UNIQUE KEY (`c`)",
        ]
    );
    assert!(only("CREATE TABLE t (a INT KEY)").keyed("db").is_some());
}

#[test]
fn types_are_read_as_the_server_prints_them() {
    for (written, printed) in [
        ("INTEGER(11) UNSIGNED", "int unsigned"),
        ("BOOL", "tinyint(1)"),
        ("NUMERIC(12, 2)", "decimal(12,2)"),
        ("DEC", "decimal(10,0)"),
        ("DOUBLE PRECISION", "double"),
        ("FLOAT(53)", "double"),
        ("CHARACTER VARYING(9)", "varchar(9)"),
        ("CHAR", "char(1)"),
        ("ENUM('a', 'it''s')", "enum('a','it''s')"),
        ("DATETIME(6)", "datetime(6)"),
        ("TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP", "timestamp"),
        ("VARBINARY(16)", "varbinary(16)"),
        ("BIT", "bit(1)"),
    ] {
        let table = only(&format!("create table t (`c` {written})"));

        assert_eq!(table.columns[0].declaration, printed, "{written}");
    }
}

#[test]
fn a_piece_is_whole_with_what_only_newer_servers_run() {
    let table = only(
        "CREATE TABLE t (`r` bigint unsigned NOT NULL AUTO_INCREMENT /*!80023 INVISIBLE */,
           `p` point NOT NULL /*!80003 SRID 4326 */ COMMENT '/*', `h` int /*!80023 INVISIBLE */ ,
           `k` int /* no key */ /*!80023 INVISIBLE */ PRIMARY KEY,
           KEY `by_h` (`h`) /*!80000 INVISIBLE */,
           FULLTEXT KEY `words` (`a`) /*!50100 WITH PARSER `ngram` */ )",
    );

    let texts: Vec<&str> = table.pieces.iter().map(|piece| piece.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "`r` bigint unsigned NOT NULL AUTO_INCREMENT /*!80023 INVISIBLE */",
            "`p` point NOT NULL /*!80003 SRID 4326 */ COMMENT '/*'",
            "`h` int /*!80023 INVISIBLE */",
            "`k` int /* no key */ /*!80023 INVISIBLE */",
            "PRIMARY KEY (`k`)",
            "KEY `by_h` (`h`) /*!80000 INVISIBLE */",
            "FULLTEXT KEY `words` (`a`) /*!50100 WITH PARSER `ngram` */",
        ]
    );
}

#[test]
fn a_column_says_whether_it_needs_a_value() {
    let table = only(
        "CREATE TABLE t (a INT NOT NULL, b INT, c INT NOT NULL DEFAULT 1, d INT NOT NULL \
         AUTO_INCREMENT, e INT AS (a + 1) STORED NOT NULL, f VARCHAR(3) NOT NULL COMMENT 'DEFAULT', \
         UNIQUE (a, b), CONSTRAINT one UNIQUE KEY two (c), KEY (d))",
    );

    let needed: Vec<&str> = table
        .pieces
        .iter()
        .filter(|piece| piece.needs_value)
        .map(|piece| piece.name.as_str())
        .collect();
    assert_eq!(needed, ["a", "f"]);
    let keyed = table.keyed("db").unwrap();
    assert_eq!((keyed.key_name(), keyed.has_other_unique_key()), ("two", true));
}

#[test]
fn what_is_no_table_is_said_to_be_none() {
    assert!(matches!(
        defined_tables("CREATE TABLE t LIKE u"),
        Err(DefinitionError::Shape { table }) if table == "t"
    ));
    assert!(matches!(
        defined_tables("CREATE TABLE t (a NUMBER)"),
        Err(DefinitionError::Column { column, .. }) if column == "a"
    ));
    assert_eq!(defined_tables("CREATE TABLE t ('"), Err(DefinitionError::Unended));
}

#[test]
fn a_statement_makes_the_same_table_under_another_name() {
    for (statement, wanted) in [
        ("CREATE TABLE t (t INT)", "CREATE TABLE `a``b` (t INT)"),
        (
            "  create table if not exists `sh op` . `t`(`t` INT CHECK (t > 0)) COMMENT 't'",
            "  create table if not exists `a``b`(`t` INT CHECK (t > 0)) COMMENT 't'",
        ),
    ] {
        assert_eq!(renamed(statement, "a`b").as_deref(), Some(wanted));
    }
    for statement in
        ["DROP TABLE t", "CREATE TABLE (t INT)", "CREATE TABLE t.", "CREATE TABLE t ('"]
    {
        assert_eq!(renamed(statement, "a"), None, "{statement}");
    }
}
