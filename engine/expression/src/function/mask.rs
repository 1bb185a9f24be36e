//! Functions that hide what a value is.

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::{
    code::CallCode,
    error::Fault,
    function::{
        Form, Function, OWN,
        digest::digits,
        resolve::Call,
        values::{bytes, count, int, text, text_value},
    },
    prepared::{Prepared, Secret},
    problem::Problem,
    syntax::KEYED,
    types::{Type, Typed},
    value::Value,
};

/// The functions of this file.
pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        name: "mask",
        usage: "mask(text, left, right)",
        doc: "The text with `*` for each character but the first `left` and the last `right` ones. A \
              text that is no longer than those is masked whole.",
        example: ("mask(\"4111111111111111\", 0, 4)", "\"************1111\""),
        takes: (3, 3),
        form: Form::Call(resolve_mask, mask),
        ..OWN
    },
    Function {
        name: KEYED,
        usage: "hash_token(value, \"${env:KEY}\")",
        doc: "HMAC-SHA-256 of text in UTF-8, of bytes, or of a number as it is printed, as 64 \
              hexadecimal digits: equal values stay equal, and nobody can try values without the key. \
              The key, of 16 bytes or more, is never written into the plan: it is a reference to an \
              environment variable or, as `${file:/run/secrets/key}`, to a file, without the line's \
              end. It is shown nowhere. With another key the plan is another one: of the key's \
              digest, the run's state keeps enough to notice.",
        takes: (2, 2),
        form: Form::Call(resolve_token, hash_token),
        ..OWN
    },
];

fn resolve_mask(call: &mut Call<'_>) -> Result<Typed, Problem> {
    let characters_max = call.text(0)?;
    call.int(1)?;
    call.int(2)?;
    Ok(call.typed(Type::Text { characters_max }))
}

fn mask<'a>(_: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    let all = text(values, 0)?;
    let (left, right) = (count(int(values, 1)?), count(int(values, 2)?));
    let characters = all.chars().count();
    let (left, right) =
        if left.saturating_add(right) >= characters { (0, 0) } else { (left, right) };
    let is_shown = |index: usize| index < left || index >= characters - right;
    let masked = all.chars().enumerate();
    Ok(text_value(
        masked
            .map(|(index, character)| if is_shown(index) { character } else { '*' })
            .collect::<String>(),
    ))
}

/// The least bytes of a key: with fewer, keys can be tried.
const KEY_BYTES_MIN: usize = 16;

fn resolve_token(call: &mut Call<'_>) -> Result<Typed, Problem> {
    if !matches!(call.kind(0), Type::Bytes { .. }) {
        call.printed(0)?;
    }
    let reference = call.literal(1)?.to_owned();
    let is_reference = reference.starts_with("${") && reference.ends_with('}');
    if !is_reference {
        return Err(call.bad_literal(
            1,
            "a key has no place in a plan",
            "write a reference to it: \"${env:TOKEN_KEY}\" or \"${file:/run/secrets/token-key}\"",
        ));
    }
    let key = (call.secret)(&reference).map_err(|reason| call.bad_literal(1, &reason, ""))?;
    if key.len() < KEY_BYTES_MIN {
        return Err(call.bad_literal(1, "the key has less than 16 bytes", "take a longer one"));
    }
    call.prepared = Prepared::Key(Secret(key));
    // The reference is no argument any more.
    call.arguments.truncate(1);
    Ok(call.typed(Type::Text { characters_max: 64 }))
}

fn hash_token<'a>(code: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    let Prepared::Key(key) = &code.prepared else { return Err(Fault::OtherTable) };
    let keyed = Hmac::<Sha256>::new_from_slice(key.0.as_bytes());
    let mut keyed = keyed.map_err(|_| Fault::Argument("the key cannot be used"))?;
    keyed.update(bytes(values, 0)?);
    Ok(text_value(digits(&keyed.finalize().into_bytes())))
}
