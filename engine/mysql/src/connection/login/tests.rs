use tokio::io::duplex;

use super::*;
use crate::options::{Account, TlsOptions};

const FIRST: &[u8; 20] = b"aaaaaaaaaaaaaaaaaaaa";
const SECOND: &[u8; 20] = b"bbbbbbbbbbbbbbbbbbbb";

/// The greeting of a server that has no TLS.
fn greeting(plugin: &str) -> Vec<u8> {
    let flags = CapabilityFlags::CLIENT_PROTOCOL_41
        | CapabilityFlags::CLIENT_SECURE_CONNECTION
        | CapabilityFlags::CLIENT_PLUGIN_AUTH;
    let [low0, low1, high0, high1] = flags.bits().to_le_bytes();
    let (first, second) = FIRST.split_at(8);
    let head = [&[10][..], b"8.4.0\0", &[1, 0, 0, 0], first, &[0, low0, low1, 45, 2, 0]].concat();
    [&head, &[high0, high1, 21][..], &[0; 10], second, &[0], plugin.as_bytes(), &[0]].concat()
}

/// Signs in at a server that says `answers`, each once it has heard something; what it heard.
async fn sign_in_at(
    password: &str,
    greeting: Vec<u8>,
    answers: Vec<Vec<u8>>,
) -> (Result<(), Error>, Vec<Vec<u8>>) {
    let account = Account {
        host: "db".to_owned(),
        port: 3306,
        user: "u".to_owned(),
        password: password.into(),
    };
    let tls = TlsOptions { mode: TlsMode::Preferred, ca: None };
    let options = ConnectOptions::new(account, "", tls).unwrap();
    let (ours, theirs) = duplex(1 << 16);
    let server = async {
        let mut heard = Vec::new();
        let mut packets = Packets::new(Box::new(theirs));
        packets.begin(&greeting).await.unwrap();
        for answer in answers {
            let Ok(packet) = packets.read(1 << 16).await else { break };
            heard.push(packet.clone());
            packets.write(&answer).await.unwrap();
        }
        heard
    };
    let (signed_in, heard) =
        tokio::join!(sign_in_by(Packets::new(Box::new(ours)), &options), server);
    (signed_in.map(drop), heard)
}

fn switch(plugin: &str) -> Vec<u8> {
    [&[END], plugin.as_bytes(), &[0], SECOND, &[0]].concat()
}

fn done() -> Vec<u8> {
    vec![OK, 0, 0, 2, 0, 0, 0]
}

#[tokio::test]
async fn a_login_goes_over_to_the_plugin_that_is_asked_for() {
    let answers = vec![switch("mysql_native_password"), done()];
    let (signed_in, heard) = sign_in_at("p", greeting("caching_sha2_password"), answers).await;

    signed_in.unwrap();
    let scrambled = |method: Method, nonce: &[u8]| method.scrambled("p", nonce);
    let [first, second] = heard.as_slice() else { panic!("{heard:?}") };
    let holds = |part: &[u8]| first.windows(part.len()).any(|window| window == part);
    assert!(holds(&scrambled(Method::CachingSha2, FIRST)) && holds(b"caching_sha2_password\0"));
    assert_eq!(*second, scrambled(Method::Native, SECOND));
}

#[tokio::test]
async fn a_plugin_that_is_not_known_is_named() {
    for plugin in ["authentication_ldap_simple", "mysql_clear_password", "client_ed25519"] {
        let answers = vec![switch(plugin)];
        let (refused, heard) = sign_in_at("p", greeting("mysql_native_password"), answers).await;

        let refused = refused.unwrap_err();
        assert!(matches!(&refused, Error::SignIn { plugin: named, .. } if named == plugin));
        assert_eq!(heard.len(), 1, "nothing is said to `{plugin}`");
    }
}

#[tokio::test]
async fn what_is_no_login_ends_it() {
    let sha2 = || greeting("caching_sha2_password");
    let key = [&[1][..], b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"].concat();
    let unfinished = "did not go on";
    for (greeting, answers, why) in [
        (vec![9, 0], vec![], "not the greeting"),
        (sha2()[..40].to_vec(), vec![], "ends early"),
        (sha2(), vec![vec![7]], unfinished),
        (sha2(), vec![vec![]], unfinished),
        (
            sha2(),
            vec![switch("mysql_native_password"), switch("mysql_native_password")],
            unfinished,
        ),
        (sha2(), vec![switch("mysql_native_password"), vec![1, 4]], unfinished),
        (sha2(), vec![vec![1, 4], key], "cannot encrypt"),
        (sha2(), vec![vec![1, 4], vec![]], "no key"),
    ] {
        let (refused, heard) = sign_in_at("hunter2", greeting, answers.clone()).await;

        let Err(Error::Connect { cause, .. }) = refused else { panic!("{refused:?}, {answers:?}") };
        assert!(cause.to_string().contains(why), "{cause}: {answers:?}");
        let said = heard.concat();
        assert!(!said.windows(7).any(|window| window == b"hunter2"), "{answers:?}");
    }
}

#[tokio::test]
async fn a_server_that_refuses_before_it_greets_is_quoted() {
    let refusal = [&[0xff, 0x10, 0x04][..], b"Too many connections"].concat();

    let (refused, _) = sign_in_at("p", refusal, vec![]).await;

    assert_eq!(
        refused.unwrap_err().to_string(),
        "connecting to `db:3306`: server error 1040 (HY000): Too many connections"
    );
}
