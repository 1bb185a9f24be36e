//! A Vitess routes as its vschema says, and keeps what it has through its death.

use whimbrel_kit::{Keyspace, KitError, Relay, Side, Vitess, compare, mysql_async};

/// Tables by the xxhash of their `id`: 1 goes to 80-, 256 and 1,000,000 go to -80.
const BY_ID: &str = r#"{
    "sharded": true, "vindexes": {"xxhash": {"type": "xxhash"}},
    "tables": {"t": {"column_vindexes": [{"column": "id", "name": "xxhash"}]}}
}"#;
const SHOP: Keyspace<'_> = Keyspace { name: "shop", shards: &["-80", "80-"], vschema: BY_ID };
const MAIN: Keyspace<'_> = Keyspace { name: "main", shards: &["0"], vschema: "{}" };
const CREATE: &str = "CREATE TABLE t (id BIGINT PRIMARY KEY, v INT, twice INT AS (v * 2) STORED)";

/// The ids of `table` in the two shards of `shop`.
async fn ids(vitess: &Vitess, table: &str) -> Result<[Vec<u64>; 2], KitError> {
    let select = format!("SELECT id FROM {table} ORDER BY id");
    Ok([
        vitess.shard_rows(("shop", "-80"), &select).await?,
        vitess.shard_rows(("shop", "80-"), &select).await?,
    ])
}

#[tokio::test]
async fn rows_are_routed_and_outlive_its_death_with_the_vschema() {
    let mut vitess = Vitess::start(&[SHOP, MAIN]).await.unwrap();
    let (port, relay) = (vitess.port(), Relay::to_port(vitess.port()).await.unwrap());
    vitess.execute("shop", &format!("{CREATE}; CREATE TABLE later LIKE t")).await.unwrap();
    vitess
        .execute("main", "CREATE TABLE m (id INT PRIMARY KEY); INSERT INTO m VALUES (7)")
        .await
        .unwrap();
    vitess.execute("shop", "ALTER VSCHEMA ON shop.later ADD VINDEX xxhash(id)").await.unwrap();

    vitess.execute("shop", "INSERT INTO t (id, v) VALUES (1, 10), (256, 20)").await.unwrap();
    vitess.kill_hard().await.unwrap();
    assert!(vitess.connect_to("shop").await.is_err());
    vitess.restart().await.unwrap();
    vitess.execute("shop", "INSERT INTO t (id, v) VALUES (1000000, 30)").await.unwrap();
    let through_relay = mysql_async::Conn::new(mysql_async::Opts::from_url(&relay.url()).unwrap());
    through_relay.await.unwrap().disconnect().await.unwrap();
    vitess.stop().await.unwrap();
    vitess.restart().await.unwrap();
    vitess.execute("shop", "INSERT INTO later (id) VALUES (1), (256)").await.unwrap();

    assert_eq!(vitess.port(), port);
    assert_eq!(ids(&vitess, "t").await.unwrap(), [vec![256, 1_000_000], vec![1]]);
    assert_eq!(ids(&vitess, "later").await.unwrap(), [vec![256], vec![1]]);
    assert_eq!(
        vitess.rows::<u32>("shop:-80", "SELECT v FROM t ORDER BY id").await.unwrap(),
        [20, 30]
    );
    assert_eq!(vitess.rows::<u32>("main", "SELECT id FROM m").await.unwrap(), [7]);
}

#[tokio::test]
async fn shards_are_gathered_unless_two_have_the_same_row() {
    let vitess = Vitess::start(&[SHOP]).await.unwrap();
    vitess.execute("shop", CREATE).await.unwrap();
    vitess.execute("shop", "INSERT INTO t (id, v) VALUES (1, 10), (256, 20)").await.unwrap();
    let whole = "CREATE DATABASE whole; USE whole; INSERT INTO t (id, v) VALUES (1, 10), (256, 20)";
    let whole = whole.replace("INSERT", &format!("{CREATE}; INSERT"));
    vitess.mysql().execute(&whole).await.unwrap();

    let gathered = vitess.gather("shop", "t").await.unwrap();
    let side = |database| Side { server: vitess.mysql(), database };
    let comparison = compare(side("whole"), side(&gathered), "t").await.unwrap();
    vitess.execute("shop:-80", "INSERT INTO t (id, v) VALUES (1, 10)").await.unwrap();
    let error = vitess.gather("shop", "t").await.unwrap_err();
    let missing = vitess.database("shop", "0").unwrap_err();

    assert!(comparison.is_equal() && comparison.target_rows == 2, "{comparison}");
    assert!(error.to_string().contains("Duplicate entry '1'"), "{error}");
    assert!(matches!(missing, KitError::NoShard { .. }), "{missing}");
}

#[tokio::test]
async fn a_vschema_is_replaced_and_a_wrong_one_is_an_error_with_vtcombos_words() {
    let mut vitess = Vitess::start(&[SHOP]).await.unwrap();
    vitess.execute("shop", CREATE).await.unwrap();

    // By its number, 1 belongs to the lower half.
    vitess.set_vschema("shop", &BY_ID.replace("xxhash", "numeric")).await.unwrap();
    vitess.execute("shop", "INSERT INTO t (id, v) VALUES (1, 10)").await.unwrap();
    let error = vitess.set_vschema("shop", r#"{"sharded": 5}"#).await.unwrap_err();

    assert_eq!(ids(&vitess, "t").await.unwrap(), [vec![1], vec![]]);
    assert!(matches!(&error, KitError::Ended { log } if log.contains("vschema")), "{error}");
}
