//! Generated values of every type: written by a literal, read back as the same cell.

use whimbrel_model::{
    Cell, Column, ColumnType, Date, Datetime, IntWidth, Key, Row, RowBuilder, Table, Time,
};
use whimbrel_mysql::{Error, Role, Session, load::Load};

use crate::{
    common::{load, read_all, session, table, write},
    random::Random,
    tail::difference,
};

const DEFINITION: &str = "CREATE TABLE v (id BIGINT UNSIGNED PRIMARY KEY, \
    t TINYINT, tu TINYINT UNSIGNED, s SMALLINT, su SMALLINT UNSIGNED, m MEDIUMINT, mu MEDIUMINT UNSIGNED, \
    i INT, iu INT UNSIGNED, b BIGINT, bu BIGINT UNSIGNED, b7 BIT(7), b64 BIT(64), \
    d DECIMAL(65,30), d0 DECIMAL(20,0), ds DECIMAL(30,30), f FLOAT, g DOUBLE, y YEAR, dt DATE, tm TIME(6), \
    e DATETIME(6), ts TIMESTAMP(6) NULL, \
    u4 VARCHAR(60) CHARACTER SET utf8mb4, u3 VARCHAR(60) CHARACTER SET utf8mb3, l VARCHAR(60) CHARACTER SET latin1, \
    gb VARCHAR(60) CHARACTER SET gbk, u16 VARCHAR(60) CHARACTER SET utf16, u32 VARCHAR(60) CHARACTER SET utf32, \
    u2 VARCHAR(60) CHARACTER SET ucs2, k VARCHAR(60) CHARACTER SET koi8r, \
    bn BINARY(12), vb VARBINARY(60), bl BLOB, en ENUM('x','0','0000','y'), \
    st SET('a','b','c','d','e','f','g','h','i','j'))";

const ROUNDS: u64 = 4;
const ROWS: u64 = 500;

fn integer(random: &mut Random, width: IntWidth, unsigned: bool) -> Cell<'static> {
    let bits = match width {
        IntWidth::Tiny => 8,
        IntWidth::Small => 16,
        IntWidth::Medium => 24,
        IntWidth::Int => 32,
        IntWidth::Big => 64,
    };
    let word = random.any_integer() << (64 - bits);
    if unsigned {
        Cell::UInt(word >> (64 - bits))
    } else {
        Cell::Int(word.cast_signed() >> (64 - bits))
    }
}

fn decimal(random: &mut Random, precision: u8, scale: u8) -> Vec<u8> {
    let mut digits: Vec<u8> = (0..precision).map(|_| b'0' + random.byte() % 10).collect();
    let zeros = usize::try_from(random.below(u64::from(precision) + 1)).unwrap();
    digits[..zeros].fill(b'0');
    let (whole, fraction) = digits.split_at(usize::from(precision - scale));
    let whole = String::from_utf8_lossy(whole).trim_start_matches('0').to_owned();
    let mut text = if whole.is_empty() { "0".to_owned() } else { whole };
    if scale > 0 {
        text = format!("{text}.{}", String::from_utf8_lossy(fraction));
    }
    let is_zero = text.bytes().all(|digit| matches!(digit, b'0' | b'.'));
    if !is_zero && random.below(2) == 0 {
        text.insert(0, '-');
    }
    text.into_bytes()
}

fn date(random: &mut Random) -> Date {
    let small = |random: &mut Random, bound| u8::try_from(random.below(bound)).unwrap();
    let year = u16::try_from(random.below(10_000)).unwrap();
    match random.below(10) {
        0 => Date::default(),
        _ => Date { year, month: small(random, 13), day: small(random, 32) },
    }
}

fn datetime(random: &mut Random) -> Datetime {
    let small = |random: &mut Random, bound| u8::try_from(random.below(bound)).unwrap();
    let date = date(random);
    let micros = if random.below(2) == 0 { 0 } else { random.below(1_000_000) };
    Datetime {
        date,
        hour: small(random, 24),
        minute: small(random, 60),
        second: small(random, 60),
        micros: u32::try_from(micros).unwrap(),
    }
}

/// Text in the charset.
fn text(random: &mut Random, charset: &str) -> Vec<u8> {
    let text = random.text(10);
    match charset {
        "utf8mb4" => text.into_bytes(),
        "utf8mb3" => text.chars().filter(|letter| *letter < '\u{10000}').collect::<String>().into(),
        "utf16" => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        "ucs2" => (0..random.below(10))
            .flat_map(|_| u16::try_from(random.below(0xd800)).unwrap().to_be_bytes())
            .collect(),
        "utf32" => text.chars().flat_map(|letter| u32::from(letter).to_be_bytes()).collect(),
        "gbk" => (0..random.below(10))
            .flat_map(|_| {
                let trail = random.pick(&[b"'", b"\\"]).first().copied().unwrap();
                let trail = if trail == b'\'' { 0x40 + random.byte() % 0x3f } else { trail };
                [0x81 + random.byte() % 0x7e, trail]
            })
            .collect(),
        _ => random.bytes(10),
    }
}

fn push(builder: &mut RowBuilder, random: &mut Random, column: &Column, id: u64) {
    if column.name == "id" {
        return builder.push(Cell::UInt(id));
    }
    if random.below(12) == 0 {
        return builder.push(Cell::Null);
    }
    let bytes;
    builder.push(match &column.column_type {
        ColumnType::Int { width, unsigned } => integer(random, *width, *unsigned),
        ColumnType::Bit { bits } => Cell::UInt(random.any_integer() >> (64 - bits)),
        ColumnType::Decimal { precision, scale } => {
            bytes = decimal(random, *precision, *scale);
            Cell::Decimal(&bytes)
        }
        ColumnType::Float => loop {
            let value = f32::from_bits(u32::try_from(random.word() >> 32).unwrap());
            if value.is_finite() {
                break Cell::Float(value);
            }
        },
        ColumnType::Double => loop {
            let value = f64::from_bits(random.word());
            if value.is_finite() {
                break Cell::Double(value);
            }
        },
        ColumnType::Year => Cell::UInt(match random.below(256) {
            0 => 0,
            year => 1_900 + year,
        }),
        ColumnType::Date => Cell::Date(date(random)),
        ColumnType::Time { .. } => {
            let micros = i64::try_from(random.below(3_020_399_000_000)).unwrap();
            Cell::Time(Time { micros: if random.below(2) == 0 { -micros } else { micros } })
        }
        ColumnType::Datetime { .. } => Cell::Datetime(datetime(random)),
        ColumnType::Timestamp { .. } => {
            let seconds = u32::try_from(random.below(1 << 31)).unwrap();
            let micros = u32::try_from(random.below(1_000_000)).unwrap();
            Cell::Datetime(Datetime::from_unix(seconds, if seconds == 0 { 0 } else { micros }))
        }
        ColumnType::Text { charset, .. } => {
            bytes = text(random, charset);
            Cell::Bytes(&bytes)
        }
        ColumnType::FixedBinary { length } => {
            let mut padded = random.bytes(u64::from(*length));
            padded.resize(usize::from(*length), 0);
            bytes = padded;
            Cell::Bytes(&bytes)
        }
        ColumnType::Enum => Cell::UInt(random.below(5)),
        ColumnType::Set { members } => Cell::UInt(random.below(1 << members)),
        ColumnType::Binary | ColumnType::Json | ColumnType::Geometry | ColumnType::Vector => {
            bytes = random.bytes(60);
            Cell::Bytes(&bytes)
        }
    });
}

fn rows(table: &Table, seed: u64) -> Vec<(Key, Row)> {
    let mut random = Random::new(seed);
    let mut builder = RowBuilder::default();
    (0..ROWS)
        .map(|id| {
            for column in table.carried_columns() {
                push(&mut builder, &mut random, column, id);
            }
            let row = builder.finish();
            (row.key(table), row)
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_literal_is_read_back_as_the_cell_it_was_written_for() {
    let pair = whimbrel_kit::pair().await.unwrap();
    pair.execute_target(DEFINITION).await.unwrap();
    let mut target = session(pair.target, &pair.target_database, Role::Target).await;
    let mut reader = session(pair.target, &pair.target_database, Role::SourceReader).await;
    let table = table(&mut reader, &pair.target_database, "v").await;

    for seed in 1..=ROUNDS {
        let written = rows(&table, seed);
        write(&mut target, &table, &written).await;

        check_read_back(&mut reader, &table, &written, seed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loaded_field_is_read_back_as_the_cell_it_was_written_for() {
    let pair = whimbrel_kit::pair().await.unwrap();
    pair.execute_target(DEFINITION).await.unwrap();
    let mut target = session(pair.target, &pair.target_database, Role::Target).await;
    let mut reader = session(pair.target, &pair.target_database, Role::SourceReader).await;
    let table = table(&mut reader, &pair.target_database, "v").await;

    for seed in 1..=ROUNDS {
        let written = rows(&table, seed);
        assert!(load(&mut target, &table, &written).await > written.len() / 2);

        check_read_back(&mut reader, &table, &written, seed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_a_load_would_change_is_refused() {
    let pair = whimbrel_kit::pair().await.unwrap();
    let definition = "CREATE TABLE v (id INT PRIMARY KEY, t VARCHAR(3), e ENUM('x', 'y'))";
    pair.execute_target(definition).await.unwrap();
    let mut reader = session(pair.target, &pair.target_database, Role::SourceReader).await;
    let table = table(&mut reader, &pair.target_database, "v").await;
    let mut builder = RowBuilder::default();
    let mut row = |text: &str, choice| {
        builder.push(Cell::Int(1));
        builder.push(Cell::Bytes(text.as_bytes()));
        builder.push(Cell::UInt(choice));
        builder.finish()
    };

    for row in [row("four", 1), row("abc", 3), row("\u{d7}\u{d7}", 1)] {
        let mut target = session(pair.target, &pair.target_database, Role::Target).await;
        let load = Load::of(&table, [&row]).unwrap().unwrap();
        let loaded = target.load(&load).await;

        let is_fit = row.cell(1) == Some(Cell::Bytes("\u{d7}\u{d7}".as_bytes()));
        assert_eq!(loaded.is_ok(), is_fit, "{loaded:?}");
        assert!(is_fit || matches!(loaded, Err(Error::Unloaded { .. })), "{loaded:?}");
        assert_eq!(target.is_usable(), is_fit);
    }
}

async fn check_read_back(reader: &mut Session, table: &Table, written: &[(Key, Row)], seed: u64) {
    let read = read_all(reader, table).await;
    assert_eq!(read.len(), written.len());
    for ((_, read), (_, written)) in read.iter().zip(written) {
        assert!(read == written, "seed {seed}: {}", difference(table, read, Some(written)));
    }
}
