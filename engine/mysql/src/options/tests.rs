use super::*;

const PLAIN: TlsOptions = TlsOptions { mode: TlsMode::Disabled, ca: None };

fn account(host: &str, password: &str) -> Account {
    Account { host: host.to_owned(), port: 3310, user: "a@b".to_owned(), password: password.into() }
}

#[test]
fn the_driver_is_given_the_account_as_it_is() {
    for (host, password, address, given) in [
        ("db.example", "/:+é%", "db.example:3310", Some("/:+é%")),
        ("127.0.0.1", "", "127.0.0.1:3310", None),
        ("::1", "p", "[::1]:3310", Some("p")),
    ] {
        let options = ConnectOptions::new(account(host, password), "shop", PLAIN).unwrap();
        let driver = options.driver_options(IsEncrypted::No);

        assert_eq!(options.address(), address);
        assert_eq!((driver.ip_or_hostname(), driver.tcp_port()), (host, 3310));
        assert_eq!(driver.user(), Some("a@b"));
        assert_eq!(driver.pass(), given);
        assert_eq!(driver.db_name(), Some("shop"));
        assert!(!driver.prefer_socket() && driver.ssl_opts().is_none());
    }
}

#[test]
fn a_mode_and_its_authorities_must_fit() {
    let fits = |mode, ca: Option<&str>| {
        let tls = TlsOptions { mode, ca: ca.map(PathBuf::from) };
        ConnectOptions::new(account("h", ""), "", tls).map(|_| ())
    };

    assert_eq!(fits(TlsMode::VerifyCa, None), Err(OptionsError::CaMissing));
    assert_eq!(fits(TlsMode::VerifyCa, Some("ca.pem")), Ok(()));
    assert_eq!(fits(TlsMode::VerifyIdentity, None), Ok(()));
    for mode in [TlsMode::Disabled, TlsMode::Preferred, TlsMode::Required] {
        assert_eq!(fits(mode, None), Ok(()));
        assert_eq!(fits(mode, Some("ca.pem")), Err(OptionsError::CaUnused { mode }));
    }
}

#[test]
fn a_password_is_not_shown() {
    let options = ConnectOptions::new(account("h", "hunter2"), "shop", PLAIN).unwrap();

    assert!(!format!("{options:?}").contains("hunter2"));
}
