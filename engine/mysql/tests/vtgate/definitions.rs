use whimbrel_mysql::{
    Role, Session, catalog,
    ddl::{IndexTime, Item, ItemKind, differences},
};

use crate::{
    common::{at, shared},
    tables::TABLES,
};

/// Tables of every type.
const OF_EVERY_TYPE: &str = include_str!("../types/matrix.sql");

#[tokio::test]
async fn a_table_made_through_vtgate_is_the_sources_but_for_what_a_shard_must_not_have() {
    let vitess = shared().await;
    vitess.mysql().execute("CREATE DATABASE legacy").await.unwrap();
    let of_every_type = OF_EVERY_TYPE.split(";\n").filter(|it| it.contains("CREATE TABLE"));
    for statement in TABLES.iter().copied().chain(of_every_type) {
        vitess
            .mysql()
            .execute(&format!("USE legacy; SET NAMES utf8mb4; {statement}"))
            .await
            .unwrap();
    }
    let mut source =
        Session::connect(&at(vitess.mysql().port()), Role::SourceReader).await.unwrap();
    let of_shard = at(vitess.port()).for_shard("shop", "80-");
    let mut target = Session::connect(&of_shard, Role::TargetDefinitions).await.unwrap();
    let schema = target.schema().to_owned();

    let names = catalog::table_names(&mut source, "legacy").await.unwrap();
    assert!(names.len() > 12, "{names:?}");
    for name in names {
        let wanted = catalog::describe(&mut source, "legacy", &name).await.unwrap().for_shard();
        let made = wanted.create.statement(IndexTime::AfterRows);
        let done = target.execute(made.as_bytes()).await;
        done.unwrap_or_else(|error| panic!("{error}: {made}"));
        let found = catalog::describe(&mut target, &schema, &name).await.unwrap();
        let is_missing = |item: &&Item| !found.create.items_of(item.kind).any(|it| it == *item);
        let later =
            [ItemKind::Index, ItemKind::ForeignKey].map(|kind| wanted.create.items_of(kind));
        let missing: Vec<_> = later.into_iter().flatten().filter(is_missing).collect();
        for item in missing {
            let add = wanted.create.add_statement(&[item]).unwrap();
            let done = target.execute(add.as_bytes()).await;
            done.unwrap_or_else(|error| panic!("{error}: {add}"));
        }

        let below = catalog::describe(&mut source, &schema, &name).await.unwrap();
        assert_eq!(differences(&wanted, &below.for_shard()), [], "{name}");
        assert_eq!(below.auto_increment, None, "{name}");
        // Read through vtgate, an expression has four question marks for a character beyond U+FFFF: a
        // table that is there is then refused, never taken for another.
        let through = catalog::describe(&mut target, &schema, &name).await.unwrap();
        let different = differences(&wanted, &through.for_shard());
        assert!(
            different.iter().all(|difference| difference.what.contains("????")),
            "{different:?}"
        );
        assert_eq!(different.len(), usize::from(name == "t0"), "{different:?}");
    }
}

#[tokio::test]
async fn tables_of_more_columns_than_a_tablet_gives_rows_are_described() {
    let vitess = shared().await;
    let columns: Vec<String> = (0..1_017).map(|number| format!("c{number} TINYINT")).collect();
    let mut statements = vec![format!("CREATE TABLE wide0 ({})", columns.join(","))];
    statements.extend((1..10).map(|number| format!("CREATE TABLE wide{number} LIKE wide0")));
    vitess.execute("shop:-80", &statements.join(";")).await.unwrap();
    let of_shard = at(vitess.port()).for_shard("shop", "-80");
    let mut session = Session::connect(&of_shard, Role::Target).await.unwrap();
    let schema = session.schema().to_owned();

    let names: Vec<String> = (0..10).map(|number| format!("wide{number}")).collect();
    let described = catalog::describe_all(&mut session, &schema, &names).await.unwrap();

    assert_eq!(described.len(), 10);
    for (name, description) in described {
        assert_eq!(description.unwrap().columns.len(), 1_017, "{name}");
    }
}
