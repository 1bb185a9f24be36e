//! Values: columns, arithmetic, choices.

use sqlparser::ast::{BinaryOperator, CaseWhen, Expr, Interval, Spanned, UnaryOperator, Value};

use super::{
    CONSTANT, Level, Out, Translated, Translator, bare, condition::is_condition, is_predicate,
    literal, parts,
};
use crate::refusal::Refusal;

impl Translator<'_> {
    /// The value that `expr` has.
    pub(super) fn value(&self, expr: &Expr) -> Translated {
        self.deeper(|| self.value_here(expr))
    }

    fn value_here(&self, expr: &Expr) -> Translated {
        match expr {
            Expr::Identifier(name) => self.column(name),
            Expr::CompoundIdentifier(names) => self.qualified(names),
            Expr::Nested(inner) => self.value(inner),
            Expr::Value(value) => self.literal(&value.value, value.span),
            Expr::TypedString(typed) => self.moment(typed),
            Expr::UnaryOp { op: UnaryOperator::Minus, expr: inner } => self.negated(inner),
            Expr::UnaryOp { op: UnaryOperator::Plus, expr: inner } => self.operand(inner),
            Expr::UnaryOp { op, expr: inner } if *op != UnaryOperator::Not => self.refuse(
                inner.span(),
                format!("the operator `{op}`"),
                "write it with the operators and functions of plans/functions.md, or NOT (…)",
            ),
            Expr::BinaryOp { left, op, right } if !is_predicate(expr) => {
                self.computed(op, (left, right), expr)
            }
            Expr::Case { operand, conditions, else_result, .. } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref())
            }
            // A condition by itself is 1, 0 or NULL there.
            Expr::Function(function) if is_condition(function) => self.truth(expr),
            Expr::Function(function) => self.call(function),
            _ if is_predicate(expr) => self.truth(expr),
            _ => self.part(expr),
        }
    }

    fn negated(&self, expr: &Expr) -> Translated {
        let inner = self.number(expr)?;
        let text = match inner.text.starts_with('-') {
            true => format!("-({})", inner.text),
            false => format!("-{}", inner.within(Level::Unary)),
        };
        Ok(Out { text, level: Level::Unary })
    }

    /// An operand that is no text: MySQL would make a number of it, and warn where it is none.
    fn number(&self, expr: &Expr) -> Translated {
        if literal::is_text(expr) {
            return self.refuse(
                expr.span(),
                "arithmetic with text",
                "write the number without quotes; texts are joined by CONCAT(a, b)",
            );
        }
        self.operand(expr)
    }

    fn computed(
        &self,
        op: &BinaryOperator,
        (left, right): (&Expr, &Expr),
        whole: &Expr,
    ) -> Translated {
        let binary = |sign, level| {
            let (left, right) = (self.number(left)?, self.number(right)?);
            Ok(Out::binary(sign, level, &left, &right))
        };
        match (op, left, right) {
            (BinaryOperator::Plus, Expr::Interval(interval), date)
            | (BinaryOperator::Plus, date, Expr::Interval(interval)) => {
                self.moved("date_add", date, interval)
            }
            (BinaryOperator::Minus, date, Expr::Interval(interval)) => {
                self.moved("date_sub", date, interval)
            }
            (BinaryOperator::Plus, ..) => binary("+", Level::Add),
            (BinaryOperator::Minus, ..) => binary("-", Level::Add),
            (BinaryOperator::Multiply, ..) => binary("*", Level::Multiply),
            (BinaryOperator::Divide, ..) => self.divided("/", left, right),
            (BinaryOperator::Modulo, ..) => self.divided("%", left, right),
            (BinaryOperator::Arrow, ..) => {
                Ok(Out::call("json_extract", &[self.operand(left)?, self.path(right)?]))
            }
            (BinaryOperator::LongArrow, ..) => {
                let value = Out::call("json_extract", &[self.operand(left)?, self.path(right)?]);
                Ok(Out::call("json_unquote", &[value]))
            }
            (BinaryOperator::StringConcat, ..) => self.refuse(
                whole.span(),
                "`||`, which joins texts or conditions as the session says,",
                "write OR, or CONCAT(a, b)",
            ),
            (BinaryOperator::MyIntegerDivide, ..) => self.refuse(
                whole.span(),
                "`DIV`",
                "write TRUNCATE(a / b, 0) if that is what is meant",
            ),
            _ => self.refuse(
                whole.span(),
                format!("the operator `{op}`"),
                "write it with the operators and functions of plans/functions.md",
            ),
        }
    }

    /// `a / b` or `a % b`, which MySQL makes NULL where `b` is 0, and a plan fails.
    pub(super) fn divided(&self, sign: &str, left: &Expr, right: &Expr) -> Translated {
        let zero = literal::is_zero(right);
        if zero == Some(true) {
            let instead = "write NULL, which it always is";
            return self.refuse(right.span(), "a division by zero", instead);
        }
        let (left, right) = (self.number(left)?, self.number(right)?);
        let quotient = Out::binary(sign, Level::Multiply, &left, &right);
        if zero == Some(false) {
            return Ok(quotient);
        }
        let is_zero = Out::binary("==", Level::Equal, &right, &Out::atom("0"));
        Ok(Out::call("if", &[is_zero, Out::null(), quotient]))
    }

    fn path(&self, expr: &Expr) -> Translated {
        if literal::is_text(expr) {
            return self.value(expr);
        }
        self.refuse(expr.span(), "a path that is no text", "write the path: `'$.name'`")
    }

    /// A date moved by an interval.
    pub(super) fn moved(&self, function: &str, date: &Expr, interval: &Interval) -> Translated {
        let date = self.operand(date)?;
        let unit = interval.leading_field.as_ref().and_then(parts::unit);
        let is_plain = interval.last_field.is_none()
            && interval.leading_precision.is_none()
            && interval.fractional_seconds_precision.is_none();
        let (Some(unit), true) = (unit, is_plain) else {
            return self.refuse(
                interval.value.span(),
                "an interval of this unit",
                "write it as one of MICROSECOND, SECOND, MINUTE, HOUR, DAY, WEEK, MONTH, QUARTER, YEAR",
            );
        };
        let count = match bare(&interval.value) {
            Expr::Value(value) => match &value.value {
                Value::Number(digits, false) if digits.bytes().all(|it| it.is_ascii_digit()) => {
                    self.value(&interval.value)?
                }
                Value::SingleQuotedString(digits) if digits.parse::<i64>().is_ok() => {
                    let count: i64 = digits.parse().unwrap_or_default();
                    Out::atom(count.to_string())
                }
                _ => {
                    let instead = "write a whole number";
                    return self.refuse(value.span, "an interval of parts of a unit", instead);
                }
            },
            count => self.operand(count)?,
        };
        Ok(Out::call(function, &[date, count, Out::atom(literal::text(unit))]))
    }

    /// A condition's value: 1, 0 or NULL.
    pub(super) fn truth(&self, expr: &Expr) -> Translated {
        let (one, zero) = (Out::atom("1"), Out::atom("0"));
        let is_true = self.condition(expr, true)?;
        if is_always_known(expr) {
            return Ok(Out::call("if", &[is_true, one, zero]));
        }
        let otherwise = Out::call("if", &[self.condition(expr, false)?, zero, Out::null()]);
        Ok(Out::call("if", &[is_true, one, otherwise]))
    }

    fn case(
        &self,
        operand: Option<&Expr>,
        cases: &[CaseWhen],
        otherwise: Option<&Expr>,
    ) -> Translated {
        let mut out = match otherwise {
            Some(otherwise) => self.value(otherwise)?,
            None => Out::null(),
        };
        for case in cases.iter().rev() {
            let is_met = match operand {
                Some(operand) => {
                    self.compared(&BinaryOperator::Eq, (operand, &case.condition), true)?
                }
                None => self.condition(&case.condition, true)?,
            };
            out = Out::call("if", &[is_met, self.value(&case.result)?, out]);
        }
        Ok(out)
    }

    /// What an expression without a counterpart is.
    pub(super) fn no_counterpart(&self, expr: &Expr) -> Result<Out, Refusal> {
        let (what, instead) = match expr {
            Expr::Subquery(_) | Expr::Exists { .. } => {
                ("a query inside of the SELECT", "materialize the tables one by one")
            }
            Expr::Collate { .. } => (
                "a collation",
                "text compares character by character here: write LOWER(x) to ignore case",
            ),
            Expr::Prefixed { .. } => {
                ("a charset before a text", "leave the charset out: text is UTF-8 here")
            }
            Expr::Interval(_) => ("an interval by itself", "add it to a date"),
            Expr::Tuple(_) => ("a row of values", "compare the columns one by one"),
            Expr::AtTimeZone { .. } => ("AT TIME ZONE", "write CONVERT_TZ(x, 'from', 'to')"),
            Expr::MatchAgainst { .. } => ("a full-text search", CONSTANT),
            _ => ("this part of SQL", "write it with the functions of plans/functions.md"),
        };
        self.refuse(expr.span(), what, instead)
    }
}

/// Whether a condition is true or false, and never neither.
fn is_always_known(expr: &Expr) -> bool {
    matches!(
        bare(expr),
        Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::IsTrue(_)
            | Expr::IsNotTrue(_)
            | Expr::IsFalse(_)
            | Expr::IsNotFalse(_)
            | Expr::IsUnknown(_)
            | Expr::IsNotUnknown(_)
            | Expr::BinaryOp { op: BinaryOperator::Spaceship, .. }
    )
}
