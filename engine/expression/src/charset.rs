//! Text in the charsets that expressions read and write.

use std::borrow::Cow;

use crate::error::Fault;

/// A charset of MySQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Charset {
    /// `utf8mb4`.
    Utf8,
    /// `utf8mb3`: no characters beyond U+FFFF.
    Utf8Short,
    /// `ascii`.
    Ascii,
    /// `latin1`, which is Windows-1252 with the five codes that have no character there kept.
    Latin1,
}

/// What the codes 0x80 to 0x9f mean. Source: MySQL manual, "West European Character Sets".
const WINDOWS: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
    '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// What `bytes` of a charset show, if they are text of one that expressions read: `utf8mb4`, `utf8mb3`,
/// `ascii` and `latin1`. Different bytes show different text.
#[must_use]
pub fn shown<'a>(charset: &str, bytes: &'a [u8]) -> Option<Cow<'a, str>> {
    Charset::named(charset)?.decode(bytes).ok()
}

impl Charset {
    /// The charset of that name, if expressions read it.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "utf8mb4" => Self::Utf8,
            "utf8mb3" | "utf8" => Self::Utf8Short,
            "ascii" => Self::Ascii,
            "latin1" => Self::Latin1,
            _ => return None,
        })
    }

    /// The text that `bytes` are.
    ///
    /// # Errors
    ///
    /// [`Fault::NotText`].
    pub(crate) fn decode(self, bytes: &[u8]) -> Result<Cow<'_, str>, Fault> {
        if self == Self::Latin1 && !bytes.is_ascii() {
            return Ok(Cow::Owned(bytes.iter().map(|&byte| latin1_character(byte)).collect()));
        }
        if self == Self::Ascii && !bytes.is_ascii() {
            return Err(Fault::NotText);
        }
        std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|_| Fault::NotText)
    }

    /// The bytes that `text` is in this charset.
    ///
    /// # Errors
    ///
    /// [`Fault::NotInCharset`].
    pub(crate) fn encode(self, text: Cow<'_, str>) -> Result<Cow<'_, [u8]>, Fault> {
        let is_short = |text: &str| text.chars().all(|character| character <= '\u{ffff}');
        match self {
            _ if text.is_ascii() => {}
            Self::Utf8 => {}
            Self::Utf8Short if is_short(&text) => {}
            Self::Latin1 => {
                let bytes: Option<Vec<u8>> = text.chars().map(latin1_byte).collect();
                return bytes.map(Cow::Owned).ok_or(Fault::NotInCharset);
            }
            Self::Utf8Short | Self::Ascii => return Err(Fault::NotInCharset),
        }
        Ok(match text {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        })
    }
}

fn latin1_character(byte: u8) -> char {
    let windows = byte.checked_sub(0x80).and_then(|index| WINDOWS.get(usize::from(index)));
    windows.copied().unwrap_or(char::from(byte))
}

fn latin1_byte(character: char) -> Option<u8> {
    let index = WINDOWS.iter().position(|&windows| windows == character);
    let windows = index.and_then(|index| u8::try_from(index + 0x80).ok());
    windows.or_else(|| {
        let byte = u8::try_from(u32::from(character)).ok();
        byte.filter(|byte| !(0x80..0xa0).contains(byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_of_latin1_comes_back() {
        for byte in 0..=255_u8 {
            let text = Charset::Latin1.decode(std::slice::from_ref(&byte)).unwrap().into_owned();
            assert_eq!(*Charset::Latin1.encode(Cow::Owned(text)).unwrap(), [byte]);
        }
        assert_eq!(Charset::Latin1.encode("€ž".into()).unwrap().as_ref(), [0x80, 0x9e]);
        assert_eq!(Charset::Latin1.encode("Ω".into()), Err(Fault::NotInCharset));
    }
}
