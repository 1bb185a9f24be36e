//! What a lane's transaction sends for a rolled-up target, beside the contributions themselves.

use whimbrel_model::Key;
use whimbrel_mysql::{Error, ddl::quoted, statement};

use super::{Address, Aggregate, Argument, Group, Rollup, tables::order_of};

/// The statements of one window, in their order.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct WindowStatements {
    /// Before the contributions are written: subtract what the touched keys contributed.
    pub before: Vec<Vec<u8>>,
    /// Behind them: add what the keys contribute now, show the groups that this touched, and let
    /// those without rows go.
    pub after: Vec<Vec<u8>>,
}

impl Rollup {
    /// The statements of a window that touches `keys`, each once. `number` is larger than that of each
    /// window before it; statements are of at most `bytes_max` bytes unless one key alone is longer.
    ///
    /// Subtracting first means that no accumulator is ever less than it may be: a group whose number of
    /// rows comes out negative was not kept by this program, and showing it is the server's error 1690.
    ///
    /// # Errors
    ///
    /// [`Error::Unexpected`] for a key of another table.
    pub fn window_statements<'a>(
        &self,
        keys: &(impl Iterator<Item = &'a Key> + Clone),
        number: u64,
        bytes_max: usize,
    ) -> Result<WindowStatements, Error> {
        let changes = |sign: &str| {
            let (head, tail) = self.change(sign, number);
            statement::of_keys(&self.contributions, (&head, &tail), keys.clone(), bytes_max)
        };
        let before = changes("-")?;
        let mut after = changes("")?;
        if !after.is_empty() {
            after.extend(self.show(number).into_iter().map(String::into_bytes));
        }
        Ok(WindowStatements { before, after })
    }

    /// What stands before and behind the condition on keys in a statement that adds, or subtracts, what
    /// they contribute. Sums of a statement's few thousand rows have their digits; only their
    /// sum may be too large, which is then an error.
    fn change(&self, sign: &str, number: u64) -> (String, String) {
        let group: Vec<String> = places("g", self.groups.len()).collect();
        let mut columns = group.clone();
        let mut values = group.clone();
        let mut sums = vec!["row_count".to_owned()];
        values.push(format!("{sign}COUNT(*) AS row_count"));
        for (place, argument) in (1..).zip(&self.arguments) {
            if argument.is_counted {
                sums.push(format!("c{place}"));
                values.push(format!("{sign}COUNT(a{place}) AS c{place}"));
            }
            if argument.sum_scale.is_some() {
                sums.push(format!("s{place}"));
                values.push(format!("{sign}IFNULL(SUM(a{place}), 0) AS s{place}"));
            }
        }
        columns.extend(sums.iter().cloned());
        let groups = quoted(&self.groups_table);
        let updates: Vec<String> =
            sums.iter().map(|sum| format!("{sum} = {groups}.{sum} + part.{sum}")).collect();
        let head = format!(
            "INSERT INTO {groups} ({}, touched) SELECT part.*, {number} FROM (SELECT {} \
             FROM {} FORCE INDEX (PRIMARY) WHERE ",
            columns.join(", "),
            values.join(", "),
            quoted(self.contributions.name()),
        );
        let tail = format!(
            " GROUP BY {}) AS part ON DUPLICATE KEY UPDATE {}, touched = {number}",
            group.join(", "),
            updates.join(", "),
        );
        (head, tail)
    }

    /// The statements that show the groups that the window touched, and remove those without rows.
    fn show(&self, number: u64) -> Vec<String> {
        let (visible, groups) = (quoted(&self.visible), quoted(&self.groups_table));
        let names = self.groups.iter().map(|group| &group.name);
        let names = names.chain(self.aggregates.iter().map(|(name, _)| name));
        let names: Vec<String> = names.map(|name| quoted(name)).collect();
        let values = (1..).zip(&self.groups).map(|(place, group)| self.group_value(place, group));
        let values: Vec<String> = values
            .chain(self.aggregates.iter().map(|(_, aggregate)| self.aggregate_value(*aggregate)))
            .collect();
        let touched = format!("{groups} AS kept FORCE INDEX (by_touched)");
        // The product is an error of the server's when the count is negative.
        let rows = format!(
            "({}) SELECT {} FROM {touched} WHERE kept.touched = {number} \
             AND kept.row_count * CAST(1 AS UNSIGNED) <> 0",
            names.join(", "),
            values.join(", "),
        );
        let shown = |index: &str| {
            let conditions = (1..).zip(&self.groups).map(|(place, group)| {
                let equal = if group.nullable { "<=>" } else { "=" };
                format!("shown.{} {equal} kept.g{place}", quoted(&group.name))
            });
            let conditions: Vec<String> = conditions.collect();
            let index = quoted(index);
            format!(
                "{touched} LEFT JOIN {visible} AS shown FORCE INDEX ({index}) ON {} \
                 WHERE kept.touched = {number}",
                conditions.join(" AND ")
            )
        };
        match &self.address {
            Address::Unique(index) => vec![
                format!("REPLACE INTO {visible} {rows}"),
                format!("DELETE shown, kept FROM {} AND kept.row_count = 0", shown(index)),
            ],
            // vtgate's parser takes an index hint in such a DELETE only inside parentheses.
            Address::Index(index) => vec![
                format!("DELETE shown FROM {}", shown(index)),
                format!("INSERT INTO {visible} {rows}"),
                format!(
                    "DELETE kept FROM ({touched}) WHERE kept.touched = {number} AND kept.row_count = 0"
                ),
            ],
        }
    }

    /// A column of the group as it is shown: where its values may be spelt in several ways, as its
    /// first row in the order of an index spells it, since the row that came first may be gone.
    fn group_value(&self, place: usize, group: &Group) -> String {
        let indexes = self.group_indexes();
        match indexes.first() {
            Some((index, columns)) if group.folds => {
                let key = self.contributions.key_columns().map(|column| column.name.clone());
                let order: Vec<String> = columns.iter().cloned().chain(key).collect();
                self.first(&format!("g{place}"), index, "", &order.join(", "))
            }
            _ => format!("kept.g{place}"),
        }
    }

    fn aggregate_value(&self, aggregate: Aggregate) -> String {
        let count = |place: usize| {
            if self.arguments[place].is_counted {
                format!("kept.c{}", place + 1)
            } else {
                "kept.row_count".to_owned()
            }
        };
        match aggregate {
            Aggregate::Rows => "kept.row_count".to_owned(),
            Aggregate::Count(place) => count(place),
            Aggregate::Sum(place) if self.arguments[place].is_counted => {
                format!("IF({} = 0, NULL, kept.s{})", count(place), place + 1)
            }
            Aggregate::Sum(place) => format!("kept.s{}", place + 1),
            Aggregate::Avg(place) => format!("kept.s{} / NULLIF({}, 0)", place + 1, count(place)),
            Aggregate::Min(place) => self.extreme(place, ""),
            Aggregate::Max(place) => self.extreme(place, " DESC"),
        }
    }

    /// The least or greatest value of a group, read from the end of its stretch of the index.
    fn extreme(&self, place: usize, direction: &str) -> String {
        let argument: &Argument = &self.arguments[place];
        let order = places("g", self.groups.len()).chain(order_of(place + 1, argument));
        let order: Vec<String> = order.map(|column| format!("{column}{direction}")).collect();
        let number = place + 1;
        let filter = match argument.nullable {
            true => format!(" AND a{number}_absent = 0"),
            false => String::new(),
        };
        self.first(&format!("a{number}"), &format!("by_a{number}"), &filter, &order.join(", "))
    }

    /// A column of the first contribution to the group.
    fn first(&self, column: &str, index: &str, filter: &str, order: &str) -> String {
        let conditions = (1..).zip(&self.groups).map(|(place, group)| {
            let equal = if group.nullable { "<=>" } else { "=" };
            format!("part.g{place} {equal} kept.g{place}")
        });
        let conditions: Vec<String> = conditions.collect();
        format!(
            "(SELECT part.{column} FROM {} AS part FORCE INDEX ({index}) WHERE {}{filter} \
             ORDER BY {order} LIMIT 1)",
            quoted(self.contributions.name()),
            conditions.join(" AND "),
        )
    }
}

fn places(letter: &str, count: usize) -> impl Iterator<Item = String> {
    (1..=count).map(move |place| format!("{letter}{place}"))
}
