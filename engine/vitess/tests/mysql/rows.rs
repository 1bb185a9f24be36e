//! A table with NULLs in every column, as the server and as a plan sees it.

use std::{fmt::Write as _, path::PathBuf};

use secrecy::SecretString;
use whimbrel_expression::{Expression, Source, What, check_filter, parse};
use whimbrel_kit::{
    Random, Server,
    mysql_async::{Conn, prelude::Queryable},
};
use whimbrel_model::{Cell, Row, Table};
use whimbrel_mysql::{Account, ConnectOptions, Role, Session, TlsMode, TlsOptions, catalog, chunk};
use whimbrel_plan::{SecretError, Secrets, load};
use whimbrel_vitess::Given;

/// Enough for each pair of values to meet.
const ROWS: u64 = 200;

/// The columns with their values.
const COLUMNS: [(&str, &str, &[&str]); 6] = [
    ("a", "int null", &["null", "0", "1", "-1", "2", "3"]),
    ("b", "int null", &["null", "0", "1", "2", "-2"]),
    ("d", "decimal(6,2) null", &["null", "0", "0.50", "-0.50", "1.00", "2.25", "3.33"]),
    ("s", "varchar(10) null", &["null", "''", "'a'", "'A'", "'ab'", "'a '", "'1'", "'b%'"]),
    ("t", "varchar(10) null", &["null", "''", "'a'", "'b'", "'B'", "'é'"]),
    (
        "at",
        "datetime null",
        &["null", "'2024-01-31'", "'2024-02-01 12:00:00'", "'2024-01-31 23:59:59'"],
    ),
];

/// The rows, and a connection to the server that has them.
pub(crate) struct Rows {
    pub(crate) connection: Conn,
    table: Table,
    rows: Vec<Row>,
}

/// What becomes of a condition.
pub(crate) enum Outcome {
    /// The rows that its filter keeps, and the filter.
    Kept(Vec<u32>, String),
    /// A filter that is refused because it keeps no row.
    Nothing,
    /// It is not carried over, for a reason.
    Refused(String),
}

impl Rows {
    pub(crate) async fn new(server: &Server, random: &mut Random) -> Self {
        let mut connection = server.connect().await.unwrap();
        let columns: String =
            COLUMNS.iter().map(|(name, kind, _)| format!(", `{name}` {kind}")).collect();
        let mut values = String::new();
        for id in 1..=ROWS {
            write!(values, "{}({id}", if id == 1 { "" } else { "," }).unwrap();
            for (_, _, some) in COLUMNS {
                let index = usize::try_from(random.below(some.len() as u64)).unwrap();
                write!(values, ",{}", some[index]).unwrap();
            }
            values.push(')');
        }
        for statement in [
            "create database if not exists conditions",
            "use conditions",
            "set sql_mode = 'ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES', time_zone = '+00:00'",
            "set names utf8mb4 collate utf8mb4_0900_bin",
            &format!(
                "create table v (id int primary key{columns}) charset utf8mb4 collate \
                 utf8mb4_0900_bin"
            ),
            &format!("insert into v values {values}"),
        ] {
            connection.query_drop(statement).await.unwrap();
        }
        let account = Account {
            host: "127.0.0.1".to_owned(),
            port: server.port(),
            user: "root".to_owned(),
            password: "".into(),
        };
        let tls = TlsOptions { mode: TlsMode::Disabled, ca: None };
        let options = ConnectOptions::new(account, "conditions", tls).unwrap();
        let mut session = Session::connect(&options, Role::SourceReader).await.unwrap();
        let description = catalog::describe(&mut session, "conditions", "v").await.unwrap();
        let table = catalog::definition(description).unwrap().table;
        session.execute(b"START TRANSACTION WITH CONSISTENT SNAPSHOT").await.unwrap();
        let chunk = chunk::read(&mut session, &table, (None, None), usize::MAX).await.unwrap();
        let rows = chunk.rows.into_iter().map(|(_, row)| row).collect();
        Self { connection, table, rows }
    }

    pub(crate) fn count(&self) -> usize {
        self.rows.len()
    }

    /// The rows that the plan of a Materialize with the condition keeps.
    pub(crate) fn kept(&self, condition: &str) -> Outcome {
        let settings = format!(
            r#"[{{"target_table": "made", "source_expression": "SELECT * FROM v WHERE {condition}"}}]"#
        );
        let named = |name: &str| Some(name.to_owned());
        let given = Given {
            workflow: named("made"),
            source_keyspace: named("one"),
            target_keyspace: named("two"),
            reference_tables: Vec::new(),
        };
        let plan = match whimbrel_vitess::plan(&settings, &given) {
            Ok(made) => made.plan,
            Err(refusals) => return Outcome::Refused(format!("{condition}: {}", refusals[0])),
        };
        let loaded =
            load(&plan, &Nowhere).unwrap_or_else(|problems| panic!("{problems:?}\n{plan}"));
        let filter = loaded.plan.materialized[0].filter.as_ref().unwrap();
        let syntax = parse(filter.text()).unwrap();
        match check_filter(&syntax, &Source::new(&self.table)) {
            Ok(checked) => Outcome::Kept(self.passing(&checked.expression), plan),
            Err(problems) if matches!(*problems[0].what, What::AlwaysFalse { .. }) => {
                Outcome::Nothing
            }
            Err(problems) => Outcome::Refused(format!("{condition}: {}\n{plan}", problems[0])),
        }
    }

    fn passing(&self, filter: &Expression) -> Vec<u32> {
        let passes = |row: &&Row| {
            filter.is_true(row).unwrap_or_else(|error| panic!("{error}: {}", filter.text()))
        };
        let id = |row: &Row| {
            let Cell::Int(id) = row.cell(0).unwrap() else { panic!("the key is an integer") };
            u32::try_from(id).unwrap()
        };
        self.rows.iter().filter(passes).map(id).collect()
    }
}

/// The servers of a plan that is never run.
struct Nowhere;

impl Secrets for Nowhere {
    fn environment(&self, name: &str) -> Result<SecretString, SecretError> {
        Ok(format!("mysql://user@{}", name.replace('_', "-")).into())
    }

    fn file(&self, _path: &str) -> Result<SecretString, SecretError> {
        Err(SecretError::Missing)
    }

    fn path(&self, path: &str) -> PathBuf {
        PathBuf::from(path)
    }
}
