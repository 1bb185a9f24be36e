//! Functions over bytes: their text, their digests, UUIDs.

use md5::Md5;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

use crate::{
    code::CallCode,
    error::Fault,
    function::{
        Form, Function, MYSQL,
        resolve::Call,
        values::{bytes, int, text, text_value},
    },
    problem::Problem,
    types::{Type, Typed},
    value::Value,
};

const NO_UUID: Fault = Fault::Argument("the text is no UUID");

/// The functions of this file.
pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        name: "hex",
        usage: "hex(value)",
        doc: "The bytes as hexadecimal digits, two for each: of text its UTF-8. Of an integer its \
              hexadecimal digits, of a negative one those of its 64 bits.",
        example: ("hex(\"Å\")", "\"C385\""),
        form: Form::Call(resolve_hex, hex),
        ..MYSQL
    },
    Function {
        name: "unhex",
        usage: "unhex(text)",
        doc: "The bytes of hexadecimal digits. NULL for other text.",
        example: ("hex(unhex(\"c385\"))", "\"C385\""),
        form: Form::Call(resolve_unhex, unhex),
        ..MYSQL
    },
    Function {
        name: "md5",
        usage: "md5(value)",
        doc: "The MD5 digest of bytes, or of text in UTF-8, as 32 hexadecimal digits.",
        example: ("md5(\"abc\")", "\"900150983cd24fb0d6963f7d28e17f72\""),
        form: Form::Call(resolve_md5, md5),
        ..MYSQL
    },
    Function {
        name: "sha2",
        usage: "sha2(value, bits)",
        doc: "The SHA-2 digest of bytes, or of text in UTF-8, as hexadecimal digits; 224, 256, 384 or \
              512 bits.",
        example: (
            "sha2(\"abc\", 256)",
            "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"",
        ),
        takes: (2, 2),
        form: Form::Call(resolve_sha2, sha2),
        ..MYSQL
    },
    Function {
        name: "uuid_to_bin",
        usage: "uuid_to_bin(text, swap)",
        doc: "The 16 bytes of a UUID; with `swap` 1 the time's high part comes first, so that UUIDs of \
              version 1 grow. Other text fails.",
        example: (
            "hex(uuid_to_bin(\"6ccd780c-baba-1026-9564-5b8c656024db\", 1))",
            "\"1026BABA6CCD780C95645B8C656024DB\"",
        ),
        takes: (1, 2),
        form: Form::Call(resolve_to_bin, uuid_to_bin),
        ..MYSQL
    },
    Function {
        name: "bin_to_uuid",
        usage: "bin_to_uuid(bytes, swap)",
        doc: "The UUID of 16 bytes; with `swap` 1 of those that `uuid_to_bin(text, 1)` gives. Another \
              number of bytes fails.",
        example: (
            "bin_to_uuid(unhex(\"6CCD780CBABA102695645B8C656024DB\"))",
            "\"6ccd780c-baba-1026-9564-5b8c656024db\"",
        ),
        takes: (1, 2),
        form: Form::Call(resolve_from_bin, bin_to_uuid),
        ..MYSQL
    },
];

/// Lower-case hexadecimal digits.
pub(super) fn digits(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// The bytes of hexadecimal digits, of which the first may stand alone.
pub(super) fn from_digits(text: &str) -> Option<Vec<u8>> {
    let nibbles: Option<Vec<u8>> = text
        .chars()
        .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let mut nibbles = nibbles?;
    if nibbles.len() % 2 == 1 {
        nibbles.insert(0, 0);
    }
    Some(
        nibbles
            .chunks(2)
            .map(|pair| pair.iter().fold(0, |byte, nibble| byte << 4 | nibble))
            .collect(),
    )
}

/// The most bytes of an argument that is text or bytes.
fn byte_count(call: &Call<'_>, index: usize) -> Result<u32, Problem> {
    match *call.kind(index) {
        Type::Bytes { bytes_max } => Ok(bytes_max),
        _ => Ok(call.text(index)?.saturating_mul(4)),
    }
}

fn resolve_hex(call: &mut Call<'_>) -> Result<Typed, Problem> {
    let characters_max = match *call.kind(0) {
        Type::Int { .. } => 16,
        _ => byte_count(call, 0)?.saturating_mul(2),
    };
    Ok(call.typed(Type::Text { characters_max }))
}

fn hex<'a>(_: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    if let Some(Value::Int(value)) = values.first() {
        let bits = u64::try_from(*value)
            .ok()
            .or_else(|| i64::try_from(*value).ok().map(i64::cast_unsigned));
        return Ok(text_value(format!("{:X}", bits.ok_or(Fault::OutOfRange)?)));
    }
    Ok(text_value(digits(bytes(values, 0)?).to_ascii_uppercase()))
}

fn resolve_unhex(call: &mut Call<'_>) -> Result<Typed, Problem> {
    let characters = call.text(0)?;
    Ok(Typed::new(Type::Bytes { bytes_max: characters.div_ceil(2) }, true))
}

fn unhex<'a>(_: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    Ok(from_digits(text(values, 0)?).map_or(Value::Null, |bytes| Value::Bytes(bytes.into())))
}

fn resolve_md5(call: &mut Call<'_>) -> Result<Typed, Problem> {
    byte_count(call, 0)?;
    Ok(call.typed(Type::Text { characters_max: 32 }))
}

fn md5<'a>(_: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    Ok(text_value(digits(&Md5::digest(bytes(values, 0)?))))
}

fn resolve_sha2(call: &mut Call<'_>) -> Result<Typed, Problem> {
    byte_count(call, 0)?;
    let bits = match call.literal_int(1)? {
        0 => 256,
        bits @ (224 | 256 | 384 | 512) => bits,
        _ => {
            let help = "write 224, 256, 384 or 512";
            return Err(call.bad_literal(1, "SHA-2 has no digest of so many bits", help));
        }
    };
    Ok(call.typed(Type::text(bits / 4)))
}

fn sha2<'a>(_: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    let bytes = bytes(values, 0)?;
    Ok(text_value(match int(values, 1)? {
        224 => digits(&Sha224::digest(bytes)),
        384 => digits(&Sha384::digest(bytes)),
        512 => digits(&Sha512::digest(bytes)),
        _ => digits(&Sha256::digest(bytes)),
    }))
}

fn resolve_swap(call: &Call<'_>) -> Result<(), Problem> {
    if call.arguments.len() == 2 && !(0..=1).contains(&call.literal_int(1)?) {
        return Err(call.bad_literal(1, "this is no choice", "write 1 to swap, 0 not to"));
    }
    Ok(())
}

fn resolve_to_bin(call: &mut Call<'_>) -> Result<Typed, Problem> {
    call.text(0)?;
    resolve_swap(call)?;
    Ok(call.typed(Type::Bytes { bytes_max: 16 }))
}

fn is_swapped(values: &[Value<'_>]) -> bool {
    matches!(values.get(1), Some(Value::Int(1)))
}

/// The digits of a UUID: alone, with dashes, or with dashes in braces.
fn uuid_digits(text: &str) -> Option<String> {
    let plain = match text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        Some(inner) if inner.len() == 36 => inner,
        Some(_) => return None,
        None => text,
    };
    if plain.len() == 32 {
        return Some(plain.to_owned());
    }
    let parts: Vec<&str> = plain.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    (lengths == [8, 4, 4, 4, 12]).then(|| parts.concat())
}

fn uuid_to_bin<'a>(_: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    let digits = uuid_digits(text(values, 0)?).ok_or(NO_UUID)?;
    let bytes = from_digits(&digits).filter(|bytes| bytes.len() == 16).ok_or(NO_UUID)?;
    let bytes =
        if is_swapped(values) { moved(&bytes, [(6, 8), (4, 6), (0, 4), (8, 16)]) } else { bytes };
    Ok(Value::Bytes(bytes.into()))
}

fn moved(bytes: &[u8], parts: [(usize, usize); 4]) -> Vec<u8> {
    let part = |(from, to): (usize, usize)| bytes.get(from..to).unwrap_or_default();
    parts.into_iter().flat_map(part).copied().collect()
}

fn resolve_from_bin(call: &mut Call<'_>) -> Result<Typed, Problem> {
    if !matches!(call.kind(0), Type::Bytes { .. } | Type::Null) {
        return Err(call.wrong(0, "bytes", "`unhex(…)` makes bytes of hexadecimal digits"));
    }
    resolve_swap(call)?;
    Ok(call.typed(Type::Text { characters_max: 36 }))
}

fn bin_to_uuid<'a>(_: &'a CallCode, values: &mut [Value<'a>]) -> Result<Value<'a>, Fault> {
    let all = bytes(values, 0)?;
    if all.len() != 16 {
        return Err(Fault::Argument("a UUID has 16 bytes"));
    }
    let plain = if is_swapped(values) {
        moved(all, [(4, 8), (2, 4), (0, 2), (8, 16)])
    } else {
        all.to_vec()
    };
    let digits = digits(&plain);
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    let parts = [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)];
    Ok(text_value(parts.join("-")))
}
