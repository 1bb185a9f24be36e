use whimbrel_model::{Cell, Column, ColumnType, Generation, IntWidth, RowBuilder};

use super::*;

fn column(name: &str, column_type: ColumnType, generation: Generation) -> Column {
    let declaration = format!("{column_type:?}");
    Column { name: name.to_owned(), column_type, declaration, nullable: false, generation }
}

fn integer(name: &str) -> Column {
    let column_type = ColumnType::Int { width: IntWidth::Int, unsigned: false };
    column(name, column_type, Generation::None)
}

fn row(cells: &[Cell<'_>]) -> Row {
    let mut builder = RowBuilder::default();
    for &cell in cells {
        builder.push(cell);
    }
    builder.finish()
}

fn texts(statements: Vec<Vec<u8>>) -> Vec<String> {
    statements.into_iter().map(|bytes| String::from_utf8(bytes).unwrap()).collect()
}

#[test]
fn rows_are_replaced_in_statements_of_bounded_size() {
    let columns = vec![integer("a`b"), integer("c")];
    let table = Table::new(("s", "t"), columns, ("PRIMARY", &["a`b"]), false).unwrap();
    let rows = [1, 2, 3].map(|id| row(&[Cell::Int(id), Cell::Null]));

    let bytes_max = "REPLACE INTO `t` (`a``b`,`c`) VALUES (1,NULL),(2,NULL)".len();
    let statements = write(&table, &rows, bytes_max).unwrap();

    assert_eq!(
        texts(statements),
        [
            "REPLACE INTO `t` (`a``b`,`c`) VALUES (1,NULL),(2,NULL)",
            "REPLACE INTO `t` (`a``b`,`c`) VALUES (3,NULL)"
        ]
    );
}

#[test]
fn a_row_longer_than_the_bound_has_a_statement_of_its_own() {
    let table = Table::new(("s", "t"), vec![integer("a")], ("PRIMARY", &["a"]), false).unwrap();
    let rows = [1, 2].map(|id| row(&[Cell::Int(id)]));

    assert_eq!(
        texts(write(&table, &rows, 1).unwrap()),
        ["REPLACE INTO `t` (`a`) VALUES (1)", "REPLACE INTO `t` (`a`) VALUES (2)"]
    );
    assert!(write(&table, &[], 1).unwrap().is_empty());
}

#[test]
fn computed_columns_are_left_to_the_server() {
    let year = column("y", ColumnType::Year, Generation::Stored);
    let table =
        Table::new(("s", "t"), vec![integer("a"), year], ("u", &["a", "y"]), false).unwrap();
    let row = row(&[Cell::Int(1), Cell::UInt(2024)]);

    assert_eq!(texts(write(&table, [&row], 1_000).unwrap()), ["REPLACE INTO `t` (`a`) VALUES (1)"]);
    assert_eq!(
        texts(delete(&table, [&row.key(&table)], 1_000).unwrap()),
        ["DELETE /*+ INDEX(`t` `u`) */ FROM `t` WHERE (`a`=1 AND `y`=2024)"]
    );
}

#[test]
fn keys_of_one_column_are_deleted_by_a_list() {
    let table = Table::new(("s", "t*/"), vec![integer("a")], ("PRIMARY", &["a"]), false).unwrap();
    let keys = [1, 2, 3].map(|id| row(&[Cell::Int(id)]).key(&table));

    assert_eq!(
        texts(delete(&table, &keys, "DELETE FROM `t*/` WHERE `a` IN (1,2)".len()).unwrap()),
        ["DELETE FROM `t*/` WHERE `a` IN (1,2)", "DELETE FROM `t*/` WHERE `a` IN (3)"]
    );
}

#[test]
fn a_statement_deletes_no_more_keys_than_the_range_optimizer_takes() {
    let table = Table::new(("s", "t"), vec![integer("a")], ("PRIMARY", &["a"]), false).unwrap();
    let keys: Vec<Key> = (0..2_001).map(|id| row(&[Cell::Int(id)]).key(&table)).collect();

    assert_eq!(delete(&table, &keys, 1 << 20).unwrap().len(), 2);
}
