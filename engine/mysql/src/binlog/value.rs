//! From the bytes of one value to its cell.

use whimbrel_model::{Cell, Date, Datetime, RowBuilder, Time};

use super::decimal;
use crate::bytes::{big_endian, little_endian};
use crate::json;

/// How the bytes of a column's values become cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decode {
    /// Two's complement, little endian.
    Signed,
    /// Little endian: integers without sign, `ENUM` and `SET`.
    Unsigned,
    /// Big endian.
    Bit,
    Float,
    Double,
    Year,
    Date,
    Time {
        fsp: u8,
    },
    Datetime {
        fsp: u8,
    },
    Timestamp {
        fsp: u8,
    },
    Decimal {
        precision: u8,
        scale: u8,
    },
    /// As they are.
    Bytes,
    /// Filled up with zero bytes, which the log leaves out.
    Padded {
        length: u8,
    },
    Json,
}

impl Decode {
    /// Appends the cell of `bytes` to a row.
    ///
    /// # Errors
    ///
    /// What is wrong with `bytes`, never what they are.
    #[inline]
    pub(crate) fn push(self, bytes: &[u8], row: &mut RowBuilder) -> Result<(), String> {
        row.push(match self {
            Self::Signed => Cell::Int(signed(bytes)),
            Self::Unsigned => Cell::UInt(little_endian(bytes)),
            Self::Bit => Cell::UInt(big_endian(bytes)),
            Self::Bytes => Cell::Bytes(bytes),
            Self::Float => Cell::Float(f32::from_le_bytes(exactly(bytes)?)),
            Self::Double => Cell::Double(f64::from_le_bytes(exactly(bytes)?)),
            Self::Year => Cell::UInt(year(bytes)),
            Self::Date => Cell::Date(date(little_endian(bytes))?),
            Self::Time { fsp } => Cell::Time(time(bytes, fsp)?),
            Self::Datetime { fsp } => Cell::Datetime(datetime(bytes, fsp)?),
            Self::Timestamp { fsp } => Cell::Datetime(timestamp(bytes, fsp)?),
            Self::Decimal { precision, scale } => {
                let mut digits = [0; decimal::TEXT_BYTES_MAX];
                let text = decimal::read(bytes, (precision, scale), &mut digits)?;
                row.push(Cell::Decimal(text));
                return Ok(());
            }
            Self::Padded { length } => return padded(bytes, usize::from(length), row),
            Self::Json => return document(bytes, row),
        });
        Ok(())
    }
}

/// What a document of no bytes at all is: the server's own default for a column that must not be
/// `NULL`. Source: MySQL, `json_binary::parse_binary`.
const JSON_NULL: [u8; 2] = [4, 0];

fn document(bytes: &[u8], row: &mut RowBuilder) -> Result<(), String> {
    let mut canonical = Vec::with_capacity(bytes.len() * 2);
    let bytes = if bytes.is_empty() { &JSON_NULL } else { bytes };
    json::from_binary(bytes, &mut canonical).map_err(|error| error.to_string())?;
    row.push(Cell::Json(&canonical));
    Ok(())
}

fn padded(bytes: &[u8], length: usize, row: &mut RowBuilder) -> Result<(), String> {
    let mut full = [0; 255];
    let room = full.get_mut(..bytes.len()).filter(|room| room.len() <= length);
    room.ok_or("it is longer than its column")?.copy_from_slice(bytes);
    row.push(Cell::Bytes(full.get(..length).unwrap_or(&[])));
    Ok(())
}

fn exactly<const N: usize>(bytes: &[u8]) -> Result<[u8; N], String> {
    bytes.try_into().map_err(|_| "it has another width than its type".to_owned())
}

#[inline]
fn signed(bytes: &[u8]) -> i64 {
    let Some(&last) = bytes.last() else { return 0 };
    let fill = if last & 0x80 == 0 { 0 } else { 0xff };
    let mut wide = [fill; 8];
    for (to, from) in wide.iter_mut().zip(bytes) {
        *to = *from;
    }
    i64::from_le_bytes(wide)
}

fn year(bytes: &[u8]) -> u64 {
    match little_endian(bytes) {
        0 => 0,
        since_1900 => 1900 + since_1900,
    }
}

/// The low bits of `word` as a number; the caller's mask keeps it below 256.
fn byte(word: u64) -> u8 {
    word.to_le_bytes()[0]
}

fn date(packed: u64) -> Result<Date, String> {
    let (year, month, day) = (packed >> 9, packed >> 5 & 15, packed & 31);
    checked_date(year, month, day)
}

/// Any day of 0 to 31 in any month of 0 to 12 is one that the server may hold.
fn checked_date(year: u64, month: u64, day: u64) -> Result<Date, String> {
    let year = u16::try_from(year).ok().filter(|&year| year <= 9_999);
    match year {
        Some(year) if month <= 12 => Ok(Date { year, month: byte(month), day: byte(day) }),
        _ => Err("it is no date".to_owned()),
    }
}

/// Bytes that `fsp` digits of a fraction take.
fn fraction_bytes(fsp: u8) -> usize {
    usize::from(fsp.div_ceil(2))
}

/// Microseconds from the big-endian fraction of `fsp` digits, written in an even number of them.
fn micros(fraction: u64, fsp: u8) -> u64 {
    match fsp {
        0 => 0,
        1 | 2 => fraction * 10_000,
        3 | 4 => fraction * 100,
        _ => fraction,
    }
}

/// Seconds, minutes and hours of twelve, six and six bits.
fn clock(packed: u64) -> (u64, u64, u64) {
    (packed >> 12 & 0x3ff, packed >> 6 & 63, packed & 63)
}

/// A `TIME`: one big-endian number of whole and fraction, moved so that it has no sign.
/// Source: MySQL, `my_time_packed_from_binary`.
fn time(bytes: &[u8], fsp: u8) -> Result<Time, String> {
    if bytes.len() != 3 + fraction_bytes(fsp) {
        return Err("it is no time".to_owned());
    }
    let fraction_bits = u32::from(fsp.div_ceil(2)) * 8;
    let zero = 0x80_0000u64 << fraction_bits;
    let stored = big_endian(bytes);
    let size = stored.abs_diff(zero);
    let (hours, minutes, seconds) = clock(size >> fraction_bits);
    let fraction = size & ((1 << fraction_bits) - 1);
    let all = (hours * 3_600 + minutes * 60 + seconds) * 1_000_000 + micros(fraction, fsp);
    // 1023 h and the largest fraction are far below 2^63.
    let all = i64::try_from(all).unwrap_or(i64::MAX);
    Ok(Time { micros: if stored < zero { -all } else { all } })
}

/// Source: MySQL, `my_datetime_packed_from_binary`.
fn datetime(bytes: &[u8], fsp: u8) -> Result<Datetime, String> {
    const ZERO: u64 = 0x80_0000_0000;
    let no_datetime = "it is no date and time";
    let (whole, fraction) = bytes.split_at_checked(5).ok_or(no_datetime)?;
    let packed = big_endian(whole).checked_sub(ZERO).ok_or(no_datetime)?;
    let (year_month, day) = (packed >> 22, packed >> 17 & 31);
    let (hour, minute, second) = clock(packed & 0x1_ffff);
    let micros = checked_micros(fraction, fsp)?;
    if hour > 23 || minute > 59 || second > 59 {
        return Err(no_datetime.to_owned());
    }
    Ok(Datetime {
        date: checked_date(year_month / 13, year_month % 13, day)?,
        hour: byte(hour),
        minute: byte(minute),
        second: byte(second),
        micros,
    })
}

fn timestamp(bytes: &[u8], fsp: u8) -> Result<Datetime, String> {
    let (seconds, fraction) = bytes.split_at_checked(4).ok_or("it is no timestamp")?;
    let seconds = u32::from_be_bytes(exactly(seconds)?);
    Ok(Datetime::from_unix(seconds, checked_micros(fraction, fsp)?))
}

fn checked_micros(fraction: &[u8], fsp: u8) -> Result<u32, String> {
    let is_whole = fraction.len() == fraction_bytes(fsp);
    u32::try_from(micros(big_endian(fraction).min(u64::from(u32::MAX)), fsp))
        .ok()
        .filter(|&micros| is_whole && micros < 1_000_000)
        .ok_or_else(|| "its fraction of a second is more than one".to_owned())
}

#[cfg(test)]
mod tests;
