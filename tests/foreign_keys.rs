//! `foreign_keys: create`: a keyspace gets the source's foreign keys, after the rows, or the plan is refused.

use whimbrel_kit::{KitError, eventually, mysql_async::prelude::Queryable};

use crate::{keyspace_refusals::World, support::Migration};

/// Two tables that belong together, and one that refers to what every shard has. Some rows refer to none.
const SCHEMA: &str = "USE shop; SET foreign_key_checks = 0;
    CREATE TABLE parents (id INT NOT NULL PRIMARY KEY, name VARCHAR(20) NOT NULL);
    CREATE TABLE children (id INT NOT NULL, parent INT NOT NULL, PRIMARY KEY (parent, id), KEY by_id (id),
      CONSTRAINT of_parent FOREIGN KEY (parent) REFERENCES parents (id) ON DELETE CASCADE);
    CREATE TABLE notes (id INT NOT NULL PRIMARY KEY, kind INT NULL, KEY by_kind (kind),
      CONSTRAINT of_kind FOREIGN KEY (kind) REFERENCES reference (id) ON DELETE SET NULL);
    INSERT INTO parents VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd'), (5, 'e'), (6, 'f');
    INSERT INTO children VALUES (1, 1), (1, 2), (2, 2), (1, 3), (1, 4), (1, 5), (1, 6), (1, 99), (2, 98);
    INSERT INTO notes VALUES (1, 1), (2, NULL), (3, 2), (4, 77), (5, 1), (6, 2)";

const TABLES: [&str; 4] = ["children", "notes", "parents", "reference"];
const SHARDS: [&str; 2] = ["-80", "80-"];

const SHARDING: &str = "sharding:
  parents: { column: id, vindex: xxhash }
  children: { column: parent, vindex: xxhash }
  notes: { column: id, vindex: xxhash }
";

/// A plan that makes foreign keys.
fn creating<'w>(world: &'w World, keyspace: &str, tables: &[&str], more: &str) -> Migration<'w> {
    let migration = world.migration(keyspace, tables, more);
    migration.rename("referring");
    let part = format!("keyspace: {keyspace}");
    migration.edit(&part, &format!("{part}, vschema: apply, foreign_keys: create"));
    migration
}

/// The foreign keys that a shard of `commerce` has.
async fn there(world: &World, shard: &str) -> Vec<String> {
    let sql = "SELECT CONCAT(CONSTRAINT_NAME, ' ', DELETE_RULE) FROM information_schema.REFERENTIAL_CONSTRAINTS
               WHERE CONSTRAINT_SCHEMA = DATABASE() ORDER BY CONSTRAINT_NAME";
    world.vitess.shard_rows(("commerce", shard), sql).await.unwrap()
}

/// Leaves tables of the source behind, and neither tables nor parts of a vschema on the target.
pub(crate) async fn are_refused_where_they_cannot_hold(world: &World) {
    world.source.execute(SCHEMA).await.unwrap();
    let known = async || -> Vec<String> {
        let mut known = Vec::new();
        for keyspace in ["commerce", "main", "closed"] {
            known.extend(
                world.vitess.rows::<String>(keyspace, "SHOW VSCHEMA TABLES").await.unwrap(),
            );
        }
        known
    };
    let before = known().await;
    let apart = SHARDING.replace("column: parent,", "column: id,");
    let all = TABLES.as_slice();
    let cases: [(&str, &[&str], &str, &[&str]); 3] = [
        (
            "commerce",
            all,
            &apart,
            &[
                "`children`: its foreign key `of_parent` of (parent) refers to `parents` (id): `children` is \
                 placed by `xxhash` of (id), and `parents` is placed by `xxhash` of (id), so that a row and \
                 the one it refers to may be on two shards",
                "make `parents` a reference table; or say `foreign_keys: leave_out`",
            ],
        ),
        (
            "main",
            &["children", "notes"],
            "",
            &[
                "`children`: its foreign key `of_parent` of (parent) refers to `parents` (id), which the plan \
                 does not move into the keyspace",
                "`notes`: its foreign key `of_kind` of (kind) refers to `reference` (id), which the plan",
                "help: move `reference`, too, or say `foreign_keys: leave_out`",
            ],
        ),
        (
            "closed",
            all,
            "",
            &["error [vitess-foreign-keys-disallowed]: ", "keyspace `closed`", "to `unmanaged`"],
        ),
    ];
    for (keyspace, tables, more, texts) in cases {
        creating(world, keyspace, tables, more).refused(3, texts).await;
    }
    assert_eq!(known().await, before);
}

/// On each shard, also after a kill between two of them, and for rows that no foreign key would let pass.
pub(crate) async fn are_made_on_each_shard(world: &World) {
    // One shard has a table with its foreign key, the other one a table without.
    world
        .below(
            "USE `vt_commerce_-80`; SET foreign_key_checks = 0; CREATE TABLE children (id INT NOT NULL,
               parent INT NOT NULL, PRIMARY KEY (parent, id), KEY by_id (id),
               CONSTRAINT of_parent FOREIGN KEY (parent) REFERENCES parents (id) ON DELETE CASCADE);
             USE `vt_commerce_80-`; CREATE TABLE notes (id INT NOT NULL PRIMARY KEY, kind INT NULL,
               KEY by_kind (kind));
             CREATE TABLE another (id INT NOT NULL PRIMARY KEY, of_id INT NULL,
               CONSTRAINT of_kind FOREIGN KEY (of_id) REFERENCES another (id))",
        )
        .await;
    let mut migration = creating(world, "commerce", &TABLES, SHARDING);
    let taken = [
        "shard `80-`: ",
        "`notes`: its foreign key `of_kind` has the name of one that `another` has",
    ];
    migration.refused(3, &taken).await;
    world.below("DROP TABLE `vt_commerce_80-`.another").await;

    let below = world.vitess.mysql();
    let mut reading = below.connect_to("vt_commerce_80-").await.unwrap();
    reading.query_drop("BEGIN; SELECT * FROM notes").await.unwrap();
    let running = migration.start(&[]);
    let waiting = "SELECT ID FROM information_schema.PROCESSLIST
                   WHERE INFO LIKE 'alter table%of_kind%' AND STATE = 'Waiting for table metadata lock'";
    eventually("a foreign key that waits for its table", 60, async || {
        let waits = below.row::<u64>(waiting).await?.is_some();
        Ok::<_, KitError>(waits && there(world, SHARDS[0]).await.len() == 2)
    })
    .await
    .unwrap();
    running.kill();
    // It would be done without a runner as well.
    let waiting: Option<u64> = below.row(waiting).await.unwrap();
    below.execute(&format!("KILL QUERY {}", waiting.unwrap())).await.unwrap();
    reading.query_drop("ROLLBACK").await.unwrap();
    assert_eq!(there(world, SHARDS[1]).await, ["of_parent CASCADE"]);
    migration.catch_up().await;

    for shard in SHARDS {
        assert_eq!(there(world, shard).await, ["of_kind SET NULL", "of_parent CASCADE"], "{shard}");
    }
    let orphans = "USE shop; SET foreign_key_checks = 0; DELETE FROM parents WHERE id IN (1, 2, 5);
                   UPDATE children SET parent = 97 WHERE parent = 3; INSERT INTO children VALUES (1, 96);
                   DELETE FROM reference WHERE id = 1";
    world.source.execute(orphans).await.unwrap();
    migration.catch_up().await;
    for table in &TABLES[..3] {
        migration.target_database = world.vitess.gather("commerce", table).await.unwrap();
        migration.assert_equal(&[table]).await;
    }
    for parent in 100..104 {
        let insert = format!("INSERT INTO children (id, parent) VALUES (1, {parent})");
        let refused = world.vitess.execute("commerce", &insert).await.unwrap_err().to_string();
        assert!(refused.contains("foreign key constraint fails"), "{refused}");
    }
}
