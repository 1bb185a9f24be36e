//! `numeric_static_map`: keyspace ids of a list.

use std::collections::{BTreeMap, HashMap};

use crate::{
    KeyspaceId, Value,
    vindex::{
        Unmapped, VindexError,
        column::{Column, of_number, unsigned},
        params::Params,
    },
};

const JSON: &str = "json";
const PATH: &str = "json_path";
const FALLBACK: &str = "fallback_type";

/// The parameters that it knows.
pub(super) const PARAMS: [&str; 3] = [JSON, PATH, FALLBACK];

/// Keyspace ids by their values, and how others are made.
#[derive(Debug, Clone)]
pub(super) struct StaticMap {
    numbers: HashMap<u64, u64>,
    /// None makes a number its own keyspace id.
    fallback: Option<Box<Column>>,
}

impl StaticMap {
    pub(super) fn new(params: Params<'_>) -> Result<Self, VindexError> {
        let (param, json) = match (params.text(JSON), params.text(PATH)) {
            (Some(_), Some(_)) => return Err(params.wrong(PATH, "absent where `json` is given")),
            (None, Some(_)) => (PATH, params.file(PATH)?),
            _ => (JSON, params.required(JSON)?),
        };
        let numbers = numbers(json).ok_or_else(|| {
            params
                .wrong(param, "a JSON object with a number from 0 to 2^64 - 1 by each such number")
        })?;
        // It is made without parameters.
        let alone = Params { values: &BTreeMap::new(), files: &BTreeMap::new(), ..params };
        let fallback = params.text(FALLBACK).map(|kind| Column::nested(alone, FALLBACK, kind));
        Ok(Self { numbers, fallback: fallback.transpose()?.map(Box::new) })
    }

    pub(super) fn keyspace_id(&self, value: &Value<'_>) -> Result<KeyspaceId, Unmapped> {
        let number = unsigned(value)?;
        match (self.numbers.get(&number), &self.fallback) {
            (Some(number), _) => Ok(of_number(*number)),
            (None, Some(fallback)) => fallback.keyspace_id(value),
            (None, None) => Ok(of_number(number)),
        }
    }
}

fn numbers(json: &str) -> Option<HashMap<u64, u64>> {
    let entries: BTreeMap<String, u64> = serde_json::from_str(json).ok()?;
    let mut numbers = HashMap::new();
    for (value, id) in entries {
        let is_number = value.bytes().all(|byte| byte.is_ascii_digit());
        let value = value.parse().ok().filter(|_| is_number)?;
        // Of `1` and `01` vtgate takes whichever comes last, which changes.
        if numbers.insert(value, id).is_some() {
            return None;
        }
    }
    Some(numbers)
}
