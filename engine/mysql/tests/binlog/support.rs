//! A source with a database of the test's own, and readers of its log.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use mysql_async::{Conn, prelude::Queryable};
use whimbrel_kit::{Server, shared_source};
use whimbrel_model::{
    Cell, Change, Column, ColumnType, Generation, GtidSet, IntWidth, LogOffset, Row, Table,
};
use whimbrel_mysql::{
    Account, ConnectOptions, LogError, LogItem, LogReader, LogSettings, StreamTransport, TlsMode,
    TlsOptions,
};

static NUMBER: AtomicU32 = AtomicU32::new(1);

/// A database on a source, and a session in it.
pub(crate) struct Source {
    pub(crate) server: &'static Server,
    pub(crate) database: String,
    pub(crate) session: Conn,
    /// What was executed before the test.
    pub(crate) start: GtidSet,
}

impl Source {
    pub(crate) async fn new() -> Self {
        let server = shared_source().await.unwrap();
        let database = format!("log_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        server.execute(&format!("CREATE DATABASE {database}")).await.unwrap();
        let session = server.connect_to(&database).await.unwrap();
        let start = executed(server).await;
        Self { server, database, session, start }
    }

    /// Runs statements one after another.
    pub(crate) async fn run(&mut self, statements: &[&str]) {
        for statement in statements {
            self.session.query_drop(*statement).await.unwrap();
        }
    }

    /// A table `name` of the database, keyed by its first column.
    pub(crate) fn table(&self, name: &str, columns: Vec<Column>) -> Table {
        let key = columns.first().unwrap().name.clone();
        Table::new((&self.database, name), columns, ("PRIMARY", &[&key]), false).unwrap()
    }

    pub(crate) async fn reader(&self, tables: &[Table]) -> LogReader<StreamTransport> {
        self.reader_from(tables, &self.start, 1 << 20).await
    }

    pub(crate) async fn reader_from(
        &self,
        tables: &[Table],
        from: &GtidSet,
        part_bytes_max: usize,
    ) -> LogReader<StreamTransport> {
        open(self.server, tables, from, part_bytes_max).await
    }

    /// Where the source's log ends now.
    pub(crate) async fn log_end(&mut self) -> LogOffset {
        log_end(&mut self.session).await
    }

    /// All items up to where the source's log ends now.
    pub(crate) async fn items(&mut self, tables: &[Table]) -> Vec<LogItem> {
        let mut reader = self.reader(tables).await;
        let end = self.log_end().await;
        read_to(&mut reader, &end).await.unwrap()
    }

    /// All changes of `tables` up to where the source's log ends now.
    pub(crate) async fn changes(&mut self, tables: &[Table]) -> Vec<Change> {
        changes(self.items(tables).await)
    }

    /// The error that reading the log to its end meets.
    pub(crate) async fn error(&mut self, tables: &[Table]) -> LogError {
        let mut reader = self.reader(tables).await;
        let end = self.log_end().await;
        read_to(&mut reader, &end).await.unwrap_err()
    }
}

pub(crate) async fn open(
    server: &Server,
    tables: &[Table],
    from: &GtidSet,
    part_bytes_max: usize,
) -> LogReader<StreamTransport> {
    open_at(server.port(), tables, from, part_bytes_max).await
}

pub(crate) async fn open_at(
    port: u16,
    tables: &[Table],
    from: &GtidSet,
    part_bytes_max: usize,
) -> LogReader<StreamTransport> {
    let server_id = 90_000 + NUMBER.fetch_add(1, Ordering::Relaxed);
    let settings = LogSettings { server_id, part_bytes_max };
    let tls = TlsOptions { mode: TlsMode::Disabled, ca: None };
    let (host, user) = ("127.0.0.1".to_owned(), "root".to_owned());
    let account = Account { host, port, user, password: "".into() };
    let options = ConnectOptions::new(account, "", tls).unwrap();
    LogReader::open(&options, Arc::from(tables), from, settings).await.unwrap()
}

pub(crate) async fn executed(server: &Server) -> GtidSet {
    let text: Option<String> = server.row("SELECT @@GLOBAL.gtid_executed").await.unwrap();
    text.unwrap().parse().unwrap()
}

pub(crate) async fn log_end(session: &mut Conn) -> LogOffset {
    let status: mysql_async::Row =
        session.query_first("SHOW BINARY LOG STATUS").await.unwrap().unwrap();
    LogOffset { file: status.get("File").unwrap(), offset: status.get("Position").unwrap() }
}

pub(crate) fn upto(item: &LogItem) -> &LogOffset {
    match item {
        LogItem::Part { upto, .. } | LogItem::Heartbeat { upto } | LogItem::Ddl { upto, .. } => {
            upto
        }
    }
}

/// Reads until all before `end` has come.
pub(crate) async fn read_to(
    reader: &mut LogReader<StreamTransport>,
    end: &LogOffset,
) -> Result<Vec<LogItem>, LogError> {
    let mut items = Vec::new();
    loop {
        let item = reader.next().await?;
        let is_end = upto(&item) >= end;
        items.push(item);
        if is_end {
            return Ok(items);
        }
    }
}

pub(crate) fn changes(items: Vec<LogItem>) -> Vec<Change> {
    items
        .into_iter()
        .filter_map(|item| match item {
            LogItem::Part { part, .. } => Some(part.changes),
            LogItem::Heartbeat { .. } | LogItem::Ddl { .. } => None,
        })
        .flatten()
        .collect()
}

pub(crate) fn column(name: &str, column_type: ColumnType) -> Column {
    Column {
        name: name.to_owned(),
        declaration: format!("{column_type:?}"),
        column_type,
        nullable: name != "id",
        generation: Generation::None,
    }
}

pub(crate) fn int(name: &str) -> Column {
    column(name, ColumnType::Int { width: IntWidth::Int, unsigned: false })
}

pub(crate) fn text(name: &str) -> Column {
    let (charset, collation) = ("utf8mb4".to_owned(), "utf8mb4_bin".to_owned());
    column(name, ColumnType::Text { charset, collation })
}

/// A cell as text: bytes in hex, fractions of a second without trailing zeros.
pub(crate) fn show(cell: Cell<'_>) -> String {
    match cell {
        Cell::Null => "NULL".to_owned(),
        Cell::Int(value) => value.to_string(),
        Cell::UInt(value) => value.to_string(),
        Cell::Float(value) => format!("{:?}", f64::from(value)),
        Cell::Double(value) => format!("{value:?}"),
        Cell::Decimal(digits) => String::from_utf8(digits.to_vec()).unwrap(),
        Cell::Date(date) => date.to_string(),
        Cell::Time(time) => short(&time.to_string()),
        Cell::Datetime(at) => short(&at.to_string()),
        Cell::Bytes(bytes) => bytes.iter().map(|byte| format!("{byte:02X}")).collect(),
        Cell::Json(json) => String::from_utf8(json.to_vec()).unwrap(),
    }
}

/// A time without trailing zeros of its fraction.
pub(crate) fn short(text: &str) -> String {
    match text.split_once('.') {
        Some(_) => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        None => text.to_owned(),
    }
}

pub(crate) fn show_row(row: &Row) -> Vec<String> {
    row.cells().map(show).collect()
}

/// Each change in one line: `+` and the row after, `-` and the row before, or both with `>`.
pub(crate) fn lines(changes: &[Change]) -> Vec<String> {
    let line = |row: &Row| show_row(row).join(",");
    changes
        .iter()
        .map(|change| match change {
            Change::Insert { after, .. } => format!("+{}", line(after)),
            Change::Delete { before, .. } => format!("-{}", line(before)),
            Change::Update { before, after, .. } => format!("{}>{}", line(before), line(after)),
        })
        .collect()
}
