use std::path::PathBuf;

use whimbrel_kit::{Server, shared_source};
use whimbrel_mysql::{Account, ConnectOptions, Error, Session, TlsMode, TlsOptions};

use crate::common::{both, log, options, root, user, value};

async fn connect(server: &Server, mode: TlsMode, ca: Option<PathBuf>) -> Result<Session, Error> {
    let options = ConnectOptions::new(root(server), "", TlsOptions { mode, ca }).unwrap();
    both(&options).await.map(|(session, _)| session)
}

async fn cipher(session: &mut Session) -> String {
    let sql = "SELECT VARIABLE_VALUE FROM performance_schema.session_status \
               WHERE VARIABLE_NAME = 'Ssl_cipher'";
    value(session, sql).await
}

fn authority(server: &Server) -> Option<PathBuf> {
    Some(server.data_folder().join("ca.pem"))
}

#[tokio::test]
async fn disabled_is_plain_and_preferred_and_required_are_encrypted() {
    let server = shared_source().await.unwrap();
    for (mode, is_encrypted) in
        [(TlsMode::Disabled, false), (TlsMode::Preferred, true), (TlsMode::Required, true)]
    {
        let options = options(&root(server), "", mode);
        let (mut session, _log) = both(&options).await.unwrap();

        assert_eq!(!cipher(&mut session).await.is_empty(), is_encrypted, "{mode}");
        let ciphers = "SELECT GROUP_CONCAT(s.VARIABLE_VALUE) \
                       FROM performance_schema.status_by_thread s \
                       JOIN performance_schema.threads t USING (THREAD_ID) \
                       JOIN performance_schema.session_connect_attrs a USING (PROCESSLIST_ID) \
                       WHERE s.VARIABLE_NAME = 'Ssl_cipher' AND a.ATTR_VALUE = 'whimbrel' \
                         AND t.PROCESSLIST_COMMAND = 'Binlog Dump GTID'";
        assert_eq!(!value(&mut session, ciphers).await.is_empty(), is_encrypted, "{mode}");
    }
}

#[tokio::test]
async fn a_certificate_of_another_name_passes_verify_ca() {
    let server = shared_source().await.unwrap();

    // The certificate that a server makes for itself is for no name at all.
    let mut session = connect(server, TlsMode::VerifyCa, authority(server)).await.unwrap();
    let refused = connect(server, TlsMode::VerifyIdentity, authority(server)).await.unwrap_err();

    assert!(!cipher(&mut session).await.is_empty());
    assert!(matches!(refused, Error::Tls { .. }), "{refused}");
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_refused() {
    let server = shared_source().await.unwrap();
    let mut other = Server::start().await.unwrap();
    other.stop().await.unwrap();
    // A server makes an authority where it finds none; all of them have the same name.
    for name in ["ca.pem", "ca-key.pem", "server-cert.pem", "server-key.pem"] {
        std::fs::remove_file(other.data_folder().join(name)).unwrap();
    }
    other.restart().await.unwrap();
    connect(&other, TlsMode::VerifyCa, authority(&other)).await.unwrap();
    for mode in [TlsMode::VerifyCa, TlsMode::VerifyIdentity] {
        let refused = connect(server, mode, authority(&other)).await.unwrap_err();

        assert!(matches!(refused, Error::Tls { .. }), "{refused}");
    }
    let public = connect(server, TlsMode::VerifyIdentity, None).await.unwrap_err();
    assert!(matches!(public, Error::Tls { .. }), "{public}");
    let missing = connect(server, TlsMode::VerifyCa, Some("/nonexistent.pem".into())).await;
    assert!(missing.unwrap_err().to_string().contains("the file of authorities"));
}

#[tokio::test]
async fn a_server_without_tls_is_refused_unless_plain_will_do() {
    let server = Server::builder().flag("--tls-version=").start().await.unwrap();
    for mode in [TlsMode::Disabled, TlsMode::Preferred] {
        let mut session = connect(&server, mode, None).await.unwrap();

        assert_eq!(cipher(&mut session).await, "");
    }
    for (mode, ca) in [
        (TlsMode::Required, None),
        (TlsMode::VerifyCa, authority(&server)),
        (TlsMode::VerifyIdentity, authority(&server)),
    ] {
        let refused = connect(&server, mode, ca).await.unwrap_err();

        assert!(refused.to_string().contains("the server offers none"), "{refused}");
    }
}

#[tokio::test]
async fn a_password_is_sent_safely_over_plain_and_encrypted_connections() {
    let server = shared_source().await.unwrap();
    for mode in [TlsMode::Disabled, TlsMode::Required] {
        for is_log_first in [true, false] {
            let name = format!("pass_{mode}_{is_log_first}");
            let grants = ["REPLICATION SLAVE, REPLICATION CLIENT ON *.*"];
            server.create_user(&name, "pä:ss@w%rd", &grants).await.unwrap();
            let options = options(&user(server, &name, "pä:ss@w%rd"), "", mode);
            // First with the whole exchange, then from the server's cache.
            if is_log_first {
                log(&options).await.unwrap();
            }
            both(&options).await.unwrap();
            log(&options).await.unwrap();
        }
    }
}

/// A certificate for the address 127.0.0.1 and no name, made for this test; the authority's own key
/// was thrown away.
fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/net/tls").join(name)
}

#[tokio::test]
async fn verify_identity_takes_a_certificate_for_the_host_that_was_asked_for_alone() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key.pem");
    std::fs::copy(fixture("key.pem"), &key).unwrap();
    let server = Server::builder()
        .flag(format!("--ssl-ca={}", fixture("authority.pem").display()))
        .flag(format!("--ssl-cert={}", fixture("certificate.pem").display()))
        .flag(format!("--ssl-key={}", key.display()))
        .start()
        .await
        .unwrap();
    let reach = async |host: &str, mode| {
        let account = Account { host: host.to_owned(), ..root(&server) };
        let tls = TlsOptions { mode, ca: Some(fixture("authority.pem")) };
        let options = ConnectOptions::new(account, "", tls).unwrap();
        both(&options).await.map(|(session, _)| session)
    };

    let mut session = reach("127.0.0.1", TlsMode::VerifyIdentity).await.unwrap();
    assert!(!cipher(&mut session).await.is_empty());
    reach("localhost", TlsMode::VerifyCa).await.unwrap();
    let refused = reach("localhost", TlsMode::VerifyIdentity).await.unwrap_err();
    assert!(refused.to_string().contains("not valid for name"), "{refused}");
}
