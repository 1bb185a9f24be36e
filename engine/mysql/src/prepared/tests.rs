use whimbrel_model::{IntWidth, RowBuilder};

use super::*;

fn table() -> Table {
    let column = |name: &str, column_type| Column {
        name: name.to_owned(),
        column_type,
        declaration: String::new(),
        nullable: name != "id",
        generation: Generation::None,
    };
    let unsigned = ColumnType::Int { width: IntWidth::Big, unsigned: true };
    let columns = vec![
        column("id", unsigned),
        column("name", ColumnType::Binary),
        column("bits", ColumnType::Bit { bits: 64 }),
        column("price", ColumnType::Decimal { precision: 5, scale: 2 }),
    ];
    Table::new(("s", "t"), columns, ("PRIMARY", &["id"]), false).unwrap()
}

fn row(cells: [Cell<'_>; 4]) -> Row {
    let mut builder = RowBuilder::default();
    for cell in cells {
        builder.push(cell);
    }
    builder.finish()
}

fn plain(id: u64) -> Row {
    row([Cell::UInt(id), Cell::Bytes(b"a'b\\"), Cell::UInt(1), Cell::Decimal(b"1.50")])
}

fn row_counts(list: &[Prepared]) -> Vec<usize> {
    list.iter().map(|prepared| prepared.row_count).collect()
}

#[test]
fn rows_go_in_statements_of_two_sizes_and_what_is_left_as_text() {
    let rows: Vec<Row> = (0..1_200).map(plain).collect();
    let (list, others) = Prepared::of(&table(), &rows, usize::MAX).unwrap();

    assert_eq!(row_counts(&list), [512, 512, 64, 64]);
    assert_eq!(others.len(), 1_200 - 1_152);
    let mut sent: Vec<_> = list
        .iter()
        .flat_map(|prepared| prepared.values.chunks(4).map(|values| values[0].clone()))
        .collect();
    sent.sort_by(|one, other| one.partial_cmp(other).unwrap());
    let mut wanted: Vec<_> = (0..1_200).map(Value::Int).collect();
    for row in others {
        let Some(Cell::UInt(id)) = row.cells().next() else { panic!("{row:?}") };
        wanted.retain(|value| *value != Value::Int(id.cast_signed()));
    }
    assert_eq!(sent, wanted, "each row once");
}

#[test]
fn a_statement_has_a_mark_for_each_value_and_strings_are_binary() {
    let rows: Vec<Row> = (0..64).map(plain).collect();
    let (list, _) = Prepared::of(&table(), &rows, usize::MAX).unwrap();

    let head = "REPLACE INTO `t` (`id`,`name`,`bits`,`price`) VALUES (?,_binary ?,?,?),(?";
    assert!(list[0].sql().starts_with(head), "{}", list[0].sql());
    assert_eq!(list[0].sql().matches('?').count(), list[0].values().len());
    let first = [
        Value::Int(0),
        Value::Bytes(b"a'b\\".to_vec()),
        Value::Int(1),
        Value::Bytes(b"1.50".to_vec()),
    ];
    assert_eq!(list[0].values()[..4], first);
}

/// vtgate 24.0.0 takes unsigned parameters for signed ones.
#[test]
fn a_number_beyond_the_signed_ones_is_a_string_for_an_integer_and_else_goes_as_text() {
    let large = row([Cell::UInt(u64::MAX), Cell::Bytes(b""), Cell::UInt(1), Cell::Null]);
    let bits = row([Cell::UInt(1), Cell::Bytes(b""), Cell::UInt(u64::MAX), Cell::Null]);
    let nothing = row([Cell::UInt(2), Cell::Null, Cell::Null, Cell::Null]);
    let mut rows = vec![large, bits.clone(), nothing.clone()];
    rows.extend((3..66).map(plain));

    let (list, others) = Prepared::of(&table(), &rows, usize::MAX).unwrap();

    assert_eq!(row_counts(&list), [64]);
    assert_eq!(list[0].values[0], Value::Bytes(b"18446744073709551615".to_vec()));
    assert_eq!(list[0].values[3], Value::NULL);
    assert_eq!(others, [&bits, &nothing]);
}

#[test]
fn rows_too_long_for_a_statement_of_the_least_size_go_as_text() {
    let rows: Vec<Row> = (0..600).map(plain).collect();
    let bytes: usize = rows[..64].iter().map(Row::byte_count).sum();

    let (list, others) = Prepared::of(&table(), &rows, bytes * 2).unwrap();
    assert_eq!((row_counts(&list), others.len()), (vec![64; 9], 24));

    let (list, others) = Prepared::of(&table(), &rows, bytes / 2).unwrap();
    assert!(list.is_empty());
    assert_eq!(others.len(), 600);
}
