//! `vschema: apply`: what a keyspace's vschema lacks of a plan is shown, then added, and nothing else is touched.

use whimbrel_kit::{KitError, Vitess, eventually};

use crate::{keyspace_refusals::World, support::Migration};

const TABLES: [&str; 3] = ["unsaid", "otherwise", "fine"];

/// By one vindex, which they share; by one of its own; by one that is made of others, and numbered.
const SHARDING: &str = "sharding:
  unsaid: { column: id, vindex: xxhash }
  otherwise: { column: id, vindex: xxhash }
  fine: { columns: [region, id], vindex: multicol, params: PARAMS, sequence: main.new_seq }
";

/// As `SHARDING` has them in place of `PARAMS`.
const PARAMS: &str = "{ column_count: '2', column_bytes: '2,6', column_vindex: 'hash,hash' }";

/// What these mean to vtgate, in the order in which they are run.
const STATEMENTS: [&str; 7] = [
    "ALTER VSCHEMA ON later.unsaid ADD VINDEX xxhash(id) USING xxhash",
    "ALTER VSCHEMA ON later.otherwise ADD VINDEX xxhash(id) USING xxhash",
    "ALTER VSCHEMA ON later.fine ADD VINDEX multicol(region, id) USING multicol WITH \
     column_bytes=`2,6`, column_count=2, column_vindex=`hash,hash`",
    "CREATE TABLE main.new_seq (id BIGINT NOT NULL PRIMARY KEY, next_id BIGINT NOT NULL, cache BIGINT NOT NULL) \
     COMMENT 'vitess_sequence'",
    "INSERT INTO main.new_seq (id, next_id, cache) VALUES (0, 1, 1000)",
    "ALTER VSCHEMA ADD SEQUENCE main.new_seq",
    "ALTER VSCHEMA ON later.fine ADD AUTO_INCREMENT id USING main.new_seq",
];

const SHOWN: &str = "adding to the vschema what it lacks of the plan:";

/// What vtgate knows of all vindexes and of the tables of `later` and `main`.
async fn known(vitess: &Vitess) -> Vec<String> {
    type Vindex = (String, String, String, String, String);
    let mut known = Vec::new();
    let vindexes: Vec<Vindex> = vitess.rows("later", "SHOW VSCHEMA VINDEXES").await.unwrap();
    known.extend(vindexes.iter().map(|vindex| format!("{vindex:?}")));
    for keyspace in ["later", "main"] {
        let tables: Vec<String> = vitess.rows(keyspace, "SHOW VSCHEMA TABLES").await.unwrap();
        known.extend(tables.iter().map(|table| format!("{keyspace}.{table}")));
    }
    known
}

/// Moves into a keyspace of several shards whose vschema is empty.
pub(crate) async fn is_added_to_and_never_changed(world: &mut World) {
    let vitess = &world.vitess;
    let region = "ALTER TABLE shop.fine ADD COLUMN region SMALLINT NOT NULL DEFAULT 7";
    world.source.execute(region).await.unwrap();
    let sharding = SHARDING.replace("PARAMS", PARAMS);
    let before = known(vitess).await;

    // By hand, as it is by default.
    let not_there = "`unsaid`: the plan shards it, and the keyspace `later` is not sharded";
    let by_hand = format!("`{}`, or say `vschema: apply`", STATEMENTS[0]);
    world.refuses(("later", &TABLES), &sharding, &[not_there, &by_hand]).await;

    // Where a part of it cannot be, nothing is.
    let refused = async |migration: &Migration<'_>, texts: &[&str]| {
        migration.edit("keyspace: later", "keyspace: later, vschema: apply");
        migration.refused(3, texts).await;
        assert_eq!(known(vitess).await, before);
    };
    let tables = [&TABLES[..], &["reference", "pinned"]].concat();
    let more = format!("{sharding}  reference: {{ reference: true }}\n");
    let texts = [
        "`pinned`: the vschema of `later` does not know it",
        "help: say in it which shard has a row: `ALTER VSCHEMA ON later.pinned ADD VINDEX",
        "`reference`: the vschema of `later` does not know it",
        "help: add `\"reference\": {\"type\": \"reference\"}` to the vschema's tables with \
         `vtctldclient ApplyVSchema`",
    ];
    refused(&world.migration("later", &tables, &more), &texts).await;
    let there = "CREATE TABLE `vt_later_80-`.unsaid (id INT NOT NULL PRIMARY KEY)";
    vitess.mysql().execute(there).await.unwrap();
    let in_the_way = ["shard `80-`: ", "`unsaid`: column `mail` is missing"];
    let two = SHARDING.lines().take(3).collect::<Vec<_>>().join("\n");
    refused(&world.migration("later", &TABLES[..2], &two), &in_the_way).await;
    vitess.mysql().execute("DROP TABLE `vt_later_80-`.unsaid").await.unwrap();
    let elsewhere = sharding.replace("main.new_seq", "commerce.new_seq");
    let no_place = "`fine`: vtgate knows no sequence `commerce.new_seq`";
    refused(&world.migration("later", &TABLES, &elsewhere), &[no_place]).await;

    // Killed once the first of it is there; then what is missing alone.
    let migration = world.migration("later", &TABLES, &sharding);
    migration.edit("keyspace: later", "keyspace: later, vschema: apply");
    let mut running = migration.start(&["--until", "caught-up"]);
    running.says(SHOWN).await;
    let first = async || Ok::<_, KitError>(known(vitess).await != before);
    eventually("vtgate knows the first table", 30, first).await.unwrap();
    let log = running.log();
    running.kill();
    assert_eq!(shown(&log), STATEMENTS, "{log}");
    let (code, log) = migration.start(&["--until", "caught-up"]).ended().await;
    assert_eq!(code, Some(0), "{log}");
    let missing = shown(&log);
    assert!(missing.len() < STATEMENTS.len() && STATEMENTS.ends_with(&missing), "{log}");
    let (code, log) = migration.start(&["--until", "caught-up"]).ended().await;
    assert_eq!((code, shown(&log)), (Some(0), Vec::new()), "{log}");

    are_found(vitess).await;

    // Parts that somebody removed come again; what says something else stays, and is refused.
    let drop = "ALTER VSCHEMA ON later.unsaid DROP VINDEX xxhash";
    vitess.execute("later", drop).await.unwrap();
    let (code, log) = migration.start(&["--until", "caught-up"]).ended().await;
    assert_eq!((code, shown(&log)), (Some(0), STATEMENTS[..1].to_vec()), "{log}");
    let there = known(vitess).await;
    let more = "sharding: { otherwise: { column: id, vindex: hash } }\n";
    let migration = world.migration("commerce", &["otherwise"], more);
    migration.rename("another");
    migration.edit("keyspace: commerce", "keyspace: commerce, vschema: apply");
    let otherwise = "the plan says `hash` of (id), and the vschema `xxhash` of (id)";
    migration.refused(3, &[otherwise]).await;
    assert_eq!(known(vitess).await, there);
    is_added_to_unsharded_keyspaces(world).await;
    is_refused_where_it_is_not_allowed(world).await;
}

/// vtgate finds each row where it is, and numbers new ones.
async fn are_found(vitess: &Vitess) {
    for table in TABLES {
        let sql = format!("SELECT id FROM {table} WHERE id = 2");
        let wanted = if table == "fine" { format!("{sql} AND region = 7") } else { sql };
        assert_eq!(vitess.rows::<u64>("later", &wanted).await.unwrap(), [2], "{table}");
    }
    let insert = "INSERT INTO fine (region, mail, price) VALUES (7, 'new', 1)";
    vitess.execute("later", insert).await.unwrap();
    let new = "SELECT id FROM fine WHERE mail = 'new'";
    assert!(vitess.rows::<u64>("later", new).await.unwrap()[0] > 2);
}

/// A keyspace of one shard gets its tables, and a sequence that has none its row.
async fn is_added_to_unsharded_keyspaces(world: &World) {
    let sequence = "sharding: { priced: { sequence: main.empty_seq } }\n";
    let migration = world.migration("main", &["priced"], sequence);
    migration.edit("keyspace: main", "keyspace: main, vschema: apply");

    let (code, log) = migration.start(&["--until", "caught-up"]).ended().await;

    assert_eq!(code, Some(0), "{log}");
    let row = "INSERT INTO main.empty_seq (id, next_id, cache) VALUES (0, 1, 1000)";
    assert_eq!(shown(&log), ["ALTER VSCHEMA ADD TABLE main.priced", row]);
    assert!(known(&world.vitess).await.contains(&"main.priced".to_owned()));
    let (code, log) = migration.start(&["--until", "caught-up"]).ended().await;
    assert_eq!((code, shown(&log)), (Some(0), Vec::new()), "{log}");
}

/// Who may not change a vschema is told so, and nothing is made.
async fn is_refused_where_it_is_not_allowed(world: &mut World) {
    world.vitess.add_flag("--vschema-ddl-authorized-users=somebody");
    world.vitess.restart().await.unwrap();
    let there = known(&world.vitess).await;
    let migration = world.migration("main", &["nullable"], "");
    migration.rename("another");
    migration.edit("keyspace: main", "keyspace: main, vschema: apply");

    let texts = [
        SHOWN,
        "error[run.vschema]: vtgate does not take `ALTER VSCHEMA ADD TABLE main.nullable`",
        "is not authorized to perform vschema operations",
        "`--vschema-ddl-authorized-users`",
    ];
    migration.refused(3, &texts).await;

    assert_eq!(known(&world.vitess).await, there);
    let made = "SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'vt_main_0' AND TABLE_NAME = 'nullable'";
    assert!(world.vitess.mysql().rows::<u64>(made).await.unwrap().is_empty());
}

/// The statements that a run told of.
fn shown(log: &str) -> Vec<&str> {
    let Some((_, behind)) = log.split_once(SHOWN) else { return Vec::new() };
    let lines = behind.lines().skip(1).map_while(|line| line.strip_prefix("  "));
    lines.collect()
}
