//! From SQL's expressions to those of a plan.
//!
//! A value is the value that MySQL computes, `NULL` included. A condition of SQL is true, false or not
//! known; a plan's `==` takes `NULL` for a value. So a condition becomes the text that is true just
//! where SQL's is true, or, under a NOT, just where it is false: neither where it is not known.

mod call;
mod condition;
mod literal;
mod parts;
mod value;

use std::{cell::Cell, collections::BTreeSet};

use sqlparser::{
    ast::{BinaryOperator, Expr, Ident, Spanned, UnaryOperator},
    tokenizer::Span,
};
use whimbrel_expression::parse;

use crate::{
    refusal::{Refusal, What},
    sql::{Sql, TOO_DEEP},
    write::Note,
};

/// The most parts inside one another: as in a plan's expressions.
const DEPTH_MAX: usize = 64;

/// The most text that one part becomes, in bytes: as much as one expression of a plan. What stands twice
/// in it, such as a divisor, could double it at each level.
const TEXT_BYTES_MAX: usize = 16 << 10;

/// How strongly the parts of an expression hold together: what a plan's operators bind, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Or,
    And,
    Equal,
    In,
    Compare,
    Add,
    Multiply,
    Unary,
    Atom,
}

/// An expression of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Out {
    text: String,
    level: Level,
}

impl Out {
    fn atom(text: impl Into<String>) -> Self {
        Self { text: text.into(), level: Level::Atom }
    }

    /// `name(a, b)`.
    fn call(name: &str, arguments: &[Self]) -> Self {
        let arguments: Vec<&str> =
            arguments.iter().map(|argument| argument.text.as_str()).collect();
        Self::atom(format!("{name}({})", arguments.join(", ")))
    }

    /// `a op b`, where operators of the level stand in line from the left.
    fn binary(sign: &str, level: Level, left: &Self, right: &Self) -> Self {
        let tighter = match level {
            Level::Add => Level::Multiply,
            Level::Multiply => Level::Unary,
            _ => Level::Add,
        };
        let is_line = matches!(level, Level::Add | Level::Multiply);
        let left = left.within(if is_line { level } else { tighter });
        Self { text: format!("{left} {sign} {}", right.within(tighter)), level }
    }

    /// All of `parts` in line.
    fn joined(sign: &str, level: Level, parts: &[Self]) -> Self {
        match parts {
            [one] => one.clone(),
            _ => {
                let parts: Vec<String> = parts.iter().map(|part| part.within(level)).collect();
                Self { text: parts.join(sign), level }
            }
        }
    }

    fn all(parts: &[Self]) -> Self {
        Self::joined(" && ", Level::And, parts)
    }

    fn any(parts: &[Self]) -> Self {
        Self::joined(" || ", Level::Or, parts)
    }

    fn not(part: &Self) -> Self {
        Self { text: format!("!{}", part.within(Level::Unary)), level: Level::Unary }
    }

    fn is_null(part: &Self) -> Self {
        Self::binary("==", Level::Equal, part, &Self::null())
    }

    fn is_not_null(part: &Self) -> Self {
        Self::binary("!=", Level::Equal, part, &Self::null())
    }

    fn null() -> Self {
        Self::atom("()")
    }

    /// Its text where what surrounds it binds as `level` does.
    fn within(&self, level: Level) -> String {
        if self.level < level { format!("({})", self.text) } else { self.text.clone() }
    }

    pub(crate) fn into_text(self) -> String {
        self.text
    }
}

/// The expressions of one SELECT.
pub(crate) struct Translator<'s> {
    sql: Sql<'s>,
    /// Names before a column's: those of the table.
    qualifiers: Vec<String>,
    depth: Cell<usize>,
    notes: std::cell::RefCell<BTreeSet<Note>>,
    /// Where the result depends on what a specification does not say of text.
    places: std::cell::RefCell<BTreeSet<(Note, usize)>>,
}

type Translated = Result<Out, Refusal>;

impl<'s> Translator<'s> {
    pub(crate) fn new(sql: Sql<'s>, qualifiers: Vec<String>) -> Self {
        Self {
            sql,
            qualifiers,
            depth: Cell::new(0),
            notes: BTreeSet::new().into(),
            places: BTreeSet::new().into(),
        }
    }

    /// What a person should know of the expressions, and where they begin that it is about.
    pub(crate) fn into_notes(self) -> (BTreeSet<Note>, BTreeSet<(Note, usize)>) {
        (self.notes.into_inner(), self.places.into_inner())
    }

    /// Notes what is so at a place.
    fn note_at(&self, note: Note, span: Span) {
        self.note(note);
        self.places.borrow_mut().insert((note, self.sql.place(span).start));
    }

    fn note(&self, note: Note) {
        self.notes.borrow_mut().insert(note);
    }

    /// The value of an expression.
    ///
    /// # Errors
    ///
    /// The first part without a counterpart.
    pub(crate) fn column_value(&self, expr: &Expr) -> Translated {
        let out = self.value(expr)?;
        self.checked(out, expr.span())
    }

    /// A filter that is true for the rows for which all of `parts` are.
    ///
    /// # Errors
    ///
    /// The first part without a counterpart.
    pub(crate) fn filter(&self, parts: &[&Expr]) -> Translated {
        let outs: Result<Vec<Out>, Refusal> =
            parts.iter().map(|part| self.condition(part, true)).collect();
        let span = Span::union_iter(parts.iter().map(|part| part.span()));
        self.checked(Out::all(&outs?), span)
    }

    /// `out`, if it is an expression of a plan.
    fn checked(&self, out: Out, span: Span) -> Translated {
        match parse(&out.text).map_err(|problems| problems.into_iter().next()) {
            Ok(_) | Err(None) => Ok(out),
            Err(Some(problem)) => {
                let instead = problem.help();
                let what = What::Expression { reason: problem.to_string(), instead };
                Err(self.sql.refusal(what, span))
            }
        }
    }

    /// Runs `inner` one level deeper.
    fn deeper(&self, inner: impl FnOnce() -> Translated) -> Translated {
        let too_large = || {
            let what = What::Syntax { reason: TOO_DEEP.to_owned() };
            Refusal::new(what, &self.sql.whole())
        };
        if self.depth.get() >= DEPTH_MAX {
            return Err(too_large());
        }
        self.depth.set(self.depth.get() + 1);
        let out = inner();
        self.depth.set(self.depth.get() - 1);
        out.and_then(|out| if out.text.len() > TEXT_BYTES_MAX { Err(too_large()) } else { Ok(out) })
    }

    fn refuse<T>(
        &self,
        span: Span,
        what: impl Into<std::borrow::Cow<'static, str>>,
        instead: impl Into<std::borrow::Cow<'static, str>>,
    ) -> Result<T, Refusal> {
        Err(self.sql.refusal(What::Sql { what: what.into(), instead: instead.into() }, span))
    }

    /// An operand, which no two parsers may read differently.
    fn operand(&self, expr: &Expr) -> Translated {
        if is_predicate(expr) {
            return self.refuse(
                expr.span(),
                "a condition without parentheses beside an operator",
                "write parentheses around it: parsers differ in what belongs together",
            );
        }
        self.value(expr)
    }

    /// The column of that name.
    fn column(&self, ident: &Ident) -> Translated {
        let name = ident.value.as_str();
        if ident.quote_style.is_none() {
            if name.starts_with('@') {
                return self.refuse(
                    ident.span,
                    "a variable",
                    "write its value: a plan gives the same result each time",
                );
            }
            if MOMENTS.contains(&name.to_ascii_lowercase().as_str()) {
                return self.refuse(ident.span, format!("`{name}`"), CONSTANT);
            }
        }
        let is_word = parse(name).is_ok_and(|syntax| syntax.columns() == [name]);
        Ok(if is_word {
            Out::atom(name)
        } else {
            Out::atom(format!("col({})", literal::text(name)))
        })
    }

    /// The last of a name's parts, if those before it name the table.
    fn qualified(&self, parts: &[Ident]) -> Translated {
        let Some((column, before)) = parts.split_last() else {
            return self.refuse(Span::empty(), "a name without parts", "name a column");
        };
        let is_table = |ident: &Ident| {
            self.qualifiers.iter().any(|name| name.eq_ignore_ascii_case(&ident.value))
        };
        match before {
            [] => self.column(column),
            [table] if is_table(table) => self.column(column),
            _ => {
                let span = Span::union_iter(parts.iter().map(|part| part.span));
                self.refuse(span, "a column of another table", "name columns of the SELECT's table")
            }
        }
    }
}

/// Words that are calls without parentheses.
const MOMENTS: [&str; 9] = [
    "current_date",
    "current_time",
    "current_timestamp",
    "current_user",
    "localtime",
    "localtimestamp",
    "utc_date",
    "utc_time",
    "utc_timestamp",
];

pub(super) const CONSTANT: &str = "write a constant, or a column that the source fills: the same row \
                                   must give the same result each time";

/// `expr` without the parentheses around it.
fn bare(mut expr: &Expr) -> &Expr {
    while let Expr::Nested(inner) = expr {
        expr = inner;
    }
    expr
}

/// Whether `expr` is a condition that no parentheses surround.
fn is_predicate(expr: &Expr) -> bool {
    match expr {
        Expr::BinaryOp { op, .. } => matches!(
            op,
            BinaryOperator::And
                | BinaryOperator::Or
                | BinaryOperator::PGOverlap
                | BinaryOperator::Xor
                | BinaryOperator::Eq
                | BinaryOperator::NotEq
                | BinaryOperator::Lt
                | BinaryOperator::LtEq
                | BinaryOperator::Gt
                | BinaryOperator::GtEq
                | BinaryOperator::Spaceship
        ),
        Expr::UnaryOp { op, .. } => *op == UnaryOperator::Not,
        Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::IsTrue(_)
        | Expr::IsNotTrue(_)
        | Expr::IsFalse(_)
        | Expr::IsNotFalse(_)
        | Expr::IsUnknown(_)
        | Expr::IsNotUnknown(_)
        | Expr::In { .. }
        | Expr::Between { .. }
        | Expr::Like { .. }
        | Expr::RLike { .. }
        | Expr::Exists { .. } => true,
        _ => false,
    }
}

/// The text that `expr` is, written out.
pub(crate) fn literal_text(expr: &Expr) -> Option<&str> {
    match bare(expr) {
        Expr::Value(value) => match &value.value {
            sqlparser::ast::Value::SingleQuotedString(text)
            | sqlparser::ast::Value::DoubleQuotedString(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}
