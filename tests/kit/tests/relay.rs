//! A relay does to a connection what it is told, when it is told.

use std::time::{Duration, Instant};

use whimbrel_kit::mysql_async::prelude::Queryable;
use whimbrel_kit::mysql_async::{Conn, Error, OptsBuilder};
use whimbrel_kit::{Direction, KitError, Relay, shared_source};

async fn connect(relay: &Relay) -> Result<Conn, Error> {
    let opts = OptsBuilder::default()
        .ip_or_hostname("127.0.0.1")
        .tcp_port(relay.port())
        .user(Some("root"))
        .prefer_socket(false);
    Conn::new(opts).await
}

async fn relay() -> Result<Relay, KitError> {
    Relay::to(shared_source().await?).await
}

#[tokio::test]
async fn passes_everything_and_counts_it() {
    let relay = relay().await.unwrap();
    let mut conn = connect(&relay).await.unwrap();

    let length: Option<u64> = conn.query_first("SELECT LENGTH(REPEAT('x', 100000))").await.unwrap();
    let text: Option<String> = conn.query_first("SELECT REPEAT('x', 100000)").await.unwrap();

    assert_eq!(length, Some(100_000));
    assert_eq!(text.unwrap().len(), 100_000);
    assert_eq!((relay.connections(), relay.connections_ever()), (1, 1));
    assert!(relay.delivered_bytes(Direction::ToClient) > 100_000);
    assert!(relay.delivered_bytes(Direction::ToServer) < 10_000);
}

#[tokio::test]
async fn a_delay_adds_time_in_the_direction_it_is_for() {
    let relay = relay().await.unwrap();
    let mut conn = connect(&relay).await.unwrap();
    let each = Duration::from_millis(150);

    for (to_server, to_client, expected) in
        [(each, Duration::ZERO, each), (Duration::ZERO, each, each), (each, each, 2 * each)]
    {
        relay.delay(to_server, to_client);
        let start = Instant::now();
        conn.query_drop("SELECT 1").await.unwrap();
        let took = start.elapsed();
        assert!(took >= expected, "{took:?} is less than {expected:?}");
    }

    relay.pass();
    let start = Instant::now();
    conn.query_drop("SELECT 1").await.unwrap();
    assert!(start.elapsed() < each);
}

#[tokio::test]
async fn a_delay_takes_no_throughput() {
    let relay = relay().await.unwrap();
    let mut conn = connect(&relay).await.unwrap();
    let each = Duration::from_millis(100);
    relay.delay(Duration::ZERO, each);

    let start = Instant::now();
    conn.query_drop("SELECT REPEAT('x', 2000000)").await.unwrap();

    // More than a hundred reads, were they delayed one after the other: over ten seconds.
    assert!(start.elapsed() < 20 * each, "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_stall_holds_bytes_and_connections_until_it_passes() {
    let relay = relay().await.unwrap();
    let mut conn = connect(&relay).await.unwrap();

    relay.stall();
    let mut query = Box::pin(conn.query_first::<u32, _>("SELECT 42"));
    let waited = tokio::time::timeout(Duration::from_millis(300), &mut query).await;
    assert!(waited.is_err(), "nothing arrives while it stalls");
    assert_eq!(relay.connections(), 1);
    relay.pass();

    assert_eq!(query.await.unwrap(), Some(42));
}

#[tokio::test]
async fn a_cut_ends_open_connections_and_lets_new_ones_pass() {
    let relay = relay().await.unwrap();
    let mut conn = connect(&relay).await.unwrap();

    relay.cut();

    assert!(conn.query_drop("SELECT 1").await.is_err());
    let mut again = connect(&relay).await.unwrap();
    assert_eq!(again.query_first::<u32, _>("SELECT 42").await.unwrap(), Some(42));
    assert_eq!(relay.connections_ever(), 2);
}

#[tokio::test]
async fn refusing_closes_new_connections_until_it_passes() {
    let relay = relay().await.unwrap();
    let mut conn = connect(&relay).await.unwrap();

    relay.refuse();
    assert!(conn.query_drop("SELECT 1").await.is_err());
    assert!(connect(&relay).await.is_err());
    relay.pass();

    assert!(connect(&relay).await.is_ok());
}

#[tokio::test]
async fn an_answer_is_delivered_by_half_and_then_cut() {
    let relay = relay().await.unwrap();
    let mut conn = connect(&relay).await.unwrap();
    let before = relay.delivered_bytes(Direction::ToClient);

    relay.cut_after(Direction::ToClient, 50_000);
    let result = conn.query_first::<String, _>("SELECT REPEAT('x', 100000)").await;

    assert!(result.is_err());
    assert_eq!(relay.delivered_bytes(Direction::ToClient) - before, 50_000);
    assert!(connect(&relay).await.is_ok());
}

#[tokio::test]
async fn a_statement_is_delivered_by_half_and_not_executed() {
    let server = shared_source().await.unwrap();
    server.execute("CREATE DATABASE half; CREATE TABLE half.t (c LONGTEXT)").await.unwrap();
    let relay = relay().await.unwrap();
    let mut conn = connect(&relay).await.unwrap();
    let statement = format!("INSERT INTO half.t VALUES ('{}')", "x".repeat(100_000));

    relay.cut_after(Direction::ToServer, 50_000);
    let result = conn.query_drop(statement).await;

    assert!(result.is_err());
    assert_eq!(server.row::<u32>("SELECT COUNT(*) FROM half.t").await.unwrap(), Some(0));
}

#[tokio::test]
async fn a_dropped_relay_cuts_its_connections() {
    let relay = relay().await.unwrap();
    let mut conn = connect(&relay).await.unwrap();

    drop(relay);

    assert!(conn.query_drop("SELECT 1").await.is_err());
}
