//! Conditions: when they are true, and when they are false.

use sqlparser::{
    ast::{BinaryOperator, Expr, InTarget, Spanned, UnaryOperator, Value},
    tokenizer::Span,
};

use super::{Level, Out, Translated, Translator, bare, is_predicate, literal};
use crate::write::Note;

/// Functions of a plan that are conditions.
const CONDITIONS: [&str; 2] = ["in_keyrange", "regexp_like"];

impl Translator<'_> {
    /// The text that is true just where `expr` is true; where it is false, if not `truth`.
    pub(super) fn condition(&self, expr: &Expr, truth: bool) -> Translated {
        self.deeper(|| self.condition_here(bare(expr), truth))
    }

    fn condition_here(&self, expr: &Expr, truth: bool) -> Translated {
        match expr {
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => self.condition(expr, !truth),
            Expr::BinaryOp { left, op, right } if is_predicate(expr) => match op {
                BinaryOperator::And | BinaryOperator::Or => self.line(expr, op, truth),
                BinaryOperator::Xor => {
                    let instead = "write (a AND NOT b) OR (NOT a AND b)";
                    self.refuse(expr.span(), "XOR", instead)
                }
                _ => self.compared(op, (left, right), truth),
            },
            Expr::IsNull(inner) | Expr::IsUnknown(inner) => self.null_test(inner, truth),
            Expr::IsNotNull(inner) | Expr::IsNotUnknown(inner) => self.null_test(inner, !truth),
            Expr::IsTrue(inner) => self.truth_test(inner, true, truth),
            Expr::IsNotTrue(inner) => self.truth_test(inner, true, !truth),
            Expr::IsFalse(inner) => self.truth_test(inner, false, truth),
            Expr::IsNotFalse(inner) => self.truth_test(inner, false, !truth),
            Expr::In { expr, target, negated, .. } => match target {
                InTarget::List(list) => self.within(expr, list, *negated != truth),
                _ => self.refuse(
                    expr.span(),
                    "a query inside of the SELECT",
                    "write the values, or materialize the tables one by one",
                ),
            },
            Expr::Between { expr, negated, low, high } => {
                self.between(expr, (low, high), *negated != truth)
            }
            Expr::Like { negated, any: false, expr, pattern, escape_char: None } => {
                self.pattern("like", (expr, pattern), *negated != truth)
            }
            Expr::RLike { negated, expr, pattern, .. } => {
                self.pattern("regexp_like", (expr, pattern), *negated != truth)
            }
            Expr::Like { expr, .. } => {
                let instead = "write the pattern with a backslash, which escapes without ESCAPE";
                self.refuse(expr.span(), "LIKE with ESCAPE", instead)
            }
            Expr::Value(value) => match &value.value {
                Value::Null => self.refuse(
                    value.span,
                    "NULL as a condition, which keeps no row,",
                    "leave it out, or write FALSE",
                ),
                _ => match literal::is_zero(expr) {
                    Some(zero) => Ok(Out::atom(if zero != truth { "true" } else { "false" })),
                    None => self.refuse(value.span, "text as a condition", "compare it"),
                },
            },
            Expr::Exists { .. } => self.no_counterpart(expr),
            Expr::Function(function) if is_condition(function) => {
                let call = self.call(function)?;
                Ok(if truth { call } else { Out::not(&call) })
            }
            _ => self.number_test(expr, truth),
        }
    }

    /// `a AND b AND c`; false where one of them is.
    fn line(&self, expr: &Expr, op: &BinaryOperator, truth: bool) -> Translated {
        let mut parts = Vec::new();
        let mut rest = expr;
        // A line is as deep as it is long to the left.
        while let Expr::BinaryOp { left, op: other, right } = rest
            && other == op
        {
            parts.push(right.as_ref());
            rest = left;
        }
        parts.push(rest);
        let outs = parts.into_iter().rev().map(|part| self.condition(part, truth));
        let outs = outs.collect::<Result<Vec<_>, _>>()?;
        let is_all = (*op == BinaryOperator::And) == truth;
        Ok(if is_all { Out::all(&outs) } else { Out::any(&outs) })
    }

    /// Whether a number is not zero: what a condition is that is none.
    fn number_test(&self, expr: &Expr, truth: bool) -> Translated {
        let value = self.value(expr)?;
        let zero = Out::atom("0");
        if !truth {
            return Ok(Out::binary("==", Level::Equal, &value, &zero));
        }
        let differs = Out::binary("!=", Level::Equal, &value, &zero);
        Ok(Out::all(&[differs, Out::is_not_null(&value)]))
    }

    /// `x IS NULL`; of a condition, that it is neither true nor false.
    fn null_test(&self, inner: &Expr, truth: bool) -> Translated {
        if is_predicate(inner) {
            self.operand(inner)?;
        }
        if matches!(bare(inner), Expr::Identifier(_) | Expr::CompoundIdentifier(_)) {
            self.note(Note::ZeroDates);
        }
        let value = self.value(inner)?;
        Ok(if truth { Out::is_null(&value) } else { Out::is_not_null(&value) })
    }

    /// `x IS TRUE`, `x IS FALSE`: never neither.
    fn truth_test(&self, inner: &Expr, wanted: bool, truth: bool) -> Translated {
        if is_predicate(inner) {
            self.operand(inner)?;
        }
        let is_met = self.condition(inner, wanted)?;
        if truth {
            return Ok(is_met);
        }
        Ok(Out::call("if", &[is_met, Out::atom("false"), Out::atom("true")]))
    }

    /// A comparison, true or false.
    pub(super) fn compared(
        &self,
        op: &BinaryOperator,
        (left, right): (&Expr, &Expr),
        truth: bool,
    ) -> Translated {
        let is_null_safe = *op == BinaryOperator::Spaceship;
        for side in [left, right] {
            if !is_null_safe && literal::is_null(side) {
                return self.refuse(
                    side.span(),
                    "a comparison with NULL, which is never true,",
                    "write IS NULL, IS NOT NULL or `<=>`",
                );
            }
        }
        self.note_comparison(&[left, right]);
        let sides = (self.operand(left)?, self.operand(right)?);
        let equal = |sign| Out::binary(sign, Level::Equal, &sides.0, &sides.1);
        let ordered = |sign| Ok(Out::binary(sign, Level::Compare, &sides.0, &sides.1));
        let unknown = [(left, &sides.0), (right, &sides.1)];
        let not_null: Vec<Out> = unknown
            .iter()
            .filter(|(side, _)| !literal::is_known(side))
            .map(|(_, out)| Out::is_not_null(out))
            .collect();
        match (op, truth) {
            (BinaryOperator::Spaceship, true) => Ok(equal("==")),
            (BinaryOperator::Spaceship, false) => Ok(equal("!=")),
            (BinaryOperator::Eq, true) | (BinaryOperator::NotEq, false) => {
                // A side that is written out is not NULL, and one that equals it is not, either.
                let parts = match not_null.as_slice() {
                    [first, _] => vec![equal("=="), first.clone()],
                    _ => vec![equal("==")],
                };
                Ok(Out::all(&parts))
            }
            (BinaryOperator::Eq | BinaryOperator::NotEq, _) => {
                let parts: Vec<Out> = std::iter::once(equal("!=")).chain(not_null).collect();
                Ok(Out::all(&parts))
            }
            (BinaryOperator::Lt, true) | (BinaryOperator::GtEq, false) => ordered("<"),
            (BinaryOperator::LtEq, true) | (BinaryOperator::Gt, false) => ordered("<="),
            (BinaryOperator::Gt, true) | (BinaryOperator::LtEq, false) => ordered(">"),
            (BinaryOperator::GtEq, true) | (BinaryOperator::Lt, false) => ordered(">="),
            _ => self.refuse(left.span(), format!("the operator `{op}`"), "write a comparison"),
        }
    }

    /// `x IN (a, b)`; that it is none of them, if not `is_in`.
    fn within(&self, expr: &Expr, list: &[Expr], is_in: bool) -> Translated {
        if let Some(null) = list.iter().find(|part| literal::is_null(part)) {
            return self.refuse(
                null.span(),
                "NULL in a list, which equals nothing,",
                "leave it out of IN; a NOT IN with it keeps no row at all",
            );
        }
        self.note_comparison(&std::iter::once(expr).chain(list).collect::<Vec<_>>());
        let value = self.operand(expr)?;
        let parts: Vec<Out> =
            list.iter().map(|part| self.operand(part)).collect::<Result<_, _>>()?;
        let texts: Vec<&str> = parts.iter().map(|part| part.text.as_str()).collect();
        let sign = if is_in { "in" } else { "!in" };
        let text = format!("{} {sign} [{}]", value.within(Level::Compare), texts.join(", "));
        let mut all = vec![Out { text, level: Level::In }];
        let unknown: Vec<&Out> = list
            .iter()
            .zip(&parts)
            .filter(|(part, _)| !literal::is_known(part))
            .map(|it| it.1)
            .collect();
        // NULL is in no list, unless the list may have one: then both would be equal.
        if !literal::is_known(expr) && (!is_in || !unknown.is_empty()) {
            all.push(Out::is_not_null(&value));
        }
        if !is_in {
            all.extend(unknown.into_iter().map(Out::is_not_null));
        }
        Ok(Out::all(&all))
    }

    fn between(&self, expr: &Expr, (low, high): (&Expr, &Expr), is_between: bool) -> Translated {
        self.note_comparison(&[expr, low, high]);
        let value = self.operand(expr)?;
        let (low, high) = (self.operand(low)?, self.operand(high)?);
        let compared = |sign, bound| Out::binary(sign, Level::Compare, &value, bound);
        Ok(if is_between {
            Out::all(&[compared(">=", &low), compared("<=", &high)])
        } else {
            Out::any(&[compared("<", &low), compared(">", &high)])
        })
    }

    fn pattern(&self, name: &str, (expr, pattern): (&Expr, &Expr), is_like: bool) -> Translated {
        if !literal::is_text(pattern) {
            let instead = "write the pattern as text";
            return self.refuse(pattern.span(), "a pattern that is computed", instead);
        }
        self.note_at(Note::Patterns, expr.span());
        let call = Out::call(name, &[self.operand(expr)?, self.value(pattern)?]);
        let call = self.checked(call, expr.span())?;
        Ok(if is_like { call } else { Out::not(&call) })
    }

    /// Text may be compared: unless a side is a number that is written out.
    fn note_comparison(&self, sides: &[&Expr]) {
        let is_number = |side: &&Expr| literal::is_zero(side).is_some();
        if !sides.iter().any(is_number) {
            let span = sides.first().map_or(Span::empty(), |side| side.span());
            self.note_at(Note::Comparisons, span);
        }
    }
}

/// The name of a function, in lower case.
pub(super) fn name_of(function: &sqlparser::ast::Function) -> String {
    function.name.to_string().to_ascii_lowercase()
}

/// Whether a function of a plan is a condition, where it is a number in MySQL.
pub(super) fn is_condition(function: &sqlparser::ast::Function) -> bool {
    CONDITIONS.contains(&name_of(function).as_str())
}
