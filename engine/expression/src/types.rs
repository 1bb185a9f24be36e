//! The types of values, as far as they are known before any row is read.

use std::fmt;

/// A type and whether `NULL` may stand for a value of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typed {
    /// The type of the values.
    pub kind: Type,
    /// Whether it may be `NULL`.
    pub nullable: bool,
}

/// What values an expression may have.
///
/// Bounds are what is known, not what a column is declared as: `quantity * 2` over an `INT` is an
/// integer of twice its bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// `NULL` alone.
    Null,
    /// A condition.
    Bool,
    /// An integer. Invariant: `min <= max`, and both are of the range of `BIGINT`, unsigned or not.
    Int {
        /// Whether MySQL computes with it as `BIGINT UNSIGNED`.
        unsigned: bool,
        /// The least value.
        min: i128,
        /// The largest value.
        max: i128,
    },
    /// An exact number with digits after the point.
    Decimal {
        /// Digits in all, 1 to 65.
        precision: u8,
        /// Digits after the point, 0 to 30.
        scale: u8,
    },
    /// A number of 64 binary digits.
    Double,
    /// Text.
    Text {
        /// The most characters.
        characters_max: u32,
    },
    /// Bytes.
    Bytes {
        /// The most bytes.
        bytes_max: u32,
    },
    /// A day.
    Date,
    /// A span of hours.
    Time {
        /// Digits of fractional seconds, 0 to 6.
        fsp: u8,
    },
    /// A day and a time.
    Datetime {
        /// Digits of fractional seconds, 0 to 6.
        fsp: u8,
    },
    /// A document.
    Json,
    /// A value that can only be copied.
    CopyOnly,
}

/// The largest `BIGINT`.
pub(crate) const SIGNED_MAX: i128 = i64::MAX as i128;
/// The least `BIGINT`.
pub(crate) const SIGNED_MIN: i128 = i64::MIN as i128;
/// The largest `BIGINT UNSIGNED`.
pub(crate) const UNSIGNED_MAX: i128 = u64::MAX as i128;

/// The most digits of a `DECIMAL`.
pub(crate) const PRECISION_MAX: u8 = 65;
/// The most digits after the point of a `DECIMAL`.
pub(crate) const SCALE_MAX: u8 = 30;

/// The most text or bytes that a function makes.
///
/// MySQL's bound is `max_allowed_packet`, 64 MiB if nobody sets it; a row of that size would stand in
/// the way of every bound on memory long before.
pub(crate) const BYTES_MAX: usize = 64 << 20;

impl Type {
    /// An integer between two bounds.
    pub(crate) fn int(unsigned: bool, min: i128, max: i128) -> Self {
        Self::Int { unsigned, min, max }
    }

    /// The `BIGINT` of either kind.
    pub(crate) fn bigint(unsigned: bool) -> Self {
        let (min, max) = if unsigned { (0, UNSIGNED_MAX) } else { (SIGNED_MIN, SIGNED_MAX) };
        Self::int(unsigned, min, max)
    }

    /// Text of at most so many characters.
    pub(crate) fn text(characters_max: impl TryInto<u32>) -> Self {
        Self::Text { characters_max: characters_max.try_into().unwrap_or(u32::MAX) }
    }

    /// Whether it is a number.
    pub(crate) fn is_number(&self) -> bool {
        matches!(self, Self::Int { .. } | Self::Decimal { .. } | Self::Double)
    }

    /// Digits before and after the point that its values need as a `DECIMAL`; none for what is no
    /// exact number.
    pub(crate) fn digits(&self) -> Option<(u8, u8)> {
        match *self {
            Self::Int { min, max, .. } => {
                let most = min.unsigned_abs().max(max.unsigned_abs());
                Some((decimal_digits(most), 0))
            }
            Self::Bool => Some((1, 0)),
            Self::Decimal { precision, scale } => Some((precision.saturating_sub(scale), scale)),
            _ => None,
        }
    }
}

/// The digits of a number, one for zero.
pub(crate) fn decimal_digits(number: u128) -> u8 {
    let digits = number.checked_ilog10().map_or(1, |digits| digits + 1);
    u8::try_from(digits).unwrap_or(u8::MAX)
}

/// As a person reads it: `an integer from 0 to 255`.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("NULL"),
            Self::Bool => f.write_str("a condition"),
            Self::Int { min, max, .. } if min == max => write!(f, "the number {min}"),
            Self::Int { min, max, .. } => match (*min, *max) {
                (SIGNED_MIN, SIGNED_MAX) => f.write_str("an integer (BIGINT)"),
                (0, UNSIGNED_MAX) => f.write_str("an integer (BIGINT UNSIGNED)"),
                (min, max) => write!(f, "an integer from {min} to {max}"),
            },
            Self::Decimal { precision, scale } => write!(f, "a DECIMAL({precision},{scale})"),
            Self::Double => f.write_str("a DOUBLE"),
            Self::Text { characters_max: 1 } => f.write_str("text of one character"),
            Self::Text { characters_max } => {
                write!(f, "text of up to {characters_max} characters")
            }
            Self::Bytes { bytes_max } => write!(f, "up to {bytes_max} bytes"),
            Self::Date => f.write_str("a date"),
            Self::Time { fsp: 0 } => f.write_str("a time"),
            Self::Time { fsp } => write!(f, "a time with {fsp} digits of a second"),
            Self::Datetime { fsp: 0 } => f.write_str("a date and time"),
            Self::Datetime { fsp } => write!(f, "a date and time with {fsp} digits of a second"),
            Self::Json => f.write_str("a JSON document"),
            Self::CopyOnly => f.write_str("a value that can only be copied"),
        }
    }
}

impl Typed {
    /// A type with or without `NULL`.
    pub(crate) fn new(kind: Type, nullable: bool) -> Self {
        Self { kind, nullable }
    }
}

/// The type that values of both have in common: what `if` and `??` give, and what is compared.
///
/// None where MySQL would convert through text, which loses what the values are.
pub(crate) fn common(left: &Type, right: &Type) -> Option<Type> {
    Some(match (left, right) {
        (Type::Null, other) | (other, Type::Null) => other.clone(),
        (Type::Bool, Type::Bool) => Type::Bool,
        (Type::Bool, other @ Type::Int { .. }) | (other @ Type::Int { .. }, Type::Bool) => {
            common(&Type::int(false, 0, 1), other)?
        }
        (
            Type::Int { unsigned, min, max },
            Type::Int { unsigned: unsigned_2, min: min_2, max: max_2 },
        ) => {
            let (min, max) = (*min.min(min_2), *max.max(max_2));
            if max <= SIGNED_MAX && !(*unsigned && *unsigned_2) {
                Type::int(false, min, max)
            } else if min >= 0 {
                Type::int(true, min, max)
            } else {
                Type::Decimal { precision: 20, scale: 0 }
            }
        }
        (Type::Double, other) | (other, Type::Double) if other.is_number() => Type::Double,
        (left, right) if left.is_number() && right.is_number() => {
            let ((whole, scale), (whole_2, scale_2)) = (left.digits()?, right.digits()?);
            let (whole, scale) = (whole.max(whole_2), scale.max(scale_2));
            Type::Decimal { precision: (whole + scale).min(PRECISION_MAX), scale }
        }
        (Type::Text { characters_max: a }, Type::Text { characters_max: b }) => {
            Type::Text { characters_max: *a.max(b) }
        }
        (Type::Bytes { bytes_max: a }, Type::Bytes { bytes_max: b }) => {
            Type::Bytes { bytes_max: *a.max(b) }
        }
        (Type::Date, Type::Date) => Type::Date,
        (Type::Date, Type::Datetime { fsp }) | (Type::Datetime { fsp }, Type::Date) => {
            Type::Datetime { fsp: *fsp }
        }
        (Type::Datetime { fsp: a }, Type::Datetime { fsp: b }) => Type::Datetime { fsp: *a.max(b) },
        (Type::Time { fsp: a }, Type::Time { fsp: b }) => Type::Time { fsp: *a.max(b) },
        _ => return None,
    })
}
