//! `region_experimental` and `region_json`: a region's number before the hash of another column.

use std::collections::BTreeMap;

use crate::{
    KeyspaceId, Value,
    value::INTEGER_BYTES_MAX,
    vindex::{
        Unmapped, VindexError,
        cipher::encipher,
        column::{of_bytes, unsigned},
        params::Params,
    },
};

/// A region and a number.
#[derive(Debug, Clone)]
pub(super) struct Region {
    regions: Regions,
    prefix: Prefix,
}

#[derive(Debug, Clone)]
enum Regions {
    /// The first column is the region's number.
    Numbers,
    /// The second column is the region's name.
    Names(BTreeMap<String, u64>),
}

/// How many bytes of a region's number are used, the least of them.
#[derive(Debug, Clone, Copy)]
enum Prefix {
    One,
    Two,
}

const BYTES: &str = "region_bytes";
const MAP: &str = "region_map";

fn prefix(params: Params<'_>, bytes: &str) -> Result<Prefix, VindexError> {
    match bytes {
        "1" => Ok(Prefix::One),
        "2" => Ok(Prefix::Two),
        _ => Err(params.wrong(BYTES, "`1` or `2`")),
    }
}

impl Region {
    pub(super) fn experimental(params: Params<'_>) -> Result<Self, VindexError> {
        let prefix = prefix(params, params.required(BYTES)?)?;
        Ok(Self { regions: Regions::Numbers, prefix })
    }

    pub(super) fn json(params: Params<'_>) -> Result<Self, VindexError> {
        let prefix = prefix(params, params.required(BYTES)?)?;
        params.required(MAP)?;
        let names = serde_json::from_str(params.file(MAP)?).map_err(|_| {
            params
                .wrong(MAP, "a JSON object with a number from 0 to 2^64 - 1 by each region's name")
        })?;
        Ok(Self { regions: Regions::Names(names), prefix })
    }

    /// The parameters that it knows.
    pub(super) fn params(&self) -> &'static [&'static str] {
        match self.regions {
            Regions::Numbers => &[BYTES],
            Regions::Names(_) => &[BYTES, MAP],
        }
    }

    pub(super) fn maps_integers_alone(&self, column_index: usize) -> bool {
        match self.regions {
            Regions::Numbers => true,
            Regions::Names(_) => column_index == 0,
        }
    }

    pub(super) fn keyspace_id(
        &self,
        first: &Value<'_>,
        second: &Value<'_>,
    ) -> Result<KeyspaceId, Unmapped> {
        let (region, number) = match &self.regions {
            Regions::Numbers => (unsigned(first)?, unsigned(second)?),
            Regions::Names(names) => {
                let mut buffer = [0; INTEGER_BYTES_MAX];
                let name = str::from_utf8(second.bytes(&mut buffer)).ok();
                let region = name.and_then(|name| names.get(name));
                (*region.ok_or(Unmapped::NotARegion)?, unsigned(first)?)
            }
        };
        let [.., high, low] = region.to_be_bytes();
        let [a, b, c, d, e, f, g, h] = encipher(number).to_be_bytes();
        let bytes = [high, low, a, b, c, d, e, f, g, h];
        Ok(of_bytes(match self.prefix {
            Prefix::One => &bytes[1..],
            Prefix::Two => &bytes,
        }))
    }
}
