use mysql_async::Conn;
use mysql_async::prelude::Queryable;

use super::random::Random;
use super::values::Kind;
use crate::KitError;

/// How far beyond the highest integer key new keys reach, in parts of the range in use.
const FRESH_KEYS_PART: i128 = 5;
/// The same in keys, for small tables.
const FRESH_KEYS_MIN: i128 = 1_000;

/// A table as the writer sees it.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    /// Its name, quoted.
    pub(crate) name: String,
    /// The columns that can be written, in order.
    pub(crate) columns: Vec<Column>,
    /// The primary key: places in `columns`.
    pub(crate) key: Vec<usize>,
    /// Single columns under a secondary unique key: places in `columns`.
    pub(crate) unique: Vec<usize>,
}

/// A column that can be written.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    /// Its name, quoted.
    pub(crate) name: String,
    /// What its values look like.
    pub(crate) kind: Kind,
    /// Whether it may be NULL.
    pub(crate) is_nullable: bool,
}

impl Column {
    /// A random value, as SQL.
    pub(crate) fn value(&self, random: &mut Random) -> String {
        if self.is_nullable && random.percent(10) {
            return "NULL".to_owned();
        }
        self.kind.value(random)
    }
}

impl Table {
    /// Reads `table`'s definition and the range of its keys.
    pub(crate) async fn read(conn: &mut Conn, table: &str) -> Result<Self, KitError> {
        let definitions: Vec<(String, String, String, String)> = conn
            .exec(
                "SELECT COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, IS_NULLABLE
                 FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE()
                 AND TABLE_NAME = ? AND GENERATION_EXPRESSION = '' ORDER BY ORDINAL_POSITION",
                (table,),
            )
            .await?;
        if definitions.is_empty() {
            return Err(KitError::NoTable { table: table.to_owned() });
        }
        let names: Vec<&String> = definitions.iter().map(|(name, ..)| name).collect();
        let place = |name: &String| names.iter().position(|&other| other == name);
        let indexes: Vec<(String, Option<String>)> = conn
            .exec(
                "SELECT INDEX_NAME, COLUMN_NAME FROM information_schema.STATISTICS
                 WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND NON_UNIQUE = 0
                 ORDER BY INDEX_NAME, SEQ_IN_INDEX",
                (table,),
            )
            .await?;
        let key = indexes
            .iter()
            .filter(|(index, _)| index == "PRIMARY")
            .filter_map(|(_, column)| place(column.as_ref()?))
            .collect();
        let columns_of = |index| indexes.iter().filter(|(other, _)| other == index).count();
        let unique = indexes
            .iter()
            .filter(|(index, _)| index != "PRIMARY" && columns_of(index) == 1)
            .filter_map(|(_, column)| place(column.as_ref()?))
            .collect();
        let columns = definitions
            .iter()
            .map(|(name, kind, full, nullable)| Column {
                name: quoted(name),
                kind: Kind::of(kind, full),
                is_nullable: nullable == "YES",
            })
            .collect();
        let mut table = Self { name: quoted(table), columns, key, unique };
        table.narrow_keys(conn).await?;
        Ok(table)
    }

    /// Narrows an integer key to the range in use and somewhat beyond, so that random keys often meet a row.
    async fn narrow_keys(&mut self, conn: &mut Conn) -> Result<(), KitError> {
        let Some(column) = self.key.first().and_then(|&place| self.columns.get_mut(place)) else {
            return Ok(());
        };
        let Kind::Integer { low, high } = &mut column.kind else { return Ok(()) };
        let select = format!(
            "SELECT CAST(COALESCE(MIN({0}), 1) AS CHAR), CAST(COALESCE(MAX({0}), 1) AS CHAR) FROM {1}",
            column.name, self.name
        );
        let range: Option<(String, String)> = conn.query_first(select).await?;
        let Some((first, last)) = range else { return Ok(()) };
        let first: i128 = first.parse().unwrap_or(*low);
        let last: i128 = last.parse().unwrap_or(*high);
        *high = (last + (last - first) / FRESH_KEYS_PART + FRESH_KEYS_MIN).min(*high);
        *low = first.max(*low);
        Ok(())
    }

    /// The columns at `places`.
    pub(crate) fn at(&self, places: &[usize]) -> Vec<&Column> {
        places.iter().filter_map(|&place| self.columns.get(place)).collect()
    }

    /// The column at a random one of `places`.
    pub(crate) fn any<'a>(&'a self, places: &[usize], random: &mut Random) -> Option<&'a Column> {
        let choice = usize::try_from(random.below(places.len() as u64)).ok()?;
        self.columns.get(*places.get(choice)?)
    }

    /// The columns outside of the primary key: places in `columns`.
    pub(crate) fn others(&self) -> Vec<usize> {
        (0..self.columns.len()).filter(|place| !self.key.contains(place)).collect()
    }

    /// The end of a statement that meets one row, near a random key.
    pub(crate) fn some_row(&self, random: &mut Random) -> String {
        let key = self.at(&self.key);
        let Some(first) = key.first() else { return "LIMIT 1".to_owned() };
        let order: Vec<&str> = key.iter().map(|column| column.name.as_str()).collect();
        format!(
            "WHERE {} >= {} ORDER BY {} LIMIT 1",
            first.name,
            first.kind.value(random),
            order.join(", ")
        )
    }
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}
