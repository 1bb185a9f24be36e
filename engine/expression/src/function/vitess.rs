//! Where Vitess keeps a row: keyspace ids and key ranges.

use std::collections::BTreeMap;

use whimbrel_sharding::{self as sharding, KeyspaceId, Vindex};

use crate::{
    code::CallCode,
    error::Fault,
    function::{Form, Function, OWN, resolve::Call},
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
              `reverse_bits` of integers; `xxhash`, `binary_md5`, `unicode_loose_xxhash` and \
              `unicode_loose_md5` of integers, text in UTF-8 and bytes, for which NULL is an empty text; \
              `binary` of text and bytes. What the vindex does not map fails.",
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

/// The types of vindexes that take a value and no parameter, and whether they map integers, and text or bytes.
const VINDEXES: [(&str, bool, bool); 8] = [
    ("hash", true, false),
    ("numeric", true, false),
    ("reverse_bits", true, false),
    ("xxhash", true, true),
    ("binary", false, true),
    ("binary_md5", true, true),
    ("unicode_loose_md5", true, true),
    ("unicode_loose_xxhash", true, true),
];

fn vindex(call: &Call<'_>) -> Result<Vindex, Problem> {
    let name = call.literal(1)?;
    let offered = VINDEXES.into_iter().find(|(kind, ..)| *kind == name);
    let vindex = Vindex::new(name, &BTreeMap::new(), &BTreeMap::new()).ok();
    let (Some((_, takes_int, takes_text)), Some(vindex)) = (offered, vindex) else {
        let names = VINDEXES.map(|(kind, ..)| kind).join(", ");
        let problem = "this vindex is not offered";
        return Err(call.bad_literal(1, problem, &format!("vindexes are {names}")));
    };
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
    let bytes_max = match (vindex.kind(), call.kind(0)) {
        ("binary_md5" | "unicode_loose_md5", _) => 16,
        ("binary", Type::Text { characters_max }) => characters_max.saturating_mul(4),
        ("binary", Type::Bytes { bytes_max }) => *bytes_max,
        _ => 8,
    };
    call.prepared = Prepared::Vindex(vindex);
    Ok(Typed::new(Type::Bytes { bytes_max }, false))
}

fn resolve_range(call: &mut Call<'_>) -> Result<Typed, Problem> {
    let vindex = vindex(call)?;
    let range = call.literal(2)?.parse().map_err(|_| {
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

fn id_of(vindex: &Vindex, value: &Value<'_>) -> Result<KeyspaceId, Fault> {
    let printed;
    let literal = match value {
        Value::Text(text) => sharding::Value::Text(text.as_bytes()),
        Value::Bytes(bytes) => sharding::Value::Text(bytes),
        Value::Int(value) => match (i64::try_from(*value), u64::try_from(*value)) {
            (Ok(value), _) => sharding::Value::Int(value),
            (_, Ok(value)) => sharding::Value::UInt(value),
            _ => {
                printed = value.to_string();
                sharding::Value::Text(printed.as_bytes())
            }
        },
        _ => sharding::Value::Null,
    };
    vindex.keyspace_id(&[literal]).map_err(|_| UNMAPPED)
}

fn keyspace_id<'a>(code: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    let (Prepared::Vindex(vindex), Some(value)) = (&code.prepared, values.first()) else {
        return Err(Fault::OtherTable);
    };
    id_of(vindex, value).map(|id| Value::Bytes(id.as_bytes().to_vec().into()))
}

fn in_keyrange<'a>(code: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    let (Prepared::Range(vindex, range), Some(value)) = (&code.prepared, values.first()) else {
        return Err(Fault::OtherTable);
    };
    id_of(vindex, value).map(|id| Value::Bool(range.contains(&id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_the_literals_that_vitess_hashes() {
        // Asked of vtgate 24.
        for (kind, value, id) in [
            ("hash", Value::Int(1_000_000), "a0f37f2443d7d72e"),
            ("hash", Value::Int(u64::MAX.into()), "355550b2150e2451"),
            ("hash", Value::Int(i64::MIN.into()), "95f8a5e5dd31d900"),
            ("xxhash", Value::Int(-2), "3cea785490eb1496"),
            ("xxhash", Value::Int(u64::MAX.into()), "477cfa8d6d8f1f8d"),
            ("xxhash", Value::Text("Straße".into()), "335fe04229af450e"),
            ("xxhash", Value::Bytes(vec![0, 0xff].into()), "7d1d13039a7dd9e0"),
            ("xxhash", Value::Null, "99e9d85137db46ef"),
            ("binary", Value::Text("".into()), ""),
            ("unicode_loose_xxhash", Value::Text("Straße ".into()), "019701c091c76b62"),
        ] {
            let vindex = Vindex::new(kind, &BTreeMap::new(), &BTreeMap::new()).unwrap();
            assert_eq!(id_of(&vindex, &value).unwrap().to_string(), id, "{kind} of {value:?}");
        }
        let numeric = Vindex::new("numeric", &BTreeMap::new(), &BTreeMap::new()).unwrap();
        for value in [Value::Int(-1), Value::Int(1 << 64), Value::Null] {
            assert_eq!(id_of(&numeric, &value), Err(UNMAPPED), "{value:?}");
        }
    }
}
