//! Windows of random changes on a real server: after each, the groups are those of the contributions,
//! and the visible table shows what `GROUP BY` gives.

use std::collections::BTreeMap;

use whimbrel_kit::{Pair, Random, pair};
use whimbrel_model::{Cell, Date, Datetime, Key, Row, RowBuilder, Time};
use whimbrel_mysql::{
    Account, ConnectOptions, Error, Role, Session, TlsMode, TlsOptions, catalog, chunk,
    ddl::quoted, statement,
};

use super::*;

mod refusals;

const BYTES_MAX: usize = 1 << 20;

/// A rolled-up table of a test.
struct Case {
    visible: &'static str,
    groups: &'static [&'static str],
    key: Vec<Column>,
    arguments: Vec<Column>,
    aggregates: &'static [(&'static str, Aggregate)],
}

fn column(name: &str, declaration: &str, column_type: ColumnType, nullable: bool) -> Column {
    Column {
        name: name.to_owned(),
        column_type,
        declaration: declaration.to_owned(),
        nullable,
        generation: Generation::None,
    }
}

fn decimal(name: &str, (precision, scale): (u8, u8), nullable: bool) -> Column {
    let declaration = format!("decimal({precision},{scale})");
    column(name, &declaration, ColumnType::Decimal { precision, scale }, nullable)
}

fn text(name: &str, (charset, collation): (&str, &str), nullable: bool) -> Column {
    let (charset, collation) = (charset.to_owned(), collation.to_owned());
    column(name, "varchar(20)", ColumnType::Text { charset, collation }, nullable)
}

fn big(name: &str) -> Column {
    use whimbrel_model::IntWidth::Big;
    column(name, "bigint", ColumnType::Int { width: Big, unsigned: false }, false)
}

/// Groups that are never `NULL`, with every aggregate.
fn plain() -> Case {
    use Aggregate::{Avg, Count, Max, Min, Rows, Sum};
    let unsigned = ColumnType::Int { width: whimbrel_model::IntWidth::Int, unsigned: true };
    Case {
        visible: "CREATE TABLE `the sales` (sku VARCHAR(20) COLLATE utf8mb4_0900_ai_ci NOT NULL,
            `day` DATE NOT NULL, orders BIGINT NOT NULL, priced INT NOT NULL,
            revenue DECIMAL(40,4), mean DECIMAL(30,8), pieces BIGINT UNSIGNED NOT NULL,
            `each` DECIMAL(20,4) NOT NULL, cheapest DECIMAL(20,4), dearest DECIMAL(20,4),
            fewest INT UNSIGNED NOT NULL, most INT UNSIGNED NOT NULL, `first` DATETIME(3),
            `last` DATETIME(3), `least` VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_german1_ci,
            `by the way` VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_german1_ci,
            PRIMARY KEY (`day`, sku))",
        groups: &["sku", "day"],
        key: vec![big("id")],
        arguments: vec![
            decimal("price", (20, 4), true),
            column("pieces", "int unsigned", unsigned, false),
            column("at", "datetime(3)", ColumnType::Datetime { fsp: 3 }, true),
            text("label", ("latin1", "latin1_german1_ci"), true),
        ],
        aggregates: &[
            ("orders", Rows),
            ("priced", Count(0)),
            ("revenue", Sum(0)),
            ("mean", Avg(0)),
            ("pieces", Sum(1)),
            ("each", Avg(1)),
            ("cheapest", Min(0)),
            ("dearest", Max(0)),
            ("fewest", Min(1)),
            ("most", Max(1)),
            ("first", Min(2)),
            ("last", Max(2)),
            ("least", Min(3)),
            ("by the way", Max(3)),
        ],
    }
}

/// Groups of which each column may be `NULL`.
fn nullable(columns: &'static str, groups: &'static [&'static str]) -> Case {
    Case {
        visible: columns,
        groups,
        // Keys that the source calls equal: changed from one spelling to another they are two here.
        key: vec![big("source"), text("id", ("utf8mb4", "utf8mb4_0900_ai_ci"), false)],
        arguments: vec![decimal("price", (61, 30), true), decimal("fee", (10, 2), false)],
        aggregates: &[
            ("n", Aggregate::Rows),
            ("s", Aggregate::Sum(0)),
            ("m", Aggregate::Avg(0)),
            ("fees", Aggregate::Sum(1)),
        ],
    }
}

fn cases() -> Vec<Case> {
    const RESULTS: &[&str] = &[
        "CREATE TABLE v (a VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_swedish_ci NULL,
            b ENUM('a', 'B', '') NULL, c SET('x', 'y') NULL, d DATE NULL, e DATETIME(2) NULL,
            f TIMESTAMP(6) NULL, g DATE NOT NULL,
            n BIGINT NOT NULL, s DECIMAL(65,30), m DECIMAL(65,30), fees DECIMAL(30,2) NOT NULL, more INT GENERATED ALWAYS AS (n + 1),
            KEY by_group (a, b, c, d, e, f, g))",
        "CREATE TABLE v (a TIME(3) NULL, b BIT(9) NULL, c YEAR NULL, d DECIMAL(65,30) NULL,
            e VARBINARY(10) NULL, f BINARY(3) NULL, g BIGINT UNSIGNED NULL,
            n BIGINT NOT NULL, s DECIMAL(65,30), m DECIMAL(65,30), fees DECIMAL(30,2) NOT NULL, more INT GENERATED ALWAYS AS (n + 1),
            UNIQUE KEY (g, f, e, d, c, b, a))",
        "CREATE TABLE v (a CHAR(5) COLLATE utf8mb4_bin NULL, b DOUBLE NULL, c FLOAT NULL,
            d VARCHAR(9) COLLATE utf8mb4_bin NULL, e VARCHAR(9) COLLATE utf8mb4_0900_bin NULL,
            f INT NULL, g TINYINT NULL,
            n BIGINT NOT NULL, s DECIMAL(65,30), m DECIMAL(65,30), fees DECIMAL(30,2) NOT NULL, more INT GENERATED ALWAYS AS (n + 1),
            KEY (a, b, c, d, e, f, g, n))",
    ];
    let of = |columns| nullable(columns, &["a", "b", "c", "d", "e", "f", "g"]);
    let mut cases = vec![plain()];
    cases.extend(RESULTS.iter().map(|columns| of(columns)));
    cases
}

fn index(random: &mut Random, count: usize) -> usize {
    usize::try_from(random.below(count as u64)).unwrap()
}

/// Values that meet each other often, with those at which types have their corners.
fn value<'a>(random: &mut Random, column: &Column, buffer: &'a mut Vec<u8>) -> Cell<'a> {
    if column.nullable && random.percent(25) {
        return Cell::Null;
    }
    let date = |random: &mut Random| match random.below(3) {
        0 => Date { year: 0, month: 0, day: 0 },
        1 => Date { year: 2024, month: 2, day: 31 },
        _ => Date { year: 1000, month: 1, day: 1 },
    };
    let mut pick = |texts: &[&'static [u8]]| texts[index(random, texts.len())];
    match &column.column_type {
        ColumnType::Text { charset, .. } if charset == "latin1" => {
            Cell::Bytes(pick(&[b"a", b"A", b"a ", b"\xe4", b"", b"b", b"ss", b"\xdf"]))
        }
        ColumnType::Text { .. } if column.declaration.starts_with("char") => {
            Cell::Bytes(pick(&[b"a", b"A", b"", b"\xc3\xa4"]))
        }
        ColumnType::Text { .. } => {
            Cell::Bytes(pick(&[b"a", b"A", b"a ", b"\xc3\xa4", b"", b"b", b"ss", b"\xc3\x9f"]))
        }
        ColumnType::Binary => Cell::Bytes(pick(&[b"a", b"a\0", b"", b"\xff'\\"])),
        ColumnType::FixedBinary { .. } => Cell::Bytes(pick(&[b"\0\0\0", b"a\0\0", b"abc"])),
        ColumnType::Decimal { precision, scale } => {
            let digits = usize::from(*precision - scale);
            let sign = if random.percent(50) { "-" } else { "" };
            let (whole, part) = match random.below(4) {
                0 => ("9".repeat(digits.min(30)), "9".repeat((*scale).into())),
                1 => ("0".to_owned(), format!("{:0<1$}", 5, usize::from(*scale))),
                _ => ((random.below(5) + 1).to_string(), "0".repeat((*scale).into())),
            };
            *buffer = format!("{sign}{whole}.{part}").into_bytes();
            Cell::Decimal(buffer)
        }
        ColumnType::Int { unsigned: true, .. } => {
            Cell::UInt(if random.percent(10) { u64::from(u32::MAX) } else { random.below(4) })
        }
        ColumnType::Int { .. } => Cell::Int(i64::try_from(random.below(5)).unwrap() - 2),
        ColumnType::Float => Cell::Float([0.0, -0.0, 1.1][index(random, 3)]),
        ColumnType::Double => Cell::Double([0.0, -0.0, 1e-300][index(random, 3)]),
        ColumnType::Enum | ColumnType::Set { .. } => Cell::UInt(random.below(3) + 1),
        ColumnType::Bit { .. } => Cell::UInt(random.below(2) * 511),
        ColumnType::Year => Cell::UInt(random.below(2) * 2024),
        ColumnType::Date => Cell::Date(date(random)),
        ColumnType::Time { .. } => {
            Cell::Time(Time { micros: (i64::try_from(random.below(3)).unwrap() - 1) * 1_500_000 })
        }
        other @ (ColumnType::Datetime { .. } | ColumnType::Timestamp { .. }) => {
            let is_stamp = matches!(other, ColumnType::Timestamp { .. });
            let date = match is_stamp {
                true => Date { year: 2024, month: 1, day: 1 },
                false => date(random),
            };
            let micros = u32::try_from(random.below(2)).unwrap() * 500_000;
            Cell::Datetime(Datetime { date, hour: 0, minute: 0, second: 0, micros })
        }
        ColumnType::Json | ColumnType::Geometry | ColumnType::Vector => panic!("{column:?}"),
    }
}

async fn session(pair: &Pair) -> Session {
    let account = Account {
        host: "127.0.0.1".to_owned(),
        port: pair.target.port(),
        user: "root".to_owned(),
        password: "".into(),
    };
    let tls = TlsOptions { mode: TlsMode::Disabled, ca: None };
    let options = ConnectOptions::new(account, &pair.target_database, tls).unwrap();
    Session::connect(&options, Role::Target).await.unwrap()
}

/// Keys as bytes, with the key and its last image.
type Changes = BTreeMap<Vec<u8>, (Key, Option<Row>)>;

struct World {
    session: Session,
    rollup: Rollup,
    random: Random,
    /// What was put in.
    held: BTreeMap<Vec<u8>, Row>,
    number: u64,
}

impl World {
    async fn new(pair: &Pair, case: &Case, random: Random) -> Self {
        let database = &pair.target_database;
        let mut session = session(pair).await;
        session.execute(case.visible.as_bytes()).await.unwrap();
        let names = catalog::table_names(&mut session, database).await.unwrap();
        let visible = catalog::describe(&mut session, database, &names[0]).await.unwrap();
        let shape = Shape {
            visible: &visible,
            key: &case.key,
            groups: case.groups,
            arguments: &case.arguments,
            aggregates: case.aggregates,
        };
        let rollup = Rollup::new(&shape).unwrap();
        for statement in rollup.drop_statements().iter().chain(&rollup.create_statements()) {
            session.execute(statement.as_bytes()).await.unwrap();
        }
        Self { session, rollup, random, held: BTreeMap::new(), number: 0 }
    }

    fn key(&mut self, number: u64) -> Key {
        let mut builder = RowBuilder::default();
        for column in self.rollup.contributions.key_columns() {
            let spelt = [&b"a"[..], b"A", b"a ", b"b"][usize::try_from(number % 4).unwrap()];
            builder.push(if column.column_type == ColumnType::Binary {
                Cell::Bytes(spelt)
            } else {
                Cell::Int(i64::try_from(number / 4).unwrap())
            });
        }
        builder.finish_key()
    }

    fn row(&mut self, key: &Key) -> Row {
        let mut builder = RowBuilder::default();
        key.cells().for_each(|cell| builder.push(cell));
        let contributions = self.rollup.contributions.clone();
        for column in contributions.carried_columns().skip(key.cells().count()) {
            builder.push(value(&mut self.random, column, &mut Vec::new()));
        }
        builder.finish()
    }

    /// Changes some of `key_count` keys in one window, as a lane does.
    async fn window(&mut self, key_count: u64, change_count: u64) {
        let mut touched = Changes::new();
        for _ in 0..change_count {
            let number = self.random.below(key_count);
            let key = self.key(number);
            let row = (!self.random.percent(35)).then(|| self.row(&key));
            touched.insert(key.as_bytes().to_vec(), (key, row));
        }
        self.write(touched).await.unwrap();
    }

    /// Writes a window as a lane does.
    async fn write(&mut self, touched: Changes) -> Result<(), Error> {
        self.number += 1;
        let table = self.rollup.contributions.clone();
        let keys = touched.values().map(|(key, _)| key);
        let statements = self.rollup.window_statements(&keys, self.number, BYTES_MAX).unwrap();
        let gone = touched.values().filter(|(_, row)| row.is_none()).map(|(key, _)| key);
        let rows = touched.values().filter_map(|(_, row)| row.as_ref());
        let mut sent = vec![b"BEGIN".to_vec()];
        sent.extend(statements.before);
        sent.extend(statement::delete(&table, gone, BYTES_MAX).unwrap());
        sent.extend(statement::write(&table, rows, BYTES_MAX).unwrap());
        sent.extend(statements.after);
        sent.push(b"COMMIT".to_vec());
        for statement in sent {
            self.session.execute(&statement).await?;
        }
        for (bytes, (_, row)) in touched {
            match row {
                Some(row) => self.held.insert(bytes, row),
                None => self.held.remove(&bytes),
            };
        }
        Ok(())
    }

    async fn count(&mut self, sql: &str) -> u64 {
        let rows = self.session.query(sql).await;
        rows.unwrap_or_else(|error| panic!("{error}: {sql}"))[0].number("n").unwrap()
    }

    /// Wants everything to be as the contributions give it, and those to be what was put in.
    async fn assert_right(&mut self) {
        let Rollup { contributions, groups, arguments, aggregates, .. } = self.rollup.clone();
        let rows = quoted(contributions.name());
        let group: Vec<String> = (1..=groups.len()).map(|place| format!("g{place}")).collect();
        let group = group.join(", ");
        let (mut true_values, mut kept_equal, mut shown_equal) =
            (vec!["COUNT(*) AS kept_n".to_owned()], Vec::new(), Vec::new());
        for (place, column) in (1..).zip(&groups) {
            kept_equal.push(format!("k.g{place} <=> t.g{place}"));
            shown_equal.push(format!("v.{} <=> t.g{place}", quoted(&column.name)));
        }
        kept_equal.push("k.row_count = t.kept_n".to_owned());
        for (place, argument) in (1..).zip(&arguments) {
            if argument.sum_scale.is_some() {
                true_values.push(format!("IFNULL(SUM(a{place}), 0) AS kept_s{place}"));
                kept_equal.push(format!("k.s{place} = t.kept_s{place}"));
            }
        }
        for (place, (name, aggregate)) in aggregates.iter().enumerate() {
            let value = match aggregate {
                Aggregate::Rows => "COUNT(*)".to_owned(),
                Aggregate::Count(it) => format!("COUNT(a{})", it + 1),
                Aggregate::Sum(it) => format!("SUM(a{})", it + 1),
                Aggregate::Avg(it) => format!("AVG(a{})", it + 1),
                Aggregate::Min(it) => format!("MIN(a{})", it + 1),
                Aggregate::Max(it) => format!("MAX(a{})", it + 1),
            };
            true_values.push(format!("{value} AS r{place}"));
            shown_equal.push(format!("v.{} <=> t.r{place}", quoted(name)));
        }
        let truth =
            format!("(SELECT {group}, {} FROM {rows} GROUP BY {group})", true_values.join(", "));
        let wanted = self.count(&format!("SELECT COUNT(*) AS n FROM {truth} AS t")).await;
        let (kept, visible) = (quoted(&self.rollup.groups_table), quoted(&self.rollup.visible));
        for (table, alias, equal) in [(&kept, 'k', &kept_equal), (&visible, 'v', &shown_equal)] {
            let all = self.count(&format!("SELECT COUNT(*) AS n FROM {table}")).await;
            let equal = equal.join(" AND ");
            let sql = format!(
                "SELECT COUNT(*) AS n FROM {table} AS {alias} JOIN {truth} AS t ON {equal}"
            );
            let right = self.count(&sql).await;
            assert_eq!((all, right), (wanted, wanted), "{table} after window {}", self.number);
        }
        let same = (1..).zip(&groups).map(|(place, column)| {
            format!("CAST(r.g{place} AS BINARY) <=> CAST(v.{} AS BINARY)", quoted(&column.name))
        });
        let same: Vec<String> = same.collect();
        let sql = format!(
            "SELECT COUNT(*) AS n FROM {visible} AS v WHERE NOT EXISTS \
             (SELECT 1 FROM {rows} AS r WHERE {})",
            same.join(" AND ")
        );
        assert_eq!(self.count(&sql).await, 0, "groups that no row spells so");
        self.session.execute(b"START TRANSACTION WITH CONSISTENT SNAPSHOT").await.unwrap();
        let stored =
            chunk::read(&mut self.session, &contributions, (None, None), usize::MAX).await.unwrap();
        self.session.execute(b"COMMIT").await.unwrap();
        let stored: BTreeMap<Vec<u8>, Row> =
            stored.rows.into_iter().map(|(key, row)| (key.as_bytes().to_vec(), row)).collect();
        assert!(stored == self.held, "contributions after window {}", self.number);
    }
}

#[tokio::test]
async fn each_window_leaves_what_group_by_gives() {
    let mut seeds = Random::printed("rollup");
    for case in cases() {
        let pair = pair().await.unwrap();
        let mut world = World::new(&pair, &case, Random::new(seeds.draw())).await;
        for _ in 0..40 {
            let change_count = world.random.below(30);
            world.window(40, change_count).await;
            world.assert_right().await;
        }
    }
}

#[tokio::test]
async fn a_window_of_many_statements_leaves_what_group_by_gives() {
    let mut seeds = Random::printed("rollup of large windows");
    let pair = pair().await.unwrap();
    let mut world = World::new(&pair, &plain(), Random::new(seeds.draw())).await;

    for _ in 0..3 {
        world.window(120_000, 12_000).await;
        world.assert_right().await;
    }
}

/// What is read for a window are its keys and the groups that it touched, and no value is sorted for
/// the sake of the first: however many rows there are.
#[tokio::test]
async fn a_window_reads_what_it_touches_alone() {
    let mut seeds = Random::printed("rollup's reads");
    for case in cases() {
        let pair = pair().await.unwrap();
        let mut world = World::new(&pair, &case, Random::new(seeds.draw())).await;
        world.window(4_000, 2_000).await;
        let key = world.key(7);
        let WindowStatements { before, after } =
            world.rollup.window_statements(&[&key].into_iter(), 2, BYTES_MAX).unwrap();

        for statement in before.into_iter().chain(after) {
            let statement = String::from_utf8(statement).unwrap();
            // Subqueries are explained in a SELECT alone.
            let select = statement.find("SELECT").filter(|_| !statement.starts_with("DELETE"));
            let explained =
                format!("EXPLAIN FORMAT=TREE {}", statement.split_at(select.unwrap_or(0)).1);
            let explained = explained.split(" ON DUPLICATE").next().unwrap();
            let explained = world.session.query(explained).await.unwrap();
            let explained = explained[0].text("EXPLAIN").unwrap();
            println!("{statement}\n{explained}");
            for line in explained.lines() {
                let is_all = line.contains("able scan on") && !line.contains("<temporary>");
                let is_all = is_all && !line.contains("scan on part");
                assert!(!is_all && !line.contains("Sort"), "{statement}\n{explained}");
            }
        }
    }
}
