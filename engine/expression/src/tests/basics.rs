use whimbrel_model::{Cell, Column, ColumnType, Generation, IntWidth, Row, RowBuilder, Table};

use crate::{Checked, Problem, Scratch, Source, assign, check, check_filter, parse};

pub(super) fn column(
    name: &str,
    column_type: ColumnType,
    declaration: &str,
    nullable: bool,
) -> Column {
    Column {
        name: name.to_owned(),
        column_type,
        declaration: declaration.to_owned(),
        nullable,
        generation: Generation::None,
    }
}

pub(super) fn table() -> Table {
    let int = |width| ColumnType::Int { width, unsigned: false };
    let text = ColumnType::Text {
        charset: "utf8mb4".to_owned(),
        collation: "utf8mb4_0900_ai_ci".to_owned(),
    };
    let columns = vec![
        column("id", int(IntWidth::Big), "bigint", false),
        column("email", text, "varchar(64)", false),
        column("price", ColumnType::Decimal { precision: 10, scale: 2 }, "decimal(10,2)", false),
        column("quantity", int(IntWidth::Int), "int", true),
        column("status", ColumnType::Enum, "enum('open','paid')", false),
    ];
    Table::new(("shop", "orders"), columns, ("PRIMARY", &["id"]), false).unwrap()
}

pub(super) fn row() -> Row {
    let mut row = RowBuilder::default();
    row.push(Cell::Int(7));
    row.push(Cell::Bytes(b"Ann@Example.org"));
    row.push(Cell::Decimal(b"-1.50"));
    row.push(Cell::Int(3));
    row.push(Cell::UInt(2));
    row.finish()
}

/// The expression over the table of the tests.
pub(super) fn checked(text: &str) -> Result<Checked, Vec<Problem>> {
    check(&parse(text)?, &Source::new(&table()))
}

#[track_caller]
fn gives(text: &str, expected: Cell<'_>) {
    let table = table();
    let checked = check(&parse(text).unwrap(), &Source::new(&table)).unwrap();
    let mut scratch = Scratch::default();
    assert_eq!(checked.expression.evaluate(&row(), &mut scratch), Ok(expected), "{text}");
}

#[test]
fn expressions_compute_over_a_row() {
    gives("price * quantity", Cell::Decimal(b"-4.50"));
    gives("lower(email)", Cell::Bytes(b"ann@example.org"));
    gives("quantity / 7", Cell::Decimal(b"0.4286"));
    gives("if(status == \"paid\", concat(\"p-\", id), \"-\")", Cell::Bytes(b"p-7"));
    gives("if quantity > 2 && price < 0 { 1 } else { 0 }", Cell::Int(1));
    gives("quantity ?? 0", Cell::Int(3));
    gives("status in [\"open\", \"paid\"]", Cell::Int(1));
    gives("status !in [\"open\"]", Cell::Int(1));
    gives("\"2024-01-01\" in [\"2024-01-01\", cast_date(\"2024-01-02\")]", Cell::Int(1));
    gives("col(\"email\")", Cell::Bytes(b"Ann@Example.org"));
    gives("-(1.50) + 2", Cell::Decimal(b"0.50"));
    gives("18446744073709551615", Cell::UInt(u64::MAX));
}

#[test]
fn a_value_becomes_the_cell_of_its_column() {
    let table = table();
    let total = check(&parse("price * quantity").unwrap(), &Source::new(&table)).unwrap();
    let wide = ColumnType::Decimal { precision: 30, scale: 4 };
    let to = column("total", wide, "decimal(30,4)", true);

    let assignment = assign(&total.expression, &to).unwrap();

    let mut scratch = Scratch::default();
    assert_eq!(assignment.evaluate(&row(), &mut scratch), Ok(Cell::Decimal(b"-4.5000")));
}

#[test]
fn a_filter_is_a_condition() {
    let table = table();
    let filter = |text: &str| check_filter(&parse(text).unwrap(), &Source::new(&table));

    assert!(filter("quantity != ()").unwrap().expression.is_true(&row()).unwrap());
    assert_eq!(filter("quantity").unwrap_err()[0].id(), "expression.no-condition");
    assert_eq!(filter("1 > 2").unwrap_err()[0].id(), "expression.always-false");
}
