//! Values that are written out.

use sqlparser::{
    ast::{DataType, Expr, TypedString, UnaryOperator, Value},
    tokenizer::Span,
};

use super::{Out, Translated, Translator, bare};

/// `text` in double quotes, as a plan's expressions have it.
pub(crate) fn text(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            control if control.is_control() => {
                let digits = format!("{:04x}", u32::from(control));
                quoted.extend(["\\u", &digits]);
            }
            character => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

/// Whether `expr` is text that is written out.
pub(super) fn is_text(expr: &Expr) -> bool {
    matches!(bare(expr), Expr::Value(value)
        if matches!(value.value, Value::SingleQuotedString(_) | Value::DoubleQuotedString(_)))
}

/// Whether `expr` is the word NULL.
pub(super) fn is_null(expr: &Expr) -> bool {
    matches!(bare(expr), Expr::Value(value) if value.value == Value::Null)
}

/// Whether `expr` is written out and not NULL.
pub(super) fn is_known(expr: &Expr) -> bool {
    match bare(expr) {
        Expr::Value(value) => value.value != Value::Null,
        Expr::TypedString(_) => true,
        Expr::UnaryOp { op: UnaryOperator::Minus | UnaryOperator::Plus, expr } => is_known(expr),
        _ => false,
    }
}

/// Whether a number that is written out is zero; none for what is none.
pub(super) fn is_zero(expr: &Expr) -> Option<bool> {
    match bare(expr) {
        Expr::UnaryOp { op: UnaryOperator::Minus | UnaryOperator::Plus, expr } => is_zero(expr),
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => {
                let significand = digits.split(['e', 'E']).next().unwrap_or_default();
                Some(!significand.bytes().any(|digit| (b'1'..=b'9').contains(&digit)))
            }
            Value::Boolean(value) => Some(!value),
            _ => None,
        },
        _ => None,
    }
}

impl Translator<'_> {
    pub(super) fn literal(&self, value: &Value, span: Span) -> Translated {
        match value {
            Value::Null => Ok(Out::null()),
            Value::Boolean(value) => Ok(Out::atom(if *value { "1" } else { "0" })),
            Value::Number(digits, false) => Ok(Out::atom(number(digits))),
            Value::SingleQuotedString(value) | Value::DoubleQuotedString(value) => {
                if value.contains("${") {
                    let instead = "split the text: CONCAT('$', '{…')";
                    return self.refuse(span, "text with `${`, which a plan replaces,", instead);
                }
                Ok(Out::atom(text(value)))
            }
            Value::HexStringLiteral(digits) => {
                let instead = format!("write UNHEX('{digits}') for bytes, or the number in digits");
                self.refuse(span, "a hexadecimal literal, which is bytes or a number,", instead)
            }
            _ => self.refuse(span, "a literal of this kind", "write a number or a text in quotes"),
        }
    }

    /// `DATE '2024-01-31'`.
    pub(super) fn moment(&self, typed: &TypedString) -> Translated {
        let value = &typed.value;
        let written = match &value.value {
            Value::SingleQuotedString(text) | Value::DoubleQuotedString(text) => text.as_str(),
            _ => "",
        };
        let quoted = || Out::atom(text(written));
        match typed.data_type {
            DataType::Date if is_like(written, "0000-00-00") => {
                Ok(Out::call("cast_date", &[quoted()]))
            }
            DataType::Timestamp(None, _) if is_like(written, "0000-00-00 00:00:00") => {
                Ok(Out::call("cast_datetime", &[quoted()]))
            }
            _ => self.refuse(
                value.span,
                "a literal of this type or form",
                "write DATE '2024-01-31', TIMESTAMP '2024-01-31 23:59:59', or compare with a text",
            ),
        }
    }
}

/// Whether `text` has the form of `sample`, where `0` stands for any digit.
fn is_like(text: &str, sample: &str) -> bool {
    let is_same = |(found, wanted): (u8, u8)| {
        if wanted == b'0' { found.is_ascii_digit() } else { found == wanted }
    };
    text.len() == sample.len() && text.bytes().zip(sample.bytes()).all(is_same)
}

/// A number as a plan writes it: `.5` and `5.` have both sides of the point, `007` is 7.
fn number(digits: &str) -> String {
    let (significand, exponent) = match digits.find(['e', 'E']) {
        Some(at) => digits.split_at(at),
        None => (digits, ""),
    };
    let (whole, fraction) = significand.split_once('.').unwrap_or((significand, ""));
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        whole => whole,
    };
    let fraction = if fraction.is_empty() { String::new() } else { format!(".{fraction}") };
    format!("{whole}{fraction}{exponent}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_digits() {
        for (sql, ours) in [
            ("7", "7"),
            ("007", "7"),
            ("0", "0"),
            (".50", "0.50"),
            ("5.", "5"),
            ("1e-3", "1e-3"),
            ("01.5E+2", "1.5E+2"),
            ("99999999999999999999999999999999999.5", "99999999999999999999999999999999999.5"),
        ] {
            assert_eq!(number(sql), ours);
        }
    }

    #[test]
    fn texts_are_read_back_as_they_were() {
        for value in ["", "a\"b\\c", "é😀", "line\nend\r\t\0\u{1f}", "it's"] {
            let quoted = text(value);

            let syntax = whimbrel_expression::parse(&quoted).unwrap();
            assert_eq!(syntax.text(), quoted);
        }
    }
}
