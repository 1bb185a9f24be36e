//! The rows of a source as its log tells them.

use std::{collections::BTreeMap, sync::Arc};

use whimbrel_kit::Server;
use whimbrel_model::{GtidSet, Key, LogOffset, Row, Table};
use whimbrel_mysql::{LogItem, LogReader, LogSettings, Role};

use crate::common::{options, session};

/// Rows by key, for each table.
pub(crate) type Images = Vec<BTreeMap<Key, Row>>;

/// What the source has executed.
pub(crate) async fn executed(server: &Server) -> GtidSet {
    let text: Option<String> = server.row("SELECT @@GLOBAL.gtid_executed").await.unwrap();
    text.unwrap().parse().unwrap()
}

/// The last image of each row that changed since `from`. That each image before a change is the one
/// after the last is checked on the way.
pub(crate) async fn images(server: &Server, tables: &[Table], from: &GtidSet) -> Images {
    let mut source = session(server, "", Role::SourceReader).await;
    let status = source.query("SHOW BINARY LOG STATUS").await.unwrap();
    let end = LogOffset {
        file: status[0].text("File").unwrap(),
        offset: status[0].text("Position").unwrap().parse().unwrap(),
    };
    let settings = LogSettings { server_id: 71_000, part_bytes_max: 1 << 20 };
    let options = options(server, "");
    let mut reader = LogReader::open(&options, Arc::from(tables), from, settings).await.unwrap();
    let mut images: Images = tables.iter().map(|_| BTreeMap::new()).collect();
    loop {
        let upto = match reader.next().await.unwrap() {
            LogItem::Part { part, upto, .. } => {
                for change in &part.changes {
                    let index = usize::try_from(change.table().0).unwrap();
                    let (table, images) = (&tables[index], &mut images[index]);
                    if let Some(before) = change.before() {
                        let known = images.remove(&before.key(table));
                        assert!(
                            known.as_ref() == Some(before),
                            "{}: {}",
                            table.name(),
                            difference(table, before, known.as_ref())
                        );
                    }
                    if let Some(after) = change.after() {
                        images.insert(after.key(table), after.clone());
                    }
                }
                upto
            }
            LogItem::Heartbeat { upto } => upto,
            LogItem::Ddl { upto, .. } => upto,
        };
        if upto >= end {
            return images;
        }
    }
}

/// Where two rows differ first.
pub(crate) fn difference(table: &Table, found: &Row, expected: Option<&Row>) -> String {
    let Some(expected) = expected else {
        return "the row is not there".to_owned();
    };
    let cells = found.cells().zip(expected.cells()).zip(table.carried_columns());
    cells
        .filter(|((found, expected), _)| found != expected)
        .map(|((found, expected), column)| {
            let shown = |cell| format!("{cell:?}").chars().take(2_000).collect::<String>();
            format!("`{}`: {} is not {}", column.name, shown(found), shown(expected))
        })
        .next()
        .unwrap_or_else(|| "no cell".to_owned())
}
