//! `materialize` as people write it.

use std::{borrow::Cow, fmt, marker::PhantomData};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};

/// A target table that is made of source tables.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Materialize")]
pub(crate) struct MaterializeSpec {
    /// The source table, or several whose rows come together.
    #[schemars(required)]
    pub(crate) from: Option<FromSpec>,
    /// Which rows: a condition over the columns of the source row. Without it: all.
    #[schemars(extend("x-references" = true))]
    pub(crate) r#where: Option<String>,
    /// Every column of the source but these, and those in `columns` beside.
    pub(crate) except: Option<Vec<String>>,
    /// Columns by name, each with an expression over the columns of the source row. Without `except`,
    /// the target has these alone.
    pub(crate) columns: Option<Entries<ColumnSpec>>,
    /// One row for each group of source rows: the columns that make a group, each with an expression.
    pub(crate) group_by: Option<Entries<GroupSpec>>,
    /// What is counted or summed up in each group: `count()`, `count(x)`, `sum(x)`, `min(x)`,
    /// `max(x)` or `avg(x)`.
    pub(crate) aggregates: Option<Entries<ColumnSpec>>,
    /// The target's definition: `copy` makes it after the source's, `existing` takes the table that is
    /// there, and a `CREATE TABLE` statement is run as it stands.
    #[schemars(extend("default" = "copy"))]
    pub(crate) create: Option<String>,
    /// The columns that tell the target's rows apart. Without it: those of the source's key.
    #[schemars(length(min = 1))]
    pub(crate) key: Option<Vec<String>>,
    /// What happens when an expression fails on a row.
    #[schemars(extend("default" = "stop"))]
    pub(crate) on_error: Option<OnError>,
}

/// The source tables of a target.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum FromSpec {
    /// One table.
    One(String),
    /// Several tables.
    Several(Vec<String>),
}

/// The expression of a column that makes a group.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "Group", extend("x-references" = true))]
pub(crate) struct GroupSpec(pub(crate) String);

/// A column's expression.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "Column")]
pub(crate) enum ColumnSpec {
    /// An expression.
    #[schemars(extend("x-references" = true))]
    Value(String),
    /// An expression, and what happens when it fails.
    Plain(PlainColumnSpec),
}

/// A column's expression with all that can be said of it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ColumnOptions")]
pub(crate) struct PlainColumnSpec {
    /// The expression.
    #[schemars(required, extend("x-references" = true))]
    pub(crate) value: Option<String>,
    /// What happens when it fails on a row.
    pub(crate) on_error: Option<OnError>,
}

/// What happens when an expression fails on a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    /// The run stops, and shows the part of the plan that failed. It goes on once the plan says otherwise.
    #[default]
    Stop,
    /// The column is `NULL`.
    Null,
    /// The row is left out of the target and noted among the dead letters, until it is changed.
    DeadLetter,
}

/// A mapping in the order in which it is written.
#[derive(Debug)]
pub(crate) struct Entries<T>(pub(crate) Vec<(String, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Ordered<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Ordered<T> {
            type Value = Entries<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a mapping")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(Ordered(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for Entries<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("MapOf{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let values = generator.subschema_for::<T>();
        json_schema!({ "type": "object", "minProperties": 1, "additionalProperties": values })
    }
}
