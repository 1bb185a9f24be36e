//! The writer does everything that an application does to its rows, and goes on through a restart.

use std::time::Duration;

use whimbrel_kit::{KitError, Server, Writer, pair};

const CUSTOMERS: &str = "CREATE TABLE customers (
    id BIGINT UNSIGNED PRIMARY KEY AUTO_INCREMENT,
    email VARCHAR(40) NULL UNIQUE,
    number INT NOT NULL UNIQUE,
    `na``me` VARCHAR(30) NOT NULL,
    balance DECIMAL(12,2) NOT NULL,
    twice DECIMAL(14,2) AS (balance * 2) STORED,
    kind ENUM('a','b','c') NOT NULL,
    flags SET('x','y') NULL,
    bits BIT(9) NOT NULL,
    born DATE NULL, at TIMESTAMP(3) NOT NULL, lasts TIME(6) NULL,
    place POINT NULL, document JSON NULL, picture VARBINARY(20) NULL, weight FLOAT NULL)";
const ORDERS: &str = "CREATE TABLE orders (
    region CHAR(2) NOT NULL, code BINARY(4) NOT NULL, amount DOUBLE NOT NULL,
    PRIMARY KEY (region, code))";

#[tokio::test]
async fn it_inserts_updates_deletes_changes_keys_and_swaps_unique_values() {
    let pair = pair().await.unwrap();
    pair.execute_source(&format!("{CUSTOMERS}; {ORDERS}")).await.unwrap();
    let tables = ["customers", "orders"];

    let writer = Writer::on(pair.source, &pair.source_database, &tables)
        .workers(2)
        .pace(Duration::ZERO)
        .start()
        .await
        .unwrap();
    writer.commits(1_000).await.unwrap();
    let counts = writer.stop().await.unwrap();

    assert!(counts.transactions >= 1_000, "{counts:?}");
    let kinds = [counts.inserts, counts.updates, counts.deletes, counts.key_changes, counts.swaps];
    assert!(kinds.iter().all(|&count| count >= 20), "{counts:?}");
    assert!(counts.rollbacks > 0, "{counts:?}");
    for table in tables {
        let count = format!("SELECT COUNT(*) FROM {}.{table}", pair.source_database);
        assert!(pair.source.row::<u64>(&count).await.unwrap().unwrap() > 50, "{table}");
    }
}

#[tokio::test]
async fn one_seed_writes_the_same_rows_again() {
    let pair = pair().await.unwrap();
    pair.execute_source(CUSTOMERS).await.unwrap();
    pair.execute_target(CUSTOMERS).await.unwrap();

    let mut counts = Vec::new();
    for (server, database) in
        [(pair.source, &pair.source_database), (pair.target, &pair.target_database)]
    {
        let writer = Writer::on(server, database, &["customers"]).seed(7).transactions(300);
        let writer = writer.pace(Duration::ZERO).start().await.unwrap();
        counts.push(writer.finish().await.unwrap());
    }

    let comparison = pair.compare("customers").await.unwrap();
    assert!(comparison.is_equal(), "{comparison}");
    assert!(comparison.source_rows > 50, "{comparison}");
    assert_eq!(counts[0], counts[1]);
    assert_eq!(counts[0].transactions, 300);
}

#[tokio::test]
async fn it_goes_on_when_its_server_comes_back() {
    let mut server = Server::start().await.unwrap();
    server.execute(&format!("CREATE DATABASE d; USE d; {ORDERS}")).await.unwrap();
    let writer = Writer::on(&server, "d", &["orders"]).start().await.unwrap();

    server.kill_hard().await.unwrap();
    server.restart().await.unwrap();
    writer.commits(50).await.unwrap();

    assert!(writer.stop().await.unwrap().reconnects > 0);
}

#[tokio::test]
async fn a_table_that_is_not_there_is_an_error_of_its_start() {
    let pair = pair().await.unwrap();

    let writer = Writer::on(pair.source, &pair.source_database, &["nothing"]).start().await;

    assert!(matches!(writer, Err(KitError::NoTable { table }) if table == "nothing"));
}
