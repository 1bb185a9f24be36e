//! Values that are hard on someone.

use whimbrel_kit::Random;
use whimbrel_sharding::Value;

/// A value and its literal.
#[derive(Debug, Clone)]
pub(crate) enum Literal {
    Null,
    Int(i64),
    UInt(u64),
    Text(Vec<u8>),
}

/// Characters of which one is two, or two are one, to some collation, and some that SQL cares for.
const CHARACTERS: [&str; 24] = [
    "a",
    "A",
    "z",
    "7",
    " ",
    "\t",
    "'",
    "\\",
    "\0",
    "é",
    "e\u{301}",
    "ß",
    "Ǆ",
    "ﬁ",
    "İ",
    "Й",
    "И\u{306}",
    "เก",
    "한",
    "\u{1112}\u{1161}",
    "日",
    "😀",
    "\u{334}",
    "\u{d7ff}",
];

/// The regions of [`crate::rows::REGIONS`], and one that is none of them.
const REGIONS: [&str; 4] = ["eu", "us", "", "moon"];

impl Literal {
    /// Any value, and half of the time a number that most kinds map.
    pub(crate) fn any(random: &mut Random) -> Self {
        match random.below(12) {
            0 => Self::Null,
            1 => Self::Text(Vec::new()),
            2 => Self::Text(bytes(random)),
            3 => Self::Text(one_of(random, &REGIONS).into()),
            4 => Self::Text(number_text(random).into()),
            5 | 6 => Self::Text(text(random).into()),
            7 => Self::UInt(integer(random)),
            8 => Self::Int(integer(random).cast_signed()),
            9 => Self::Int(-1 - i64::try_from(random.below(300)).unwrap()),
            _ => Self::UInt(random.below(400)),
        }
    }

    pub(crate) fn value(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Int(value) => Value::Int(*value),
            Self::UInt(value) => Value::UInt(*value),
            Self::Text(bytes) => Value::Text(bytes),
        }
    }

    /// As SQL has it: text in quotes, other bytes in digits.
    pub(crate) fn sql(&self) -> String {
        match self {
            Self::Null => "NULL".to_owned(),
            Self::Int(value) => value.to_string(),
            Self::UInt(value) => value.to_string(),
            Self::Text(bytes) => match str::from_utf8(bytes) {
                Ok(text) => {
                    let text = text.replace('\\', "\\\\").replace('\'', "\\'").replace('\0', "\\0");
                    format!("'{text}'")
                }
                Err(_) => {
                    let digits: Vec<String> = bytes.iter().map(|it| format!("{it:02x}")).collect();
                    format!("x'{}'", digits.concat())
                }
            },
        }
    }
}

fn one_of<'a>(random: &mut Random, texts: &[&'a str]) -> &'a str {
    texts[usize::try_from(random.below(texts.len() as u64)).unwrap()]
}

/// A number of any size, often beside a power of two.
fn integer(random: &mut Random) -> u64 {
    let power = 1_u64 << random.below(64);
    match random.below(4) {
        0 => power,
        1 => power - 1,
        2 => power.wrapping_neg(),
        _ => random.draw() >> random.below(64),
    }
}

/// The text of a number, or of what is none to Vitess.
fn number_text(random: &mut Random) -> String {
    let number = integer(random);
    let around = ["", "", " ", "\t ", "0", "-", "+", "\n", "1", ".0", "e1"];
    let (before, behind) = (one_of(random, &around), one_of(random, &around));
    format!("{before}{number}{behind}")
}

fn text(random: &mut Random) -> String {
    let length = random.below(12);
    let mut characters = (0..length).map(|_| match random.below(4) {
        0 => char::from_u32(u32::try_from(random.below(0x3_0000)).unwrap())
            .map_or_else(String::new, String::from),
        _ => one_of(random, &CHARACTERS).to_owned(),
    });
    characters.by_ref().collect()
}

/// Bytes that are no text.
fn bytes(random: &mut Random) -> Vec<u8> {
    let length = random.below(30);
    (0..length).map(|_| random.draw().to_le_bytes()[0]).chain([0xff]).collect()
}
