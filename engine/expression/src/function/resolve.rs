//! What functions check their arguments with.

use std::ops::Range;

use crate::{
    code::{Code, CodeKind},
    function::Function,
    prepared::Prepared,
    problem::{Problem, What},
    types::{Type, Typed, common},
    value::Value,
};

/// A call while it is checked.
pub(crate) struct Call<'c> {
    pub(crate) function: &'static Function,
    pub(crate) arguments: Vec<Code>,
    /// Of the whole call.
    pub(crate) span: Range<usize>,
    pub(crate) prepared: Prepared,
    /// The source's table.
    pub(crate) table_name: &'c str,
    pub(crate) secret: &'c dyn Fn(&str) -> Result<String, String>,
}

impl Call<'_> {
    /// The argument's place among the others, in words.
    fn role(&self, index: usize) -> String {
        let ordinal = match (index, self.arguments.len()) {
            (_, 1) => "the argument",
            (0, _) => "the first argument",
            (1, _) => "the second argument",
            (2, _) => "the third argument",
            _ => "an argument",
        };
        format!("{ordinal} of `{}`", self.function.name)
    }

    /// The argument `index`; only those that the function takes are asked for.
    pub(crate) fn argument(&self, index: usize) -> &Code {
        let argument = self.arguments.get(index);
        assert!(argument.is_some(), "the count of arguments was checked");
        argument.unwrap_or_else(|| &self.arguments[0])
    }

    pub(crate) fn kind(&self, index: usize) -> &Type {
        &self.argument(index).typed.kind
    }

    /// Whether the argument may be `NULL`.
    pub(crate) fn any_nullable(&self) -> bool {
        self.arguments.iter().any(|argument| argument.typed.nullable)
    }

    /// A result that is `NULL` when an argument is.
    pub(crate) fn typed(&self, kind: Type) -> Typed {
        Typed::new(kind, self.any_nullable())
    }

    /// That the argument is of another type.
    pub(crate) fn wrong(&self, index: usize, wanted: &str, remedy: &str) -> Problem {
        let argument = self.argument(index);
        let what = What::WrongType {
            role: self.role(index),
            found: argument.typed.kind.clone(),
            wanted: wanted.to_owned(),
            remedy: remedy.to_owned(),
        };
        Problem::new(what, &argument.span)
    }

    /// The most characters of the argument, which must be text.
    pub(crate) fn text(&self, index: usize) -> Result<u32, Problem> {
        match *self.kind(index) {
            Type::Text { characters_max } => Ok(characters_max),
            Type::Null => Ok(0),
            Type::Int { .. } | Type::Decimal { .. } | Type::Date | Type::Datetime { .. } => {
                Err(self.wrong(index, "text", "write `cast_char(…)` around it"))
            }
            Type::Bytes { .. } => Err(self.wrong(
                index,
                "text",
                "`cast_char(…)` reads bytes as UTF-8 text, `hex(…)` shows them",
            )),
            _ => Err(self.wrong(index, "text", "")),
        }
    }

    /// As [`Call::text`], and numbers, dates and times become the text that the server prints.
    pub(crate) fn printed(&mut self, index: usize) -> Result<u32, Problem> {
        let Some(characters_max) = printed_characters(self.kind(index)) else {
            return Err(self.wrong(index, "text or what has one", ""));
        };
        if !matches!(self.kind(index), Type::Text { .. } | Type::Null) {
            self.replace(index, |argument| print(argument, characters_max))?;
        }
        Ok(characters_max)
    }

    /// Puts what `make` makes of the argument in its place.
    pub(crate) fn replace(
        &mut self,
        index: usize,
        make: impl FnOnce(Code) -> Code,
    ) -> Result<(), Problem> {
        let Some(place) = self.arguments.get_mut(index) else { return Ok(()) };
        let taken = std::mem::replace(place, null(&self.span));
        *place = fold(make(taken))?;
        Ok(())
    }

    /// The bounds of the argument, which must be an integer.
    pub(crate) fn int(&self, index: usize) -> Result<(i128, i128), Problem> {
        match *self.kind(index) {
            Type::Int { min, max, .. } => Ok((min, max)),
            Type::Null => Ok((0, 0)),
            _ => Err(self.wrong(index, "an integer", "")),
        }
    }

    /// That the argument is a condition.
    pub(crate) fn condition(&self, index: usize) -> Result<(), Problem> {
        match self.kind(index) {
            Type::Bool | Type::Null => Ok(()),
            _ => Err(self.wrong(index, "a condition", "compare it, such as `x != 0`")),
        }
    }

    /// The text of the argument, which must be written out.
    pub(crate) fn literal(&self, index: usize) -> Result<&str, Problem> {
        let argument = self.argument(index);
        argument.text_value().ok_or_else(|| {
            if matches!(argument.kind, CodeKind::Constant(_)) {
                self.wrong(index, "text in double quotes", "")
            } else {
                let what = What::NotLiteral { role: self.role(index) };
                Problem::new(what, &argument.span)
            }
        })
    }

    /// The integer of the argument, which must be written out.
    pub(crate) fn literal_int(&self, index: usize) -> Result<i128, Problem> {
        let argument = self.argument(index);
        match (argument.value(), &argument.kind) {
            (Some(Value::Int(value)), _) => Ok(*value),
            (_, CodeKind::Constant(_)) => Err(self.wrong(index, "an integer", "")),
            _ => {
                let what = What::NotLiteral { role: self.role(index) };
                Err(Problem::new(what, &argument.span))
            }
        }
    }

    /// The argument's type, which must be one of a date, or of a date and a time; text that is
    /// written out becomes one.
    pub(crate) fn day(&mut self, index: usize) -> Result<Type, Problem> {
        if let Some(text) = self.argument(index).text_value() {
            let wanted = Type::Datetime { fsp: 0 };
            let span = self.argument(index).span.clone();
            let literal = crate::temporal::literal(text, &wanted, &span)?;
            self.replace(index, |_| literal)?;
        }
        match self.kind(index) {
            kind @ (Type::Date | Type::Datetime { .. }) => Ok(kind.clone()),
            Type::Null => Ok(Type::Date),
            Type::Text { .. } => {
                Err(self.wrong(index, "a date", "write `cast_date(…)` or `cast_datetime(…)`"))
            }
            _ => Err(self.wrong(index, "a date, or a date and time", "")),
        }
    }

    /// That the literal at `index` is none of its kind.
    pub(crate) fn bad_literal(&self, index: usize, reason: &str, help: &str) -> Problem {
        let what = What::Literal { reason: reason.to_owned(), help: help.to_owned() };
        Problem::new(what, &self.argument(index).span)
    }

    /// Gives the arguments from `first` on the type that they have in common.
    pub(crate) fn unify(&mut self, first: usize) -> Result<Type, Problem> {
        let rest = self.arguments.split_off(first.min(self.arguments.len()));
        let (rest, kind) = unify(rest)?;
        self.arguments.extend(rest);
        Ok(kind)
    }
}

/// What a function that is no part of the tree is made of.
pub(crate) fn nothing(call: &mut Call<'_>) -> Result<Code, Problem> {
    Ok(null(&call.span))
}

/// Text that is written out, as what the other side is: a date, a time or bytes.
///
/// # Errors
///
/// Text that is none.
pub(crate) fn literal_as(code: Code, other: &Type) -> Result<Code, Problem> {
    let Some(text) = code.text_value() else { return Ok(code) };
    match other {
        Type::Date | Type::Datetime { .. } | Type::Time { .. } => {
            crate::temporal::literal(text, other, &code.span)
        }
        Type::Bytes { .. } => {
            let bytes = text.as_bytes().to_vec();
            let bytes_max = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            let value = Value::Bytes(bytes.into());
            Ok(Code::constant(value, Type::Bytes { bytes_max }, &code.span))
        }
        _ => Ok(code),
    }
}

/// The parts, each of the type that all have in common.
///
/// # Errors
///
/// The first part that has none in common with those before it.
pub(crate) fn unify(parts: Vec<Code>) -> Result<(Vec<Code>, Type), Problem> {
    let is_literal_as = |kind: &Type| {
        matches!(kind, Type::Date | Type::Datetime { .. } | Type::Time { .. } | Type::Bytes { .. })
    };
    let other = parts.iter().map(|part| part.typed.kind.clone()).find(is_literal_as);
    let parts = match other {
        Some(other) => {
            let parts = parts.into_iter().map(|part| literal_as(part, &other));
            parts.collect::<Result<Vec<_>, _>>()?
        }
        None => parts,
    };
    let mut kind = Type::Null;
    for part in &parts {
        kind = common(&kind, &part.typed.kind).ok_or_else(|| no_common_type(&kind, part))?;
    }
    let parts = parts.into_iter().map(|part| converted(part, &kind));
    Ok((parts.collect::<Result<_, _>>()?, kind))
}

/// The part as one of the type `kind`, which it has in common with it.
pub(crate) fn converted(part: Code, kind: &Type) -> Result<Code, Problem> {
    let is_same = std::mem::discriminant(&part.typed.kind) == std::mem::discriminant(kind)
        && !matches!(kind, Type::Decimal { .. });
    if is_same || part.typed.kind == Type::Null || part.typed.kind == *kind {
        return Ok(part);
    }
    let typed = Typed::new(kind.clone(), part.typed.nullable);
    let span = part.span.clone();
    fold(Code { kind: CodeKind::Convert(Box::new(part)), typed, span })
}

pub(crate) fn no_common_type(kind: &Type, part: &Code) -> Problem {
    let what = What::NoCommonType {
        left: kind.clone(),
        right: part.typed.kind.clone(),
        remedy: remedy(kind, part),
    };
    Problem::new(what, &part.span)
}

/// How a value comes together with those of another type.
fn remedy(left: &Type, part: &Code) -> String {
    let fixed = match (left, &part.typed.kind) {
        (Type::Text { .. }, other) if other.is_number() => {
            if let Some(Value::Int(number)) = part.value() {
                return format!(
                    "write it as text: `\"{number}\"`, or read a number from the text, such as by \
                     `cast_signed(x)`"
                );
            }
            "write `cast_char(…)` around the number, or read one from the text, such as by \
             `cast_decimal(x, 10, 2)`"
        }
        (other, Type::Text { .. }) if other.is_number() => {
            "write the number without quotes, or read one from the text, such as by \
             `cast_decimal(x, 10, 2)`"
        }
        (Type::Text { .. }, Type::Bytes { .. }) | (Type::Bytes { .. }, Type::Text { .. }) => {
            "`cast_char(…)` reads bytes as UTF-8 text, `unhex(\"…\")` writes bytes"
        }
        (Type::Text { .. }, Type::Date | Type::Datetime { .. } | Type::Time { .. })
        | (Type::Date | Type::Datetime { .. } | Type::Time { .. }, Type::Text { .. }) => {
            "write `cast_date(…)`, `cast_datetime(…)` or `cast_char(…)` around one"
        }
        (Type::Json, _) | (_, Type::Json) => {
            "take a value out of the document: `json_unquote(json_extract(x, \"$.name\"))`"
        }
        _ => "compare or join values of one type: `cast_char(…)` makes text of most",
    };
    fixed.to_owned()
}

/// `NULL` at a place.
pub(crate) fn null(span: &Range<usize>) -> Code {
    Code::constant(Value::Null, Type::Null, span)
}

/// The part with its value computed if that needs no row.
pub(crate) fn fold(code: Code) -> Result<Code, Problem> {
    code.folded().map_err(|error| {
        let what = What::AlwaysFails { reason: error.fault.to_string() };
        Problem::new(what, &error.span)
    })
}

/// The text that the server prints for a value; of a choice that of the chosen one.
pub(crate) fn print(code: Code, characters_max: u32) -> Code {
    let typed = Typed::new(Type::Text { characters_max }, code.typed.nullable);
    let span = code.span.clone();
    let kind = match code.kind {
        CodeKind::If(parts) => {
            let [condition, then, otherwise] = *parts;
            let branch = |branch| print(branch, characters_max);
            CodeKind::If(Box::new([condition, branch(then), branch(otherwise)]))
        }
        kind => {
            let plain = Code { kind, typed: code.typed, span: code.span };
            CodeKind::Print(Box::new(plain))
        }
    };
    Code { kind, typed, span }
}

/// The most characters that the server prints a value of the type with.
pub(crate) fn printed_characters(kind: &Type) -> Option<u32> {
    let fraction = |fsp: u8| if fsp == 0 { 0 } else { u32::from(fsp) + 1 };
    Some(match *kind {
        Type::Null => 0,
        Type::Bool => 1,
        Type::Text { characters_max } => characters_max,
        Type::Int { min, max, .. } => {
            let most = min.to_string().len().max(max.to_string().len());
            u32::try_from(most).unwrap_or(u32::MAX)
        }
        Type::Decimal { precision, scale } => {
            u32::from(precision) + 1 + u32::from(scale > 0) + u32::from(scale >= precision)
        }
        Type::Date => 10,
        Type::Time { fsp } => 10 + fraction(fsp),
        Type::Datetime { fsp } => 19 + fraction(fsp),
        Type::Double | Type::Bytes { .. } | Type::Json | Type::CopyOnly => return None,
    })
}
