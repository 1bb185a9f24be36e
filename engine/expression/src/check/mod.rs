//! From syntax to typed tree: names become columns and functions, and each part has a type.

mod literal;
mod operators;

pub(crate) use operators::{arithmetic, comparable};

use std::ops::Range;

use whimbrel_model::{Column, Table};

use crate::{
    code::{CallCode, Code, CodeKind, ColumnCode},
    column::reading,
    expression::{Checked, Expression},
    function::{self, Call, Form, choice_joined, fold},
    nearest::nearest,
    prepared::Prepared,
    problem::{Problem, What},
    syntax::{Node, NodeKind, Syntax},
    types::{Type, Typed},
};

/// What an expression is checked against.
#[derive(Clone, Copy)]
pub struct Source<'s> {
    table: &'s Table,
    secret: &'s dyn Fn(&str) -> Result<String, String>,
}

impl<'s> Source<'s> {
    /// A table, and no secrets: an expression that names one is refused.
    #[must_use]
    pub fn new(table: &'s Table) -> Self {
        Self { table, secret: &|_| Err("secrets are not known here".to_owned()) }
    }

    /// With what a reference to a secret, such as `${env:KEY}`, stands for; or why it does not.
    #[must_use]
    pub fn with_secrets(self, secret: &'s dyn Fn(&str) -> Result<String, String>) -> Self {
        Self { secret, ..self }
    }
}

/// Checks an expression against the table whose rows it will be given.
///
/// # Errors
///
/// All that is wrong with it.
pub fn check(syntax: &Syntax, source: &Source<'_>) -> Result<Checked, Vec<Problem>> {
    let mut checker = Checker {
        table: source.table,
        secret: source.secret,
        reads: Vec::new(),
        problems: Vec::new(),
        warnings: Vec::new(),
    };
    checker.find_columns(&syntax.root);
    let only_copied = checker.bare_copy(&syntax.root);
    let code = match only_copied {
        Some(code) => Some(code),
        None => checker.code(&syntax.root),
    };
    match code {
        Some(code) if checker.problems.is_empty() => Ok(Checked {
            expression: Expression::new(code, checker.reads, syntax.text.clone(), source.table),
            warnings: checker.warnings,
        }),
        _ => Err(checker.problems),
    }
}

struct Checker<'s> {
    table: &'s Table,
    secret: &'s dyn Fn(&str) -> Result<String, String>,
    /// The places of the cells that are read, ascending.
    reads: Vec<usize>,
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
}

impl Checker<'_> {
    fn carried(&self, name: &str) -> Option<(usize, &Column)> {
        self.table.carried_columns().enumerate().find(|(_, column)| column.name == name)
    }

    fn find_columns(&mut self, root: &Node) {
        let mut places = Vec::new();
        root.walk(&mut |node| {
            if let NodeKind::Column(name) = &node.kind
                && let Some((place, _)) = self.carried(name)
            {
                places.push(place);
            }
        });
        places.sort_unstable();
        places.dedup();
        self.reads = places;
    }

    /// The expression that is the name of a column which no expression can read: its copy.
    fn bare_copy(&self, root: &Node) -> Option<Code> {
        let NodeKind::Column(name) = &root.kind else { return None };
        let (place, column) = self.carried(name)?;
        reading(column).is_err().then(|| Code {
            kind: CodeKind::Column(ColumnCode {
                place,
                slot: 0,
                reading: crate::column::Reading::Plain,
            }),
            typed: Typed::new(Type::CopyOnly, column.nullable),
            span: root.span.clone(),
        })
    }

    /// Notes the problem.
    fn or_note(&mut self, result: Result<Code, Problem>) -> Option<Code> {
        result.map_err(|problem| self.problems.push(problem)).ok()
    }

    fn codes(&mut self, nodes: &[Node]) -> Option<Vec<Code>> {
        // All of them, so that all their problems are found.
        let codes: Vec<_> = nodes.iter().map(|node| self.code(node)).collect();
        codes.into_iter().collect()
    }

    /// The typed part, or none after noting what is wrong.
    fn code(&mut self, node: &Node) -> Option<Code> {
        let result = match &node.kind {
            NodeKind::Null => Ok(function::null(&node.span)),
            NodeKind::Bool(_) | NodeKind::Number(_) | NodeKind::Text(_) => literal::code(node),
            NodeKind::Column(name) => self.column(name, &node.span),
            NodeKind::Call { name, arguments, .. } => {
                let arguments = self.codes(arguments)?;
                self.call(name, arguments, &node.span)
            }
            NodeKind::If(parts) => {
                let arguments = self.codes(parts.as_slice())?;
                self.call("if", arguments, &node.span)
            }
            NodeKind::Not(operand) => {
                let operand = self.code(operand)?;
                operators::not(operand, &node.span)
            }
            NodeKind::Negate(operand) => {
                let operand = self.code(operand)?;
                operators::negate(operand, &node.span)
            }
            NodeKind::Binary { operator, operands } => {
                let mut operands = self.codes(operands.as_slice())?.into_iter();
                let (left, right) = (operands.next()?, operands.next()?);
                if operator.is_arithmetic() {
                    arithmetic(*operator, left, right, &node.span)
                } else {
                    self.warn_of_collation(&[&left, &right]);
                    operators::compare(*operator, left, right, &node.span)
                }
            }
            NodeKind::All(parts) | NodeKind::Any(parts) => {
                let is_all = matches!(node.kind, NodeKind::All(_));
                operators::join(is_all, self.codes(parts)?, &node.span)
            }
            NodeKind::Coalesce(parts) => choice_joined(self.codes(parts)?, &node.span),
            NodeKind::In(parts) => {
                let parts = self.codes(parts)?;
                self.warn_of_collation(&parts.iter().collect::<Vec<_>>());
                operators::within(parts, &node.span)
            }
        };
        self.or_note(result)
    }

    fn column(&self, name: &str, span: &Range<usize>) -> Result<Code, Problem> {
        let Some((place, column)) = self.carried(name) else {
            return Err(Problem::new(self.no_column(name), span));
        };
        let (reading, kind) = reading(column).map_err(|reason| {
            let what = What::CopyOnly {
                name: column.name.clone(),
                declaration: column.declaration.clone(),
                reason,
            };
            Problem::new(what, span)
        })?;
        let slot = self.reads.binary_search(&place).unwrap_or(0);
        let kind_of = CodeKind::Column(ColumnCode { place, slot, reading });
        Ok(Code { kind: kind_of, typed: Typed::new(kind, column.nullable), span: span.clone() })
    }

    fn no_column(&self, name: &str) -> What {
        if self.table.columns().iter().any(|column| column.name == name) {
            return What::GeneratedColumn { name: name.to_owned() };
        }
        let names = || self.table.carried_columns().map(|column| column.name.as_str());
        What::UnknownColumn {
            table: self.table.name().to_owned(),
            name: name.to_owned(),
            nearest: nearest(name, names()),
            known: names().map(str::to_owned).collect(),
        }
    }

    fn call(&self, name: &str, arguments: Vec<Code>, span: &Range<usize>) -> Result<Code, Problem> {
        let unknown = || What::UnknownFunction { name: name.to_owned(), nearest: None };
        let function = function::find(name).ok_or_else(|| Problem::new(unknown(), span))?;
        let mut call = Call {
            function,
            arguments,
            span: span.clone(),
            prepared: Prepared::None,
            table_name: self.table.name(),
            secret: self.secret,
        };
        let (resolve, evaluate, sees_null) = match function.form {
            Form::Tree(make) => return make(&mut call),
            Form::Call(resolve, evaluate) => (resolve, evaluate, false),
            Form::SeesNull(resolve, evaluate) => (resolve, evaluate, true),
        };
        let typed = resolve(&mut call)?;
        let Call { arguments, prepared, .. } = call;
        let code = CallCode { evaluate, sees_null, arguments, prepared, typed: typed.clone() };
        fold(Code { kind: CodeKind::Call(Box::new(code)), typed, span: span.clone() })
    }

    /// Warns of columns among `parts` whose server compares them otherwise.
    fn warn_of_collation(&mut self, parts: &[&Code]) {
        let is_compared_with_null =
            parts.len() == 2 && parts.iter().any(|part| part.typed.kind == Type::Null);
        for part in parts.iter().filter(|_| !is_compared_with_null) {
            let CodeKind::Column(code) = &part.kind else { continue };
            let Some(column) = self.table.carried_columns().nth(code.place) else { continue };
            if let whimbrel_model::ColumnType::Text { collation, .. } = &column.column_type
                && !collation.ends_with("_bin")
            {
                let what =
                    What::Collation { column: column.name.clone(), collation: collation.clone() };
                self.warnings.push(Problem::new(what, &part.span));
            }
        }
    }
}
