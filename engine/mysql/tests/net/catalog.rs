use whimbrel_kit::pair;
use whimbrel_model::{ColumnType, Generation, IntWidth};
use whimbrel_mysql::{
    Class, Error, Role, Session,
    catalog::{self, CatalogError, Definition, left_behind, table_names},
    ddl::IndexTime,
};

use crate::common::session;

async fn definition(
    session: &mut Session,
    database: &str,
    name: &str,
) -> Result<Definition, Error> {
    catalog::definition(catalog::describe(session, database, name).await?)
}

#[tokio::test]
async fn tables_are_listed_without_views() {
    let pair = pair().await.unwrap();
    pair.execute_source("CREATE TABLE b (id INT PRIMARY KEY); CREATE TABLE `a``'` LIKE b")
        .await
        .unwrap();
    pair.execute_source("CREATE VIEW v AS SELECT 1").await.unwrap();
    let mut session = session(pair.source, &pair.source_database, Role::SourceReader).await;

    let names = table_names(&mut session, &pair.source_database).await.unwrap();

    assert_eq!(names, ["a`'", "b"]);
}

#[tokio::test]
async fn every_type_is_described_as_it_is_carried() {
    let pair = pair().await.unwrap();
    let int = |width, unsigned| ColumnType::Int { width, unsigned };
    let text = |charset: &str, collation: &str| ColumnType::Text {
        charset: charset.to_owned(),
        collation: collation.to_owned(),
    };
    let types = [
        ("TINYINT(1)", int(IntWidth::Tiny, false)),
        ("SMALLINT UNSIGNED", int(IntWidth::Small, true)),
        ("MEDIUMINT", int(IntWidth::Medium, false)),
        ("INT(5) ZEROFILL", int(IntWidth::Int, true)),
        ("BIGINT UNSIGNED", int(IntWidth::Big, true)),
        ("BIT(33)", ColumnType::Bit { bits: 33 }),
        ("DECIMAL(65,30)", ColumnType::Decimal { precision: 65, scale: 30 }),
        ("FLOAT(7,4)", ColumnType::Float),
        ("DOUBLE PRECISION", ColumnType::Double),
        ("YEAR", ColumnType::Year),
        ("DATE", ColumnType::Date),
        ("TIME(6)", ColumnType::Time { fsp: 6 }),
        ("DATETIME", ColumnType::Datetime { fsp: 0 }),
        ("TIMESTAMP(3)", ColumnType::Timestamp { fsp: 3 }),
        ("CHAR(3) CHARSET latin1", text("latin1", "latin1_swedish_ci")),
        ("VARCHAR(3) COLLATE utf8mb4_bin", text("utf8mb4", "utf8mb4_bin")),
        ("LONGTEXT CHARSET utf16", text("utf16", "utf16_general_ci")),
        ("BINARY(16)", ColumnType::FixedBinary { length: 16 }),
        ("VARBINARY(16)", ColumnType::Binary),
        ("MEDIUMBLOB", ColumnType::Binary),
        ("ENUM('a','b''c')", ColumnType::Enum),
        ("SET('a','b''c','')", ColumnType::Set { members: 3 }),
        ("JSON", ColumnType::Json),
        ("POINT SRID 4326", ColumnType::Geometry),
        ("GEOMETRYCOLLECTION", ColumnType::Geometry),
        ("VECTOR(7)", ColumnType::Vector),
    ];
    let columns: Vec<String> =
        types.iter().enumerate().map(|(at, (sql, _))| format!("c{at} {sql}")).collect();
    pair.execute_source(&format!(
        "CREATE TABLE t ({}, v INT AS (c0 + 1), s INT AS (c0 + 1) STORED, i INT NOT NULL INVISIBLE, \
         PRIMARY KEY (s, i), KEY ((c0 * 2)))",
        columns.join(", ")
    ))
    .await
    .unwrap();
    let mut session = session(pair.source, &pair.source_database, Role::SourceReader).await;

    let found = definition(&mut session, &pair.source_database, "t").await.unwrap().table;

    let carried: Vec<_> =
        found.carried_columns().map(|column| column.column_type.clone()).collect();
    assert_eq!(
        carried.get(..types.len()).unwrap(),
        types.iter().map(|(_, wanted)| wanted.clone()).collect::<Vec<_>>()
    );
    let rest: Vec<_> = found
        .columns()
        .iter()
        .skip(types.len())
        .map(|column| (column.name.as_str(), column.generation))
        .collect();
    assert_eq!(
        rest,
        [("v", Generation::Virtual), ("s", Generation::Stored), ("i", Generation::None)]
    );
    let key: Vec<_> = found.key_columns().map(|column| column.name.as_str()).collect();
    assert_eq!(key, ["s", "i"]);
    assert!(!found.has_other_unique_key());
}

#[tokio::test]
async fn the_key_is_the_primary_one_or_the_narrowest_that_is_never_null() {
    let pair = pair().await.unwrap();
    let mut session = session(pair.source, &pair.source_database, Role::SourceReader).await;
    let cases = [
        ("a INT PRIMARY KEY, b INT NOT NULL UNIQUE", "PRIMARY", true),
        ("a INT PRIMARY KEY, b INT, KEY (b)", "PRIMARY", false),
        ("a VARCHAR(9) NOT NULL, b INT NOT NULL, UNIQUE u (a), UNIQUE v (b)", "v", true),
        (
            "a INT NOT NULL, b INT NOT NULL, c CHAR(9) NOT NULL, UNIQUE u (a, b), UNIQUE v (c)",
            "v",
            true,
        ),
        ("a INT, b INT NOT NULL, c INT NOT NULL, UNIQUE u (a), UNIQUE v (b, c)", "v", true),
        ("a DOUBLE PRIMARY KEY, b INT NOT NULL, UNIQUE v (b)", "v", true),
        ("a TEXT NOT NULL, b INT NOT NULL, UNIQUE u (a(9)), UNIQUE v (b)", "v", true),
        ("a INT NOT NULL, b BIGINT NOT NULL, UNIQUE u ((a + 1)), UNIQUE v (b)", "v", true),
        ("a INT NOT NULL, g INT AS (a) VIRTUAL NOT NULL, UNIQUE u (g), UNIQUE v (a, g)", "", true),
        ("a INT NOT NULL, b BIGINT NOT NULL, UNIQUE v (b), UNIQUE u (a) INVISIBLE", "v", true),
    ];
    for (at, (columns, key, has_other)) in cases.iter().enumerate() {
        pair.execute_source(&format!("CREATE TABLE t{at} ({columns})")).await.unwrap();

        let found = definition(&mut session, &pair.source_database, &format!("t{at}")).await;

        match found {
            Ok(found) => {
                assert_eq!(
                    (found.table.key_name(), found.table.has_other_unique_key()),
                    (*key, *has_other),
                    "{columns}"
                );
            }
            Err(error) => assert!(key.is_empty(), "{columns}: {error}"),
        }
    }
}

#[tokio::test]
async fn a_table_without_a_key_is_refused_with_a_statement_that_mends_it() {
    let pair = pair().await.unwrap();
    let mut session = session(pair.source, &pair.source_database, Role::SourceReader).await;
    for (at, (columns, why)) in [
        ("a INT", "it has neither a primary key nor a unique key"),
        ("id INT, UNIQUE u (id)", "`u` has `id`, which may be NULL"),
        ("id TEXT NOT NULL, UNIQUE u (id(5))", "`u` is over beginnings of values"),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("t{at}");
        pair.execute_source(&format!("CREATE TABLE {name} ({columns})")).await.unwrap();

        let refused = definition(&mut session, &pair.source_database, &name).await.unwrap_err();

        let Error::Catalog(CatalogError::NoKey { why: found, remedy, .. }) = refused else {
            panic!("{refused}")
        };
        assert!(found.contains(why), "{found}");
        pair.execute_source(&remedy).await.unwrap();
        let mended = definition(&mut session, &pair.source_database, &name).await.unwrap();
        assert_eq!(mended.table.key_name(), "PRIMARY");
    }
}

#[tokio::test]
async fn a_generated_invisible_key_is_a_key() {
    let pair = pair().await.unwrap();
    pair.execute_source("SET sql_generate_invisible_primary_key = 1; CREATE TABLE t (a INT)")
        .await
        .unwrap();
    let mut session = session(pair.source, &pair.source_database, Role::SourceReader).await;

    let found = definition(&mut session, &pair.source_database, "t").await.unwrap();

    let names: Vec<_> = found.table.columns().iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["my_row_id", "a"]);
    assert!(
        found
            .description
            .create
            .statement(IndexTime::AfterRows)
            .contains("`my_row_id` bigint unsigned")
    );
}

#[tokio::test]
async fn what_is_no_table_is_said_to_be_so() {
    let pair = pair().await.unwrap();
    pair.execute_source("CREATE VIEW v AS SELECT 1").await.unwrap();
    let mut session = session(pair.source, &pair.source_database, Role::SourceReader).await;

    let gone = definition(&mut session, &pair.source_database, "t").await.unwrap_err();
    let view = definition(&mut session, &pair.source_database, "v").await.unwrap_err();

    assert_eq!(gone.class(), Class::SchemaGone);
    assert!(matches!(view, Error::Catalog(CatalogError::NotATable { .. })), "{view}");
}

#[tokio::test]
async fn labels_that_the_server_cannot_print_are_refused() {
    let pair = pair().await.unwrap();
    pair.execute_source(
        "SET NAMES utf8mb4; CREATE TABLE t (id INT PRIMARY KEY, e ENUM('a','😀'));
         CREATE TABLE u (id INT PRIMARY KEY, a VARCHAR(9) DEFAULT '😀', \
         g VARCHAR(9) AS (CONCAT(a, '😀')))",
    )
    .await
    .unwrap();
    let mut session = session(pair.source, &pair.source_database, Role::SourceReader).await;

    let refused = definition(&mut session, &pair.source_database, "t").await.unwrap_err();
    let fine = definition(&mut session, &pair.source_database, "u").await.unwrap();

    let Error::Catalog(CatalogError::Unprintable { column, .. }) = refused else {
        panic!("{refused}")
    };
    assert_eq!(column, "e");
    let statement = fine.description.create.statement(IndexTime::AfterRows);
    assert!(statement.contains("_utf8mb4'😀'") && statement.contains("DEFAULT 0xF09F9880"));
}

#[tokio::test]
async fn everything_that_stays_behind_is_named() {
    let pair = pair().await.unwrap();
    let database = &pair.source_database;
    pair.source
        .create_user(&format!("{database}_u"), "x", &[&format!("SELECT, INSERT ON {database}.*")])
        .await
        .unwrap();
    for statement in [
        "CREATE TABLE parent (id INT PRIMARY KEY)",
        "CREATE TABLE aside (id INT PRIMARY KEY)",
        "CREATE TABLE child (id INT PRIMARY KEY, CONSTRAINT fk_aside FOREIGN KEY (id) \
         REFERENCES aside (id), CONSTRAINT fk_parent FOREIGN KEY (id) REFERENCES parent (id))",
        "CREATE TRIGGER watch BEFORE INSERT ON child FOR EACH ROW SET NEW.id = NEW.id",
        "CREATE TRIGGER other BEFORE INSERT ON aside FOR EACH ROW SET NEW.id = NEW.id",
        "CREATE VIEW seen AS SELECT 1",
        "CREATE PROCEDURE doing() SELECT 1",
        "CREATE FUNCTION one() RETURNS INT DETERMINISTIC RETURN 1",
        "CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DO SELECT 1",
    ] {
        pair.execute_source(statement).await.unwrap();
    }
    pair.execute_source(&format!("GRANT UPDATE ON {database}.child TO {database}_u"))
        .await
        .unwrap();
    let mut session = session(pair.source, database, Role::SourceReader).await;

    let planned = ["parent".to_owned(), "child".to_owned()];
    let found = left_behind(&mut session, database, &planned).await.unwrap();

    let kinds: Vec<_> = found.iter().map(|left| (left.kind, left.name.clone())).collect();
    let named = |kind, name: &str| (kind, name.to_owned());
    let account = format!("'{database}_u'@'%'");
    assert_eq!(
        kinds,
        [
            named("trigger", "watch"),
            named("view", "seen"),
            named("procedure", "doing"),
            named("function", "one"),
            named("event", "nightly"),
            named("grant", &account),
            named("grant", &account),
            named("table", &format!("{database}.aside")),
        ]
    );
    assert!(found[0].why.starts_with("before insert on `child`: "), "{}", found[0].why);
    assert!(found[5].why.starts_with("INSERT, SELECT on the database"), "{}", found[5].why);
    assert!(found[7].why.contains("`fk_aside` of `child`"));
}
