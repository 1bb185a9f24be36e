//! A binary log of MySQL 9.7.4 without checksums, and the table that its rows are of.
//!
//! Part of the fuzz targets and of the decoder's own tests. The log has every kind of event that a
//! server writes by itself: rows of each type, a document changed in part, a compressed
//! transaction, a tagged one, XA transactions, definitions, statements, a rotation.

use whimbrel_model::{Column, ColumnType, Generation, IntWidth, Table, TableError};

/// The log, from its magic on.
pub(crate) const LOG: &[u8] = include_bytes!("seeds/binlog_events/sample.binlog");

/// Bytes of an event's header.
const HEADER_BYTES: usize = 19;

/// The events of a log without checksums, as far as it has whole ones.
pub(crate) fn events(log: &[u8]) -> Vec<&[u8]> {
    let mut rest = log.get(4..).unwrap_or_default();
    let mut events = Vec::new();
    while let Some(size) = rest.get(9..13).and_then(|size| size.try_into().ok()) {
        let size = usize::try_from(u32::from_le_bytes(size)).unwrap_or(usize::MAX);
        let Some((event, more)) = rest.split_at_checked(size.max(HEADER_BYTES)) else { break };
        events.push(event);
        rest = more;
    }
    events
}

/// An event of type `code`, without a place in the log.
pub(crate) fn event(code: u8, body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(HEADER_BYTES + body.len()).unwrap_or(u32::MAX);
    let mut event = vec![0, 0, 0, 0, code, 1, 0, 0, 0];
    event.extend_from_slice(&size.to_le_bytes());
    event.extend_from_slice(&[0; 6]);
    event.extend_from_slice(body);
    event
}

/// The events that the first rows of [`table`] come after: from the log's first to their map.
pub(crate) fn prelude() -> Vec<&'static [u8]> {
    const TABLE_MAP: u8 = 19;
    let events = events(LOG);
    let map = events.iter().position(|event| event.get(4) == Some(&TABLE_MAP));
    events.into_iter().take(map.map_or(0, |map| map + 1)).collect()
}

/// What an event of rows of [`table`] begins with, all columns being there.
pub(crate) fn rows_head(code: u8) -> Vec<u8> {
    const COLUMN_COUNT: u8 = 25;
    const ALL: [u8; 4] = [0xff, 0xff, 0xff, 1];
    // The map's number for the table is the first thing in its body.
    let map = prelude().last().copied().unwrap_or_default();
    let mut head = map.get(HEADER_BYTES..HEADER_BYTES + 6).unwrap_or_default().to_vec();
    head.extend_from_slice(&[1, 0]);
    if code >= 30 {
        head.extend_from_slice(&[2, 0]);
    }
    head.push(COLUMN_COUNT);
    head.extend_from_slice(&ALL);
    if matches!(code, 24 | 31 | 39) {
        head.extend_from_slice(&ALL);
    }
    head
}

/// The planned table, `shop.types`.
pub(crate) fn table() -> Result<Table, TableError> {
    let int = |width, unsigned| ColumnType::Int { width, unsigned };
    let text = || ColumnType::Text { charset: "utf8mb4".into(), collation: "utf8mb4_bin".into() };
    let types = [
        ("id", int(IntWidth::Int, false)),
        ("t1", int(IntWidth::Tiny, false)),
        ("u3", int(IntWidth::Medium, true)),
        ("s3", int(IntWidth::Medium, false)),
        ("u8", int(IntWidth::Big, true)),
        ("dc", ColumnType::Decimal { precision: 30, scale: 10 }),
        ("f", ColumnType::Float),
        ("d", ColumnType::Double),
        ("b", ColumnType::Bit { bits: 17 }),
        ("y", ColumnType::Year),
        ("da", ColumnType::Date),
        ("ti", ColumnType::Time { fsp: 3 }),
        ("dt", ColumnType::Datetime { fsp: 6 }),
        ("ts", ColumnType::Timestamp { fsp: 2 }),
        ("c", text()),
        ("vb", text()),
        ("bi", ColumnType::FixedBinary { length: 8 }),
        ("bl", ColumnType::Binary),
        ("lt", text()),
        ("e", ColumnType::Enum),
        ("s", ColumnType::Set { members: 3 }),
        ("j", ColumnType::Json),
        ("g", ColumnType::Geometry),
        ("v", ColumnType::Vector),
        ("gv", int(IntWidth::Int, false)),
    ];
    let columns = types.into_iter().map(|(name, column_type)| Column {
        name: name.to_owned(),
        column_type,
        declaration: String::new(),
        nullable: name != "id",
        generation: if name == "gv" { Generation::Virtual } else { Generation::None },
    });
    Table::new(("shop", "types"), columns.collect(), ("PRIMARY", &["id"]), false)
}
