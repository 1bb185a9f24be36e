//! What a server says of its tables.

mod column;
mod error;
mod key;
mod left_behind;

use std::collections::BTreeMap;

use whimbrel_model::Table;

use crate::{
    ddl::{CreateTable, literal, quoted},
    error::Error,
    session::{Record, Session},
};

pub use self::{
    column::ColumnDescription,
    error::CatalogError,
    key::{IndexDescription, IndexPart},
    left_behind::{LeftBehind, foreign_key_names, foreign_keys, left_behind},
};

/// How many tables are read together: their columns are held as the server sent them.
const TABLES_AT_ONCE: usize = 100;

/// The same through vtgate, where a tablet gives 10,000 rows at most: a table has up to 1,017 columns, and
/// up to 1,040 in its indexes.
const TABLES_AT_ONCE_THROUGH_VTGATE: usize = 9;

fn tables_at_once(session: &Session) -> usize {
    if session.is_vtgate() { TABLES_AT_ONCE_THROUGH_VTGATE } else { TABLES_AT_ONCE }
}

/// A table as it is, whether it can be moved or not.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    /// Its database.
    pub database: String,
    /// Its name.
    pub name: String,
    /// Its columns in order, generated and invisible ones included; never empty.
    pub columns: Vec<ColumnDescription>,
    /// Its indexes, the primary key among them.
    pub indexes: Vec<IndexDescription>,
    /// Its definition, as the server prints it.
    pub create: CreateTable,
    /// Its engine.
    pub engine: String,
    /// How many rows the server thinks there are; up to twice or half as many.
    pub rows_estimate: u64,
    /// How many bytes the server thinks the rows take, indexes aside.
    pub bytes_estimate: u64,
    /// The next value of its `AUTO_INCREMENT` column, if it has one.
    pub auto_increment: Option<u64>,
}

impl Description {
    /// The table as a shard of a sharded keyspace has it; see [`CreateTable::for_shard`].
    #[must_use]
    pub fn for_shard(&self) -> Self {
        Self { create: self.create.for_shard(), auto_increment: None, ..self.clone() }
    }
}

/// A table that can be moved.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    /// The table and its key, as every part of a run knows it.
    pub table: Table,
    /// Everything else about it.
    pub description: Description,
}

/// The names of a database's tables, views not among them, in the server's order.
///
/// # Errors
///
/// Those of [`Session::query`].
pub async fn table_names(session: &mut Session, database: &str) -> Result<Vec<String>, Error> {
    let database = literal(database);
    let sql = format!(
        "SELECT TABLE_NAME FROM information_schema.TABLES \
         WHERE TABLE_SCHEMA = {database} AND TABLE_TYPE = 'BASE TABLE' ORDER BY TABLE_NAME"
    );
    let rows = session.query_for("listing tables", &sql).await?;
    rows.iter().map(|row| row.text("TABLE_NAME")).collect()
}

/// The tables as they are, each with its name or why it cannot be described: by a few statements for
/// many tables, and one for each.
///
/// # Errors
///
/// Those of [`Session::query`]. Beside each table: [`CatalogError::NoTable`] and
/// [`CatalogError::NotATable`] when there is none of the name, [`CatalogError::UnknownType`] and
/// [`CatalogError::Unprintable`] when its values or definition cannot be carried.
pub async fn describe_all(
    session: &mut Session,
    database: &str,
    names: &[String],
) -> Result<Vec<(String, Result<Description, CatalogError>)>, Error> {
    let mut described = Vec::with_capacity(names.len());
    for names in names.chunks(tables_at_once(session)) {
        let tables = Batch { database, names };
        let mut facts = facts(session, &tables).await?;
        let mut columns = column::read(session, &tables).await?;
        let mut indexes = key::read(session, &tables).await?;
        for name in names {
            let parts = Parts {
                facts: tables.take(&mut facts, name),
                columns: tables.take(&mut columns, name).unwrap_or_else(|| Ok(Vec::new())),
                indexes: tables.take(&mut indexes, name).unwrap_or_default(),
            };
            let description = match put_together(session, (database, name), parts).await {
                Ok(description) => Ok(description),
                Err(Error::Catalog(error)) => Err(error),
                Err(error) => return Err(error),
            };
            described.push((name.clone(), description));
        }
    }
    Ok(described)
}

/// The table as it is.
///
/// # Errors
///
/// As [`describe_all`].
pub async fn describe(
    session: &mut Session,
    database: &str,
    name: &str,
) -> Result<Description, Error> {
    let described = describe_all(session, database, &[name.to_owned()]).await?;
    let table = format!("{database}.{name}");
    let description = described.into_iter().next().map(|(_, description)| description);
    Ok(description.unwrap_or(Err(CatalogError::NoTable { table }))?)
}

/// What was read of one table together with others.
struct Parts {
    facts: Option<Record>,
    columns: Result<Vec<ColumnDescription>, CatalogError>,
    indexes: Vec<IndexDescription>,
}

async fn put_together(
    session: &mut Session,
    (database, name): (&str, &str),
    parts: Parts,
) -> Result<Description, Error> {
    let table = format!("{database}.{name}");
    let Some(facts) = parts.facts else { return Err(CatalogError::NoTable { table }.into()) };
    let kind = facts.text("TABLE_TYPE")?;
    if kind != "BASE TABLE" {
        return Err(CatalogError::NotATable { table, kind: kind.to_lowercase() }.into());
    }
    let (columns, indexes) = (parts.columns?, parts.indexes);
    let sql = format!("SHOW CREATE TABLE {}.{}", quoted(database), quoted(name));
    let rows = session.query_for(format!("reading the definition of `{table}`"), &sql).await?;
    let Some(row) = rows.first() else { return Err(CatalogError::Changed { table }.into()) };
    let create = CreateTable::parse(&row.text("Create Table")?)
        .map_err(|cause| CatalogError::Create { table: table.clone(), cause })?;
    // Read by several statements: a definition that changed in between is read again.
    let printed = create.items_of(crate::ddl::ItemKind::Column).map(|item| &item.name);
    if !printed.eq(columns.iter().map(|column| &column.column.name)) {
        return Err(CatalogError::Changed { table }.into());
    }
    if let Some(item) = create.unprintable() {
        let column = item.name.clone();
        return Err(CatalogError::Unprintable { table, column }.into());
    }
    Ok(Description {
        database: database.to_owned(),
        name: name.to_owned(),
        columns,
        indexes,
        create,
        engine: facts.optional_text("ENGINE")?.unwrap_or_default(),
        rows_estimate: facts.optional_number("TABLE_ROWS")?.unwrap_or(0),
        bytes_estimate: facts.optional_number("DATA_LENGTH")?.unwrap_or(0),
        auto_increment: facts.optional_number("AUTO_INCREMENT")?,
    })
}

/// The next values of the `AUTO_INCREMENT` columns of tables, by the tables' names; those without one
/// are left out.
///
/// # Errors
///
/// Those of [`Session::query`].
pub async fn auto_increments(
    session: &mut Session,
    database: &str,
    names: &[String],
) -> Result<BTreeMap<String, u64>, Error> {
    let mut next = BTreeMap::new();
    for names in names.chunks(tables_at_once(session)) {
        let tables = Batch { database, names };
        let mut facts = facts(session, &tables).await?;
        for name in names {
            let facts = tables.take(&mut facts, name);
            let number = facts.map(|facts| facts.optional_number("AUTO_INCREMENT")).transpose()?;
            next.extend(number.flatten().map(|number| (name.clone(), number)));
        }
    }
    Ok(next)
}

/// A column that numbers its table's rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberedColumn {
    /// The table.
    pub table: String,
    /// The column.
    pub name: String,
    /// The highest number that its type holds.
    pub number_max: u64,
}

/// The `AUTO_INCREMENT` columns of a database, in the order of their tables' names.
///
/// # Errors
///
/// Those of [`Session::query`].
pub async fn numbered_columns(
    session: &mut Session,
    database: &str,
) -> Result<Vec<NumberedColumn>, Error> {
    let sql = format!(
        "SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, LOCATE('unsigned', COLUMN_TYPE) > 0 AS is_unsigned \
         FROM information_schema.COLUMNS \
         WHERE TABLE_SCHEMA = {} AND EXTRA LIKE '%auto_increment%' ORDER BY TABLE_NAME",
        literal(database)
    );
    let doing = format!("reading the numbered columns of `{database}`");
    let rows = session.query_for(doing, &sql).await?;
    let numbered = |row: &Record| {
        let is_unsigned = row.number::<u64>("is_unsigned")? == 1;
        Ok(NumberedColumn {
            table: row.text("TABLE_NAME")?,
            name: row.text("COLUMN_NAME")?,
            number_max: number_max(&row.text("DATA_TYPE")?, is_unsigned),
        })
    };
    rows.iter().map(numbered).collect()
}

/// The highest number of an integer type; of other types, which a server of long ago let be numbered, that
/// of the largest.
fn number_max(data_type: &str, is_unsigned: bool) -> u64 {
    let bits = match data_type {
        "tinyint" => 8,
        "smallint" => 16,
        "mediumint" => 24,
        "int" => 32,
        _ => 64,
    };
    u64::MAX >> (64 - bits + u32::from(!is_unsigned))
}

/// The table, with the key that its rows are told apart by.
///
/// # Errors
///
/// [`CatalogError::NoKey`] when nothing tells its rows apart.
pub fn definition(description: Description) -> Result<Definition, Error> {
    let (database, name) = (description.database.as_str(), description.name.as_str());
    let key = key::best(&description)?;
    let columns = description.columns.iter().map(|column| column.column.clone()).collect();
    let key_columns: Vec<&str> =
        key.parts.iter().filter_map(|part| part.column.as_deref()).collect();
    let has_other_unique_key =
        description.indexes.iter().any(|index| index.is_unique && index.name != key.name);
    let table =
        Table::new((database, name), columns, (&key.name, &key_columns), has_other_unique_key)?;
    Ok(Definition { table, description })
}

/// The names of a table's triggers.
///
/// # Errors
///
/// Those of [`Session::query`].
pub async fn triggers(
    session: &mut Session,
    database: &str,
    table: &str,
) -> Result<Vec<String>, Error> {
    let sql = format!(
        "SELECT TRIGGER_NAME FROM information_schema.TRIGGERS \
         WHERE EVENT_OBJECT_SCHEMA = {} AND EVENT_OBJECT_TABLE = {} ORDER BY TRIGGER_NAME",
        literal(database),
        literal(table)
    );
    let rows = session.query_for(format!("listing triggers of `{table}`"), &sql).await?;
    rows.iter().map(|row| row.text("TRIGGER_NAME")).collect()
}

async fn facts(
    session: &mut Session,
    tables: &Batch<'_>,
) -> Result<BTreeMap<String, Record>, Error> {
    let sql = format!(
        "SELECT TABLE_NAME, TABLE_TYPE, ENGINE, TABLE_ROWS, DATA_LENGTH, AUTO_INCREMENT \
         FROM information_schema.TABLES WHERE {}",
        tables.condition()
    );
    let mut facts = BTreeMap::new();
    for row in session.query_for(tables.doing("tables"), &sql).await? {
        facts.insert(row.text("TABLE_NAME")?, row);
    }
    Ok(facts)
}

/// Tables of one database that are read together.
struct Batch<'a> {
    database: &'a str,
    names: &'a [String],
}

impl Batch<'_> {
    /// That a row of the catalog is about one of them.
    fn condition(&self) -> String {
        let names: Vec<String> = self.names.iter().map(|name| literal(name)).collect();
        let database = literal(self.database);
        format!("TABLE_SCHEMA = {database} AND TABLE_NAME IN ({})", names.join(", "))
    }

    /// What reading their `parts` is called in errors.
    fn doing(&self, parts: &str) -> String {
        match self.names {
            [name] => format!("reading the {parts} of `{}`", self.full_name(name)),
            names => format!("reading the {parts} of {} tables", names.len()),
        }
    }

    fn full_name(&self, name: &str) -> String {
        format!("{}.{name}", self.database)
    }

    /// What was read of `name`; of the only other spelling of it, where the server takes any case.
    fn take<T>(&self, read: &mut BTreeMap<String, T>, name: &str) -> Option<T> {
        read.remove(name).or_else(|| {
            let is_other = |key: &&String| {
                key.to_lowercase() == name.to_lowercase() && !self.names.contains(key)
            };
            let key = read.keys().find(is_other)?.clone();
            read.remove(&key)
        })
    }
}
