use super::*;

#[track_caller]
fn check(statement: &str, reading: Reading, expected: &[&str]) {
    let tokens = tokens(statement, reading).unwrap();

    assert_eq!(tokens.iter().map(|token| token.text).collect::<Vec<_>>(), expected, "{statement}");
}

#[test]
fn comments_are_no_tokens_and_quotes_hide_them() {
    check("a /* b */ c -- d\n e # f\n--g", USUAL, &["a", "c", "e", "-", "-", "g"]);
    check("'/* a */' `--` \"#\"", USUAL, &["'/* a */'", "`--`", "\"#\""]);
    check("a/**/b/*+ hint */", USUAL, &["a", "b"]);
}

#[test]
fn versioned_comments_are_read_as_the_server_runs_them() {
    let older = Reading { runs_newer: false, ..USUAL };

    check("a /*!80000 b */ c", older, &["a", "b", "c"]);
    check("a /*! b */ /*!40005TEMPORARY */", older, &["a", "b", "TEMPORARY"]);
    check("a /*!080400 b */ /*!90100 c /* d */ e */ f", older, &["a", "b", "f"]);
    check("a /*!90100 c */ f", USUAL, &["a", "c", "f"]);
    check("/*M!100 x */ a", USUAL, &["a"]);
}

#[test]
fn quotes_end_where_the_server_ends_them() {
    let no_escapes = Reading { has_escapes: false, ..USUAL };

    check(r"'it\'s' a", USUAL, &[r"'it\'s'", "a"]);
    check(r"'it\' a", no_escapes, &[r"'it\'", "a"]);
    check(r"`a``b\` 'c''d'", USUAL, &[r"`a``b\`", "'c''d'"]);
    for broken in ["'a", "`a", "\"a", "/* a", "/*! a", "'a\\"] {
        assert_eq!(tokens(broken, USUAL), None, "{broken}");
    }
}

#[test]
fn names_lose_their_quotes() {
    let tokens = tokens("t `a``b` \"c\"\"d\" 'e' é1 .", USUAL).unwrap();

    let names: Vec<Option<String>> = tokens.iter().map(Token::name).collect();
    let name = |text: &str| Some(text.to_owned());
    assert_eq!(names, [name("t"), name("a`b"), name("c\"d"), None, name("é1"), None]);
}
