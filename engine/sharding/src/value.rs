//! Values as vtgate sees them.

use std::{fmt::Display, io::Write};

/// A value of a sharding column, as the literal that vtgate reads in the application's statement.
///
/// Vindexes hash literals, not what the column makes of them: `1` and `'1'` are the same to most, `1`
/// and `1.0` to none. So each type of column needs one literal that the application is known to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// `NULL`.
    Null,
    /// An integer with a sign, or without one and no greater than `i64::MAX`.
    Int(i64),
    /// An integer without a sign.
    UInt(u64),
    /// What stands between the quotes, unescaped: text in UTF-8, or bytes.
    Text(&'a [u8]),
}

/// The bytes of the longest integer: 20 digits, or 19 and a sign.
pub(crate) const INTEGER_BYTES_MAX: usize = 20;

impl<'a> Value<'a> {
    /// The bytes of the literal; none of `NULL`. Source: Vitess, `go/sqltypes`, `Value.ToBytes`.
    pub(crate) fn bytes<'b>(&self, buffer: &'b mut [u8; INTEGER_BYTES_MAX]) -> &'b [u8]
    where
        'a: 'b,
    {
        match self {
            Self::Null => b"",
            Self::Int(value) => print(buffer, value),
            Self::UInt(value) => print(buffer, value),
            Self::Text(text) => text,
        }
    }

    /// The integer without a sign that the literal is, with spaces and tabs around it or none.
    /// Source: Vitess, `go/mysql/fastparse`, `ParseUint64`.
    pub(crate) fn unsigned(&self) -> Option<u64> {
        match self {
            Self::Null => None,
            Self::Int(value) => u64::try_from(*value).ok(),
            Self::UInt(value) => Some(*value),
            Self::Text(text) => parse(text),
        }
    }
}

fn print(buffer: &mut [u8; INTEGER_BYTES_MAX], value: impl Display) -> &[u8] {
    let mut rest = buffer.as_mut_slice();
    assert!(write!(rest, "{value}").is_ok(), "an integer of 64 bits has 20 characters at most");
    let used = INTEGER_BYTES_MAX - rest.len();
    buffer.get(..used).unwrap_or_default()
}

fn parse(text: &[u8]) -> Option<u64> {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = text.iter().position(|byte| !is_blank(byte))?;
    let end = text.iter().rposition(|byte| !is_blank(byte))?;
    text.get(start..=end)?.iter().try_fold(0_u64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_as_vtgate_prints_and_reads_them() {
        let mut buffer = [0; INTEGER_BYTES_MAX];
        assert_eq!(Value::Int(i64::MIN).bytes(&mut buffer), b"-9223372036854775808");
        assert_eq!(Value::UInt(u64::MAX).bytes(&mut buffer), b"18446744073709551615");

        for (text, number) in [
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("99999999999999999999", None),
            (" \t0012\t ", Some(12)),
            ("-1", None),
            ("+1", None),
            ("1.0", None),
            ("1 2", None),
            ("1\n", None),
            (" ", None),
            ("", None),
        ] {
            assert_eq!(Value::Text(text.as_bytes()).unsigned(), number, "{text:?}");
        }
    }
}
