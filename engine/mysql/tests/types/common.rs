//! Tables as the servers describe them, and rows as the servers show them.

use whimbrel_kit::Server;
use whimbrel_model::{Column, ColumnType, Key, Row, Table};
use whimbrel_mysql::{
    Account, ConnectOptions, Role, Session, TlsMode, TlsOptions, catalog, chunk, load::Load,
    statement,
};

pub(crate) const STATEMENT_BYTES_MAX: usize = 1 << 20;

pub(crate) fn options(server: &Server, database: &str) -> ConnectOptions {
    let account = Account {
        host: "127.0.0.1".to_owned(),
        port: server.port(),
        user: "root".to_owned(),
        password: "".into(),
    };
    let tls = TlsOptions { mode: TlsMode::Disabled, ca: None };
    ConnectOptions::new(account, database, tls).unwrap()
}

pub(crate) async fn session(server: &Server, database: &str, role: Role) -> Session {
    Session::connect(&options(server, database), role).await.unwrap()
}

/// The table as the catalog describes it.
pub(crate) async fn table(session: &mut Session, database: &str, name: &str) -> Table {
    let description = catalog::describe(session, database, name).await.unwrap();
    catalog::definition(description).unwrap().table
}

/// All rows, read as one chunk in a transaction of its own.
pub(crate) async fn read_all(session: &mut Session, table: &Table) -> Vec<(Key, Row)> {
    session.execute(b"START TRANSACTION WITH CONSISTENT SNAPSHOT").await.unwrap();
    let chunk = chunk::read(session, table, (None, None), usize::MAX).await.unwrap();
    session.execute(b"COMMIT").await.unwrap();
    assert!(chunk.is_whole);
    chunk.rows
}

/// Writes rows as the engine does, without a warning.
pub(crate) async fn write(session: &mut Session, table: &Table, rows: &[(Key, Row)]) {
    if table.has_other_unique_key() {
        delete(session, table, rows).await;
    }
    let rows = rows.iter().map(|(_, row)| row);
    for sql in statement::write(table, rows, STATEMENT_BYTES_MAX).unwrap() {
        let executed = session.execute(&sql).await;
        let executed = executed.unwrap_or_else(|error| {
            let sql = String::from_utf8_lossy(&sql);
            panic!("{error:?}: {}", sql.chars().take(3_000).collect::<String>())
        });
        if executed.warnings > 0 {
            let warnings = session.query("SHOW WARNINGS").await.unwrap();
            panic!("{}: {}", table.name(), warnings[0].text("Message").unwrap());
        }
    }
}

/// Loads the rows that can be loaded, and writes the others; how many were loaded.
pub(crate) async fn load(session: &mut Session, table: &Table, rows: &[(Key, Row)]) -> usize {
    let is_loadable = |(_, row): &(Key, Row)| Load::of(table, [row]).unwrap().is_some();
    let (loaded, written): (Vec<_>, Vec<_>) = rows.iter().cloned().partition(is_loadable);
    write(session, table, &written).await;
    let load = Load::of(table, loaded.iter().map(|(_, row)| row)).unwrap();
    if let Some(load) = load {
        let answer = session.load(&load).await;
        answer.unwrap_or_else(|error| panic!("{}: {error:?}", table.name()));
    }
    loaded.len()
}

/// Deletes the rows of the keys as the engine does.
pub(crate) async fn delete(session: &mut Session, table: &Table, rows: &[(Key, Row)]) -> u64 {
    let keys = rows.iter().map(|(key, _)| key);
    let mut count = 0;
    for sql in statement::delete(table, keys, STATEMENT_BYTES_MAX).unwrap() {
        count += session.execute(&sql).await.unwrap().affected_rows;
    }
    count
}

/// Every value of the table as its server shows it, in a form that loses nothing: bytes in
/// hexadecimal, `+0e0` for `FLOAT`, numbers for `ENUM` and `SET`, and the type of every node of a
/// document. Generated columns too.
pub(crate) async fn shown(session: &mut Session, table: &Table) -> Vec<String> {
    let columns: Vec<String> = table.columns().iter().map(shown_expression).collect();
    let (schema, name) = (table.schema(), table.name().replace('`', "``"));
    let records = session
        .query(&format!(
            "SELECT CONCAT_WS('|',{}) AS shown FROM `{schema}`.`{name}`",
            columns.join(",")
        ))
        .await
        .unwrap();
    let mut rows: Vec<String> =
        records.iter().map(|record| record.text("shown").unwrap()).collect();
    rows.sort();
    rows
}

fn shown_expression(column: &Column) -> String {
    let name = format!("`{}`", column.name.replace('`', "``"));
    let shown = match column.column_type {
        ColumnType::Float | ColumnType::Double => format!("CONCAT({name}+0e0)"),
        ColumnType::Enum => format!("CONCAT({name}+0,HEX({name}))"),
        ColumnType::Set { .. } => format!("CONCAT(CAST({name} AS UNSIGNED),HEX({name}))"),
        ColumnType::Bit { .. } => format!("CONCAT({name}+0)"),
        ColumnType::Json => {
            let types = |path: &str| {
                format!(
                    "(SELECT JSON_ARRAYAGG(JSON_TYPE(v)) FROM \
                     JSON_TABLE({name},'{path}' COLUMNS(v JSON PATH '$')) n)"
                )
            };
            format!(
                "CONCAT(HEX({name}),JSON_TYPE({name}),IFNULL({},''),IFNULL({},''))",
                types("$**.*"),
                types("$**[*]")
            )
        }
        ColumnType::Text { .. }
        | ColumnType::FixedBinary { .. }
        | ColumnType::Binary
        | ColumnType::Geometry
        | ColumnType::Vector => format!("HEX({name})"),
        ColumnType::Int { .. }
        | ColumnType::Decimal { .. }
        | ColumnType::Year
        | ColumnType::Date
        | ColumnType::Time { .. }
        | ColumnType::Datetime { .. }
        | ColumnType::Timestamp { .. } => format!("CONCAT({name})"),
    };
    format!("IFNULL({shown},'NULL')")
}
