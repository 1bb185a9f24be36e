//! The tables that are kept beside a visible table.

use whimbrel_model::{Column, ColumnType};
use whimbrel_mysql::ddl::quoted;

use super::{Argument, Group, Rollup};

impl Rollup {
    /// The statements that make both tables, which must not be there.
    pub fn create_statements(&self) -> [String; 2] {
        [self.create_contributions(), self.create_groups()]
    }

    /// The statements that remove both tables, where they are there.
    pub fn drop_statements(&self) -> [String; 2] {
        [self.contributions.name(), &self.groups_table]
            .map(|name| format!("DROP TABLE IF EXISTS {}", quoted(name)))
    }

    /// The index of contributions that the columns of the group lead: one for each argument whose
    /// least or greatest value is shown. Without such an argument one is needed where the values of
    /// a group may be spelt in several ways.
    fn create_contributions(&self) -> String {
        let mut items: Vec<String> = self.contributions.key_columns().map(key_item).collect();
        items.extend((1..).zip(&self.groups).map(|(place, group)| group_item(place, group)));
        for (place, argument) in (1..).zip(&self.arguments) {
            items.push(format!(
                "a{place} {}{}",
                argument.definition,
                if argument.nullable { " NULL" } else { " NOT NULL" }
            ));
            if argument.nullable && argument.is_ordered {
                items.push(format!(
                    "a{place}_absent BOOLEAN GENERATED ALWAYS AS (a{place} IS NULL) VIRTUAL NOT NULL"
                ));
            }
        }
        let key: Vec<String> =
            self.contributions.key_columns().map(|column| column.name.clone()).collect();
        items.push(format!("PRIMARY KEY ({})", key.join(", ")));
        for (index, columns) in self.group_indexes() {
            items.push(format!("KEY {index} ({})", columns.join(", ")));
        }
        create(self.contributions.name(), &items)
    }

    /// The indexes of the contributions beside the key: names and columns.
    pub(super) fn group_indexes(&self) -> Vec<(String, Vec<String>)> {
        let group: Vec<String> = (1..=self.groups.len()).map(|place| format!("g{place}")).collect();
        let mut indexes: Vec<(String, Vec<String>)> = (1..)
            .zip(&self.arguments)
            .filter(|(_, argument)| argument.is_ordered)
            .map(|(place, argument)| {
                let columns = group.iter().cloned().chain(order_of(place, argument)).collect();
                (format!("by_a{place}"), columns)
            })
            .collect();
        if indexes.is_empty() && self.groups.iter().any(|group| group.folds) {
            indexes.push(("by_group".to_owned(), group));
        }
        indexes
    }

    /// The primary key tells groups apart as the visible table does, `NULL` from every value too.
    ///
    /// Sums have the most digits that there are, so that one that grows out of them is an error of the
    /// server's.
    fn create_groups(&self) -> String {
        let mut items = Vec::new();
        let mut key = Vec::new();
        for (place, group) in (1..).zip(&self.groups) {
            items.push(group_item(place, group));
            if group.nullable {
                let (key_type, value) = key_of(place, group);
                items.push(format!(
                    "g{place}_absent BOOLEAN GENERATED ALWAYS AS (g{place} IS NULL) STORED NOT NULL"
                ));
                items.push(format!(
                    "g{place}_key {key_type} GENERATED ALWAYS AS ({value}) STORED NOT NULL"
                ));
                key.extend([format!("g{place}_absent"), format!("g{place}_key")]);
            } else {
                key.push(format!("g{place}"));
            }
        }
        items.push("row_count BIGINT NOT NULL".to_owned());
        for (place, argument) in (1..).zip(&self.arguments) {
            if argument.is_counted {
                items.push(format!("c{place} BIGINT NOT NULL"));
            }
            if let Some(scale) = argument.sum_scale {
                items.push(format!("s{place} DECIMAL(65, {scale}) NOT NULL"));
            }
        }
        items.push("touched BIGINT UNSIGNED NOT NULL".to_owned());
        items.push(format!("PRIMARY KEY ({})", key.join(", ")));
        items.push("KEY by_touched (touched)".to_owned());
        create(&self.groups_table, &items)
    }
}

/// The columns that put an argument's values in order: those that are `NULL` last.
pub(super) fn order_of(place: usize, argument: &Argument) -> Vec<String> {
    let flag = argument.nullable.then(|| format!("a{place}_absent"));
    flag.into_iter().chain([format!("a{place}")]).collect()
}

fn create(name: &str, items: &[String]) -> String {
    format!(
        "CREATE TABLE {} (\n  {}\n) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4",
        quoted(name),
        items.join(",\n  ")
    )
}

fn key_item(column: &Column) -> String {
    format!("{} {} NOT NULL", column.name, column.declaration)
}

fn group_item(place: usize, group: &Group) -> String {
    let null = if group.nullable { "NULL" } else { "NOT NULL" };
    format!("g{place} {} {null}", group.definition)
}

/// Type and value of what stands in the key for a column of the group that may be `NULL`: its value,
/// or any value at all, as the flag beside it tells them apart.
fn key_of(place: usize, group: &Group) -> (String, String) {
    let same = |other: &str| (group.definition.clone(), format!("IFNULL(g{place}, {other})"));
    let number = || {
        let value = format!("IFNULL(CAST(g{place} AS UNSIGNED), 0)");
        ("BIGINT UNSIGNED".to_owned(), value)
    };
    match group.column_type {
        ColumnType::Enum | ColumnType::Set { .. } | ColumnType::Bit { .. } => number(),
        ColumnType::Date => same("DATE'1000-01-01'"),
        ColumnType::Time { .. } => same("TIME'00:00:00'"),
        ColumnType::Datetime { fsp } | ColumnType::Timestamp { fsp } => {
            (format!("DATETIME({fsp})"), same("TIMESTAMP'1000-01-01 00:00:00'").1)
        }
        ColumnType::Text { .. } | ColumnType::Binary | ColumnType::FixedBinary { .. } => same("''"),
        ColumnType::Int { .. }
        | ColumnType::Decimal { .. }
        | ColumnType::Float
        | ColumnType::Double
        | ColumnType::Year
        | ColumnType::Json
        | ColumnType::Geometry
        | ColumnType::Vector => same("0"),
    }
}
