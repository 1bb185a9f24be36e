//! Filters that no row passes, as far as comparisons of one thing with constants tell.

use std::cmp::Ordering;

use crate::{
    code::{Code, CodeKind, ColumnCode},
    column::Reading,
    evaluate::{equal, order},
    syntax::Operator,
    types::Type,
    value::Value,
};

/// The most alternatives that a part may have for it to be looked at.
const ALTERNATIVES_MAX: usize = 1_000;

/// What is known of one column, or of one computed value, on the way through an `&&`.
struct Known<'c> {
    subject: &'c Code,
    can_be_null: bool,
    can_be_value: bool,
    /// The values that it may have, if they are few.
    only: Option<Vec<&'c Value<'static>>>,
    not: Vec<&'c Value<'static>>,
    low: Option<(&'c Value<'static>, bool)>,
    high: Option<(&'c Value<'static>, bool)>,
}

/// Why the condition is never true; none if that is not known.
pub(crate) fn reason(code: &Code, text: &str) -> Option<String> {
    match &code.kind {
        CodeKind::Constant(Value::Bool(true)) => None,
        CodeKind::Constant(_) => Some("it is never true".to_owned()),
        CodeKind::Any(parts) => {
            let reasons: Option<Vec<_>> = parts.iter().map(|part| reason(part, text)).collect();
            reasons?.into_iter().next()
        }
        CodeKind::All(parts) => {
            let alone = parts.iter().find_map(|part| reason(part, text));
            alone.or_else(|| together(parts, text))
        }
        _ => together(std::slice::from_ref(code), text),
    }
}

fn together(parts: &[Code], text: &str) -> Option<String> {
    let mut known: Vec<Known<'_>> = Vec::new();
    for part in parts {
        note(part, &mut known);
    }
    let impossible = known.iter().find(|known| !known.is_possible())?;
    let name = text.get(impossible.subject.span.clone()).unwrap_or("it");
    Some(if parts.len() == 1 {
        match impossible.members() {
            Some(members) => format!("`{name}` is one of {members}"),
            None => format!("`{name}` never has such a value"),
        }
    } else {
        format!("`{name}` cannot be all of that at once")
    })
}

/// Adds what a part says of its subject.
fn note<'c>(part: &'c Code, known: &mut Vec<Known<'c>>) {
    match &part.kind {
        CodeKind::All(parts) => parts.iter().for_each(|part| note(part, known)),
        CodeKind::Compare { operator, operands } => {
            let [left, right] = operands.as_ref();
            match (left.value(), right.value()) {
                (None, Some(value)) => of(left, known).compare(*operator, value),
                (Some(value), None) => of(right, known).compare(mirrored(*operator), value),
                _ => {}
            }
        }
        CodeKind::In(parts) if parts.list.len() <= ALTERNATIVES_MAX => {
            let values: Option<Vec<_>> = parts.list.iter().map(Code::value).collect();
            if let (Some(values), None) = (values, parts.value.value()) {
                of(&parts.value, known).one_of(&values);
            }
        }
        _ => {}
    }
}

/// `a < b` is `b > a`.
fn mirrored(operator: Operator) -> Operator {
    match operator {
        Operator::Less => Operator::Greater,
        Operator::LessOrEqual => Operator::GreaterOrEqual,
        Operator::Greater => Operator::Less,
        Operator::GreaterOrEqual => Operator::LessOrEqual,
        other => other,
    }
}

fn of<'k, 'c>(subject: &'c Code, known: &'k mut Vec<Known<'c>>) -> &'k mut Known<'c> {
    let place = known.iter().position(|known| is_same(known.subject, subject));
    let place = place.unwrap_or_else(|| {
        known.push(Known {
            subject,
            can_be_null: subject.typed.nullable,
            can_be_value: subject.typed.kind != Type::Null,
            only: None,
            not: Vec::new(),
            low: None,
            high: None,
        });
        known.len() - 1
    });
    &mut known[place]
}

/// Whether both are the same column.
fn is_same(one: &Code, other: &Code) -> bool {
    match (&one.kind, &other.kind) {
        (CodeKind::Column(one), CodeKind::Column(other)) => one.place == other.place,
        (CodeKind::Convert(one), CodeKind::Convert(other)) => is_same(one, other),
        _ => false,
    }
}

impl<'c> Known<'c> {
    fn compare(&mut self, operator: Operator, value: &'c Value<'static>) {
        match operator {
            Operator::Equal => return self.one_of(&[value]),
            Operator::NotEqual if value.is_null() => self.can_be_null = false,
            Operator::NotEqual => self.not.push(value),
            _ => {
                // Nothing is less or greater than NULL, and NULL than nothing.
                self.can_be_null = false;
                self.can_be_value &= !value.is_null();
            }
        }
        let narrower = |bound: Option<(&'c Value<'static>, bool)>, wanted: Ordering| {
            bound.is_none_or(|(bound, _)| {
                order(value, bound).is_some_and(|order| order == wanted || order.is_eq())
            })
        };
        match operator {
            Operator::Less if narrower(self.high, Ordering::Less) => {
                self.high = Some((value, false));
            }
            Operator::LessOrEqual
                if narrower(self.high, Ordering::Less) && !self.is_high(value) =>
            {
                self.high = Some((value, true));
            }
            Operator::Greater if narrower(self.low, Ordering::Greater) => {
                self.low = Some((value, false));
            }
            Operator::GreaterOrEqual
                if narrower(self.low, Ordering::Greater) && !self.is_low(value) =>
            {
                self.low = Some((value, true));
            }
            _ => {}
        }
    }

    fn is_high(&self, value: &Value<'_>) -> bool {
        self.high.is_some_and(|(high, _)| equal(high, value))
    }

    fn is_low(&self, value: &Value<'_>) -> bool {
        self.low.is_some_and(|(low, _)| equal(low, value))
    }

    fn one_of(&mut self, values: &[&'c Value<'static>]) {
        self.can_be_null &= values.iter().any(|value| value.is_null());
        let is_allowed = |value: &&&'c Value<'static>| {
            !value.is_null()
                && self
                    .only
                    .as_ref()
                    .is_none_or(|only| only.iter().any(|other| equal(other, value)))
        };
        self.only = Some(values.iter().filter(is_allowed).copied().collect());
    }

    /// Whether some value is left.
    fn is_possible(&self) -> bool {
        self.can_be_null || self.can_be_value && self.has_value()
    }

    fn has_value(&self) -> bool {
        if let Some(only) = &self.only {
            return only.iter().any(|value| self.allows(value));
        }
        if let (Some((low, takes_low)), Some((high, takes_high))) = (self.low, self.high) {
            let is_open = match order(low, high) {
                Some(Ordering::Less) => true,
                Some(Ordering::Equal) => takes_low && takes_high,
                _ => false,
            };
            if !is_open {
                return false;
            }
        }
        // The bounds of the type.
        let Type::Int { min, max, .. } = self.subject.typed.kind else { return true };
        let (min, max) = (Value::Int(min), Value::Int(max));
        self.within(&max, self.low, Ordering::Greater)
            && self.within(&min, self.high, Ordering::Less)
    }

    fn allows(&self, value: &Value<'_>) -> bool {
        let in_type = match (&self.subject.typed.kind, value) {
            (Type::Int { min, max, .. }, Value::Int(value)) => (min..=max).contains(&value),
            (_, Value::Text(text)) => self.is_member(text),
            _ => true,
        };
        in_type
            && !self.not.iter().any(|other| equal(other, value))
            && self.within(value, self.low, Ordering::Greater)
            && self.within(value, self.high, Ordering::Less)
    }

    /// The members of an `ENUM`, as far as anyone reads them.
    fn members(&self) -> Option<String> {
        const MEMBERS_MAX: usize = 20;
        let CodeKind::Column(ColumnCode { reading: Reading::Enum(members), .. }) =
            &self.subject.kind
        else {
            return None;
        };
        let told: Vec<String> = members.iter().map(|member| format!("{member:?}")).collect();
        (told.len() <= MEMBERS_MAX).then(|| told.join(", "))
    }

    /// Whether a text is one of an `ENUM`'s, or the empty one of its invalid value.
    fn is_member(&self, text: &str) -> bool {
        let CodeKind::Column(ColumnCode { reading: Reading::Enum(members), .. }) =
            &self.subject.kind
        else {
            return true;
        };
        text.is_empty() || members.iter().any(|member| member == text)
    }

    /// Whether the value is on the right side of a bound.
    fn within(
        &self,
        value: &Value<'_>,
        bound: Option<(&Value<'static>, bool)>,
        wanted: Ordering,
    ) -> bool {
        bound.is_none_or(|(bound, takes)| match order(value, bound) {
            Some(Ordering::Equal) => takes,
            Some(order) => order == wanted,
            None => true,
        })
    }
}
