//! Base64 as the server prints bytes inside JSON text.

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Appends the base64 of `bytes`, in one line.
pub(super) fn encode(bytes: &[u8], out: &mut Vec<u8>) {
    for group in bytes.chunks(3) {
        let byte = |index: usize| u32::from(group.get(index).copied().unwrap_or(0));
        let word = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            // Six bits are an index below 64.
            let digit = DIGITS[(word >> (18 - 6 * place) & 0x3f) as usize];
            out.push(if place <= group.len() { digit } else { b'=' });
        }
    }
}

/// The bytes of a base64 text; `None` when it is none. The line breaks that the server puts after
/// 76 digits, `\n` in JSON text, are passed over.
pub(super) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut word, mut digits, mut padding) = (0u32, 0, 0);
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'\\' {
            rest = rest.strip_prefix(b"n")?;
            continue;
        }
        word = word << 6 | value(byte, &mut padding)?;
        digits += 1;
        if digits == 4 {
            let [_, first, second, third] = word.to_be_bytes();
            out.extend_from_slice([first, second, third].get(..3 - padding)?);
            (word, digits) = (0, 0);
            if padding > 0 {
                return rest.is_empty().then_some(out);
            }
        }
    }
    (digits == 0).then_some(out)
}

fn value(byte: u8, padding: &mut usize) -> Option<u32> {
    if byte == b'=' {
        *padding += 1;
        return (*padding <= 2).then_some(0);
    }
    if *padding > 0 {
        return None;
    }
    let index = DIGITS.iter().position(|&digit| digit == byte)?;
    u32::try_from(index).ok()
}
