//! What a server says of its tables.

mod column;
mod error;
mod key;
mod left_behind;

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
    left_behind::{LeftBehind, left_behind},
};

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

/// The table as it is.
///
/// # Errors
///
/// [`CatalogError::NoTable`] and [`CatalogError::NotATable`] when there is none of the name,
/// [`CatalogError::UnknownType`] and [`CatalogError::Unprintable`] when its values or definition
/// cannot be carried, and those of [`Session::query`].
pub async fn describe(
    session: &mut Session,
    database: &str,
    name: &str,
) -> Result<Description, Error> {
    let table = format!("{database}.{name}");
    let facts = facts(session, database, name).await?;
    let columns = column::read(session, database, name).await?;
    let indexes = key::read(session, database, name).await?;
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

/// The table, with the key that its rows are told apart by.
///
/// # Errors
///
/// Those of [`describe`], and [`CatalogError::NoKey`] when nothing tells its rows apart.
pub async fn definition(
    session: &mut Session,
    database: &str,
    name: &str,
) -> Result<Definition, Error> {
    let description = describe(session, database, name).await?;
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

async fn facts(session: &mut Session, database: &str, name: &str) -> Result<Record, Error> {
    let table = format!("{database}.{name}");
    let sql = format!(
        "SELECT TABLE_TYPE, ENGINE, TABLE_ROWS, DATA_LENGTH, AUTO_INCREMENT \
         FROM information_schema.TABLES WHERE TABLE_SCHEMA = {} AND TABLE_NAME = {}",
        literal(database),
        literal(name)
    );
    let rows = session.query_for(format!("looking for `{table}`"), &sql).await?;
    let Some(row) = rows.into_iter().next() else {
        return Err(CatalogError::NoTable { table }.into());
    };
    let kind = row.text("TABLE_TYPE")?;
    if kind != "BASE TABLE" {
        return Err(CatalogError::NotATable { table, kind: kind.to_lowercase() }.into());
    }
    Ok(row)
}
