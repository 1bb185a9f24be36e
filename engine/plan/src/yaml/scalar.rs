//! What an unquoted text is: what `serde_yaml` takes it for, where that is what YAML 1.2 says.

use super::{Kind, values::Node};

/// What the core schema of YAML 1.2 takes an unquoted text for.
///
/// Source: YAML 1.2.2, 10.3.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Core {
    Nothing,
    Boolean,
    Decimal,
    OtherBase,
    Fraction,
    Text,
}

/// What the unquoted text `written` is, which `node` was made of.
///
/// A number that may be another one, or a text, to somebody else is none of them.
pub(super) fn kind(written: &str, node: &Node) -> Kind {
    match (node, core(written)) {
        (Node::Nothing, Core::Nothing) => Kind::Nothing,
        (Node::Boolean, Core::Boolean) => Kind::Boolean,
        (Node::Integer(number), Core::Decimal) => Kind::Number(*number),
        // More digits than an integer of any reader holds.
        (Node::Fraction, Core::Decimal) => Kind::Number(None),
        (Node::Fraction, Core::Fraction) => Kind::Fraction,
        (Node::Text(_), Core::Text) => Kind::Text,
        _ => Kind::OddNumber,
    }
}

fn core(text: &str) -> Core {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let base = |prefix, radix| {
        let digits = text.strip_prefix(prefix);
        digits.is_some_and(|it| !it.is_empty() && it.chars().all(|it| it.is_digit(radix)))
    };
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Core::Nothing,
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => Core::Boolean,
        ".nan" | ".NaN" | ".NAN" => Core::Fraction,
        _ if matches!(unsigned, ".inf" | ".Inf" | ".INF") => Core::Fraction,
        _ if base("0o", 8) || base("0x", 16) => Core::OtherBase,
        _ if are_digits(unsigned) => Core::Decimal,
        _ if is_fraction(unsigned) => Core::Fraction,
        _ => Core::Text,
    }
}

fn are_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `[0-9]+(\.[0-9]*)?` or `\.[0-9]+`, and perhaps `[eE][-+]?[0-9]+`.
fn is_fraction(text: &str) -> bool {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let is_exponent = |text: &str| are_digits(text.strip_prefix(['-', '+']).unwrap_or(text));
    let is_mantissa = match mantissa.split_once('.') {
        Some(("", fraction)) => are_digits(fraction),
        Some((whole, fraction)) => {
            are_digits(whole) && (fraction.is_empty() || are_digits(fraction))
        }
        None => are_digits(mantissa),
    };
    is_mantissa && exponent.is_none_or(is_exponent)
}
