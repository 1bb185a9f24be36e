//! Bounds of key ranges as SQL conditions.

use whimbrel_model::{Cell, Column, ColumnType, Key, Table};

use crate::{
    error::Error,
    types::{member_count, quoted, unexpected, write_key_literal},
};

/// The most members of an `ENUM` that a bound lists.
///
/// The range optimizer knows no order of an `ENUM`'s members, only lists of them; with more, the
/// whole index is read up to the bound, which is slower and as right.
const ENUM_LIST_MAX: usize = 256;

/// A range of keys.
pub(super) struct Bounds<'a> {
    /// The key before the first; `None` for none.
    pub(super) low: Option<&'a Key>,
    /// The last key, or the one after it; `None` for none.
    pub(super) high: Option<&'a Key>,
    /// Whether `high` belongs to the range.
    pub(super) is_high_included: bool,
}

/// Which side of a bound.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    After,
    Before,
}

impl Bounds<'_> {
    /// ` WHERE …`, or nothing for the whole table.
    ///
    /// # Errors
    ///
    /// [`Error::Unexpected`] for a key of another table.
    pub(super) fn condition(&self, table: &Table) -> Result<String, Error> {
        let mut parts = Vec::new();
        if let Some(low) = self.low {
            parts.push(beyond(table, low, Side::After, false)?);
        }
        if let Some(high) = self.high {
            parts.push(beyond(table, high, Side::Before, self.is_high_included)?);
        }
        if parts.is_empty() {
            Ok(String::new())
        } else {
            Ok(format!(" WHERE {}", parts.join(" AND ")))
        }
    }
}

/// `a > 1 OR a = 1 AND (b > 2 OR b = 2 AND c > 3)`, or the same with `<`; `>=` or `<=` in the last
/// column for an included bound. Every branch is a range of the key's index.
fn beyond(table: &Table, key: &Key, side: Side, is_included: bool) -> Result<String, Error> {
    let parts: Vec<(&Column, Cell<'_>)> = table.key_columns().zip(key.cells()).collect();
    if parts.len() != table.key().len() {
        return Err(unexpected("a key has not the columns of its table"));
    }
    let mut condition = String::new();
    for (index, &(column, cell)) in parts.iter().enumerate().rev() {
        let is_last = index + 1 == parts.len();
        let past = compare(column, cell, side, is_last && is_included)?;
        condition = if is_last {
            past
        } else {
            let equal = format!("{}={}", quoted(&column.name), literal(column, cell)?);
            format!("({past} OR ({equal} AND {condition}))")
        };
    }
    Ok(condition)
}

fn compare(
    column: &Column,
    cell: Cell<'_>,
    side: Side,
    is_included: bool,
) -> Result<String, Error> {
    let name = quoted(&column.name);
    let operator = match (side, is_included) {
        (Side::After, false) => ">",
        (Side::After, true) => ">=",
        (Side::Before, false) => "<",
        (Side::Before, true) => "<=",
    };
    match (&column.column_type, cell) {
        (ColumnType::Enum, Cell::UInt(index)) => {
            let last = u64::try_from(member_count(&column.declaration)).unwrap_or(u64::MAX);
            if last > ENUM_LIST_MAX as u64 {
                return Ok(format!("{name}{operator}{index}"));
            }
            let (first, last) = match side {
                Side::After => (index + u64::from(!is_included), last),
                Side::Before => (0, index + u64::from(is_included)),
            };
            let members: Vec<String> = match side {
                Side::After => (first..=last).map(|member| member.to_string()).collect(),
                Side::Before => (first..last).map(|member| member.to_string()).collect(),
            };
            // No member has the index of the largest number that two bytes hold.
            let list = if members.is_empty() { "65536".to_owned() } else { members.join(",") };
            Ok(format!("{name} IN ({list})"))
        }
        (ColumnType::Set { members: 64 }, Cell::UInt(bits)) => {
            // A plain comparison would take the highest member for a sign.
            Ok(format!("CAST({name} AS UNSIGNED){operator}{bits}"))
        }
        _ => Ok(format!("{name}{operator}{}", literal(column, cell)?)),
    }
}

fn literal(column: &Column, cell: Cell<'_>) -> Result<String, Error> {
    let mut out = Vec::new();
    write_key_literal(&mut out, column, cell)?;
    String::from_utf8(out).map_err(|_| unexpected("a key's literal is not ASCII"))
}
