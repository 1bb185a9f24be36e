use super::*;

#[track_caller]
fn vindex(kind: &str, params: &[(&str, &str)]) -> Result<Vindex, VindexError> {
    let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
    Vindex::new(kind, &params.iter().map(owned).collect(), &BTreeMap::new())
}

/// Asserts what a vindex makes of values; none stands for any refusal.
#[track_caller]
fn check(vindex: &Vindex, values: &[Value<'_>], expected: Option<&str>) {
    let id = vindex.keyspace_id(values).ok().map(|id| id.to_string());
    assert_eq!(id.as_deref(), expected, "{} of {values:?}", vindex.kind());
}

fn text(text: &str) -> Value<'_> {
    Value::Text(text.as_bytes())
}

#[test]
fn keyspace_ids_are_those_that_vitess_gives() {
    // Asked of vtgate 24.
    let bytes = Value::Text(b"\x00\xff");
    for (kind, value, expected) in [
        ("hash", Value::UInt(0), Some("8ca64de9c1b123a7")),
        ("hash", Value::Int(1), Some("166b40b44aba4bd6")),
        ("hash", Value::UInt(1_000_000), Some("a0f37f2443d7d72e")),
        ("hash", Value::Int(i64::MAX), Some("f77d48aadda1f1bb")),
        ("hash", Value::UInt(u64::MAX), Some("355550b2150e2451")),
        ("hash", Value::Int(-1), Some("355550b2150e2451")),
        ("hash", Value::Int(-2), Some("da4341f68183d0ef")),
        ("hash", Value::Int(i64::MIN), Some("95f8a5e5dd31d900")),
        ("hash", text("1"), Some("166b40b44aba4bd6")),
        ("hash", text("abc"), None),
        ("hash", text("1.5"), None),
        ("hash", bytes, None),
        ("hash", Value::Null, None),
        ("numeric", Value::UInt(0), Some("0000000000000000")),
        ("numeric", Value::Int(1_000_000), Some("00000000000f4240")),
        ("numeric", Value::UInt(u64::MAX), Some("ffffffffffffffff")),
        ("numeric", text("1"), Some("0000000000000001")),
        ("numeric", Value::Int(-1), None),
        ("numeric", Value::Int(i64::MIN), None),
        ("numeric", text("1.50"), None),
        ("numeric", text("é"), None),
        ("numeric", Value::Null, None),
        ("reverse_bits", Value::Int(1), Some("8000000000000000")),
        ("reverse_bits", Value::Int(1_000_000), Some("0242f00000000000")),
        ("reverse_bits", Value::Int(i64::MAX), Some("fffffffffffffffe")),
        ("reverse_bits", Value::Int(-1), None),
        ("reverse_bits", Value::Null, None),
        ("xxhash", Value::Int(1), Some("d46405367612b4b7")),
        ("xxhash", text("1"), Some("d46405367612b4b7")),
        ("xxhash", Value::Int(-2), Some("3cea785490eb1496")),
        ("xxhash", Value::Int(i64::MIN), Some("102c27ddb26a609e")),
        ("xxhash", Value::UInt(u64::MAX), Some("477cfa8d6d8f1f8d")),
        ("xxhash", text("1.50"), Some("ca1a5a479152dc6c")),
        ("xxhash", text("2026-01-02 03:04:05"), Some("7c3b38725f51bcb3")),
        ("xxhash", text("Straße"), Some("335fe04229af450e")),
        ("xxhash", text("hello  world "), Some("528b325c4291f9b9")),
        ("xxhash", bytes, Some("7d1d13039a7dd9e0")),
        ("xxhash", text(""), Some("99e9d85137db46ef")),
        ("xxhash", Value::Null, Some("99e9d85137db46ef")),
        ("binary_md5", Value::Int(12345), Some("827ccb0eea8a706c4c34a16891f84e7b")),
        ("binary_md5", Value::Int(-1), Some("6bb61e3b7bce0931da574d19d1d82c88")),
        ("binary_md5", text("é"), Some("66ddcd97cfdeabb2f6fb8a999b4bc76f")),
        ("binary_md5", bytes, Some("d07d34efac6328007ad67c7e0a985e00")),
        ("binary_md5", Value::Null, Some("d41d8cd98f00b204e9800998ecf8427e")),
        ("binary", text("é"), Some("c3a9")),
        ("binary", text("hello  world "), Some("68656c6c6f2020776f726c6420")),
        ("binary", text(""), Some("")),
        ("binary", Value::Null, None),
    ] {
        check(&vindex(kind, &[]).unwrap(), &[value], expected);
    }
}

#[test]
fn text_is_compared_loosely() {
    // Asked of vtgate 24.
    for (value, xxhash, md5) in [
        (text(""), "99e9d85137db46ef", "d41d8cd98f00b204e9800998ecf8427e"),
        (text("a"), "2143a97694a4f7ee", "cecd92a198405e4449bac0d33407e52f"),
        (text("A "), "2143a97694a4f7ee", "cecd92a198405e4449bac0d33407e52f"),
        (text("a\t"), "c665da12f96dd68c", "cf9434151866d537dd9c1cade3e4e0c2"),
        (text("Hello World"), "c93f8271b9d270cd", "641dcd61fe6bad647435586367843036"),
        (text("hello  world "), "7457016d98fa9870", "52bed0af9515c1ac256271000c9f2d9b"),
        (text("Straße"), "019701c091c76b62", "495c70488e5e25057ffc85349b4ba143"),
        (text("STRASSE"), "019701c091c76b62", "495c70488e5e25057ffc85349b4ba143"),
        (text("日本語"), "7e59747f968cdf4e", "7373de6f673deb9238f04c1552de891c"),
        (text("é"), "fb859b9f228e27f1", "bffdc147f016944ba57c17581ff4a6cc"),
        (text("e"), "fb859b9f228e27f1", "bffdc147f016944ba57c17581ff4a6cc"),
        (text("😀"), "d1e276bb6ccacb4f", "d172e537bcee90fd007ead2bb374f723"),
        (Value::Int(12345), "aa737ecf3a47a4ee", "67a5a366712ae15233701c10de501474"),
        (Value::Null, "99e9d85137db46ef", "d41d8cd98f00b204e9800998ecf8427e"),
    ] {
        check(&vindex("unicode_loose_xxhash", &[]).unwrap(), &[value], Some(xxhash));
        check(&vindex("unicode_loose_md5", &[]).unwrap(), &[value], Some(md5));
    }
    for kind in ["unicode_loose_xxhash", "unicode_loose_md5"] {
        check(&vindex(kind, &[]).unwrap(), &[Value::Text(b"a\xff")], None);
    }
}

#[test]
fn components_are_hashed_by_themselves() {
    // What Vitess's own code gives.
    for (hash, offsets, value, expected) in [
        ("md5", "[2,4]", text("abcd"), Some("187e6865")),
        ("md5", "[2,4]", text("abcde"), Some("187e6865e1")),
        ("md5", "[2,4]", text("日本語"), Some("72f722b5f0ee951949")),
        ("md5", "[2,4]", Value::Int(-12345), Some("6bb637696c83")),
        (
            "md5",
            "[2,4]",
            text("abcdefghijklmnopqrstuvwxyz"),
            Some("187e686592cfaf53a54201d9a7ab808192459c54"),
        ),
        (
            "md5",
            "[20]",
            text("abcdefghijklmnopqrstuvwxyz"),
            Some("6aa8de45918023095f6e831efe48d00bdae1de15107f"),
        ),
        ("xxhash64", "[2,4]", text("abcde"), Some("614a842b34")),
        (
            "xxhash64",
            "[20]",
            text("abcdefghijklmnopqrstuvwxyz"),
            Some("9edcdb854997ccfc60b01e380ab6"),
        ),
        ("md5", "[2,4]", text("abc"), None),
        ("md5", "[2,4]", Value::Null, None),
    ] {
        check(&vindex("cfc", &[("hash", hash), ("offsets", offsets)]).unwrap(), &[value], expected);
    }
    let plain = vindex("cfc", &[]).unwrap();
    check(&plain, &[text("abcd")], Some("61626364"));
    check(&plain, &[text("")], Some(""));
    check(&plain, &[Value::Null], None);
}

#[test]
fn numbers_that_are_not_mapped_fall_back() {
    let json = "{\"1\":2,\"3\":18446744073709551615,\"18446744073709551615\":4}";
    // What Vitess's own code gives.
    for (fallback, value, expected) in [
        (None, Value::Int(1), Some("0000000000000002")),
        (None, text(" 3"), Some("ffffffffffffffff")),
        (None, Value::UInt(u64::MAX), Some("0000000000000004")),
        (None, Value::Int(9), Some("0000000000000009")),
        (None, Value::Int(-1), None),
        (None, Value::Null, None),
        (Some("hash"), Value::Int(1), Some("0000000000000002")),
        (Some("hash"), text(" 9"), Some("692bb9bf752b0f58")),
        (Some("hash"), Value::Int(-1), None),
        (Some("xxhash"), Value::Int(9), Some("9a02ee413eed351d")),
        (Some("xxhash"), text(" 9"), Some("a380ef8f3750337a")),
        (Some("xxhash"), Value::Null, None),
        (Some("reverse_bits"), Value::Int(9), Some("9000000000000000")),
    ] {
        let fallback = fallback.map(|kind| ("fallback_type", kind));
        let params: Vec<_> = [("json", json)].into_iter().chain(fallback).collect();
        check(&vindex("numeric_static_map", &params).unwrap(), &[value], expected);
    }
    let params = [("json_path".to_owned(), "/etc/map.json".to_owned())].into();
    let files = [("json_path".to_owned(), json.to_owned())].into();
    let of_a_file = Vindex::new("numeric_static_map", &params, &files).unwrap();
    check(&of_a_file, &[Value::Int(1)], Some("0000000000000002"));
}

#[test]
fn regions_stand_before_the_hash() {
    let files = [("region_map".to_owned(), "{\"eu\":1,\"us\":258,\"\":3}".to_owned())].into();
    let region = |kind: &str, bytes: &str| {
        let mut params = BTreeMap::from([("region_bytes".to_owned(), bytes.to_owned())]);
        if kind == "region_json" {
            params.insert("region_map".to_owned(), "/etc/regions.json".to_owned());
        }
        Vindex::new(kind, &params, &files).unwrap()
    };
    let minus = Value::Int(-1);
    // What Vitess's own code gives.
    for (kind, bytes, values, expected) in [
        ("region_experimental", "1", [Value::Int(1), Value::Int(1)], Some("01166b40b44aba4bd6")),
        ("region_experimental", "1", [Value::UInt(65793), text("255")], Some("01254e882e6597f41d")),
        (
            "region_experimental",
            "2",
            [Value::UInt(65793), text("255")],
            Some("0101254e882e6597f41d"),
        ),
        ("region_experimental", "2", [minus, Value::Int(1)], None),
        ("region_experimental", "2", [Value::Int(1), minus], None),
        ("region_json", "1", [Value::UInt(1_000_000), text("us")], Some("02a0f37f2443d7d72e")),
        ("region_json", "2", [Value::UInt(1_000_000), text("us")], Some("0102a0f37f2443d7d72e")),
        ("region_json", "2", [Value::Int(1), Value::Null], Some("0003166b40b44aba4bd6")),
        ("region_json", "2", [Value::Int(1), text("xx")], None),
        ("region_json", "2", [minus, text("eu")], None),
    ] {
        check(&region(kind, bytes), &values, expected);
    }
}

#[test]
fn columns_share_a_keyspace_id() {
    let letters = ["a", "7", "c", "d", "ee", "", "g", ""].map(text);
    let numbers = [1, 2, 3, 4, 5, 6, 7, 8].map(Value::Int);
    let binary = ["binary"; 8].join(",");
    // What Vitess's own code gives.
    for (count, bytes, kinds, of_numbers, of_letters) in [
        (1, "", "", Some("166b40b44aba4bd6"), None),
        (2, "", "", Some("166b40b406e7ea22"), None),
        (3, "", "", Some("166b4006e7ea4eb1"), None),
        (3, "1,,2", "binary,,xxhash", Some("3106e7ea22cea42c"), Some("61fb8baaad91ed57")),
        (8, "", &binary, Some("3132333435363738"), Some("61376364650067")),
        (2, "3,", "binary_md5, binary", Some("c4ca4232"), Some("0cc17537")),
        (2, "8,0", "", Some("166b40b44aba4bd6"), None),
    ] {
        let count_text = count.to_string();
        let params =
            [("column_count", &*count_text), ("column_bytes", bytes), ("column_vindex", kinds)];
        let vindex = vindex("multicol", &params).unwrap();
        check(&vindex, &numbers[..count], of_numbers);
        check(&vindex, &letters[..count], of_letters);
        check(&vindex, &numbers[..count - 1], None);
        assert_eq!(vindex.column_count(), count..=count);
    }
    let mapped = vindex(
        "multicol",
        &[
            ("column_count", "2"),
            ("column_bytes", "1,1"),
            ("column_vindex", "numeric_static_map"),
            ("json", "{\"1\":72057594037927936}"),
        ],
    );
    check(&mapped.unwrap(), &numbers[..2], Some("0106"));
}

#[test]
fn null_takes_every_value_and_gives_one_keyspace_id() {
    let null = vindex("null", &[]).unwrap();

    for value in [Value::Null, Value::Int(-1), Value::UInt(u64::MAX), Value::Text(b"a\xff")] {
        check(&null, &[value], Some("00"));
    }
    check(&null, &[Value::Null, Value::Null], None);
}

#[test]
fn what_is_no_vindex_is_refused_with_its_reason() {
    for (kind, params, refused) in [
        ("hsah", &[][..], "`hsah` is no type of vindex that is known: hash, xxhash, "),
        ("null", &[("id", "0")], "a `null` vindex has no parameter `id`"),
        (
            "lookup_unique",
            &[],
            "what the table of a `lookup_unique` vindex says changes, and with it where rows belong that are written already",
        ),
        (
            "consistent_lookup",
            &[],
            "what the table of a `consistent_lookup` vindex says changes, and with it where rows belong that are written already",
        ),
        ("hash", &[("jsno", "")], "a `hash` vindex has no parameter `jsno`"),
        (
            "multicol",
            &[("column_count", "1"), ("json", "")],
            "a `multicol` vindex has no parameter `json`",
        ),
        ("numeric_static_map", &[], "a `numeric_static_map` vindex needs the parameter `json`"),
        (
            "numeric_static_map",
            &[("json_path", "x")],
            "the contents of the file that the parameter `json_path` of a `numeric_static_map` vindex",
        ),
        (
            "region_json",
            &[("region_bytes", "1")],
            "a `region_json` vindex needs the parameter `region_map`",
        ),
        ("cfc", &[("hash", "md5")], "a `cfc` vindex needs the parameter `offsets`"),
        ("multicol", &[], "a `multicol` vindex needs the parameter `column_count`"),
    ] {
        let error = vindex(kind, params).unwrap_err().to_string();
        assert!(error.starts_with(refused), "{kind} {params:?}: {error}");
    }
}

#[test]
fn parameters_that_vitess_refuses_are_named() {
    let count = ("column_count", "2");
    for (kind, params, wrong) in [
        ("numeric_static_map", &[("json", "{}"), ("json_path", "x")][..], "json_path"),
        ("numeric_static_map", &[("json", "{\"+1\":1}")], "json"),
        ("numeric_static_map", &[("json", "{\"1\":1,\"01\":2}")], "json"),
        ("numeric_static_map", &[("json", "{\"1\":-1}")], "json"),
        ("numeric_static_map", &[("json", "{}"), ("fallback_type", "cfc")], "fallback_type"),
        ("region_experimental", &[("region_bytes", "3")], "region_bytes"),
        ("cfc", &[("hash", "md4")], "hash"),
        ("cfc", &[("hash", "md5"), ("offsets", "[]")], "offsets"),
        ("cfc", &[("hash", "md5"), ("offsets", "[0,1]")], "offsets"),
        ("cfc", &[("hash", "md5"), ("offsets", "[2,2]")], "offsets"),
        ("multicol", &[("column_count", "9")], "column_count"),
        ("multicol", &[("column_count", "0")], "column_count"),
        ("multicol", &[count, ("column_bytes", "8")], "column_bytes"),
        ("multicol", &[count, ("column_bytes", "9,0")], "column_bytes"),
        ("multicol", &[count, ("column_bytes", "1,1,1")], "column_bytes"),
        ("multicol", &[count, ("column_bytes", "-1,2")], "column_bytes"),
        ("multicol", &[count, ("column_vindex", "hash,hash,")], "column_vindex"),
        ("multicol", &[count, ("column_vindex", "cfc")], "column_vindex"),
    ] {
        let error = vindex(kind, params).unwrap_err();
        assert!(
            matches!(error, VindexError::ParamWrong { param, .. } if param == wrong),
            "{kind} {params:?}: {error}"
        );
    }
}
