//! `cfc`: the hashes of a value's components, which stand at fixed places.

use md5::{Digest, Md5};
use xxhash_rust::xxh64::xxh64;

use crate::{
    KeyspaceId, Value,
    value::INTEGER_BYTES_MAX,
    vindex::{Unmapped, VindexError, column::of_bytes, params::Params},
};

const HASH: &str = "hash";
const OFFSETS: &str = "offsets";

/// The parameters that it knows.
pub(super) const PARAMS: [&str; 2] = [HASH, OFFSETS];

/// Components and their hashes.
#[derive(Debug, Clone)]
pub(super) enum Cfc {
    /// The bytes themselves.
    Plain,
    /// The hash of each component.
    Hashed {
        hash: ComponentHash,
        /// Where components end but the last, growing, from 1 on; at least one.
        offsets: Vec<usize>,
    },
}

/// A hash, of which no more bytes are used than the component has.
#[derive(Debug, Clone, Copy)]
pub(super) enum ComponentHash {
    Md5,
    Xxhash64,
}

impl Cfc {
    pub(super) fn new(params: Params<'_>) -> Result<Self, VindexError> {
        let hash = match params.text(HASH) {
            // Vitess does not look at offsets either.
            None | Some("") => return Ok(Self::Plain),
            Some("md5") => ComponentHash::Md5,
            Some("xxhash64") => ComponentHash::Xxhash64,
            Some(_) => return Err(params.wrong(HASH, "`md5` or `xxhash64`")),
        };
        let offsets: Option<Vec<usize>> = serde_json::from_str(params.required(OFFSETS)?).ok();
        let are_valid = |offsets: &Vec<usize>| {
            offsets.first().is_some_and(|&first| first > 0) && offsets.is_sorted_by(|a, b| a < b)
        };
        let offsets = offsets
            .filter(are_valid)
            .ok_or_else(|| params.wrong(OFFSETS, "a JSON array of growing integers from 1 on"))?;
        Ok(Self::Hashed { hash, offsets })
    }

    pub(super) fn keyspace_id(&self, value: &Value<'_>) -> Result<KeyspaceId, Unmapped> {
        let mut buffer = [0; INTEGER_BYTES_MAX];
        let mut rest = value.bytes(&mut buffer);
        let Self::Hashed { hash, offsets } = self else { return Ok(of_bytes(rest)) };
        let mut id = Vec::new();
        let mut start = 0;
        for offset in offsets {
            let (component, behind) =
                rest.split_at_checked(offset - start).ok_or(Unmapped::TooShort)?;
            hash.append(&mut id, component);
            (rest, start) = (behind, *offset);
        }
        hash.append(&mut id, rest);
        Ok(of_bytes(&id))
    }
}

impl ComponentHash {
    fn append(self, id: &mut Vec<u8>, component: &[u8]) {
        match self {
            Self::Md5 => id.extend(Md5::digest(component).iter().take(component.len())),
            Self::Xxhash64 => {
                id.extend(xxh64(component, 0).to_le_bytes().iter().take(component.len()));
            }
        }
    }
}
