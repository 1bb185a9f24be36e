use whimbrel_model::{Cell, ColumnType, Generation, IntWidth, RowBuilder};

use super::*;

fn column(name: &str, column_type: ColumnType) -> Column {
    Column {
        name: name.to_owned(),
        column_type,
        declaration: String::new(),
        nullable: name != "id",
        generation: Generation::None,
    }
}

fn text(charset: &str) -> ColumnType {
    ColumnType::Text { charset: charset.to_owned(), collation: format!("{charset}_bin") }
}

fn table_of(columns: Vec<Column>) -> Table {
    Table::new(("s", "t"), columns, ("PRIMARY", &["id"]), false).unwrap()
}

fn table() -> Table {
    let unsigned = ColumnType::Int { width: IntWidth::Big, unsigned: true };
    table_of(vec![
        column("id", unsigned),
        column("name", text("utf8mb4")),
        column("bytes", ColumnType::Binary),
        column("price", ColumnType::Decimal { precision: 5, scale: 2 }),
    ])
}

fn row(cells: [Cell<'_>; 4]) -> Row {
    let mut builder = RowBuilder::default();
    for cell in cells {
        builder.push(cell);
    }
    builder.finish()
}

fn named(id: u64, name: &[u8]) -> Row {
    row([Cell::UInt(id), Cell::Bytes(name), Cell::Bytes(b"\x00\xff"), Cell::Decimal(b"1.50")])
}

fn rows(count: u64) -> Vec<Row> {
    (0..count).map(|id| named(id, b"n")).collect()
}

fn row_counts(list: &[Document]) -> Vec<usize> {
    list.iter().map(|document| document.row_count).collect()
}

#[test]
fn the_statement_takes_each_element_of_each_row_for_its_column_or_fails() {
    let all = rows(32);
    let (list, others) = Document::of(&table(), &all, usize::MAX).unwrap();

    assert!(others.is_empty());
    let strictly = "ERROR ON EMPTY ERROR ON ERROR";
    assert_eq!(
        list[0].sql(),
        format!(
            "REPLACE INTO `t` (`id`,`name`,`bytes`,`price`) SELECT c0,c1,UNHEX(c2),c3 FROM \
             (SELECT CAST(? AS JSON) AS document) AS given, \
             JSON_TABLE(given.document, '$[*]' COLUMNS (c0 BIGINT UNSIGNED PATH '$[0]' {strictly}, \
             c1 LONGTEXT CHARACTER SET utf8mb4 PATH '$[1]' {strictly}, \
             c2 LONGTEXT CHARACTER SET utf8mb4 PATH '$[2]' {strictly}, \
             c3 LONGTEXT CHARACTER SET utf8mb4 PATH '$[3]' {strictly})) AS elements"
        )
    );
    let begin = br#"[[0,"n","00ff","1.50"],[1,"n","00ff","1.50"],"#;
    assert!(list[0].text().starts_with(begin), "{list:?}");
    assert!(list[0].text().ends_with(br#",[31,"n","00ff","1.50"]]"#), "{list:?}");
}

#[test]
fn every_row_goes_once_in_documents_of_bounded_rows_or_as_text() {
    let all = rows(2 * 2_000 + 31);
    let (list, others) = Document::of(&table(), &all, usize::MAX).unwrap();

    assert_eq!(row_counts(&list), [2_000, 2_000]);
    assert_eq!(others, all[4_000..].iter().collect::<Vec<_>>());
    for (document, rows) in list.iter().zip(all.chunks(2_000)) {
        let ends: Vec<_> = rows
            .iter()
            .map(|row| match row.cells().next() {
                Some(Cell::UInt(id)) => format!("[{id},"),
                other => panic!("{other:?}"),
            })
            .collect();
        let text = str::from_utf8(document.text()).unwrap();
        assert!(ends.iter().all(|id| text.matches(id.as_str()).count() == 1));
    }
}

#[test]
fn documents_are_bounded_in_bytes_and_a_row_beyond_goes_as_text() {
    let mut all = rows(100);
    all.insert(50, named(100, &[b'x'; 2_000]));
    // An element and its comma are at most 25 bytes.
    let (list, others) = Document::of(&table(), &all, 50 * 25).unwrap();

    assert_eq!(list.iter().map(|document| document.row_count).sum::<usize>(), 100);
    assert!(list.iter().all(|document| document.text().len() <= 50 * 25 + 1), "{list:?}");
    assert_eq!(others, [&all[50]]);

    let (list, others) = Document::of(&table(), &all, 31 * 20).unwrap();
    assert!(list.is_empty());
    assert_eq!(others.len(), 101);
}

#[test]
fn null_is_null_and_what_is_no_text_of_its_charset_goes_as_text() {
    let mut all = rows(40);
    all[0] = row([Cell::UInt(0), Cell::Null, Cell::Null, Cell::Null]);
    all[7] = named(7, b"\xff");
    let (list, others) = Document::of(&table(), &all, usize::MAX).unwrap();

    assert_eq!(row_counts(&list), [39]);
    assert!(list[0].text().starts_with(b"[[0,null,null,null],[1,"), "{list:?}");
    assert_eq!(others, [&all[7]]);
}

#[test]
fn other_charsets_are_bytes_and_a_table_with_documents_has_none() {
    let id = || column("id", ColumnType::Int { width: IntWidth::Int, unsigned: false });
    let latin = table_of(vec![id(), column("name", text("latin1"))]);
    let documents = table_of(vec![id(), column("value", ColumnType::Json)]);

    let sql = statement_of(&latin).unwrap();
    assert!(sql.contains("SELECT c0,UNHEX(c1) FROM"), "{sql}");
    assert_eq!(statement_of(&documents), None);
}
