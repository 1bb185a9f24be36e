//! `whimbrel run` into a keyspace of Vitess, through a real vtgate, with a live writer on the source.

use whimbrel_kit::{
    Keyspace, KitError, Server, Vitess, Writer, eventually, mysql_async::prelude::Queryable,
};

use crate::{
    run::{SCHEMA, TABLES, fill},
    support::{Migration, Running},
};

/// By a column that is not in the key and that the writer changes, through a vindex that only vtgate knows; by one
/// that another unique key does not contain; by text that is equal in many spellings; by a part of the key. Each
/// with its values' literal.
const SHARDED_BY: [(&str, &str, &str); 4] = [
    ("orders", "customer", "customer"),
    ("people", "id", "id"),
    ("words", "word", "QUOTE(word)"),
    ("pairs", "a", "a"),
];

const VSCHEMA: &str = r#"{
    "sharded": true,
    "vindexes": {
        "xxhash": {"type": "xxhash"}, "hash": {"type": "hash"}, "house": {"type": "house"},
        "loose": {"type": "unicode_loose_xxhash"}
    },
    "tables": {
        "orders": {"column_vindexes": [{"column": "customer", "name": "house"}]},
        "people": {"column_vindexes": [{"column": "id", "name": "hash"}]},
        "words": {"column_vindexes": [{"column": "word", "name": "loose"}]},
        "pairs": {"column_vindexes": [{"column": "a", "name": "xxhash"}]},
        "by_customer": {"column_vindexes": [{"column": "customer", "name": "xxhash"}]}
    }
}"#;

/// Whose places vtgate is asked for.
const ASKED: &str = "sharding: { orders: { ask_vtgate: true } }\n";

/// Orders by customer, in groups that updates move from shard to shard.
const ROLLUP: &str = "materialize:
  by_customer:
    from: orders
    group_by: { customer: customer }
    aggregates: { orders: count(), revenue: sum(price), dearest: max(price) }
    create: |
      CREATE TABLE by_customer (customer INT NOT NULL PRIMARY KEY, orders BIGINT NOT NULL,
        revenue DECIMAL(30,2) NULL, dearest DECIMAL(12,2) NULL)
";

/// A source, and the keyspace `commerce`.
struct World {
    source: Server,
    vitess: Vitess,
}

impl World {
    async fn new(shards: &[&str], vschema: &str, rows: u32) -> Self {
        let keyspaces = [Keyspace { name: "commerce", shards, vschema }];
        let (source, vitess) = tokio::join!(Server::start(), Vitess::start(&keyspaces));
        let (source, vitess) = (source.unwrap(), vitess.unwrap());
        source.execute("CREATE DATABASE shop").await.unwrap();
        source.execute(&format!("USE shop; {SCHEMA}; {}", fill(rows))).await.unwrap();
        Self { source, vitess }
    }

    /// A plan for all tables. The database `gathered` is where the shards' rows are brought together.
    fn migration(&self, more: &str) -> Migration<'_> {
        let below = (self.vitess.mysql(), "gathered");
        let is_sharded = self.vitess.shards("commerce").len() > 1;
        let more = format!("{}{more}", if is_sharded { ASKED } else { "" });
        let migration = Migration::new((&self.source, "shop"), below, &TABLES, &more);
        migration.aim_at_keyspace(&self.vitess.url(), "commerce");
        migration
    }

    fn writer(&self) -> whimbrel_kit::WriterBuilder {
        Writer::on(&self.source, "shop", &TABLES)
    }

    /// Wants each row of the source on exactly one shard.
    async fn assert_equal(&self, migration: &mut Migration<'_>) {
        for table in TABLES {
            migration.target_database = self.vitess.gather("commerce", table).await.unwrap();
            migration.assert_equal(&[table]).await;
        }
    }

    /// Wants each row on the shard where vtgate looks for it.
    async fn assert_placed(&self) {
        for (table, column, literal) in SHARDED_BY {
            let values = format!("SELECT DISTINCT CONCAT({literal}) FROM {table}");
            let count = format!("SELECT COUNT(*) FROM {table}");
            let (mut all, mut found) = (0, 0);
            for shard in self.vitess.shards("commerce") {
                let shard = ("commerce", shard.as_str());
                let rows: Vec<u64> = self.vitess.shard_rows(shard, &count).await.unwrap();
                let values: Vec<String> = self.vitess.shard_rows(shard, &values).await.unwrap();
                all += rows[0];
                for values in values.chunks(500) {
                    let found_in = format!("{count} WHERE {column} IN ({})", values.join(","));
                    let rows: Vec<u64> = self.vitess.shard_rows(shard, &found_in).await.unwrap();
                    let routed: Vec<u64> = self.vitess.rows("commerce", &found_in).await.unwrap();
                    assert_eq!(routed, rows, "`{table}` on {shard:?}");
                    found += rows[0];
                }
            }
            assert_eq!(found, all, "`{table}`");
        }
    }
}

/// Everything on its only shard, numbers included.
#[tokio::test]
async fn an_unsharded_keyspace_is_written_as_a_database_is() {
    let world = World::new(&["0"], "{}", 3_000).await;
    let mut migration = world.migration(ROLLUP);
    let writer = world.writer().start().await.unwrap();
    writer.commits(50).await.unwrap();

    migration.catch_up().await;
    writer.stop().await.unwrap();
    migration.catch_up().await;

    world.assert_equal(&mut migration).await;
    assert_eq!(migration.status()["pieces_held"], migration.status()["pieces"]);
    let created: Vec<String> = world
        .vitess
        .shard_rows(
            ("commerce", "0"),
            "SELECT EXTRA FROM information_schema.COLUMNS \
         WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'orders' AND COLUMN_NAME = 'id'",
        )
        .await
        .unwrap();
    assert_eq!(created, ["auto_increment"]);
}

/// What is wrong on one shard is told as fully as what is wrong on a server.
#[tokio::test]
async fn a_table_that_one_shard_has_already_is_refused_with_all_that_is_wrong_with_it() {
    let world = World::new(&["-80", "80-"], VSCHEMA, 10).await;
    let there = "CREATE TABLE pairs (a INT NOT NULL PRIMARY KEY); INSERT INTO pairs VALUES (1)";
    world.vitess.execute("commerce:80-", there).await.unwrap();

    let texts = [
        "error[run.tables]: shard `80-`: tables of the plan cannot be moved as they are",
        "`pairs`: the target's table holds rows that this plan did not write",
        "TRUNCATE TABLE",
    ];
    world.migration("").refused(3, &texts).await;
    let nowhere = world.migration("");
    nowhere.edit("keyspace: commerce", "keyspace: nowhere");
    let text = "error[run.keyspace]: the keyspace `nowhere`: vtgate knows none of that name";
    nowhere.refused(3, &[text, "SHOW VSCHEMA KEYSPACES"]).await;
    rows_that_vtgate_does_not_place(&world).await;
}

/// What no promise is given of is not asked for, and a row whose value vtgate does not map has no place.
async fn rows_that_vtgate_does_not_place(world: &World) {
    let unasked = world.migration("");
    unasked.edit(ASKED, "");
    let texts = [
        "`orders`: where its rows are cannot be computed: `house` is no type of vindex that is known",
        "say `ask_vtgate: true` of the table",
    ];
    unasked.refused(3, &texts).await;
    let known = world.migration("");
    known.edit("ask_vtgate: true }", "ask_vtgate: true }, words: { ask_vtgate: true }");
    let texts = [
        "`words`: the plan asks vtgate where each row goes, and `unicode_loose_xxhash` of (word), by which",
        "leave `ask_vtgate` out of `sharding`",
    ];
    known.refused(3, &texts).await;
    world.vitess.execute("commerce:80-", "DROP TABLE pairs").await.unwrap();
    let move_to = async |customer: i32| {
        let update = format!("UPDATE shop.orders SET customer = {customer} WHERE id = 1");
        world.source.execute(&update).await.unwrap();
    };
    move_to(1_860_167_738).await;
    let texts = [
        "error[run.unplaced-row]: a row of `orders` belongs to no shard by `customer`: vtgate maps its value to \
         no keyspace id (found in piece ",
        " of the copy of `orders`)",
        "give the row a value of `customer` that the vindex maps, then run again",
        "`_whimbrel_chunks` of the first shard (`table_id` ",
    ];
    world.migration("").refused(1, &texts).await;
    move_to(5).await;
    let mut migration = world.migration("");
    migration.catch_up().await;
    world.assert_equal(&mut migration).await;

    move_to(1_860_167_738).await;
    let executed: String = world.source.row("SELECT @@gtid_executed").await.unwrap().unwrap();
    let (server, last) =
        (executed.split(':').next().unwrap(), executed.rsplit('-').next().unwrap());
    let texts = [
        &format!("(written by transaction {server}:{last}, as a row of `orders`)"),
        "the transaction comes again with every run",
        &format!("mysqlbinlog --include-gtids={server}:{last} "),
    ];
    migration.refused(1, &texts).await;
}

/// Each shard would see one of the two rows of a key, and none the other.
#[tokio::test]
async fn keys_that_several_sources_may_have_are_sharded_by_nothing_else() {
    let vschema = VSCHEMA.replace("by_customer", "merged");
    let world = World::new(&["-80", "80-"], &vschema, 10).await;
    world.source.execute("CREATE TABLE shop.later LIKE shop.orders").await.unwrap();
    let merged = "materialize: { merged: { from: [orders, later], key: [id] } }\n";
    let migration = world.migration(merged);

    let what = "`merged`: several sources may have one key of it, and it is sharded by `customer`";
    migration.refused(3, &["error[run.tables]", what, "columns of its key"]).await;
}

/// Rows that are there would lie where nobody looks for them.
#[tokio::test]
async fn a_vschema_that_changed_between_two_runs_is_refused() {
    let mut world = World::new(&["-80", "80-"], VSCHEMA, 100).await;
    let refers = "SET foreign_key_checks = 0; ALTER TABLE shop.pairs \
                  ADD CONSTRAINT of_order FOREIGN KEY (a) REFERENCES shop.orders (id)";
    world.source.execute(refers).await.unwrap();
    let begun = world.migration("").start(&["--until", "caught-up"]).ended().await;
    assert_eq!(begun.0, Some(0), "{}", begun.1);
    assert!(
        begun.1.contains(
            "stays behind: foreign key `of_order` (of `pairs`, ON DELETE NO ACTION: the run makes it on no shard"
        ),
        "{}",
        begun.1
    );
    // The next runs would wait for the report of a runner that lives; this one told that it has ended.
    let young = "UPDATE `vt_commerce_-80`._whimbrel_plan SET updated_at = NOW(6) + INTERVAL 1 HOUR";
    world.vitess.mysql().execute(young).await.unwrap();
    let other = VSCHEMA.replace("\"customer\", \"name\": \"house\"", "\"id\", \"name\": \"house\"");
    world.vitess.set_vschema("commerce", &other).await.unwrap();

    let migration = world.migration("");
    // The folder of the plan is another one, its name is not.
    let what = "`orders`: the vschema placed its rows by `house` of (customer) when this plan began, \
                and by `house` of (id) now";
    migration.refused(3, &[what, "change the vschema back"]).await;
    world.vitess.set_vschema("commerce", VSCHEMA).await.unwrap();
    world.migration("").catch_up().await;
    waits_for_a_full_pool(&world).await;
    other_shards_are_told(&world).await;
}

/// An application that has all transactions open that a tablet allows.
async fn waits_for_a_full_pool(world: &World) {
    const TRANSACTIONS: usize = 20;
    let mut open = Vec::new();
    for _ in 0..TRANSACTIONS {
        let mut conn = world.vitess.connect_to("commerce:80-").await.unwrap();
        conn.query_drop("BEGIN").await.unwrap();
        conn.query_drop("SELECT 1 FROM orders LIMIT 1").await.unwrap();
        open.push(conn);
    }
    let migration = world.migration("");
    let mut running = migration.start(&["--until", "caught-up"]);
    let what = "waits, and tries again: shard `80-`: ";
    running.says(what).await;
    running.says("vttablet --queryserver-config-transaction-cap").await;
    drop(open);
    let (code, log) = running.ended().await;
    assert_eq!(code, Some(0), "{log}");
}

/// Shards that are others than when the plan began, or have lost what they kept.
async fn other_shards_are_told(world: &World) {
    let below = world.vitess.mysql();
    below.execute("CREATE DATABASE shop_away").await.unwrap();
    let migration = world.migration("");
    let name = async |name: &str| {
        let update = "UPDATE `vt_commerce_-80`._whimbrel_shards SET name = ";
        below.execute(&format!("{update}'{name}' WHERE number = 0")).await.unwrap();
    };
    name("-40").await;
    let texts = [
        "the keyspace had the shards -40, 80- when this plan began, and has -80, 80- now",
        "reshard before or after it",
    ];
    migration.refused(1, &texts).await;
    migration.status_fails("run.resharded", &texts);
    name("-80").await;

    let of_second = "`vt_commerce_80-`._whimbrel_lanes";
    below.execute(&format!("RENAME TABLE {of_second} TO shop_away.lanes")).await.unwrap();
    let texts =
        ["shard `80-`: ", "_whimbrel_lanes' doesn't exist", "begin again under a new `name`"];
    migration.refused(1, &texts).await;
    migration.status_fails("run.server", &texts);
    below.execute(&format!("RENAME TABLE shop_away.lanes TO {of_second}")).await.unwrap();

    let lose = "DROP DATABASE `vt_commerce_-80`; CREATE DATABASE `vt_commerce_-80`";
    below.execute(lose).await.unwrap();
    let texts = [
        "error[run.foreign-state]: shard `80-`: it keeps state of an earlier plan `test`, of which \
         the first shard knows nothing",
        "restore the first shard",
    ];
    migration.refused(1, &texts).await;
    let made =
        "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'vt_commerce_-80'";
    assert_eq!(below.rows::<String>(made).await.unwrap(), Vec::<String>::new());
}

/// vtgate dies and comes back, in the preparation, in the copy and later, while rows move between shards.
#[tokio::test]
async fn a_run_waits_for_a_vtgate_that_was_killed_and_says_so() {
    let mut world = World::new(&["-80", "80-"], VSCHEMA, 10_000).await;
    let migration = world.migration("limits: { rows_per_second: 8000 }\n");
    let folder = migration.into_folder();
    let plan = folder.path().join("plan.yaml");
    let run = || {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_whimbrel"));
        command.args(["run", "--every", "1"]).arg(&plan);
        command
    };

    // A lock keeps the preparation where it has reached both servers, and looks at what is there.
    let (_, create): (String, String) =
        world.source.row("SHOW CREATE TABLE shop.pairs").await.unwrap().unwrap();
    world.vitess.execute("commerce:80-", &create).await.unwrap();
    let mut lock = world.vitess.mysql().connect_to("vt_commerce_80-").await.unwrap();
    lock.query_drop("LOCK TABLES pairs WRITE").await.unwrap();
    let mut running = Running::of(run(), folder.path().join("log"));
    eventually("a preparation that waits for a table", 60, async || {
        let waits = "SELECT COUNT(*) FROM information_schema.PROCESSLIST \
                     WHERE STATE = 'Waiting for table metadata lock'";
        Ok::<_, KitError>(world.vitess.mysql().row::<u64>(waits).await? == Some(1))
    })
    .await
    .unwrap();
    world.vitess.kill_hard().await.unwrap();
    lock.disconnect().await.unwrap();
    running.says("waits, and tries again: ").await;
    world.vitess.restart().await.unwrap();
    let writer = world.writer().start().await.unwrap();

    running.says("rows/s").await;
    world.vitess.kill_hard().await.unwrap();
    running.says("waits for shard `").await;
    writer.commits(50).await.unwrap();
    world.vitess.restart().await.unwrap();
    running.says("following").await;
    world.vitess.kill_hard().await.unwrap();
    writer.commits(50).await.unwrap();
    world.vitess.restart().await.unwrap();
    writer.stop().await.unwrap();
    running.interrupt();
    assert_eq!(running.ended().await.0, Some(0));

    let mut migration = world.migration("limits: { rows_per_second: 8000 }\n");
    migration.catch_up().await;
    world.assert_equal(&mut migration).await;
    world.assert_placed().await;
}

/// How the rows of the runs get to their shards.
enum Way {
    /// Through vtgate.
    Gate,
    /// Straight to the shards' server and through vtgate in turn.
    InTurn,
}

/// Kills the run again and again while rows are written and moved between shards.
async fn survives_kills(shards: &[&str], way: Way) {
    let world = World::new(shards, VSCHEMA, 10_000).await;
    let more = format!("limits: {{ rows_per_second: 8000 }}\n{ROLLUP}");
    // One plan: the way to its shards is none of its name.
    let (through, mut migration) = (world.migration(&more), world.migration(&more));
    if let Way::InTurn = way {
        let server = world.vitess.mysql().url();
        let tablets: Vec<_> = shards.iter().map(|&shard| (shard, server.as_str())).collect();
        migration.aim_at_tablets("commerce", &tablets);
    }
    let writer = world.writer().start().await.unwrap();

    for number in 0..5 {
        let migration = if number % 2 == 0 { &migration } else { &through };
        let mut running = migration.start(&["--take-over"]);
        running.says("rows/s").await;
        writer.commits(20).await.unwrap();
        running.kill();
    }
    writer.stop().await.unwrap();
    migration.catch_up().await;

    if let Way::InTurn = way {
        // vtgate takes no files.
        let loads = "SHOW GLOBAL STATUS LIKE 'Com_load'";
        let (_, count): (String, u64) = world.vitess.mysql().row(loads).await.unwrap().unwrap();
        assert!(count > 0, "no row went past vtgate");
    }
    world.assert_equal(&mut migration).await;
    world.assert_placed().await;
    let group_by = "SELECT CONCAT_WS('|', customer, COUNT(*), SUM(price), MAX(price)) \
                    FROM shop.orders GROUP BY customer ORDER BY customer";
    let gathered = world.vitess.gather("commerce", "by_customer").await.unwrap();
    let shown = format!(
        "SELECT CONCAT_WS('|', customer, orders, revenue, dearest) \
         FROM `{gathered}`.by_customer ORDER BY customer"
    );
    let wanted: Vec<String> = world.source.rows(group_by).await.unwrap();
    let found: Vec<String> = world.vitess.mysql().rows(&shown).await.unwrap();
    assert_eq!(found, wanted);
}

#[tokio::test]
async fn a_run_into_two_shards_that_is_killed_again_and_again_loses_nothing() {
    survives_kills(&["-80", "80-"], Way::InTurn).await;
}

#[tokio::test]
async fn a_run_into_four_shards_that_is_killed_again_and_again_loses_nothing() {
    survives_kills(&["-40", "40-80", "80-c0", "c0-"], Way::Gate).await;
}
