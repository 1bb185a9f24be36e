//! A planned table's rows: a decoder for each column, made once for each `TABLE_MAP` that differs.

use whimbrel_model::{Column, ColumnType, Table, TableId};

use super::{
    table_map::TableMap,
    value::Decode,
    wire::{Shape, Wire, WireType},
};
use crate::bytes::Malformed;

/// How one column of a row image is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ColumnDecoder {
    pub(crate) shape: Shape,
    /// What its bytes become; `None` for a column that is not carried.
    pub(crate) decode: Option<Decode>,
    /// Its place among the table's `JSON` columns, if it is one: partial updates count them.
    pub(crate) json_index: Option<usize>,
}

/// How the row images of one table are read.
#[derive(Debug)]
pub(crate) struct TableDecoder {
    pub(crate) table: TableId,
    /// In table order, all of the event's columns.
    pub(crate) columns: Vec<ColumnDecoder>,
    pub(crate) json_count: usize,
}

/// Why rows of a `TABLE_MAP` cannot be read as rows of a table.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Misfit {
    Malformed(Malformed),
    /// How the table's definition differs from the event.
    Changed(String),
}

impl From<Malformed> for Misfit {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl TableDecoder {
    /// The decoder of `table`'s rows after `map`.
    pub(crate) fn new(id: TableId, table: &Table, map: &TableMap<'_>) -> Result<Self, Misfit> {
        let wires = map.wires()?;
        let unsigned = map.unsigned(&wires)?;
        let (found, known) = (wires.len(), table.columns().len());
        if found != known {
            return Err(Misfit::Changed(format!("it has {found} columns in place of {known}")));
        }
        let mut json_count = 0;
        let mut columns = Vec::with_capacity(known);
        for (index, (wire, column)) in wires.iter().zip(table.columns()).enumerate() {
            let is_unsigned = unsigned.as_ref().and_then(|all| all.get(index)).copied();
            let decode = fit(*wire, is_unsigned, column)?;
            let json_index = (wire.kind == WireType::Json).then(|| {
                json_count += 1;
                json_count - 1
            });
            let is_carried = table.carried().contains(&index);
            columns.push(ColumnDecoder {
                shape: wire.shape,
                decode: is_carried.then_some(decode),
                json_index,
            });
        }
        Ok(Self { table: id, columns, json_count })
    }
}

/// How the values of `column` are read where they are encoded as `wire` says.
fn fit(wire: Wire, is_unsigned: Option<bool>, column: &Column) -> Result<Decode, Misfit> {
    let decode = match (&column.column_type, wire.kind) {
        (ColumnType::Int { width, unsigned }, WireType::Int(bytes))
            if width.bytes() == bytes && is_unsigned.is_none_or(|found| found == *unsigned) =>
        {
            if *unsigned {
                Decode::Unsigned
            } else {
                Decode::Signed
            }
        }
        (ColumnType::Bit { bits }, WireType::Bit { bits: found }) if u16::from(*bits) == found => {
            Decode::Bit
        }
        (
            &ColumnType::Decimal { precision, scale },
            WireType::Decimal { precision: found, scale: found_scale },
        ) if (precision, scale) == (found, found_scale) => Decode::Decimal { precision, scale },
        (ColumnType::Float, WireType::Float) => Decode::Float,
        (ColumnType::Double, WireType::Double) => Decode::Double,
        (ColumnType::Year, WireType::Year) => Decode::Year,
        (ColumnType::Date, WireType::Date) => Decode::Date,
        (&ColumnType::Time { fsp }, WireType::Time { fsp: found }) if fsp == found => {
            Decode::Time { fsp }
        }
        (&ColumnType::Datetime { fsp }, WireType::Datetime { fsp: found }) if fsp == found => {
            Decode::Datetime { fsp }
        }
        (&ColumnType::Timestamp { fsp }, WireType::Timestamp { fsp: found }) if fsp == found => {
            Decode::Timestamp { fsp }
        }
        (&ColumnType::FixedBinary { length }, WireType::String { length: found })
            if u16::from(length) == found =>
        {
            Decode::Padded { length }
        }
        (
            ColumnType::Text { .. } | ColumnType::Binary,
            WireType::String { .. } | WireType::Blob,
        )
        | (ColumnType::Geometry, WireType::Geometry)
        | (ColumnType::Vector, WireType::Vector) => Decode::Bytes,
        (ColumnType::Enum, WireType::Enum(_)) => Decode::Unsigned,
        (ColumnType::Set { members }, WireType::Set(bytes)) if set_bytes(*members) == bytes => {
            Decode::Unsigned
        }
        (ColumnType::Json, WireType::Json) => Decode::Json,
        _ => {
            let Column { name, declaration, .. } = column;
            let found = describe(wire.kind, is_unsigned);
            return Err(Misfit::Changed(format!(
                "its column `{name}` is {found} in place of `{declaration}`"
            )));
        }
    };
    Ok(decode)
}

fn set_bytes(members: u8) -> u8 {
    match members.div_ceil(8) {
        few @ 0..=4 => few,
        _ => 8,
    }
}

/// What a person calls the encoding.
fn describe(kind: WireType, is_unsigned: Option<bool>) -> String {
    match kind {
        WireType::Int(bytes) => {
            let sign = if is_unsigned == Some(true) { "unsigned " } else { "" };
            format!("an {sign}integer of {bytes} bytes")
        }
        WireType::Float => "a FLOAT".to_owned(),
        WireType::Double => "a DOUBLE".to_owned(),
        WireType::Year => "a YEAR".to_owned(),
        WireType::Date => "a DATE".to_owned(),
        WireType::Time { fsp } => format!("a TIME({fsp})"),
        WireType::Datetime { fsp } => format!("a DATETIME({fsp})"),
        WireType::Timestamp { fsp } => format!("a TIMESTAMP({fsp})"),
        WireType::Decimal { precision, scale } => format!("a DECIMAL({precision},{scale})"),
        WireType::Bit { bits } => format!("a BIT({bits})"),
        WireType::String { length } => format!("a string of up to {length} bytes"),
        WireType::Blob => "a BLOB or TEXT".to_owned(),
        WireType::Enum(_) => "an ENUM".to_owned(),
        WireType::Set(bytes) => format!("a SET of {bytes} bytes"),
        WireType::Json => "a JSON".to_owned(),
        WireType::Geometry => "a GEOMETRY".to_owned(),
        WireType::Vector => "a VECTOR".to_owned(),
    }
}
