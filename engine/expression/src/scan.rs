//! What a look at the tokens tells: slips of people who know SQL or a programming language, named as
//! such, where the parser would only say that something is unexpected.

use std::ops::Range;

use crate::{
    lex::{Token, TokenKind},
    problem::{Problem, What},
};

/// What the function `if` is called for the parser, to which `if` is a word of its own: as long, so
/// that all places stay.
pub(crate) const IF_CALL: &str = "iF";

const VARIABLE: What = forbidden("a variable", "write its value where it is used");
const LOOP: What = forbidden("a loop", "an expression computes one value of one row");
const FUNCTION: What = forbidden("a function definition", "plans/functions.md has all functions");
const JUMP: What = forbidden("a jump", "the value of an expression is its result");
const CHOICE: What = forbidden("a choice between cases", "write `if a { b } else { c }`");
const ASSIGNMENT: What = forbidden("an assignment", "`==` compares");
const BITS: What = forbidden("an operation on bits", "conditions are joined by `&&` and `||`");
const MEMBER: What = forbidden(
    "a dot",
    "columns stand without their table, and functions around their argument: `lower(email)`",
);

/// A part that no expression has, and what to write instead.
pub(crate) const fn forbidden(what: &'static str, instead: &'static str) -> What {
    What::Forbidden { what, instead }
}

/// The text as the parser should see it.
///
/// # Errors
///
/// All slips.
pub(crate) fn scan(text: &str, tokens: &[Token]) -> Result<String, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut seen = text.to_owned();
    let mut told_until = 0;
    for (index, token) in tokens.iter().enumerate() {
        if token.span.start < told_until {
            continue;
        }
        if let Some((what, span)) = null_test(text, tokens.get(index..).unwrap_or_default()) {
            told_until = span.end;
            problems.push(Problem::new(what, &span));
            continue;
        }
        let next = tokens.get(index + 1).map_or("", |next| slice(text, next));
        let word = slice(text, token);
        let slip = match token.kind {
            TokenKind::Word if word == "if" && is_call(text, tokens.get(index + 1..)) => {
                seen.replace_range(token.span.clone(), IF_CALL);
                None
            }
            TokenKind::Word => word_slip(word, next),
            TokenKind::Sign => sign_slip(word),
            TokenKind::SingleQuoted => Some(What::SingleQuotes),
            TokenKind::Backticks => Some(forbidden(
                "text in backticks",
                "write \"text\", and `col(\"a name\")` for a column",
            )),
            TokenKind::Number | TokenKind::Text | TokenKind::Open | TokenKind::Close => None,
        };
        problems.extend(slip.map(|what| Problem::new(what, &token.span)));
    }
    if problems.is_empty() { Ok(seen) } else { Err(problems) }
}

fn slice<'t>(text: &'t str, token: &Token) -> &'t str {
    text.get(token.span.clone()).unwrap_or_default()
}

/// `IS NULL` and `IS NOT NULL`: one slip, not three.
fn null_test(text: &str, tokens: &[Token]) -> Option<(What, Range<usize>)> {
    let word = |index: usize| -> Option<(String, &Token)> {
        let token = tokens.get(index)?;
        Some((slice(text, token).to_ascii_lowercase(), token))
    };
    let (first, (second, last)) = (word(0)?, word(1)?);
    let (instead, last) = match (first.0.as_str(), second.as_str()) {
        ("is", "null") => ("write `x == ()`", last),
        ("is", "not") => ("write `x != ()`", word(2).filter(|(third, _)| third == "null")?.1),
        _ => return None,
    };
    let span = first.1.span.start..last.span.end;
    let word = text.get(span.clone())?.to_owned();
    Some((What::Sql { word, instead }, span))
}

/// Whether `behind`, what follows an `if`, is a list of arguments: it has a comma of its own.
fn is_call(text: &str, behind: Option<&[Token]>) -> bool {
    let mut depth = 0_usize;
    for token in behind.unwrap_or_default() {
        match token.kind {
            TokenKind::Open => depth += 1,
            TokenKind::Close => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return false;
                }
            }
            TokenKind::Sign if depth == 1 && slice(text, token) == "," => return true,
            _ if depth == 0 => return false,
            _ => {}
        }
    }
    false
}

fn word_slip(word: &str, next: &str) -> Option<What> {
    let what = match word {
        "let" | "const" | "var" => VARIABLE,
        "while" | "loop" | "do" | "for" | "until" => LOOP,
        "fn" => FUNCTION,
        "return" | "throw" | "break" | "continue" | "try" | "catch" => JUMP,
        "switch" => CHOICE,
        "import" | "export" => forbidden("a module", "plans/functions.md has all functions"),
        "this" => forbidden("`this`", "columns stand without it"),
        _ if !word.is_ascii() => What::Literal {
            reason: format!("`{word}` has letters that names have only in quotes"),
            help: format!("write `col(\"{word}\")`"),
        },
        _ => return sql_slip(word, next),
    };
    Some(what)
}

fn sql_slip(word: &str, next: &str) -> Option<What> {
    if next == "(*" {
        return Some(What::Aggregate { name: word.to_owned() });
    }
    let instead = match (word.to_ascii_lowercase().as_str(), next) {
        ("and", _) => "write `a && b`",
        ("or", _) => "write `a || b`",
        ("not", _) => "write `!a`, or `x !in [1, 2]`",
        ("is", _) => "write `x == ()` for IS NULL, `x != ()` for IS NOT NULL",
        ("null", _) => "write `()`",
        ("between", _) => "write `x >= 1 && x <= 9`",
        ("case" | "when", _) => "write `if a { b } else { c }`",
        ("like", next) if next != "(" => "write `like(x, \"a%\")`",
        ("in", "(") => "write `x in [1, 2]`",
        ("interval", _) => "write `date_add(x, 3, \"day\")`",
        ("cast" | "convert", "(") => {
            "write `cast_signed(x)`, `cast_unsigned(x)`, `cast_decimal(x, 10, 2)`, `cast_char(x)`, \
             `cast_date(x)` or `cast_datetime(x)`"
        }
        ("distinct" | "select" | "exists", _) => "an expression sees one row",
        ("true" | "false", _) if word != "true" && word != "false" => {
            "write `true` and `false` in lower case"
        }
        _ => return None,
    };
    Some(What::Sql { word: word.to_owned(), instead })
}

fn sign_slip(sign: &str) -> Option<What> {
    Some(match sign {
        "=" | "+=" | "-=" | "*=" | "/=" | "%=" | "&=" | "|=" | "^=" | "<<=" | ">>=" | "**=" => {
            ASSIGNMENT
        }
        "<>" => What::Sql { word: sign.to_owned(), instead: "write `!=`" },
        "&" | "|" | "^" | "<<" | ">>" | "~" => BITS,
        "**" => forbidden("a power", "write the product: `x * x`"),
        ";" => forbidden("a second statement", "an expression is one value"),
        "." | "?." => MEMBER,
        "?" => forbidden("a `?`", "write `if a { b } else { c }`"),
        "->" => forbidden("an arrow", "write `json_unquote(json_extract(x, \"$.name\"))`"),
        ".." | "..=" => forbidden("a range", "write `x >= 1 && x <= 9`"),
        "#{" => forbidden("a map", "choose by `if a { b } else { c }`"),
        "::" | "=>" => forbidden("a module or a choice", "write `if a { b } else { c }`"),
        "$" => forbidden("`$`", "secrets are given to the functions that take one"),
        _ => return None,
    })
}
