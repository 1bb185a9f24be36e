//! Tables that own lookup vindexes, into a real keyspace under a live writer: what vtgate looks up is exactly
//! what the rows say.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
};

use whimbrel_kit::{
    Keyspace, Random, Server, Vitess,
    mysql_async::{Conn, prelude::Queryable},
};

use crate::support::Migration;

const VSCHEMA: &str = r#"{
    "sharded": true,
    "vindexes": {
        "hash": {"type": "hash"}, "xxhash": {"type": "xxhash"},
        "by_email": {"type": "consistent_lookup_unique", "owner": "users", "params":
            {"table": "main.users_by_email", "from": "email", "to": "keyspace_id", "ignore_nulls": "true"}},
        "by_code": {"type": "lookup_unique", "owner": "users", "params":
            {"table": "commerce.users_by_code", "from": "its_code", "to": "id"}},
        "by_name": {"type": "consistent_lookup", "owner": "users", "params":
            {"table": "lookups.users_by_name", "from": "name,user", "to": "keyspace_id"}},
        "people_by_name": {"type": "consistent_lookup", "owner": "people", "params":
            {"table": "main.people_by_name", "from": "name", "to": "keyspace_id"}}
    },
    "tables": {
        "users": {"column_vindexes": [
            {"column": "region", "name": "hash"}, {"column": "email", "name": "by_email"},
            {"column": "code", "name": "by_code"}, {"columns": ["name", "id"], "name": "by_name"}]},
        "users_by_code": {"column_vindexes": [{"column": "its_code", "name": "xxhash"}]},
        "people": {"column_vindexes": [
            {"column": "id", "name": "hash"}, {"column": "name", "name": "people_by_name"}]}
    }
}"#;
const LOOKUPS: &str = r#"{
    "sharded": true,
    "vindexes": {"loose": {"type": "unicode_loose_xxhash"}},
    "tables": {"users_by_name": {"column_vindexes": [{"column": "name", "name": "loose"}]}}
}"#;

/// More regions than shards: users move between both.
const REGIONS: u64 = 40;

const SCHEMA: &str = "
    CREATE TABLE users (id INT NOT NULL PRIMARY KEY AUTO_INCREMENT, region INT NOT NULL,
      email VARCHAR(60) NULL UNIQUE, code BIGINT NOT NULL UNIQUE, name VARCHAR(30) NOT NULL,
      note VARCHAR(200) NULL);
    CREATE TABLE people (id INT NOT NULL PRIMARY KEY, name VARCHAR(30) NOT NULL, KEY (name));
    SET SESSION cte_max_recursion_depth = 100000;
    INSERT INTO users WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 6000)
      SELECT i, i % 40, IF(i % 9, CONCAT('u', i, '@example.com'), NULL), i * 1000, CONCAT('n', i % 30),
        REPEAT('x', i % 60) FROM n;
    INSERT INTO people SELECT id, name FROM users";

/// What each table of a lookup vindex is to hold, of the source's rows and the keyspace ids of what shards
/// them: keyspace, table, its rows, the source's.
const LOOKED_UP: [(&str, &str, &str, &str); 4] = [
    (
        "main",
        "users_by_email",
        "email, HEX(keyspace_id)",
        "email, HEX(keyspace_id) FROM shop.users JOIN expected.ids ON ids.id = region WHERE email IS NOT NULL",
    ),
    (
        "commerce",
        "users_by_code",
        "its_code, HEX(id)",
        "code, HEX(keyspace_id) FROM shop.users JOIN expected.ids ON ids.id = region",
    ),
    (
        "lookups",
        "users_by_name",
        "CONCAT(name, '|', user), HEX(keyspace_id)",
        "CONCAT(name, '|', users.id), HEX(keyspace_id) FROM shop.users JOIN expected.ids ON ids.id = region",
    ),
    (
        "main",
        "people_by_name",
        "name, HEX(keyspace_id)",
        "name, HEX(keyspace_id) FROM shop.people JOIN expected.ids USING (id)",
    ),
];

struct World {
    source: Server,
    vitess: Vitess,
}

impl World {
    async fn new() -> Self {
        let keyspaces = [
            Keyspace { name: "commerce", shards: &["-80", "80-"], vschema: VSCHEMA },
            Keyspace { name: "main", shards: &["0"], vschema: "{}" },
            Keyspace { name: "lookups", shards: &["-40", "40-"], vschema: LOOKUPS },
        ];
        let (source, vitess) = tokio::join!(Server::start(), Vitess::start(&keyspaces));
        let (source, vitess) = (source.unwrap(), vitess.unwrap());
        source.execute("CREATE DATABASE shop; CREATE DATABASE expected").await.unwrap();
        source.execute_in("shop", SCHEMA).await.unwrap();
        // One as an application makes it; the others are made by the run.
        let made = "CREATE TABLE users_by_code (id VARBINARY(16) NOT NULL, its_code BIGINT NOT NULL PRIMARY KEY)";
        vitess.execute("commerce", made).await.unwrap();
        Self { source, vitess }
    }

    /// The keyspace ids that vtgate gives the numbers up to the highest that rows are sharded by.
    async fn expect_ids(&self) {
        let highest: Vec<u64> = self.source.rows("SELECT MAX(id) FROM shop.people").await.unwrap();
        let mut vtgate = self.vitess.connect_to("commerce").await.unwrap();
        let create = "CREATE TABLE expected.ids (id INT NOT NULL PRIMARY KEY, keyspace_id VARBINARY(16) NOT NULL)";
        self.source.execute(create).await.unwrap();
        let numbers: Vec<String> = (0..=highest[0].max(REGIONS)).map(|id| id.to_string()).collect();
        for numbers in numbers.chunks(1_000) {
            let ask =
                format!("SELECT id, keyspace_id FROM hash WHERE id IN ({})", numbers.join(","));
            let ids: Vec<(u64, Vec<u8>)> = vtgate.query(ask).await.unwrap();
            assert_eq!(ids.len(), numbers.len());
            let hex = |id: &[u8]| id.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
            let rows: Vec<String> =
                ids.iter().map(|(number, id)| format!("({number}, x'{}')", hex(id))).collect();
            let insert = format!("INSERT INTO expected.ids VALUES {}", rows.join(","));
            self.source.execute(&insert).await.unwrap();
        }
    }

    /// Wants what is looked up to be what the rows say, neither more nor less.
    async fn assert_looked_up(&self) {
        self.expect_ids().await;
        for (keyspace, table, kept, wanted) in LOOKED_UP {
            let database = self.vitess.gather(keyspace, table).await.unwrap();
            let kept = format!("SELECT {kept} FROM `{database}`.`{table}`");
            let mut kept: Vec<(String, String)> = self.vitess.mysql().rows(&kept).await.unwrap();
            let mut wanted: Vec<(String, String)> =
                self.source.rows(&format!("SELECT {wanted}")).await.unwrap();
            kept.sort();
            wanted.sort();
            let missing = wanted.iter().filter(|row| kept.binary_search(row).is_err()).count();
            let more = kept.iter().filter(|row| wanted.binary_search(row).is_err()).count();
            assert!(wanted.len() > 1_000, "`{table}` proves little");
            assert_eq!((missing, more, kept.len()), (0, 0, wanted.len()), "`{table}`");
        }
    }

    /// Wants vtgate to find all users by what is looked up alone.
    async fn assert_found(&self) {
        let mut vtgate = self.vitess.connect_to("commerce").await.unwrap();
        for (column, vindex) in [("email", "by_email"), ("code", "by_code"), ("name", "by_name")] {
            let explain = format!("VEXPLAIN PLAN SELECT id FROM users WHERE {column} = 'x'");
            let told: Vec<String> = vtgate.query(explain).await.unwrap();
            assert!(told.concat().contains(vindex), "{told:?}");
            let wanted = format!(
                "SELECT {column}, COUNT(*) FROM shop.users WHERE {column} IS NOT NULL GROUP BY 1"
            );
            let wanted: Vec<(String, u64)> = self.source.rows(&wanted).await.unwrap();
            // One of the spellings that are equal.
            let folded = wanted.iter().map(|(value, count)| (value.to_lowercase(), *count));
            let wanted: Vec<(String, u64)> = folded.collect();
            let found = Self::found(&mut vtgate, column, &wanted).await;
            let missed =
                wanted.iter().filter(|(value, count)| found.get(value) != Some(count)).count();
            assert_eq!(missed, 0, "of {} by `{column}`", wanted.len());
        }
    }

    async fn found(
        vtgate: &mut Conn,
        column: &str,
        wanted: &[(String, u64)],
    ) -> BTreeMap<String, u64> {
        let mut found = BTreeMap::new();
        for values in wanted.chunks(100) {
            let values: Vec<String> =
                values.iter().map(|(value, _)| format!("'{value}'")).collect();
            let find =
                format!("SELECT {column}, id FROM users WHERE {column} IN ({})", values.join(","));
            let rows: Vec<(String, u64)> = vtgate.query(find).await.unwrap();
            for (value, _) in rows {
                *found.entry(value.to_lowercase()).or_default() += 1;
            }
        }
        found
    }
}

/// Changes users until `is_over`: what is looked up moves between rows, and rows move between shards.
async fn change(world: &World, is_over: &AtomicBool) {
    let mut random = Random::printed("users");
    let mut conn = world.source.connect_to("shop").await.unwrap();
    let mut count = 0_u64;
    while !is_over.load(Ordering::Relaxed) {
        count += 1;
        let (a, b) = (1 + random.below(6_000), 1 + random.below(6_000));
        let region = random.below(REGIONS);
        let take = |column: &str| {
            format!(
                "SET @a = (SELECT {column} FROM users WHERE id = {a}), @b = (SELECT {column} FROM users WHERE id = {b})"
            )
        };
        let statements = match random.below(9) {
            // Two change what they are found by.
            0 => vec![
                take("email"),
                format!("UPDATE users SET email = NULL WHERE id IN ({a}, {b})"),
                format!("UPDATE users SET email = @a WHERE id = {b}"),
                format!("UPDATE users SET email = @b WHERE id = {a} AND id <> {b}"),
            ],
            1 => vec![
                take("code"),
                format!("UPDATE users SET code = -id - {count} * 100000 WHERE id IN ({a}, {b})"),
                format!(
                    "UPDATE users SET code = COALESCE(@a, code), region = {region} WHERE id = {b}"
                ),
                format!("UPDATE users SET code = COALESCE(@b, code) WHERE id = {a} AND id <> {b}"),
            ],
            // One hands it on and moves, and gets it back later.
            2 => vec![
                take("email"),
                format!("UPDATE users SET email = NULL, region = {region} WHERE id = {a}"),
                format!("UPDATE users SET email = @a WHERE id = {b} AND id <> {a}"),
                "COMMIT; BEGIN".to_owned(),
                format!("UPDATE users SET email = NULL WHERE id = {b}"),
                format!("UPDATE users SET email = @a WHERE id = {a}"),
            ],
            3 => vec![format!(
                "UPDATE users SET email = UPPER(email), name = UPPER(name) WHERE id = {a}"
            )],
            4 => vec![format!(
                "UPDATE users SET email = 'v{count}@Example.com', note = NULL WHERE id = {a}"
            )],
            5 => vec![format!(
                "UPDATE users SET region = {region}, name = 'n{region}' WHERE id = {a}"
            )],
            6 => vec![
                format!("DELETE FROM users WHERE id = {a}"),
                format!("DELETE FROM people WHERE id = {a}"),
            ],
            7 => vec![
                format!(
                    "INSERT INTO users (region, email, code, name) \
                     VALUES ({region}, 'w{count}@example.com', {count} * 1000 + 7, 'n{region}')"
                ),
                format!("INSERT IGNORE INTO people VALUES ({a}, 'n{region}')"),
            ],
            _ => vec![format!("UPDATE people SET name = 'n{region}' WHERE id = {a}")],
        };
        conn.query_drop("BEGIN").await.unwrap();
        for statement in statements {
            conn.query_drop(statement).await.unwrap();
        }
        conn.query_drop("COMMIT").await.unwrap();
    }
    assert!(count > 50, "{count} transactions prove little");
}

#[tokio::test]
async fn what_vtgate_looks_up_is_what_the_rows_say_after_every_kill() {
    let world = World::new().await;
    let below = (world.vitess.mysql(), "gathered");
    let more = "limits: { rows_per_second: 5000, target_connections: 24 }\n";
    let mut migration = Migration::new((&world.source, "shop"), below, &["users", "people"], more);
    migration.aim_at_keyspace(&world.vitess.url(), "commerce");
    let is_over = AtomicBool::new(false);

    let killed = async {
        for _ in 0..4 {
            let mut running = migration.start(&["--take-over"]);
            running.says("rows/s").await;
            running.kill();
        }
        migration.catch_up().await;
        is_over.store(true, Ordering::Relaxed);
    };
    tokio::join!(killed, change(&world, &is_over));
    migration.catch_up().await;

    for table in ["users", "people"] {
        migration.target_database = world.vitess.gather("commerce", table).await.unwrap();
        migration.assert_equal(&[table]).await;
    }
    world.assert_looked_up().await;
    world.assert_found().await;
    assert_eq!(migration.status()["pieces_held"], migration.status()["pieces"]);

    // From here on vtgate keeps what the run has left to it.
    let taken: Vec<(u64, String)> = world
        .source
        .rows("SELECT id, email FROM shop.users WHERE email IS NOT NULL ORDER BY id LIMIT 2")
        .await
        .unwrap();
    let twice = format!("UPDATE users SET email = '{}' WHERE id = {}", taken[0].1, taken[1].0);
    assert!(world.vitess.execute("commerce", &twice).await.is_err());
    let given = format!(
        "DELETE FROM users WHERE id = {}; UPDATE users SET email = '{}' WHERE id = {}",
        taken[0].0, taken[0].1, taken[1].0
    );
    world.vitess.execute("commerce", &given).await.unwrap();
    let find = format!("SELECT id FROM users WHERE email = '{}'", taken[0].1);
    let found: Vec<u64> = world.vitess.rows("commerce", &find).await.unwrap();
    assert_eq!(found, [taken[1].0]);

    // Rows that are written from here on would not be found by names.
    let dropped = "ALTER VSCHEMA ON commerce.users DROP VINDEX by_name";
    world.vitess.execute("commerce", dropped).await.unwrap();
    let what = "`users`: the vschema had its rows looked up by (name, id) in `lookups.users_by_name` (name, user; \
                keyspace_id) when this plan began, and looked up in no other way now";
    migration.refused(3, &[what]).await;

    // What the table had is not made anew of what comes.
    let table = "CREATE TABLE users_by_email (email INT PRIMARY KEY, keyspace_id VARBINARY(8))";
    for (statement, what) in [
        ("DROP TABLE users_by_email", "and it is gone"),
        (table, "and was changed since this plan began"),
    ] {
        world.vitess.execute("main", statement).await.unwrap();
        let of = "`users_by_email`: it is the table of the lookup vindex `by_email` of `users`, ";
        migration
            .refused(3, &["error[run.tables]: shard `main/0`: ", &format!("{of}{what}")])
            .await;
    }
}
