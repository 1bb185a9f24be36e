//! Functions that choose between their arguments, and those that stand for something of the source.

use std::borrow::Cow;

use crate::{
    code::{Code, CodeKind},
    function::{
        Form, Function, Origin,
        resolve::{Call, fold, null, unify},
    },
    problem::{Problem, What},
    types::{Type, Typed},
    value::Value,
};

/// The functions of this file.
pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        name: "if",
        usage: "if(condition, then, otherwise)",
        doc: "The second argument if the condition is true, else the third: also where it is NULL. \
              `if condition { then } else { otherwise }` is the same.",
        example: "if(2 > 1, \"more\", \"less\")",
        result: "\"more\"",
        origin: Origin::Mysql,
        least: 3,
        most: 3,
        form: Form::Tree(choose),
    },
    Function {
        name: "coalesce",
        usage: "coalesce(value, …)",
        doc: "The first argument that is not NULL. `a ?? b` is the same.",
        example: "coalesce((), 2, 3)",
        result: "2",
        origin: Origin::Mysql,
        least: 1,
        most: usize::MAX,
        form: Form::Tree(coalesce),
    },
    Function {
        name: "ifnull",
        usage: "ifnull(value, otherwise)",
        doc: "The first argument, or the second where the first is NULL.",
        example: "ifnull((), \"none\")",
        result: "\"none\"",
        origin: Origin::Mysql,
        least: 2,
        most: 2,
        form: Form::Tree(coalesce),
    },
    Function {
        name: "must_fit",
        usage: "must_fit(value)",
        doc: "The value as it is. A value of a type that may not fit its column is refused beforehand; \
              with this around it, a row whose value does not fit fails, and the column's `on_error` \
              says what then.",
        example: "must_fit(7)",
        result: "7",
        origin: Origin::Own,
        least: 1,
        most: 1,
        form: Form::Tree(must_fit),
    },
    Function {
        name: "col",
        usage: "col(\"a name\")",
        doc: "The column of that name: for names that are no words of this language, such as `col(\"net price\")`.",
        example: "",
        result: "",
        origin: Origin::Own,
        least: 1,
        most: 1,
        form: Form::Tree(column),
    },
    Function {
        name: "table_name",
        usage: "table_name()",
        doc: "The name of the source's table: tells rows of several sources apart.",
        example: "",
        result: "",
        origin: Origin::Own,
        least: 0,
        most: 0,
        form: Form::Tree(table_name),
    },
];

fn choose(call: &mut Call<'_>) -> Result<Code, Problem> {
    call.condition(0)?;
    let mut arguments = std::mem::take(&mut call.arguments);
    let branches = arguments.split_off(1);
    let (branches, kind) = unify(branches)?;
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
