use super::*;

const PLAIN: TlsOptions = TlsOptions { mode: TlsMode::Disabled, ca: None };

fn options(url: &str) -> Result<ConnectOptions, OptionsError> {
    ConnectOptions::new(&SecretString::from(url), "shop", PLAIN)
}

#[test]
fn an_address_is_taken_apart() {
    for (url, address, user, password) in [
        ("mysql://u:p@db.example:3307", "db.example:3307", "u", Some("p")),
        ("mysql://u@127.0.0.1", "127.0.0.1:3306", "u", None),
        ("mysql://u:p@[::1]:3310/shop", "[::1]:3310", "u", Some("p")),
        ("mysql://a%40b:%2f%3a+%C3%A9@h", "h:3306", "a@b", Some("/:+é")),
    ] {
        let options = options(url).unwrap();
        let driver = options.driver_options(IsEncrypted::No);

        assert_eq!(options.address(), address);
        assert_eq!(driver.user(), Some(user));
        assert_eq!(driver.pass(), password);
        assert_eq!(driver.db_name(), Some("shop"));
        assert!(!driver.prefer_socket() && driver.ssl_opts().is_none());
    }
}

#[test]
fn an_address_that_asks_for_something_else_is_refused() {
    let malformed = |reason: &str| OptionsError::Malformed { reason: reason.to_owned() };
    for (url, error) in [
        ("nonsense", malformed("relative URL without a base")),
        ("mysql://u:p#q@h", malformed("a `#` in a password is written `%23`")),
        ("mysql://u:%zz@h", malformed("a `%` is not followed by two hex digits")),
        ("postgres://u@h", OptionsError::Scheme { scheme: "postgres".to_owned() }),
        ("mysql:///shop", OptionsError::NoHost),
        ("mysql://h", OptionsError::NoUser),
        ("mysql://u@h?ssl-mode=off", OptionsError::Parameter { name: "ssl-mode".to_owned() }),
        (
            "mysql://u@h/crm",
            OptionsError::OtherDatabase { database: "shop".to_owned(), found: "crm".to_owned() },
        ),
    ] {
        assert_eq!(options(url).map(|options| options.address()), Err(error), "{url}");
    }
}

#[test]
fn a_mode_and_its_authorities_must_fit() {
    let fits = |mode, ca: Option<&str>| {
        let tls = TlsOptions { mode, ca: ca.map(PathBuf::from) };
        ConnectOptions::new(&SecretString::from("mysql://u@h"), "", tls).map(|_| ())
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
    let options = options("mysql://someone:hunter2@h").unwrap();

    assert!(!format!("{options:?}").contains("hunter2"));
}
