//! How many rows a second one core decodes, from a binary log's bytes to changes.
//!
//! `cargo bench -p whimbrel-mysql --bench decode` prints a line for inserts and one for updates of
//! rows of twelve columns, as an order has them, in events of 8 KiB as the server writes them.

use std::{
    io::Cursor,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use whimbrel_model::{Column, ColumnType, Generation, IntWidth, Table};
use whimbrel_mysql::{FileTransport, LogError, LogItem, LogReader};

/// Rows in the log: some 150 MB of events.
const ROW_COUNT: u32 = 1_000_000;

/// Rows of a transaction.
const TRANSACTION_ROWS: u32 = 1_000;

/// Bytes of an event's rows, the server's default.
const EVENT_BYTES: usize = 8_192;

const TABLE_MAP: u8 = 19;
const WRITE_ROWS: u8 = 30;
const UPDATE_ROWS: u8 = 31;

/// Appends events to a log, with checksums.
struct Log {
    bytes: Vec<u8>,
}

impl Log {
    fn new() -> Self {
        let mut log = Self { bytes: vec![0xfe, b'b', b'i', b'n'] };
        let mut format = vec![4, 0];
        format.extend_from_slice(&[0; 54]);
        format.push(19);
        format.extend_from_slice(&[0; 42]);
        format.push(1);
        log.event(15, &format);
        log
    }

    fn event(&mut self, code: u8, body: &[u8]) {
        let start = self.bytes.len();
        let size = u32::try_from(19 + body.len() + 4).unwrap_or(0);
        let end = u32::try_from(start).unwrap_or(0) + size;
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes.push(code);
        self.bytes.extend_from_slice(&[1, 0, 0, 0]);
        self.bytes.extend_from_slice(&size.to_le_bytes());
        self.bytes.extend_from_slice(&end.to_le_bytes());
        self.bytes.extend_from_slice(&[0; 2]);
        self.bytes.extend_from_slice(body);
        let crc = crc32fast::hash(self.bytes.get(start..).unwrap_or_default());
        self.bytes.extend_from_slice(&crc.to_le_bytes());
    }

    fn transaction(&mut self, number: u64, code: u8, first: u32) {
        let mut gtid = vec![1];
        gtid.extend_from_slice(&[7; 16]);
        gtid.extend_from_slice(&number.to_le_bytes());
        gtid.extend_from_slice(&[2; 17]);
        gtid.extend_from_slice(&[1; 7]);
        self.event(33, &gtid);
        self.event(2, b"\x01\0\0\0\0\0\0\0\0\0\0\0\0\0BEGIN");
        self.event(TABLE_MAP, &table_map());
        let head = |rows: &mut Vec<u8>| {
            rows.clear();
            rows.extend_from_slice(&[9, 0, 0, 0, 0, 0, 1, 0, 2, 0, 12, 0xff, 0x0f]);
            if code == UPDATE_ROWS {
                rows.extend_from_slice(&[0xff, 0x0f]);
            }
        };
        let mut rows = Vec::new();
        head(&mut rows);
        for id in first..first + TRANSACTION_ROWS {
            row(&mut rows, id, 1);
            if code == UPDATE_ROWS {
                row(&mut rows, id, 2);
            }
            if rows.len() >= EVENT_BYTES {
                self.event(code, &rows);
                head(&mut rows);
            }
        }
        self.event(code, &rows);
        self.event(16, &number.to_le_bytes());
    }
}

fn table_map() -> Vec<u8> {
    let mut map = vec![9, 0, 0, 0, 0, 0, 1, 0, 4];
    map.extend_from_slice(b"shop\0\x06orders\0\x0c");
    map.extend_from_slice(&[8, 3, 254, 246, 3, 18, 17, 15, 15, 15, 1, 5]);
    map.extend_from_slice(&[13, 247, 1, 10, 2, 0, 6, 80, 0, 200, 0, 144, 1, 8]);
    map.extend_from_slice(&[0, 2]);
    map
}

fn row(rows: &mut Vec<u8>, id: u32, version: u8) {
    // Every fourth note is NULL.
    let is_null = id.is_multiple_of(4);
    rows.extend_from_slice(&[0, u8::from(is_null) << 1]);
    rows.extend_from_slice(&u64::from(id).to_le_bytes());
    rows.extend_from_slice(&(id / 10).to_le_bytes());
    rows.push(1 + version % 3);
    rows.extend_from_slice(&[0x80, 0, 0x12, 0x34, 56]);
    rows.extend_from_slice(&[version, 0, 0, 0]);
    rows.extend_from_slice(&[0x99, 0xb2, 0x78, 0x64, 0xd2]);
    rows.extend_from_slice(&[0x65, 0x94, 0xa1, 0x00, 0x01, 0xe2, 0x40]);
    for text in ["customer-000123@example.com", "12 Long Street, Some Town, Country"] {
        rows.push(u8::try_from(text.len()).unwrap_or(0));
        rows.extend_from_slice(text.as_bytes());
    }
    if !is_null {
        rows.extend_from_slice(b"\x13\0left at a neighbour");
    }
    rows.push(3);
    rows.extend_from_slice(&f64::from(id).to_le_bytes());
}

fn table() -> Option<Table> {
    let int = |width, unsigned| ColumnType::Int { width, unsigned };
    let text = || ColumnType::Text { charset: "utf8mb4".into(), collation: "utf8mb4_bin".into() };
    let types = [
        int(IntWidth::Big, true),
        int(IntWidth::Int, false),
        ColumnType::Enum,
        ColumnType::Decimal { precision: 10, scale: 2 },
        int(IntWidth::Int, false),
        ColumnType::Datetime { fsp: 0 },
        ColumnType::Timestamp { fsp: 6 },
        text(),
        text(),
        text(),
        int(IntWidth::Tiny, true),
        ColumnType::Double,
    ];
    let columns = types.into_iter().enumerate().map(|(index, column_type)| Column {
        name: format!("c{index}"),
        column_type,
        declaration: String::new(),
        nullable: index > 0,
        generation: Generation::None,
    });
    Table::new(("shop", "orders"), columns.collect(), ("PRIMARY", &["c0"]), false).ok()
}

/// How long this thread has run, if the system tells: on a busy machine steadier than the time that
/// passes.
fn processor_time() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(stat.split_whitespace().next()?.parse().ok()?))
}

/// Reads the log to its end: rows, the time that passed, and the processor's.
async fn read(log: Vec<u8>, tables: Arc<[Table]>) -> Result<(usize, [Duration; 2]), LogError> {
    let transport = FileTransport::new(Cursor::new(log))?;
    let mut reader = LogReader::new(transport, tables, 1 << 20);
    let (start, ran, mut row_count) = (Instant::now(), processor_time(), 0);
    loop {
        match reader.next().await {
            Ok(LogItem::Part { part, .. }) => row_count += part.changes.len(),
            Ok(LogItem::Heartbeat { .. } | LogItem::Ddl { .. }) => {}
            Err(LogError::Ended) => {
                let passed = start.elapsed();
                let ran = processor_time().zip(ran).map(|(now, then)| now.saturating_sub(then));
                return Ok((row_count, [passed, ran.unwrap_or(passed)]));
            }
            Err(error) => return Err(error),
        }
    }
}

#[expect(clippy::print_stdout, reason = "a benchmark says what it measured")]
fn main() -> ExitCode {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().build() else {
        return ExitCode::FAILURE;
    };
    let tables: Arc<[Table]> = table().into_iter().collect();
    for (name, code) in [("inserts", WRITE_ROWS), ("updates", UPDATE_ROWS)] {
        for _ in 0..3 {
            let mut log = Log::new();
            for number in 0..ROW_COUNT / TRANSACTION_ROWS {
                log.transaction(u64::from(number) + 1, code, number * TRANSACTION_ROWS);
            }
            let mebibytes = log.bytes.len() >> 20;
            match runtime.block_on(read(log.bytes, Arc::clone(&tables))) {
                Ok((row_count, [passed, ran])) => println!(
                    "{name}: {row_count} rows, {mebibytes} MiB in {passed:.2?}, {ran:.2?} of the \
                     processor: {:.2} million rows/s",
                    f64::from(ROW_COUNT) / ran.as_secs_f64() / 1e6
                ),
                Err(error) => {
                    println!("{name}: {error}");
                    return ExitCode::FAILURE;
                }
            }
        }
    }
    ExitCode::SUCCESS
}
