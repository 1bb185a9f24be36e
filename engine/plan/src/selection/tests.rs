use super::*;

const TABLES: [&str; 6] =
    ["customers", "order_archive", "order_items", "order_notes", "_whimbrel_lanes", "Users"];

fn tables() -> Vec<String> {
    TABLES.iter().map(|&table| table.to_owned()).collect()
}

/// Rules whose places are their ordinals.
fn selection(rules: &[&str]) -> (Selection, Vec<PlanError>) {
    let place = |index| Span { start: index, end: index + 1 };
    let rules: Vec<_> =
        rules.iter().enumerate().map(|(index, &rule)| (rule.to_owned(), place(index))).collect();
    Selection::new(&rules)
}

fn ids(problems: &[PlanError]) -> Vec<(&'static str, usize)> {
    problems.iter().map(|problem| (problem.advice().id, problem.at.start)).collect()
}

#[track_caller]
fn check_selected(rules: &[&str], expected: &[&str], warnings: &[(&'static str, usize)]) {
    let selected = selection(rules).0.select(&tables()).unwrap();

    assert_eq!(selected.tables, expected);
    assert_eq!(ids(&selected.warnings), warnings);
}

#[track_caller]
fn check_refused(rules: &[&str], problems: &[(&'static str, usize)]) {
    assert_eq!(ids(&selection(rules).0.select(&tables()).unwrap_err()), problems);
}

#[track_caller]
fn check_rules(rules: &[&str], problems: &[(&'static str, usize)]) {
    assert_eq!(ids(&selection(rules).1), problems);
}

#[test]
fn a_table_is_moved_if_a_rule_matches_it_and_none_leaves_it_out() {
    check_selected(
        &["order_*", "customers", "!order_archive"],
        &["customers", "order_items", "order_notes"],
        &[],
    );
    check_selected(&["!order_archive", "order_*"], &["order_items", "order_notes"], &[]);
}

#[test]
fn the_tables_that_hold_the_state_of_runs_are_never_moved() {
    let all = ["customers", "order_archive", "order_items", "order_notes", "Users"];

    check_selected(&["*"], &all, &[]);
    check_rules(&["_whimbrel_lanes"], &[("move.pattern", 0)]);
}

#[test]
fn a_rule_that_matches_no_table_is_refused_with_the_nearest() {
    check_refused(&["*", "custmers"], &[("move.unmatched", 1)]);

    let problems = selection(&["users"]).0.select(&tables()).unwrap_err();
    let nearest = Some("Users".to_owned());
    let expected = RuleProblem::PatternUnmatched { pattern: "users".to_owned(), nearest };
    assert_eq!(*problems[0].problem, expected.into());
}

#[test]
fn rules_without_effect_are_warnings() {
    check_selected(
        &["order_*", "*_items", "!Users"],
        &["order_archive", "order_items", "order_notes"],
        &[("move.redundant", 1), ("move.unmatched-exclusion", 2)],
    );
}

#[test]
fn leaving_out_all_that_was_selected_is_refused() {
    check_refused(&["order_*", "!*"], &[("move.nothing-selected", 0)]);
}

#[test]
fn two_rules_for_one_table_are_refused_with_both_places() {
    check_rules(&["a", "b", "a"], &[("move.twice", 2)]);
    check_rules(&["a*", r"a**"], &[("move.twice", 1)]);
    check_rules(&["a", "!a"], &[("move.contradiction", 1)]);
    check_rules(&["!a*", "!a*"], &[("move.twice", 1)]);
    check_rules(&["a", "a*"], &[("move.covered", 0)]);
    check_rules(&["a*", "!a"], &[]);
    assert_eq!(selection(&["a", "a"]).1[0].other, Some(Span { start: 0, end: 1 }));
}
