//! A table of values that are worth asking about, as the server and as the engine sees it.

use std::fmt::Write as _;

use whimbrel_expression::{Scratch, Source, Type, check, parse};
use whimbrel_kit::{
    Random, Server,
    mysql_async::{Conn, Row as ServerRow, Value, prelude::Queryable},
};
use whimbrel_model::{Cell, Row, Table};
use whimbrel_mysql::{Account, ConnectOptions, Role, Session, TlsMode, TlsOptions, catalog, chunk};

use crate::values::{COLUMNS, value};

/// Rows of the table: a few hundred, because a case asks for all of them.
const ROWS: u64 = 300;

/// The server, a session whose state is the one that expressions are documented for, and the rows.
pub(crate) struct Values {
    connection: Conn,
    table: Table,
    rows: Vec<Row>,
}

impl Values {
    /// A table of values that `random` chooses.
    pub(crate) async fn new(server: &Server, random: &mut Random) -> Self {
        let mut connection = server.connect().await.unwrap();
        let definitions: String =
            COLUMNS.iter().map(|(name, kind)| format!("`{name}` {kind} null,")).collect();
        let mut rows = String::new();
        for id in 1..=ROWS {
            write!(rows, "{}({id}", if id == 1 { "" } else { "," }).unwrap();
            for (name, _) in COLUMNS {
                write!(rows, ",{}", value(name, random)).unwrap();
            }
            rows.push(')');
        }
        let table = format!("id int primary key, {definitions} key (s)");
        prepare(&mut connection, "v", &table, &rows).await;
        Self::read(server, connection, "v").await
    }

    /// A table of all characters that there are.
    pub(crate) async fn characters(server: &Server) -> Self {
        let mut connection = server.connect().await.unwrap();
        let all: Vec<char> = ('\0'..=char::MAX).collect();
        let mut rows = String::new();
        for (index, some) in all.chunks(60).enumerate() {
            let text: String = some.iter().collect();
            let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
            let comma = if index == 0 { "" } else { "," };
            write!(rows, "{comma}({index},convert(x'{hex}' using utf8mb4))").unwrap();
        }
        prepare(&mut connection, "c", "id int primary key, t varchar(64) not null", &rows).await;
        Self::read(server, connection, "c").await
    }

    async fn read(server: &Server, connection: Conn, name: &str) -> Self {
        let account = Account {
            host: "127.0.0.1".to_owned(),
            port: server.port(),
            user: "root".to_owned(),
            password: "".into(),
        };
        let tls = TlsOptions { mode: TlsMode::Disabled, ca: None };
        let options = ConnectOptions::new(account, "expressions", tls).unwrap();
        let mut session = Session::connect(&options, Role::SourceReader).await.unwrap();
        let description = catalog::describe(&mut session, "expressions", name).await.unwrap();
        let table = catalog::definition(description).unwrap().table;
        session.execute(b"START TRANSACTION WITH CONSISTENT SNAPSHOT").await.unwrap();
        let chunk = chunk::read(&mut session, &table, (None, None), usize::MAX).await.unwrap();
        let rows = chunk.rows.into_iter().map(|(_, row)| row).collect();
        Self { connection, table, rows }
    }

    /// Where our answers to `ours` differ from the server's to `sql`, in words; and how many rows we
    /// refuse that it answers.
    pub(crate) async fn differences(&mut self, ours: &str, sql: &str) -> (Vec<String>, usize) {
        let syntax = parse(ours).unwrap_or_else(|problems| panic!("{ours}: {problems:?}"));
        let checked = check(&syntax, &Source::new(&self.table))
            .unwrap_or_else(|problems| panic!("{ours}: {problems:?}"));
        let expression = checked.expression;
        let mut answers = self.answers(sql).await;
        if expression.result().kind == Type::Double {
            // Both are compared as numbers: what prints them is another question.
            for answer in answers.iter_mut().flatten().flatten() {
                *answer = format!("{:?}", answer.parse::<f64>().unwrap());
            }
        }
        assert_eq!(answers.len(), self.rows.len(), "{sql}");
        let (mut differences, mut refused) = (Vec::new(), 0);
        let mut scratch = Scratch::default();
        for (row, answer) in self.rows.iter().zip(answers) {
            let Cell::Int(id) = row.cell(0).unwrap() else { panic!("the key is an integer") };
            let kind = &expression.result().kind;
            let shown = match expression.evaluate(row, &mut scratch) {
                Ok(cell) => {
                    let own = own(cell, kind);
                    // What is promised of the result beforehand holds.
                    let is_promised = own.is_some() || expression.result().nullable;
                    (!is_promised || !fits(cell, kind) || Ok(&own) != answer.as_ref())
                        .then(|| format!("{own:?}"))
                }
                Err(_) if answer.is_err() => None,
                Err(error) => {
                    let is_division = error.to_string() == "division by zero";
                    if !(is_division && answer == Ok(None)) {
                        refused += 1;
                    }
                    None
                }
            };
            if let Some(shown) = shown {
                differences.push(format!("row {id}: {shown} is {answer:?} there"));
            }
        }
        (differences, refused)
    }

    /// The server's answer for each row: a text, NULL, or an error.
    async fn answers(&mut self, sql: &str) -> Vec<Result<Option<String>, String>> {
        let all = format!("select {sql} from {} order by id", self.table.name());
        if let Ok(rows) = self.connection.query::<ServerRow, _>(&all).await {
            return rows.iter().map(|row| Ok(shown(row))).collect();
        }
        let mut answers = Vec::new();
        for id in 1..=ROWS {
            let one = format!("select {sql} from v where id = {id}");
            let rows: Result<Vec<ServerRow>, _> = self.connection.query(one).await;
            answers.push(match rows {
                Ok(rows) => Ok(shown(&rows[0])),
                Err(error) => Err(error.to_string()),
            });
        }
        assert!(answers.iter().any(Result::is_ok), "{sql}: {:?}", answers[0]);
        answers
    }
}

/// Makes a table, in a session whose state is the one that results are documented for.
async fn prepare(connection: &mut Conn, name: &str, definitions: &str, rows: &str) {
    for statement in [
        "create database if not exists expressions",
        "use expressions",
        // Zero dates are values too; a result that does not fit must be an error.
        "set sql_mode = 'ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES', time_zone = '+00:00'",
        "set names utf8mb4 collate utf8mb4_0900_bin",
        &format!("create table {name} ({definitions}) charset utf8mb4"),
        &format!("insert into {name} values {rows}"),
    ] {
        connection.query_drop(statement).await.unwrap_or_else(|error| {
            panic!("{error}: {}", statement.chars().take(4_000).collect::<String>())
        });
    }
}

fn shown(row: &ServerRow) -> Option<String> {
    match row.as_ref(0).unwrap() {
        Value::NULL => None,
        Value::Bytes(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        other @ (Value::Int(_)
        | Value::UInt(_)
        | Value::Float(_)
        | Value::Double(_)
        | Value::Date(..)
        | Value::Time(..)) => panic!("{other:?} is no text"),
    }
}

/// A cell as the server's text protocol shows it.
fn own(cell: Cell<'_>, kind: &Type) -> Option<String> {
    Some(match (cell, kind) {
        (Cell::Null, _) => return None,
        (Cell::Int(value), _) => value.to_string(),
        (Cell::UInt(value), _) => value.to_string(),
        (Cell::Double(value), _) => format!("{value:?}"),
        (Cell::Decimal(bytes) | Cell::Bytes(bytes), _) => {
            String::from_utf8_lossy(bytes).into_owned()
        }
        (Cell::Date(date), _) => date.to_string(),
        (Cell::Datetime(at), Type::Datetime { fsp }) => {
            let whole = whimbrel_model::Datetime { micros: 0, ..at };
            fraction(whole.to_string(), at.micros, *fsp)
        }
        (Cell::Time(time), Type::Time { fsp }) => {
            let whole = whimbrel_model::Time { micros: time.micros / 1_000_000 * 1_000_000 };
            let micros = u32::try_from(time.micros.unsigned_abs() % 1_000_000).unwrap();
            let sign = if time.micros < 0 && whole.micros == 0 { "-" } else { "" };
            fraction(format!("{sign}{whole}"), micros, *fsp)
        }
        (other, kind) => panic!("{other:?} is not {kind}"),
    })
}

fn fraction(whole: String, micros: u32, fsp: u8) -> String {
    if fsp == 0 { whole } else { whole + format!(".{micros:06}").get(..=usize::from(fsp)).unwrap() }
}

/// Whether the cell is one of the type that was promised.
fn fits(cell: Cell<'_>, kind: &Type) -> bool {
    match (cell, kind) {
        (Cell::Null, _) => true,
        (Cell::Int(value), Type::Int { unsigned: false, min, max }) => {
            (*min..=*max).contains(&i128::from(value))
        }
        (Cell::UInt(value), Type::Int { unsigned: true, min, max }) => {
            (*min..=*max).contains(&i128::from(value))
        }
        (Cell::Int(value), Type::Bool) => (0..=1).contains(&value),
        (Cell::Double(_), Type::Double) | (Cell::Date(_), Type::Date) => true,
        (Cell::Datetime(_), Type::Datetime { .. }) | (Cell::Time(_), Type::Time { .. }) => true,
        (Cell::Decimal(digits), Type::Decimal { precision, scale }) => {
            let digits = std::str::from_utf8(digits).unwrap().trim_start_matches('-');
            let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
            fraction.len() == usize::from(*scale)
                && whole.trim_start_matches('0').len() <= usize::from(precision - scale)
        }
        (Cell::Bytes(text), Type::Text { characters_max }) => {
            String::from_utf8_lossy(text).chars().count()
                <= usize::try_from(*characters_max).unwrap()
        }
        (Cell::Bytes(bytes), Type::Bytes { bytes_max }) => {
            bytes.len() <= usize::try_from(*bytes_max).unwrap()
        }
        _ => false,
    }
}
