//! How long an expression takes for a row: `cargo bench -p whimbrel-expression`.
//!
//! Rows are as they come from the wire: encoded cells, of which only those that are read are looked at.

use std::{hint::black_box, io::Write as _, time::Instant};

use whimbrel_expression::{Scratch, Source, check, parse};
use whimbrel_model::{
    Cell, Column, ColumnType, Date, Datetime, Generation, IntWidth, Row, RowBuilder, Table,
};

/// Rows that are evaluated in one round: few enough to stay in the cache, as a batch does.
const ROWS: u32 = 1_000;

/// Rounds; the best one counts, because whatever else runs on the machine only makes it slower.
const ROUNDS: u32 = 2_000;

/// The expressions, and the most nanoseconds a row that were asked for.
const EXPRESSIONS: [(&str, Option<f64>); 8] = [
    ("price * quantity", Some(500.0)),
    ("lower(email)", Some(1_000.0)),
    ("id", None),
    ("status == \"paid\" && quantity > 2", None),
    ("concat(name, \" <\", email, \">\")", None),
    ("date(created_at)", None),
    ("round(price * quantity / 1.19, 2)", None),
    ("sha2(email, 256)", None),
];

fn column(name: &str, column_type: ColumnType, declaration: &str) -> Column {
    Column {
        name: name.to_owned(),
        column_type,
        declaration: declaration.to_owned(),
        nullable: false,
        generation: Generation::None,
    }
}

fn table() -> Option<Table> {
    let int = |width| ColumnType::Int { width, unsigned: false };
    let text = || ColumnType::Text {
        charset: "utf8mb4".to_owned(),
        collation: "utf8mb4_0900_bin".to_owned(),
    };
    let columns = vec![
        column("id", int(IntWidth::Big), "bigint"),
        column("name", text(), "varchar(64)"),
        column("email", text(), "varchar(128)"),
        column("status", ColumnType::Enum, "enum('open','paid')"),
        column("price", ColumnType::Decimal { precision: 10, scale: 2 }, "decimal(10,2)"),
        column("quantity", int(IntWidth::Int), "int"),
        column("created_at", ColumnType::Datetime { fsp: 6 }, "datetime(6)"),
        column("note", text(), "text"),
    ];
    Table::new(("shop", "orders"), columns, ("PRIMARY", &["id"]), false).ok()
}

fn rows() -> Vec<Row> {
    let mut builder = RowBuilder::default();
    let row = |number: u32| {
        let digits = format!("{}.{:02}", number % 10_000, number % 100);
        builder.push(Cell::Int(number.into()));
        builder.push(Cell::Bytes(format!("Customer {number}").as_bytes()));
        builder.push(Cell::Bytes(format!("Customer.{number}@Example.org").as_bytes()));
        builder.push(Cell::UInt(u64::from(number % 2) + 1));
        builder.push(Cell::Decimal(digits.as_bytes()));
        builder.push(Cell::Int(i64::from(number % 7)));
        let date = Date { year: 2024, month: 1, day: 31 };
        builder.push(Cell::Datetime(Datetime { date, ..Datetime::default() }));
        builder.push(Cell::Bytes(&[b'x'; 200]));
        builder.finish()
    };
    (0..ROWS).map(row).collect()
}

fn main() -> std::io::Result<()> {
    let rows = rows();
    let Some(table) = table() else { return Ok(()) };
    let source = Source::new(&table);
    let mut out = std::io::stdout();
    for (text, most) in EXPRESSIONS {
        let checked = parse(text).and_then(|syntax| check(&syntax, &source));
        let Ok(checked) = checked else {
            writeln!(out, "{text}: refused")?;
            continue;
        };
        let mut scratch = Scratch::default();
        let mut best = f64::INFINITY;
        for _ in 0..ROUNDS {
            let start = Instant::now();
            for row in &rows {
                drop(black_box(checked.expression.evaluate(black_box(row), &mut scratch)));
            }
            best = best.min(start.elapsed().as_secs_f64() * 1e9 / f64::from(ROWS));
        }
        let asked = most.map_or_else(String::new, |most| format!(", at most {most:.0} asked for"));
        writeln!(out, "{text}: {best:.0} ns a row{asked}")?;
    }
    Ok(())
}
