use super::*;

#[track_caller]
fn range(text: &str) -> KeyRange {
    text.parse().unwrap()
}

#[test]
fn bounds_are_half_open_and_zero_bytes_at_an_end_mean_nothing() {
    for (text, id, is_in) in [
        ("-80", &[0x7f, 0xff][..], true),
        ("-80", &[0x80], false),
        ("-80", &[], true),
        ("80-", &[0x80], true),
        ("80-", &[0x7f, 0xff], false),
        ("8000-", &[0x80], true),
        ("80-", &[0x80, 0, 0], true),
        ("-8000", &[0x80], false),
        ("80-c0", &[0xbf, 0xff], true),
        ("80-c0", &[0xc0], false),
        ("-", &[], true),
        ("-", &[0xff; 9], true),
        ("0", &[0xff; 9], true),
    ] {
        assert_eq!(range(text).contains(&KeyspaceId::from(id)), is_in, "{id:02x?} in {text}");
    }
}

#[test]
fn key_ranges_are_written_as_vitess_writes_them() {
    for (text, written) in
        [("-80", "-80"), ("80-C0", "80-c0"), ("8000-", "8000-"), ("-", "-"), ("0", "-")]
    {
        assert_eq!(range(text).to_string(), written);
    }
    assert_eq!(range("80-c000"), range("8000-c0"));
    assert_ne!(range("80-"), range("80-c0"));
}

#[test]
fn what_is_no_key_range_is_refused_with_its_reason() {
    for text in ["80", "", "8-", "x-", "80-c", "80-c0-", "-80-", "é-", "+8-"] {
        let error = KeyRangeError::Malformed { text: text.to_owned() };
        assert_eq!(text.parse::<KeyRange>(), Err(error));
    }
    for text in ["80-80", "c0-80", "80-8000"] {
        let error = KeyRangeError::Empty { text: text.to_owned() };
        assert_eq!(text.parse::<KeyRange>(), Err(error));
    }
}
