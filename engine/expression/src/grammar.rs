//! From text to syntax tree: the one place that knows rhai.
//!
//! Only its parser is used, and of what it parses only what [`NodeKind`] names: whatever else a
//! script may contain is refused here, and none of it is ever run.

use std::ops::Range;

use rhai::{Engine, Expr, FnCallExpr, LexError, ParseError, ParseErrorType, Position, Stmt};

use crate::{
    lex::{Token, TokenKind, tokens},
    problem::{Problem, What},
    scan::{self, forbidden},
    syntax::{DEPTH_MAX, NODES_MAX, Node, NodeKind, Operator, TEXT_BYTES_MAX},
};

/// The syntax tree of `text`.
///
/// # Errors
///
/// What is wrong with its form.
pub(crate) fn read(text: &str) -> Result<Node, Vec<Problem>> {
    let whole = 0..text.len();
    if text.trim().is_empty() {
        return Err(vec![Problem::new(What::Empty, &whole)]);
    }
    let large = |count, max, unit| vec![Problem::new(What::TooLarge { count, max, unit }, &whole)];
    if text.len() > TEXT_BYTES_MAX {
        return Err(large(text.len(), TEXT_BYTES_MAX, "bytes"));
    }
    let tokens = tokens(text);
    let scanned = scan::scan(text, &tokens)?;
    if tokens.len() > 2 * NODES_MAX {
        return Err(large(tokens.len(), 2 * NODES_MAX, "words and signs"));
    }
    let reader = Reader { text, tokens: &tokens };
    let ast = engine()
        .compile_expression(scanned)
        .map_err(|error| vec![reader.syntax_problem(&error)])?;
    let [Stmt::Expr(root)] = ast.statements() else {
        return Err(vec![Problem::new(forbidden("a statement", BLOCK), &whole)]);
    };
    reader.node(root, 0).map_err(|problem| vec![problem])
}

/// A parser that knows no function, and that gives deep text up before the stack does.
fn engine() -> Engine {
    let mut engine = Engine::new_raw();
    engine.set_max_expr_depths(DEPTH_MAX, DEPTH_MAX);
    engine.set_max_string_size(TEXT_BYTES_MAX);
    engine.set_max_array_size(NODES_MAX);
    engine
}

/// What to do about a part that has no counterpart of its own.
const SEE_FUNCTIONS: &str = "plans/functions.md shows what an expression may have";

const BLOCK: &str = "an expression is one value";
const INDEX: &str =
    "take a part of text by `substring(x, 1, 3)`, of a document by `json_extract(x, \"$[0]\")`";

struct Reader<'t> {
    text: &'t str,
    tokens: &'t [Token],
}

impl Reader<'_> {
    /// The part of the tree that `expr` is.
    fn node(&self, expr: &Expr, depth: usize) -> Result<Node, Problem> {
        let span = self.token_span(expr.position());
        if depth > 2 * DEPTH_MAX {
            return Err(Problem::new(too_deep(), &span));
        }
        let below = depth + 1;
        let (span, kind) = match expr {
            Expr::Unit(_) => (self.group_span(&span), NodeKind::Null),
            Expr::BoolConstant(value, _) => (span, NodeKind::Bool(*value)),
            Expr::IntegerConstant(..) | Expr::FloatConstant(..) => self.number(&span)?,
            Expr::StringConstant(value, _) => (span, NodeKind::Text(value.to_string())),
            Expr::Variable(name, ..) => (span, NodeKind::Column(name.1.to_string())),
            Expr::And(parts, _) => self.joined(parts, below, NodeKind::All)?,
            Expr::Or(parts, _) => self.joined(parts, below, NodeKind::Any)?,
            Expr::Coalesce(parts, _) => self.joined(parts, below, NodeKind::Coalesce)?,
            Expr::FnCall(call, _) => return self.call(call, span, below),
            Expr::Stmt(block) => {
                if let [Stmt::If(parts, position)] = block.statements() {
                    return self.choice(parts, self.token_span(*position), below);
                }
                return Err(Problem::new(forbidden("a block of statements", BLOCK), &span));
            }
            Expr::Array(..) => {
                let what = What::Forbidden {
                    what: "a list",
                    instead: "a list stands on the right of `in`: `x in [1, 2]`",
                };
                return Err(Problem::new(what, &self.group_span(&span)));
            }
            Expr::Index(..) => return Err(Problem::new(forbidden("an index", INDEX), &span)),
            _ => {
                return Err(Problem::new(
                    forbidden("this part of the language", SEE_FUNCTIONS),
                    &span,
                ));
            }
        };
        Ok(Node { span: self.balanced(span), kind })
    }

    fn nodes(&self, parts: &[Expr], depth: usize) -> Result<Vec<Node>, Problem> {
        parts.iter().map(|part| self.node(part, depth)).collect()
    }

    fn joined(
        &self,
        parts: &[Expr],
        depth: usize,
        kind: fn(Vec<Node>) -> NodeKind,
    ) -> Result<(Range<usize>, NodeKind), Problem> {
        let nodes = self.nodes(parts, depth)?;
        Ok((around(&nodes), kind(nodes)))
    }

    /// A call, an operator or an `in`.
    fn call(&self, call: &FnCallExpr, at: Range<usize>, depth: usize) -> Result<Node, Problem> {
        let written = self.text.get(at.clone()).unwrap_or_default();
        let name = if call.name == scan::IF_CALL { "if" } else { call.name.as_str() };
        // `in` is a call of `contains` with the sides swapped.
        let is_within = call.name == "contains" && (written == "in" || written == "!");
        if call.op_token.is_none() && !is_within {
            let arguments = self.nodes(&call.args, depth)?;
            let span = at.start..self.call_end(&at);
            let kind = match (name, arguments.as_slice()) {
                ("col", [Node { kind: NodeKind::Text(column), .. }]) => {
                    NodeKind::Column(column.clone())
                }
                _ => NodeKind::Call { name: name.to_owned(), name_span: at, arguments },
            };
            return Ok(Node { span, kind });
        }
        let (span, kind) = match call.args.as_slice() {
            [operand] => {
                let operand = Box::new(self.node(operand, depth)?);
                // `x !in [1]` is a `!` around an `in`, at the place of the `!in`.
                let start = at.start.min(operand.span.start);
                let span = start..operand.span.end;
                match name {
                    "!" => (span, NodeKind::Not(operand)),
                    "-" => (span, NodeKind::Negate(operand)),
                    "+" => return Ok(*operand),
                    _ => return Err(Problem::new(forbidden("this operator", SEE_FUNCTIONS), &at)),
                }
            }
            [list, value] if is_within => {
                let Expr::Array(list, _) = list else {
                    let what = What::Forbidden {
                        what: "`in` without a list",
                        instead: "write the values in brackets: `x in [1, 2]`",
                    };
                    return Err(Problem::new(what, &at));
                };
                let mut parts = vec![self.node(value, depth)?];
                parts.extend(self.nodes(list, depth)?);
                let start = parts.first().map_or(at.start, |value| value.span.start);
                let end = self.call_end(&at);
                let last = parts.last().map_or(end, |part| part.span.end);
                (start..end.max(last), NodeKind::In(parts))
            }
            [left, right] => {
                let operands = [self.node(left, depth)?, self.node(right, depth)?];
                let operator = Operator::of_sign(name)
                    .ok_or_else(|| Problem::new(forbidden("this operator", SEE_FUNCTIONS), &at))?;
                (around(&operands), NodeKind::Binary { operator, operands: Box::new(operands) })
            }
            _ => return Err(Problem::new(forbidden("this operator", SEE_FUNCTIONS), &at)),
        };
        Ok(Node { span: self.balanced(span), kind })
    }

    /// `if a { b } else { c }`.
    fn choice(
        &self,
        parts: &rhai::FlowControl,
        at: Range<usize>,
        depth: usize,
    ) -> Result<Node, Problem> {
        let condition = self.node(&parts.expr, depth)?;
        let then = self.branch(parts.body.statements(), &at, depth)?;
        let otherwise = self.branch(parts.branch.statements(), &at, depth)?;
        let end = self.close_after(otherwise.span.end);
        Ok(Node { span: at.start..end, kind: NodeKind::If(Box::new([condition, then, otherwise])) })
    }

    fn branch(&self, body: &[Stmt], at: &Range<usize>, depth: usize) -> Result<Node, Problem> {
        match body {
            [Stmt::Expr(expr)] => self.node(expr, depth),
            [Stmt::FnCall(call, position)] => self.call(call, self.token_span(*position), depth),
            [Stmt::If(parts, position)] => self.choice(parts, self.token_span(*position), depth),
            _ => {
                let reason = "`if` needs one value in each branch, and an `else`".to_owned();
                Err(Problem::new(What::Syntax { reason }, at))
            }
        }
    }

    /// The number at `at`, from its text: rhai has it as binary fraction, or too narrow.
    fn number(&self, at: &Range<usize>) -> Result<(Range<usize>, NodeKind), Problem> {
        let mut is_negative = false;
        let from = self.tokens.iter().skip_while(|token| token.span.start < at.start);
        for token in from {
            let text = self.text.get(token.span.clone()).unwrap_or_default();
            match (token.kind, text) {
                (TokenKind::Number, _) => {
                    let sign = if is_negative { "-" } else { "" };
                    let digits = format!("{sign}{}", text.replace('_', ""));
                    return Ok((at.start..token.span.end, NodeKind::Number(digits)));
                }
                (TokenKind::Sign, "-") => is_negative = !is_negative,
                (TokenKind::Sign, "+") | (TokenKind::Open, "(") => {}
                _ => break,
            }
        }
        let reason = "this is no number".to_owned();
        Err(Problem::new(What::Syntax { reason }, at))
    }

    /// The token at a place of the parser; the whole text if it has none there.
    fn token_span(&self, position: Position) -> Range<usize> {
        let Some(at) = self.offset(position) else { return 0..self.text.len() };
        match self.tokens.binary_search_by_key(&at, |token| token.span.start) {
            Ok(index) => self.tokens.get(index).map_or(at..at, |token| token.span.clone()),
            Err(_) => at..at,
        }
    }

    /// The byte at a place of the parser, which counts lines and characters from one.
    fn offset(&self, position: Position) -> Option<usize> {
        let (line, column) = (position.line()?, position.position().unwrap_or(1));
        let mut start = 0;
        for _ in 1..line {
            start += self.text.get(start..)?.find('\n')? + 1;
        }
        let rest = self.text.get(start..)?;
        let within = rest.char_indices().nth(column.saturating_sub(1)).map(|(at, _)| at);
        Some(start + within.unwrap_or(rest.len()))
    }

    /// The end of the group that follows the token at `at`: a call's arguments, a list.
    fn call_end(&self, at: &Range<usize>) -> usize {
        let mut depth = 0_usize;
        let behind = self.tokens.iter().filter(|token| token.span.start >= at.end);
        for token in behind {
            match token.kind {
                TokenKind::Open => depth += 1,
                TokenKind::Close => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return token.span.end;
                    }
                }
                _ => {}
            }
        }
        at.end
    }

    /// The group that begins at `at`.
    fn group_span(&self, at: &Range<usize>) -> Range<usize> {
        at.start..self.call_end(&(at.start..at.start)).max(at.end)
    }

    /// The end of the bracket that closes at or after `from`.
    fn close_after(&self, from: usize) -> usize {
        let close = self
            .tokens
            .iter()
            .find(|token| token.span.start >= from && token.kind == TokenKind::Close);
        close.map_or(from, |token| token.span.end)
    }

    /// `span`, widened to both ends of each bracket in it: the parser drops the outer ones.
    fn balanced(&self, span: Range<usize>) -> Range<usize> {
        let mut open = 0_usize;
        let mut missing = 0_usize;
        for token in self
            .tokens
            .iter()
            .filter(|token| token.span.start >= span.start && token.span.end <= span.end)
        {
            match token.kind {
                TokenKind::Open => open += 1,
                TokenKind::Close if open > 0 => open -= 1,
                TokenKind::Close => missing += 1,
                _ => {}
            }
        }
        let mut widened = span.clone();
        let before = self.tokens.iter().rev().filter(|token| token.span.end <= span.start);
        for token in before.filter(|token| token.kind == TokenKind::Open).take(missing) {
            widened.start = token.span.start;
        }
        let after = self.tokens.iter().filter(|token| token.span.start >= span.end);
        for token in after.filter(|token| token.kind == TokenKind::Close).take(open) {
            widened.end = token.span.end;
        }
        widened
    }

    fn syntax_problem(&self, error: &ParseError) -> Problem {
        let span = self.token_span(error.position());
        let what = match error.err_type() {
            ParseErrorType::UnexpectedEOF => syntax("the expression ends too early"),
            ParseErrorType::MissingToken(token, _) => syntax(&format!("`{token}` is missing")),
            ParseErrorType::ExprTooDeep => too_deep(),
            ParseErrorType::Reserved(sign) if !sign.starts_with(char::is_alphabetic) => {
                syntax(&format!("`{sign}` is no operator"))
            }
            ParseErrorType::Reserved(name) => What::Reserved { name: name.clone() },
            ParseErrorType::BadInput(LexError::UnterminatedString) => {
                syntax("the text has no end: its closing quote is missing")
            }
            ParseErrorType::MismatchedType(_, _) => {
                syntax("`&&` and `||` join conditions, and this is none")
            }
            other => syntax(&lower_first(&other.to_string())),
        };
        let is_empty = span.is_empty();
        let last = self.tokens.last().map_or(0, |token| token.span.start);
        let span = if is_empty { last.min(span.start)..self.text.len() } else { span };
        Problem::new(what, &span)
    }
}

fn syntax(reason: &str) -> What {
    What::Syntax { reason: reason.to_owned() }
}

fn too_deep() -> What {
    What::TooLarge { count: DEPTH_MAX + 1, max: DEPTH_MAX, unit: "parts inside one another" }
}

fn lower_first(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(characters).collect::<String>().replace('\'', "`")
}

/// From the first to the last of `nodes`.
fn around(nodes: &[Node]) -> Range<usize> {
    let start = nodes.iter().map(|node| node.span.start).min().unwrap_or(0);
    start..nodes.iter().map(|node| node.span.end).max().unwrap_or(start)
}
