use std::io;

use whimbrel_mysql::{Class, Error};

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

/// Who answers so is there.
#[test]
fn a_tablet_that_holds_transactions_back_is_waited_for_from_the_start() {
    let throttled = || {
        let error = Error::Gate {
            class: Class::TryAgain,
            code: 1203,
            shard: Some("commerce/-80".to_owned()),
            is_of_tablet: true,
            message: "Transaction throttled".to_owned(),
            doing: "connecting".to_owned(),
        };
        on_shard(error.into())
    };

    assert!(at(&[At::Reaching]).may_pass(&throttled(), 1));
    assert!(throttled().while_waiting().contains("--tx-throttler-config"));
}

#[test]
fn a_vschema_whose_change_got_no_answer_is_read_again() {
    let change = |class| RunError::Vschema {
        statement: "ALTER VSCHEMA ADD TABLE shop.t".to_owned(),
        cause: Error::Gate {
            class,
            code: 1105,
            shard: None,
            is_of_tablet: false,
            message: "context canceled".to_owned(),
            doing: "ALTER VSCHEMA".to_owned(),
        },
    };

    assert!(at(&[At::Reached, At::Beginning]).may_pass(&change(Class::Lost), 1));
    assert!(!at(&[At::Reached, At::Beginning]).may_pass(&change(Class::Denied), 1));
    let waiting = change(Class::Lost).while_waiting();
    assert!(
        waiting.contains("ADD TABLE shop.t") && !waiting.contains("does not take"),
        "{waiting}"
    );
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
