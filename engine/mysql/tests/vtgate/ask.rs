//! Keyspace ids that only vtgate knows.

use std::collections::BTreeMap;

use whimbrel_mysql::{
    Role, Session,
    vtgate::{Written, keyspace_ids},
};

use crate::common::{at, shared};

#[tokio::test]
async fn keyspace_ids_of_a_vindex_are_asked_for_value_by_value() {
    let vitess = shared().await;
    let mut session =
        Session::connect(&at(vitess.port()).for_keyspace("shop"), Role::Target).await.unwrap();
    // What our own `hash` gives is tested elsewhere.
    let numbers = ["-1", "0", "1", "-2", "18446744073709551615", "9223372036854775807"];
    let values: Vec<&[u8]> = numbers.iter().map(|number| number.as_bytes()).collect();
    let hash = ("shop", "hash");
    let found = keyspace_ids(&mut session, hash, Written::Number, &values).await.unwrap();
    let ids = [
        "355550b2150e2451",
        "8ca64de9c1b123a7",
        "166b40b44aba4bd6",
        "da4341f68183d0ef",
        "355550b2150e2451",
        "f77d48aadda1f1bb",
    ];
    let shown: BTreeMap<_, _> = found.iter().map(|(value, id)| (value, hex(id))).collect();
    assert_eq!(shown.len(), numbers.len());
    for (number, id) in numbers.iter().zip(ids) {
        assert_eq!(shown[&Box::from(number.as_bytes())], id, "{number}");
    }

    // A vindex that only this vtgate has, by texts and bytes that SQL cares for; one of them it does not map.
    let unmapped = b"1860167738";
    let house = ("shop", "house");
    let texts: [&[u8]; 7] =
        [b"", b"it's", b"\\", "\u{e9}\u{1f600}".as_bytes(), b"\0\n\x1a", unmapped, b" 7"];
    let of_texts = keyspace_ids(&mut session, house, Written::Text, &texts).await.unwrap();
    let of_bytes = keyspace_ids(&mut session, house, Written::Bytes, &texts).await.unwrap();
    assert_eq!(of_texts, of_bytes);
    let mapped: Vec<&[u8]> = texts.into_iter().filter(|text| *text != unmapped).collect();
    assert!(mapped.iter().all(|text| of_texts.contains_key(*text)), "{of_texts:?}");
    assert_eq!(of_texts.len(), mapped.len());
    // Of the empty text: `printf '' | sha256sum`.
    assert_eq!(
        hex(&of_texts[&[][..]]),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    let many: Vec<String> = (0..1_203).map(|number| number.to_string()).collect();
    let many: Vec<&[u8]> = many.iter().map(String::as_bytes).collect();
    let found = keyspace_ids(&mut session, house, Written::Number, &many).await.unwrap();
    assert_eq!(found.len(), many.len());
    assert_eq!(
        hex(&found[&b"0"[..]]),
        "5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9"
    );
    session.close().await;
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
