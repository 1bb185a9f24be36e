//! The JSON schema of plans: what editors check, and what [`crate::load`] itself checks by.

use schemars::{Schema, generate::SchemaSettings, transform::RecursiveTransform};
use serde_json::Value;

use crate::spec::Spec;

/// The JSON schema of plans, draft 2020-12.
#[must_use]
pub fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12().with_transform(RecursiveTransform(polish));
    settings.into_generator().into_root_schema_for::<Spec>().to_value()
}

/// Makes of a schema of Rust types one of plans: without `null`, because a key without a value is a
/// slip and not a way to leave it out; with descriptions that are one line each.
fn polish(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    if let Some(Value::String(description)) = object.get_mut("description") {
        // Lines are broken for the source's sake.
        *description = description.replace('\n', " ");
    }
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(mut choices)) = object.remove("anyOf") {
        choices.retain(|choice| choice.get("type").is_none_or(|name| name != "null"));
        match choices.as_slice() {
            [Value::Object(only)] => object.extend(only.clone()),
            _ => {
                object.insert("anyOf".to_owned(), Value::Array(choices));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{check::check, yaml};

    #[test]
    fn the_committed_schema_is_current() {
        let committed = include_str!("../../../plans/plan.schema.json");

        assert_eq!(
            committed,
            format!("{:#}\n", schema()),
            "`cargo run -p whimbrel -- schema > plans/plan.schema.json` renews it"
        );
    }

    #[test]
    fn the_example_fits_the_schema_and_uses_every_key_of_a_plan_that_copies() {
        let schema = schema();
        let (tree, duplicates) =
            yaml::read(include_str!("../../../plans/mysql-to-mysql.yaml")).unwrap();

        let checked = check(&tree, &schema);

        assert_eq!((duplicates, checked.errors), (vec![], vec![]));
        let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        let wanted: Vec<String> = keys(&schema["properties"]);
        let is_another = |key: &str| ["materialize", "sharding"].contains(&key);
        let wanted: Vec<String> = wanted.into_iter().filter(|key| !is_another(key)).collect();
        assert_eq!(keys(&checked.value), wanted);
    }

    #[test]
    fn every_value_has_a_description_and_no_mapping_takes_unknown_keys() {
        fn check(path: &str, schema: &Value) {
            for (name, property) in schema["properties"].as_object().into_iter().flatten() {
                let path = format!("{path}.{name}");
                let description = property["description"].as_str().unwrap_or_default();
                assert!(!description.is_empty() && !description.contains('\n'), "{path}");
                check(&path, property);
            }
            // Targets and columns have names of their own.
            let names = &schema["additionalProperties"];
            if schema["type"] == "object" && !names.is_object() {
                assert_eq!(*names, false, "{path}");
            }
        }

        let schema = schema();
        check("", &schema);
        for (name, definition) in schema["$defs"].as_object().unwrap() {
            check(name, definition);
        }
    }
}
