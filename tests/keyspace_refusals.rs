//! What of a keyspace stands in the way of a plan, and what the program says about it: nothing is made by any
//! of these.

use whimbrel_kit::{Keyspace, Server, Vitess};

use crate::{foreign_keys, support::Migration, vschema::is_added_to_and_never_changed};

const VSCHEMA: &str = r#"{
    "sharded": true,
    "vindexes": {
        "xxhash": {"type": "xxhash"}, "hash": {"type": "hash"},
        "by_mail": {"type": "consistent_lookup_unique", "owner": "looked_up",
                    "params": {"table": "main.mails", "from": "mail", "to": "keyspace_id"}},
        "by_number": {"type": "lookup_hash", "owner": "hashed",
                      "params": {"table": "main.numbers", "from": "mail", "to": "id"}}
    },
    "tables": {
        "otherwise": {"column_vindexes": [{"column": "id", "name": "xxhash"}]},
        "reference": {"type": "reference"},
        "nullable": {"column_vindexes": [{"column": "mail", "name": "xxhash"}]},
        "priced": {"column_vindexes": [{"column": "price", "name": "xxhash"}]},
        "looked_up": {"column_vindexes": [{"column": "id", "name": "hash"},
                                          {"column": "mail", "name": "by_mail"}]},
        "hashed": {"column_vindexes": [{"column": "id", "name": "hash"},
                                       {"column": "mail", "name": "by_number"}]},
        "pinned": {"pinned": "00"},
        "fine": {"column_vindexes": [{"column": "id", "name": "xxhash"}],
                 "auto_increment": {"column": "id", "sequence": "main.empty_seq"}}
    }
}"#;
const MAIN: &str = r#"{"tables": {
    "fine_seq": {"type": "sequence"}, "empty_seq": {"type": "sequence"}, "mails": {}
}}"#;
const CLOSED: &str = r#"{"foreignKeyMode": "disallow", "tables": {}}"#;
const MANAGED: &str = r#"{"foreignKeyMode": "managed", "tables": {}}"#;

const TABLES: [&str; 9] = [
    "unsaid",
    "otherwise",
    "reference",
    "nullable",
    "priced",
    "looked_up",
    "hashed",
    "pinned",
    "fine",
];

/// A sequence without its row.
const SEQUENCE: &str =
    "CREATE TABLE empty_seq (id BIGINT NOT NULL PRIMARY KEY, next_id BIGINT NOT NULL,
     cache BIGINT NOT NULL) COMMENT 'vitess_sequence'";

/// A source whose tables are all alike, and keyspaces.
pub(crate) struct World {
    pub(crate) source: Server,
    pub(crate) vitess: Vitess,
}

impl World {
    async fn new() -> Self {
        let keyspaces = [
            Keyspace { name: "commerce", shards: &["-80", "80-"], vschema: VSCHEMA },
            Keyspace { name: "main", shards: &["0"], vschema: MAIN },
            Keyspace { name: "later", shards: &["-80", "80-"], vschema: "{}" },
            Keyspace { name: "managed", shards: &["0"], vschema: MANAGED },
            Keyspace { name: "closed", shards: &["0"], vschema: CLOSED },
        ];
        let (source, vitess) = tokio::join!(Server::start(), Vitess::start(&keyspaces));
        let (source, vitess) = (source.unwrap(), vitess.unwrap());
        source.execute("CREATE DATABASE shop").await.unwrap();
        for table in TABLES.iter().chain(&["fine_seq"]) {
            let create = format!(
                "CREATE TABLE shop.{table} (id INT NOT NULL PRIMARY KEY AUTO_INCREMENT,
                 mail VARCHAR(60) NULL, price DECIMAL(12,2) NOT NULL, UNIQUE KEY (mail));
                 INSERT INTO shop.{table} VALUES (1, 'a@example.com', 1), (2, NULL, 2)"
            );
            source.execute(&create).await.unwrap();
        }
        vitess.execute("main", SEQUENCE).await.unwrap();
        Self { source, vitess }
    }

    /// A plan that moves `tables` into `keyspace`.
    pub(crate) fn migration(&self, keyspace: &str, tables: &[&str], more: &str) -> Migration<'_> {
        let below = (self.vitess.mysql(), "below");
        let migration = Migration::new((&self.source, "shop"), below, tables, more);
        migration.aim_at_keyspace(&self.vitess.url(), keyspace);
        migration
    }

    /// Wants such a plan to be refused with each of `texts`, of which the first is the error's id.
    pub(crate) async fn refuses(
        &self,
        (keyspace, tables): (&str, &[&str]),
        more: &str,
        texts: &[&str],
    ) -> String {
        let migration = self.migration(keyspace, tables, more);
        let (code, log) = migration.start(&["--until", "caught-up"]).ended().await;
        println!("{log}");
        // Lines are broken where a terminal ends.
        for text in texts {
            assert!(log.contains(text), "`{text}` is not in\n{log}");
        }
        assert_eq!(code, Some(3), "{log}");
        log
    }

    pub(crate) async fn below(&self, sql: &str) {
        self.vitess.mysql().execute(sql).await.unwrap();
    }
}

/// The first statement that is named behind `name` in what the program says.
fn statement(log: &str, name: &str) -> String {
    let (_, behind) = log.split_once(name).unwrap();
    let (_, behind) = behind.split_once("`ALTER").unwrap();
    format!("ALTER{}", behind.split('`').next().unwrap())
}

#[tokio::test]
async fn what_of_a_keyspace_stands_in_the_way_is_said_with_what_mends_it() {
    let mut world = World::new().await;
    let all = ("commerce", TABLES.as_slice());

    // All tables at once.
    let sharding = "sharding:
  unsaid: { column: id, vindex: xxhash }
  otherwise: { column: id, vindex: hash }
  reference: { column: id, vindex: hash }
";
    let texts = [
        "error[run.tables]: ",
        "`unsaid`: the vschema of `commerce` does not know it",
        "`otherwise`: the plan says `hash` of (id), and the vschema `xxhash` of (id)",
        "`reference`: the plan shards it by `hash`, and the vschema says it is a reference table",
        "help: let `sharding` and the vschema say the same, or leave it out of `sharding`",
        "`nullable`: its vindex is of `mail`, which may be NULL",
        "help: declare `mail` NOT NULL",
        "`priced`: its vindex is of `price`: a value of its type has literals that differ",
        "help: shard the table by an integer, text or VARBINARY",
        "`hashed`: it owns the lookup vindex `by_number`, and the rows of a `lookup_hash` are not known",
        "help: make it a `consistent_lookup_unique` or `consistent_lookup`",
        "`pinned`: the vschema pins it to one shard",
        "help: give it a vindex, make it a reference table, or leave it out",
    ];
    let log = world.refuses(all, sharding, &texts).await;
    assert!(!log.contains("- `fine`"), "{log}");
    let mends = statement(&log, "`unsaid`");

    let one = ("commerce", ["unsaid"].as_slice());
    world
        .refuses(
            one,
            "",
            &["`ALTER VSCHEMA ON commerce.unsaid ADD VINDEX xxhash(SHARDING_COLUMN) USING xxhash`"],
        )
        .await;
    let more = "limits: { target_connections: 4 }\n";
    let texts = [
        "error[run.connections]: 2 shards need 5 connections at least, and the plan gives 4",
        "raise `limits.target_connections`",
    ];
    world.refuses(("commerce", &["fine"]), more, &texts).await;

    let more = "materialize:
  counted:
    from: fine
    group_by: { id: id }
    aggregates: { rows: count() }
    create: CREATE TABLE counted (id INT NOT NULL PRIMARY KEY, `rows` BIGINT NOT NULL)
";
    let what = "`counted`: the vschema of `commerce` does not know it";
    world.refuses(("commerce", &["otherwise"]), more, &["error[run.tables]: ", what]).await;

    refuses_sequences(&world).await;
    refuses_lookups(&world).await;
    refuses_tablets(&world).await;

    refuses_keyspaces(&world).await;
    refuses_shards_that_take_nothing_or_change(&world).await;
    foreign_keys::are_refused_where_they_cannot_hold(&world).await;

    // Nothing was made, and what is said to mend a table does.
    let made: Vec<String> = world
        .vitess
        .mysql()
        .rows("SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA LIKE 'vt\\_%'")
        .await
        .unwrap();
    assert_eq!(made, ["empty_seq"]);
    world.vitess.execute("commerce", &mends).await.unwrap();
    let migration = world.migration("commerce", &["unsaid"], "");
    let (code, log) = migration.start(&["--until", "caught-up"]).ended().await;
    assert_eq!(code, Some(0), "{log}");
    let warning =
        "warning [vitess-unique-in-shards]: the unique key `mail` of `unsaid` does not hold `id`";
    assert!(log.contains(warning), "{log}");

    foreign_keys::are_made_on_each_shard(&world).await;
    is_added_to_and_never_changed(&mut world).await;
}

/// What is said of a keyspace that is not sharded, that keeps foreign keys, or that a workflow was left in.
async fn refuses_keyspaces(world: &World) {
    let more = "sharding: { fine: { column: id, vindex: xxhash } }\n";
    let what = "`fine`: the plan shards it, and the keyspace `main` is not sharded";
    world.refuses(("main", &["fine"]), more, &[what, "leave it out of `sharding`"]).await;
    let texts = ["error [vitess-foreign-keys]: ", "keyspace `managed`", "`foreignKeyMode`"];
    world.refuses(("managed", &["fine"]), "", &texts).await;
    world
        .below(
            "INSERT INTO _vt.vreplication (workflow, source, pos, max_tps, max_replication_lag,
               time_updated, transaction_timestamp, state, db_name, options)
             VALUES ('left_over', '', '', 0, 0, 0, 0, 'Stopped', 'vt_commerce_80-', '{}')",
        )
        .await;
    let texts =
        ["error [vitess-workflow]: ", "`commerce/80-`: `left_over (Stopped)`", "cancel them"];
    world.refuses(("commerce", &["fine"]), "", &texts).await;
    world.below("DELETE FROM _vt.vreplication").await;
}

/// What is said of lookup vindexes whose tables cannot be as the rows of their owners need them.
async fn refuses_lookups(world: &World) {
    let one = ("commerce", ["looked_up"].as_slice());
    let texts = [
        "`looked_up`: its lookup vindex `by_mail` is of `mail`, which may be NULL: vtgate refuses such rows",
        "help: give the vindex `ignore_nulls: true`, or declare `mail` NOT NULL",
    ];
    world.refuses(one, "", &texts).await;
    let mended = "UPDATE shop.looked_up SET mail = 'b' WHERE mail IS NULL;
                  ALTER TABLE shop.looked_up MODIFY mail VARCHAR(60) NOT NULL";
    world.source.execute(mended).await.unwrap();
    let other =
        "CREATE TABLE mails (mail VARBINARY(60) NOT NULL PRIMARY KEY, keyspace_id VARBINARY(8))";
    world.vitess.execute("main", other).await.unwrap();
    let what = "`mails`: it is the table of the lookup vindex `by_mail` of `looked_up`, and its column `mail` \
                is `varbinary(60)`, and `mail` is `varchar(60) CHARACTER SET utf8mb4";
    let log = world.refuses(one, "", &["error[run.tables]: shard `main/0`: ", what]).await;
    let others = [
        ("mail VARCHAR(60)", "mail, keyspace_id", "its rows are told apart by (mail, keyspace_id)"),
        ("mail VARCHAR(40)", "mail", "its column `mail` is `varchar(40) CHARACTER SET utf8mb4"),
        ("few INT, mail VARCHAR(60)", "mail", "it has a column `few`, too"),
    ];
    for (columns, key, what) in others {
        let other = format!(
            "DROP TABLE mails; CREATE TABLE mails ({columns}, keyspace_id VARBINARY(8), PRIMARY KEY ({key}))"
        );
        world.vitess.execute("main", &other).await.unwrap();
        world.refuses(one, "", &["error[run.tables]: shard `main/0`: ", what]).await;
    }
    let other = "ALTER TABLE mails DROP few, MODIFY keyspace_id VARBINARY(4)";
    world.vitess.execute("main", other).await.unwrap();
    let what = "its column `keyspace_id` is `varbinary(4)`, and keyspace ids have 8 bytes";
    world.refuses(one, "", &[what]).await;
    let made = log.split_once("and the run makes it: `").unwrap().1;
    let made = made.split_once(")`").unwrap().0;
    let filled = format!("DROP TABLE mails; {made}); INSERT INTO mails VALUES ('c', 'x')");
    world.vitess.execute("main", &filled).await.unwrap();
    let texts = [
        "`mails`: the target's table holds rows",
        "in its keyspace at 127.0.0.1",
        "`TRUNCATE TABLE `mails``",
    ];
    world.refuses(one, "", &texts).await;
    world.vitess.execute("main", "DROP TABLE mails").await.unwrap();
}

/// What is said of servers that rows may not go straight to.
async fn refuses_tablets(world: &World) {
    let refuses = async |tablets: [(&str, &str); 2], texts: &[&str]| {
        let migration = world.migration("commerce", &["fine"], "");
        migration.aim_at_tablets("commerce", &tablets);
        migration.refused(3, texts).await;
    };
    let server = world.vitess.mysql();
    let (url, other) = (server.url(), world.source.url());
    let texts = [
        "error [vitess-tablets]: the plan names servers for the shards `-40`, `40-`, and `-80`, `80-` serve \
         keyspace `commerce`",
        "name each shard that serves once",
    ];
    refuses([("-40", &url), ("40-", &url)], &texts).await;
    let found =
        format!("at 127.0.0.1:{} is not that of the primary of shard `80-`: ", world.source.port());
    let texts = ["error [vitess-tablet-not-primary]: the server ", &found, "its `server_uuid` is "];
    refuses([("-80", &url), ("80-", &other)], &texts).await;
    let gate = world.vitess.url();
    let texts = [
        "error [vitess-tablet-is-vtgate]: a vtgate answers at 127.0.0.1:",
        "which the plan names for shard `80-`",
        "name that server under `target.vitess.tablets.80-`",
    ];
    refuses([("-80", &url), ("80-", &gate)], &texts).await;
    world.below("CREATE USER reader; GRANT SELECT ON *.* TO reader").await;
    let reader = url.replace("root@", "reader@");
    let texts = [
        "error [target-privileges]: server of shard `80-` at ",
        "the account lacks `INSERT`, `UPDATE`, `DELETE` on `vt_commerce_80-`",
        "`GRANT INSERT, UPDATE, DELETE ON `vt\\_commerce\\_80-`.*",
    ];
    refuses([("-80", &url), ("80-", &reader)], &texts).await;
    world.below("SET GLOBAL super_read_only = ON").await;
    let texts = ["error [target-read-only]: server of shard `-80` at ", "`super_read_only` is on"];
    refuses([("-80", &url), ("80-", &url)], &texts).await;
    world.below("SET GLOBAL super_read_only = OFF; SET GLOBAL read_only = OFF").await;
}

/// A server that is read only, and an online schema change that is to come. A throttled app is nothing to a run: the
/// tablets' throttler holds Vitess's own copies back, and no statement that comes through vtgate.
async fn refuses_shards_that_take_nothing_or_change(world: &World) {
    world.below("SET GLOBAL super_read_only = ON").await;
    let texts = [
        "error [target-read-only]: server of shard `commerce/-80`: `super_read_only` is on",
        "error [target-read-only]: server of shard `commerce/80-`: `super_read_only` is on",
        "`SET GLOBAL super_read_only = OFF`",
    ];
    world.refuses(("commerce", &["fine"]), "", &texts).await;
    world.below("SET GLOBAL super_read_only = OFF; SET GLOBAL read_only = OFF").await;

    let postponed = "SET @@ddl_strategy = 'vitess --postpone-launch'; \
                     CREATE TABLE changing (id INT NOT NULL PRIMARY KEY)";
    world.vitess.execute("commerce", postponed).await.unwrap();
    let texts = [
        // Of both shards; the two have one list here.
        "error [vitess-migration]: schema migrations wait or run on shard `commerce/",
        "`changing (queued)`",
        "`SHOW VITESS_MIGRATIONS` lists them",
    ];
    world.refuses(("commerce", &["fine"]), "", &texts).await;
    world.vitess.execute("commerce", "ALTER VITESS_MIGRATION CANCEL ALL").await.unwrap();
    world.vitess.execute("commerce", "ALTER VITESS_MIGRATION THROTTLE ALL").await.unwrap();
}

/// What is said of sequences that are not as they must be.
async fn refuses_sequences(world: &World) {
    let texts = [
        "`fine`: its sequence `main.empty_seq` has no row to draw numbers from",
        "`INSERT INTO main.empty_seq (id, next_id, cache) VALUES (0, 1, 1000)` at vtgate",
    ];
    world.refuses(("commerce", &["fine"]), "", &texts).await;
    let more = "sharding: { fine: { sequence: main.fine_seq } }\n";
    let what = "`fine`: the plan numbers it by the sequence `main.fine_seq`, and the vschema by `empty_seq`";
    world.refuses(("commerce", &["fine"]), more, &[what, "name the same sequence"]).await;
    let more = "sharding: { fine: { sequence: elsewhere.empty_seq } }\n";
    let what = "`fine`: vtgate knows no sequence `elsewhere.empty_seq`";
    world.refuses(("commerce", &["fine"]), more, &[what, "ADD SEQUENCE elsewhere.empty_seq"]).await;
    let what = "`fine_seq`: it is a sequence in the vschema, whose only row is vtgate's";
    world.refuses(("main", &["fine_seq"]), "", &[what, "leave it out"]).await;
}
