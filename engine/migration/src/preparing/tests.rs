use std::io;

use whimbrel_mysql::Error;

use super::*;

fn lost() -> RunError {
    let cause = io::Error::from(io::ErrorKind::ConnectionRefused);
    Error::Connect { address: "gate:3306".to_owned(), cause }.into()
}

fn on_shard(cause: RunError) -> RunError {
    RunError::OnShard { shard: "-80".to_owned(), cause: Box::new(cause) }
}

fn gone(table: &str) -> Error {
    Error::Server {
        code: 1146,
        sqlstate: "42S02".to_owned(),
        message: format!("Table '{table}' doesn't exist"),
        doing: "ALTER TABLE".to_owned(),
    }
}

fn at(places: &[At]) -> Tries {
    let mut tries = Tries::default();
    places.iter().for_each(|at| tries.come_to(*at));
    tries
}

#[test]
fn a_server_that_never_was_reached_is_told_of_at_once() {
    assert!(!at(&[At::Reaching]).may_pass(&lost(), 1));
    assert!(at(&[At::Reached]).may_pass(&lost(), 1));
    assert!(at(&[At::Reached, At::Reaching]).may_pass(&on_shard(lost()), 1));
}

#[test]
fn a_vtgate_that_comes_back_may_know_no_primary_yet() {
    let refused = || RunError::Preflight { findings: Vec::new() };

    assert!(!at(&[At::Reaching]).may_pass(&refused(), 1));
    assert!(!at(&[At::Reached]).may_pass(&refused(), 1));
    assert!(at(&[At::Reached, At::Reaching]).may_pass(&refused(), 1));
}

#[test]
fn an_own_table_that_another_runner_dropped_is_made_again_a_few_times() {
    let statement = "ALTER TABLE `_whimbrel_waiting_t` ADD COLUMN a INT".to_owned();
    let cause = Box::new(gone("shop._whimbrel_waiting_t"));
    let error = on_shard(RunError::Definition { statement, is_after_rows: false, cause });

    assert!(at(&[At::Reached, At::Beginning]).may_pass(&error, 1));
    assert!(!at(&[At::Reached, At::Beginning]).may_pass(&error, OWN_TABLE_TRIES_MAX));
    assert!(!at(&[At::Reached]).may_pass(&error, 1), "a plan that has begun lost it");
    assert!(error.remedy().contains("another runner"), "{}", error.remedy());
    let other: RunError = gone("shop.t").into();
    assert!(!at(&[At::Reached, At::Beginning]).may_pass(&other, 1));
}
