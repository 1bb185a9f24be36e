//! Functions that choose between their arguments, and those that stand for something of the source.

use std::{borrow::Cow, cmp::Ordering};

use crate::{
    check::comparable,
    code::{CallCode, Code, CodeKind},
    error::Fault,
    evaluate::{equal, order},
    function::{
        ANY, Form, Function, MYSQL, OWN,
        resolve::{Call, fold, null, unify},
        values::take,
    },
    problem::{Problem, What},
    types::{Type, Typed, common},
    value::Value,
};

/// The functions of this file.
pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        name: "if",
        usage: "if(condition, then, otherwise)",
        doc: "The second argument if the condition is true, else the third: also where it is NULL. \
              `if condition { then } else { otherwise }` is the same.",
        example: ("if(2 > 1, \"more\", \"less\")", "\"more\""),
        takes: (3, 3),
        form: Form::Tree(choose),
        ..MYSQL
    },
    Function {
        name: "coalesce",
        usage: "coalesce(value, …)",
        doc: "The first argument that is not NULL. `a ?? b` is the same.",
        example: ("coalesce((), 2, 3)", "2"),
        takes: (1, ANY),
        form: Form::Tree(coalesce),
        ..MYSQL
    },
    Function {
        name: "ifnull",
        usage: "ifnull(value, otherwise)",
        doc: "The first argument, or the second where the first is NULL.",
        example: ("ifnull((), \"none\")", "\"none\""),
        takes: (2, 2),
        form: Form::Tree(coalesce),
        ..MYSQL
    },
    Function {
        name: "nullif",
        usage: "nullif(value, other)",
        doc: "NULL where both are equal (by this language's `==`), else the first argument.",
        example: ("nullif(\"\", \"\")", "()"),
        takes: (2, 2),
        form: Form::SeesNull(resolve_nullif, nullif),
        ..MYSQL
    },
    Function {
        name: "greatest",
        usage: "greatest(value, value, …)",
        doc: "The largest argument. NULL if any is NULL. Text compares character by character.",
        example: ("greatest(1, 2.50)", "2.50"),
        takes: (2, ANY),
        form: Form::Call(resolve_most, greatest),
        ..MYSQL
    },
    Function {
        name: "least",
        usage: "least(value, value, …)",
        doc: "The least argument. NULL if any is NULL. Text compares character by character.",
        example: ("least(\"b\", \"a\")", "\"a\""),
        takes: (2, ANY),
        form: Form::Call(resolve_most, least),
        ..MYSQL
    },
    Function {
        name: "must_fit",
        usage: "must_fit(value)",
        doc: "The value as it is. A value of a type that may not fit its column is refused beforehand; \
              with this around the whole expression, a row whose value does not fit fails instead, and \
              the column's `on_error` says what then.",
        example: ("must_fit(7)", "7"),
        form: Form::Tree(must_fit),
        ..OWN
    },
    Function {
        name: "col",
        usage: "col(\"a name\")",
        doc: "The column of that name: for names that are no words of this language, such as \
              `col(\"net price\")`.",
        form: Form::Tree(column),
        ..OWN
    },
    Function {
        name: "table_name",
        usage: "table_name()",
        doc: "The name of the source's table: tells rows of several sources apart.",
        takes: (0, 0),
        form: Form::Tree(table_name),
        ..OWN
    },
];

fn choose(call: &mut Call<'_>) -> Result<Code, Problem> {
    call.condition(0)?;
    let mut arguments = std::mem::take(&mut call.arguments);
    let branches = arguments.split_off(1);
    let (branches, kind) = choose_type(branches)?;
    let mut all = arguments.into_iter().chain(branches);
    let (Some(condition), Some(then), Some(otherwise)) = (all.next(), all.next(), all.next())
    else {
        return Err(call.bad_literal(0, "`if` takes three arguments", ""));
    };
    if let Some(condition) = condition.value() {
        return Ok(if *condition == Value::Bool(true) { then } else { otherwise });
    }
    let typed = Typed::new(kind, then.typed.nullable || otherwise.typed.nullable);
    let parts = Box::new([condition, then, otherwise]);
    Ok(Code { kind: CodeKind::If(parts), typed, span: call.span.clone() })
}

/// As [`unify`], but exact numbers keep their digits: the server prints the one that is chosen as it is.
fn choose_type(branches: Vec<Code>) -> Result<(Vec<Code>, Type), Problem> {
    let mut kind = Type::Null;
    for branch in &branches {
        let Some(next @ (Type::Null | Type::Decimal { .. } | Type::Int { .. })) =
            common(&kind, &branch.typed.kind)
        else {
            return unify(branches);
        };
        kind = next;
    }
    if matches!(kind, Type::Decimal { .. }) { Ok((branches, kind)) } else { unify(branches) }
}

fn coalesce(call: &mut Call<'_>) -> Result<Code, Problem> {
    joined(std::mem::take(&mut call.arguments), &call.span)
}

/// `a ?? b`.
pub(crate) fn joined(parts: Vec<Code>, span: &std::ops::Range<usize>) -> Result<Code, Problem> {
    let (parts, kind) = unify(parts)?;
    let nullable = parts.iter().all(|part| part.typed.nullable);
    let typed = Typed::new(kind, nullable);
    fold(Code { kind: CodeKind::Coalesce(parts), typed, span: span.clone() })
}

fn column(call: &mut Call<'_>) -> Result<Code, Problem> {
    let what = What::NotLiteral { role: "the name of a column".to_owned() };
    Err(Problem::new(what, &call.argument(0).span))
}

fn table_name(call: &mut Call<'_>) -> Result<Code, Problem> {
    let name = call.table_name.to_owned();
    let kind = Type::text(name.chars().count());
    Ok(Code::constant(Value::Text(Cow::Owned(name)), kind, &call.span))
}

fn must_fit(call: &mut Call<'_>) -> Result<Code, Problem> {
    let value = call.arguments.pop().unwrap_or_else(|| null(&call.span));
    let typed = value.typed.clone();
    Ok(Code { kind: CodeKind::MustFit(Box::new(value)), typed, span: call.span.clone() })
}

fn nullif<'a>(_: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    let is_equal = matches!(values, [value, other] if equal(value, other));
    Ok(if is_equal { Value::Null } else { take(values, 0) })
}

fn resolve_nullif(call: &mut Call<'_>) -> Result<Typed, Problem> {
    let kind = call.kind(0).clone();
    if let Some(other) = call.arguments.pop() {
        let value = call.arguments.pop().unwrap_or_else(|| null(&call.span));
        let (value, other) = comparable(value, other)?;
        let kind = value.typed.kind.clone();
        call.arguments.extend([value, other]);
        return Ok(Typed::new(kind, true));
    }
    Ok(Typed::new(kind, true))
}

fn resolve_most(call: &mut Call<'_>) -> Result<Typed, Problem> {
    let kind = call.unify(0)?;
    match kind {
        Type::Json | Type::Bool | Type::CopyOnly => {
            Err(call.wrong(0, "a number, a text, a date or a time", ""))
        }
        kind => Ok(call.typed(kind)),
    }
}

fn greatest<'a>(_: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    Ok(most(values, Ordering::Greater))
}

fn least<'a>(_: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    Ok(most(values, Ordering::Less))
}

fn most<'a>(values: &mut [Value<'a>], wanted: Ordering) -> Value<'a> {
    let mut best = 0;
    for (index, value) in values.iter().enumerate().skip(1) {
        if values.get(best).and_then(|best| order(value, best)) == Some(wanted) {
            best = index;
        }
    }
    take(values, best)
}
