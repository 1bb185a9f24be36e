//! Values that go through vtgate in documents.

use whimbrel_model::{Cell, Row, RowBuilder};
use whimbrel_mysql::{Document, Role, Session, catalog, chunk, statement};

use crate::common::{on_server, on_shard, shared};

/// Every type but `JSON`.
const DEFINITION: &str = "CREATE TABLE parameters (id INT PRIMARY KEY, \
    t TINYINT, bu BIGINT UNSIGNED, b BIGINT, b7 BIT(7), b64 BIT(64), d DECIMAL(65,30), f FLOAT, g DOUBLE, y YEAR, \
    dt DATE, tm TIME(6), e DATETIME(6), ts TIMESTAMP(6) NULL, u4 VARCHAR(50) CHARACTER SET utf8mb4, \
    l1 VARCHAR(50) CHARACTER SET latin1, gb VARCHAR(50) CHARACTER SET gbk, u16 CHAR(20) CHARACTER SET utf16, \
    bn BINARY(8), vb VARBINARY(300), bl BLOB, en ENUM('x','0','y'), st SET('a','b','c'), st64 SET({members}), \
    p GEOMETRY, v VECTOR(2))";

/// The rows that every other is a copy of: bounds; zeros; what has a meaning in a text or a document; NULL in every
/// column but the key; the invalid value of an `ENUM`, which goes as text.
const ROWS: &str = r#"SET SESSION sql_mode = 'ALLOW_INVALID_DATES', time_zone = '+00:00'; INSERT INTO parameters VALUES
  (1, -128, 18446744073709551615, -9223372036854775808, b'1111111', 0x7fffffffffffffff, -99999999999999999999999999999999999.999999999999999999999999999999,
   -3.4028234663852886e38, 1.7976931348623157e308, 2155, '9999-12-31', '-838:59:58.999999', '9999-12-31 23:59:59.999999', '2038-01-19 03:14:07.999999',
   '''\\%_\0\n\r\Z""😀?:v1', _latin1 x'80E95C27FF', _gbk x'815CBF5C2761', _utf16 x'005CD83DDE000027', x'00275C221A0A0D00', REPEAT(x'00275C22FF1AC3', 40),
   REPEAT(x'C327', 3000), 'y', 'a,c', '63', ST_GeomFromText('POINT(39 92)'), TO_VECTOR('[1.5,-0.0]')),
  (2, 0, 9223372036854775808, 9223372036854775807, b'0', 0, -0.000000000000000000000000000001, 1.401298464324817e-45, -0e0, 0, '0000-00-00', '00:00:00', '0000-00-00 00:00:00',
   '0000-00-00 00:00:00', '', '', '', '', '', '', '', '0', '', '', ST_GeomFromText('GEOMETRYCOLLECTION EMPTY'), TO_VECTOR('[0,3.4e38]')),
  (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
   NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  (4, 5, 5, 5, b'1', 0xffffffffffffffff, 0.1, 16777217, 0.1, 1901, '2024-02-31', '12:34:56.5', '2024-00-00 00:00:00.1', '1970-01-01 00:00:01',
   'x ', 'é ', 'a', 'b', 'c', 'd', x'00', 'x', 'b', 18446744073709551615, ST_SRID(POINT(-1.5, 0.1), 4326), TO_VECTOR('[1,2]')),
  (5, 5, 5, 5, b'1', 0, 0.1, 1, 0.1, 1901, NULL, NULL, NULL, NULL,
   'u', 'l', 'g', 'u', 'b', 'v', 'l', 'none', 'b', '1', POINT(1, 2), TO_VECTOR('[1,2]'))"#;

/// The row with another number.
fn numbered(row: &Row, id: i64) -> Row {
    let mut builder = RowBuilder::default();
    builder.push(Cell::Int(id));
    for cell in row.cells().skip(1) {
        builder.push(cell);
    }
    builder.finish()
}

#[tokio::test]
async fn every_value_arrives_as_it_was() {
    let vitess = shared().await;
    let below = on_server(vitess.mysql().port(), "vt_shop_-80");
    let mut filling = Session::connect(&below, Role::Target).await.unwrap();
    let members: Vec<_> = (0..64).map(|number| format!("'{number}'")).collect();
    let definition = DEFINITION.replace("{members}", &members.join(","));
    filling.execute(definition.as_bytes()).await.unwrap();
    filling.execute(ROWS.as_bytes()).await.unwrap();
    let mut server = Session::connect(&below, Role::SourceReader).await.unwrap();
    let description = catalog::describe(&mut server, "vt_shop_-80", "parameters").await.unwrap();
    let table = catalog::definition(description).unwrap().table;
    let kinds = chunk::read(&mut server, &table, (None, None), usize::MAX).await.unwrap().rows;
    assert_eq!(kinds.len(), 5);
    let numbers = (0_i64..).zip(kinds.iter().cycle()).take(5 * 300);
    let rows: Vec<Row> = numbers.map(|(id, (_, row))| numbered(row, id)).collect();

    let (documents, others) = Document::of(&table, &rows, 1 << 20).unwrap();
    assert!(documents.len() > 2, "{documents:?}");
    let texts = statement::write(&table, others.iter().copied(), 1 << 20).unwrap();
    let mut session = on_shard(vitess.port(), "-80").await;
    session.execute(b"BEGIN").await.unwrap();
    for rows in &documents {
        session.write(rows).await.unwrap();
    }
    for text in &texts {
        session.execute(text).await.unwrap();
    }
    session.execute(b"COMMIT").await.unwrap();

    let others: Vec<Option<Cell<'_>>> = others.iter().map(|row| row.cells().next()).collect();
    let is_text = |id| others.contains(&Some(Cell::Int(id)));
    assert_eq!([0, 1, 2, 3, 4].map(is_text), [false, false, false, false, true]);
    let found = chunk::read(&mut server, &table, (None, None), usize::MAX).await.unwrap().rows;
    assert_eq!(found.len(), rows.len());
    for ((_, found), row) in found.iter().zip(&rows) {
        assert_eq!(found, row);
    }
}
