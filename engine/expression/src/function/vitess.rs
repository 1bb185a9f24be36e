//! Where Vitess keeps a row: keyspace ids and key ranges. Source: Vitess, `go/vt/vtgate/vindexes`.

use des::{
    Des,
    cipher::{BlockEncrypt, KeyInit},
};
use md5::Md5;
use sha2::Digest;
use xxhash_rust::xxh64::xxh64;

use crate::{
    code::CallCode,
    error::Fault,
    function::{Form, Function, OWN, digest::from_digits, resolve::Call},
    prepared::Prepared,
    problem::Problem,
    types::{Type, Typed},
    value::Value,
};

/// The functions of this file.
pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        name: "keyspace_id",
        usage: "keyspace_id(value, \"vindex\")",
        doc: "The keyspace id that Vitess gives a value by a vindex: `hash`, `numeric` and \
              `reverse_bits` of integers; `xxhash` and `binary_md5` of integers, text in UTF-8 and \
              bytes, for which NULL is an empty text; `binary` of text and bytes. What the vindex does \
              not map fails.",
        example: ("hex(keyspace_id(1, \"hash\"))", "\"166B40B44ABA4BD6\""),
        takes: (2, 2),
        form: Form::SeesNull(resolve_id, keyspace_id),
        ..OWN
    },
    Function {
        name: "in_keyrange",
        usage: "in_keyrange(value, \"vindex\", \"-80\")",
        doc: "Whether Vitess keeps a value in a key range, which is written as a shard is: `-80`, \
              `80-c0`, `c0-`. Vindexes as of `keyspace_id`.",
        example: ("in_keyrange(1, \"hash\", \"-80\")", "true"),
        takes: (3, 3),
        form: Form::SeesNull(resolve_range, in_keyrange),
        ..OWN
    },
];

/// How values become keyspace ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Vindex {
    Hash,
    Numeric,
    ReverseBits,
    Xxhash,
    Binary,
    BinaryMd5,
}

const VINDEXES: [(&str, Vindex); 6] = [
    ("hash", Vindex::Hash),
    ("numeric", Vindex::Numeric),
    ("reverse_bits", Vindex::ReverseBits),
    ("xxhash", Vindex::Xxhash),
    ("binary", Vindex::Binary),
    ("binary_md5", Vindex::BinaryMd5),
];

/// Keyspace ids from the first on, and before the second if there is one.
#[derive(Debug)]
pub(crate) struct Range {
    start: Vec<u8>,
    end: Option<Vec<u8>>,
}

impl Range {
    fn parse(text: &str) -> Option<Self> {
        let (start, end) = text.split_once('-')?;
        let bound = |digits: &str| from_digits(digits).filter(|_| digits.len().is_multiple_of(2));
        let (start, end) = (bound(start)?, bound(end)?);
        let end = (!end.is_empty()).then_some(end);
        end.as_ref().is_none_or(|end| *end > start).then_some(Self { start, end })
    }

    fn contains(&self, id: &[u8]) -> bool {
        id >= self.start.as_slice() && self.end.as_ref().is_none_or(|end| id < end.as_slice())
    }
}

fn vindex(call: &Call<'_>) -> Result<Vindex, Problem> {
    let name = call.literal(1)?;
    let found = VINDEXES.into_iter().find(|(other, _)| *other == name);
    let vindex = found.map(|(_, vindex)| vindex).ok_or_else(|| {
        let names = VINDEXES.map(|(name, _)| name).join(", ");
        call.bad_literal(1, "this vindex is not offered", &format!("vindexes are {names}"))
    })?;
    let takes_int = vindex != Vindex::Binary;
    let takes_text = matches!(vindex, Vindex::Xxhash | Vindex::Binary | Vindex::BinaryMd5);
    match call.kind(0) {
        Type::Null => Ok(vindex),
        Type::Int { .. } if takes_int => Ok(vindex),
        Type::Text { .. } | Type::Bytes { .. } if takes_text => Ok(vindex),
        _ if takes_int && takes_text => Err(call.wrong(0, "an integer, text or bytes", "")),
        _ if takes_int => Err(call.wrong(0, "an integer", "")),
        _ => Err(call.wrong(0, "text or bytes", "")),
    }
}

fn resolve_id(call: &mut Call<'_>) -> Result<Typed, Problem> {
    let vindex = vindex(call)?;
    call.prepared = Prepared::Vindex(vindex);
    let bytes_max = match (vindex, call.kind(0)) {
        (Vindex::BinaryMd5, _) => 16,
        (Vindex::Binary, Type::Text { characters_max }) => characters_max.saturating_mul(4),
        (Vindex::Binary, Type::Bytes { bytes_max }) => *bytes_max,
        _ => 8,
    };
    Ok(Typed::new(Type::Bytes { bytes_max }, false))
}

fn resolve_range(call: &mut Call<'_>) -> Result<Typed, Problem> {
    let vindex = vindex(call)?;
    let range = Range::parse(call.literal(2)?).ok_or_else(|| {
        call.bad_literal(
            2,
            "this is no key range",
            "write it as a shard: \"-80\", \"80-c0\", \"c0-\"",
        )
    })?;
    call.prepared = Prepared::Range(vindex, range);
    Ok(Typed::new(Type::Bool, false))
}

const UNMAPPED: Fault = Fault::Argument("the vindex does not map the value");

/// The keyspace id of a value. Vectors of Vitess are in the tests.
fn id_of(vindex: Vindex, value: &Value<'_>) -> Result<Vec<u8>, Fault> {
    let printed;
    let bytes: &[u8] = match value {
        Value::Text(text) => text.as_bytes(),
        Value::Bytes(bytes) => bytes,
        Value::Int(value) => {
            printed = value.to_string();
            printed.as_bytes()
        }
        _ => b"",
    };
    let number = if let Value::Int(value) = value { Some(*value) } else { None };
    let unsigned = || number.and_then(|value| u64::try_from(value).ok()).ok_or(UNMAPPED);
    Ok(match vindex {
        Vindex::Xxhash => xxh64(bytes, 0).to_le_bytes().to_vec(),
        Vindex::BinaryMd5 => Md5::digest(bytes).to_vec(),
        Vindex::Binary if bytes.is_empty() => return Err(UNMAPPED),
        Vindex::Binary => bytes.to_vec(),
        Vindex::Numeric => unsigned()?.to_be_bytes().to_vec(),
        Vindex::ReverseBits => unsigned()?.reverse_bits().to_be_bytes().to_vec(),
        Vindex::Hash => {
            let bits = unsigned().or_else(|_| {
                let signed = number.and_then(|value| i64::try_from(value).ok());
                signed.map(i64::cast_unsigned).ok_or(UNMAPPED)
            })?;
            // Three rounds of DES with one key are one: Vitess's key is all zeros.
            let mut block = bits.to_be_bytes().into();
            Des::new(&[0; 8].into()).encrypt_block(&mut block);
            block.to_vec()
        }
    })
}

fn keyspace_id<'a>(code: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    let (Prepared::Vindex(vindex), Some(value)) = (&code.prepared, values.first()) else {
        return Err(Fault::OtherTable);
    };
    id_of(*vindex, value).map(|id| Value::Bytes(id.into()))
}

fn in_keyrange<'a>(code: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    let (Prepared::Range(vindex, range), Some(value)) = (&code.prepared, values.first()) else {
        return Err(Fault::OtherTable);
    };
    id_of(*vindex, value).map(|id| Value::Bool(range.contains(&id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keyspace_ids_are_those_that_vitess_gives() {
        use Vindex::{Binary, BinaryMd5, Hash, Numeric, ReverseBits, Xxhash};
        let text = |text: &'static str| Value::Text(text.into());
        // Asked of vtgate 24.
        for (vindex, value, id) in [
            (Hash, Value::Int(0), Some("8ca64de9c1b123a7")),
            (Hash, Value::Int(1_000_000), Some("a0f37f2443d7d72e")),
            (Hash, Value::Int(u64::MAX.into()), Some("355550b2150e2451")),
            (Hash, Value::Int(-1), Some("355550b2150e2451")),
            (Hash, Value::Int(i64::MIN.into()), Some("95f8a5e5dd31d900")),
            (Hash, Value::Null, None),
            (Xxhash, Value::Int(1), Some("d46405367612b4b7")),
            (Xxhash, Value::Int(-2), Some("3cea785490eb1496")),
            (Xxhash, Value::Int(u64::MAX.into()), Some("477cfa8d6d8f1f8d")),
            (Xxhash, text("Straße"), Some("335fe04229af450e")),
            (Xxhash, Value::Bytes(vec![0, 0xff].into()), Some("7d1d13039a7dd9e0")),
            (Xxhash, Value::Null, Some("99e9d85137db46ef")),
            (Numeric, Value::Int(255), Some("00000000000000ff")),
            (Numeric, Value::Int(-1), None),
            (ReverseBits, Value::Int(1_000_000), Some("0242f00000000000")),
            (ReverseBits, Value::Int(-1), None),
            (BinaryMd5, Value::Int(12345), Some("827ccb0eea8a706c4c34a16891f84e7b")),
            (BinaryMd5, text("é"), Some("66ddcd97cfdeabb2f6fb8a999b4bc76f")),
            (BinaryMd5, Value::Null, Some("d41d8cd98f00b204e9800998ecf8427e")),
            (Binary, text("é"), Some("c3a9")),
            (Binary, text(""), None),
        ] {
            let expected = id.map(|id| from_digits(id).unwrap()).ok_or(UNMAPPED);
            assert_eq!(id_of(vindex, &value), expected, "{vindex:?} of {value:?}");
        }
    }

    #[test]
    fn key_ranges_are_half_open() {
        for (range, id, is_in) in [
            ("-80", vec![0x7f, 0xff], true),
            ("-80", vec![0x80], false),
            ("80-", vec![0x80], true),
            ("80-c0", vec![0xc0], false),
            ("-", vec![], true),
        ] {
            assert_eq!(Range::parse(range).unwrap().contains(&id), is_in, "{range}");
        }
        for range in ["80", "80-80", "c0-80", "8-", "x-"] {
            assert!(Range::parse(range).is_none(), "{range}");
        }
    }
}
