//! Whether what is grouped by, and what the least and the greatest is told of, can be indexed.

use whimbrel_model::{Column, ColumnType};

use super::{Binder, groups::Argument};
use crate::{materialize::AggregateFunction, problem::MaterializeProblem, span::Span};

/// The most bytes of a key of InnoDB's, with rows of the format `DYNAMIC`.
const KEY_BYTES_MAX: u64 = 3_072;

impl Binder<'_> {
    /// Whether the keys that hold groups, and a group's values in their order, have room.
    pub(super) fn check_indexed(
        &mut self,
        groups: &[Column],
        arguments: &[Argument<'_>],
        uses: &[Option<usize>],
    ) -> Option<()> {
        let before = self.errors();
        let target = self.target;
        let mut bytes = 0;
        for (column, rule) in groups.iter().zip(&target.groups) {
            bytes += self.key_part(column, &rule.name.name, rule.value.at(), bytes);
        }
        for (rule, used) in target.aggregates.iter().zip(uses) {
            let is_ordered =
                matches!(rule.function, AggregateFunction::Min | AggregateFunction::Max);
            let argument = used.and_then(|place| arguments.get(place));
            if let Some(argument) = argument.filter(|_| is_ordered) {
                let (column, at) = (&argument.column, argument.planned.at);
                self.key_part(column, &rule.name.name, at, bytes);
            }
        }
        (self.errors() == before).then_some(())
    }

    /// The bytes of a column in a key that has `others` already; none once it is said that they have no
    /// room.
    fn key_part(&mut self, column: &Column, name: &str, at: Span, others: u64) -> u64 {
        let bytes = key_bytes(column).map(|bytes| bytes + u64::from(column.nullable));
        if let Some(bytes) = bytes.filter(|bytes| others + bytes <= KEY_BYTES_MAX) {
            return bytes;
        }
        let declaration = &column.declaration;
        let reason = match bytes {
            Some(bytes) => format!(
                "whole values of {declaration} need a key of {} bytes, and keys have {KEY_BYTES_MAX} \
                 at the most",
                others + bytes
            ),
            None => format!("no key holds whole values of {declaration}"),
        };
        let part = if column.column_type == ColumnType::Binary {
            "truncate_to(x, 20)"
        } else if column.column_type == ColumnType::Json {
            "left(json_unquote(json_extract(x, \"$.a\")), 20)"
        } else {
            "left(x, 20)"
        };
        let help = format!("take a part of it: `{part}`; a column under `create` is as short");
        self.report(MaterializeProblem::Aggregate { column: name.to_owned(), reason, help }, at);
        0
    }
}

/// The bytes of a column's whole values in a key, without a flag for `NULL`; `None` if no key holds
/// them.
fn key_bytes(column: &Column) -> Option<u64> {
    let fraction = |fsp: u8| u64::from(fsp.div_ceil(2));
    Some(match &column.column_type {
        ColumnType::Int { width, .. } => u64::from(width.bytes()),
        ColumnType::Decimal { precision, .. } => u64::from(*precision).div_ceil(9) * 4 + 4,
        ColumnType::Float => 4,
        ColumnType::Year => 1,
        ColumnType::Date => 3,
        ColumnType::Time { fsp } => 3 + fraction(*fsp),
        ColumnType::Timestamp { fsp } => 4 + fraction(*fsp),
        ColumnType::Datetime { fsp } => 5 + fraction(*fsp),
        // A key that may be NULL has the number of labels and bits.
        ColumnType::Double | ColumnType::Bit { .. } | ColumnType::Enum | ColumnType::Set { .. } => {
            8
        }
        ColumnType::FixedBinary { length } => u64::from(*length),
        ColumnType::Text { charset, .. } => length(column)? * bytes_of_character(charset),
        ColumnType::Binary => length(column)?,
        ColumnType::Json | ColumnType::Geometry | ColumnType::Vector => return None,
    })
}

/// The length of a `CHAR`, `VARCHAR`, `BINARY` or `VARBINARY`.
fn length(column: &Column) -> Option<u64> {
    let declaration = column.declaration.to_ascii_lowercase();
    let (name, behind) = declaration.split_once('(').unwrap_or((&declaration, ""));
    match name.trim() {
        "char" | "binary" if behind.is_empty() => Some(1),
        "char" | "varchar" | "binary" | "varbinary" => {
            behind.split_once(')')?.0.trim().parse().ok()
        }
        _ => None,
    }
}

/// The most bytes of one character.
///
/// Source: MySQL 8.0 and later, `SHOW CHARACTER SET`.
fn bytes_of_character(charset: &str) -> u64 {
    match charset {
        "utf8mb4" | "utf16" | "utf16le" | "utf32" | "gb18030" => 4,
        "utf8mb3" | "ujis" | "eucjpms" => 3,
        "ucs2" | "gbk" | "sjis" | "cp932" | "big5" | "gb2312" | "euckr" => 2,
        _ => 1,
    }
}
