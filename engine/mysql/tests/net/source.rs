use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use whimbrel_kit::{pair, shared_source};
use whimbrel_model::GtidSet;
use whimbrel_mysql::{Role, source};

use crate::common::{session, value};

#[tokio::test]
async fn the_log_end_lies_behind_every_commit() {
    let pair = pair().await.unwrap();
    let mut session = session(pair.source, &pair.source_database, Role::SourceReader).await;
    let before = source::log_end(&mut session).await.unwrap();

    pair.execute_source("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1)")
        .await
        .unwrap();

    assert!(source::log_end(&mut session).await.unwrap() > before);
}

#[tokio::test]
async fn what_is_executed_is_waited_for_and_what_is_not_is_lost() {
    let pair = pair().await.unwrap();
    let mut session = session(pair.source, "", Role::SourceReader).await;
    pair.execute_source("CREATE TABLE t (id INT PRIMARY KEY)").await.unwrap();
    let executed = source::executed(&mut session).await.unwrap();
    let uuid = source::server_uuid(&mut session).await.unwrap();
    let future: GtidSet = format!("{uuid}:4000000000").parse().unwrap();

    assert!(source::wait_executed(&mut session, &executed, 5).await.unwrap());
    assert!(source::wait_executed(&mut session, &executed, 0).await.unwrap());
    assert!(source::wait_executed(&mut session, &GtidSet::default(), 0).await.unwrap());
    for seconds in [0, 1] {
        assert!(!source::wait_executed(&mut session, &future, seconds).await.unwrap());
    }
    assert!(source::lost(&mut session, &executed).await.unwrap().is_empty());
    assert_eq!(source::lost(&mut session, &future.union(&executed)).await.unwrap(), future);
    assert!(source::purged(&mut session).await.unwrap().is_subset(&executed));
}

/// Sets as people and servers write them: several UUIDs, tags in any case, intervals that touch.
fn set_text() -> impl Strategy<Value = String> {
    let uuid = prop_oneof![
        Just("3e11fa47-71ca-11e1-9e33-c80aa9429562"),
        Just("3E11FA47-71CA-11E1-9E33-C80AA9429563"),
        Just("00000000-0000-0000-0000-000000000001"),
    ];
    let interval = (1_u64..40, 0_u64..6).prop_map(|(first, length)| match length {
        0 => first.to_string(),
        _ => format!("{first}-{}", first + length),
    });
    let part = prop_oneof![
        5 => interval,
        1 => prop_oneof![Just("tag"), Just("Tag"), Just("a_1"), Just("_b")].prop_map(str::to_owned),
    ];
    let group =
        (uuid, proptest::collection::vec(part, 0..6), 1_u64..50).prop_map(|(uuid, parts, last)| {
            let parts: String = parts.iter().map(|part| format!(":{part}")).collect();
            format!("{uuid}{parts}:{last}")
        });
    proptest::collection::vec(group, 0..4).prop_map(|groups| groups.join(", "))
}

#[tokio::test(flavor = "multi_thread")]
async fn sets_are_what_the_server_takes_them_for() {
    let server = shared_source().await.unwrap();
    let mut session = session(server, "", Role::SourceReader).await;
    let mut runner = TestRunner::new(Config::with_cases(300));
    let handle = tokio::runtime::Handle::current();

    let checked = tokio::task::spawn_blocking(move || {
        let session = std::cell::RefCell::new(&mut session);
        runner.run(&(set_text(), set_text()), |(left, right)| {
            let (a, b): (GtidSet, GtidSet) = (left.parse().unwrap(), right.parse().unwrap());
            let mut session = session.borrow_mut();
            let mut ask = |sql: String| {
                let answer = handle.block_on(value(&mut session, &sql));
                answer.replace('\n', "")
            };

            let printed = ask(format!("GTID_SUBTRACT('{left}', '')"));
            let rest = ask(format!("GTID_SUBTRACT('{left}', '{right}')"));
            let is_subset = ask(format!("GTID_SUBSET('{left}', '{right}')"));

            prop_assert_eq!(a.to_string(), printed);
            prop_assert_eq!(a.difference(&b).to_string(), rest);
            prop_assert_eq!(a.is_subset(&b), is_subset == "1");
            Ok(())
        })
    });

    checked.await.unwrap().unwrap();
}
