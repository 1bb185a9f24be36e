//! Functions that the grammar knows by words of their own: CAST, TRIM, EXTRACT and their like.

use sqlparser::ast::{
    CastKind, CeilFloorKind, DataType, DateTimeField, ExactNumberInfo, Expr, Spanned,
    TrimWhereField,
};

use super::{Out, Translated, Translator, literal};
use crate::write::Note;

/// The unit of an interval or a part of a date, as a plan names it.
pub(super) fn unit(field: &DateTimeField) -> Option<&'static str> {
    Some(match field {
        DateTimeField::Microsecond => "microsecond",
        DateTimeField::Second => "second",
        DateTimeField::Minute => "minute",
        DateTimeField::Hour => "hour",
        DateTimeField::Day => "day",
        DateTimeField::Week(None) => "week",
        DateTimeField::Month => "month",
        DateTimeField::Quarter => "quarter",
        DateTimeField::Year => "year",
        _ => return None,
    })
}

impl Translator<'_> {
    pub(super) fn part(&self, expr: &Expr) -> Translated {
        match expr {
            Expr::Cast { kind: CastKind::Cast, expr: inner, data_type, format: None, .. } => {
                self.cast(inner, data_type)
            }
            Expr::Convert { expr: inner, data_type: Some(to), charset: None, styles, .. }
                if styles.is_empty() =>
            {
                self.cast(inner, to)
            }
            Expr::Convert { expr: inner, data_type: None, charset: Some(charset), .. } => {
                let charset = charset.to_string().to_ascii_lowercase();
                if !["utf8mb4", "utf8mb3", "utf8"].contains(&charset.trim_matches('`')) {
                    let what = format!("a conversion to `{charset}`");
                    let instead = "copy the column: it becomes text of the target's charset";
                    return self.refuse(inner.span(), what, instead);
                }
                self.note(Note::Charset);
                self.operand(inner)
            }
            Expr::Substring { expr, substring_from: Some(from), substring_for, .. } => {
                let mut arguments = vec![self.value(expr)?, self.value(from)?];
                if let Some(length) = substring_for {
                    arguments.push(self.value(length)?);
                }
                Ok(Out::call("substring", &arguments))
            }
            Expr::Trim { expr: inner, trim_where, trim_what, trim_characters: None } => {
                self.trim(inner, trim_where.as_ref(), trim_what.as_deref())
            }
            Expr::Position { expr: part, r#in } => {
                self.note_at(Note::Patterns, part.span());
                Ok(Out::call("locate", &[self.operand(part)?, self.value(r#in)?]))
            }
            Expr::Extract { field, expr: inner, .. } => match unit(field) {
                Some(unit) if unit != "week" => Ok(Out::call(unit, &[self.value(inner)?])),
                _ => self.refuse(
                    inner.span(),
                    format!("EXTRACT of `{field}`"),
                    "write one of MICROSECOND, SECOND, MINUTE, HOUR, DAY, MONTH, QUARTER, YEAR",
                ),
            },
            Expr::Ceil {
                expr: inner,
                field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime),
            } => Ok(Out::call("ceil", &[self.value(inner)?])),
            Expr::Floor {
                expr: inner,
                field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime),
            } => Ok(Out::call("floor", &[self.value(inner)?])),
            other => self.no_counterpart(other),
        }
    }

    fn trim(&self, inner: &Expr, side: Option<&TrimWhereField>, what: Option<&Expr>) -> Translated {
        match (side, what) {
            (None, None) => Ok(Out::call("trim", &[self.value(inner)?])),
            (None | Some(TrimWhereField::Both), Some(what)) => {
                Ok(Out::call("trim", &[self.value(inner)?, self.value(what)?]))
            }
            (Some(_), _) => self.refuse(
                inner.span(),
                "TRIM of a text at one end",
                "write LTRIM(x) or RTRIM(x), which trim spaces, or trim a text at both ends",
            ),
        }
    }

    fn cast(&self, inner: &Expr, to: &DataType) -> Translated {
        let digits = |count: u64| Out::atom(count.to_string());
        let (name, more) = match to {
            DataType::Signed | DataType::SignedInteger => ("cast_signed", vec![]),
            DataType::Unsigned | DataType::UnsignedInteger => ("cast_unsigned", vec![]),
            DataType::Decimal(info) | DataType::Dec(info) => {
                let (precision, scale) = match info {
                    ExactNumberInfo::None => (10, 0),
                    ExactNumberInfo::Precision(precision) => (*precision, 0),
                    ExactNumberInfo::PrecisionAndScale(precision, scale) => {
                        (*precision, scale.unsigned_abs())
                    }
                };
                ("cast_decimal", vec![digits(precision), digits(scale)])
            }
            DataType::Double(ExactNumberInfo::None) => ("cast_double", vec![]),
            DataType::Char(None) => ("cast_char", vec![]),
            DataType::Date => ("cast_date", vec![]),
            DataType::Datetime(None) => ("cast_datetime", vec![]),
            DataType::Datetime(Some(count)) => ("cast_datetime", vec![digits(*count)]),
            other => {
                return self.refuse(
                    inner.span(),
                    format!("a cast to `{other}`"),
                    "cast to SIGNED, UNSIGNED, DECIMAL(p, s), DOUBLE, CHAR, DATE or DATETIME; \
                     LEFT(x, n) cuts text",
                );
            }
        };
        if literal::is_null(inner) {
            return Ok(Out::null());
        }
        let mut arguments = vec![self.value(inner)?];
        arguments.extend(more);
        self.checked(Out::call(name, &arguments), inner.span())
    }
}
