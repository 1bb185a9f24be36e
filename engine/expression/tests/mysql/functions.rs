use std::fmt::Write as _;

use whimbrel_kit::{Random, shared_source};

use crate::{cases::CASES, server::Values};

#[tokio::test]
async fn every_function_gives_what_the_server_gives_or_fails_where_it_is_said_to() {
    let server = shared_source().await.unwrap();
    let mut random = Random::printed("values");
    let mut values = Values::new(server, &mut random).await;
    let mut report = String::new();

    for (ours, sql, refusal) in CASES {
        let (differences, refused) = values.differences(ours, sql).await;
        if let Some(first) = differences.first() {
            writeln!(report, "{ours} | {sql}: {} rows differ, {first}", differences.len()).unwrap();
        }
        if refused > 0 && refusal.is_empty() {
            writeln!(report, "{ours} | {sql}: {refused} rows are refused").unwrap();
        }
    }

    assert!(report.is_empty(), "{report}");
}

#[tokio::test]
async fn every_character_has_the_cases_that_the_server_gives_it() {
    let server = shared_source().await.unwrap();
    let mut values = Values::characters(server).await;

    for (ours, sql) in [("lower(t)", "lower(t)"), ("upper(t)", "upper(t)")] {
        let (differences, refused) = values.differences(ours, sql).await;
        assert!(differences.is_empty(), "{ours}: {differences:?}");
        // Texts that grow are cut by the server: rows of Latin letters that Unicode added late.
        assert!((1..20).contains(&refused), "{ours}: {refused} rows of 60 characters are refused");
    }
}
