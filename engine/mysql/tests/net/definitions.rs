use whimbrel_kit::{Pair, pair};
use whimbrel_mysql::{
    Role, Session,
    catalog::{Description, describe},
    ddl::{
        Difference,
        DifferenceKind::{self, Check, Column, ForeignKey, Index, Key},
        IndexTime, Item, ItemKind, differences,
    },
};

use crate::{common::session, tables::TABLES};

async fn both(pair: &Pair) -> (Session, Session) {
    (
        session(pair.source, &pair.source_database, Role::SourceReader).await,
        session(pair.target, &pair.target_database, Role::Target).await,
    )
}

async fn shown(session: &mut Session, name: &str) -> String {
    let quoted = whimbrel_mysql::ddl::quoted(name);
    let rows = session.query(&format!("SHOW CREATE TABLE {quoted}")).await.unwrap();
    rows[0].text("Create Table").unwrap()
}

/// The statement that adds what of `kind` the table was made without.
fn added(wanted: &Description, found: &Description, kind: ItemKind) -> Option<String> {
    let is_missing = |item: &&Item| !found.create.items_of(kind).any(|it| it.name == item.name);
    let missing: Vec<_> = wanted.create.items_of(kind).filter(is_missing).collect();
    wanted.create.add_statement(&missing)
}

#[tokio::test]
async fn a_table_made_from_a_definition_is_the_same_table() {
    let pair = pair().await.unwrap();
    let (mut source, mut target) = both(&pair).await;
    // The servers' defaults may differ; the definition says everything itself.
    pair.execute_target(&format!("ALTER DATABASE {} CHARSET latin1", pair.target_database))
        .await
        .unwrap();
    let mut descriptions = Vec::new();
    for statement in TABLES {
        pair.execute_source(&format!("SET NAMES utf8mb4; {statement}")).await.unwrap();
    }
    for name in
        whimbrel_mysql::catalog::table_names(&mut source, &pair.source_database).await.unwrap()
    {
        let found = describe(&mut source, &pair.source_database, &name).await.unwrap();
        target.execute(found.create.statement(IndexTime::AfterRows).as_bytes()).await.unwrap();
        descriptions.push(found);
    }
    assert_eq!(descriptions.len(), TABLES.len());
    for wanted in &descriptions {
        let made = describe(&mut target, &pair.target_database, &wanted.name).await.unwrap();
        assert!(
            differences(wanted, &made)
                .iter()
                .all(|found| { found.is_missing && [Index, ForeignKey].contains(&found.kind) })
        );
        if let Some(statement) = added(wanted, &made, ItemKind::Index) {
            target.execute(statement.as_bytes()).await.unwrap();
        }
    }
    for wanted in &descriptions {
        let made = describe(&mut target, &pair.target_database, &wanted.name).await.unwrap();
        if let Some(statement) = added(wanted, &made, ItemKind::ForeignKey) {
            target.execute(statement.as_bytes()).await.unwrap();
        }
        let made = describe(&mut target, &pair.target_database, &wanted.name).await.unwrap();

        let in_order = |text: String| {
            let mut lines: Vec<String> =
                text.lines().map(|line| line.trim_end_matches(',').to_owned()).collect();
            lines.sort();
            lines
        };
        assert_eq!(
            in_order(shown(&mut target, &wanted.name).await),
            in_order(shown(&mut source, &wanted.name).await)
        );
        assert_eq!(differences(wanted, &made), []);
    }
}

const WANTED: &str = "CREATE TABLE p (id INT PRIMARY KEY); \
     CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(10) NOT NULL DEFAULT 'x', b INT UNSIGNED, \
     e ENUM('a','b'), g INT AS (b + 1) STORED, UNIQUE KEY u (a), KEY k (b), \
     CONSTRAINT fk FOREIGN KEY (id) REFERENCES p (id), CONSTRAINT ck CHECK (b > 0))";

async fn compared(pair: &Pair, change: &str) -> (Description, Vec<Difference>, Session) {
    let (mut source, mut target) = both(pair).await;
    pair.execute_source(WANTED).await.unwrap();
    pair.execute_target(WANTED).await.unwrap();
    pair.execute_target(change).await.unwrap();
    let wanted = describe(&mut source, &pair.source_database, "t").await.unwrap();
    let has = describe(&mut target, &pair.target_database, "t").await.unwrap();
    let found = differences(&wanted, &has);
    (wanted, found, target)
}

/// A change of the target's table, what it makes differ, and how that is said.
const CHANGES: &[(&str, &[DifferenceKind], &str)] = &[
    (
        "ALTER TABLE t MODIFY a VARCHAR(9) NOT NULL DEFAULT 'x'",
        &[Column],
        "the type is `varchar(9)` instead of `varchar(10)`",
    ),
    (
        "ALTER TABLE t MODIFY a VARCHAR(10) DEFAULT 'x'",
        &[Column],
        "nullability is `NULL` instead of `NOT NULL`",
    ),
    (
        "ALTER TABLE t MODIFY a VARCHAR(10) NOT NULL DEFAULT 'y'",
        &[Column],
        "the definition is `DEFAULT 'y'` instead of `DEFAULT 'x'`",
    ),
    (
        "ALTER TABLE t MODIFY a VARCHAR(10) CHARSET latin1 NOT NULL DEFAULT 'x'",
        &[Column],
        "the charset is `latin1` instead of `utf8mb4`",
    ),
    (
        "ALTER TABLE t MODIFY a VARCHAR(10) COLLATE utf8mb4_bin NOT NULL DEFAULT 'x'",
        &[Column],
        "the collation is `utf8mb4_bin`",
    ),
    ("ALTER TABLE t CONVERT TO CHARSET latin1", &[Column, Column], "the charset is `latin1`"),
    (
        "ALTER TABLE t MODIFY e ENUM('b','a')",
        &[Column],
        "the type is `enum('b','a')` instead of `enum('a','b')`",
    ),
    ("ALTER TABLE t MODIFY g INT AS (b + 2) STORED", &[Column], "the definition is `GENERATED"),
    ("ALTER TABLE t DROP COLUMN e", &[Column], "column `e` is missing"),
    (
        "ALTER TABLE t ADD COLUMN extra INT NOT NULL",
        &[Column],
        "column `extra` is not in the source's table",
    ),
    ("ALTER TABLE t DROP INDEX u", &[Key], "unique key `u` is missing"),
    ("ALTER TABLE t ADD UNIQUE KEY v (b)", &[Key], "unique key `v` is not in the source's table"),
    ("ALTER TABLE t DROP INDEX u, ADD UNIQUE KEY u (b)", &[Key], "unique key `u` is"),
    (
        "ALTER TABLE t DROP FOREIGN KEY fk, DROP PRIMARY KEY, ADD PRIMARY KEY (id, a)",
        &[Key, ForeignKey],
        "the primary key is",
    ),
    ("ALTER TABLE t DROP INDEX k", &[Index], "index `k` is missing"),
    ("ALTER TABLE t DROP INDEX k, ADD INDEX k (b, a)", &[Index], "index `k` is"),
    ("ALTER TABLE t DROP FOREIGN KEY fk", &[ForeignKey], "foreign key `fk` is missing"),
    (
        "ALTER TABLE t ADD CONSTRAINT more FOREIGN KEY (id) REFERENCES p (id) ON DELETE CASCADE",
        &[ForeignKey],
        "foreign key `more` is not",
    ),
    ("ALTER TABLE t DROP CHECK ck", &[Check], "check `ck` is missing"),
    ("ALTER TABLE t ADD CONSTRAINT low CHECK (b < 9)", &[Check], "check `low` is not"),
    ("ALTER TABLE t ADD INDEX harmless (e), COMMENT 'x', AUTO_INCREMENT 9", &[], ""),
    ("ALTER TABLE t MODIFY e ENUM('a','b') FIRST, MODIFY b INT UNSIGNED COMMENT 'x'", &[], ""),
    ("ALTER TABLE t RENAME INDEX u TO uu, RENAME INDEX k TO kk", &[], ""),
];

#[tokio::test]
async fn every_difference_is_named_and_its_statement_mends_it() {
    for &(change, kinds, what) in CHANGES {
        let pair = pair().await.unwrap();
        let (wanted, found, mut target) = compared(&pair, change).await;

        assert_eq!(
            found.iter().map(|one| one.kind).collect::<Vec<_>>(),
            kinds,
            "{change}: {found:?}"
        );
        if let Some(first) = found.first() {
            assert!(first.what.contains(what), "{change}: {}", first.what);
        }
        for one in &found {
            target.execute(one.alter.as_bytes()).await.unwrap();
        }
        let has = describe(&mut target, &pair.target_database, "t").await.unwrap();
        assert_eq!(differences(&wanted, &has), [], "{change}");
    }
}
