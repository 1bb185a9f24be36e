//! The syntax tree: what an expression says, before anything is known of columns.

use std::{ops::Range, sync::Arc};

use crate::{Problem, grammar, names};

/// The most text in one expression, in bytes: beyond it nobody reviews one.
pub(crate) const TEXT_BYTES_MAX: usize = 16 << 10;

/// The most parts inside one another: evaluation goes as deep on a thread's stack.
pub(crate) const DEPTH_MAX: usize = 64;

/// The most parts of one expression: a list of a few thousand values still is one.
pub(crate) const NODES_MAX: usize = 8_000;

/// The function that takes a key: its second argument.
pub(crate) const KEYED: &str = "hash_token";

/// An expression whose form is right, and whose functions exist.
#[derive(Debug, Clone)]
pub struct Syntax {
    pub(crate) text: Arc<str>,
    pub(crate) root: Node,
}

/// A text of an expression that refers to what is kept outside of it: `${env:NAME}`, `${file:PATH}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference<'s> {
    /// As written, without its quotes.
    pub text: &'s str,
    /// Where it is: bytes of the expression's text.
    pub span: Range<usize>,
    /// Whether it stands where a function takes a key; elsewhere it would be a text like any other.
    pub is_key: bool,
}

/// A part of an expression.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) span: Range<usize>,
    pub(crate) kind: NodeKind,
}

/// What a part is.
#[derive(Debug, Clone)]
pub(crate) enum NodeKind {
    /// `()`.
    Null,
    Bool(bool),
    /// A number as it is written, with its sign and without `_`.
    Number(String),
    Text(String),
    Column(String),
    Call {
        name: String,
        name_span: Range<usize>,
        arguments: Vec<Node>,
    },
    Not(Box<Node>),
    Negate(Box<Node>),
    Binary {
        operator: Operator,
        operands: Box<[Node; 2]>,
    },
    /// `&&`.
    All(Vec<Node>),
    /// `||`.
    Any(Vec<Node>),
    /// `??`.
    Coalesce(Vec<Node>),
    /// The value, and the list that it is looked for in; at least two.
    In(Vec<Node>),
    If(Box<[Node; 3]>),
}

/// An operator between two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Operator {
    /// How it is written.
    pub(crate) fn sign(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Modulo => "%",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }

    /// The operator that is written so.
    pub(crate) fn of_sign(sign: &str) -> Option<Self> {
        [
            Self::Add,
            Self::Subtract,
            Self::Multiply,
            Self::Divide,
            Self::Modulo,
            Self::Equal,
            Self::NotEqual,
            Self::Less,
            Self::LessOrEqual,
            Self::Greater,
            Self::GreaterOrEqual,
        ]
        .into_iter()
        .find(|operator| operator.sign() == sign)
    }

    /// Whether it computes, and does not compare.
    pub(crate) fn is_arithmetic(self) -> bool {
        matches!(self, Self::Add | Self::Subtract | Self::Multiply | Self::Divide | Self::Modulo)
    }
}

impl Syntax {
    /// The text that was parsed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The names of the columns that it reads, each once, in the order of their first use.
    #[must_use]
    pub fn columns(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        self.root.walk(&mut |node| {
            if let NodeKind::Column(name) = &node.kind
                && !names.contains(&name.as_str())
            {
                names.push(name);
            }
        });
        names
    }
}

impl Syntax {
    /// The texts that refer to what is kept outside, in their order.
    #[must_use]
    pub fn references(&self) -> Vec<Reference<'_>> {
        let mut key_starts = Vec::new();
        let mut references = Vec::new();
        self.root.walk(&mut |node| match &node.kind {
            NodeKind::Call { name, arguments, .. } if name == KEYED => {
                key_starts.extend(arguments.get(1).map(|key| key.span.start));
            }
            NodeKind::Text(text) if ["${env:", "${file:"].iter().any(|it| text.contains(it)) => {
                let is_key = key_starts.contains(&node.span.start);
                references.push(Reference { text, span: node.span.clone(), is_key });
            }
            _ => {}
        });
        references
    }
}

impl Node {
    /// Calls `visit` with this part and all below it, outer ones first.
    pub(crate) fn walk<'n>(&'n self, visit: &mut impl FnMut(&'n Node)) {
        visit(self);
        for child in self.children() {
            child.walk(visit);
        }
    }

    fn children(&self) -> &[Self] {
        match &self.kind {
            NodeKind::Null
            | NodeKind::Bool(_)
            | NodeKind::Number(_)
            | NodeKind::Text(_)
            | NodeKind::Column(_) => &[],
            NodeKind::Call { arguments, .. } => arguments,
            NodeKind::Not(operand) | NodeKind::Negate(operand) => std::slice::from_ref(operand),
            NodeKind::Binary { operands, .. } => operands.as_slice(),
            NodeKind::All(parts)
            | NodeKind::Any(parts)
            | NodeKind::Coalesce(parts)
            | NodeKind::In(parts) => parts,
            NodeKind::If(parts) => parts.as_slice(),
        }
    }
}

/// Parses an expression, as far as that needs no columns.
///
/// # Errors
///
/// All that is wrong with its form, and with the names and argument counts of its functions.
pub fn parse(text: &str) -> Result<Syntax, Vec<Problem>> {
    let root = grammar::read(text)?;
    let problems = names::check(&root);
    if problems.is_empty() { Ok(Syntax { text: text.into(), root }) } else { Err(problems) }
}
