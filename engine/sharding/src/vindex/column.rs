//! The vindexes that hash one column, of which `multicol` takes the first bytes.

use md5::{Digest, Md5};
use xxhash_rust::xxh64::xxh64;

use crate::{
    KeyspaceId, Value, unicode,
    value::INTEGER_BYTES_MAX,
    vindex::{
        Unmapped, VindexError,
        cipher::encipher,
        params::Params,
        static_map::{self, StaticMap},
    },
};

/// How one value becomes a keyspace id. Source: Vitess, what is `Hashing`.
#[derive(Debug, Clone)]
pub(super) enum Column {
    Hash,
    Numeric,
    ReverseBits,
    Xxhash,
    Binary,
    BinaryMd5,
    UnicodeLooseMd5,
    UnicodeLooseXxhash,
    StaticMap(StaticMap),
}

impl Column {
    /// The vindex of that type.
    pub(super) fn new(kind: &str, params: Params<'_>) -> Result<Self, VindexError> {
        Ok(match kind {
            "hash" => Self::Hash,
            "numeric" => Self::Numeric,
            "reverse_bits" => Self::ReverseBits,
            "xxhash" => Self::Xxhash,
            "binary" => Self::Binary,
            "binary_md5" => Self::BinaryMd5,
            "unicode_loose_md5" => Self::UnicodeLooseMd5,
            "unicode_loose_xxhash" => Self::UnicodeLooseXxhash,
            "numeric_static_map" => Self::StaticMap(StaticMap::new(params)?),
            _ if kind.starts_with("lookup") || kind.starts_with("consistent_lookup") => {
                return Err(VindexError::NotComputed { kind: kind.to_owned() });
            }
            _ => return Err(VindexError::Unknown { kind: kind.to_owned() }),
        })
    }

    /// The vindex of a type that stands in the parameter `param` of another.
    pub(super) fn nested(
        params: Params<'_>,
        param: &'static str,
        kind: &str,
    ) -> Result<Self, VindexError> {
        Self::new(kind, Params { kind, ..params }).map_err(|error| {
            let is_other =
                matches!(error, VindexError::NotComputed { .. } | VindexError::Unknown { .. });
            let expected = "of vindexes that hash one column by itself";
            if is_other { params.wrong(param, expected) } else { error }
        })
    }

    /// The parameters that it knows.
    pub(super) fn params(&self) -> &'static [&'static str] {
        match self {
            Self::StaticMap(_) => &static_map::PARAMS,
            Self::Hash
            | Self::Numeric
            | Self::ReverseBits
            | Self::Xxhash
            | Self::Binary
            | Self::BinaryMd5
            | Self::UnicodeLooseMd5
            | Self::UnicodeLooseXxhash => &[],
        }
    }

    /// Whether all but integers have no keyspace id.
    pub(super) fn maps_integers_alone(&self) -> bool {
        matches!(self, Self::Hash | Self::Numeric | Self::ReverseBits | Self::StaticMap(_))
    }

    /// The keyspace id of a value.
    pub(super) fn keyspace_id(&self, value: &Value<'_>) -> Result<KeyspaceId, Unmapped> {
        let mut buffer = [0; INTEGER_BYTES_MAX];
        Ok(match self {
            Self::Hash => match value {
                Value::Int(value) => of_number(encipher(value.cast_unsigned())),
                Value::Null | Value::UInt(_) | Value::Text(_) => {
                    of_number(encipher(unsigned(value)?))
                }
            },
            Self::Numeric => of_number(unsigned(value)?),
            Self::ReverseBits => of_number(unsigned(value)?.reverse_bits()),
            Self::Xxhash => xxhash(value.bytes(&mut buffer)),
            Self::Binary => of_bytes(value.bytes(&mut buffer)),
            Self::BinaryMd5 => md5(value.bytes(&mut buffer)),
            Self::UnicodeLooseMd5 => md5(&unicode::key(value).ok_or(Unmapped::NotText)?),
            Self::UnicodeLooseXxhash => xxhash(&unicode::key(value).ok_or(Unmapped::NotText)?),
            Self::StaticMap(map) => return map.keyspace_id(value),
        })
    }
}

fn xxhash(bytes: &[u8]) -> KeyspaceId {
    of_bytes(&xxh64(bytes, 0).to_le_bytes())
}

fn md5(bytes: &[u8]) -> KeyspaceId {
    of_bytes(&Md5::digest(bytes))
}

/// The keyspace id that are these bytes.
pub(super) fn of_bytes(bytes: &[u8]) -> KeyspaceId {
    bytes.into()
}

/// The keyspace id that are the bytes of a number, the greatest first.
pub(super) fn of_number(number: u64) -> KeyspaceId {
    of_bytes(&number.to_be_bytes())
}

/// The integer without a sign that a value is.
pub(super) fn unsigned(value: &Value<'_>) -> Result<u64, Unmapped> {
    let refused = if *value == Value::Null { Unmapped::Null } else { Unmapped::NotAnInteger };
    value.unsigned().ok_or(refused)
}
