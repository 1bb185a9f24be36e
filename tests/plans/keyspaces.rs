//! The keyspaces that plans write, all of one Vitess, and where their rows are.

use std::path::Path;

use whimbrel_kit::{Keyspace, Vitess};

use super::{
    FOLDER,
    examples::Sharded,
    rows::{Lines, add, difference, lines, lines_of},
};

/// The keyspaces and their shards; `plans/vschema` has a vschema for each that the plans do not make.
const KEYSPACES: [(&str, &[&str]); 5] = [
    ("main", &["0"]),
    ("commerce", &["-80", "80-"]),
    ("shop", &["-80", "80-"]),
    ("sales", &["-80", "80-"]),
    ("tenants", &["-80", "80-"]),
];

/// What the plans' tables are numbered by.
const SEQUENCES: &str = "
    CREATE TABLE customers_seq (id BIGINT NOT NULL PRIMARY KEY, next_id BIGINT NOT NULL,
      cache BIGINT NOT NULL) COMMENT 'vitess_sequence';
    CREATE TABLE orders_seq LIKE customers_seq;
    INSERT INTO customers_seq (id, next_id, cache) VALUES (0, 1, 1000);
    INSERT INTO orders_seq (id, next_id, cache) VALUES (0, 1, 1000)";

pub(super) async fn start() -> Vitess {
    let mut builder = Vitess::builder();
    for (name, shards) in KEYSPACES {
        let path = Path::new(FOLDER).join(format!("vschema/{name}.json"));
        let vschema = std::fs::read_to_string(path).unwrap_or_else(|_| "{}".to_owned());
        builder = builder.keyspace(Keyspace { name, shards, vschema: &vschema });
    }
    let vitess = builder.start().await.unwrap();
    vitess.execute("main", SEQUENCES).await.unwrap();
    vitess
}

/// The databases of a keyspace's shards.
pub(super) fn databases(vitess: &Vitess, keyspace: &str) -> Vec<String> {
    let shards = vitess.shards(keyspace).iter();
    shards.map(|shard| vitess.database(keyspace, shard).unwrap()).collect()
}

/// Wants vtgate to find each shard's rows by their values in the columns that say where they are.
pub(super) async fn assert_placed(vitess: &Vitess, keyspace: &str, (table, columns): Sharded) {
    let mut routed = vitess.connect_to(keyspace).await.unwrap();
    for database in databases(vitess, keyspace) {
        let wanted = lines(vitess.mysql(), &database, &format!("TABLE {table}")).await;
        assert!(!wanted.is_empty(), "`{table}` of {database} proves nothing");
        let places = format!("SELECT DISTINCT {} FROM {table}", columns.join(", "));
        let mut found = Lines::new();
        for place in lines(vitess.mysql(), &database, &places).await.into_keys() {
            let values = columns.iter().zip(place);
            let is: Vec<String> =
                values.map(|(column, value)| format!("{column} = {}", value.unwrap())).collect();
            let select = format!("SELECT * FROM {table} WHERE {}", is.join(" AND "));
            add(&mut found, lines_of(&mut routed, &select).await);
        }
        let told = format!("`{table}` by {columns:?} on {database}");
        assert!(found == wanted, "{told}: {}", difference(&wanted, &found));
    }
    routed.disconnect().await.unwrap();
}

/// Wants vtgate to find orders by ids alone, through the table that the run has made and filled.
pub(super) async fn assert_looked_up(vitess: &Vitess) {
    let explain = "VEXPLAIN PLAN SELECT * FROM orders WHERE id = 1";
    let told: Vec<String> = vitess.rows("shop", explain).await.unwrap();
    assert!(told.concat().contains("orders_by_id"), "{told:?}");
    assert_placed(vitess, "shop", ("orders", &["id"])).await;
}

/// Wants each shard to have the foreign key of the tables that were moved with it.
pub(super) async fn assert_refer(vitess: &Vitess) {
    for shard in vitess.shards("commerce") {
        let select = "SELECT CONCAT_WS(' ', TABLE_NAME, CONSTRAINT_NAME, REFERENCED_TABLE_NAME)
                      FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = DATABASE()";
        let found: Vec<String> = vitess.shard_rows(("commerce", shard), select).await.unwrap();
        assert_eq!(found, ["invoice_lines line_invoice invoices"], "{shard}");
    }
}
