use whimbrel_mysql::{Account, TlsMode, TlsOptions};

use super::*;

fn way() -> Way {
    let account = Account {
        host: "db-low".to_owned(),
        port: 3306,
        user: "app".to_owned(),
        password: String::new().into(),
    };
    let tls = TlsOptions { mode: TlsMode::Disabled, ca: None };
    let options = ConnectOptions::new(account, "vt_commerce", tls).unwrap();
    let shard = Shard { name: Some("-80".to_owned()), ..Shard::only(options.clone()) };
    Way::new(&shard, &options, PlanKey::new("test"))
}

#[test]
fn only_the_server_with_the_primarys_uuid_and_token_is_the_primary() {
    let server = |uuid: &str, token: Option<&str>| Identity {
        server: uuid.to_owned(),
        token: token.map(str::to_owned),
    };
    let primary = server("a", Some("1"));

    for (found, text) in [
        (server("a", Some("1")), None),
        // A replica, and a copy of the disk, from before the token or of another run.
        (server("b", Some("1")), Some("its `server_uuid` is b, and that of the primary a")),
        (server("a", None), Some("it has not what was stored through vtgate")),
        (server("a", Some("2")), Some("it has not what was stored through vtgate")),
    ] {
        let differs = found.differs(&primary);
        let is_told = match (&differs, text) {
            (Some(differs), Some(text)) => differs.starts_with(text),
            (differs, text) => differs.is_none() && text.is_none(),
        };
        assert!(is_told, "{found:?}: {differs:?}");
    }
    assert!(server("a", None).differs(&server("a", None)).is_some(), "nothing was proven");
}

#[test]
fn a_session_is_good_until_its_server_is_not_the_one_that_vtgate_writes_to() {
    let way = way();

    let first = way.proven(way.doubts(), "a".to_owned());
    assert!(way.leads_to("a") && way.doubts() == first);
    assert!(!way.leads_to("b"));
    assert_ne!(way.doubts(), first, "sessions with the former primary are proven anew");

    let second = way.proven(way.doubts(), "b".to_owned());
    assert!(way.leads_to("b") && way.doubts() == second);
}

#[test]
fn one_session_that_finds_another_primary_ends_all_with_the_former() {
    let way = way();
    let first = way.proven(way.doubts(), "a".to_owned());

    let second = way.proven(way.doubts(), "b".to_owned());

    assert_ne!(first, second);
    assert_eq!(way.doubts(), second);
    assert!(way.leads_to("b"));
}

#[test]
fn a_session_that_was_doubted_while_it_was_proven_is_proven_anew() {
    let way = way();
    let before = way.doubts();
    assert!(!way.leads_to("b"));

    assert_ne!(way.proven(before, "a".to_owned()), way.doubts());
}

#[test]
fn a_server_that_takes_no_writes_is_no_primary() {
    let refusal = |code| Error::Server {
        code,
        sqlstate: "HY000".to_owned(),
        message: "running with the --super-read-only option".to_owned(),
        doing: "REPLACE INTO".to_owned(),
    };

    for (code, is_of_replica) in [(1290, true), (1836, true), (1062, false)] {
        let error = way().understood(refusal(code));
        assert_eq!(matches!(error, Error::NotPrimary { .. }), is_of_replica, "{code}");
    }
}
