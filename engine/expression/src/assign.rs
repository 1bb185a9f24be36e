//! From an expression to a column: whether its values fit, and what cells they become.

use std::{borrow::Cow, fmt::Display, sync::Arc};

use whimbrel_model::{Cell, Column, ColumnType, Datetime, Row};

use crate::{
    charset::Charset,
    code::CodeKind,
    column::{int_bounds, length_is_bytes, length_max, members},
    decimal::Decimal,
    error::{EvaluationError, Fault},
    expression::{Expression, Scratch, int_cell},
    problem::{Problem, What},
    temporal::is_calendar_day,
    types::{Type, UNSIGNED_MAX},
    value::Value,
};

/// An expression whose values a column takes.
#[derive(Debug, Clone)]
pub struct Assignment {
    expression: Expression,
    to: To,
    nullable: bool,
}

/// How values become cells.
#[derive(Debug, Clone)]
enum To {
    /// The source's cell, as it is.
    Copy {
        place: usize,
    },
    Int {
        unsigned: bool,
        min: i128,
        max: i128,
    },
    /// `YEAR`: 0, or 1901 to 2155.
    Year,
    Decimal {
        precision: u8,
        scale: u8,
    },
    Float,
    Double,
    Text {
        charset: Charset,
        length_max: u32,
        is_bytes: bool,
        is_padded: bool,
    },
    Bytes {
        bytes_max: u32,
    },
    FixedBytes {
        length: usize,
    },
    Enum(Arc<[String]>),
    Set(Arc<[String]>),
    Date,
    Time {
        fsp: u8,
    },
    Datetime {
        fsp: u8,
    },
    /// The same, between 1970 and 2038.
    Timestamp {
        fsp: u8,
    },
    Json,
}

/// Whether an expression's values fit into a column of the target, and how.
///
/// What may not fit is refused here, as far as types tell, unless `must_fit(…)` stands around the
/// expression; the rest, such as a character that the column's charset has not, is an error of its
/// row. Nothing is ever cut or rounded.
///
/// # Errors
///
/// What does not fit, at the whole expression.
pub fn assign(from: &Expression, column: &Column) -> Result<Assignment, Problem> {
    let problem = |what| Problem::new(what, &from.code().span);
    let typed = from.result();
    let is_checked = matches!(from.code().kind, CodeKind::MustFit(_));
    if typed.nullable && !column.nullable && !is_checked {
        let (column, stand_in) = (column.name.clone(), stand_in(&typed.kind));
        return Err(problem(What::NullIntoNotNull { column, stand_in }));
    }
    let does_not_fit = |remedy: String| {
        problem(What::DoesNotFit {
            column: column.name.clone(),
            declaration: column.declaration.clone(),
            found: typed.kind.clone(),
            remedy,
        })
    };
    let to = match from.copied() {
        Some((place, source)) if is_same(source, column) => To::Copy { place },
        _ => {
            let to = to(column).map_err(|()| {
                does_not_fit("only a bare column of the same type can be copied into it".to_owned())
            })?;
            match fits(&typed.kind, &to) {
                Fit::Always => {}
                Fit::Sometimes(_) if is_checked => {}
                Fit::Sometimes(remedy) => return Err(does_not_fit(remedy)),
                Fit::Never(remedy) => return Err(does_not_fit(remedy.to_owned())),
            }
            to
        }
    };
    let expression = from.clone();
    Ok(Assignment { expression, to, nullable: column.nullable })
}

/// Whether the source's cells are cells of the target as they are.
fn is_same(source: &Column, target: &Column) -> bool {
    let name = |column: &Column| {
        let declaration = column.declaration.to_ascii_lowercase();
        declaration.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default().to_owned()
    };
    let has_room = length_max(source) <= length_max(target);
    match (&source.column_type, &target.column_type) {
        (ColumnType::Text { charset: a, .. }, ColumnType::Text { charset: b, .. }) => {
            // CHAR has no trailing spaces, so that only a CHAR can be copied into one.
            let is_padded = name(target) == "char" && name(source) != "char";
            // Lengths of VARCHAR count characters, those of TEXT bytes.
            let is_one_unit = length_is_bytes(source) == length_is_bytes(target);
            a == b && has_room && is_one_unit && !is_padded
        }
        (ColumnType::Binary, ColumnType::Binary) => has_room,
        (ColumnType::Enum, ColumnType::Enum) | (ColumnType::Set { .. }, ColumnType::Set { .. }) => {
            match (members(&source.declaration), members(&target.declaration)) {
                (Some(source), Some(target)) => target.starts_with(&source),
                _ => false,
            }
        }
        (ColumnType::Geometry, ColumnType::Geometry) | (ColumnType::Vector, ColumnType::Vector) => {
            source.declaration == target.declaration
        }
        (ColumnType::Time { fsp: a }, ColumnType::Time { fsp: b })
        | (ColumnType::Datetime { fsp: a }, ColumnType::Datetime { fsp: b })
        | (ColumnType::Timestamp { fsp: a }, ColumnType::Timestamp { fsp: b }) => a <= b,
        (source, target) => source == target,
    }
}

fn to(column: &Column) -> Result<To, ()> {
    Ok(match &column.column_type {
        ColumnType::Int { width, unsigned } => {
            let (min, max) = int_bounds(*width, *unsigned);
            To::Int { unsigned: *unsigned, min, max }
        }
        ColumnType::Bit { bits } => {
            let max = UNSIGNED_MAX >> 64_u8.saturating_sub(*bits);
            To::Int { unsigned: true, min: 0, max }
        }
        ColumnType::Year => To::Year,
        ColumnType::Decimal { precision, scale } => {
            To::Decimal { precision: *precision, scale: *scale }
        }
        ColumnType::Float => To::Float,
        ColumnType::Double => To::Double,
        ColumnType::Date => To::Date,
        ColumnType::Time { fsp } => To::Time { fsp: *fsp },
        ColumnType::Datetime { fsp } => To::Datetime { fsp: *fsp },
        ColumnType::Timestamp { fsp } => To::Timestamp { fsp: *fsp },
        ColumnType::Text { charset, .. } => To::Text {
            charset: Charset::named(charset).ok_or(())?,
            length_max: length_max(column),
            is_bytes: length_is_bytes(column),
            is_padded: column.declaration.to_ascii_lowercase().starts_with("char"),
        },
        ColumnType::FixedBinary { length } => To::FixedBytes { length: usize::from(*length) },
        ColumnType::Binary => To::Bytes { bytes_max: length_max(column) },
        ColumnType::Enum => To::Enum(members(&column.declaration).ok_or(())?.into()),
        ColumnType::Set { .. } => To::Set(members(&column.declaration).ok_or(())?.into()),
        ColumnType::Json => To::Json,
        ColumnType::Geometry | ColumnType::Vector => return Err(()),
    })
}

/// Whether the values of a type are ones of a column.
enum Fit {
    Always,
    /// Some may not be; what to do.
    Sometimes(String),
    /// None is; what to do.
    Never(&'static str),
}

const ROOM: &str = "give the column more room, or write `must_fit(…)` around the value: then a \
                    row whose value does not fit fails, by the column's `on_error`";
const DAY: &str = "write `date(…)` for its day";

/// What is done with text that is too long for a column of `length` characters.
fn cut(length: impl Display) -> String {
    format!("cut it: `left(x, {length})`; or {ROOM}")
}

/// What is done with bytes that are too many for a column of `length`.
fn cut_bytes(length: impl Display) -> String {
    format!("cut it: `truncate_to(x, {length})`; or {ROOM}")
}

/// What is done with a value of more digits behind the point than the column's.
fn round(scale: u8) -> String {
    format!("round it to the column's digits: `round(x, {scale})`; or {ROOM}")
}

/// What could stand for `NULL` among values of a type.
fn stand_in(kind: &Type) -> &'static str {
    match kind {
        Type::Text { .. } => "\"\"",
        Type::Bool => "false",
        Type::Int { .. } | Type::Decimal { .. } | Type::Double => "0",
        Type::Null
        | Type::Bytes { .. }
        | Type::Date
        | Type::Time { .. }
        | Type::Datetime { .. }
        | Type::Json
        | Type::CopyOnly => "…",
    }
}

fn fits(kind: &Type, to: &To) -> Fit {
    let when = |always: bool, remedy: String| match always {
        true => Fit::Always,
        false => Fit::Sometimes(remedy),
    };
    let room = || ROOM.to_owned();
    match (kind, to) {
        (Type::Null, _) => Fit::Always,
        (Type::Bool, To::Int { .. } | To::Decimal { .. } | To::Double) => Fit::Always,
        (Type::Int { min, max, .. }, To::Int { min: floor, max: ceiling, .. }) => {
            match min >= floor && max <= ceiling {
                true => Fit::Always,
                false if max < floor || min > ceiling => Fit::Never("no value of it fits"),
                false => Fit::Sometimes(room()),
            }
        }
        (Type::Int { min, max, .. }, To::Year) => when(*min >= 1901 && *max <= 2155, room()),
        (Type::Int { min, max, .. }, To::Double) => {
            let is_exact = min.abs().max(max.abs()) <= 1 << f64::MANTISSA_DIGITS;
            when(is_exact, "write `cast_double(…)`".to_owned())
        }
        (Type::Int { .. } | Type::Decimal { .. }, To::Decimal { precision, scale }) => {
            let (whole, digits) = kind.digits().unwrap_or((u8::MAX, u8::MAX));
            let remedy = if digits <= *scale { room() } else { round(*scale) };
            when(whole <= precision - scale && digits <= *scale, remedy)
        }
        (Type::Decimal { .. }, To::Int { .. }) => {
            Fit::Sometimes("write `cast_signed(…)`".to_owned())
        }
        (Type::Decimal { .. }, To::Double) => Fit::Never("write `cast_double(…)`"),
        (Type::Double, To::Double) => Fit::Always,
        (Type::Double, To::Float) => Fit::Sometimes(room()),
        (Type::Double, To::Decimal { .. }) => Fit::Never("write `cast_decimal(x, 10, 2)`"),
        (Type::Text { characters_max }, To::Text { length_max, .. }) => {
            when(characters_max <= length_max, cut(length_max))
        }
        (Type::Text { characters_max }, To::Bytes { bytes_max }) => {
            when(characters_max.saturating_mul(4) <= *bytes_max, cut(bytes_max / 4))
        }
        (Type::Text { .. }, To::Enum(_) | To::Set(_)) => Fit::Always,
        (Type::Bytes { bytes_max: most }, To::Bytes { bytes_max }) => {
            when(most <= bytes_max, cut_bytes(bytes_max))
        }
        (Type::Bytes { bytes_max }, To::FixedBytes { length }) => {
            let has_room = usize::try_from(*bytes_max).is_ok_and(|most| most <= *length);
            when(has_room, cut_bytes(length))
        }
        (Type::Date, To::Date | To::Datetime { .. } | To::Timestamp { .. }) => Fit::Always,
        (Type::Datetime { fsp: more }, To::Datetime { fsp } | To::Timestamp { fsp })
        | (Type::Time { fsp: more }, To::Time { fsp }) => when(more <= fsp, room()),
        (Type::Datetime { .. }, To::Date) => Fit::Never(DAY),
        (Type::Json, To::Json) => Fit::Always,
        (Type::Text { .. }, To::Int { .. } | To::Decimal { .. }) => {
            Fit::Never("read a number from text by `cast_signed(x)` or `cast_decimal(x, 10, 2)`")
        }
        (Type::Text { .. }, To::Date | To::Datetime { .. }) => {
            Fit::Never("read a date from text by `cast_date(x)` or `cast_datetime(x)`")
        }
        (Type::Bytes { .. }, To::Text { .. }) => Fit::Never("write `cast_char(…)` or `hex(…)`"),
        (_, To::Text { .. }) => Fit::Never("write `cast_char(…)`"),
        _ => Fit::Never("the types have nothing in common"),
    }
}

impl Assignment {
    /// The column's cell for a row.
    ///
    /// # Errors
    ///
    /// What failed, in the expression or because the value has no place in the column.
    pub fn evaluate<'a>(
        &'a self,
        row: &'a Row,
        scratch: &'a mut Scratch,
    ) -> Result<Cell<'a>, EvaluationError> {
        if let To::Copy { place } = self.to {
            return row.cell(place).ok_or_else(|| self.expression.failed(Fault::OtherTable));
        }
        let value = self.expression.value(row)?;
        if value.is_null() && !self.nullable {
            return Err(self.expression.failed(Fault::Null));
        }
        self.to.cell(value, scratch).map_err(|fault| self.expression.failed(fault))
    }

    /// The expression.
    #[must_use]
    pub fn expression(&self) -> &Expression {
        &self.expression
    }
}

impl To {
    /// The cell of a value.
    fn cell<'a>(&self, value: Value<'a>, scratch: &'a mut Scratch) -> Result<Cell<'a>, Fault> {
        let value = match value {
            Value::Null => return Ok(Cell::Null),
            Value::Bool(value) => Value::Int(value.into()),
            other => other,
        };
        match (self, value) {
            (Self::Int { unsigned, min, max }, value) => {
                let value = match value {
                    Value::Int(value) => value,
                    Value::Decimal(value) => value.to_int().ok_or(Fault::DoesNotFit)?,
                    _ => return Err(Fault::OtherTable),
                };
                let is_in = (min..=max).contains(&&value);
                if is_in { int_cell(value, *unsigned) } else { Err(Fault::DoesNotFit) }
            }
            (Self::Year, Value::Int(value)) => {
                let is_year = value == 0 || (1901..=2155).contains(&value);
                if is_year { int_cell(value, true) } else { Err(Fault::DoesNotFit) }
            }
            (Self::Decimal { precision, scale }, Value::Int(value)) => {
                decimal_cell(Decimal::from_int(value), *precision, *scale, scratch)
            }
            (Self::Decimal { precision, scale }, Value::Decimal(value)) => {
                decimal_cell(value, *precision, *scale, scratch)
            }
            (Self::Double, Value::Int(value)) => {
                let double = Value::Int(value);
                let double = crate::evaluate::convert::convert(double, &Type::Double)?;
                self.cell(double, scratch)
            }
            (Self::Double, Value::Double(value)) => Ok(Cell::Double(value)),
            (Self::Float, Value::Double(value)) => float_cell(value),
            (Self::Text { .. }, Value::Text(text)) => self.text_cell(text, scratch),
            (Self::Bytes { bytes_max }, Value::Text(text)) => {
                let bytes = Charset::Utf8.encode(text)?;
                bytes_cell(bytes, *bytes_max, scratch)
            }
            (Self::Bytes { bytes_max }, Value::Bytes(bytes)) => {
                bytes_cell(bytes, *bytes_max, scratch)
            }
            (Self::FixedBytes { length }, Value::Bytes(bytes)) => {
                let mut padded = bytes.into_owned();
                if padded.len() > *length {
                    return Err(Fault::DoesNotFit);
                }
                padded.resize(*length, 0);
                Ok(scratch.keep(padded))
            }
            (Self::Enum(members), Value::Text(text)) => {
                let place = members.iter().position(|member| *member == text);
                let index = place.and_then(|place| u64::try_from(place + 1).ok());
                index.map(Cell::UInt).ok_or(Fault::NoMember)
            }
            (Self::Set(members), Value::Text(text)) => set_cell(members, &text),
            (Self::Json, Value::Json(Cow::Borrowed(json))) => Ok(Cell::Json(json)),
            (Self::Json, Value::Json(Cow::Owned(json))) => Ok(scratch.keep_json(json)),
            (to, value) => to.temporal_cell(&value),
        }
    }

    fn text_cell<'a>(
        &self,
        text: Cow<'a, str>,
        scratch: &'a mut Scratch,
    ) -> Result<Cell<'a>, Fault> {
        let Self::Text { charset, length_max, is_bytes, is_padded } = self else {
            return Err(Fault::OtherTable);
        };
        // The server gives a CHAR back without its trailing spaces.
        let text = match text {
            text if !is_padded || !text.ends_with(' ') => text,
            Cow::Borrowed(text) => Cow::Borrowed(text.trim_end_matches(' ')),
            Cow::Owned(text) => Cow::Owned(text.trim_end_matches(' ').to_owned()),
        };
        let room = usize::try_from(*length_max).unwrap_or(usize::MAX);
        if !is_bytes && text.len() > room && text.chars().count() > room {
            return Err(Fault::DoesNotFit);
        }
        let bytes = charset.encode(text)?;
        let most = if *is_bytes { *length_max } else { u32::MAX };
        bytes_cell(bytes, most, scratch)
    }

    fn temporal_cell(&self, value: &Value<'_>) -> Result<Cell<'static>, Fault> {
        let (at, fsp) = match (self, value) {
            (Self::Date, Value::Date(date)) => return Ok(Cell::Date(*date)),
            (Self::Time { fsp }, Value::Time(time)) => {
                let is_exact = time.micros % i64::from(fraction_unit(*fsp)) == 0;
                return is_exact.then_some(Cell::Time(*time)).ok_or(Fault::DoesNotFit);
            }
            (Self::Datetime { fsp } | Self::Timestamp { fsp }, Value::Date(date)) => {
                (Datetime { date: *date, ..Datetime::default() }, fsp)
            }
            (Self::Datetime { fsp } | Self::Timestamp { fsp }, Value::Datetime(at)) => (*at, fsp),
            _ => return Err(Fault::OtherTable),
        };
        let is_exact = at.micros % fraction_unit(*fsp) == 0;
        let is_in = !matches!(self, Self::Timestamp { .. }) || is_timestamp(at);
        (is_exact && is_in).then_some(Cell::Datetime(at)).ok_or(Fault::DoesNotFit)
    }
}

/// Microseconds of the last of `fsp` digits.
fn fraction_unit(fsp: u8) -> u32 {
    10_u32.pow(u32::from(6_u8.saturating_sub(fsp)))
}

/// Whether a `TIMESTAMP` holds it: from the second after 1970-01-01 to 2038-01-19, or zero.
fn is_timestamp(at: Datetime) -> bool {
    at == Datetime::default()
        || (at >= Datetime::from_unix(1, 0)
            && at <= Datetime::from_unix(i32::MAX.unsigned_abs(), 999_999)
            && is_calendar_day(at.date))
}

fn decimal_cell(
    value: Decimal,
    precision: u8,
    scale: u8,
    scratch: &mut Scratch,
) -> Result<Cell<'_>, Fault> {
    let rounded = value.rounded(scale)?;
    if rounded != value || rounded.whole_digits() > precision - scale {
        return Err(Fault::DoesNotFit);
    }
    Ok(scratch.decimal(rounded))
}

fn float_cell(value: f64) -> Result<Cell<'static>, Fault> {
    #[expect(clippy::cast_possible_truncation, reason = "what it loses is looked for below")]
    let float = value as f32;
    (f64::from(float) == value).then_some(Cell::Float(float)).ok_or(Fault::DoesNotFit)
}

fn bytes_cell<'a>(
    bytes: Cow<'a, [u8]>,
    bytes_max: u32,
    scratch: &'a mut Scratch,
) -> Result<Cell<'a>, Fault> {
    if bytes.len() > usize::try_from(bytes_max).unwrap_or(usize::MAX) {
        return Err(Fault::DoesNotFit);
    }
    Ok(match bytes {
        Cow::Borrowed(bytes) => Cell::Bytes(bytes),
        Cow::Owned(bytes) => scratch.keep(bytes),
    })
}

fn set_cell(names: &[String], text: &str) -> Result<Cell<'static>, Fault> {
    let mut bits = 0_u64;
    for name in text.split(',').filter(|_| !text.is_empty()) {
        let place = names.iter().position(|member| member == name).ok_or(Fault::NoMember)?;
        bits |= u32::try_from(place).ok().and_then(|place| 1_u64.checked_shl(place)).unwrap_or(0);
    }
    Ok(Cell::UInt(bits))
}
