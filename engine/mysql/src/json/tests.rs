use proptest::prelude::*;

use super::*;

fn canonical_of_text(text: &str, types: Option<&[NodeType]>) -> Result<Vec<u8>, JsonError> {
    let mut out = Vec::new();
    from_text(text.as_bytes(), types, &mut out)?;
    Ok(out)
}

fn canonical_of_binary(jsonb: &[u8]) -> Result<Vec<u8>, JsonError> {
    let mut out = Vec::new();
    from_binary(jsonb, &mut out)?;
    Ok(out)
}

fn paths_of(text: &[u8]) -> Result<Vec<Vec<u8>>, JsonError> {
    let mut paths = AmbiguousPaths::new(text);
    let mut all = Vec::new();
    while let Some(path) = paths.next_path()? {
        all.push(path.to_vec());
    }
    Ok(all)
}

fn sql_of(canonical: &[u8]) -> String {
    let mut out = Vec::new();
    write_sql(canonical, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// A change as the binary log carries it.
fn diff(operation: u8, path: &str, jsonb: Option<&[u8]>) -> Vec<u8> {
    let mut out = vec![operation, u8::try_from(path.len()).unwrap()];
    out.extend_from_slice(path.as_bytes());
    if let Some(jsonb) = jsonb {
        out.push(u8::try_from(jsonb.len()).unwrap());
        out.extend_from_slice(jsonb);
    }
    out
}

/// The `INTEGER` 7.
const SEVEN: &[u8] = &[0x05, 7, 0];

/// `DECIMAL(3,2)` 1.50.
const ONE_AND_A_HALF: &[u8] = &[0x0f, 246, 4, 3, 2, 0x81, 50];

#[test]
fn scalars_of_the_binary_log_have_the_text_that_select_shows() {
    let cases: &[(&[u8], &[u8])] = &[
        (&[], b"null"),
        (&[0x04, 0], b"null"),
        (&[0x04, 1], b"true"),
        (&[0x04, 2], b"false"),
        (SEVEN, b"7"),
        (&[0x05, 0xff, 0xff], b"-1"),
        (&[0x06, 7, 0], b"\x037\x01"),
        (&[0x07, 0, 0, 0, 0x80], b"-2147483648"),
        (&[0x09, 0, 0, 0, 0, 1, 0, 0, 0], b"\x024294967296\x01"),
        (&[0x0a, 0, 0, 0, 0, 1, 0, 0, 0], b"4294967296"),
        (&[0x0b, 0, 0, 0, 0, 0, 0, 0, 0x80], b"-0.0"),
        (&[0x0b, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f], b"1.5"),
        (b"\x0c\x05a\"\n\x01\\", br#""a\"\n\u0001\\""#),
        (ONE_AND_A_HALF, b"\x041.50\x01"),
        (&[0x0f, 246, 4, 3, 2, 0x7e, 0xcd], b"\x04-1.50\x01"),
        (b"\x0f\x0f\x02\xca\xfe", b"\x0f\"base64:type15:yv4=\"\x01"),
    ];

    for (jsonb, expected) in cases {
        assert_eq!(canonical_of_binary(jsonb).as_deref(), Ok(*expected), "{jsonb:02x?}");
    }
}

/// A document that is a `DECIMAL`, of the bytes that the server logs.
fn decimal(precision: u8, scale: u8, digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(digits.get(at..at + 2).unwrap(), 16).unwrap())
        .collect();
    let length = u8::try_from(digits.len() + 2).unwrap();
    [&[0x0f, 246, length, precision, scale][..], &digits].concat()
}

/// Decimals that server 9.7.4 logged, their text, and the expression that makes them again.
fn wide_decimals() -> [(Vec<u8>, String, String); 7] {
    let nines = |count| "9".repeat(count);
    let eight_groups = "3b9ac9ff".repeat(8);
    let fraction =
        "123456789012345678901234567890123456789012345678901234567890123456789012345678901";
    let fraction_groups =
        "875bcd1500bc614e35b7bf87350e34c02f075f79287735f221d950cb1b3a0c14149aa435";
    let thirty = "123456789012345678901234567890";
    let forty = "9.1234567890123456789012345678901234567890";
    [
        (
            decimal(72, 0, &format!("80000009{}", "3b9ac9ff".repeat(7))),
            nines(64),
            format!("CAST({} AS DECIMAL(64,0))", nines(64)),
        ),
        (
            decimal(66, 30, "8000007b1b3a0c14149aa4350dfb38d2075bcd1500bc614e35b7bf87037a"),
            format!("{thirty}.{thirty}"),
            format!("CAST({thirty}.{thirty} AS DECIMAL(60,30))"),
        ),
        (
            decimal(66, 30, &format!("7a0a1f00{}fc18", "c4653600".repeat(6))),
            format!("-{}.{}", nines(35), nines(30)),
            format!("CAST(-{}.{} AS DECIMAL(65,30))", nines(35), nines(30)),
        ),
        (decimal(81, 0, &format!("bb9ac9ff{eight_groups}")), nines(81), nines(81)),
        (
            decimal(81, 0, &format!("44653600{}", "c4653600".repeat(8))),
            format!("-{}", nines(81)),
            format!("-{}", nines(81)),
        ),
        (
            decimal(41, 40, "89075bcd1500bc614e35b7bf87350e34c01ed2"),
            forty.to_owned(),
            forty.to_owned(),
        ),
        (decimal(81, 81, fraction_groups), format!("0.{fraction}"), format!(".{fraction}")),
    ]
}

#[test]
fn decimals_of_any_width_the_server_writes_are_read_and_written() {
    for (jsonb, text, sql) in wide_decimals() {
        let canonical = canonical_of_binary(&jsonb);

        assert_eq!(canonical, Ok(format!("\x04{text}\x01").into_bytes()));
        assert_eq!(canonical, canonical_of_text(&text, Some(&[NodeType::Decimal])));
        assert_eq!(sql_of(&canonical.unwrap()), format!("CAST({sql} AS JSON)"));
    }
}

#[test]
fn decimals_that_no_server_writes_are_refused() {
    let nine_groups = "80000000".repeat(9);
    for jsonb in [
        decimal(0, 0, ""),
        decimal(3, 4, "800000"),
        decimal(82, 0, &format!("80{nine_groups}")),
        decimal(81, 1, &format!("{nine_groups}00")),
        decimal(72, 0, &format!("80000000{}", "00000000".repeat(8))),
        decimal(72, 0, &format!("80000000{}", "00000000".repeat(6))),
        decimal(72, 0, &"ffffffff".repeat(8)),
    ] {
        assert!(
            matches!(canonical_of_binary(&jsonb), Err(JsonError::Malformed { .. })),
            "{jsonb:02x?}"
        );
    }
}

#[test]
fn objects_and_arrays_are_printed_with_the_servers_separators() {
    // {"a": [7, true], "b": null}
    let jsonb = [
        0x00, 2, 0, 30, 0, 18, 0, 1, 0, 19, 0, 1, 0, 0x02, 20, 0, 0x04, 0, 0, b'a', b'b', 2, 0, 10,
        0, 0x05, 7, 0, 0x04, 1, 0,
    ];
    assert_eq!(canonical_of_binary(&jsonb).as_deref(), Ok(&br#"{"a": [7, true], "b": null}"#[..]));
}

#[test]
fn a_text_without_special_nodes_is_its_own_canonical_form() {
    for text in [
        "null",
        "[]",
        "{}",
        r#"{"a": [1, -2, 4294967295, 4294967296], "b": "2024-01-01", "c": {"d\"e": 1.5}}"#,
        "\"\u{1f600}\"",
    ] {
        assert_eq!(canonical_of_text(text, None).as_deref(), Ok(text.as_bytes()));
        assert_eq!(sql_of(text.as_bytes()), format!("_utf8mb4'{}'", text.replace('\\', "\\\\")));
    }
}

#[test]
fn types_that_the_text_does_not_tell_are_kept_beside_it() {
    let text = r#"[1, 1.50, 5, "2024-01-01", "x", "base64:type15:yv4="]"#;
    let paths = paths_of(text.as_bytes()).unwrap();
    let types = [
        NodeType::Integer,
        NodeType::Decimal,
        NodeType::Unsigned,
        NodeType::Date,
        NodeType::Opaque,
    ];

    let canonical = canonical_of_text(text, Some(&types)).unwrap();

    assert_eq!(paths, [&b"$[0]"[..], b"$[1]", b"$[2]", b"$[3]", b"$[5]"]);
    assert_eq!(
        sql_of(&canonical),
        "CAST(JSON_ARRAY(CAST(_utf8mb4'1' AS JSON),CAST(1.50 AS DECIMAL(3,2)),CAST(5 AS UNSIGNED),\
         CAST(_utf8mb4'2024-01-01' AS DATE),CAST(_utf8mb4'\"x\"' AS JSON),x'cafe') AS JSON)"
    );
}

#[test]
fn paths_lead_through_objects_and_arrays() {
    let text = br#"{"a": [true, {"b.\"c": 1, "d": []}, [[2]]], "e": "10:11:12.000000", "f": -1}"#;

    let paths = paths_of(text).unwrap();

    assert_eq!(
        paths,
        [&br#"$."a"[1]."b.\"c""#[..], br#"$."a"[2][0][0]"#, br#"$."e""#, br#"$."f""#]
    );
    assert_eq!(paths_of(b"7").unwrap(), [b"$"]);
}

#[test]
fn doubles_have_one_form_whoever_prints_them() {
    for (text, expected) in [
        ("1e15", "1e15"),
        ("1000000000000000.0", "1e15"),
        ("0.00000015", "1.5e-7"),
        ("-0.0", "-0.0"),
    ] {
        let double: f64 = text.parse().unwrap();
        let mut jsonb = vec![0x0b];
        jsonb.extend_from_slice(&double.to_le_bytes());

        assert_eq!(canonical_of_text(text, None), canonical_of_binary(&jsonb));
        let printed: f64 = expected.parse().unwrap();
        assert_eq!(printed.to_bits(), double.to_bits());
    }
}

#[test]
fn partial_updates_replace_insert_and_remove() {
    let before: &[u8] = br#"{"a": 1, "bb": [1, 2, 3]}"#;
    let cases: &[(Vec<u8>, &[u8])] = &[
        (diff(0, "$.a", Some(SEVEN)), br#"{"a": 7, "bb": [1, 2, 3]}"#),
        (diff(0, "$", Some(SEVEN)), b"7"),
        (diff(0, "$.bb[2]", Some(ONE_AND_A_HALF)), b"{\"a\": 1, \"bb\": [1, 2, \x041.50]}\x01"),
        (diff(1, "$.b", Some(SEVEN)), br#"{"a": 1, "b": 7, "bb": [1, 2, 3]}"#),
        (diff(1, "$.\"\"", Some(SEVEN)), br#"{"": 7, "a": 1, "bb": [1, 2, 3]}"#),
        (diff(1, "$.bc", Some(SEVEN)), br#"{"a": 1, "bb": [1, 2, 3], "bc": 7}"#),
        (diff(1, "$.bb[1]", Some(SEVEN)), br#"{"a": 1, "bb": [1, 7, 2, 3]}"#),
        (diff(1, "$.bb[3]", Some(SEVEN)), br#"{"a": 1, "bb": [1, 2, 3, 7]}"#),
        (diff(2, "$.a", None), br#"{"bb": [1, 2, 3]}"#),
        (diff(2, "$.bb", None), br#"{"a": 1}"#),
        (diff(2, "$.bb[0]", None), br#"{"a": 1, "bb": [2, 3]}"#),
        (diff(2, "$.bb[2]", None), br#"{"a": 1, "bb": [1, 2]}"#),
    ];

    for (diffs, expected) in cases {
        let mut out = Vec::new();
        apply_diffs(before, diffs, &mut out).unwrap();
        assert_eq!(out, *expected, "{diffs:02x?}");
    }
}

#[test]
fn partial_updates_of_another_document_are_refused() {
    let before: &[u8] = br#"{"a": 1, "bb": [1, 2, 3]}"#;

    for diffs in [
        diff(0, "$.x", Some(SEVEN)),
        diff(0, "$.bb[3]", Some(SEVEN)),
        diff(1, "$.a", Some(SEVEN)),
        diff(1, "$.a.b", Some(SEVEN)),
        diff(2, "$.x", None),
        diff(2, "$.bb[3]", None),
        diff(2, "$", None),
    ] {
        let refused = apply_diffs(before, &diffs, &mut Vec::new());
        assert_eq!(refused, Err(JsonError::DiffMismatch), "{diffs:02x?}");
    }
}

#[test]
fn offsets_that_lead_to_one_place_again_and_again_are_refused() {
    // An array of two arrays that are itself.
    let jsonb = [0x02, 2, 0, 10, 0, 0x02, 0, 0, 0x02, 0, 0];

    assert!(canonical_of_binary(&jsonb).is_err());
}

#[test]
fn column_types_that_no_expression_makes_are_refused() {
    assert_eq!(
        canonical_of_binary(b"\x0f\xff\x02\xca\xfe"),
        Err(JsonError::Opaque { field_type: 255 })
    );
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(
        kind in 0u8..0x11,
        bytes in proptest::collection::vec(prop_oneof![any::<u8>(), 0u8..20], 0..80)
    ) {
        let mut jsonb = vec![kind];
        jsonb.extend_from_slice(&bytes);

        if let Ok(canonical) = canonical_of_binary(&jsonb) {
            prop_assert!(write_sql(&canonical, &mut Vec::new()).is_ok());
        }
        let text = String::from_utf8_lossy(&bytes);
        if let Ok(canonical) = canonical_of_text(&text, None) {
            prop_assert!(write_sql(&canonical, &mut Vec::new()).is_ok());
        }
        let _paths = paths_of(&bytes);
        let _written = write_sql(&bytes, &mut Vec::new());
        let _applied = apply_diffs(br#"{"a": [1, {"b": 2}]}"#, &jsonb, &mut Vec::new());
        let _applied = apply_diffs(&bytes, &diff(0, "$.a[1]", Some(SEVEN)), &mut Vec::new());
    }

    #[test]
    fn text_that_looks_like_json_is_read_without_panic(
        text in "[\\[\\]{}\", :\\\\u0-9.e\u{1}-\u{8}-]{0,40}"
    ) {
        if let Ok(canonical) = canonical_of_text(&text, None) {
            prop_assert!(write_sql(&canonical, &mut Vec::new()).is_ok());
        }
        let _written = write_sql(text.as_bytes(), &mut Vec::new());
        let _applied = apply_diffs(text.as_bytes(), &diff(2, "$.a[1]", None), &mut Vec::new());
    }

    #[test]
    fn base64_decodes_to_the_bytes_it_encodes(
        bytes in proptest::collection::vec(any::<u8>(), 0..50)
    ) {
        let mut text = Vec::new();
        base64::encode(&bytes, &mut text);

        prop_assert_eq!(base64::decode(&text), Some(bytes));
    }
}
