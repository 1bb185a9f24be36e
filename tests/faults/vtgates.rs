//! Several vtgates behind one address, each of which learns of the topology in its own time.

use whimbrel_kit::{Cluster, Keyspace, KitError, Relay, Server, eventually, mysql_async::Row};

use super::{
    counter::{assert_written_once, note},
    keyspace::{DATABASE, KEYSPACE, SHARDS, assert_equal, below, ends},
    tables::{Live, fill, server},
};
use crate::support::{Migration, Running};

/// Another keyspace, whose only shard has the sequence.
const GLOBAL: &str = "main";

/// What every run adds to vschemas that have nothing.
const SHARDING: &str = "limits: { rows_per_second: 4000 }
sharding:
  counter: { column: id, vindex: xxhash }
  friends: { column: counter, vindex: xxhash }
  orders: { column: customer, vindex: hash, sequence: main.orders_seq }
  people: { column: id, vindex: xxhash }
  words: { column: word, vindex: unicode_loose_xxhash }
";

/// So many vindexes have these tables together.
const VINDEXES: usize = 3;

const ALL: [&str; 5] = ["counter", "friends", "orders", "people", "words"];

/// A number that the source gives while it is followed, far above those before it.
const HIGH: u64 = 1_500_000_000;

/// A source, and a cluster of empty vschemas with two vtgates.
async fn world(rows: u32) -> (Server, Cluster) {
    let keyspace = |name, shards| Keyspace { name, shards, vschema: "{}" };
    let cluster = Cluster::builder()
        .keyspace(keyspace(KEYSPACE, &SHARDS))
        .keyspace(keyspace(GLOBAL, &["0"]))
        .vtgate_flag("--tablet-refresh-interval=1s")
        .second_vtgate();
    let (source, cluster) = tokio::join!(server(), cluster.start());
    fill(&source, "shop", rows).await;
    let friends =
        "CREATE TABLE friends (counter INT NOT NULL, n INT NOT NULL, PRIMARY KEY (counter, n),
                     CONSTRAINT of_counter FOREIGN KEY (counter) REFERENCES counter (id));
                   INSERT INTO friends VALUES (1, 1), (1, 2)";
    source.execute_in("shop", friends).await.unwrap();
    (source, cluster.unwrap())
}

/// The vschemas of both keyspaces.
async fn vschemas(cluster: &Cluster) -> [String; 2] {
    let of = async |keyspace| cluster.vtctldclient(&["GetVSchema", keyspace]).await.unwrap();
    [of(KEYSPACE).await, of(GLOBAL).await]
}

/// Stores vschemas without a word to any vtgate.
async fn store(cluster: &Cluster, vschemas: &[String; 2]) {
    for (keyspace, vschema) in [KEYSPACE, GLOBAL].into_iter().zip(vschemas) {
        let apply = ["ApplyVSchema", "--skip-rebuild", "--vschema", vschema, keyspace];
        cluster.vtctldclient(&apply).await.unwrap();
    }
}

/// Tells the second vtgate what is stored.
async fn catch_up(cluster: &Cluster) {
    cluster.vtctldclient(&["RebuildVSchemaGraph", "--cells", "zone2"]).await.unwrap();
}

/// Lets the second vtgate go by `old` vschemas, as one does whose watch of the topology is late. All else has the new ones.
async fn hold_back(cluster: &Cluster, old: &[String; 2]) {
    let new = vschemas(cluster).await;
    store(cluster, old).await;
    catch_up(cluster).await;
    store(cluster, &new).await;
}

/// How many vindexes one of the vtgates knows.
async fn known(cluster: &mut Cluster, vtgate: usize) -> usize {
    let vtgate = &cluster.vtgates()[vtgate];
    vtgate.rows::<Row>(KEYSPACE, "SHOW VSCHEMA VINDEXES").await.unwrap().len()
}

/// Waits until one of the vtgates knows all vindexes, or none.
async fn knows(cluster: &mut Cluster, vtgate: usize, is_told: bool) {
    let wanted = if is_told { VINDEXES } else { 0 };
    eventually("what a vtgate is told", 30, async || {
        Ok::<_, KitError>(known(cluster, vtgate).await == wanted)
    })
    .await
    .unwrap();
}

/// Begins a plan, whose connections are lost while it adds to the vschema. It goes on through a vtgate that has not
/// heard of what was added; once it copies, it is killed, and goes on through both.
async fn begun(
    cluster: &mut Cluster,
    migration: &Migration<'_>,
    (relay, ports): (&Relay, [u16; 2]),
) -> Running {
    let nothing = vschemas(cluster).await;
    let mut running = migration.start(&[]);
    running.says("adding to the vschema").await;
    eventually("the first of what is added", 30, async || {
        Ok::<_, KitError>(known(cluster, 0).await > 0)
    })
    .await
    .unwrap();
    relay.refuse();
    hold_back(cluster, &nothing).await;
    knows(cluster, 1, false).await;
    relay.turn_among(&ports[1..]);
    relay.pass();
    let unknown = "a vtgate does not know yet what the topology has: `ALTER VSCHEMA ON commerce.";
    running.says(unknown).await;
    catch_up(cluster).await;
    relay.turn_among(&ports);
    running.says("rows/s").await;
    knows(cluster, 0, true).await;
    running.kill();
    migration.start(&[])
}

/// Holds the second vtgate back from all that was added: only once somebody else says the same is it believed.
async fn disagree(
    cluster: &mut Cluster,
    running: &mut Running,
    (relay, ports): (&Relay, [u16; 2]),
) {
    hold_back(cluster, &["{}".to_owned(), "{}".to_owned()]).await;
    knows(cluster, 1, false).await;
    relay.turn_among(&ports[1..]);
    running.says("a vtgate says: ").await;
    relay.turn_among(&ports[..1]);
}

/// Lets the run number rows through the second vtgate, which knows no sequence.
async fn number(
    source: &Server,
    cluster: &Cluster,
    running: &mut Running,
    (relay, ports): (&Relay, [u16; 2]),
) {
    relay.turn_among(&ports[1..]);
    relay.cut();
    let insert = format!("INSERT INTO orders (id, customer) VALUES ({HIGH}, 1)");
    source.execute_in("shop", &insert).await.unwrap();
    running.says("sequence main.orders_seq: a vtgate that knows it").await;
    relay.turn_among(&ports[..1]);
    let select = "SELECT next_id FROM orders_seq WHERE id = 0";
    eventually("the sequence ahead of the source", 30, async || {
        Ok::<_, KitError>(cluster.rows::<u64>(GLOBAL, select).await? > vec![HIGH])
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn vtgates_that_are_late_or_go_away_are_waited_for_and_each_row_comes_once() {
    let (source, mut cluster) = world(6_000).await;
    let ports = [0, 1].map(|number| cluster.vtgates()[number].port());
    let relay = Relay::among(&ports).await.unwrap();
    let behind = (&relay, ports);
    let migration = Migration::new((&source, "shop"), (&source, "nowhere"), &ALL, SHARDING);
    migration.aim_at_keyspace(&relay.url(), KEYSPACE);
    let part = "keyspace: commerce";
    migration.edit(part, &format!("{part}, vschema: apply, foreign_keys: create"));

    let mut running = begun(&mut cluster, &migration, behind).await;
    let live = Live::on(&source, "shop").await;
    note(below(&cluster, "80-", 0), DATABASE).await;
    cluster.vtgates()[1].process().stop().await.unwrap();
    live.commits(20).await;
    cluster.vtgates()[1].process().restart().await.unwrap();
    cluster.ready().await.unwrap();
    running.says("following").await;
    disagree(&mut cluster, &mut running, behind).await;
    number(&source, &cluster, &mut running, behind).await;

    catch_up(&cluster).await;
    knows(&mut cluster, 1, true).await;
    relay.turn_among(&ports);
    cluster.vtgates()[0].process().stop().await.unwrap();
    live.commits(20).await;
    cluster.vtgates()[0].process().restart().await.unwrap();
    cluster.ready().await.unwrap();
    ends((&source, &cluster), live, running).await;

    assert_written_once((below(&cluster, "80-", 0), DATABASE), 1).await;
    let shards = SHARDS.map(|shard| (shard, below(&cluster, shard, 0)));
    assert_equal((&source, &cluster), "customer", shards).await;
    for (_, server) in shards {
        let keys = "SELECT COUNT(*) FROM information_schema.REFERENTIAL_CONSTRAINTS";
        assert_eq!(server.row::<u64>(keys).await.unwrap(), Some(1));
    }
}
