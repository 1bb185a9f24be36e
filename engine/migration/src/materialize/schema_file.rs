//! Whether a plan's schema file says of the source's tables what the server does.

use whimbrel_model::{Column, ColumnType, Table};
use whimbrel_mysql::{
    Finding, Severity,
    ddl::{DefinedTable, defined_tables},
};

/// The most differences that are named of one table: an old file differs in most of its columns.
const NAMED_MAX: usize = 5;

/// How `tables`, of the server, are otherwise than the file `written` says, whose text is `text`.
pub(crate) fn findings<'t>(
    (written, text): (&str, &str),
    tables: impl Iterator<Item = &'t Table>,
) -> Vec<Finding> {
    let defined = match defined_tables(text) {
        Ok(defined) => defined,
        Err(error) => return vec![finding(format!("`{written}` cannot be read: {error}"))],
    };
    let mut findings = Vec::new();
    for table in tables {
        let Some(file) = defined.iter().find(|defined| defined.name == table.name()) else {
            findings.push(finding(format!("`{written}` has no table `{}`", table.name())));
            continue;
        };
        let mut differences = differences(file, table);
        if differences.is_empty() {
            continue;
        }
        let more = differences.len().saturating_sub(NAMED_MAX);
        differences.truncate(NAMED_MAX);
        if more > 0 {
            differences.push(format!("{more} more"));
        }
        let saw = format!(
            "`{written}` is not what the server has as `{}`: {}",
            table.name(),
            differences.join(", ")
        );
        findings.push(finding(saw));
    }
    findings
}

fn finding(saw: String) -> Finding {
    Finding {
        id: "schema-file",
        severity: Severity::Warning,
        saw,
        why: "the run goes by the server, `validate` and `explain` by the file",
        remedy: "write the file anew, with `mysqldump --no-data`".to_owned(),
    }
}

fn differences(file: &DefinedTable, table: &Table) -> Vec<String> {
    let named = |columns: &[Column], name: &str| -> Option<Column> {
        columns.iter().find(|column| column.name == name).cloned()
    };
    let mut differences = Vec::new();
    for column in table.columns() {
        let name = &column.name;
        match named(&file.columns, name) {
            None => differences.push(format!("the file has no column `{name}`")),
            Some(other) if shown(&other) != shown(column) => {
                let (file, server) = (shown(&other), shown(column));
                differences
                    .push(format!("`{name}` is {file} in the file and {server} on the server"));
            }
            Some(_) => {}
        }
    }
    for column in &file.columns {
        if named(table.columns(), &column.name).is_none() {
            differences.push(format!("the server has no column `{}`", column.name));
        }
    }
    let keyed = file.keyed(table.schema());
    let key = |table: &Table| -> Vec<String> {
        table.key_columns().map(|column| column.name.clone()).collect()
    };
    let key_of_file = keyed.as_ref().map(key).unwrap_or_default();
    if key_of_file != key(table) {
        let (file, server) = (key_of_file.join(", "), key(table).join(", "));
        differences.push(format!("the key is ({file}) in the file and ({server}) on the server"));
    }
    differences
}

/// What matters of a column to an expression.
fn shown(column: &Column) -> String {
    let collation = if let ColumnType::Text { collation, .. } = &column.column_type {
        format!(" {collation}")
    } else {
        String::new()
    };
    let null = if column.nullable { "" } else { " NOT NULL" };
    format!("{}{collation}{null}", column.declaration)
}
