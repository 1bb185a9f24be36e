//! Vindexes: how values become keyspace ids. Source: Vitess, `go/vt/vtgate/vindexes`.

mod cfc;
mod cipher;
mod column;
mod multicol;
mod params;
mod region;
mod static_map;

use std::{collections::BTreeMap, ops::RangeInclusive};

use thiserror::Error;

use crate::{
    KeyspaceId, Value,
    vindex::{cfc::Cfc, column::Column, multicol::Multicol, params::Params, region::Region},
};

/// A way to make the keyspace id of a row of the values of its sharding columns.
#[derive(Debug, Clone)]
pub struct Vindex {
    kind: String,
    how: How,
}

#[derive(Debug, Clone)]
enum How {
    Column(Column),
    Cfc(Cfc),
    Region(Region),
    Multicol(Multicol),
    /// Every value, also NULL, has the same keyspace id.
    Null,
}

/// Why there is no such vindex.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum VindexError {
    /// Vitess keeps its keyspace ids in a table.
    #[error(
        "what the table of a `{kind}` vindex says changes, and with it where rows belong that are written \
         already"
    )]
    NotComputed {
        /// The type of vindex.
        kind: String,
    },
    /// It is none of those that are known here.
    #[error("`{kind}` is no type of vindex that is known: {}", KINDS.join(", "))]
    Unknown {
        /// The type of vindex.
        kind: String,
    },
    /// A parameter without which there is none.
    #[error("a `{kind}` vindex needs the parameter `{param}`")]
    ParamMissing {
        /// The type of vindex.
        kind: String,
        /// The parameter.
        param: &'static str,
    },
    /// A parameter that Vitess would ignore.
    #[error("a `{kind}` vindex has no parameter `{param}`")]
    ParamUnknown {
        /// The type of vindex.
        kind: String,
        /// The parameter.
        param: String,
    },
    /// A parameter's value, or that of the file that it names.
    #[error("the parameter `{param}` of a `{kind}` vindex is not {expected}")]
    ParamWrong {
        /// The type of vindex.
        kind: String,
        /// The parameter.
        param: &'static str,
        /// What it has to be.
        expected: &'static str,
    },
    /// A parameter names a file, whose contents are not given.
    #[error(
        "the contents of the file that the parameter `{param}` of a `{kind}` vindex names are not given"
    )]
    FileMissing {
        /// The type of vindex.
        kind: String,
        /// The parameter.
        param: &'static str,
    },
}

/// Why a row has no keyspace id, so that vtgate does not insert it.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
pub enum Unmapped {
    /// The value is NULL.
    #[error("the vindex does not map NULL")]
    Null,
    /// The value is not an integer, or one that is negative or has too many digits.
    #[error("the value is no integer that the vindex maps")]
    NotAnInteger,
    /// The value's bytes are no UTF-8.
    #[error("the value is no text that the vindex maps")]
    NotText,
    /// The value is not a region of the map.
    #[error("the value is no region that the vindex knows")]
    NotARegion,
    /// The value has fewer bytes than the greatest offset.
    #[error("the value is shorter than the vindex needs")]
    TooShort,
    /// Another number of values than there are columns.
    #[error("the vindex takes another number of columns")]
    ColumnCount,
}

/// The types that are offered.
const KINDS: [&str; 14] = [
    "hash",
    "xxhash",
    "binary",
    "binary_md5",
    "numeric",
    "numeric_static_map",
    "reverse_bits",
    "unicode_loose_md5",
    "unicode_loose_xxhash",
    "region_experimental",
    "region_json",
    "cfc",
    "multicol",
    "null",
];

/// The keyspace id that `null` gives to all values. Source: Vitess, `null.go`.
const NULL_ID: [u8; 1] = [0];

impl Vindex {
    /// The vindex of a type with its parameters, as a vschema names them. `files` has the contents of the
    /// files that parameters name, by the parameters' names: `json_path` and `region_map`.
    ///
    /// # Errors
    ///
    /// [`VindexError`]. A parameter that Vitess would ignore is most likely misspelt, and refused.
    pub fn new(
        kind: &str,
        params: &BTreeMap<String, String>,
        files: &BTreeMap<String, String>,
    ) -> Result<Self, VindexError> {
        let params = Params { kind, values: params, files };
        let how = match kind {
            "cfc" => How::Cfc(Cfc::new(params)?),
            "region_experimental" => How::Region(Region::experimental(params)?),
            "region_json" => How::Region(Region::json(params)?),
            "multicol" => How::Multicol(Multicol::new(params)?),
            "null" => How::Null,
            _ => How::Column(Column::new(kind, params)?),
        };
        match &how {
            How::Column(column) => params.are_among(column.params()),
            How::Cfc(_) => params.are_among(&cfc::PARAMS),
            How::Region(region) => params.are_among(region.params()),
            How::Multicol(multicol) => params.are_among(&multicol.params()),
            How::Null => params.are_among(&[]),
        }?;
        Ok(Self { kind: kind.to_owned(), how })
    }

    /// The type, as a vschema names it.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The types that are offered.
    #[must_use]
    pub fn kinds() -> &'static [&'static str] {
        &KINDS
    }

    /// Whether the vindex maps nothing but integers in its column of this index.
    #[must_use]
    pub fn maps_integers_alone(&self, column_index: usize) -> bool {
        match &self.how {
            How::Column(column) => column.maps_integers_alone(),
            How::Cfc(_) | How::Null => false,
            How::Region(region) => region.maps_integers_alone(column_index),
            How::Multicol(multicol) => multicol.maps_integers_alone(column_index),
        }
    }

    /// How many columns a table's primary vindex of it has.
    #[must_use]
    pub fn column_count(&self) -> RangeInclusive<usize> {
        let count = match &self.how {
            How::Column(_) | How::Cfc(_) | How::Null => 1,
            How::Region(_) => 2,
            How::Multicol(multicol) => multicol.column_count(),
        };
        count..=count
    }

    /// The keyspace id of a row by the values of its sharding columns, in the vindex's order.
    ///
    /// # Errors
    ///
    /// [`Unmapped`], where vtgate does not insert the row.
    pub fn keyspace_id(&self, values: &[Value<'_>]) -> Result<KeyspaceId, Unmapped> {
        match (&self.how, values) {
            // vtgate takes the statement and writes no row.
            (How::Column(Column::Binary) | How::Cfc(Cfc::Plain), [Value::Null]) => {
                Err(Unmapped::Null)
            }
            (How::Column(column), [value]) => column.keyspace_id(value),
            (How::Cfc(cfc), [value]) => cfc.keyspace_id(value),
            (How::Region(region), [first, second]) => region.keyspace_id(first, second),
            (How::Multicol(multicol), values) => multicol.keyspace_id(values),
            (How::Null, [_]) => Ok(NULL_ID.as_slice().into()),
            _ => Err(Unmapped::ColumnCount),
        }
    }
}

#[cfg(test)]
mod tests;
