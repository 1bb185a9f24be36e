//! The typed tree: what is evaluated.

use std::ops::Range;

use whimbrel_model::Cell;

use crate::{
    column::Reading,
    error::EvaluationError,
    evaluate,
    prepared::Prepared,
    syntax::Operator,
    types::{Type, Typed},
    value::Value,
};

/// A part of a checked expression.
#[derive(Debug)]
pub(crate) struct Code {
    pub(crate) kind: CodeKind,
    pub(crate) typed: Typed,
    pub(crate) span: Range<usize>,
}

/// What a part does.
#[derive(Debug)]
pub(crate) enum CodeKind {
    Constant(Value<'static>),
    Column(ColumnCode),
    Arithmetic {
        operator: Operator,
        operands: Box<[Code; 2]>,
    },
    Negate(Box<Code>),
    /// Both sides are of one type, or both are numbers.
    Compare {
        operator: Operator,
        operands: Box<[Code; 2]>,
    },
    All(Vec<Code>),
    Any(Vec<Code>),
    Not(Box<Code>),
    Coalesce(Vec<Code>),
    In(Box<InCode>),
    If(Box<[Code; 3]>),
    /// The text that the server prints for a value.
    Print(Box<Code>),
    /// To the type of this part.
    Convert(Box<Code>),
    Call(Box<CallCode>),
    /// The value as it is, whose room in its column is looked for when it is written.
    MustFit(Box<Code>),
}

/// A value looked for among others.
#[derive(Debug)]
pub(crate) struct InCode {
    pub(crate) value: Code,
    pub(crate) list: Vec<Code>,
}

/// A column that is read.
#[derive(Debug)]
pub(crate) struct ColumnCode {
    /// The place of its cell in a row.
    pub(crate) place: usize,
    /// The place of its cell among those that the expression reads.
    pub(crate) slot: usize,
    pub(crate) reading: Reading,
}

/// A call of a function.
#[derive(Debug)]
pub(crate) struct CallCode {
    pub(crate) evaluate: Evaluate,
    /// Whether `NULL` arguments reach the function, and do not make its result `NULL`.
    pub(crate) sees_null: bool,
    pub(crate) arguments: Vec<Code>,
    pub(crate) prepared: Prepared,
    pub(crate) typed: Typed,
}

/// Computes the result of a call from its arguments' values.
pub(crate) type Evaluate =
    for<'a> fn(&'a CallCode, &mut [Value<'a>]) -> Result<Value<'a>, crate::error::Fault>;

impl Code {
    /// A value that is known.
    pub(crate) fn constant(value: Value<'static>, kind: Type, span: &Range<usize>) -> Self {
        let nullable = value.is_null();
        Self {
            kind: CodeKind::Constant(value),
            typed: Typed::new(kind, nullable),
            span: span.clone(),
        }
    }

    /// The value, if it is known.
    pub(crate) fn value(&self) -> Option<&Value<'static>> {
        if let CodeKind::Constant(value) = &self.kind { Some(value) } else { None }
    }

    /// The text, if it is known.
    pub(crate) fn text_value(&self) -> Option<&str> {
        if let Some(Value::Text(text)) = self.value() { Some(text) } else { None }
    }

    /// The parts right below.
    pub(crate) fn children(&self) -> Vec<&Self> {
        match &self.kind {
            CodeKind::Constant(_) | CodeKind::Column(_) => Vec::new(),
            CodeKind::Arithmetic { operands, .. } | CodeKind::Compare { operands, .. } => {
                operands.iter().collect()
            }
            CodeKind::Negate(operand)
            | CodeKind::Not(operand)
            | CodeKind::Convert(operand)
            | CodeKind::Print(operand)
            | CodeKind::MustFit(operand) => {
                vec![operand]
            }
            CodeKind::All(parts) | CodeKind::Any(parts) | CodeKind::Coalesce(parts) => {
                parts.iter().collect()
            }
            CodeKind::In(parts) => std::iter::once(&parts.value).chain(&parts.list).collect(),
            CodeKind::If(parts) => parts.iter().collect(),
            CodeKind::Call(call) => call.arguments.iter().collect(),
        }
    }

    /// The same part with its value computed, if no row is needed for it.
    ///
    /// # Errors
    ///
    /// What computing it failed by: it would for every row.
    pub(crate) fn folded(self) -> Result<Self, EvaluationError> {
        let is_known = self.children().iter().all(|child| child.value().is_some());
        let is_kept =
            matches!(self.kind, CodeKind::Constant(_) | CodeKind::Column(_) | CodeKind::MustFit(_));
        if !is_known || is_kept {
            return Ok(self);
        }
        let value = evaluate::evaluate(&self, &[])?.into_owned();
        let mut typed = self.typed.clone();
        if let (Type::Int { min, max, .. }, Value::Int(value)) = (&mut typed.kind, &value) {
            (*min, *max) = (*value, *value);
        }
        typed.nullable = value.is_null();
        Ok(Self { kind: CodeKind::Constant(value), typed, span: self.span.clone() })
    }
}

/// The cells that an expression reads, in the order of its slots.
pub(crate) type Cells<'a> = [Cell<'a>];
