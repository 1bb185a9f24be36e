//! `TABLE_MAP` events: which table the rows after them are of, and how their values are encoded.

use super::wire::{Wire, WireType, read_wire};
use crate::bytes::{Bytes, Malformed};

/// What a `TABLE_MAP` event says. Source: MySQL, `Table_map_event`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TableMap<'a> {
    /// The number that the rows after it name.
    pub(crate) id: u64,
    pub(crate) schema: &'a [u8],
    pub(crate) name: &'a [u8],
    /// The types of all columns, generated and invisible ones included; not those that only an
    /// index over an expression has.
    types: &'a [u8],
    /// What the types need beside their codes.
    metadata: &'a [u8],
    /// Signedness and more, by kind.
    optional: &'a [u8],
}

/// The most columns that a table can have. Source: MySQL, `MAX_FIELDS`.
const COLUMNS_MAX: usize = 4_096;

/// The kind of optional metadata that is a bit for each numeric column: set where it has no sign.
const SIGNEDNESS: u8 = 1;

impl<'a> TableMap<'a> {
    /// Reads the event's body.
    pub(crate) fn read(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut bytes = Bytes::new(body);
        let id = bytes.uint(6)?;
        bytes.u16()?; // Flags that concern how a replica applies the rows.
        let schema = name(&mut bytes)?;
        let table = name(&mut bytes)?;
        let column_count = bytes.packed_length()?;
        if column_count > COLUMNS_MAX {
            return Err(Malformed("it has more columns than a table can have"));
        }
        let types = bytes.take(column_count)?;
        let metadata_length = bytes.packed_length()?;
        let metadata = bytes.take(metadata_length)?;
        bytes.take(column_count.div_ceil(8))?; // Which columns take NULL: the rows say it again.
        Ok(Self { id, schema, name: table, types, metadata, optional: bytes.rest() })
    }

    /// How the columns' values are encoded, in table order.
    pub(crate) fn wires(&self) -> Result<Vec<Wire>, Malformed> {
        let mut metadata = Bytes::new(self.metadata);
        self.types.iter().map(|&code| read_wire(code, &mut metadata)).collect()
    }

    /// For each column whether it is an integer without sign, if the event says anything about it.
    pub(crate) fn unsigned(&self, wires: &[Wire]) -> Result<Option<Vec<bool>>, Malformed> {
        let Some(bits) = self.optional(SIGNEDNESS)? else { return Ok(None) };
        let mut numeric = 0;
        Ok(Some(wires.iter().map(|wire| is_unsigned(wire.kind, bits, &mut numeric)).collect()))
    }

    fn optional(&self, wanted: u8) -> Result<Option<&'a [u8]>, Malformed> {
        let mut bytes = Bytes::new(self.optional);
        while !bytes.is_empty() {
            let kind = bytes.u8()?;
            let length = bytes.packed_length()?;
            let value = bytes.take(length)?;
            if kind == wanted {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }
}

fn name<'a>(bytes: &mut Bytes<'a>) -> Result<&'a [u8], Malformed> {
    let length = bytes.packed_length()?;
    let name = bytes.take(length)?;
    bytes.u8()?; // A zero byte ends it.
    Ok(name)
}

/// The next numeric column's bit, counted from the highest of the first byte.
fn is_unsigned(kind: WireType, bits: &[u8], numeric: &mut usize) -> bool {
    let is_numeric = matches!(
        kind,
        WireType::Int(_)
            | WireType::Float
            | WireType::Double
            | WireType::Decimal { .. }
            | WireType::Year
    );
    if !is_numeric {
        return false;
    }
    let index = *numeric;
    *numeric += 1;
    bits.get(index / 8).is_some_and(|byte| byte << (index % 8) & 0x80 != 0)
}
